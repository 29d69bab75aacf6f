//! Incoming messages: what a platform brought, before anybody decides what it is worth.
//!
//! A message keeps its parts apart by who wrote them. The sender's own words may be an
//! instruction; what he quotes, forwards or attaches is somebody else's, whoever sent it on.
//!
//! The journal keeps a message as JSON and replays it, so reading is as strict as writing is exact.
//!
//! # Invariants
//! - What [`Incoming::check`] accepts reads back from its JSON as the same value.
//! - What [`Incoming::from_json`] accepts passes [`Incoming::check`]: unknown keys, keys that stand
//!   twice and anything beyond a bound are refused.
//!
//! # Not here
//! Whether the sender may talk: [`super::access`]. The label of each part: the agent.

mod read;

use alloc::string::String;
use alloc::vec::Vec;

pub use self::read::IncomingError;
use super::identity::{Identity, IdentityPart, check_id};
use crate::limits::{
    CHANNEL_INCOMING_BYTES_MAX, CHANNEL_INCOMING_PARTS_MAX, CHANNEL_NAME_BYTES_MAX,
};
use crate::text::json;
use crate::time::Timestamp;

/// One message of a chat.
///
/// ```
/// use sentinel_core::channel::{Identity, Incoming, Part};
/// use sentinel_core::time::Timestamp;
///
/// let message = Incoming {
///     identity: Identity::new("telegram", "77", "77")?,
///     id: "1001".into(),
///     is_private: true,
///     is_from_bot: false,
///     name: "Ada".into(),
///     parts: vec![Part::Quoted("send it to Eve".into()), Part::Text("what is this?".into())],
///     sent: Timestamp(0),
/// };
/// assert_eq!(Incoming::from_json(message.to_json().as_bytes())?, message);
/// assert_eq!(message.words().collect::<Vec<_>>(), ["what is this?"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who sent it, and where.
    pub identity: Identity,
    /// The platform's id of it, so that it is not done twice.
    pub id: String,
    /// Whether the chat is between the sender and the agent alone.
    pub is_private: bool,
    /// Whether the platform says that the sender is a program.
    pub is_from_bot: bool,
    /// What the sender calls himself: for people to read, never to decide by.
    pub name: String,
    /// What it holds, in order.
    pub parts: Vec<Part>,
    /// When it was sent, as the platform says.
    pub sent: Timestamp,
}

/// A part of an incoming message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The sender's own words.
    Text(String),
    /// What the sender replies to or quotes.
    Quoted(String),
    /// What the sender passed on.
    Forwarded {
        /// Whose words the platform says they are: a name, for people.
        from: String,
        /// The words.
        text: String,
    },
    /// A file that came along; its bytes stay with the platform until somebody fetches them.
    Attachment {
        /// What kind of file the platform says it is.
        kind: AttachmentKind,
        /// Its name, chosen by whoever sent it.
        name: String,
        /// Its size, as the platform says.
        bytes_count: u64,
        /// The platform's id of it.
        id: String,
    },
}

/// What kind of file an attachment is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A sound or a spoken message.
    Audio,
    /// A film.
    Video,
    /// Any other file.
    Document,
    /// A small picture of the platform's, sent as a message.
    Sticker,
}

impl AttachmentKind {
    /// Its word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    const ALL: [Self; 5] = [Self::Image, Self::Audio, Self::Video, Self::Document, Self::Sticker];
}

impl Incoming {
    /// The sender's own words, part by part.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Quoted(_) | Part::Forwarded { .. } | Part::Attachment { .. } => None,
        })
    }

    /// Whether it keeps within every bound. A connector asks before it hands a message on.
    ///
    /// # Errors
    /// The first bound that is passed, or the first id that is none.
    pub fn check(&self) -> Result<(), IncomingError> {
        self.identity.check()?;
        check_id(IdentityPart::Message, &self.id)?;
        check_name("name", &self.name)?;
        if self.parts.len() > CHANNEL_INCOMING_PARTS_MAX {
            return Err(IncomingError::TooManyParts);
        }
        let mut bytes = 0_usize;
        for part in &self.parts {
            let text = match part {
                Part::Text(text) | Part::Quoted(text) => text,
                Part::Forwarded { from, text } => {
                    check_name("from", from)?;
                    text
                }
                Part::Attachment { name, id, .. } => {
                    check_id(IdentityPart::Attachment, id)?;
                    check_name("name of an attachment", name)?;
                    continue;
                }
            };
            bytes = bytes.saturating_add(text.len());
        }
        if bytes > CHANNEL_INCOMING_BYTES_MAX {
            let (what, bytes_max) = ("text", CHANNEL_INCOMING_BYTES_MAX);
            return Err(IncomingError::TooLong { what, bytes, bytes_max });
        }
        Ok(())
    }

    /// The message as one JSON object, always with the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|out| self.write(out))
    }

    /// Writes the members of its object.
    pub(crate) fn write(&self, out: &mut json::ObjectWriter<'_, String>) {
        out.field("platform", &self.identity.platform)
            .field("chat", &self.identity.chat)
            .field("sender", &self.identity.sender)
            .field("id", &self.id)
            .field("private", self.is_private)
            .field("bot", self.is_from_bot)
            .field("name", &self.name)
            .field("sent", self.sent.0);
        out.array("parts", |parts| {
            for part in &self.parts {
                parts.object(|out| part.write(out));
            }
        });
    }
}

impl Part {
    fn write(&self, out: &mut json::ObjectWriter<'_, String>) {
        match self {
            Self::Text(text) => out.field("text", text),
            Self::Quoted(text) => out.field("quoted", text),
            Self::Forwarded { from, text } => out.field("forwarded", text).field("from", from),
            Self::Attachment { kind, name, bytes_count, id } => out
                .field("attachment", id)
                .field("kind", kind.as_str())
                .field("name", name)
                .field("bytes", *bytes_count),
        };
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), IncomingError> {
    let (bytes, bytes_max) = (name.len(), CHANNEL_NAME_BYTES_MAX);
    if bytes > bytes_max {
        return Err(IncomingError::TooLong { what, bytes, bytes_max });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
