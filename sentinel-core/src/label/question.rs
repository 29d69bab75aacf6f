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
//! Each call keeps an approval of its own, bound to its digest; one answer only answers them all.

use alloc::vec::Vec;

use super::decide::{Answer, Decision, Reason, Rule};

/// Calls that are asked about together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'c> {
    /// The tool.
    pub tool: &'c str,
    /// The rule that asks.
    pub rule: Rule,
    /// Why.
    pub reason: Reason,
    /// The argument in question, if it is one.
    pub argument: Option<&'c str>,
    /// The places of the calls among those that were given.
    pub calls: Vec<usize>,
}

/// The questions of one round of calls.
#[must_use]
pub fn questions<'c>(
    calls: impl IntoIterator<Item = (&'c str, Decision<'c>)>,
) -> Vec<Question<'c>> {
    let mut questions: Vec<Question<'c>> = Vec::new();
    for (index, (tool, decision)) in calls.into_iter().enumerate() {
        if decision.answer != Answer::Ask {
            continue;
        }
        let Decision { rule, reason, argument, .. } = decision;
        let alike = questions.iter_mut().find(|question| {
            (question.tool, question.rule, question.reason, question.argument)
                == (tool, rule, reason, argument)
        });
        match alike {
            Some(question) => question.calls.push(index),
            None => {
                let calls = alloc::vec![index];
                questions.push(Question { tool, rule, reason, argument, calls });
            }
        }
    }
    questions
}
