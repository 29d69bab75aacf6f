//! Pages: the one tool that reaches hosts, through the program that holds the network's endpoints.
//!
//! Which hosts there are the boot manifest says, to that program and to this one: each has a name
//! and an address, and is only looked at, without a key.
//!
//! # Invariants
//! - What was begun ends with one output, unless it was cancelled.
//! - No redirect is followed. Where one leads is told, so that going there is a call of its own,
//!   judged like any other.
//! - Of an answer a bounded number of bytes is taken.
//!
//! # Not here
//! Whether a page may be fetched: the core judged that, and the other program judges it by its own
//! manifest once more.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_exchange::Times;
use sentinel_core::agent::{CallNumber, ToolOutput};
use sentinel_core::capability::{Destination, Resource};
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::order::Map;
use sentinel_core::time::Instant;
use sentinel_core::tool::{Operation, is_text};
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::url::{Scheme, Url};

use crate::exchanges::{Exchanges, Heard, Request, Service, milliseconds};
use crate::machine::Machine;

/// What is being fetched.
#[derive(Debug)]
pub struct Pages<L> {
    services: Vec<Service>,
    connect: u32,
    exchanges: Exchanges<L>,
    under_way: Map<u64, Page>,
    over: VecDeque<(CallNumber, ToolOutput)>,
    asked_count: u64,
}

#[derive(Debug)]
struct Page {
    call: CallNumber,
    head: String,
    kind: String,
    body: Vec<u8>,
}

/// Reads a word of the boot manifest: `NAME ADDRESS`.
///
/// # Errors
/// What is wrong with it.
pub fn service(word: &str) -> Result<Service, String> {
    let mut parts = word.split_ascii_whitespace();
    let (Some(name), Some(address), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("`{word}` is no name and address of pages"));
    };
    let base = Url::parse(address).map_err(|error| format!("`{address}`: {error}"))?;
    if base.scheme() != Scheme::Https {
        return Err(format!("`{address}`: pages are fetched by https only"));
    }
    Ok(Service { name: name.into(), base })
}

/// Whether what a grant is about leads to one of these.
#[must_use]
pub fn leads_to(resource: &Resource, services: &[Service]) -> bool {
    services.iter().any(|service| {
        let host = service.base.host().into_owned();
        resource.leads_to(&Destination { host, port: service.base.port() })
    })
}

impl<L> Pages<L> {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(services: Vec<Service>, connect: Duration) -> Self {
        Self {
            services,
            connect: milliseconds(connect),
            exchanges: Exchanges::default(),
            under_way: Map::new(),
            over: VecDeque::new(),
            asked_count: 0,
        }
    }

    /// Begins to fetch a page. What came of it is told by [`Pages::next`].
    pub fn begin<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
        call: CallNumber,
        operation: &Operation,
        time_max: Duration,
    ) {
        let Operation::HttpFetch { url, method, headers, body } = operation else { return };
        let found = self.services.iter().find(|service| url.is_within(&service.base));
        let Some(service) = found else {
            let content = format!("{url}: the boot manifest names nobody who has this page");
            return self.over.push_back((call, ToolOutput { content, is_error: true }));
        };
        let start = service.base.as_str().trim_end_matches('/');
        let mut fields: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !headers.iter().any(|(name, _)| name == "user-agent") {
            fields.push(("user-agent", concat!("sentinel/", env!("CARGO_PKG_VERSION"))));
        }
        self.asked_count += 1;
        let total = milliseconds(time_max);
        let request = Request {
            number: self.asked_count,
            service,
            method,
            path: url.as_str().strip_prefix(start).unwrap_or_default(),
            fields,
            body: body.as_deref().unwrap_or_default().as_bytes().to_vec(),
            times: Times { connect: self.connect, first_byte: total, idle: total, total },
        };
        self.exchanges.ask(machine, request);
        let (head, kind, body) = (String::new(), String::new(), Vec::new());
        self.under_way.insert(self.asked_count, Page { call, head, kind, body });
    }

    /// Nobody wants a page any more.
    pub fn cancel(&mut self, now: Instant, call: CallNumber) {
        self.over.retain(|(other, _)| *other != call);
        let meant = self.under_way.iter().find(|(_, page)| page.call == call);
        if let Some(number) = meant.map(|(number, _)| *number) {
            self.under_way.remove(&number);
            self.exchanges.cancel(now, number);
        }
    }

    /// The lines to wait for, and whether there is something to send over each.
    pub fn lines(&self) -> impl Iterator<Item = (&L, bool)> {
        self.exchanges.lines()
    }

    /// When it is time to look again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.exchanges.deadline()
    }

    /// A page that came, or did not.
    pub fn next<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
    ) -> Option<(CallNumber, ToolOutput)> {
        while self.over.is_empty()
            && let Some((number, heard)) = self.exchanges.next(machine)
        {
            self.hear(machine.now().instant, number, heard);
        }
        self.over.pop_front()
    }

    fn hear(&mut self, now: Instant, number: u64, heard: Heard) {
        let Some(page) = self.under_way.get_mut(&number) else { return };
        let output = match heard {
            Heard::Verified(..) => return,
            Heard::Head(status, headers) => return page.began(status, &headers),
            Heard::Body(bytes) if page.body.len() + bytes.len() <= PAGE_BYTES_MAX => {
                return page.body.extend_from_slice(&bytes);
            }
            Heard::Body(_) => {
                self.exchanges.cancel(now, number);
                let content = format!("it is longer than {PAGE_BYTES_MAX} bytes");
                ToolOutput { content, is_error: true }
            }
            Heard::End => ToolOutput { content: page.text(), is_error: false },
            Heard::Failed(_, why) => ToolOutput { content: why, is_error: true },
        };
        let call = page.call;
        self.under_way.remove(&number);
        self.over.push_back((call, output));
    }
}

impl Page {
    fn began(&mut self, status: u16, headers: &Headers) {
        let field = |name| headers.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        self.kind = field("content-type").to_string();
        self.head = format!("status {status}");
        let place = field("location");
        if (300..400).contains(&status) && !place.is_empty() {
            let told = format!(", redirected to {place} (not followed: fetch that if it is meant)");
            self.head.push_str(&told);
        }
    }

    fn text(&self) -> String {
        let Self { head, kind, body, .. } = self;
        match core::str::from_utf8(body) {
            Ok("") => format!("{head}, and nothing more"),
            Ok(text) if is_text(body) => format!("{head}, {kind}\n\n{text}"),
            _ => format!("{head}, {kind}: {} bytes that are no text", body.len()),
        }
    }
}

/// What is taken of a page: as much as of a file.
const PAGE_BYTES_MAX: usize = RUNTIME_OUTPUT_BYTES_MAX / 4;
