//! JSON, strictly by RFC 8259.
//!
//! Everything that reaches Sentinel from a model, a platform or a skill is JSON, and policy is
//! decided from it; so there is one reading of every text, no extension is tolerated, and nothing
//! is rounded.
//!
//! - [`parse`] gives a [`Document`] that borrows from its input; [`Value`] walks it and its errors
//!   name the path at fault. [`Options`] sets bounds and what happens to duplicate keys.
//! - [`object()`] and [`array()`] write JSON, and cannot write anything else.
//! - [`Value::canonical`] is the one form of RFC 8785, to hash.
//! - [`Partial`] follows a text that arrives in pieces and refuses it at the first byte that spoils
//!   it.
//!
//! ```
//! use sentinel_core::text::json;
//!
//! let reply = br#"{"choices": [{"message": {"content": "Hello"}}]}"#;
//! let document = json::parse(reply)?;
//! let message = document.root().get("choices")?.index(0)?.get("message")?;
//! assert_eq!(message.get("content")?.as_str()?, "Hello");
//!
//! let error = message.get("refusal").unwrap_err();
//! assert_eq!(error.to_string(), "1:26: no member 'refusal' in choices[0].message");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//! - A text is accepted if and only if RFC 8259 allows it, it is UTF-8 without byte order mark,
//!   each `\u` escape stands for a character, and it keeps within the bounds of its [`Options`].
//! - Memory is sixteen bytes for each value and key, which is eight times the text at worst. Time
//!   is linear in the text, but for the check for duplicate keys, which sorts the keys of an object
//!   of many.
//!
//! # Not here
//! Reading into structures of the caller's own: callers say field by field what they need.

mod access;
mod canonical;
mod document;
mod double;
mod duplicate;
mod error;
mod escape;
mod nodes;
mod number;
mod parse;
mod partial;
mod write;

#[cfg(test)]
mod tests;

pub use access::{AccessError, AccessProblem};
pub use canonical::{CanonicalError, Numbers};
pub use document::{Document, Elements, Kind, Members, Value};
pub use error::{Expected, ParseError, ParseErrorKind};
pub use number::Number;
pub use partial::{Partial, Progress};
pub use write::{
    ArrayWriter, ObjectWriter, Scalar, Sink, array, object, write_array, write_object,
};

use crate::limits;

/// Parses a JSON text with the default [`Options`]: duplicate keys refused, the bounds of
/// [`limits`].
pub fn parse(text: &[u8]) -> Result<Document<'_>, ParseError> {
    Options::new().parse(text)
}

/// How a text is read: its bounds, and what happens to duplicate keys.
///
/// ```
/// use sentinel_core::text::json::{DuplicateKeys, Options};
///
/// let lenient = Options::new().duplicate_keys(DuplicateKeys::KeepLast).depth(4);
/// let document = lenient.parse(br#"{"a": 1, "a": 2}"#)?;
/// assert_eq!(document.root().get("a")?.as_i64()?, 2);
///
/// let error = lenient.parse(b"[[[[[]]]]]").unwrap_err();
/// assert_eq!(error.to_string(), "1:5: arrays and objects are nested deeper than the limit of 4");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Options {
    depth: usize,
    bytes: usize,
    duplicate_keys: DuplicateKeys,
}

/// What happens to an object in which a key stands twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// The text is refused. The right choice wherever policy is decided from it.
    #[default]
    Refuse,
    /// [`Value::get`] finds the first.
    KeepFirst,
    /// [`Value::get`] finds the last, as most other readers do.
    KeepLast,
}

impl Options {
    /// The defaults: duplicate keys refused, and the bounds of [`limits`].
    pub const fn new() -> Self {
        Self {
            depth: limits::JSON_DEPTH_MAX,
            bytes: limits::JSON_BYTES_MAX,
            duplicate_keys: DuplicateKeys::Refuse,
        }
    }

    /// How deep arrays and objects may be nested: `[[]]` has depth 2.
    pub const fn depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// How long a text may be, in bytes. Never more than 4 GiB - 1, whatever is set.
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// What happens to duplicate keys.
    pub const fn duplicate_keys(self, duplicate_keys: DuplicateKeys) -> Self {
        Self { duplicate_keys, ..self }
    }

    /// Parses a JSON text.
    pub fn parse(self, text: &[u8]) -> Result<Document<'_>, ParseError> {
        Document::parse(text, self)
    }

    /// The bound on the length that is in force: offsets are kept in 32 bits.
    fn bytes_limit(&self) -> usize {
        self.bytes.min(u32::MAX as usize)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
