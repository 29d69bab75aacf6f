//! The Gateway: the WebSocket over which Discord says what happens.
//!
//! A session outlives its connections: what came meanwhile is told again when a connection resumes
//! it. So a session is given up only when Discord says that it is gone.
//!
//! # Invariants
//! - A heartbeat that was not acknowledged when the next one is due ends the connection.
//! - Nothing that comes over a connection that was given up counts: it is told again.
//! - The numbers of what came only grow within a session.
//!
//! # Not here
//! What the events mean: [`super`].

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::Purpose;
use super::posting::SAID_BYTES_MAX;
use crate::channel::connector::{Action, Token};
use crate::channel::traffic::{
    Backoff, Chance, Outbox, Request, cut, duration, is_socket_url, name, seconds,
};
use crate::text::json::{self, Value};
use crate::time::{Instant, Now};
use crate::wire::http::Headers;

/// The session, and how far its connection is.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
    state: State,
    session: Option<Session>,
    /// The number of the last event that came.
    seq: u64,
    /// Where sessions begin, as Discord said last.
    url: Option<String>,
    beat: Option<Beat>,
    backoff: Backoff,
}

/// What resumes a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not started, or stopped for good.
    Off,
    /// Tries again at this time.
    Waiting(Instant),
    /// Asks where to connect to.
    Asking,
    /// Waits for the connection, until this time.
    Opening(Instant),
    /// Waits for the first word over it.
    Greeting(Instant),
    /// Waits for the session to begin or go on.
    Joining(Instant),
    /// In session.
    Running,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    pause: Duration,
    next: Instant,
    is_acknowledged: bool,
}

/// What an event of the Gateway is to the rest of the connector.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heard<'d> {
    /// The Gateway's own business.
    Nothing,
    /// A session began: whatever came before it and was not heard of has to be asked for.
    Began(Value<'d>),
    /// The session goes on; nothing was missed.
    Resumed,
    /// An event.
    Event { name: &'d str, data: Value<'d>, seq: u64 },
}

impl Gateway {
    pub(super) fn new() -> Self {
        Self {
            state: State::Off,
            session: None,
            seq: 0,
            url: None,
            beat: None,
            backoff: Backoff::default(),
        }
    }

