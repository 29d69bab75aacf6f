//! Telegram: the Bot API as a machine without a socket.
//!
//! Messages come by long polls, answers go out as requests, and a question has buttons. The machine
//! says which requests to make ([`Connector::poll`]), is told what came of them, and knows neither
//! the address nor the token.
//!
//! ```
//! use sentinel_core::channel::connector::{Action, Connector};
//! use sentinel_core::channel::telegram::Telegram;
//! use sentinel_core::time::{Instant, Now, Timestamp};
//! use sentinel_core::wire::http::Headers;
//!
//! let now = Now { instant: Instant(0), wall: Timestamp(0) };
//! let mut telegram = Telegram::new(7);
//! telegram.start(now, None);
//! let Some(Action::Call(call)) = telegram.poll(now) else { panic!() };
//! assert_eq!(call.path, "/getMe");
//! let own = br#"{"ok":true,"result":{"id":9,"is_bot":true,"username":"sentinel_bot"}}"#;
//! telegram.answered(now, call.number, 200, &Headers::new(), own);
//! assert_eq!(telegram.poll(now), Some(Action::Ready { name: "sentinel_bot".into() }));
//! ```
//!
//! # Invariants
//! - Every post is answered once, also after the token was refused.
//! - While nothing happens there is one poll and no timer.
//! - Whatever is answered, polling goes on, unless Telegram does not know the token.
//!
//! # Not here
//! Webhooks: they need a port that strangers reach. A webhook that somebody set is never removed
//! silently; the operator is told. Changes of messages, channels, reactions, inline mode.

mod buttons;
mod desk;
mod files;
mod formatted;
mod inline;
mod message;
mod parts;
mod pause;
mod polling;
mod posts;
mod reply;
mod update;
mod words;

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use self::desk::{Desk, Errand};
use self::files::Files;
use self::message::{Heard, Own};
use self::polling::Polling;
use self::posts::{Posts, posted};
use self::reply::Refusal;
use self::update::{Press, Update};
use super::connector::{Action, CallNumber, Connector, FetchFailure, Posted, ToFetch, ToPost};
use super::delivery::Post;
use super::incoming::Incoming;
use super::traffic::answered_question;
use crate::limits::{
    TELEGRAM_CALL_TIME_MAX, TELEGRAM_FAILURES_TOLD, TELEGRAM_POLL_BYTES_MAX, TELEGRAM_POLL_TIME,
};
use crate::text::json::{self, Value};
use crate::time::{Instant, Now};
use crate::wire::http::Headers;

/// The machine.
#[derive(Debug)]
pub struct Telegram {
    stage: Stage,
    own: Option<Own>,
    desk: Desk,
    polling: Polling,
    posts: Posts,
    files: Files,
    trouble: Option<Trouble>,
    /// Polls that went well since then.
    calm_count: u32,
    garbage_count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    /// It has to learn its own name.
    Introducing,
    /// It was asked for.
    Introduced,
    Working,
    Stopped,
}

/// What the operator was told that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Webhook,
    OtherPoller,
    Unreachable,
}

