//! Configuration files of the C library, line by line.
//!
//! Both `resolv.conf` and `hosts` are read by many programs and written by many more, so one bad
//! line must not take the network away: it is told, and the next one is read.
//!
//! # Invariants
//! - Reading never fails, and is bounded whatever the file holds.
//!
//! # Not here
//! What the lines mean.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::DNS_PROBLEMS_COUNT_MAX;

/// Lines of a file that were not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    count: usize,
}

/// A line that was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// Counted from one.
    pub line: u32,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// Why a line, or a word of it, was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Not an address.
    Address,
    /// Not a host name.
    Name,
    /// A keyword without what it is for.
    Missing,
    /// A keyword nobody knows.
    Keyword,
    /// An option nobody knows, or without its number.
    Option,
    /// More than [`DNS_SERVERS_COUNT_MAX`](crate::limits::DNS_SERVERS_COUNT_MAX).
    TooManyServers,
    /// More than [`DNS_SEARCH_COUNT_MAX`](crate::limits::DNS_SEARCH_COUNT_MAX).
    TooManyDomains,
    /// The file goes on after the bytes that are read.
    TooLong,
}

impl Problems {
    pub(super) fn note(&mut self, line: u32, kind: ProblemKind) {
        self.count = self.count.saturating_add(1);
        if self.list.len() < DNS_PROBLEMS_COUNT_MAX {
            self.list.push(Problem { line, kind });
        }
    }

    /// The first of them, at most [`DNS_PROBLEMS_COUNT_MAX`].
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many there are in all.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ProblemKind::Address => "not an IPv4 or IPv6 address; the line is passed over",
            ProblemKind::Name => "not a host name; it is passed over",
            ProblemKind::Missing => "nothing stands after the keyword",
            ProblemKind::Keyword => "unknown keyword; the line is passed over",
            ProblemKind::Option => "unknown option; it is passed over",
            ProblemKind::TooManyServers => "only the first three servers are asked",
            ProblemKind::TooManyDomains => {
                "more domains than are searched; the rest is passed over"
            }
            ProblemKind::TooLong => "the file is too long; from here on it is not read",
        };
        write!(formatter, "line {}: {what}", self.line)
    }
}

/// The numbered lines of at most `bytes_max` bytes of a file, a cut one left out; then the number
/// of the line where reading stopped before the end.
pub(super) fn numbered(
    file: &[u8],
    bytes_max: usize,
) -> (impl Iterator<Item = (u32, &[u8])>, Option<u32>) {
    let (whole, stop) = match file.get(..bytes_max) {
        Some(start) if file.len() > bytes_max => {
            let end = start.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
            let whole = start.get(..end).unwrap_or_default();
            let lines = whole.iter().filter(|byte| **byte == b'\n').count();
            (whole, Some(u32::try_from(lines + 1).unwrap_or(u32::MAX)))
        }
        _ => (file, None),
    };
    ((1..).zip(whole.split(|byte| *byte == b'\n')), stop)
}

/// The words of a line, up to one that begins with any of `comment`.
pub(super) fn words<'a>(line: &'a [u8], comment: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .take_while(|word| word.first().is_none_or(|first| !comment.contains(first)))
}

/// A word as text. No address and no name has bytes beyond ASCII.
pub(super) fn ascii(word: &[u8]) -> Option<&str> {
    core::str::from_utf8(word).ok().filter(|word| word.is_ascii())
}
