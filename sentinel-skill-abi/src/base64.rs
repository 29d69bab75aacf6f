//! Base64 (RFC 4648 §4): bytes that may be anything, in a line of text.
//!
//! # Invariants
//! - One spelling: padding is there, and bits that mean nothing are zero.
//!
//! # Not here
//! Secrets: how long this takes depends on what is read.

use crate::json::Text;

/// The four letters of at most three bytes.
pub(crate) fn quartet(bytes: &[u8]) -> [u8; 4] {
    let at = |index: usize| u32::from(bytes.get(index).copied().unwrap_or_default());
    let bits = at(0) << 16 | at(1) << 8 | at(2);
    let letter = |index: usize| {
        let number = (bits >> (18 - 6 * index) & 63) as usize;
        let letter = LETTERS.get(number).copied().unwrap_or_default();
        if index <= bytes.len() { letter } else { b'=' }
    };
    [letter(0), letter(1), letter(2), letter(3)]
}

/// The bytes of a text in Base64, in the room there is, and how many they are.
pub(crate) fn read(text: Text<'_>, room: &mut [u8]) -> Option<usize> {
    let (mut bits, mut count, mut padding, mut length) = (0_u32, 0_u32, 0, 0);
    for character in text.chars() {
        count += 1;
        if character == '=' {
            padding += 1;
            bits <<= 6;
        } else {
            if padding > 0 {
                return None;
            }
            bits = bits << 6 | number(character)?;
        }
        if !count.is_multiple_of(4) {
            continue;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (whole, rest) = bytes.split_at_checked(3_usize.checked_sub(padding)?)?;
        if whole.is_empty() || rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        room.get_mut(length..length + whole.len())?.copy_from_slice(whole);
        length += whole.len();
        bits = 0;
    }
    (count.is_multiple_of(4) && padding < 3).then_some(length)
}

fn number(letter: char) -> Option<u32> {
    Some(match letter {
        'A'..='Z' => u32::from(letter) - u32::from('A'),
        'a'..='z' => u32::from(letter) - u32::from('a') + 26,
        '0'..='9' => u32::from(letter) - u32::from('0') + 52,
        '+' => 62,
        '/' => 63,
        _ => return None,
    })
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// The vectors of RFC 4648 §10.
    #[test]
    fn it_is_the_base64_of_everybody() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut room = [0; 8];
            assert_eq!(read(Text::Plain(text), &mut room), Some(bytes.len()));
            assert_eq!(&room[..bytes.len()], bytes.as_bytes());
            let written: Vec<u8> = bytes.as_bytes().chunks(3).flat_map(quartet).collect();
            assert_eq!(written, text.as_bytes());
        }
    }

    #[test]
    fn another_spelling_is_refused() {
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zg==Zg==", "Zm9v!", "Zm 9v"] {
            assert_eq!(read(Text::Plain(text), &mut [0; 8]), None, "{text}");
        }
        assert_eq!(read(Text::Plain("Zm9vYg=="), &mut [0; 3]), None);
    }
}
