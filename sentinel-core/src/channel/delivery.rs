//! Delivery: how one answer reaches a chat while it is written.
//!
//! A chat is shown what there is, now and then, until the answer is whole. Whatever goes wrong on
//! the way, nobody may take a part for the whole: so everything but the end of a finished answer
//! closes with a mark, and only the last change takes the last mark away.
//!
//! Where messages cannot be changed, an answer that streams is only ever added to.
//!
//! The calls, in order: [`text`](Delivery::text) as words come; then one of
//! [`finish`](Delivery::finish), [`finish_with`](Delivery::finish_with) and
//! [`interrupted`](Delivery::interrupted). After any of them, and when
//! [`deadline`](Delivery::deadline) has come, [`poll`](Delivery::poll) until it says nothing; each
//! [`Post`] but a sign of typing is answered by [`sent`](Delivery::sent),
//! [`edited`](Delivery::edited) or [`failed`](Delivery::failed).
//!
//! # Invariants
//! - One post is out at a time, and messages are sent in their order. An answer to a post that is
//!   not out changes nothing, unless it tells what became of one whose outcome was unknown.
//! - While an answer is not whole, the last message of it that is shown ends with [`UNFINISHED`],
//!   and so does every message that another one follows. (Where an answer is added to, what ends it
//!   is the end of the line.)
//! - A message is sent again only if it is known not to be there, or if the platform knows its key,
//!   or if what may be there says of itself that it is a part, and the whole differs from it.
//! - The final text is shown, or [`Outcome`] says that it is not.
//!
//! An answer to a post names its piece alone: given a second time while another post of the same
//! piece is out, it is taken for that one's. Whoever performs posts answers each of them once.
//!
//! # Not here
//! Which chat, and the record in the journal that must stand before a post goes out.

mod appended;
mod messages;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use self::appended::Appended;
use self::messages::Messages;
use super::platform::Platform;
use crate::limits::{
    CHANNEL_ANSWER_BYTES_MAX, CHANNEL_FAILURES_MAX, CHANNEL_KEY_LIFETIME, CHANNEL_RETRY_AFTER_MAX,
    CHANNEL_RETRY_PAUSE, CHANNEL_SHOWN_MAX,
};
use crate::time::Instant;

/// The way of one answer into one chat.
///
/// ```
/// use sentinel_core::channel::{Delivery, Outcome, Platform, Post};
/// use sentinel_core::time::Instant;
///
/// let mut delivery = Delivery::new(&Platform::TELEGRAM, true);
/// delivery.text("Hel");
/// let Some(Post::Send { piece: 0, text, .. }) = delivery.poll(Instant(0)) else { panic!() };
/// assert_eq!(text, "Hel …");
/// delivery.sent(0, "1001", Instant(300));
///
/// delivery.text("lo");
/// delivery.finish();
/// assert_eq!(delivery.poll(Instant(400)), None, "not so soon");
/// let due = delivery.deadline().unwrap();
/// let Some(Post::Edit { text, .. }) = delivery.poll(due) else { panic!() };
/// assert_eq!(text, "Hello");
/// delivery.edited(0, Instant(2000));
/// assert_eq!(delivery.outcome(), Outcome::Delivered { messages: vec!["1001".into()] });
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    platform: Platform,
    show: Show,
    is_finished: bool,
    out: Option<Out>,
    /// A send whose outcome nobody knows, to be repeated exactly.
    unsure: Option<Unsure>,
    not_before: Instant,
    typing_from: Instant,
    failures: u32,
    failure: Option<(Why, bool)>,
    key_base: u64,
    /// Whether messages may be there since before the program ended, or since they were given up:
    /// a platform that knows their keys takes them for sent, and what they say is not known.
    is_resumed: bool,
}

/// What the answer is shown by.
#[derive(Clone, Debug)]
enum Show {
    /// Messages that are changed while it grows, or sent when it is whole.
    Messages(Messages),
    /// A text that is only added to.
    Appended(Appended),
}

/// A post that is out.
#[derive(Clone, Debug)]
struct Out {
    piece: usize,
    text: String,
    is_send: bool,
    key: u64,
    /// When this text was first sent under this key.
    since: Instant,
}

/// A send to repeat, or one that was given up and may yet turn out to have come through.
#[derive(Clone, Debug)]
struct Unsure {
    piece: usize,
    text: String,
    key: u64,
    since: Instant,
}

/// What a chat is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// A new message, or more text where nothing can be changed.
    Send {
        /// Which part of the answer: the word to answer with.
        piece: usize,
        /// What it says.
        text: String,
        /// The same for every attempt at this message, and another one for every other message of
        /// this answer, and of every answer with another [`Delivery::keyed`].
        key: u64,
    },
    /// Another text for a message.
    Edit {
        /// Which part of the answer.
        piece: usize,
        /// The platform's id of the message.
        message: String,
        /// What it says from now on.
        text: String,
    },
    /// The sign that somebody is typing. It is not answered.
    Typing,
}

