//! The proxy that is a sandbox's only way out: sockets around the core's conversations.
//!
//! A sandbox has a listening socket inside its own network, made there and handed out; whoever
//! connects to it inside talks with this. What a call may reach, and what passes, is decided in
//! [`sentinel_core::egress`]; here are the sockets, and the bytes that pass.
//!
//! # Invariants
//! - Nothing blocks, and one step takes bounded time.
//! - The address that is connected to is one that the call's allowance was asked about, in the same
//!   act: see [`Network::dial`].
//! - Every decision is told with [`Egress::poll`], before the program hears of it.
//! - When a call ends, everything that it had here ends with it.
//!
//! # Not here
//! Making the sandbox and its socket. Deciding anything.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::SocketFlags;
use sentinel_core::egress::{Allowance, Outcome, Passage, Refusal, Trouble, Way};
use sentinel_core::limits::{
    EGRESS_BYTES_MAX, EGRESS_CONNECTIONS_COUNT_MAX, EGRESS_PASSAGES_COUNT_MAX,
};
use sentinel_core::order::Map;
use sentinel_core::time::{Instant, Now};

use crate::network::{DialNumber, FailureKind, Network, NetworkEvent};
use crate::poller::{Interest, Owner, Poller, Ready, Token};

pub(crate) mod alone;
mod authority;
mod certificates;
mod passing;
mod relay;
mod side;
#[cfg(test)]
mod tests;
mod veil;
mod way_out;

use authority::Authority;
use passing::{Passing, Wish};
use side::Side;
pub(crate) use way_out::WayOut;

/// Which of the sockets that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DoorNumber(u32);

/// All sandboxes that have a way out.
///
/// After every call but [`deadline`](Self::deadline), take what was decided with
/// [`poll`](Self::poll) until there is nothing.
#[derive(Default)]
pub(crate) struct Egress {
    doors: Map<u32, Door>,
    passing: Map<u32, Passing>,
    /// What the sockets are for, by the numbers that epoll knows.
    sockets: Map<u32, Part>,
    dials: Map<DialNumber, u32>,
    decided: VecDeque<(DoorNumber, Passage)>,
    last: u32,
    buffer: Vec<u8>,
}

/// A socket on which a sandbox connects.
struct Door {
    listener: OwnedFd,
    token: Token,
    allowance: Arc<Allowance>,
    /// Who speaks for the hosts that are looked into, if any are.
    authority: Option<Authority>,
    /// Whether epoll tells of connections: not while there are as many as there may be.
    is_open: bool,
    connections_count: usize,
    passages_count: u32,
    bytes_count: u64,
}

#[derive(Clone, Copy)]
enum Part {
    Door(u32),
    Client(u32),
    Server(u32),
}

impl Egress {
    /// Serves a listening socket until [`stop`](Self::stop).
    ///
    /// # Errors
    /// Epoll does not take it.
    pub(crate) fn serve(
        &mut self,
        poller: &Poller,
        listener: OwnedFd,
        way_out: WayOut,
    ) -> io::Result<DoorNumber> {
        rustix::io::ioctl_fionbio(&listener, true)?;
        let number = self.number();
        let token = Token::new(Owner::Egress, number);
        poller.add(&listener, token, Interest::READ)?;
        self.sockets.insert(number, Part::Door(number));
        let door = Door {
            listener,
            token,
            allowance: Arc::new(way_out.allowance),
            authority: way_out.authority,
            is_open: true,
            connections_count: 0,
            passages_count: 0,
            bytes_count: 0,
        };
        self.doors.insert(number, door);
        Ok(DoorNumber(number))
    }

    /// Ends everything that goes through a door. What was decided before is still told.
    pub(crate) fn stop(&mut self, poller: &Poller, network: &mut Network, number: DoorNumber) {
        let Some(door) = self.doors.remove(&number.0) else { return };
        self.sockets.remove(&number.0);
        if door.is_open {
            // It is closed right after this, which takes it out as well.
            let _ = poller.remove(&door.listener);
        }
        let ending = self.passing.iter().filter(|(_, passing)| passing.door == number.0);
        let ending: Vec<u32> = ending.map(|(index, _)| *index).collect();
        for index in ending {
            if let Some(passing) = self.passing.remove(&index) {
                self.end(poller, network, passing);
            }
        }
    }

    /// Does what can be done with a socket now.
    pub(crate) fn ready(&mut self, now: Now, poller: &Poller, network: &mut Network, ready: Ready) {
        let Some(part) = self.sockets.get(&ready.token.index()).copied() else { return };
        match part {
            Part::Door(number) => self.accept(now, poller, network, number),
            Part::Client(index) | Part::Server(index) => {
                let Some(mut passing) = self.passing.remove(&index) else { return };
                if self.buffer.is_empty() {
                    self.buffer.resize(BUFFER_BYTES, 0);
                }
                match part {
                    Part::Client(_) => passing.client_ready(now, &mut self.buffer, ready),
                    _ => passing.server_ready(now, &mut self.buffer, ready),
                }
                self.go_on(now, poller, network, index, passing);
            }
        }
    }

