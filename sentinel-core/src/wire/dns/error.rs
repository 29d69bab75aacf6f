//! What can be wrong with a message, and where.
//!
//! # Invariants
//! - An error is small and `Copy`, and holds no bytes of the message.
//! - [`is_foreign`](MessageError::is_foreign) tells "not an answer to this question", which anybody
//!   on the network can send and which must change nothing, from "an answer, but a broken one".
//!
//! # Not here
//! What became of a whole resolution: see [`LookupError`](super::LookupError).

use core::fmt;

/// An error in one message.
///
/// ```
/// use sentinel_core::wire::dns::{Name, Question, RecordKind};
///
/// let question = Question::new(Name::parse("example.com")?, RecordKind::A, 7);
/// let error = question.read(b"short").unwrap_err();
/// assert_eq!(error.to_string(), "message ends too early, at byte 5");
/// # Ok::<(), sentinel_core::wire::dns::MessageError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageError {
    kind: MessageErrorKind,
    offset: u32,
}

impl MessageError {
    pub(super) fn new(kind: MessageErrorKind, offset: usize) -> Self {
        Self { kind, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> MessageErrorKind {
        self.kind
    }

    /// Bytes from the beginning of the message, or of the text of a name, to the place.
    #[must_use]
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// Whether the message is not an answer to the question that was asked. Such a message is to be
    /// ignored while waiting goes on: it may be a guess of somebody who cannot see the question.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        use MessageErrorKind as Kind;
        matches!(
            self.kind,
            Kind::NoHeader
                | Kind::WrongId
                | Kind::NotAResponse
                | Kind::WrongQuestion
                | Kind::WrongCase
        )
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, at byte {}", self.kind.describe(), self.offset)
    }
}

impl core::error::Error for MessageError {}

/// Declares the kinds with their descriptions side by side, so that neither can lack the other.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is wrong. The [`MessageError`] around it says where.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MessageErrorKind {
            $($(#[$doc])* #[doc = concat!("Shown as: “", $text, "”.")] $name,)*
        }

        impl MessageErrorKind {
            /// One line for people.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// Fewer than the twelve bytes of RFC 1035 §4.1.1.
    NoHeader = "message ends too early",
    /// Another question's answer, or a guess.
    WrongId = "id is not the one that was asked with",
    /// A query, or another operation than one (RFC 1035 §4.1.1).
    NotAResponse = "message is not a response to a query",
    /// Not the name, type and class that were asked, or not exactly one question.
    WrongQuestion = "question is not the one that was asked",
    /// The name that was asked, but in other letters.
    WrongCase = "question repeats the name in letters that were not asked with",
    /// The end came inside a section.
    Short = "message ends inside a record",
    /// Bytes after the last record.
    TrailingBytes = "bytes after the last record",
    /// More than [`DNS_RECORDS_COUNT_MAX`](crate::limits::DNS_RECORDS_COUNT_MAX).
    TooManyRecords = "more records than anybody needs",
    /// RFC 1035 §4.1.4: a pointer is to a prior occurrence.
    PointerNotBackwards = "compression pointer does not point backwards",
    /// More jumps than a name can have labels.
    TooManyPointers = "compression pointers follow one another without end",
    /// The two label types that RFC 6891 §5 and RFC 6895 leave unused.
    ReservedLabel = "label of a reserved type",
    /// RFC 1035 §2.3.4.
    NameTooLong = "name is longer than 255 bytes",
    /// RFC 1035 §2.3.4.
    LabelTooLong = "label is longer than 63 bytes",
    /// Two dots in a row, or one at the beginning.
    EmptyLabel = "empty label",
    /// A character that no host name has.
    NameCharacter = "character that a host name cannot have",
    /// An address record whose data is not an address.
    AddressLength = "address of the wrong length",
    /// Data of an alias or an authority that does not fill its record.
    RecordLength = "record data does not end where its length says",
    /// RFC 1034 §3.6.2: an alias stands alone, once.
    AliasNotAlone = "alias stands next to other data of its name",
    /// RFC 1034 §3.6.2: aliases must not loop.
    AliasLoop = "aliases lead back to themselves or on without end",
    /// RFC 6891 §6.1.1: at most one, at the root, in the additional section.
    OptMisplaced = "options record stands where none may stand",
}
