//! Messages of Discord, as the agent reads them.
//!
//! In a room the agent is spoken to by its mention or by a reply to it; everything else there is
//! not its business. Mentions of other people stay numbers: their names are theirs to choose, and
//! nobody is to put words into a sender's mouth by taking a name.
//!
//! # Invariants
//! - What is read passes [`Incoming::check`].
//! - Embeds, and what is behind links, are no part of a message.
//!
//! # Not here
//! Whether a message came before: [`super::inbox`].

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::places::Place;
use crate::channel::identity::Identity;
use crate::channel::incoming::{AttachmentKind, Incoming, Part};
use crate::channel::traffic::{cut, name, pressed};
use crate::limits::{CHANNEL_INCOMING_BYTES_MAX, CHANNEL_INCOMING_PARTS_MAX};
use crate::text::json::Value;
use crate::time::Timestamp;

/// Who the bot is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) id: u64,
    pub(super) name: String,
}

/// A message as Discord tells it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) channel: u64,
    /// What the agent is given; `None` if it is none of its business.
    pub(super) message: Option<Incoming>,
}

/// A button that was pressed.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) id: u64,
    pub(super) token: String,
    pub(super) channel: u64,
    /// What the channel is.
    pub(super) place: Option<Place>,
    /// The message that the button is at.
    pub(super) on: Option<u64>,
    pub(super) question: u32,
    pub(super) message: Incoming,
}

/// Reads a message. Where it is read from history, Discord does not say whether the channel is
/// private, so the caller does.
pub(super) fn told(value: Value<'_>, me: &Me, is_private: bool) -> Option<Told> {
    let (id, channel) = (snowflake(value, "id")?, snowflake(value, "channel_id")?);
    let author = value.find("author")?;
    let sender = snowflake(author, "id")?;
    let kind = value.find("type").and_then(|kind| kind.as_u64().ok()).unwrap_or(0);
    let is_for_us = sender != me.id
        && matches!(kind, DEFAULT | REPLY)
        && (is_private || is_mentioned(value, me) || is_reply_to(value, me));
    let message = is_for_us.then(|| read(value, author, me, is_private)).flatten();
    Some(Told { id, channel, message })
}

/// Reads an interaction; `None` if it is no press of a button of ours.
pub(super) fn press(value: Value<'_>) -> Option<Press> {
    if value.find("type").and_then(|kind| kind.as_u64().ok()) != Some(MESSAGE_COMPONENT) {
        return None;
    }
    let (id, channel) = (snowflake(value, "id")?, snowflake(value, "channel_id")?);
    let token = text(value, "token")?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=+".contains(&byte);
    if token.is_empty() || token.len() > 1024 || !token.bytes().all(is_token) {
        return None;
    }
    let is_private = value.find("guild_id").is_none();
    let user = match value.find("member") {
        Some(member) => member.find("user")?,
        None => value.find("user")?,
    };
    let (question, command) = pressed(text(value.find("data")?, "custom_id")?)?;
    let message = Incoming {
        identity: identity(channel, user)?,
        id: id.to_string(),
        is_private,
        is_from_bot: is_bot(user),
        name: display_name(user),
        parts: Vec::from([Part::Text(command)]),
        sent: sent(id),
    };
    message.check().ok()?;
    let on = value.find("message").and_then(|message| snowflake(message, "id"));
    let place = value.find("channel").and_then(Place::read);
    Some(Press { id, token: token.to_string(), channel, place, on, question, message })
}

/// An id of Discord's, which is a number that is written as a text.
pub(super) fn snowflake(value: Value<'_>, key: &str) -> Option<u64> {
    number(text(value, key)?)
}

/// The number that a text is, if it is written as an id is.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_id = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_id)
}

fn read(value: Value<'_>, author: Value<'_>, me: &Me, is_private: bool) -> Option<Incoming> {
    let (id, channel) = (snowflake(value, "id")?, snowflake(value, "channel_id")?);
    let mut parts = Parts::default();
    if let Some(quoted) = value.find("referenced_message").filter(|quoted| !quoted.is_null()) {
        parts.text(text(quoted, "content").unwrap_or_default(), Part::Quoted);
    }
    let words = without_mention(text(value, "content").unwrap_or_default(), me);
    parts.text(&words, Part::Text);
    parts.attachments(value, channel, id);
    for snapshot in elements(value, "message_snapshots") {
        let Some(forwarded) = snapshot.find("message") else { continue };
        // Discord does not say who wrote it.
        let from = "somebody".to_owned();
        parts.text(text(forwarded, "content").unwrap_or_default(), |text| Part::Forwarded {
            from,
            text,
        });
        parts.attachments(forwarded, channel, id);
    }
    let message = Incoming {
        identity: identity(channel, author)?,
        id: id.to_string(),
        is_private,
        is_from_bot: is_bot(author) || value.find("webhook_id").is_some_and(|id| !id.is_null()),
        name: display_name(author),
        parts: parts.list,
        sent: sent(id),
    };
    message.check().ok()?;
    Some(message)
}

