//! The parser of whole texts: one pass, no recursion.
//!
//! # Invariants
//! - The depth of nesting costs four bytes on the heap for each level, nothing on the stack.
//! - On success the nodes describe exactly one value that covers the text but for white space.

use alloc::vec::Vec;

use super::duplicate;
use super::error::{Expected, Failure, ParseErrorKind};
use super::escape::{Escape, EscapeStep};
use super::nodes::{Node, NodeKind, Nodes};
use super::{DuplicateKeys, Options};
use crate::text::scan;

/// Parses all of `text`. Its length fits in 32 bits: the caller has checked.
pub(super) fn parse(text: &str, options: &Options) -> Result<Nodes, Failure> {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        nodes: Nodes::default(),
        open: Vec::new(),
        options,
        duplicates: duplicate::Finder::default(),
    };
    // Real documents hold a node for every eight to sixteen bytes. The guess costs as much memory
    // as the text at most, and saves copying the list as it grows.
    parser.nodes.list.reserve(text.len() / 16 + 1);
    parser.document()?;
    Ok(parser.nodes)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nodes: Nodes,
    /// The containers that are open, as indices of their nodes, the innermost last.
    open: Vec<u32>,
    options: &'a Options,
    duplicates: duplicate::Finder,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Failure> {
        if self.text.starts_with('\u{feff}') {
            return Err(Failure::new(ParseErrorKind::ByteOrderMark, 0));
        }
        let mut expected = Expected::Value;
        loop {
            // Here a value must start, or a container that just opened may end.
            self.skip_white_space();
            let start = self.at;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b'{') => {
                    self.open(NodeKind::Object)?;
                    self.skip_white_space();
                    if self.peek() == Some(b'}') {
                        self.close();
                    } else {
                        self.key(Expected::KeyOrObjectEnd)?;
                        expected = Expected::Value;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.open(NodeKind::Array)?;
                    expected = Expected::ValueOrArrayEnd;
                    continue;
                }
                Some(b']') if expected == Expected::ValueOrArrayEnd => self.close(),
                Some(b't') => self.literal("true", NodeKind::True)?,
                Some(b'f') => self.literal("false", NodeKind::False)?,
                Some(b'n') => self.literal("null", NodeKind::Null)?,
                found => return Err(Failure::expected(expected, found, start)),
            }
            if self.after_value()? {
                return Ok(());
            }
            expected = Expected::Value;
        }
    }

    /// A value has ended: closes what ends here and says whether that was the whole text.
    fn after_value(&mut self) -> Result<bool, Failure> {
        while let Some(&container) = self.open.last() {
            self.skip_white_space();
            let is_object = self.nodes.list[container as usize].kind == NodeKind::Object;
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if is_object {
                        self.skip_white_space();
                        self.key(Expected::Key)?;
                    }
                    return Ok(false);
                }
                Some(b'}') if is_object => {
                    if self.options.duplicate_keys == DuplicateKeys::Refuse {
                        self.duplicates.check(self.text, &self.nodes, container as usize)?;
                    }
                    self.close();
                }
                Some(b']') if !is_object => self.close(),
                found => {
                    let expected = if is_object {
                        Expected::CommaOrObjectEnd
                    } else {
                        Expected::CommaOrArrayEnd
                    };
                    return Err(Failure::expected(expected, found, self.at));
                }
            }
        }
        self.skip_white_space();
        match self.peek() {
            None => Ok(true),
            found => Err(Failure::expected(Expected::EndOfText, found, self.at)),
        }
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[inline(always)]
    fn push(&mut self, kind: NodeKind, start: usize, link: u32) {
        self.nodes.list.push(Node { kind, start: start as u32, end: self.at as u32, link });
    }

    /// Opens the container whose bracket stands here.
    fn open(&mut self, kind: NodeKind) -> Result<(), Failure> {
        let limit = self.options.depth;
        if self.open.len() >= limit {
            return Err(Failure::new(ParseErrorKind::TooDeep { limit }, self.at));
        }
        self.open.push(self.nodes.list.len() as u32);
        self.push(kind, self.at, 0);
        self.at += 1;
        Ok(())
    }

    /// Closes the innermost container at the bracket that stands here.
    fn close(&mut self) {
        self.at += 1;
        let after = self.nodes.list.len() as u32;
        if let Some(node) =
            self.open.pop().and_then(|container| self.nodes.list.get_mut(container as usize))
        {
            node.end = self.at as u32;
            node.link = after;
        }
    }

    /// A key and its colon.
    #[inline(always)]
    fn key(&mut self, expected: Expected) -> Result<(), Failure> {
        match self.peek() {
            Some(b'"') => self.at += 1,
            found => return Err(Failure::expected(expected, found, self.at)),
        }
        self.string()?;
        self.skip_white_space();
        match self.peek() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            found => Err(Failure::expected(Expected::Colon, found, self.at)),
        }
    }

    /// A string, from just after its opening quote to just after its closing one.
    #[inline(always)]
    fn string(&mut self) -> Result<(), Failure> {
        let start = self.at;
        self.at = scan::find_string_special(self.bytes, start);
        if self.peek() == Some(b'"') {
            self.push(NodeKind::Plain, start, 0);
            self.at += 1;
            return Ok(());
        }
        self.string_with_escapes(start)
    }

    /// The rest of a string whose first special character, at `self.at`, is not its end.
    #[inline(never)]
    fn string_with_escapes(&mut self, start: usize) -> Result<(), Failure> {
        let mut plain_from = start;
        loop {
            match self.peek() {
                Some(b'\\') => {
                    self.nodes.decoded.push_str(&self.text[plain_from..self.at]);
                    let mut escape = Escape::Backslash;
                    let character = loop {
                        self.at += 1;
                        match escape.step(self.peek()) {
                            Ok(EscapeStep::More(next)) => escape = next,
                            Ok(EscapeStep::Character(character)) => break character,
                            Err(kind) => return Err(Failure::new(kind, self.at)),
                        }
                    };
                    self.nodes.decoded.push(character);
                    self.at += 1;
                    plain_from = self.at;
                    self.at = scan::find_string_special(self.bytes, self.at);
                }
                Some(b'"') => {
                    self.nodes.decoded.push_str(&self.text[plain_from..self.at]);
                    let copy = self.nodes.decoded_ends.len() as u32;
                    self.nodes.decoded_ends.push(self.nodes.decoded.len() as u32);
                    self.push(NodeKind::Escaped, start, copy);
                    self.at += 1;
                    return Ok(());
                }
                Some(found) => {
                    return Err(Failure::new(ParseErrorKind::ControlCharacter(found), self.at));
                }
                None => return Err(Failure::expected(Expected::StringEnd, None, self.at)),
            }
        }
    }

    /// A number, by RFC 8259 §6. Its value is worked out when somebody asks.
    #[inline(always)]
    fn number(&mut self) -> Result<(), Failure> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if let Some(b'0'..=b'9') = self.peek() {
                    return Err(Failure::new(ParseErrorKind::LeadingZero, self.at));
                }
            }
            _ => self.digits(Expected::Digit)?,
        }
        let mut kind = NodeKind::Integer;
        if self.peek() == Some(b'.') {
            kind = NodeKind::Decimal;
            self.at += 1;
            self.digits(Expected::Digit)?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            kind = NodeKind::Decimal;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
                self.digits(Expected::Digit)?;
            } else {
                self.digits(Expected::ExponentDigit)?;
            }
        }
        self.push(kind, start, 0);
        Ok(())
    }

    /// One digit or more.
    #[inline(always)]
    fn digits(&mut self, expected: Expected) -> Result<(), Failure> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(Failure::expected(expected, self.peek(), start));
        }
        Ok(())
    }

    /// `true`, `false` or `null`, whose first letter stands here.
    #[inline(always)]
    fn literal(&mut self, literal: &'static str, kind: NodeKind) -> Result<(), Failure> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        if !rest.starts_with(literal.as_bytes()) {
            let same = rest.iter().zip(literal.as_bytes()).take_while(|(a, b)| a == b).count();
            let expected = Expected::Literal(&literal[same..]);
            return Err(Failure::expected(expected, rest.get(same).copied(), start + same));
        }
        self.at += literal.len();
        self.push(kind, start, 0);
        Ok(())
    }
}
