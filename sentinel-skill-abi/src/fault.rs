//! What one side finds wrong with what the other said, and the codes of errors.
//!
//! # Invariants
//! - Nothing of what was said is in a fault: it is another's text, and may be meant to be shown.

use core::fmt;

use crate::limits;

/// Why a line is not taken. After one of these nothing that the other side says means anything:
/// whoever finds it ends the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The line is longer than a line may be.
    TooLong,
    /// It ended in the middle of a line.
    HalfLine,
    /// The line is no UTF-8.
    NoUtf8,
    /// The line is no JSON, from this byte on.
    NoJson(usize),
    /// It is no object with a `type` that this side is sent.
    UnknownType,
    /// It has a key that its type has not.
    UnknownKey,
    /// A key stands twice.
    KeyTwice,
    /// This key is missing, or its value is of the wrong kind or beyond a bound.
    Field(&'static str),
    /// A version of the contract that is not spoken here.
    Version(u32),
    /// A message that cannot come at this point.
    OutOfTurn,
    /// The id is that of nothing under way.
    WrongId(u32),
    /// What this id asked was answered before.
    Doubled(u32),
    /// More was said than is listened to.
    TooMuch,
}

impl Fault {
    /// What is wrong, without its numbers: formatting those is a quarter of a small module.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "the line is too long",
            Self::HalfLine => "it ended in the middle of a line",
            Self::NoUtf8 => "the line is not in UTF-8",
            Self::NoJson(_) => "the line is no JSON",
            Self::UnknownType => "the line is no object with a `type` that may be sent here",
            Self::UnknownKey => "the message has a key that its type does not have",
            Self::KeyTwice => "a key stands twice in the message",
            Self::Field(_) => "a key is missing, of the wrong kind, empty, or beyond its bound",
            Self::Version(_) => "this version of the contract is not spoken here",
            Self::OutOfTurn => "such a message cannot come at this point",
            Self::WrongId(_) => "nothing with this id is under way",
            Self::Doubled(_) => "this was answered before",
            Self::TooMuch => "more was said than is listened to for one call",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())?;
        match self {
            Self::TooLong => write!(formatter, ": more than {} bytes", limits::LINE_BYTES_MAX),
            Self::NoJson(at) => write!(formatter, ", from its byte {at} on"),
            Self::Field(name) => write!(formatter, ": `{name}`"),
            Self::Version(number) | Self::WrongId(number) | Self::Doubled(number) => {
                write!(formatter, ": {number}")
            }
            _ => Ok(()),
        }
    }
}

impl core::error::Error for Fault {}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// What was said breaks the contract.
    Protocol,
    /// The version is not spoken.
    Version,
    /// There is no such tool.
    UnknownTool,
    /// The arguments are not what the parameters say.
    Arguments,
    /// It was not granted.
    Denied,
    /// There is no such service.
    UnknownService,
    /// It was tried, and did not work.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// What came of it is more than fits into a line.
    TooLarge,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Protocol,
        Self::Version,
        Self::UnknownTool,
        Self::Arguments,
        Self::Denied,
        Self::UnknownService,
        Self::Failed,
        Self::Cancelled,
        Self::TooLarge,
    ];

    /// As it stands in a message.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Version => "version",
            Self::UnknownTool => "unknown_tool",
            Self::Arguments => "arguments",
            Self::Denied => "denied",
            Self::UnknownService => "unknown_service",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TooLarge => "too_large",
        }
    }
}
