//! One name, from the question to its addresses.
//!
//! # Invariants
//! - A name that two readers could understand differently is not asked for: only what
//!   [`Host`](crate::wire::url::Host) accepts is a name here.
//! - A name with enough dots is asked for as it is and never looked for elsewhere, and a failure
//!   ends the search: whoever silences a server must not choose which name is found.
//! - It ends, after as many queries as names, kinds, servers and rounds allow.
//!
//! # Not here
//! Sockets: the shell opens one for each [`Ask`], so that each has a port nobody can guess.
//! Remembering: see [`Cache`](super::Cache). Multicast names (`.local`) are asked for like others.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use super::asking::{Ask, Asking, Exchange, Failed, Finding};
use super::config::Config;
use super::hosts::Hosts;
use super::name::Name;
use super::outcome::{Failure, LookupError, LookupErrorKind, Resolved, Source, Tried};
use super::question::RecordKind;
use crate::limits::DNS_TRIED_COUNT_MAX;
use crate::time::Instant;
use crate::wire::url::{self, Host};

/// The resolution of one name.
///
/// Call [`poll`](Self::poll) until it returns nothing, at the beginning and after each of the
/// methods that take what happened; then wait until [`deadline`](Self::deadline). It is over when
/// there is an [`outcome`](Self::outcome).
///
/// ```
/// use core::net::IpAddr;
///
/// use sentinel_core::time::Instant;
/// use sentinel_core::wire::dns::{Config, Hosts, Lookup, Transport};
///
/// let (config, _) = Config::parse(b"nameserver 192.0.2.53\noptions no-aaaa");
/// let mut lookup = Lookup::new("example.com", &config, &Hosts::default(), 1);
/// let ask = lookup.poll(Instant(0), 0x5eed).unwrap();
/// assert_eq!((ask.server.to_string().as_str(), ask.transport), ("192.0.2.53", Transport::Udp));
/// assert_eq!(lookup.deadline(), Some(Instant(5000)));
///
/// // What a server would make of it.
/// let mut response = ask.message[..29].to_vec();
/// response[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
/// response.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
/// let from = ask.server.socket();
/// lookup.datagram(Instant(3), ask.exchange, from, &response);
/// let Some(Ok(resolved)) = lookup.outcome() else { panic!() };
/// assert_eq!(resolved.addresses, [IpAddr::from([192, 0, 2, 1])]);
/// ```
#[derive(Clone, Debug)]
pub struct Lookup {
    asked: Box<str>,
    config: Config,
    /// Names still to try, the next one last.
    names: Vec<Name>,
    /// IPv6 first, as RFC 8305 §3 asks.
    askings: Vec<Asking>,
    first_server: usize,
    exchanges_count: u32,
    tried: Vec<Tried>,
    /// Of all names tried so far: whether one is there, and for how long there is nothing.
    is_name_there: bool,
    lifetime: Option<u32>,
    has_lifetimes: bool,
    /// When the kind that is missing is no longer waited for.
    patience_end: Option<Instant>,
    outcome: Option<Result<Resolved, LookupError>>,
}

impl Lookup {
    /// Begins the resolution of a host name, which may end in a dot to say that it is whole, or of
    /// an address in any of its spellings in a URL or without brackets.
    ///
    /// `entropy` chooses the first server where the configuration says so.
    #[must_use]
    pub fn new(name: &str, config: &Config, hosts: &Hosts, entropy: u64) -> Self {
        let servers_count = config.servers.len().max(1) as u64;
        let first_server = if config.rotates { (entropy % servers_count) as usize } else { 0 };
        let mut lookup = Self {
            asked: name.get(..name.floor_char_boundary(NAME_BYTES_KEPT)).unwrap_or_default().into(),
            config: Config { search: Vec::new(), ..config.clone() },
            names: Vec::new(),
            askings: Vec::new(),
            first_server,
            exchanges_count: 0,
            tried: Vec::new(),
            is_name_there: false,
            lifetime: None,
            has_lifetimes: true,
            patience_end: None,
            outcome: None,
        };
        match known(name, config, hosts) {
            Ok(Known::Names(names)) => {
                lookup.names = names;
                lookup.ask_next();
            }
            Ok(Known::Addresses(addresses, source)) => {
                lookup.outcome =
                    Some(Ok(Resolved { addresses, lifetime: None, source, is_complete: true }));
            }
            Err(kind) => lookup.outcome = Some(Err(LookupError::new(&lookup.asked, kind))),
        }
        lookup
    }

    /// What to send now, one query a call. Each call needs an `entropy` that nobody can guess and
    /// that is used for nothing else.
    pub fn poll(&mut self, now: Instant, entropy: u64) -> Option<Ask> {
        if self.outcome.is_some() {
            return None;
        }
        let Self { askings, config, exchanges_count, .. } = self;
        let exchange = Exchange(*exchanges_count);
        let ask =
            askings.iter_mut().find_map(|asking| asking.poll(config, now, entropy, exchange))?;
        *exchanges_count = exchanges_count.wrapping_add(1);
        Some(ask)
    }

