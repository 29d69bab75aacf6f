//! Questions to people, and their answers.
//!
//! A question is about one exact thing: a call with its arguments, or one limit. It is bound to the
//! digest of that thing, so that nothing else can be done with the answer. Nobody answering is an
//! answer too: no.
//!
//! # Invariants
//! - A question is answered once. Its number is never given to another one.
//! - One that nobody answers in time is denied.
//! - It ends with the turn it belongs to.
//!
//! # Not here
//! Who may answer, and what follows: [`authority`](super::authority) and the turn.

use alloc::collections::BTreeMap;
use alloc::string::String;

use sha2::{Digest as _, Sha256};

use super::codec::{Unreadable, named};
use super::number::{CallNumber, ConversationNumber, TurnNumber};
use crate::budget::Exceeded;
use crate::label::BlockId;
use crate::limits::APPROVALS_COUNT_MAX;
use crate::time::Instant;

/// What a person says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// This, once.
    Once,
    /// This, and whatever else follows from the same block until the context changes.
    Trust,
    /// This, and the same again: it becomes a grant.
    Always,
    /// No.
    No,
    /// No, and the operator should look at it.
    Alert,
}

const ANSWERS: [(Answer, &str); 5] = [
    (Answer::Once, "once"),
    (Answer::Trust, "trust"),
    (Answer::Always, "always"),
    (Answer::No, "no"),
    (Answer::Alert, "alert"),
];

impl Answer {
    /// Its word in records and commands.
    #[must_use]
    pub fn word(self) -> &'static str {
        ANSWERS.iter().find(|(answer, _)| *answer == self).map_or("no", |(_, word)| word)
    }

    /// Whether it allows anything.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::Once | Self::Trust | Self::Always)
    }

    pub(super) fn named(word: &str) -> Result<Self, Unreadable> {
        named(&ANSWERS, "answer", word)
    }
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A call.
    Call(CallNumber),
    /// A limit that would be passed, and by how much.
    Budget(Exceeded),
}

/// A question that waits.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    pub(super) conversation: ConversationNumber,
    pub(super) turn: TurnNumber,
    pub(super) subject: Subject,
    /// Of the canonical form of what is asked for.
    pub(super) digest: [u8; 32],
    /// The block that made it a question, if one did.
    pub(super) block: Option<BlockId>,
    /// Whether a grant would answer it for good.
    pub(super) may_be_always: bool,
    /// As it was shown.
    pub(super) text: String,
    /// When it is denied; `None` for one that waits until its turn is over.
    pub(super) expires: Option<Instant>,
}

/// All questions that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Approvals {
    waiting: BTreeMap<u32, Approval>,
    last: u32,
}

impl Approvals {
    /// Gives a question its number, or none if too many wait.
    pub(super) fn ask(&mut self, approval: Approval) -> Option<u32> {
        if self.waiting.len() >= APPROVALS_COUNT_MAX {
            return None;
        }
        self.last = self.last.checked_add(1)?;
        self.waiting.insert(self.last, approval);
        Some(self.last)
    }

    /// No questions wait, and this number was the last.
    pub(super) const fn after(last: u32) -> Self {
        Self { waiting: BTreeMap::new(), last }
    }

    /// The number that the next question gets.
    pub(super) const fn next_number(&self) -> u32 {
        self.last.saturating_add(1)
    }

    pub(super) fn find(&self, number: u32) -> Option<&Approval> {
        self.waiting.get(&number)
    }

    pub(super) fn take(&mut self, number: u32) -> Option<Approval> {
        self.waiting.remove(&number)
    }

    /// A question whose time is over.
    pub(super) fn expired(&self, now: Instant) -> Option<u32> {
        let is_over = |approval: &Approval| approval.expires.is_some_and(|end| end <= now);
        self.waiting.iter().find(|(_, approval)| is_over(approval)).map(|(number, _)| *number)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.values().filter_map(|approval| approval.expires).min()
    }

    /// The turn is over, and its questions with it.
    pub(super) fn end_turn(&mut self, turn: TurnNumber) {
        self.waiting.retain(|_, approval| approval.turn != turn);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Approval)> {
        self.waiting.iter().map(|(number, approval)| (*number, approval))
    }
}

/// What a question is bound to: the digest of a canonical form.
pub(super) fn digest(canonical: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"sentinel approval 1\n");
    hash.update(canonical.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(turn: u64, expires: Option<u64>) -> Approval {
        Approval {
            conversation: ConversationNumber(1),
            turn: TurnNumber(turn),
            subject: Subject::Call(CallNumber(9)),
            digest: digest("{}"),
            block: None,
            may_be_always: false,
            text: String::new(),
            expires: expires.map(Instant),
        }
    }

    #[test]
    fn a_question_is_answered_once_and_numbers_are_not_used_again() {
        let mut approvals = Approvals::default();
        assert_eq!(approvals.ask(question(1, None)), Some(1));
        assert!(approvals.take(1).is_some());
        assert!(approvals.take(1).is_none());
        assert_eq!(approvals.ask(question(1, None)), Some(2));
    }

    #[test]
    fn what_nobody_answers_expires_and_what_belongs_to_a_turn_ends_with_it() {
        let mut approvals = Approvals::default();
        approvals.ask(question(1, Some(50)));
        approvals.ask(question(2, Some(20)));
        approvals.ask(question(1, None));
        assert_eq!(approvals.deadline(), Some(Instant(20)));
        assert_eq!(approvals.expired(Instant(19)), None);
        assert_eq!(approvals.expired(Instant(20)), Some(2));
        approvals.end_turn(TurnNumber(1));
        assert_eq!(approvals.iter().map(|(number, _)| number).collect::<alloc::vec::Vec<_>>(), [2]);
    }

    #[test]
    fn only_so_many_wait() {
        let mut approvals = Approvals::default();
        for _ in 0..APPROVALS_COUNT_MAX {
            assert!(approvals.ask(question(1, None)).is_some());
        }
        assert_eq!(approvals.ask(question(1, None)), None);
    }

    #[test]
    fn different_forms_have_different_digests() {
        assert_ne!(digest("{}"), digest("{ }"));
    }
}
