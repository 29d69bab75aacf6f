//! An answer put together from its steps.
//!
//! # Invariants
//! - A [`Reply`] exists only for an answer that its provider ended: making one takes an [`Ended`],
//!   which only a decoder gives out, and only after the end. What came of an answer that was cut is
//!   an [`Interrupted`] and cannot be mistaken for the whole.
//! - Text, blocks, calls, names and arguments are bounded, each by a limit that the error names.
//! - The ids of the calls of a reply are distinct. In one that waits for its tools, a call without
//!   arguments has `{}`; in one that a limit ended, arguments stay as they came, so that a call
//!   that was cut before its first argument does not look like one that has none.
//!
//! # Not here
//! Whether arguments are an object and fit their tool: that is for the one who acts on them.

use alloc::string::String;
use alloc::vec::Vec;

use super::arguments;
use super::delta::Delta;
use super::error::{Malformed, ModelError, ModelErrorKind, ReplyBound};
use super::message::{Block, Message, Role, StopReason, ToolUse, Usage};

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What was said, by the assistant. Where a limit stopped it, the arguments of its last call
    /// may be cut.
    pub message: Message,
    /// What it cost.
    pub usage: Usage,
    /// Why the model stopped.
    pub stop: StopReason,
}

/// What came of an answer that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// What was said until then. Its last block, and the arguments of its last call, may be cut.
    pub message: Message,
    /// What was known of the cost.
    pub usage: Usage,
    /// Whether that is the cost of all of it: the provider had come to an end, and counted. Before
    /// that some tell what they have read, and nothing of what they write.
    pub is_counted: bool,
    /// What happened.
    pub error: ModelError,
}

/// Shows that a provider ended its answer. Only a decoder that saw the end makes one.
#[derive(Debug)]
pub struct Ended(());

impl Ended {
    pub(super) const fn seen() -> Self {
        Self(())
    }
}

/// Collects the steps of an answer.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    blocks: Vec<Block>,
    /// Where in `blocks` each tool call is.
    calls: Vec<usize>,
    /// The last block is text or thinking that goes on.
    is_open: bool,
    usage: Usage,
    stop: Option<StopReason>,
    text_bytes: usize,
    argument_bytes: usize,
    error: Option<ModelErrorKind>,
}

impl Assembler {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next step. After an error every further step gives the same error.
    pub fn add(&mut self, delta: Delta<'_>) -> Result<(), ModelError> {
        if self.error.is_none() {
            self.error = self.step(delta).err();
        }
        self.error.map_or(Ok(()), |kind| Err(ModelError::new(kind)))
    }

    /// The complete answer, if there is one: the steps were all taken, and the model said why it
    /// stopped.
    pub fn complete(self, _: Ended) -> Result<Reply, Interrupted> {
        match (self.error, self.stop) {
            (Some(kind), _) => Err(self.interrupted(ModelError::new(kind))),
            (None, None) => {
                let kind = ModelErrorKind::Malformed(Malformed::Order);
                Err(self.interrupted(ModelError::new(kind)))
            }
            (None, Some(stop)) => {
                // Some providers say that the model has ended where it waits for its tools.
                let waits = stop == StopReason::End && !self.calls.is_empty();
                let stop = if waits { StopReason::ToolUse } else { stop };
                let usage = self.usage;
                let mut message = self.message();
                if stop == StopReason::ToolUse {
                    fill_arguments(&mut message.blocks);
                }
                Ok(Reply { message, usage, stop })
            }
        }
    }

    /// What came until `error` happened.
    #[must_use]
    pub fn interrupted(self, error: ModelError) -> Interrupted {
        let usage = self.usage;
        let is_counted = self.stop.is_some() && usage.output_tokens > 0;
        Interrupted { message: self.message(), usage, is_counted, error }
    }

