//! What a model is shown of a conversation, and how it stays within its context.
//!
//! # Invariants
//! - It is always a conversation that a provider accepts: it begins with a user's message, every
//!   message says something, every call of a tool has its one result right after it, and no
//!   result lacks its call. Only at its end calls may wait for their results.
//! - What is newest is dropped last: the last message of a person and all that follows stays, if
//!   only in part.
//!
//! - What one model is too small for is left out for that model alone: a [window](Window) takes
//!   nothing away.
//!
//! # Not here
//! What was dropped: it stays in the journal.

mod window;

pub use self::window::Window;

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::fault::{Fault, is_broken};
use crate::llm::{Block, Image, ImageSource, Message, Role, ToolResult, ToolUse, Usage};

/// The messages of a conversation.
///
/// ```
/// use sentinel_core::agent::History;
/// use sentinel_core::llm::{Message, Role};
///
/// let mut history = History::new(90);
/// history.push(Message::text(Role::User, "What is the capital of France?"));
/// history.push(Message::text(Role::Assistant, "Paris."));
/// history.push(Message::text(Role::User, "x".repeat(200)));
/// let trimmed = history.trim(0).unwrap();
/// assert_eq!((trimmed.messages_count, history.len()), (2, 1));
/// ```
#[derive(Clone, Debug)]
pub struct History {
    entries: VecDeque<Entry>,
    bytes: u64,
    tokens_max: u64,
    /// Tokens in 1,024 bytes, as far as is known.
    ratio: u64,
    /// The bytes of the request that is being answered.
    sent_bytes: Option<u64>,
}

#[derive(Clone, Debug)]
struct Entry {
    message: Message,
    bytes: u64,
}

/// What was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// How many messages.
    pub messages_count: usize,
    /// About how many tokens, with what was shortened.
    pub tokens: u64,
}

/// Why messages are no conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// The first message is the assistant's.
    Start,
    /// A result answers no call of the message before it, or one is answered twice.
    Result,
    /// A call has no result, and the conversation goes on.
    Call,
    /// Two calls of one message have one id.
    Twice,
}

