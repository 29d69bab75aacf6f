//! Slack: Socket Mode and the Web API as one machine.
//!
//! With an app's token, Slack tells over a WebSocket what happens; without one, the channels that
//! are named are asked one by one. Everything the agent does goes over the Web API.
//!
//! # Invariants
//! - Those of [`Connector`].
//! - An envelope is acknowledged when the agent's record of what is in it is safe; at once, if
//!   there is nothing in it for the agent.
//! - The app's own messages, changes of messages and what is said in a channel to others never
//!   reach the agent.
//!
//! # Not here
//! Signs of typing, which Slack has none of for apps. Threads, where channels are asked one by one:
//! their histories do not tell them. WebSocket frames and TLS: the shell.

mod attachment;
mod history;
mod inbox;
mod message;
mod mrkdwn;
mod posting;
mod refusal;
mod socket;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

pub use self::attachment::{attachment_request, attachment_url};
use self::history::History;
use self::inbox::{Envelope, Inbox, Taken};
use self::message::{Me, Place, Press, Stamp, is_id, press, slash, text, told};
use self::posting::{Job, Ticket, Verdict};
use self::refusal::{Refusal, refusal};
use self::socket::{Asked, Socket};
use super::connector::{
    Action, CallNumber, Connector, FetchFailure, Posted, ToFetch, ToPost, Token,
};
use super::delivery::{Failure, Post};
use super::traffic::{
    Backoff, Chance, FILE_LATER as LATER, Lanes, Outbox, answered_question, downloaded,
};
use crate::limits::{CHANNEL_CHATS_KEPT, CHANNEL_QUESTIONS_MAX};
use crate::order::{Map, Set};
use crate::text::json::{self, Value};
use crate::time::{Instant, Now};
use crate::wire::http::Headers;

/// The connector of Slack.
///
/// ```
/// use sentinel_core::channel::connector::{Action, Connector};
/// use sentinel_core::channel::slack::Slack;
/// use sentinel_core::time::{Instant, Now, Timestamp};
///
/// let now = Now { instant: Instant(0), wall: Timestamp(0) };
/// let mut slack = Slack::new(7);
/// slack.start(now, None);
/// let Some(Action::Call(call)) = slack.poll(now) else { panic!() };
/// assert_eq!(call.path, "/auth.test");
/// ```
#[derive(Clone, Debug)]
pub struct Slack {
    socket: Socket,
    inbox: Inbox,
    lanes: Lanes<Job>,
    out: Outbox<Purpose>,
    chance: Chance,
    me: Option<Me>,
    /// The channels that are asked one by one, where there is no connection.
    polled: Vec<String>,
    next_round: Instant,
    is_changed: bool,
    /// The channel that is being asked.
    history: Option<History>,
    /// The one that is asked again, once it is time.
    paused: Option<History>,
    /// What one told that there was no room for yet.
    left_over: Option<History>,
    asks_from: Instant,
    asking: Backoff,
    questions: Map<(Place, u32), Question>,
    alerted: Set<(String, String)>,
}

/// What a request is for.
#[derive(Clone, Debug)]
enum Purpose {
    Who,
    Address,
    Say { ticket: Ticket, lane: String },
    History { lane: String },
    Other { lane: String },
    Locate { file: ToFetch, lane: String },
    Download { fetch: u64 },
}

/// A question with buttons.
#[derive(Clone, Debug)]
struct Question {
    message: Stamp,
    text: String,
    /// Somebody said an answer. Whether it counts the agent knows.
    is_answered: bool,
}