/// Why a post failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It was refused for now, and did not happen.
    RateLimited {
        /// How long the platform asks to wait, in milliseconds.
        retry_after_ms: u64,
    },
    /// The connection failed: nobody knows whether it happened.
    Transport,
    /// The message to change is not there any more.
    Gone,
    /// It was refused for good.
    Rejected,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on its way, or not whole yet.
    Pending,
    /// All of it is shown.
    Delivered {
        /// The platform's ids of its messages, in order.
        messages: Vec<String>,
    },
    /// Not all of it is shown, and nothing more will be done.
    Failed {
        /// The ids of the messages that are shown, in order.
        delivered: Vec<String>,
        /// Why.
        why: Why,
        /// Whether a message may be there that nobody knows of.
        is_uncertain: bool,
    },
}

/// Why an answer was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The platform asked to wait for longer than [`CHANNEL_RETRY_AFTER_MAX`].
    WaitTooLong,
    /// There were more than [`CHANNEL_FAILURES_MAX`] failures; this was the last.
    TooManyFailures(Failure),
    /// A message may or may not be there, and sending it again could double it.
    Unknown,
    /// The platform refused a message for good.
    Rejected,
}

impl Delivery {
    /// An answer that has not begun. One that `streams` is shown while it grows; any other is shown
    /// when it is whole, with a sign of typing until then.
    #[must_use]
    pub fn new(platform: &Platform, streams: bool) -> Self {
        let show = if streams && !platform.can_edit {
            Show::Appended(Appended::default())
        } else {
            Show::Messages(Messages::new(streams))
        };
        Self {
            platform: *platform,
            show,
            is_finished: false,
            out: None,
            unsure: None,
            not_before: Instant(0),
            typing_from: Instant(0),
            failures: 0,
            failure: None,
            key_base: 0,
            is_resumed: false,
        }
    }

    /// Makes its keys differ from those of other answers: a number that no other answer has.
    #[must_use]
    pub fn keyed(self, answer: u64) -> Self {
        // Odd, so that different numbers stay different; large, so that the pieces fit between.
        Self { key_base: answer.wrapping_mul(0x9E37_79B9_7F4A_7C15), ..self }
    }

    /// Goes on with an answer that was under way when the program ended: whatever a message says
    /// after it was sent again under its key, it is changed to what it should say.
    #[must_use]
    pub fn resumed(self) -> Self {
        Self { is_resumed: self.platform.has_idempotency_key, ..self }
    }

