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
        for (index, &element) in self.elements.iter().enumerate().take(end) {
            if is_doomed(index) {
                self.drop_element(element, &mut splices);
            }
        }
        splices
    }

    /// Puts the first element between the brackets.
    fn fill(&self, element: &str) -> Vec<Splice> {
        let inside = self.span.start + 1..self.closer();
        let is_table = self.text.get(self.span.range()).is_some_and(|text| text.starts_with('{'));
        let blank = if is_table { " " } else { "" };
        if self.has_comment(inside.start, inside.end) {
            return alloc::vec![Splice::insert(inside.start, format!("{blank}{element}"))];
        }
        alloc::vec![Splice::replace(inside, format!("{blank}{element}{blank}"))]
    }

    /// Removes one element and the comma after it.
    fn drop_element(&self, element: Span, splices: &mut Vec<Splice>) {
        let comma = self.comma_after(element.end);
        let line_end = splice::line_end(self.text, element.end);
        let comma_here = comma.filter(|&comma| comma < line_end);
        splices.extend(comma.filter(|&comma| comma >= line_end).map(remove_byte));

        let mut end = comma_here.map_or(element.end, |comma| comma + 1);
        let is_rest_empty = self.rest_of_line(end).is_empty();
        let next_line = splice::next_line(self.text, end);
        let ends_line = (is_rest_empty || self.is_comment_next(end)) && next_line <= self.closer();
        if ends_line && splice::is_first_on_line(self.text, element.start) {
            let start = splice::line_start(self.text, element.start);
            if start > self.span.start {
                splices.push(Splice::remove(start..next_line));
                return;
            }
        }
        let mut start = element.start;
        if ends_line {
            // Leave no blanks at the end of the line.
            let before = self.text.get(..start).unwrap_or_default();
            start = before.trim_end_matches([' ', '\t']).len().max(self.span.start + 1);
        } else if comma_here.is_some() {
            let after = self.text.get(end..).unwrap_or_default();
            end += after.len() - after.trim_start_matches([' ', '\t']).len();
        }
        splices.push(Splice::remove(start..end));
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
        self.rest_of_line(offset).starts_with('#')
    }

    /// The rest of the line, without the blanks around it.
    fn rest_of_line(&self, offset: usize) -> &str {
        let line = self.text.get(offset..splice::line_end(self.text, offset));
        line.unwrap_or_default().trim_matches([' ', '\t'])
    }
}

fn remove_byte(offset: usize) -> Splice {
    Splice::remove(offset..offset + 1)
}
