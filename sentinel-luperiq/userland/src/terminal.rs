//! The console: lines in, words out.
//!
//! # Invariants
//! - What is typed while something goes on is taken, so that `/stop` and `/approve` work.
//! - Nothing that a model or a tool wrote reaches the console as an escape sequence.
//! - A line that is being typed when something is shown stands whole below it afterwards.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::call::Result;
use luperiq_runtime::io::{Entered, Line};
use sentinel_core::channel::{
    Identity, IdentityError, Incoming, Keyboard, LineTooLong, Post, Screen,
};
use sentinel_core::config::TERMINAL_PERSON;
use sentinel_core::limits::CHANNEL_LINE_BYTES_MAX;
use sentinel_core::time::Timestamp;

use crate::machine::Machine;

/// Whoever sits at the console.
#[derive(Debug)]
pub struct Terminal {
    keyboard: Keyboard,
    screen: Screen,
    line: Line,
    /// Lines that were typed and are no messages yet.
    typed: Vec<u8>,
    has_prompt: bool,
    has_ended: bool,
}

impl Terminal {
    /// Somebody at the console: its operator. `start` is a number that no other start had: messages
    /// of two starts are told apart by it, and on a machine without a clock the time is none.
    ///
    /// # Errors
    /// The core takes no such person.
    pub fn new(start: u64) -> core::result::Result<Self, IdentityError> {
        let identity = Identity::new(PLATFORM, CHAT, TERMINAL_PERSON)?;
        Ok(Self {
            keyboard: Keyboard::new(identity, "you", Timestamp(start)),
            screen: Screen::new(),
            line: Line::new(CHANNEL_LINE_BYTES_MAX),
            typed: Vec::new(),
            has_prompt: false,
            has_ended: false,
        })
    }

    /// Takes what was typed, and shows it.
    ///
    /// # Errors
    /// There is no console any more.
    pub fn read(&mut self, machine: &mut impl Machine) -> Result<()> {
        let (mut room, mut echo) = ([0; 256], Vec::new());
        loop {
            let count = machine.read(&mut room)?;
            for byte in room.get(..count).unwrap_or_default().iter().copied() {
                // What is typed after the end is for nobody.
                if self.has_ended {
                    break;
                }
                match self.line.typed(byte, &mut echo) {
                    Entered::More => {}
                    Entered::Line(text) => {
                        self.typed.extend_from_slice(text.as_bytes());
                        self.typed.push(b'\n');
                        self.has_prompt = false;
                    }
                    Entered::End => self.has_ended = true,
                }
            }
            let echo = core::mem::take(&mut echo);
            self.put(machine, &echo)?;
            if count < room.len() {
                return Ok(());
            }
        }
    }

    /// Whether all that was typed has been taken, and nothing more will come.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended && self.typed.is_empty()
    }

    /// The next message that was typed.
    pub fn next(&mut self, now: Timestamp) -> Option<core::result::Result<Incoming, LineTooLong>> {
        let mut rest = self.typed.as_slice();
        let line = self.keyboard.next(&mut rest, now);
        let used = self.typed.len() - rest.len();
        self.typed.drain(..used);
        Some(line?.map(|line| line.message))
    }

    /// Shows a post; what can only be added to is always sent.
    ///
    /// # Errors
    /// There is no console any more.
    pub fn show(&mut self, machine: &mut impl Machine, post: &Post) -> Result<()> {
        let mut text = String::new();
        self.screen.show(post, &mut text);
        self.say(machine, &text)
    }

    /// Shows a line of the program's own.
    ///
    /// # Errors
    /// There is no console any more.
    pub fn note(&mut self, machine: &mut impl Machine, line: &str) -> Result<()> {
        let mut text = String::new();
        self.screen.end(&mut text);
        let post = Post::Send { piece: 0, text: [line, "\n"].concat(), key: 0 };
        self.screen.show(&post, &mut text);
        self.say(machine, &text)
    }

    /// Shows that it is the person's turn, once, and what they typed already.
    ///
    /// # Errors
    /// There is no console any more.
    pub fn prompt(&mut self, machine: &mut impl Machine) -> Result<()> {
        if self.has_prompt || self.has_ended {
            return Ok(());
        }
        self.has_prompt = true;
        let mut text = String::new();
        self.screen.end(&mut text);
        text.push_str(PROMPT);
        text.push_str(self.line.text());
        self.put(machine, text.as_bytes())
    }

    /// Shows a text of the agent's, below what somebody is typing.
    fn say(&mut self, machine: &mut impl Machine, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if core::mem::take(&mut self.has_prompt) {
            self.put(machine, b"\n")?;
        }
        self.put(machine, text.as_bytes())
    }

    /// A serial line wants to be told to go back to its beginning as well.
    fn put(&self, machine: &mut impl Machine, bytes: &[u8]) -> Result<()> {
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if *byte == b'\n' {
                out.push(b'\r');
            }
            out.push(*byte);
        }
        machine.write(&out)
    }
}

/// What the core calls it.
pub const PLATFORM: &str = "terminal";

const CHAT: &str = "here";
const PROMPT: &str = "> ";
