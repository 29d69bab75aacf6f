//! The words of a message, and whom they are for.
//!
//! Telegram tells mentions, commands and links by their place in the text, in units of UTF-16. In a
//! group the agent hears what is said to it: its name, with which it was called, is no part of what
//! was said.
//!
//! # Invariants
//! - A place that does not lie within the text is left out, never a reason to lose the message.
//! - A command for another bot is not for this one, whoever else is named in the message.
//!
//! # Not here
//! Replies: whom they are for is seen in [`message`](super::message).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use super::message::Own;
use crate::limits::TELEGRAM_ENTITIES_MAX;
use crate::text::json::Value;

/// What somebody wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// The text, without the agent's own name.
    pub(super) text: String,
    /// What links lead to that show something else. Whoever passes a text on sees what it shows.
    pub(super) links: Vec<String>,
    /// Whether the agent is named.
    pub(super) is_for_us: bool,
    /// Whether it is a command for another bot.
    pub(super) is_for_another: bool,
}

impl Words {
    /// The words of a message or a caption.
    pub(super) fn read(text: &str, entities: Option<Value<'_>>, own: &Own) -> Self {
        let mut words = Self::default();
        let mut at = 0;
        let entities = entities.and_then(|entities| entities.elements().ok());
        for entity in entities.into_iter().flatten().take(TELEGRAM_ENTITIES_MAX) {
            let kind = text_of(entity, "type").filter(|kind| KINDS.contains(kind));
            // Looked for last: it is a walk through the text.
            let place = || place(text, entity).filter(|place| place.start >= at);
            let Some((kind, place)) = kind.and_then(|kind| Some((kind, place()?))) else {
                continue;
            };
            let marked = text.get(place.clone()).unwrap_or_default();
            let before = text.get(at..place.start).unwrap_or_default();
            match kind {
                "mention" if own.is_named(marked.trim_start_matches('@')) => {
                    words.name(before, "");
                }
                "text_mention" if entity.find("user").and_then(id) == Some(own.id) => {
                    words.name(before, "");
                }
                "bot_command" => match marked.split_once('@') {
                    Some((command, name)) if own.is_named(name) => words.name(before, command),
                    Some(_) => {
                        words.is_for_another |= place.start == 0;
                        continue;
                    }
                    None => continue,
                },
                "text_link" => {
                    let Some(url) = text_of(entity, "url").filter(|url| *url != marked) else {
                        continue;
                    };
                    words.links.push(format!("behind \"{marked}\": {url}"));
                    continue;
                }
                _ => continue,
            }
            at = place.end;
            at += words.gap(text.get(at..).unwrap_or_default());
        }
        words.text.push_str(text.get(at..).unwrap_or_default());
        if words.is_for_us {
            words.text = words.text.trim().to_string();
        }
        words
    }

    /// The agent is named, by itself or after a command.
    fn name(&mut self, before: &str, command: &str) {
        self.is_for_us = true;
        self.text.push_str(before);
        if self.text.trim().is_empty() {
            self.text.clear();
        }
        self.text.push_str(command);
    }

    /// How much of what follows a name belongs to it: "@agent, what is it?" asks what it is.
    fn gap(&self, rest: &str) -> usize {
        let more = match self.text.chars().next_back() {
            None => rest.trim_start_matches([',', ':', ' ', '\n']),
            Some(last) if last.is_whitespace() => rest.strip_prefix(' ').unwrap_or(rest),
            Some(_) => rest,
        };
        rest.len() - more.len()
    }
}

/// The entities that matter to whom a message is for, and to what it says.
const KINDS: [&str; 4] = ["mention", "text_mention", "bot_command", "text_link"];

/// The bytes of a text that an entity stands for.
fn place(text: &str, entity: Value<'_>) -> Option<Range<usize>> {
    let number = |key| entity.find(key).and_then(|value| value.as_u64().ok());
    let (offset, length) = (number("offset")?, number("length")?);
    let end = offset.checked_add(length)?;
    let start = byte_at(text, offset)?;
    let end = byte_at(text, end)?;
    (start < end).then_some(start..end)
}

/// The byte at a place in units of UTF-16, if a character begins or the text ends there.
fn byte_at(text: &str, units: u64) -> Option<usize> {
    let mut at = 0_u64;
    for (byte, character) in text.char_indices() {
        if at >= units {
            return (at == units).then_some(byte);
        }
        at += if character.len_utf16() == 2 { 2 } else { 1 };
    }
    (at == units).then_some(text.len())
}

/// The member of an object that is a text.
pub(super) fn text_of<'d>(value: Value<'d>, key: &str) -> Option<&'d str> {
    value.find(key)?.as_str().ok()
}

/// The member of an object that is a whole number.
pub(super) fn number_of(value: Value<'_>, key: &str) -> Option<i64> {
    value.find(key)?.as_i64().ok()
}

/// The id of a person, a chat or a bot.
pub(super) fn id(value: Value<'_>) -> Option<i64> {
    number_of(value, "id")
}

/// A member of an object that says yes.
pub(super) fn is_set(value: Value<'_>, key: &str) -> bool {
    value.find(key).is_some_and(|value| value.as_bool() == Ok(true))
}

/// Texts that belong together, with one space between those that are not empty.
pub(super) fn joined(texts: &[Option<&str>]) -> String {
    let texts: Vec<&str> =
        texts.iter().flatten().copied().filter(|text| !text.is_empty()).collect();
    texts.join(" ")
}