    /// Goes on with an answer that was under way when the program ended, and of which these pieces
    /// are in these messages. What they say is not known, so they are changed to what they should
    /// say. Where keys find messages, ids are not needed. Pieces beyond [`CHANNEL_SHOWN_MAX`] are
    /// passed over.
    #[must_use]
    pub fn showing<'m>(mut self, messages: impl IntoIterator<Item = (usize, &'m str)>) -> Self {
        if let Show::Messages(shown) = &mut self.show
            && self.platform.is_found_by_id()
        {
            let messages = messages.into_iter().filter(|(piece, _)| *piece < CHANNEL_SHOWN_MAX);
            for (piece, message) in messages {
                shown.sent(piece, message, String::new());
            }
        }
        self
    }

    /// The message of a piece, where it takes its id to find it after the program ended.
    #[must_use]
    pub fn message(&self, piece: usize) -> Option<&str> {
        match &self.show {
            Show::Messages(messages) if self.platform.is_found_by_id() => messages.message(piece),
            _ => None,
        }
    }

    /// Whether all that is to be shown can be, by changing messages that are known to be there.
    pub fn is_in_place(&mut self) -> bool {
        match &mut self.show {
            Show::Messages(messages) if self.platform.is_found_by_id() => {
                messages.is_in_place(&self.platform)
            }
            _ => false,
        }
    }

    /// Whether anything of it is shown, or may be.
    #[must_use]
    pub fn was_shown(&self) -> bool {
        let is_sending = self.out.as_ref().is_some_and(|out| out.is_send) || self.unsure.is_some();
        is_sending
            || match &self.show {
                Show::Messages(messages) => !messages.is_silent(),
                Show::Appended(appended) => appended.is_shown(),
            }
    }

    /// More words. What passes [`CHANNEL_ANSWER_BYTES_MAX`] is left out, and a note says so.
    pub fn text(&mut self, more: &str) {
        if !self.is_finished {
            match &mut self.show {
                Show::Messages(messages) => messages.text(more),
                Show::Appended(appended) => appended.text(more),
            }
        }
    }

    /// Withdraws what was shown: the next words begin another answer in its place.
    pub fn restart(&mut self) {
        if !self.is_finished {
            match &mut self.show {
                Show::Messages(messages) => messages.restart(),
                Show::Appended(appended) => appended.restart(),
            }
        }
    }

    /// The answer is whole as it is.
    pub fn finish(&mut self) {
        if core::mem::replace(&mut self.is_finished, true) {
            return;
        }
        match &mut self.show {
            Show::Messages(messages) => messages.finish(),
            Show::Appended(appended) => appended.finish(),
        }
    }

    /// This is the whole answer, whatever was shown before.
    pub fn finish_with(&mut self, text: &str) {
        if !self.is_finished {
            match &mut self.show {
                Show::Messages(messages) => messages.replace(text),
                Show::Appended(appended) => appended.replace(text),
            }
            self.finish();
        }
    }

    /// The answer will never be whole: `marker` is shown after what there is.
    pub fn interrupted(&mut self, marker: &str) {
        if !self.is_finished {
            match &mut self.show {
                Show::Messages(messages) => messages.interrupt(marker, &self.platform),
                Show::Appended(appended) => appended.interrupt(marker),
            }
            self.finish();
        }
    }

    /// What to do now, if anything.
    pub fn poll(&mut self, now: Instant) -> Option<Post> {
        if self.failure.is_some() || self.out.is_some() {
            return None;
        }
        if now >= self.not_before {
            let post = self.next_post(now);
            if post.is_some() || self.failure.is_some() {
                return post;
            }
        }
        let is_silent = matches!(&self.show, Show::Messages(messages) if messages.is_silent());
        if self.platform.can_type && !self.is_finished && is_silent && now >= self.typing_from {
            let pause = Duration::from_millis(self.platform.typing_interval_ms.max(1));
            self.typing_from = now.after(pause);
            return Some(Post::Typing);
        }
        None
    }

    /// A message was sent, and this is the platform's id of it.
    pub fn sent(&mut self, piece: usize, message: &str, now: Instant) {
        let is_it = |out: &Out| out.is_send && out.piece == piece;
        let text = if let Some(out) = self.out.take_if(|out| is_it(out)) {
            out.text
        } else if let Some(unsure) = self.unsure.take_if(|unsure| unsure.piece == piece) {
            // Late, but now its outcome is known, and with it the only reason to give up.
            self.failure.take_if(|(why, _)| *why == Why::Unknown);
            self.failure = self.failure.map(|(why, _)| (why, false));
            unsure.text
        } else {
            return;
        };
        self.unsure = None;
        self.pause(now);
        match &mut self.show {
            Show::Messages(messages) => {
                let shown = if self.is_resumed { String::new() } else { text };
                messages.sent(piece, message, shown);
            }
            Show::Appended(appended) => appended.sent(message),
        }
    }

    /// A message was changed.
    pub fn edited(&mut self, piece: usize, now: Instant) {
        if let Some(out) = self.out.take_if(|out| !out.is_send && out.piece == piece) {
            self.pause(now);
            if let Show::Messages(messages) = &mut self.show {
                messages.edited(piece, out.text);
            }
        }
    }

    /// A post failed.
    pub fn failed(&mut self, piece: usize, failure: Failure, now: Instant) {
        let Some(out) = self.out.take_if(|out| out.piece == piece) else { return };
        self.failures += 1;
        // A send under a key that was unsure before stays so until it is answered.
        let was_unsure = self.unsure.is_some();
        if out.is_send && (failure == Failure::Transport || was_unsure) {
            let Out { piece, text, key, since, .. } = out.clone();
            self.unsure = Some(Unsure { piece, text, key, since });
        }
        let is_unsure = self.unsure.is_some();
        let mut wait =
            CHANNEL_RETRY_PAUSE.saturating_mul(1 << self.failures.saturating_sub(1).min(16));
        match failure {
            Failure::RateLimited { retry_after_ms } => {
                let asked = Duration::from_millis(retry_after_ms);
                if asked > CHANNEL_RETRY_AFTER_MAX {
                    self.failure = Some((Why::WaitTooLong, is_unsure));
                    return;
                }
                wait = wait.max(asked);
                if let Show::Appended(appended) = &mut self.show {
                    appended.not_sent(&out.text);
                }
            }
            Failure::Rejected => {
                self.failure = Some((Why::Rejected, is_unsure));
                return;
            }
            Failure::Gone if out.is_send => {
                self.failure = Some((Why::Rejected, is_unsure));
                return;
            }
            Failure::Gone => {
                if let Show::Messages(messages) = &mut self.show {
                    messages.gone(piece);
                }
            }
            Failure::Transport => {
                if let Show::Messages(messages) = &mut self.show
                    && !out.is_send
                {
                    messages.doubt(piece);
                }
            }
        }
        let again = now.after(wait);
        let is_key_good =
            self.platform.has_idempotency_key && again.since(out.since) < CHANNEL_KEY_LIFETIME;
        if is_unsure && !is_key_good && self.is_part(&out) {
            self.leave_part(piece);
            self.not_before = self.not_before.max(again);
        } else if is_unsure && !is_key_good {
            self.failure = Some((Why::Unknown, true));
        } else if self.failures > CHANNEL_FAILURES_MAX {
            self.failure = Some((Why::TooManyFailures(failure), is_unsure));
        } else {
            self.not_before = self.not_before.max(again);
        }
    }

    /// Whether a text said that it was a part, of an answer that is whole by now and says something
    /// else in its place: then the whole can be said without being there twice.
    fn is_part(&mut self, out: &Out) -> bool {
        match &mut self.show {
            Show::Messages(messages) if self.is_finished => {
                !messages.wants(out.piece, &out.text, &self.platform)
            }
            _ => false,
        }
    }

    /// Asks no more after a part that may be there, and sends the whole in its place. Where there
    /// are keys it is sent under the same one, by which the program finds it after a restart as
    /// well: a platform that knows the key after all names the part, which is then changed, or
    /// withdrawn if there is nothing to say in its place.
    fn leave_part(&mut self, piece: usize) {
        self.unsure = None;
        let has_key = self.platform.has_idempotency_key;
        self.is_resumed |= has_key;
        if let Show::Messages(messages) = &mut self.show {
            match has_key {
                true => messages.left(piece),
                false => messages.gone(piece),
            }
        }
    }

    /// When to [`poll`](Self::poll) again if nothing else happens before. It may be past.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.failure.is_some() || self.out.is_some() {
            return None;
        }
        let post = self.has_post().then_some(self.not_before);
        let is_silent = matches!(&self.show, Show::Messages(messages) if messages.is_silent());
        let types = self.platform.can_type && !self.is_finished && is_silent;
        let typing = types.then_some(self.typing_from);
        post.into_iter().chain(typing).min()
    }

    /// What became of it so far.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let messages = match &self.show {
            Show::Messages(messages) => messages.ids(),
            Show::Appended(appended) => appended.ids(),
        };
        if let Some((why, is_uncertain)) = self.failure {
            return Outcome::Failed { delivered: messages, why, is_uncertain };
        }
        if !self.is_finished || self.out.is_some() || self.unsure.is_some() || self.has_post() {
            return Outcome::Pending;
        }
        Outcome::Delivered { messages }
    }

    fn has_post(&self) -> bool {
        self.unsure.is_some()
            || match &self.show {
                Show::Messages(messages) => messages.has_post(),
                Show::Appended(appended) => appended.has_post(),
            }
    }

    fn next_post(&mut self, now: Instant) -> Option<Post> {
        if let Some(Unsure { piece, text, key, since }) = self.unsure.clone() {
            let out = Out { piece, text: text.clone(), is_send: true, key, since };
            // It may have waited long for its turn.
            if now.since(since) < CHANNEL_KEY_LIFETIME {
                self.out = Some(out);
                return Some(Post::Send { piece, text, key });
            }
            if !self.is_part(&out) {
                self.failure = Some((Why::Unknown, true));
                return None;
            }
            self.leave_part(piece);
        }
        let (piece, message, attempt, text) = match &mut self.show {
            Show::Messages(messages) => messages.next(&self.platform)?,
            Show::Appended(appended) => {
                let (piece, text) = appended.next(&self.platform)?;
                (piece, None, 0, text)
            }
        };
        let key = self.key_base.wrapping_add((u64::from(attempt) << 32) | piece as u64);
        let is_send = message.is_none();
        self.out = Some(Out { piece, text: text.clone(), is_send, key, since: now });
        Some(match message {
            None => Post::Send { piece, text, key },
            Some(message) => Post::Edit { piece, message, text },
        })
    }

    fn pause(&mut self, now: Instant) {
        let pause = Duration::from_millis(self.platform.edit_interval_ms);
        self.not_before = self.not_before.max(now.after(pause));
    }
}

/// Appends what fits of `more` to `text`, and says whether all of it did.
fn append(text: &mut String, more: &str) -> bool {
    let mut end = more.len().min(CHANNEL_ANSWER_BYTES_MAX.saturating_sub(text.len()));
    while !more.is_char_boundary(end) {
        end -= 1;
    }
    text.push_str(more.get(..end).unwrap_or_default());
    end == more.len()
}

/// What closes a message that is not the end of a whole answer, after a space or a line break.
pub const UNFINISHED: &str = "…";

/// What is shown in the place of a message that an answer does not need after all.
const WITHDRAWN: &str = "(withdrawn)";

/// What follows an answer that passed its bound.
const CUT: &str = "[The answer is too long for this chat. The journal has all of it.]";

#[cfg(test)]
mod tests;
