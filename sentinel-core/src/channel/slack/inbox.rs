//! The inbox: which messages were handed over, which are safe, and what was missed.
//!
//! Slack tells an event again until its envelope is acknowledged, a few times and for some minutes.
//! What happened while nothing ran for longer is in the history of each channel.
//!
//! # Invariants
//! - An envelope of a message for the agent is acknowledged when the agent's record of it is safe.
//! - A message is handed over once, unless it was not acknowledged before a new start.
//!
//! # Not here
//! What was said in threads while nothing ran: the history of a channel does not tell it.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::message::Stamp;
use crate::channel::incoming::Incoming;
use crate::channel::traffic::{Again, Chance};
use crate::limits::{
    CHANNEL_CHAT_PENDING_MAX, CHANNEL_CHATS_KEPT, CHANNEL_DONE_KEPT, CHANNEL_DONE_MAX,
    CHANNEL_KEPT_BYTES_MAX, CHANNEL_PENDING_MAX, CHANNEL_PRESSES_PENDING_MAX,
};
use crate::order::{Map, Set};
use crate::text::json::{self, Options};
use crate::time::Instant;

/// What came, and what became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    channels: Map<String, Channel>,
    /// Handed over and not acknowledged, by the ids of messages.
    pending: Map<String, Pending>,
    /// Acknowledged, in this order.
    done: VecDeque<(String, Option<Place>)>,
    done_ids: Set<String>,
    released: VecDeque<Incoming>,
    moment: u64,
}

#[derive(Clone, Debug)]
struct Channel {
    /// The last message that was handed over or is none for the agent.
    newest: u64,
    pending: Set<u64>,
    /// What was missed is still to be asked for, so `newest` stays.
    is_behind: bool,
    /// It fell behind again since it was asked.
    again: bool,
    tries: Again,
    used: u64,
}

/// Where a message stands in its channel.
type Place = (String, u64);

#[derive(Clone, Debug)]
struct Pending {
    place: Option<Place>,
    envelopes: Vec<Envelope>,
}

/// An envelope, and the connection that it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) id: String,
    pub(super) socket: u32,
}

/// What is to be done with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Acknowledge it now.
    Acknowledge,
    /// It is acknowledged later.
    Later,
    /// Let Slack keep it: it comes again.
    Leave,
}

impl Inbox {
    /// A message came. One that has a place in a channel can be asked for again.
    pub(super) fn arrived(
        &mut self,
        message: Incoming,
        place: Option<(&str, Stamp)>,
        envelope: Option<Envelope>,
    ) -> Taken {
        if self.done_ids.contains(&message.id) {
            return Taken::Acknowledge;
        }
        if let Some(pending) = self.pending.get_mut(&message.id) {
            pending.envelopes.extend(envelope);
            if pending.envelopes.len() > ENVELOPES_MAX {
                pending.envelopes.remove(0);
            }
            return Taken::Later;
        }
        if !self.has_room(place.map(|(channel, _)| channel)) {
            if let Some(channel) = place.and_then(|(channel, _)| self.channels.get_mut(channel)) {
                (channel.is_behind, channel.again) = (true, true);
            }
            return Taken::Leave;
        }
        let place = place.map(|(channel, stamp)| (channel.to_string(), stamp.0));
        if let Some((channel, stamp)) = &place {
            let channel = self.channel(channel, *stamp);
            channel.pending.insert(*stamp);
            if !channel.is_behind {
                channel.newest = channel.newest.max(*stamp);
            }
        }
        let envelopes = envelope.into_iter().collect();
        self.pending.insert(message.id.clone(), Pending { place, envelopes });
        self.released.push_back(message);
        Taken::Later
    }

    /// A message of a channel that is none for the agent: it need not be asked for.
    pub(super) fn passed(&mut self, channel: &str, stamp: Stamp) {
        if let Some(channel) = self.channels.get_mut(channel)
            && !channel.is_behind
        {
            channel.newest = channel.newest.max(stamp.0);
        }
    }

    /// Whether a channel is known.
    pub(super) fn has(&self, channel: &str) -> bool {
        self.channels.contains_key(channel)
    }

