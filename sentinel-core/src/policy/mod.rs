//! Tests of a policy, written by whoever wrote the policy.
//!
//! A scenario tells a conversation in one line of JSON: what was said and by whom, what tools gave
//! back, which calls were proposed, and what should become of each. Core runs it through the same
//! judge that decides in earnest, so the command line, the dashboard and our own tests agree.
//!
//! # Not here
//! Reading files and printing: those are for shells. The format is described in `docs/POLICY.md`.

mod needs;
mod read;
mod scenario;

pub use read::ScenarioError;
#[cfg(feature = "config")]
pub(crate) use read::{EFFECTS, INTEGRITIES, MODES, PAYLOADS, SECRECIES};
pub use scenario::{CallOutcome, Difference, Outcome, Suite, Tally};
