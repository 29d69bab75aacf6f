//! The commands of `sentinel`: one file each, and one table of them.
//!
//! What a command takes is said once, in its row: the command line is read by it, `--help` is
//! written from it, and shells complete by it. So an option that is not in a row is an error with
//! a suggestion, and none can be forgotten in the help.
//!
//! # Not here
//! What the commands do: their own files, and what those call.

mod approvals;
mod arguments;
mod audit;
mod chat;
mod completions;
mod config;
mod conversations;
mod doctor;
mod grants;
mod help;
mod init;
mod isolate;
mod mcp;
mod pair;
mod persona;
mod policy;
mod run;
mod service;
mod shown;
mod skill;
mod status;
mod version;

use crate::print::print;
use std::error::Error;
use std::process::ExitCode;

pub(crate) use self::arguments::{ArgumentError, Arguments};

/// A command: how it is called, what it takes, and what it does.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its name, of one word or two: `chat`, `config show`.
    pub(crate) name: &'static str,
    /// The words it takes, as they stand in the help: `[FILE]`; empty if it takes none.
    pub(crate) operands: &'static str,
    /// How many of them at most.
    pub(crate) operands_max: usize,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// What else there is to know, for `sentinel NAME --help`: prose, and examples.
    pub(crate) details: &'static str,
    /// The options that only it has.
    pub(crate) options: &'static [Switch],
    /// What it does.
    pub(crate) run: fn(Arguments) -> Result<ExitCode, Box<dyn Error>>,
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    /// Its name, without the dashes.
    pub(crate) name: &'static str,
    pub(crate) short: Option<char>,
    /// What its value is called in the help; empty if it has none. It ends with `...` if the
    /// option may be given more than once.
    pub(crate) value: &'static str,
    pub(crate) summary: &'static str,
}

/// All commands, in the order of the help.
const COMMANDS: &[&[Command]] = &[
    chat::COMMANDS,
    run::COMMANDS,
    mcp::COMMANDS,
    init::COMMANDS,
    doctor::COMMANDS,
    config::COMMANDS,
    service::COMMANDS,
    completions::COMMANDS,
    version::COMMANDS,
    status::COMMANDS,
    grants::COMMANDS,
    pair::COMMANDS,
    approvals::COMMANDS,
    conversations::COMMANDS,
    persona::COMMANDS,
    audit::COMMANDS,
    policy::COMMANDS,
    isolate::COMMANDS,
    skill::COMMANDS,
];

/// What every command understands.
const COMMON: &[Switch] = &[
    Switch {
        name: "config",
        short: None,
        value: "FILE",
        summary: "the configuration (default $XDG_CONFIG_HOME/sentinel/sentinel.toml)",
    },
    Switch {
        name: "state",
        short: None,
        value: "DIRECTORY",
        summary: "where its log and keys are (default $XDG_STATE_HOME/sentinel)",
    },
    Switch {
        name: "i-know-what-im-doing",
        short: None,
        value: "",
        summary: "go on although the configuration is dangerous",
    },
    Switch {
        name: "no-sandbox",
        short: None,
        value: "",
        summary: "do not confine this process to what it needs",
    },
    Switch {
        name: "log",
        short: None,
        value: "LEVEL",
        summary: "how much is said: error, warn, info, debug or trace (also SENTINEL_LOG)",
    },
    Switch { name: "help", short: Some('h'), value: "", summary: "what can be said here" },
    Switch { name: "version", short: Some('V'), value: "", summary: "which version this is" },
];

fn all() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().flat_map(|some| some.iter())
}

/// Does what the command line asks for.
pub(crate) fn main() -> Result<ExitCode, Box<dyn Error>> {
    // What `doctor --breakout` starts, and nobody else can.
    if let Some(code) = crate::breakout::attempted() {
        return Ok(code);
    }
    // What a sandbox of a module starts.
    #[cfg(feature = "wasm")]
    if let Some(code) = crate::skills::wasm::interpreted() {
        return Ok(code);
    }
    let (command, arguments) = match arguments::read(lexopt::Parser::from_env()) {
        Err(error) if isolate::is_meant() => return Ok(isolate::refuse_line(&error)),
        read => read?,
    };
    if arguments.has("help") {
        print!("{}", help::about(command));
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.has("version") {
        print!("{}", version::text());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(state) = arguments.path("state") {
        crate::configuration::name_state(&state);
    }
    match command {
        Some(command) => (command.run)(arguments),
        None => run::usual(arguments),
    }
}
