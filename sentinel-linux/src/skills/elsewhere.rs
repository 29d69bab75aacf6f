//! A server elsewhere: its exchanges, each checked before it is begun.
//!
//! # Invariants
//! - An exchange is begun only while what the call was judged with still covers its host, and the
//!   address that its name leads to is checked as that of any exchange.
//! - The token of a server goes to the host that the operator named for it, and there only over TLS
//!   or within this machine. What comes back is told without it.
//!
//! # Not here
//! What is said: [`sentinel_core::mcp::Remote`].

use std::sync::Arc;
use std::time::Duration;

use sentinel_core::capability::{Destination, Grant, HostPattern, HttpRequest, Resource};
use sentinel_core::config::{Config, SkillToken};
use sentinel_core::egress::{Allowance, Tunnel, without_secret};
use sentinel_core::mcp::{Begin, ExchangeNumber, Remote};
use sentinel_core::order::{Map, Set};
use sentinel_core::skill::Manifest;
use sentinel_core::time::{Instant, Now};
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::url::{Reach as AddressReach, Scheme, Url};
use zeroize::Zeroizing;

use super::mcp::ASKED_MAX;
use crate::network::{Network, NetworkEvent, Reach, Request, RequestNumber, Times};
use crate::poller::Poller;
use crate::secrets::{self, Secret};

/// Where a server is, and what may be sent there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    url: Url,
    token: Option<Secret>,
    allowance: Allowance,
    reach: Reach,
}

impl Place {
    /// Where the server of this manifest is, for a call that was judged with these grants.
    ///
    /// # Errors
    /// Its token cannot be read, or is meant for another host.
    pub(crate) fn new<'g>(
        manifest: &Manifest,
        tokens: &Tokens,
        allowance: Allowance,
        grants: impl IntoIterator<Item = &'g Grant>,
    ) -> Result<Option<Self>, String> {
        let Some(url) = manifest.url().cloned() else { return Ok(None) };
        let token = tokens.of(&manifest.name, &url)?;
        // A network of one's own is reached only where a grant names the host itself.
        let names_it = |grant: &Grant| match &grant.resource {
            Resource::Connect { hosts: HostPattern::Exact(host), ports, .. } => {
                *host == url.host() && (ports.first..=ports.last).contains(&url.port())
            }
            _ => false,
        };
        // Nor where the name is one of everybody's: it may lead anywhere tomorrow.
        let is_own = url.host().reach().is_some_and(|reach| reach != AddressReach::Public);
        let reach = match is_own && grants.into_iter().any(names_it) {
            true => Reach::Named,
            false => Reach::Public,
        };
        Ok(Some(Self { url, token, allowance, reach }))
    }

    /// The exchange, if it may be begun.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn request(&self, now: Now, begin: Begin) -> Result<Request, String> {
        let Begin { method, headers: wanted, body, is_patient, .. } = begin;
        let (host, port) = (self.url.host(), self.url.port());
        let allowed = match self.allowance.tunnel(&host, port, now.wall) {
            Ok(Tunnel::Anything | Tunnel::Web) => Ok(()),
            Ok(Tunnel::Requests | Tunnel::Inspected) => {
                let http = HttpRequest { method: method.as_str(), path: self.url.path() };
                self.allowance.request(&host, port, http, now.wall)
            }
            Err(refusal) => Err(refusal),
        };
        allowed.map_err(|refusal| format!("{}: {refusal}", self.url.authority()))?;
        let mut headers = Headers::new();
        let own = [("User-Agent", concat!("sentinel/", env!("CARGO_PKG_VERSION")))];
        let wanted = wanted.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in own.into_iter().chain(wanted) {
            headers.append(name, value.as_bytes()).map_err(|error| error.to_string())?;
        }
        if let Some(token) = &self.token {
            let value = Zeroizing::new(format!("Bearer {}", token.as_str()));
            let added = headers.append("Authorization", value.as_bytes());
            // What is wrong with it is not said: it is a secret.
            added.map_err(|_| "the token of the server is none: it is no text")?;
        }
        Ok(Request {
            method,
            url: self.url.clone(),
            headers,
            body: body.into_bytes(),
            times: if is_patient { PATIENT } else { SHORT },
            reach: self.reach,
            forbidden: Some((Arc::new(self.allowance.clone()), now.wall)),
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
    }

    /// Words of the server, without its token.
    pub(crate) fn without_token(&self, text: String) -> String {
        match &self.token {
            Some(token) => without_secret(text, token.as_str(), &token.to_string()),
            None => text,
        }
    }
}

/// The tokens of servers, as they were read when the configuration was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(Map<String, (Destination, Result<Secret, String>)>);

impl Tokens {
    /// Reads them. One that cannot be read is said when it is needed.
    pub(crate) fn read(config: &Config) -> Self {
        let read = |token: &SkillToken| {
            let secret = secrets::read(&token.source);
            (token.skill.clone(), (token.host.clone(), secret))
        };
        Self(config.skill_tokens().iter().map(read).collect())
    }

