//! What whoever sits at the console says to the agent itself: which grants there are, one more, one
//! less; which skills, and which of them may be used.
//!
//! ```text
//! /grants
//! /grant read,list /workspace/notes
//! /revoke h3.0
//! /skills
//! /skill word-count
//! /skill approve word-count
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
use alloc::vec::Vec;

use sentinel_core::agent::{Granted, OperatorCommand, Origin};
use sentinel_core::capability::{Grant, Handle, Level};
use sentinel_core::channel::{Incoming, Part};
use sentinel_core::skill::Catalogue;

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
    /// To see the skills.
    Skills,
    /// To see all of one.
    Skill(String),
    /// To approve one as it is.
    Approve(String),
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
        ("/skills", "") => Ok(Asked::Skills),
        ("/skills", _) => Err("/skills takes nothing after it".into()),
        ("/skill", rest) => skill(rest),
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
    catalogue: &Catalogue,
    command: &OperatorCommand,
) -> Option<String> {
    let OperatorCommand::Grant(spec) = command else { return None };
    // What is no grant the core says.
    let grant: Grant = spec.parse().ok()?;
    if grant.level == Level::Deny {
        return None;
    }
    if let Some(why) = settings::impossible(&grant, abilities, catalogue) {
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

/// What is wanted of a skill.
fn skill(rest: &str) -> Result<Asked, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let switch = |name: &str, is_enabled| {
        Asked::Do(OperatorCommand::SwitchSkill { name: name.into(), is_enabled })
    };
    match words[..] {
        ["approve", name] => Ok(Asked::Approve(name.into())),
        ["enable", name] => Ok(switch(name, true)),
        ["disable", name] => Ok(switch(name, false)),
        [name] => Ok(Asked::Skill(name.into())),
        _ => Err("/skill NAME shows one; /skill approve NAME, enable NAME, disable NAME".into()),
    }
}

fn handle(word: &str) -> Option<Handle> {
    let (index, generation) = word.strip_prefix('h')?.split_once('.')?;
    Some(Handle { index: index.parse().ok()?, generation: generation.parse().ok()? })
}
