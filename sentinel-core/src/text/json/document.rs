//! A parsed text, and walking it.

use core::fmt;

use super::access::{AccessError, AccessProblem};
use super::error::{Expected, Failure, ParseError, ParseErrorKind};
use super::nodes::{Node, NodeKind, Nodes};
use super::number::Number;
use super::parse;
use super::{DuplicateKeys, Options};
use crate::text::{Position, Span};

/// A JSON text and what it says. Borrows the text.
#[derive(Clone)]
pub struct Document<'a> {
    text: &'a str,
    nodes: Nodes,
    duplicate_keys: DuplicateKeys,
}

impl<'a> Document<'a> {
    pub(super) fn parse(bytes: &'a [u8], options: Options) -> Result<Self, ParseError> {
        let limit = options.bytes_limit();
        if bytes.len() > limit {
            let failure = Failure::new(ParseErrorKind::TooLarge { limit }, limit);
            return Err(failure.locate(bytes));
        }
        match core::str::from_utf8(bytes) {
            Ok(text) => {
                let nodes =
                    parse::parse(text, &options).map_err(|failure| failure.locate(bytes))?;
                Ok(Self { text, nodes, duplicate_keys: options.duplicate_keys })
            }
            Err(_) => Err(Self::error_before_broken_utf8(bytes, &options).locate(bytes)),
        }
    }

    /// What is wrong with a text that is not UTF-8: its syntax may be broken earlier.
    #[cold]
    fn error_before_broken_utf8(bytes: &[u8], options: &Options) -> Failure {
        let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let broken = Failure::new(ParseErrorKind::InvalidUtf8, valid.len());
        match parse::parse(valid, options) {
            Err(failure) if failure.offset < valid.len() => failure,
            // Outside a string a byte that is not ASCII is wrong whatever follows it.
            Err(Failure { kind: super::error::FailureKind::Plain(kind), .. }) => match kind {
                ParseErrorKind::UnexpectedEnd { expected: Expected::StringEnd } => broken,
                ParseErrorKind::UnexpectedEnd { expected } => {
                    Failure::expected(expected, bytes.get(valid.len()).copied(), valid.len())
                }
                _ => broken,
            },
            Err(_) => broken,
            Ok(_) => {
                Failure::expected(Expected::EndOfText, bytes.get(valid.len()).copied(), valid.len())
            }
        }
    }

    /// The value that the text is.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, index: 0 }
    }

    /// The text that was parsed.
    pub fn text(&self) -> &'a str {
        self.text
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Document").field(&self.text).finish()
    }
}

/// What a [`Value`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of RFC 8259")]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// One value of a [`Document`]. Copying it copies a reference.
///
/// The methods that may miss give an [`AccessError`] that says which path was missing or of another
/// type; [`find`](Self::find) is for members that need not be there.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

impl<'d> Value<'d> {
    /// What it is.
    pub fn kind(self) -> Kind {
        match self.node().kind {
            NodeKind::Null => Kind::Null,
            NodeKind::False | NodeKind::True => Kind::Bool,
            NodeKind::Integer | NodeKind::Decimal => Kind::Number,
            NodeKind::Plain | NodeKind::Escaped => Kind::String,
            NodeKind::Array => Kind::Array,
            NodeKind::Object => Kind::Object,
        }
    }

