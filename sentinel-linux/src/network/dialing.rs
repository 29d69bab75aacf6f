//! From a name to a connection: addresses, which of them may be used, and which answers first.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sentinel_core::time::Instant;
use sentinel_core::wire::race::{Attempt, Move, Race};

use super::Network;
use super::connection::Connection;
use super::failure::{Broken, FailureKind};
use super::flow::{Phase, Racing};
use super::link::{Link, describe};
use super::resolve::{Answered, Found};
use super::socket;
use super::timers::Timer;
use super::tools::Tools;
use crate::log;
use crate::poller::{Interest, Poller, Token};

/// A socket that is being connected.
#[derive(Debug)]
pub(super) struct Dialed {
    pub(super) flow: u64,
    attempt: Attempt,
    address: IpAddr,
    socket: OwnedFd,
    token: Token,
}

impl Network {
    /// Gives a flow a connection: one that waits for use, or a new one.
    pub(super) fn connect(&mut self, now: Instant, poller: &Poller, number: u64) {
        if self.reuse(now, poller, number) {
            return;
        }
        let Some(flow) = self.flows.get_mut(&number) else { return };
        flow.phase = Phase::Resolving;
        self.tools.timers.set(Timer::Flow(number), flow.deadline().0);
        if let Some(found) =
            self.resolver.resolve(now, &flow.route.host, number, poller, &mut self.tools)
        {
            self.resolved(now, poller, number, found);
        }
    }

    pub(super) fn answered(&mut self, now: Instant, poller: &Poller, answered: Answered) {
        for number in answered.flows {
            self.resolved(now, poller, number, answered.found.clone());
        }
    }

    /// Checks every address and begins to connect to those that may be used.
    fn resolved(&mut self, now: Instant, poller: &Poller, number: u64, found: Found) {
        let Some(flow) = self.flows.get_mut(&number) else { return };
        let addresses = match found {
            Ok(addresses) => addresses,
            Err(broken) => return self.fail(poller, number, broken, false),
        };
        let mut refusal = None;
        let mut allowed = Vec::with_capacity(addresses.len());
        for address in addresses {
            match flow.route.check(address) {
                Ok(()) => allowed.push(address),
                Err(broken) => refusal = refusal.or(Some(broken)),
            }
        }
        if allowed.is_empty() {
            let nothing = || Broken::new(FailureKind::Resolve, "the name has no address");
            return self.fail(poller, number, refusal.unwrap_or_else(nothing), false);
        }
        flow.phase = Phase::Racing(Racing { race: Race::new(&allowed), errors: Vec::new() });
        self.race(now, poller, number);
    }

    /// Starts and gives up attempts as the race wants it.
    pub(super) fn race(&mut self, now: Instant, poller: &Poller, number: u64) {
        let Some(flow) = self.flows.get_mut(&number) else { return };
        let port = flow.route.port;
        let deadline = flow.deadline().0;
        let Phase::Racing(racing) = &mut flow.phase else { return };
        while let Some(step) = racing.race.poll(now) {
            match step {
                Move::Start(attempt, address) => {
                    match Dialed::start(number, attempt, address, port, poller, &mut self.tools) {
                        Ok(dialed) => {
                            self.dialed.insert(dialed.token.index(), dialed);
                        }
                        Err(error) => {
                            let error = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                            racing.lose(now, attempt, address, port, error);
                        }
                    }
                }
                Move::Cancel(attempt) => {
                    drop_dialed(&mut self.dialed, poller, |dialed| {
                        dialed.flow == number && dialed.attempt == attempt
                    });
                }
            }
        }
        if racing.race.is_lost() {
            let text = format!(
                "could not connect to {}: check that the server runs and that the address is right",
                racing.errors.join(", ")
            );
            return self.fail(poller, number, Broken::new(FailureKind::Connect, text), false);
        }
        let deadline = racing.race.deadline().map_or(deadline, |start| start.min(deadline));
        self.tools.timers.set(Timer::Flow(number), deadline);
    }

    /// Looks at a socket that may have been connected.
    pub(super) fn dialed_ready(&mut self, now: Instant, poller: &Poller, index: u32) {
        let Some(dialed) = self.dialed.get(&index) else { return };
        let Some(outcome) = socket::connect_outcome(&dialed.socket) else { return };
        let Some(dialed) = self.dialed.remove(&index) else { return };
        let number = dialed.flow;
        let Some(flow) = self.flows.get_mut(&number) else { return };
        let Phase::Racing(racing) = &mut flow.phase else { return };
        if let Err(error) = outcome {
            // It is closed right after this, which takes it out as well.
            let _ = poller.remove(&dialed.socket);
            racing.lose(now, dialed.attempt, dialed.address, flow.route.port, error);
            return self.race(now, poller, number);
        }
        racing.race.connected(dialed.attempt);
        let host = flow.route.place.host.as_str();
        log::debug!("network", [host = host, port = u64::from(flow.route.port)], "connected");
        // What is left of the race is to be given up.
        self.race(now, poller, number);
        let Some(flow) = self.flows.get_mut(&number) else { return };
        flow.phase = Phase::Connected(index);
        // The next attempt that is no longer needed would come soon.
        self.tools.timers.clear(Timer::Flow(number));
        let link = Link::new(dialed.socket, dialed.token, WRITES);
        let connection = Connection::new(link, flow.route.place.clone(), dialed.address, number);
        self.connections.insert(index, connection);
        self.begin(now, poller, index);
    }
}

impl Dialed {
    fn start(
        flow: u64,
        attempt: Attempt,
        address: IpAddr,
        port: u16,
        poller: &Poller,
        tools: &mut Tools,
    ) -> std::io::Result<Self> {
        let socket = socket::stream(SocketAddr::new(address, port))?;
        let token = tools.register(poller, &socket, WRITES)?;
        Ok(Self { flow, attempt, address, socket, token })
    }
}

impl Racing {
    fn lose(&mut self, now: Instant, attempt: Attempt, address: IpAddr, port: u16, error: Errno) {
        let to = SocketAddr::new(address, port);
        self.errors.push(format!("{to} ({})", describe(error)));
        self.race.failed(now, attempt);
    }
}

/// Closes sockets that are not needed any more.
pub(super) fn drop_dialed(
    dialed: &mut sentinel_core::order::Map<u32, Dialed>,
    poller: &Poller,
    is_unwanted: impl Fn(&Dialed) -> bool,
) {
    dialed.retain(|_, dialed| {
        let is_unwanted = is_unwanted(dialed);
        if is_unwanted {
            // It is closed right after this, which takes it out as well.
            let _ = poller.remove(&dialed.socket);
        }
        !is_unwanted
    });
}

const WRITES: Interest = Interest { reads: false, writes: true };
