//! Fetching pages: the one tool that reaches the network.
//!
//! # Invariants
//! - No redirect is followed. Where one leads is told, so that going there is a call of its own,
//!   judged like any other.
//! - An address within a network of one's own is reached only where a grant names the host itself.
//! - An address that a rule forbids is not reached by any name.

use std::sync::Arc;

use sentinel_core::agent::{CallNumber, ToolOutput};
use sentinel_core::capability::{Grant, HostPattern, Resource};
use sentinel_core::egress::Allowance;
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::order::Map;
use sentinel_core::time::{Instant, Timestamp};
use sentinel_core::tool::is_text;
use sentinel_core::wire::http::{Headers, Method};
use sentinel_core::wire::url::Url;

use crate::network::{Network, NetworkEvent, Reach, Request, RequestNumber, Times};
use crate::poller::Poller;

/// What is being fetched.
#[derive(Debug, Default)]
pub(crate) struct Fetches {
    under_way: Map<RequestNumber, Fetch>,
}

#[derive(Debug)]
struct Fetch {
    call: CallNumber,
    head: String,
    kind: String,
    body: Vec<u8>,
}

/// One request, as the call says.
#[derive(Debug)]
pub(crate) struct Wish<'c> {
    pub(crate) call: CallNumber,
    pub(crate) url: &'c Url,
    pub(crate) method: &'c Method,
    pub(crate) headers: &'c [(String, String)],
    pub(crate) body: Option<&'c str>,
    pub(crate) time_max: std::time::Duration,
    pub(crate) reach: Reach,
    /// What rules forbid, and when they were asked.
    pub(crate) forbidden: (Arc<Allowance>, Timestamp),
}

/// Whether grants name a host itself, and not only a pattern that it fits.
pub(crate) fn reach<'g>(mut grants: impl Iterator<Item = &'g Grant>) -> Reach {
    let is_named = grants.any(|grant| {
        matches!(&grant.resource, Resource::Connect { hosts: HostPattern::Exact(_), .. })
    });
    if is_named { Reach::Named } else { Reach::Public }
}

impl Fetches {
    /// Begins; says why if it cannot.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        poller: &Poller,
        network: &mut Network,
        wish: &Wish<'_>,
    ) -> Result<(), String> {
        let mut headers = Headers::new();
        for (name, value) in wish.headers {
            headers.append(name, value.as_bytes()).map_err(|error| error.to_string())?;
        }
        if headers.get("user-agent").is_none() {
            let name = concat!("sentinel/", env!("CARGO_PKG_VERSION"));
            headers.append("user-agent", name.as_bytes()).map_err(|error| error.to_string())?;
        }
        let total = wish.time_max;
        let request = Request {
            method: wish.method.clone(),
            url: wish.url.clone(),
            headers,
            body: wish.body.unwrap_or_default().as_bytes().to_vec(),
            times: Times { total, ..Times::default() },
            reach: wish.reach,
            forbidden: Some(wish.forbidden.clone()),
            answer_bytes_max: RUNTIME_OUTPUT_BYTES_MAX as u64,
        };
        let number = network.request(now, poller, request);
        let (head, kind, body) = (String::new(), String::new(), Vec::new());
        self.under_way.insert(number, Fetch { call: wish.call, head, kind, body });
        Ok(())
    }

    pub(crate) fn cancel(&mut self, poller: &Poller, network: &mut Network, call: CallNumber) {
        let meant = self.under_way.iter().find(|(_, fetch)| fetch.call == call);
        if let Some(number) = meant.map(|(number, _)| *number) {
            self.under_way.remove(&number);
            network.cancel(poller, number);
        }
    }

    /// Takes an event of the network, if it is about a page; gives what came of one that is over.
    pub(crate) fn take(
        &mut self,
        event: &NetworkEvent,
    ) -> Option<Option<(CallNumber, ToolOutput)>> {
        let number = event.request()?;
        let fetch = self.under_way.get_mut(&number)?;
        let output = match event {
            NetworkEvent::Head { status, headers, .. } => {
                fetch.began(status.as_u16(), headers);
                return Some(None);
            }
            NetworkEvent::Body { bytes, .. } => {
                fetch.body.extend_from_slice(bytes);
                return Some(None);
            }
            NetworkEvent::Failed { failure, .. } => {
                ToolOutput { content: failure.to_string(), is_error: true }
            }
            _ => ToolOutput { content: fetch.text(), is_error: false },
        };
        let call = fetch.call;
        self.under_way.remove(&number);
        Some(Some((call, output)))
    }
}

impl Fetch {
    fn began(&mut self, status: u16, headers: &Headers) {
        let field = |name| headers.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        self.kind = field("content-type").to_string();
        self.head = format!("status {status}");
        if (300..400).contains(&status) && !field("location").is_empty() {
            let place = field("location");
            self.head +=
                &format!(", redirected to {place} (not followed: fetch that if it is meant)");
        }
    }

    fn text(&self) -> String {
        let Self { head, kind, body, .. } = self;
        match std::str::from_utf8(body) {
            Ok("") => format!("{head}, and nothing more"),
            Ok(text) if is_text(body) => format!("{head}, {kind}\n\n{text}"),
            _ => format!("{head}, {kind}: {} bytes that are no text", body.len()),
        }
    }
}
