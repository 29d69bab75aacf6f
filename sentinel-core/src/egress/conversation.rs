//! One connection of a sandboxed program, from its first byte to the point where bytes only pass.
//!
//! Feed it with what comes from the program ([`client`](Conversation::client)) and from the server
//! ([`server`](Conversation::server)), take what it wants with [`poll`](Conversation::poll) until
//! there is nothing, and send what it has for both sides. After [`Action::Relay`] it sees no bytes
//! any more: what is in its two buffers goes out first, then everything passes as it comes.
//!
//! # Invariants
//! - There is one connection to a server at a time, and it was asked for with [`Action::Connect`].
//! - What is decided is told with [`Action::Note`] before a byte goes to the server for it.
//! - [`Action::Close`] is the last one.
//!
//! # Not here
//! Sockets. What passes after the first words is for the shell to move, and to count.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use super::allowance::{Allowance, Tunnel};
use super::passage::{Outcome, Passage};
use super::refusal::Refusal;
use super::requests::{Desk, Requests, Step};
use super::secret::Wiped;
use super::socks::{self, Read, Reply};
use super::tunnel::{Guard, Words};
use crate::limits::{EGRESS_IDLE_TIME_MAX, EGRESS_PENDING_BYTES_MAX, EGRESS_WORD_TIME_MAX};
use crate::time::{Instant, Now, Timestamp};
use crate::wire::url::Host;

/// One connection of a sandboxed program.
pub struct Conversation {
    state: State,
    said: Said,
    /// What the program said and nobody has read yet.
    pending: Vec<u8>,
    /// The beginning of TLS that is ended here.
    hello: Vec<u8>,
    /// Since when what is waited for is waited for.
    since: Instant,
    is_impatient: bool,
}

/// What goes out on all sides, whatever the state is, and by what it is judged.
struct Said {
    allowance: Arc<Allowance>,
    to_client: Vec<u8>,
    /// Wiped in the end: secrets are added to it.
    to_server: Wiped,
    actions: VecDeque<Action>,
}

impl Said {
    fn desk(&mut self, now: Now) -> Desk<'_> {
        Desk {
            allowance: &self.allowance,
            now: now.wall,
            to_client: &mut self.to_client,
            to_server: &mut self.to_server,
            actions: &mut self.actions,
        }
    }
}

enum State {
    Start,
    /// SOCKS, after the greeting.
    Greeted,
    Requests(Box<Requests>),
    /// A tunnel waits for its connection.
    Opening(Asked, Host<'static>, u16, Tunnel),
    Tunnel(Guard, Outcome),
    Relay,
    Closed,
}

/// How a tunnel was asked for.
enum Asked {
    Socks,
    Http(Box<Requests>),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Connect, and say what became of it with [`connected`](Conversation::connected) or
    /// [`failed`](Conversation::failed).
    Connect(Goal),
    /// Close the connection to the server, or the attempt to make one.
    Disconnect,
    /// Write this down.
    Note(Passage),
    /// From now on everything passes in both directions.
    Relay,
    /// From now on the program speaks TLS with the shell, which proves to be this host and begins
    /// with [`take_hello`](Conversation::take_hello). What is fed is what is in it, and what is to
    /// be sent to the program goes into it, but for what is there already.
    Inspect(Host<'static>),
    /// Send what is to be sent to the program, then close everything.
    Close,
}

/// Whom to connect to.
#[derive(Clone, Debug)]
pub struct Goal {
    host: Host<'static>,
    port: u16,
    is_plain: bool,
    is_tls: bool,
    allowance: Arc<Allowance>,
}

impl Goal {
    pub(super) const fn new(
        host: Host<'static>,
        port: u16,
        is_plain: bool,
        allowance: Arc<Allowance>,
    ) -> Self {
        Self { host, port, is_plain, is_tls: false, allowance }
    }

    /// The same with TLS, which the shell speaks.
    pub(super) fn under_tls(self, is_tls: bool) -> Self {
        Self { is_tls, ..self }
    }

