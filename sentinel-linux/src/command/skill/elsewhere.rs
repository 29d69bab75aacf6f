//! A server elsewhere, spoken with by a command that does nothing else.
//!
//! # Invariants
//! - Nothing is sent anywhere before its host was granted.

use std::error::Error;
use std::time::{Duration, Instant};

use sentinel_core::capability::{Destination, Grant, Table};
use sentinel_core::control::Query;
use sentinel_core::egress::Allowance;
use sentinel_core::mcp::{Client, ClientEffect, ClientOffer, ExchangeNumber, Remote, RemoteEffect};
use sentinel_core::skill::{Manifest, grant_line};
use sentinel_core::text::json;

use super::super::Arguments;
use super::super::shown;
use crate::clock::Clock;
use crate::configuration;
use crate::network::{Network, NetworkEvent, RequestNumber};
use crate::poller::Poller;
use crate::program::start::network_options;
use crate::skills::elsewhere::{Place, Tokens, tell};

/// A server elsewhere. Whoever drops it ends the session.
pub(super) struct Far {
    clock: Clock,
    poller: Poller,
    network: Network,
    remote: Remote,
    place: Place,
    under_way: Vec<(RequestNumber, ExchangeNumber)>,
}

impl Far {
    /// The server of this manifest, if it is elsewhere.
    ///
    /// # Errors
    /// Its host was not granted, or who we are to it cannot be said.
    pub(super) fn of(
        arguments: &Arguments,
        manifest: &Manifest,
    ) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(url) = manifest.url() else { return Ok(None) };
        let config = configuration::find(arguments.path("config").as_deref(), true)?.config;
        let now = Clock::new().now().wall;
        let granted = granted(arguments)?;
        if let Some(missing) = manifest.missing(&granted, now).first() {
            return Err(format!(
                "it is at {}, and that was not granted:\n  {}",
                url.authority(),
                grant_line(missing)
            )
            .into());
        }
        let own = Destination { host: url.host().into_owned(), port: url.port() };
        let allowance = Allowance::new(granted.iter().cloned(), now)?.only(vec![own]);
        let place = Place::new(manifest, &Tokens::read(&config), allowance, &granted)?;
        let version = env!("CARGO_PKG_VERSION").to_string();
        let may_ask = manifest.server.as_ref().is_some_and(|server| server.asks);
        let may_sample = may_sample(arguments, manifest)?;
        let offer = ClientOffer { version, roots: Vec::new(), may_ask, may_sample };
        Ok(Some(Self {
            clock: Clock::new(),
            poller: Poller::new()?,
            network: Network::new(network_options(config.http())?)?,
            remote: Remote::new(offer),
            place: place.ok_or("its manifest has no address")?,
            under_way: Vec::new(),
        }))
    }

    pub(super) const fn client(&mut self) -> &mut Client {
        self.remote.client()
    }

    /// Words of the server, without our token.
    pub(super) fn without_token(&self, text: String) -> String {
        self.place.without_token(text)
    }

    /// What follows next, after all exchanges that are to be begun were begun.
    pub(super) fn poll(&mut self) -> Result<Option<ClientEffect>, String> {
        while let Some(effect) = self.remote.poll() {
            let now = self.clock.now();
            match effect {
                RemoteEffect::Client(effect) => return Ok(Some(effect)),
                RemoteEffect::Renewed(_) => return Err("its session was over".into()),
                RemoteEffect::Begin(begin) => {
                    let exchange = begin.exchange;
                    match self.place.request(now, begin) {
                        Ok(request) => {
                            let number = self.network.request(now.instant, &self.poller, request);
                            self.under_way.push((number, exchange));
                        }
                        Err(why) => self.remote.failed(now.instant, exchange, &why),
                    }
                }
                RemoteEffect::Drop(exchange) => {
                    let place = self.under_way.iter().position(|(_, known)| *known == exchange);
                    if let Some(place) = place {
                        let (number, _) = self.under_way.swap_remove(place);
                        self.network.cancel(&self.poller, number);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Waits until something happened; how many bytes came.
    pub(super) fn hear(&mut self, end: Instant) -> Result<usize, String> {
        let mut bytes_count = 0;
        let now = self.clock.now().instant;
        let own = [self.network.deadline(), self.remote.deadline()];
        let own = own.into_iter().flatten().min().map(|deadline| deadline.since(now));
        let left = end.saturating_duration_since(Instant::now());
        let ready = self.poller.wait(Some(own.map_or(left, |own| own.min(left))));
        for ready in ready.map_err(|error| error.to_string())? {
            self.network.ready(self.clock.now().instant, &self.poller, ready);
        }
        let now = self.clock.now().instant;
        self.network.tick(now, &self.poller);
        self.remote.tick(now);
        while let Some(event) = self.network.poll(now, &self.poller) {
            let Some(number) = event.request() else { continue };
            let place = self.under_way.iter().position(|(known, _)| *known == number);
            let Some(place) = place else { continue };
            let Some((_, exchange)) = self.under_way.get(place).copied() else { continue };
            match &event {
                NetworkEvent::Body { bytes, .. } => bytes_count += bytes.len(),
                NetworkEvent::End { .. } | NetworkEvent::Failed { .. } => {
                    self.under_way.swap_remove(place);
                }
                _ => {}
            }
            tell(&mut self.remote, now, exchange, &event);
        }
        Ok(bytes_count)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.remote.end();
        let end = Instant::now() + FAREWELL;
        let _ = self.poll();
        while !self.under_way.is_empty() && Instant::now() < end {
            if self.hear(end).is_err() || self.poll().is_err() {
                return;
            }
        }
    }
}

/// Whether the server of a skill may have a model asked, once the agent has started with these
/// settings.
///
/// # Errors
/// What is granted, or which models there are, cannot be said.
pub(super) fn may_sample(
    arguments: &Arguments,
    manifest: &Manifest,
) -> Result<bool, Box<dyn Error>> {
    let config = configuration::find(arguments.path("config").as_deref(), true)?.config;
    let (mut table, now) = (Table::new(), Clock::new().now().wall);
    let settings = config.settings();
    // What the log knows of settings may be of others than stand there now.
    let made = origins(arguments)?.into_iter().filter(|(_, is_of_settings)| !is_of_settings);
    for grant in settings.grants.iter().cloned().chain(made.map(|(grant, _)| grant)) {
        // One that has ended says nothing.
        let _ = table.grant(grant, now);
    }
    let mut models = settings.models.iter();
    let never = &manifest.capabilities.never;
    Ok(models.any(|model| table.may_sample(&manifest.name, &model.name, never, now)))
}

/// What is granted to the agent, as it or its log says.
pub(super) fn granted(arguments: &Arguments) -> Result<Vec<Grant>, Box<dyn Error>> {
    Ok(origins(arguments)?.into_iter().map(|(grant, _)| grant).collect())
}

/// The same, and whether each stood in the settings.
fn origins(arguments: &Arguments) -> Result<Vec<(Grant, bool)>, Box<dyn Error>> {
    let mut granted = Vec::new();
    for line in shown::management(arguments)?.list(Query::Grants)? {
        let document = json::parse(line.as_bytes())?;
        let known = document.root();
        let from = known.get("from")?.as_str()?;
        // What was derived from one is not everybody's.
        if known.get("holder")?.as_u64()? == 0 && from != "derived" {
            granted.push((known.get("grant")?.as_str()?.parse()?, from == "settings"));
        }
    }
    Ok(granted)
}

/// How long the server has to hear that it is not needed any more.
const FAREWELL: Duration = Duration::from_secs(1);
