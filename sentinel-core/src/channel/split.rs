//! Long answers in pieces: each of them a message that a platform takes.
//!
//! A platform refuses a text beyond its limit, and a cut in the wrong place shows half of a flag or
//! turns the rest of a conversation into code. So cuts are made where a reader expects them, and a
//! code fence that is cut is closed and opened again.
//!
//! # Invariants
//! - Every piece is within the platform's limit, in the platform's unit, fences included. (A limit
//!   below one character is taken as one character.)
//! - No piece is blank. The pieces are the text in order: between them only white space is left
//!   out, and of fences only what was closed early.
//! - No cut lies inside a grapheme cluster, unless that cluster alone is larger than a piece; then
//!   it lies between two characters of it.
//! - Where fences are read, no piece leaves a fence open, be it the text's own fault. (A fence
//!   whose opening and closing would take more than half a piece is text.)
//! - Time is linear in the text, whatever it is.
//!
//! # Not here
//! Other markup: a bold phrase that is cut is for the connector that translates markup.

mod fence;

use alloc::borrow::Cow;
use alloc::string::String;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use self::fence::{Fence, closes, opening};
use super::platform::{Platform, Unit};

/// The pieces of a text, in order. White space at the end of each, and blank lines at its start,
/// are left out.
///
/// ```
/// use sentinel_core::channel::{Platform, split};
///
/// let small = Platform { text_max: 30, ..Platform::DISCORD };
/// let pieces: Vec<_> = split("Look:\n```rust\nlet a = 1;\nlet b = 2;\n```", &small).collect();
/// assert_eq!(pieces, [
///     "Look:\n```rust\nlet a = 1;\n```",
///     "```rust\nlet b = 2;\n```",
/// ]);
/// ```
#[must_use]
pub fn split<'t>(text: &'t str, platform: &Platform) -> Pieces<'t> {
    Pieces::new(text, platform, platform.text_max)
}

/// The iterator of [`split`].
#[derive(Clone, Debug)]
pub struct Pieces<'t> {
    text: &'t str,
    /// Where the next piece begins.
    at: usize,
    /// Whether a line begins there, so that its indentation belongs to it.
    is_line_start: bool,
    /// The fence that is open there.
    fence: Option<Fence<'t>>,
    /// The end of a cluster that is larger than a piece and begins before it.
    cluster_end: usize,
    limit: usize,
    unit: Unit,
    is_markdown: bool,
}

impl<'t> Pieces<'t> {
    /// Pieces of at most `limit`, whatever the platform would take.
    pub(super) fn new(text: &'t str, platform: &Platform, limit: usize) -> Self {
        let unit = platform.unit;
        Self {
            text,
            at: 0,
            is_line_start: true,
            fence: None,
            cluster_end: 0,
            limit: limit.max(unit.of(char::MAX)),
            unit,
            is_markdown: platform.is_markdown,
        }
    }

    /// The marks of the fence that the text leaves open, if no cut is needed.
    pub(super) fn open_fence(mut self) -> Option<&'t str> {
        self.cut().fence.filter(|fence| fence.is_kept).map(|fence| fence.marks)
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Cow<'t, str>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.skip_between();
            let text = self.text;
            let rest = text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let opened = self.fence;
            // Bytes are never fewer than the units of any platform.
            let is_last = rest.len() <= self.limit && opened.is_none();
            let may_fence = || rest.contains("```") || rest.contains("~~~");
            let cut = if is_last && !(self.is_markdown && may_fence()) {
                Cut { at: text.len(), fence: None }
            } else {
                self.cut()
            };
            let piece = trim_end(text.get(self.at..cut.at).unwrap_or_default());
            self.is_line_start = text.get(..cut.at).is_some_and(|before| before.ends_with('\n'));
            (self.at, self.fence) = (cut.at, cut.fence);
            if !piece.is_empty() {
                return Some(dress(piece, opened, cut.fence));
            }
        }
    }
}

/// Where a piece ends.
#[derive(Clone, Copy)]
struct Cut<'t> {
    at: usize,
    /// The fence that is open there.
    fence: Option<Fence<'t>>,
}

/// How good a place for a cut is, from poor to good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Word,
    Sentence,
    Line,
    Paragraph,
}