    /// Takes a datagram that came to the socket of an exchange, and the address it came from.
    /// Whatever does not answer the question is ignored.
    pub fn datagram(&mut self, now: Instant, exchange: Exchange, from: SocketAddr, message: &[u8]) {
        self.update(now, |asking, config| asking.datagram(config, exchange, from, message));
    }

    /// Takes what came on the connection of an exchange, in pieces of any size.
    pub fn stream(&mut self, now: Instant, exchange: Exchange, bytes: &[u8]) {
        self.update(now, |asking, config| asking.stream(config, exchange, bytes));
    }

    /// Says that a query could not be sent, or that its connection failed or ended.
    pub fn broken(&mut self, now: Instant, exchange: Exchange) {
        self.update(now, |asking, config| asking.broken(config, exchange));
    }

    /// Says that it is `now`. Early and repeated calls do nothing.
    pub fn timeout(&mut self, now: Instant) {
        self.update(now, |asking, config| asking.timeout(config, now));
    }

    /// When [`timeout`](Self::timeout) has something to do. May change after any other call.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.outcome.is_some() {
            return None;
        }
        self.askings.iter().filter_map(Asking::deadline).chain(self.patience_end).min()
    }

    /// Whether the socket of this exchange has to stay open.
    #[must_use]
    pub fn is_waiting_for(&self, exchange: Exchange) -> bool {
        self.outcome.is_none() && self.askings.iter().any(|asking| asking.is_waiting_for(exchange))
    }

    /// How it ended, if it did.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Result<Resolved, LookupError>> {
        self.outcome.as_ref()
    }

    fn update(
        &mut self,
        now: Instant,
        mut event: impl FnMut(&mut Asking, &Config) -> Option<Failed>,
    ) {
        if self.outcome.is_some() {
            return;
        }
        for asking in &mut self.askings {
            let Some(failed) = event(asking, &self.config) else { continue };
            let Failed { server, transport, failure } = failed;
            if let Some(server) = self.config.servers.get(server)
                && self.tried.len() < DNS_TRIED_COUNT_MAX
            {
                self.tried.push(Tried { server: server.clone(), transport, failure });
            }
        }
        self.settle(now);
    }

    /// Ends the resolution, or goes on to the next name, if the answers allow it.
    fn settle(&mut self, now: Instant) {
        let is_over = self.askings.iter().all(|asking| asking.finding().is_some());
        let has_found = |asking: &Asking| matches!(asking.finding(), Some(Finding::Addresses(_)));
        if self.askings.iter().any(has_found) {
            let first_is_missing = self.askings.first().is_some_and(|asking| !has_found(asking));
            let patience =
                if first_is_missing { RESOLUTION_DELAY } else { RESOLUTION_DELAY_OF_IPV4 };
            let patience_end = *self.patience_end.get_or_insert(now.after(patience));
            if is_over || patience_end <= now {
                self.outcome = Some(Ok(self.resolved()));
            }
            return;
        }
        // RFC 8020: a name that is not there has nothing of any kind, so a server that is silent
        // about the other one need not be waited for, and its failure changes nothing.
        let is_missing = |asking: &Asking| matches!(asking.finding(), Some(Finding::NoSuchName(_)));
        let is_name_missing = self.askings.iter().any(is_missing);
        if !is_over {
            if !is_name_missing {
                return;
            }
            let patience_end = self.patience_end.get_or_insert(now.after(MISSING_NAME_DELAY));
            if *patience_end > now {
                return;
            }
        }
        self.conclude_name(is_name_missing);
    }

    /// Goes on from a name that has no addresses: to the next one, or to the end.
    fn conclude_name(&mut self, is_name_missing: bool) {
        let has_failed = |asking: &Asking| matches!(asking.finding(), Some(Finding::Failed));
        if !is_name_missing && self.askings.iter().any(has_failed) {
            let is_silence = !self.tried.is_empty()
                && self.tried.iter().all(|tried| tried.failure == Failure::TimedOut);
            let kind = match is_silence {
                true => LookupErrorKind::TimedOut,
                false => LookupErrorKind::ServersFailed,
            };
            self.fail(kind);
            return;
        }
        for asking in &self.askings {
            let seconds = match asking.finding() {
                Some(Finding::NoAddresses(seconds)) => {
                    self.is_name_there = true;
                    *seconds
                }
                Some(Finding::NoSuchName(seconds)) => *seconds,
                _ => None,
            };
            // One answer that may not be remembered, and the whole may not.
            self.has_lifetimes &= seconds.is_some();
            self.lifetime = self.lifetime.into_iter().chain(seconds).min();
        }
        // Who has just answered is asked first for the next name.
        let has_answered = |asking: &&Asking| asking.finding().is_some() && !has_failed(asking);
        if let Some(asking) = self.askings.iter().find(has_answered) {
            self.first_server = asking.server(&self.config);
        }
        if self.names.is_empty() {
            self.fail(match self.is_name_there {
                true => LookupErrorKind::NoAddresses,
                false => LookupErrorKind::NoSuchName,
            });
        } else {
            self.ask_next();
        }
    }

    fn ask_next(&mut self) {
        let Some(name) = self.names.pop() else { return };
        self.patience_end = None;
        let kinds = [self.config.has_ipv6.then_some(RecordKind::Aaaa), Some(RecordKind::A)];
        let ask = |kind| Asking::new(name, kind, self.first_server, &self.config);
        self.askings = kinds.into_iter().flatten().map(ask).collect();
        if self.config.servers.is_empty() {
            self.fail(LookupErrorKind::ServersFailed);
        }
    }

    fn fail(&mut self, kind: LookupErrorKind) {
        let seconds = self.lifetime.filter(|_| self.has_lifetimes);
        let is_known = matches!(kind, LookupErrorKind::NoAddresses | LookupErrorKind::NoSuchName);
        self.outcome = Some(Err(LookupError {
            name: self.asked.clone(),
            kind,
            tried: core::mem::take(&mut self.tried),
            lifetime: seconds
                .filter(|_| is_known)
                .map(|seconds| Duration::from_secs(seconds.into())),
        }));
    }

    fn resolved(&self) -> Resolved {
        let mut addresses = Vec::new();
        let mut seconds = u32::MAX;
        let mut is_complete = true;
        for asking in &self.askings {
            match asking.finding() {
                Some(Finding::Addresses(found)) => {
                    addresses.extend_from_slice(&found.addresses);
                    seconds = seconds.min(found.ttl);
                }
                // That there are none may change sooner than those there are.
                Some(Finding::NoAddresses(ttl)) => seconds = seconds.min(ttl.unwrap_or(u32::MAX)),
                Some(Finding::NoSuchName(_)) => {}
                Some(Finding::Failed) | None => is_complete = false,
            }
        }
        let lifetime = Some(Duration::from_secs(seconds.into()));
        Resolved { addresses, lifetime, source: Source::Servers, is_complete }
    }
}