impl History {
    /// An empty history that may hold so many tokens.
    #[must_use]
    pub const fn new(tokens_max: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            tokens_max,
            ratio: RATIO_AT_FIRST,
            sent_bytes: None,
        }
    }

    /// A history that was kept: messages that were one before, and what was learnt about tokens.
    pub(super) fn of(messages: Vec<Message>, ratio: u64) -> Self {
        let mut history = Self::new(u64::MAX);
        history.ratio = ratio.clamp(RATIO_MIN, RATIO_MAX);
        for message in messages {
            history.append(message);
        }
        history
    }

    pub(super) const fn ratio(&self) -> u64 {
        self.ratio
    }

    /// It may hold so many tokens from now on.
    pub fn limit(&mut self, tokens_max: u64) {
        self.tokens_max = tokens_max;
    }

    /// Adds a message, made fit: calls that wait are answered as lost before anything but their
    /// results follows; results without a call, calls with an id that is taken, and messages of
    /// the assistant that say nothing or come first are left out. A user's that says nothing is
    /// said to be empty.
    pub fn push(&mut self, mut message: Message) {
        match message.role {
            Role::Assistant => {
                if !is_broken(Fault::LostResult) {
                    self.answer_open_calls(lost);
                }
                let mut ids: Vec<String> = Vec::new();
                message.blocks.retain(|block| match block {
                    Block::ToolUse(call) if ids.contains(&call.id) => false,
                    Block::ToolUse(call) => {
                        ids.push(call.id.clone());
                        true
                    }
                    Block::ToolResult(_) => false,
                    _ => true,
                });
                let says = |block: &Block| says(block) && !matches!(block, Block::Image(_));
                if self.entries.is_empty() || !message.blocks.iter().any(says) {
                    return;
                }
            }
            Role::User => {
                let open: Vec<String> =
                    self.open_calls().iter().map(|call| call.id.clone()).collect();
                let mut answered: Vec<String> = Vec::new();
                message.blocks.retain(|block| match block {
                    Block::ToolResult(result) => {
                        let is_meant = open.contains(&result.id) && !answered.contains(&result.id);
                        answered.push(result.id.clone());
                        is_meant
                    }
                    Block::ToolUse(_) => false,
                    _ => true,
                });
                let missing = open.into_iter().filter(|id| !answered.contains(id));
                let missing: Vec<Block> =
                    missing.map(|id| Block::ToolResult(lost_result(id))).collect();
                if !is_broken(Fault::LostResult) {
                    message.blocks.splice(0..0, missing);
                }
                if message.blocks.is_empty() {
                    return;
                }
            }
        }
        self.append(message);
    }

    /// The messages, in order.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.entries.iter().map(|entry| &entry.message)
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// About how many tokens it holds.
    #[must_use]
    pub const fn estimate(&self) -> u64 {
        self.tokens(self.bytes)
    }

    /// About how many tokens so many bytes are.
    #[must_use]
    pub const fn tokens(&self, bytes: u64) -> u64 {
        tokens(bytes, self.ratio)
    }

    /// So many bytes are sent, of the history and beside it.
    pub fn sent(&mut self, bytes: u64) {
        self.sent_bytes = Some(bytes);
    }

    /// What was sent was counted by the provider: the estimate learns from it, slowly, and only
    /// from what can be true.
    pub fn correct(&mut self, usage: &Usage) {
        let Some(bytes) = self.sent_bytes.take() else { return };
        let tokens = usage.read_tokens();
        if bytes < CORRECTION_BYTES_MIN || tokens == 0 {
            return;
        }
        let ratio = tokens.saturating_mul(1024) / bytes;
        if (RATIO_MIN..=RATIO_MAX).contains(&ratio) {
            self.ratio = (self.ratio * 3 + ratio).div_ceil(4);
        }
    }

    /// Makes room, for good: `overhead_tokens` are needed for what is sent beside it and for the
    /// answer. Drops whole exchanges, the oldest first; then shortens what tools gave back, and
    /// then texts, in what is left.
    pub fn trim(&mut self, overhead_tokens: u64) -> Option<Trimmed> {
        let room = self.tokens_max.saturating_sub(overhead_tokens);
        let before = self.estimate();
        let (messages_count, bytes) = self.start_within(room);
        self.entries.drain(..messages_count);
        self.bytes = bytes;
        self.shorten_to(room);
        let tokens = before - self.estimate().min(before);
        (tokens > 0).then_some(Trimmed { messages_count, tokens })
    }

    /// The calls at the end that have no result yet.
    #[must_use]
    pub fn open_calls(&self) -> Vec<&ToolUse> {
        match self.entries.back() {
            Some(Entry { message, .. }) if message.role == Role::Assistant => {
                calls(message).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Answers the calls at the end that have no result yet.
    pub fn answer_open_calls(&mut self, with: impl FnMut(&ToolUse) -> ToolResult) {
        let results: Vec<Block> =
            self.open_calls().into_iter().map(with).map(Block::ToolResult).collect();
        if !results.is_empty() {
            self.append(Message { role: Role::User, blocks: results });
        }
    }

    /// Forgets what models thought.
    pub(super) fn forget_thinking(&mut self) {
        for entry in &mut self.entries {
            entry.message.blocks.retain(|block| {
                let thinks = matches!(block, Block::Thinking { .. } | Block::SealedThinking(_));
                if thinks {
                    entry.bytes -= bytes_of(block);
                    self.bytes -= bytes_of(block);
                }
                !thinks
            });
        }
    }

    /// A picture is not there any more, and neither is anything else in its place. Says whether
    /// there was one.
    pub(super) fn forget_picture(&mut self, digest: &[u8; 32]) -> bool {
        let mut found = false;
        for entry in &mut self.entries {
            for block in &mut entry.message.blocks {
                if is_picture(block, digest) {
                    let before = bytes_of(block);
                    *block = Block::Text("[the picture is not there any more]".into());
                    let saved = before.saturating_sub(bytes_of(block));
                    entry.bytes -= saved;
                    self.bytes -= saved;
                    found = true;
                }
            }
        }
        found
    }

    /// Forgets everything but what was learnt about tokens.
    pub fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
        self.sent_bytes = None;
    }

    /// Whether it is a conversation that a provider accepts; calls at its end may be open.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validity(&self) -> Result<(), Invalid> {
        let mut open: Vec<&str> = Vec::new();
        for (index, message) in self.messages().enumerate() {
            if index == 0 && message.role != Role::User {
                return Err(Invalid::Start);
            }
            for result in results(message) {
                let place = open.iter().position(|id| *id == result.id);
                open.remove(place.ok_or(Invalid::Result)?);
            }
            if !open.is_empty() {
                return Err(Invalid::Call);
            }
            for call in calls(message) {
                if open.contains(&call.id.as_str()) {
                    return Err(Invalid::Twice);
                }
                open.push(&call.id);
            }
        }
        Ok(())
    }

    fn append(&mut self, mut message: Message) {
        if message.role == Role::User && !message.blocks.iter().any(says) {
            message.blocks = Vec::from([Block::Text(NOTHING_SAID.into())]);
        }
        let bytes = message.blocks.iter().map(bytes_of).sum::<u64>() + MESSAGE_BYTES;
        self.bytes += bytes;
        self.entries.push_back(Entry { message, bytes });
    }

    /// Where to begin so that the rest takes no more room, and how many bytes that are; or where
    /// the last exchange begins, if even that takes more. Exchanges begin with a message of the
    /// user's that answers no call.
    fn start_within(&self, room: u64) -> (usize, u64) {
        let (mut start, mut bytes, mut passed) = (0, self.bytes, 0);
        for (place, entry) in self.entries.iter().enumerate() {
            let is_start = place > 0
                && entry.message.role == Role::User
                && results(&entry.message).next().is_none();
            if is_start {
                if self.tokens(bytes) <= room {
                    break;
                }
                start = place;
                bytes -= core::mem::take(&mut passed);
            }
            passed += entry.bytes;
        }
        (start, bytes)
    }

    fn shorten_to(&mut self, room: u64) {
        for most in [8192, 1024, 256] {
            if self.estimate() > room {
                self.shorten(room, most, true);
            }
        }
        if self.estimate() > room {
            self.shorten(room, 4096, false);
        }
    }

    /// Shortens blocks longer than `most`, the oldest first, until the history fits.
    fn shorten(&mut self, room: u64, most: usize, only_results: bool) {
        let (ratio, mut bytes) = (self.ratio, self.bytes);
        for entry in &mut self.entries {
            for block in &mut entry.message.blocks {
                if bytes.saturating_mul(ratio).div_ceil(1024) <= room {
                    break;
                }
                let text = match block {
                    Block::ToolResult(result) => &mut result.content,
                    Block::Text(text) if !only_results => text,
                    _ => continue,
                };
                if text.len() > most {
                    let shorter = cut(text, most).into_owned();
                    // What was left out may be less than the words that say so.
                    let Some(saved) = text.len().checked_sub(shorter.len()) else { continue };
                    *text = shorter;
                    bytes -= saved as u64;
                    entry.bytes -= saved as u64;
                }
            }
        }
        self.bytes = bytes;
    }
}

