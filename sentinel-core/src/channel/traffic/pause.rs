//! Pauses: how long to wait before something that failed is tried again.
//!
//! # Invariants
//! - No two agents that lost a platform at the same moment come back at the same moment.
//!
//! # Not here
//! Secrets: what is drawn here spreads things in time and nothing else.

use core::time::Duration;

use crate::limits::{
    CHANNEL_BACKOFF_MAX, CHANNEL_FAILURES_TOLD, CHANNEL_HISTORY_TRIES_MAX, CHANNEL_RETRY_PAUSE,
};
use crate::time::Instant;

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub(in crate::channel) struct Chance(u64);

impl Chance {
    pub(in crate::channel) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64: every seed is as good as any other.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time between these two, the first one included.
    pub(in crate::channel) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
        least + Duration::from_millis(self.next().checked_rem(span).unwrap_or(0))
    }
}

/// Failures in a row, and the pause after them.
#[derive(Clone, Debug, Default)]
pub(in crate::channel) struct Backoff {
    failures: u32,
    is_told: bool,
}

impl Backoff {
    /// The pause after one more failure: between a half and the whole of what doubles each time.
    pub(in crate::channel) fn next(&mut self, chance: &mut Chance) -> Duration {
        let doubled = CHANNEL_RETRY_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let most = doubled.min(CHANNEL_BACKOFF_MAX);
        chance.between(most / 2, most)
    }

    /// How many failures there were in a row.
    pub(in crate::channel) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the operator is to be told: once, after some failures, until it works again.
    pub(in crate::channel) fn is_to_be_told(&mut self) -> bool {
        self.failures >= CHANNEL_FAILURES_TOLD && !core::mem::replace(&mut self.is_told, true)
    }

    /// It works again.
    pub(in crate::channel) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Something that is asked for again after it failed, beside others of its kind: each has pauses of
/// its own, so that one that always fails holds up none of them.
#[derive(Clone, Debug, Default)]
pub(in crate::channel) struct Again {
    from: Instant,
    backoff: Backoff,
    /// How often the answer said nothing, in a row.
    vain: u32,
}

impl Again {
    /// When it may be asked for; the earliest of several has waited longest.
    pub(in crate::channel) fn from(&self) -> Instant {
        self.from
    }

    /// It was asked for, and has to be asked for again, after such a pause at least.
    pub(in crate::channel) fn failed(
        &mut self,
        now: Instant,
        pause: Duration,
        chance: &mut Chance,
    ) {
        self.from = now.after(self.backoff.next(chance).max(pause));
    }

    /// How many failures there were in a row.
    pub(in crate::channel) fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// The answer said nothing. Returns whether that is enough of it. A platform that is not
    /// reached at all is not counted: nothing could be said there anyway.
    pub(in crate::channel) fn is_in_vain(&mut self) -> bool {
        self.vain = self.vain.saturating_add(1);
        self.vain >= CHANNEL_HISTORY_TRIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_spread() {
        let (mut chance, mut backoff) = (Chance::new(7), Backoff::default());
        let mut most = CHANNEL_RETRY_PAUSE;
        for _ in 0..40 {
            let pause = backoff.next(&mut chance);
            assert!(pause >= most / 2 && pause <= most, "{pause:?} of {most:?}");
            most = (most * 2).min(CHANNEL_BACKOFF_MAX);
        }
        backoff.reset();
        assert!(backoff.next(&mut chance) <= CHANNEL_RETRY_PAUSE);
        let draw = |seed| Backoff::default().next(&mut Chance::new(seed));
        assert!((0..20).any(|seed| draw(seed) != draw(seed + 1)));
    }
}