    /// Begins, with the session that was kept, if there is one.
    pub(super) fn start(&mut self, now: Now, session: Option<(Session, u64)>) {
        let url = self.url.take();
        *self = Self::new();
        self.url = url;
        self.state = State::Waiting(now.instant);
        if let Some((session, seq)) = session {
            (self.session, self.seq) = (Some(session), seq);
        }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether events come, or come again.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.state, State::Joining(_) | State::Running)
    }

    pub(super) fn stop(&mut self, out: &mut Outbox<Purpose>) {
        if !matches!(self.state, State::Off | State::Waiting(_) | State::Asking) {
            out.push(Action::Close { code: NORMAL });
        }
        self.state = State::Off;
        self.beat = None;
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        match self.state {
            State::Waiting(until) if now.instant >= until => match &self.session {
                Some(session) => self.open(&session.url.clone(), now, out),
                None => {
                    self.state = State::Asking;
                    let request = Request::get("/gateway/bot".to_string(), Token::BotHeader);
                    out.call(Purpose::Gateway, request);
                }
            },
            State::Opening(until) | State::Greeting(until) | State::Joining(until)
                if now.instant >= until =>
            {
                self.leave(now, chance, out);
            }
            _ => {}
        }
        if let Some(beat) = &mut self.beat
            && now.instant >= beat.next
        {
            if beat.is_acknowledged {
                beat.is_acknowledged = false;
                beat.next = now.instant.after(beat.pause);
                self.send_heartbeat(out);
            } else {
                self.leave(now, chance, out);
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = match self.state {
            State::Waiting(until)
            | State::Opening(until)
            | State::Greeting(until)
            | State::Joining(until) => Some(until),
            State::Off | State::Asking | State::Running => None,
        };
        let beat = self.beat.map(|beat| beat.next);
        state.into_iter().chain(beat).min()
    }

    /// Discord said where to connect to, or did not.
    pub(super) fn asked(
        &mut self,
        now: Now,
        answer: Option<(u16, &Headers, &[u8])>,
        chance: &mut Chance,
        out: &mut Outbox<Purpose>,
    ) {
        if self.state != State::Asking {
            return;
        }
        if let Some((200, _, body)) = answer
            && let Ok(document) = json::parse(body)
            && let Some(url) = document.root().find("url").and_then(|url| url.as_str().ok())
            && is_socket_url(url)
        {
            self.url = Some(url.to_string());
            let starts = document.root().find("session_start_limit");
            let number = |key| starts?.find(key)?.as_u64().ok();
            if number("remaining") == Some(0) {
                let wait = Duration::from_millis(number("reset_after").unwrap_or(0));
                let wait = wait.clamp(Duration::from_secs(5), SESSION_WAIT_MAX);
                out.push(Action::Alert(format!(
                    "Discord: this bot began as many sessions as it may; it comes back in {} \
                     minutes. Is the same token in use elsewhere?",
                    wait.as_secs().div_ceil(60)
                )));
                self.state = State::Waiting(now.instant.after(wait));
                return;
            }
        }
        let refused = answer.filter(|(status, ..)| *status != 200);
        let asked_to_wait = match answer {
            Some((429, headers, body)) => {
                let said = json::parse(body).ok();
                let said = said.as_ref().and_then(|said| said.root().find("retry_after"));
                let said = said.and_then(|value| value.as_f64().ok()).and_then(duration);
                said.or_else(|| seconds(headers, "retry-after")).or(Some(Duration::from_secs(5)))
            }
            _ => None,
        };
        match (self.url.clone(), asked_to_wait) {
            (Some(url), None) => self.open(&url, now, out),
            (_, wait) => {
                let pause = self.backoff.next(chance).max(wait.unwrap_or_default());
                self.state = State::Waiting(now.instant.after(pause));
                self.tell(out, || match (refused, answer) {
                    (Some((status, _, body)), _) => {
                        format!("it answers {status}{}", words(body))
                    }
                    (None, Some(_)) => "its answer cannot be read".to_string(),
                    (None, None) => "it does not answer".to_string(),
                });
            }
        }
    }

    pub(super) fn opened(&mut self, now: Now) {
        if matches!(self.state, State::Opening(_)) {
            self.state = State::Greeting(now.instant.after(GREETING_TIME));
        }
    }

    /// The connection is gone. The answer is why the connector cannot go on, if it cannot.
    pub(super) fn closed(
        &mut self,
        now: Now,
        code: Option<u16>,
        chance: &mut Chance,
        out: &mut Outbox<Purpose>,
    ) -> Option<String> {
        if matches!(self.state, State::Off | State::Waiting(_) | State::Asking) {
            return None;
        }
        if let Some(why) = code.and_then(why_stopped) {
            self.state = State::Off;
            self.beat = None;
            return Some(why.to_string());
        }
        if matches!(code, Some(4003 | 4007 | 4009)) {
            self.forget_session();
        }
        self.wait(now, chance);
        self.tell(out, || match code {
            Some(code) => format!("it closes the connection with code {code}"),
            None => "the connection is not made, or cut".to_string(),
        });
        None
    }

    /// What the session began with cannot be used: another one may.
    pub(super) fn refuse(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        self.forget_session();
        self.leave(now, chance, out);
    }

    /// A text came.
    pub(super) fn received<'d>(
        &mut self,
        now: Now,
        root: Value<'d>,
        chance: &mut Chance,
        out: &mut Outbox<Purpose>,
    ) -> Heard<'d> {
        if matches!(self.state, State::Off | State::Waiting(_) | State::Asking) {
            return Heard::Nothing;
        }
        let data = root.find("d");
        match root.find("op").and_then(|op| op.as_u64().ok()) {
            Some(0) => return self.dispatched(now, root, data),
            Some(1) => self.send_heartbeat(out),
            Some(7) => self.leave_at_once(now, chance, out),
            Some(9) => {
                if !data.is_some_and(|data| data.as_bool() == Ok(true)) {
                    self.forget_session();
                }
                out.push(Action::Close { code: RESUMABLE });
                self.beat = None;
                let pause = chance.between(Duration::from_secs(1), Duration::from_secs(5));
                let pause = pause.max(self.backoff.next(chance));
                self.state = State::Waiting(now.instant.after(pause));
                self.tell(out, || "it takes no session".to_string());
            }
            Some(10) if matches!(self.state, State::Opening(_) | State::Greeting(_)) => {
                let pause = data.and_then(|data| data.find("heartbeat_interval")?.as_u64().ok());
                self.join(now, pause.unwrap_or(0), chance, out);
            }
            Some(11) => {
                if let Some(beat) = &mut self.beat {
                    beat.is_acknowledged = true;
                    if self.state == State::Running {
                        // It has lasted: the next failure is another story.
                        self.backoff.reset();
                    }
                }
            }
            _ => {}
        }
        Heard::Nothing
    }

    fn dispatched<'d>(&mut self, now: Now, root: Value<'d>, data: Option<Value<'d>>) -> Heard<'d> {
        if !matches!(self.state, State::Joining(_) | State::Running) {
            return Heard::Nothing;
        }
        let name = root.find("t").and_then(|name| name.as_str().ok());
        let (Some(name), Some(data)) = (name, data) else { return Heard::Nothing };
        if let Some(seq) = root.find("s").and_then(|seq| seq.as_u64().ok()) {
            self.seq = if name == "READY" { seq } else { self.seq.max(seq) };
        }
        match name {
            "READY" => {
                let text = |key| data.find(key).and_then(|value| value.as_str().ok());
                let id = text("session_id").filter(|id| is_session_id(id));
                let url = text("resume_gateway_url").filter(|url| is_socket_url(url));
                let url = url.map(ToString::to_string).or_else(|| self.url.clone());
                self.session = id.zip(url).map(|(id, url)| Session { id: id.to_string(), url });
                self.state = State::Running;
                Heard::Began(data)
            }
            "RESUMED" => {
                self.state = State::Running;
                Heard::Resumed
            }
            _ => {
                if let State::Joining(until) = &mut self.state {
                    // What was missed is told again first, and that may be much.
                    *until = now.instant.after(JOINING_TIME);
                }
                Heard::Event { name, data, seq: self.seq }
            }
        }
    }

    fn open(&mut self, url: &str, now: Now, out: &mut Outbox<Purpose>) {
        let base = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        out.push(Action::Open { url: format!("{base}/?v=10&encoding=json") });
        self.state = State::Opening(now.instant.after(OPENING_TIME));
    }

    fn join(&mut self, now: Now, pause: u64, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        let pause = Duration::from_millis(pause).clamp(BEAT_LEAST, BEAT_MOST);
        let first = chance.between(Duration::ZERO, pause);
        self.beat = Some(Beat { pause, next: now.instant.after(first), is_acknowledged: true });
        self.state = State::Joining(now.instant.after(JOINING_TIME));
        let text = match &self.session {
            Some(session) => json::object(|out| {
                out.field("op", 6).object("d", |out| {
                    out.field("token", "{token}").field("session_id", &session.id);
                    out.field("seq", self.seq);
                });
            }),
            None => json::object(|out| {
                out.field("op", 2).object("d", |out| {
                    out.field("token", "{token}").field("intents", INTENTS);
                    out.field("compress", false);
                    out.object("properties", |out| {
                        out.field("os", "linux").field("browser", "sentinel");
                        out.field("device", "sentinel");
                    });
                });
            }),
        };
        out.push(Action::Send { text, has_token: true });
    }

    fn send_heartbeat(&self, out: &mut Outbox<Purpose>) {
        let seq = (self.seq > 0).then_some(self.seq);
        let text = json::object(|out| {
            out.field("op", 1).field("d", seq);
        });
        out.push(Action::Send { text, has_token: false });
    }

    /// Gives the connection up, keeps the session, and tries again after a pause.
    fn leave(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        out.push(Action::Close { code: RESUMABLE });
        self.wait(now, chance);
        self.tell(out, || "it does not say what it should over the connection".to_string());
    }

    /// The same where Discord asks for it: at once, the first time.
    fn leave_at_once(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        let is_first = self.backoff.failures() == 0;
        self.leave(now, chance, out);
        if is_first {
            self.state = State::Waiting(now.instant);
        }
    }

    fn wait(&mut self, now: Now, chance: &mut Chance) {
        self.beat = None;
        let pause = self.backoff.next(chance);
        if self.backoff.failures() > RESUMES_MAX {
            self.forget_session();
        }
        self.state = State::Waiting(now.instant.after(pause));
    }

    /// Tells the operator, once, that there is no lasting session, and why.
    fn tell(&mut self, out: &mut Outbox<Purpose>, why: impl FnOnce() -> String) {
        if self.backoff.is_to_be_told() {
            out.push(Action::Alert(format!(
                "Discord did not let us in, or not for long, {} times in a row: {}. It is tried \
                 again, again and again",
                self.backoff.failures(),
                why()
            )));
        }
    }

    fn forget_session(&mut self) {
        self.session = None;
        self.seq = 0;
    }
}