    /// Forgets all channels but these.
    pub(super) fn keep_only(&mut self, channels: &[String]) {
        self.channels.retain(|id, _| channels.contains(id));
    }

    /// A channel to be asked from now on.
    pub(super) fn watch(&mut self, channel: &str, from: Stamp) {
        self.channel(channel, from.0.saturating_add(1));
    }

    /// The next message for the agent.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        self.released.pop_front()
    }

    /// The agent's record of a message is safe; the envelopes to acknowledge, if it was waited for.
    pub(super) fn acknowledge(&mut self, message: &str) -> Option<Vec<Envelope>> {
        let Pending { place, envelopes } = self.pending.remove(message)?;
        if let Some((channel, stamp)) = &place
            && let Some(channel) = self.channels.get_mut(channel)
        {
            channel.pending.remove(stamp);
        }
        self.finish(message.to_string(), place);
        Some(envelopes)
    }

    /// Every channel may have gone on without us.
    pub(super) fn fall_behind(&mut self) {
        for channel in self.channels.values_mut() {
            (channel.is_behind, channel.again) = (true, true);
        }
    }

    /// Whether one more can be handed over, of this channel.
    pub(super) fn has_room(&self, channel: Option<&str>) -> bool {
        let has_own = match channel {
            Some(channel) => self
                .channels
                .get(channel)
                .is_none_or(|channel| channel.pending.len() < CHANNEL_CHAT_PENDING_MAX),
            None => {
                let presses = self.pending.values().filter(|pending| pending.place.is_none());
                presses.count() < CHANNEL_PRESSES_PENDING_MAX
            }
        };
        has_own && self.pending.len() < CHANNEL_PENDING_MAX
    }

    /// Whether it is worth while to hand over what a channel told.
    pub(super) fn can_take(&self, channel: &str) -> bool {
        self.pending.len() <= CHANNEL_PENDING_MAX / 2
            && self.channels.get(channel).is_none_or(Channel::can_take_many)
    }

    /// The channel to be asked next, and from where on; and when it may be. One that failed comes
    /// after all others, so that it makes us deaf in none of them.
    pub(super) fn behind(&self) -> Option<(&str, Stamp, Instant)> {
        if self.pending.len() > CHANNEL_PENDING_MAX / 2 {
            return None;
        }
        let channels = self.channels.iter();
        let behind = channels.filter(|(_, channel)| channel.is_behind && channel.can_take_many());
        let (id, channel) = behind.min_by_key(|(_, channel)| channel.tries.from())?;
        Some((id, Stamp(channel.newest), channel.tries.from()))
    }

    /// When a channel may be asked again.
    pub(super) fn asks_from(&self, channel: &str) -> Instant {
        self.channels.get(channel).map_or(Instant(0), |channel| channel.tries.from())
    }

    /// A channel did not answer, or asked to wait: later again, after such a pause at least.
    pub(super) fn ask_later(
        &mut self,
        channel: &str,
        now: Instant,
        pause: Duration,
        chance: &mut Chance,
    ) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.tries.failed(now, pause, chance);
        }
    }

    /// A channel was answered for with nothing that says what was said there. Returns whether that
    /// is enough of it.
    pub(super) fn is_in_vain(&mut self, channel: &str) -> bool {
        self.channels.get_mut(channel).is_none_or(|channel| channel.tries.is_in_vain())
    }

    /// A channel told something.
    pub(super) fn answered(&mut self, channel: &str) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.tries = Again::default();
        }
    }

    /// A channel is asked now: what it falls behind from here on is another story.
    pub(super) fn asking(&mut self, channel: &str) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.again = false;
        }
    }

    /// A channel told what was said up to this; all of it, or as much as could be taken.
    pub(super) fn caught_up(&mut self, channel: &str, newest: Stamp, is_all: bool) {
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.newest = channel.newest.max(newest.0);
            if is_all && !channel.again {
                let live = channel.pending.last().copied().unwrap_or(0);
                channel.newest = channel.newest.max(live);
                channel.is_behind = false;
            }
        }
    }

    fn channel(&mut self, id: &str, stamp: u64) -> &mut Channel {
        self.moment += 1;
        if !self.channels.contains_key(id) && self.channels.len() >= CHANNEL_CHATS_KEPT {
            let idle = self.channels.iter().filter(|(_, channel)| channel.pending.is_empty());
            let silent = idle.min_by_key(|(_, channel)| channel.used).map(|(id, _)| id.clone());
            let silent = silent.or_else(|| self.channels.keys().next().cloned());
            if let Some(silent) = silent {
                self.channels.remove(&silent);
            }
        }
        let used = self.moment;
        let channel = self.channels.entry(id.to_string()).or_insert_with(|| Channel {
            newest: stamp.saturating_sub(1),
            pending: Set::new(),
            is_behind: false,
            again: false,
            tries: Again::default(),
            used,
        });
        channel.used = used;
        channel
    }

    fn finish(&mut self, id: String, place: Option<Place>) {
        self.done_ids.insert(id.clone());
        self.done.push_back((id, place));
        while self.done.len() > CHANNEL_DONE_KEPT
            && let Some((id, place)) = self.done.front()
        {
            let is_past = place.as_ref().is_none_or(|(channel, stamp)| {
                self.channels.get(channel).is_none_or(|channel| *stamp <= channel.safe())
            });
            if !is_past && self.done.len() <= CHANNEL_DONE_MAX {
                break;
            }
            self.done_ids.remove(id);
            self.done.pop_front();
        }
    }

    /// What the next start has to know.
    pub(super) fn keep(&self) -> Vec<u8> {
        let mut text = json::object(|out| {
            out.field("version", VERSION);
            out.array("channels", |out| {
                for (id, channel) in &self.channels {
                    out.array(|out| {
                        out.value(id).value(channel.safe());
                    });
                }
            });
            out.array("done", |out| {
                for (id, place) in &self.done {
                    let place = place.as_ref();
                    out.array(|out| {
                        out.value(id).value(place.map(|(channel, _)| channel.as_str()));
                        out.value(place.map(|(_, stamp)| *stamp));
                    });
                }
            });
        });
        text.push('\n');
        text.into_bytes()
    }

    /// Reads what [`keep`](Self::keep) wrote; nothing if it is not that.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut inbox = Self::default();
        let options = Options::new().depth(4).bytes(CHANNEL_KEPT_BYTES_MAX);
        let document = options.parse(bytes).ok()?;
        let root = document.root();
        if root.find("version").is_none_or(|version| version.as_u64() != Ok(VERSION)) {
            return None;
        }
        let rows = |key| root.find(key).and_then(|rows| rows.elements().ok()).into_iter().flatten();
        let text =
            |row: json::Value<'_>, index| Some(row.index(index).ok()?.as_str().ok()?.to_string());
        let number = |row: json::Value<'_>, index| row.index(index).ok()?.as_u64().ok();
        for row in rows("channels").take(CHANNEL_CHATS_KEPT) {
            let (Some(id), Some(newest)) = (text(row, 0), number(row, 1)) else { continue };
            if super::message::is_id(&id) {
                let pending = Set::new();
                let (is_behind, again, tries) = (false, false, Again::default());
                let channel = Channel { newest, pending, is_behind, again, tries, used: 0 };
                inbox.channels.insert(id, channel);
            }
        }
        for row in rows("done").take(CHANNEL_DONE_MAX) {
            if let Some(id) = text(row, 0) {
                inbox.done_ids.insert(id.clone());
                inbox.done.push_back((id, text(row, 1).zip(number(row, 2))));
            }
        }
        Some(inbox)
    }
}

impl Channel {
    fn can_take_many(&self) -> bool {
        self.pending.len() <= CHANNEL_CHAT_PENDING_MAX / 2
    }

    /// Up to where every message is safe.
    fn safe(&self) -> u64 {
        let before_open = self.pending.first().map(|first| first.saturating_sub(1));
        before_open.map_or(self.newest, |before| before.min(self.newest))
    }
}

/// Slack tells an event three times more at most, and a mention twice.
const ENVELOPES_MAX: usize = 8;

const VERSION: u64 = 1;
