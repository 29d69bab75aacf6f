//! Questions to people, and their answers.
//!
//! A question is about one exact thing: calls with their arguments, or one limit. It is bound to
//! the digest of that thing, so that nothing else can be done with the answer. Nobody answering is
//! an answer too: no.
//!
//! # Invariants
//! - A question is answered once. Its number is never given to another one.
//! - One that nobody answers in time is denied.
//! - It ends with the turn it belongs to, if nothing ended it before.
//!
//! # Not here
//! Who may answer, and what follows: [`authority`](super::authority) and the turn.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::codec::{Unreadable, named};
use super::eliciting::Asked;
use super::number::{CallNumber, ConversationNumber, TurnNumber};
use crate::budget::{Exceeded, Scope};
use crate::channel::Person;
use crate::label::BlockId;
use crate::limits::APPROVALS_COUNT_MAX;
use crate::order::Map;
use crate::time::Instant;
use crate::tool::Call;

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

/// Who answers a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// An operator: one that a platform knows, or whoever may speak for them outside of any chat.
    Operator(Option<Person>),
    /// The one for whom it was asked.
    Person(Person),
    /// Nobody, in time.
    Time,
}

impl By {
    /// The person, if it was one that a platform knows.
    pub(super) const fn person(self) -> Option<Person> {
        match self {
            Self::Operator(person) => person,
            Self::Person(person) => Some(person),
            Self::Time => None,
        }
    }

    /// How a question was answered by it, for the record.
    pub(super) fn how(self) -> String {
        match self {
            Self::Operator(_) => "an operator answered".into(),
            Self::Person(person) => format!("person {} answered", person.0),
            Self::Time => "nobody answered in time".into(),
        }
    }
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Calls of one round and one kind, nearly always one.
    Calls(Vec<CallNumber>),
    /// A limit that would be passed, and by how much.
    Budget(Exceeded),
    /// What a server asks during a call.
    Server(Asked),
    /// Whether a model may be asked what a server would know, which has this number in its call.
    Sampling { call: CallNumber, number: u64 },
}

/// A question that waits.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    pub(super) conversation: ConversationNumber,
    pub(super) turn: TurnNumber,
    /// Whose turn that is.
    pub(super) person: Option<Person>,
    pub(super) subject: Subject,
    /// Of the canonical form of what is asked for.
    pub(super) digest: [u8; 32],
    /// The block that made it a question, if one did.
    pub(super) block: Option<BlockId>,
    /// Whether a grant would answer it for good.
    pub(super) may_be_always: bool,
    /// As it was shown.
    pub(super) text: String,
    /// When it is denied.
    pub(super) expires: Instant,
}

impl Approval {
    /// What was shown of what it is about, without the ways to answer it, which come last.
    pub(super) fn about(&self) -> &str {
        self.text.rsplit_once('\n').map_or(&*self.text, |(about, _)| about)
    }

    /// Whether this is among the answers that were offered.
    pub(super) fn can_be(&self, answer: Answer) -> Result<(), &'static str> {
        match answer {
            Answer::Once if self.needs_values() => {
                Err("it asks for values: say them behind the number, as name=value")
            }
            Answer::Always if !self.may_be_always => {
                Err("it cannot be allowed for good, only once: no grant would answer it")
            }
            Answer::Trust if self.block.is_none() => {
                Err("there is no block to trust in it; it can be allowed once")
            }
            _ => Ok(()),
        }
    }

    /// Whether it is about this limit.
    pub(super) fn is_about(&self, limit: &Exceeded) -> bool {
        matches!(&self.subject, Subject::Budget(exceeded) if exceeded.is_same_limit(limit))
    }

    /// Whether a yes alone is no answer.
    fn needs_values(&self) -> bool {
        match &self.subject {
            Subject::Server(asked) => asked.form.needs_values(),
            Subject::Calls(_) | Subject::Budget(_) | Subject::Sampling { .. } => false,
        }
    }

    /// Whether the answer holds for more than the turn and the conversation it arose in.
    pub(super) const fn is_for_operators(&self) -> bool {
        match &self.subject {
            Subject::Calls(_) | Subject::Server(_) | Subject::Sampling { .. } => false,
            Subject::Budget(exceeded) => matches!(exceeded.scope, Scope::Person | Scope::Day),
        }
    }
}

