//! OpenAI's dialect: any split gives the same answer, and none before it said why it stops.
#![no_main]

mod answers;
mod shared;

use libfuzzer_sys::fuzz_target;
use sentinel_core::llm::{Dialect, OpenAiProfile};

use answers::{as_body, end_of, read};
use shared::pieces;

fuzz_target!(|input: (u16, &[u8], &[u8])| {
    let (number, cuts, stream) = input;
    let dialect = Dialect::OpenAi(OpenAiProfile::GENERIC);
    let whole = read(dialect, [stream]);
    assert_eq!(whole, read(dialect, pieces(stream, cuts)));
    let part = read(dialect, [&stream[..usize::from(number).min(stream.len())]]);
    assert!(whole.deltas.starts_with(&part.deltas), "a part says what the whole says");
    if part.end.is_ok() {
        assert!(part.deltas.iter().any(|delta| delta.starts_with("Stop")), "{:?}", part.deltas);
    }
    if let Some(end) = end_of(dialect, stream) {
        assert!(read(dialect, [&stream[..end]]).end.is_ok(), "what is done is an answer");
    }
    as_body(dialect, number, stream);
});