impl Slack {
    /// A connector for Socket Mode that has not started. The seed spreads its pauses, so that not
    /// all that lost Slack at one moment come back at one moment.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Socket::new(true), Vec::new())
    }

    /// A connector without an app's token: it asks these channels what was said, every few seconds.
    /// What is no id of a channel is left out.
    #[must_use]
    pub fn polling(seed: u64, channels: &[&str]) -> Self {
        let ids = channels.iter().filter(|id| is_id(id)).take(CHANNEL_CHATS_KEPT);
        Self::with(seed, Socket::new(false), ids.map(ToString::to_string).collect())
    }

    fn with(seed: u64, socket: Socket, polled: Vec<String>) -> Self {
        Self {
            socket,
            inbox: Inbox::default(),
            lanes: Lanes::new(REQUESTS_PER_SECOND),
            out: Outbox::new(),
            chance: Chance::new(seed),
            me: None,
            polled,
            next_round: Instant(0),
            is_changed: false,
            history: None,
            paused: None,
            left_over: None,
            asks_from: Instant(0),
            asking: Backoff::default(),
            questions: Map::new(),
            alerted: Set::new(),
        }
    }

    /// Slack said who we are.
    fn who(&mut self, now: Now, status: u16, headers: &Headers, body: &[u8]) {
        let document = json::parse(body).ok();
        let root = document.as_ref().map(json::Document::root).filter(|root| {
            status == 200 && root.find("ok").is_some_and(|is_ok| is_ok.as_bool() == Ok(true))
        });
        let user = root.and_then(|root| text(root, "user_id")).filter(|user| is_id(user));
        let (Some(root), Some(user)) = (root, user) else {
            let (chance, out) = (&mut self.chance, &mut self.out);
            let asked = self.socket.refused(now, status, headers, body, chance, out);
            return self.obey(asked);
        };
        let bot = text(root, "bot_id").unwrap_or_default().to_string();
        let name = super::traffic::name(text(root, "user").unwrap_or_default());
        self.me = Some(Me { user: user.to_string(), bot, name });
        for channel in &self.polled {
            if !self.inbox.has(channel) {
                self.inbox.watch(channel, Stamp(now.wall.0.saturating_mul(1000)));
            }
        }
        self.is_changed = true;
        self.next_round = now.instant;
        self.socket.known(&mut self.out);
        if self.socket.is_running() {
            self.ready();
        }
    }

    fn ready(&mut self) {
        let name = self.me.as_ref().map(|me| me.name.clone()).unwrap_or_default();
        self.out.push(Action::Ready { name });
    }

    fn obey(&mut self, asked: Asked) {
        if let Asked::Stopped(why) = asked {
            self.stop(&why);
        }
    }

    /// An envelope, with whatever is in it.
    fn envelope(&mut self, now: Now, kind: &str, root: Value<'_>, socket: u32) {
        let Some(id) = text(root, "envelope_id").filter(|id| id.len() <= ENVELOPE_ID_BYTES_MAX)
        else {
            return;
        };
        let envelope = Envelope { id: id.to_string(), socket };
        let taken = match (root.find("payload"), &self.me) {
            (Some(payload), Some(me)) => match kind {
                "events_api" => {
                    let event = payload.find("event");
                    let told = event.and_then(|event| told(event, None, me));
                    self.told(told, envelope.clone())
                }
                "interactive" => match press(payload) {
                    Some(press) => self.pressed(press, envelope.clone()),
                    None => Taken::Acknowledge,
                },
                _ => match slash(payload, now.wall) {
                    Some(message) => self.inbox.arrived(message, None, Some(envelope.clone())),
                    None => Taken::Acknowledge,
                },
            },
            _ => Taken::Acknowledge,
        };
        if taken == Taken::Acknowledge {
            self.acknowledge_envelope(&envelope);
        }
    }

    /// What came over the connection cannot be read. If it was a message, its channel's history
    /// tells it.
    fn unreadable(&mut self, words: &str) {
        if self.socket.is_running() && words.contains("\"envelope_id\"") {
            self.inbox.fall_behind();
            let what = "Slack told something that cannot be read. The channels that are known are \
                        asked what was said there";
            self.alert_once(String::new(), "unreadable".to_string(), what.to_string());
        }
    }

    fn told(&mut self, told: Option<message::Told>, envelope: Envelope) -> Taken {
        let Some(told) = told else { return Taken::Acknowledge };
        let Some(message) = told.message else {
            self.inbox.passed(&told.channel, told.stamp);
            return Taken::Acknowledge;
        };
        self.is_changed |= !self.inbox.has(&told.channel);
        let place = Some((&*told.channel, told.stamp));
        self.inbox.arrived(message, place, Some(envelope))
    }

    fn pressed(&mut self, press: Press, envelope: Envelope) -> Taken {
        let Press { place, question, on, message } = press;
        let taken = self.inbox.arrived(message, None, Some(envelope));
        if taken == Taken::Later
            && let Some((stamp, text)) = on
        {
            self.remember_question(place, question, stamp, text);
        }
        taken
    }

    fn acknowledge_envelope(&mut self, envelope: &Envelope) {
        // Over another connection it would mean nothing; Slack tells it again, and it is known.
        if self.socket.number() == Some(envelope.socket) {
            let text = json::object(|out| {
                out.field("envelope_id", &envelope.id);
            });
            self.out.push(Action::Send { text, has_token: false });
        }
    }

    fn remember_question(&mut self, place: Place, question: u32, message: Stamp, text: String) {
        if self.questions.len() >= CHANNEL_QUESTIONS_MAX {
            self.questions.pop_first();
        }
        self.questions.entry((place, question)).or_insert(Question {
            message,
            text,
            is_answered: false,
        });
    }

    /// Somebody answered a question. In a private chat that can only have been the one who was
    /// asked; in a channel it may have been anybody, so the buttons stay until the agent says
    /// something there.
    fn answer(&mut self, place: &Place, question: u32, is_private: bool) {
        if let Some(asked) = self.questions.get_mut(&(place.clone(), question)) {
            asked.is_answered = true;
            if is_private {
                self.tidy(place);
            }
        }
    }

    /// Takes away the buttons of questions that were answered.
    fn tidy(&mut self, place: &Place) {
        let all = (place.clone(), 0)..=(place.clone(), u32::MAX);
        let answered = self.questions.range(all).filter(|(_, asked)| asked.is_answered);
        let answered: Vec<_> = answered.map(|(key, _)| key.clone()).collect();
        for key in answered {
            let Some(Question { message, text, .. }) = self.questions.remove(&key) else {
                continue;
            };
            let channel = place.channel.clone();
            let job = Job::Tidy { channel, message, text };
            // If too much waits, the buttons stay; they do nothing any more.
            let _ = self.lanes.push(&job.lane(), job);
        }
    }

    fn posted(&mut self, ticket: &Ticket, outcome: Posted) {
        let (delivery, piece) = (ticket.delivery, ticket.piece);
        self.out.push(Action::Posted { delivery, piece, outcome });
    }

    fn said(&mut self, now: Now, ticket: Ticket, lane: &str, verdict: Verdict) {
        match verdict {
            Verdict::Posted(outcome) => {
                if let Posted::Sent(message) = &outcome {
                    // One message a second is what a channel takes.
                    self.lanes.close(lane, now.instant, CHANNEL_PAUSE);
                    match (ticket.buttons, Stamp::parse(message)) {
                        (Some(question), Some(stamp)) => {
                            let (place, text) = (ticket.place.clone(), ticket.text.clone());
                            self.remember_question(place, question, stamp, text);
                        }
                        _ if !ticket.is_question => self.tidy(&ticket.place),
                        _ => {}
                    }
                }
                self.posted(&ticket, outcome);
            }
            Verdict::Complain { error, what } => {
                self.alert_once(ticket.place.channel.clone(), error, what);
                self.posted(&ticket, Posted::Failed(Failure::Rejected));
            }
            Verdict::Wait(pause) => {
                self.lanes.close(lane, now.instant, pause);
                let retry_after_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                self.posted(&ticket, Posted::Failed(Failure::RateLimited { retry_after_ms }));
            }
            Verdict::BadToken(error) => {
                self.posted(&ticket, Posted::Failed(Failure::Rejected));
                self.stop(&format!("{BAD_TOKEN} (Slack says: {error})"));
            }
        }
    }

    fn alert_once(&mut self, channel: String, error: String, what: String) {
        if self.alerted.len() >= CHANNEL_CHATS_KEPT {
            self.alerted.clear();
        }
        if self.alerted.insert((channel, error)) {
            self.out.push(Action::Alert(what));
        }
    }

    fn stop(&mut self, why: &str) {
        self.socket.stop(&mut self.out);
        self.give_up(Failure::Rejected);
        self.out.stop(why.to_string());
    }

    /// Answers every post that waits, with this, and every one that is out.
    fn give_up(&mut self, waiting: Failure) {
        for purpose in self.out.abandon() {
            match purpose {
                Purpose::Say { ticket, .. } => {
                    self.posted(&ticket, Posted::Failed(Failure::Transport));
                }
                Purpose::Locate { file: ToFetch { number: fetch, .. }, .. }
                | Purpose::Download { fetch } => {
                    self.out.push(Action::File { fetch, outcome: Err(LATER) });
                }
                _ => {}
            }
        }
        let jobs: Vec<_> = self.lanes.drain().collect();
        for job in jobs {
            match job {
                Job::Say(say) => self.posted(&say.ticket, Posted::Failed(waiting)),
                Job::Locate { file, .. } => {
                    let outcome = Err(LATER);
                    self.out.push(Action::File { fetch: file.number, outcome });
                }
                _ => {}
            }
        }
        self.history = None;
        self.paused = None;
        self.left_over = None;
    }

    /// Slack said where a file is, or refused.
    fn located(&mut self, file: &ToFetch, status: u16, headers: &Headers, body: &[u8]) {
        let fetch = file.number;
        if let Some(url) = attachment_url(body).filter(|_| status == 200) {
            let purpose = Purpose::Download { fetch };
            return self.out.download(purpose, url, Token::Bearer, (fetch, file.bytes_max));
        }
        let failure = match refusal(status, headers, body) {
            Refusal::Wait(pause) => {
                let retry_after_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                FetchFailure::Later { retry_after_ms }
            }
            Refusal::Broken => LATER,
            Refusal::BadToken(_) | Refusal::Gone => FetchFailure::Gone,
            Refusal::Other(error) => {
                if error == "missing_scope" {
                    let what = "Slack does not let the bot have files: its token lacks the scope \
                                files:read";
                    self.alert_once(String::new(), error, what.to_string());
                }
                FetchFailure::Gone
            }
        };
        self.out.push(Action::File { fetch, outcome: Err(failure) });
    }

    /// Sends what may leave.
    fn send(&mut self, now: Now) {
        if self.socket.is_running() {
            if !self.polled.is_empty() && now.instant >= self.next_round {
                // Not while any waits from the round before: the first would always come first.
                let waits = self.inbox.behind().is_some_and(|(.., from)| from <= now.instant);
                if self.history.is_none() && !waits {
                    self.inbox.fall_behind();
                }
                let channels = u32::try_from(self.polled.len()).unwrap_or(u32::MAX);
                let round = REQUEST_PAUSE.saturating_mul(channels).max(ROUND_LEAST);
                self.next_round = now.instant.after(round);
            }
            self.ask_what_was_missed(now);
        }
        while let Some((lane, job)) = self.lanes.next(now.instant) {
            let request = job.request();
            let purpose = match job {
                Job::Say(say) => Purpose::Say { ticket: say.ticket, lane },
                Job::History { .. } => Purpose::History { lane },
                Job::Tidy { .. } => Purpose::Other { lane },
                Job::Locate { file, .. } => Purpose::Locate { file, lane },
            };
            self.out.call(purpose, request);
        }
    }

    /// Hands over what came.
    fn deliver(&mut self) {
        while let Some(message) = self.inbox.next() {
            self.keep();
            let words: String = message.words().take(1).collect();
            if let Some(question) = answered_question(&words)
                && let Some(place) = Place::parse(&message.identity.chat)
            {
                self.answer(&place, question, message.is_private);
            }
            self.out.push(Action::Message(message));
        }
    }

    fn keep(&mut self) {
        if core::mem::take(&mut self.is_changed) {
            self.out.push(Action::Keep(self.inbox.keep()));
        }
    }
}

