//! What commands that manage an agent have in common: whom they ask, and how they show it.
//!
//! # Invariants
//! - Nothing that a person, a model or a tool wrote reaches a terminal as anything but text.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use sentinel_core::agent::OperatorCommand;
use sentinel_core::control::Query;
use sentinel_core::text::json::{self, Value};

use super::{Arguments, Switch};
use crate::configuration;
use crate::management::Management;
use crate::print::{print, println};

/// For scripts.
pub(super) const JSON: Switch =
    Switch { name: "json", short: None, value: "", summary: "one JSON value, for programs" };

/// The agent that is at work, or its log.
pub(super) fn management(arguments: &Arguments) -> Result<Management, Box<dyn Error>> {
    // Whoever halts an agent should not have to mend its configuration first.
    let find = || configuration::find(arguments.path("config").as_deref(), true);
    match arguments.path("state") {
        Some(directory) => Management::open(&directory, find),
        None => {
            let found = find()?;
            let directory = PathBuf::from(&found.config.state().directory);
            Management::open(&directory, || Ok(found))
        }
    }
}

/// Has something done, and says what was.
pub(super) fn command(
    arguments: &Arguments,
    command: OperatorCommand,
) -> Result<ExitCode, Box<dyn Error>> {
    done(arguments, &management(arguments)?.command(command)?)
}

/// Says what was done.
pub(super) fn done(arguments: &Arguments, what: &str) -> Result<ExitCode, Box<dyn Error>> {
    match arguments.has("json") {
        true => {
            let line = json::object(|out| {
                out.field("done", what);
            });
            println!("{line}");
        }
        false => println!("{}", plain(what)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a list: as JSON, or each element as `line` writes it.
pub(super) fn list(
    arguments: &Arguments,
    what: Query,
    none: &str,
    mut line: impl FnMut(&mut String, Value<'_>) -> Result<(), Box<dyn Error>>,
) -> Result<ExitCode, Box<dyn Error>> {
    let elements = management(arguments)?.list(what)?;
    if arguments.has("json") {
        println!("[{}]", elements.join(","));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for element in &elements {
        line(&mut text, json::parse(element.as_bytes())?.root())?;
    }
    match elements.is_empty() {
        true => println!("{none}"),
        false => print!("{text}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// A member that is text, made safe to show.
pub(super) fn text(value: Value<'_>, key: &str) -> Result<String, Box<dyn Error>> {
    Ok(plain(value.get(key)?.as_str()?))
}

/// A number that a person typed: `3`, `#3`, `conversation 3`.
pub(super) fn number<N: std::str::FromStr>(
    arguments: &Arguments,
    what: &str,
) -> Result<N, Box<dyn Error>> {
    let word = arguments.operand(0, what)?;
    let digits = word.strip_prefix('#').unwrap_or(&word);
    digits.parse().map_err(|_| format!("{what} is expected, and '{}' is none", plain(&word)).into())
}

/// A time that is left, in the largest unit that says enough.
pub(super) fn left(seconds: u64) -> String {
    let time = Duration::from_secs(seconds);
    match time.as_secs() {
        0..=119 => format!("{} s", time.as_secs()),
        120..=7199 => format!("{} min", time.as_secs() / 60),
        _ => format!("{} h", time.as_secs() / 3600),
    }
}

/// Text as it is, but for what moves the cursor, changes the direction or cannot be seen: that is
/// written as its number.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let is_hidden = matches!(
            character,
            '\u{ad}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{e0000}'..='\u{e0fff}'
                | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}'
        );
        if is_hidden || character.is_control() && character != '\n' {
            // A String takes all that is written to it.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_what_is_shown() {
        assert_eq!(plain("a\x1b[2Jb\r\u{202e}c\tü\nd"), "a\\u{1b}[2Jb\\u{d}\\u{202e}c\\u{9}ü\nd");
        assert_eq!((left(90), left(600), left(90_000)).0, "90 s");
        assert_eq!((left(600), left(90_000)), ("10 min".into(), "25 h".into()));
    }
}
