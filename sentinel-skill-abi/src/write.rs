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
        self.bytes(b"\n");
        if self.is_full { Err(Full) } else { Ok(self.length) }
    }

    /// Begins an object.
    pub fn object(&mut self) {
        self.comma();
        self.bytes(b"{");
        self.needs_comma = false;
    }

    /// Ends an object.
    pub fn end_object(&mut self) {
        self.bytes(b"}");
        self.needs_comma = true;
    }

    /// Begins a list.
    pub fn list(&mut self) {
        self.comma();
        self.bytes(b"[");
        self.needs_comma = false;
    }

    /// Ends a list.
    pub fn end_list(&mut self) {
        self.bytes(b"]");
        self.needs_comma = true;
    }

    /// The key of what is written next.
    pub fn key(&mut self, key: &str) {
        self.text(Text::Plain(key));
        self.bytes(b":");
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
        self.bytes(b"\"");
    }

    /// A part of a text that was begun.
    pub fn part(&mut self, text: Text<'_>) {
        for character in text.chars() {
            self.character(character);
        }
    }

    /// Ends a text that was begun.
    pub fn end_text(&mut self) {
        self.bytes(b"\"");
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
            self.bytes(b"-");
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
        self.bytes(b"\"");
        for part in bytes.chunks(3) {
            self.bytes(&base64::quartet(part));
        }
        self.bytes(b"\"");
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
            self.bytes(b",");
        }
        self.needs_comma = true;
    }

    fn character(&mut self, character: char) {
        match character {
            '"' => self.bytes(b"\\\""),
            '\\' => self.bytes(b"\\\\"),
            '\n' => self.bytes(b"\\n"),
            '\r' => self.bytes(b"\\r"),
            '\t' => self.bytes(b"\\t"),
            '\0'..' ' => {
                let code = u32::from(character).to_le_bytes()[0];
                let digit =
                    |number: u8| if number < 10 { b'0' + number } else { b'a' + number - 10 };
                self.bytes(&[b'\\', b'u', b'0', b'0', digit(code >> 4), digit(code & 15)]);
            }
            _ => self.bytes(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
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
