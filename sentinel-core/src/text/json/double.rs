//! Doubles as ECMAScript writes them: the shortest digits that read back as the same double.
//!
//! RFC 8785 asks for this form, and it is valid JSON, so the writer uses it too.

use alloc::string::String;
use core::fmt::{self, Write as _};

use super::write::{Sink, write_digits};

/// Writes a double as ECMAScript's `Number::toString` does, or `null` if it is not finite.
pub(super) fn write_double<S: Sink>(out: &mut S, value: f64) {
    if !value.is_finite() {
        return out.push_str("null");
    }
    if value == 0.0 {
        return out.push_str("0");
    }
    if value.is_sign_negative() {
        out.push_str("-");
    }
    let Digits { digits, length, point } = Digits::shortest(value.abs());
    let digits = core::str::from_utf8(&digits[..length]).unwrap_or_default();
    let count = length as i32;
    let zeros = |out: &mut S, count: i32| (0..count).for_each(|_| out.push_str("0"));
    // The five cases of ECMA-262 §6.1.6.1.20; `point` is its n, `count` its k.
    if (count..=21).contains(&point) {
        out.push_str(digits);
        zeros(out, point - count);
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(point as usize);
        out.push_str(whole);
        out.push_str(".");
        out.push_str(fraction);
    } else if (-5..=0).contains(&point) {
        out.push_str("0.");
        zeros(out, -point);
        out.push_str(digits);
    } else {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push_str(".");
            out.push_str(rest);
        }
        out.push_str(if point > 0 { "e+" } else { "e-" });
        write_digits(out, u64::from((point - 1).unsigned_abs()));
    }
}

/// The shortest decimal digits that read back as a double: 0.d₁d₂… × 10^`point`.
struct Digits {
    /// A double needs 17 digits at most.
    digits: [u8; 17],
    length: usize,
    point: i32,
}

impl Digits {
    /// Of a positive, finite double. The digits are those of the standard library's formatting.
    fn shortest(value: f64) -> Self {
        // Formatting to memory cannot fail.
        let mut shortest = Collector::default();
        let _ = write!(shortest, "{value:e}");
        // Where two shortest texts are equally near, the library takes the greater and ECMAScript
        // the even one. That needs digits closer together than doubles: sixteen of them or
        // more.
        if shortest.length >= 16 {
            let mut nearest = String::new();
            let _ = write!(nearest, "{value:.*e}", shortest.length - 1);
            if nearest.parse() == Ok(value) {
                let mut even = Collector::default();
                let _ = even.write_str(&nearest);
                return even.digits();
            }
        }
        shortest.digits()
    }
}

/// Picks digits and exponent out of `d.ddde-x` as it is formatted.
#[derive(Default)]
struct Collector {
    digits: [u8; 17],
    length: usize,
    /// Whether the `e` was seen; digits after it belong to the exponent.
    in_exponent: bool,
    is_negative: bool,
    magnitude: i32,
}

impl Collector {
    fn digits(self) -> Digits {
        let exponent = if self.is_negative { -self.magnitude } else { self.magnitude };
        Digits { digits: self.digits, length: self.length, point: exponent + 1 }
    }
}

impl fmt::Write for Collector {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'e' => self.in_exponent = true,
                b'-' => self.is_negative = true,
                b'0'..=b'9' if self.in_exponent => {
                    self.magnitude = self.magnitude * 10 + i32::from(byte - b'0');
                }
                b'0'..=b'9' => {
                    if let Some(digit) = self.digits.get_mut(self.length) {
                        *digit = byte;
                        self.length += 1;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