    /// Takes an event of the network, if it is about a connection that was asked for here.
    pub(crate) fn take(
        &mut self,
        now: Now,
        poller: &Poller,
        network: &mut Network,
        event: &NetworkEvent,
    ) -> bool {
        let Some(dial) = event.dial() else { return false };
        let landed = network.landed(dial);
        let Some(index) = self.dials.remove(&dial) else { return true };
        let Some(mut passing) = self.passing.remove(&index) else { return true };
        passing.dial = None;
        match (event, landed) {
            (NetworkEvent::Dialed { address, is_proxied, .. }, Some(socket)) => {
                let token = self.token(Part::Server(index));
                let secured = passing.secures().map(|host| network.secure(host));
                match Side::new(poller, socket, token) {
                    Ok(side) if secured.is_some() => match secured {
                        Some(Ok(tls)) => passing.secure(now, side, tls.into(), *address),
                        other => {
                            self.sockets.remove(&token.index());
                            side.close(poller);
                            passing.forget_server();
                            let why = other.and_then(Result::err).unwrap_or_default();
                            passing.conversation.unproven(now, &why);
                        }
                    },
                    Ok(side) => {
                        passing.server = Some(side);
                        let way = match is_proxied {
                            true => Way::Proxy(network.proxy_credentials().map(Into::into)),
                            false => Way::Direct,
                        };
                        passing.conversation.connected(now, *address, way);
                    }
                    Err(_) => passing.conversation.failed(now, Trouble::Unreachable),
                }
            }
            (NetworkEvent::DialFailed { failure, .. }, _) => {
                passing.conversation.failed(now, trouble(failure.kind));
            }
            _ => passing.conversation.failed(now, Trouble::Unreachable),
        }
        self.go_on(now, poller, network, index, passing);
        true
    }

    /// What was decided, and whose door it was about.
    pub(crate) fn poll(&mut self) -> Option<(DoorNumber, Passage)> {
        self.decided.pop_front()
    }

