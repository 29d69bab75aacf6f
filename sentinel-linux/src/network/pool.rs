//! Connections that wait for their next use.

use std::collections::VecDeque;
use std::time::Duration;

use super::place::Place;

/// Which they are, the one that waits longest first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    waiting: VecDeque<(Place, u32)>,
}

impl Pool {
    /// Puts one aside, and says which one has to go for it, if any.
    pub(super) fn put(&mut self, place: Place, index: u32) -> Option<u32> {
        let is_same = |(other, _): &&(Place, u32)| *other == place;
        let is_place_full = self.waiting.iter().filter(is_same).count() >= PLACE_COUNT_MAX;
        let leaver = match is_place_full {
            true => self.waiting.iter().position(|(other, _)| *other == place),
            false => (self.waiting.len() >= COUNT_MAX).then_some(0),
        };
        let leaver = leaver.and_then(|position| self.waiting.remove(position));
        self.waiting.push_back((place, index));
        leaver.map(|(_, index)| index)
    }

    /// The one to a place that was used last: the likeliest to be still good.
    pub(super) fn take(&mut self, place: &Place) -> Option<u32> {
        let position = self.waiting.iter().rposition(|(other, _)| other == place)?;
        self.waiting.remove(position).map(|(_, index)| index)
    }

    /// Takes one out; false if it is not here.
    pub(super) fn remove(&mut self, index: u32) -> bool {
        let count = self.waiting.len();
        self.waiting.retain(|(_, other)| *other != index);
        self.waiting.len() < count
    }
}

/// Most servers close after a minute; who closes first does not run into it.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(50);
/// As many as answer at once most of the time; each costs some memory, a TLS one 20 KiB.
const COUNT_MAX: usize = 32;
const PLACE_COUNT_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Place {
        Place { is_tls: true, host: host.into(), port: 443, is_proxied: false }
    }

    #[test]
    fn the_last_is_used_first_and_the_first_makes_room() {
        let mut pool = Pool::default();
        for index in 0..16 {
            assert_eq!(pool.put(place("a"), index), None);
        }
        assert_eq!(pool.put(place("a"), 16), Some(0), "a place has its bound");
        assert_eq!(pool.take(&place("a")), Some(16));
        assert_eq!(pool.take(&place("b")), None);
        for index in 100..116 {
            assert_eq!(pool.put(place("b"), index), None);
        }
        assert_eq!(pool.put(place("c"), 200), None);
        assert_eq!(pool.put(place("d"), 201), Some(1), "all have theirs");
        assert!(pool.remove(200));
        assert!(!pool.remove(200));
        let other = Place { is_proxied: true, ..place("d") };
        assert_eq!(pool.take(&other), None, "another way is another place");
    }
}
