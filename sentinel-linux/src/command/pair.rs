//! `sentinel pair`: who may talk with the agent.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::agent::OperatorCommand;
use sentinel_core::control::Query;
use sentinel_core::text::json::{self, Value};

use super::shown::{self, JSON, left, text};
use super::{Arguments, Command};
use crate::print::{print, println};
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "pair list",
        operands: "",
        operands_max: 0,
        summary: "who is let in, and which codes wait",
        details: "\
A stranger who writes in private gets a code, where the configuration allows pairing. Approve it
only if the person whom you mean told it to you: whoever holds the account has the code.",
        options: &[JSON],
        run: list,
    },
    Command {
        name: "pair approve",
        operands: "CODE",
        operands_max: 1,
        summary: "let the person in who was given this code",
        details: "It ends with 0 if somebody was let in, and with 1 if the code is not open.",
        options: &[JSON],
        run: approve,
    },
    Command {
        name: "pair deny",
        operands: "CODE",
        operands_max: 1,
        summary: "throw a code away",
        details: "Whoever writes again gets another one. Nobody is told.",
        options: &[JSON],
        run: deny,
    },
    Command {
        name: "pair remove",
        operands: "PLATFORM ID",
        operands_max: 2,
        summary: "let somebody in no longer",
        details: "\
  sentinel pair remove telegram 123456789

What goes on for them is stopped. It holds for people of the configuration too, until they were
taken out of it and put in again.",
        options: &[JSON],
        run: remove,
    },
];

fn list(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut management = shown::management(&arguments)?;
    let (people, codes) = (management.list(Query::People)?, management.list(Query::Codes)?);
    if arguments.has("json") {
        let (people, codes) = (people.join(","), codes.join(","));
        println!("{{\"people\":[{people}],\"codes\":[{codes}]}}");
        return Ok(ExitCode::SUCCESS);
    }
    let style = Style::of(&std::io::stdout());
    let mut out = String::new();
    for person in &people {
        let document = json::parse(person.as_bytes())?;
        let person = document.root();
        let from = text(person, "from")?;
        let standing = text(person, "standing")?;
        writeln!(out, "{} {standing:9} {}", style.bold(whose(person)?), style.faint(from))?;
    }
    if people.is_empty() {
        out.push_str("Nobody is let in.\n");
    }
    for code in &codes {
        let document = json::parse(code.as_bytes())?;
        let code = document.root();
        let time = left(code.get("seconds_left")?.as_u64()?);
        let name = text(code, "code")?;
        writeln!(out, "{} {} {time} left", style.bold(whose(code)?), style.bold(name))?;
    }
    if !codes.is_empty() {
        out.push_str("Approve a code only if the person told it to you.\n");
    }
    print!("{out}");
    Ok(ExitCode::SUCCESS)
}

fn whose(value: Value<'_>) -> Result<String, Box<dyn Error>> {
    let whose = format!("{} {}", text(value, "platform")?, text(value, "sender")?);
    Ok(format!("{whose:28}"))
}

fn approve(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let code = arguments.operand(0, "the code")?;
    shown::command(&arguments, OperatorCommand::Pair(code))
}

fn deny(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let code = arguments.operand(0, "the code")?;
    shown::command(&arguments, OperatorCommand::RefuseCode(code))
}

fn remove(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let platform = arguments.operand(0, "the platform, like 'telegram',")?;
    let sender = arguments.operand(1, "the id there, as 'sentinel pair list' shows it,")?;
    shown::command(&arguments, OperatorCommand::Unpair { platform, sender })
}
