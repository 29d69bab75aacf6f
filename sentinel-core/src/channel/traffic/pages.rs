//! Pages: how many messages one request asks for of those that were missed.
//!
//! A hundred of the longest messages there can be are more than an answer is let have. Asked for in
//! the same way, they would be asked for in vain forever, and whoever wrote them made us deaf.
//!
//! # Invariants
//! - An answer that was too large makes pages smaller. A refusal or a broken platform says nothing
//!   of how large they are; that none came, and again none, may be because of it.
//!
//! # Not here
//! How many messages are asked for in all:
//! [`CHANNEL_MISSED_MAX`](crate::limits::CHANNEL_MISSED_MAX).

/// How large the next page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::channel) struct Pages {
    count: usize,
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl Pages {
    pub(in crate::channel) const fn new() -> Self {
        Self { count: LARGE }
    }

    /// Messages of the next page.
    pub(in crate::channel) const fn count(self) -> usize {
        self.count
    }

    /// A page was more than an answer is let have. Returns whether there is a smaller one.
    pub(in crate::channel) fn too_large(&mut self) -> bool {
        let was_one = self.count == 1;
        self.smaller();
        !was_one
    }

    /// A page did not come at all, `failures` times in a row before: over a slow line a large one
    /// takes longer than an answer may. Returns whether the next one is another.
    pub(in crate::channel) fn lost(&mut self, failures: u32) -> bool {
        let before = self.count;
        if failures > 0 {
            self.smaller();
        }
        self.count != before
    }

    fn smaller(&mut self) {
        self.count = if self.count > SMALL { SMALL } else { 1 };
    }

    /// A page was read: the next one may be larger.
    pub(in crate::channel) fn read(&mut self) {
        self.count = if self.count < SMALL { SMALL } else { LARGE };
    }
}

/// What platforms give at once.
const LARGE: usize = 100;
/// What people and their programs put into so many messages mostly fits an answer. If it does not,
/// they are asked for one by one.
const SMALL: usize = 10;
