//! The parts of a message: by whom its words are, and what came along.
//!
//! # Invariants
//! - [`Part::Text`] holds only what the sender typed, or what a number he sent says.
//!
//! # Not here
//! The bytes of files: [`files`](super::files).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::message::{Own, bounded};
use super::words::{id, is_set, joined, number_of, text_of};
use crate::channel::{AttachmentKind, Part};
use crate::limits::CHANNEL_ID_BYTES_MAX;
use crate::text::json::Value;

/// All parts, in the order in which people read them.
pub(super) fn of(
    message: Value<'_>,
    own: &Own,
    origin: Option<String>,
    text: &str,
    links: &[String],
) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(quoted) = quoted(message, own) {
        parts.push(Part::Quoted(quoted.into()));
    }
    match origin {
        _ if text.trim().is_empty() => {}
        Some(from) => parts.push(Part::Forwarded { from, text: text.into() }),
        None => parts.push(Part::Text(own_words(text))),
    }
    if !links.is_empty() {
        parts.push(Part::Quoted(links.join("\n")));
    }
    parts.extend(in_words(message));
    parts.extend(attachment(message));
    parts
}

/// Telegram's own first word to a bot asks what it is; what a link added to it is not the sender's.
fn own_words(text: &str) -> String {
    match text.split_whitespace().next() {
        Some("/start") => "/help".into(),
        _ => text.into(),
    }
}

/// Whose words a message holds, if they are not the sender's.
pub(super) fn origin(message: Value<'_>) -> Option<String> {
    if let Some(bot) = message.find("via_bot") {
        return Some(name_of(bot));
    }
    let origin = message.find("forward_origin")?;
    let hidden = text_of(origin, "sender_user_name").map(bounded);
    let user = || origin.find("sender_user").map(name_of);
    let chat = || origin.find("sender_chat").or_else(|| origin.find("chat")).map(name_of);
    Some(hidden.or_else(user).or_else(chat).unwrap_or_else(|| "somebody".into()))
}

/// Whether a message replies to one of the agent's own.
pub(super) fn is_reply_to(message: Value<'_>, own: &Own) -> bool {
    let replied = message.find("reply_to_message");
    // In a topic everything replies to what opened it.
    let replied = replied.filter(|replied| replied.find("forum_topic_created").is_none());
    let sender = replied.and_then(|replied| replied.find("from")).and_then(id);
    sender == Some(own.id)
}

/// What a reply quotes: what the sender marked, or all of the message. The agent's own words are
/// not quoted to it unless they are marked: it knows what it said.
fn quoted<'d>(message: Value<'d>, own: &Own) -> Option<&'d str> {
    let marked = message.find("quote").and_then(|quote| text_of(quote, "text"));
    let whole = || {
        let replied = message.find("reply_to_message").filter(|_| !is_reply_to(message, own))?;
        text_of(replied, "text").or_else(|| text_of(replied, "caption"))
    };
    marked.or_else(whole).filter(|text| !text.trim().is_empty())
}

/// What is neither text nor file, in words. A place on the earth is numbers; everything else has
/// words that somebody else chose.
fn in_words(message: Value<'_>) -> Option<Part> {
    if let Some(card) = message.find("contact") {
        let phone = text_of(card, "phone_number").unwrap_or_default();
        return Some(Part::Quoted(format!("contact: {}, {phone}", name_of(card))));
    }
    if let Some(venue) = message.find("venue") {
        let words = joined(&[text_of(venue, "title"), text_of(venue, "address")]);
        let place = venue.find("location").and_then(place_on_earth).unwrap_or_default();
        return Some(Part::Quoted(format!("place: {words}, {place}")));
    }
    if let Some(location) = message.find("location") {
        return place_on_earth(location).map(|place| Part::Text(format!("location: {place}")));
    }
    if let Some(poll) = message.find("poll") {
        let mut words = format!("poll: {}", text_of(poll, "question").unwrap_or_default());
        let options = poll.find("options").and_then(|options| options.elements().ok());
        for option in options.into_iter().flatten().take(POLL_OPTIONS_MAX) {
            words.extend(["\n- ", text_of(option, "text").unwrap_or_default()]);
        }
        return Some(Part::Quoted(words));
    }
    let value = number_of(message.find("dice")?, "value")?;
    Some(Part::Text(format!("dice: {value}")))
}

fn place_on_earth(location: Value<'_>) -> Option<String> {
    let degrees = |key| location.find(key).and_then(|value| value.as_f64().ok());
    Some(format!("{:.5}, {:.5}", degrees("latitude")?, degrees("longitude")?))
}

/// The file of a message: Telegram sends one at most.
fn attachment(message: Value<'_>) -> Option<Part> {
    if let Some(sizes) = message.find("photo").and_then(|sizes| sizes.elements().ok()) {
        let area = |size: &Value<'_>| {
            let side = |key| number_of(*size, key).unwrap_or_default();
            side("width").saturating_mul(side("height"))
        };
        let largest = sizes.max_by_key(area)?;
        return file(largest, AttachmentKind::Image, "photo.jpg");
    }
    // An animation comes as a document too.
    let kinds = [
        ("animation", AttachmentKind::Video, "animation.mp4"),
        ("document", AttachmentKind::Document, "document"),
        ("audio", AttachmentKind::Audio, "audio.mp3"),
        ("voice", AttachmentKind::Audio, "voice.ogg"),
        ("video", AttachmentKind::Video, "video.mp4"),
        ("video_note", AttachmentKind::Video, "video_note.mp4"),
        ("sticker", AttachmentKind::Sticker, "sticker.webp"),
    ];
    kinds.into_iter().find_map(|(key, kind, name)| file(message.find(key)?, kind, name))
}

fn file(file: Value<'_>, kind: AttachmentKind, usual_name: &str) -> Option<Part> {
    let id = text_of(file, "file_id").filter(|id| is_plain(id))?.to_string();
    let name = text_of(file, "file_name").filter(|name| !name.trim().is_empty());
    let emoji = text_of(file, "emoji").filter(|_| kind == AttachmentKind::Sticker);
    let name = bounded(&joined(&[Some(name.unwrap_or(usual_name)), emoji]));
    let bytes = number_of(file, "file_size").and_then(|bytes| u64::try_from(bytes).ok());
    Some(Part::Attachment { kind, name, bytes_count: bytes.unwrap_or_default(), id })
}

fn is_plain(id: &str) -> bool {
    let is_of_ids = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=CHANNEL_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_of_ids)
}

/// What somebody, a chat or a card is called.
pub(super) fn name_of(value: Value<'_>) -> String {
    let own = joined(&[text_of(value, "first_name"), text_of(value, "last_name")]);
    let name = match own.is_empty() {
        false => own,
        true => {
            let other = text_of(value, "title").or_else(|| text_of(value, "username"));
            other.unwrap_or("somebody").to_string()
        }
    };
    let mark = if is_set(value, "is_bot") { " (bot)" } else { "" };
    bounded(&(name + mark))
}

/// Telegram lets a poll have ten options, and twelve of late.
const POLL_OPTIONS_MAX: usize = 16;
