//! Edits that leave a person's file as they wrote it.
//!
//! An edit replaces, inserts or removes a few stretches of the text; every byte outside them stays:
//! comments, blank lines, order, quoting, indentation, line ends. Where the stretches lie is worked
//! out from the syntax of the document ([`layout`]) and from the elements of a container
//! ([`element`]). That is intricate, so nothing rests on it: the result is parsed again and
//! compared with what was asked ([`verify`]), and an edit that would do anything else is refused.
//!
//! # What happens to comments
//! - A comment behind a value stays when the value is replaced, and goes when its line is removed.
//! - A comment on a line of its own is the person's: it stays, also above a key or header that
//!   goes. Only comments between a removed header and the last key under it go with that table.
//!
//! # Invariants
//! - The text always parses. A failed edit leaves it as it was.
//! - After an edit the document says what it said before, with that one change.
//!
//! # Not here
//! Reordering, reformatting, and tables written as headers in place of other values.

mod element;
mod layout;
mod splice;
mod verify;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use self::layout::Layout;
use self::splice::Splice;
use self::verify::Change;
use super::Limits;
use super::error::{ParseError, ParseErrorKind};
use super::owned::{KeyName, OwnedValue};
use super::value::Document;
use crate::limits;

/// A TOML text that can be changed without disturbing it.
///
/// ```
/// use sentinel_core::text::toml::{Editor, Segment};
///
/// let mut editor = Editor::new("# Ours.\n[server]\nport = 80 # soon 8080\nhosts = ['a']\n")?;
/// editor.set(&["server", "port"], 8080)?;
/// editor.add(&["server", "hosts"], "b")?;
/// editor.set(&["log", "level"], "debug")?;
/// editor.remove(&[Segment::Key("server"), Segment::Key("hosts"), Segment::Index(0)])?;
/// assert_eq!(
///     editor.text(),
///     "# Ours.\n[server]\nport = 8080 # soon 8080\nhosts = [\"b\"]\n\n[log]\nlevel = \"debug\"\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Editor {
    text: String,
    limits: Limits,
}

impl Editor {
    /// An editor of this text, under the default [`Limits`].
    pub fn new(text: impl Into<String>) -> Result<Self, ParseError> {
        Self::with_limits(text, Limits::default())
    }

    /// An editor of this text. The limits hold for what it becomes as well.
    pub fn with_limits(text: impl Into<String>, limits: Limits) -> Result<Self, ParseError> {
        let text = text.into();
        Document::parse_str_with(&text, limits)?;
        Ok(Self { text, limits })
    }

    /// The text as it is now.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, at the end of editing.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Gives a key or array element this value.
    ///
    /// An existing value is replaced where it stands. A missing key comes after the last key of its
    /// table: on a line of its own, between the braces of an inline table, or as a dotted key
    /// beside its siblings if that is how the table was written. A missing table gets a header at
    /// the end.
    ///
    /// A table or array of tables written with headers or dotted keys is not replaced: remove it
    /// first.
    pub fn set<'p, S>(&mut self, path: &[S], value: impl Into<OwnedValue>) -> Result<(), EditError>
    where
        S: Copy + Into<Segment<'p>>,
    {
        let (path, value) = (segments(path)?, value.into());
        self.check_depth(&value)?;
        let splices = self.layout()?.set(&path, &value)?;
        self.commit(splices, &path, &Change::Put(&value))
    }

    /// Appends to an array, or to an array of tables if the value is a table; or gives a key its
    /// first value, as [`set`](Self::set) does. Never replaces anything.
    pub fn add<'p, S>(&mut self, path: &[S], value: impl Into<OwnedValue>) -> Result<(), EditError>
    where
        S: Copy + Into<Segment<'p>>,
    {
        let (path, value) = (segments(path)?, value.into());
        self.check_depth(&value)?;
        let layout = self.layout()?;
        if layout.has(&path) {
            let splices = layout.append(&path, &value)?;
            self.commit(splices, &path, &Change::Append(&value))
        } else {
            let splices = layout.set(&path, &value)?;
            self.commit(splices, &path, &Change::Put(&value))
        }
    }

    /// Removes a key, table or array element.
    ///
    /// A key goes with its line and the comment behind it, an element with its comma, a table with
    /// its header, its body and every table under it. A table that was only implied by what is
    /// removed, as `a` is by `[a.b]` or `a.b = 1`, goes too, and so does an array of tables without
    /// elements.
    pub fn remove<'p, S>(&mut self, path: &[S]) -> Result<(), EditError>
    where
        S: Copy + Into<Segment<'p>>,
    {
        let path = segments(path)?;
        let splices = self.layout()?.remove(&path)?;
        self.commit(splices, &path, &Change::Remove)
    }

