//! A connection and what it carries at the moment.
//!
//! # Invariants
//! - One step takes bounded time, however fast the other end is: what is left is told by epoll
//!   again, after everybody else had a turn.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use sentinel_core::time::Instant;
use sentinel_core::wire::http::{
    BodyLength, Client, HttpError, HttpErrorKind, HttpLimits, ResponsePart,
};
use sentinel_core::wire::websocket;

use super::failure::{Broken, FailureKind, Wait};
use super::flow::{Asked, Flow, Purpose};
use super::link::{Input, Link};
use super::place::Place;
use super::request::NetworkEvent;
use super::tls;
use super::tools::Entropy;
use crate::poller::Poller;

/// A connection that came about, to an address that was checked.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) link: Link,
    pub(super) place: Place,
    pub(super) address: IpAddr,
    /// Whom it serves, or nobody: then it waits for its next use.
    pub(super) flow: Option<u64>,
    /// Whether it served somebody before.
    pub(super) is_reused: bool,
    /// Whether others would be made in another way by now: then it serves nobody else.
    pub(super) is_outdated: bool,
    pub(super) stage: Stage,
}

/// What it carries.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing yet, or nothing any more.
    Idle,
    /// The request for a tunnel through a proxy.
    Tunnel(Client),
    Handshake,
    Exchange(Client),
    /// The request for a WebSocket.
    Upgrade(Client, websocket::Offer),
    Socket(Box<websocket::Connection>),
}

/// What is next for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It waits for its socket.
    Wait,
    /// There is more to do at once.
    Again,
    /// What it carried is over, and it can be used again.
    Keep,
    /// What it carried is over, and so is it.
    Close,
    /// It is somebody else's now.
    Land,
}

/// What a step needs from outside.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) events: &'a mut VecDeque<NetworkEvent>,
    pub(super) buffer: &'a mut [u8],
    pub(super) entropy: &'a mut Entropy,
    pub(super) tls: &'a Arc<ClientConfig>,
}

impl Connection {
    pub(super) const fn new(link: Link, place: Place, address: IpAddr, flow: u64) -> Self {
        Self {
            link,
            place,
            address,
            flow: Some(flow),
            is_reused: false,
            is_outdated: false,
            stage: Stage::Idle,
        }
    }

    /// Begins to serve a flow, as far as nothing has to be waited for.
    pub(super) fn begin(
        &mut self,
        flow: &mut Flow,
        context: &mut Context<'_>,
    ) -> Result<Step, Broken> {
        if !self.is_reused
            && let Some(authority) = &flow.route.tunnel
        {
            let mut client = Client::new(HttpLimits::default());
            let head = flow.tunnel_head(authority).map_err(unsendable)?;
            client.send_head(&head, BodyLength::Empty, self.link.out()).map_err(unsendable)?;
            self.stage = Stage::Tunnel(client);
        } else if matches!(flow.purpose, Purpose::Dial(_)) {
            return Ok(Step::Land);
        } else if !self.is_reused && self.place.is_tls {
            self.secure(context)?;
        } else {
            self.ask(flow, context)?;
        }
        self.advance(flow, context)
    }

    /// Goes on until there is nothing to do without waiting.
    pub(super) fn advance(
        &mut self,
        flow: &mut Flow,
        context: &mut Context<'_>,
    ) -> Result<Step, Broken> {
        loop {
            let step = match &self.stage {
                Stage::Idle => return Ok(Step::Wait),
                Stage::Tunnel(_) => self.tunnel(flow, context)?,
                Stage::Handshake => match self.link.shake_hands(&self.place.host)? {
                    false => Step::Wait,
                    true => {
                        self.ask(flow, context)?;
                        Step::Again
                    }
                },
                Stage::Exchange(_) => self.exchange(flow, context)?,
                Stage::Upgrade(..) => self.upgrade(flow, context)?,
                Stage::Socket(_) => self.socket(flow, context)?,
            };
            if step != Step::Again {
                return Ok(step);
            }
        }
    }

    /// What came on a connection that nobody uses: whether it is still good.
    pub(super) fn is_still_good(&mut self, buffer: &mut [u8]) -> bool {
        matches!(self.link.read(buffer, true), Ok(Input::Nothing))
    }

