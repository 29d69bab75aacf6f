//! Base64: bytes as letters (RFC 4648 §4), one spelling for each.
//!
//! # Invariants
//! - What is written is read back, and nothing else is read: no line breaks, no missing padding, no
//!   stray bits behind the last byte.
//!
//! # Not here
//! Secrets. Looking letters up takes a time that depends on them, so keys are written and read by
//! the journal's own crate.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Writes bytes with padding.
///
/// ```
/// use sentinel_core::text::base64;
///
/// assert_eq!(base64::encode(b"foob"), "Zm9vYg==");
/// ```
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        let [a, b, c] = three;
        let sextets = [a >> 2, (a << 4 | b >> 4) & 63, (b << 2 | c >> 6) & 63, c & 63];
        for (index, sextet) in sextets.into_iter().enumerate() {
            let letter = ALPHABET.get(usize::from(sextet)).filter(|_| index <= chunk.len());
            text.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

/// Reads what [`encode`] wrote, and nothing else.
///
/// ```
/// use sentinel_core::text::base64;
///
/// assert_eq!(base64::decode("Zm9vYg==")?, b"foob");
/// assert!(base64::decode("Zm9vYh==").is_err(), "bits behind the last byte");
/// # Ok::<(), base64::Base64Error>(())
/// ```
///
/// # Errors
/// [`Base64Error`], with the place.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    let letters = text.trim_end_matches('=');
    let padding = text.len() - letters.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return Err(Base64Error { offset: letters.len() });
    }
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    for (index, chunk) in letters.as_bytes().chunks(4).enumerate() {
        let mut bits = 0_u32;
        for (place, letter) in chunk.iter().enumerate() {
            let offset = index * 4 + place;
            bits = bits << 6 | u32::from(sextet(*letter).ok_or(Base64Error { offset })?);
        }
        bits <<= 6 * (4 - chunk.len());
        let [_, three @ ..] = bits.to_be_bytes();
        let (whole, rest) = three.split_at(chunk.len().saturating_sub(1).min(3));
        if rest.iter().any(|byte| *byte != 0) {
            return Err(Base64Error { offset: letters.len().saturating_sub(1) });
        }
        bytes.extend_from_slice(whole);
    }
    Ok(bytes)
}

/// A text that is not Base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Base64Error {
    /// Where, in bytes of the text.
    pub offset: usize,
}

impl fmt::Display for Base64Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "not Base64 with padding, at byte {}", self.offset)
    }
}

impl core::error::Error for Base64Error {}

fn sextet(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use arbtest::arbtest;

    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn the_examples_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (text, offset) in [
            ("Zg", 2),
            ("Zg=", 2),
            ("Z===", 1),
            ("====", 0),
            ("Zh==", 1),
            ("Zm9=", 2),
            ("Zg==\n", 5),
            ("Zm9v\n===", 5),
            ("Z=9v", 1),
            ("Zm-_", 2),
            ("Zm9v Zg=", 4),
            ("äöüß", 0),
        ] {
            assert_eq!(decode(text), Err(Base64Error { offset }), "{text:?}");
        }
        assert_eq!(decode("?").unwrap_err().to_string(), "not Base64 with padding, at byte 1");
    }

    #[test]
    fn what_is_written_is_read_and_what_is_read_was_written() {
        arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
            let text: String = u.arbitrary()?;
            if let Ok(bytes) = decode(&text) {
                assert_eq!(encode(&bytes), text);
            }
            Ok(())
        });
    }
}
