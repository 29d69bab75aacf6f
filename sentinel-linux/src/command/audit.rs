//! `sentinel audit`: what the log says, and whether it can be believed.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Arguments, Command, Switch};
use crate::audit::{self, Kept, Log};
use crate::log;
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "audit verify",
        operands: "[DIRECTORY|FILE...]",
        operands_max: 100_000,
        summary: "whether anything in the log was changed, and where",
        details: "\
It reads the log as it is, also while an agent is at work, and needs no key. Given are the
directory where an agent lives, one with the files of a log, or those files in their order;
without a word it is the directory of the configuration.

  OK          every record is what was written, and a checkpoint vouches for it
  OPEN TAIL   the same, but for the last records nothing vouches yet: so it is while the agent is
              at work, and after it was killed
  BAD         the first record that is not as it should be, and how

It ends with 0 for OK, 1 for BAD, and 2 for OPEN TAIL or if it cannot tell.

That the end of a log was cut off shows only by a checkpoint that was kept: the one beside the
log is compared if there is one, and --note compares one that you keep elsewhere.

  sentinel audit checkpoint > kept.note       today, to another machine
  sentinel audit verify --note kept.note      whenever you want to know",
        options: &[NOTE, KEY, JSON],
        run: verify,
    },
    Command {
        name: "audit checkpoint",
        operands: "[DIRECTORY|FILE...]",
        operands_max: 100_000,
        summary: "the last signed checkpoint, to be kept elsewhere",
        details: "\
A checkpoint is a few lines that vouch for the whole log before it. Keep it where the agent cannot
write: 'audit verify --note' then finds whatever was rewritten or cut off since.",
        options: &[NOTE, KEY],
        run: checkpoint,
    },
];

const NOTE: Switch = Switch {
    name: "note",
    short: None,
    value: "FILE",
    summary: "a checkpoint that was kept elsewhere",
};

const KEY: Switch = Switch {
    name: "key",
    short: None,
    value: "HEX",
    summary: "the log's first public key, as it was written down",
};

const JSON: Switch =
    Switch { name: "json", short: None, value: "", summary: "one JSON object, for scripts" };

fn verify(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(verified(&arguments).map(|verified| {
        match arguments.has("json") {
            true => println!("{}", verified.json()),
            false => verified.print(Style::of(&std::io::stdout())),
        }
        verified.exit_code()
    })))
}

fn checkpoint(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(verified(&arguments).and_then(|verified| {
        print!("{}", verified.checkpoint()?);
        Ok(ExitCode::SUCCESS)
    })))
}

fn verified(arguments: &Arguments) -> Result<audit::Verified, Box<dyn Error>> {
    let (log, mut kept) = log(arguments)?;
    if let Some(path) = arguments.path("note") {
        kept.push(audit::kept(&path)?);
    }
    let key = match arguments.text("key")? {
        Some(text) => Some(audit::key(&text).ok_or("--key is 64 hexadecimal digits")?),
        None => None,
    };
    Ok(audit::verify(&log, key, kept)?)
}

/// The log that is meant, and the checkpoint that is kept beside it.
fn log(arguments: &Arguments) -> Result<(Log, Vec<Kept>), Box<dyn Error>> {
    if let [_, _, ..] = arguments.operands.as_slice() {
        return Ok((
            Log::Files(arguments.operands.iter().map(PathBuf::from).collect()),
            Vec::new(),
        ));
    }
    let place = place(arguments)?;
    let failed = |error| format!("{}: {error}", place.display());
    let beside = place.join("checkpoint");
    // Read before the log is: what it vouches for is there by then.
    let kept = match beside.is_file() {
        true => vec![audit::kept(&beside)?],
        false => Vec::new(),
    };
    Ok((Log::at(&place).map_err(failed)?, kept))
}

/// Where to look: as said, or where the agent lives.
pub(super) fn place(arguments: &Arguments) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(place) = arguments.operands.first() {
        return Ok(PathBuf::from(place));
    }
    match arguments.path("state") {
        Some(state) => Ok(state),
        None => Ok(arguments.state(&arguments.harmless_configuration()?)),
    }
}

/// How it ends. What could not be found out is no verdict: it has an end of its own.
pub(super) fn told(outcome: Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        log::error!("{error}");
        ExitCode::from(audit::UNKNOWN)
    })
}
