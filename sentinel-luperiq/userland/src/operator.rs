//! What whoever sits at the console says to the agent itself: which grants there are, one more, one
//! less.
//!
//! ```text
//! /grants
//! /grant read,list /workspace/notes
//! /revoke h3.0
//! ```
//!
//! # Invariants
//! - Only the console says such words: what comes from a platform is for the core alone.
//! - A grant that nobody can make use of here is not made.
//!
//! # Not here
//! `/approve` and what else anybody may say in a chat: the core reads that.

use alloc::format;
use alloc::string::String;

use sentinel_core::agent::{Granted, OperatorCommand, Origin};
use sentinel_core::capability::{Grant, Handle, Level};
use sentinel_core::channel::{Incoming, Part};

use crate::leases;
use crate::machine::Machine;
use crate::settings::{self, Abilities};

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// To see the grants.
    Grants,
    /// To have this done.
    Do(OperatorCommand),
}

/// Reads what was typed; `None` if it is for the core. An error is how it is said.
#[must_use]
pub fn asked(message: &Incoming) -> Option<Result<Asked, String>> {
    let [Part::Text(text)] = &message.parts[..] else { return None };
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    Some(match (word, rest) {
        ("/grants", "") => Ok(Asked::Grants),
        ("/grants", _) => Err("/grants takes nothing after it".into()),
        ("/grant", "") => Err("/grant GRANT, like '/grant read,list /workspace/notes'".into()),
        ("/grant", spec) => Ok(Asked::Do(OperatorCommand::Grant(spec.into()))),
        ("/revoke", word) => match handle(word) {
            Some(handle) => Ok(Asked::Do(OperatorCommand::Revoke(handle))),
            None => Err("/revoke HANDLE, like '/revoke h3.0'; /grants names them".into()),
        },
        _ => return None,
    })
}

/// Why something is not done that the core would do: nobody could make use of it. What models are
/// told of is for the settings to say.
pub fn impossible<M: Machine>(
    machine: &mut M,
    abilities: &Abilities,
    command: &OperatorCommand,
) -> Option<String> {
    let OperatorCommand::Grant(spec) = command else { return None };
    // What is no grant the core says.
    let grant: Grant = spec.parse().ok()?;
    if grant.level == Level::Deny {
        return None;
    }
    if let Some(why) = settings::impossible(&grant, abilities) {
        return Some(format!("* not done: {why}"));
    }
    let error = leases::try_out(machine, &grant).err()?;
    Some(format!("* not done: no handle is lent for it: {error}; boot.toml says what is"))
}

/// A grant, for people.
#[must_use]
pub fn line(granted: Granted<'_>) -> String {
    let Granted { handle, grant, uses_left, origin, .. } = granted;
    let uses = uses_left.map_or(String::new(), |count| format!(", {count} uses left"));
    let origin = match origin {
        Origin::Settings => "the settings".into(),
        Origin::Operator => "an operator".into(),
        Origin::Answer(conversation) => format!("answered always in {conversation}"),
        Origin::Derived => "handed on".into(),
    };
    format!("  {handle}  {grant}  ({origin}{uses})")
}

fn handle(word: &str) -> Option<Handle> {
    let (index, generation) = word.strip_prefix('h')?.split_once('.')?;
    Some(Handle { index: index.parse().ok()?, generation: generation.parse().ok()? })
}
