//! Discord: its Gateway and its REST API, both of version 10, as one machine.
//!
//! The Gateway tells what happens, REST does what is to be done; and where the Gateway lost
//! something for good, REST is asked for it. So a message that came while nothing ran is answered
//! late, and not never.
//!
//! # Invariants
//! - Those of [`Connector`].
//! - A message is handed over once between two starts; after a start, again if it was not
//!   acknowledged.
//! - A thread is a part of its room, so that the rule for the room holds there.
//! - The bot's own messages, changes of messages and what is said in a room to others never reach
//!   the agent.
//!
//! # Not here
//! Voice, slash commands, more than one shard. WebSocket frames and TLS: the shell.

mod attachment;
mod gateway;
mod history;
mod inbox;
mod message;
mod places;
mod posting;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

pub use self::attachment::{attachment_request, attachment_url};
use self::gateway::{Gateway, Heard};
use self::inbox::{Arrival, Inbox, Kept, Missed};
use self::message::{Me, Press, number, press, told};
use self::places::{Place, Places};
use self::posting::{Job, Ticket, Verdict, wait};
use super::connector::{
    Action, CallNumber, Connector, FetchFailure, Posted, ToFetch, ToPost, Token,
};
use super::delivery::{Failure, Post};
use super::incoming::Incoming;
use super::traffic::{
    Backoff, Chance, FILE_LATER as LATER, Lanes, Outbox, Request, answered_question, downloaded,
    seconds,
};
use crate::limits::{CHANNEL_CHATS_KEPT, CHANNEL_QUESTIONS_MAX};
use crate::order::{Map, Set};
use crate::text::json::{self, Value};
use crate::time::{Instant, Now};
use crate::wire::http::{Headers, Method};

/// The connector of Discord.
///
/// ```
/// use sentinel_core::channel::connector::{Action, Connector};
/// use sentinel_core::channel::discord::Discord;
/// use sentinel_core::time::{Instant, Now, Timestamp};
///
/// let now = Now { instant: Instant(0), wall: Timestamp(0) };
/// let mut discord = Discord::new(7);
/// discord.start(now, None);
/// let Some(Action::Call(call)) = discord.poll(now) else { panic!() };
/// assert_eq!(call.path, "/gateway/bot");
/// ```
#[derive(Clone, Debug)]
pub struct Discord {
    gateway: Gateway,
    inbox: Inbox,
    places: Places,
    lanes: Lanes<Job>,
    out: Outbox<Purpose>,
    chance: Chance,
    me: Option<Me>,
    /// Whether what is to be kept differs from what was kept last.
    is_changed: bool,
    /// Whether a channel is being asked for what was missed, and when the next one may be.
    is_asking: bool,
    asks_from: Instant,
    asking: Backoff,
    questions: Map<(u64, u32), Asked>,
    /// The one message of a room that nothing was said after; `None` where there are several.
    unanswered: Map<u64, Option<u64>>,
    alerted: Set<(u64, u64)>,
}

/// What a request is for.
#[derive(Clone, Debug)]
enum Purpose {
    Gateway,
    Say { ticket: Ticket, lane: String },
    Missed { of: Missed, lane: String },
    Place { channel: u64, lane: String },
    Other { lane: String },
    Respond,
    Locate { file: ToFetch, lane: String },
    Download { fetch: u64 },
}

/// A question with buttons.
#[derive(Clone, Copy, Debug)]
struct Asked {
    message: u64,
    /// Somebody said an answer. Whether it counts the agent knows.
    is_answered: bool,
}

