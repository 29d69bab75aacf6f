//! One line of the log: for people, or as JSON.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use super::{Level, Value, Words};
use crate::style::Style;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people in the middle of something: `sentinel: ` and what there is to say.
    Plain,
    /// For people who look on: with the time and the level.
    Text(Style),
    /// An object a line.
    Json,
}

impl Form {
    pub(super) fn text() -> Self {
        Self::Text(Style::of(&std::io::stderr()))
    }
}

/// What is said.
pub(super) struct Line<'l> {
    pub(super) level: Level,
    /// The part of the program; empty where it does not matter.
    pub(super) part: &'l str,
    pub(super) message: fmt::Arguments<'l>,
    pub(super) fields: &'l [(&'l str, Value<'l>)],
}

impl Line<'_> {
    /// Adds the line to `out`, without its end. `message` is room to work in.
    pub(super) fn write(&self, form: Form, message: &mut String, out: &mut String) {
        self.write_at(now(), form, message, out);
    }

    fn write_at(&self, now: Timestamp, form: Form, message: &mut String, out: &mut String) {
        let has_words = self.level >= Level::Debug;
        message.clear();
        // JSON has its own way of writing a line break. Writing to a string does not fail.
        let escapes_breaks = matches!(form, Form::Text(_));
        let _ = write!(Visible { out: message, escapes_breaks }, "{}", self.message);
        match form {
            Form::Plain => {
                let _ = write!(out, "sentinel: {message}");
                self.write_fields(has_words, out);
            }
            Form::Text(style) => {
                let _ = write!(out, "{} {} ", style.faint(now), style.level(self.level));
                if !self.part.is_empty() {
                    let _ = write!(out, "{}: ", self.part);
                }
                out.push_str(message);
                self.write_fields(has_words, out);
            }
            Form::Json => json::write_object(out, |out| {
                out.field("ts", now.to_string().as_str()).field("level", self.level.name());
                out.optional("part", Some(self.part).filter(|part| !part.is_empty()));
                out.field("message", message.as_str());
                if self.fields.is_empty() {
                    return;
                }
                out.object("fields", |out| {
                    for (name, value) in self.fields {
                        match value {
                            Value::Number(number) => out.field(name, *number),
                            Value::Name(text) | Value::Words(Words(text)) => {
                                let is_shown = has_words || matches!(value, Value::Name(_));
                                out.field(name, shown(text, is_shown).as_str())
                            }
                        };
                    }
                });
            }),
        }
    }

    fn write_fields(&self, has_words: bool, out: &mut String) {
        for (name, value) in self.fields {
            let _ = match value {
                Value::Number(number) => write!(out, " {name}={number}"),
                Value::Name(text) => write!(out, " {name}={}", shown(text, true)),
                Value::Words(Words(text)) => write!(out, " {name}={:?}", shown(text, has_words)),
            };
        }
    }
}

/// A text of a field as it may stand in a log.
fn shown(text: &str, is_shown: bool) -> String {
    let mut out = String::new();
    match is_shown {
        true => {
            let _ = Visible { out: &mut out, escapes_breaks: true }.write_str(text);
        }
        false => {
            let _ = write!(out, "({} bytes)", text.len());
        }
    }
    out
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Lets through what a terminal shows, and shows the rest in another way.
struct Visible<'o> {
    out: &'o mut String,
    /// Whether line breaks are escaped, too.
    escapes_breaks: bool,
}

impl fmt::Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' if !self.escapes_breaks => self.out.push('\n'),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push(' '),
                // What turns the direction of writing round shows something else than there is.
                '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => write!(self.out, "{}", character.escape_unicode())?,
                _ if character.is_control() => {
                    write!(self.out, "{}", character.escape_unicode())?;
                }
                _ => self.out.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(form: Form, level: Level, message: &str, fields: &[(&str, Value<'_>)]) -> String {
        let (mut room, mut out) = (String::new(), String::new());
        let message = format_args!("{message}");
        let line = Line { level, part: "part", message, fields };
        line.write_at(Timestamp(0), form, &mut room, &mut out);
        out
    }

    #[test]
    fn words_are_shown_to_those_who_trace_and_to_nobody_else() {
        let fields = [("count", 7_u64.into()), ("said", Words("hush").into()), ("at", "x".into())];
        for form in [Form::Plain, Form::text(), Form::Json] {
            for (level, _) in Level::ALL {
                let line = line(form, level, "it came", &fields);
                assert_eq!(line.contains("hush"), level >= Level::Debug, "{line}");
                assert!(line.contains("it came") && line.contains('7'), "{line}");
                assert_eq!(line.contains("(4 bytes)"), level < Level::Debug, "{line}");
            }
        }
    }

    #[test]
    fn a_line_is_one_line_that_no_terminal_obeys() {
        let evil = "a\nb\x1b[31m\u{9b}2J\u{202e}c\r\"";
        let fields = [("name", evil.into())];
        for form in [Form::text(), Form::Json] {
            let line = line(form, Level::Info, evil, &fields);
            let is_bad = |it: char| it.is_control() || it == '\u{202e}';
            assert!(!line.contains(is_bad), "{line:?}");
        }
        let json_line = line(Form::Json, Level::Warn, evil, &fields);
        let document = json::parse(json_line.as_bytes()).unwrap();
        let message = document.root().get("message").unwrap().as_str().unwrap();
        assert_eq!(message, "a\nb\\u{1b}[31m\\u{9b}2J\\u{202e}c\\u{d}\"");
        assert_eq!(document.root().get("ts").unwrap().as_str(), Ok("1970-01-01T00:00:00.000Z"));
        // An error for people may have several lines.
        assert!(line(Form::Plain, Level::Error, "a\nb", &[]).contains("a\nb"));
    }
}
