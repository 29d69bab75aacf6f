//! A place in the text that only moves forward, and the trivia between tokens.
//!
//! The text is UTF-8 before a cursor is made, and every byte TOML gives a meaning to is ASCII. So
//! the cursor looks at bytes, and stops only where a character starts.

use super::error::{Fault, Found, ParseErrorKind};

#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at `offset`, which must be where a character starts.
    pub(super) fn new(text: &'a str, offset: usize) -> Self {
        Self { text, offset }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.offset + ahead).copied()
    }

    /// Whether the rest starts with `prefix`.
    pub(super) fn is_at(&self, prefix: &[u8]) -> bool {
        self.rest().starts_with(prefix)
    }

    /// Moves over `count` bytes, which must have been looked at and be whole characters.
    pub(super) fn skip(&mut self, count: usize) {
        self.offset = (self.offset + count).min(self.text.len());
    }

    /// Moves over `byte` if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.offset += 1;
        }
        is_next
    }

    /// Moves over all bytes that satisfy `accept` and returns them. `accept` must refuse or accept
    /// the bytes of a character beyond ASCII together.
    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let start = self.offset;
        let rest = self.rest();
        self.offset += rest.iter().position(|&byte| !accept(byte)).unwrap_or(rest.len());
        self.slice(start, self.offset)
    }

    /// The text between two offsets this cursor has been at.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Moves over a line feed, or a carriage return with its line feed.
    pub(super) fn eat_newline(&mut self) -> bool {
        let length = match (self.peek(), self.peek_at(1)) {
            (Some(b'\n'), _) => 1,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => return false,
        };
        self.offset += length;
        true
    }

    /// Moves over a comment, up to the end of its line.
    pub(super) fn skip_comment(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'#') {
            return Ok(());
        }
        self.take_while(is_plain);
        match self.peek() {
            None | Some(b'\n') => Ok(()),
            Some(b'\r') if self.peek_at(1) == Some(b'\n') => Ok(()),
            Some(_) => Err(self.unexpected("the end of the line")),
        }
    }

    /// Moves over blanks, comments and newlines: what may stand between parts of an array.
    pub(super) fn skip_trivia(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_blanks();
            self.skip_comment()?;
            if !self.eat_newline() {
                return Ok(());
            }
        }
    }

    pub(super) fn fault(&self, kind: ParseErrorKind) -> Fault {
        Fault::new(kind, self.offset)
    }

    /// The error for what stands here, when `expected` should.
    pub(super) fn unexpected(&self, expected: &'static str) -> Fault {
        let found = match self.slice(self.offset, self.text.len()).chars().next() {
            None => Found::EndOfDocument,
            Some('\n') => Found::EndOfLine,
            Some('\r') if self.peek_at(1) == Some(b'\n') => Found::EndOfLine,
            Some('\r') => return self.fault(ParseErrorKind::BareCarriageReturn),
            Some(character @ ('\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}')) => {
                return self.fault(ParseErrorKind::ControlCharacter(character));
            }
            Some(character) => Found::Character(character),
        };
        self.fault(ParseErrorKind::Expected { expected, found })
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.offset..).unwrap_or_default()
    }
}

/// Whether a byte may stand in comments and on a string's line: no control character but the tab.
pub(super) fn is_plain(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}
