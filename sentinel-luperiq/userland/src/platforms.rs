//! Platforms that people write from: each a machine of the core's, whose requests go through the
//! program that holds the token.
//!
//! # Invariants
//! - A post that was taken is answered once, as its machine answers it.
//! - A message that the core cannot take now is kept and offered again, before those after it.
//! - No token is here: where it goes, the other program knows.
//!
//! # Not here
//! How a platform is spoken to: [`sentinel_core::channel::connector`]. Files that people send, and
//! platforms that hold a WebSocket.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use luperiq_exchange::Times;
use sentinel_core::channel::Incoming;
use sentinel_core::channel::connector::{
    Action, Call, CallNumber, Connector, Posted, ToPost, Token,
};
use sentinel_core::channel::telegram::Telegram;
use sentinel_core::order::Map;
use sentinel_core::time::{Instant, Now};
use sentinel_core::wire::http::Headers;

use crate::exchanges::{Exchanges, Heard, Request, Service, milliseconds};
use crate::machine::Machine;

/// A platform of the configuration.
#[derive(Clone, Debug)]
pub struct Connected {
    /// What the core calls it.
    pub platform: &'static str,
    /// Who is asked.
    pub service: Service,
    /// How long it may take until there is a connection, in milliseconds.
    pub connect: u32,
}

/// All platforms.
pub struct Platforms<L> {
    lines: Vec<Line>,
    exchanges: Exchanges<L>,
    answers: Map<u64, Answer>,
    asked_count: u64,
}

/// One platform.
struct Line {
    connected: Connected,
    machine: Box<dyn Connector>,
    /// Messages that the core could not take yet, the oldest first.
    refused: VecDeque<Incoming>,
    /// What was told of failures since something was answered.
    told: Option<String>,
}

/// An answer that is coming.
struct Answer {
    line: usize,
    call: CallNumber,
    bytes_max: usize,
    is_verified: bool,
    head: Option<(u16, Headers)>,
    body: Vec<u8>,
}

/// What the rest of the agent is told.
#[derive(Debug)]
pub enum Told {
    /// Somebody wrote.
    Message(Incoming),
    /// What became of a post.
    Posted {
        /// Of which delivery.
        delivery: u64,
        /// Which piece of it.
        piece: usize,
        /// What.
        outcome: Posted,
    },
    /// For whoever sits at the console.
    Note(String),
}

impl<L> Platforms<L> {
    /// Machines that have not begun. The seed makes their pauses differ from those of others.
    #[must_use]
    pub fn new(connected: &[Connected], seed: u64) -> Self {
        let line = |connected: &Connected| Line {
            connected: connected.clone(),
            // The settings know no other one.
            machine: Box::new(Telegram::new(seed)),
            refused: VecDeque::new(),
            told: None,
        };
        let lines = connected.iter().map(line).collect();
        Self { lines, exchanges: Exchanges::default(), answers: Map::new(), asked_count: 0 }
    }

    /// They begin.
    pub fn start(&mut self, now: Now) {
        self.lines.iter_mut().for_each(|line| line.machine.start(now, None));
    }

    /// Whether a post is for one of them; then it is on its way.
    pub fn post(&mut self, now: Now, platform: &str, post: ToPost) -> bool {
        let Some(line) = self.line(platform) else { return false };
        line.machine.post(now, post);
        true
    }

    /// A question is over, wherever it was asked.
    pub fn settled(&mut self, now: Now, question: u32) {
        self.lines.iter_mut().for_each(|line| line.machine.settled(now, question));
    }

    /// The record of a message is safe.
    pub fn acknowledge(&mut self, now: Now, platform: &str, message: &str) {
        if let Some(line) = self.line(platform) {
            line.machine.acknowledge(now, message);
        }
    }

    /// The core could not take a message: it is offered again.
    pub fn refused(&mut self, message: Incoming) {
        let platform = message.identity.platform.clone();
        if let Some(line) = self.line(&platform) {
            line.refused.push_front(message);
        }
    }