impl Telegram {
    /// A machine that has not begun. The seed makes its pauses differ from those of others.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            stage: Stage::New,
            own: None,
            desk: Desk::new(),
            polling: Polling::new(seed),
            posts: Posts::new(),
            files: Files::new(),
            trouble: None,
            calm_count: 0,
            garbage_count: 0,
        }
    }

    /// How many updates were not as Telegram writes them, and were passed.
    #[must_use]
    pub const fn garbage_count(&self) -> u64 {
        self.garbage_count
    }

    fn introduced(&mut self, now: Now, answer: Result<Value<'_>, Refusal>) {
        let own = match answer {
            Ok(result) => Own::read(result),
            Err(refusal) if matches!(refusal.code, 401 | 404) => return self.stop(&refusal),
            Err(refusal) => return self.trouble(now, Some(&refusal)),
        };
        let Some(own) = own else { return self.trouble(now, None) };
        self.calmed();
        self.polling.pause.succeeded();
        self.stage = Stage::Working;
        self.desk.act(Action::Ready { name: own.name.clone() });
        self.own = Some(own);
        self.desk.call_aside("setMyCommands", commands());
    }

    fn polled(&mut self, now: Now, answer: Result<Value<'_>, Refusal>, body: &[u8]) {
        let updates = match answer {
            Ok(result) => result.elements().ok(),
            Err(refusal) if refusal.code == 401 => return self.stop(&refusal),
            Err(refusal) if refusal.code != 200 => return self.trouble(now, Some(&refusal)),
            Err(_) => None,
        };
        let Some(updates) = updates else {
            if let Some(number) = self.polling.unreadable(body) {
                self.garbage_count += 1;
                self.desk.act(Action::Alert(format!(
                    "Telegram's update {number} cannot be read and was passed; if it was a \
                     message, it is lost"
                )));
            }
            return self.trouble(now, None);
        };
        self.calmed();
        let since = self.polling.answered();
        let mut news_count = 0;
        for update in updates {
            match self.polling.pass(update) {
                None => self.garbage_count += 1,
                Some(false) => {}
                Some(true) => {
                    news_count += 1;
                    self.update(update);
                }
            }
        }
        self.polling.end(now.instant, since, news_count);
    }

    fn update(&mut self, update: Value<'_>) {
        let Some(own) = &self.own else { return };
        match update::read(update, own) {
            Update::Heard(Heard::Message(incoming)) => {
                self.polling.wait_for(&incoming.id);
                if let Some(message) = to_be_answered(&incoming) {
                    self.posts.heard(&incoming.identity.chat, message);
                }
                self.desk.act(Action::Message(incoming));
            }
            Update::Heard(Heard::Moved { from, to }) => {
                self.posts.move_chat(&from.to_string(), to, &mut self.desk);
            }
            Update::Heard(Heard::Nothing) => {}
            Update::Heard(Heard::Garbage) => self.garbage_count += 1,
            Update::Pressed { query, press } => {
                let body = json::object(|out| {
                    out.field("callback_query_id", &query);
                });
                self.desk.call_aside("answerCallbackQuery", body);
                if let Some(Press { incoming, message }) = press {
                    // In a group anybody can press. In private there is nobody else to.
                    if incoming.is_private {
                        let chat = &incoming.identity.chat;
                        self.posts.remove_buttons(chat, message, &mut self.desk);
                    }
                    self.polling.wait_for(&incoming.id);
                    self.desk.act(Action::Message(incoming));
                }
            }
            Update::Added { chat, by } => {
                let chat = chat.to_string();
                if self.posts.may_tell(&format!("added {chat}")) {
                    self.desk.act(Action::Alert(format!(
                        "The Telegram user {by} added the bot to the group {chat}. It answers \
                         there if a rule names that room"
                    )));
                }
            }
            Update::Removed { chat } => {
                let chat = chat.to_string();
                if self.posts.may_tell(&chat) {
                    self.desk.act(Action::Alert(format!(
                        "The bot was removed from the Telegram group {chat}"
                    )));
                }
            }
        }
    }

    /// A poll, or the question for the own name, was in vain.
    fn trouble(&mut self, now: Now, refusal: Option<&Refusal>) {
        self.calm_count = 0;
        let asked = refusal.and_then(|refusal| refusal.retry_after);
        let failures = self.polling.failed(now.instant, asked);
        if self.stage == Stage::Introduced {
            self.stage = Stage::Introducing;
        }
        let (trouble, words) = match refusal {
            Some(refusal) if refusal.code == 409 && refusal.says("webhook") => (
                Trouble::Webhook,
                "A webhook is set for this Telegram bot, so that it gets no messages here. If \
                 nothing else uses it, remove it with the method deleteWebhook of the Bot API; if \
                 something does, this agent needs a bot of its own"
                    .to_string(),
            ),
            Some(refusal) if refusal.code == 409 => (
                Trouble::OtherPoller,
                "Another program polls Telegram with the same token, and each takes the other's \
                 messages. End it, or give this agent a bot of its own"
                    .to_string(),
            ),
            _ if failures < TELEGRAM_FAILURES_TOLD => return,
            Some(refusal) => (
                Trouble::Unreachable,
                format!(
                    "Telegram has refused polls {failures} times: {} {}. It is tried again, at \
                     least every minute",
                    refusal.code, refusal.words
                ),
            ),
            None => (
                Trouble::Unreachable,
                format!(
                    "Telegram was not reached, or not understood, {failures} times in a row. It is \
                     tried again, at least every minute"
                ),
            ),
        };
        if self.trouble.replace(trouble) != Some(trouble) {
            self.desk.act(Action::Alert(words));
        }
    }

    /// A poll went well. Two programs that poll in turns end each other's polls, but not each of
    /// them: what was told holds until all is well for a while.
    fn calmed(&mut self) {
        self.calm_count = self.calm_count.saturating_add(1);
        if self.calm_count >= CALM_POLLS {
            self.trouble = None;
        }
    }

    fn stop(&mut self, refusal: &Refusal) {
        self.stage = Stage::Stopped;
        for errand in self.desk.cancel_all().into_values() {
            match errand {
                Errand::Post(out) => self.desk.act(out.given_up()),
                Errand::Locate(fetching) | Errand::Download(fetching) => {
                    self.desk.act(fetching.ended(Err(FetchFailure::Gone)));
                }
                Errand::Introduce | Errand::Poll | Errand::Type(_) | Errand::Aside => {}
            }
        }
        self.posts.stop(&mut self.desk);
        self.desk.act(Action::Stopped {
            why: format!(
                "Telegram does not know the bot's token ({} {}). Ask @BotFather for the token, \
                 put it where the configuration says, and start again",
                refusal.code, refusal.words
            ),
        });
    }

    fn poll_again(&mut self, now: Instant) {
        let body = self.polling.begin(now);
        let time_max = TELEGRAM_POLL_TIME + POLL_GRACE;
        let bounds = (time_max, TELEGRAM_POLL_BYTES_MAX);
        self.desk.call_within(Errand::Poll, "getUpdates", body, bounds);
    }
}

