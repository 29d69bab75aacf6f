//! Lines, as they come in pieces.
//!
//! # Invariants
//! - Of a line that is too long nothing is kept, and what follows it is read again.
//! - What has no end is no line: a half one does nothing.

use alloc::vec::Vec;

/// What came of a line so far.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    /// How many bytes a line may have.
    bytes_max: usize,
    /// Whether the line that has begun is too long already.
    is_too_long: bool,
}

/// A line was longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// Nothing yet, of lines with at most so many bytes.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { begun: Vec::new(), bytes_max, is_too_long: false }
    }

    /// The next whole line, without its end. What was used of the input is taken from it.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Option<Result<Vec<u8>, TooLong>> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (piece, rest) = input.split_at_checked(end.unwrap_or(input.len()))?;
        if self.begun.len() + piece.len() > self.bytes_max {
            self.is_too_long = true;
        }
        if self.is_too_long {
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(piece);
        }
        *input = rest.get(1..).unwrap_or_default();
        end?;
        let line = core::mem::take(&mut self.begun);
        Some(match core::mem::take(&mut self.is_too_long) {
            true => Err(TooLong),
            false => Ok(line),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use arbtest::arbtest;

    use super::*;
    use crate::limits::CONTROL_LINE_BYTES_MAX;

    fn all(pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, TooLong>> {
        let mut lines = Lines::new(CONTROL_LINE_BYTES_MAX);
        let mut found = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(line) = lines.next(&mut input) {
                found.push(line);
            }
            assert!(input.is_empty() && lines.begun.len() <= CONTROL_LINE_BYTES_MAX);
        }
        found
    }

    #[test]
    fn lines_do_not_depend_on_the_pieces_they_come_in() {
        arbtest(|u| {
            let mut text = Vec::new();
            for _ in 0..u.int_in_range(0..=6)? {
                let length = match u.int_in_range(0..=3)? {
                    0 => CONTROL_LINE_BYTES_MAX + u.int_in_range(0..=2)? - 1,
                    _ => u.int_in_range(0..=40)?,
                };
                text.extend(vec![b'a'; length]);
                text.push(b'\n');
            }
            text.extend(vec![b'b'; u.int_in_range(0..=40)?]);
            let whole = all(&[&text]);
            let cut = u.int_in_range(0..=text.len())?;
            let (one, two) = text.split_at(cut);
            assert_eq!(all(&[one, two]), whole);
            let expected: Vec<_> = text
                .split_inclusive(|byte| *byte == b'\n')
                .filter_map(|line| line.strip_suffix(b"\n"))
                .map(|line| match line.len() > CONTROL_LINE_BYTES_MAX {
                    true => Err(TooLong),
                    false => Ok(line.to_vec()),
                })
                .collect();
            assert_eq!(whole, expected);
            Ok(())
        });
    }
}
