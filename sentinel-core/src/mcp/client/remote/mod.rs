//! A server elsewhere, reached by HTTP ("Streamable HTTP").
//!
//! Each message to the server is a POST of its own. What the server says comes as the answer to
//! one: one message, or a stream of them; and on a stream that is asked for by GET. A [`Remote`]
//! has a [`Client`] in it, turns what that says into exchanges, and what comes back into messages.
//!
//! # Invariants
//! - A message that tells or answers something has arrived before the next one is sent, as the
//!   order of messages has a meaning and exchanges have none.
//! - A request ends with its answer, or with why there is none. It is never made twice: that a
//!   session is over is told to the host ([`RemoteEffect::Renewed`]), which knows what may be.
//! - Where a redirect leads nobody goes.
//! - What of a stream is kept is bounded as a line of any server is.
//!
//! # Not here
//! Sockets, the address and who we are to the server: the host. Time that a call may take: it, too.

mod reply;
mod stream;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::reply::Reply;
use self::stream::Again;
use super::super::id::Id;
use super::super::message::{self, Message};
use super::{Client, ClientEffect, ClientOffer, Fault, Stage, own_id};
use crate::limits::{MCP_EXCHANGES_COUNT_MAX, MCP_OWED_COUNT_MAX, MCP_SESSION_BYTES_MAX};
use crate::time::Instant;
use crate::wire::http::{Headers, Method};

/// A client of one server elsewhere.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    offer: ClientOffer,
    session: Option<String>,
    /// What is to be posted, in its order.
    waiting: VecDeque<String>,
    exchanges: Vec<Exchange>,
    /// Streams to be asked for again.
    again: Vec<Again>,
    /// Whether the server has no stream of its own.
    is_deaf: bool,
    /// How often in a row its own stream brought nothing.
    empty_count: u32,
    last: u64,
    out: VecDeque<RemoteEffect>,
}

/// Names an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeNumber(pub u64);

/// What is to be done, or became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteEffect {
    /// Begin this exchange with the address of the server.
    Begin(Begin),
    /// Nobody waits for this exchange any more: end it, and tell nothing of it.
    Drop(ExchangeNumber),
    /// The session was over, and the server is greeted again: whatever was under way is not. It is
    /// unknown what became of that, unless it is this request, which was not begun.
    Renewed(Option<super::RequestNumber>),
    /// As of any server; never [`ClientEffect::Send`].
    Client(ClientEffect),
}

/// An exchange to be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Names it in what becomes of it.
    pub exchange: ExchangeNumber,
    /// How.
    pub method: Method,
    /// The fields that the protocol wants.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: String,
    /// Whether its answer takes as long as somebody waits for it: a call, or a stream.
    pub is_patient: bool,
}

#[derive(Debug)]
struct Exchange {
    number: ExchangeNumber,
    what: Carries,
    reply: Reply,
}

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carries {
    /// A request of ours.
    Request { id: u64, is_greeting: bool },
    /// Something that has no answer.
    Told { is_initialized: bool },
    /// A stream: of this request, whose own one broke, or of whatever the server has to say.
    Stream { of: Option<u64> },
}

impl Remote {
    /// Greets a server.
    #[must_use]
    pub fn new(offer: ClientOffer) -> Self {
        Self {
            client: Client::new(offer.clone()),
            offer,
            session: None,
            waiting: VecDeque::new(),
            exchanges: Vec::new(),
            again: Vec::new(),
            is_deaf: false,
            empty_count: 0,
            last: 0,
            out: VecDeque::new(),
        }
    }