    /// Whether the other end may have read any of the request.
    pub(super) const fn has_asked(&self) -> bool {
        match self.stage {
            Stage::Idle | Stage::Tunnel(_) | Stage::Handshake => false,
            Stage::Exchange(_) | Stage::Upgrade(..) | Stage::Socket(_) => self.link.has_spoken(),
        }
    }

    pub(super) fn close(mut self, poller: &Poller) {
        self.link.close(poller);
    }

    fn secure(&mut self, context: &Context<'_>) -> Result<(), Broken> {
        self.link.start_tls(tls::connection(context.tls, &self.place.host)?);
        self.stage = Stage::Handshake;
        Ok(())
    }

    /// Writes the head of the request, now that there is a way to send it.
    fn ask(&mut self, flow: &mut Flow, context: &mut Context<'_>) -> Result<(), Broken> {
        let mut head = flow.head().map_err(unsendable)?;
        self.link.begin();
        self.stage = match &flow.purpose {
            Purpose::Exchange(asked) => {
                let limits =
                    HttpLimits { body_bytes: asked.answer_bytes_max, ..HttpLimits::default() };
                let mut client = Client::new(limits);
                client.send_head(&head, asked.length(), self.link.out()).map_err(unsendable)?;
                Stage::Exchange(client)
            }
            Purpose::Socket(_) => {
                let offer = websocket::Offer::new(context.entropy.bytes());
                offer.add_to(&mut head.headers).map_err(unsendable)?;
                let mut client = Client::new(HttpLimits::default());
                client.send_head(&head, BodyLength::Empty, self.link.out()).map_err(unsendable)?;
                Stage::Upgrade(client, offer)
            }
            // Whoever it is for says what is to be said.
            Purpose::Dial(_) => Stage::Idle,
        };
        flow.wait(context.now, Wait::Idle);
        Ok(())
    }

    fn tunnel(&mut self, flow: &Flow, context: &mut Context<'_>) -> Result<Step, Broken> {
        let Stage::Tunnel(client) = &mut self.stage else { return Ok(Step::Again) };
        self.link.flush();
        let count = match self.link.read(context.buffer, true)? {
            Input::Nothing => return Ok(Step::Wait),
            Input::Bytes(count) => count,
            Input::End | Input::Truncated => return Err(Broken::cut("the proxy hung up")),
        };
        let mut input = context.buffer.get(..count).unwrap_or_default();
        while let Some(part) = client.next(&mut input).map_err(|error| unreadable(&error))? {
            match part {
                ResponsePart::Informational(_) => {}
                ResponsePart::Upgraded(_) if input.is_empty() => {
                    if matches!(flow.purpose, Purpose::Dial(_)) {
                        return Ok(Step::Land);
                    }
                    self.secure(context)?;
                    return Ok(Step::Again);
                }
                // Under TLS the client speaks first, so this is from the proxy itself.
                ResponsePart::Upgraded(_) => {
                    return Err(Broken::protocol("the proxy sent more than its answer"));
                }
                ResponsePart::Head(head) => {
                    let status = head.status;
                    let advice = match status.as_u16() {
                        407 => {
                            "say who we are to it: proxy_user and proxy_password_env (or _file) \
                             under [http]"
                        }
                        _ => "ask whoever runs it whether it may connect there",
                    };
                    let text = format!(
                        "the proxy answered {} {}: {advice}",
                        status.as_u16(),
                        status.phrase()
                    );
                    return Err(Broken::new(FailureKind::Connect, text));
                }
                _ => {}
            }
        }
        Ok(Step::Again)
    }