    /// What it has cost so far, as far as the provider said.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// The blocks so far.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    fn step(&mut self, delta: Delta<'_>) -> Result<(), ModelErrorKind> {
        match delta {
            Delta::Text(piece) => {
                self.count_text(piece)?;
                match self.blocks.last_mut().filter(|_| self.is_open) {
                    Some(Block::Text(text)) => text.push_str(piece),
                    _ => self.open(Block::Text(piece.into()))?,
                }
            }
            Delta::Thinking(piece) => {
                self.count_text(piece)?;
                match self.blocks.last_mut().filter(|_| self.is_open) {
                    Some(Block::Thinking { text, signature }) if signature.is_empty() => {
                        text.push_str(piece);
                    }
                    _ => {
                        self.open(Block::Thinking {
                            text: piece.into(),
                            signature: String::new(),
                        })?;
                    }
                }
            }
            Delta::Signature(piece) => {
                self.count_text(piece)?;
                match self.blocks.last_mut().filter(|_| self.is_open) {
                    Some(Block::Thinking { signature, .. }) => signature.push_str(piece),
                    _ => {
                        self.open(Block::Thinking {
                            text: String::new(),
                            signature: piece.into(),
                        })?;
                    }
                }
            }
            Delta::SealedThinking(sealed) => {
                self.count_text(sealed)?;
                self.open(Block::SealedThinking(sealed.into()))?;
                self.is_open = false;
            }
            Delta::ToolStart { index, id, name } => {
                if index as usize != self.calls.len() {
                    return Err(ModelErrorKind::Malformed(Malformed::Order));
                }
                // Calls are bounded where their ids are given out.
                self.calls.push(self.blocks.len());
                self.blocks.push(Block::ToolUse(ToolUse {
                    id: id.into(),
                    name: name.into(),
                    arguments: String::new(),
                }));
                self.is_open = false;
            }
            Delta::ToolArguments { index, piece } => {
                self.argument_bytes = self.argument_bytes.saturating_add(piece.len());
                if self.argument_bytes > ReplyBound::ArgumentBytes.limit() {
                    return Err(ModelErrorKind::TooLarge(ReplyBound::ArgumentBytes));
                }
                let block = self.calls.get(index as usize).copied();
                match block.and_then(|block| self.blocks.get_mut(block)) {
                    Some(Block::ToolUse(call)) => call.arguments.push_str(piece),
                    _ => return Err(ModelErrorKind::Malformed(Malformed::Order)),
                }
            }
            Delta::BlockEnd => self.is_open = false,
            Delta::Usage(usage) => self.usage = usage,
            Delta::Stop(stop) => self.stop = Some(stop),
        }
        Ok(())
    }

    fn count_text(&mut self, piece: &str) -> Result<(), ModelErrorKind> {
        self.text_bytes = self.text_bytes.saturating_add(piece.len());
        if self.text_bytes > ReplyBound::TextBytes.limit() {
            return Err(ModelErrorKind::TooLarge(ReplyBound::TextBytes));
        }
        Ok(())
    }

    fn open(&mut self, block: Block) -> Result<(), ModelErrorKind> {
        if self.blocks.len() - self.calls.len() >= ReplyBound::Blocks.limit() {
            return Err(ModelErrorKind::TooLarge(ReplyBound::Blocks));
        }
        self.blocks.push(block);
        self.is_open = true;
        Ok(())
    }

    fn message(self) -> Message {
        Message { role: Role::Assistant, blocks: self.blocks }
    }
}