    /// Whether TLS is to be spoken there before it counts as connected: what is sent to the server
    /// goes into it, and what is fed is what is in it.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The host, to be resolved if it is a name.
    #[must_use]
    pub const fn host(&self) -> &Host<'static> {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether requests in the clear go there, which a proxy reads; else it is to make a tunnel.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Whether an address that the host has may be connected to: ask it for each, and connect to
    /// the ones that it was asked for.
    #[must_use]
    pub fn leads_to(&self, address: IpAddr, now: Timestamp) -> bool {
        self.allowance.leads_to(&self.host, self.port, address, now)
    }
}

/// How a server was reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Way {
    /// At its own address, or through a tunnel.
    Direct,
    /// Through a proxy that reads requests, with the value of `Proxy-Authorization` if it asks for
    /// one.
    Proxy(Option<Box<str>>),
}

impl fmt::Debug for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Direct => "Direct",
            Self::Proxy(_) => "Proxy",
        })
    }
}

/// Why a server was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// All its addresses are among those that it may not lead to.
    Refused,
    /// It has no address, or nobody could say.
    Unresolved,
    /// Nobody takes connections there.
    Unreachable,
    /// It took too long.
    Slow,
}

impl Trouble {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Refused => Refusal::Address.sentence(),
            Self::Unresolved => "the name has no address, or nobody could say",
            Self::Unreachable => "nobody takes connections there",
            Self::Slow => "no connection in time",
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Refused => Outcome::Refused(Refusal::Address),
            Self::Unresolved | Self::Unreachable | Self::Slow => Outcome::Unreachable,
        }
    }

    const fn reply(self) -> Reply {
        match self {
            Self::Refused => Reply::NotAllowed,
            Self::Unresolved | Self::Slow => Reply::HostUnreachable,
            Self::Unreachable => Reply::Refused,
        }
    }
}

impl Conversation {
    /// A connection on which nothing was said.
    #[must_use]
    pub fn new(allowance: Arc<Allowance>, now: Instant) -> Self {
        Self {
            state: State::Start,
            said: Said {
                allowance,
                to_client: Vec::new(),
                to_server: Wiped::default(),
                actions: VecDeque::new(),
            },
            pending: Vec::new(),
            hello: Vec::new(),
            since: now,
            is_impatient: true,
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Action> {
        self.said.actions.pop_front()
    }

    /// What is to be sent to the program; take off what was.
    pub const fn to_client(&mut self) -> &mut Vec<u8> {
        &mut self.said.to_client
    }

    /// What is to be sent to the server; take off what was.
    pub fn to_server(&mut self) -> &mut Vec<u8> {
        &mut self.said.to_server
    }

    /// Whether bytes of the program are to be read now.
    #[must_use]
    pub fn takes_client(&self) -> bool {
        self.pending.len() < EGRESS_PENDING_BYTES_MAX
            && self.said.to_server.len() < EGRESS_PENDING_BYTES_MAX
            // What answers many small requests is not gathered for a program that does not read.
            && self.said.to_client.len() < EGRESS_PENDING_BYTES_MAX
    }

    /// Whether bytes of the server are to be read now.
    #[must_use]
    pub const fn takes_server(&self) -> bool {
        self.said.to_client.len() < EGRESS_PENDING_BYTES_MAX
    }

    /// Whether it is over but for what is to be sent.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// When [`tick`](Self::tick) has something to do. May change after every other call.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let time = if self.is_impatient { EGRESS_WORD_TIME_MAX } else { EGRESS_IDLE_TIME_MAX };
        self.since.after(time)
    }

    /// Something moved in a connection that passes everything.
    pub const fn moved(&mut self, now: Instant) {
        self.since = now;
    }

    /// Ends what takes too long. Early and repeated calls do nothing.
    pub fn tick(&mut self, now: Instant) {
        if now >= self.deadline() && !self.is_closed() {
            if self.is_impatient {
                let place = self.place();
                self.note(place, Outcome::Refused(Refusal::Slow));
            }
            self.close();
        }
    }

    /// Takes what the program said.
    pub fn client(&mut self, now: Now, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.pending.extend_from_slice(bytes);
        self.advance(now);
    }

    /// The program says nothing more.
    pub fn client_end(&mut self, _now: Now) {
        let step = match &mut self.state {
            State::Requests(requests) => requests.client_end(),
            // It is passed on by whoever moves the bytes.
            State::Relay | State::Closed => Step::Wait,
            // A server may still have the first word, for somebody who only listens.
            State::Tunnel(guard, _) if !guard.is_impatient() => Step::Wait,
            _ => Step::Close,
        };
        if step == Step::Close {
            self.close();
        }
    }

    /// Takes what the server said.
    pub fn server(&mut self, now: Now, bytes: &[u8]) {
        if !self.is_impatient {
            self.since = now.instant;
        }
        match &mut self.state {
            State::Requests(requests) => {
                let step = requests.server(bytes, &mut self.said.desk(now));
                self.stepped(step);
                // The next request may have come already.
                self.advance(now);
            }
            State::Tunnel(guard, _) => {
                let words = guard.server(bytes);
                if words.is_ok() {
                    self.said.to_client.extend_from_slice(bytes);
                }
                self.words(now, words);
            }
            _ => {}
        }
    }

    /// The server under TLS is gone without having said that it is done.
    pub fn server_cut(&mut self, now: Now) {
        match &self.state {
            // What it was saying may not have been all.
            State::Requests(requests) if requests.ends_with_server() => self.close(),
            _ => self.server_end(now),
        }
    }

    /// The server could not prove who it is, and why: the connection is closed already.
    pub fn unproven(&mut self, now: Now, why: &str) {
        if let State::Requests(requests) = &mut self.state {
            let refusal = Refusal::Unproven;
            let text = alloc::format!("{refusal}: {why}");
            let outcome = Outcome::Refused(refusal);
            let step = requests.failed(outcome, &text, &mut self.said.desk(now));
            self.stepped(step);
        }
    }

    /// The program broke off TLS that is ended here.
    pub fn untaken(&mut self) {
        if !self.is_closed() {
            let place = self.place();
            self.note(place, Outcome::Refused(Refusal::Untaken));
            self.close();
        }
    }

    /// The first bytes of TLS that is ended here, which the program has sent.
    pub fn take_hello(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.hello)
    }

