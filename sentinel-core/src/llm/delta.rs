//! What a stream says, step by step, whatever the dialect.
//!
//! One event of a stream may say several things, and its text is gone when the next bytes come. So
//! a decoder takes an event apart into a [`Queue`]: a list of small marks over one buffer, both of
//! which are kept and used again for the next event.
//!
//! # Invariants
//! - What is queued is bounded by the event it comes from, and gone before the next is read.

use alloc::string::String;
use alloc::vec::Vec;

use super::message::{StopReason, Usage};

/// A step of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta<'d> {
    /// More of the text.
    Text(&'d str),
    /// More of the thinking.
    Thinking(&'d str),
    /// The proof of the thinking before it, or, where there was none, of the tool call after it.
    Signature(&'d str),
    /// A whole block of thinking that the provider sealed.
    SealedThinking(&'d str),
    /// A tool call begins.
    ToolStart {
        /// Which call of this answer, counted from 0 in the order in which they begin.
        index: u32,
        /// Its name in the conversation, unlike that of any other call of this answer.
        id: &'d str,
        /// The tool.
        name: &'d str,
    },
    /// More of the arguments of a call.
    ToolArguments {
        /// Which call.
        index: u32,
        /// The next piece of the text.
        piece: &'d str,
    },
    /// A block of text or thinking ended: what follows is another one, even of the same kind.
    BlockEnd,
    /// What the answer has cost so far; replaces what was said before.
    Usage(Usage),
    /// Why the model stopped; the last one counts. The answer is complete only when the decoder
    /// says so.
    Stop(StopReason),
}

/// The steps of one event, waiting to be asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// The texts of all steps, one after the other.
    text: String,
    steps: Vec<Step>,
    next: usize,
}

/// A step, its texts by where they end in the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    kind: Kind,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Thinking,
    Signature,
    SealedThinking,
    ToolStart { index: u32, name_start: usize },
    ToolArguments { index: u32 },
    BlockEnd,
    Usage(Usage),
    Stop(StopReason),
}

impl Queue {
    pub(super) fn push(&mut self, delta: Delta<'_>) {
        let start = self.text.len();
        let kind = match delta {
            // A step that says nothing is no step.
            Delta::Text("")
            | Delta::Thinking("")
            | Delta::Signature("")
            | Delta::ToolArguments { piece: "", .. } => return,
            Delta::Text(text) => self.kind_of(Kind::Text, text),
            Delta::Thinking(text) => self.kind_of(Kind::Thinking, text),
            Delta::Signature(text) => self.kind_of(Kind::Signature, text),
            Delta::SealedThinking(text) => self.kind_of(Kind::SealedThinking, text),
            Delta::ToolStart { index, id, name } => {
                self.text.push_str(id);
                let name_start = self.text.len();
                self.kind_of(Kind::ToolStart { index, name_start }, name)
            }
            Delta::ToolArguments { index, piece } => {
                self.kind_of(Kind::ToolArguments { index }, piece)
            }
            Delta::BlockEnd => Kind::BlockEnd,
            Delta::Usage(usage) => Kind::Usage(usage),
            Delta::Stop(reason) => Kind::Stop(reason),
        };
        self.steps.push(Step { kind, start, end: self.text.len() });
    }

    fn kind_of(&mut self, kind: Kind, text: &str) -> Kind {
        self.text.push_str(text);
        kind
    }

    /// The next step, to be [told](Self::tell). When there is none, the buffers are free again.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Step> {
        let step = self.steps.get(self.next).copied();
        match step {
            Some(_) => self.next += 1,
            None => self.clear(),
        }
        step
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.steps.len()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.steps.clear();
        self.next = 0;
    }

    /// What a step says.
    #[inline]
    pub(super) fn tell(&self, step: Step) -> Delta<'_> {
        let piece = |start, end| self.text.get(start..end).unwrap_or_default();
        let text = piece(step.start, step.end);
        match step.kind {
            Kind::Text => Delta::Text(text),
            Kind::Thinking => Delta::Thinking(text),
            Kind::Signature => Delta::Signature(text),
            Kind::SealedThinking => Delta::SealedThinking(text),
            Kind::ToolStart { index, name_start } => Delta::ToolStart {
                index,
                id: piece(step.start, name_start),
                name: piece(name_start, step.end),
            },
            Kind::ToolArguments { index } => Delta::ToolArguments { index, piece: text },
            Kind::BlockEnd => Delta::BlockEnd,
            Kind::Usage(usage) => Delta::Usage(usage),
            Kind::Stop(reason) => Delta::Stop(reason),
        }
    }
}
