//! Identities: who speaks, and where, as the platform counts people.
//!
//! A name is what somebody calls himself; an id is what the platform calls him. Only ids decide
//! anything here, because names are free to choose and to change.
//!
//! # Invariants
//! - No id is empty, longer than [`CHANNEL_ID_BYTES_MAX`], or holds a control character or white
//!   space: a blank id must never compare equal to a blank rule.
//!
//! # Not here
//! What an id may do: [`super::access`].

use alloc::string::String;
use core::fmt;

use crate::limits::CHANNEL_ID_BYTES_MAX;

/// One sender in one chat of one platform. The parts are opaque ids, compared byte for byte.
///
/// ```
/// use sentinel_core::channel::Identity;
///
/// let identity = Identity::new("telegram", "-1001234", "77")?;
/// assert_eq!(identity.to_string(), "telegram:-1001234:77");
/// assert!(Identity::new("telegram", "", "77").is_err());
/// # Ok::<(), sentinel_core::channel::IdentityError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The connector, such as `telegram`.
    pub platform: String,
    /// The chat: a room, or the private chat with the sender. A topic of a room is the room's id,
    /// a `/` and its own.
    pub chat: String,
    /// The sender.
    pub sender: String,
}

impl Identity {
    /// An identity of three ids.
    ///
    /// # Errors
    /// One of them is not an id.
    pub fn new(
        platform: impl Into<String>,
        chat: impl Into<String>,
        sender: impl Into<String>,
    ) -> Result<Self, IdentityError> {
        let identity = Self { platform: platform.into(), chat: chat.into(), sender: sender.into() };
        identity.check()?;
        Ok(identity)
    }

    /// Whether every part is an id. The fields are open, so whoever decides by them asks again.
    pub(super) fn check(&self) -> Result<(), IdentityError> {
        check_id(IdentityPart::Platform, &self.platform)?;
        check_id(IdentityPart::Chat, &self.chat)?;
        check_id(IdentityPart::Sender, &self.sender)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.platform, self.chat, self.sender)
    }
}

/// Which id is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityPart {
    /// The connector.
    Platform,
    /// The chat.
    Chat,
    /// The sender.
    Sender,
    /// The platform's id of a message.
    Message,
    /// The platform's id of an attachment.
    Attachment,
}

impl fmt::Display for IdentityPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Platform => "platform",
            Self::Chat => "chat",
            Self::Sender => "sender",
            Self::Message => "message",
            Self::Attachment => "attachment",
        })
    }
}

/// Why something is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityError {
    /// Which one.
    pub part: IdentityPart,
    /// What is wrong with it.
    pub problem: IdentityProblem,
}

/// What is wrong with an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityProblem {
    /// There is none.
    Empty,
    /// It is longer than [`CHANNEL_ID_BYTES_MAX`].
    TooLong,
    /// It holds a control character or white space.
    NotPlain,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, problem } = self;
        match problem {
            IdentityProblem::Empty => write!(formatter, "the {part} id is empty"),
            IdentityProblem::TooLong => {
                write!(formatter, "the {part} id is longer than {CHANNEL_ID_BYTES_MAX} bytes")
            }
            IdentityProblem::NotPlain => {
                write!(formatter, "the {part} id holds a control character or white space")
            }
        }
    }
}

impl core::error::Error for IdentityError {}

/// Whether a text is an id.
pub(super) fn check_id(part: IdentityPart, id: &str) -> Result<(), IdentityError> {
    let problem = if id.is_empty() {
        IdentityProblem::Empty
    } else if id.len() > CHANNEL_ID_BYTES_MAX {
        IdentityProblem::TooLong
    } else if id.chars().any(|character| character.is_control() || character.is_whitespace()) {
        IdentityProblem::NotPlain
    } else {
        return Ok(());
    };
    Err(IdentityError { part, problem })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_is_blank_is_no_id() {
        let long = "x".repeat(CHANNEL_ID_BYTES_MAX + 1);
        for (id, problem) in [
            ("", IdentityProblem::Empty),
            (" ", IdentityProblem::NotPlain),
            ("\u{a0}", IdentityProblem::NotPlain),
            ("7\n", IdentityProblem::NotPlain),
            ("7\0", IdentityProblem::NotPlain),
            (long.as_str(), IdentityProblem::TooLong),
        ] {
            for (part, result) in [
                (IdentityPart::Platform, Identity::new(id, "1", "1")),
                (IdentityPart::Chat, Identity::new("1", id, "1")),
                (IdentityPart::Sender, Identity::new("1", "1", id)),
            ] {
                assert_eq!(result, Err(IdentityError { part, problem }), "{id:?}");
            }
        }
        assert!(Identity::new("x", &long[1..], "1").is_ok());
    }

    #[test]
    fn an_error_says_which_id_and_what() {
        let error = Identity::new("telegram", "1", "").unwrap_err();
        assert_eq!(error.to_string(), "the sender id is empty");
    }
}
