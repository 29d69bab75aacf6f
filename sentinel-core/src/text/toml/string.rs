//! The four kinds of strings, and keys.
//!
//! A string without an escape is a slice of the source. Line ends inside a multi-line string read
//! as a line feed, also in a file with CRLF: the value must not depend on how a checkout ended its
//! lines.

use alloc::borrow::Cow;
use alloc::string::String;

use super::cursor::{Cursor, is_plain};
use super::error::{Fault, Found, ParseErrorKind};
use super::value::Key;
use crate::text::Span;

/// Reads a string of any kind. The cursor must be at its quote.
pub(super) fn string<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Fault> {
    let is_basic = cursor.peek() == Some(b'"');
    if cursor.is_at(if is_basic { b"\"\"\"" } else { b"'''" }) {
        return multi_line(cursor, is_basic);
    }
    if is_basic { basic(cursor) } else { literal(cursor) }
}

/// Reads one part of a key: bare, or in quotes.
pub(super) fn key<'a>(cursor: &mut Cursor<'a>) -> Result<Key<'a>, Fault> {
    let start = cursor.offset();
    let name = match cursor.peek() {
        Some(b'"') => basic(cursor)?,
        Some(b'\'') => literal(cursor)?,
        _ => {
            let name = cursor.take_while(is_bare);
            if name.is_empty() {
                return Err(cursor.unexpected("a key"));
            }
            Cow::Borrowed(name)
        }
    };
    Ok(Key::new(name, Span::new(start, cursor.offset())))
}

/// Whether a byte may stand in a key without quotes.
pub(super) fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn basic<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Fault> {
    cursor.skip(1);
    let mut text = Text::default();
    loop {
        text.push(cursor.take_while(|byte| is_plain(byte) && byte != b'"' && byte != b'\\'));
        match cursor.peek() {
            Some(b'"') => {
                cursor.skip(1);
                return Ok(text.finish());
            }
            Some(b'\\') => text.push_char(escape(cursor)?),
            _ => return Err(cursor.unexpected("a closing `\"`")),
        }
    }
}

fn literal<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Fault> {
    cursor.skip(1);
    let content = cursor.take_while(|byte| is_plain(byte) && byte != b'\'');
    if !cursor.eat(b'\'') {
        return Err(cursor.unexpected("a closing `'`"));
    }
    Ok(Cow::Borrowed(content))
}

fn multi_line<'a>(cursor: &mut Cursor<'a>, is_basic: bool) -> Result<Cow<'a, str>, Fault> {
    let quote = if is_basic { b'"' } else { b'\'' };
    cursor.skip(3);
    cursor.eat_newline();
    let mut text = Text::default();
    loop {
        let is_content = |byte| {
            byte == b'\n' || (is_plain(byte) && byte != quote && !(is_basic && byte == b'\\'))
        };
        text.push(cursor.take_while(is_content));
        match cursor.peek() {
            Some(b'\\') => {
                if !skip_continuation(cursor) {
                    text.push_char(escape(cursor)?);
                }
            }
            Some(b'\r') if cursor.eat_newline() => text.push_char('\n'),
            Some(byte) if byte == quote => {
                // Up to two quotes may stand before the three that close.
                let quotes = cursor.take_while(|byte| byte == quote);
                if quotes.len() < 3 {
                    text.push(quotes);
                } else if let Some(kept) = quotes.get(..quotes.len() - 3).filter(|q| q.len() <= 2) {
                    text.push(kept);
                    return Ok(text.finish());
                } else {
                    let expected = "at most two quotes before the closing three";
                    let found = Found::Character(char::from(quote));
                    let kind = ParseErrorKind::Expected { expected, found };
                    return Err(Fault::new(kind, cursor.offset() - (quotes.len() - 5)));
                }
            }
            _ if is_basic => return Err(cursor.unexpected("a closing `\"\"\"`")),
            _ => return Err(cursor.unexpected("a closing `'''`")),
        }
    }
}

/// Moves over a backslash at the end of a line, and all blank space up to the next content.
fn skip_continuation(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.skip(1);
    ahead.skip_blanks();
    if !ahead.eat_newline() {
        return false;
    }
    ahead.skip_blanks();
    while ahead.eat_newline() {
        ahead.skip_blanks();
    }
    *cursor = ahead;
    true
}

fn escape(cursor: &mut Cursor<'_>) -> Result<char, Fault> {
    let backslash = cursor.offset();
    cursor.skip(1);
    let character = match cursor.peek() {
        Some(b'b') => '\u{8}',
        Some(b't') => '\t',
        Some(b'n') => '\n',
        Some(b'f') => '\u{c}',
        Some(b'r') => '\r',
        Some(b'e') => '\u{1b}',
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'x') => return escaped_code(cursor, backslash, 2),
        Some(b'u') => return escaped_code(cursor, backslash, 4),
        Some(b'U') => return escaped_code(cursor, backslash, 8),
        _ => {
            let fault = cursor.unexpected("an escape");
            let ParseErrorKind::Expected { found, .. } = fault.kind else { return Err(fault) };
            let Found::Character(character) = found else { return Err(fault) };
            return Err(Fault::new(ParseErrorKind::UnknownEscape(character), backslash));
        }
    };
    cursor.skip(1);
    Ok(character)
}

fn escaped_code(cursor: &mut Cursor<'_>, backslash: usize, digits: usize) -> Result<char, Fault> {
    cursor.skip(1);
    let mut code = 0;
    for _ in 0..digits {
        let digit = cursor.peek().and_then(|byte| char::from(byte).to_digit(16));
        let Some(digit) = digit else {
            return Err(cursor.unexpected(match digits {
                2 => "two hexadecimal digits after \\x",
                4 => "four hexadecimal digits after \\u",
                _ => "eight hexadecimal digits after \\U",
            }));
        };
        cursor.skip(1);
        code = code << 4 | digit;
    }
    char::from_u32(code)
        .ok_or_else(|| Fault::new(ParseErrorKind::EscapeOutOfRange(code), backslash))
}

/// Text gathered in pieces: one piece stays a slice of the source.
#[derive(Default)]
struct Text<'a> {
    first: &'a str,
    owned: Option<String>,
}

impl<'a> Text<'a> {
    fn push(&mut self, piece: &'a str) {
        match &mut self.owned {
            Some(owned) => owned.push_str(piece),
            None if self.first.is_empty() => self.first = piece,
            None if piece.is_empty() => {}
            None => {
                let mut owned = String::from(self.first);
                owned.push_str(piece);
                self.owned = Some(owned);
            }
        }
    }

    fn push_char(&mut self, character: char) {
        self.owned.get_or_insert_with(|| String::from(self.first)).push(character);
    }

    fn finish(self) -> Cow<'a, str> {
        self.owned.map_or(Cow::Borrowed(self.first), Cow::Owned)
    }
}
