//! `sentinel approvals`: the questions that wait for a person.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::agent::{Answer, OperatorCommand};
use sentinel_core::control::Query;
use sentinel_core::text::json::{self, Value};

use super::shown::{self, JSON, left, text};
use super::{Arguments, Command};
use crate::print::print;
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "approvals",
        operands: "",
        operands_max: 0,
        summary: "the questions that wait for an answer",
        details: "\
Each shows the exact call, why it is asked about, what could come of it, and how long it waits: a
question that nobody answers in time is denied.

  sentinel approvals allow 3       this, once
  sentinel approvals always 3      this, and the same again: it becomes a grant
  sentinel approvals deny 3        not this",
        options: &[JSON],
        run: list,
    },
    Command {
        name: "approvals allow",
        operands: "NUMBER [VALUES]",
        operands_max: 17,
        summary: "allow what a question asks for, once",
        details: "\
The question is shown, and answered as it was shown: were it another one by now, nothing would be
allowed. It ends with 0 if it was answered.

What a server asks for is said behind the number, and checked before it goes there:

  sentinel approvals allow 4 project='the garden' count=3",
        options: &[JSON],
        run: allow,
    },
    Command {
        name: "approvals always",
        operands: "NUMBER",
        operands_max: 1,
        summary: "allow it, and the same again: it becomes a grant",
        details: "'sentinel grants' shows the grant then, and 'sentinel revoke' takes it back.",
        options: &[JSON],
        run: always,
    },
    Command {
        name: "approvals deny",
        operands: "NUMBER",
        operands_max: 1,
        summary: "deny what a question asks for",
        details: "The model is told no, and goes on without it.",
        options: &[JSON],
        run: deny,
    },
];

fn list(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    shown::list(&arguments, Query::Questions, "No question waits.", show)
}

fn allow(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    answer(&arguments, Answer::Once)
}

fn always(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    answer(&arguments, Answer::Always)
}

fn deny(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    answer(&arguments, Answer::No)
}

/// Answers a question as it is shown now.
fn answer(arguments: &Arguments, answer: Answer) -> Result<ExitCode, Box<dyn Error>> {
    let question: u32 = shown::number(arguments, "the number of a question")?;
    let mut management = shown::management(arguments)?;
    let open = management.list(Query::Questions)?;
    let mut digest = None;
    for element in &open {
        let document = json::parse(element.as_bytes())?;
        let root = document.root();
        if root.get("question")?.as_u64()? != u64::from(question) {
            continue;
        }
        digest = hexadecimal(root.get("digest")?.as_str()?);
        if !arguments.has("json") {
            let mut out = String::new();
            show(&mut out, root)?;
            print!("{out}");
        }
    }
    let digest = digest.ok_or_else(|| {
        format!("no question {question} waits; 'sentinel approvals' shows those that do")
    })?;
    let values: Vec<String> = values(arguments)?.iter().map(|word| quoted(word)).collect();
    let command = match values.is_empty() {
        true => OperatorCommand::Answer { question, digest, answer },
        false => OperatorCommand::Fill { question, digest, values: values.join(" ") },
    };
    let done = management.command(command)?;
    shown::done(arguments, &done)
}

/// What stands behind the number.
fn values(arguments: &Arguments) -> Result<Vec<String>, Box<dyn Error>> {
    (1..arguments.operands.len()).map(|at| arguments.operand(at, "a value")).collect()
}

/// A word of the command line as it would be written in a chat, where spaces end a value.
fn quoted(word: &str) -> String {
    let Some((name, value)) = word.split_once('=') else { return word.to_string() };
    let mut out = format!("{name}=\"");
    for character in value.chars() {
        // What ends a value there, and what says that it does not.
        if matches!(character, '\\' | '"' | '“' | '”' | '„') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

/// A question, whole.
fn show(out: &mut String, question: Value<'_>) -> Result<(), Box<dyn Error>> {
    let style = Style::of(&std::io::stdout());
    let asked = text(question, "text")?;
    let mut lines = asked.lines();
    let head = lines.next().unwrap_or_default();
    let conversation = question.get("conversation")?.as_u64()?;
    let time = left(question.get("seconds_left")?.as_u64()?);
    let about = format!("in conversation {conversation}, {time} left");
    writeln!(out, "{}, {}", style.bold(head), style.faint(about))?;
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    for call in question.get("calls")?.elements()? {
        writeln!(out, "  The call, exactly: {}", shown::plain(call.as_str()?))?;
    }
    Ok(())
}

pub(super) fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}
