//! Names to addresses: the sockets that [`wire::dns`](sentinel_core::wire::dns) asks for.
//!
//! # Invariants
//! - Each query has a socket of its own, connected to its server: nobody else's datagrams come in,
//!   and its port is one that nobody can guess.
//! - Who asks for a name that is being asked for waits for the same answer.
//!
//! # Not here
//! What an address may be used for: that is asked when it is connected to, for every connection
//! anew.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use sentinel_core::limits::DNS_CACHE_COUNT_MAX;
use sentinel_core::order::Map;
use sentinel_core::time::Instant;
use sentinel_core::wire::dns::{
    Ask, Cache, Cached, Config, Exchange, Hosts, Lookup, LookupError, Resolved, Transport,
};

use super::failure::{Broken, FailureKind};
use super::name_files::NameFiles;
use super::socket;
use super::timers::Timer;
use super::tools::Tools;
use crate::log;
use crate::poller::{Interest, Poller, Ready, Token};

/// All names that are being resolved, and what is remembered of others.
#[derive(Debug)]
pub(super) struct Resolver {
    config: Config,
    hosts: Hosts,
    files: Option<NameFiles>,
    cache: Cache,
    lookups: Map<u32, Running>,
    lookups_count: u32,
    sockets: Map<u32, Query>,
}

/// Addresses, or why there are none.
pub(super) type Found = Result<Vec<IpAddr>, Broken>;

/// What ended, and who waited for it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) flows: Vec<u64>,
    pub(super) found: Found,
}

#[derive(Debug)]
struct Running {
    name: String,
    lookup: Lookup,
    flows: Vec<u64>,
}

/// One query on its way.
#[derive(Debug)]
struct Query {
    lookup: u32,
    exchange: Exchange,
    server: SocketAddr,
    transport: Transport,
    socket: OwnedFd,
    token: Token,
    message: Vec<u8>,
    sent: usize,
}

impl Resolver {
    pub(super) fn new(config: Config, hosts: Hosts, files: Option<NameFiles>) -> Self {
        Self {
            config,
            hosts,
            files,
            cache: Cache::new(DNS_CACHE_COUNT_MAX),
            lookups: Map::new(),
            lookups_count: 0,
            sockets: Map::new(),
        }
    }

    /// Asks others from now on, and forgets what was remembered. Names that are being resolved go
    /// on as they began. Where the system's files cannot be read any more all is as before.
    pub(super) fn configure_as(&mut self, fresh: Self) {
        if fresh.files.as_ref().is_some_and(|files| !files.is_read) {
            log::warn!("names are resolved as before: the system's files cannot be read any more");
            return;
        }
        (self.config, self.hosts, self.files) = (fresh.config, fresh.hosts, fresh.files);
        self.cache = Cache::new(DNS_CACHE_COUNT_MAX);
    }

    /// Asks others from now on if the system says so, and forgets what was remembered. Names that
    /// are being resolved go on as they began.
    fn look_again(&mut self, now: Instant) {
        let files = self.files.as_mut();
        if let Some((config, hosts)) = files.and_then(|files| files.changed(now)) {
            (self.config, self.hosts) = (config, hosts);
            self.cache = Cache::new(DNS_CACHE_COUNT_MAX);
        }
    }

    /// What a name is known to be, or nothing: then the flow is told later.
    pub(super) fn resolve(
        &mut self,
        now: Instant,
        name: &str,
        flow: u64,
        poller: &Poller,
        tools: &mut Tools,
    ) -> Option<Found> {
        self.look_again(now);
        match self.cache.find(now, name) {
            Some(Cached::Addresses(addresses)) => return Some(Ok(addresses.to_vec())),
            Some(Cached::NoAddresses) => {
                let text = format!("`{name}` has no address to connect to");
                return Some(Err(Broken::new(FailureKind::Resolve, text)));
            }
            Some(Cached::NoSuchName) => {
                let text = format!("there is no name `{name}`: check how it is written");
                return Some(Err(Broken::new(FailureKind::Resolve, text)));
            }
            None => {}
        }
        if let Some(running) = self.lookups.values_mut().find(|running| running.name == name) {
            running.flows.push(flow);
            return None;
        }
        let lookup = Lookup::new(name, &self.config, &self.hosts, tools.entropy.number());
        if let Some(outcome) = lookup.outcome() {
            return Some(found(outcome));
        }
        self.lookups_count = self.lookups_count.wrapping_add(1);
        let number = self.lookups_count;
        let running = Running { name: name.to_string(), lookup, flows: vec![flow] };
        self.lookups.insert(number, running);
        // Whatever goes wrong at once has other servers to go on with, so it has not ended; and if
        // it has, the timer says so.
        self.go_on(now, number, poller, tools).map(|answered| answered.found)
    }

    /// Nobody has to tell this flow any more.
    pub(super) fn forget(&mut self, flow: u64, poller: &Poller, tools: &mut Tools) {
        let mut unwanted = Vec::new();
        for (number, running) in self.lookups.iter_mut() {
            running.flows.retain(|waiting| *waiting != flow);
            if running.flows.is_empty() {
                unwanted.push(*number);
            }
        }
        for number in unwanted {
            self.lookups.remove(&number);
            tools.timers.clear(Timer::Lookup(number));
            close(&mut self.sockets, poller, |query| query.lookup == number);
        }
    }

