//! Anthropic's dialect: any split gives the same answer, and no part of a stream is one.
#![no_main]

mod answers;
mod shared;

use libfuzzer_sys::fuzz_target;
use sentinel_core::llm::Dialect;

use answers::{as_body, end_of, read};
use shared::pieces;

fuzz_target!(|input: (u16, &[u8], &[u8])| {
    let (number, cuts, stream) = input;
    let dialect = Dialect::Anthropic;
    let whole = read(dialect, [stream]);
    assert_eq!(whole, read(dialect, pieces(stream, cuts)));
    if whole.end.is_ok() {
        let end = end_of(dialect, stream).expect("an answer has an end");
        let part = &stream[..usize::from(number) % end];
        assert!(read(dialect, [part]).end.is_err(), "a part is no answer");
    }
    as_body(dialect, number, stream);
});
