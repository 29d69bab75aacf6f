//! Where content came from, who may see it, and what may follow from it.
//!
//! The model is assumed to be persuaded by whoever wrote the worst line of its context. So nothing
//! here asks what it means or wants: a block carries a [`Label`] that the runtime set, a tool
//! carries a [`ToolRole`] that a person wrote, and what a call may do follows from those two, from
//! the grants and from the exact values of its arguments.
//!
//! # Invariants
//! - A derived label is never better than what it was derived from ([`Label::join`]).
//! - The model sets no label, and no text of an untrusted block becomes trusted without a person.
//!
//! # Not here
//! Grants and their matching: `capability`. Asking and remembering the answer: `agent`.

mod arguments;
mod context;
mod decide;
mod everyday;
mod explain;
mod extraction;
mod fold;
#[allow(clippy::module_inception, reason = "the one idea of the module is the label")]
mod label;
mod moment;
mod phrases;
mod question;
mod readers;
mod records;
mod reference;
mod sway;
mod tool;
mod urls;

pub use arguments::{Leaf, Leaves};
pub use context::{BlockId, Context, EndorseError, Endorsement, PlanError};
pub use decide::{Answer, Call, Decision, Flow, Hold, Mode, Reason, Rule, decide};
#[cfg(feature = "agent")]
pub(crate) use explain::visible;
pub use explain::{BlockText, Explanation, Offer, Origin, explain};
pub use extraction::{Absence, Extraction, Sought};
pub use label::{Integrity, Label, Secrecy, Source};
pub use question::{Topic, questions};
pub use readers::{PatternError, Readers};
pub use reference::{Reference, ReferenceKind};
pub use tool::{Effect, Output, Parameter, ParameterKind, Records, TaintedPayload, ToolRole};
