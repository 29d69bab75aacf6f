//! The canonical form of RFC 8785: one text for each value, so that equal values hash alike.
//!
//! Members are sorted by their keys, strings carry only the escapes they must, and numbers are
//! written as ECMAScript writes the double they denote.
//!
//! That last rule maps 9007199254740993 and 9007199254740992 to the same text. Where a person
//! approves the hash of a call, that is a way to approve one call and run another, so
//! [`Numbers::Exact`] refuses a number that the form would change.
//!
//! # Invariants
//! - Two documents have the same canonical form exactly if they denote the same value.
//! - The canonical form of a canonical form is itself.

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::fmt;

use super::document::{Elements, Members, Value};
use super::double::write_double;
use super::number::Number;
use super::write::write_string;
use crate::order;
use crate::text::Position;

/// What happens to a number whose decimal value no double has, and so no canonical form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// It is refused. `0.1` is fine: the shortest text of its double is `0.1` again.
    #[default]
    Exact,
    /// It is rounded to the nearest double, as RFC 8785 has it.
    Round,
}

/// Why a value has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CanonicalError {
    /// A key stands twice in one object.
    DuplicateKey(Position),
    /// A number is too large for a double.
    NumberTooLarge(Position),
    /// The canonical form would change the value of a number: see [`Numbers::Exact`].
    NumberNotExact(Position),
}

impl fmt::Display for CanonicalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateKey(position) => {
                write!(formatter, "{position}: the key stands twice in its object")
            }
            Self::NumberTooLarge(position) => {
                write!(formatter, "{position}: the number is too large for a double")
            }
            Self::NumberNotExact(position) => write!(
                formatter,
                "{position}: the number has more digits than a double keeps; write it as a string"
            ),
        }
    }
}

impl core::error::Error for CanonicalError {}

impl Value<'_> {
    /// The canonical form of this value by RFC 8785.
    ///
    /// ```
    /// use sentinel_core::text::json::{self, Numbers};
    ///
    /// let call = json::parse(br#"{"to": "ops", "cc": [], "limit": 1.50e1}"#)?;
    /// assert_eq!(call.root().canonical(Numbers::Exact)?, r#"{"cc":[],"limit":15,"to":"ops"}"#);
    ///
    /// let odd = json::parse(b"[9007199254740993]")?;
    /// assert!(odd.root().canonical(Numbers::Exact).is_err());
    /// assert_eq!(odd.root().canonical(Numbers::Round)?, "[9007199254740992]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn canonical(self, numbers: Numbers) -> Result<String, CanonicalError> {
        let mut out = String::new();
        let mut open: Vec<Rest<'_>> = Vec::new();
        let mut next = Some(self);
        loop {
            if let Some(value) = next.take() {
                if let Some(members) = Members::of(value) {
                    open.push(Rest::members(members, &mut out)?);
                } else if let Some(elements) = Elements::of(value) {
                    out.push('[');
                    open.push(Rest::Elements { elements, is_first: true });
                } else {
                    write_single(&mut out, value, numbers)?;
                }
            }
            let Some(container) = open.last_mut() else { return Ok(out) };
            match container.step(&mut out) {
                Some(value) => next = Some(value),
                None => drop(open.pop()),
            }
        }
    }
}

/// What is still to be written of a container.
enum Rest<'d> {
    Members { sorted: vec::IntoIter<(&'d str, Value<'d>)>, is_first: bool },
    Elements { elements: Elements<'d>, is_first: bool },
}

impl<'d> Rest<'d> {
    fn members(members: Members<'d>, out: &mut String) -> Result<Self, CanonicalError> {
        let mut sorted: Vec<_> = members.collect();
        // RFC 8785 §3.2.3 sorts by UTF-16 code units, which differs from the order of characters
        // where a surrogate pair meets U+E000 and above.
        order::sort_by(&mut sorted, |(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(CanonicalError::DuplicateKey(pair[1].1.position()));
        }
        out.push('{');
        Ok(Self::Members { sorted: sorted.into_iter(), is_first: true })
    }

    /// Writes what stands before the next value and returns it, or closes the container.
    fn step(&mut self, out: &mut String) -> Option<Value<'d>> {
        match self {
            Self::Members { sorted, is_first } => {
                let Some((key, value)) = sorted.next() else {
                    out.push('}');
                    return None;
                };
                if !core::mem::take(is_first) {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                Some(value)
            }
            Self::Elements { elements, is_first } => {
                let Some(value) = elements.next() else {
                    out.push(']');
                    return None;
                };
                if !core::mem::take(is_first) {
                    out.push(',');
                }
                Some(value)
            }
        }
    }
}

fn write_single(
    out: &mut String,
    value: Value<'_>,
    numbers: Numbers,
) -> Result<(), CanonicalError> {
    if let Some(text) = value.string() {
        write_string(out, text);
    } else if let Some(number) = value.number() {
        let Some(double) = number.as_f64() else {
            return Err(CanonicalError::NumberTooLarge(value.position()));
        };
        if numbers == Numbers::Exact && !is_exact(number, double) {
            return Err(CanonicalError::NumberNotExact(value.position()));
        }
        write_double(out, double);
    } else {
        out.push_str(value.source());
    }
    Ok(())
}

/// Whether the shortest digits of `double` have the same decimal value as `number`.
fn is_exact(number: Number<'_>, double: f64) -> bool {
    let mut shortest = String::new();
    write_double(&mut shortest, double);
    Decimal::read(number.text()) == Decimal::read(&shortest)
}

/// A decimal value in the one form that equal values share: 0.d₁d₂… × 10^`exponent`, d₁ not zero.
#[derive(Debug)]
struct Decimal<'t> {
    is_negative: bool,
    /// The digits with a point somewhere among them, without zeros at either end.
    digits: &'t str,
    exponent: i64,
}

impl<'t> Decimal<'t> {
    fn read(text: &'t str) -> Self {
        let (is_negative, text) =
            text.strip_prefix('-').map_or((false, text), |magnitude| (true, magnitude));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        // An exponent past 64 bits belongs to a zero or to a number that is no double; in a zero it
        // is forgotten below.
        let exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
        let point = mantissa.find('.').unwrap_or(mantissa.len());
        let leading = mantissa.len() - mantissa.trim_start_matches(['0', '.']).len();
        let digits = mantissa.trim_matches(['0', '.']);
        if digits.is_empty() {
            return Self { is_negative: false, digits, exponent: 0 };
        }
        // The point stands `point` digits after the start; zeros skipped before it bring it nearer,
        // zeros skipped after it (one character past the point itself) push it away.
        let shift = point as i64 - leading as i64 + i64::from(leading > point);
        Self { is_negative, digits, exponent: exponent.saturating_add(shift) }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits.bytes().filter(|&byte| byte != b'.')
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_negative == other.is_negative
            && self.exponent == other.exponent
            && self.digits().eq(other.digits())
    }
}
