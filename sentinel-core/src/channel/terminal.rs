//! The terminal: the connector that needs no account.
//!
//! Bytes from a terminal or a pipe become messages, a line each, and posts become text for the
//! screen. A terminal obeys what it is shown, so nothing is shown to it that it could obey.
//!
//! # Invariants
//! - No byte that comes in is lost without a word: a line too long is an error, bytes that are not
//!   UTF-8 are replaced and it is said.
//! - What goes to the screen holds no control character but the line break and the tab, and nothing
//!   that reorders or hides text: such characters are shown as `\u{1b}`.
//!
//! # Not here
//! Reading and writing the terminal, colours of our own: the shell. Keys, and what was said before:
//! [`editor`](super::Editor).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::delivery::Post;
use super::identity::Identity;
use super::incoming::{Incoming, Part};
use crate::limits::CHANNEL_LINE_BYTES_MAX;
use crate::time::Timestamp;

/// What a person types, as messages.
///
/// ```
/// use sentinel_core::channel::{Identity, Keyboard, Part};
/// use sentinel_core::time::Timestamp;
///
/// let identity = Identity::new("terminal", "local", "1000")?;
/// let mut keyboard = Keyboard::new(identity, "Ada", Timestamp(5));
/// let mut input: &[u8] = b"hello\nwor";
/// let line = keyboard.next(&mut input, Timestamp(6)).unwrap()?;
/// assert_eq!(line.message.parts, [Part::Text("hello".into())]);
/// assert!(keyboard.next(&mut input, Timestamp(7)).is_none());
/// let line = keyboard.end(Timestamp(8)).unwrap()?;
/// assert_eq!(line.message.parts, [Part::Text("wor".into())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyboard {
    identity: Identity,
    name: String,
    started: Timestamp,
    count: u64,
    line: Vec<u8>,
    is_too_long: bool,
}

/// A line that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The message it is.
    pub message: Incoming,
    /// Whether some of its bytes were not UTF-8 and were replaced: to be said to who typed it.
    pub is_mended: bool,
}

/// A line that is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

impl fmt::Display for LineTooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a line of more than {CHANNEL_LINE_BYTES_MAX} bytes was not read; put it in a file"
        )
    }
}

impl core::error::Error for LineTooLong {}

impl Keyboard {
    /// Somebody at a terminal. The ids of messages begin with the time of the start, so that they
    /// differ from those of the start before.
    #[must_use]
    pub fn new(identity: Identity, name: impl Into<String>, started: Timestamp) -> Self {
        let name = name.into();
        Self { identity, name, started, count: 0, line: Vec::new(), is_too_long: false }
    }

    /// The next line of the input, which is moved past it; `None` when the input is used up. Blank
    /// lines are no messages.
    ///
    /// # Errors
    /// The line was too long. The next one may be read.
    pub fn next(&mut self, input: &mut &[u8], now: Timestamp) -> Option<Result<Line, LineTooLong>> {
        while !input.is_empty() {
            let end = input.iter().position(|byte| *byte == b'\n');
            let (piece, rest) = input.split_at(end.unwrap_or(input.len()));
            self.take(piece);
            *input = rest.get(1..).unwrap_or_default();
            if end.is_some()
                && let Some(line) = self.end(now)
            {
                return Some(line);
            }
        }
        None
    }

    /// A message that was not typed line by line: all of it, line breaks included.
    ///
    /// # Errors
    /// It was too long.
    pub fn message(&mut self, text: &str, now: Timestamp) -> Option<Result<Line, LineTooLong>> {
        let begun = core::mem::take(&mut self.line);
        self.take(text.as_bytes());
        let message = self.end(now);
        self.line = begun;
        message
    }

