//! Posts: what the agent says, as requests, and what their answers mean.
//!
//! # Invariants
//! - Nobody is called by what the agent writes, and no link in it is fetched for a preview: a
//!   mention or an image in an answer must not reach anybody but who reads it.
//! - Ids go into a path only if they are numbers.
//!
//! # Not here
//! When a request may leave: [`Lanes`](crate::channel::traffic::Lanes).

use alloc::format;
use alloc::string::{String, ToString};

use super::inbox::Missed;
use super::message::{number, snowflake};
use super::places::Places;
use crate::channel::UNFINISHED;
use crate::channel::connector::{Posted, ToFetch, ToPost, Token};
use crate::channel::delivery::{Failure, Post};
use crate::channel::traffic::{Request, cut, duration, name, seconds};
use crate::text::json::{self, ObjectWriter};
use crate::wire::http::{Headers, Method};

/// Something to ask of Discord, once its lane is open.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// A message of the agent's: a new one, or another text for one.
    Say(Say),
    /// The sign of typing.
    Type { channel: u64 },
    /// Take the buttons of a question away.
    Tidy { channel: u64, message: u64 },
    /// What was missed in a channel.
    Missed(Missed),
    /// What a channel is.
    Place { channel: u64 },
    /// Where a file is.
    Locate { path: String, file: ToFetch },
}

/// A message of the agent's.
#[derive(Clone, Debug)]
pub(super) struct Say {
    pub(super) ticket: Ticket,
    /// What is said.
    text: String,
    /// The key of a new message, or the message to change.
    target: Target,
    /// The message that it answers, if that is known.
    pub(super) reply_to: Option<u64>,
}

/// Whom to tell what became of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) delivery: u64,
    pub(super) piece: usize,
    pub(super) channel: u64,
    pub(super) is_send: bool,
    /// The question that it carries buttons for.
    pub(super) buttons: Option<u32>,
    /// Whether it says more than that there is a question.
    pub(super) is_question: bool,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    New { key: u64 },
    Message(u64),
}

/// What became of a message, and what else there is to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Posted(Posted),
    /// It failed for a reason that the operator can do something about.
    Complain {
        code: u64,
        what: String,
    },
    /// It was refused for now: by this lane, or by all.
    Wait {
        pause: core::time::Duration,
        is_global: bool,
    },
    /// The token is refused.
    BadToken,
}

impl Job {
    /// What the agent wants done; `None` if the chat or the message cannot be any of Discord's.
    pub(super) fn new(to: &ToPost) -> Option<Self> {
        let channel = Places::channel(&to.chat)?;
        let (piece, text, target) = match &to.post {
            Post::Typing => return Some(Self::Type { channel }),
            Post::Send { piece, text, key } => (*piece, text, Target::New { key: *key }),
            Post::Edit { piece, message, text } => {
                (*piece, text, Target::Message(number(message)?))
            }
        };
        // The end of a question has to be read before it is answered.
        let buttons = to.question.filter(|_| !text.ends_with(UNFINISHED));
        let ticket = Ticket {
            delivery: to.delivery,
            piece,
            channel,
            is_send: matches!(target, Target::New { .. }),
            buttons,
            is_question: to.question.is_some(),
        };
        Some(Self::Say(Say { ticket, text: text.clone(), target, reply_to: None }))
    }

    /// Discord's bounds are for each kind of request to each channel.
    pub(super) fn lane(&self) -> String {
        match self {
            Self::Say(Say { ticket: Ticket { channel, is_send: true, .. }, .. }) => {
                format!("post {channel}")
            }
            Self::Say(Say { ticket: Ticket { channel, .. }, .. }) | Self::Tidy { channel, .. } => {
                format!("edit {channel}")
            }
            Self::Type { channel } => format!("type {channel}"),
            Self::Missed(Missed { channel, .. }) => format!("read {channel}"),
            Self::Place { .. } => "place".to_string(),
            Self::Locate { .. } => "locate".to_string(),
        }
    }

    pub(super) fn request(&self) -> Request {
        let token = Token::BotHeader;
        match self {
            Self::Say(say) => say.request(),
            Self::Type { channel } => Request {
                method: Method::POST,
                path: format!("/channels/{channel}/typing"),
                body: None,
                token,
            },
            Self::Tidy { channel, message } => {
                let path = format!("/channels/{channel}/messages/{message}");
                let body = json::object(|out| {
                    out.array("components", |_| {});
                });
                Request::json(Method::PATCH, path, token, body)
            }
            Self::Missed(Missed { channel, after, count }) => {
                let path = format!("/channels/{channel}/messages?after={after}&limit={count}");
                Request::get(path, token)
            }
            Self::Place { channel } => Request::get(format!("/channels/{channel}"), token),
            Self::Locate { path, .. } => Request::get(path.clone(), token),
        }
    }
}

