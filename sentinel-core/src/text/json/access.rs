//! A document did not hold what was asked of it.
//!
//! The error is made where a caller gives up on a document, so it can afford to work out the whole
//! path and to own it. A member that may well be missing is asked for with
//! [`Value::find`](super::Value::find), which makes no error.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write as _};

use super::document::{Elements, Kind, Members, Value};
use crate::text::Position;

/// What was asked of a [`Value`] is not there.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessError(Box<Access>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Access {
    path: String,
    position: Position,
    problem: AccessProblem,
}

/// In which way it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessProblem {
    /// The object has no member of this name.
    NoMember(Box<str>),
    /// The array is too short.
    NoElement {
        /// The element that was asked for, counted from 0.
        index: usize,
        /// How many elements there are.
        length: usize,
    },
    /// The value is of another kind, or a number out of range.
    WrongKind {
        /// What was asked for.
        expected: &'static str,
        /// What is there.
        found: Kind,
    },
}

impl AccessError {
    #[cold]
    pub(super) fn new(value: Value<'_>, problem: AccessProblem) -> Self {
        Self(Box::new(Access { path: path(value), position: value.position(), problem }))
    }

    #[cold]
    pub(super) fn wrong_kind(value: Value<'_>, expected: &'static str) -> Self {
        Self::new(value, AccessProblem::WrongKind { expected, found: value.kind() })
    }

    /// The path to the value that was asked, such as `choices[0].message`; empty for the root.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Where that value stands in the text.
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// What was wrong with it.
    pub fn problem(&self) -> &AccessProblem {
        &self.0.problem
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access { path, position, problem } = &*self.0;
        let path = if path.is_empty() { "the document" } else { path };
        match problem {
            AccessProblem::NoMember(key) => {
                write!(formatter, "{position}: no member '{}' in {path}", key.escape_debug())
            }
            AccessProblem::NoElement { index, length } => {
                write!(formatter, "{position}: no element {index} in {path}, which has {length}")
            }
            AccessProblem::WrongKind { expected, found } => {
                write!(formatter, "{position}: {path} must be {expected}, not {found}")
            }
        }
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl core::error::Error for AccessError {}

/// The path from the root to a value. Keys come from outside: they are cut short and made visible.
fn path(value: Value<'_>) -> String {
    const KEY_CHARACTERS_MAX: usize = 64;
    let mut path = String::new();
    let steps = value.ancestors().zip(value.ancestors().skip(1));
    for (parent, child) in steps {
        let member = Members::of(parent).and_then(|mut members| {
            members.find(|(_, value)| value.is_same_place(child)).map(|(key, _)| key)
        });
        // Writing to a string cannot fail.
        let _ = match member {
            Some(key) if is_plain_name(key) && key.len() <= KEY_CHARACTERS_MAX => {
                let dot = if path.is_empty() { "" } else { "." };
                write!(path, "{dot}{key}")
            }
            Some(key) => {
                let cut = key.char_indices().nth(KEY_CHARACTERS_MAX).map(|(end, _)| end);
                let (shown, more) = cut.map_or((key, ""), |end| (&key[..end], "…"));
                write!(path, "[\"{}{more}\"]", shown.escape_debug())
            }
            None => {
                let siblings = Elements::of(parent).into_iter().flatten();
                let index = siblings.take_while(|value| !value.is_same_place(child)).count();
                write!(path, "[{index}]")
            }
        };
    }
    path
}

fn is_plain_name(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'))
}
