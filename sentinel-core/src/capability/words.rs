//! The words of a grant: splitting and quoting.
//!
//! # Invariants
//! - A word is quoted whole or not at all, and holds no control character.
//!
//! # Not here
//! What the words mean: [`spec`](super::spec).

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::{SpecError, SpecProblem};
use crate::limits::CAPABILITY_GRANT_BYTES_MAX;

/// The words of a text, one after the other.
pub(super) struct Words<'t> {
    text: &'t str,
    /// Where the next word is looked for.
    at: usize,
}

/// A word as it stands there, quotes included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t> {
    pub(super) raw: &'t str,
    /// The character it begins with, from 1.
    pub(super) position: usize,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, SpecError> {
        if text.len() > CAPABILITY_GRANT_BYTES_MAX {
            return Err(SpecError { position: 1, problem: SpecProblem::TooLong });
        }
        let mut is_quoted = false;
        let mut is_escaped = false;
        for (index, character) in text.chars().enumerate() {
            let error = |problem| SpecError { position: index + 1, problem };
            if character.is_control() {
                return Err(error(SpecProblem::Control));
            }
            if !is_quoted && character != ' ' && character.is_whitespace() {
                return Err(error(SpecProblem::Space));
            }
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                _ => {}
            }
        }
        let words = Self { text, at: 0 };
        if is_quoted {
            let position = text.chars().count() + 1;
            return Err(SpecError { position, problem: SpecProblem::Quote });
        }
        Ok(words)
    }

    pub(super) fn peek(&self) -> Option<Word<'t>> {
        let Self { text, at } = *self;
        Self { text, at }.next()
    }

    /// An error where the next word would be.
    pub(super) fn error(&self, problem: SpecProblem) -> SpecError {
        let position = self.peek().map_or(self.text.chars().count() + 1, |word| word.position);
        SpecError { position, problem }
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.find(|character| character != ' ')?;
        let rest = self.text.get(start..)?;
        let end = start + outside_quotes(rest, ' ').next().unwrap_or(rest.len());
        self.at = end;
        let position = self.text.get(..start)?.chars().count() + 1;
        Some(Word { raw: self.text.get(start..end)?, position })
    }
}

impl<'t> Word<'t> {
    /// Whether it is this word, without quotes.
    pub(super) fn is(&self, word: &str) -> bool {
        self.raw == word
    }

    pub(super) const fn error(&self, problem: SpecProblem) -> SpecError {
        SpecError { position: self.position, problem }
    }

    /// What it says, without quotes.
    pub(super) fn text(&self) -> Result<Box<str>, SpecError> {
        let problem = self.error(SpecProblem::Quote);
        let Some(inner) = self.raw.strip_prefix('"') else {
            return Ok(unquoted(*self)?.into());
        };
        let mut text = String::with_capacity(inner.len());
        let mut characters = inner.chars();
        loop {
            match characters.next().ok_or(problem)? {
                '"' if characters.as_str().is_empty() => break,
                '"' => return Err(problem),
                '\\' => match characters.next() {
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    _ => return Err(problem),
                },
                character => text.push(character),
            }
        }
        if text.is_empty() { Err(self.error(SpecProblem::EmptyWord)) } else { Ok(text.into()) }
    }
}

/// The text of a word that must not be quoted.
pub(super) fn unquoted<'t>(word: Word<'t>) -> Result<&'t str, SpecError> {
    if word.raw.contains('"') { Err(word.error(SpecProblem::Quote)) } else { Ok(word.raw) }
}

/// The parts of a list, without quotes.
pub(super) fn parts(
    word: Word<'_>,
    separator: char,
) -> impl Iterator<Item = Result<Box<str>, SpecError>> {
    let ends = outside_quotes(word.raw, separator).chain([word.raw.len()]);
    ends.scan(0, move |start, end| {
        let raw = word.raw.get(*start..end).unwrap_or_default();
        *start = end + separator.len_utf8();
        let part = Word { raw, ..word };
        Some(if raw.is_empty() { Err(word.error(SpecProblem::EmptyWord)) } else { part.text() })
    })
}

/// Where a character stands outside of quotes.
fn outside_quotes(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.char_indices().filter_map(move |(at, character)| {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return (character == wanted && !is_quoted).then_some(at),
        }
        None
    })
}

/// A word as it is written: in quotes if it would mean something else without.
pub(super) struct Quoted<'w> {
    pub(super) word: &'w str,
    /// Characters that mean something where it stands.
    pub(super) special: &'static [char],
    /// Whether it would be taken for a word of the language.
    pub(super) is_reserved: bool,
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_odd = |character: char| {
            character.is_whitespace()
                || matches!(character, '"' | '\\')
                || self.special.contains(&character)
        };
        if !self.is_reserved && !self.word.is_empty() && !self.word.contains(is_odd) {
            return formatter.write_str(self.word);
        }
        formatter.write_str("\"")?;
        for character in self.word.chars() {
            if matches!(character, '"' | '\\') {
                formatter.write_str("\\")?;
            }
            write!(formatter, "{character}")?;
        }
        formatter.write_str("\"")
    }
}
