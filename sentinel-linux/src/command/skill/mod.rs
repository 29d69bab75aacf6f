//! `sentinel skill`: what authors of skills need while they write one, and operators who use some.

mod check;
mod elsewhere;
mod guest;
mod manage;
mod new;
mod run;
mod server;

use super::shown::JSON;
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
    Command {
        name: "skill list",
        operands: "",
        operands_max: 0,
        summary: "the skills there are, and whether each can be used",
        details: "\
They are looked for in the directories that the configuration names under [skills]. What stands
between a skill and its use is said with the line that changes it.",
        options: &[JSON],
        run: manage::list,
    },
    Command {
        name: "skill show",
        operands: "NAME",
        operands_max: 1,
        summary: "what a skill says of itself: its tools, what it requires, its digest",
        details: "\
It is what an approval is for: every byte of its folder is in the digest. What a skill says of
itself is a claim; what it may do is what is granted.",
        options: &[JSON],
        run: manage::show,
    },
    Command {
        name: "skill digest",
        operands: "DIRECTORY",
        operands_max: 1,
        summary: "the line that the author of a skill signs",
        details: "\
  sentinel skill digest weather > weather.line
  minisign -Sm weather.line -x weather/skill.minisig

It holds the digest of all files but skill.minisig itself. Whoever uses the skill adds the second
line of the author's minisign.pub to [skills] trusted_keys.",
        options: &[],
        run: manage::digest,
    },
    Command {
        name: "skill approve",
        operands: "NAME",
        operands_max: 1,
        summary: "let a skill be used as it is now, until one of its files changes",
        details: "\
Look at it first, with 'sentinel skill show NAME' and at its files. The digest of all of them goes
into the signed log; a folder with another digest is not used until it is approved again. A call
needs a grant besides: sentinel grant 'skill NAME'
Who signed it is said, if it is signed by one of [skills] trusted_keys; that approves nothing.

An MCP server is started in a sandbox, where it sees nothing but its folder, and asked what it has.
One that is elsewhere is asked there, once its host is granted. That is shown, and kept as
tools.json in its folder: a server that lists something else later is not used until it is approved
again.",
        options: &[
            JSON,
            Switch {
                name: "yes",
                short: None,
                value: "",
                summary: "do not ask whether what a server lists is to be approved",
            },
        ],
        run: manage::approve,
    },
    Command {
        name: "skill enable",
        operands: "NAME",
        operands_max: 1,
        summary: "let a skill be used again that was disabled",
        details: "",
        options: &[JSON],
        run: manage::enable,
    },
    Command {
        name: "skill disable",
        operands: "NAME",
        operands_max: 1,
        summary: "do not use a skill any more; its calls that are under way end",
        details: "",
        options: &[JSON],
        run: manage::disable,
    },
    Command {
        name: "skill run",
        operands: "NAME TOOL [ARGUMENTS]",
        operands_max: 34,
        summary: "call a tool of an approved skill once, by hand",
        details: "\
  sentinel skill run word-count count text='one two'
  sentinel skill run git-summary summary log=.git/logs/HEAD
  sentinel skill run word-count count '{\"text\": \"one two\"}'

It runs in the same sandbox as for the agent, without a network, and reads the files that are named
here and no other. No model takes part, and nothing is written to the log.",
        options: &[Switch {
            name: "times",
            short: None,
            value: "COUNT",
            summary: "call it so often, and say how long a call takes",
        }],
        run: run::run,
    },
];