impl Connector for Slack {
    fn start(&mut self, now: Now, kept: Option<&[u8]>) {
        self.give_up(NOT_NOW);
        self.out.revive();
        let read = kept.map(Inbox::read);
        if matches!(read, Some(None)) {
            self.out.push(Action::Alert(super::traffic::KEPT_UNREADABLE.to_string()));
        }
        self.inbox = read.flatten().unwrap_or_default();
        if !self.polled.is_empty() {
            self.inbox.keep_only(&self.polled);
        }
        self.inbox.fall_behind();
        self.socket.start(now);
        self.me = None;
        self.asks_from = now.instant;
        self.is_changed = false;
        self.questions.clear();
        self.alerted.clear();
    }

    fn post(&mut self, _: Now, to: ToPost) {
        let piece = match &to.post {
            Post::Send { piece, .. } | Post::Edit { piece, .. } => *piece,
            Post::Typing => return,
        };
        let job = Job::new(&to, self.socket.is_wanted()).filter(|_| !self.out.is_stopped());
        let failure = match job.map(|job| self.lanes.push(&job.lane(), job)) {
            Some(Ok(())) => return,
            Some(Err(_)) => NOT_NOW,
            None => Failure::Rejected,
        };
        let outcome = Posted::Failed(failure);
        self.out.push(Action::Posted { delivery: to.delivery, piece, outcome });
    }

