//! What the targets of the model dialects share.

use std::collections::BTreeSet;

use sentinel_core::limits;
use sentinel_core::llm::{Assembler, Block, Dialect, Interrupted, Reply, StopReason};
use sentinel_core::time::Timestamp;
use sentinel_core::wire::http::Headers;

/// All that a stream said.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub deltas: Vec<String>,
    pub end: Result<Reply, Interrupted>,
}

/// Reads a stream in pieces.
pub fn read<'p>(dialect: Dialect, pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let mut decoder = dialect.decoder(1);
    let mut answer = Assembler::new();
    let mut deltas = Vec::new();
    for mut piece in pieces {
        loop {
            let error = match decoder.next(&mut piece) {
                Ok(Some(delta)) => {
                    deltas.push(format!("{delta:?}"));
                    answer.add(delta).err()
                }
                Ok(None) => break,
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                return Outcome { deltas, end: Err(answer.interrupted(error)) };
            }
        }
    }
    let end = match decoder.end() {
        Ok(ended) => answer.complete(ended),
        Err(error) => Err(answer.interrupted(error)),
    };
    if let Ok(reply) = &end {
        check(reply);
    }
    Outcome { deltas, end }
}

/// After how many bytes the decoder says that nothing more comes.
pub fn end_of(dialect: Dialect, stream: &[u8]) -> Option<usize> {
    let mut decoder = dialect.decoder(1);
    (1..=stream.len()).find(|&end| {
        let mut byte = &stream[end - 1..end];
        while let Ok(Some(_)) = decoder.next(&mut byte) {}
        decoder.is_done()
    })
}

/// The same bytes as a whole answer, and as an error: values too, and nothing else.
pub fn as_body(dialect: Dialect, status: u16, body: &[u8]) {
    if let Ok(reply) = dialect.whole(1, body) {
        check(&reply);
    }
    let error = dialect.error(status, &Headers::new(), body, Timestamp(0));
    assert_eq!(error.status, Some(status));
    assert!(error.said().len() <= limits::MODEL_ERROR_TEXT_BYTES_MAX);
    assert!(!error.said().contains(char::is_control));
    assert!(error.retry_after.is_none_or(|wait| wait <= limits::MODEL_RETRY_AFTER_MAX));
}

/// What holds of every reply.
fn check(reply: &Reply) {
    let mut ids = BTreeSet::new();
    for block in &reply.message.blocks {
        match block {
            Block::ToolUse(call) => {
                assert!(ids.insert(&call.id), "two calls have the id {}", call.id);
                assert!(!call.id.is_empty() && !call.name.is_empty());
                let is_waiting = reply.stop == StopReason::ToolUse;
                assert!(!is_waiting || !call.arguments.trim().is_empty());
            }
            Block::Image(_) | Block::ToolResult(_) => panic!("a model sends no {block:?}"),
            Block::Text(_) | Block::Thinking { .. } | Block::SealedThinking(_) => {}
        }
    }
    assert!(ids.len() <= limits::MODEL_REPLY_TOOL_CALLS_MAX);
}
