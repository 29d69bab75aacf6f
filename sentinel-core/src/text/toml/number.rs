//! Integers and floats.
//!
//! The grammar is checked first and the digits are converted after, by `core`: its conversion of
//! decimal digits to floats is exact and takes time linear in the digits.

use alloc::string::String;

use super::cursor::Cursor;
use super::error::{Fault, ParseErrorKind};
use super::value::Data;

/// Reads a number. Whatever follows it is for the caller to judge.
pub(super) fn number<'a>(cursor: &mut Cursor<'a>) -> Result<Data<'a>, Fault> {
    let start = cursor.offset();
    let is_negative = cursor.peek() == Some(b'-');
    let is_signed = is_negative || cursor.peek() == Some(b'+');
    cursor.skip(usize::from(is_signed));

    if cursor.is_at(b"inf") {
        cursor.skip(3);
        return Ok(Data::Float(if is_negative { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    if cursor.is_at(b"nan") {
        cursor.skip(3);
        return Ok(Data::Float(if is_negative { -f64::NAN } else { f64::NAN }));
    }
    let radix = match (cursor.peek(), cursor.peek_at(1)) {
        (Some(b'0'), Some(b'x')) => 16,
        (Some(b'0'), Some(b'o')) => 8,
        (Some(b'0'), Some(b'b')) => 2,
        _ => 10,
    };
    if radix != 10 {
        if is_signed {
            return Err(Fault::new(ParseErrorKind::SignedRadix, start));
        }
        cursor.skip(2);
        let expected = match radix {
            16 => "a hexadecimal digit",
            8 => "an octal digit",
            _ => "a binary digit",
        };
        let written = digits(cursor, radix, expected)?;
        return integer(written, radix, false, start);
    }

    let whole = digits(cursor, 10, "a digit")?;
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(Fault::new(ParseErrorKind::LeadingZero, start));
    }
    let has_fraction = cursor.eat(b'.');
    if has_fraction {
        digits(cursor, 10, "a digit after the decimal point")?;
    }
    let has_exponent = cursor.eat(b'e') || cursor.eat(b'E');
    if has_exponent {
        if !cursor.eat(b'+') {
            cursor.eat(b'-');
        }
        digits(cursor, 10, "a digit in the exponent")?;
    }
    if has_fraction || has_exponent {
        return float(cursor.slice(start, cursor.offset()), start);
    }
    integer(whole, 10, is_negative, start)
}

/// Moves over digits of a radix with single underscores between them.
fn digits<'a>(
    cursor: &mut Cursor<'a>,
    radix: u32,
    expected: &'static str,
) -> Result<&'a str, Fault> {
    let start = cursor.offset();
    let is_digit = |byte: u8| char::from(byte).is_digit(radix);
    loop {
        let group = cursor.take_while(is_digit);
        if group.is_empty() {
            if cursor.peek() == Some(b'_') {
                return Err(cursor.fault(ParseErrorKind::MisplacedUnderscore));
            }
            let is_after_underscore = cursor.offset() > start;
            return Err(if is_after_underscore {
                Fault::new(ParseErrorKind::MisplacedUnderscore, cursor.offset() - 1)
            } else {
                cursor.unexpected(expected)
            });
        }
        if !cursor.eat(b'_') {
            return Ok(cursor.slice(start, cursor.offset()));
        }
    }
}

fn integer<'a>(
    written: &str,
    radix: u32,
    is_negative: bool,
    start: usize,
) -> Result<Data<'a>, Fault> {
    // Counted downward, because the negative range is the larger one by one.
    let mut value = Some(0i64);
    for digit in written.chars().filter_map(|character| character.to_digit(radix)) {
        value = value
            .and_then(|value| value.checked_mul(i64::from(radix)))
            .and_then(|value| value.checked_sub(i64::from(digit)));
    }
    let value = if is_negative { value } else { value.and_then(i64::checked_neg) };
    value.map(Data::Integer).ok_or(Fault::new(ParseErrorKind::IntegerOutOfRange, start))
}

fn float<'a>(written: &str, start: usize) -> Result<Data<'a>, Fault> {
    let parsed = if written.contains('_') {
        written.chars().filter(|&character| character != '_').collect::<String>().parse::<f64>()
    } else {
        written.parse::<f64>()
    };
    // The grammar above is within what `core` reads, so the only failure left is the range.
    match parsed {
        Ok(value) if value.is_finite() => Ok(Data::Float(value)),
        _ => Err(Fault::new(ParseErrorKind::FloatOutOfRange, start)),
    }
}
