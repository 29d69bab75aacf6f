//! Control: how operators manage an agent from outside of any chat.
//!
//! A client and the agent say one JSON object per line to each other. The agent begins with a
//! greeting; then the client asks, each request under a number of its own, and each is answered
//! once under that number:
//!
//! ```text
//! < {"sentinel":"control","version":1}
//! > {"id":1,"do":"grant","grant":"read /srv/notes"}
//! < {"id":1,"done":"granted: h3.0"}
//! > {"id":2,"do":"revoke","index":9,"generation":0}
//! < {"id":2,"refused":"there is no grant h9.0"}
//! > {"id":3,"show":"grants"}
//! < {"id":3,"grants":[{"handle":"h0.0", …}]}
//! > {"id":4,"show":"wether"}
//! < {"id":4,"error":"'wether' cannot be shown","code":"malformed"}
//! ```
//!
//! What is done are the [operator's commands](crate::agent::OperatorCommand): they are recorded
//! before they are carried out, and answered when that record is safe. What is shown is not
//! recorded. A list comes in pages: where there is more, `next` is what the request for the next
//! page names as `after`.
//!
//! # Invariants
//! - A line that is not understood whole does nothing.
//! - No client makes the agent hold more than a bounded number of bytes and commands: who does not
//!   read is not answered, and who does nothing is dropped after a time.
//! - What a client is told is one line, and bounded.
//!
//! # Not here
//! Who may be a client: the shell, which knows who is at the other end.

pub(crate) mod lines;
mod request;
#[cfg(test)]
mod tests;
mod view;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::lines::Lines;
use crate::agent::{OperatorCommand, Refusal};
use crate::limits::{
    CONTROL_ANSWER_BYTES_MAX, CONTROL_CLIENTS_MAX, CONTROL_LINE_BYTES_MAX, CONTROL_PATIENCE,
    CONTROL_UNREAD_BYTES_MAX, CONTROL_WAITING_MAX,
};
use crate::order::Map;
use crate::runtime::{EventError, Sentinel};
use crate::text::json::{self, ObjectWriter};
use crate::time::{Instant, Now};

pub use self::request::{Query, Request};

/// The version of the protocol, which the greeting names. It changes when what was said before
/// means something else.
pub const VERSION: u64 = 1;

/// All clients, and what they asked for.
///
/// The shell says what came from a client ([`received`](Self::received)) and what was written to it
/// ([`sent`](Self::sent)), takes commands out ([`poll`](Self::poll)) and brings their outcomes
/// ([`told`](Self::told)).
#[derive(Debug, Default)]
pub struct Control {
    clients: Map<u32, Client>,
    clients_count: u32,
    /// Who waits for a command's outcome, and under which number of its own.
    asked: Map<u64, (u32, u64)>,
    requests_count: u64,
}

/// Something to be done for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Names it in the outcome.
    pub request: u64,
    /// What.
    pub command: OperatorCommand,
}

#[derive(Debug)]
struct Client {
    lines: Lines,
    /// What came and was not looked at yet.
    input: VecDeque<u8>,
    /// What is to be said.
    output: Vec<u8>,
    /// Commands that wait for their outcome.
    waiting_count: usize,
    /// When it said or read something.
    moved: Instant,
    /// Whether it says nothing more.
    has_ended: bool,
}

