//! A text that arrives in pieces.
//!
//! A model sends the arguments of a tool call a few characters at a time. [`Partial`] gathers them
//! and follows the grammar, so a call that can no longer become valid is given up at the byte that
//! spoils it, not when its last piece arrives.
//!
//! # Invariants
//! - A piece is refused if and only if no continuation could make the text valid, and the error
//!   names the same position as [`parse`](super::parse) would for the text so far.
//! - How the text is cut into pieces changes nothing, not even inside a character or an escape.
//! - After an error every further piece gives the same error; nothing more is gathered.

use alloc::string::String;
use alloc::vec::Vec;

use super::document::Document;
use super::error::{Expected, Failure, FailureKind, ParseError, ParseErrorKind};
use super::escape::{Escape, EscapeStep};
use super::{DuplicateKeys, Options};
use crate::order::Map;

/// How far a text in pieces has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something is missing.
    Incomplete,
    /// The text is valid if it ends here. Only white space may follow, or, if it is a bare number,
    /// more of the number.
    Complete,
}

/// Gathers a JSON text and refuses it as soon as nothing can make it valid.
///
/// ```
/// use sentinel_core::text::json::{Options, Partial, Progress};
///
/// let mut arguments = Partial::new(Options::new());
/// assert_eq!(arguments.push(br#"{"path": "no"#)?, Progress::Incomplete);
/// assert_eq!(arguments.push(br#"tes.txt"}"#)?, Progress::Complete);
/// assert_eq!(arguments.document()?.root().get("path")?.as_str()?, "notes.txt");
///
/// let mut spoilt = Partial::new(Options::new());
/// spoilt.push(br#"{"path": "#)?;
/// let error = spoilt.push(b"notes").unwrap_err();
/// assert_eq!(error.to_string(), "1:11: expected 'ull', found 'o'");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Partial {
    options: Options,
    text: Vec<u8>,
    state: State,
    /// The containers that are open, the innermost last.
    open: Vec<Container>,
    /// Of the string that is being read: its value so far, if it is a key.
    key: Option<String>,
    /// Where the quote of the last key stands.
    key_start: usize,
    error: Option<ParseError>,
}

/// A container that is open.
#[derive(Clone, Debug)]
enum Container {
    Array,
    /// With the keys it has and where they stand, if duplicates are refused.
    Object(Map<String, usize>),
}

/// What stands before the next byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing that counts: one of these must come, with white space before it.
    Expect(Expected),
    /// The inside of a string.
    String,
    /// An escape inside a string.
    Escape(Escape),
    /// A character of a string: `missing` more bytes, the next within these bounds.
    Character {
        missing: u8,
        lowest: u8,
        highest: u8,
        start: usize,
    },
    /// A literal, and what of it has not come yet.
    Literal(&'static str),
    Number(NumberState),
}