/// Parts within their bounds: what passes one is cut or left out.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    bytes: usize,
}

impl Parts {
    fn text(&mut self, text: &str, part: impl FnOnce(String) -> Part) {
        let text = cut(text, CHANNEL_INCOMING_BYTES_MAX.saturating_sub(self.bytes));
        if !text.trim().is_empty() && self.list.len() < CHANNEL_INCOMING_PARTS_MAX {
            self.bytes += text.len();
            self.list.push(part(text.to_string()));
        }
    }

    fn attachments(&mut self, value: Value<'_>, channel: u64, message: u64) {
        for file in elements(value, "attachments") {
            let Some(id) = snowflake(file, "id") else { continue };
            let kind = match text(file, "content_type").unwrap_or_default() {
                kind if kind.starts_with("image/") => AttachmentKind::Image,
                kind if kind.starts_with("audio/") => AttachmentKind::Audio,
                kind if kind.starts_with("video/") => AttachmentKind::Video,
                _ => AttachmentKind::Document,
            };
            let bytes_count = file.find("size").and_then(|size| size.as_u64().ok()).unwrap_or(0);
            let name = name(text(file, "filename").unwrap_or_default());
            let id = format!("{channel}/{message}/{id}");
            self.attachment(Part::Attachment { kind, name, bytes_count, id });
        }
        for sticker in elements(value, "sticker_items") {
            let Some(id) = snowflake(sticker, "id") else { continue };
            self.attachment(Part::Attachment {
                kind: AttachmentKind::Sticker,
                name: name(text(sticker, "name").unwrap_or_default()),
                bytes_count: 0,
                id: format!("sticker/{id}"),
            });
        }
    }

    fn attachment(&mut self, part: Part) {
        if self.list.len() < CHANNEL_INCOMING_PARTS_MAX {
            self.list.push(part);
        }
    }
}

fn identity(channel: u64, user: Value<'_>) -> Option<Identity> {
    let sender = snowflake(user, "id")?;
    Identity::new("discord", channel.to_string(), sender.to_string()).ok()
}

fn is_bot(user: Value<'_>) -> bool {
    user.find("bot").is_some_and(|bot| bot.as_bool() == Ok(true))
}

fn display_name(user: Value<'_>) -> String {
    let own = text(user, "global_name").or_else(|| text(user, "username"));
    name(own.unwrap_or_default())
}

fn is_mentioned(value: Value<'_>, me: &Me) -> bool {
    elements(value, "mentions").any(|user| snowflake(user, "id") == Some(me.id))
}

fn is_reply_to(value: Value<'_>, me: &Me) -> bool {
    let author = value.find("referenced_message").and_then(|quoted| quoted.find("author"));
    author.and_then(|author| snowflake(author, "id")) == Some(me.id)
}

/// The words without the bot's own mention: it says whom they are for, not what.
fn without_mention(content: &str, me: &Me) -> String {
    let mut words = content.to_owned();
    for mention in [format!("<@{}>", me.id), format!("<@!{}>", me.id)] {
        words = words.replace(&mention, "");
    }
    words.trim().to_owned()
}

/// Ids say when they were made.
fn sent(id: u64) -> Timestamp {
    Timestamp((id >> 22).saturating_add(EPOCH))
}

fn text<'d>(value: Value<'d>, key: &str) -> Option<&'d str> {
    value.find(key)?.as_str().ok()
}

/// The elements of a list that may be missing.
pub(super) fn elements<'d>(value: Value<'d>, key: &str) -> impl Iterator<Item = Value<'d>> {
    value.find(key).and_then(|list| list.elements().ok()).into_iter().flatten()
}

/// Kinds of messages: plain ones and replies. All others are Discord's own.
const DEFAULT: u64 = 0;
const REPLY: u64 = 19;

/// The kind of interaction that is a press.
const MESSAGE_COMPONENT: u64 = 3;

/// The first second of 2015, from which ids count milliseconds.
const EPOCH: u64 = 1_420_070_400_000;

#[cfg(test)]
mod tests;
