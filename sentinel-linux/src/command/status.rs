//! `sentinel status`, `halt`, `resume`: how it goes, and whether it takes work.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::agent::OperatorCommand;
use sentinel_core::control::Query;
use sentinel_core::text::json::{self, Value};

use super::shown::{self, JSON, plain, text};
use super::{Arguments, Command};
use crate::print::{print, println};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        operands: "",
        operands_max: 0,
        summary: "how it goes: at work or not, what it spent, what waits",
        details: "It ends with 0 if an agent is at work, and with 1 if none is.",
        options: &[JSON],
        run: status,
    },
    Command {
        name: "halt",
        operands: "",
        operands_max: 0,
        summary: "end all that goes on, and take no more work",
        details: "\
People are told. It stays so, also over a restart, until 'sentinel resume'.",
        options: &[JSON],
        run: halt,
    },
    Command {
        name: "resume",
        operands: "",
        operands_max: 0,
        summary: "take work again after 'halt'",
        details: "",
        options: &[JSON],
        run: resume,
    },
    Command {
        name: "snapshot",
        operands: "",
        operands_max: 0,
        summary: "write down all it knows, before another version takes over",
        details: "\
A start does again what is in the log since the last snapshot, and a version that decides something
differently refuses to go on in the middle of it. So: 'sentinel snapshot', wait until 'sentinel
status' says that nothing goes on, end the agent, and start the other version.",
        options: &[JSON],
        run: snapshot,
    },
];

fn status(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut management = shown::management(&arguments)?;
    let is_at_work = management.is_at_work();
    let code = if is_at_work { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let status = management.look(Query::Status)?;
    if arguments.has("json") {
        println!("{status}");
        return Ok(code);
    }
    let document = json::parse(status.as_bytes())?;
    let status = document.root();
    let count = |key| status.get(key).and_then(Value::as_u64);
    let mut out = String::new();
    match (is_at_work, status.find("halted")) {
        (false, _) => out.push_str("No agent is at work here.\n"),
        (true, None) => out.push_str("It is at work.\n"),
        (true, Some(_)) => out.push_str("It takes no work.\n"),
    }
    if let Some(why) = status.find("halted") {
        writeln!(out, "Halted: {}.", plain(why.as_str()?))?;
    }
    let models = status.get("models")?.elements()?.map(|model| model.as_str().map(plain));
    let models = models.collect::<Result<Vec<_>, _>>()?;
    writeln!(out, "Models: {}.", models.join(", "))?;
    let (known, active) = (count("conversations")?, count("active")?);
    writeln!(out, "Conversations: {known}; something goes on in {active} of them.")?;
    match count("questions")? {
        0 => out.push_str("No question waits.\n"),
        count => writeln!(out, "Questions that wait: {count}; see 'sentinel approvals'.")?,
    }
    let spent = status.get("spent_today")?;
    let (tokens, calls) = (spent.get("tokens")?.as_u64()?, spent.get("calls")?.as_u64()?);
    let money = text(spent, "money")?;
    writeln!(out, "Spent today: {tokens} tokens, {money} in money, {calls} calls.")?;
    print!("{out}");
    Ok(code)
}

fn halt(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    shown::command(&arguments, OperatorCommand::Halt)
}

fn resume(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    shown::command(&arguments, OperatorCommand::Resume)
}

fn snapshot(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    shown::command(&arguments, OperatorCommand::Snapshot)
}
