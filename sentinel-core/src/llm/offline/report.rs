//! What the offline model says.
//!
//! # Invariants
//! - What a tool gave back is quoted as such, whole or cut with a mark, and never rephrased.
//! - Nothing is claimed to be done that a tool did not report.
//!
//! # Not here
//! Whether terminal escapes reach a terminal: every connector makes its text safe.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::arithmetic::Outcome;
use super::conversation::{Conversation, Done};
use super::talk::{self, Talk};
use super::words::{self, Clause};
use crate::limits::{OFFLINE_MEMORY_MESSAGES_MAX, OFFLINE_QUOTE_BYTES_MAX, OFFLINE_SAID_BYTES_MAX};
use crate::tool::{Builtin, Operation};

/// Who it is.
pub(super) const WHO: &str = "I am Sentinel's built-in offline model: a few fixed patterns, no \
     language model and no network. I am here so that you can see the whole system work before you \
     set up a real model.";

/// What it can do.
pub(super) const HELP: &str = "I understand a few plain requests:\n\
     - list the files in docs\n\
     - read README.md, or: show me lines 3 to 9 of README.md\n\
     - write hello to notes.txt, or: copy a.txt to b.txt\n\
     - replace foo with bar in notes.txt\n\
     - search for TODO in src, or: find *.rs in src\n\
     - run ls -l\n\
     - fetch https://example.org/\n\
     - get the date after \"Due:\" from it, if a result was kept under a name\n\
     - what is today's date?\n\
     - what is 2 + 3 * 4?\n\
     Several can stand in one message: read a.txt and then write its text to b.txt.\n\
     What I may really do is decided by what you granted, not by me.";

/// What it says to what it does not understand.
pub(super) fn not_understood() -> String {
    format!("I did not understand that. {WHO}\n\n{HELP}")
}

/// What it says to what is longer than it reads.
pub(super) fn too_long() -> String {
    format!("That is more than I read at once. {WHO}")
}

/// An answer in words.
pub(super) fn talk(talk: &Talk, conversation: &Conversation<'_>) -> String {
    match talk {
        Talk::Greeting => match known_name(conversation) {
            Some(name) => format!("Hello {name}! Say \"help\" to see what I understand."),
            None => format!("Hello! {WHO} Say \"help\" to see what I understand."),
        },
        Talk::Thanks => "You are welcome.".to_string(),
        Talk::Farewell => "Goodbye.".to_string(),
        Talk::HowAreYou => "I am a program and have no feelings, but I work. And you?".to_string(),
        Talk::WhoAreYou => WHO.to_string(),
        Talk::Help => format!("{WHO}\n\n{HELP}"),
        Talk::Name(name) => format!("Hello {name}! I will remember that in this conversation."),
        Talk::WhoAmI => match known_name(conversation) {
            Some(name) => format!("You said that your name is {name}."),
            None => "You have not told me your name in this conversation.".to_string(),
        },
        Talk::SaidBefore => said("Before this you said", conversation.before.last()),
        Talk::SaidFirst => said("The first thing I see here is", conversation.before.first()),
        Talk::Say(text) => text.clone(),
        Talk::Sum(Outcome::Number(number)) => format!("That is {number}."),
        Talk::Sum(Outcome::DivisionByZero) => "Nothing can be divided by zero.".to_string(),
        Talk::Sum(Outcome::TooLarge) => "Those numbers are too large for me.".to_string(),
    }
}

fn said(lead: &str, text: Option<&&str>) -> String {
    match text {
        Some(text) => format!("{lead}: \u{201c}{}\u{201d}", cut(text, OFFLINE_SAID_BYTES_MAX)),
        None => "You have said nothing before this that I can see.".to_string(),
    }
}

/// The name a person gave last.
fn known_name(conversation: &Conversation<'_>) -> Option<String> {
    let recent = conversation.before.iter().rev().take(OFFLINE_MEMORY_MESSAGES_MAX);
    recent.filter(|text| text.len() <= OFFLINE_SAID_BYTES_MAX).find_map(|text| {
        let words = words::words(text);
        // The introduction may stand behind a greeting.
        (0..words.len().min(4))
            .find_map(|start| talk::name(Clause { text, words: &words }.skip(start)))
    })
}

