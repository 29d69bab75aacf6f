//! Loops: the same call with the same result, again and again.
//!
//! # Invariants
//! - It is bounded: the oldest calls of a long turn are forgotten first.
//!
//! # Not here
//! What is done about a loop: the turn ends.

use alloc::collections::VecDeque;

use crate::limits::{TURN_REPETITIONS_KEPT, TURN_REPETITIONS_MAX};

type Digest = [u8; 32];

/// The calls of one turn, and what came of them.
///
/// ```
/// use sentinel_core::agent::Repetition;
///
/// let mut seen = Repetition::new();
/// let (call, result) = ([1; 32], [2; 32]);
/// assert!(!seen.saw(&call, &result));
/// assert!(!seen.saw(&call, &[3; 32]));
/// assert!(!seen.saw(&call, &result));
/// assert!(seen.saw(&call, &result));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Repetition {
    seen: VecDeque<(Digest, Digest, u8)>,
}

impl Repetition {
    /// Nothing was called yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { seen: VecDeque::new() }
    }

    /// Calls and results that were seen before, and how often.
    pub(super) fn of(seen: impl IntoIterator<Item = (Digest, Digest, u8)>) -> Self {
        Self { seen: seen.into_iter().take(TURN_REPETITIONS_KEPT).collect() }
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = &(Digest, Digest, u8)> {
        self.seen.iter()
    }

    /// A call, by the digest of its canonical form, gave a result, by its digest. Says whether that
    /// makes it a loop; other calls in between change nothing.
    pub fn saw(&mut self, call: &Digest, result: &Digest) -> bool {
        let known = self.seen.iter_mut().find(|(a, b, _)| a == call && b == result);
        if let Some((.., count)) = known {
            *count = count.saturating_add(1);
            return *count >= TURN_REPETITIONS_MAX;
        }
        if self.seen.len() >= TURN_REPETITIONS_KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back((*call, *result, 1));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_alternate_are_a_loop_too() {
        let mut seen = Repetition::new();
        let verdicts: alloc::vec::Vec<bool> =
            (0..6).map(|round| seen.saw(&[round % 2; 32], &[9; 32])).collect();
        assert_eq!(verdicts, [false, false, false, false, true, true]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Repetition::new();
        for number in 0..10_000u32 {
            let mut call = [0; 32];
            call[..4].copy_from_slice(&number.to_le_bytes());
            assert!(!seen.saw(&call, &[0; 32]));
        }
        assert!(seen.seen.len() <= TURN_REPETITIONS_KEPT);
    }
}
