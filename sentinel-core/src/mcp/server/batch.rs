//! Batches: several requests whose answers go out as one.
//!
//! # Invariants
//! - The answers of a batch are sent once, when nothing of it is still to come.
//! - A batch to which nothing is to be answered is not answered.
//!
//! # Not here
//! Which revision has them: [`Version`](super::Version).

use alloc::string::String;
use alloc::vec::Vec;

use super::super::id::Id;

/// Where an answer belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) id: Id,
    /// The batch the request came in.
    pub(super) batch: Option<u64>,
}

/// The batches that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: Vec<Batch>,
    last: u64,
}

#[derive(Debug)]
struct Batch {
    number: u64,
    /// How many answers are still to come.
    missing: usize,
    /// Whether messages of it are still being read.
    is_open: bool,
    answers: String,
}

impl Batches {
    pub(super) fn begin(&mut self) -> u64 {
        self.last += 1;
        let batch = Batch { number: self.last, missing: 0, is_open: true, answers: String::new() };
        self.open.push(batch);
        self.last
    }

    /// All of it was read: what is to be sent, if nothing is missing.
    pub(super) fn close(&mut self, number: u64) -> Option<String> {
        let batch = self.open.iter_mut().find(|batch| batch.number == number)?;
        batch.is_open = false;
        self.whole(number)
    }

    /// One more message of it will be answered, or given up.
    pub(super) fn expect(&mut self, number: Option<u64>) {
        let found = self.open.iter_mut().find(|batch| Some(batch.number) == number);
        if let Some(batch) = found {
            batch.missing += 1;
        }
    }

    /// What is to be sent for this answer: itself, or its whole batch, or nothing yet.
    pub(super) fn answer(&mut self, number: Option<u64>, answer: String) -> Option<String> {
        let Some(number) = number else { return Some(answer) };
        let batch = self.open.iter_mut().find(|batch| batch.number == number)?;
        batch.answers.push(if batch.answers.is_empty() { '[' } else { ',' });
        batch.answers.push_str(&answer);
        self.give_up(Some(number))
    }

    /// One answer less is to come.
    pub(super) fn give_up(&mut self, number: Option<u64>) -> Option<String> {
        let number = number?;
        let batch = self.open.iter_mut().find(|batch| batch.number == number)?;
        batch.missing = batch.missing.saturating_sub(1);
        self.whole(number)
    }

    fn whole(&mut self, number: u64) -> Option<String> {
        let is_whole =
            |batch: &Batch| batch.number == number && !batch.is_open && batch.missing == 0;
        let place = self.open.iter().position(is_whole)?;
        let mut answers = self.open.remove(place).answers;
        if answers.is_empty() {
            return None;
        }
        answers.push(']');
        Some(answers)
    }
}
