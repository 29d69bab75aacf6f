//! Sentinel's side of one skill: bytes in, what they mean out.
//!
//! [`Conversation`] knows what may be said when, [`Lines`] what a line is. Here they are one, with
//! a bound on how much is said, so that whoever has a pipe has nothing left to decide but what to
//! do with what is heard.
//!
//! # Invariants
//! - The same bytes mean the same in whatever pieces they come.
//! - However much is said, what is kept is one line, and what is listened to for one call is
//!   [`MESSAGES_MAX`] messages.
//! - After a fault nothing is heard any more.
//!
//! # Not here
//! Time, processes, and what a manifest says.

use crate::conversation::Conversation;
use crate::fault::{Code, Fault};
use crate::json::{Text, Value};
use crate::limits::MESSAGES_MAX;
use crate::lines::Lines;
use crate::message::{Service, ToHost};
use crate::write::Full;

/// A skill that is talked with, in room for one line.
#[derive(Debug)]
pub struct Session<R> {
    conversation: Conversation,
    lines: Lines<R>,
    /// Messages since the last thing that was asked.
    said: u32,
    fault: Option<Fault>,
}

/// What a skill said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard<'a> {
    /// Hello, and who it is.
    Greeted {
        /// Its name.
        name: Text<'a>,
        /// Its version.
        release: Text<'a>,
    },
    /// What it can do: see [`tools`](crate::message::tools).
    Described(Value<'a>),
    /// How far it is.
    Progress {
        /// So much.
        done: u64,
        /// Of so much.
        total: Option<u64>,
        /// What it is doing.
        message: Option<Text<'a>>,
    },
    /// It asks for something, and waits for the answer.
    Asked(Service),
    /// The end of a call, and what came of it.
    Done(Value<'a>),
    /// The end of a call or a description that failed.
    Failed(Code, Text<'a>),
    /// It ends, because it cannot go on.
    GaveUp(Code, Text<'a>),
}

impl<R: AsMut<[u8]> + AsRef<[u8]>> Session<R> {
    /// One in which nothing was said yet. The room is for a line of the skill.
    #[must_use]
    pub fn new(room: R) -> Self {
        Self { conversation: Conversation::new(), lines: Lines::new(room), said: 0, fault: None }
    }

    /// What is said to it next is written by this, in other room.
    pub const fn conversation(&mut self) -> &mut Conversation {
        &mut self.conversation
    }

    /// Asks for something to be done. To be called when nothing is under way.
    ///
    /// # Errors
    /// The arguments do not fit.
    pub fn call(
        &mut self,
        tool: &str,
        arguments: Value<'_>,
        out: &mut [u8],
    ) -> Result<usize, Full> {
        self.said = 0;
        self.conversation.call(tool, arguments, out)
    }

    /// Takes bytes of the skill off the front of `input`, up to the next thing that it said. To be
    /// called until `input` is empty.
    ///
    /// # Errors
    /// What is wrong. Nothing that it says means anything any more.
    pub fn take(&mut self, input: &mut &[u8]) -> Result<Option<Heard<'_>>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let Self { conversation, lines, said, fault } = self;
        let mut failed = |found: Fault| {
            *fault = Some(found);
            found
        };
        let line = match lines.next(input) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(found) => return Err(failed(found)),
        };
        *said = said.saturating_add(1);
        if *said > MESSAGES_MAX {
            return Err(failed(Fault::TooMuch));
        }
        let message = conversation.take(line).map_err(failed)?;
        Ok(Some(match message {
            ToHost::Hello { name, release, .. } => Heard::Greeted { name, release },
            ToHost::Description { tools, .. } => Heard::Described(tools),
            ToHost::Progress { done, total, message, .. } => {
                Heard::Progress { done, total, message }
            }
            ToHost::Request { service, .. } => Heard::Asked(service),
            ToHost::Result { output, .. } => Heard::Done(output),
            ToHost::Error { id: 0, code, message } => Heard::GaveUp(code, message),
            ToHost::Error { code, message, .. } => Heard::Failed(code, message),
        }))
    }

    /// Nothing more will come of it.
    ///
    /// # Errors
    /// It ended in the middle of a line.
    pub const fn end(&self) -> Result<(), Fault> {
        self.lines.end()
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::limits::LINE_BYTES_MAX;

    const HELLO: &str = "{\"type\":\"hello\",\"version\":1,\"name\":\"a\",\"release\":\"1\"}\n";

    /// What is heard of these pieces by somebody who called once, as text.
    fn heard(pieces: &[&[u8]]) -> (Vec<String>, Result<(), Fault>) {
        let mut session = Session::new(vec![0; LINE_BYTES_MAX]);
        let mut room = vec![0; LINE_BYTES_MAX];
        let mut all = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while !input.is_empty() {
                let said = match session.take(&mut input) {
                    Ok(said) => said.map(|said| (format!("{said:?}"), said.is_greeting())),
                    Err(fault) => {
                        // And nothing is heard from there on.
                        assert_eq!(session.take(&mut HELLO.as_bytes()).err(), Some(fault));
                        return (all, Err(fault));
                    }
                };
                if let Some((said, is_greeting)) = said {
                    if is_greeting {
                        session.call("t", Value::EMPTY, &mut room).unwrap();
                    }
                    all.push(said);
                }
            }
        }
        (all, session.end())
    }

    impl Heard<'_> {
        fn is_greeting(&self) -> bool {
            matches!(self, Self::Greeted { .. })
        }
    }

    #[test]
    fn the_same_bytes_mean_the_same_in_whatever_pieces() {
        let text = format!(
            "{HELLO}{}{}{}",
            "{\"type\":\"progress\",\"id\":1,\"done\":1}\n",
            "{\"type\":\"request\",\"id\":1,\"call\":1,\"service\":\"proceed\"}\n",
            "{\"type\":\"result\",\"id\":1,\"output\":3}\n"
        );
        let bytes = text.as_bytes();
        // A result while a request is open breaks the contract: the last line is a fault.
        let whole = heard(&[bytes]);
        assert_eq!((whole.0.len(), whole.1), (3, Err(Fault::OutOfTurn)));
        for cut in 0..bytes.len() {
            let (front, back) = bytes.split_at(cut);
            assert_eq!(heard(&[front, back]), whole, "{cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(heard(&single), whole);
    }

    #[test]
    fn what_breaks_the_contract_is_named() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let flood =
            "{\"type\":\"progress\",\"id\":1,\"done\":1}\n".repeat(MESSAGES_MAX as usize + 1);
        for (text, fault) in [
            ("{\"type\":\"result\",\"id\":2,\"output\":1}\n", Fault::WrongId(2)),
            (long.as_str(), Fault::TooLong),
            ("{\"type\":\"result\",\"id\":1,", Fault::HalfLine),
            ("{}\n", Fault::UnknownType),
            (HELLO, Fault::OutOfTurn),
            (flood.as_str(), Fault::TooMuch),
        ] {
            let (_, ended) = heard(&[HELLO.as_bytes(), text.as_bytes()]);
            assert_eq!(ended, Err(fault), "{fault}");
        }
        let twice = "{\"type\":\"result\",\"id\":1,\"output\":1}\n".repeat(2);
        let (all, ended) = heard(&[HELLO.as_bytes(), twice.as_bytes()]);
        assert_eq!((all.len(), ended), (2, Err(Fault::Doubled(1))));
    }
}
