//! The grammar: text to statements, each a header or a key with its value.
//!
//! Values nest, so their reader keeps the open arrays and inline tables on a stack of its own
//! instead of calling itself: hostile nesting meets the depth limit and never the thread's stack.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::cursor::Cursor;
use super::error::{Fault, ParseErrorKind};
use super::value::{Data, Key, Origin, Table, Value};
use super::{build, datetime, number, string};
use crate::text::Span;

/// A header or a key with its value.
pub(super) struct Statement<'a> {
    pub(super) keys: Vec<Key<'a>>,
    /// From the first byte of the key or bracket to the last of the value or bracket.
    pub(super) span: Span,
    pub(super) kind: StatementKind<'a>,
}

pub(super) enum StatementKind<'a> {
    /// `[keys]`, or `[[keys]]` for one more element of an array of tables.
    Header { is_array: bool },
    /// `keys = value`.
    Pair(Value<'a>),
}

/// Reads a text statement by statement.
pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
    depth_max: usize,
}

impl<'a> Reader<'a> {
    /// A reader of a whole document. A byte order mark at its start is not part of it.
    pub(super) fn new(text: &'a str, depth_max: usize) -> Self {
        Self::at(text, if text.starts_with('\u{feff}') { 3 } else { 0 }, depth_max)
    }

    /// A reader that starts at an offset.
    pub(super) fn at(text: &'a str, offset: usize, depth_max: usize) -> Self {
        Self { cursor: Cursor::new(text, offset), depth_max }
    }

    /// The next statement, in a section whose table has the given depth.
    pub(super) fn statement(&mut self, depth: usize) -> Result<Option<Statement<'a>>, Fault> {
        self.cursor.skip_trivia()?;
        let start = self.cursor.offset();
        let (keys, kind) = match self.cursor.peek() {
            None => return Ok(None),
            Some(b'[') => self.header()?,
            Some(_) => {
                let (keys, value) = self.pair(depth)?;
                (keys, StatementKind::Pair(value))
            }
        };
        let span = Span::new(start, self.cursor.offset());
        self.cursor.skip_blanks();
        self.cursor.skip_comment()?;
        if !self.cursor.eat_newline() && self.cursor.peek().is_some() {
            return Err(self.cursor.unexpected("the end of the line"));
        }
        Ok(Some(Statement { keys, span, kind }))
    }

    /// The elements of an inline table this reader stands behind the opening brace of, each with
    /// its whole span. For a text that has already been read without error.
    pub(super) fn inline_pairs(&mut self) -> Result<Vec<Statement<'a>>, Fault> {
        let mut pairs = Vec::new();
        loop {
            self.cursor.skip_trivia()?;
            if self.cursor.peek() == Some(b'}') {
                return Ok(pairs);
            }
            let start = self.cursor.offset();
            let (keys, value) = self.pair(0)?;
            let span = Span::new(start, self.cursor.offset());
            pairs.push(Statement { keys, span, kind: StatementKind::Pair(value) });
            self.cursor.skip_trivia()?;
            self.cursor.eat(b',');
        }
    }

    fn header(&mut self) -> Result<(Vec<Key<'a>>, StatementKind<'a>), Fault> {
        self.cursor.skip(1);
        // The two brackets of an array of tables must touch, at both ends.
        let is_array = self.cursor.eat(b'[');
        self.cursor.skip_blanks();
        let keys = self.keys(1)?;
        let (end, expected): (&[u8], _) = if is_array {
            (b"]]", "`]]` to end the header")
        } else {
            (b"]", "`]` to end the header")
        };
        if !self.cursor.is_at(end) {
            return Err(self.cursor.unexpected(expected));
        }
        self.cursor.skip(end.len());
        Ok((keys, StatementKind::Header { is_array }))
    }

    fn pair(&mut self, depth: usize) -> Result<(Vec<Key<'a>>, Value<'a>), Fault> {
        let keys = self.pair_keys(depth)?;
        let value = self.value(depth + keys.len())?;
        Ok((keys, value))
    }

    /// Keys and the equals sign, in a table of the given depth.
    fn pair_keys(&mut self, depth: usize) -> Result<Vec<Key<'a>>, Fault> {
        let keys = self.keys(depth)?;
        if !self.cursor.eat(b'=') {
            return Err(self.cursor.unexpected("`.` or `=` after the key"));
        }
        self.cursor.skip_blanks();
        Ok(keys)
    }

    /// Keys with dots between them, and the blanks after. The first key is in a table of the given
    /// depth, so each one after it is one deeper.
    fn keys(&mut self, depth: usize) -> Result<Vec<Key<'a>>, Fault> {
        let mut keys = Vec::with_capacity(1);
        loop {
            self.check_depth(depth + keys.len())?;
            keys.push(string::key(&mut self.cursor)?);
            self.cursor.skip_blanks();
            if !self.cursor.eat(b'.') {
                return Ok(keys);
            }
            self.cursor.skip_blanks();
        }
    }

    /// A value; if it is a container, it has the given depth.
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        let mut open: Vec<Frame<'a>> = Vec::new();
        loop {
            let depth = open.last().map_or(depth, Frame::inner_depth);
            let start = self.cursor.offset();
            let mut finished = match self.cursor.peek() {
                Some(bracket @ (b'[' | b'{')) => {
                    self.check_depth(depth)?;
                    self.cursor.skip(1);
                    open.push(Frame::new(bracket == b'[', start, depth));
                    None
                }
                _ => {
                    let data = self.scalar()?;
                    Some(Value::new(Span::new(start, self.cursor.offset()), data))
                }
            };
            // Hand what is finished to the container around it, until another value is due.
            loop {
                let Some(frame) = open.last_mut() else {
                    match finished {
                        Some(value) => return Ok(value),
                        None => return Err(self.cursor.unexpected("a value")),
                    }
                };
                self.cursor.skip_trivia()?;
                if let Some(value) = finished.take() {
                    frame.put(value)?;
                    if self.cursor.eat(b',') {
                        self.cursor.skip_trivia()?;
                    } else if self.cursor.peek() != Some(frame.closer()) {
                        return Err(self.cursor.unexpected(frame.expected_end()));
                    }
                }
                if self.cursor.eat(frame.closer()) {
                    finished = open.pop().map(|frame| frame.close(self.cursor.offset()));
                    continue;
                }
                if let Body::Inline { keys, .. } = &mut frame.body {
                    *keys = self.pair_keys(frame.depth)?;
                }
                break;
            }
        }
    }

    fn scalar(&mut self) -> Result<Data<'a>, Fault> {
        let cursor = &mut self.cursor;
        match cursor.peek() {
            Some(b'"' | b'\'') => string::string(cursor).map(Data::String),
            Some(b't') if cursor.is_at(b"true") => {
                cursor.skip(4);
                Ok(Data::Boolean(true))
            }
            Some(b'f') if cursor.is_at(b"false") => {
                cursor.skip(5);
                Ok(Data::Boolean(false))
            }
            Some(b'0'..=b'9') if datetime::is_datetime(cursor) => {
                datetime::datetime(cursor).map(Data::DateTime)
            }
            Some(b'0'..=b'9' | b'+' | b'-') => number::number(cursor),
            Some(b'i') if cursor.is_at(b"inf") => number::number(cursor),
            Some(b'n') if cursor.is_at(b"nan") => number::number(cursor),
            Some(byte) if byte.is_ascii_alphabetic() => {
                Err(cursor.unexpected("a value (text needs quotes)"))
            }
            _ => Err(cursor.unexpected("a value")),
        }
    }

    fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth <= self.depth_max {
            return Ok(());
        }
        Err(self.cursor.fault(ParseErrorKind::TooDeep { depth_max: self.depth_max }))
    }
}