/// Discord's own words for a refusal, and its code, where it has any.
fn words(body: &[u8]) -> String {
    let document = json::parse(body).ok();
    let root = document.as_ref().map(json::Document::root);
    let Some(said) = root.and_then(|root| root.find("message")?.as_str().ok()) else {
        return String::new();
    };
    let code = root.and_then(|root| root.find("code")?.as_u64().ok()).unwrap_or(0);
    format!(" ({}, code {code})", name(cut(said, SAID_BYTES_MAX)))
}

fn is_session_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.len() <= 255 && id.bytes().all(is_plain)
}

/// Which close codes mean that trying again is of no use.
fn why_stopped(code: u16) -> Option<&'static str> {
    Some(match code {
        4004 => super::BAD_TOKEN,
        4010 | 4011 => {
            "Discord wants this bot in several shards, which are not supported: it is in too many \
             servers"
        }
        4012 => {
            "Discord does not speak version 10 of its Gateway any more; a newer program is \
                 needed"
        }
        4013 => "Discord does not know the intents of this program; a newer one is needed",
        4014 => {
            "Discord does not let this bot read messages. In the Developer Portal, open the \
             application, then Bot, then Privileged Gateway Intents, switch on Message Content \
             Intent, save, and start again"
        }
        _ => return None,
    })
}

/// GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 12 | 1 << 15;

/// With 1000 the session would end; with this it can be resumed.
const RESUMABLE: u16 = 4000;
const NORMAL: u16 = 1000;

const OPENING_TIME: Duration = Duration::from_secs(30);
const GREETING_TIME: Duration = Duration::from_secs(20);
const JOINING_TIME: Duration = Duration::from_secs(60);

/// Discord asks for 41 seconds; whatever else is asked for keeps between these.
const BEAT_LEAST: Duration = Duration::from_secs(1);
const BEAT_MOST: Duration = Duration::from_secs(5 * 60);

/// Discord counts the starts of sessions by the day.
const SESSION_WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// After so many failures in a row the session is taken for lost, or its address.
const RESUMES_MAX: u32 = 5;