    fn fetch(&mut self, _: Now, file: ToFetch) -> bool {
        let path = attachment_request(&file.attachment).filter(|_| !self.out.is_stopped());
        let fetch = file.number;
        let failure = match path {
            Some(path) => {
                let job = Job::Locate { path, file };
                match self.lanes.push(&job.lane(), job) {
                    Ok(()) => return true,
                    Err(_) => LATER,
                }
            }
            None => FetchFailure::Gone,
        };
        self.out.push(Action::File { fetch, outcome: Err(failure) });
        true
    }

    fn acknowledge(&mut self, _: Now, message: &str) {
        let Some(envelopes) = self.inbox.acknowledge(message) else { return };
        self.is_changed = true;
        // What is kept stands before Slack forgets.
        self.keep();
        for envelope in envelopes {
            self.acknowledge_envelope(&envelope);
        }
    }

    fn answered(
        &mut self,
        now: Now,
        call: CallNumber,
        status: u16,
        headers: &Headers,
        body: &[u8],
    ) {
        let Some(purpose) = self.out.take(call) else { return };
        match purpose {
            Purpose::Who => self.who(now, status, headers, body),
            Purpose::Address => {
                let (chance, out) = (&mut self.chance, &mut self.out);
                let asked = self.socket.address(now, status, headers, body, chance, out);
                self.obey(asked);
            }
            Purpose::Say { ticket, lane } => {
                self.lanes.answered(&lane);
                let verdict = ticket.verdict(status, headers, body);
                self.said(now, ticket, &lane, verdict);
            }
            Purpose::History { lane } => {
                self.lanes.answered(&lane);
                self.page(now, status, headers, body);
            }
            Purpose::Locate { file, lane } => {
                self.lanes.answered(&lane);
                self.located(&file, status, headers, body);
            }
            Purpose::Download { fetch } => {
                self.out.push(Action::File { fetch, outcome: downloaded(status) });
            }
            Purpose::Other { lane } => {
                self.lanes.answered(&lane);
                if status == 429
                    && let Refusal::Wait(pause) = refusal(status, headers, body)
                {
                    self.lanes.close(&lane, now.instant, pause);
                }
            }
        }
    }

