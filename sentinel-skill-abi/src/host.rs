//! The skill's side: the loop around its functions, and what they may ask for.
//!
//! # Invariants
//! - Every call gets one answer: a result or an error.
//! - After a line that breaks the contract the skill says so, and ends.
//!
//! # Not here
//! Where lines come from: a [`Transport`] for standard input and output, one for WASM.

use core::fmt;
use core::ops::Range;

use crate::fault::{Code, Fault};
use crate::json::{Text, Value};
use crate::limits::{MESSAGE_BYTES_MAX, READ_BYTES_MAX, VERSION};
use crate::message::{Service, ToHost, ToSkill, read_bytes};
use crate::output::Output;
use crate::parameter::{Field, Handle, Parameters, write_lines, write_schema};
use crate::write::Line;

/// A way to say and hear lines.
pub trait Transport {
    /// Says a line, which has its newline.
    ///
    /// # Errors
    /// Nobody is there to hear it.
    fn send(&mut self, line: &[u8]) -> Result<(), Closed>;

    /// Waits for a line and puts it here, without its newline; nothing if there is none to come.
    ///
    /// # Errors
    /// What came is no line.
    fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Fault>;
}

/// Nobody is at the other end any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// A skill: its name, and what it can do. [`skill!`](crate::skill) makes it.
#[derive(Debug)]
pub struct Skill {
    /// Its name, as in its manifest.
    pub name: &'static str,
    /// Its version, as in its manifest.
    pub release: &'static str,
    /// What it can do.
    pub tools: &'static [Tool],
}

/// Something that a skill can do.
#[derive(Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does, line by line.
    pub description: &'static [&'static str],
    /// What it takes.
    pub parameters: &'static [Field],
    /// Does it.
    pub run: fn(&mut Host<'_>) -> Result<(), Failure>,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: Code,
    message: heapless::String<FAILURE_BYTES_MAX>,
}

impl Failure {
    /// It was tried and did not work, for this reason. More than 104 bytes of it are cut.
    #[must_use]
    pub fn new(message: &str) -> Self {
        Self::with(Code::Failed, &[message])
    }

    /// The arguments cannot be meant.
    #[must_use]
    pub fn arguments(message: &[&str]) -> Self {
        Self::with(Code::Arguments, message)
    }

