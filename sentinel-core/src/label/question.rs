//! One question for several calls of a kind.
//!
//! A person who is asked ten times in a row stops reading. Calls of one round that ask for the same
//! reason, of the same tool and about the same argument, are one question with all their arguments
//! shown.
//!
//! # Invariants
//! - Every call that asks is in exactly one question, in the order of the calls.
//! - Calls that ask for different reasons are never put together: one answer means one thing.
//!
//! # Not here
//! Binding the one answer to all the calls: `agent`.

use alloc::string::String;
use alloc::vec::Vec;

use super::decide::{Answer, Decision, Reason, Rule};

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The tool.
    pub tool: String,
    /// The rule that asks.
    pub rule: Rule,
    /// Why.
    pub reason: Reason,
    /// The argument in question, if it is one.
    pub argument: Option<String>,
}

impl Decision<'_> {
    /// What a person is asked about, if this is a question about a call of that tool.
    #[must_use]
    pub fn topic(&self, tool: &str) -> Option<Topic> {
        let Self { rule, reason, argument, .. } = *self;
        let argument = argument.map(Into::into);
        (self.answer == Answer::Ask).then(|| Topic { tool: tool.into(), rule, reason, argument })
    }
}

/// The questions of one round, each with its calls.
#[must_use]
pub fn questions<T>(calls: impl IntoIterator<Item = (Topic, T)>) -> Vec<(Topic, Vec<T>)> {
    let mut questions: Vec<(Topic, Vec<T>)> = Vec::new();
    for (topic, call) in calls {
        match questions.iter_mut().find(|(known, _)| *known == topic) {
            Some((_, calls)) => calls.push(call),
            None => questions.push((topic, alloc::vec![call])),
        }
    }
    questions
}
