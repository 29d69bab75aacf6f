//! Messages of Slack, as the agent reads them.
//!
//! A message is named by its channel and its time stamp, which is its own within the channel. What
//! is said in a thread belongs to the thread's own chat, `C024BE91L/1482960137.003543`, and what
//! the agent says there stays there.
//!
//! # Invariants
//! - What is read passes [`Incoming::check`].
//! - Previews of links, and what changes or removes a message, are no messages.
//!
//! # Not here
//! Slack's markup: [`super::mrkdwn`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::mrkdwn;
use crate::channel::identity::Identity;
use crate::channel::incoming::{AttachmentKind, Incoming, Part};
use crate::channel::traffic::{cut, name, pressed};
use crate::limits::{CHANNEL_INCOMING_BYTES_MAX, CHANNEL_INCOMING_PARTS_MAX};
use crate::text::json::Value;
use crate::time::Timestamp;

/// Who the app is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) user: String,
    pub(super) bot: String,
    pub(super) name: String,
}

/// A time stamp of Slack's, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(pub(super) u64);

impl Stamp {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (seconds, micros) = text.split_once('.')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if micros.len() != 6 || seconds.is_empty() || !is_digits(seconds) || !is_digits(micros) {
            return None;
        }
        let seconds: u64 = seconds.parse().ok()?;
        seconds.checked_mul(1_000_000)?.checked_add(micros.parse().ok()?).map(Self)
    }
}

impl core::fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A chat: a channel, or a thread in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) channel: String,
    pub(super) thread: Option<Stamp>,
}

impl Place {
    pub(super) fn parse(chat: &str) -> Option<Self> {
        let (channel, thread) = match chat.split_once('/') {
            Some((channel, thread)) => (channel, Some(Stamp::parse(thread)?)),
            None => (chat, None),
        };
        is_id(channel).then(|| Self { channel: channel.to_string(), thread })
    }
}

impl core::fmt::Display for Place {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.thread {
            Some(thread) => write!(formatter, "{}/{thread}", self.channel),
            None => formatter.write_str(&self.channel),
        }
    }
}

/// A message as Slack tells it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) channel: String,
    pub(super) stamp: Stamp,
    /// What the agent is given; `None` if it is none of its business.
    pub(super) message: Option<Incoming>,
}

/// A button that was pressed.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) place: Place,
    pub(super) question: u32,
    /// The message that the button is at, and what it says.
    pub(super) on: Option<(Stamp, String)>,
    pub(super) message: Incoming,
}

/// Reads a message, of an event or of a channel's history, which does not name the channel.
pub(super) fn told(event: Value<'_>, channel: Option<&str>, me: &Me) -> Option<Told> {
    let kind = text(event, "type")?;
    let channel = channel.or_else(|| text(event, "channel")).filter(|id| is_id(id))?;
    let stamp = Stamp::parse(text(event, "ts")?)?;
    let is_message = match (kind, text(event, "subtype")) {
        ("app_mention", _) | ("message", None) => true,
        ("message", Some(kind)) => matches!(kind, "file_share" | "thread_broadcast" | "me_message"),
        _ => return None,
    };
    let message = if is_message { read(event, kind, channel, stamp, me) } else { None };
    Some(Told { channel: channel.to_string(), stamp, message })
}

fn read(event: Value<'_>, kind: &str, channel: &str, stamp: Stamp, me: &Me) -> Option<Incoming> {
    let user = text(event, "user").filter(|user| is_id(user))?;
    let bot = text(event, "bot_id");
    if user == me.user || bot.is_some_and(|bot| bot == me.bot) {
        return None;
    }
    let words = text(event, "text").unwrap_or_default();
    let is_private = channel.starts_with('D');
    let is_reply_to_us = text(event, "parent_user_id") == Some(&*me.user);
    let is_mentioned = kind == "app_mention"
        || words.contains(&format!("<@{}>", me.user))
        || words.contains(&format!("<@{}|", me.user));
    if !is_private && !is_mentioned && !is_reply_to_us {
        return None;
    }
    let mut parts = Parts::default();
    let mut links = Vec::new();
    parts.text(&mrkdwn::read(words, &me.user, &mut links), Part::Text);
    parts.text(&links.join("\n"), Part::Quoted);
    for shared in elements(event, "attachments") {
        let is_shared = ["is_share", "is_msg_unfurl"]
            .into_iter()
            .any(|key| shared.find(key).is_some_and(|value| value.as_bool() == Ok(true)));
        if is_shared && let Some(words) = text(shared, "text") {
            let from = name(text(shared, "author_name").unwrap_or("somebody"));
            let mut links = Vec::new();
            let words = mrkdwn::read(words, "", &mut links);
            parts.text(&words, |text| Part::Forwarded { from, text });
            parts.text(&links.join("\n"), Part::Quoted);
        }
    }
    for file in elements(event, "files") {
        parts.file(file);
    }
    // A message that opens a thread names itself: it is said in the channel.
    let thread = text(event, "thread_ts").and_then(Stamp::parse).filter(|thread| *thread != stamp);
    let place = Place { channel: channel.to_string(), thread };
    let message = Incoming {
        identity: Identity::new("slack", place.to_string(), user).ok()?,
        id: format!("{channel}:{stamp}"),
        is_private,
        is_from_bot: bot.is_some(),
        // Messages name nobody; who reads a list of people knows the ids.
        name: user.to_string(),
        parts: parts.list,
        sent: Timestamp(stamp.0 / 1000),
    };
    message.check().ok()?;
    Some(message)
}