    /// The server says nothing more.
    pub fn server_end(&mut self, now: Now) {
        match &mut self.state {
            State::Requests(requests) => {
                let step = requests.server_end(&mut self.said.desk(now));
                self.stepped(step);
                self.advance(now);
            }
            State::Relay | State::Closed => {}
            _ => self.close(),
        }
    }

    /// The connection that was asked for is there; the address, if it is known.
    pub fn connected(&mut self, now: Now, address: Option<IpAddr>, way: Way) {
        self.since = now.instant;
        let outcome = Outcome::Allowed(address);
        match core::mem::replace(&mut self.state, State::Closed) {
            State::Requests(mut requests) => {
                let step = requests.connected(way, outcome, &mut self.said.desk(now));
                self.state = State::Requests(requests);
                self.stepped(step);
            }
            State::Opening(asked, host, port, tunnel) => {
                self.note((host.to_string(), port), outcome);
                self.opened(asked, host, port, (tunnel, outcome));
            }
            // Nobody waits for it any more.
            state => self.state = state,
        }
        self.advance(now);
    }

    /// The connection that was asked for could not be made.
    pub fn failed(&mut self, now: Now, trouble: Trouble) {
        match core::mem::replace(&mut self.state, State::Closed) {
            State::Requests(mut requests) => {
                let step = requests.failed(
                    trouble.outcome(),
                    trouble.sentence(),
                    &mut self.said.desk(now),
                );
                self.state = State::Requests(requests);
                self.stepped(step);
            }
            State::Opening(asked, host, port, _) => {
                let (outcome, place) = (trouble.outcome(), (host.to_string(), port));
                let status = match outcome {
                    Outcome::Refused(refusal) => refusal.status(),
                    _ => 502,
                };
                let reason = trouble.sentence();
                self.deny(asked, place, outcome, trouble.reply(), status, reason, now);
            }
            state => self.state = state,
        }
    }

    /// Reads on, as far as it goes.
    fn advance(&mut self, now: Now) {
        let buffer = core::mem::take(&mut self.pending);
        let mut input = &*buffer;
        loop {
            let before = input.len();
            let had_state = core::mem::discriminant(&self.state);
            self.step(now, &mut input);
            if input.len() == before && core::mem::discriminant(&self.state) == had_state {
                break;
            }
        }
        let left = input.len();
        if self.is_closed() || left == 0 {
            return;
        }
        let mut buffer = buffer;
        let taken = buffer.len() - left;
        buffer.drain(..taken);
        self.pending = buffer;
    }

