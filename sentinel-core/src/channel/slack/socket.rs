//! Socket Mode: the WebSocket over which Slack says what happens.
//!
//! Slack gives out an address for one connection, and asks for another connection every now and
//! then. Without a token for that, channels are asked one by one, and this knows only who we are.
//!
//! # Invariants
//! - An address is used once.
//! - While a new address is asked for, the old connection still serves.
//!
//! # Not here
//! What comes over the connection: [`super`].

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::Purpose;
use super::refusal::{Refusal, refusal};
use crate::channel::connector::{Action, Token};
use crate::channel::traffic::{Backoff, Chance, Outbox, Request, is_socket_url};
use crate::text::json;
use crate::time::{Instant, Now};
use crate::wire::http::{Headers, Method};

/// How far the connection is.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    state: State,
    /// Whether there is a token for it.
    is_wanted: bool,
    is_known: bool,
    backoff: Backoff,
    /// Counts connections, so that nothing is said over another one than it belongs to.
    number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Off,
    /// Tries again at this time.
    Waiting(Instant),
    /// Asks who we are, or for an address.
    Asking,
    /// Waits for the connection, until this time.
    Opening(Instant),
    /// Waits for the first word over it.
    Greeting(Instant),
    Running,
    /// Still serves while another address is asked for.
    Renewing,
}

/// What came of a question to Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// The connector cannot go on.
    Stopped(String),
}