    /// Whether a socket is one of these.
    pub(super) fn owns(&self, token: Token) -> bool {
        self.sockets.contains_key(&token.index())
    }

    pub(super) fn ready(
        &mut self,
        now: Instant,
        ready: Ready,
        poller: &Poller,
        tools: &mut Tools,
    ) -> Option<Answered> {
        let Self { sockets, lookups, .. } = self;
        let query = sockets.get_mut(&ready.token.index())?;
        let number = query.lookup;
        let lookup = &mut lookups.get_mut(&number)?.lookup;
        if query.transfer(now, lookup, poller).is_err() {
            lookup.broken(now, query.exchange);
        }
        self.go_on(now, number, poller, tools)
    }

    pub(super) fn timeout(
        &mut self,
        now: Instant,
        number: u32,
        poller: &Poller,
        tools: &mut Tools,
    ) -> Option<Answered> {
        self.lookups.get_mut(&number)?.lookup.timeout(now);
        self.go_on(now, number, poller, tools)
    }

    /// Sends what is to be sent now, closes what has served, and tells how it ended if it did.
    fn go_on(
        &mut self,
        now: Instant,
        number: u32,
        poller: &Poller,
        tools: &mut Tools,
    ) -> Option<Answered> {
        let Self { lookups, sockets, cache, .. } = self;
        let running = lookups.get_mut(&number)?;
        while let Some(ask) = running.lookup.poll(now, tools.entropy.number()) {
            let exchange = ask.exchange;
            match Query::send(ask, number, poller, tools) {
                Ok(query) => {
                    sockets.insert(query.token.index(), query);
                }
                Err(_) => running.lookup.broken(now, exchange),
            }
        }
        tools.timers.clear(Timer::Lookup(number));
        let Some(outcome) = running.lookup.outcome() else {
            if let Some(deadline) = running.lookup.deadline() {
                tools.timers.set(Timer::Lookup(number), deadline);
            }
            let lookup = &running.lookup;
            close(sockets, poller, |query| {
                query.lookup == number && !lookup.is_waiting_for(query.exchange)
            });
            return None;
        };
        cache.insert(now, &running.name, outcome);
        let found = found(outcome);
        let flows = std::mem::take(&mut running.flows);
        lookups.remove(&number);
        close(sockets, poller, |query| query.lookup == number);
        Some(Answered { flows, found })
    }
}

impl Query {
    fn send(ask: Ask, lookup: u32, poller: &Poller, tools: &mut Tools) -> io::Result<Self> {
        let Ask { exchange, server, transport, message } = ask;
        let to = socket::with_zone(server.socket(), server.zone.as_deref())?;
        let (socket, interest, sent) = match transport {
            Transport::Udp => {
                let socket = socket::datagrams(to)?;
                let sent = socket::send(&socket, &message)?.unwrap_or(0);
                (socket, Interest::READ, sent)
            }
            Transport::Tcp => (socket::stream(to)?, Interest { reads: true, writes: true }, 0),
        };
        let token = tools.register(poller, &socket, interest)?;
        let server = server.socket();
        Ok(Self { lookup, exchange, server, transport, socket, token, message, sent })
    }

    /// Moves what can be moved now.
    fn transfer(&mut self, now: Instant, lookup: &mut Lookup, poller: &Poller) -> io::Result<()> {
        if self.transport == Transport::Tcp {
            let rest = self.message.get(self.sent..).unwrap_or_default();
            if !rest.is_empty() {
                self.sent += socket::send(&self.socket, rest)?.unwrap_or(0);
                if self.sent == self.message.len() {
                    poller.change(&self.socket, self.token, Interest::READ)?;
                }
            }
        }
        let mut buffer = [0; BUFFER_BYTES];
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Some(count) = socket::receive(&self.socket, &mut buffer)? else { break };
            let bytes = buffer.get(..count).unwrap_or_default();
            match self.transport {
                Transport::Udp => lookup.datagram(now, self.exchange, self.server, bytes),
                Transport::Tcp if bytes.is_empty() => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Transport::Tcp => lookup.stream(now, self.exchange, bytes),
            }
            if !lookup.is_waiting_for(self.exchange) {
                break;
            }
        }
        Ok(())
    }
}

fn close(sockets: &mut Map<u32, Query>, poller: &Poller, is_done: impl Fn(&Query) -> bool) {
    sockets.retain(|_, query| {
        let is_done = is_done(query);
        if is_done {
            // It is closed right after this, which takes it out as well.
            let _ = poller.remove(&query.socket);
        }
        !is_done
    });
}

fn found(outcome: &Result<Resolved, LookupError>) -> Found {
    match outcome {
        Ok(resolved) => Ok(resolved.addresses.clone()),
        Err(error) => Err(Broken::new(FailureKind::Resolve, error)),
    }
}

/// What a server may send in a datagram is less; a longer one is cut, and then does not parse.
const BUFFER_BYTES: usize = 4096;
/// A flood of wrong answers must not hold up the program; what is left is told at the next wait.
const DATAGRAMS_AT_ONCE: usize = 16;
