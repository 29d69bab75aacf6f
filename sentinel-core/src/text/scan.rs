//! Finding the next interesting byte, eight at a time.
//!
//! Most bytes of a text mean nothing to its parser: they lie inside a string or a line. These
//! searches step over them a machine word at a time, in safe code and without instructions that
//! only some processors have.
//!
//! # Invariants
//! - A search reads each byte once and returns the offset of the *first* match at or after its
//!   start.
//!
//! # Not here
//! What the byte means.

/// One in every byte.
const ONES: u64 = u64::from_le_bytes([0x01; 8]);
/// The top bit of every byte.
const TOPS: u64 = u64::from_le_bytes([0x80; 8]);

/// How many bytes are tested at once where long stretches without a match are the rule.
const BLOCK_BYTES: usize = 32;

/// Marks (top bit set) the bytes of `word` that are zero.
///
/// A byte above a true match may be marked wrongly, because the subtraction borrows upward. The
/// lowest mark is always true, and it is the only one that the searches below look at.
#[inline(always)]
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

/// Marks the bytes of `word` that equal `byte`, with the caution of [`zero_bytes`].
#[inline(always)]
const fn equal_bytes(word: u64, byte: u8) -> u64 {
    zero_bytes(word ^ (ONES * byte as u64))
}

/// Marks the bytes of `word` that are smaller than `bound`, at most 128, with the same caution.
#[inline(always)]
const fn smaller_bytes(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * bound as u64) & !word & TOPS
}

/// The first offset at or after `start` whose byte is marked by `in_word`, or the length of
/// `bytes`.
///
/// `in_byte` says the same of a single byte, for the tail that fills no word.
#[inline(always)]
fn find(
    bytes: &[u8],
    start: usize,
    in_word: impl Fn(u64) -> u64,
    in_byte: impl Fn(u8) -> bool,
) -> usize {
    let mut rest = bytes.get(start..).unwrap_or_default();
    let mut offset = start;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let marks = in_word(u64::from_le_bytes(*word));
        if marks != 0 {
            return offset + (marks.trailing_zeros() / 8) as usize;
        }
        offset += 8;
        rest = tail;
    }
    rest.iter().position(|&byte| in_byte(byte)).map_or(bytes.len().max(start), |at| offset + at)
}

/// The first byte that cannot stand as itself inside a JSON string: a quote, a backslash or a
/// control character.
#[inline(always)]
pub(crate) fn find_string_special(bytes: &[u8], start: usize) -> usize {
    find(
        bytes,
        start,
        |word| equal_bytes(word, b'"') | equal_bytes(word, b'\\') | smaller_bytes(word, 0x20),
        |byte| byte == b'"' || byte == b'\\' || byte < 0x20,
    )
}

/// The first carriage return or line feed.
///
/// Lines are long, so this steps over whole blocks first: the test of a block has no branch, and
/// compilers make it a few vector instructions where the processor has them.
#[inline(always)]
pub(crate) fn find_line_end(bytes: &[u8], start: usize) -> usize {
    let mut offset = start;
    let mut rest = bytes.get(start..).unwrap_or_default();
    while let Some((block, tail)) = rest.split_first_chunk::<BLOCK_BYTES>() {
        let is_end = |byte: u8| u8::from(byte == b'\n') | u8::from(byte == b'\r');
        if block.iter().fold(0, |found, &byte| found | is_end(byte)) != 0 {
            break;
        }
        offset += BLOCK_BYTES;
        rest = tail;
    }
    find(
        bytes,
        offset,
        |word| equal_bytes(word, b'\n') | equal_bytes(word, b'\r'),
        |byte| byte == b'\n' || byte == b'\r',
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Every search against its one-line definition, at every start, on text dense with near
    /// misses.
    #[test]
    fn searches_agree_with_their_definitions() {
        arbtest::arbtest(|u| {
            let near =
                [0x00, 0x1f, 0x20, 0x21, b'"', 0x23, b'[', b'\\', b']', 0x7f, 0x80, 0xa2, 0xff];
            let lines = [b'\n', b'\r', 0x09, 0x0b, 0x0c, 0x0e, 0x8a, 0x8d, b'x'];
            let mut text: Vec<u8> = Vec::new();
            for _ in 0..u.int_in_range(0..=40)? {
                let plain = u.ratio(3, 4)?;
                text.push(if plain {
                    b'x'
                } else {
                    *u.choose(&[near.as_slice(), &lines].concat())?
                });
            }
            for start in 0..=text.len() {
                let first = |matches: fn(u8) -> bool| {
                    (start..text.len()).find(|&at| matches(text[at])).unwrap_or(text.len())
                };
                assert_eq!(
                    find_string_special(&text, start),
                    first(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                );
                assert_eq!(
                    find_line_end(&text, start),
                    first(|byte| byte == b'\n' || byte == b'\r')
                );
            }
            Ok(())
        });
    }
}