    fn step(&mut self, now: Now, input: &mut &[u8]) {
        match &mut self.state {
            State::Start => self.start(input),
            State::Greeted => self.socks(now, input),
            State::Requests(requests) => {
                let was_reading = requests.is_reading_head();
                let step = requests.client(input, &mut self.said.desk(now));
                let is_reading = requests.is_reading_head();
                if !(was_reading && is_reading) {
                    self.since = now.instant;
                }
                self.is_impatient = is_reading;
                match step {
                    Step::Tunnel(host, port) => {
                        match core::mem::replace(&mut self.state, State::Closed) {
                            State::Requests(requests) => {
                                // What passes through a tunnel grows like anything else, and that
                                // leaves what stood before it: a secret, if one was added here.
                                self.said.to_server = Wiped::default();
                                self.open(now, Asked::Http(requests), host, port);
                            }
                            state => self.state = state,
                        }
                    }
                    step => self.stepped(step),
                }
            }
            State::Tunnel(guard, _) => {
                if !input.is_empty() {
                    let words = guard.client(input, &mut self.said.to_server);
                    *input = &[];
                    if !self.is_impatient {
                        self.since = now.instant;
                    }
                    self.words(now, words);
                }
            }
            State::Relay => {
                self.said.to_server.extend_from_slice(input);
                *input = &[];
            }
            State::Opening(..) => {}
            State::Closed => *input = &[],
        }
    }

    /// Finds out what is spoken.
    fn start(&mut self, input: &mut &[u8]) {
        match input.first() {
            None => {}
            Some(&socks::VERSION) => match socks::greeting(input) {
                Read::Whole(true, length) => {
                    *input = input.get(length..).unwrap_or_default();
                    self.said.to_client.extend_from_slice(&socks::WELCOME);
                    self.state = State::Greeted;
                }
                Read::Whole(false, _) => {
                    self.said.to_client.extend_from_slice(&socks::NO_METHOD);
                    self.note(NOWHERE, Outcome::Refused(Refusal::Command));
                    self.close();
                }
                Read::More | Read::Refused(..) => {}
            },
            Some(b'A'..=b'Z') => self.state = State::Requests(Box::new(Requests::to_proxy())),
            Some(_) => {
                self.note(NOWHERE, Outcome::Refused(Refusal::Malformed));
                self.close();
            }
        }
    }

    fn socks(&mut self, now: Now, input: &mut &[u8]) {
        match socks::request(input) {
            Read::More => {}
            Read::Whole((host, port), length) => {
                *input = input.get(length..).unwrap_or_default();
                self.open(now, Asked::Socks, host, port);
            }
            Read::Refused(refusal, reply) => {
                self.said.to_client.extend_from_slice(&reply.bytes());
                self.note(NOWHERE, Outcome::Refused(refusal));
                self.close();
            }
        }
    }

    /// Decides about a tunnel.
    fn open(&mut self, now: Now, asked: Asked, host: Host<'static>, port: u16) {
        let tunnel = self.said.allowance.tunnel(&host, port, now.wall);
        let tunnel = tunnel.and_then(|tunnel| Guard::check(port, tunnel).map(|()| tunnel));
        match tunnel {
            // Nobody is connected to before there is a request that is granted.
            Ok(Tunnel::Inspected) => {
                self.since = now.instant;
                self.opened(asked, host, port, (Tunnel::Inspected, Outcome::Allowed(None)));
            }
            Ok(tunnel) => {
                // From here on the network has its own patience.
                (self.is_impatient, self.since) = (false, now.instant);
                let allowance = self.said.allowance.clone();
                let goal = Goal::new(host.clone(), port, false, allowance);
                self.said.actions.push_back(Action::Connect(goal));
                self.state = State::Opening(asked, host, port, tunnel);
            }
            Err(refusal) => {
                let (outcome, place) = (Outcome::Refused(refusal), (host.to_string(), port));
                let (status, reason) = (refusal.status(), refusal.sentence());
                self.deny(asked, place, outcome, Reply::NotAllowed, status, reason, now);
            }
        }
    }

