//! Pauses after failures: the more there were, the longer.
//!
//! # Invariants
//! - The same seed and the same failures give the same pauses.
//! - No pause is shorter than what Telegram asked for, within its bound.
//!
//! # Not here
//! What a failure is.

use core::time::Duration;

use crate::limits::{TELEGRAM_PAUSE, TELEGRAM_PAUSE_MAX, TELEGRAM_RETRY_AFTER_MAX};
use crate::time::Instant;

/// When something may be tried again.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    failures: u32,
    until: Option<Instant>,
    /// The state of a SplitMix64: many agents that lost one server do not come back at once.
    chance: u64,
}

impl Pause {
    pub(super) const fn new(seed: u64) -> Self {
        Self { failures: 0, until: None, chance: seed }
    }

    /// Another failure; says how many there were in a row.
    pub(super) fn failed(&mut self, now: Instant, asked: Option<Duration>) -> u32 {
        self.failures = self.failures.saturating_add(1);
        let doublings = self.failures.saturating_sub(1).min(16);
        let pause = TELEGRAM_PAUSE.saturating_mul(1 << doublings).min(TELEGRAM_PAUSE_MAX);
        let pause = pause.max(asked.unwrap_or_default().min(TELEGRAM_RETRY_AFTER_MAX));
        let share = u32::try_from(self.draw() % 256).unwrap_or_default();
        self.until = Some(now.after(pause + pause / 1024 * share));
        self.failures
    }

    /// It went well.
    pub(super) fn succeeded(&mut self) {
        (self.failures, self.until) = (0, None);
    }

    /// It went well, but too fast: not before this.
    pub(super) fn rest(&mut self, now: Instant) {
        (self.failures, self.until) = (0, Some(now.after(TELEGRAM_PAUSE)));
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    fn draw(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
    }
}