/// All questions that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Approvals {
    waiting: Map<u32, Approval>,
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

    /// These questions wait, and this number was the last.
    pub(super) const fn of(waiting: Map<u32, Approval>, last: u32) -> Self {
        Self { waiting, last }
    }

    /// The questions of a conversation.
    pub(super) fn of_conversation(
        &self,
        conversation: ConversationNumber,
    ) -> impl Iterator<Item = (u32, &Approval)> {
        self.iter().filter(move |(_, approval)| approval.conversation == conversation)
    }

    /// The number that the next question gets.
    pub(super) const fn next_number(&self) -> u32 {
        self.last.saturating_add(1)
    }

    pub(super) fn find(&self, number: u32) -> Option<&Approval> {
        self.waiting.get(&number)
    }

    /// The questions of a turn, by their numbers.
    pub(super) fn of_turn(&self, turn: TurnNumber) -> Vec<u32> {
        let own = self.waiting.iter().filter(|(_, approval)| approval.turn == turn);
        own.map(|(number, _)| *number).collect()
    }

    /// The questions about a limit, where they arose, and how much was wanted.
    pub(super) fn about(&self, limit: &Exceeded) -> Vec<(u32, ConversationNumber, u64)> {
        let about = self.iter().filter_map(|(number, approval)| match &approval.subject {
            Subject::Budget(exceeded) if exceeded.is_same_limit(limit) => {
                Some((number, approval.conversation, exceeded.wanted))
            }
            _ => None,
        });
        about.collect()
    }

    /// A question of a server during this call, or about what it would have a model answer: this
    /// one, or any.
    pub(super) fn asked_by(
        &self,
        call: CallNumber,
        number: Option<u64>,
    ) -> Option<(u32, ConversationNumber)> {
        let is_meant = |approval: &Approval| match &approval.subject {
            Subject::Server(Asked { call: own, number: asked, .. })
            | Subject::Sampling { call: own, number: asked } => {
                *own == call && number.is_none_or(|number| *asked == number)
            }
            Subject::Calls(_) | Subject::Budget(_) => false,
        };
        let (question, approval) = self.iter().find(|(_, approval)| is_meant(approval))?;
        Some((question, approval.conversation))
    }

    pub(super) fn take(&mut self, number: u32) -> Option<Approval> {
        self.waiting.remove(&number)
    }

    /// A question whose time is over.
    pub(super) fn expired(&self, now: Instant) -> Option<u32> {
        let is_over = |approval: &Approval| approval.expires <= now;
        self.waiting.iter().find(|(_, approval)| is_over(approval)).map(|(number, _)| *number)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.values().map(|approval| approval.expires).min()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Approval)> {
        self.waiting.iter().map(|(number, approval)| (*number, approval))
    }
}

/// What a question about calls is bound to: one digest of their canonical forms, in order. None of
/// them holds a line break.
pub(super) fn digest_of_calls<'c>(calls: impl IntoIterator<Item = &'c Call>) -> [u8; 32] {
    let mut canonical = String::new();
    for call in calls {
        if !canonical.is_empty() {
            canonical.push('\n');
        }
        call.canonical(&mut canonical);
    }
    digest(&canonical)
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

    fn question(turn: u64, expires: u64) -> Approval {
        Approval {
            conversation: ConversationNumber(1),
            turn: TurnNumber(turn),
            person: None,
            subject: Subject::Calls(alloc::vec![CallNumber(9)]),
            digest: digest("{}"),
            block: None,
            may_be_always: false,
            text: String::new(),
            expires: Instant(expires),
        }
    }

    #[test]
    fn a_question_is_answered_once_and_numbers_are_not_used_again() {
        let mut approvals = Approvals::default();
        assert_eq!(approvals.ask(question(1, 90)), Some(1));
        assert!(approvals.take(1).is_some());
        assert!(approvals.take(1).is_none());
        assert_eq!(approvals.ask(question(1, 90)), Some(2));
    }

    #[test]
    fn what_nobody_answers_expires_and_a_turn_knows_its_questions() {
        let mut approvals = Approvals::default();
        approvals.ask(question(1, 50));
        approvals.ask(question(2, 20));
        approvals.ask(question(1, 90));
        assert_eq!(approvals.deadline(), Some(Instant(20)));
        assert_eq!(approvals.expired(Instant(19)), None);
        assert_eq!(approvals.expired(Instant(20)), Some(2));
        assert_eq!(approvals.of_turn(TurnNumber(1)), [1, 3]);
    }

    #[test]
    fn only_so_many_wait() {
        let mut approvals = Approvals::default();
        for _ in 0..APPROVALS_COUNT_MAX {
            assert!(approvals.ask(question(1, 90)).is_some());
        }
        assert_eq!(approvals.ask(question(1, 90)), None);
    }

    #[test]
    fn different_forms_have_different_digests() {
        assert_ne!(digest("{}"), digest("{ }"));
    }
}
