//! Streams of messages: what they bring, and how one that broke is gone on with.
//!
//! # Invariants
//! - A stream is asked for again from where it broke, a while later, and not for ever: of a request
//!   while that is waited for, and of the server itself while it still brings something.

use alloc::string::{String, ToString};
use core::time::Duration;

use super::{Carries, Exchange, Remote, Reply};
use crate::limits::{MCP_EVENT_ID_BYTES_MAX, MCP_STREAM_EMPTY_MAX};
use crate::mcp::client::{Fault, Stage};
use crate::text::sse::Decoder;
use crate::time::Instant;
use crate::wire::http::Method;

/// A stream to be asked for again.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) of: Option<u64>,
    from: String,
    at: Instant,
}

impl Remote {
    /// When [`tick`](Self::tick) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.again.iter().map(|again| again.at).min()
    }

    /// Does what it is time for. Early and repeated calls do nothing.
    pub fn tick(&mut self, now: Instant) {
        while let Some(place) = self.again.iter().position(|again| again.at <= now) {
            let Again { of, from, .. } = self.again.remove(place);
            self.listen(of, &from);
        }
    }

    /// Asks for a stream, from behind an event of it.
    pub(super) fn listen(&mut self, of: Option<u64>, from: &str) {
        if self.client.stage == Stage::Ended {
            return;
        }
        let mut headers = self.headers(Some("text/event-stream"));
        if !from.is_empty() {
            headers.push(("Last-Event-ID", from.to_string()));
        }
        let number = self.begin(Method::GET, headers, String::new(), true);
        let (what, reply) = (Carries::Stream { of }, Reply::Expected);
        self.exchanges.push(Exchange { number, what, reply });
    }

    /// Takes a piece of a stream.
    pub(super) fn events(&mut self, now: Instant, place: usize, mut bytes: &[u8]) {
        let Some(exchange) = self.exchanges.get_mut(place) else { return };
        let (number, what) = (exchange.number, exchange.what);
        let Reply::Events(mut decoder) = core::mem::replace(&mut exchange.reply, Reply::Expected)
        else {
            return;
        };
        let own = match what {
            Carries::Request { id, .. } | Carries::Stream { of: Some(id) } => Some(id),
            Carries::Told { .. } | Carries::Stream { of: None } => None,
        };
        let mut is_over = false;
        while !is_over {
            match decoder.next(&mut bytes) {
                Ok(Some(event)) => {
                    self.empty_count = 0;
                    // An event without a message only names the place; others mean nothing here.
                    if event.name == "message" && !event.data.is_empty() {
                        self.client.line(event.data.trim_ascii().as_bytes());
                    }
                    is_over = own.is_some_and(|id| !self.client.is_open(id));
                }
                Ok(None) => break,
                Err(_) => return self.client.broke(Fault::LineTooLong),
            }
        }
        // A server may end its stream with the session, or break the protocol.
        let Some(place) = self.place(number) else { return };
        let Some(exchange) = self.exchanges.get_mut(place) else { return };
        if !is_over {
            exchange.reply = Reply::Events(decoder);
        } else {
            exchange.reply = Reply::Over;
            if !bytes.trim_ascii().is_empty() {
                self.body(now, number, bytes);
            }
        }
    }

    /// A stream has ended, in good order or not.
    pub(super) fn stream_ended(&mut self, now: Instant, what: Carries, events: &Decoder) {
        match what {
            Carries::Stream { of: None } => self.later(now, None, Some(events)),
            Carries::Request { id, .. } | Carries::Stream { of: Some(id) }
                if self.client.is_open(id) =>
            {
                match place_of(events) {
                    "" => self.client.lost(id, "its stream ended without an answer"),
                    _ => self.later(now, Some(id), Some(events)),
                }
            }
            _ => {}
        }
    }

    /// Asks for a stream again in a while.
    pub(super) fn later(&mut self, now: Instant, of: Option<u64>, events: Option<&Decoder>) {
        self.empty_count = self.empty_count.saturating_add(1);
        if self.empty_count > MCP_STREAM_EMPTY_MAX {
            match of {
                Some(id) => self.client.lost(id, "its stream breaks again and again"),
                None => self.is_deaf = true,
            }
            return;
        }
        if of.is_none() && self.is_deaf {
            return;
        }
        let wanted = events.and_then(Decoder::retry).unwrap_or(FIRST_PAUSE);
        let least = SHORTEST_PAUSE.saturating_mul(1 << self.empty_count.min(8));
        let pause = wanted.clamp(least.min(LONGEST_PAUSE), LONGEST_PAUSE);
        let from = events.map_or("", place_of).to_string();
        self.again.push(Again { of, from, at: now.after(pause) });
    }
}

/// The name of the last event, if it can be said.
fn place_of(events: &Decoder) -> &str {
    let id = events.last_event_id();
    let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    match id.len() <= MCP_EVENT_ID_BYTES_MAX && id.bytes().all(is_plain) && id.trim() == id {
        true => id,
        false => "",
    }
}

/// How long after its end a stream is asked for again, if its server does not say.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A server that wants to be asked sooner gets twice this, and twice as much each time that nothing
/// came of it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Nobody waits longer, whatever a server says.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
