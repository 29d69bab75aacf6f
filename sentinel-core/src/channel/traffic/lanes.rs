//! Lanes: requests that wait for their turn, so that a platform need not refuse them.
//!
//! A platform counts requests by where they go. Each such place is a lane: what it says of itself
//! is believed, and where it says nothing, one request at a time finds out.
//!
//! # Invariants
//! - What enters a lane first leaves it first, and no lane waits for another one twice.
//! - No lane is closed for longer than [`CHANNEL_RETRY_AFTER_MAX`], whatever a platform asks.
//!
//! # Not here
//! What is sent.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use core::ops::Bound;
use core::time::Duration;

use crate::limits::{CHANNEL_LANES_MAX, CHANNEL_RETRY_AFTER_MAX, CHANNEL_WAITING_MAX};
use crate::order::Map;
use crate::time::Instant;

/// Requests by lane.
#[derive(Clone, Debug)]
pub(in crate::channel) struct Lanes<T> {
    lanes: Map<String, Lane<T>>,
    waiting: usize,
    /// Nothing leaves any lane before this.
    closed_until: Instant,
    /// What may leave within a second over all lanes, how many did, and since when.
    per_second: u32,
    gone: u32,
    second: Instant,
    /// The lane that was served last: the ones after it come first.
    last: String,
    /// The last time that was heard of.
    now: Instant,
}

#[derive(Clone, Debug)]
struct Lane<T> {
    queue: VecDeque<T>,
    /// How many more it takes before `opens`.
    room: u32,
    /// When there is room again.
    opens: Instant,
    /// How many are under way: while nothing is known of a lane, one.
    out: u32,
    is_known: bool,
}

impl<T> Lane<T> {
    const fn new() -> Self {
        Self { queue: VecDeque::new(), room: 1, opens: Instant(0), out: 0, is_known: false }
    }

    /// When its first request may leave; never, if only an answer opens it.
    fn ready(&self) -> Option<Instant> {
        if !self.is_known && self.out > 0 {
            return None;
        }
        Some(if self.room > 0 { Instant(0) } else { self.opens })
    }
}

impl<T> Lanes<T> {
    /// Empty lanes of a platform that takes so many requests a second at most.
    pub(in crate::channel) fn new(per_second: u32) -> Self {
        Self {
            lanes: Map::new(),
            waiting: 0,
            closed_until: Instant(0),
            per_second,
            gone: 0,
            second: Instant(0),
            last: String::new(),
            now: Instant(0),
        }
    }

