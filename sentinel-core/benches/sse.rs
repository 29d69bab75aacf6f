//! Event streams: a model's tokens, as two dialects send them.

use std::hint::black_box;

use sentinel_core::text::sse::Decoder;

use crate::corpus;
use crate::counting::allocations;
use crate::race::{Contender, Goal, rows, title};

/// From the bytes of a stream to its events, in pieces of several sizes.
pub(crate) fn streaming(filter: &str) -> bool {
    if !title(filter, "SSE stream to events") {
        return true;
    }
    let streams = [
        ("OpenAI dialect", corpus::token_stream(4000)),
        ("Anthropic dialect", corpus::named_stream(8000)),
    ];
    let mut is_reached = true;
    for (label, stream) in &streams {
        let stream = stream.as_bytes();
        let run = |size: usize| -> Contender<'_> {
            let name = match size {
                1_400 => "1400-byte pieces",
                16_384 => "16 KiB pieces",
                _ => "whole",
            };
            (name, Box::new(move || decode(stream, size)))
        };
        let bytes_per_event = stream.len() / decode(stream, stream.len());
        let label = format!("{label}, {bytes_per_event} bytes an event");
        let contenders = vec![run(stream.len()), run(16_384), run(1_400)];
        is_reached &= rows(&label, stream.len(), contenders, Some(Goal::Speed(1000.0)));
        let events = decode(stream, stream.len());
        let whole = allocations(|| assert_eq!(decode(stream, stream.len()), events));
        let pieces = allocations(|| assert_eq!(decode(stream, 1_400), events));
        println!("  {events} events: {whole} allocations whole, {pieces} in 1400-byte pieces");
        is_reached &= whole == 0;
    }
    is_reached
}

/// Counts the events, after looking at each.
fn decode(stream: &[u8], size: usize) -> usize {
    let mut decoder = Decoder::new();
    let mut count = 0;
    for mut piece in stream.chunks(size) {
        while let Some(event) = decoder.next(&mut piece).unwrap() {
            black_box(event);
            count += 1;
        }
    }
    count
}