    fn layout(&self) -> Result<Layout<'_>, EditError> {
        Layout::new(&self.text, self.limits).map_err(EditError::unreadable)
    }

    /// Writing a value recurses into it, so its depth is known to be bounded before.
    fn check_depth(&self, value: &OwnedValue) -> Result<(), EditError> {
        let depth_max = self.limits.depth_max.min(limits::TOML_DEPTH_CEILING);
        if value.is_deeper_than(depth_max) {
            return Err(EditError::whole(EditErrorKind::Unreadable(ParseErrorKind::TooDeep {
                depth_max,
            })));
        }
        Ok(())
    }

    fn commit(
        &mut self,
        splices: Vec<Splice>,
        path: &[Segment<'_>],
        change: &Change<'_>,
    ) -> Result<(), EditError> {
        let inexact = EditError::whole(EditErrorKind::NotExact);
        let text = splice::apply(&self.text, splices).ok_or(inexact)?;
        let old =
            Document::parse_str_with(&self.text, self.limits).map_err(EditError::unreadable)?;
        let new = Document::parse_str_with(&text, self.limits).map_err(EditError::unreadable)?;
        if !verify::is_exact(&old, &new, path, change) {
            return Err(inexact);
        }
        self.text = text;
        Ok(())
    }
}

/// A step on the way to a value: a key of a table, or a place in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Segment<'a> {
    /// The value of this key.
    Key(&'a str),
    /// The element with this index, counted from 0.
    Index(usize),
}

impl<'a> From<&'a str> for Segment<'a> {
    fn from(name: &'a str) -> Self {
        Self::Key(name)
    }
}

impl From<usize> for Segment<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// An edit that was not made, and the reason. The text is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EditError {
    kind: EditErrorKind,
    segment: Option<usize>,
}

impl EditError {
    /// Why the edit was not made.
    pub fn kind(&self) -> EditErrorKind {
        self.kind
    }

    /// Which segment of the path is at fault, counted from 0, if one is.
    pub fn segment(&self) -> Option<usize> {
        self.segment
    }

    fn at(kind: EditErrorKind, segment: usize) -> Self {
        Self { kind, segment: Some(segment) }
    }

    fn whole(kind: EditErrorKind) -> Self {
        Self { kind, segment: None }
    }

    fn unreadable(error: ParseError) -> Self {
        Self::whole(EditErrorKind::Unreadable(error.kind()))
    }
}

/// Why an edit was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditErrorKind {
    /// The path has no segment.
    EmptyPath,
    /// There is no such key.
    MissingKey,
    /// The array is shorter.
    IndexOutOfRange {
        /// How many elements it has.
        length: usize,
    },
    /// A key was asked of something that is no table.
    NotATable {
        /// What it is.
        found: &'static str,
    },
    /// An index was asked of something that is no array.
    NotAnArray {
        /// What it is.
        found: &'static str,
    },
    /// The place is taken, and adding never replaces.
    AlreadyDefined {
        /// What is there.
        found: &'static str,
    },
    /// The value to replace is a table written with headers or dotted keys.
    SpreadTable,
    /// Only a table can be an element of an array of tables.
    ElementIsNoTable,
    /// The result would not be a document within the limits.
    Unreadable(ParseErrorKind),
    /// The change cannot be made here without changing something else.
    NotExact,
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(segment) = self.segment {
            write!(formatter, "path segment {}: ", segment + 1)?;
        }
        match self.kind {
            EditErrorKind::EmptyPath => formatter.write_str("the path is empty; name a key"),
            EditErrorKind::MissingKey => formatter.write_str("there is no such key"),
            EditErrorKind::IndexOutOfRange { length } => write!(
                formatter,
                "there is no such element, the length is {length}; use add to append"
            ),
            EditErrorKind::NotATable { found } => {
                write!(formatter, "expected a table to hold this key, found type {found}")
            }
            EditErrorKind::NotAnArray { found } => {
                write!(formatter, "expected an array to hold this index, found type {found}")
            }
            EditErrorKind::AlreadyDefined { found } => {
                write!(formatter, "already defined, with type {found}; use set to replace it")
            }
            EditErrorKind::SpreadTable => formatter.write_str(
                "the table is written with headers or dotted keys; remove it first, or set \
                 its keys",
            ),
            EditErrorKind::ElementIsNoTable => {
                formatter.write_str("only a table can be added to an array of tables")
            }
            EditErrorKind::Unreadable(kind) => {
                write!(formatter, "the result would not be valid: {kind}")
            }
            EditErrorKind::NotExact => formatter.write_str(
                "this cannot be changed here without changing something else; edit the \
                 file by hand",
            ),
        }
    }
}

impl core::error::Error for EditError {}

fn segments<'p, S: Copy + Into<Segment<'p>>>(path: &[S]) -> Result<Vec<Segment<'p>>, EditError> {
    if path.is_empty() {
        return Err(EditError::whole(EditErrorKind::EmptyPath));
    }
    Ok(path.iter().map(|&segment| segment.into()).collect())
}

/// A dotted key, from the keys among the segments.
fn dotted<'p>(segments: impl IntoIterator<Item = Segment<'p>>) -> String {
    let mut text = String::new();
    for segment in segments {
        if let Segment::Key(name) = segment {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&KeyName(name).to_string());
        }
    }
    text
}

/// `keys = value`
fn assignment(keys: &[Segment<'_>], value: &OwnedValue) -> String {
    format!("{} = {value}", dotted(keys.iter().copied()))
}

#[cfg(test)]
mod tests;
