//! A small HTTP server on a port of this machine, in the same loop as everything else.
//!
//! # Invariants
//! - A few connections at a time, each with a time in which it must be done; a request is small,
//!   has no body that is looked at, and gets one answer.
//! - A page in a browser learns nothing: a host that is a name other than `localhost` is refused,
//!   so that a name of somebody else's that leads here is of no use.
//!
//! # Not here
//! What is answered: whoever is asked for a page.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::fd::AsFd as _;
use sentinel_core::order::Map;
use sentinel_core::time::Instant;
use sentinel_core::wire::http::{
    BodyLength, Headers, HttpLimits, RequestHead, RequestPart, ResponseHead, Server as Codec,
    StatusCode,
};

use crate::poller::{Interest, Owner, Poller, Ready, Token};

/// The port, and who is connected.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    connections: Map<u32, Connection>,
    next: u32,
    /// Until when nobody is accepted, because the system had no room for one more.
    rests_until: Option<Instant>,
}

struct Connection {
    stream: TcpStream,
    codec: Codec,
    received: Vec<u8>,
    sending: Vec<u8>,
    is_answered: bool,
    /// Whether the client sends no more.
    has_ended: bool,
    deadline: Instant,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// A page that may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Metrics,
    Health,
}

impl Server {
    /// Takes the port.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, connections: Map::new(), next: 1, rests_until: None })
    }

    pub(crate) fn begin(&self, poller: &Poller) -> io::Result<()> {
        poller.add(&self.listener, LISTENER, Interest::READ)
    }

    /// Where it is: another port than was asked for, if that was 0.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port is given back, and connections are closed.
    pub(crate) fn end(self, poller: &Poller) {
        // What is closed is waited for no longer in any case.
        let _ = poller.remove(&self.listener);
        for connection in self.connections.into_values() {
            let _ = poller.remove(&connection.stream);
        }
    }

    /// Does what can be done now. `page` writes a page.
    pub(crate) fn ready(
        &mut self,
        now: Instant,
        poller: &Poller,
        ready: Ready,
        page: impl FnMut(Page) -> String,
    ) {
        if ready.token == LISTENER {
            return self.accept(now, poller);
        }
        let index = ready.token.index();
        let Some(connection) = self.connections.get_mut(&index) else { return };
        if connection.go_on(page).is_none() {
            return self.close(poller, index);
        }
        let interest =
            Interest { reads: !connection.is_answered, writes: !connection.sending.is_empty() };
        let token = Token::new(Owner::Metrics, index);
        if poller.change(&connection.stream, token, interest).is_err() {
            self.close(poller, index);
        }
    }

    fn accept(&mut self, now: Instant, poller: &Poller) {
        // Everybody on this machine can connect, as fast as they like: those behind these are told
        // of again when the others had their turn.
        for _ in 0..ACCEPTED_AT_ONCE {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => continue,
                    // There are no descriptors left, and whoever waits would be told of for ever.
                    _ => {
                        let _ = poller.remove(&self.listener);
                        self.rests_until = Some(now.after(REST));
                        return;
                    }
                },
            };
            // One too many: it is closed at once.
            if self.connections.len() >= CONNECTIONS_COUNT_MAX {
                continue;
            }
            let index = self.next;
            self.next = self.next.checked_add(1).unwrap_or(1);
            let token = Token::new(Owner::Metrics, index);
            let is_taken = stream.set_nonblocking(true).is_ok()
                && poller.add(stream.as_fd(), token, Interest::READ).is_ok();
            if is_taken {
                let limits = HttpLimits { head_bytes: HEAD_BYTES_MAX, ..HttpLimits::default() };
                let mut codec = Codec::new(limits);
                codec.announce_close();
                let connection = Connection {
                    stream,
                    codec,
                    received: Vec::new(),
                    sending: Vec::new(),
                    is_answered: false,
                    has_ended: false,
                    deadline: now.after(CONNECTION_TIME_MAX),
                };
                self.connections.insert(index, connection);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let deadlines = self.connections.values().map(|connection| connection.deadline);
        deadlines.chain(self.rests_until).min()
    }

    /// Closes what took too long.
    pub(crate) fn tick(&mut self, now: Instant, poller: &Poller) {
        let late = self.connections.iter().filter(|(_, connection)| connection.deadline <= now);
        let late: Vec<u32> = late.map(|(index, _)| *index).collect();
        for index in late {
            self.close(poller, index);
        }
        if self.rests_until.is_some_and(|until| until <= now) {
            let is_heard = poller.add(&self.listener, LISTENER, Interest::READ).is_ok();
            self.rests_until = (!is_heard).then(|| now.after(REST));
        }
    }

    fn close(&mut self, poller: &Poller, index: u32) {
        if let Some(connection) = self.connections.remove(&index) {
            let _ = poller.remove(&connection.stream);
        }
    }
}

