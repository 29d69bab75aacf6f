//! Pages: how many messages one request asks for of those that were missed.
//!
//! A hundred of the longest messages there can be are more than an answer is let have. Asked for in
//! the same way, they would be asked for in vain forever, and whoever wrote them made us deaf.
//!
//! # Invariants
//! - Only an answer that was too large makes pages smaller: a refusal, a broken platform or a cut
//!   connection says nothing of how large they are.
//!
//! # Not here
//! How many messages are asked for in all:
//! [`CHANNEL_MISSED_MAX`](crate::limits::CHANNEL_MISSED_MAX).

/// How large the next page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::channel) struct Pages {
    count: usize,
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
        self.count = if self.count > SMALL { SMALL } else { 1 };
        !was_one
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
