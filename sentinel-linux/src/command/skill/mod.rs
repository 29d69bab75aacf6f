//! `sentinel skill`: what authors of skills need while they write one.
//!
//! # Not here
//! Skills of an agent: what is checked here is run once, alone, and is given nothing.

mod check;
mod folder;
mod guest;
mod new;

use super::{Command, Switch};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "skill check",
        operands: "DIRECTORY",
        operands_max: 1,
        summary: "whether a skill is what its manifest says, and keeps to the contract",
        details: "\
Reads skill.toml and SKILL.md, and tells everything that is wrong with them, each with its place.
Then the skill is started in a sandbox, without anything that could be granted, and talked with:
it is greeted, asked what it can do, called with arguments of the types it names and with others,
called and cancelled, told half a line, a broken one, and a version that does not exist. Whatever
it asks for meanwhile is denied.

docs/SKILLS.md is the contract. It ends with 0 if nothing is wrong, and with 1 otherwise.",
        options: &[],
        run: check::check,
    },
    Command {
        name: "skill new",
        operands: "DIRECTORY",
        operands_max: 1,
        summary: "write a skill that works, to begin with",
        details: "\
  sentinel skill new --lang python word-lengths
  sentinel skill check word-lengths

The last part of the directory is the skill's name: small letters, digits, '-' and '_'. Nothing
that is there already is changed.",
        options: &[
            Switch {
                name: "lang",
                short: None,
                value: "rust|python|sh",
                summary: "in which language (default python)",
            },
            Switch {
                name: "abi",
                short: None,
                value: "DIRECTORY",
                summary: "for Rust: where the crate sentinel-skill-abi lies",
            },
        ],
        run: new::new,
    },
];
