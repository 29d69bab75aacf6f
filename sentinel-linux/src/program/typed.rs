//! Lines that are typed here, or come through a pipe.
//!
//! # Not here
//! What a line means: the core's.

use std::error::Error;

use sentinel_core::agent::ConversationNumber;
use sentinel_core::channel::Part;
use sentinel_core::llm::{Block, Role};
use sentinel_core::runtime::Event;

use super::{Ending, Program, answers};
use crate::{log, terminal};

/// What clears a conversation.
const CLEAR: &str = "/clear";

impl Program {
    /// Gives the person at the terminal what they said in earlier chats, as far as it is
    /// remembered: no file of its own holds it in the clear.
    pub(super) fn remember(&mut self) {
        let mut chats = self.sentinel.conversations(ConversationNumber(0));
        let chat = chats.find(|it| it.platform == terminal::PLATFORM && it.chat == terminal::CHAT);
        let Some(history) = chat.and_then(|chat| self.sentinel.history(chat.number)?) else {
            return;
        };
        let said = history.messages().filter(|message| message.role == Role::User);
        self.terminal.remember(said.flat_map(|message| &message.blocks).filter_map(|block| {
            match block {
                Block::Text(text) => Some(text.as_str()),
                _ => None,
            }
        }));
    }

    /// Whether a line is taken now: a person's at once, a pipe's when the last one is done with or
    /// its question waits.
    pub(super) fn takes_input(&self) -> bool {
        self.ending == Ending::No
            && (self.terminal.is_interactive()
                || !self.is_busy()
                || self.sentinel.questions().next().is_some())
    }

    pub(super) fn has_input_to_take(&self) -> bool {
        (self.terminal.has_typed() && self.takes_input()) || self.takes_the_one()
    }

    /// Whether the message of the command line is handed over now: a command at once, any other
    /// when what was there before is done with.
    fn takes_the_one(&self) -> bool {
        let waiting = self.answers.waiting.as_deref();
        self.ending == Ending::No
            && waiting.is_some_and(|text| answers::is_command(text) || self.takes_input())
    }

    pub(super) fn take_input(&mut self) -> Result<(), Box<dyn Error>> {
        if self.terminal.is_file() && self.takes_input() && !self.terminal.has_typed() {
            self.terminal.read(&self.poller)?;
        }
        while self.has_input_to_take() {
            let now = self.clock.now().wall;
            let next = match self.answers.waiting.take() {
                Some(text) => self.terminal.message(&text, now),
                None => self.terminal.next(now),
            };
            match next {
                None => break,
                Some(Ok(message)) => {
                    let mut texts = message.parts.iter().filter_map(|part| match part {
                        Part::Text(text) => Some(text.as_str()),
                        _ => None,
                    });
                    let text = texts.next().unwrap_or_default();
                    let is_cleared = text.trim().eq_ignore_ascii_case(CLEAR);
                    self.terminal.end_aside();
                    self.answers.asks(text);
                    self.tell(Event::Message(message))?;
                    if is_cleared {
                        self.terminal.forget();
                    }
                }
                Some(Err(error)) => log::warn!("{error}"),
            }
            self.perform()?;
        }
        Ok(())
    }
}