    /// The member of this object with the given key.
    ///
    /// Takes time linear in the members; whoever needs all of them reads
    /// [`members`](Self::members).
    pub fn get(self, key: &str) -> Result<Value<'d>, AccessError> {
        if self.kind() != Kind::Object {
            return Err(AccessError::wrong_kind(self, "an object"));
        }
        self.find(key).ok_or_else(|| AccessError::new(self, AccessProblem::NoMember(key.into())))
    }

    /// The member of this object with the given key, if this is an object and has one.
    pub fn find(self, key: &str) -> Option<Value<'d>> {
        let mut members = Members::of(self)?.filter(|(name, _)| *name == key);
        match self.document.duplicate_keys {
            DuplicateKeys::Refuse | DuplicateKeys::KeepFirst => members.next(),
            DuplicateKeys::KeepLast => members.last(),
        }
        .map(|(_, value)| value)
    }

    /// The element of this array at the given place, counted from 0.
    ///
    /// Takes time linear in `index`; whoever needs all of them reads [`elements`](Self::elements).
    pub fn index(self, index: usize) -> Result<Value<'d>, AccessError> {
        let mut elements = self.elements()?;
        elements.nth(index).ok_or_else(|| {
            let length = Elements::of(self).map_or(0, Iterator::count);
            AccessError::new(self, AccessProblem::NoElement { index, length })
        })
    }

    /// The elements of this array, in order.
    pub fn elements(self) -> Result<Elements<'d>, AccessError> {
        Elements::of(self).ok_or_else(|| AccessError::wrong_kind(self, "an array"))
    }

    /// The members of this object, in the order of the text.
    pub fn members(self) -> Result<Members<'d>, AccessError> {
        Members::of(self).ok_or_else(|| AccessError::wrong_kind(self, "an object"))
    }

    /// The string, its escapes decoded.
    pub fn as_str(self) -> Result<&'d str, AccessError> {
        self.string().ok_or_else(|| AccessError::wrong_kind(self, "a string"))
    }

    /// The boolean.
    pub fn as_bool(self) -> Result<bool, AccessError> {
        match self.node().kind {
            NodeKind::True => Ok(true),
            NodeKind::False => Ok(false),
            _ => Err(AccessError::wrong_kind(self, "a boolean")),
        }
    }

    /// The number, with every digit it was written with.
    pub fn as_number(self) -> Result<Number<'d>, AccessError> {
        self.number().ok_or_else(|| AccessError::wrong_kind(self, "a number"))
    }

    /// The exact integer. A number with a fraction, an exponent or too many digits is refused.
    pub fn as_i64(self) -> Result<i64, AccessError> {
        let value = self.number().and_then(Number::as_i64);
        value.ok_or_else(|| AccessError::wrong_kind(self, "an integer from -2^63 to 2^63-1"))
    }

    /// The exact integer. A number with a sign, a fraction, an exponent or too many digits is
    /// refused.
    pub fn as_u64(self) -> Result<u64, AccessError> {
        let value = self.number().and_then(Number::as_u64);
        value.ok_or_else(|| AccessError::wrong_kind(self, "an integer from 0 to 2^64-1"))
    }

    /// The nearest double. A number beyond the largest finite one is refused.
    pub fn as_f64(self) -> Result<f64, AccessError> {
        let value = self.number().and_then(Number::as_f64);
        value.ok_or_else(|| AccessError::wrong_kind(self, "a number in the range of a double"))
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.node().kind == NodeKind::Null
    }

    /// The value as it stands in the text.
    pub fn source(self) -> &'d str {
        &self.document.text[self.span().range()]
    }

    /// Where the value stands in the text.
    pub fn span(self) -> Span {
        let node = self.node();
        let quote = usize::from(matches!(node.kind, NodeKind::Plain | NodeKind::Escaped));
        Span::new(node.start as usize - quote, node.end as usize + quote)
    }

    /// Line and column of the value. Reads the text from its start.
    pub fn position(self) -> Position {
        Position::locate(self.document.text.as_bytes(), self.span().start)
    }

    fn node(self) -> &'d Node {
        &self.document.nodes.list[self.index]
    }

    /// The string, if it is one.
    pub(super) fn string(self) -> Option<&'d str> {
        let node = self.node();
        matches!(node.kind, NodeKind::Plain | NodeKind::Escaped)
            .then(|| self.document.nodes.string(self.document.text, node))
    }

    /// The number, if it is one.
    pub(super) fn number(self) -> Option<Number<'d>> {
        let node = self.node();
        let is_integer = match node.kind {
            NodeKind::Integer => true,
            NodeKind::Decimal => false,
            _ => return None,
        };
        let text = &self.document.text[node.start as usize..node.end as usize];
        Some(Number::new(text, is_integer))
    }

    /// The values on the way from the root to this one, the root first, this one last.
    pub(super) fn ancestors(self) -> impl Iterator<Item = Value<'d>> {
        let is_on_the_way = move |value: &Value<'d>| {
            (value.index..value.document.nodes.after(value.index)).contains(&self.index)
        };
        core::iter::successors(Some(self.document.root()), move |parent| {
            if parent.index == self.index {
                return None;
            }
            match Members::of(*parent) {
                Some(members) => members.map(|(_, value)| value).find(is_on_the_way),
                None => Elements::of(*parent)?.find(is_on_the_way),
            }
        })
    }

    /// The nodes of this value and all it contains, in the order of the text, with their indices.
    pub(super) fn nodes(self) -> impl Iterator<Item = (usize, &'d Node)> {
        let nodes = &self.document.nodes;
        (self.index..nodes.after(self.index)).zip(&nodes.list[self.index..])
    }

    /// Whether both are the same place of the same document.
    pub(super) fn is_same_place(self, other: Self) -> bool {
        self.index == other.index
    }

    /// The text of the whole document.
    pub(super) fn document_text(self) -> &'d str {
        self.document.text
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.source())
    }
}

/// The elements of an array, in order.
#[derive(Clone, Debug)]
pub struct Elements<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Elements<'d> {
    pub(super) fn of(array: Value<'d>) -> Option<Self> {
        let node = array.node();
        let (next, end) = (array.index + 1, node.link as usize);
        (node.kind == NodeKind::Array).then_some(Self { document: array.document, next, end })
    }
}

impl<'d> Iterator for Elements<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        let index = self.next;
        if index >= self.end {
            return None;
        }
        self.next = self.document.nodes.after(index);
        Some(Value { document: self.document, index })
    }
}

/// The members of an object, key and value, in the order of the text.
#[derive(Clone, Debug)]
pub struct Members<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Members<'d> {
    pub(super) fn of(object: Value<'d>) -> Option<Self> {
        let node = object.node();
        let (next, end) = (object.index + 1, node.link as usize);
        (node.kind == NodeKind::Object).then_some(Self { document: object.document, next, end })
    }
}

impl<'d> Iterator for Members<'d> {
    type Item = (&'d str, Value<'d>);

    fn next(&mut self) -> Option<(&'d str, Value<'d>)> {
        let key = self.next;
        if key >= self.end {
            return None;
        }
        let nodes = &self.document.nodes;
        self.next = nodes.after(key + 1);
        let name = nodes.string(self.document.text, &nodes.list[key]);
        Some((name, Value { document: self.document, index: key + 1 }))
    }
}
