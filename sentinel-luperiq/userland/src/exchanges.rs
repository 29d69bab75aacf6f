//! Exchanges with services, through the program that holds their keys.
//!
//! The request goes there over a line of its own, piece by piece as there is room, and what the
//! service said comes back over it as HTTP has it. The reading of that is done here, where there
//! is no key to be had; so it is said here, too, when all of an answer came, and the connection can
//! be used again.
//!
//! # Invariants
//! - An exchange ends with one [`Heard::End`] or [`Heard::Failed`], whatever becomes of the other
//!   program, and nothing is heard of it afterwards.
//! - What the other program says is bounded in time: who says nothing for too long has failed.
//! - Of an answer that nobody waits for any more, no more is taken than what may be its end.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_exchange::{Asked, Failure, PIECE_BYTES_MAX, Said, Times};
use luperiq_runtime::abi::Error;
use sentinel_core::config::Http;
use sentinel_core::llm::TransportKind;
use sentinel_core::time::Instant;
use sentinel_core::wire::http::{
    BodyLength, Client, Headers, HttpLimits, Method, RequestHead, ResponsePart, Target,
};
use sentinel_core::wire::url::Url;

use crate::machine::Machine;

/// Something that is reached through the other program.
#[derive(Clone, Debug)]
pub struct Service {
    /// What the boot manifest and `sentinel.toml` call it.
    pub name: String,
    /// Where it is said to be.
    pub base: Url,
}

/// A request to a service.
#[derive(Debug)]
pub struct Request<'r> {
    /// Names the exchange, in what is heard of it.
    pub number: u64,
    /// Who is asked.
    pub service: &'r Service,
    /// How.
    pub method: &'r Method,
    /// Where, behind the service's address.
    pub path: &'r str,
    /// Fields of the head, without the key and what HTTP itself writes.
    pub fields: Vec<(&'r str, &'r str)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it may take.
    pub times: Times,
}

/// What was asked of services.
#[derive(Debug)]
pub struct Exchanges<L> {
    asked: Vec<Exchange<L>>,
    heard: VecDeque<(u64, Heard)>,
}

/// Something of an exchange.
#[derive(Debug)]
pub enum Heard {
    /// It is known who is at the other end, after so many nanoseconds of a processor; 0 if that was
    /// known from an exchange before it.
    Verified(String, u64),
    /// The answer begins.
    Head(u16, Headers),
    /// More of its body.
    Body(Vec<u8>),
    /// It ended as it should.
    End,
    /// It broke; and why, for people.
    Failed(TransportKind, String),
}

#[derive(Debug)]
struct Exchange<L> {
    number: u64,
    service: String,
    line: L,
    client: Client,
    body: Vec<u8>,
    sent: usize,
    times: Times,
    /// When it has said nothing for too long.
    silent_at: Instant,
    /// When it has taken too long.
    over_at: Instant,
    has_spoken: bool,
    /// How many messages are still taken of an answer of which nobody wants more.
    rest: Option<u32>,
}

impl<L> Default for Exchanges<L> {
    fn default() -> Self {
        Self { asked: Vec::new(), heard: VecDeque::new() }
    }
}

impl<L> Exchanges<L> {
    /// Asks a service.
    pub fn ask<M: Machine<Line = L>>(&mut self, machine: &mut M, request: Request<'_>) {
        let (number, name) = (request.number, &request.service.name);
        let failed = match Exchange::begin(machine, request) {
            Ok(exchange) => return self.asked.push(exchange),
            Err(why) => format!("{name}: {why}"),
        };
        self.fail(number, failed);
    }

    /// An exchange could not be begun.
    pub fn fail(&mut self, number: u64, why: String) {
        self.heard.push_back((number, Heard::Failed(TransportKind::Connect, why)));
    }

    /// Nobody waits for the answer any more. A model has said all it wanted before HTTP has ended,
    /// so the end of an answer that has begun is waited for a moment: then its connection can be
    /// used again.
    pub fn cancel(&mut self, now: Instant, number: u64) {
        self.asked.retain_mut(|exchange| {
            let is_it = exchange.number == number;
            if is_it {
                exchange.rest = Some(REST_MESSAGES_MAX);
                exchange.over_at = exchange.over_at.min(Instant(now.0 + REST_MILLISECONDS));
            }
            !is_it || exchange.has_spoken
        });
        self.heard.retain(|(other, _)| *other != number);
    }