/// Gives the calls without arguments the object that says so.
fn fill_arguments(blocks: &mut [Block]) {
    for block in blocks {
        if let Block::ToolUse(call) = block
            && arguments::is_nothing(&call.arguments)
        {
            call.arguments = "{}".into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(deltas: &[Delta<'_>]) -> Result<Reply, Interrupted> {
        let mut assembler = Assembler::new();
        for &delta in deltas {
            let _ = assembler.add(delta);
        }
        assembler.complete(Ended::seen())
    }

    #[test]
    fn steps_become_blocks() {
        let whole = reply(&[
            Delta::Thinking("a"),
            Delta::Thinking("b"),
            Delta::Signature("s"),
            Delta::BlockEnd,
            Delta::Signature("t"),
            Delta::BlockEnd,
            Delta::SealedThinking("sealed"),
            Delta::Text("c"),
            Delta::Text("d"),
            Delta::BlockEnd,
            Delta::Text("e"),
            Delta::ToolStart { index: 0, id: "1", name: "f" },
            Delta::ToolStart { index: 1, id: "2", name: "g" },
            Delta::ToolArguments { index: 0, piece: "{" },
            Delta::ToolArguments { index: 1, piece: "null" },
            Delta::ToolArguments { index: 0, piece: "}" },
            Delta::Stop(StopReason::ToolUse),
        ])
        .unwrap();
        let thinking = |text: &str, signature: &str| Block::Thinking {
            text: text.into(),
            signature: signature.into(),
        };
        let call = |id: &str, name: &str| {
            Block::ToolUse(ToolUse { id: id.into(), name: name.into(), arguments: "{}".into() })
        };
        assert_eq!(
            whole.message.blocks,
            [
                thinking("ab", "s"),
                thinking("", "t"),
                Block::SealedThinking("sealed".into()),
                Block::Text("cd".into()),
                Block::Text("e".into()),
                call("1", "f"),
                call("2", "g"),
            ]
        );
    }

    /// A call that a limit cut before its arguments began must not look like one without any.
    #[test]
    fn a_call_that_a_limit_cut_is_not_filled_in() {
        let start = Delta::ToolStart { index: 0, id: "1", name: "delete" };
        for (stop, stopped, arguments) in [
            (StopReason::TokensMax, StopReason::TokensMax, ""),
            (StopReason::Other, StopReason::Other, ""),
            (StopReason::End, StopReason::ToolUse, "{}"),
            (StopReason::ToolUse, StopReason::ToolUse, "{}"),
        ] {
            let whole = reply(&[start, Delta::Stop(stop)]).unwrap();
            assert_eq!(whole.stop, stopped);
            assert!(matches!(
                &whole.message.blocks[..],
                [Block::ToolUse(call)] if call.arguments == arguments
            ));
        }
        let cut = reply(&[start]).unwrap_err();
        assert!(matches!(
            &cut.message.blocks[..],
            [Block::ToolUse(call)] if call.arguments.is_empty()
        ));
    }

    #[test]
    fn an_answer_without_a_reason_to_stop_is_not_whole() {
        let cut = reply(&[Delta::Text("a")]).unwrap_err();
        assert_eq!(cut.error.kind, ModelErrorKind::Malformed(Malformed::Order));
        assert_eq!(cut.message.blocks, [Block::Text("a".into())]);
    }

    #[test]
    fn each_bound_is_hit_and_named() {
        let piece = "x".repeat(1 << 16);
        hits(ReplyBound::TextBytes, |_| Delta::Text(&piece));
        hits(ReplyBound::TextBytes, |_| Delta::Thinking(&piece));
        hits(ReplyBound::TextBytes, |_| Delta::Signature(&piece));
        hits(ReplyBound::Blocks, |_| Delta::SealedThinking("x"));
        hits(ReplyBound::Blocks, |at| match at % 2 {
            0 => Delta::Text("x"),
            _ => Delta::BlockEnd,
        });
        hits(ReplyBound::ArgumentBytes, |at| match at {
            0 => Delta::ToolStart { index: 0, id: "1", name: "f" },
            _ => Delta::ToolArguments { index: 0, piece: &piece },
        });
    }

    /// Takes steps until the bound is hit.
    fn hits<'d>(bound: ReplyBound, deltas: impl Fn(usize) -> Delta<'d>) {
        let mut assembler = Assembler::new();
        let error = (0..10_000).find_map(|at| assembler.add(deltas(at)).err()).unwrap();
        assert_eq!(error.kind, ModelErrorKind::TooLarge(bound));
        // Once given up, always given up.
        assert!(assembler.add(Delta::Stop(StopReason::End)).is_err());
        assert!(assembler.complete(Ended::seen()).is_err());
    }

    #[test]
    fn arguments_without_their_call_are_refused() {
        let stray = [Delta::ToolArguments { index: 0, piece: "{}" }, Delta::Stop(StopReason::End)];
        assert!(reply(&stray).is_err());
        let skipped = Delta::ToolStart { index: 1, id: "1", name: "f" };
        assert!(reply(&[skipped, Delta::Stop(StopReason::End)]).is_err());
    }
}