    /// When [`tick`](Self::tick) has something to do. May change after every other call.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.passing.values().map(Passing::deadline).min()
    }

    /// Ends what takes too long. Early and repeated calls do nothing.
    pub(crate) fn tick(&mut self, now: Now, poller: &Poller, network: &mut Network) {
        let due = self.passing.iter().filter(|(_, passing)| passing.deadline() <= now.instant);
        let due: Vec<u32> = due.map(|(index, _)| *index).collect();
        for index in due {
            let Some(mut passing) = self.passing.remove(&index) else { continue };
            passing.tick(now);
            self.go_on(now, poller, network, index, passing);
        }
    }

    fn number(&mut self) -> u32 {
        // Comes again only after four thousand million sockets, so that what epoll said about a
        // socket that is closed by now is never taken for news of another one.
        self.last = self.last.wrapping_add(1);
        self.last
    }

    fn token(&mut self, part: Part) -> Token {
        let number = self.number();
        self.sockets.insert(number, part);
        Token::new(Owner::Egress, number)
    }

    fn accept(&mut self, now: Now, poller: &Poller, network: &mut Network, number: u32) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(door) = self.doors.get_mut(&number) else { return };
            if door.connections_count >= EGRESS_CONNECTIONS_COUNT_MAX {
                if door.is_open {
                    door.is_open = poller.remove(&door.listener).is_err();
                }
                return;
            }
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match rustix::net::accept_with(&door.listener, flags) {
                Ok(socket) => socket,
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(_) => return,
            };
            door.connections_count += 1;
            let allowance = door.allowance.clone();
            let index = self.number();
            let token = self.token(Part::Client(index));
            match Side::new(poller, socket, token) {
                Ok(side) => {
                    let passing = Passing::new(number, side, allowance, now.instant);
                    self.go_on(now, poller, network, index, passing);
                }
                Err(_) => {
                    self.sockets.remove(&token.index());
                    self.leave(poller, number);
                }
            }
        }
    }

    /// Does what follows for a connection, and puts it back unless it is over.
    fn go_on(
        &mut self,
        now: Now,
        poller: &Poller,
        network: &mut Network,
        index: u32,
        mut passing: Passing,
    ) {
        while let Some(wish) = passing.next(now) {
            match wish {
                Wish::Note(passage) => {
                    if !self.note(passing.door, passage) {
                        self.end(poller, network, passing);
                        return;
                    }
                }
                Wish::Connect(goal) => {
                    let dial = network.dial(now, poller, &goal);
                    passing.will_secure(now.instant, &goal);
                    passing.dial = Some(dial);
                    self.dials.insert(dial, index);
                }
                Wish::Disconnect => self.disconnect(poller, network, &mut passing),
                Wish::Inspect(host) => {
                    if !self.count_handshake(passing.door) {
                        self.end(poller, network, passing);
                        return;
                    }
                    let door = self.doors.get_mut(&passing.door);
                    let authority = door.and_then(|door| door.authority.as_mut());
                    match authority.map(|authority| authority.speak_for(&host)) {
                        Some(Ok(tls)) => passing.inspect(tls.into()),
                        // Nobody made one, or no random bytes were there for it.
                        _ => passing.conversation.untaken(),
                    }
                }
                Wish::End => {
                    self.end(poller, network, passing);
                    return;
                }
            }
        }
        let moved = passing.take_moved();
        if !self.count(passing.door, moved) || passing.watch(poller).is_err() {
            self.end(poller, network, passing);
            return;
        }
        self.passing.insert(index, passing);
    }

    /// Tells what was decided; false if the call has no more decisions.
    fn note(&mut self, number: u32, passage: Passage) -> bool {
        let Some(door) = self.doors.get_mut(&number) else { return false };
        if door.passages_count >= EGRESS_PASSAGES_COUNT_MAX {
            return false;
        }
        door.passages_count += 1;
        let is_last = door.passages_count == EGRESS_PASSAGES_COUNT_MAX;
        // The last one says that there are no more, whatever it would have been.
        let outcome = if is_last { Outcome::Refused(Refusal::Exhausted) } else { passage.outcome };
        self.decided.push_back((DoorNumber(number), Passage { outcome, ..passage }));
        !is_last
    }

    /// Counts what moved; false if the call has moved as much as it may.
    fn count(&mut self, number: u32, bytes: u64) -> bool {
        let Some(door) = self.doors.get_mut(&number) else { return false };
        let was_within = door.bytes_count <= EGRESS_BYTES_MAX;
        door.bytes_count = door.bytes_count.saturating_add(bytes);
        let is_within = door.bytes_count <= EGRESS_BYTES_MAX;
        if was_within && !is_within {
            self.decided.push_back((DoorNumber(number), exhausted()));
        }
        is_within
    }

    /// Counts that TLS is begun, which takes as much as a decision and may be followed by none;
    /// false if the call has begun enough.
    fn count_handshake(&mut self, number: u32) -> bool {
        let Some(door) = self.doors.get_mut(&number) else { return false };
        if door.passages_count + 1 < EGRESS_PASSAGES_COUNT_MAX {
            door.passages_count += 1;
            return true;
        }
        self.note(number, exhausted());
        false
    }

    fn disconnect(&mut self, poller: &Poller, network: &mut Network, passing: &mut Passing) {
        if let Some(dial) = passing.dial.take() {
            self.dials.remove(&dial);
            network.cancel_dial(poller, dial);
        }
        passing.forget_server();
        if let Some(side) = passing.server.take() {
            self.sockets.remove(&side.token().index());
            side.close(poller);
        }
    }

    fn end(&mut self, poller: &Poller, network: &mut Network, mut passing: Passing) {
        self.disconnect(poller, network, &mut passing);
        let Passing { door, client, .. } = passing;
        self.sockets.remove(&client.token().index());
        client.close(poller);
        self.leave(poller, door);
    }

    /// One connection less: there may be room for another.
    fn leave(&mut self, poller: &Poller, number: u32) {
        let Some(door) = self.doors.get_mut(&number) else { return };
        door.connections_count = door.connections_count.saturating_sub(1);
        if !door.is_open {
            door.is_open = poller.add(&door.listener, door.token, Interest::READ).is_ok();
        }
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The buffer holds what came last.
        formatter
            .debug_struct("Egress")
            .field("doors", &self.doors.len())
            .field("connections", &self.passing.len())
            .finish_non_exhaustive()
    }
}

const fn trouble(kind: FailureKind) -> Trouble {
    match kind {
        FailureKind::Refused => Trouble::Refused,
        FailureKind::Resolve => Trouble::Unresolved,
        FailureKind::Timeout(_) => Trouble::Slow,
        _ => Trouble::Unreachable,
    }
}

/// That a call has done as much as it may.
fn exhausted() -> Passage {
    Passage {
        host: String::new(),
        port: 0,
        request: None,
        secrets: Vec::new(),
        outcome: Outcome::Refused(Refusal::Exhausted),
    }
}

/// One for all connections: what a read brings at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// A program that opens many connections must not hold up everybody else.
const ACCEPTED_AT_ONCE: usize = 16;
