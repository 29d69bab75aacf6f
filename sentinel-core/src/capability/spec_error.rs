//! Why a text is no grant.

use core::fmt;

use super::{HostPatternError, PathError};

/// Why a text is no grant, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The character of the text, from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: SpecProblem,
}

/// What is wrong with the text of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecProblem {
    /// There is no word.
    Empty,
    /// It is too long to be read by a person.
    TooLong,
    /// A control character.
    Control,
    /// A space that is not the ordinary one, outside of quotes.
    Space,
    /// A quote that is not closed, stands within a word, or escapes something else.
    Quote,
    /// A word or an element of a list without letters.
    EmptyWord,
    /// Nothing that can be granted, and what was probably meant.
    UnknownKind {
        /// The word.
        meant: Option<&'static str>,
    },
    /// Nothing that can follow, and what was probably meant.
    UnknownTerm {
        /// The word.
        meant: Option<&'static str>,
    },
    /// This is expected.
    Missing(&'static str),
    /// It was said before.
    Twice,
    /// No path.
    Path(PathError),
    /// No host.
    Host(HostPatternError),
    /// No ports, or none where one is needed.
    Ports,
    /// A pattern where one address is needed.
    ListenPattern,
    /// A key of the configuration with an empty part.
    Key,
    /// No date.
    Date,
    /// No number of uses.
    Uses,
    /// A rule that forbids asks nobody.
    LevelOfDenial,
    /// An option where a subcommand is expected.
    Option,
}

impl fmt::Display for SpecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at character {}: {}", self.position, self.problem)
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, meant) = match self {
            Self::Missing(expected) => return write!(formatter, "{expected} is expected here"),
            Self::Path(error) => return error.fmt(formatter),
            Self::Host(error) => return error.fmt(formatter),
            Self::UnknownKind { meant } => {
                let known = "a grant begins with read, write, list, run, connect, listen, skill, \
                             config, persona or model";
                (known, *meant)
            }
            Self::UnknownTerm { meant } => ("this word means nothing here", *meant),
            Self::Empty => ("a grant is expected", None),
            Self::TooLong => ("it has more than 8192 bytes; write several grants", None),
            Self::Control => ("it holds a control character", None),
            Self::Space => ("this space is not the ordinary one; put the word in quotes", None),
            Self::Quote => {
                ("quotes go around a whole word; `\\` stands before `\"` and `\\`", None)
            }
            Self::EmptyWord => ("a word is empty", None),
            Self::Twice => ("it is said twice", None),
            Self::Ports => ("a port, a range (8000-8099) or `*` is expected behind `:`", None),
            Self::ListenPattern => ("one address is expected here, such as 127.0.0.1:8080", None),
            Self::Key => ("a key is words with single dots between them", None),
            Self::Date => ("a date is expected: 2026-12-31 or 2026-12-31T23:59:59Z", None),
            Self::Uses => ("a whole number from 1 to 4294967295 is expected", None),
            Self::LevelOfDenial => ("a rule that forbids asks nobody; leave it out", None),
            Self::Option => ("options are not granted one by one; `without -o` refuses them", None),
        };
        formatter.write_str(what)?;
        match meant {
            Some(meant) => write!(formatter, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for SpecError {}

const _: () = assert!(crate::limits::CAPABILITY_GRANT_BYTES_MAX == 8192);
