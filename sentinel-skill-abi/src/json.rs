//! JSON as the contract has it: checked in one pass, then looked at where it stands.
//!
//! Nothing is copied and nothing is allocated, so a value is a piece of the line it came in. One
//! reading for both sides: what a skill takes for a message is what Sentinel takes for it.
//!
//! # Invariants
//! - A [`Value`] is one whole value by RFC 8259, of at most [`DEPTH_MAX`] levels, in UTF-8, with
//!   whole surrogate pairs. Nothing here recurses or panics, whatever the bytes.
//!
//! # Not here
//! Keys that stand twice in an object that nobody asks about. Messages and parameters refuse them
//! ([`Fields`]); what a skill gives back is read again by whoever uses it.

use core::fmt;

use crate::limits::DEPTH_MAX;

/// A JSON value, as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag,
    /// Digits, with a sign, a point and an exponent or without.
    Number,
    /// Characters between quotation marks.
    Text,
    /// Values in brackets.
    List,
    /// Keys and values in braces.
    Object,
}

impl<'a> Value<'a> {
    /// An empty object.
    pub const EMPTY: Self = Self("{}");

    /// Reads a text that is one value, with white space around it or without.
    ///
    /// # Errors
    /// At which byte it is none.
    pub fn parse(text: &'a str) -> Result<Self, usize> {
        let bytes = text.as_bytes();
        let start = space(bytes, 0);
        let end = scan(bytes, start)?;
        match space(bytes, end) == bytes.len() {
            true => text.get(start..end).map(Self).ok_or(start),
            false => Err(end),
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Flag,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The characters, if it is a text.
    #[must_use]
    pub fn text(self) -> Option<Text<'a>> {
        let inside = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text::Escaped(inside))
    }

    /// Whether it is `true`, if it is one of the two.
    #[must_use]
    pub fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The number, if it is a whole one written in digits alone.
    #[must_use]
    pub fn integer(self) -> Option<i64> {
        // The standard library takes a `+`, which no value begins with.
        (self.kind() == Kind::Number).then(|| self.0.parse().ok()).flatten()
    }

    /// The number, if it is a whole one that is not negative.
    #[must_use]
    pub fn unsigned(self) -> Option<u64> {
        let is_number = self.kind() == Kind::Number;
        (is_number && !self.0.starts_with('-')).then(|| self.0.parse().ok()).flatten()
    }

    /// Keys and values, if it is an object.
    #[must_use]
    pub fn members(self) -> Option<Members<'a>> {
        (self.kind() == Kind::Object).then_some(Members { text: self.0, at: 1 })
    }

    /// Its values, if it is a list.
    #[must_use]
    pub fn elements(self) -> Option<Elements<'a>> {
        (self.kind() == Kind::List).then_some(Elements { text: self.0, at: 1 })
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// The keys and values of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Text<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let start = next(bytes, self.at)?;
        let key_end = string(bytes, start).ok()?;
        let key = self.text.get(start + 1..key_end - 1)?;
        let colon = space(bytes, key_end);
        let value_start = space(bytes, colon + 1);
        let end = scan(bytes, value_start).ok()?;
        self.at = end;
        Some((Text::Escaped(key), Value(self.text.get(value_start..end)?)))
    }
}

/// The values of a list.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let bytes = self.text.as_bytes();
        let start = next(bytes, self.at)?;
        let end = scan(bytes, start).ok()?;
        self.at = end;
        self.text.get(start..end).map(Value)
    }
}

/// Where the next member of an object or a list begins, if there is one.
fn next(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = space(bytes, at);
    if bytes.get(at) == Some(&b',') {
        at = space(bytes, at + 1);
    }
    (!matches!(bytes.get(at), None | Some(b'}' | b']'))).then_some(at)
}

/// Some of the members of an object, by their names.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a, const N: usize>([Option<Value<'a>>; N]);

/// Why an object is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// It is no object.
    NoObject,
    /// It has a key that is none of those.
    Unknown,
    /// The key of this number stands twice.
    Twice(usize),
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Takes the values of these keys; no other may be there, and none twice.
    ///
    /// # Errors
    /// What is wrong with the object.
    pub fn read(value: Value<'a>, names: &[&str; N]) -> Result<Self, FieldFault> {
        let mut values = [None; N];
        for (key, member) in value.members().ok_or(FieldFault::NoObject)? {
            let index = names.iter().position(|name| key == Text::Plain(name));
            let index = index.ok_or(FieldFault::Unknown)?;
            let place = values.get_mut(index).ok_or(FieldFault::Unknown)?;
            if place.replace(member).is_some() {
                return Err(FieldFault::Twice(index));
            }
        }
        Ok(Self(values))
    }

    /// The value of the key of this number.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Value<'a>> {
        self.0.get(index).copied().flatten()
    }
}

