//! A grant: what a person allowed, how far, and until when.
//!
//! # Not here
//! How it is written: [`spec`](super::spec). How it is held: [`Table`](super::Table).

use core::fmt;

use super::{CommandRule, Level, Resource};
use crate::time::Timestamp;

/// What a person allowed, or forbade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it is about.
    pub resource: Resource,
    /// How much its use is trusted.
    pub level: Level,
    /// When it ends, if it does.
    pub until: Option<Timestamp>,
    /// How often it may be used, if that is counted.
    pub uses: Option<u32>,
    /// Whether what cannot be undone needs no question once something untrusted was read.
    pub allows_irreversible: bool,
}

impl Grant {
    /// A grant of this, on this level, without end.
    #[must_use]
    pub const fn new(resource: Resource, level: Level) -> Self {
        Self { resource, level, until: None, uses: None, allows_irreversible: false }
    }

    /// Whether it allows nothing that `other` does not.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let is_sooner = match (self.until, other.until) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(other)) => own <= other,
        };
        let are_fewer = match (self.uses, other.uses) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(other)) => own <= other,
        };
        self.level >= other.level
            && is_sooner
            && are_fewer
            && (other.allows_irreversible || !self.allows_irreversible)
            && self.resource.is_within(&other.resource)
    }

    /// Refuses a grant that says nothing or contradicts itself.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), GrantError> {
        let is_denial = self.level == Level::Deny;
        if self.uses == Some(0) || self.until.is_some_and(|until| until <= now) {
            return Err(GrantError::Empty);
        }
        if is_denial && self.uses.is_some() {
            return Err(GrantError::Contradiction("a rule that forbids is not used up"));
        }
        match &self.resource {
            Resource::Files { rights, .. } if rights.is_empty() => Err(GrantError::Empty),
            Resource::Command(rule) => check_command(rule, is_denial),
            Resource::Connect { ports, .. } if ports.first > ports.last => Err(GrantError::Empty),
            Resource::Listen { ports, .. } if ports.first > ports.last => Err(GrantError::Empty),
            Resource::Skill { name, .. } | Resource::Sampling { skill: name, .. }
                if name.is_empty() =>
            {
                Err(GrantError::Empty)
            }
            Resource::Configure { key } if key.split('.').any(str::is_empty) => {
                Err(GrantError::Empty)
            }
            _ => Ok(()),
        }
    }
}

/// Whose table entry it is: the agent, or a skill that was handed a part of what the agent has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(pub u32);

impl Holder {
    /// The agent itself.
    pub const AGENT: Self = Self(0);
}

/// Why a grant is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantError {
    /// The table is full.
    Full,
    /// The grant it should be derived from is not there, or has ended.
    Gone,
    /// It would be wider than the one it is derived from.
    Wider,
    /// A rule that forbids cannot be handed on.
    Denial,
    /// It is derived from one that is derived, too many times over.
    TooDeep,
    /// It has no use: no rights, no uses, or it has ended.
    Empty,
    /// What it says contradicts itself or is no rule.
    Contradiction(&'static str),
}

impl fmt::Display for GrantError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full => "there are too many grants; revoke some",
            Self::Gone => "the grant it comes from has ended or was revoked",
            Self::Wider => "it would allow more than the grant it comes from",
            Self::Denial => "a rule that forbids cannot be handed on",
            Self::TooDeep => "it has been handed on too many times",
            Self::Empty => "it would allow nothing: no rights, no uses, or an end that has passed",
            Self::Contradiction(what) => what,
        })
    }
}

impl core::error::Error for GrantError {}

fn check_command(rule: &CommandRule, is_denial: bool) -> Result<(), GrantError> {
    let is_bad_word = |word: &str| word.is_empty() || word.starts_with('-');
    if rule.subcommands.iter().any(|word| is_bad_word(word)) {
        return Err(GrantError::Contradiction("a subcommand is a word, not an option"));
    }
    let is_no_option = |option: &str| option.is_empty() || option == "-" || option == "--";
    if rule.refused.iter().any(|option| is_no_option(option)) {
        return Err(GrantError::Contradiction("an option to refuse is empty or only dashes"));
    }
    if rule.subcommands.iter().any(|word| rule.refused.contains(word)) {
        return Err(GrantError::Contradiction("a word is both a subcommand and refused"));
    }
    let narrows = !rule.refused.is_empty() || rule.may_use_any_path || rule.is_unguarded;
    if is_denial && narrows {
        let what = "a rule that forbids names a program and subcommands, nothing else";
        return Err(GrantError::Contradiction(what));
    }
    Ok(())
}
