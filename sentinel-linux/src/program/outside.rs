//! Calls of an assistant, handed to the core, and what becomes of them handed back.
//!
//! # Not here
//! Standard input and output: [`assistant`](crate::assistant).

use std::error::Error;

use sentinel_core::agent::{Answer, OperatorCommand, Pending};
use sentinel_core::channel::Post;
use sentinel_core::mcp::{ServerEffect, Wish};
use sentinel_core::runtime::{Event, Said};

use super::Program;
use crate::log;

impl Program {
    /// What was begun for a client that is gone is ended: nobody waits for it.
    pub(super) fn end_calls_of_before(&mut self) -> Result<(), Box<dyn Error>> {
        if self.sentinel.is_outside_busy() { self.stop_call() } else { Ok(()) }
    }

    /// What the assistant wants; false if it was nothing.
    pub(super) fn serve(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut has_served = false;
        while let Some(effect) = self.assistant_wants()? {
            has_served = true;
            match effect {
                ServerEffect::Call(wish) => self.call_from_outside(wish)?,
                ServerEffect::Cancel(_) => self.stop_call()?,
                ServerEffect::Answered { question, allows } => {
                    self.answer_from_outside(question, allows)?;
                }
                ServerEffect::Note(what) => log::warn!("{what}"),
                _ => {}
            }
            self.perform()?;
        }
        if let Some(assistant) = &mut self.assistant
            && assistant.has_call()
            && !self.sentinel.is_outside_busy()
        {
            assistant.give_up();
            return Ok(true);
        }
        Ok(has_served)
    }

    fn assistant_wants(&mut self) -> Result<Option<ServerEffect>, Box<dyn Error>> {
        let Some(assistant) = &mut self.assistant else { return Ok(None) };
        assistant.read_file(&self.poller)?;
        Ok(assistant.poll()?)
    }

    fn call_from_outside(&mut self, wish: Wish) -> Result<(), Box<dyn Error>> {
        self.rest.disturb();
        let now = self.clock.now();
        let Some(assistant) = &mut self.assistant else { return Ok(()) };
        let outcome = match assistant.begin(wish, now.wall) {
            Ok(message) => {
                let event = Event::Message(message);
                self.sentinel.handle(now, event).map_err(|error| error.to_string())
            }
            Err(why) => Err(why),
        };
        if let Err(why) = outcome {
            assistant.finish(&format!("not run: {why}"), true);
        }
        Ok(())
    }

    fn stop_call(&mut self) -> Result<(), Box<dyn Error>> {
        let Some(conversation) = self.sentinel.outside() else { return Ok(()) };
        let command = OperatorCommand::Stop(conversation);
        self.tell(Event::Operator { request: NOBODY, command })
    }

    fn answer_from_outside(&mut self, question: u32, allows: bool) -> Result<(), Box<dyn Error>> {
        let outside = self.sentinel.outside();
        let is_asked =
            |open: &Pending<'_>| open.number == question && Some(open.conversation) == outside;
        let digest = self.sentinel.questions().find(is_asked).map(|asked| asked.digest);
        let Some(digest) = digest else { return Ok(()) };
        // Once, and never for more than what was shown.
        let answer = if allows { Answer::Once } else { Answer::No };
        let command = OperatorCommand::Answer { question, digest, answer };
        self.tell(Event::Operator { request: NOBODY, command })
    }

    /// Something is said where the calls come from.
    pub(super) fn say_outside(&mut self, post: &Post, said: Said) {
        let (Some(assistant), Post::Send { text, .. }) = (&mut self.assistant, post) else {
            return;
        };
        match said {
            Said::Answer => assistant.answered(text),
            Said::Question(number) => assistant.ask(number, text),
            Said::Notice => assistant.noticed(text),
        }
    }
}

/// A request that no client of the control socket made.
const NOBODY: u64 = u64::MAX;