    /// The lines to wait for, and whether there is something to send over each.
    pub fn lines(&self) -> impl Iterator<Item = (&L, bool)> {
        self.asked.iter().map(|exchange| (&exchange.line, exchange.sent < exchange.body.len()))
    }

    /// When it is time to look again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if !self.heard.is_empty() {
            return Some(Instant(0));
        }
        self.asked.iter().map(|exchange| exchange.silent_at.min(exchange.over_at)).min()
    }

    /// What came.
    pub fn next<M: Machine<Line = L>>(&mut self, machine: &mut M) -> Option<(u64, Heard)> {
        let mut place = 0;
        while self.heard.is_empty()
            && let Some(exchange) = self.asked.get_mut(place)
        {
            let number = exchange.number;
            let mut parts = Vec::new();
            let is_wanted = exchange.rest.is_none();
            let is_over = match exchange.go_on(machine, &mut parts) {
                Ok(()) => matches!(parts.last(), Some(Heard::End)),
                Err((kind, why)) => {
                    parts.push(Heard::Failed(kind, format!("{}: {why}", exchange.service)));
                    true
                }
            };
            if is_wanted {
                self.heard.extend(parts.into_iter().map(|part| (number, part)));
            }
            match is_over {
                true => drop(self.asked.remove(place)),
                false => place += 1,
            }
        }
        self.heard.pop_front()
    }
}

type Broken = (TransportKind, String);

