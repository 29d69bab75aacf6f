//! Values of their own, to write into a document.
//!
//! What is written reads back as the same value: strings are quoted so that every character
//! survives, floats keep every bit but those of a not-a-number. Only forms TOML 1.0 knows are
//! written, so older readers of the same file keep working.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::datetime::DateTime;
use super::string::is_bare;
use super::value::{Data, Value};

/// A value that needs no source. Displayed as TOML, tables inline.
///
/// ```
/// use sentinel_core::text::toml::OwnedValue;
///
/// let value = OwnedValue::from([
///     ("hosts", OwnedValue::from(["a.example", r"\\share"])),
///     ("two words", OwnedValue::from(1.0)),
/// ]);
/// assert_eq!(
///     value.to_string(),
///     r#"{ hosts = ["a.example", '\\share'], "two words" = 1.0 }"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A floating-point number, infinity or not-a-number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a time, or both.
    DateTime(DateTime),
    /// Values in order.
    Array(Vec<OwnedValue>),
    /// Keys and values. A key that occurs twice makes it unwritable.
    Table(Vec<(String, OwnedValue)>),
}

impl OwnedValue {
    /// Whether containers stand deeper in it than `depth_max`. Looks no deeper than that itself.
    pub(super) fn is_deeper_than(&self, depth_max: usize) -> bool {
        let Some(rest) = depth_max.checked_sub(1) else {
            return matches!(self, Self::Array(_) | Self::Table(_));
        };
        match self {
            Self::Array(values) => values.iter().any(|value| value.is_deeper_than(rest)),
            Self::Table(entries) => entries.iter().any(|(_, value)| value.is_deeper_than(rest)),
            _ => false,
        }
    }

    /// Whether a parsed value is this one. Tables compare without order, and any not-a-number is
    /// the same as any other.
    pub(super) fn is_read_as(&self, value: &Value<'_>) -> bool {
        match (self, value.data()) {
            (Self::String(ours), Data::String(theirs)) => ours == theirs,
            (Self::Integer(ours), Data::Integer(theirs)) => ours == theirs,
            (Self::Float(ours), Data::Float(theirs)) => is_same_float(*ours, *theirs),
            (Self::Boolean(ours), Data::Boolean(theirs)) => ours == theirs,
            (Self::DateTime(ours), Data::DateTime(theirs)) => ours == theirs,
            (Self::Array(ours), Data::Array(theirs) | Data::ArrayOfTables(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(ours, theirs)| ours.is_read_as(theirs))
            }
            (Self::Table(ours), Data::Table(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().all(|(key, ours)| {
                        theirs.get(key).is_some_and(|theirs| ours.is_read_as(theirs))
                    })
            }
            _ => false,
        }
    }
}

/// Whether two floats are the same value to a reader: bit by bit, and any not-a-number like
/// another.
pub(super) fn is_same_float(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan())
}

impl fmt::Display for OwnedValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(formatter, "{}", Quoted(text)),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Float(number) if number.is_nan() => formatter.write_str("nan"),
            // The debug form always has a point or an exponent, so it never reads as an integer.
            Self::Float(number) => write!(formatter, "{number:?}"),
            Self::Boolean(truth) => write!(formatter, "{truth}"),
            Self::DateTime(datetime) => write!(formatter, "{datetime}"),
            Self::Array(values) => {
                formatter.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    formatter.write_str(if index == 0 { "" } else { ", " })?;
                    write!(formatter, "{value}")?;
                }
                formatter.write_char(']')
            }
            Self::Table(entries) if entries.is_empty() => formatter.write_str("{}"),
            Self::Table(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    let before = if index == 0 { "{ " } else { ", " };
                    write!(formatter, "{before}{} = {value}", KeyName(key))?;
                }
                formatter.write_str(" }")
            }
        }
    }
}

impl From<&str> for OwnedValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for OwnedValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for OwnedValue {
            fn from(number: $integer) -> Self {
                Self::Integer(number.into())
            }
        }
    )*};
}

from_integers!(i64, i32, u32, u16);

impl From<f64> for OwnedValue {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for OwnedValue {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<DateTime> for OwnedValue {
    fn from(datetime: DateTime) -> Self {
        Self::DateTime(datetime)
    }
}

impl<V: Into<OwnedValue>> From<Vec<V>> for OwnedValue {
    fn from(values: Vec<V>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<const N: usize> From<[&str; N]> for OwnedValue {
    fn from(values: [&str; N]) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, const N: usize> From<[(K, OwnedValue); N]> for OwnedValue {
    fn from(entries: [(K, OwnedValue); N]) -> Self {
        Self::Table(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

/// A key as it is written: bare where that is possible.
pub(super) struct KeyName<'a>(pub(super) &'a str);

impl fmt::Display for KeyName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.bytes().all(is_bare) {
            return formatter.write_str(self.0);
        }
        write!(formatter, "{}", Quoted(self.0))
    }
}

/// Text as it is written on one line: in single quotes when that spares escapes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        let has_escape = text.contains(['"', '\\']);
        if has_escape
            && !text.contains(|character: char| character == '\'' || character.is_control())
        {
            return write!(formatter, "'{text}'");
        }
        formatter.write_char('"')?;
        for character in text.chars() {
            match character {
                '"' => formatter.write_str("\\\"")?,
                '\\' => formatter.write_str("\\\\")?,
                '\n' => formatter.write_str("\\n")?,
                '\r' => formatter.write_str("\\r")?,
                '\t' => formatter.write_str("\\t")?,
                _ if character.is_control() => {
                    write!(formatter, "\\u{:04X}", u32::from(character))?;
                }
                _ => formatter.write_char(character)?,
            }
        }
        formatter.write_char('"')
    }
}

#[cfg(test)]
mod tests;