impl Connector for Telegram {
    fn start(&mut self, _: Now, _: Option<&[u8]>) {
        if self.stage == Stage::New {
            self.stage = Stage::Introducing;
        }
    }

    fn post(&mut self, now: Now, post: ToPost) {
        if self.stage != Stage::Stopped {
            self.posts.take(now.instant, post, &mut self.desk);
        } else if post.post != Post::Typing {
            self.desk.act(posted(&post, Posted::Failed(posts::UNTIL_TOKEN)));
        }
    }

    fn fetch(&mut self, _: Now, fetch: ToFetch) -> bool {
        match self.stage {
            Stage::Stopped => {
                let outcome = Err(FetchFailure::Gone);
                self.desk.act(Action::File { fetch: fetch.number, outcome });
            }
            _ => self.files.fetch(&fetch, &mut self.desk),
        }
        true
    }

    fn settled(&mut self, _: Now, question: u32) {
        if self.stage != Stage::Stopped {
            self.posts.settle(question, &mut self.desk);
        }
    }

    fn acknowledge(&mut self, _: Now, message: &str) {
        self.polling.acknowledge(message);
    }

    fn answered(
        &mut self,
        now: Now,
        call: CallNumber,
        status: u16,
        headers: &Headers,
        body: &[u8],
    ) {
        let Some(errand) = self.desk.take(call) else { return };
        // A file is not what Telegram says, but what somebody sent.
        if let Errand::Download(fetching) = &errand {
            return self.files.downloaded(fetching, status, &mut self.desk);
        }
        let document = json::parse(body).ok();
        let answer = reply::read(status, headers, document.as_ref());
        match errand {
            Errand::Introduce => self.introduced(now, answer),
            Errand::Poll => self.polled(now, answer, body),
            Errand::Post(out) => self.posts.answered(now.instant, out, answer, &mut self.desk),
            Errand::Locate(fetching) => self.files.located(fetching, answer, &mut self.desk),
            Errand::Type(chat) => self.posts.typed(&chat),
            Errand::Download(_) | Errand::Aside => {}
        }
    }

    fn failed(&mut self, now: Now, call: CallNumber, may_have_arrived: bool) {
        let Some(errand) = self.desk.take(call) else { return };
        match errand {
            Errand::Introduce | Errand::Poll => self.trouble(now, None),
            Errand::Post(out) => {
                self.posts.failed(now.instant, &out, may_have_arrived, &mut self.desk);
            }
            Errand::Locate(fetching) | Errand::Download(fetching) => {
                self.files.failed(&fetching, &mut self.desk);
            }
            Errand::Type(chat) => self.posts.typed(&chat),
            Errand::Aside => {}
        }
    }

    /// There is no WebSocket.
    fn opened(&mut self, _: Now) {}

    /// There is no WebSocket.
    fn received(&mut self, _: Now, _: &str) {}

    /// There is no WebSocket.
    fn closed(&mut self, _: Now, _: Option<u16>) {}

    fn poll(&mut self, now: Now) -> Option<Action> {
        match self.stage {
            Stage::Introducing if self.polling.is_due(now.instant) => {
                self.stage = Stage::Introduced;
                self.desk.call(Errand::Introduce, "getMe", "{}".to_string());
            }
            Stage::Working => {
                if self.polling.is_due(now.instant) {
                    self.poll_again(now.instant);
                }
                self.posts.go_on(now.instant, &mut self.desk);
            }
            Stage::New | Stage::Introducing | Stage::Introduced | Stage::Stopped => {}
        }
        self.desk.next()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Introducing | Stage::Working => self.polling.deadline(),
            Stage::New | Stage::Introduced | Stage::Stopped => None,
        }
    }
}

/// The commands that Telegram offers when somebody types a slash.
fn commands() -> String {
    json::object(|out| {
        out.array("commands", |out| {
            for (command, description) in COMMANDS {
                out.object(|out| {
                    out.field("command", command).field("description", description);
                });
            }
        });
    })
}

const COMMANDS: [(&str, &str); 7] = [
    ("help", "what I can do, and these commands"),
    ("status", "what I am doing, and what it has cost"),
    ("stop", "end what I am doing"),
    ("clear", "begin anew, without what was said here"),
    ("model", "use another model; alone: which there are"),
    ("approve", "allow what a question asks for: its number"),
    ("deny", "refuse what a question asks for: its number"),
];

/// The number of a message in a group that is not itself an answer to a question of the agent's.
fn to_be_answered(incoming: &Incoming) -> Option<i64> {
    let words: String = incoming.words().take(1).collect();
    let is_answer = answered_question(&words).is_some();
    let number = incoming.id.rsplit_once(':').filter(|_| !incoming.is_private && !is_answer);
    number?.1.parse().ok()
}

/// Polls that go well in a row after trouble that is over: some minutes without messages.
const CALM_POLLS: u32 = 10;

/// How much longer than Telegram holds a poll its answer may take.
const POLL_GRACE: Duration = TELEGRAM_CALL_TIME_MAX;

#[cfg(test)]
mod tests;