impl Control {
    /// Nobody is there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether one more client is taken, if [somebody](Self::crowded_out) leaves for it.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.clients.len() < CONTROL_CLIENTS_MAX || self.crowded_out().is_some()
    }

    /// Who has to leave before one more client comes: the one that did nothing for longest, so that
    /// those who only sit there keep nobody out.
    #[must_use]
    pub fn crowded_out(&self) -> Option<u32> {
        if self.clients.len() < CONTROL_CLIENTS_MAX {
            return None;
        }
        let silent = self.clients.iter().filter(|(_, client)| client.waiting_count == 0);
        silent.min_by_key(|(_, client)| client.moved).map(|(number, _)| *number)
    }

    /// A client is there. It is greeted.
    pub fn open(&mut self, now: Instant) -> u32 {
        let number = self.clients_count;
        self.clients_count = self.clients_count.wrapping_add(1);
        let mut client = Client {
            lines: Lines::new(CONTROL_LINE_BYTES_MAX),
            input: VecDeque::new(),
            output: Vec::new(),
            waiting_count: 0,
            moved: now,
            has_ended: false,
        };
        client.say(|out| {
            out.field("sentinel", "control").field("version", VERSION);
        });
        self.clients.insert(number, client);
        number
    }

    /// A client is gone. What it asked for is done all the same.
    pub fn close(&mut self, client: u32) {
        self.clients.remove(&client);
        self.asked.retain(|_, (asker, _)| *asker != client);
    }

    /// Whether more of a client is taken now.
    #[must_use]
    pub fn wants_input(&self, client: u32) -> bool {
        self.clients
            .get(&client)
            .is_some_and(|client| client.input.is_empty() && client.is_open() && !client.has_ended)
    }

    /// A client said something.
    pub fn received(&mut self, client: u32, bytes: &[u8], now: Instant) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.moved = now;
            client.input.extend(bytes);
        }
    }

    /// A client says nothing more. What it asked for is still answered.
    pub fn ended(&mut self, client: u32) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.has_ended = true;
        }
    }

    /// What is to be written to a client.
    #[must_use]
    pub fn output(&self, client: u32) -> &[u8] {
        self.clients.get(&client).map_or(&[], |client| &client.output)
    }

    /// So many bytes of it were written.
    pub fn sent(&mut self, client: u32, bytes_count: usize, now: Instant) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.moved = now;
            client.output.drain(..bytes_count.min(client.output.len()));
        }
    }

    /// The next thing that a client wants done; what it wants to see is shown here.
    pub fn poll(&mut self, sentinel: &Sentinel, now: Now) -> Option<Command> {
        for (number, client) in self.clients.iter_mut() {
            while client.is_open() {
                let Some((id, asked)) = client.next() else { break };
                match (id, asked) {
                    (Some(id), Ok(Request::Do(command))) => {
                        self.requests_count += 1;
                        client.waiting_count += 1;
                        self.asked.insert(self.requests_count, (*number, id));
                        return Some(Command { request: self.requests_count, command });
                    }
                    (Some(id), Ok(Request::Show { what, after })) => {
                        client.answer(&view::answer(id, sentinel, what, after, now));
                    }
                    (id, Ok(_)) => client.fail(id, "malformed", "a request needs an 'id'"),
                    (id, Err(what)) => client.fail(id, "malformed", &what),
                }
            }
        }
        None
    }

    /// What came of a command. Of one that nobody waits for any more nothing is said.
    pub fn told(&mut self, request: u64, outcome: &Result<String, Refusal>) {
        let Some((client, id)) = self.taken(request) else { return };
        client.say(|out| {
            out.field("id", id);
            match outcome {
                Ok(done) => out.field("done", done.as_str()),
                Err(refusal) => out.field("refused", refusal.to_string().as_str()),
            };
        });
    }

    /// A command was not taken.
    pub fn not_taken(&mut self, request: u64, why: &EventError) {
        let Some((client, id)) = self.taken(request) else { return };
        let code = match why {
            EventError::Busy => "busy",
            EventError::NotAtWork => "not_at_work",
            _ => "stopped",
        };
        client.fail(Some(id), code, &why.to_string());
    }

    /// The clients with which it is over: all was said, or they did nothing for too long.
    #[must_use]
    pub fn over(&self, now: Instant) -> Vec<u32> {
        let over = self.clients.iter().filter(|(_, client)| {
            client.deadline().is_some_and(|deadline| deadline <= now) || client.is_done()
        });
        over.map(|(number, _)| *number).collect()
    }

    /// When the next one has done nothing for too long.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.clients.values().filter_map(Client::deadline).min()
    }

    fn taken(&mut self, request: u64) -> Option<(&mut Client, u64)> {
        let (number, id) = self.asked.remove(&request)?;
        let client = self.clients.get_mut(&number)?;
        client.waiting_count = client.waiting_count.saturating_sub(1);
        Some((client, id))
    }
}

impl Client {
    /// Whether it can be answered more.
    fn is_open(&self) -> bool {
        self.waiting_count < CONTROL_WAITING_MAX && self.output.len() < CONTROL_UNREAD_BYTES_MAX
    }

    /// Whether nothing more comes of it.
    fn is_done(&self) -> bool {
        self.has_ended && self.input.is_empty() && self.output.is_empty() && self.waiting_count == 0
    }

    /// When it is dropped. While its command is carried out it is the one that waits.
    fn deadline(&self) -> Option<Instant> {
        let waits = self.waiting_count > 0 && self.output.is_empty();
        (!waits).then(|| self.moved.after(CONTROL_PATIENCE))
    }

    /// Its next request.
    fn next(&mut self) -> Option<(Option<u64>, Result<Request, String>)> {
        loop {
            let (input, _) = self.input.as_slices();
            let mut rest = input;
            let line = self.lines.next(&mut rest);
            let used = input.len() - rest.len();
            self.input.drain(..used);
            match line {
                Some(Ok(line)) if line.trim_ascii().is_empty() => {}
                Some(Ok(line)) => {
                    let (id, request) = Request::read(&line);
                    return Some((id, request.map_err(|error| error.to_string())));
                }
                Some(Err(lines::TooLong)) => {
                    let most = CONTROL_LINE_BYTES_MAX;
                    let what = alloc::format!("a line has at most {most} bytes");
                    return Some((None, Err(what)));
                }
                None if self.input.is_empty() => return None,
                None => {}
            }
        }
    }

    fn fail(&mut self, id: Option<u64>, code: &str, what: &str) {
        self.say(|out| {
            out.optional("id", id).field("error", what).field("code", code);
        });
    }

    fn say(&mut self, body: impl FnOnce(&mut ObjectWriter<'_, String>)) {
        self.answer(&json::object(body));
    }

    fn answer(&mut self, line: &str) {
        debug_assert!(line.len() <= CONTROL_ANSWER_BYTES_MAX);
        self.output.extend_from_slice(line.as_bytes());
        self.output.push(b'\n');
    }
}
