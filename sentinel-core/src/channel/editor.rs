//! A message while it is typed, on a terminal that hands over each key.
//!
//! Keys go in as bytes; whole messages come out, and what makes the screen show what was typed. It
//! knows what people's hands know: arrows, Home and End, Tab, which indents, Ctrl-A, E, B, F, P, N,
//! K, U, W, Y and L, Alt with an arrow or letter, and what was said before, by the arrow up.
//!
//! A message has several lines if Alt-Enter, a backslash at the end of a line, or a paste breaks
//! them. A paste is never sent by itself.
//!
//! # Invariants
//! - What was pasted or is shown again reaches the screen only as [`Screen`](super::Screen) would
//!   show it: no byte of it is obeyed.
//! - The cursor stands between what a person takes for letters, never within one.
//! - A message has at most [`CHANNEL_LINE_BYTES_MAX`] bytes; what is typed beyond rings the bell.
//!
//! # Not here
//! Reading keys, writing to the screen and how wide it is: the shell. What was said before an
//! earlier start: whoever calls [`Editor::remember`].

mod keys;
mod layout;
#[cfg(test)]
mod tests;
mod width;

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::Write as _;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use self::keys::{Key, Keys};
use self::layout::lay_out;
use crate::limits::{CHANNEL_LINE_BYTES_MAX, CHANNEL_LINES_REMEMBERED_MAX};

/// What is typed, and what was.
///
/// ```
/// use sentinel_core::channel::{Editor, Typed};
///
/// let mut editor = Editor::default();
/// editor.press(b"helo\x1b[Dl\r\x1b[A!\r");
/// let mut typed = Vec::new();
/// while let Some(message) = editor.next() {
///     typed.push(message);
/// }
/// assert_eq!(typed, [Typed::Message("hello".into()), Typed::Message("hello!".into())]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Editor {
    keys: Keys,
    text: String,
    /// A place in the text, in bytes.
    cursor: usize,
    /// What was said, the newest last.
    said: VecDeque<String>,
    /// How far back what stands there is, counted from the end; none if it is new.
    back: usize,
    /// What was being typed before something older was looked at.
    draft: String,
    killed: String,
    is_ringing: bool,
    is_clearing: bool,
    /// In which of its rows on the screen the cursor is, if it is shown.
    shown: Option<usize>,
}

/// What a person did who typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// They said this.
    Message(String),
    /// They are done: Ctrl-D, with nothing typed.
    End,
}

impl Editor {
    /// Takes what the terminal sent. [`next`](Self::next) says what came of it.
    pub fn press(&mut self, bytes: &[u8]) {
        self.keys.push(bytes);
    }

    /// The next message; none if what was pressed is used up.
    #[expect(clippy::should_implement_trait, reason = "there may be more after none")]
    pub fn next(&mut self) -> Option<Typed> {
        while let Some(key) = self.keys.next() {
            let typed = self.obey(key);
            if typed.is_some() {
                return typed;
            }
        }
        None
    }

    /// Adds what was said earlier, so that the arrow up finds it. What was said last comes last.
    pub fn remember(&mut self, message: &str) {
        let message = message.trim();
        if message.is_empty() || self.said.back().is_some_and(|last| last == message) {
            return;
        }
        if self.said.len() == CHANNEL_LINES_REMEMBERED_MAX {
            self.said.pop_front();
        }
        self.said.push_back(message.into());
    }

