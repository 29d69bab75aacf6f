//! One question, asked of one server after the other until somebody knows.
//!
//! # Invariants
//! - A datagram that does not answer this question, or comes from elsewhere, changes nothing:
//!   guessing can at most make us ask again on a connection.
//! - It ends: each failure moves on to the next server, and there are so many rounds. Only a cut
//!   answer and a server without EDNS are asked again in their turn, once each.
//!
//! # Not here
//! Which names are asked for: see [`Lookup`](super::Lookup).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::answer::{Answer, Found, ResponseCode};
use super::config::{Config, Server};
use super::error::{MessageError, MessageErrorKind};
use super::name::Name;
use super::outcome::{Failure, Transport};
use super::question::{Question, RecordKind};
use crate::limits::DNS_TIMEOUT_MAX;
use crate::time::Instant;

/// A query and its answer, within one resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exchange(pub u32);

/// What to send, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Under which name answers and failures are to be told.
    pub exchange: Exchange,
    /// Whom to ask.
    pub server: Server,
    /// How.
    pub transport: Transport,
    /// What to send: a datagram, or all that goes onto the connection, its length in front.
    pub message: Vec<u8>,
}

/// What a question came to.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    Addresses(Found),
    NoAddresses(Option<u32>),
    NoSuchName(Option<u32>),
    Failed,
}

/// A question on its way.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    name: Name,
    kind: RecordKind,
    /// Where in the list of servers the first round begins.
    first_server: usize,
    /// Servers asked so far, over all rounds.
    turn: usize,
    has_options: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Ready(Transport),
    Waiting(Waiting),
    Done(Finding),
}

#[derive(Clone, Debug)]
struct Waiting {
    exchange: Exchange,
    question: Box<Question>,
    transport: Transport,
    deadline: Instant,
    /// What came on a connection, its length in front.
    received: Vec<u8>,
}

/// A server that failed, for the report.
pub(super) struct Failed {
    pub(super) server: usize,
    pub(super) transport: Transport,
    pub(super) failure: Failure,
}

impl Asking {
    pub(super) fn new(name: Name, kind: RecordKind, first_server: usize, config: &Config) -> Self {
        let state = match config.servers.is_empty() {
            true => State::Done(Finding::Failed),
            false => State::Ready(initial(config)),
        };
        Self { name, kind, first_server, turn: 0, has_options: true, state }
    }

    /// The query to send next, if it is time for one.
    pub(super) fn poll(
        &mut self,
        config: &Config,
        now: Instant,
        entropy: u64,
        exchange: Exchange,
    ) -> Option<Ask> {
        let State::Ready(transport) = self.state else { return None };
        let server = config.servers.get(self.server(config))?.clone();
        let [id_high, id_low, ..] = entropy.to_le_bytes();
        let id = u16::from_be_bytes([id_high, id_low]);
        let mut question = Question::new(self.name, self.kind, id);
        if config.has_casing {
            question = question.with_casing(entropy >> 16);
        }
        if !self.has_options {
            question = question.without_options();
        }
        let mut message = Vec::with_capacity(2 + 12 + 255 + 4 + 11);
        if transport == Transport::Tcp {
            message.extend_from_slice(&[0, 0]);
        }
        question.write(&mut message);
        if transport == Transport::Tcp {
            let length = u16::try_from(message.len().saturating_sub(2)).unwrap_or(u16::MAX);
            let [high, low] = length.to_be_bytes();
            if let Some([first, second]) = message.first_chunk_mut::<2>() {
                (*first, *second) = (high, low);
            }
        }
        let deadline = now.after(self.patience(config));
        let (question, received) = (Box::new(question), Vec::new());
        let waiting = Waiting { exchange, question, transport, deadline, received };
        self.state = State::Waiting(waiting);
        Some(Ask { exchange, server, transport, message })
    }

    pub(super) fn datagram(
        &mut self,
        config: &Config,
        exchange: Exchange,
        from: SocketAddr,
        message: &[u8],
    ) -> Option<Failed> {
        let server = config.servers.get(self.server(config))?;
        let State::Waiting(waiting) = &self.state else { return None };
        let is_sent_there = waiting.exchange == exchange
            && waiting.transport == Transport::Udp
            && from.ip().to_canonical() == server.address.to_canonical()
            && from.port() == server.port;
        if !is_sent_there {
            return None;
        }
        match waiting.question.read(message) {
            // Most likely a server that writes all names in lower case: a connection needs no
            // letters to be sure.
            Err(error) if error.kind() == MessageErrorKind::WrongCase => {
                self.state = State::Ready(Transport::Tcp);
                None
            }
            Err(error) if error.is_foreign() => None,
            result => self.conclude(config, result),
        }
    }

