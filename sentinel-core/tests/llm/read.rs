//! Reading a stream to its end, and writing what came of it in plain words.

use std::fmt::Write as _;

use sentinel_core::llm::{Assembler, Block, Delta, Dialect, Interrupted, Message, Reply};

/// All that a stream said.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The steps, each as it was given.
    pub(crate) deltas: Vec<String>,
    pub(crate) end: Result<Reply, Interrupted>,
}

/// Reads the answer with number 7 from a stream in pieces.
pub(crate) fn read<'p>(dialect: Dialect, pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let mut decoder = dialect.decoder(7);
    let mut answer = Assembler::new();
    let mut deltas = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(delta)) => {
                    deltas.push(format!("{delta:?}"));
                    assert!(!matches!(delta, Delta::Text("") | Delta::Thinking("")), "{delta:?}");
                    if let Err(error) = answer.add(delta) {
                        return Outcome { deltas, end: Err(answer.interrupted(error)) };
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    // Once given up, always given up.
                    assert_eq!(decoder.next(&mut &b"data: {}\n\n"[..]), Err(error.clone()));
                    assert_eq!(decoder.end().unwrap_err(), error);
                    assert!(!decoder.is_done());
                    return Outcome { deltas, end: Err(answer.interrupted(error)) };
                }
            }
        }
        assert!(piece.is_empty(), "everything is taken");
    }
    let is_done = decoder.is_done();
    let end = match decoder.end() {
        Ok(ended) => answer.complete(ended),
        Err(error) => Err(answer.interrupted(error)),
    };
    assert!(!is_done || end.is_ok(), "what is done is whole");
    Outcome { deltas, end }
}

/// What there was of an answer when it failed, and how it did.
pub(crate) fn render_cut(cut: &Interrupted) -> String {
    format!("{}failed {:?}\n", render_blocks(&cut.message), cut.error.kind)
}

/// A reply in plain words.
pub(crate) fn render(reply: &Reply) -> String {
    let mut out = render_blocks(&reply.message);
    let usage = reply.usage;
    writeln!(out, "stop {:?}", reply.stop).unwrap();
    writeln!(
        out,
        "usage {} {} {} {}",
        usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens
    )
    .unwrap();
    out
}

fn render_blocks(message: &Message) -> String {
    let mut out = String::new();
    for block in &message.blocks {
        match block {
            Block::Text(text) => writeln!(out, "text {text:?}"),
            Block::Thinking { text, signature } => writeln!(out, "thinking {text:?} {signature:?}"),
            Block::SealedThinking(data) => writeln!(out, "sealed {data:?}"),
            Block::ToolUse(call) => {
                writeln!(out, "call {} {} {}", call.id, call.name, call.arguments)
            }
            Block::Image(_) | Block::ToolResult(_) => panic!("a model sends no {block:?}"),
        }
        .unwrap();
    }
    out
}
