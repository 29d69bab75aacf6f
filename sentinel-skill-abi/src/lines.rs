//! Lines out of bytes that come in whatever pieces.
//!
//! # Invariants
//! - No line is longer than its bound, and no more than that is ever kept.
//! - Half a line at the end is not a line.

use crate::fault::Fault;
use crate::limits::LINE_BYTES_MAX;

/// Gathers bytes until they are lines, in room that somebody else has.
#[derive(Debug)]
pub struct Lines<R> {
    room: R,
    length: usize,
    /// How many bytes in front are a line that was given out.
    taken: usize,
}

impl<R: AsMut<[u8]> + AsRef<[u8]>> Lines<R> {
    /// Lines that are at most as long as this room, and never longer than [`LINE_BYTES_MAX`].
    #[must_use]
    pub const fn new(room: R) -> Self {
        Self { room, length: 0, taken: 0 }
    }

    /// Takes bytes up to the end of a line off the front of `input`, and gives the line if it is
    /// whole, with its newline. To be called until `input` is empty.
    ///
    /// # Errors
    /// The line is too long. Nothing behind it means anything.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, Fault> {
        if self.taken > 0 {
            self.taken = 0;
            self.length = 0;
        }
        let end = input.iter().position(|byte| *byte == b'\n');
        let count = end.map_or(input.len(), |end| end + 1);
        let (front, rest) = input.split_at_checked(count).ok_or(Fault::TooLong)?;
        let end_of_it = self.length + count;
        if end_of_it > LINE_BYTES_MAX {
            return Err(Fault::TooLong);
        }
        let room = self.room.as_mut().get_mut(self.length..end_of_it).ok_or(Fault::TooLong)?;
        room.copy_from_slice(front);
        *input = rest;
        self.length = end_of_it;
        if end.is_none() {
            return Ok(None);
        }
        self.taken = self.length;
        Ok(self.room.as_ref().get(..self.length))
    }

    /// Waits for the next line and says how long it is without its newline; nothing if there is
    /// none to come. It stands at the front of the room.
    ///
    /// # Errors
    /// What came is no line. What cannot be read has ended.
    #[cfg(all(feature = "std", not(target_family = "wasm")))]
    pub fn read(&mut self, input: &mut dyn std::io::BufRead) -> Result<Option<usize>, Fault> {
        loop {
            let bytes = match input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => &[],
            };
            let had = bytes.len();
            if had == 0 {
                return self.end().map(|()| None);
            }
            let mut rest = bytes;
            let length = self.next(&mut rest)?.map(|line| line.len().saturating_sub(1));
            let taken = had - rest.len();
            input.consume(taken);
            if length.is_some() {
                return Ok(length);
            }
        }
    }

    /// Nothing more will come.
    ///
    /// # Errors
    /// It ended in the middle of a line.
    pub const fn end(&self) -> Result<(), Fault> {
        if self.length == self.taken { Ok(()) } else { Err(Fault::HalfLine) }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    fn all(room: usize, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, Fault> {
        let mut room = vec![0; room];
        let mut lines = Lines::new(&mut room);
        let mut whole = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while !input.is_empty() {
                whole.extend(lines.next(&mut input)?.map(<[u8]>::to_vec));
            }
        }
        lines.end().map(|()| whole)
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        let text = b"a\n\nbc\n";
        let expected = vec![b"a\n".to_vec(), b"\n".to_vec(), b"bc\n".to_vec()];
        for cut in 0..=text.len() {
            let (front, back) = text.split_at(cut);
            assert_eq!(all(8, &[front, back]), Ok(expected.clone()), "{cut}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_or_half_is_none() {
        assert_eq!(all(4, &[b"abc\n"]).map(|lines| lines.len()), Ok(1));
        assert_eq!(all(4, &[b"abcd\n"]), Err(Fault::TooLong));
        assert_eq!(all(4, &[b"ab", b"cde"]), Err(Fault::TooLong));
        assert_eq!(all(4, &[b"abc\nd"]), Err(Fault::HalfLine));
        let long = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(all(2 * LINE_BYTES_MAX, &[&long, b"\n"]), Err(Fault::TooLong));
    }
}
