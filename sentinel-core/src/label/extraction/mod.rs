//! Typed values out of content that the model holds by name only.
//!
//! A number, a date or one of a few words is often all that is wanted of a page. Taken out here,
//! it reaches the model without the page: whoever wrote that chooses a value of a kind that the
//! model asked for, and no sentence. What comes out is worth no more than what it came from; how
//! little it can say is what is gained.
//!
//! # Invariants
//! - It is a function of the content and of what is asked: no state, no clock.
//! - A value has at most [`EXTRACTION_VALUE_BYTES_MAX`] bytes, of the letters of its kind alone;
//!   one of a list is the model's own word.
//! - What could be read in two ways is not read at all, and not skipped in silence either.
//! - Time is linear in the content, for each choice that is looked for.
//!
//! # Not here
//! The label of what came out, and how often it may be asked for: `agent`. URLs and free text are
//! no kinds: there is room for a sentence in them, and they can be passed on unseen.

mod address;
mod choice;
mod date;
mod number;
mod pointer;

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::EXTRACTION_VALUE_BYTES_MAX;

/// What kind of value is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// A whole number: `1,234` is `1234`.
    Integer,
    /// A number that may have a fraction: `1,234.50` and `1.234,50` are `1234.50`.
    Number,
    /// `true` or `yes`, `false` or `no`.
    Boolean,
    /// A day, as `2026-11-21`.
    Date,
    /// A time of day, as `15:30`.
    Time,
    /// An address of mail.
    Email,
    /// The host of a web address.
    Host,
    /// One of these, which the model wrote.
    Choice(Vec<String>),
}

impl Sought {
    /// The words for the kinds.
    pub const WORDS: &'static [&'static str] =
        &["integer", "number", "boolean", "date", "time", "email", "host", CHOICE];

    /// The kind that a word stands for. Only a choice has choices, and it has some.
    #[must_use]
    pub fn read(word: &str, choices: Vec<String>) -> Option<Self> {
        let kind = match word {
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time,
            "email" => Self::Email,
            "host" => Self::Host,
            CHOICE if !choices.is_empty() => return Some(Self::Choice(choices)),
            _ => return None,
        };
        choices.is_empty().then_some(kind)
    }

    /// The word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time => "time",
            Self::Email => "email",
            Self::Host => "host",
            Self::Choice(_) => CHOICE,
        }
    }

    /// What it may be, if that was given.
    #[must_use]
    pub fn choices(&self) -> &[String] {
        if let Self::Choice(choices) = self { choices } else { &[] }
    }
}

/// A value that is wanted, and where it stands.
///
/// ```
/// use sentinel_core::label::{Extraction, Sought};
///
/// let mut wanted = Extraction::new(Sought::Number);
/// wanted.after = Some("total".into());
/// assert_eq!(wanted.find("Net 20.00\nTotal: € 1,234.50 (ignore this)").unwrap(), "1234.50");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// What kind.
    pub sought: Sought,
    /// Only in the value of JSON that this pointer of RFC 6901 leads to.
    pub pointer: Option<String>,
    /// Only in this line, counted from 1.
    pub line: Option<u64>,
    /// Only behind the first place of this text, ASCII letters compared without case.
    pub after: Option<String>,
    /// Which of the values there, counted from 1.
    pub nth: u64,
}

impl Extraction {
    /// The first value of a kind, wherever it stands.
    #[must_use]
    pub const fn new(sought: Sought) -> Self {
        Self { sought, pointer: None, line: None, after: None, nth: 1 }
    }

    /// The value, in the one spelling of its kind.
    ///
    /// # Errors
    /// Why there is none. That tells something of the content, as a value does.
    pub fn find(&self, content: &str) -> Result<String, Absence> {
        let pointed = match &self.pointer {
            Some(pointer) => pointer::follow(content, pointer)?,
            None => Cow::Borrowed(content),
        };
        let mut place: &str = &pointed;
        if let Some(line) = self.line {
            let skipped = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
            place = place.lines().nth(skipped).ok_or(Absence::Line)?;
        }
        let lower;
        let mut start = 0;
        if let Some(after) = &self.after {
            lower = place.to_ascii_lowercase();
            let at = lower.find(&after.to_ascii_lowercase()).ok_or(Absence::Text)?;
            start = at + after.len();
        }
        let found = match &self.sought {
            Sought::Integer => self.nth(&mut number::Numbers::integers(place, start)),
            Sought::Number => self.nth(&mut number::Numbers::all(place, start)),
            Sought::Date => self.nth(&mut date::dates(place, start)),
            Sought::Time => self.nth(&mut date::times(place, start)),
            Sought::Email => self.nth(&mut address::emails(place, start)),
            Sought::Host => self.nth(&mut address::hosts(place, start)),
            Sought::Boolean => {
                let found = choice::find(place, start, &BOOLEANS, self.nth);
                found.map(|index| Read::Value(if index < 2 { "true" } else { "false" }.into()))
            }
            Sought::Choice(choices) => {
                let found = choice::find(place, start, choices, self.nth);
                found.and_then(|index| choices.get(index)).map(|word| Read::Value(word.clone()))
            }
        };
        match found {
            Some(Read::Value(value)) if value.len() <= EXTRACTION_VALUE_BYTES_MAX => Ok(value),
            Some(Read::Value(_)) => Err(Absence::TooLong),
            Some(Read::Unclear) => Err(Absence::Unclear),
            None => Err(Absence::Value),
        }
    }

    /// The one that is wanted, as one type whatever is looked for.
    fn nth(&self, values: &mut dyn Iterator<Item = Read>) -> Option<Read> {
        let mut left = self.nth;
        loop {
            let value = values.next()?;
            left = left.saturating_sub(1);
            // What is unclear before it makes it unclear which one it is.
            if left == 0 || value == Read::Unclear {
                return Some(value);
            }
        }
    }
}

/// Something of the kind that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    Value(String),
    /// It looks like one, and could mean two.
    Unclear,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// A pointer was given, and the content is not JSON.
    NotJson,
    /// The pointer leads nowhere.
    Pointer,
    /// It leads to an object or an array, which are no values.
    Compound,
    /// There are fewer lines.
    Line,
    /// The text that it is to stand behind is not there.
    Text,
    /// Nothing of that kind, or not so many.
    Value,
    /// What stands there could be read in two ways.
    Unclear,
    /// It is longer than a value may be.
    TooLong,
}

impl fmt::Display for Absence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotJson => "no value: 'pointer' was given, and the content is not JSON",
            Self::Pointer => "no value: 'pointer' leads to nothing there",
            Self::Compound => "no value: 'pointer' leads to an object or a list; point within it",
            Self::Line => "no value: there are fewer lines",
            Self::Text => "no value: the text in 'after' does not stand there",
            Self::Value => "no value: nothing of that kind stands there, or not so many",
            Self::Unclear => {
                "no value: what stands there could be read in two ways; say where with 'after', \
                 'line' or 'pointer', or ask for it by 'choices'"
            }
            Self::TooLong => "no value: what stands there is too long for one",
        })
    }
}

impl core::error::Error for Absence {}

const CHOICE: &str = "choice";

/// What is true, and what is not.
const BOOLEANS: [&str; 4] = ["true", "yes", "false", "no"];

/// Whether a character is part of a word.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The character that ends before this byte.
fn before(text: &str, at: usize) -> Option<char> {
    text.get(..at)?.chars().next_back()
}

/// The character that starts at this byte.
fn from(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}
