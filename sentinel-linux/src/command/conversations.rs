//! `sentinel conversations`, `stop`: what is said where, and its end.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::agent::{ConversationNumber, OperatorCommand};
use sentinel_core::control::Query;
use sentinel_core::text::json::Value;
use sentinel_core::time::Timestamp;

use super::shown::{self, JSON, text};
use super::{Arguments, Command};
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "conversations list",
        operands: "",
        operands_max: 0,
        summary: "where it talks with people, and what goes on",
        details: "",
        options: &[JSON],
        run: list,
    },
    Command {
        name: "conversations show",
        operands: "NUMBER",
        operands_max: 1,
        summary: "what is remembered of one",
        details: "\
What the model would be shown with the next message. What was dropped from it before is in the log
alone.",
        options: &[JSON],
        run: show,
    },
    Command {
        name: "conversations forget",
        operands: "NUMBER",
        operands_max: 1,
        summary: "forget one for good",
        details: "\
Its key is destroyed: what was said stays in the log as bytes that nobody can read any more, and
the log still verifies. There is no way back.",
        options: &[JSON],
        run: forget,
    },
    Command {
        name: "stop",
        operands: "NUMBER",
        operands_max: 1,
        summary: "end what goes on in a conversation",
        details: "The person is told. 'sentinel conversations list' names the numbers.",
        options: &[JSON],
        run: stop,
    },
];

fn list(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let style = Style::of(&std::io::stdout());
    let none = "There are no conversations.";
    shown::list(&arguments, Query::Conversations, none, |out, chat| {
        let number = format!("{:4}", chat.get("conversation")?.as_u64()?);
        let place = format!("{} {}", text(chat, "platform")?, text(chat, "chat")?);
        let count = |key| chat.get(key).and_then(Value::as_u64);
        let mut about = format!("{} messages", count("messages")?);
        if count("waiting")? > 0 {
            about += &format!(", {} wait", count("waiting")?);
        }
        if let Some(heard) = chat.find("heard_ms") {
            about += &format!(", last {}", minute(heard.as_u64()?));
        }
        let state = text(chat, "state")?;
        writeln!(out, "{} {place:32} {state}; {}", style.bold(number), style.faint(about))?;
        Ok(())
    })
}

fn show(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let number = ConversationNumber(shown::number(&arguments, "the number of a conversation")?);
    let style = Style::of(&std::io::stdout());
    let none = "Nothing is remembered of it.";
    shown::list(&arguments, Query::Conversation(number), none, |out, message| {
        let who = match message.get("role")?.as_str()? {
            "user" => "in:",
            _ => "out:",
        };
        for block in message.get("blocks")?.elements()? {
            let (about, words) = match block.get("kind")?.as_str()? {
                "text" => (String::new(), text(block, "text")?),
                "call" => (format!("[calls {}] ", text(block, "tool")?), text(block, "arguments")?),
                "result" => ("[result] ".to_string(), text(block, "text")?),
                "thinking" => ("[thinks] ".to_string(), text(block, "text")?),
                other => (format!("[{}]", shown::plain(other)), String::new()),
            };
            let words = words.trim_end().replace('\n', "\n     ");
            writeln!(out, "{} {}{words}", style.bold(format!("{who:4}")), style.faint(about))?;
        }
        if let Some(count) = message.find("blocks_left_out") {
            writeln!(out, "     [{} more parts]", count.as_u64()?)?;
        }
        Ok(())
    })
}

fn forget(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let number = shown::number(&arguments, "the number of a conversation")?;
    shown::command(&arguments, OperatorCommand::Forget(ConversationNumber(number)))
}

fn stop(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let number = shown::number(&arguments, "the number of a conversation")?;
    shown::command(&arguments, OperatorCommand::Stop(ConversationNumber(number)))
}

/// A moment, to the minute.
fn minute(milliseconds: u64) -> String {
    let moment = Timestamp(milliseconds).to_string();
    let minute = moment.get(..16).unwrap_or(&moment).replace('T', " ");
    format!("{minute} UTC")
}
