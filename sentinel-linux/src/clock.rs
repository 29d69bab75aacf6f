//! What time it is, for the core: one clock that never runs back, and the wall's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sentinel_core::time::{Instant, Now, Timestamp};

/// The time since the program started, and the time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: std::time::Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { began: std::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { instant: Instant(millis(self.began.elapsed())), wall: Timestamp(millis(wall)) }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
