//! The inbox: which messages were handed over, which of them are safe, and what was missed.
//!
//! Discord's ids grow with time, so for each channel the last message that is safe says where to go
//! on after a pause. While a channel is asked for what was missed, what happens in it waits, so
//! that nobody is answered in the wrong order.
//!
//! # Invariants
//! - A message is handed over once, unless it was not acknowledged before a new start.
//! - What is kept never says that a message is safe that was not acknowledged.
//! - A channel that does not tell what was missed holds up no other one, and itself for a while
//!   only.
//!
//! # Not here
//! What is in a message: [`super::message`].

mod kept;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

pub(super) use self::kept::Kept;
use crate::channel::incoming::Incoming;
use crate::channel::traffic::{Again, Chance, Pages};
use crate::limits::{
    CHANNEL_CHAT_PENDING_MAX, CHANNEL_CHATS_KEPT, CHANNEL_DONE_KEPT, CHANNEL_DONE_MAX,
    CHANNEL_HELD_MAX, CHANNEL_MISSED_MAX, CHANNEL_PENDING_MAX, CHANNEL_PRESSES_PENDING_MAX,
};
use crate::order;
use crate::order::{Map, Set};
use crate::time::Instant;

/// What came, and what became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    channels: Map<u64, Channel>,
    /// Handed over, and not acknowledged.
    pending: Map<u64, Pending>,
    /// Acknowledged, in this order.
    done: VecDeque<Done>,
    done_ids: Set<u64>,
    /// What may be handed over now: the channel was asked for everything before it.
    released: VecDeque<Arrival>,
    /// Counts what happens, to find the channel that was silent longest.
    moment: u64,
}

#[derive(Clone, Debug)]
struct Channel {
    is_private: bool,
    /// The last message that was handed over or is none for the agent.
    newest: u64,
    pending: Set<u64>,
    /// Where what was missed is still to be asked for.
    hole: Option<Hole>,
    used: u64,
}

/// What a channel has to be asked for.
#[derive(Clone, Debug, Default)]
struct Hole {
    held: Vec<Arrival>,
    /// Something came meanwhile that is not held: ask once more.
    again: bool,
    /// Messages that came since it is asked.
    messages: usize,
    /// How many are asked for at once.
    pages: Pages,
    tries: Again,
    /// Where a message stands that alone cannot be read.
    search: Option<Search>,
}

/// A message that cannot be read stands after `low`, and not after `high`, if that is known.
#[derive(Clone, Copy, Debug)]
struct Search {
    low: u64,
    high: Option<u64>,
    /// How far it was looked for ahead, each time twice as far.
    steps: u32,
}

/// What came of a question while such a message is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// None is looked for.
    Nowhere,
    /// It is looked for elsewhere.
    On,
    /// It is passed over.
    Found,
    /// Nothing at all can be read.
    InVain,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    channel: Option<u64>,
    /// The number of the event it came with, if the session would tell it again.
    seq: u64,
}

#[derive(Clone, Copy, Debug)]
struct Done {
    id: u64,
    channel: Option<u64>,
    seq: u64,
}

/// What is asked of a channel: what was said after a message, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) channel: u64,
    pub(super) after: u64,
    pub(super) count: usize,
}

/// A message on its way to the agent.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) id: u64,
    /// The channel to ask for it again; `None` if there is nothing to ask.
    pub(super) channel: Option<u64>,
    pub(super) is_private: bool,
    pub(super) seq: u64,
    pub(super) message: Incoming,
}

impl Inbox {
    /// A message came over the Gateway. Returns whether it was not known.
    pub(super) fn arrived(&mut self, arrival: Arrival) -> bool {
        if self.knows(arrival.id) {
            return false;
        }
        let has_room = self.has_room(arrival.channel);
        let Some(id) = arrival.channel else {
            // Nobody is asked for it again; whoever pressed a button sees that it had no effect.
            if has_room {
                self.release(arrival);
            }
            return has_room;
        };
        let is_new = !self.channels.contains_key(&id);
        self.moment += 1;
        let used = self.moment;
        let channel = self.channels.entry(id).or_insert_with(|| Channel {
            is_private: arrival.is_private,
            newest: arrival.id.saturating_sub(1),
            pending: Set::new(),
            hole: None,
            used,
        });
        channel.used = used;
        if !has_room {
            channel.hole.get_or_insert_default();
        }
        match &mut channel.hole {
            Some(hole) if hole.held.iter().any(|held| held.id == arrival.id) => return false,
            Some(hole) if hole.held.len() < CHANNEL_HELD_MAX && has_room => hole.held.push(arrival),
            Some(hole) => hole.again = true,
            None => self.release(arrival),
        }
        if is_new {
            self.forget_the_silent(id);
        }
        true
    }