    fn exchange(&mut self, flow: &mut Flow, context: &mut Context<'_>) -> Result<Step, Broken> {
        let Stage::Exchange(client) = &mut self.stage else { return Ok(Step::Again) };
        if let Purpose::Exchange(asked) = &mut flow.purpose {
            let has_moved = send(&mut self.link, client, asked)?;
            let is_sent = asked.is_sent && self.link.is_flushed();
            let has_answer = asked.has_answer;
            if is_sent && !has_answer && flow.waits_for() == Wait::Idle {
                flow.wait(context.now, Wait::FirstByte);
            } else if has_moved {
                flow.wait(context.now, flow.waits_for());
            }
        }
        let mut budget = BYTES_AT_ONCE;
        loop {
            // What is decrypted already is not told again, so that much is always taken.
            let asks_socket = budget > 0 && !flow.is_paused;
            let input = self.link.read(context.buffer, asks_socket)?;
            let mut input = match input {
                Input::Nothing => return Ok(Step::Wait),
                Input::Bytes(count) => context.buffer.get(..count).unwrap_or_default(),
                Input::End => {
                    let end = client.end_of_input().map_err(|error| unreadable(&error))?;
                    if end.is_some() {
                        tell_end(flow, context.events);
                        return Ok(Step::Close);
                    }
                    return Err(Broken::cut("the connection ended"));
                }
                Input::Truncated => {
                    return Err(Broken::cut(
                        "the connection ended without a word, which TLS does not allow: somebody \
                         may have cut it",
                    ));
                }
            };
            budget = budget_after(budget, input.len());
            let Purpose::Exchange(asked) = &mut flow.purpose else { return Ok(Step::Close) };
            let number = asked.number;
            asked.has_answer = true;
            flow.wait(context.now, Wait::Idle);
            while let Some(part) = client.next(&mut input).map_err(|error| unreadable(&error))? {
                match part {
                    ResponsePart::Informational(_) | ResponsePart::Trailers(_) => {}
                    ResponsePart::Head(head) => context.events.push_back(NetworkEvent::Head {
                        request: number,
                        status: head.status,
                        headers: head.headers,
                    }),
                    ResponsePart::Body(piece) => {
                        flow.queue(piece.len());
                        match context.events.back_mut() {
                            // Chunks that came together go on together.
                            Some(NetworkEvent::Body { request, bytes }) if *request == number => {
                                bytes.extend_from_slice(piece);
                            }
                            _ => context.events.push_back(NetworkEvent::Body {
                                request: number,
                                bytes: piece.to_vec(),
                            }),
                        }
                    }
                    ResponsePart::End => {
                        tell_end(flow, context.events);
                        let is_good =
                            client.is_reusable() && input.is_empty() && self.link.is_flushed();
                        return Ok(if is_good { Step::Keep } else { Step::Close });
                    }
                    ResponsePart::Upgraded(_) => {
                        return Err(Broken::protocol("the server changed the protocol"));
                    }
                }
            }
        }
    }
}

/// Sends as much of a request as fits; true if anything moved.
fn send(link: &mut Link, client: &mut Client, asked: &mut Asked) -> Result<bool, Broken> {
    let mut has_moved = false;
    loop {
        has_moved |= link.flush();
        if asked.is_sent || !link.is_flushed() {
            return Ok(has_moved);
        }
        let rest = asked.body.get(asked.body_sent..).unwrap_or_default();
        let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
        if piece.is_empty() {
            client.finish(link.out()).map_err(unsendable)?;
            asked.is_sent = true;
        } else {
            client.send_body(piece, link.out()).map_err(unsendable)?;
            asked.body_sent += piece.len();
        }
    }
}

fn tell_end(flow: &Flow, events: &mut VecDeque<NetworkEvent>) {
    if let Purpose::Exchange(asked) = &flow.purpose {
        events.push_back(NetworkEvent::End { request: asked.number });
    }
}

/// What a caller asked for cannot be sent.
fn unsendable(error: HttpError) -> Broken {
    Broken::protocol(format!("the request cannot be sent: {error}"))
}

/// What came cannot be read.
pub(super) fn unreadable(error: &HttpError) -> Broken {
    if error.is_truncated() {
        return match error.kind() {
            HttpErrorKind::ClosedWithoutResponse => {
                Broken::cut("the server closed the connection without an answer")
            }
            _ => Broken::cut("the connection ended in the middle of the answer"),
        };
    }
    if error.is_limit() {
        return Broken::new(FailureKind::TooLong, format!("the answer is too large: {error}"));
    }
    Broken::protocol(format!("the answer is not HTTP as it has to be: {error}"))
}

/// What a connection may still bring in this turn. After little there is mostly nothing more, and
/// asking costs a system call for each word of a model; epoll tells if there is.
pub(super) const fn budget_after(budget: usize, bytes: usize) -> usize {
    if bytes < LITTLE_BYTES { 0 } else { budget.saturating_sub(bytes) }
}

/// How much one connection brings before the others have their turn.
pub(super) const BYTES_AT_ONCE: usize = 64 * 1024;
/// Less than TLS hands over at once when there is more.
const LITTLE_BYTES: usize = 2048;
/// How much of a body stands ready to be sent.
const PIECE_BYTES: usize = 64 * 1024;
