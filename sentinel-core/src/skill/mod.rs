//! Skills: what somebody's program says of itself, and what that is worth.
//!
//! A skill is a folder. Its manifest, `skill.toml`, names its tools with the types of their
//! parameters and says what it must have, may have and shall never have. All of it is a claim: what
//! a skill may do is what was granted, and the manifest only tells the operator what to grant. What
//! was approved is pinned by the digest of the whole folder, so that other files need another look.
//! Its author may sign that digest, which says whose it is and runs nothing.
//! A folder with a `SKILL.md` brings instructions along: text for the model, labelled as the
//! skill's.
//!
//! ```
//! use sentinel_core::skill::Manifest;
//!
//! let reading = Manifest::read("skill.toml", "[skill]\nnam = \"weather\"\n");
//! assert!(reading.value.is_none());
//! let said: Vec<String> = reading.diagnostics.iter().map(ToString::to_string).collect();
//! let missing = "skill.toml:1:2: 'name' is missing\n  1 | [skill]\n    |  ^^^^^";
//! assert!(said.iter().any(|line| line == missing));
//! let suggests = |line: &&String| line.contains("did you mean 'name'?");
//! assert!(said.iter().find(suggests).unwrap().starts_with("skill.toml:2:1: "));
//! ```
//!
//! # Invariants
//! - A manifest that was read is within its bounds and does not contradict itself.
//! - Nothing that a skill says of itself gives it anything.
//!
//! # Not here
//! Which skills may be used: the agent. Starting them, and the messages that they speak:
//! `sentinel-skill-abi` and the shells.

mod catalogue;
mod content;
mod handed;
mod instructions;
mod listing;
mod manifest;
mod needs;
mod read;
mod schema;
mod signature;
mod told;
mod written;

pub use catalogue::{Catalogue, Deed, Folder, Named, Skill};
pub use content::{Content, ContentError};
pub use handed::Handed;
pub use instructions::Instructions;
pub use listing::{Listing, Offered};
pub use manifest::{
    Bounds, Capabilities, Declared, Kind, Manifest, Parameter, Runtime, Server, Tool,
};
pub use needs::{Difference, clashes, grant_line};
pub use signature::{SignatureError, Signed, Trust, signed_line};
pub use written::hex;

use alloc::vec::Vec;

use crate::config::Diagnostic;

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Reading<T> {
    /// What it says, if there was no error.
    pub value: Option<T>,
    /// Everything there is to say, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}