    /// What is asked of the server.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<RemoteEffect> {
        loop {
            if let Some(effect) = self.out.pop_front() {
                return Some(effect);
            }
            match self.client.poll() {
                Some(ClientEffect::Send(line)) => self.waiting.push_back(line),
                Some(ClientEffect::Broken(fault)) => {
                    self.end();
                    return Some(RemoteEffect::Client(ClientEffect::Broken(fault)));
                }
                Some(effect) => return Some(RemoteEffect::Client(effect)),
                None if self.post_next() => {}
                None => {
                    self.drop_given_up();
                    return self.out.pop_front();
                }
            }
        }
    }

    /// The head of an answer.
    pub fn head(&mut self, exchange: ExchangeNumber, status: u16, headers: &Headers) {
        let Some(place) = self.place(exchange) else { return };
        let Some(Exchange { what, .. }) = self.exchanges.get(place) else { return };
        let what = *what;
        let is_greeting = matches!(what, Carries::Request { is_greeting: true, .. });
        if status == 404 && self.session.is_some() && !is_greeting {
            return self.renew(what);
        }
        if is_greeting && status == 200 {
            match session(headers) {
                Ok(session) => self.session = session,
                Err(fault) => return self.client.broke(fault),
            }
        }
        let reply = Reply::of(what, status, headers);
        if let (Carries::Stream { of: None }, Reply::Refusal { .. }) = (what, &reply) {
            // Servers need not have one.
            self.is_deaf = true;
            return self.drop_at(place);
        }
        let is_accepted = matches!(reply, Reply::Over);
        if let Some(exchange) = self.exchanges.get_mut(place) {
            exchange.reply = reply;
        }
        if what == (Carries::Told { is_initialized: true }) && is_accepted {
            self.listen(None, "");
        }
    }

    /// Bytes of an answer.
    pub fn body(&mut self, now: Instant, exchange: ExchangeNumber, bytes: &[u8]) {
        let Some(place) = self.place(exchange) else { return };
        let Some(found) = self.exchanges.get_mut(place) else { return };
        let what = found.what;
        match &mut found.reply {
            // The answer came; whoever goes on speaking is not listened to.
            Reply::Over if matches!(what, Carries::Request { .. } | Carries::Stream { .. }) => {
                self.drop_at(place);
            }
            Reply::Over | Reply::Expected => {}
            Reply::Whole(body) => {
                body.extend_from_slice(bytes);
                if body.len() > crate::limits::MCP_LINE_BYTES_MAX {
                    self.client.broke(Fault::LineTooLong);
                }
            }
            Reply::Refusal { body, .. } => reply::keep_start(body, bytes),
            Reply::Events(_) => self.events(now, place, bytes),
        }
    }

    /// An answer is whole.
    pub fn done(&mut self, now: Instant, exchange: ExchangeNumber) {
        let Some(place) = self.place(exchange) else { return };
        let Exchange { what, reply, .. } = self.exchanges.remove(place);
        match reply {
            Reply::Whole(body) => {
                self.client.line(body.trim_ascii());
                if let Carries::Request { id, .. } = what {
                    self.client.lost(id, "what came back is no answer to it");
                }
            }
            Reply::Refusal { status, why, body } => {
                let why = reply::words(status, &why, &body);
                if let Carries::Request { id, .. } | Carries::Stream { of: Some(id) } = what {
                    self.client.lost(id, &why);
                }
            }
            Reply::Events(events) => self.stream_ended(now, what, &events),
            Reply::Over | Reply::Expected => {}
        }
    }

    /// There is no answer, or it was cut.
    pub fn failed(&mut self, now: Instant, exchange: ExchangeNumber, why: &str) {
        let Some(place) = self.place(exchange) else { return };
        let Exchange { what, reply, .. } = self.exchanges.remove(place);
        match (what, reply) {
            (what, Reply::Events(events)) => self.stream_ended(now, what, &events),
            (Carries::Request { id, .. }, _) => self.client.lost(id, why),
            (Carries::Stream { of }, _) => self.later(now, of, None),
            (Carries::Told { .. }, _) => {}
        }
    }

    /// The server is not needed any more: its session is ended.
    pub fn end(&mut self) {
        self.client.end();
        self.waiting.clear();
        self.drop_all();
        if self.session.is_some() {
            let headers = self.headers(None);
            self.session = None;
            self.begin(Method::DELETE, headers, String::new(), false);
        }
    }

    fn place(&self, exchange: ExchangeNumber) -> Option<usize> {
        self.exchanges.iter().position(|known| known.number == exchange)
    }

    /// Posts the next message, if it may go; false if there is none.
    fn post_next(&mut self) -> bool {
        let is_open = |exchange: &Exchange| match exchange.what {
            Carries::Told { .. } => matches!(exchange.reply, Reply::Expected),
            Carries::Request { is_greeting, .. } => is_greeting,
            Carries::Stream { .. } => false,
        };
        if self.waiting.len() > MCP_OWED_COUNT_MAX {
            self.client.broke(Fault::TooMuch("the answers that the server does not take"));
            return true;
        }
        if self.exchanges.iter().any(is_open) {
            return false;
        }
        let Some(line) = self.waiting.pop_front() else { return false };
        let what = carried(&line);
        // What was answered and goes on nobody needs.
        while let Some(place) = self.exchanges.iter().position(|it| it.is_left()) {
            self.drop_at(place);
        }
        if self.exchanges.len() >= MCP_EXCHANGES_COUNT_MAX {
            self.client.broke(Fault::TooMuch("the exchanges under way"));
            return true;
        }
        let mut headers = self.headers(Some("application/json, text/event-stream"));
        headers.push(("Content-Type", "application/json".into()));
        let is_patient = matches!(what, Carries::Request { .. });
        let number = self.begin(Method::POST, headers, line, is_patient);
        self.exchanges.push(Exchange { number, what, reply: Reply::Expected });
        true
    }

    /// Ends the exchanges of requests that nobody waits for.
    fn drop_given_up(&mut self) {
        let is_over = |client: &Client, exchange: &Exchange| match exchange.what {
            Carries::Request { id, .. } | Carries::Stream { of: Some(id) } => {
                !matches!(exchange.reply, Reply::Over) && !client.is_open(id)
            }
            Carries::Told { .. } | Carries::Stream { of: None } => false,
        };
        while let Some(place) = self.exchanges.iter().position(|it| is_over(&self.client, it)) {
            self.drop_at(place);
        }
        let client = &self.client;
        self.again.retain(|again| again.of.is_none_or(|id| client.is_open(id)));
    }

    fn drop_at(&mut self, place: usize) {
        let Exchange { number, .. } = self.exchanges.remove(place);
        self.out.push_back(RemoteEffect::Drop(number));
    }

    fn drop_all(&mut self) {
        self.again.clear();
        while !self.exchanges.is_empty() {
            self.drop_at(0);
        }
    }

    /// The session is over: everything begins anew.
    fn renew(&mut self, what: Carries) {
        self.drop_all();
        self.waiting.clear();
        (self.session, self.is_deaf, self.empty_count) = (None, false, 0);
        self.client = Client::new(self.offer.clone());
        let refused = match what {
            Carries::Request { id, .. } => Some(super::RequestNumber(id)),
            Carries::Told { .. } | Carries::Stream { .. } => None,
        };
        self.out.push_back(RemoteEffect::Renewed(refused));
    }

    fn headers(&self, accept: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Some(accept) = accept {
            headers.push(("Accept", accept.to_string()));
        }
        if self.client.stage != Stage::Greeting {
            headers.push(("MCP-Protocol-Version", self.client.version.name().to_string()));
        }
        if let Some(session) = &self.session {
            headers.push(("Mcp-Session-Id", session.clone()));
        }
        headers
    }

    fn begin(
        &mut self,
        method: Method,
        headers: Vec<(&'static str, String)>,
        body: String,
        is_patient: bool,
    ) -> ExchangeNumber {
        self.last += 1;
        let exchange = ExchangeNumber(self.last);
        let begin = Begin { exchange, method, headers, body, is_patient };
        self.out.push_back(RemoteEffect::Begin(begin));
        exchange
    }
}