    fn failed(&mut self, now: Now, call: CallNumber, may_have_arrived: bool) {
        let Some(purpose) = self.out.take(call) else { return };
        match purpose {
            Purpose::Who | Purpose::Address => {
                self.socket.unanswered(now, &mut self.chance, &mut self.out);
            }
            Purpose::Say { ticket, lane } => {
                self.lanes.answered(&lane);
                let failure = if may_have_arrived { Failure::Transport } else { NOT_NOW };
                self.posted(&ticket, Posted::Failed(failure));
            }
            Purpose::History { lane } => {
                self.lanes.answered(&lane);
                self.page_lost(now);
            }
            Purpose::Other { lane } => self.lanes.answered(&lane),
            Purpose::Locate { file, lane } => {
                self.lanes.answered(&lane);
                self.out.push(Action::File { fetch: file.number, outcome: Err(LATER) });
            }
            Purpose::Download { fetch } => {
                self.out.push(Action::File { fetch, outcome: Err(LATER) });
            }
        }
    }

    fn too_large(&mut self, now: Now, call: CallNumber) {
        let Some(Purpose::History { lane }) = self.out.purpose(call) else {
            return self.failed(now, call, true);
        };
        self.lanes.answered(lane);
        self.out.take(call);
        self.page_too_large(now);
    }