    /// The last line, when the input ended without a line break.
    ///
    /// # Errors
    /// The line was too long.
    pub fn end(&mut self, now: Timestamp) -> Option<Result<Line, LineTooLong>> {
        let bytes = core::mem::take(&mut self.line);
        if core::mem::take(&mut self.is_too_long) {
            return Some(Err(LineTooLong));
        }
        let text = String::from_utf8_lossy(&bytes);
        let is_mended = matches!(text, alloc::borrow::Cow::Owned(_));
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        self.count += 1;
        let message = Incoming {
            identity: self.identity.clone(),
            id: format!("{}-{}", self.started.0, self.count),
            is_private: true,
            is_from_bot: false,
            name: self.name.clone(),
            parts: Vec::from([Part::Text(text.into())]),
            sent: now,
        };
        Some(Ok(Line { message, is_mended }))
    }

    fn take(&mut self, piece: &[u8]) {
        if self.is_too_long || self.line.len() + piece.len() > CHANNEL_LINE_BYTES_MAX {
            self.is_too_long = true;
            self.line = Vec::new();
            return;
        }
        self.line.extend_from_slice(piece);
    }
}

/// What a person sees: posts as text that a terminal can be given.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    last: Option<char>,
}

impl Screen {
    /// A screen with the cursor at the start of a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what a post adds to the screen. Nothing there can be changed, so the text of an
    /// edit stands in a line of its own.
    pub fn show(&mut self, post: &Post, out: &mut String) {
        match post {
            Post::Send { text, .. } => self.write(text, out),
            Post::Edit { text, .. } => {
                self.end(out);
                self.write(text, out);
            }
            Post::Typing => {}
        }
    }

    /// Ends an answer: whatever comes next begins a line.
    pub fn end(&mut self, out: &mut String) {
        if self.last.is_some_and(|last| last != '\n') {
            self.write("\n", out);
        }
    }

    /// Appends a text with everything in it visible.
    fn write(&mut self, text: &str, out: &mut String) {
        for character in text.chars() {
            if is_harmless(character, self.last) {
                out.push(character);
            } else {
                // Writing to a string cannot fail.
                let _ = write!(out, "{}", character.escape_unicode());
            }
            self.last = Some(character);
        }
    }
}

