//! What a sandbox is asked to be, as a value.
//!
//! Who starts a program in a sandbox says here everything that the program will have: files with
//! their rights, a network or none, an environment, limits. What is not said it does not have. The
//! value goes to another process, which does it; so it is also written as bytes and read back.
//!
//! # Invariants
//! - A profile that was read has only what one that was written can have, within the same bounds.
//!
//! # Not here
//! Doing it: that is a shell's, and its kernel's.

mod oci;
#[cfg(feature = "config")]
pub mod policy;
mod profile;
mod request;
mod rules;

pub use self::oci::Machine;
pub use self::profile::{
    Calls, CallsMode, Limits, Mount, Network, Profile, ProfileError, Requirement, Rights,
};
pub use self::request::RequestError;
pub use self::rules::{CallRule, CallRules, Comparison, Condition, Verdict};
