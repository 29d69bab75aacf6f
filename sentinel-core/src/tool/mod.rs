//! Tools: what a model may ask for, and what its asking means.
//!
//! A model writes a name and a JSON text. Here that becomes a [`Call`]: a typed value, checked
//! strictly, with one canonical form. Everything that follows (authority, labels, approval, the
//! deed) works on that value.
//!
//! - [`Tools`] holds the tools of an agent: [`Builtin`] ones and those that skills bring along.
//! - [`Tools::read`] turns a [`ToolUse`](crate::llm::ToolUse) into a [`Call`], or into an error
//!   that tells the model how to mend it.
//! - [`Call::with_requests`] says what a call needs to be granted.
//! - [`excerpt`], [`replace`] and [`Glob`] are what shells need of texts and names to do it.
//! - [`Call::canonical`] is what approvals and loop detection compare.
//!
//! # Invariants
//! - A call is read once. What was judged is what is done.
//! - Nothing here is decided by a description or a schema that somebody else wrote.
//!
//! # Not here
//! Whether a call may be made: `capability` and `label`. Doing it: the shell.

mod arguments;
mod builtin;
mod call;
#[cfg(feature = "agent")]
mod contents;
mod edit;
mod error;
mod excerpt;
mod findings;
mod glob;
mod operation;
mod parameter;
mod registry;
mod requests;
mod role;

#[cfg(test)]
mod tests;

pub use builtin::Builtin;
pub use call::{Call, ForeignCall, Needs};
#[cfg(feature = "agent")]
pub(crate) use contents::Unfit;
pub use edit::{EditError, replace};
pub use error::{ArgumentError, ArgumentProblem, Place, UnknownTool};
pub use excerpt::{excerpt, is_text};
pub use findings::{Findings, listing};
pub use glob::Glob;
pub use operation::Operation;
pub use registry::{CallError, Tool, ToolProblem, ToolRefused, Tools, looks_like};
pub use requests::{BETWEEN, RequestError, Surroundings};
