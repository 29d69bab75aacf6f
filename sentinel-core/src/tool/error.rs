//! Why a call was not understood, written for the model that made it.
//!
//! The text goes back as the result of the call, so it says what is wrong, where, and what to do
//! instead. It is short whatever the call held: what is repeated from the call is cut and made
//! visible.
//!
//! # Invariants
//! - The text of an error is at most [`TOOL_ERROR_BYTES_MAX`] bytes.
//!
//! # Not here
//! A call that was understood and refused: that is a decision, not an error.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::{TOOL_ARGUMENTS_BYTES_MAX, TOOL_ERROR_BYTES_MAX, TOOL_EXCERPT_CHARACTERS_MAX};
use crate::text::json::{CanonicalError, Kind, ParseError};
use crate::wire::url::UrlError;

/// The arguments of a call do not fit its tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// The tool that was called.
    pub tool: String,
    /// What is wrong.
    pub problem: ArgumentProblem,
}

/// What is wrong with the arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentProblem {
    /// All arguments together are longer than [`TOOL_ARGUMENTS_BYTES_MAX`].
    ArgumentsTooLong,
    /// They are no JSON text, or one in which a key stands twice.
    NotJson(ParseError),
    /// They are JSON, but no object.
    NotAnObject {
        /// What they are.
        found: Kind,
    },
    /// They have no canonical form, so no approval could be bound to them.
    NotCanonical(CanonicalError),
    /// A parameter that the tool does not have.
    Unknown {
        /// Its name, cut short.
        name: String,
        /// The one that was probably meant.
        meant: Option<&'static str>,
        /// Those it has.
        known: Vec<&'static str>,
    },
    /// A parameter that the tool cannot do without.
    Missing {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A value of another type.
    WrongType {
        /// Where: the parameter, or an element of it.
        place: Place,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: Kind,
    },
    /// A text that is too long.
    TooLong {
        /// Where.
        place: Place,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A text that must not be empty.
    Empty {
        /// Where.
        place: Place,
    },
    /// A list with too many elements.
    TooMany {
        /// The parameter.
        name: &'static str,
        /// How many it has.
        count: usize,
        /// How many it may have.
        count_max: usize,
    },
    /// A number out of its range.
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// None of the values that are possible.
    NotAChoice {
        /// The parameter.
        name: &'static str,
        /// What it is, cut short.
        found: String,
        /// What it may be.
        choices: &'static [&'static str],
    },
    /// A URL that is refused.
    Url {
        /// The parameter.
        name: &'static str,
        /// Why.
        error: UrlError,
    },
    /// A value that cannot be used.
    Unusable {
        /// Where.
        place: Place,
        /// Why, and what to do.
        why: &'static str,
    },
}

/// A parameter, or an element of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The parameter itself.
    Parameter(&'static str),
    /// An element of a list, counted from 0.
    Element(&'static str, usize),
    /// A member of an object, its key cut short.
    Member(&'static str, String),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(formatter, "'{name}'"),
            Self::Element(name, index) => write!(formatter, "'{name}[{index}]'"),
            Self::Member(name, key) => write!(formatter, "'{key}' in '{name}'"),
        }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.tool, self.problem)
    }
}

impl core::error::Error for ArgumentError {}

impl fmt::Display for ArgumentProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArgumentsTooLong => write!(
                formatter,
                "the arguments are longer than {TOOL_ARGUMENTS_BYTES_MAX} bytes; do it in parts"
            ),
            Self::NotJson(error) => {
                write!(formatter, "the arguments are not one JSON object: {error}")
            }
            Self::NotAnObject { found: Kind::String } => formatter.write_str(
                "the arguments are a string; write the JSON object itself, not its text in quotes",
            ),
            Self::NotAnObject { found } => {
                write!(formatter, "the arguments are {found}; write a JSON object")
            }
            Self::NotCanonical(error) => write!(formatter, "{error}"),
            Self::Unknown { name, meant: Some(meant), .. } => {
                write!(formatter, "there is no parameter '{name}'; did you mean '{meant}'?")
            }
            Self::Unknown { name, known, .. } => {
                write!(formatter, "there is no parameter '{name}'; ")?;
                write_list(formatter, "there are ", known, "leave it out")
            }
            Self::Missing { name, expected } => {
                write!(formatter, "the parameter '{name}' is missing; it is {expected}")
            }
            Self::WrongType { place, expected, found } => {
                write!(formatter, "{place} must be {expected}, not {found}")
            }
            Self::TooLong { place, bytes, bytes_max } => {
                write!(formatter, "{place} has {bytes} bytes; at most {bytes_max} are allowed")
            }
            Self::Empty { place } => write!(formatter, "{place} must not be empty"),
            Self::TooMany { name, count, count_max } => {
                write!(formatter, "'{name}' has {count} elements; at most {count_max} are allowed")
            }
            Self::OutOfRange { name, min, max } => {
                write!(formatter, "'{name}' must be from {min} to {max}")
            }
            Self::NotAChoice { name, found, choices } => {
                write!(formatter, "'{name}' is '{found}'; ")?;
                write_list(formatter, "it may be ", choices, "nothing is possible")
            }
            Self::Url { name, error } => write!(formatter, "'{name}': {error}"),
            Self::Unusable { place, why } => write!(formatter, "{place}: {why}"),
        }
    }
}

/// A call of a tool that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTool {
    /// The name, cut short.
    pub name: String,
    /// The one that was probably meant.
    pub meant: Option<String>,
}

impl fmt::Display for UnknownTool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "there is no tool '{}'; ", self.name)?;
        match &self.meant {
            Some(meant) => write!(formatter, "did you mean '{meant}'?"),
            None => formatter.write_str("use one of those you were given"),
        }
    }
}

impl core::error::Error for UnknownTool {}

/// A piece of what came from outside, short and with nothing invisible in it.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == TOOL_EXCERPT_CHARACTERS_MAX {
            shown.push('…');
            break;
        }
        match character {
            ' '..='~' => shown.push(character),
            _ => shown.extend(character.escape_unicode()),
        }
    }
    shown
}

fn write_list(
    formatter: &mut fmt::Formatter<'_>,
    lead: &str,
    list: &[&str],
    empty: &str,
) -> fmt::Result {
    if list.is_empty() {
        return formatter.write_str(empty);
    }
    formatter.write_str(lead)?;
    for (index, entry) in list.iter().enumerate() {
        write!(formatter, "{}{entry}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

// The longest texts repeat one excerpt, each character of it as `\u{10ffff}`, and list names of
// our own.
const _: () = assert!(TOOL_EXCERPT_CHARACTERS_MAX * 10 + 512 <= TOOL_ERROR_BYTES_MAX);