impl<'t> Pieces<'t> {
    /// Passes what stands between two pieces and belongs to neither: white space, but for the
    /// indentation of a line, and the end of a fence that was closed already.
    fn skip_between(&mut self) {
        loop {
            if self.at < self.cluster_end {
                return;
            }
            let run = Blank::from(self.text, self.at);
            if let Some(line) = run.line_start {
                (self.at, self.is_line_start) = (line, true);
            } else if !self.is_line_start {
                self.at = run.end;
            }
            if run.end == self.text.len() {
                self.at = run.end;
            }
            match self.fence {
                Some(fence) if fence.is_kept && self.is_line_start => {
                    let line = line_at(self.text, self.at);
                    if !closes(line, fence) {
                        return;
                    }
                    self.at += line.len();
                    (self.fence, self.is_line_start) = (None, false);
                }
                _ => return,
            }
        }
    }

    /// The best place to end the piece that begins here: the best kind of place in its second half;
    /// if there is none, the last of any kind in its first; if there is none, a cluster.
    fn cut(&mut self) -> Cut<'t> {
        let (text, start) = (self.text, self.at);
        let mut fence = self.fence;
        let mut used = fence.map_or(0, |fence| fence.opening(self.unit));
        let mut best: Option<(Place, Cut<'t>)> = None;
        let mut early: Option<Cut<'t>> = None;
        let mut forced: Option<Cut<'t>> = None;
        // Marks that begin a piece would be a fence, though they stand within a line here.
        let mut marked: Option<Cut<'t>> = None;
        // Up to where a line with a fence must stay whole, and whether it may be followed by a cut.
        let (mut whole_until, mut is_opening) = (0, false);
        let mut is_line_start = self.is_line_start;
        let mut is_after_blank = true;
        let (mut is_after_stop, mut is_after_wide_stop) = (false, false);
        let mut run = Blank { end: start, line_start: None, lines_count: 0 };
        let mut at = start;
        loop {
            if is_line_start && self.is_markdown && at >= self.cluster_end {
                let line = line_at(text, at);
                match fence {
                    Some(open) if closes(line, open) => {
                        (fence, is_opening) = (None, false);
                        whole_until = if open.is_kept { at + line.len() } else { 0 };
                    }
                    Some(_) => {}
                    None => {
                        fence = opening(line, self.unit, self.limit);
                        if fence.is_some_and(|fence| fence.is_kept) {
                            (whole_until, is_opening) = (at + line.len(), true);
                        }
                    }
                }
            }
            let rest = text.get(at..).unwrap_or_default();
            let is_whole = used + fence.map_or(0, |fence| fence.closing(self.unit)) <= self.limit;
            if rest.is_empty() && is_whole {
                return Cut { at, fence };
            }
            if used > self.limit || rest.is_empty() {
                break;
            }
            let is_in_cluster = at < self.cluster_end;
            let cluster = if is_in_cluster { first_character(rest) } else { cluster(rest) };
            let is_blank = !is_in_cluster && cluster.chars().all(char::is_whitespace);
            if is_blank && at >= run.end {
                run = Blank::from(text, at);
            }
            let here = Cut { at, fence };
            if is_whole && at > start && at >= whole_until {
                let place = match (is_blank, is_after_blank) {
                    _ if is_opening && at == whole_until => None,
                    (true, false) => Some(run.place(is_after_stop)),
                    // Scripts that write without spaces end a sentence with a wide stop.
                    (false, false) if is_after_wide_stop => Some(Place::Sentence),
                    _ => None,
                };
                let is_marked = self.is_markdown
                    && !(is_blank && run.lines_count > 0)
                    && text.get(at.max(run.end)..).is_some_and(fence::begins);
                match place {
                    _ if is_marked => marked = Some(here),
                    Some(_) if used < self.limit / 2 => early = Some(here),
                    Some(place) if best.is_none_or(|(other, _)| place >= other) => {
                        best = Some((place, here));
                    }
                    _ => {}
                }
                if !is_marked {
                    forced = Some(here);
                }
            }
            used += self.unit.length(cluster);
            at += cluster.len();
            if !is_in_cluster && is_plain(cluster.as_bytes()) {
                let room = fence.map_or(0, |fence| fence.closing(self.unit)) + used;
                let passed = plain_before_last(text, at, self.limit.saturating_sub(room));
                (used, at) = (used + passed, at + passed);
            }
            is_line_start = cluster.ends_with('\n');
            if !is_blank {
                // A quotation mark or a bracket may close a sentence after its stop.
                is_after_wide_stop = cluster.ends_with(WIDE_STOPS);
                is_after_stop = cluster.ends_with(STOPS)
                    || is_after_wide_stop
                    || is_after_stop && cluster.ends_with(CLOSERS);
            }
            is_after_blank = is_blank;
        }
        let cut = best.map(|(_, cut)| cut).or(early).or(forced).or(marked);
        cut.unwrap_or_else(|| self.cut_cluster())
    }

