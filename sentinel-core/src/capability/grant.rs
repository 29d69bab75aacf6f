//! A grant: what a person allowed, how far, and until when.
//!
//! # Not here
//! How it is written: [`spec`](super::spec). How it is held: [`Table`](super::Table).

use core::fmt;

use super::{Level, Resource};
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
}

impl Grant {
    /// A grant of this, on this level, without end.
    #[must_use]
    pub const fn new(resource: Resource, level: Level) -> Self {
        Self { resource, level, until: None, uses: None }
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
            && self.resource.is_within(&other.resource)
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
