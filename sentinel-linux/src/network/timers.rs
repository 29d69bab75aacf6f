//! When to look again, without a wake-up for every byte that moved.
//!
//! A deadline that moves further away is left where it is: when it comes, its owner looks at the
//! real one and asks again. So progress costs nothing, and an exchange that runs for long wakes the
//! program once for each of its deadlines.

use sentinel_core::order::{Map, Set};
use sentinel_core::time::Instant;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Flow(u64),
    Lookup(u32),
    /// A connection that waits for its next use.
    Idle(u32),
}

/// All that are set; each stands once.
#[derive(Debug, Default)]
pub(super) struct Timers {
    order: Set<(Instant, Timer)>,
    set: Map<Timer, Instant>,
}

impl Timers {
    /// Sets a timer, unless it comes sooner anyway.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        match self.set.get(&timer) {
            Some(set) if *set <= at => return,
            Some(set) => {
                self.order.remove(&(*set, timer));
            }
            None => {}
        }
        self.set.insert(timer, at);
        self.order.insert((at, timer));
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.set.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// One timer whose time has come; it is no longer set.
    pub(super) fn due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.set.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_comes_first_and_later_wishes_change_nothing() {
        let mut timers = Timers::default();
        timers.set(Timer::Flow(1), Instant(50));
        timers.set(Timer::Flow(1), Instant(90));
        timers.set(Timer::Lookup(1), Instant(60));
        timers.set(Timer::Lookup(1), Instant(40));
        timers.set(Timer::Idle(1), Instant(10));
        timers.clear(Timer::Idle(1));
        assert_eq!(timers.next(), Some(Instant(40)));
        assert_eq!(timers.due(Instant(39)), None);
        assert_eq!(timers.due(Instant(99)), Some(Timer::Lookup(1)));
        assert_eq!(timers.due(Instant(99)), Some(Timer::Flow(1)));
        assert_eq!(timers.due(Instant(99)), None);
        assert_eq!(timers.next(), None);
    }
}
