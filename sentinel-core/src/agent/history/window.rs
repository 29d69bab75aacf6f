//! What one model is sent of a history that may be too long for it.
//!
//! # Invariants
//! - It is what [`History::trim`] would leave, and the history stays as it is: a model that takes
//!   more is sent more.
//! - Nothing is copied as long as leaving out whole exchanges is enough.
//!
//! # Not here
//! How much the history itself may hold: [`History::limit`].

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{History, RATIO_AT_FIRST, Trimmed, bytes_of, tokens};
use crate::llm::{Block, Image, ImageSource, Message};

/// The messages that one model is sent.
///
/// ```
/// use sentinel_core::agent::History;
/// use sentinel_core::llm::{Message, Role};
///
/// let mut history = History::new(u64::MAX);
/// for text in ["What is the capital of France?", "Of Italy?"] {
///     history.push(Message::text(Role::User, text));
///     history.push(Message::text(Role::Assistant, "x".repeat(200)));
/// }
/// let small = history.window(90, 0);
/// assert_eq!((small.messages().count(), small.left_out().unwrap().messages_count), (2, 2));
/// assert_eq!(history.window(9000, 0).messages().count(), 4);
/// ```
#[derive(Clone, Debug)]
pub struct Window<'h> {
    messages: Vec<Cow<'h, Message>>,
    bytes: u64,
    ratio: u64,
    left_out: Option<Trimmed>,
}

impl History {
    /// What a model with room for so many tokens is sent, of which `overhead_tokens` are needed for
    /// what is sent beside it and for the answer.
    #[must_use]
    pub fn window(&self, tokens_max: u64, overhead_tokens: u64) -> Window<'_> {
        let room = tokens_max.saturating_sub(overhead_tokens);
        let (messages_count, mut bytes) = self.start_within(room);
        let messages = match self.tokens(bytes) <= room {
            true => {
                let rest = self.entries.range(messages_count..);
                rest.map(|entry| Cow::Borrowed(&entry.message)).collect()
            }
            false => {
                let entries = self.entries.range(messages_count..).cloned().collect();
                let mut rest = Self { entries, bytes, ..Self::new(u64::MAX) };
                rest.ratio = self.ratio;
                rest.shorten_to(room);
                bytes = rest.bytes;
                rest.entries.into_iter().map(|entry| Cow::Owned(entry.message)).collect()
            }
        };
        let tokens = self.tokens(bytes);
        let left_out = self.estimate() - tokens.min(self.estimate());
        let left_out = (left_out > 0).then_some(Trimmed { messages_count, tokens: left_out });
        Window { messages, bytes, ratio: self.ratio, left_out }
    }
}

impl<'h> Window<'h> {
    /// These messages and no others, of no conversation.
    pub(in super::super) fn of(messages: &'h [Message]) -> Self {
        let bytes = messages.iter().flat_map(|message| &message.blocks).map(bytes_of).sum();
        let messages = messages.iter().map(Cow::Borrowed).collect();
        Self { messages, bytes, ratio: RATIO_AT_FIRST, left_out: None }
    }
}

impl Window<'_> {
    /// The messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().map(Cow::as_ref)
    }

    /// With so many pictures at most, of so many bytes together, the newest first. What is told of
    /// the others stays.
    #[must_use]
    pub fn with_pictures(mut self, mut count_max: usize, mut bytes_max: u64) -> Self {
        for message in self.messages.iter_mut().rev() {
            let mut dropped: Vec<usize> = Vec::new();
            for (place, block) in message.blocks.iter().enumerate().rev() {
                let Block::Image(Image { source: ImageSource::Held { image, .. }, .. }) = block
                else {
                    continue;
                };
                match count_max > 0 && image.bytes_count <= bytes_max {
                    true => {
                        count_max -= 1;
                        bytes_max -= image.bytes_count;
                    }
                    false => {
                        self.bytes -= bytes_of(block);
                        dropped.push(place);
                    }
                }
            }
            if !dropped.is_empty() {
                let mut places = 0..;
                let is_kept = |_: &Block| places.next().is_some_and(|it| !dropped.contains(&it));
                message.to_mut().blocks.retain(is_kept);
            }
        }
        self
    }

    /// About how many tokens they are.
    #[must_use]
    pub const fn estimate(&self) -> u64 {
        tokens(self.bytes, self.ratio)
    }

    /// How many bytes they are.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What there is besides.
    #[must_use]
    pub const fn left_out(&self) -> Option<Trimmed> {
        self.left_out
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A window is what trimming would leave, so it is a conversation, too.
    pub(in super::super) fn is_as_if_trimmed(history: &History, tokens_max: u64) {
        let window = history.window(tokens_max, 7);
        let mut trimmed = history.clone();
        trimmed.limit(tokens_max);
        assert_eq!(trimmed.trim(7), window.left_out());
        assert!(trimmed.messages().eq(window.messages()));
        assert_eq!((trimmed.bytes, trimmed.estimate()), (window.bytes(), window.estimate()));
        assert_eq!(trimmed.validity(), Ok(()));
    }
}