/// A text on one line, with everything in it visible: nothing in it moves a cursor, changes a
/// colour, hides or reorders. For lists of what others wrote.
///
/// ```
/// use sentinel_core::channel::visible;
///
/// assert_eq!(visible("two\nlines, \u{1b}[31mred"), "two\\nlines, \\u{1b}[31mred");
/// ```
#[must_use]
pub fn visible(text: &str) -> String {
    let (mut out, mut last) = (String::with_capacity(text.len()), None);
    for character in text.chars() {
        if matches!(character, '\n' | '\t' | '\r') {
            out.extend(character.escape_default());
        } else if is_harmless(character, last) {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
        last = Some(character);
    }
    out
}

/// Whether a terminal may be given a character as it is.
pub(super) fn is_harmless(character: char, before: Option<char>) -> bool {
    match character {
        '\n' | '\t' => true,
        // Joiners and variants belong into scripts and emoji, one at a time; after ASCII, or in a
        // row, they only hide something.
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => before.is_some_and(|before| {
            let is_mark = matches!(before, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
                && (before, character) != ('\u{fe0f}', '\u{200d}');
            let is_keycap = matches!(before, '0'..='9' | '#' | '*') && character == '\u{fe0f}';
            is_keycap || !before.is_ascii() && !is_mark
        }),
        _ => !character.is_control() && !is_hidden(character),
    }
}

/// Characters that are not seen, or that change the order of others.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::channel::{Delivery, Platform};
    use crate::time::Instant;

    const NOW: Timestamp = Timestamp(9);

    fn keyboard() -> Keyboard {
        Keyboard::new(Identity::new("terminal", "local", "1000").unwrap(), "Ada", Timestamp(5))
    }

    fn all(pieces: &[&[u8]]) -> Vec<Result<Line, LineTooLong>> {
        let mut keyboard = keyboard();
        let mut lines = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(line) = keyboard.next(&mut piece, NOW) {
                lines.push(line);
            }
        }
        lines.extend(keyboard.end(NOW));
        assert_eq!(keyboard.end(NOW), None);
        lines
    }

    fn shown(text: &str) -> String {
        let mut out = String::new();
        Screen::new().write(text, &mut out);
        out
    }

    #[test]
    fn any_cut_of_the_input_gives_the_same_lines() {
        let input = "ab\r\n\n  \nc\u{e9}d \u{1f469}\nend".as_bytes();
        let whole = all(&[input]);
        let texts: Vec<_> = whole
            .iter()
            .flatten()
            .map(|line| (&*line.message.id, &line.message.parts[0]))
            .collect();
        let text = |text: &str| Part::Text(text.to_string());
        assert_eq!(
            texts,
            [("5-1", &text("ab")), ("5-2", &text("c\u{e9}d \u{1f469}")), ("5-3", &text("end"))]
        );
        assert!(whole.iter().flatten().all(|line| line.message.check().is_ok() && !line.is_mended));
        for cut in 0..=input.len() {
            assert_eq!(all(&[&input[..cut], &input[cut..]]), whole, "{cut}");
        }
        assert_eq!(all(&input.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn a_line_too_long_is_an_error_and_the_next_one_is_read() {
        let long = "x".repeat(CHANNEL_LINE_BYTES_MAX);
        let input = [long.as_bytes(), b"\n", long.as_bytes(), b"y", b"\n", b"short"];
        let lines = all(&input);
        assert!(lines[0].is_ok());
        assert_eq!(lines[1], Err(LineTooLong));
        assert_eq!(lines[2].as_ref().unwrap().message.parts, [Part::Text("short".into())]);
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn broken_utf8_is_replaced_and_said() {
        let lines = all(&[b"a\xffb\n"]);
        let line = lines[0].as_ref().unwrap();
        assert_eq!(line.message.parts, [Part::Text("a\u{fffd}b".into())]);
        assert!(line.is_mended);
    }

    #[test]
    fn a_terminal_is_shown_what_it_must_not_obey() {
        for (text, visible) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\rb", "a\\u{d}b"),
            ("a\u{8}b", "a\\u{8}b"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("a\u{200b}b", "a\\u{200b}b"),
            ("a\u{e0041}", "a\\u{e0041}"),
            ("a\u{200d}b", "a\\u{200d}b"),
            ("👍\u{fe0e}\u{fe01}", "👍\u{fe0e}\\u{fe01}"),
            ("❤\u{fe0f}\u{200d}🔥\u{fe0f}\u{fe0f}", "❤\u{fe0f}\u{200d}🔥\u{fe0f}\\u{fe0f}"),
            ("a\u{fe01}", "a\\u{fe01}"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("👨‍👩‍👧 क्‍ष e\u{301}\tok\n", "👨‍👩‍👧 क्‍ष e\u{301}\tok\n"),
        ] {
            assert_eq!(shown(text), visible);
        }
    }

    #[test]
    fn no_control_character_reaches_the_screen() {
        for character in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let shown = shown(&character.to_string());
            let is_plain =
                |shown: char| !shown.is_control() && !is_hidden(shown) || "\n\t".contains(shown);
            assert!(shown.chars().all(is_plain), "{character:?}");
        }
    }

    #[test]
    fn an_answer_appears_as_it_comes_and_ends_its_line() {
        let mut delivery = Delivery::new(&Platform::TERMINAL, true);
        let (mut screen, mut out) = (Screen::new(), String::new());
        for word in ["Hel", "lo ", "\u{1b}[1mthere"] {
            delivery.text(word);
            while let Some(post) = delivery.poll(Instant(0)) {
                screen.show(&post, &mut out);
                if let Post::Send { piece, .. } = post {
                    delivery.sent(piece, "", Instant(0));
                }
            }
        }
        screen.end(&mut out);
        screen.end(&mut out);
        assert_eq!(out, "Hello \\u{1b}[1mthere\n");
    }
}
