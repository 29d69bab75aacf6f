//! What the grants say of one request.

use super::Handle;

/// How much a grant trusts its use.
///
/// The order is from free to forbidden, so that the stricter of two levels is the larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Used without a question.
    Allow,
    /// The first use asks; after it was allowed, the grant allows until it ends.
    Once,
    /// Every use asks.
    Ask,
    /// A rule that forbids; it wins over every grant that allows.
    Deny,
}

/// What a table of grants says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A grant covers the request, on this level ([`Level::Deny`] never stands here).
    Covered {
        /// The grant that is to be used.
        handle: Handle,
        /// What it asks for before it is used.
        level: Level,
    },
    /// A deny rule covers it.
    Denied {
        /// The rule.
        handle: Handle,
    },
    /// Nobody granted it.
    Uncovered,
}