/// Characters, as they are or as they stand between quotation marks.
#[derive(Clone, Copy)]
pub enum Text<'a> {
    /// As they are.
    Plain(&'a str),
    /// With escapes: what was checked when it was read.
    Escaped(&'a str),
}

impl<'a> Text<'a> {
    /// The characters.
    #[must_use]
    pub fn chars(self) -> Characters<'a> {
        match self {
            Self::Plain(text) => Characters { rest: text, has_escapes: false },
            Self::Escaped(text) => Characters { rest: text, has_escapes: true },
        }
    }

    /// The characters in pieces that are as long as they can be: what stands between two escapes,
    /// and what each escape names. Stops, and says so, at the first piece that is not wanted.
    pub fn pieces(self, is_taken: &mut dyn FnMut(&str) -> bool) -> bool {
        let mut characters = self.chars();
        loop {
            let run = characters.run();
            if !run.is_empty() && !is_taken(run) {
                return false;
            }
            let Some(character) = characters.next() else { return true };
            if !is_taken(character.encode_utf8(&mut [0; 4])) {
                return false;
            }
        }
    }

    /// The characters in this room, if there is enough of it.
    pub fn copy_to(self, room: &mut [u8]) -> Option<&str> {
        let mut length = 0;
        let fits = self.pieces(&mut |piece| {
            let end = length + piece.len();
            let Some(part) = room.get_mut(length..end) else { return false };
            part.copy_from_slice(piece.as_bytes());
            length = end;
            true
        });
        let bytes = room.get(..length).filter(|_| fits)?;
        core::str::from_utf8(bytes).ok()
    }

    /// How many bytes of UTF-8 the characters are.
    #[must_use]
    pub fn bytes_count(self) -> usize {
        let mut count = 0;
        self.pieces(&mut |piece| {
            count += piece.len();
            true
        });
        count
    }

    /// The characters where they stand, if none of them is escaped.
    #[must_use]
    pub fn as_plain(self) -> Option<&'a str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Escaped(text) => (!text.as_bytes().contains(&b'\\')).then_some(text),
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_plain(), other.as_plain()) {
            (Some(one), Some(other)) => one == other,
            _ => self.chars().eq(other.chars()),
        }
    }
}

impl Eq for Text<'_> {}

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|character| fmt::Write::write_char(formatter, character))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"")?;
        self.chars()
            .flat_map(char::escape_debug)
            .try_for_each(|character| fmt::Write::write_char(formatter, character))?;
        formatter.write_str("\"")
    }
}

/// The characters of a text.
#[derive(Clone, Debug)]
pub struct Characters<'a> {
    rest: &'a str,
    has_escapes: bool,
}

impl<'a> Characters<'a> {
    /// Takes what stands before the next escape.
    fn run(&mut self) -> &'a str {
        let is_escape = |byte: u8| byte == b'\\' && self.has_escapes;
        let end = self.rest.bytes().position(is_escape).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        run
    }
}

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let first = rest.next()?;
        self.rest = rest.as_str();
        if first != '\\' || !self.has_escapes {
            return Some(first);
        }
        let letter = rest.next()?;
        self.rest = rest.as_str();
        Some(match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, taken) = escaped(self.rest.as_bytes())?;
                self.rest = self.rest.get(taken..)?;
                character
            }
            other => other,
        })
    }
}

/// The character that these digits name, with another escape if it takes two, and how many bytes
/// that was.
fn escaped(bytes: &[u8]) -> Option<(char, usize)> {
    let first = hexadecimal(bytes)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 4));
    }
    let second = hexadecimal(bytes.get(4..)?.strip_prefix(b"\\u")?)?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)?, 10))
}

fn hexadecimal(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// Where the value that begins here ends.
fn scan(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start;
    // One bit for each level: whether it is an object.
    let (mut levels, mut depth) = (0_u64, 0);
    loop {
        at = space(bytes, at);
        match bytes.get(at) {
            Some(opening @ (b'{' | b'[')) => {
                let is_object = *opening == b'{';
                let inside = space(bytes, at + 1);
                let is_empty = bytes.get(inside) == Some(if is_object { &b'}' } else { &b']' });
                if depth == DEPTH_MAX {
                    return Err(at);
                }
                if !is_empty {
                    depth += 1;
                    levels = levels << 1 | u64::from(is_object);
                    at = if is_object { key(bytes, inside)? } else { inside };
                    continue;
                }
                at = inside + 1;
            }
            Some(b'"') => at = string(bytes, at)?,
            Some(b'-' | b'0'..=b'9') => at = number(bytes, at)?,
            Some(_) => at = word(bytes, at)?,
            None => return Err(at),
        }
        loop {
            if depth == 0 {
                return Ok(at);
            }
            at = space(bytes, at);
            let is_object = levels & 1 == 1;
            match (bytes.get(at), is_object) {
                (Some(b','), true) => {
                    at = key(bytes, space(bytes, at + 1))?;
                    break;
                }
                (Some(b','), false) => {
                    at += 1;
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    depth -= 1;
                    levels >>= 1;
                }
                _ => return Err(at),
            }
        }
    }
}

fn space(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Behind a key and its colon.
fn key(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let at = space(bytes, string(bytes, start)?);
    if bytes.get(at) == Some(&b':') { Ok(at + 1) } else { Err(at) }
}

fn string(bytes: &[u8], start: usize) -> Result<usize, usize> {
    if bytes.get(start) != Some(&b'"') {
        return Err(start);
    }
    let mut at = start + 1;
    loop {
        match bytes.get(at).ok_or(at)? {
            b'"' => return Ok(at + 1),
            b'\\' => match bytes.get(at + 1).ok_or(at)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => at += 2 + escaped(bytes.get(at + 2..).unwrap_or_default()).ok_or(at)?.1,
                _ => return Err(at),
            },
            0..0x20 => return Err(at),
            _ => at += 1,
        }
    }
}

fn number(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let digits = |at: usize| -> Result<usize, usize> {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => Err(at),
            count => Ok(at + count),
        }
    };
    let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Ok(at)
}

fn word(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let rest = bytes.get(start..).unwrap_or_default();
    let words: [&[u8]; 3] = [b"true", b"false", b"null"];
    let word = words.iter().find(|word| rest.starts_with(word));
    word.map(|word| start + word.len()).ok_or(start)
}

#[cfg(test)]
mod tests;