/// What a call does, in words that stand after "I will".
pub(super) fn deed(operation: &Operation) -> String {
    let shown = |text: &str| cut(text, OFFLINE_SAID_BYTES_MAX);
    match operation {
        Operation::ReadFile { path, .. } => format!("read {}", shown(path)),
        Operation::WriteFile { path, .. } => format!("write {}", shown(path)),
        Operation::EditFile { path, .. } => format!("change {}", shown(path)),
        Operation::ListDirectory { path } if path == "." => "list the workspace".to_string(),
        Operation::ListDirectory { path } => format!("list {}", shown(path)),
        Operation::SearchFiles { directory, text, glob } => {
            let what = text.as_deref().or(glob.as_deref()).unwrap_or_default();
            let place = if directory == "." { "the workspace" } else { directory };
            format!("search {} for {}", shown(place), shown(what))
        }
        Operation::RunCommand { program, .. } => format!("run {}", shown(program)),
        Operation::HttpFetch { url, method, .. } => {
            format!("send a {method} request to {}", shown(url.as_str()))
        }
        Operation::CurrentTime => "look at the clock".to_string(),
        Operation::ChangePersona { .. } => "change my persona".to_string(),
        Operation::Plan { .. } => "plan".to_string(),
        Operation::ExtractValue { from, wanted } => {
            format!("take the {} out of {from}", wanted.sought.word())
        }
    }
}

/// Deeds in a row: `a, b and c`.
pub(super) fn joined(deeds: &[String]) -> String {
    match deeds {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// What came of a call.
pub(super) fn result(done: &Done<'_>) -> String {
    let operation =
        Builtin::named(&done.call.name).and_then(|tool| tool.parse(&done.call.arguments).ok());
    let did = match &operation {
        Some(operation) => deed(operation),
        None => format!("use {}", cut(&done.call.name, OFFLINE_SAID_BYTES_MAX)),
    };
    let Some(result) = done.result else {
        return format!("I tried to {did}, but what came of it is not known.");
    };
    let content = result.content.trim_end();
    if result.is_error {
        return match content {
            "" => format!("I could not {did}; the tool does not say why."),
            _ => format!("I could not {did}. The tool says:\n{}", quoted(content)),
        };
    }
    let shown = |text: &str| cut(text, OFFLINE_SAID_BYTES_MAX);
    let lead = match &operation {
        Some(Operation::WriteFile { path, .. } | Operation::EditFile { path, .. }) => {
            let changed = format!("I changed {}.", shown(path));
            return match content {
                "" => changed,
                _ => format!("{changed} The tool says: {}", cut(content, OFFLINE_SAID_BYTES_MAX)),
            };
        }
        Some(Operation::ReadFile { path, .. }) => format!("This is in {}:", shown(path)),
        Some(Operation::ListDirectory { path }) if path == "." => {
            "The workspace holds:".to_string()
        }
        Some(Operation::ListDirectory { path }) => format!("{} holds:", shown(path)),
        Some(Operation::SearchFiles { .. }) => "The search found:".to_string(),
        Some(Operation::RunCommand { program, .. }) => format!("{} gave back:", shown(program)),
        Some(Operation::HttpFetch { url, .. }) => format!("{} answered:", shown(url.as_str())),
        Some(Operation::CurrentTime) => "The clock says:".to_string(),
        Some(Operation::ChangePersona { .. }) => "I changed my persona:".to_string(),
        Some(Operation::ExtractValue { from, wanted }) => {
            format!("The {} in {from} is:", wanted.sought.word())
        }
        Some(Operation::Plan { .. }) | None => format!("To {did} gave:"),
    };
    match content {
        "" => format!("{lead} nothing."),
        _ if !content.contains('\n') && content.len() <= OFFLINE_SAID_BYTES_MAX => {
            format!("{lead} {content}")
        }
        _ => format!("{lead}\n{}", quoted(content)),
    }
}

/// Text between fences that it cannot close itself.
fn quoted(content: &str) -> String {
    let content = cut(content, OFFLINE_QUOTE_BYTES_MAX);
    let runs = content.split(|character| character != '`').map(str::len);
    let fence: String = "`".repeat(runs.max().unwrap_or(0).saturating_add(1).max(3));
    format!("{fence}\n{content}\n{fence}")
}

/// At most so many bytes of a text, with a mark where it was cut.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max);
    let rest = text.len() - end;
    match text.get(..end) {
        Some(kept) if rest > 0 => format!("{kept}… ({rest} more bytes)"),
        _ => text.to_string(),
    }
}

/// Paragraphs with an empty line between them.
pub(super) fn paragraphs(parts: &[String]) -> String {
    let parts: Vec<&str> =
        parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}