/// The start and the end of a text, and between them how much was left out, if it is longer than
/// `bytes_max`. The result may be longer by that remark.
///
/// ```
/// use sentinel_core::agent::cut;
///
/// assert_eq!(cut("short", 100), "short");
/// assert_eq!(cut("0123456789", 6), "0123\n[... 4 bytes left out here ...]\n89");
/// ```
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return Cow::Borrowed(text);
    }
    // The start of an output says what it is, the end how it ended.
    let head = text.floor_char_boundary(bytes_max / 3 * 2);
    let tail = text.ceil_char_boundary(text.len() - bytes_max / 3).max(head);
    let left_out = tail - head;
    let (head, tail) = (text.get(..head).unwrap_or(""), text.get(tail..).unwrap_or(""));
    Cow::Owned(format!("{head}\n[... {left_out} bytes left out here ...]\n{tail}"))
}

/// Whether a block is anything that a provider takes for said.
fn says(block: &Block) -> bool {
    match block {
        Block::Text(text) => !text.trim().is_empty(),
        Block::ToolUse(_) | Block::ToolResult(_) | Block::Image(_) => true,
        Block::Thinking { .. } | Block::SealedThinking(_) => false,
    }
}

fn is_picture(block: &Block, digest: &[u8; 32]) -> bool {
    match block {
        Block::Image(Image { source: ImageSource::Held { image, .. }, .. }) => {
            image.digest == *digest
        }
        _ => false,
    }
}

