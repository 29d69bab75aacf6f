//! A list of system calls of one's own: which are made, and how the others fail.
//!
//! # Invariants
//! - Such a list only narrows: what no sandbox may do, it does not open.

use alloc::vec::Vec;

/// Rules for system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRules {
    /// What becomes of a call that no rule is about.
    pub default: Verdict,
    /// Of rules that fit one call the strictest holds, in whichever order they stand.
    pub rules: Vec<CallRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRule {
    /// The names of the calls it is about. One that is not known is refused anyway.
    pub names: Vec<Vec<u8>>,
    /// What becomes of them.
    pub verdict: Verdict,
    /// What must hold of their arguments, all of it.
    pub conditions: Vec<Condition>,
}

/// What becomes of a call. The later, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is made.
    Allow,
    /// It is made, and the kernel's log says so.
    Log,
    /// It fails with this error.
    Fail(u16),
    /// The program gets a signal.
    Trap,
    /// It ends the thread.
    EndThread,
    /// It ends the process.
    EndProcess,
}

/// What must hold of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, from 0 to 5.
    pub argument: u8,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: u64,
    /// Which of its bits count, where they are chosen; all otherwise.
    pub mask: u64,
}

/// How an argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is another.
    Differs,
    /// It is less.
    Less,
    /// It is not more.
    AtMost,
    /// It is the same.
    Equals,
    /// It is not less.
    AtLeast,
    /// It is more.
    More,
    /// The bits of the mask are those of the value.
    MaskedEquals,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Differs,
        Self::Less,
        Self::AtMost,
        Self::Equals,
        Self::AtLeast,
        Self::More,
        Self::MaskedEquals,
    ];
}

impl CallRules {
    /// Nothing but these.
    #[must_use]
    pub fn only(names: Vec<Vec<u8>>) -> Self {
        let rule = CallRule { names, verdict: Verdict::Allow, conditions: Vec::new() };
        Self { default: Verdict::Fail(1), rules: alloc::vec![rule] }
    }

    /// The rules about a call, the strictest first.
    #[must_use]
    pub fn about(&self, name: &[u8]) -> Vec<&CallRule> {
        let is_about = |rule: &&CallRule| rule.names.iter().any(|known| known == name);
        let mut rules: Vec<&CallRule> = self.rules.iter().filter(is_about).collect();
        crate::order::sort_by_key(&mut rules, |rule| core::cmp::Reverse(rule.verdict));
        rules
    }

    /// Whether a call is made whatever its arguments are.
    #[must_use]
    pub fn allows(&self, name: &[u8]) -> bool {
        let about = self.about(name);
        let deciding = about.iter().find(|rule| rule.conditions.is_empty());
        let refuses = |rule: &&CallRule| rule.verdict > Verdict::Log;
        deciding.map_or(self.default, |rule| rule.verdict) <= Verdict::Log
            && !about.iter().any(refuses)
    }
}
