//! A streamed answer: from its bytes to its steps, and to the reply, in both dialects.

use std::hint::black_box;

use sentinel_core::llm::{Assembler, Delta, Dialect, OpenAiProfile};

use crate::corpus;
use crate::counting::allocations;
use crate::race::{Contender, median, race, title};

/// What a token may cost, in nanoseconds, with room left for the journal.
const NANOSECONDS_MAX: f64 = 1000.0;

/// The cost of a token, and whether it grows with the answer.
pub(crate) fn tokens(filter: &str) -> bool {
    if !title(filter, "Model stream to steps, a token") {
        return true;
    }
    let mut is_reached = true;
    for (label, dialect, stream) in [
        ("OpenAI dialect", Dialect::OpenAi(OpenAiProfile::OPENAI), openai as fn(usize) -> String),
        ("Anthropic dialect", Dialect::Anthropic, anthropic),
    ] {
        let (short, long) = (stream(4_000), stream(8_000));
        let bytes = short.as_bytes();
        let run = |name, size: usize, is_assembled| -> Contender<'_> {
            (name, Box::new(move || decode(dialect, bytes, size, is_assembled)))
        };
        let mut contenders = vec![
            run("steps, whole", bytes.len(), false),
            run("steps, 1400-byte pieces", 1_400, false),
            run("steps and reply", bytes.len(), true),
        ];
        println!("  {label}, {} bytes a token", bytes.len() / 4_000);
        let seconds = race(&mut contenders);
        for ((name, _), seconds) in contenders.iter().zip(seconds) {
            let nanoseconds = median(seconds) / 4_000.0 * 1e9;
            let word = if nanoseconds <= NANOSECONDS_MAX { "met" } else { "MISSED" };
            println!("    {name:<28} {nanoseconds:>6.0} ns   goal {NANOSECONDS_MAX} ns: {word}");
            is_reached &= nanoseconds <= NANOSECONDS_MAX;
        }
        let count = |stream: &str| {
            let stream = stream.as_bytes();
            allocations(|| {
                black_box(decode(dialect, stream, stream.len(), false));
            })
        };
        let (first, both) = (count(&short), count(&long));
        let each = (both - first) as f64 / 4_000.0;
        println!("    {each:.2} allocations a token, all given back with it");
    }
    is_reached
}

/// Counts the steps, after looking at each.
fn decode(dialect: Dialect, stream: &[u8], size: usize, is_assembled: bool) -> usize {
    let mut decoder = dialect.decoder(0);
    let mut answer = Assembler::new();
    let mut count = 0;
    for mut piece in stream.chunks(size) {
        while let Some(delta) = decoder.next(&mut piece).unwrap() {
            if is_assembled {
                answer.add(delta).unwrap();
            }
            count += usize::from(matches!(black_box(delta), Delta::Text(_)));
        }
    }
    decoder.end().unwrap();
    count
}

fn openai(tokens: usize) -> String {
    let stream = corpus::token_stream(tokens);
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]";
    stream.replace("data: [DONE]", end)
}

fn anthropic(tokens: usize) -> String {
    let stream = corpus::named_stream(tokens);
    let start = "data: {\"type\":\"message_start\",\"message\":{}}\n\n\
                 data: {\"type\":\"content_block_start\",\"index\":0,\
                 \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let end = "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
               data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n\
               event: message_stop";
    format!("{start}{}", stream.replace("event: message_stop", end))
}
