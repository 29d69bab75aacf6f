//! Why a document was refused, where, and what to do about it.

use core::fmt;

use super::datetime::InvalidDateTime;
use crate::text::{Position, Span};

/// A refused document: what is wrong and where.
///
/// ```
/// use sentinel_core::text::toml::Document;
///
/// let error = Document::parse(b"port = 1\n[a]\n  [a]\n").unwrap_err();
/// assert_eq!(error.to_string(), "3:4: the table is already defined at 2:2; merge the two");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    kind: ParseErrorKind,
    position: Position,
    earlier: Option<Earlier>,
}

impl ParseError {
    /// What is wrong.
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The key, table or value this one collides with, when there is one.
    pub fn earlier(&self) -> Option<Span> {
        self.earlier.map(|earlier| earlier.span)
    }

    pub(super) fn from_fault(fault: Fault, text: &[u8]) -> Self {
        let locate = |span: Span| Earlier { span, position: Position::locate(text, span.start) };
        Self {
            kind: fault.kind,
            position: Position::locate(text, fault.offset),
            earlier: fault.earlier.map(locate),
        }
    }
}

/// What can be wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// More bytes than [`Limits::bytes_max`](super::Limits::bytes_max).
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// More nesting than [`Limits::depth_max`](super::Limits::depth_max).
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A control character that may only be written as an escape.
    ControlCharacter(char),
    /// A carriage return without a line feed after it.
    BareCarriageReturn,
    /// Something else was needed here.
    Expected {
        /// What would have been right.
        expected: &'static str,
        /// What stands there.
        found: Found,
    },
    /// A backslash followed by a character that makes no escape.
    UnknownEscape(char),
    /// An escape whose number is no Unicode scalar value.
    EscapeOutOfRange(u32),
    /// An integer that 64 bits with a sign do not hold.
    IntegerOutOfRange,
    /// A decimal number too large for a 64-bit float.
    FloatOutOfRange,
    /// A decimal number that starts with a zero it does not need.
    LeadingZero,
    /// A sign before a hexadecimal, octal or binary integer.
    SignedRadix,
    /// An underscore that does not stand between two digits.
    MisplacedUnderscore,
    /// A date, time or offset that no calendar or clock shows.
    InvalidDateTime(InvalidDateTime),
    /// A key that its table already has.
    DuplicateKey,
    /// A table that has already been defined.
    DuplicateTable,
    /// A key used as a table although it holds something else.
    NotATable {
        /// The type it holds.
        found: &'static str,
    },
    /// A table that was complete where it was written: an inline table, or one built elsewhere.
    ClosedTable,
    /// A `[[header]]` for a key that is not an array of tables.
    NotAnArrayOfTables {
        /// The type it holds.
        found: &'static str,
    },
}

/// What stood where something else was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This character.
    Character(char),
    /// The end of the line.
    EndOfLine,
    /// The end of the document.
    EndOfDocument,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.position, self.kind)?;
        match (self.earlier, self.kind) {
            (None, _) => Ok(()),
            (Some(at), ParseErrorKind::DuplicateKey) => {
                write!(formatter, " at {}; remove one of the two", at.position)
            }
            (Some(at), ParseErrorKind::DuplicateTable) => {
                write!(formatter, " at {}; merge the two", at.position)
            }
            (Some(at), _) => write!(formatter, " (defined at {})", at.position),
        }
    }
}

impl core::error::Error for ParseError {}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { bytes_max } => write!(
                formatter,
                "longer than the limit of {bytes_max} bytes (bytes_max); shorten the document"
            ),
            Self::TooDeep { depth_max } => write!(
                formatter,
                "nested deeper than the limit of {depth_max} (depth_max); make the document flatter"
            ),
            Self::NotUtf8 => formatter.write_str("not UTF-8; save the document as UTF-8"),
            Self::ControlCharacter(character) => write!(
                formatter,
                "control character U+{:04X}; remove it, or write it as \\u{:04X} in a \"string\"",
                u32::from(character),
                u32::from(character)
            ),
            Self::BareCarriageReturn => formatter
                .write_str("carriage return without a line feed; end lines with LF or CRLF"),
            Self::Expected { expected, found } => {
                write!(formatter, "expected {expected}, found {found}")
            }
            Self::UnknownEscape(character) => write!(
                formatter,
                "unknown escape \\{}; write \\\\ for a backslash, or use a 'literal string'",
                Visible(character)
            ),
            Self::EscapeOutOfRange(code) => write!(
                formatter,
                "the escape names {code:#X}, which is no Unicode character; use 0 to D7FF or \
                 E000 to 10FFFF"
            ),
            Self::IntegerOutOfRange => write!(
                formatter,
                "the integer does not fit in 64 bits; the range is {} to {}",
                i64::MIN,
                i64::MAX
            ),
            Self::FloatOutOfRange => formatter.write_str(
                "the number is too large for a 64-bit float; write inf if infinity is meant",
            ),
            Self::LeadingZero => formatter.write_str(
                "leading zero; remove it, or write 0o for octal or a \"string\" if it is no number",
            ),
            Self::SignedRadix => formatter
                .write_str("a sign before 0x, 0o or 0b; remove it, or write the number in decimal"),
            Self::MisplacedUnderscore => {
                formatter.write_str("an underscore may only stand between two digits")
            }
            Self::InvalidDateTime(what) => write!(formatter, "{what}"),
            Self::DuplicateKey => formatter.write_str("the key is already defined"),
            Self::DuplicateTable => formatter.write_str("the table is already defined"),
            Self::NotATable { found } => {
                write!(formatter, "the key holds {}, not a table", Article(found))
            }
            Self::ClosedTable => formatter.write_str(
                "the table cannot be extended from here; add the keys where it was written",
            ),
            Self::NotAnArrayOfTables { found } => {
                write!(formatter, "the key holds {}, not an array of tables", Article(found))
            }
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Character('`') => formatter.write_str("a backtick"),
            Self::Character(character) => write!(formatter, "`{}`", Visible(character)),
            Self::EndOfLine => formatter.write_str("the end of the line"),
            Self::EndOfDocument => formatter.write_str("the end of the document"),
        }
    }
}

/// An error on its way out of the parser: still an offset, so that nothing counts lines in vain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) kind: ParseErrorKind,
    pub(super) offset: usize,
    pub(super) earlier: Option<Span>,
}

impl Fault {
    pub(super) fn new(kind: ParseErrorKind, offset: usize) -> Self {
        Self { kind, offset, earlier: None }
    }

    pub(super) fn after(kind: ParseErrorKind, offset: usize, earlier: Span) -> Self {
        Self { kind, offset, earlier: Some(earlier) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Earlier {
    span: Span,
    position: Position,
}

/// A character as it is, unless it would not show.
struct Visible(char);

impl fmt::Display for Visible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            quote @ ('\'' | '"' | '\\') => write!(formatter, "{quote}"),
            character => write!(formatter, "{}", character.escape_debug()),
        }
    }
}

/// A type name with its article, as it reads in a sentence.
struct Article(&'static str);

impl fmt::Display for Article {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.0.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        write!(formatter, "{article} {}", self.0)
    }
}

#[cfg(test)]
mod tests;