    /// A message of a channel that is none for the agent: it need not be asked for.
    pub(super) fn passed(&mut self, channel: u64, id: u64) {
        if let Some(channel) = self.channels.get_mut(&channel)
            && channel.hole.is_none()
        {
            channel.newest = channel.newest.max(id);
        }
    }

    /// The agent's record of a message is safe. Returns whether it was waited for.
    pub(super) fn acknowledge(&mut self, id: u64) -> bool {
        let Some(Pending { channel, seq }) = self.pending.remove(&id) else { return false };
        if let Some(channel) = channel.and_then(|channel| self.channels.get_mut(&channel)) {
            channel.pending.remove(&id);
        }
        self.done.push_back(Done { id, channel, seq });
        self.done_ids.insert(id);
        self.forget_done();
        true
    }

    /// The next message for the agent.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        self.released.pop_front().map(|arrival| arrival.message)
    }

    /// Every channel may have gone on without us.
    pub(super) fn fall_behind(&mut self) {
        for channel in self.channels.values_mut() {
            match &mut channel.hole {
                // An answer that is under way may be from before.
                Some(hole) => (hole.again, hole.messages) = (true, 0),
                None => channel.hole = Some(Hole::default()),
            }
        }
    }

    /// A session began: what happened before it, it does not tell.
    pub(super) fn session_began(&mut self) {
        self.fall_behind();
        // The numbers of the old session mean nothing in the new one.
        for pending in self.pending.values_mut() {
            pending.seq = 0;
        }
        for done in &mut self.done {
            done.seq = 0;
        }
    }

    /// The channel to be asked next, from where on, and for how many; and when it may be. One that
    /// failed comes after all others, so that it makes us deaf in none of them.
    pub(super) fn missed(&self) -> Option<(Missed, Instant)> {
        let is_low = self.pending.len() <= CHANNEL_PENDING_MAX / 2;
        let can_take = |channel: &Channel| channel.pending.len() <= CHANNEL_CHAT_PENDING_MAX / 2;
        let channels = self.channels.iter().filter(|(_, channel)| is_low && can_take(channel));
        let holes =
            channels.filter_map(|(id, channel)| Some((*id, channel, channel.hole.as_ref()?)));
        let (channel, known, hole) = holes.min_by_key(|(.., hole)| hole.tries.from())?;
        let (after, count) = match hole.search {
            Some(search) => (search.place(), 1),
            None => (known.newest, hole.pages.count()),
        };
        Some((Missed { channel, after, count }, hole.tries.from()))
    }

    /// A channel did not answer, or asked to wait: later again, after such a pause at least.
    pub(super) fn ask_later(
        &mut self,
        channel: u64,
        now: Instant,
        pause: Duration,
        chance: &mut Chance,
    ) {
        if let Some(hole) = self.hole(channel) {
            hole.tries.failed(now, pause, chance);
        }
    }

    /// A page did not come, or could not be read: the next one may be smaller.
    pub(super) fn lost(&mut self, channel: u64) {
        if let Some(hole) = self.hole(channel) {
            hole.pages.lost(hole.tries.failures());
        }
    }

    /// A page was too large. Returns whether there is a smaller one.
    pub(super) fn too_large(&mut self, channel: u64) -> bool {
        self.hole(channel).is_some_and(|hole| hole.pages.too_large())
    }

    /// A channel was answered for with nothing that says what was missed. Returns whether that is
    /// enough of it.
    pub(super) fn is_in_vain(&mut self, channel: u64) -> bool {
        self.hole(channel).is_some_and(|hole| hole.tries.is_in_vain())
    }

    /// Whether a message of a channel is looked for that cannot be read.
    pub(super) fn is_looking(&self, channel: u64) -> bool {
        let hole = self.channels.get(&channel).and_then(|channel| channel.hole.as_ref());
        hole.is_some_and(|hole| hole.search.is_some())
    }

    /// The first message that was asked for cannot be read, alone.
    pub(super) fn was_not_read(&mut self, channel: u64) -> Look {
        let Some(known) = self.channels.get_mut(&channel) else { return Look::Nowhere };
        let Some(hole) = &mut known.hole else { return Look::Nowhere };
        let Some(search) = &mut hole.search else {
            hole.tries = Again::default();
            hole.search = Some(Search { low: known.newest, high: None, steps: 0 });
            return Look::On;
        };
        search.low = search.place();
        search.steps += u32::from(search.high.is_none());
        if search.steps > SEARCH_STEPS_MAX { Look::InVain } else { self.look_on(channel) }
    }

    /// What was asked for can be read.
    pub(super) fn was_read(&mut self, channel: u64) -> Look {
        let Some(hole) = self.hole(channel) else { return Look::Nowhere };
        hole.tries = Again::default();
        let Some(search) = &mut hole.search else { return Look::Nowhere };
        search.high = Some(search.place());
        self.look_on(channel)
    }

    /// Goes on after the place, if it is found.
    fn look_on(&mut self, channel: u64) -> Look {
        let Some(known) = self.channels.get_mut(&channel) else { return Look::Nowhere };
        let search = known.hole.as_mut().and_then(|hole| hole.search.as_mut());
        let Some(Search { low, high: Some(high), .. }) = search.copied() else { return Look::On };
        if high.saturating_sub(low) > 2 * MILLISECOND {
            return Look::On;
        }
        known.newest = known.newest.max(high);
        if let Some(hole) = &mut known.hole {
            hole.search = None;
        }
        Look::Found
    }

    fn hole(&mut self, channel: u64) -> Option<&mut Hole> {
        self.channels.get_mut(&channel)?.hole.as_mut()
    }

    /// Whether a channel is known, and whether it is between two.
    pub(super) fn is_private(&self, channel: u64) -> Option<bool> {
        self.channels.get(&channel).map(|channel| channel.is_private)
    }

    /// A message that was missed; `None` instead of it if it is none for the agent. Messages come
    /// in the order of their ids.
    pub(super) fn caught_up(&mut self, channel: u64, id: u64, arrival: Option<Arrival>) {
        let is_known = self.knows(id);
        let has_room = self.has_room(Some(channel));
        let Some(known) = self.channels.get_mut(&channel) else { return };
        let Some(hole) = &mut known.hole else { return };
        if arrival.is_some() && !is_known && !has_room {
            hole.again = true;
            return;
        }
        if hole.again && !has_room {
            return;
        }
        let held = hole.held.iter().position(|held| held.id == id);
        let held = held.map(|place| hole.held.swap_remove(place));
        known.newest = known.newest.max(id);
        // The one that came over the Gateway knows that the session would tell it again.
        if let Some(arrival) = held.or(arrival).filter(|_| !is_known) {
            self.release(arrival);
        }
    }

    /// A channel was asked, and this many messages came. Returns whether messages were passed over
    /// because there were too many.
    pub(super) fn asked(&mut self, channel: u64, count: usize, is_full: bool) -> bool {
        let Some(known) = self.channels.get_mut(&channel) else { return false };
        let Some(hole) = &mut known.hole else { return false };
        hole.pages.read();
        hole.tries = Again::default();
        if !hole.again {
            // What was not taken comes again, and is counted then.
            hole.messages += count;
        }
        let is_too_much = is_full && hole.messages >= CHANNEL_MISSED_MAX;
        if (is_full || hole.again) && !is_too_much {
            hole.again = false;
            return false;
        }
        self.close_hole(channel);
        is_too_much
    }

    /// A channel cannot be asked: what came meanwhile is all there is.
    pub(super) fn cannot_ask(&mut self, channel: u64) {
        self.close_hole(channel);
    }

    /// A channel is not there any more, or not for us.
    pub(super) fn forget(&mut self, channel: u64) {
        self.close_hole(channel);
        self.channels.remove(&channel);
    }

    fn close_hole(&mut self, channel: u64) {
        let Some(known) = self.channels.get_mut(&channel) else { return };
        let Some(mut hole) = known.hole.take() else { return };
        order::sort_by_key(&mut hole.held, |held| held.id);
        for arrival in hole.held {
            if !self.knows(arrival.id) {
                self.release(arrival);
            }
        }
    }

    fn knows(&self, id: u64) -> bool {
        self.pending.contains_key(&id) || self.done_ids.contains(&id)
    }

    /// Whether one more can be handed over, of this channel.
    fn has_room(&self, channel: Option<u64>) -> bool {
        let has_own = match channel {
            Some(channel) => self
                .channels
                .get(&channel)
                .is_none_or(|channel| channel.pending.len() < CHANNEL_CHAT_PENDING_MAX),
            None => {
                let presses = self.pending.values().filter(|pending| pending.channel.is_none());
                presses.count() < CHANNEL_PRESSES_PENDING_MAX
            }
        };
        has_own && self.pending.len() < CHANNEL_PENDING_MAX
    }

    fn release(&mut self, arrival: Arrival) {
        let Arrival { id, channel, seq, .. } = arrival;
        self.pending.insert(id, Pending { channel, seq });
        if let Some(channel) = channel.and_then(|channel| self.channels.get_mut(&channel)) {
            channel.pending.insert(id);
            channel.newest = channel.newest.max(id);
        }
        self.released.push_back(arrival);
    }

    /// The event after which a session has to go on, so that everything is told again that is not
    /// safe.
    fn safe_seq(&self, seq: u64) -> u64 {
        let held = self.channels.values().filter_map(|channel| channel.hole.as_ref());
        let held = held.flat_map(|hole| hole.held.iter().map(|held| held.seq));
        let open = self.pending.values().map(|pending| pending.seq).chain(held);
        let first = open.filter(|seq| *seq > 0).min();
        first.map_or(seq, |first| seq.min(first.saturating_sub(1)))
    }

    /// Forgets what was acknowledged so long ago that nobody will tell it again.
    fn forget_done(&mut self) {
        if self.done.len() <= CHANNEL_DONE_KEPT {
            return;
        }
        let safe = self.safe_seq(u64::MAX);
        while self.done.len() > CHANNEL_DONE_KEPT
            && let Some(done) = self.done.front()
        {
            let channel = done.channel.and_then(|channel| self.channels.get(&channel));
            let is_past = done.seq <= safe && channel.is_none_or(|at| done.id <= at.safe());
            if !is_past && self.done.len() <= CHANNEL_DONE_MAX {
                break;
            }
            self.done_ids.remove(&done.id);
            self.done.pop_front();
        }
    }

    fn forget_the_silent(&mut self, but: u64) {
        if self.channels.len() <= CHANNEL_CHATS_KEPT {
            return;
        }
        let idle = self.channels.iter().filter(|(id, channel)| {
            **id != but && channel.pending.is_empty() && channel.hole.is_none()
        });
        let silent = idle.min_by_key(|(_, channel)| channel.used).map(|(id, _)| *id);
        // Each channel that is not idle has something that waits for the agent, which is bounded.
        let silent = silent.or_else(|| self.channels.keys().copied().find(|id| *id != but));
        if let Some(silent) = silent {
            self.forget(silent);
        }
    }
}

impl Search {
    /// The place to ask after next.
    fn place(self) -> u64 {
        match self.high {
            Some(high) => self.low + high.saturating_sub(self.low) / 2,
            None => self.low.saturating_add(MILLISECOND << self.steps.min(SEARCH_STEPS_MAX)),
        }
    }
}

impl Channel {
    /// Up to where every message is safe.
    fn safe(&self) -> u64 {
        let before_open = self.pending.first().map(|first| first.saturating_sub(1));
        before_open.map_or(self.newest, |before| before.min(self.newest))
    }
}

/// A millisecond, in ids.
const MILLISECOND: u64 = 1 << 22;
/// Each step ahead is twice as far: so many are more than a year.
const SEARCH_STEPS_MAX: u32 = 36;
