//! Handles: how the agent holds a grant.

use core::fmt;

/// A grant that somebody holds: the place of an entry in a table, and which of the entries that
/// stood in that place is meant.
///
/// A handle is a claim. It is worth what the table says when it is used: revoking the grant moves
/// the place on to the next generation, and every copy of the handle is void at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    /// The place in the table.
    pub index: u32,
    /// How many entries stood in that place before this one.
    pub generation: u32,
}

impl fmt::Display for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "h{}.{}", self.index, self.generation)
    }
}
