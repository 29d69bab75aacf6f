//! TOML 1.1: the language of configuration files, read exactly and edited politely.
//!
//! People write configuration by hand and machines act on it, so two things matter: one strict
//! reading with errors that say where and what to do, and edits that leave a person's file as they
//! wrote it. [`Document`] is the first, [`Editor`] the second. TOML 1.1 reads every document of 1.0
//! the same way.
//!
//! ```
//! use sentinel_core::text::toml::Document;
//!
//! let document = Document::parse(b"[server]\nport = 8080 # the usual\n")?;
//! let port = document.table().get("server").and_then(|server| server.get("port"));
//! assert_eq!(port.and_then(|port| port.as_i64()), Some(8080));
//! # Ok::<(), sentinel_core::text::toml::ParseError>(())
//! ```
//!
//! # Invariants
//! - No input panics, recurses without bound, or costs more than `n log n` time in its length.
//! - Every key and value knows its [`Span`](crate::text::Span) in the source; tables keep source
//!   order.
//! - A table holds each key once, and no rule of redefinition is relaxed: what another strict
//!   reader refuses is refused here too.
//! - An edit changes what was asked and nothing else: the [`Editor`] reads its own result back and
//!   compares before it keeps it.
//!
//! # Not here
//! Which keys a configuration may have, and files: this module sees bytes.

mod build;
mod cursor;
mod datetime;
mod edit;
mod error;
mod number;
mod owned;
mod string;
mod syntax;
mod value;

pub use datetime::{Date, DateTime, InvalidDateTime, Time, UtcOffset};
pub use edit::{EditError, EditErrorKind, Editor, Segment};
pub use error::{Found, ParseError, ParseErrorKind};
pub use owned::OwnedValue;
pub use value::{Data, Document, Key, Table, Value};

use crate::limits;

/// The bounds a document is read under.
///
/// ```
/// use sentinel_core::text::toml::{Document, Limits};
///
/// let tight = Limits { depth_max: 1, ..Limits::default() };
/// let error = Document::parse_with(b"a = [[1]]", tight).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "1:6: nested deeper than the limit of 1 (depth_max); make the document flatter"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes a document may have.
    pub bytes_max: usize,
    /// How many containers may stand inside one another, the root not counted. More than
    /// [`limits::TOML_DEPTH_CEILING`] counts as that.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: limits::TOML_BYTES_MAX, depth_max: limits::TOML_DEPTH_MAX }
    }
}