fn calls(message: &Message) -> impl Iterator<Item = &ToolUse> {
    message.blocks.iter().filter_map(|block| match block {
        Block::ToolUse(call) => Some(call),
        _ => None,
    })
}

fn results(message: &Message) -> impl Iterator<Item = &ToolResult> {
    message.blocks.iter().filter_map(|block| match block {
        Block::ToolResult(result) => Some(result),
        _ => None,
    })
}

fn lost(call: &ToolUse) -> ToolResult {
    lost_result(call.id.clone())
}

fn lost_result(id: String) -> ToolResult {
    let content = "there is no result: the call was given up".to_string();
    ToolResult { id, content, is_error: true }
}

const fn tokens(bytes: u64, ratio: u64) -> u64 {
    bytes.saturating_mul(ratio).div_ceil(1024)
}

fn bytes_of(block: &Block) -> u64 {
    let bytes = match block {
        Block::Text(text) | Block::SealedThinking(text) => text.len(),
        Block::Thinking { text, signature } => text.len() + signature.len(),
        // What providers count for a picture of usual size.
        Block::Image(_) => 5000,
        Block::ToolUse(call) => call.id.len() + call.name.len() + call.arguments.len(),
        Block::ToolResult(result) => result.id.len() + result.content.len(),
    };
    bytes as u64 + BLOCK_BYTES
}

/// A message of white space. Providers take none, and one that is left out of a request could leave
/// the assistant's words at its beginning, or at its end.
const NOTHING_SAID: &str = "[an empty message]";

/// About three and a half bytes a token: more tokens than English has, fewer than Chinese.
const RATIO_AT_FIRST: u64 = 293;
const RATIO_MIN: u64 = 64;
const RATIO_MAX: u64 = 3072;
/// Less than this says nothing about the ratio.
const CORRECTION_BYTES_MIN: u64 = 512;
/// What a dialect writes around a message and a block.
const MESSAGE_BYTES: u64 = 16;
const BLOCK_BYTES: u64 = 16;

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Start => "the first message is not a user's",
            Self::Result => "a result answers no call",
            Self::Call => "a call has no result",
            Self::Twice => "two calls have one id",
        })
    }
}