impl Discord {
    /// A connector that has not started. The seed spreads its pauses, so that not all that lost
    /// Discord at one moment come back at one moment.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            gateway: Gateway::new(),
            inbox: Inbox::default(),
            places: Places::default(),
            lanes: Lanes::new(REQUESTS_PER_SECOND),
            out: Outbox::new(),
            chance: Chance::new(seed),
            me: None,
            is_changed: false,
            is_asking: false,
            asks_from: Instant(0),
            asking: Backoff::default(),
            questions: Map::new(),
            unanswered: Map::new(),
            alerted: Set::new(),
        }
    }

    fn event(&mut self, name: &str, data: Value<'_>, seq: u64) {
        let Some(me) = &self.me else { return };
        match name {
            "MESSAGE_CREATE" => {
                let is_private = data.find("guild_id").is_none();
                let Some(told) = told(data, me, is_private) else { return };
                let (id, channel) = (told.id, told.channel);
                let Some(message) = told.message else { return self.inbox.passed(channel, id) };
                let is_new_channel = self.inbox.is_private(channel).is_none();
                let channel = Some(channel);
                self.inbox.arrived(Arrival { id, channel, is_private, seq, message });
                self.is_changed |= is_new_channel;
            }
            "INTERACTION_CREATE" => {
                if let Some(press) = press(data) {
                    self.pressed(press, seq);
                }
            }
            _ => {}
        }
    }

    /// What came over the Gateway cannot be read, and the next event's number passes it. If it was
    /// a message, its channel's history tells it.
    fn unreadable(&mut self, text: &str) {
        let is_ours = ["\"MESSAGE_CREATE\"", "\"INTERACTION_CREATE\""];
        if self.gateway.is_told() && is_ours.into_iter().any(|name| text.contains(name)) {
            self.inbox.fall_behind();
            self.is_changed = true;
            let what = "Discord told something that cannot be read. The channels that are known \
                        are asked what was said there";
            self.alert_once(0, UNREADABLE, what.to_string());
        }
    }

    fn pressed(&mut self, press: Press, seq: u64) {
        let Press { id, token, channel, place, on, question, message } = press;
        if let Some(place) = place.filter(|_| self.places.find(channel).is_none()) {
            self.places.remember(channel, place);
        }
        let is_private = message.is_private;
        if !self.inbox.arrived(Arrival { id, channel: None, is_private, seq, message }) {
            return;
        }
        let body = json::object(|out| {
            out.field("type", DEFERRED_UPDATE);
        });
        let path = format!("/interactions/{id}/{token}/callback");
        // Its token is its own, and there are three seconds: it waits for no lane.
        let request = Request::json(Method::POST, path, Token::None, body);
        self.out.call(Purpose::Respond, request);
        if let Some(on) = on {
            self.remember_question(channel, question, on);
        }
        self.answer(channel, question, is_private);
    }

    fn remember_question(&mut self, channel: u64, question: u32, message: u64) {
        if self.questions.len() >= CHANNEL_QUESTIONS_MAX {
            self.questions.pop_first();
        }
        self.questions.entry((channel, question)).or_insert(Asked { message, is_answered: false });
    }

    /// Somebody answered a question. In a private chat that can only have been the one who was
    /// asked; in a room it may have been anybody, so the buttons stay until the agent says
    /// something there.
    fn answer(&mut self, channel: u64, question: u32, is_private: bool) {
        if let Some(asked) = self.questions.get_mut(&(channel, question)) {
            asked.is_answered = true;
            if is_private {
                self.tidy(channel);
            }
        }
    }

    /// Takes away the buttons of questions that were answered.
    fn tidy(&mut self, channel: u64) {
        let all = (channel, 0)..=(channel, u32::MAX);
        let answered = self.questions.range(all).filter(|(_, asked)| asked.is_answered);
        let answered: Vec<_> =
            answered.map(|((_, question), asked)| (*question, asked.message)).collect();
        for (question, message) in answered {
            self.questions.remove(&(channel, question));
            let job = Job::Tidy { channel, message };
            // If too much waits, the buttons stay; they do nothing any more.
            let _ = self.lanes.push(&job.lane(), job);
        }
    }

    fn posted(&mut self, ticket: &Ticket, outcome: Posted) {
        let Ticket { delivery, piece, .. } = *ticket;
        self.out.push(Action::Posted { delivery, piece, outcome });
    }

    fn said(&mut self, now: Now, ticket: Ticket, lane: &str, verdict: Verdict) {
        match verdict {
            Verdict::Posted(outcome) => {
                if let Posted::Sent(message) = &outcome
                    && let (Some(question), Some(message)) = (ticket.buttons, number(message))
                {
                    self.remember_question(ticket.channel, question, message);
                } else if ticket.is_send && !ticket.is_question {
                    self.tidy(ticket.channel);
                }
                self.posted(&ticket, outcome);
            }
            Verdict::Complain { code, what } => {
                self.alert_once(ticket.channel, code, what);
                self.posted(&ticket, Posted::Failed(Failure::Rejected));
            }
            Verdict::Wait { pause, is_global } => {
                if is_global {
                    self.lanes.close_all(now.instant, pause);
                } else {
                    self.lanes.close(lane, now.instant, pause);
                }
                let retry_after_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                self.posted(&ticket, Posted::Failed(Failure::RateLimited { retry_after_ms }));
            }
            Verdict::BadToken => {
                self.posted(&ticket, Posted::Failed(Failure::Rejected));
                self.stop(BAD_TOKEN);
            }
        }
    }

    fn alert_once(&mut self, channel: u64, code: u64, what: String) {
        if self.alerted.len() >= CHANNEL_CHATS_KEPT {
            self.alerted.clear();
        }
        if self.alerted.insert((channel, code)) {
            self.out.push(Action::Alert(what));
        }
    }

    /// What Discord says of the lane of a request.
    fn observe(&mut self, now: Now, lane: &str, headers: &Headers) {
        self.lanes.answered(lane);
        let room =
            headers.get("x-ratelimit-remaining").and_then(|room| room.as_str()?.parse().ok());
        if let (Some(room), Some(pause)) = (room, seconds(headers, "x-ratelimit-reset-after")) {
            self.lanes.observe(lane, now.instant, room, pause);
        }
    }

    /// Discord said where a file is, or refused.
    fn located(&mut self, file: &ToFetch, status: u16, headers: &Headers, body: &[u8]) {
        let fetch = file.number;
        let outcome = match status {
            200 => match attachment_url(&file.attachment, body) {
                Some(url) => {
                    let purpose = Purpose::Download { fetch };
                    let bounds = (fetch, file.bytes_max);
                    return self.out.download(purpose, url, Token::None, bounds);
                }
                None => FetchFailure::Gone,
            },
            429 => {
                let pause = wait(headers, body).0;
                let retry_after_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                FetchFailure::Later { retry_after_ms }
            }
            500.. => LATER,
            _ => FetchFailure::Gone,
        };
        self.out.push(Action::File { fetch, outcome: Err(outcome) });
    }

    fn stop(&mut self, why: &str) {
        self.gateway.stop(&mut self.out);
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
        self.is_asking = false;
    }

    /// Whom a new message in a room answers, if that is clear.
    fn reply_to(&mut self, ticket: &Ticket) -> Option<u64> {
        if !ticket.is_send || ticket.piece > 0 || ticket.is_question {
            return None;
        }
        self.unanswered.remove(&ticket.channel).flatten()
    }

    /// Sends what may leave.
    fn send(&mut self, now: Now) {
        if self.gateway.is_running()
            && !self.is_asking
            && now.instant >= self.asks_from
            && let Some((of, _)) = self.inbox.missed().filter(|(_, from)| now.instant >= *from)
        {
            let job = Job::Missed(of);
            self.is_asking = self.lanes.push(&job.lane(), job).is_ok();
            if !self.is_asking {
                self.ask_later(now, of.channel);
            }
        }
        if self.gateway.is_running()
            && let Some(channel) = self.places.unknown(now.instant)
        {
            let job = Job::Place { channel };
            match self.lanes.push(&job.lane(), job) {
                Ok(()) => self.places.ask(),
                Err(_) => self.place_later(now, channel, Duration::ZERO),
            }
        }
        while let Some((lane, mut job)) = self.lanes.next(now.instant) {
            if let Job::Say(say) = &mut job {
                say.reply_to = self.reply_to(&say.ticket);
            }
            let request = job.request();
            let purpose = match job {
                Job::Say(say) => Purpose::Say { ticket: say.ticket, lane },
                Job::Missed(of) => Purpose::Missed { of, lane },
                Job::Place { channel } => Purpose::Place { channel, lane },
                Job::Locate { file, .. } => Purpose::Locate { file, lane },
                Job::Type { .. } | Job::Tidy { .. } => Purpose::Other { lane },
            };
            self.out.call(purpose, request);
        }
    }

    /// Hands over what came, or lets it wait until it is known where it was said.
    fn deliver(&mut self) {
        while let Some(message) = self.inbox.next() {
            self.keep();
            let Some(channel) = number(&message.identity.chat) else { continue };
            match self.places.find(channel) {
                _ if message.is_private => self.hand_over(channel, message),
                Some(place) => self.hand_over_in(place, channel, message),
                None => self.places.wait(channel, message),
            }
        }
    }

    fn hand_over_in(&mut self, place: Place, channel: u64, mut message: Incoming) {
        message.identity.chat = place.chat(channel);
        self.hand_over(channel, message);
    }

    fn hand_over(&mut self, channel: u64, message: Incoming) {
        let Some(id) = number(&message.id) else { return };
        let words: String = message.words().take(1).collect();
        let is_answer = answered_question(&words);
        if let Some(question) = is_answer {
            self.answer(channel, question, message.is_private);
        } else if !message.is_private {
            if self.unanswered.len() >= CHANNEL_CHATS_KEPT {
                self.unanswered.clear();
            }
            let one = self.unanswered.get(&channel).map_or(Some(id), |_| None);
            self.unanswered.insert(channel, one);
        }
        self.out.push(Action::Message(message));
    }

    /// Discord said what a channel is, or did not.
    fn placed(&mut self, now: Now, channel: u64, status: u16, headers: &Headers, body: &[u8]) {
        let document = json::parse(body).ok().filter(|_| status == 200);
        let place = match status {
            401 => return self.stop(BAD_TOKEN),
            400 | 403 | 404 => Some(Place::Unknown),
            429 => return self.place_later(now, channel, wait(headers, body).0),
            _ => document.and_then(|document| Place::read(document.root())),
        };
        let (place, messages) = match place {
            Some(place) => (place, self.places.learn(now.instant, channel, place)),
            // Who speaks there waited long enough. The next one has it asked again.
            None if self.places.is_in_vain(channel) => {
                (Place::Unknown, self.places.let_go(channel))
            }
            None => return self.place_later(now, channel, Duration::ZERO),
        };
        self.is_changed = true;
        for message in messages {
            self.hand_over_in(place, channel, message);
        }
    }

    fn place_later(&mut self, now: Now, channel: u64, pause: Duration) {
        self.places.ask_later(now.instant, channel, pause, &mut self.chance);
    }

    fn keep(&mut self) {
        if !core::mem::take(&mut self.is_changed) {
            return;
        }
        if let Some(me) = &self.me {
            let session = self.gateway.session().map(|session| (session, self.gateway.seq()));
            self.out.push(Action::Keep(self.inbox.keep(session, me, &self.places)));
        }
    }
}

