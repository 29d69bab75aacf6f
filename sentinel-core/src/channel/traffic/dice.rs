//! Chance for simulated platforms: a seed and what follows from it.

use core::time::Duration;

use super::Chance;

pub(in crate::channel) struct Dice(Chance);

impl Dice {
    pub(in crate::channel) fn new(seed: u64) -> Self {
        Self(Chance::new(seed))
    }

    /// A number below this bound.
    pub(in crate::channel) fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.0.between(Duration::ZERO, Duration::from_millis(bound));
        u64::try_from(drawn.as_millis()).unwrap()
    }

    pub(in crate::channel) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
