//! What a document says: tables, keys and values, each with its place in the source.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::build;
use super::datetime::DateTime;
use super::error::{Fault, ParseError, ParseErrorKind};
use super::{Limits, OwnedValue};
use crate::order::Map;
use crate::text::Span;

/// A TOML document, read and checked.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    root: Table<'a>,
}

impl<'a> Document<'a> {
    /// Reads a document under the default [`Limits`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_with(bytes, Limits::default())
    }

    /// Reads a document that is known to be UTF-8 under the default [`Limits`].
    pub fn parse_str(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_str_with(text, Limits::default())
    }

    /// Reads a document under limits of your own.
    pub fn parse_with(bytes: &'a [u8], limits: Limits) -> Result<Self, ParseError> {
        check_length(bytes, limits)?;
        let text = core::str::from_utf8(bytes).map_err(|error| {
            let fault = Fault::new(ParseErrorKind::NotUtf8, error.valid_up_to());
            ParseError::from_fault(fault, bytes)
        })?;
        Self::parse_str_with(text, limits)
    }

    /// Reads a document that is known to be UTF-8 under limits of your own.
    pub fn parse_str_with(text: &'a str, limits: Limits) -> Result<Self, ParseError> {
        check_length(text.as_bytes(), limits)?;
        let root = build::document(text, limits)
            .map_err(|fault| ParseError::from_fault(fault, text.as_bytes()))?;
        Ok(Self { root })
    }

    /// The root table.
    pub fn table(&self) -> &Table<'a> {
        &self.root
    }

    /// Everything the document says, as a value of its own.
    pub fn to_owned_value(&self) -> OwnedValue {
        self.root.to_owned_value()
    }
}

/// The limit comes before every other look at the text, so a huge input costs nothing.
fn check_length(bytes: &[u8], limits: Limits) -> Result<(), ParseError> {
    if bytes.len() <= limits.bytes_max {
        return Ok(());
    }
    let kind = ParseErrorKind::TooLong { bytes_max: limits.bytes_max };
    Err(ParseError::from_fault(Fault::new(kind, limits.bytes_max), bytes))
}

/// Keys and their values, in source order.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    entries: Vec<(Key<'a>, Value<'a>)>,
    /// Where each key stands in `entries`, once there are too many to look through.
    index: Option<Map<Cow<'a, str>, usize>>,
    pub(super) origin: Origin,
}

impl<'a> Table<'a> {
    /// Up to this many keys a look through all of them is quick enough.
    const UNINDEXED_MAX: usize = 16;

    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.entry(name).map(|(_, value)| value)
    }

    /// A key and its value.
    pub fn entry(&self, name: &str) -> Option<(&Key<'a>, &Value<'a>)> {
        self.position(name).and_then(|at| self.entries.get(at)).map(|(key, value)| (key, value))
    }

    /// All keys and values, in source order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key<'a>, &Value<'a>)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// How many keys the table has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table has no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The table as a value of its own.
    pub fn to_owned_value(&self) -> OwnedValue {
        let entry =
            |(key, value): (&Key<'a>, &Value<'a>)| (key.as_str().into(), value.to_owned_value());
        OwnedValue::Table(self.iter().map(entry).collect())
    }

    pub(super) fn new(origin: Origin) -> Self {
        Self { entries: Vec::new(), index: None, origin }
    }

    fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(key, _)| key.as_str() == name),
        }
    }

    /// The value of a key, made and added if the table has no such key, and the key's first place.
    pub(super) fn entry_or_insert_with(
        &mut self,
        key: Key<'a>,
        make: impl FnOnce() -> Value<'a>,
    ) -> (Span, &mut Value<'a>) {
        let position = match self.position(key.as_str()) {
            Some(position) => position,
            None => self.push(key, make()),
        };
        // Both ways give a position within `entries`, which never shrinks.
        let (key, value) = &mut self.entries[position];
        (key.span, value)
    }

    /// Adds a key that is not there yet and returns its position.
    pub(super) fn push(&mut self, key: Key<'a>, value: Value<'a>) -> usize {
        let position = self.entries.len();
        if let Some(index) = &mut self.index {
            index.insert(key.name.clone(), position);
        } else if position == Self::UNINDEXED_MAX {
            let names = self.entries.iter().map(|(key, _)| key.name.clone());
            let mut index: Map<_, _> = names.zip(0..).collect();
            index.insert(key.name.clone(), position);
            self.index = Some(index);
        }
        // Most tables of a hostile document hold one key; do not give each of them room for four.
        if position == 0 {
            self.entries.reserve_exact(1);
        }
        self.entries.push((key, value));
        position
    }
}

