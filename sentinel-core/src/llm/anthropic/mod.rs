//! Anthropic's Messages API.
//!
//! # Invariants
//! - What the API refuses is not written: empty text, turns of one role in a row, thinking without
//!   its signature, results after other content, arguments that are no object, more than four marks
//!   for its cache.
//! - Kinds of events and blocks that are not known are stepped over: the API promises to add some.

mod read;
mod write;

pub(super) use read::Reader;
pub(super) use write::write;
