//! The terminal, or whatever standard input and output are: lines in, words out.
//!
//! # Invariants
//! - What a person types while something goes on is taken at once, so that `/stop` and `/approve`
//!   work; what comes from a pipe or a file waits its turn.
//! - Nothing that a model or a tool wrote reaches a terminal as an escape sequence.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::io::Errno;
use sentinel_core::channel::{Identity, Incoming, Keyboard, LineTooLong, Post, Screen};
use sentinel_core::config::TERMINAL_PERSON;
use sentinel_core::time::Timestamp;

use crate::poller::{Interest, Owner, Poller, Token};

/// Standard input and output.
#[derive(Debug)]
pub(crate) struct Terminal {
    keyboard: Keyboard,
    screen: Screen,
    /// Bytes that were read and are no messages yet.
    typed: Vec<u8>,
    input: Input,
    is_interactive: bool,
    has_prompt: bool,
    /// Whoever read what is said here has seen enough.
    is_gone: bool,
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
        Ok(Self {
            keyboard: Keyboard::new(identity, "you", now),
            screen: Screen::new(),
            typed: Vec::new(),
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
            typed: Vec::new(),
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
        self.has_prompt = false;
        if count == 0 {
            if self.input == Input::Waited {
                poller.remove(io::stdin())?;
            }
            self.input = Input::Ended;
            self.typed.push(b'\n');
        } else {
            self.typed.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
        Ok(())
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
        self.input == Input::Ended && self.typed.is_empty()
    }

    /// Whether nobody reads any more what is said here.
    pub(crate) const fn is_gone(&self) -> bool {
        self.is_gone
    }

    pub(crate) fn has_typed(&self) -> bool {
        !self.typed.is_empty()
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
        self.put(&text)
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
        self.put(&text)
    }

    /// Shows that it is the person's turn, once.
    pub(crate) fn prompt(&mut self) -> io::Result<()> {
        if self.is_interactive && !self.has_prompt && self.input != Input::Ended {
            self.has_prompt = true;
            let mut text = String::new();
            self.screen.end(&mut text);
            text.push_str("> ");
            self.put(&text)?;
        }
        Ok(())
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() || self.is_gone {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
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

pub(crate) const PLATFORM: &str = "terminal";
pub(crate) const CHAT: &str = "here";
pub(crate) const TOKEN: Token = Token::new(Owner::Terminal, 0);