impl Exchange {
    /// Whether its answer came, and not its end.
    const fn is_left(&self) -> bool {
        matches!((self.what, &self.reply), (Carries::Request { .. }, Reply::Over))
    }
}

/// What a line of ours is.
fn carried(line: &str) -> Carries {
    let document = message::parse(line.as_bytes()).ok();
    let read = document.as_ref().and_then(|document| Message::read(document.root()).ok());
    match read {
        Some(Message::Request { id: Id::Number(number), method, .. }) => {
            let id = u64::try_from(number).unwrap_or_default();
            debug_assert_eq!(own_id(id), Id::Number(number), "it is one of ours");
            Carries::Request { id, is_greeting: method == "initialize" }
        }
        Some(Message::Notification { method, .. }) => {
            Carries::Told { is_initialized: method == "notifications/initialized" }
        }
        _ => Carries::Told { is_initialized: false },
    }
}

/// The session that a server began, if it has some: visible characters, as the protocol says.
fn session(headers: &Headers) -> Result<Option<String>, Fault> {
    let mut all = headers.all("Mcp-Session-Id");
    let Some(value) = all.next() else { return Ok(None) };
    let is_good = |text: &&str| {
        (1..=MCP_SESSION_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match value.as_str().filter(is_good) {
        Some(text) if all.next().is_none() => Ok(Some(text.to_string())),
        _ => Err(Fault::NotAnAnswer("the name of its session is none")),
    }
}