    fn line(&mut self, platform: &str) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.connected.platform == platform)
    }

    /// The lines to wait for, and whether there is something to send over each.
    pub fn lines(&self) -> impl Iterator<Item = (&L, bool)> {
        self.exchanges.lines()
    }

    /// When it is time to look again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let machines = self.lines.iter().filter_map(|line| line.machine.deadline());
        machines.chain(self.exchanges.deadline()).min()
    }

    /// What there is to tell. While `takes_messages` is false they wait, but for those of which
    /// `is_urgent` says that they are taken at any time.
    pub fn next<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
        takes_messages: bool,
        is_urgent: &dyn Fn(&Incoming) -> bool,
    ) -> Option<Told> {
        let now = machine.now();
        while let Some((number, heard)) = self.exchanges.next(machine) {
            if let Some(note) = self.hear(now, number, heard) {
                return Some(Told::Note(note));
            }
        }
        for place in 0..self.lines.len() {
            loop {
                let line = self.lines.get_mut(place)?;
                if takes_messages && let Some(message) = line.refused.pop_front() {
                    return Some(Told::Message(message));
                }
                // So many that its platform has to wait, too.
                if line.refused.len() >= REFUSED_COUNT_MAX {
                    break;
                }
                let Some(action) = line.machine.poll(now) else { break };
                let name = line.connected.platform;
                match action {
                    Action::Call(call) => self.ask(machine, now, place, call),
                    Action::Cancel(call) => self.cancel(now, place, call),
                    Action::Message(message) if !takes_messages && !is_urgent(&message) => {
                        line.refused.push_back(message);
                    }
                    Action::Message(message) => return Some(Told::Message(message)),
                    Action::Posted { delivery, piece, outcome } => {
                        return Some(Told::Posted { delivery, piece, outcome });
                    }
                    Action::Alert(text) => return Some(Told::Note(format!("* {name}: {text}"))),
                    Action::Ready { name: own } => {
                        return Some(Told::Note(format!("* {name}: at work as {own}")));
                    }
                    Action::Stopped { why } => {
                        return Some(Told::Note(format!("* {name}: stopped: {why}")));
                    }
                    // No platform here keeps anything, holds a WebSocket or hands out files.
                    _ => {}
                }
            }
        }
        None
    }

    fn ask<M: Machine<Line = L>>(&mut self, machine: &mut M, now: Now, place: usize, call: Call) {
        let Some(line) = self.lines.get_mut(place) else { return };
        if call.token != Token::BotPath {
            // Nothing else is said to be reached.
            return line.machine.failed(now, call.number, false);
        }
        self.asked_count += 1;
        let (kind, body) = call.body.map_or((None, Vec::new()), |(kind, body)| (Some(kind), body));
        let total = milliseconds(call.time_max);
        let connect = line.connected.connect;
        let request = Request {
            number: self.asked_count,
            service: &line.connected.service,
            method: &call.method,
            path: &call.path,
            fields: kind.map(|kind| ("content-type", kind)).into_iter().collect(),
            body,
            times: Times { connect, first_byte: total, idle: total, total },
        };
        self.exchanges.ask(machine, request);
        let answer = Answer {
            line: place,
            call: call.number,
            bytes_max: call.answer_bytes_max,
            is_verified: false,
            head: None,
            body: Vec::new(),
        };
        self.answers.insert(self.asked_count, answer);
    }

    fn cancel(&mut self, now: Now, place: usize, call: CallNumber) {
        let is_it = |answer: &Answer| answer.line == place && answer.call == call;
        let found = self.answers.iter().find(|(_, answer)| is_it(answer));
        if let Some(number) = found.map(|(number, _)| *number) {
            self.answers.remove(&number);
            self.exchanges.cancel(now.instant, number);
        }
    }

    /// Takes what came of a request: what there is to say about it.
    fn hear(&mut self, now: Now, number: u64, heard: Heard) -> Option<String> {
        let answer = self.answers.get_mut(&number)?;
        match heard {
            Heard::Verified(service, nanoseconds) => {
                answer.is_verified = true;
                let microseconds = nanoseconds / 1000;
                return (nanoseconds > 0).then(|| {
                    format!("* '{service}' is asked: it is who it says it is ({microseconds} us)")
                });
            }
            Heard::Head(status, headers) => answer.head = Some((status, headers)),
            Heard::Body(bytes) if answer.body.len() + bytes.len() > answer.bytes_max => {
                let why = "its answer is longer than it may be".to_string();
                self.exchanges.cancel(now.instant, number);
                return self.failed(now, number, why);
            }
            Heard::Body(bytes) => answer.body.extend_from_slice(&bytes),
            Heard::End => {
                let Answer { line, call, head, body, .. } = self.answers.remove(&number)?;
                let line = self.lines.get_mut(line)?;
                line.told = None;
                match head {
                    Some((status, headers)) => {
                        line.machine.answered(now, call, status, &headers, &body);
                    }
                    None => line.machine.failed(now, call, true),
                }
            }
            Heard::Failed(_, why) => return self.failed(now, number, why),
        }
        None
    }

    /// A request failed: what there is to say about it, if that was not said before.
    fn failed(&mut self, now: Now, number: u64, why: String) -> Option<String> {
        let Answer { line, call, is_verified, .. } = self.answers.remove(&number)?;
        let line = self.lines.get_mut(line)?;
        // Before it was known who is there, nothing was sent.
        line.machine.failed(now, call, is_verified);
        let is_told = line.told.as_ref() == Some(&why);
        let note = (!is_told).then(|| format!("* {why}; it is tried again"));
        line.told = Some(why);
        note
    }
}

impl<L> core::fmt::Debug for Platforms<L> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{} platforms", self.lines.len())
    }
}

/// More than a platform gives out at once.
const REFUSED_COUNT_MAX: usize = 256;