impl<L> Exchange<L> {
    fn begin<M: Machine<Line = L>>(machine: &mut M, request: Request<'_>) -> Result<Self, String> {
        let Request { number, service, method, path, fields, body, times } = request;
        let url = format!("{}{path}", service.base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        // The other program writes the head, with the key; here it is only known what the answer
        // is one to.
        let mut client = Client::new(HttpLimits::default());
        let written = Target::new(url.request_target()).and_then(|target| {
            let mut head = RequestHead::new(method.clone(), target);
            head.headers.append("Host", url.authority())?;
            client.send_head(&head, BodyLength::Exact(body.len() as u64), &mut Vec::new())
        });
        let mut written = written;
        for piece in body.chunks(PIECE_BYTES_MAX) {
            written = written.and_then(|()| client.send_body(piece, &mut Vec::new()));
        }
        let written = written.and_then(|()| client.finish(&mut Vec::new()));
        written.map_err(|error| error.to_string())?;
        let asked = Asked {
            service: &service.name,
            method: method.as_str(),
            url: url.as_str(),
            fields,
            body_bytes: body.len() as u64,
            times,
        };
        let asked = asked.encode().ok_or("the head of the request is too long")?;
        let line = machine
            .ask(&asked)
            .map_err(|error| format!("the program that holds its key cannot be asked: {error}"))?;
        let now = machine.now().instant;
        let first = times.connect.saturating_add(times.first_byte);
        Ok(Self {
            number,
            service: service.name.clone(),
            line,
            client,
            body,
            sent: 0,
            times,
            silent_at: later(now, first),
            over_at: later(now, times.total),
            has_spoken: false,
            rest: None,
        })
    }

    /// Sends what there is room for, and takes one message if there is one.
    fn go_on<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
        out: &mut Vec<Heard>,
    ) -> Result<(), Broken> {
        while let Some(rest) = self.body.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let piece = rest.get(..PIECE_BYTES_MAX).unwrap_or(rest);
            match machine.say(&self.line, piece) {
                Ok(()) => self.sent += piece.len(),
                // Why it is closed is what was said last.
                Err(Error::NotReady | Error::PeerClosed) => break,
                Err(error) => return Err((TransportKind::Cut, error.to_string())),
            }
        }
        let message = match machine.hear(&self.line) {
            Ok(_) if self.rest == Some(0) => return Err((TransportKind::Cut, "enough".into())),
            Ok(message) => {
                self.rest = self.rest.map(|rest| rest.saturating_sub(1));
                message
            }
            Err(Error::NotReady) => return self.check_time(machine.now().instant),
            Err(Error::PeerClosed) => return Err(self.gone()),
            Err(error) => return Err((TransportKind::Cut, error.to_string())),
        };
        let patience = self.times.idle.max(self.times.first_byte);
        self.silent_at = later(machine.now().instant, patience);
        match Said::decode(&message) {
            Some(Said::Verified(nanoseconds)) => {
                out.push(Heard::Verified(self.service.clone(), nanoseconds));
                Ok(())
            }
            Some(Said::Bytes(bytes)) => {
                self.has_spoken = true;
                if self.read(bytes, out)? {
                    // Whoever is gone keeps no connection either.
                    let _ = machine.say(&self.line, &[]);
                }
                Ok(())
            }
            Some(Said::End) => match self.client.end_of_input() {
                Ok(Some(_)) => {
                    out.push(Heard::End);
                    Ok(())
                }
                Ok(None) => Err((TransportKind::Protocol, "it said nothing".into())),
                Err(error) => Err((TransportKind::Cut, error.to_string())),
            },
            Some(Said::Failed(failure, why)) => Err((kind(failure), why.into())),
            None => Err((TransportKind::Protocol, "what came cannot be read".into())),
        }
    }

    /// Reads what came. Says whether all of the answer is there, nothing behind it, and all of the
    /// request was sent: then the connection can be used again.
    fn read(&mut self, mut bytes: &[u8], out: &mut Vec<Heard>) -> Result<bool, Broken> {
        loop {
            let part = self.client.next(&mut bytes);
            match part.map_err(|error| (TransportKind::Protocol, error.to_string()))? {
                None => return Ok(false),
                Some(ResponsePart::Head(head)) => {
                    out.push(Heard::Head(head.status.as_u16(), head.headers));
                }
                Some(ResponsePart::Body(piece)) => out.push(Heard::Body(piece.to_vec())),
                Some(ResponsePart::End) => {
                    out.push(Heard::End);
                    let is_sent = self.sent == self.body.len();
                    // What stands behind it, nobody asked for.
                    return Ok(is_sent && bytes.is_empty() && self.client.is_reusable());
                }
                Some(_) => {}
            }
        }
    }

    fn check_time(&self, now: Instant) -> Result<(), Broken> {
        let what = if now >= self.over_at {
            "it took longer than it may"
        } else if now >= self.silent_at {
            "nothing came for too long"
        } else {
            return Ok(());
        };
        Err((TransportKind::Timeout, what.into()))
    }

    /// The other program ended and said nothing.
    fn gone(&self) -> Broken {
        let kind = if self.has_spoken { TransportKind::Cut } else { TransportKind::Connect };
        (kind, "the program that holds its key ended in the middle, and is started again".into())
    }
}

const fn kind(failure: Failure) -> TransportKind {
    match failure {
        Failure::Refused => TransportKind::Protocol,
        Failure::Resolve => TransportKind::Resolve,
        Failure::Connect => TransportKind::Connect,
        Failure::Tls => TransportKind::Tls,
        Failure::Cut => TransportKind::Cut,
        Failure::Timeout => TransportKind::Timeout,
    }
}

/// How long exchanges may take by `[http]`.
#[must_use]
pub fn times(http: &Http) -> Times {
    Times {
        connect: milliseconds(http.connect_time_max),
        first_byte: milliseconds(http.first_byte_time_max),
        idle: milliseconds(http.idle_time_max),
        total: milliseconds(http.total_time_max),
    }
}

/// As it is said to the other program.
#[must_use]
pub fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The other program keeps the same times, and says what took too long; so it is given a little
/// more, and time to be started again.
fn later(now: Instant, milliseconds: u32) -> Instant {
    Instant(now.0.saturating_add(u64::from(milliseconds)).saturating_add(GRACE_MILLISECONDS))
}

const GRACE_MILLISECONDS: u64 = 5000;

/// How long the end of an answer is waited for that nobody wants more of.
const REST_MILLISECONDS: u64 = 1000;
const REST_MESSAGES_MAX: u32 = 4;