impl Connector for Discord {
    fn start(&mut self, now: Now, kept: Option<&[u8]>) {
        self.give_up(NOT_NOW);
        self.out.revive();
        let read = kept.map(Kept::read);
        if matches!(read, Some(None)) {
            self.out.push(Action::Alert(super::traffic::KEPT_UNREADABLE.to_string()));
        }
        let Kept { inbox, places, session, me } = read.flatten().unwrap_or_default();
        (self.inbox, self.places, self.me) = (inbox, places, me);
        self.gateway.start(now, session);
        self.asks_from = now.instant;
        self.is_changed = false;
        self.questions.clear();
        self.unanswered.clear();
        self.alerted.clear();
    }

    fn post(&mut self, _: Now, to: ToPost) {
        let is_stopped = self.out.is_stopped();
        let piece = match &to.post {
            Post::Send { piece, .. } | Post::Edit { piece, .. } => *piece,
            Post::Typing if is_stopped => return,
            Post::Typing => {
                if let Some(job) = Job::new(&to)
                    && !self.lanes.any(&job.lane(), |_| true)
                {
                    // A sign of typing that finds no place is not missed.
                    let _ = self.lanes.push(&job.lane(), job);
                }
                return;
            }
        };
        let job = Job::new(&to).filter(|_| !is_stopped);
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
            // A sticker has no file of its own.
            None => FetchFailure::Gone,
        };
        self.out.push(Action::File { fetch, outcome: Err(failure) });
        true
    }

    fn acknowledge(&mut self, _: Now, message: &str) {
        if let Some(id) = number(message) {
            self.is_changed |= self.inbox.acknowledge(id);
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
            Purpose::Gateway if status == 401 => self.stop(BAD_TOKEN),
            Purpose::Gateway => {
                let answer = Some((status, headers, body));
                self.gateway.asked(now, answer, &mut self.chance, &mut self.out);
            }
            Purpose::Say { ticket, lane } => {
                self.observe(now, &lane, headers);
                let verdict = ticket.verdict(status, headers, body);
                self.said(now, ticket, &lane, verdict);
            }
            Purpose::Missed { of, lane } => {
                self.observe(now, &lane, headers);
                self.is_asking = false;
                self.missed(now, of, status, headers, body);
            }
            Purpose::Place { channel, lane } => {
                self.observe(now, &lane, headers);
                self.placed(now, channel, status, headers, body);
            }
            Purpose::Other { lane } => {
                self.observe(now, &lane, headers);
                match status {
                    401 => self.stop(BAD_TOKEN),
                    429 => {
                        let (pause, is_global) = wait(headers, body);
                        self.lanes.close(&lane, now.instant, pause);
                        if is_global {
                            self.lanes.close_all(now.instant, pause);
                        }
                    }
                    _ => {}
                }
            }
            Purpose::Locate { file, lane } => {
                self.observe(now, &lane, headers);
                self.located(&file, status, headers, body);
            }
            Purpose::Download { fetch } => {
                self.out.push(Action::File { fetch, outcome: downloaded(status) });
            }
            Purpose::Respond => {}
        }
    }

    fn failed(&mut self, now: Now, call: CallNumber, may_have_arrived: bool) {
        let Some(purpose) = self.out.take(call) else { return };
        match purpose {
            Purpose::Gateway => {
                self.gateway.asked(now, None, &mut self.chance, &mut self.out);
            }
            Purpose::Say { ticket, lane } => {
                self.lanes.answered(&lane);
                let failure = if may_have_arrived { Failure::Transport } else { NOT_NOW };
                self.posted(&ticket, Posted::Failed(failure));
            }
            Purpose::Missed { of: Missed { channel, .. }, lane } => {
                self.lanes.answered(&lane);
                self.is_asking = false;
                self.inbox.lost(channel);
                self.ask_later(now, channel);
            }
            Purpose::Place { channel, lane } => {
                self.lanes.answered(&lane);
                self.place_later(now, channel, Duration::ZERO);
            }
            Purpose::Other { lane } => self.lanes.answered(&lane),
            Purpose::Locate { file, lane } => {
                self.lanes.answered(&lane);
                self.out.push(Action::File { fetch: file.number, outcome: Err(LATER) });
            }
            Purpose::Download { fetch } => {
                self.out.push(Action::File { fetch, outcome: Err(LATER) });
            }
            Purpose::Respond => {}
        }
    }

    fn too_large(&mut self, now: Now, call: CallNumber) {
        if let Some(Purpose::Missed { of: Missed { channel, .. }, .. }) = self.out.purpose(call) {
            let channel = *channel;
            self.page_too_large(channel);
        }
        self.failed(now, call, true);
    }

    fn opened(&mut self, now: Now) {
        self.gateway.opened(now);
    }

    fn received(&mut self, now: Now, text: &str) {
        let Ok(document) = json::parse(text.as_bytes()) else { return self.unreadable(text) };
        let root = document.root();
        match self.gateway.received(now, root, &mut self.chance, &mut self.out) {
            Heard::Nothing => {}
            Heard::Began(data) => {
                let user = data.find("user");
                let id = user.and_then(|user| message::snowflake(user, "id"));
                let Some((user, id)) = user.zip(id) else {
                    return self.gateway.refuse(now, &mut self.chance, &mut self.out);
                };
                let name = user.find("username").and_then(|name| name.as_str().ok());
                let name = super::traffic::name(name.unwrap_or_default());
                if self.me.as_ref().is_some_and(|me| me.id != id) {
                    // Another bot: what was kept is not about this one.
                    self.inbox = Inbox::default();
                    self.places = Places::default();
                }
                self.inbox.session_began();
                self.me = Some(Me { id, name: name.clone() });
                self.is_changed = true;
                self.out.push(Action::Ready { name });
            }
            Heard::Resumed => {
                let name = self.me.as_ref().map(|me| me.name.clone()).unwrap_or_default();
                self.out.push(Action::Ready { name });
            }
            Heard::Event { name, data, seq } => self.event(name, data, seq),
        }
    }

    fn closed(&mut self, now: Now, code: Option<u16>) {
        if let Some(why) = self.gateway.closed(now, code, &mut self.chance, &mut self.out) {
            self.stop(&why);
        }
    }

    fn poll(&mut self, now: Now) -> Option<Action> {
        if !self.out.is_stopped() {
            self.gateway.tick(now, &mut self.chance, &mut self.out);
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
        let may_ask = self.gateway.is_running() && !self.is_asking;
        let missed = self.inbox.missed().filter(|_| may_ask);
        let asks = missed.map(|(_, from)| from.max(self.asks_from));
        let place = self.places.deadline().filter(|_| self.gateway.is_running());
        [self.gateway.deadline(), self.lanes.deadline(), asks, place].into_iter().flatten().min()
    }
}

const BAD_TOKEN: &str = "Discord refused the bot's token. In the Developer Portal, open the \
                         application, then Bot, reset the token, and give the new one to Sentinel";

/// It did not happen, and may be tried again soon.
const NOT_NOW: Failure = Failure::RateLimited { retry_after_ms: 1000 };

/// Discord takes 50 requests a second of one bot.
const REQUESTS_PER_SECOND: u32 = 45;

/// No code of Discord's own: what it told cannot be read.
const UNREADABLE: u64 = u64::MAX;

/// The response to a press that says nothing yet.
const DEFERRED_UPDATE: u64 = 6;

#[cfg(test)]
mod tests;
