//! One wish of a caller, from the name to the last byte: what outlives a connection.

use std::fmt;
use std::time::Duration;

use sentinel_core::time::Instant;
use sentinel_core::wire::http::{BodyLength, Headers, HttpError, Method, RequestHead, Target};
use sentinel_core::wire::race::Race;
use sentinel_core::wire::url::Url;

use super::failure::{Broken, Failure, Wait};
use super::place::Route;
use super::request::{
    DialNumber, NetworkEvent, Request, RequestNumber, SocketNumber, SocketRequest, Times,
};

/// An exchange or a WebSocket.
pub(super) struct Flow {
    pub(super) url: Url,
    pub(super) headers: Headers,
    pub(super) route: Route,
    pub(super) times: Times,
    pub(super) purpose: Purpose,
    pub(super) phase: Phase,
    started: Instant,
    /// The last sign of progress, and what is waited for since.
    since: Instant,
    wait: Wait,
    /// Whether it was begun anew after a connection turned out to be stale.
    pub(super) is_repeated: bool,
    /// What the caller has not taken yet.
    pub(super) queued_bytes: usize,
    pub(super) is_paused: bool,
}

pub(super) enum Purpose {
    Exchange(Asked),
    Socket(Spoken),
    /// A connection for somebody else.
    Dial(DialNumber),
}

/// The request of an exchange.
pub(super) struct Asked {
    pub(super) number: RequestNumber,
    pub(super) method: Method,
    pub(super) body: Vec<u8>,
    pub(super) body_sent: usize,
    pub(super) is_sent: bool,
    /// Whether any byte of an answer came.
    pub(super) has_answer: bool,
    pub(super) answer_bytes_max: u64,
}

/// What a WebSocket remembers beside its connection.
pub(super) struct Spoken {
    pub(super) number: SocketNumber,
    pub(super) is_open: bool,
    /// Whether it is to be closed from this end.
    pub(super) is_closing: bool,
    /// Whether a ping is out since the last thing that came.
    pub(super) has_pinged: bool,
    /// What the other end said when it closed.
    pub(super) closed: Option<(Option<u16>, String)>,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Phase {
    Resolving,
    Racing(Racing),
    /// On the connection with this index.
    Connected(u32),
}

/// Attempts to connect.
#[derive(Debug)]
pub(super) struct Racing {
    pub(super) race: Race,
    /// Why those that are over failed, in words.
    pub(super) errors: Vec<String>,
}

impl Flow {
    pub(super) fn exchange(
        now: Instant,
        number: RequestNumber,
        request: Request,
        route: Route,
    ) -> Self {
        let Request { method, url, headers, body, times, answer_bytes_max, .. } = request;
        let purpose = Purpose::Exchange(Asked {
            number,
            method,
            body,
            body_sent: 0,
            is_sent: false,
            has_answer: false,
            answer_bytes_max,
        });
        Self::new(now, url, headers, times, route, purpose)
    }

    pub(super) fn socket(
        now: Instant,
        number: SocketNumber,
        request: SocketRequest,
        route: Route,
    ) -> Self {
        let SocketRequest { url, headers, times, .. } = request;
        let purpose = Purpose::Socket(Spoken {
            number,
            is_open: false,
            is_closing: false,
            has_pinged: false,
            closed: None,
        });
        Self::new(now, url, headers, times, route, purpose)
    }

    pub(super) fn dial(now: Instant, number: DialNumber, url: Url, route: Route) -> Self {
        let (headers, times, purpose) = (Headers::new(), Times::default(), Purpose::Dial(number));
        Self::new(now, url, headers, times, route, purpose)
    }

    fn new(
        now: Instant,
        url: Url,
        headers: Headers,
        times: Times,
        route: Route,
        purpose: Purpose,
    ) -> Self {
        Self {
            url,
            headers,
            route,
            times,
            purpose,
            phase: Phase::Resolving,
            started: now,
            since: now,
            wait: Wait::Connect,
            is_repeated: false,
            queued_bytes: 0,
            is_paused: false,
        }
    }

    /// From now on this is waited for.
    pub(super) const fn wait(&mut self, now: Instant, wait: Wait) {
        (self.since, self.wait) = (now, wait);
    }

    pub(super) const fn waits_for(&self) -> Wait {
        self.wait
    }