/// Where in a number the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NumberState {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Partial {
    /// An empty text, to be held to `options`.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            text: Vec::new(),
            state: State::Expect(Expected::Value),
            open: Vec::new(),
            key: None,
            key_start: 0,
            error: None,
        }
    }

    /// Adds a piece and says whether the text is complete, or why it can no longer become valid.
    pub fn push(&mut self, piece: &[u8]) -> Result<Progress, ParseError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let limit = self.options.bytes_limit();
        let room = limit - self.text.len();
        for &byte in piece.iter().take(room) {
            let at = self.text.len();
            self.text.push(byte);
            if let Err(failure) = self.step(byte, at) {
                return Err(self.give_up(failure));
            }
        }
        if piece.len() > room {
            return Err(self.give_up(Failure::new(ParseErrorKind::TooLarge { limit }, limit)));
        }
        Ok(self.progress())
    }

    /// Whether the text would be valid if it ended here.
    pub fn progress(&self) -> Progress {
        use NumberState::{ExponentDigits, Fraction, Whole, Zero};
        let is_complete = match self.state {
            State::Expect(Expected::EndOfText) => true,
            State::Number(Zero | Whole | Fraction | ExponentDigits) => self.open.is_empty(),
            _ => false,
        };
        if is_complete && self.error.is_none() { Progress::Complete } else { Progress::Incomplete }
    }

    /// The bytes gathered so far.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The document, if the text is complete.
    pub fn document(&self) -> Result<Document<'_>, ParseError> {
        match self.error {
            Some(error) => Err(error),
            None => self.options.parse(&self.text),
        }
    }

    #[cold]
    fn give_up(&mut self, failure: Failure) -> ParseError {
        let error = failure.locate(&self.text);
        self.error = Some(error);
        error
    }

    /// Reads the byte that stands at `at`.
    fn step(&mut self, byte: u8, at: usize) -> Result<(), Failure> {
        match self.state {
            State::String => self.in_string(byte, at),
            State::Expect(expected) => self.expect(expected, byte, at),
            State::Number(number) => self.in_number(number, byte, at),
            State::Escape(escape) => {
                match escape.step(Some(byte)).map_err(|kind| Failure::new(kind, at))? {
                    EscapeStep::More(escape) => self.state = State::Escape(escape),
                    EscapeStep::Character(character) => {
                        if let Some(key) = &mut self.key {
                            key.push(character);
                        }
                        self.state = State::String;
                    }
                }
                Ok(())
            }
            State::Literal(rest) => {
                let mut letters = rest.chars();
                if letters.next() != Some(char::from(byte)) {
                    return Err(Failure::expected(Expected::Literal(rest), Some(byte), at));
                }
                match letters.as_str() {
                    "" => self.after_value(),
                    rest => self.state = State::Literal(rest),
                }
                Ok(())
            }
            State::Character { missing, lowest, highest, start } => {
                if !(lowest..=highest).contains(&byte) {
                    return Err(Failure::new(ParseErrorKind::InvalidUtf8, start));
                }
                self.state = match missing {
                    1 => State::String,
                    _ => State::Character {
                        missing: missing - 1,
                        lowest: 0x80,
                        highest: 0xbf,
                        start,
                    },
                };
                if let (1, Some(key)) = (missing, &mut self.key) {
                    key.push_str(core::str::from_utf8(&self.text[start..]).unwrap_or_default());
                }
                Ok(())
            }
        }
    }

    fn expect(&mut self, expected: Expected, byte: u8, at: usize) -> Result<(), Failure> {
        use Expected::{
            Colon, CommaOrArrayEnd, CommaOrObjectEnd, Key, KeyOrObjectEnd, Value, ValueOrArrayEnd,
        };
        self.state = match (expected, byte) {
            (_, b' ' | b'\n' | b'\r' | b'\t') => return Ok(()),
            (Key | KeyOrObjectEnd, b'"') => {
                self.key = Some(String::new());
                self.key_start = at;
                State::String
            }
            (Colon, b':') => State::Expect(Value),
            (CommaOrObjectEnd, b',') => State::Expect(Key),
            (CommaOrArrayEnd, b',') => State::Expect(Value),
            (KeyOrObjectEnd | CommaOrObjectEnd, b'}')
            | (ValueOrArrayEnd | CommaOrArrayEnd, b']') => {
                self.open.pop();
                self.after_value();
                return Ok(());
            }
            (Value | ValueOrArrayEnd, _) => match byte {
                b'"' => State::String,
                b'{' => {
                    self.enter(Container::Object(Map::new()), at)?;
                    State::Expect(KeyOrObjectEnd)
                }
                b'[' => {
                    self.enter(Container::Array, at)?;
                    State::Expect(ValueOrArrayEnd)
                }
                b'-' => State::Number(NumberState::Minus),
                b'0' => State::Number(NumberState::Zero),
                b'1'..=b'9' => State::Number(NumberState::Whole),
                b't' => State::Literal("rue"),
                b'f' => State::Literal("alse"),
                b'n' => State::Literal("ull"),
                _ => return Err(Failure::expected(expected, Some(byte), at)),
            },
            _ => return Err(Failure::expected(expected, Some(byte), at)),
        };
        Ok(())
    }

    fn enter(&mut self, container: Container, at: usize) -> Result<(), Failure> {
        let limit = self.options.depth;
        if self.open.len() >= limit {
            return Err(Failure::new(ParseErrorKind::TooDeep { limit }, at));
        }
        self.open.push(container);
        Ok(())
    }

    fn in_string(&mut self, byte: u8, at: usize) -> Result<(), Failure> {
        let character =
            |missing, lowest, highest| State::Character { missing, lowest, highest, start: at };
        self.state = match byte {
            b'"' => return self.end_string(),
            b'\\' => State::Escape(Escape::Backslash),
            0x00..=0x1f => return Err(Failure::new(ParseErrorKind::ControlCharacter(byte), at)),
            0x20..=0x7f => {
                if let Some(key) = &mut self.key {
                    key.push(char::from(byte));
                }
                return Ok(());
            }
            // RFC 3629 §4, with its narrower second bytes: no overlong form, no surrogate, nothing
            // above U+10FFFF.
            0xc2..=0xdf => character(1, 0x80, 0xbf),
            0xe0 => character(2, 0xa0, 0xbf),
            0xed => character(2, 0x80, 0x9f),
            0xe1..=0xef => character(2, 0x80, 0xbf),
            0xf0 => character(3, 0x90, 0xbf),
            0xf1..=0xf3 => character(3, 0x80, 0xbf),
            0xf4 => character(3, 0x80, 0x8f),
            _ => return Err(Failure::new(ParseErrorKind::InvalidUtf8, at)),
        };
        Ok(())
    }

    /// The closing quote of a string: a key must be new, a value is complete.
    fn end_string(&mut self) -> Result<(), Failure> {
        let Some(key) = self.key.take() else {
            self.after_value();
            return Ok(());
        };
        self.state = State::Expect(Expected::Colon);
        if self.options.duplicate_keys == DuplicateKeys::Refuse
            && let Some(Container::Object(keys)) = self.open.last_mut()
            && let Some(first) = keys.insert(key, self.key_start)
        {
            let kind = FailureKind::DuplicateKey { first };
            return Err(Failure { kind, offset: self.key_start });
        }
        Ok(())
    }

    fn in_number(&mut self, number: NumberState, byte: u8, at: usize) -> Result<(), Failure> {
        use NumberState::{
            Exponent, ExponentDigits, ExponentSign, Fraction, Minus, Point, Whole, Zero,
        };
        let next = match (number, byte) {
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Whole, b'0'..=b'9') => Whole,
            (Zero, b'0'..=b'9') => return Err(Failure::new(ParseErrorKind::LeadingZero, at)),
            (Zero | Whole, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Whole | Fraction, b'e' | b'E') => Exponent,
            (Exponent, b'+' | b'-') => ExponentSign,
            (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => ExponentDigits,
            (Minus | Point | ExponentSign, _) => {
                return Err(Failure::expected(Expected::Digit, Some(byte), at));
            }
            (Exponent, _) => {
                return Err(Failure::expected(Expected::ExponentDigit, Some(byte), at));
            }
            // The number has ended, and the byte belongs to what follows it.
            (Zero | Whole | Fraction | ExponentDigits, _) => {
                self.after_value();
                return self.step(byte, at);
            }
        };
        self.state = State::Number(next);
        Ok(())
    }

    /// A value has ended: what may follow depends on what contains it.
    fn after_value(&mut self) {
        self.state = State::Expect(match self.open.last() {
            None => Expected::EndOfText,
            Some(Container::Array) => Expected::CommaOrArrayEnd,
            Some(Container::Object(_)) => Expected::CommaOrObjectEnd,
        });
    }
}