    /// Puts a request at the end of its lane, or hands it back if too many wait.
    pub(in crate::channel) fn push(&mut self, lane: &str, item: T) -> Result<(), T> {
        if self.waiting >= CHANNEL_WAITING_MAX {
            return Err(item);
        }
        self.waiting += 1;
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.queue.push_back(item);
            return Ok(());
        }
        if self.lanes.len() >= CHANNEL_LANES_MAX {
            let now = self.now;
            let is_closed = |lane: &Lane<T>| lane.room == 0 && lane.opens > now;
            self.lanes.retain(|_, lane| !lane.queue.is_empty() || lane.out > 0 || is_closed(lane));
        }
        let mut fresh = Lane::new();
        fresh.queue.push_back(item);
        self.lanes.insert(lane.to_string(), fresh);
        Ok(())
    }

    /// The next request that may leave, and its lane.
    pub(in crate::channel) fn next(&mut self, now: Instant) -> Option<(String, T)> {
        self.now = self.now.max(now);
        if self.waiting == 0 || now < self.closed_until {
            return None;
        }
        if now.since(self.second) >= SECOND {
            (self.second, self.gone) = (now, 0);
        }
        if self.gone >= self.per_second {
            return None;
        }
        let is_open = |lane: &Lane<T>| lane.ready().is_some_and(|ready| ready <= now);
        let is_next = |lane: &Lane<T>| !lane.queue.is_empty() && is_open(lane);
        let after = (Bound::Excluded(self.last.clone()), Bound::Unbounded);
        let name = self.lanes.range(after).chain(&self.lanes).find(|(_, lane)| is_next(lane))?.0;
        let name = name.clone();
        let lane = self.lanes.get_mut(&name)?;
        let item = lane.queue.pop_front()?;
        if lane.room == 0 {
            // The time has come, and how much room there is again only the answer tells.
            lane.room = 1;
            lane.is_known = false;
        }
        lane.room = lane.room.saturating_sub(1).max(u32::from(!lane.is_known));
        lane.out += 1;
        self.gone += 1;
        self.waiting -= 1;
        self.last.clone_from(&name);
        Some((name, item))
    }

    /// A request of a lane was answered, or never will be.
    pub(in crate::channel) fn answered(&mut self, lane: &str) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.out = lane.out.saturating_sub(1);
        }
    }

    /// A lane takes so many more requests before this much time has passed.
    pub(in crate::channel) fn observe(
        &mut self,
        lane: &str,
        now: Instant,
        room: u32,
        pause: Duration,
    ) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            // What is under way is not counted yet by the platform.
            lane.room = room.saturating_sub(lane.out);
            lane.opens = now.after(pause.min(CHANNEL_RETRY_AFTER_MAX));
            lane.is_known = true;
        }
    }

    /// Nothing may leave a lane for this long.
    pub(in crate::channel) fn close(&mut self, lane: &str, now: Instant, pause: Duration) {
        self.observe(lane, now, 0, pause);
    }

    /// Nothing may leave any lane for this long.
    pub(in crate::channel) fn close_all(&mut self, now: Instant, pause: Duration) {
        let until = now.after(pause.min(CHANNEL_RETRY_AFTER_MAX));
        self.closed_until = self.closed_until.max(until);
    }

    /// When the next request may leave, if any waits for nothing but time.
    pub(in crate::channel) fn deadline(&self) -> Option<Instant> {
        if self.waiting == 0 {
            return None;
        }
        let waiting = self.lanes.values().filter(|lane| !lane.queue.is_empty());
        let first = waiting.filter_map(Lane::ready).min()?;
        let full = self.gone >= self.per_second;
        let next_second = if full { self.second.after(SECOND) } else { Instant(0) };
        Some(first.max(self.closed_until).max(next_second))
    }

    /// Whether any request that waits is such a one.
    pub(in crate::channel) fn any(&self, lane: &str, is_it: impl FnMut(&T) -> bool) -> bool {
        self.lanes.get(lane).is_some_and(|lane| lane.queue.iter().any(is_it))
    }

    /// Takes out all that wait.
    pub(in crate::channel) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.waiting = 0;
        core::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.queue)
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn all(lanes: &mut Lanes<u32>, now: u64) -> Vec<u32> {
        core::iter::from_fn(|| lanes.next(Instant(now)).map(|(_, item)| item)).collect()
    }

    #[test]
    fn what_is_not_known_goes_one_by_one() {
        let mut lanes = Lanes::new(100);
        for item in [1, 2, 3] {
            lanes.push("a", item).unwrap();
        }
        lanes.push("b", 4).unwrap();
        assert_eq!(all(&mut lanes, 10), [1, 4]);
        assert_eq!(lanes.deadline(), None, "only an answer opens them");
        lanes.answered("a");
        assert_eq!(all(&mut lanes, 11), [2]);
    }

    #[test]
    fn room_is_used_up_and_comes_back() {
        let mut lanes = Lanes::new(100);
        for item in 0..6 {
            lanes.push("a", item).unwrap();
        }
        assert_eq!(all(&mut lanes, 10), [0]);
        lanes.answered("a");
        lanes.observe("a", Instant(20), 2, Duration::from_secs(5));
        assert_eq!(all(&mut lanes, 21), [1, 2]);
        assert_eq!(lanes.deadline(), Some(Instant(5020)));
        assert!(all(&mut lanes, 5019).is_empty());
        lanes.answered("a");
        lanes.answered("a");
        assert_eq!(all(&mut lanes, 5020), [3], "how much room there is now is not known");
        lanes.answered("a");
        assert_eq!(all(&mut lanes, 5021), [4]);
    }

    #[test]
    fn a_closed_lane_opens_again_and_never_too_late() {
        let mut lanes = Lanes::new(100);
        lanes.push("a", 1).unwrap();
        lanes.push("a", 2).unwrap();
        assert_eq!(all(&mut lanes, 0), [1]);
        lanes.answered("a");
        lanes.close("a", Instant(0), Duration::from_secs(1_000_000_000));
        let opens = lanes.deadline().unwrap();
        assert_eq!(opens, Instant(0).after(CHANNEL_RETRY_AFTER_MAX));
        assert!(all(&mut lanes, opens.0 - 1).is_empty());
        assert_eq!(all(&mut lanes, opens.0), [2]);
        lanes.push("b", 3).unwrap();
        lanes.close_all(opens, Duration::from_secs(2));
        assert_eq!(lanes.deadline(), Some(opens.after(Duration::from_secs(2))));
        assert_eq!(all(&mut lanes, opens.0 + 2000), [3]);
    }

    #[test]
    fn no_more_than_so_many_leave_in_a_second() {
        let mut lanes = Lanes::new(2);
        for (lane, item) in [("a", 1), ("b", 2), ("c", 3)] {
            lanes.push(lane, item).unwrap();
        }
        assert_eq!(all(&mut lanes, 5000), [1, 2]);
        assert_eq!(lanes.deadline(), Some(Instant(6000)));
        assert_eq!(all(&mut lanes, 6000), [3]);
    }

    /// Goal: who posts to ever more places does not grow for ever. Method: a place after the other,
    /// each of which takes nothing for a second after it was posted to.
    #[test]
    fn lanes_whose_time_is_over_are_forgotten() {
        let mut lanes = Lanes::new(1000);
        for place in 0..3 * CHANNEL_LANES_MAX as u64 {
            let (lane, now) = (place.to_string(), Instant(place * 10));
            lanes.push(&lane, 1).unwrap();
            assert_eq!(lanes.next(now), Some((lane.clone(), 1)));
            lanes.answered(&lane);
            lanes.close(&lane, now, Duration::from_secs(1));
            assert!(lanes.lanes.len() <= CHANNEL_LANES_MAX, "{}", lanes.lanes.len());
        }
        let closed = lanes.lanes.values().filter(|lane| lane.opens > lanes.now);
        assert!(closed.count() >= 99, "those that are closed are remembered");
    }

    #[test]
    fn what_does_not_fit_is_handed_back() {
        let mut lanes = Lanes::new(1);
        for item in 0..CHANNEL_WAITING_MAX {
            lanes.push("a", item).unwrap();
        }
        assert_eq!(lanes.push("b", 9), Err(9));
        assert_eq!(lanes.drain().count(), CHANNEL_WAITING_MAX);
        assert_eq!(lanes.push("b", 9), Ok(()));
    }
}
