//! Updates: what Telegram says has happened.
//!
//! Changes of messages are not asked for. What was said has been acted on, and other words in its
//! place undo nothing; who means something else says it anew.
//!
//! # Invariants
//! - Every update that has a number can be passed, whatever else it is.
//!
//! # Not here
//! Which updates are asked for again: [`polling`](super::polling).

use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::buttons;
use super::message::{self, Heard, Own, Place, Sender};
use super::words::{id, number_of, text_of};
use crate::channel::{Incoming, Part};
use crate::text::json::Value;

/// The kinds of updates that are asked for.
pub(super) const KINDS: [&str; 3] = ["message", "callback_query", "my_chat_member"];

/// What an update is to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Update {
    /// A message, or that there was none for the agent.
    Heard(Heard),
    /// Somebody pressed a button.
    Pressed {
        /// What the press is answered by.
        query: String,
        /// What was pressed, if it is a button of ours where there is a person and a chat.
        press: Option<Press>,
    },
    /// The agent was let into a group, by somebody.
    Added { chat: i64, by: i64 },
    /// The agent was put out of a group.
    Removed { chat: i64 },
}

/// A button that was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Press {
    /// As if the presser had written it.
    pub(super) incoming: Incoming,
    /// The message under which the button is.
    pub(super) message: i64,
}

/// The number of an update, and what it is.
pub(super) fn read(update: Value<'_>, own: &Own) -> Update {
    if let Some(message) = update.find("message") {
        return Update::Heard(message::read(message, own));
    }
    if let Some(query) = update.find("callback_query") {
        return pressed(query).unwrap_or(Update::Heard(Heard::Garbage));
    }
    if let Some(change) = update.find("my_chat_member") {
        return membership(change).unwrap_or(Update::Heard(Heard::Garbage));
    }
    Update::Heard(Heard::Nothing)
}

fn pressed(query: Value<'_>) -> Option<Update> {
    let id = text_of(query, "id").filter(|id| !id.is_empty() && id.len() <= QUERY_BYTES_MAX)?;
    Some(Update::Pressed { query: id.into(), press: press(query, id) })
}

fn press(query: Value<'_>, id: &str) -> Option<Press> {
    let command = buttons::pressed(text_of(query, "data")?)?;
    // One that is too old to be shown still says in which chat it is.
    let message = query.find("message")?;
    let place = Place::of(message)?;
    let sender = Sender::read(query.find("from")?).filter(|sender| !sender.is_bot)?;
    let id = format!("press:{id}");
    let parts = vec![Part::Text(command)];
    let incoming = message::incoming(&place, sender, id, parts, message)?;
    Some(Press { incoming, message: number_of(message, "message_id")? })
}

fn membership(change: Value<'_>) -> Option<Update> {
    let place = Place::of(change)?;
    let status = |key| change.find(key).and_then(|member| text_of(member, "status"));
    let is_in = |status| matches!(status, "member" | "administrator" | "creator" | "restricted");
    let (was_in, is_in) = (is_in(status("old_chat_member")?), is_in(status("new_chat_member")?));
    Some(match (was_in, is_in) {
        (false, true) if !place.is_private => {
            Update::Added { chat: place.chat, by: change.find("from").and_then(id)? }
        }
        (true, false) if !place.is_private => Update::Removed { chat: place.chat },
        _ => Update::Heard(Heard::Nothing),
    })
}

/// Telegram's numbers of presses have some twenty digits.
const QUERY_BYTES_MAX: usize = 128;