impl Socket {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self {
            state: State::Off,
            is_wanted,
            is_known: false,
            backoff: Backoff::default(),
            number: 0,
        }
    }

    /// Whether there is a connection, or will be again.
    pub(super) const fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    pub(super) fn start(&mut self, now: Now) {
        *self = Self::new(self.is_wanted);
        self.state = State::Waiting(now.instant);
    }

    pub(super) fn stop(&mut self, out: &mut Outbox<Purpose>) {
        if self.is_connected() {
            out.push(Action::Close { code: NORMAL });
        }
        self.state = State::Off;
    }

    /// Whether channels can be asked.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running | State::Renewing)
    }

    /// The connection that something can be said over.
    pub(super) fn number(&self) -> Option<u32> {
        (self.is_running() && self.is_wanted).then_some(self.number)
    }

    fn is_connected(&self) -> bool {
        let is_up = matches!(self.state, State::Opening(_) | State::Greeting(_));
        self.is_wanted && (is_up || self.is_running())
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        match self.state {
            State::Waiting(until) if now.instant >= until => {
                self.state = State::Asking;
                self.ask(out);
            }
            State::Opening(until) | State::Greeting(until) if now.instant >= until => {
                out.push(Action::Close { code: NORMAL });
                self.wait(now, Duration::ZERO, chance);
                self.tell(out, "the connection is not made, or nothing is said over it");
            }
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(until) | State::Opening(until) | State::Greeting(until) => Some(until),
            State::Off | State::Asking | State::Running | State::Renewing => None,
        }
    }

    /// Slack said who we are.
    pub(super) fn known(&mut self, out: &mut Outbox<Purpose>) {
        self.is_known = true;
        if self.is_wanted {
            self.ask(out);
        } else {
            self.backoff.reset();
            self.state = State::Running;
        }
    }

    fn ask(&self, out: &mut Outbox<Purpose>) {
        let (path, token, purpose) = if self.is_known {
            ("/apps.connections.open", Token::AppBearer, Purpose::Address)
        } else {
            ("/auth.test", Token::Bearer, Purpose::Who)
        };
        let (method, body) = (Method::POST, None);
        out.call(purpose, Request { method, path: path.to_string(), body, token });
    }

    /// Slack said where to connect to, or refused.
    pub(super) fn address(
        &mut self,
        now: Now,
        status: u16,
        headers: &Headers,
        body: &[u8],
        chance: &mut Chance,
        out: &mut Outbox<Purpose>,
    ) -> Asked {
        if !matches!(self.state, State::Asking | State::Renewing) {
            return Asked::Nothing;
        }
        let document = json::parse(body).ok();
        let root = document.as_ref().map(json::Document::root);
        let is_ok = root
            .is_some_and(|root| root.find("ok").is_some_and(|is_ok| is_ok.as_bool() == Ok(true)));
        let url = root.and_then(|root| root.find("url")?.as_str().ok());
        if let Some(url) = url.filter(|url| is_ok && status == 200 && is_socket_url(url)) {
            self.number = self.number.wrapping_add(1);
            out.push(Action::Open { url: url.to_string() });
            self.state = State::Opening(now.instant.after(OPENING_TIME));
            return Asked::Nothing;
        }
        self.refused(now, status, headers, body, chance, out)
    }

    /// A question of the connection's own was refused, or not answered.
    pub(super) fn refused(
        &mut self,
        now: Now,
        status: u16,
        headers: &Headers,
        body: &[u8],
        chance: &mut Chance,
        out: &mut Outbox<Purpose>,
    ) -> Asked {
        let (pause, why) = match refusal(status, headers, body) {
            Refusal::BadToken(error) => return Asked::Stopped(self.bad_token(&error)),
            Refusal::Other(error) if is_about_the_token(&error) => {
                return Asked::Stopped(self.bad_token(&error));
            }
            Refusal::Wait(pause) => (pause, "it asks us to wait".to_string()),
            // Whatever else it says may be over tomorrow.
            Refusal::Other(error) => (Duration::ZERO, format!("it answers {error}")),
            Refusal::Broken | Refusal::Gone => {
                (Duration::ZERO, format!("it answers {status}, and not what it was asked"))
            }
        };
        self.wait(now, pause, chance);
        self.tell(out, &why);
        Asked::Nothing
    }

    fn bad_token(&self, error: &str) -> String {
        let what = if self.is_known { APP_TOKEN } else { super::BAD_TOKEN };
        format!("{what} (Slack says: {error})")
    }

    /// A question of the connection's own was not answered.
    pub(super) fn unanswered(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        self.wait(now, Duration::ZERO, chance);
        self.tell(out, "it does not answer");
    }

    pub(super) fn opened(&mut self, now: Now) {
        if matches!(self.state, State::Opening(_)) {
            self.state = State::Greeting(now.instant.after(GREETING_TIME));
        }
    }

    pub(super) fn closed(&mut self, now: Now, chance: &mut Chance, out: &mut Outbox<Purpose>) {
        match self.state {
            State::Opening(_) | State::Greeting(_) | State::Running if self.is_wanted => {
                self.wait(now, Duration::ZERO, chance);
                self.tell(out, "the connection is not made, or cut");
            }
            State::Renewing => {
                self.state = State::Asking;
            }
            _ => {}
        }
    }

    /// The first word of a connection. Returns whether it was waited for.
    pub(super) fn greeted(&mut self) -> bool {
        let is_new = matches!(self.state, State::Opening(_) | State::Greeting(_));
        if is_new {
            self.state = State::Running;
            self.backoff.reset();
        }
        is_new
    }

    /// Slack will close the connection, or wants another one.
    pub(super) fn renew(&mut self, out: &mut Outbox<Purpose>) {
        if self.state == State::Running && self.is_wanted {
            self.state = State::Renewing;
            self.ask(out);
        }
    }

    fn wait(&mut self, now: Now, pause: Duration, chance: &mut Chance) {
        let pause = self.backoff.next(chance).max(pause);
        self.state = State::Waiting(now.instant.after(pause));
    }

    /// Tells the operator, once, that it does not come to a connection, and why.
    fn tell(&mut self, out: &mut Outbox<Purpose>, why: &str) {
        if self.backoff.is_to_be_told() {
            out.push(Action::Alert(format!(
                "Slack did not let us in {} times in a row: {why}. It is tried again, again and \
                 again",
                self.backoff.failures()
            )));
        }
    }
}

/// Words that are about the token, or the app that it is of, and about nothing that passes by
/// itself. A word that is not known here is none of them.
fn is_about_the_token(error: &str) -> bool {
    matches!(
        error,
        "missing_scope"
            | "no_permission"
            | "access_denied"
            | "enterprise_is_restricted"
            | "two_factor_setup_required"
            | "forbidden_team"
            | "team_access_not_granted"
            | "method_deprecated"
            | "deprecated_endpoint"
    )
}

const APP_TOKEN: &str = "Slack refused the app's token for Socket Mode. In the app's settings, \
                         under Basic Information, App-Level Tokens, make one with the scope \
                         connections:write (it begins with xapp-)";

const NORMAL: u16 = 1000;

const OPENING_TIME: Duration = Duration::from_secs(30);
const GREETING_TIME: Duration = Duration::from_secs(20);
