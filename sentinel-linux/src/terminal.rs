//! The terminal, or whatever standard input and output are: lines in, words out.
//!
//! A person at a terminal has an [`Editor`]: keys come one by one, and what is typed stands below
//! what is said. While something stands there, half a line of an answer waits for its other half.
//!
//! # Invariants
//! - What a person types while something goes on is taken at once, so that `/stop` and `/approve`
//!   work; what comes from a pipe or a file waits its turn.
//! - Nothing that a model or a tool wrote reaches a terminal as an escape sequence.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write as _};

use rustix::io::Errno;
use sentinel_core::channel::{
    Editor, Identity, Incoming, Keyboard, LineTooLong, Post, Screen, Typed,
};
use sentinel_core::config::TERMINAL_PERSON;
use sentinel_core::time::Timestamp;

use self::keys::EachKey;
use crate::poller::{Interest, Owner, Poller, Token};
use crate::{log, signals};

mod keys;

/// Standard input and output.
#[derive(Debug)]
pub(crate) struct Terminal {
    keyboard: Keyboard,
    screen: Screen,
    /// What stands where errors are shown.
    aside: Screen,
    /// Bytes that were read and are no messages yet.
    typed: Vec<u8>,
    /// Where each key is handed over.
    desk: Option<Desk>,
    input: Input,
    is_interactive: bool,
    has_prompt: bool,
    /// Whoever read what is said here has seen enough.
    is_gone: bool,
}

/// Where a person types who sees each key.
#[derive(Debug)]
struct Desk {
    keys: EachKey,
    editor: Editor,
    /// What was said and is not taken yet.
    said: VecDeque<String>,
    /// What is to be shown and waits for the end of its line.
    held: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// The poller says when there is something.
    Waited,
    /// A file, which always has something or has ended.
    File,
    Ended,
}

impl Terminal {
    /// Begins to read standard input. Whoever sits there is this user.
    pub(crate) fn new(poller: &Poller, now: Timestamp) -> io::Result<Self> {
        let identity = Identity::new(PLATFORM, CHAT, TERMINAL_PERSON).map_err(io::Error::other)?;
        let is_interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
        let input = match poller.add(io::stdin(), TOKEN, Interest::READ) {
            Ok(()) => Input::Waited,
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => Input::File,
            Err(error) => return Err(error),
        };
        let desk = if is_interactive { EachKey::begin()? } else { None };
        if desk.is_some() && keys::is_log_here() {
            log::hold(true);
        }
        let desk = desk.map(|keys| Desk {
            keys,
            editor: Editor::default(),
            said: VecDeque::new(),
            held: String::new(),
        });
        Ok(Self {
            keyboard: Keyboard::new(identity, "you", now),
            screen: Screen::new(),
            aside: Screen::new(),
            typed: Vec::new(),
            desk,
            input,
            is_interactive,
            has_prompt: false,
            is_gone: false,
        })
    }

    /// One without input: what is to be said was given on the command line.
    pub(crate) fn silent(now: Timestamp) -> io::Result<Self> {
        let identity = Identity::new(PLATFORM, CHAT, TERMINAL_PERSON).map_err(io::Error::other)?;
        Ok(Self {
            keyboard: Keyboard::new(identity, "you", now),
            screen: Screen::new(),
            aside: Screen::new(),
            typed: Vec::new(),
            desk: None,
            input: Input::Ended,
            is_interactive: false,
            has_prompt: false,
            is_gone: false,
        })
    }