    /// Answers that there is a tunnel.
    fn opened(
        &mut self,
        asked: Asked,
        host: Host<'static>,
        port: u16,
        (tunnel, outcome): (Tunnel, Outcome),
    ) {
        let is_said = match asked {
            Asked::Socks => {
                self.said.to_client.extend_from_slice(&Reply::Granted.bytes());
                true
            }
            Asked::Http(mut requests) => requests.open_tunnel(&mut self.said.to_client),
        };
        let guard = Guard::new(host, port, tunnel);
        self.is_impatient = guard.is_impatient();
        self.state = State::Tunnel(guard, outcome);
        if !is_said {
            self.close();
        }
    }

    /// Answers that there will be no tunnel.
    #[allow(clippy::too_many_arguments, reason = "an answer in two protocols, and a record")]
    fn deny(
        &mut self,
        asked: Asked,
        place: (alloc::string::String, u16),
        outcome: Outcome,
        reply: Reply,
        status: u16,
        reason: &str,
        now: Now,
    ) {
        match asked {
            Asked::Socks => self.said.to_client.extend_from_slice(&reply.bytes()),
            Asked::Http(mut requests) => {
                let text = alloc::format!("{}:{}: {reason}", place.0, place.1);
                requests.answer(status, &text, &mut self.said.desk(now));
            }
        }
        self.note(place, outcome);
        self.close();
    }

    /// Goes on after what the first words in a tunnel are.
    fn words(&mut self, now: Now, words: Result<Words, Refusal>) {
        match words {
            Ok(Words::More) => {
                if let State::Tunnel(guard, _) = &self.state {
                    self.is_impatient = guard.is_impatient();
                }
            }
            Ok(Words::Pass) => {
                (self.is_impatient, self.since) = (false, now.instant);
                self.state = State::Relay;
                self.said.actions.push_back(Action::Relay);
            }
            Ok(Words::Request) => {
                let State::Tunnel(mut guard, outcome) =
                    core::mem::replace(&mut self.state, State::Closed)
                else {
                    return;
                };
                let (held, is_inspected) = (guard.held(), guard.is_inspected());
                let (host, port) = guard.into_place();
                let requests = match is_inspected {
                    true => Requests::inspected(host, port, false),
                    false => Requests::within(host, port, outcome),
                };
                self.state = State::Requests(Box::new(requests));
                self.pending = held;
                self.advance(now);
            }
            Ok(Words::Inspect) => {
                let State::Tunnel(mut guard, _) =
                    core::mem::replace(&mut self.state, State::Closed)
                else {
                    return;
                };
                self.hello = guard.held();
                let (host, port) = guard.into_place();
                self.said.actions.push_back(Action::Inspect(host.clone()));
                let requests = Requests::inspected(host, port, true);
                self.state = State::Requests(Box::new(requests));
            }
            Err(refusal) => {
                let place = self.place();
                self.note(place, Outcome::Refused(refusal));
                self.close();
            }
        }
    }

    fn stepped(&mut self, step: Step) {
        if step == Step::Close {
            self.close();
        }
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.pending = Vec::new();
        self.said.to_server = Wiped::default();
        self.is_impatient = false;
        self.said.actions.push_back(Action::Close);
    }

    /// The place that a tunnel leads to.
    fn place(&self) -> (alloc::string::String, u16) {
        match &self.state {
            State::Tunnel(guard, _) => (guard.host().to_string(), guard.port()),
            State::Opening(_, host, port, _) => (host.to_string(), *port),
            State::Requests(requests) => requests.inspected_place().unwrap_or(NOWHERE),
            _ => NOWHERE,
        }
    }

    fn note(&mut self, (host, port): (alloc::string::String, u16), outcome: Outcome) {
        let passage = Passage { host, port, request: None, secrets: Vec::new(), outcome };
        self.said.actions.push_back(Action::Note(passage));
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Start => "start",
            State::Greeted => "greeted",
            State::Requests(_) => "requests",
            State::Opening(..) => "opening",
            State::Tunnel(..) => "tunnel",
            State::Relay => "relay",
            State::Closed => "closed",
        };
        // What is said may be secret.
        formatter.debug_struct("Conversation").field("state", &state).finish_non_exhaustive()
    }
}

const NOWHERE: (alloc::string::String, u16) = (alloc::string::String::new(), 0);
