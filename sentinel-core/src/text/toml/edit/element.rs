//! Elements between brackets or braces: one more at the end, or some fewer.
//!
//! Between elements stand only blanks, newlines, comments and one comma; so finding the comma is a
//! matter of stepping over comments. Elements on lines of their own keep that shape.

use alloc::format;
use alloc::vec::Vec;

use super::splice::{self, Splice};
use crate::text::Span;

/// An array or inline table, and where each of its elements is written.
pub(super) struct Container<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
    pub(super) elements: Vec<Span>,
}

impl Container<'_> {
    /// Puts an element at the end.
    pub(super) fn append(&self, element: &str) -> Vec<Splice> {
        let Some(last) = self.elements.last() else { return self.fill(element) };
        let comma = self.comma_after(last.end);
        let anchor = comma.map_or(last.end, |comma| comma + 1);
        let after_line = splice::next_line(self.text, anchor);
        let is_on_own_line =
            splice::is_first_on_line(self.text, last.start) && after_line <= self.closer();
        let mut splices = Vec::new();
        if is_on_own_line {
            if comma.is_none() {
                splices.push(Splice::insert(last.end, ","));
            }
            let newline = splice::newline(self.text);
            let indentation = splice::indentation(self.text, last.start);
            let comma = if comma.is_some() { "," } else { "" };
            let line = format!("{newline}{indentation}{element}{comma}");
            splices.push(Splice::insert(splice::line_end(self.text, anchor), line));
        } else if comma.is_some() {
            splices.push(Splice::insert(anchor, format!(" {element},")));
        } else {
            splices.push(Splice::insert(anchor, format!(", {element}")));
        }
        splices
    }

    /// Removes the elements that are `doomed`, in the order of their index.
    pub(super) fn remove(&self, doomed: &[bool]) -> Vec<Splice> {
        let is_doomed = |index: usize| doomed.get(index).copied().unwrap_or_default();
        let last_kept = (0..self.elements.len()).rev().find(|&index| !is_doomed(index));
        let mut splices = Vec::new();
        let mut end = self.elements.len();
        match (last_kept.and_then(|index| self.elements.get(index)), self.elements.last()) {
            (None, _) if !self.has_comment(self.span.start + 1, self.closer()) => {
                return alloc::vec![Splice::remove(self.span.start + 1..self.closer())];
            }
            // No comma ends the list now, so none is to end it afterwards.
            (Some(kept), Some(last)) if kept != last && self.comma_after(last.end).is_none() => {
                if self.has_comment(kept.end, last.end) || self.is_comment_next(last.end) {
                    splices.extend(self.comma_after(kept.end).map(remove_byte));
                } else {
                    splices.push(Splice::remove(kept.end..last.end));
                    end = last_kept.map_or(end, |index| index + 1);
                }
            }
            _ => {}
        }
        for index in (0..end).filter(|&index| is_doomed(index)) {
            self.drop_element(index, &mut splices);
        }
        splices
    }

    /// Puts the first element between the brackets: on a line of its own if they stand on several,
    /// so that the blank lines and comments between them stay.
    fn fill(&self, element: &str) -> Vec<Splice> {
        let inside = self.span.start + 1..self.closer();
        let is_table = self.text.get(self.span.range()).is_some_and(|text| text.starts_with('{'));
        if self.find_newline(inside.start, inside.end).is_some() {
            let newline = splice::newline(self.text);
            let indentation = splice::indentation(self.text, self.span.start);
            let line = format!("{newline}{indentation}  {element}");
            return alloc::vec![Splice::insert(splice::line_end(self.text, inside.start), line)];
        }
        let blank = if is_table { " " } else { "" };
        alloc::vec![Splice::replace(inside, format!("{blank}{element}{blank}"))]
    }

    /// Removes one element and the comma after it.
    ///
    /// Looks no further than its neighbours: many elements may go, and all may share one line.
    fn drop_element(&self, index: usize, splices: &mut Vec<Splice>) {
        let Some(&element) = self.elements.get(index) else { return };
        let before = index.checked_sub(1).and_then(|before| self.elements.get(before));
        let before = before.map_or(self.span.start + 1, |before| before.end);
        let after = self.elements.get(index + 1).map_or(self.closer(), |after| after.start);
        let newline = self.find_newline(element.end, after);
        let comma = self.comma_after(element.end);
        let comma_here = comma.filter(|&comma| newline.is_none_or(|newline| comma < newline));
        if comma_here.is_none() {
            splices.extend(comma.map(remove_byte));
        }

        let (mut start, mut end) =
            (element.start, comma_here.map_or(element.end, |comma| comma + 1));
        let front = self.text.get(before..start).unwrap_or_default();
        let back = self.text.get(end..after).unwrap_or_default();
        let back_unblanked = back.trim_start_matches(BLANKS);
        match newline {
            Some(newline) if back_unblanked.starts_with(['#', '\r', '\n']) => {
                let front_unblanked = front.trim_end_matches(BLANKS);
                start = before + front_unblanked.len();
                if front_unblanked.ends_with('\n') {
                    // Alone on its line: the line goes, with the comment behind it.
                    end = newline + 1;
                }
            }
            _ if comma_here.is_some() => end += back.len() - back_unblanked.len(),
            _ => {}
        }
        splices.push(Splice::remove(start..end));
    }

    /// The first line feed between two offsets.
    fn find_newline(&self, start: usize, end: usize) -> Option<usize> {
        self.text.get(start..end)?.find('\n').map(|newline| start + newline)
    }

    /// Where the closing bracket stands.
    fn closer(&self) -> usize {
        self.span.end.saturating_sub(1)
    }

    /// The comma after an element, if there is one before the next element or the closing bracket.
    fn comma_after(&self, mut offset: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while offset < self.closer() {
            match bytes.get(offset) {
                Some(b',') => return Some(offset),
                Some(b' ' | b'\t' | b'\r' | b'\n') => offset += 1,
                Some(b'#') => offset = splice::next_line(self.text, offset),
                _ => return None,
            }
        }
        None
    }

    /// Whether there is a comment between two offsets, outside the elements.
    fn has_comment(&self, start: usize, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        let first = self.elements.partition_point(|element| element.end <= start);
        let mut gap_start = start;
        let inside = self.elements.get(first..).unwrap_or_default();
        let gaps = inside.iter().take_while(|element| element.start < end).map(|element| {
            let gap = gap_start..element.start;
            gap_start = element.end;
            gap
        });
        let mut gaps: Vec<_> = gaps.collect();
        gaps.push(gap_start..end.max(gap_start));
        gaps.into_iter().any(|gap| bytes.get(gap).is_some_and(|gap| gap.contains(&b'#')))
    }

    /// Whether a comment follows on the same line.
    fn is_comment_next(&self, offset: usize) -> bool {
        self.text.get(offset..).is_some_and(|rest| rest.trim_start_matches(BLANKS).starts_with('#'))
    }
}

fn remove_byte(offset: usize) -> Splice {
    Splice::remove(offset..offset + 1)
}

const BLANKS: [char; 2] = [' ', '\t'];