    pub(super) fn stream(
        &mut self,
        config: &Config,
        exchange: Exchange,
        bytes: &[u8],
    ) -> Option<Failed> {
        let State::Waiting(waiting) = &mut self.state else { return None };
        if waiting.exchange != exchange || waiting.transport != Transport::Tcp {
            return None;
        }
        // Never more than one message, however much came.
        let received = &mut waiting.received;
        let mut rest = bytes;
        while received.len() < 2
            && let Some((first, after)) = rest.split_first()
        {
            received.push(*first);
            rest = after;
        }
        let length = received.first_chunk::<2>().map(|length| u16::from_be_bytes(*length))?;
        let wanted = (2 + usize::from(length)).saturating_sub(received.len());
        received.extend_from_slice(rest.get(..wanted).unwrap_or(rest));
        let message = received.get(2..).filter(|message| message.len() == usize::from(length))?;
        let result = waiting.question.read_in_any_case(message);
        self.conclude(config, result)
    }

    pub(super) fn broken(&mut self, config: &Config, exchange: Exchange) -> Option<Failed> {
        self.is_waiting_for(exchange).then(|| self.fail(config, Failure::Broken))?
    }

    pub(super) fn timeout(&mut self, config: &Config, now: Instant) -> Option<Failed> {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now);
        is_over.then(|| self.fail(config, Failure::TimedOut))?
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting(waiting) => Some(waiting.deadline),
            State::Ready(_) | State::Done(_) => None,
        }
    }

    pub(super) fn is_waiting_for(&self, exchange: Exchange) -> bool {
        matches!(&self.state, State::Waiting(waiting) if waiting.exchange == exchange)
    }

    pub(super) fn finding(&self) -> Option<&Finding> {
        match &self.state {
            State::Done(finding) => Some(finding),
            State::Ready(_) | State::Waiting(_) => None,
        }
    }

    /// The index of the server whose turn it is.
    pub(super) fn server(&self, config: &Config) -> usize {
        (self.first_server + self.turn) % config.servers.len().max(1)
    }

    fn conclude(
        &mut self,
        config: &Config,
        result: Result<Answer, MessageError>,
    ) -> Option<Failed> {
        let is_tcp = matches!(&self.state, State::Waiting(waiting)
            if waiting.transport == Transport::Tcp);
        let finding = match result {
            Ok(Answer::Addresses(found)) => Finding::Addresses(found),
            Ok(Answer::NoAddresses(ttl)) => Finding::NoAddresses(ttl),
            Ok(Answer::NoSuchName(ttl)) => Finding::NoSuchName(ttl),
            Ok(Answer::Truncated) if is_tcp => return self.fail(config, Failure::Truncated),
            Ok(Answer::Truncated) => {
                self.state = State::Ready(Transport::Tcp);
                return None;
            }
            Ok(Answer::Referral) => return self.fail(config, Failure::Referral),
            // RFC 6891 §7: such a server may know nothing of options.
            Ok(Answer::Failed(ResponseCode::FORMAT_ERROR | ResponseCode::NOT_IMPLEMENTED))
                if self.has_options =>
            {
                self.has_options = false;
                self.state = State::Ready(if is_tcp { Transport::Tcp } else { Transport::Udp });
                return None;
            }
            Ok(Answer::Failed(code)) => return self.fail(config, Failure::Code(code)),
            Err(error) => return self.fail(config, Failure::Malformed(error)),
        };
        self.state = State::Done(finding);
        None
    }

    /// Moves on to the next server.
    fn fail(&mut self, config: &Config, failure: Failure) -> Option<Failed> {
        let State::Waiting(waiting) = &self.state else { return None };
        let failed = Failed { server: self.server(config), transport: waiting.transport, failure };
        self.turn += 1;
        self.has_options = true;
        let turns_count = config.servers.len() * usize::from(config.attempts.max(1));
        self.state = if self.turn < turns_count {
            State::Ready(initial(config))
        } else {
            State::Done(Finding::Failed)
        };
        Some(failed)
    }

    fn patience(&self, config: &Config) -> Duration {
        let round = self.turn / config.servers.len().max(1);
        let factor = 1_u32.checked_shl(u32::try_from(round).unwrap_or(u32::MAX));
        config.timeout.saturating_mul(factor.unwrap_or(u32::MAX)).min(DNS_TIMEOUT_MAX)
    }
}

const fn initial(config: &Config) -> Transport {
    if config.uses_tcp { Transport::Tcp } else { Transport::Udp }
}
