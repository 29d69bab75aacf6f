//! Replacing an exact piece of a text.
//!
//! # Invariants
//! - What is replaced stands there exactly as given, and where more than one place does, nothing is
//!   replaced unless all are meant.

use alloc::string::String;
use core::fmt;

/// Replaces `old` by `new`: the one place where it stands, or all of them.
///
/// ```
/// use sentinel_core::tool::{EditError, replace};
///
/// assert_eq!(replace("a b a", "b", "c", false), Ok("a c a".into()));
/// assert_eq!(replace("a b a", "a", "c", false), Err(EditError::Several { count: 2 }));
/// assert_eq!(replace("a b a", "a", "c", true), Ok("c b c".into()));
/// ```
///
/// # Errors
/// It does not stand there, or in several places of which one was meant.
pub fn replace(text: &str, old: &str, new: &str, all: bool) -> Result<String, EditError> {
    if old == new {
        return Err(EditError::Same);
    }
    match text.matches(old).count() {
        _ if old.is_empty() => Err(EditError::Missing),
        0 if text.contains("\r\n") && text.replace("\r\n", "\n").contains(old) => {
            Err(EditError::LineEnds)
        }
        0 => Err(EditError::Missing),
        1 => Ok(text.replacen(old, new, 1)),
        _ if all => Ok(text.replace(old, new)),
        count => Err(EditError::Several { count }),
    }
}

/// Why nothing was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditError {
    /// The old piece does not stand in the file.
    Missing,
    /// It would stand there if the file's lines did not end in CR LF.
    LineEnds,
    /// It stands there several times.
    Several {
        /// How many times.
        count: usize,
    },
    /// Old and new are the same.
    Same,
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str(
                "'old' does not stand in the file, or not exactly like that; read the file again",
            ),
            Self::LineEnds => formatter.write_str(
                "the lines of this file end in CR LF ('\\r\\n'), and those of 'old' do not",
            ),
            Self::Several { count } => write!(
                formatter,
                "'old' stands in the file {count} times: give more of what is around it, or 'all'"
            ),
            Self::Same => formatter.write_str("'old' and 'new' are the same"),
        }
    }
}

impl core::error::Error for EditError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_exactly_there_is_not_replaced() {
        for (text, old, error) in [
            ("fn main() {}", "fn  main", EditError::Missing),
            ("fn main() {}", "", EditError::Missing),
            ("one\r\ntwo\r\n", "one\ntwo", EditError::LineEnds),
            ("aaa", "a", EditError::Several { count: 3 }),
            ("aaa", "x", EditError::Missing),
        ] {
            assert_eq!(replace(text, old, "y", false), Err(error), "{text:?} {old:?}");
        }
        assert_eq!(replace("a", "a", "a", true), Err(EditError::Same));
        assert_eq!(replace("one\r\ntwo", "one\r\n", "", false), Ok("two".into()));
        assert_eq!(replace("caf\u{e9}", "\u{e9}", "e", false), Ok("cafe".into()));
    }
}
