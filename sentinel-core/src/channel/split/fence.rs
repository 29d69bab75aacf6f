//! Code fences, as far as a cut has to know them.
//!
//! # Invariants
//! - A fence that is kept takes at most half a piece to open and to close, so that every piece has
//!   room for what stands between.
//!
//! # Not here
//! Fences within quotations and code within a line.

use crate::channel::platform::Unit;

/// A fence that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence<'t> {
    /// The marks that opened it: three or more backticks or tildes.
    pub(super) marks: &'t str,
    /// The first word after them.
    pub(super) language: &'t str,
    /// Whether a cut inside it closes it and opens it again.
    pub(super) is_kept: bool,
}

impl Fence<'_> {
    /// What opening it again adds to a piece.
    pub(super) fn opening(&self, unit: Unit) -> usize {
        if self.is_kept { unit.length(self.marks) + unit.length(self.language) + 1 } else { 0 }
    }

    /// What closing it adds to a piece.
    pub(super) fn closing(&self, unit: Unit) -> usize {
        if self.is_kept { unit.length(self.marks) + 1 } else { 0 }
    }
}

/// The fence that a line opens. It is not kept if it would take more than half of `limit`.
pub(super) fn opening<'t>(line: &'t str, unit: Unit, limit: usize) -> Option<Fence<'t>> {
    let (marks, info) = marks(line)?;
    // With more of them in the line it is code within a line (CommonMark 0.31, §4.5).
    if marks.starts_with('`') && info.contains('`') {
        return None;
    }
    let language = info.split_whitespace().next().unwrap_or_default();
    // The line itself stays whole, so it counts with whatever else stands in it.
    let costs = unit.length(line) + unit.length(marks) + 2;
    Some(Fence { marks, language, is_kept: costs <= limit / 2 })
}

/// Whether a line closes a fence: as many marks of the same kind, and nothing else.
pub(super) fn closes(line: &str, fence: Fence<'_>) -> bool {
    marks(line).is_some_and(|(marks, info)| {
        marks.starts_with(fence.marks) && info.chars().all(char::is_whitespace)
    })
}

/// Whether a text would be read as a fence if a line began with it.
pub(super) fn begins(text: &str) -> bool {
    text.starts_with("```") || text.starts_with("~~~")
}

/// The marks a line begins with, and what follows them. Models indent fences in lists, and
/// platforms read them all the same.
fn marks(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '\t']);
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let marks = line.get(..line.len() - info.len())?;
    (marks.len() >= 3).then_some((marks, info))
}