/// How a table came to be, which decides who may add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Only implied, by a header further down: `a` in `[a.b]`. May still get a header of its own.
    Implied,
    /// The root, a `[header]`, or an element of an array of tables.
    Header,
    /// By the front of a dotted key: `a` in `a.b = 1`. Complete when its section ends.
    Dotted,
    /// Braces. Complete when they close.
    Inline,
}

/// A key, as its name and where it is written.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    name: Cow<'a, str>,
    span: Span,
}

impl<'a> Key<'a> {
    /// The name, without quotes and escapes.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Where it is written, quotes included. Of a key written several times, as the fronts of
    /// dotted keys are, the first place.
    pub fn span(&self) -> Span {
        self.span
    }

    pub(super) fn new(name: Cow<'a, str>, span: Span) -> Self {
        Self { name, span }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    span: Span,
    pub(super) data: Data<'a>,
}

/// What a value is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Data<'a> {
    /// Text.
    String(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A floating-point number, infinity or not-a-number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a time, or both.
    DateTime(DateTime),
    /// Values in brackets.
    Array(Vec<Value<'a>>),
    /// Tables written as `[[header]]` sections. Each value is a table.
    ArrayOfTables(Vec<Value<'a>>),
    /// Keys and values.
    Table(Box<Table<'a>>),
}

impl<'a> Value<'a> {
    /// What it is, to match on.
    pub fn data(&self) -> &Data<'a> {
        &self.data
    }

    /// Where it is written. A table with a header has the header as its place, a table that is only
    /// implied the key that implies it, and an array of tables its first header.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The name of its type, for diagnostics.
    pub fn type_name(&self) -> &'static str {
        match &self.data {
            Data::String(_) => "string",
            Data::Integer(_) => "integer",
            Data::Float(_) => "float",
            Data::Boolean(_) => "boolean",
            Data::DateTime(datetime) => datetime.type_name(),
            Data::Array(_) => "array",
            Data::ArrayOfTables(_) => "array of tables",
            Data::Table(_) => "table",
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Data::String(text) = &self.data { Some(text) } else { None }
    }

    /// The number, if it is an integer.
    pub fn as_i64(&self) -> Option<i64> {
        if let Data::Integer(number) = self.data { Some(number) } else { None }
    }

    /// The number, if it is a float. An integer is none: TOML tells them apart, so we do.
    pub fn as_f64(&self) -> Option<f64> {
        if let Data::Float(number) = self.data { Some(number) } else { None }
    }

    /// The truth, if it is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        if let Data::Boolean(truth) = self.data { Some(truth) } else { None }
    }

    /// The date and time, if it is of one of the four kinds.
    pub fn as_datetime(&self) -> Option<DateTime> {
        if let Data::DateTime(datetime) = self.data { Some(datetime) } else { None }
    }

    /// The elements, if it is an array or an array of tables.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match &self.data {
            Data::Array(values) | Data::ArrayOfTables(values) => Some(values),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn as_table(&self) -> Option<&Table<'a>> {
        if let Data::Table(table) = &self.data { Some(table) } else { None }
    }

    /// The value of a key, if it is a table that has it.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.as_table()?.get(name)
    }

    /// The same as a value of its own, which no longer needs the source.
    pub fn to_owned_value(&self) -> OwnedValue {
        match &self.data {
            Data::String(text) => OwnedValue::String(text.as_ref().into()),
            Data::Integer(number) => OwnedValue::Integer(*number),
            Data::Float(number) => OwnedValue::Float(*number),
            Data::Boolean(truth) => OwnedValue::Boolean(*truth),
            Data::DateTime(datetime) => OwnedValue::DateTime(*datetime),
            Data::Array(values) | Data::ArrayOfTables(values) => {
                OwnedValue::Array(values.iter().map(Value::to_owned_value).collect())
            }
            Data::Table(table) => table.to_owned_value(),
        }
    }

    pub(super) fn new(span: Span, data: Data<'a>) -> Self {
        Self { span, data }
    }

    pub(super) fn set_span(&mut self, span: Span) {
        self.span = span;
    }
}

#[cfg(test)]
mod tests;