impl core::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use arbtest::arbitrary::Unstructured;
    use arbtest::{arbitrary, arbtest};

    use super::*;

    fn draw(u: &mut Unstructured<'_>) -> arbitrary::Result<Message> {
        let role = if u.ratio(1, 2)? { Role::User } else { Role::Assistant };
        let mut blocks = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            let id = u.int_in_range(0..=2u8)?.to_string();
            blocks.push(match u.int_in_range(0..=3)? {
                0 => Block::Text("t".repeat(u.int_in_range(0..=9000)?)),
                1 => Block::ToolUse(ToolUse { id, name: "n".into(), arguments: "{}".into() }),
                2 => {
                    let content = "c".repeat(u.int_in_range(0..=20_000)?);
                    Block::ToolResult(ToolResult { id, content, is_error: false })
                }
                _ => Block::Thinking { text: "hm".into(), signature: "s".into() },
            });
        }
        Ok(Message { role, blocks })
    }

    #[test]
    fn whatever_is_pushed_and_trimmed_stays_a_conversation() {
        arbtest(|u| {
            let tokens_max = u.int_in_range(0..=6000)?;
            let mut history = History::new(tokens_max);
            while !u.is_empty() {
                match u.int_in_range(0..=5)? {
                    0 => {
                        history.trim(u.int_in_range(0..=100)?);
                    }
                    1 => history.answer_open_calls(lost),
                    2 => {
                        history.sent(history.bytes + u.int_in_range(0..=1000)?);
                        let input_tokens = u.arbitrary()?;
                        history.correct(&Usage { input_tokens, ..Usage::default() });
                    }
                    _ => history.push(draw(u)?),
                }
                assert_eq!(history.validity(), Ok(()));
                assert!(history.messages().all(|message| message.blocks.iter().any(says)));
                window::tests::is_as_if_trimmed(&history, u.int_in_range(0..=6000)?);
                let bytes: u64 = history.entries.iter().map(|entry| entry.bytes).sum();
                assert_eq!(bytes, history.bytes);
                let counted: u64 = history
                    .messages()
                    .map(|message| message.blocks.iter().map(bytes_of).sum::<u64>() + MESSAGE_BYTES)
                    .sum();
                assert_eq!(counted, history.bytes);
            }
            Ok(())
        });
    }

    #[test]
    fn trimming_drops_the_oldest_exchange_and_keeps_the_newest_message() {
        let mut history = History::new(300);
        for number in 0..5 {
            history.push(Message::text(Role::User, format!("{number}{}", "x".repeat(400))));
            history.push(Message::text(Role::Assistant, "y".repeat(20)));
        }
        history.push(Message::text(Role::User, "the last"));
        let trimmed = history.trim(20).unwrap();
        assert_eq!(trimmed.messages_count, 8);
        assert!(history.estimate() <= 280);
        assert_eq!(history.messages().last(), Some(&Message::text(Role::User, "the last")));
        assert_eq!(history.trim(20), None);
    }

    /// A message of white space is not sent: with it at the start the assistant's would be first.
    #[test]
    fn a_message_that_says_nothing_is_said_to_be_empty() {
        let blank = || Message::text(Role::User, " \n\t");
        let mut history = History::new(100);
        history.push(Message::text(Role::User, "x".repeat(400)));
        history.push(Message::text(Role::Assistant, "y"));
        history.push(blank());
        history.push(Message::text(Role::Assistant, "z"));
        history.trim(0).unwrap();
        let said = Message::text(Role::User, NOTHING_SAID);
        assert_eq!(history.messages().next(), Some(&said));
        // One that was kept by an older version, too.
        let kept = History::of(Vec::from([blank()]), RATIO_AT_FIRST);
        assert_eq!(kept.messages().next(), Some(&said));
    }

    #[test]
    fn a_single_exchange_that_is_too_large_is_shortened() {
        let mut history = History::new(4000);
        history.push(Message::text(Role::User, "read both"));
        let call = |id: &str| {
            Block::ToolUse(ToolUse { id: id.into(), name: "read".into(), arguments: "{}".into() })
        };
        let result = |id: &str| {
            let content = "z".repeat(50_000);
            Block::ToolResult(ToolResult { id: id.into(), content, is_error: false })
        };
        history.push(Message { role: Role::Assistant, blocks: [call("1"), call("2")].into() });
        history.push(Message { role: Role::User, blocks: [result("1"), result("2")].into() });
        let trimmed = history.trim(0).unwrap();
        assert_eq!((trimmed.messages_count, history.len()), (0, 3));
        assert!(history.estimate() <= 4000, "{}", history.estimate());
        assert_eq!(history.validity(), Ok(()));
    }

    #[test]
    fn the_estimate_learns_from_what_was_counted() {
        let mut history = History::new(u64::MAX);
        history.push(Message::text(Role::User, "字".repeat(1000)));
        let first = history.estimate();
        for _ in 0..20 {
            history.sent(history.bytes);
            history.correct(&Usage { input_tokens: 2000, ..Usage::default() });
        }
        assert!(first < 1000 && (1990..=2030).contains(&history.estimate()));
        // An absurd count teaches nothing.
        let learnt = history.estimate();
        history.sent(history.bytes);
        history.correct(&Usage { input_tokens: u64::MAX, ..Usage::default() });
        assert_eq!(history.estimate(), learnt);
    }

    #[test]
    fn cuts_are_at_characters() {
        arbtest(|u| {
            let text: String = u.arbitrary()?;
            let most = u.int_in_range(0..=64)?;
            let shown = cut(&text, most);
            match text.len() <= most {
                true => assert_eq!(shown, text),
                false => assert!(shown.contains("left out here")),
            }
            Ok(())
        });
    }
}
