//! Places: which channels are threads, and of which channel.
//!
//! A thread is a channel of its own to Discord, and a message in one does not say so. But a rule
//! for a room holds in its threads too, so Discord is asked once about each channel that somebody
//! speaks in, and what is said there waits for the answer.
//!
//! # Invariants
//! - What waits is handed over in its order, or told again after a start: it is not acknowledged.
//! - One channel is asked about at a time, and one that Discord does not tell holds up no other. An
//!   answer that says nothing makes no thread of it: then no rule for another room holds there.
//! - The same channel has the same name after a start, or is asked about again.
//!
//! # Not here
//! What a rule for a room says: [`AccessRules`](crate::channel::AccessRules).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::message::{number, snowflake};
use crate::channel::incoming::Incoming;
use crate::channel::traffic::{Again, Backoff, Chance};
use crate::limits::CHANNEL_CHATS_KEPT;
use crate::order::Map;
use crate::text::json::Value;
use crate::time::Instant;

/// What is known of channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    known: Map<u64, Place>,
    /// What was said in channels that are not known yet.
    waiting: Map<u64, Waiting>,
    is_asking: bool,
    asks_from: Instant,
    backoff: Backoff,
}

/// What waits for one channel.
#[derive(Clone, Debug, Default)]
struct Waiting {
    messages: Vec<Incoming>,
    tries: Again,
}

/// What a channel of a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A room.
    Room,
    /// A thread of this channel.
    Thread(u64),
    /// Discord does not tell. It may tell after the next start.
    Unknown,
}

impl Place {
    /// The channel as the agent knows it: a thread stands under its room.
    pub(super) fn chat(self, channel: u64) -> String {
        match self {
            Self::Thread(room) => format!("{room}/{channel}"),
            Self::Room | Self::Unknown => channel.to_string(),
        }
    }

    /// What Discord says of a channel; nothing if that is no channel.
    pub(super) fn read(channel: Value<'_>) -> Option<Self> {
        let kind = channel.find("type")?.as_u64().ok()?;
        Some(match snowflake(channel, "parent_id") {
            Some(room) if THREADS.contains(&kind) => Self::Thread(room),
            None if THREADS.contains(&kind) => Self::Unknown,
            _ => Self::Room,
        })
    }
}

impl Places {
    /// The number of the channel in a chat of the agent's.
    pub(super) fn channel(chat: &str) -> Option<u64> {
        match chat.split_once('/') {
            Some((room, thread)) => number(room).and(number(thread)),
            None => number(chat),
        }
    }

    /// What a channel is, if that is known.
    pub(super) fn find(&self, channel: u64) -> Option<Place> {
        self.known.get(&channel).copied()
    }

    /// Somebody said something in a channel that is not known: it waits.
    pub(super) fn wait(&mut self, channel: u64, message: Incoming) {
        self.waiting.entry(channel).or_default().messages.push(message);
    }

    /// The channel to be asked about.
    pub(super) fn unknown(&self, now: Instant) -> Option<u64> {
        let (channel, from) = self.next()?;
        (now >= from).then_some(channel)
    }

    /// When to ask, if something waits.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next().map(|(_, from)| from)
    }

    /// The channel that is asked about next, and when it may be: one that failed after all others.
    fn next(&self) -> Option<(u64, Instant)> {
        let waiting = self.waiting.iter().filter(|_| !self.is_asking);
        let (channel, waiting) = waiting.min_by_key(|(_, waiting)| waiting.tries.from())?;
        Some((*channel, waiting.tries.from().max(self.asks_from)))
    }

    /// A channel is asked about.
    pub(super) fn ask(&mut self) {
        self.is_asking = true;
    }

    /// What a channel is, as Discord said; what waited for it.
    pub(super) fn learn(&mut self, now: Instant, channel: u64, place: Place) -> Vec<Incoming> {
        (self.is_asking, self.asks_from) = (false, now);
        self.backoff.reset();
        self.remember(channel, place);
        self.let_go(channel)
    }

    /// What waited for a channel; it does not wait any longer, whatever the channel is.
    pub(super) fn let_go(&mut self, channel: u64) -> Vec<Incoming> {
        self.is_asking = false;
        self.waiting.remove(&channel).map(|waiting| waiting.messages).unwrap_or_default()
    }

    /// There was no answer: later again, after such a pause at least; and for a moment no channel
    /// is asked about, for it may be Discord as a whole.
    pub(super) fn ask_later(
        &mut self,
        now: Instant,
        channel: u64,
        pause: Duration,
        chance: &mut Chance,
    ) {
        self.is_asking = false;
        self.asks_from = now.after(self.backoff.next(chance));
        if let Some(waiting) = self.waiting.get_mut(&channel) {
            waiting.tries.failed(now, pause, chance);
        }
    }

    /// An answer did not say what a channel is. Returns whether that is enough of it.
    pub(super) fn is_in_vain(&mut self, channel: u64) -> bool {
        let waiting = self.waiting.get_mut(&channel);
        waiting.is_some_and(|waiting| waiting.tries.is_in_vain())
    }

    /// What to keep of it for the next start.
    pub(super) fn kept(&self) -> impl Iterator<Item = (u64, Option<u64>)> {
        self.known.iter().filter_map(|(channel, place)| match place {
            Place::Room => Some((*channel, None)),
            Place::Thread(room) => Some((*channel, Some(*room))),
            Place::Unknown => None,
        })
    }

    /// What was kept, or is known now.
    pub(super) fn remember(&mut self, channel: u64, place: Place) {
        if self.known.len() >= CHANNEL_CHATS_KEPT {
            // Ids grow with time. It is asked about again if somebody speaks there.
            self.known.pop_first();
        }
        self.known.insert(channel, place);
    }
}

/// Threads of announcements, public ones and private ones. Posts in a forum are threads of it.
const THREADS: [u64; 3] = [10, 11, 12];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json;

    fn read(text: &str) -> Option<Place> {
        Place::read(json::parse(text.as_bytes()).unwrap().root())
    }

    #[test]
    fn a_thread_stands_under_its_room() {
        let thread = read(r#"{"id": "7", "type": 11, "parent_id": "5"}"#).unwrap();
        assert_eq!(thread.chat(7), "5/7");
        // A room has a parent too, which is the category it stands in.
        assert_eq!(read(r#"{"id": "7", "type": 0, "parent_id": "5"}"#), Some(Place::Room));
        for odd in [r#"{"type": 11}"#, r#"{"type": 11, "parent_id": 5}"#] {
            assert_eq!(read(odd), Some(Place::Unknown), "{odd}");
        }
        for odd in ["{}", "[]", "5", r#"{"type": "11", "parent_id": "5"}"#] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_chat_leads_to_its_channel_and_to_no_other() {
        assert_eq!(Places::channel("7"), Some(7));
        assert_eq!(Places::channel("5/7"), Some(7));
        for odd in ["", "/", "5/", "/7", "5/7/9", "x/7", "5/x", "05/7", "-5"] {
            assert_eq!(Places::channel(odd), None, "{odd}");
        }
    }

    #[test]
    fn no_more_is_remembered_than_is_bounded() {
        let mut places = Places::default();
        for channel in 1..=3 * CHANNEL_CHATS_KEPT as u64 {
            places.remember(channel, Place::Room);
        }
        assert_eq!(places.kept().count(), CHANNEL_CHATS_KEPT);
    }
}
