//! Where in a text something stands.
//!
//! Parsers work with byte offsets, people with lines and columns. The translation reads the text
//! once from its start, so it is made when an error is reported and never while parsing.

use core::fmt;
use core::ops::Range;

/// A place in a text, for people: displayed as `line:column`.
///
/// ```
/// use sentinel_core::text::Position;
///
/// let position = Position::locate(b"a = 1\nb = ?", 10);
/// assert_eq!((position.line, position.column), (2, 5));
/// assert_eq!(position.to_string(), "2:5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before this place.
    pub offset: usize,
    /// The line, counted from 1. A line ends at a line feed.
    pub line: usize,
    /// The column, counted from 1 in characters, as editors count.
    pub column: usize,
}

impl Position {
    /// The first place of any text.
    pub const START: Self = Self { offset: 0, line: 1, column: 1 };

    /// Finds line and column of a byte offset. An offset past the end is the end.
    ///
    /// The text need not be UTF-8: bytes that continue a character do not count as columns.
    pub fn locate(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start =
            before.iter().rposition(|&byte| byte == b'\n').map_or(0, |index| index + 1);
        let is_character_start = |&&byte: &&u8| byte & 0b1100_0000 != 0b1000_0000;
        Self {
            offset: before.len(),
            line: 1 + before[..line_start].iter().filter(|&&byte| byte == b'\n').count(),
            column: 1 + before[line_start..].iter().filter(is_character_start).count(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A stretch of bytes of a text: from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just past the last byte.
    pub end: usize,
}

impl Span {
    /// The span from `start` up to `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The same stretch as a range, to index the text with.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// How many bytes it covers.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers nothing.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_line_feeds() {
        let text = "é\u{1f600}x\r\n\ny";
        let at = |offset| {
            let position = Position::locate(text.as_bytes(), offset);
            (position.line, position.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (1, 2));
        assert_eq!(at(6), (1, 3));
        assert_eq!(at(9), (2, 1));
        assert_eq!(at(10), (3, 1));
        assert_eq!(at(99), (3, 2));
    }
}