    /// Ends the piece inside the cluster that begins here and does not fit.
    fn cut_cluster(&mut self) -> Cut<'t> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if self.at >= self.cluster_end {
            self.cluster_end = self.at + cluster(rest).len();
        }
        let fences = |fence: Fence<'t>| fence.opening(self.unit) + fence.closing(self.unit);
        let mut used = self.fence.map_or(0, fences);
        let mut end = self.at;
        for character in rest.chars() {
            used += self.unit.of(character);
            // The first one is taken in any case: a piece makes progress.
            if end > self.at && used > self.limit {
                break;
            }
            end += character.len_utf8();
        }
        Cut { at: end.min(self.cluster_end), fence: self.fence }
    }
}

/// A run of white space.
struct Blank {
    end: usize,
    /// Behind its last line break.
    line_start: Option<usize>,
    lines_count: usize,
}

impl Blank {
    /// The run that begins here; it may be empty. A mark that sits on a space makes it a letter.
    fn from(text: &str, start: usize) -> Self {
        let mut run = Self { end: start, line_start: None, lines_count: 0 };
        while let Some(rest) = text.get(run.end..).filter(|rest| !rest.is_empty()) {
            if !rest.starts_with(char::is_whitespace) {
                break;
            }
            let cluster = cluster(rest);
            if !cluster.chars().all(char::is_whitespace) {
                break;
            }
            run.end += cluster.len();
            if cluster.ends_with('\n') {
                run.line_start = Some(run.end);
                run.lines_count += 1;
            }
        }
        run
    }

    fn place(&self, is_after_stop: bool) -> Place {
        match self.lines_count {
            0 if is_after_stop => Place::Sentence,
            0 => Place::Word,
            1 => Place::Line,
            _ => Place::Paragraph,
        }
    }
}

/// The piece with the fence it continues and the fence it leaves open.
fn dress<'t>(piece: &'t str, opened: Option<Fence<'t>>, left: Option<Fence<'t>>) -> Cow<'t, str> {
    let (opened, left) = (opened.filter(|fence| fence.is_kept), left.filter(|fence| fence.is_kept));
    if opened.is_none() && left.is_none() {
        return Cow::Borrowed(piece);
    }
    let mut dressed = String::new();
    if let Some(fence) = opened {
        dressed.extend([fence.marks, fence.language, "\n"]);
    }
    dressed.push_str(piece);
    if let Some(fence) = left {
        dressed.extend(["\n", fence.marks]);
    }
    Cow::Owned(dressed)
}

/// The text without the white space at its end; a space that a mark before it took into its cluster
/// belongs to that.
fn trim_end(text: &str) -> &str {
    let trimmed = text.trim_end();
    let is_boundary = GraphemeCursor::new(trimmed.len(), text.len(), true).is_boundary(text, 0);
    let taken = match is_boundary {
        Ok(false) => text.get(trimmed.len()..).map_or(0, |rest| first_character(rest).len()),
        _ => 0,
    };
    text.get(..trimmed.len() + taken).unwrap_or(trimmed)
}

/// The grapheme cluster at the start of a text.
fn cluster(text: &str) -> &str {
    // Two ASCII bytes are two clusters, but for a line break of two characters.
    let length = match text.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [first] if first.is_ascii() => 1,
        [first, second, ..] if first.is_ascii() && second.is_ascii() => 1,
        _ => text.graphemes(true).next().map_or(0, str::len),
    };
    text.get(..length).unwrap_or_default()
}

/// How many letters and digits stand here before the last one of their word. Behind another one
/// they are no place for a cut that the last one is not a better one for, and nothing else begins
/// or ends at them, so that nobody has to look at each. In every unit they count one. A word may
/// be much longer than a piece: it is looked at no further than there is room for.
fn plain_before_last(text: &str, at: usize, room: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let near = rest.get(..room.saturating_add(1)).unwrap_or(rest);
    let is_over = |byte: &u8| !byte.is_ascii_alphanumeric();
    near.iter().position(is_over).unwrap_or(near.len()).saturating_sub(1)
}

fn is_plain(cluster: &[u8]) -> bool {
    matches!(cluster, [byte] if byte.is_ascii_alphanumeric())
}

fn first_character(text: &str) -> &str {
    text.get(..text.chars().next().map_or(0, char::len_utf8)).unwrap_or_default()
}

/// The rest of the line that goes on here, without its line break.
fn line_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

const STOPS: [char; 4] = ['.', '!', '?', '…'];
const WIDE_STOPS: [char; 4] = ['。', '！', '？', '｡'];
const CLOSERS: [char; 8] = ['"', '\'', ')', ']', '”', '’', '»', '*'];

#[cfg(test)]
mod tests;
