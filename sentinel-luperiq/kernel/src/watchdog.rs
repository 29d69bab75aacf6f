//! What starts the machine again should the kernel hang.
//!
//! It is fed when the timer interrupts, and only then: a program that never ends is interrupted, a
//! kernel that never leaves is not.
//!
//! # Not here
//! The device, which also ends every other run: see [`ending`](crate::ending).

use crate::console::say;
use crate::ending;
use crate::time::{self, Instant};
use luperiq_broadcom::power::SECONDS_MAX;

/// An armed one.
#[derive(Debug)]
pub(crate) struct Watchdog {
    seconds: u32,
    fed_at: Instant,
}

impl Watchdog {
    /// Arms it, for as many seconds as a word says. Says so where there is none to be armed.
    pub(crate) fn start(word: &str) -> Option<Self> {
        let digits = word.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0')));
        let seconds = digits.fold(0, |number, digit| (number * 10 + digit).min(SECONDS_MAX)).max(1);
        say!("watchdog: {} seconds", seconds);
        let watchdog = Self { seconds, fed_at: time::now() };
        if ending::feed(seconds) {
            return Some(watchdog);
        }
        say!("watchdog: this machine has none");
        None
    }

    /// When it wants something, at the latest.
    pub(crate) fn due(&self) -> Instant {
        self.fed_at + u64::from(self.seconds) * THIRD
    }

    /// Keeps it from starting the machine again.
    pub(crate) fn feed_if_due(&mut self) {
        if time::now() >= self.due() {
            self.fed_at = time::now();
            ending::feed(self.seconds);
        }
    }
}

/// A third of a second, so that one interrupt that comes late is none too many.
const THIRD: Instant = 333_000_000;
