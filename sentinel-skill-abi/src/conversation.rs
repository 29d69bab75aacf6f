//! Sentinel's side: what a skill may say at this point, and what it may not.
//!
//! A skill is somebody else's program. It may answer twice, answer what was not asked, or go on
//! after it was cancelled; each of these is an error with a name.
//!
//! # Invariants
//! - A call has one end, whatever the skill says, and what comes for it afterwards is refused.
//! - Ids are given once and never again.
//!
//! # Not here
//! Time. Whoever waits decides how long.

use crate::fault::{Code, Fault};
use crate::json::{Text, Value};
use crate::limits::VERSION;
use crate::message::{ToHost, ToSkill, write_bytes};
use crate::write::Full;

/// A conversation with a skill, from hello to the last result. One thing at a time is under way.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Whether the skill said hello.
    is_greeted: bool,
    /// The last id that was given.
    last: u32,
    /// What is under way.
    task: Option<Task>,
    /// The last request of the skill.
    request_last: u32,
    /// Whether it still waits for an answer.
    is_request_open: bool,
}

/// What a skill is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// It says what it can do.
    Describe,
    /// It does it.
    Call,
}

impl Conversation {
    /// One in which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is under way.
    #[must_use]
    pub const fn task(&self) -> Option<Task> {
        self.task
    }

    /// The id of what is under way, or was last.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.last
    }

    /// Writes the first line.
    ///
    /// # Errors
    /// There is no room.
    pub fn hello(&self, room: &mut [u8]) -> Result<usize, Full> {
        ToSkill::Hello { version: VERSION }.write(room)
    }

    /// Asks what the skill can do. To be called when nothing is under way.
    ///
    /// # Errors
    /// There is no room.
    pub fn describe(&mut self, room: &mut [u8]) -> Result<usize, Full> {
        let id = self.last + 1;
        let length = ToSkill::Describe { id }.write(room)?;
        self.begin(Task::Describe);
        Ok(length)
    }

    /// Asks for something to be done. To be called when nothing is under way.
    ///
    /// # Errors
    /// The arguments do not fit.
    pub fn call(
        &mut self,
        tool: &str,
        arguments: Value<'_>,
        room: &mut [u8],
    ) -> Result<usize, Full> {
        let call = ToSkill::Call { id: self.last + 1, tool: Text::Plain(tool), arguments };
        let length = call.write(room)?;
        self.begin(Task::Call);
        Ok(length)
    }

    /// Asks for the call to be left. Its end is still to come.
    ///
    /// # Errors
    /// There is no room.
    pub fn cancel(&self, room: &mut [u8]) -> Result<usize, Full> {
        ToSkill::Cancel { id: self.last }.write(room)
    }

    /// Answers the open request of a `read`.
    ///
    /// # Errors
    /// There are more bytes than fit.
    pub fn answer(&mut self, bytes: &[u8], is_last: bool, room: &mut [u8]) -> Result<usize, Full> {
        let length = write_bytes(self.request_last, bytes, is_last, room)?;
        self.is_request_open = false;
        Ok(length)
    }

    /// Answers the open request of a `proceed`.
    ///
    /// # Errors
    /// There is no room.
    pub fn proceed(&mut self, room: &mut [u8]) -> Result<usize, Full> {
        let answer = ToSkill::Answer { id: self.request_last, bytes: None, is_last: None };
        let length = answer.write(room)?;
        self.is_request_open = false;
        Ok(length)
    }

    /// Does not give what the open request asked for.
    ///
    /// # Errors
    /// The message does not fit.
    pub fn refuse(&mut self, code: Code, why: &str, room: &mut [u8]) -> Result<usize, Full> {
        let message = Text::Plain(why);
        let refusal = ToSkill::Refusal { id: self.request_last, code, message };
        let length = refusal.write(room)?;
        self.is_request_open = false;
        Ok(length)
    }

    /// Takes a line of the skill.
    ///
    /// # Errors
    /// What is wrong with it. The skill is to be ended: nothing it says means anything any more.
    pub fn take<'a>(&mut self, line: &'a [u8]) -> Result<ToHost<'a>, Fault> {
        let message = ToHost::read(line)?;
        match message {
            ToHost::Hello { version, .. } => {
                if version != VERSION {
                    return Err(Fault::Version(version));
                }
                if core::mem::replace(&mut self.is_greeted, true) {
                    return Err(Fault::OutOfTurn);
                }
            }
            // Who does not speak this version may say so in place of a greeting.
            ToHost::Error { id: 0, .. } => {}
            _ if !self.is_greeted => return Err(Fault::OutOfTurn),
            ToHost::Description { id, .. } => self.finish(id, Some(Task::Describe))?,
            ToHost::Result { id, .. } => self.finish(id, Some(Task::Call))?,
            ToHost::Error { id, .. } => self.finish(id, None)?,
            ToHost::Progress { id, .. } => self.expect(id, Some(Task::Call))?,
            ToHost::Request { id, call, .. } => {
                self.expect(call, Some(Task::Call))?;
                if self.is_request_open {
                    return Err(Fault::OutOfTurn);
                }
                if id <= self.request_last {
                    return Err(Fault::Doubled(id));
                }
                self.request_last = id;
                self.is_request_open = true;
            }
        }
        Ok(message)
    }

    fn begin(&mut self, task: Task) {
        self.last += 1;
        self.task = Some(task);
        self.request_last = 0;
        self.is_request_open = false;
    }

    fn finish(&mut self, id: u32, task: Option<Task>) -> Result<(), Fault> {
        self.expect(id, task)?;
        // It waits for an answer, and does not.
        if self.is_request_open {
            return Err(Fault::OutOfTurn);
        }
        self.task = None;
        Ok(())
    }

    fn expect(&self, id: u32, task: Option<Task>) -> Result<(), Fault> {
        match self.task {
            _ if id == 0 || id > self.last => Err(Fault::WrongId(id)),
            None => Err(Fault::Doubled(id)),
            Some(_) if id < self.last => Err(Fault::Doubled(id)),
            Some(under_way) if task.is_some_and(|task| task != under_way) => Err(Fault::OutOfTurn),
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