    fn of(&self, skill: &str, url: &Url) -> Result<Option<Secret>, String> {
        let Some((host, secret)) = self.0.get(skill) else { return Ok(None) };
        if host.host != url.host() || host.port != url.port() {
            return Err(format!(
                "the token of [skill.{skill}] is for {host}, and its manifest leads to {}",
                url.authority()
            ));
        }
        let is_open =
            url.scheme() == Scheme::Http && url.host().reach() != Some(AddressReach::Loopback);
        if is_open {
            return Err(format!(
                "nothing was sent to {}: its token would go to another machine without \
                 encryption; use https",
                url.authority()
            ));
        }
        let secret =
            secret.clone().map_err(|why| format!("the token of [skill.{skill}]: {why}"))?;
        Ok(Some(secret))
    }
}

/// The exchanges that are under way.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    /// Whose each is.
    owners: Map<RequestNumber, (u32, ExchangeNumber)>,
    /// Those that end a session: nobody waits for what they say.
    farewells: Set<RequestNumber>,
    to_end: Vec<Request>,
}

impl Exchanges {
    /// Begins one for a guest.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        (poller, network): (&Poller, &mut Network),
        (index, exchange): (u32, ExchangeNumber),
        request: Request,
    ) {
        let number = network.request(now, poller, request);
        self.owners.insert(number, (index, exchange));
    }

    /// Ends one.
    pub(super) fn cancel(
        &mut self,
        poller: &Poller,
        network: &mut Network,
        owner: (u32, ExchangeNumber),
    ) {
        let found = self.owners.iter().find(|(_, known)| **known == owner);
        if let Some(number) = found.map(|(number, _)| *number) {
            self.owners.remove(&number);
            network.cancel(poller, number);
        }
    }

    /// Ends those of guests that are gone, and their sessions.
    pub(super) fn tidy(
        &mut self,
        now: Instant,
        (poller, network): (&Poller, &mut Network),
        is_there: impl Fn(u32) -> bool,
    ) {
        let gone = self.owners.iter().filter(|(_, (index, _))| !is_there(*index));
        let gone: Vec<RequestNumber> = gone.map(|(number, _)| *number).collect();
        for number in gone {
            self.owners.remove(&number);
            network.cancel(poller, number);
        }
        for request in self.to_end.drain(..) {
            self.farewells.insert(network.request(now, poller, request));
        }
    }

    /// Says goodbye to a server with the next of these.
    pub(super) fn leave(&mut self, now: Now, place: &Place, remote: &mut Remote) {
        remote.end();
        while let Some(effect) = remote.poll() {
            if let sentinel_core::mcp::RemoteEffect::Begin(begin) = effect {
                self.to_end.extend(place.request(now, begin));
            }
        }
    }

    pub(super) fn has_farewells(&self) -> bool {
        !self.to_end.is_empty() || !self.farewells.is_empty()
    }

    /// Whose an event is: nobody's, if it is only the end of a session. None if it is no server's.
    pub(super) fn owner(&mut self, event: &NetworkEvent) -> Option<Option<(u32, ExchangeNumber)>> {
        let number = event.request()?;
        let is_end = matches!(event, NetworkEvent::End { .. } | NetworkEvent::Failed { .. });
        if self.farewells.contains(&number) {
            if is_end {
                self.farewells.remove(&number);
            }
            return Some(None);
        }
        let owner = self.owners.get(&number).copied()?;
        if is_end {
            self.owners.remove(&number);
        }
        Some(Some(owner))
    }
}

/// Tells what became of an exchange.
pub(crate) fn tell(
    remote: &mut Remote,
    now: Instant,
    exchange: ExchangeNumber,
    event: &NetworkEvent,
) {
    match event {
        NetworkEvent::Head { status, headers, .. } => {
            remote.head(exchange, status.as_u16(), headers);
        }
        NetworkEvent::Body { bytes, .. } => remote.body(now, exchange, bytes),
        NetworkEvent::End { .. } => remote.done(now, exchange),
        NetworkEvent::Failed { failure, .. } => remote.failed(now, exchange, &failure.text),
        _ => {}
    }
}

/// A call, or a stream: whoever waits for it says when it has taken too long, and people who are
/// asked meanwhile take their time.
const PATIENT: Times =
    Times { connect: Duration::from_secs(15), first_byte: LONGEST, idle: LONGEST, total: LONGEST };
/// The longest call, and the longest that each of its questions may wait.
const LONGEST: Duration = Duration::from_secs(4000 + ASKED_MAX as u64 * 604_800);
/// What is only taken.
const SHORT: Times = Times {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(5),
    idle: Duration::from_secs(5),
    total: Duration::from_secs(10),
};
/// Bytes of an answer: a stream brings a few of the longest messages.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