    /// Forgets what was said and taken out; what is being typed stays.
    pub fn forget(&mut self) {
        self.said.clear();
        self.killed.clear();
        self.draft.clear();
        self.back = 0;
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether what is typed stands on the screen.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// Appends what shows all that is typed, in place of how it was shown before.
    pub fn show(&mut self, columns: usize, rows: usize, out: &mut String) {
        self.hide(out);
        if core::mem::take(&mut self.is_clearing) {
            out.push_str("\u{1b}[H\u{1b}[2J");
        }
        let layout = lay_out(&self.text, self.cursor, columns);
        // A message that is higher than the screen is shown around its cursor.
        let height = rows.max(2) - 1;
        let first = layout.row.saturating_sub(height - 1);
        let last = layout.rows.len().min(first + height);
        for (index, row) in layout.rows.iter().enumerate().take(last).skip(first) {
            if index > first {
                out.push('\n');
            }
            out.push_str(row);
        }
        move_by(last - 1 - layout.row, 'A', out);
        out.push('\r');
        move_by(layout.column, 'C', out);
        if core::mem::take(&mut self.is_ringing) {
            out.push('\u{7}');
        }
        self.shown = Some(layout.row - first);
    }

    /// Appends what takes it off the screen: what is written next stands in its place.
    pub fn hide(&mut self, out: &mut String) {
        if let Some(row) = self.shown.take() {
            move_by(row, 'A', out);
            out.push_str("\r\u{1b}[J");
        }
    }

    /// Appends a message as it stays on the screen once it was said.
    pub fn keep(&mut self, message: &str, columns: usize, out: &mut String) {
        self.hide(out);
        for row in lay_out(message, message.len(), columns).rows {
            out.push_str(&row);
            out.push('\n');
        }
    }

    /// What stood on the screen is not where it was: the next time it is shown below.
    pub fn lose(&mut self) {
        self.shown = None;
    }

    fn obey(&mut self, key: Key) -> Option<Typed> {
        match key {
            Key::Text(letter) => self.insert(letter.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(&text),
            Key::Break => self.insert("\n"),
            Key::Tab => self.indent(),
            Key::Enter => return self.enter(),
            Key::DeleteOrEnd if self.text.is_empty() => return Some(Typed::End),
            Key::Backspace => self.remove(self.before(), self.cursor),
            Key::Delete | Key::DeleteOrEnd => self.remove(self.cursor, self.after()),
            Key::Left => self.cursor = self.before(),
            Key::Right => self.cursor = self.after(),
            Key::WordLeft => self.cursor = self.boundary_from(self.word_before()),
            Key::WordRight => self.cursor = self.boundary_from(self.word_after()),
            Key::Home => self.cursor = self.line_start(),
            Key::End => self.cursor = self.line_end(),
            Key::Up => self.go_back(),
            Key::Down => self.go_forth(),
            Key::KillToEnd => self.kill(self.cursor, self.line_end()),
            Key::KillToStart => self.kill(self.line_start(), self.cursor),
            Key::KillWord => self.kill(self.word_before(), self.cursor),
            Key::Yank => {
                let killed = self.killed.clone();
                self.insert(&killed);
            }
            Key::Clear => self.is_clearing = true,
        }
        None
    }

    fn enter(&mut self) -> Option<Typed> {
        if self.text.ends_with('\\') && self.cursor == self.text.len() {
            self.text.pop();
            self.cursor = self.text.len();
            self.insert("\n");
            return None;
        }
        let message = core::mem::take(&mut self.text);
        self.cursor = 0;
        self.back = 0;
        if message.trim().is_empty() {
            return None;
        }
        self.remember(&message);
        Some(Typed::Message(message))
    }

    fn insert(&mut self, text: &str) {
        if self.text.len() + text.len() > CHANNEL_LINE_BYTES_MAX {
            self.is_ringing = true;
            return;
        }
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        // A mark that joins what stood there before is one letter with it.
        self.cursor = self.boundary_from(self.cursor);
    }

    /// As many spaces as lead to the next stop: how wide a tab itself is, only the terminal knows.
    fn indent(&mut self) {
        let before = self.text.get(self.line_start()..self.cursor).unwrap_or_default();
        let past = before.graphemes(true).count() % TAB_LETTERS;
        self.insert(TAB.get(past..).unwrap_or_default());
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.cursor = self.boundary_from(from);
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            self.killed = self.text.get(from..to).unwrap_or_default().into();
            self.remove(from, to);
        }
    }

    /// To the line above, or to what was said before.
    fn go_back(&mut self) {
        let start = self.line_start();
        if start > 0 {
            self.go_to_line(start - 1);
        } else if let Some(index) = self.said.len().checked_sub(self.back + 1) {
            if self.back == 0 {
                self.draft = core::mem::take(&mut self.text);
            }
            self.back += 1;
            self.put(index);
        }
    }

    fn go_forth(&mut self) {
        let end = self.line_end();
        if end < self.text.len() {
            self.go_to_line(end + 1);
        } else if self.back > 0 {
            self.back -= 1;
            self.put(self.said.len() - self.back);
        }
    }

    /// Puts what was said there, or the draft behind the last.
    fn put(&mut self, index: usize) {
        self.text = match self.said.get(index) {
            Some(said) => said.clone(),
            None => core::mem::take(&mut self.draft),
        };
        self.cursor = self.text.len();
    }

    /// To the same letter of the line in which this place is, or to its end.
    fn go_to_line(&mut self, place: usize) {
        let column = self.text.get(self.line_start()..self.cursor).unwrap_or_default();
        let column = column.graphemes(true).count();
        self.cursor = place;
        let (start, end) = (self.line_start(), self.line_end());
        let line = self.text.get(start..end).unwrap_or_default();
        let letter = line.grapheme_indices(true).nth(column);
        self.cursor = letter.map_or(end, |(at, _)| start + at);
    }

    fn before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        self.cursor + after.graphemes(true).next().map_or(0, str::len)
    }

    /// The first place from this one on that is between two letters.
    fn boundary_from(&self, place: usize) -> usize {
        let mut boundary = GraphemeCursor::new(place, self.text.len(), true);
        match boundary.is_boundary(&self.text, 0) {
            Ok(false) => boundary.next_boundary(&self.text, 0).ok().flatten(),
            Ok(true) | Err(_) => None,
        }
        .unwrap_or(place)
    }

    fn line_start(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        before.rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        after.find('\n').map_or(self.text.len(), |at| self.cursor + at)
    }

    fn word_before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default().trim_end();
        before.rfind(char::is_whitespace).map_or(0, |at| {
            at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        })
    }

    fn word_after(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        let blank = after.len() - after.trim_start().len();
        let word = after.trim_start();
        self.cursor + blank + word.find(char::is_whitespace).unwrap_or(word.len())
    }
}

/// What the key Tab leads to the next of.
const TAB: &str = "    ";
const TAB_LETTERS: usize = TAB.len();

/// Moves the cursor of the screen.
fn move_by(count: usize, direction: char, out: &mut String) {
    if count > 0 {
        // Writing to a string cannot fail.
        let _ = write!(out, "\u{1b}[{count}{direction}");
    }
}
