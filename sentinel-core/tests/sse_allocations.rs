//! Events that lie in one piece cost no allocation.
//!
//! Goal: the hot path of a streamed answer stays off the heap. Method: a counting allocator under a
//! stream of many events, fed whole and in pieces.

mod counting;

use sentinel_core::text::sse::Decoder;

/// How many events a stream has, fed in pieces of `size` bytes.
fn count(stream: &[u8], size: usize) -> usize {
    let mut decoder = Decoder::new();
    let mut events = 0;
    for mut piece in stream.chunks(size) {
        while decoder.next(&mut piece).is_ok_and(|event| event.is_some()) {
            events += 1;
        }
    }
    events
}

#[test]
fn an_event_in_one_piece_costs_no_allocation() {
    let one = "id: 7\nevent: delta\ndata: {\"text\": \"a token, é\"}\n\n";
    let stream = one.repeat(10_000);
    let mut events = 0;
    let whole = counting::allocations(|| events = count(stream.as_bytes(), stream.len()));
    assert_eq!(events, 10_000);
    // The last event ID has a buffer of its own, twice: once it is there, it stays.
    assert!(whole <= 2, "{whole} allocations for 10000 events");
    // An event that crosses from one piece to the next is copied, into buffers that are kept.
    let pieces = counting::allocations(|| events = count(stream.as_bytes(), 64));
    assert_eq!(events, 10_000);
    assert!(pieces <= 16, "{pieces} allocations for 10000 events");
}
