//! What a token costs in memory does not depend on how many came before it.
//!
//! Goal: an answer of any length, in a conversation of any length, is decoded within the memory of
//! one event. Method: a counting allocator under streams of several lengths, in either dialect.
#![cfg(feature = "llm")]

mod counting;

use sentinel_core::llm::{Dialect, OpenAiProfile};

/// Allocations while `events` events are decoded, after as many to warm up.
fn allocations(dialect: Dialect, start: &str, event: &str, events: usize) -> usize {
    let stream = event.repeat(events);
    let mut decoder = dialect.decoder(0);
    let mut decode = |stream: &str| {
        let mut input = stream.as_bytes();
        let mut steps = 0;
        while decoder.next(&mut input).is_ok_and(|delta| delta.is_some()) {
            steps += 1;
        }
        steps
    };
    decode(start);
    assert_eq!(decode(&stream), events);
    counting::allocations(|| assert_eq!(decode(&stream), events))
}

#[test]
fn each_token_costs_the_same() {
    let anthropic = concat!(
        "data: {\"type\":\"message_start\",\"message\":{}}\n\ndata: {\"type\":",
        "\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n"
    );
    let text = concat!(
        "data: {\"type\":\"content_block_delta\",\"index\":0,",
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"a token\"}}\n\n"
    );
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a \\n\"}}]}\n\n";
    let openai = Dialect::OpenAi(OpenAiProfile::GENERIC);
    for (dialect, start, event) in [(Dialect::Anthropic, anthropic, text), (openai, "", chunk)] {
        let one = allocations(dialect, start, event, 1);
        for events in [10, 1000, 20_000] {
            assert_eq!(allocations(dialect, start, event, events), one * events, "{dialect:?}");
        }
        assert!(one <= 8, "{one} allocations for one token");
    }
}