/// Reads the press of a button.
pub(super) fn press(payload: Value<'_>) -> Option<Press> {
    if text(payload, "type") != Some("block_actions") {
        return None;
    }
    let user = text(payload.find("user")?, "id").filter(|user| is_id(user))?;
    let container = payload.find("container");
    let channel = payload.find("channel").and_then(|channel| text(channel, "id"));
    let channel = channel.or_else(|| text(container?, "channel_id")).filter(|id| is_id(id))?;
    let action = elements(payload, "actions").next()?;
    let (question, command) = pressed(text(action, "action_id")?)?;
    let stamp = Stamp::parse(text(action, "action_ts")?)?;
    let message = payload.find("message");
    let thread = message.and_then(|message| text(message, "thread_ts"));
    let thread = thread.or_else(|| text(container?, "thread_ts")).and_then(Stamp::parse);
    let on = message.and_then(|message| {
        let stamp = Stamp::parse(text(message, "ts")?)?;
        Some((stamp, text(message, "text").unwrap_or_default().to_string()))
    });
    let thread = thread.filter(|thread| on.as_ref().is_none_or(|(on, _)| on != thread));
    let place = Place { channel: channel.to_string(), thread };
    let id = format!("{channel}:{stamp}:{user}");
    let message = command_of(&place, user, id, command, stamp)?;
    Some(Press { place, question, on, message })
}

/// Reads a slash command. The one that is called like the program takes any command of the agent's
/// after it; others are commands themselves.
pub(super) fn slash(payload: Value<'_>, now: Timestamp) -> Option<Incoming> {
    let user = text(payload, "user_id").filter(|user| is_id(user))?;
    let channel = text(payload, "channel_id").filter(|id| is_id(id))?;
    let trigger = text(payload, "trigger_id").filter(|id| {
        id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    })?;
    let command = text(payload, "command")?;
    // A command is what it shows.
    let words = text(payload, "text").unwrap_or_default();
    let words = mrkdwn::read(words, "", &mut Vec::new());
    let words = match command {
        "/sentinel" if words.starts_with('/') => words,
        "/sentinel" => format!("/{words}"),
        _ => format!("{command} {words}"),
    };
    let words = cut(words.trim(), CHANNEL_INCOMING_BYTES_MAX).to_string();
    let place = Place { channel: channel.to_string(), thread: None };
    let stamp = Stamp(now.0.saturating_mul(1000));
    command_of(&place, user, format!("{channel}:{trigger}"), words, stamp)
}

fn command_of(
    place: &Place,
    user: &str,
    id: String,
    words: String,
    stamp: Stamp,
) -> Option<Incoming> {
    let message = Incoming {
        identity: Identity::new("slack", place.to_string(), user).ok()?,
        id,
        is_private: place.channel.starts_with('D'),
        is_from_bot: false,
        name: user.to_string(),
        parts: Vec::from([Part::Text(words)]),
        sent: Timestamp(stamp.0 / 1000),
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

    fn file(&mut self, file: Value<'_>) {
        let Some(id) = text(file, "id").filter(|id| is_id(id)) else { return };
        if self.list.len() >= CHANNEL_INCOMING_PARTS_MAX || text(file, "mode") == Some("tombstone")
        {
            return;
        }
        let kind = match text(file, "mimetype").unwrap_or_default() {
            kind if kind.starts_with("image/") => AttachmentKind::Image,
            kind if kind.starts_with("audio/") => AttachmentKind::Audio,
            kind if kind.starts_with("video/") => AttachmentKind::Video,
            _ => AttachmentKind::Document,
        };
        self.list.push(Part::Attachment {
            kind,
            name: name(text(file, "name").unwrap_or_default()),
            bytes_count: file.find("size").and_then(|size| size.as_u64().ok()).unwrap_or(0),
            id: id.to_string(),
        });
    }
}

/// Whether a text is an id of Slack's, which are letters and digits.
pub(super) fn is_id(id: &str) -> bool {
    (2..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn text<'d>(value: Value<'d>, key: &str) -> Option<&'d str> {
    value.find(key)?.as_str().ok()
}

/// The elements of a list that may be missing.
pub(super) fn elements<'d>(value: Value<'d>, key: &str) -> impl Iterator<Item = Value<'d>> {
    value.find(key).and_then(|list| list.elements().ok()).into_iter().flatten()
}

#[cfg(test)]
mod tests;
