//! Lines as they are written: JSON into room that somebody else has.
//!
//! # Invariants
//! - What is written is one line: no newline stands in it but the one at its end.
//! - What does not fit leaves no line behind, so half of one is never sent.

use crate::base64;
use crate::json::{Text, Value};
use crate::limits::LINE_BYTES_MAX;

/// There is no room for it, or it is longer than a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A line that grows in the room it was given.
#[derive(Debug)]
pub struct Line<'b> {
    room: &'b mut [u8],
    length: usize,
    is_full: bool,
    /// Whether something stands before, so that a comma comes first.
    needs_comma: bool,
}

impl<'b> Line<'b> {
    /// An empty line in this room.
    #[must_use]
    pub fn new(room: &'b mut [u8]) -> Self {
        let end = room.len().min(LINE_BYTES_MAX);
        let (room, _) = room.split_at_mut(end);
        Self { room, length: 0, is_full: false, needs_comma: false }
    }

    /// The line with its newline.
    ///
    /// # Errors
    /// Something did not fit.
    pub fn end(mut self) -> Result<usize, Full> {
        self.byte(b'\n');
        if self.is_full { Err(Full) } else { Ok(self.length) }
    }

    /// Begins an object.
    pub fn object(&mut self) {
        self.comma();
        self.byte(b'{');
        self.needs_comma = false;
    }

    /// Ends an object.
    pub fn end_object(&mut self) {
        self.byte(b'}');
        self.needs_comma = true;
    }

    /// Begins a list.
    pub fn list(&mut self) {
        self.comma();
        self.byte(b'[');
        self.needs_comma = false;
    }

    /// Ends a list.
    pub fn end_list(&mut self) {
        self.byte(b']');
        self.needs_comma = true;
    }

    /// The key of what is written next.
    pub fn key(&mut self, key: &str) {
        self.text(Text::Plain(key));
        self.byte(b':');
        self.needs_comma = false;
    }

    /// A text.
    pub fn text(&mut self, text: Text<'_>) {
        self.begin_text();
        self.part(text);
        self.end_text();
    }

    /// Begins a text that comes in parts.
    pub fn begin_text(&mut self) {
        self.comma();
        self.byte(b'"');
    }

    /// A part of a text that was begun.
    pub fn part(&mut self, text: Text<'_>) {
        text.pieces(&mut |piece| {
            self.piece(piece);
            !self.is_full
        });
    }

    /// Ends a text that was begun.
    pub fn end_text(&mut self) {
        self.byte(b'"');
    }

    /// A number.
    pub fn unsigned(&mut self, number: u64) {
        self.comma();
        self.digits(number);
    }

    /// A number that may be negative.
    pub fn integer(&mut self, number: i64) {
        self.comma();
        if number < 0 {
            self.byte(b'-');
        }
        self.digits(number.unsigned_abs());
    }

    /// `true` or `false`.
    pub fn flag(&mut self, flag: bool) {
        self.word(if flag { "true" } else { "false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.word("null");
    }

    /// Bytes, as Base64 in a text.
    pub fn base64(&mut self, bytes: &[u8]) {
        self.comma();
        self.byte(b'"');
        for part in bytes.chunks(3) {
            self.bytes(&base64::quartet(part));
        }
        self.byte(b'"');
    }

    /// A value that was read, without the line breaks that may stand between its parts.
    pub fn value(&mut self, value: Value<'_>) {
        self.comma();
        // None stands inside a text: there they are written as escapes.
        for part in value.as_str().as_bytes().split(|byte| matches!(byte, b'\n' | b'\r')) {
            self.bytes(part);
        }
    }

    /// A number or a word in the spelling of JSON.
    pub(crate) fn word(&mut self, word: &str) {
        self.comma();
        self.bytes(word.as_bytes());
    }

    fn comma(&mut self) {
        if self.needs_comma {
            self.byte(b',');
        }
        self.needs_comma = true;
    }

    /// What needs no escape is copied as it stands.
    fn piece(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
            let (plain, special) = rest.split_at(at);
            self.bytes(plain);
            if let Some((special, behind)) = special.split_first() {
                self.escape(*special);
                rest = behind;
            }
        }
        self.bytes(rest);
    }

    fn escape(&mut self, byte: u8) {
        let letter = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => {
                let digit =
                    |number: u8| if number < 10 { b'0' + number } else { b'a' + number - 10 };
                return self.bytes(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            }
            itself => itself,
        };
        self.bytes(&[b'\\', letter]);
    }

    fn digits(&mut self, number: u64) {
        let mut digits = [0_u8; 20];
        let mut rest = number;
        let mut count = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (rest % 10).to_le_bytes()[0];
            rest /= 10;
            count += 1;
            if rest == 0 {
                break;
            }
        }
        self.bytes(digits.get(20 - count..).unwrap_or_default());
    }

    fn byte(&mut self, byte: u8) {
        match self.room.get_mut(self.length) {
            Some(place) if !self.is_full => {
                *place = byte;
                self.length += 1;
            }
            _ => self.is_full = true,
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.room.get_mut(self.length..end) {
            Some(room) if !self.is_full => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            _ => self.is_full = true,
        }
    }
}
