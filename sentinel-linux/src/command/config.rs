//! `sentinel config`: what the configuration says, and what is wrong with it.

use std::error::Error;
use std::process::ExitCode;

use super::{Arguments, Command, Switch};
use crate::print::{print, println};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "config check",
        operands: "",
        operands_max: 0,
        summary: "what is wrong with the configuration, all at once",
        details: "\
It ends with 0 if the agent would start with it. With --json an editor or a script learns of each
place what is wrong there, and whether that is an error, a danger or a note.",
        options: &[JSON],
        run: check,
    },
    Command {
        name: "config show",
        operands: "",
        operands_max: 0,
        summary: "what counts in the end, without secrets",
        details: "\
Defaults and the environment included, as a file that reads back the same, or with --json as an
object of sections.",
        options: &[JSON],
        run: show,
    },
    Command {
        name: "config schema",
        operands: "",
        operands_max: 0,
        summary: "a JSON Schema of the file, for editors",
        details: "",
        options: &[],
        run: schema,
    },
];

const JSON: Switch = Switch { name: "json", short: None, value: "", summary: "for programs" };

fn check(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.has("json") {
        let (text, starts) = arguments.checked_configuration()?;
        println!("{text}");
        return Ok(if starts { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    println!("{}", arguments.configuration()?.found());
    Ok(ExitCode::SUCCESS)
}

fn show(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let config = arguments.configuration()?.config;
    match arguments.has("json") {
        true => println!("{}", sentinel_core::config::show_json(&config)),
        false => print!("{}", sentinel_core::config::show(&config)),
    }
    Ok(ExitCode::SUCCESS)
}

fn schema(_: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    println!("{}", sentinel_core::config::schema());
    Ok(ExitCode::SUCCESS)
}