/// An array or inline table that is still open.
struct Frame<'a> {
    start: usize,
    depth: usize,
    body: Body<'a>,
}

enum Body<'a> {
    Array(Vec<Value<'a>>),
    /// `keys` wait for the value that is being read.
    Inline {
        table: Table<'a>,
        keys: Vec<Key<'a>>,
    },
}

impl<'a> Frame<'a> {
    fn new(is_array: bool, start: usize, depth: usize) -> Self {
        let body = if is_array {
            Body::Array(Vec::new())
        } else {
            Body::Inline { table: Table::new(Origin::Inline), keys: Vec::new() }
        };
        Self { start, depth, body }
    }

    fn inner_depth(&self) -> usize {
        match &self.body {
            Body::Array(_) => self.depth + 1,
            Body::Inline { keys, .. } => self.depth + keys.len(),
        }
    }

    fn closer(&self) -> u8 {
        if matches!(self.body, Body::Array(_)) { b']' } else { b'}' }
    }

    fn expected_end(&self) -> &'static str {
        if matches!(self.body, Body::Array(_)) { "`,` or `]`" } else { "`,` or `}`" }
    }

    fn put(&mut self, value: Value<'a>) -> Result<(), Fault> {
        match &mut self.body {
            Body::Array(values) => {
                values.push(value);
                Ok(())
            }
            Body::Inline { table, keys } => build::insert(table, core::mem::take(keys), value),
        }
    }

    fn close(self, end: usize) -> Value<'a> {
        let data = match self.body {
            Body::Array(values) => Data::Array(values),
            Body::Inline { table, .. } => Data::Table(Box::new(table)),
        };
        Value::new(Span::new(self.start, end), data)
    }
}
