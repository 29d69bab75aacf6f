//! Exchanges with models of services, through the program that holds their keys.
//!
//! The request goes there over a line of its own, piece by piece as there is room, and what the
//! service said comes back over it as HTTP has it. The reading of that is done here, where there
//! is no key to be had.
//!
//! # Invariants
//! - An exchange ends with one [`Heard::End`] or [`Heard::Failed`], whatever becomes of the other
//!   program, and nothing is heard of it afterwards.
//! - What the other program says is bounded in time: who says nothing for too long has failed.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_exchange::{Asked, Failure, PIECE_BYTES_MAX, Said, Times};
use luperiq_runtime::abi::Error;
use sentinel_core::agent::ExchangeNumber;
use sentinel_core::config::Http;
use sentinel_core::llm::{Outgoing, Piece, TransportKind};
use sentinel_core::time::Instant;
use sentinel_core::wire::http::{
    BodyLength, Client, Headers, HttpLimits, RequestHead, ResponsePart, Target,
};
use sentinel_core::wire::url::Url;

use crate::machine::Machine;

/// A service that a model is of.
#[derive(Clone, Debug)]
pub struct Service {
    /// What the boot manifest and `sentinel.toml` call it.
    pub name: String,
    /// Where it is said to be.
    pub base: Url,
}

/// What was asked of services.
#[derive(Debug)]
pub struct Models<L> {
    /// By the numbers of the models; none for the one that is built in.
    services: Vec<Option<Service>>,
    times: Times,
    asked: Vec<Exchange<L>>,
    heard: VecDeque<(ExchangeNumber, Heard)>,
}

/// Something of an exchange.
#[derive(Debug)]
pub enum Heard {
    /// It is known who is at the other end, after so many nanoseconds of a processor.
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
    number: ExchangeNumber,
    service: String,
    line: L,
    client: Client,
    body: Vec<u8>,
    sent: usize,
    /// When it has said nothing for too long.
    silent_at: Instant,
    /// When it has taken too long.
    over_at: Instant,
    has_spoken: bool,
}

impl<L> Models<L> {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(services: Vec<Option<Service>>, http: &Http) -> Self {
        let times = Times {
            connect: milliseconds(http.connect_time_max),
            first_byte: milliseconds(http.first_byte_time_max),
            idle: milliseconds(http.idle_time_max),
            total: milliseconds(http.total_time_max),
        };
        Self { services, times, asked: Vec::new(), heard: VecDeque::new() }
    }

    /// Asks a model.
    pub fn ask<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
        number: ExchangeNumber,
        model: usize,
        request: &Outgoing,
    ) {
        let service = self.services.get(model).cloned().flatten();
        let failed = match service {
            None => "there is no such service on this machine".into(),
            Some(service) => match self.begin(machine, number, &service, request) {
                Ok(exchange) => return self.asked.push(exchange),
                Err(why) => format!("{}: {why}", service.name),
            },
        };
        self.heard.push_back((number, Heard::Failed(TransportKind::Connect, failed)));
    }

    fn begin<M: Machine<Line = L>>(
        &self,
        machine: &mut M,
        number: ExchangeNumber,
        service: &Service,
        request: &Outgoing,
    ) -> Result<Exchange<L>, String> {
        let url = format!("{}{}", service.base.as_str().trim_end_matches('/'), request.path);
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        let mut body = Vec::new();
        for piece in request.body.pieces() {
            match piece {
                Piece::Bytes(bytes) => body.extend_from_slice(bytes),
                Piece::Base64(_) => return Err("this machine holds no pictures".into()),
            }
        }
        // The other program writes the head, with the key; here it is only known what the answer
        // is one to.
        let mut client = Client::new(HttpLimits::default());
        client.announce_close();
        let written = Target::new(url.request_target()).and_then(|target| {
            let mut head = RequestHead::new(request.method.clone(), target);
            head.headers.append("Host", url.authority())?;
            client.send_head(&head, BodyLength::Exact(body.len() as u64), &mut Vec::new())
        });
        written.map_err(|error| error.to_string())?;
        let asked = Asked {
            service: &service.name,
            method: request.method.as_str(),
            url: url.as_str(),
            fields: request.headers.clone(),
            body_bytes: body.len() as u64,
            times: self.times,
        };
        let asked = asked.encode().ok_or("the head of the request is too long")?;
        let line = machine
            .ask(&asked)
            .map_err(|error| format!("the program that holds its key cannot be asked: {error}"))?;
        let now = machine.now().instant;
        let first = self.times.connect.saturating_add(self.times.first_byte);
        Ok(Exchange {
            number,
            service: service.name.clone(),
            line,
            client,
            body,
            sent: 0,
            silent_at: later(now, first),
            over_at: later(now, self.times.total),
            has_spoken: false,
        })
    }

    /// Nobody waits for the answer any more.
    pub fn cancel(&mut self, number: ExchangeNumber) {
        self.asked.retain(|exchange| exchange.number != number);
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
    pub fn next<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
    ) -> Option<(ExchangeNumber, Heard)> {
        let mut place = 0;
        while self.heard.is_empty()
            && let Some(exchange) = self.asked.get_mut(place)
        {
            let number = exchange.number;
            let mut parts = Vec::new();
            let is_over = match exchange.go_on(machine, self.times, &mut parts) {
                Ok(()) => matches!(parts.last(), Some(Heard::End)),
                Err((kind, why)) => {
                    parts.push(Heard::Failed(kind, format!("{}: {why}", exchange.service)));
                    true
                }
            };
            self.heard.extend(parts.into_iter().map(|part| (number, part)));
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
    /// Sends what there is room for, and takes one message if there is one.
    fn go_on<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
        times: Times,
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
            Ok(message) => message,
            Err(Error::NotReady) => return self.check_time(machine.now().instant),
            Err(Error::PeerClosed) => return Err(self.gone()),
            Err(error) => return Err((TransportKind::Cut, error.to_string())),
        };
        let patience = times.idle.max(times.first_byte);
        self.silent_at = later(machine.now().instant, patience);
        match Said::decode(&message) {
            Some(Said::Verified(nanoseconds)) => {
                out.push(Heard::Verified(self.service.clone(), nanoseconds));
                Ok(())
            }
            Some(Said::Bytes(bytes)) => {
                self.has_spoken = true;
                self.read(bytes, out)
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

    fn read(&mut self, mut bytes: &[u8], out: &mut Vec<Heard>) -> Result<(), Broken> {
        loop {
            let part = self.client.next(&mut bytes);
            match part.map_err(|error| (TransportKind::Protocol, error.to_string()))? {
                None => return Ok(()),
                Some(ResponsePart::Head(head)) => {
                    out.push(Heard::Head(head.status.as_u16(), head.headers));
                }
                Some(ResponsePart::Body(piece)) => out.push(Heard::Body(piece.to_vec())),
                Some(ResponsePart::End) => {
                    // What stands behind it, nobody asked for; the connection ends.
                    out.push(Heard::End);
                    return Ok(());
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

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The other program keeps the same times, and says what took too long; so it is given a little
/// more, and time to be started again.
fn later(now: Instant, milliseconds: u32) -> Instant {
    Instant(now.0.saturating_add(u64::from(milliseconds)).saturating_add(GRACE_MILLISECONDS))
}

const GRACE_MILLISECONDS: u64 = 5000;