    /// Something can be read, or it has ended.
    pub(crate) fn read(&mut self, poller: &Poller) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        let count = match rustix::io::read(io::stdin(), &mut bytes) {
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            // The terminal is gone.
            Err(Errno::IO) => 0,
            Err(error) => return Err(error.into()),
        };
        let bytes = bytes.get(..count).unwrap_or_default();
        if count == 0 {
            self.end_input(poller)?;
        } else if self.desk.is_some() {
            return self.press(bytes, poller);
        }
        self.has_prompt = false;
        self.typed.extend_from_slice(bytes);
        Ok(())
    }

    fn end_input(&mut self, poller: &Poller) -> io::Result<()> {
        if self.input == Input::Waited {
            poller.remove(io::stdin())?;
        }
        self.input = Input::Ended;
        if self.desk.is_none() {
            self.typed.push(b'\n');
        }
        Ok(())
    }

    /// Takes keys, and shows what they did.
    fn press(&mut self, keys: &[u8], poller: &Poller) -> io::Result<()> {
        let Some(desk) = &mut self.desk else { return Ok(()) };
        let (columns, rows) = keys::size();
        let mut out = String::new();
        desk.editor.press(keys);
        let mut has_ended = false;
        while let Some(typed) = desk.editor.next() {
            match typed {
                Typed::Message(message) => {
                    desk.editor.hide(&mut out);
                    self.screen.end(&mut desk.held);
                    out.push_str(&std::mem::take(&mut desk.held));
                    desk.editor.keep(&message, columns, &mut out);
                    desk.said.push_back(message);
                    self.has_prompt = false;
                }
                Typed::End => {
                    has_ended = true;
                    break;
                }
            }
        }
        if has_ended {
            desk.editor.hide(&mut out);
        } else if desk.editor.is_shown() || !desk.editor.is_empty() {
            if !desk.editor.is_shown() {
                self.screen.end(&mut desk.held);
                out.push_str(&std::mem::take(&mut desk.held));
            }
            desk.editor.show(columns, rows, &mut out);
        }
        if has_ended {
            self.end_input(poller)?;
        }
        self.put(&out)
    }

    /// What was said in earlier chats, the oldest first: the arrow up finds it.
    pub(crate) fn remember<'t>(&mut self, messages: impl Iterator<Item = &'t str>) {
        if let Some(desk) = &mut self.desk {
            messages.for_each(|message| desk.editor.remember(message));
        }
    }

    /// What was said here is forgotten.
    pub(crate) fn forget(&mut self) {
        if let Some(desk) = &mut self.desk {
            desk.editor.forget();
        }
    }

    /// The process goes on after it was stopped: meanwhile somebody else had the terminal.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        let Some(desk) = &mut self.desk else { return Ok(()) };
        match desk.keys.resume() {
            Err(error) if is_gone(&error, true) => {
                self.is_gone = true;
                return Ok(());
            }
            other => other?,
        }
        let mut out = String::new();
        if desk.editor.is_shown() {
            let (columns, rows) = keys::size();
            desk.editor.lose();
            out.push('\n');
            desk.editor.show(columns, rows, &mut out);
        }
        self.put(&out)
    }

    /// Whether input can be read at once, without waiting.
    pub(crate) fn is_file(&self) -> bool {
        self.input == Input::File
    }

    pub(crate) const fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Whether all that was typed has been taken, and nothing more will come.
    pub(crate) fn has_ended(&self) -> bool {
        self.input == Input::Ended && !self.has_typed()
    }

    /// Whether nobody reads any more what is said here.
    pub(crate) const fn is_gone(&self) -> bool {
        self.is_gone
    }

    pub(crate) fn has_typed(&self) -> bool {
        !self.typed.is_empty() || self.desk.as_ref().is_some_and(|desk| !desk.said.is_empty())
    }

    /// A message that was given on the command line.
    pub(crate) fn message(
        &mut self,
        text: &str,
        now: Timestamp,
    ) -> Option<Result<Incoming, LineTooLong>> {
        Some(self.keyboard.message(text, now)?.map(|line| line.message))
    }

    /// The next message that was typed.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Result<Incoming, LineTooLong>> {
        if let Some(message) = self.desk.as_mut().and_then(|desk| desk.said.pop_front()) {
            return self.message(&message, now);
        }
        let mut rest = self.typed.as_slice();
        let line = self.keyboard.next(&mut rest, now);
        let used = self.typed.len() - rest.len();
        self.typed.drain(..used);
        Some(line?.map(|line| line.message))
    }

    /// Shows a post; what can only be added to is always sent.
    pub(crate) fn show(&mut self, post: &Post) -> io::Result<()> {
        let mut text = String::new();
        self.screen.show(post, &mut text);
        self.add(&text)
    }

    /// Shows what is of before anything was said here, where nobody takes it for the answer.
    pub(crate) fn show_aside(&mut self, post: &Post) {
        let mut text = String::new();
        self.aside.show(post, &mut text);
        put_aside(&text);
    }

    /// From here on it is about what was said here.
    pub(crate) fn end_aside(&mut self) {
        let mut text = String::new();
        self.aside.end(&mut text);
        put_aside(&text);
    }

    /// Shows a line of the program's own, where a person looks on.
    pub(crate) fn note(&mut self, line: &str) -> io::Result<()> {
        if !self.is_interactive {
            return Ok(());
        }
        let mut text = String::new();
        self.screen.end(&mut text);
        let post = Post::Send { piece: 0, text: format!("{line}\n"), key: 0 };
        self.screen.show(&post, &mut text);
        self.add(&text)
    }

    /// Shows what the program said of its work, above what is typed: written by itself it would
    /// stand in the middle of that.
    pub(crate) fn show_log(&mut self) -> io::Result<()> {
        if self.desk.is_none() {
            return Ok(());
        }
        let lines = log::take_held();
        if lines.is_empty() {
            return Ok(());
        }
        let Some(desk) = &mut self.desk else { return Ok(()) };
        put_log(&lines, &mut self.screen, &mut desk.held);
        self.add("")
    }

    /// The program was told to end: where somebody else has the terminal nothing more is shown.
    pub(crate) fn yield_to_others(&mut self) {
        self.is_gone |= self.desk.as_ref().is_some_and(|desk| desk.keys.is_elsewhere());
    }

    /// Shows that it is the person's turn, once.
    pub(crate) fn prompt(&mut self) -> io::Result<()> {
        if self.is_interactive && !self.has_prompt && self.input != Input::Ended {
            self.has_prompt = true;
            let mut text = String::new();
            self.screen.end(&mut text);
            match &mut self.desk {
                None => text.push_str("> "),
                Some(desk) => {
                    let (columns, rows) = keys::size();
                    desk.held.push_str(&text);
                    text.clear();
                    desk.editor.hide(&mut text);
                    text.push_str(&std::mem::take(&mut desk.held));
                    desk.editor.show(columns, rows, &mut text);
                }
            }
            self.put(&text)?;
        }
        Ok(())
    }

    /// Adds to what was said, above what is typed.
    fn add(&mut self, text: &str) -> io::Result<()> {
        let Some(desk) = &mut self.desk else { return self.put(text) };
        let mut out = String::new();
        desk.held.push_str(text);
        if desk.editor.is_shown() && !desk.editor.is_empty() {
            // Below a line that is not whole nothing can stand.
            if let Some(end) = desk.held.rfind('\n') {
                let (columns, rows) = keys::size();
                desk.editor.hide(&mut out);
                out.extend(desk.held.drain(..=end));
                desk.editor.show(columns, rows, &mut out);
            }
            // What has no end yet is shown when it is the person's turn.
            self.has_prompt &= desk.held.is_empty();
        } else {
            desk.editor.hide(&mut out);
            out.push_str(&std::mem::take(&mut desk.held));
            self.has_prompt = false;
        }
        self.put(&out)
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() || self.is_gone {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // A pipe says the one, a terminal that was closed the other.
            Err(error) if is_gone(&error, self.is_interactive) => {
                self.is_gone = true;
                Ok(())
            }
            Err(error) => {
                let what = format!("what is said here could not be written: {error}");
                Err(io::Error::new(error.kind(), what))
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(desk) = &mut self.desk {
            // Or who was told to end while somebody else has the terminal would stand still there.
            signals::go_on_in_the_background();
            self.is_gone |= desk.keys.is_elsewhere();
            if self.is_gone {
                // It was to be shown here, and would be written to the same place.
                drop(log::take_held());
            }
            let mut out = String::new();
            desk.editor.hide(&mut out);
            self.screen.end(&mut desk.held);
            out.push_str(&desk.held);
            // The end is no place to fail: whoever looks on sees it, or is gone.
            let _ = self.put(&out);
            log::hold(false);
        }
    }
}

/// Adds what the program said of its work to what is to be shown: before a half line that waits
/// for its other half, which would be cut in two.
fn put_log(lines: &str, screen: &mut Screen, held: &mut String) {
    if held.is_empty() {
        // What stands on the screen already cannot wait any more.
        screen.end(held);
    }
    let half = held.rfind('\n').map_or(0, |end| end + 1);
    held.insert_str(half, lines);
}

/// Whether nobody is there any more who could read. Of a file the same error is a broken disk.
fn is_gone(error: &io::Error, is_terminal: bool) -> bool {
    match Errno::from_io_error(error) {
        Some(Errno::PIPE) => true,
        Some(Errno::IO) => is_terminal,
        _ => false,
    }
}

pub(crate) const PLATFORM: &str = "terminal";
pub(crate) const CHAT: &str = "here";
pub(crate) const TOKEN: Token = Token::new(Owner::Terminal, 0);

/// Whoever does not read errors misses nothing they asked for.
fn put_aside(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_stands_before_the_half_line_that_waits() {
        let say = |text: &str| Post::Send { piece: 0, text: text.into(), key: 0 };
        let (mut screen, mut held) = (Screen::new(), String::new());
        screen.show(&say("one\nand half"), &mut held);
        // What has its end is shown at once, the rest waits below what is typed.
        held.drain(..4);
        put_log("log\n", &mut screen, &mut held);
        screen.show(&say(" a line\n"), &mut held);
        assert_eq!(held, "log\nand half a line\n");
        // Where nothing waits, what stands there already is ended.
        held.clear();
        screen.show(&say("half"), &mut held);
        held.clear();
        put_log("log\n", &mut screen, &mut held);
        assert_eq!(held, "\nlog\n");
    }
}