impl Say {
    fn request(&self) -> Request {
        let channel = self.ticket.channel;
        let body = json::object(|out| {
            out.field("content", &self.text);
            out.object("allowed_mentions", |out| {
                out.array("parse", |_| {});
            });
            out.field("flags", SUPPRESS_EMBEDS);
            if let Target::New { key } = self.target {
                out.field("nonce", &key.to_string()).field("enforce_nonce", true);
            }
            if let Some(message) = self.reply_to {
                out.object("message_reference", |out| {
                    out.field("message_id", &message.to_string());
                    out.field("fail_if_not_exists", false);
                });
            }
            if let Some(question) = self.ticket.buttons {
                write_buttons(out, question);
            }
        });
        let (method, path) = match self.target {
            Target::New { .. } => (Method::POST, format!("/channels/{channel}/messages")),
            Target::Message(message) => {
                (Method::PATCH, format!("/channels/{channel}/messages/{message}"))
            }
        };
        Request::json(method, path, Token::BotHeader, body)
    }
}

impl Ticket {
    /// What an answer means.
    pub(super) fn verdict(&self, status: u16, headers: &Headers, body: &[u8]) -> Verdict {
        let document = json::parse(body).ok();
        let root = document.as_ref().map(json::Document::root);
        let failed = |failure| Verdict::Posted(Posted::Failed(failure));
        match status {
            200..=299 if !self.is_send => Verdict::Posted(Posted::Edited),
            200..=299 => match root.and_then(|root| snowflake(root, "id")) {
                Some(id) => Verdict::Posted(Posted::Sent(id.to_string())),
                None => failed(Failure::Transport),
            },
            401 => Verdict::BadToken,
            429 => {
                let (pause, is_global) = wait(headers, body);
                Verdict::Wait { pause, is_global }
            }
            400..=499 => {
                let code = root.and_then(|root| root.find("code")?.as_u64().ok()).unwrap_or(0);
                if code == UNKNOWN_MESSAGE && !self.is_send {
                    return failed(Failure::Gone);
                }
                let said = root.and_then(|root| root.find("message")?.as_str().ok());
                let said = name(cut(said.unwrap_or("no reason"), SAID_BYTES_MAX));
                let channel = self.channel;
                let hint = hint(code);
                let what = format!(
                    "Discord refused a message to channel {channel}: {said} ({status}, code \
                     {code}){hint}"
                );
                Verdict::Complain { code, what }
            }
            _ => failed(Failure::Transport),
        }
    }
}

/// How long a refusal asks to wait, and whether for every lane.
pub(super) fn wait(headers: &Headers, body: &[u8]) -> (core::time::Duration, bool) {
    let document = json::parse(body).ok();
    let root = document.as_ref().map(json::Document::root);
    let said = root.and_then(|root| root.find("retry_after")?.as_f64().ok()).and_then(duration);
    // Without a body it is not the API that refuses but what stands before it, and for everything.
    let is_global = match root.and_then(|root| root.find("global")) {
        Some(global) => global.as_bool() == Ok(true),
        None => said.is_none(),
    };
    let pause = said.or_else(|| seconds(headers, "retry-after")).unwrap_or(WAIT_UNSAID);
    (pause, is_global)
}

fn write_buttons(out: &mut ObjectWriter<'_, String>, question: u32) {
    out.array("components", |rows| {
        rows.object(|row| {
            row.field("type", ACTION_ROW).array("components", |buttons| {
                for (command, label, style) in [("approve", "Allow", GREEN), ("deny", "Deny", RED)]
                {
                    buttons.object(|button| {
                        button.field("type", BUTTON).field("style", style).field("label", label);
                        button.field("custom_id", &format!("{command}:{question}"));
                    });
                }
            });
        });
    });
}

/// What the operator can do about a refusal.
fn hint(code: u64) -> &'static str {
    match code {
        50001 => ". Give the bot View Channel there",
        50013 => {
            ". Give the bot Send Messages there, and Send Messages in Threads and Read Message \
             History"
        }
        50007 => ". The person takes no messages from members of the server, or blocked the bot",
        10003 => ". The channel was deleted",
        _ => "",
    }
}

/// So that links have no previews.
const SUPPRESS_EMBEDS: u64 = 1 << 2;

const ACTION_ROW: u64 = 1;
const BUTTON: u64 = 2;
const GREEN: u64 = 3;
const RED: u64 = 4;

const UNKNOWN_MESSAGE: u64 = 10008;

/// How much of Discord's own words is repeated.
pub(super) const SAID_BYTES_MAX: usize = 200;

/// How long to wait where Discord does not say.
const WAIT_UNSAID: core::time::Duration = core::time::Duration::from_secs(5);