    /// When it has taken too long, and what of it.
    pub(super) fn deadline(&self) -> (Instant, Wait) {
        let time = match self.wait {
            Wait::Connect => self.times.connect,
            Wait::FirstByte => self.times.first_byte,
            Wait::Idle | Wait::Total => self.times.idle,
        };
        let total = (self.started.after(self.times.total), Wait::Total);
        let step = (self.since.after(time), self.wait);
        match &self.purpose {
            Purpose::Socket(Spoken { is_closing: true, .. }) => {
                (self.since.after(CLOSE_TIME), Wait::Idle)
            }
            Purpose::Socket(Spoken { is_open: true, .. }) => step,
            // Whoever does not take what came holds it up, not the other end.
            Purpose::Exchange(_) if self.is_paused => total,
            _ if total.0 < step.0 => total,
            _ => step,
        }
    }

    /// Makes it as it was before it had a connection, but for its body, which is sent anew.
    pub(super) const fn begin_again(&mut self, now: Instant) {
        if let Purpose::Exchange(asked) = &mut self.purpose {
            (asked.body_sent, asked.is_sent) = (0, false);
        }
        self.is_repeated = true;
        self.wait(now, Wait::Connect);
    }

    /// Whether it may be sent once more after a used connection ended without a word
    /// (RFC 9110 §9.2.2).
    pub(super) fn is_repeatable(&self, has_spoken: bool) -> bool {
        let Purpose::Exchange(asked) = &self.purpose else { return false };
        let is_safe = asked.method == Method::GET || asked.method == Method::HEAD;
        !self.is_repeated && !asked.has_answer && (is_safe || !has_spoken)
    }

    /// The head of the request as the next connection wants it.
    pub(super) fn head(&self) -> Result<RequestHead, HttpError> {
        let is_for_proxy = self.route.place.is_proxied && self.route.tunnel.is_none();
        let target = match is_for_proxy {
            true => Target::new(self.url.as_str())?,
            false => Target::new(self.url.request_target())?,
        };
        let method = match &self.purpose {
            Purpose::Exchange(asked) => asked.method.clone(),
            Purpose::Socket(_) | Purpose::Dial(_) => Method::GET,
        };
        let mut head = RequestHead::new(method, target);
        head.headers.append("Host", self.url.authority())?;
        if is_for_proxy && let Some(credentials) = &self.route.credentials {
            head.headers.append("Proxy-Authorization", credentials.as_str())?;
        }
        for (name, value) in self.headers.iter() {
            head.headers.append(name.as_str(), value.as_bytes())?;
        }
        Ok(head)
    }

    /// The head that asks a proxy for a tunnel.
    pub(super) fn tunnel_head(&self, authority: &str) -> Result<RequestHead, HttpError> {
        let mut head = RequestHead::new(Method::CONNECT, Target::new(authority)?);
        head.headers.append("Host", authority)?;
        if let Some(credentials) = &self.route.credentials {
            head.headers.append("Proxy-Authorization", credentials.as_str())?;
        }
        Ok(head)
    }

    /// The event that ends it, if it fails.
    pub(super) fn failed(&self, broken: Broken, may_have_arrived: bool) -> NetworkEvent {
        // Only the host: the rest of a URL may be a secret.
        let failure = Failure::at(self.url.authority(), broken, may_have_arrived);
        match &self.purpose {
            Purpose::Exchange(asked) => NetworkEvent::Failed { request: asked.number, failure },
            Purpose::Socket(spoken) => {
                NetworkEvent::SocketFailed { socket: spoken.number, failure }
            }
            Purpose::Dial(dial) => NetworkEvent::DialFailed { dial: *dial, failure },
        }
    }

    /// Counts what the caller has to take. If that is much, nothing more is to come for now.
    pub(super) const fn queue(&mut self, bytes: usize) {
        self.queued_bytes = self.queued_bytes.saturating_add(bytes);
        self.is_paused = self.is_paused || self.queued_bytes >= QUEUED_BYTES_MAX;
    }

    /// Counts what the caller took; true if more can come again.
    pub(super) const fn unqueue(&mut self, bytes: usize) -> bool {
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        let resumes = self.is_paused && self.queued_bytes <= QUEUED_BYTES_MAX / 2;
        self.is_paused = self.is_paused && !resumes;
        resumes
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths, fields and bodies may be secrets.
        formatter
            .debug_struct("Flow")
            .field("authority", &self.url.authority())
            .field("phase", &self.phase)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl Asked {
    pub(super) fn length(&self) -> BodyLength {
        match self.body.len() {
            0 => BodyLength::Empty,
            length => BodyLength::Exact(length as u64),
        }
    }
}

/// What a message of text counts for. An empty one takes memory too.
pub(super) const fn text_bytes(text: &str) -> usize {
    text.len().saturating_add(size_of::<NetworkEvent>())
}

/// Much more than one read brings, and little next to what a model's answer may be.
const QUEUED_BYTES_MAX: usize = 256 * 1024;
/// How long the other end of a WebSocket has to answer a close frame.
const CLOSE_TIME: Duration = Duration::from_secs(5);
