//! Event streams: any split gives the same events, and bounds hold.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;
use sentinel_core::text::sse::{Decoder, Limits, SseErrorKind};

use shared::pieces;

type Events = Vec<(String, String, String)>;

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (bound, cuts, stream) = input;
    let limits =
        Limits { line_bytes: 16 + usize::from(bound), event_bytes: 8 + usize::from(bound) };
    let (whole, whole_end, whole_rest) = run(limits, stream, &[]);
    let (pieces, pieces_end, pieces_rest) = run(limits, stream, cuts);
    assert_eq!(whole, pieces);
    assert_eq!(whole_rest, pieces_rest);
    match (whole_end, pieces_end) {
        (Some((kind, offset)), Some(other)) => assert_eq!((kind, offset), other),
        (None, None) => {}
        (whole, pieces) => panic!("{whole:?} / {pieces:?}"),
    }
});

/// The events of a stream, the error that ended it, and whether it may end where it does.
fn run(limits: Limits, stream: &[u8], cuts: &[u8]) -> (Events, Option<(SseErrorKind, u64)>, bool) {
    let mut decoder = Decoder::with_limits(limits);
    let mut events = Vec::new();
    for mut piece in pieces(stream, cuts) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(event)) => {
                    assert!(!event.name.is_empty());
                    events.push((event.name.into(), event.data.into(), event.id.into()));
                }
                Ok(None) => break,
                Err(error) => return (events, Some((error.kind, error.offset)), false),
            }
        }
    }
    (events, None, decoder.is_between_events())
}
