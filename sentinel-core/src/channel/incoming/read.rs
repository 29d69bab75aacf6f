//! Reading an incoming message back from its JSON.
//!
//! # Invariants
//! - There is one JSON object for each message, up to white space and the order of keys.
//!
//! # Not here
//! Reading what a platform sends: each connector knows its own.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{AttachmentKind, Incoming, Part};
use crate::channel::identity::{Identity, IdentityError};
use crate::limits::{CHANNEL_INCOMING_JSON_BYTES_MAX, CHANNEL_INCOMING_PARTS_MAX};
use crate::text::json::{AccessError, Options, ParseError, Value};
use crate::time::Timestamp;

/// Why something is no incoming message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IncomingError {
    /// An id is none.
    Identity(IdentityError),
    /// A text is too long.
    TooLong {
        /// Which one.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// It has more than [`CHANNEL_INCOMING_PARTS_MAX`] parts.
    TooManyParts,
    /// It is not JSON.
    Json(ParseError),
    /// A key is missing, or its value is of another kind.
    Field(AccessError),
    /// There is a key that does not belong there.
    UnknownKey {
        /// The key, cut short.
        key: String,
    },
    /// A part is of no known kind.
    UnknownPart,
    /// An attachment is of no known kind.
    UnknownAttachment,
}

impl fmt::Display for IncomingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an incoming message is refused: ")?;
        match self {
            Self::Identity(error) => error.fmt(formatter),
            Self::TooLong { what, bytes, bytes_max } => {
                write!(formatter, "its {what} has {bytes} bytes; at most {bytes_max} are allowed")
            }
            Self::TooManyParts => {
                write!(formatter, "it has more than {CHANNEL_INCOMING_PARTS_MAX} parts")
            }
            Self::Json(error) => error.fmt(formatter),
            Self::Field(error) => error.fmt(formatter),
            Self::UnknownKey { key } => write!(formatter, "unknown key {key:?}"),
            Self::UnknownPart => {
                formatter.write_str("a part is none of text, quoted, forwarded, attachment")
            }
            Self::UnknownAttachment => formatter.write_str("an attachment is of no known kind"),
        }
    }
}

impl core::error::Error for IncomingError {}

impl From<IdentityError> for IncomingError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

impl From<AccessError> for IncomingError {
    fn from(error: AccessError) -> Self {
        Self::Field(error)
    }
}

impl Incoming {
    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// It is not such an object, or something in it passes its bound.
    pub fn from_json(text: &[u8]) -> Result<Self, IncomingError> {
        let options = Options::new().depth(3).bytes(CHANNEL_INCOMING_JSON_BYTES_MAX);
        let document = options.parse(text).map_err(IncomingError::Json)?;
        Self::read(document.root())
    }

    /// Reads it where it stands in a document.
    pub(crate) fn read(root: Value<'_>) -> Result<Self, IncomingError> {
        known(root, MESSAGE_KEYS)?;
        let string = |key| root.get(key)?.as_str();
        let mut parts = Vec::new();
        for part in root.get("parts")?.elements()? {
            if parts.len() == CHANNEL_INCOMING_PARTS_MAX {
                return Err(IncomingError::TooManyParts);
            }
            parts.push(read_part(part)?);
        }
        let message = Self {
            identity: Identity::new(string("platform")?, string("chat")?, string("sender")?)?,
            id: string("id")?.to_string(),
            is_private: root.get("private")?.as_bool()?,
            is_from_bot: root.get("bot")?.as_bool()?,
            name: string("name")?.to_string(),
            parts,
            sent: Timestamp(root.get("sent")?.as_u64()?),
        };
        message.check()?;
        Ok(message)
    }
}

fn read_part(part: Value<'_>) -> Result<Part, IncomingError> {
    let string = |key| Ok::<_, AccessError>(part.get(key)?.as_str()?.to_string());
    let (kind, _) = part
        .members()?
        .find(|(key, _)| matches!(*key, "text" | "quoted" | "forwarded" | "attachment"))
        .ok_or(IncomingError::UnknownPart)?;
    match kind {
        "text" => {
            known(part, &["text"])?;
            Ok(Part::Text(string("text")?))
        }
        "quoted" => {
            known(part, &["quoted"])?;
            Ok(Part::Quoted(string("quoted")?))
        }
        "forwarded" => {
            known(part, &["forwarded", "from"])?;
            Ok(Part::Forwarded { from: string("from")?, text: string("forwarded")? })
        }
        _ => {
            known(part, &["attachment", "kind", "name", "bytes"])?;
            let word = part.get("kind")?.as_str()?;
            let mut kinds = AttachmentKind::ALL.into_iter();
            Ok(Part::Attachment {
                kind: kinds
                    .find(|kind| kind.as_str() == word)
                    .ok_or(IncomingError::UnknownAttachment)?,
                name: string("name")?,
                bytes_count: part.get("bytes")?.as_u64()?,
                id: string("attachment")?,
            })
        }
    }
}

/// Refuses an object with a key that is none of these.
fn known(object: Value<'_>, keys: &[&str]) -> Result<(), IncomingError> {
    match object.members()?.find(|(key, _)| !keys.contains(key)) {
        Some((key, _)) => {
            Err(IncomingError::UnknownKey { key: key.chars().take(KEY_CHARACTERS_MAX).collect() })
        }
        None => Ok(()),
    }
}

const MESSAGE_KEYS: &[&str] =
    &["platform", "chat", "sender", "id", "private", "bot", "name", "sent", "parts"];

/// How much of a foreign key an error repeats.
const KEY_CHARACTERS_MAX: usize = 64;
