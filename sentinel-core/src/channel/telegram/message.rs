//! A message of Telegram as one for the agent.
//!
//! What the sender typed is kept apart from what he passes on: quotations, forwarded messages, what
//! another bot wrote for him, and the cards that Telegram lets people send, whose words are those
//! of an address book or a map.
//!
//! In private everything is for the agent. In a group it hears what names it, what replies to it,
//! and commands that are addressed to it; of other commands only answers to its own numbered
//! questions.
//!
//! # Invariants
//! - A sender is a person with an id. Bots, channels and administrators without a name are nobody.
//! - What is handed on passes [`Incoming::check`].
//! - A message in a topic has the topic in its chat's id, so that answers go there.
//!
//! # Not here
//! Whether the sender may talk.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::parts;
use super::words::{Words, id, is_set, joined, number_of, text_of};
use crate::channel::{Identity, Incoming, Part, Platform};
use crate::limits::{CHANNEL_INCOMING_PARTS_MAX, CHANNEL_NAME_BYTES_MAX};
use crate::text::json::Value;
use crate::time::Timestamp;

/// Who the agent is on Telegram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) id: i64,
    pub(super) name: String,
}

impl Own {
    /// Who `getMe` says that it is.
    pub(super) fn read(value: Value<'_>) -> Option<Self> {
        let name = text_of(value, "username")?;
        Some(Self { id: id(value)?, name: name.into() })
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// What a message is to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is for the agent.
    Message(Incoming),
    /// The group has become another chat, under this id.
    Moved { from: i64, to: i64 },
    /// It is between others, or says nothing.
    Nothing,
    /// It is not a message as Telegram writes them.
    Garbage,
}

/// Where a message is.
pub(super) struct Place {
    pub(super) chat: i64,
    pub(super) is_private: bool,
    thread: Option<i64>,
}

impl Place {
    pub(super) fn of(message: Value<'_>) -> Option<Self> {
        let chat = message.find("chat")?;
        // In groups without topics a number of a thread is only that of a reply.
        let thread = number_of(message, "message_thread_id");
        Some(Self {
            chat: id(chat)?,
            is_private: text_of(chat, "type")? == "private",
            thread: thread.filter(|_| is_set(message, "is_topic_message")),
        })
    }

    /// The chat's id for the agent.
    pub(super) fn id(&self) -> String {
        match self.thread {
            Some(thread) => format!("{}/{thread}", self.chat),
            None => self.chat.to_string(),
        }
    }
}

/// A chat's id of ours as Telegram's, and the topic.
pub(super) fn chat_and_thread(chat: &str) -> (&str, Option<i64>) {
    match chat.split_once('/') {
        Some((chat, thread)) => (chat, thread.parse().ok()),
        None => (chat, None),
    }
}

/// Reads a message.
pub(super) fn read(message: Value<'_>, own: &Own) -> Heard {
    let number = number_of(message, "message_id");
    let Some((place, number)) = Place::of(message).zip(number) else { return Heard::Garbage };
    if let Some(to) = number_of(message, "migrate_to_chat_id") {
        return Heard::Moved { from: place.chat, to };
    }
    if let Some(from) = number_of(message, "migrate_from_chat_id") {
        return Heard::Moved { from, to: place.chat };
    }
    // Channels, and administrators who speak as their group, have no person behind them.
    let from = message.find("from").filter(|_| message.find("sender_chat").is_none());
    let Some(sender) = from.and_then(Sender::read).filter(|sender| !sender.is_bot) else {
        return Heard::Nothing;
    };
    let (key, entities) = match message.find("text") {
        Some(_) => ("text", "entities"),
        None => ("caption", "caption_entities"),
    };
    let text = text_of(message, key).unwrap_or_default();
    let words = Words::read(text, message.find(entities), own);
    let origin = parts::origin(message);
    let is_ours = match place.is_private {
        true => true,
        false if words.is_for_another || origin.is_some() => false,
        false => {
            words.is_for_us || parts::is_reply_to(message, own) || is_numbered_answer(&words.text)
        }
    };
    if !is_ours {
        return Heard::Nothing;
    }
    let text = match place.is_private {
        // A private chat has no need to name anybody; a command may.
        true if !words.text.starts_with('/') && words.is_for_us => text.into(),
        _ => words.text.clone(),
    };
    let parts = parts::of(message, own, origin, &text, &words.links);
    if parts.is_empty() {
        return Heard::Nothing;
    }
    let id = format!("{}:{number}", place.chat);
    match incoming(&place, sender, id, parts, message) {
        Some(incoming) => Heard::Message(incoming),
        None => Heard::Garbage,
    }
}

/// Who sent something.
pub(super) struct Sender {
    id: i64,
    name: String,
    pub(super) is_bot: bool,
}

impl Sender {
    pub(super) fn read(user: Value<'_>) -> Option<Self> {
        let (id, is_bot) = (id(user)?, is_set(user, "is_bot"));
        Some(Self { id, name: parts::name_of(user), is_bot })
    }
}

/// A message for the agent, if it keeps within its bounds.
pub(super) fn incoming(
    place: &Place,
    sender: Sender,
    id: String,
    mut parts: Vec<Part>,
    message: Value<'_>,
) -> Option<Incoming> {
    parts.truncate(CHANNEL_INCOMING_PARTS_MAX);
    let seconds = number_of(message, "date").and_then(|date| u64::try_from(date).ok());
    let identity = Identity {
        platform: Platform::TELEGRAM.name.into(),
        chat: place.id(),
        sender: sender.id.to_string(),
    };
    let incoming = Incoming {
        identity,
        id,
        is_private: place.is_private,
        is_from_bot: sender.is_bot,
        name: sender.name,
        parts,
        sent: Timestamp(seconds.unwrap_or_default().saturating_mul(1000)),
    };
    incoming.check().is_ok().then_some(incoming)
}

/// Whether a text is an answer to a question by its number, which only this agent's questions have.
fn is_numbered_answer(text: &str) -> bool {
    let mut words = text.split_whitespace();
    matches!(words.next(), Some("/approve" | "/deny"))
        && words.next().is_some_and(|number| number.trim_start_matches('#').parse::<u32>().is_ok())
}

/// A name as people are shown it, cut to what fits.
pub(super) fn bounded(name: &str) -> String {
    let mut end = name.len().min(CHANNEL_NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    joined(&[name.get(..end)])
}