    /// What kind it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    fn with(code: Code, parts: &[&str]) -> Self {
        let mut message = heapless::String::new();
        for character in parts.iter().flat_map(|part| part.chars()) {
            if message.push(character).is_err() {
                break;
            }
        }
        Self { code, message }
    }

    fn closed() -> Self {
        Self::new("nobody is there any more")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl core::error::Error for Failure {}

impl Skill {
    /// Talks until there is nothing more to come, in this room: two lines' worth.
    ///
    /// # Errors
    /// How the other side broke the contract. It was told.
    pub fn run(
        &self,
        transport: &mut dyn Transport,
        input: &mut [u8],
        output: &mut [u8],
    ) -> Result<(), Fault> {
        let mut host = Host {
            transport,
            input,
            output,
            arguments: 0..0,
            call: 0,
            last: 0,
            request: 0,
            is_cancelled: false,
            fault: None,
            is_closed: false,
        };
        let ended = host.talk(self);
        if let Err(fault) = ended {
            let code = match fault {
                Fault::Version(_) => Code::Version,
                _ => Code::Protocol,
            };
            let message = Text::Plain(fault.reason());
            let _ = host.say(&ToHost::Error { id: 0, code, message });
        }
        ended
    }
}

/// What a function has for the time of a call: arguments, and somebody to ask.
pub struct Host<'h> {
    transport: &'h mut dyn Transport,
    input: &'h mut [u8],
    output: &'h mut [u8],
    /// Where in the input the arguments of the call stand.
    arguments: Range<usize>,
    call: u32,
    /// The last id of Sentinel's.
    last: u32,
    /// The last id of ours.
    request: u32,
    is_cancelled: bool,
    /// What broke in the middle of a call.
    fault: Option<Fault>,
    is_closed: bool,
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Host").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Host<'_> {
    /// Says how far it is: so much of so much, and what is being done.
    ///
    /// # Errors
    /// Nobody is there any more.
    pub fn progress(
        &mut self,
        done: u64,
        total: Option<u64>,
        message: Option<&str>,
    ) -> Result<(), Failure> {
        let message = message.filter(|text| (1..=MESSAGE_BYTES_MAX).contains(&text.len()));
        let message = message.map(Text::Plain);
        let progress = ToHost::Progress { id: self.call, done, total, message };
        self.say(&progress).map_err(|Closed| Failure::closed())
    }

    /// Reads bytes of what a handle stands for, from `offset` on, at most as many as there is room
    /// for; says how many, and whether they are the last.
    ///
    /// # Errors
    /// It was refused, or the call was cancelled.
    pub fn read(
        &mut self,
        handle: Handle,
        offset: u64,
        room: &mut [u8],
    ) -> Result<(usize, bool), Failure> {
        let length = u32::try_from(room.len().min(READ_BYTES_MAX)).unwrap_or(0);
        let service = Service::Read { handle: handle.0, offset, length: length.max(1) };
        let (bytes, is_last) = self.ask(service, room)?;
        Ok((bytes, is_last))
    }

    /// Asks whether to go on, which costs a round trip. For work that takes long.
    ///
    /// # Errors
    /// The call was cancelled.
    pub fn proceed(&mut self) -> Result<(), Failure> {
        self.ask(Service::Proceed, &mut []).map(drop)
    }

    /// The arguments of the call. For [`skill!`](crate::skill), before anything is asked.
    #[doc(hidden)]
    pub fn arguments<P: Parameters>(&self) -> Result<P, Failure> {
        let bytes = self.input.get(self.arguments.clone()).unwrap_or_default();
        let text = core::str::from_utf8(bytes).unwrap_or_default();
        P::read(Value::parse(text).unwrap_or(Value::EMPTY))
    }

    /// Says what came of the call. For [`skill!`](crate::skill).
    #[doc(hidden)]
    pub fn finish(&mut self, output: &impl Output) -> Result<(), Failure> {
        if self.fault.is_some() || self.is_closed {
            return Ok(());
        }
        let mut line = Line::new(self.output);
        line.object();
        line.key("type");
        line.text(Text::Plain("result"));
        line.key("id");
        line.unsigned(self.call.into());
        line.key("output");
        output.write(&mut line);
        line.end_object();
        let too_large = |_| Failure::with(Code::TooLarge, &["the output does not fit into a line"]);
        let length = line.end().map_err(too_large)?;
        self.send(length).map_err(|Closed| Failure::closed())
    }

    /// The conversation, until its end or a fault.
    fn talk(&mut self, skill: &Skill) -> Result<(), Fault> {
        let mut is_greeted = false;
        while let Some(length) = self.transport.receive(self.input)? {
            let line = self.input.get(..length).unwrap_or_default();
            let message = ToSkill::read(line)?;
            let is_first = !is_greeted;
            match message {
                ToSkill::Hello { version } if is_first => {
                    if version != VERSION {
                        return Err(Fault::Version(version));
                    }
                    is_greeted = true;
                    let name = Text::Plain(skill.name);
                    let release = Text::Plain(skill.release);
                    let hello = ToHost::Hello { version: VERSION, name, release };
                    self.is_closed |= self.say(&hello).is_err();
                }
                _ if is_first => return Err(Fault::OutOfTurn),
                ToSkill::Describe { id } => {
                    self.next(id)?;
                    self.describe(id, skill);
                }
                ToSkill::Call { id, tool, arguments } => {
                    let tool = skill.tools.iter().find(|known| tool == Text::Plain(known.name));
                    let text = arguments.as_str();
                    // It is a piece of the line: from here to there.
                    let start = (text.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
                    self.arguments = start..start + text.len();
                    self.next(id)?;
                    self.run(id, tool)?;
                }
                // It crossed with the end of the call.
                ToSkill::Cancel { id } if id <= self.last => {}
                ToSkill::Cancel { id } => return Err(Fault::WrongId(id)),
                ToSkill::Answer { id, .. } | ToSkill::Refusal { id, .. } => {
                    let is_known = id <= self.request;
                    return Err(if is_known { Fault::Doubled(id) } else { Fault::WrongId(id) });
                }
                ToSkill::Hello { .. } => return Err(Fault::OutOfTurn),
            }
            if self.is_closed {
                break;
            }
        }
        Ok(())
    }

    fn next(&mut self, id: u32) -> Result<(), Fault> {
        if id <= self.last {
            return Err(Fault::Doubled(id));
        }
        self.last = id;
        Ok(())
    }

    fn describe(&mut self, id: u32, skill: &Skill) {
        let mut line = Line::new(self.output);
        line.object();
        line.key("type");
        line.text(Text::Plain("description"));
        line.key("id");
        line.unsigned(id.into());
        line.key("tools");
        line.list();
        for tool in skill.tools {
            line.object();
            line.key("name");
            line.text(Text::Plain(tool.name));
            line.key("description");
            write_lines(&mut line, tool.description);
            line.key("parameters");
            write_schema(&mut line, tool.parameters);
            line.end_object();
        }
        line.end_list();
        line.end_object();
        let sent = match line.end() {
            Ok(length) => self.send(length),
            Err(_) => {
                let why = Failure::with(Code::TooLarge, &["the description does not fit"]);
                self.fail(id, &why)
            }
        };
        self.is_closed |= sent.is_err();
    }

    fn run(&mut self, id: u32, tool: Option<&Tool>) -> Result<(), Fault> {
        self.call = id;
        self.request = 0;
        self.is_cancelled = false;
        let outcome = match tool {
            Some(tool) => (tool.run)(self),
            None => Err(Failure::with(Code::UnknownTool, &["there is no such tool"])),
        };
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if let (Err(failure), false) = (outcome, self.is_closed) {
            self.is_closed |= self.fail(id, &failure).is_err();
        }
        Ok(())
    }

    /// Asks, and waits for the answer to just that.
    fn ask(&mut self, service: Service, room: &mut [u8]) -> Result<(usize, bool), Failure> {
        if self.fault.is_some() || self.is_closed {
            return Err(Failure::closed());
        }
        if self.is_cancelled {
            return Err(cancelled());
        }
        self.request += 1;
        let request = ToHost::Request { id: self.request, call: self.call, service };
        if self.say(&request).is_err() {
            self.is_closed = true;
            return Err(Failure::closed());
        }
        loop {
            match self.answered(service, room) {
                Ok(Some(answer)) => return answer,
                Ok(None) => {}
                Err(fault) => {
                    self.fault = Some(fault);
                    return Err(Failure::closed());
                }
            }
        }
    }

    /// Takes a line while an answer is waited for.
    #[allow(clippy::type_complexity, reason = "an answer, none yet, or a fault")]
    fn answered(
        &mut self,
        service: Service,
        room: &mut [u8],
    ) -> Result<Option<Result<(usize, bool), Failure>>, Fault> {
        let Some(length) = self.transport.receive(self.input)? else {
            self.is_closed = true;
            return Ok(Some(Err(Failure::closed())));
        };
        let line = self.input.get(..length).unwrap_or_default();
        match ToSkill::read(line)? {
            ToSkill::Answer { id, bytes, is_last } if id == self.request => {
                if self.is_cancelled {
                    return Ok(Some(Err(cancelled())));
                }
                match (service, bytes, is_last) {
                    (Service::Read { .. }, Some(bytes), Some(is_last)) => {
                        let count = read_bytes(bytes, room).ok_or(Fault::Field("bytes"))?;
                        Ok(Some(Ok((count, is_last))))
                    }
                    (Service::Proceed, None, None) => Ok(Some(Ok((0, true)))),
                    _ => Err(Fault::Field("bytes")),
                }
            }
            ToSkill::Refusal { id, code, message } if id == self.request => {
                let mut words = Failure::with(code, &[]);
                for character in message.chars() {
                    if words.message.push(character).is_err() {
                        break;
                    }
                }
                Ok(Some(Err(words)))
            }
            // The answer is still to come.
            ToSkill::Cancel { id } if id == self.call => {
                self.is_cancelled = true;
                Ok(None)
            }
            ToSkill::Answer { id, .. } | ToSkill::Refusal { id, .. } => {
                Err(if id < self.request { Fault::Doubled(id) } else { Fault::WrongId(id) })
            }
            ToSkill::Cancel { id } => Err(Fault::WrongId(id)),
            _ => Err(Fault::OutOfTurn),
        }
    }

    fn fail(&mut self, id: u32, failure: &Failure) -> Result<(), Closed> {
        let message = match failure.message.as_str() {
            "" => "it failed, and does not say why",
            message => message,
        };
        self.say(&ToHost::Error { id, code: failure.code, message: Text::Plain(message) })
    }

    fn say(&mut self, message: &ToHost<'_>) -> Result<(), Closed> {
        // What is said here always fits: names are checked, and messages are cut.
        let length = message.write(self.output).map_err(|_| Closed)?;
        self.send(length)
    }

    fn send(&mut self, length: usize) -> Result<(), Closed> {
        self.transport.send(self.output.get(..length).unwrap_or_default())
    }
}

fn cancelled() -> Failure {
    Failure::with(Code::Cancelled, &["the call was cancelled"])
}

/// Bytes of a failure's words: a sentence, so that a result is small enough to be passed by value.
const FAILURE_BYTES_MAX: usize = 104;
const _: () = assert!(FAILURE_BYTES_MAX <= MESSAGE_BYTES_MAX);

#[cfg(test)]
mod tests;