/// What is known of a name before anybody is asked.
enum Known {
    Addresses(Vec<IpAddr>, Source),
    /// Names to try, the first one last.
    Names(Vec<Name>),
}

fn known(text: &str, config: &Config, hosts: &Hosts) -> Result<Known, LookupErrorKind> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Known::Addresses(Vec::from([address.into()]), Source::Literal));
    }
    let (whole, is_whole) = match text.strip_suffix('.') {
        Some(whole) => (whole, true),
        None => (text, false),
    };
    let host = Host::parse(whole).map_err(LookupErrorKind::Invalid)?;
    if let Some(address) = host.address() {
        return Ok(Known::Addresses(Vec::from([address]), Source::Literal));
    }
    let host = host.name().map_or("", url::Name::as_str);
    let last = host.rsplit('.').next().unwrap_or_default();
    if last == "localhost" {
        let addresses = Vec::from([Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
        return Ok(Known::Addresses(addresses, Source::Loopback));
    }
    if let Some(special) = NEVER_ASKED.into_iter().find(|special| *special == last) {
        return Err(LookupErrorKind::Special(special));
    }
    let addresses: Vec<IpAddr> = hosts.addresses(host).collect();
    if !addresses.is_empty() {
        return Ok(Known::Addresses(addresses, Source::Hosts));
    }
    // Whatever is a host of a URL is a name here; were it not, it would not be one of DNS.
    let name = Name::parse(host).map_err(|_| LookupErrorKind::NoSuchName)?;
    Ok(Known::Names(names(&name, is_whole, config)))
}

/// The names to try, the first one last.
fn names(name: &Name, is_whole: bool, config: &Config) -> Vec<Name> {
    let dots_count = name.labels().count().saturating_sub(1);
    let mut names = Vec::from([*name]);
    if !is_whole && dots_count < usize::from(config.ndots) {
        names.extend(config.search.iter().rev().filter_map(|domain| name.joined(domain)));
    }
    names
}

/// RFC 8305 §3: how long IPv6 is waited for once there is IPv4.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// How long IPv4 is waited for once there is IPv6. Longer, because without it a network whose IPv6
/// leads nowhere leaves nothing to fall back to.
const RESOLUTION_DELAY_OF_IPV4: Duration = Duration::from_millis(1000);

/// How long the other kind is waited for once a server said that there is no such name: some say so
/// of every kind that is not there.
const MISSING_NAME_DELAY: Duration = Duration::from_millis(1000);

/// RFC 7686 §2 and RFC 6761 §6.4: asking would only tell others about it.
const NEVER_ASKED: [&str; 2] = ["onion", "invalid"];

/// What of a text that is no name is repeated in an error.
const NAME_BYTES_KEPT: usize = 256;

#[cfg(test)]
mod tests;
