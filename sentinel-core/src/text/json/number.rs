//! Numbers with every digit they were written with.

use core::fmt;

/// A JSON number: the digits as they stand in the text.
///
/// Nothing is rounded until a floating-point value is asked for, so an identifier of twenty digits
/// or an amount of money survives being read and written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number<'d> {
    text: &'d str,
    is_integer: bool,
}

impl<'d> Number<'d> {
    /// A number whose `text` the parser has checked.
    pub(super) const fn new(text: &'d str, is_integer: bool) -> Self {
        Self { text, is_integer }
    }

    /// The number as it was written.
    pub const fn text(self) -> &'d str {
        self.text
    }

    /// Whether it was written without fraction and exponent. `1.0` is not an integer here.
    pub const fn is_integer(self) -> bool {
        self.is_integer
    }

    /// The exact value, if it is an integer from -2⁶³ to 2⁶³-1.
    pub fn as_i64(self) -> Option<i64> {
        if self.is_integer { self.text.parse().ok() } else { None }
    }

    /// The exact value, if it is an integer from 0 to 2⁶⁴-1.
    pub fn as_u64(self) -> Option<u64> {
        match self.text {
            "-0" => Some(0),
            text if self.is_integer => text.parse().ok(),
            _ => None,
        }
    }

    /// The nearest double; `None` if that would be infinite. This is the one place that rounds.
    pub fn as_f64(self) -> Option<f64> {
        self.text.parse().ok().filter(|value: &f64| value.is_finite())
    }
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}