impl Connection {
    /// Reads and writes; none when it is over.
    fn go_on(&mut self, page: impl FnMut(Page) -> String) -> Option<()> {
        if !self.is_answered {
            self.read()?;
            self.answer(page)?;
        }
        while !self.sending.is_empty() {
            match self.stream.write(&self.sending) {
                Ok(0) => return None,
                Ok(count) => {
                    self.sending.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        if self.is_answered {
            // The client closes when it has all of it, or its time is over.
            let _ = self.stream.shutdown(std::net::Shutdown::Write);
            return None;
        }
        Some(())
    }

    fn read(&mut self) -> Option<()> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => {
                    self.has_ended = true;
                    return Some(());
                }
                Ok(count) => self.received.extend_from_slice(bytes.get(..count)?),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
            if self.received.len() > HEAD_BYTES_MAX {
                return Some(());
            }
        }
    }

    fn answer(&mut self, mut page: impl FnMut(Page) -> String) -> Option<()> {
        let received = std::mem::take(&mut self.received);
        let mut input = received.as_slice();
        let outcome = loop {
            match self.codec.next(&mut input) {
                Ok(Some(RequestPart::Head(head))) => break Ok(respond(&head)),
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.received = input.to_vec();
                    return (!self.has_ended).then_some(());
                }
                Err(error) => break Err(error),
            }
        };
        self.is_answered = true;
        let (status, wanted) = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                self.codec.refuse(error, &mut self.sending).ok()?;
                return Some(());
            }
        };
        let body = wanted.map_or_else(|| format!("{status}\n"), &mut page);
        let mut head = ResponseHead::new(status);
        let kind = match wanted {
            Some(Page::Metrics) => "text/plain; version=0.0.4; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        let mut headers = Headers::new();
        headers.append("content-type", kind.as_bytes()).ok()?;
        headers.append("cache-control", b"no-store").ok()?;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.append("allow", b"GET, HEAD").ok()?;
        }
        head.headers = headers;
        let out = &mut self.sending;
        self.codec.send_head(&head, BodyLength::Exact(body.len() as u64), out).ok()?;
        self.codec.send_body(body.as_bytes(), out).ok()?;
        self.codec.finish(out).ok()
    }
}

/// What a request is answered with.
fn respond(head: &RequestHead) -> (StatusCode, Option<Page>) {
    let host = head.headers.get("host").and_then(|host| host.as_str()).unwrap_or_default();
    if !is_own(host) {
        return (StatusCode::MISDIRECTED_REQUEST, None);
    }
    if !matches!(head.method.as_str(), "GET" | "HEAD") {
        return (StatusCode::METHOD_NOT_ALLOWED, None);
    }
    let path = head.target.as_str().split('?').next().unwrap_or_default();
    match path {
        "/metrics" => (StatusCode::OK, Some(Page::Metrics)),
        "/healthz" => (StatusCode::OK, Some(Page::Health)),
        _ => (StatusCode::NOT_FOUND, None),
    }
}

/// Whether a host is an address, or this machine's own name for itself.
fn is_own(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

const LISTENER: Token = Token::new(Owner::Metrics, 0);
/// A monitor or two, and a person who looks.
const CONNECTIONS_COUNT_MAX: usize = 8;
const ACCEPTED_AT_ONCE: usize = 16;
/// A request without a body and with few fields.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);
/// How long nobody is accepted after the system had no room.
const REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: who connects without end does not hold up the agent. Method: more connections than are
    /// taken in one turn, and how many of them were closed after it.
    #[test]
    fn a_flood_of_connections_takes_its_turns() {
        let poller = Poller::new().unwrap();
        let mut server = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        server.begin(&poller).unwrap();
        let clients: Vec<TcpStream> = (0..3 * ACCEPTED_AT_ONCE)
            .map(|_| {
                let client = TcpStream::connect(server.address()).unwrap();
                client.set_nonblocking(true).unwrap();
                client
            })
            .collect();
        let closed = || clients.iter().filter(|it| matches!((&**it).read(&mut [0]), Ok(0))).count();
        for turn in 1..=3 {
            server.accept(Instant(0), &poller);
            assert_eq!(server.connections.len(), CONNECTIONS_COUNT_MAX);
            assert_eq!(closed(), turn * ACCEPTED_AT_ONCE - CONNECTIONS_COUNT_MAX);
        }
    }

    #[test]
    fn names_that_lead_here_are_not_ours() {
        for host in ["127.0.0.1:9464", "localhost", "LOCALHOST:1", "[::1]:9464"] {
            assert!(is_own(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:9464", "localhost.evil.example", "127.1"] {
            assert!(!is_own(host), "{host}");
        }
    }
}