    fn opened(&mut self, now: Now) {
        self.socket.opened(now);
    }

    fn received(&mut self, now: Now, words: &str) {
        let Ok(document) = json::parse(words.as_bytes()) else { return self.unreadable(words) };
        let root = document.root();
        match text(root, "type") {
            Some("hello") if self.socket.greeted() => {
                self.ready();
                // What was under way over the connection before is told a few times more; a later
                // message must not hide it if nothing runs then.
                self.inbox.fall_behind();
            }
            Some("disconnect") if text(root, "reason") == Some("link_disabled") => {
                self.stop(LINK_DISABLED);
            }
            Some("disconnect") => self.socket.renew(&mut self.out),
            Some(kind @ ("events_api" | "interactive" | "slash_commands")) => {
                if let Some(socket) = self.socket.number() {
                    self.envelope(now, kind, root, socket);
                }
            }
            _ => {}
        }
    }

    fn closed(&mut self, now: Now, _: Option<u16>) {
        self.socket.closed(now, &mut self.chance, &mut self.out);
    }

    fn poll(&mut self, now: Now) -> Option<Action> {
        if !self.out.is_stopped() {
            self.socket.tick(now, &mut self.chance, &mut self.out);
            self.send(now);
            self.deliver();
            self.keep();
        }
        self.out.pop()
    }

    fn deadline(&self) -> Option<Instant> {
        if self.out.is_stopped() {
            return None;
        }
        let is_running = self.socket.is_running();
        let asks = self.asks().filter(|_| is_running);
        let round = (is_running && !self.polled.is_empty()).then_some(self.next_round);
        [self.socket.deadline(), self.lanes.deadline(), asks, round].into_iter().flatten().min()
    }
}

const BAD_TOKEN: &str = "Slack refused the bot's token. In the app's settings, under OAuth & \
                         Permissions, install the app again and give its Bot User OAuth Token \
                         (it begins with xoxb-) to Sentinel";

const LINK_DISABLED: &str = "Socket Mode was switched off. In the app's settings, under Socket \
                             Mode, switch it on and start again";

/// It did not happen, and may be tried again soon.
const NOT_NOW: Failure = Failure::RateLimited { retry_after_ms: 1000 };

/// Slack counts by method and by minute; this is for all of them together.
const REQUESTS_PER_SECOND: u32 = 20;

/// One message a second is what a channel takes.
const CHANNEL_PAUSE: Duration = Duration::from_secs(1);

/// Fifty histories a minute may be asked for.
const REQUEST_PAUSE: Duration = Duration::from_millis(1500);

/// How often channels are asked where there are few.
const ROUND_LEAST: Duration = Duration::from_secs(5);

const ENVELOPE_ID_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests;
