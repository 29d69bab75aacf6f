//! Stretches of text replaced, and lines found.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::order;

/// One stretch of text and what takes its place.
#[derive(Debug)]
pub(super) struct Splice {
    range: Range<usize>,
    text: String,
}

impl Splice {
    pub(super) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    pub(super) fn insert(offset: usize, text: impl Into<String>) -> Self {
        Self::replace(offset..offset, text)
    }

    pub(super) fn remove(range: Range<usize>) -> Self {
        Self::replace(range, "")
    }
}

/// The text with all splices made, or nothing if text would be put into a removed stretch. Removals
/// may overlap: neighbours may each claim the blanks between them.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    order::sort_by_key(&mut splices, |splice| (splice.range.start, splice.range.end));
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for splice in splices {
        let is_removal = splice.text.is_empty();
        let start = if is_removal { splice.range.start.max(done) } else { splice.range.start };
        result.push_str(text.get(done..start)?);
        result.push_str(&splice.text);
        done = splice.range.end.max(done);
    }
    result.push_str(text.get(done..)?);
    Some(result)
}

/// Where the line of an offset starts. A byte order mark is not part of the first line.
pub(super) fn line_start(text: &str, offset: usize) -> usize {
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    text.get(..offset).and_then(|before| before.rfind('\n')).map_or(mark, |newline| newline + 1)
}

/// Where the line of an offset ends, before its line feed or carriage return and line feed.
pub(super) fn line_end(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or_default();
    let Some(newline) = rest.find('\n') else { return text.len() };
    let line = rest.get(..newline).unwrap_or_default();
    offset + line.strip_suffix('\r').unwrap_or(line).len()
}

/// Where the line after that of an offset starts, or the end of the text.
pub(super) fn next_line(text: &str, offset: usize) -> usize {
    let rest = text.get(offset..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |newline| offset + newline + 1)
}

/// The blanks a line starts with.
pub(super) fn indentation(text: &str, offset: usize) -> &str {
    let line = text.get(line_start(text, offset)..).unwrap_or_default();
    let blanks = line.find(|character| !matches!(character, ' ' | '\t')).unwrap_or(line.len());
    line.get(..blanks).unwrap_or_default()
}

/// Whether nothing but blanks stands before an offset on its line.
pub(super) fn is_first_on_line(text: &str, offset: usize) -> bool {
    line_start(text, offset) + indentation(text, offset).len() >= offset
}

/// Whether the line that starts here is blank.
pub(super) fn is_blank_line(text: &str, start: usize) -> bool {
    let line = text.get(start..line_end(text, start)).unwrap_or_default();
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Where the line before the one that starts here starts, if there is one.
pub(super) fn previous_line(text: &str, start: usize) -> Option<usize> {
    let first = line_start(text, 0);
    (start > first).then(|| line_start(text, start - 1))
}

/// How the text ends its lines, judged by the first.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'\r') => "\r\n",
        _ => "\n",
    }
}
