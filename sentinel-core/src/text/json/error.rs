//! What can be wrong with a JSON text.

use core::fmt;

use crate::text::Position;

/// A JSON text was refused: what is wrong, and where.
///
/// The position is that of the first byte after which no continuation could have made the text
/// valid (for broken UTF-8, the start of the broken character). [`Partial`](super::Partial) reports
/// the same position for the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where: byte offset, line and column.
    pub position: Position,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text ended where something had to follow.
    UnexpectedEnd {
        /// What could have followed.
        expected: Expected,
    },
    /// A byte that cannot stand here.
    UnexpectedByte {
        /// The byte.
        found: u8,
        /// What could have stood here.
        expected: Expected,
    },
    /// The text starts with a byte order mark, which RFC 8259 §8.1 forbids to write.
    ByteOrderMark,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A control character inside a string, where only its escape may stand.
    ControlCharacter(u8),
    /// Half of a surrogate pair without the other half: no character.
    LoneSurrogate,
    /// A number with digits after a leading zero.
    LeadingZero,
    /// A key that stands in its object already.
    DuplicateKey {
        /// Where it stands first.
        first: Position,
    },
    /// Arrays and objects are nested deeper than the limit.
    TooDeep {
        /// The limit that was set.
        limit: usize,
    },
    /// The text is longer than the limit.
    TooLarge {
        /// The limit that was set, in bytes.
        limit: usize,
    },
}

/// What a JSON text could have gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Any value.
    Value,
    /// A value, or the end of an array that is still empty.
    ValueOrArrayEnd,
    /// A key in quotes.
    Key,
    /// A key in quotes, or the end of an object that is still empty.
    KeyOrObjectEnd,
    /// The colon between key and value.
    Colon,
    /// A comma or the end of the array.
    CommaOrArrayEnd,
    /// A comma or the end of the object.
    CommaOrObjectEnd,
    /// Another digit of a number.
    Digit,
    /// A digit or the sign of an exponent.
    ExponentDigit,
    /// The rest of `true`, `false` or `null`.
    Literal(&'static str),
    /// The rest of a string and its closing quote.
    StringEnd,
    /// One of the characters that may follow a backslash.
    Escape,
    /// A hexadecimal digit of a `\u` escape.
    HexDigit,
    /// The second half of a surrogate pair, as another `\u` escape.
    LowSurrogate,
    /// Nothing but white space.
    EndOfText,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.position, self.kind)
    }
}

impl core::error::Error for ParseError {}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd { expected } => {
                write!(formatter, "expected {expected}, found the end of the text")
            }
            Self::UnexpectedByte { found: found @ 0x21..=0x7e, expected } => {
                write!(formatter, "expected {expected}, found '{}'", char::from(*found))
            }
            Self::UnexpectedByte { found, expected } => {
                write!(formatter, "expected {expected}, found the byte 0x{found:02x}")
            }
            Self::ByteOrderMark => {
                formatter.write_str("a JSON text must not start with a byte order mark")
            }
            Self::InvalidUtf8 => formatter.write_str("the bytes are not UTF-8"),
            Self::ControlCharacter(found) => {
                write!(
                    formatter,
                    "the control character 0x{found:02x} must be written as \\u{found:04x}"
                )
            }
            Self::LoneSurrogate => formatter.write_str(
                "half of a surrogate pair is no character; write both halves, high before low",
            ),
            Self::LeadingZero => formatter.write_str("a number must not have leading zeros"),
            Self::DuplicateKey { first } => write!(formatter, "the key stands already at {first}"),
            Self::TooDeep { limit } => {
                write!(formatter, "arrays and objects are nested deeper than the limit of {limit}")
            }
            Self::TooLarge { limit } => {
                write!(formatter, "the text is longer than the limit of {limit} bytes")
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Value => "a value",
            Self::ValueOrArrayEnd => "a value or ']'",
            Self::Key => "a key in double quotes",
            Self::KeyOrObjectEnd => "a key in double quotes or '}'",
            Self::Colon => "':'",
            Self::CommaOrArrayEnd => "',' or ']'",
            Self::CommaOrObjectEnd => "',' or '}'",
            Self::Digit => "a digit",
            Self::ExponentDigit => "a digit, '+' or '-'",
            Self::Literal(rest) => return write!(formatter, "'{rest}'"),
            Self::StringEnd => "the rest of the string and '\"'",
            Self::Escape => "one of \" \\ / b f n r t u after the backslash",
            Self::HexDigit => "a hexadecimal digit",
            Self::LowSurrogate => "the second half of a surrogate pair (\\udc00 to \\udfff)",
            Self::EndOfText => "the end of the text",
        })
    }
}

/// A failure as the parsers know it: the position is worked out once, when it leaves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) offset: usize,
}

/// [`ParseErrorKind`] before offsets became positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    Plain(ParseErrorKind),
    DuplicateKey { first: usize },
}

impl Failure {
    pub(super) const fn new(kind: ParseErrorKind, offset: usize) -> Self {
        Self { kind: FailureKind::Plain(kind), offset }
    }

    /// The failure to find `expected` at `offset`, where `found` stands or the text ends.
    #[cold]
    pub(super) const fn expected(expected: Expected, found: Option<u8>, offset: usize) -> Self {
        let kind = match found {
            Some(found) => ParseErrorKind::UnexpectedByte { found, expected },
            None => ParseErrorKind::UnexpectedEnd { expected },
        };
        Self::new(kind, offset)
    }

    /// The error for people. Reads `text` from its start to find the line.
    #[cold]
    pub(super) fn locate(self, text: &[u8]) -> ParseError {
        let kind = match self.kind {
            FailureKind::Plain(kind) => kind,
            FailureKind::DuplicateKey { first } => {
                ParseErrorKind::DuplicateKey { first: Position::locate(text, first) }
            }
        };
        ParseError { kind, position: Position::locate(text, self.offset) }
    }
}
