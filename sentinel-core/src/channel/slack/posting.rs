//! Posts: what the agent says, as requests, and what their answers mean.
//!
//! # Invariants
//! - No link in what the agent writes is fetched for a preview, and nobody is called by it.
//! - A question shows the whole of what it asks above its buttons.
//!
//! # Not here
//! When a request may leave: [`Lanes`](crate::channel::traffic::Lanes).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::message::{Place, Stamp, text};
use super::mrkdwn;
use super::refusal::{Refusal, refusal};
use crate::channel::UNFINISHED;
use crate::channel::connector::{Posted, ToFetch, ToPost, Token};
use crate::channel::delivery::{Failure, Post};
use crate::channel::traffic::Request;
use crate::text::json::{self, ObjectWriter};
use crate::wire::http::{Headers, Method};

/// Something to ask of Slack, once its lane is open.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// A message of the agent's: a new one, or another text for one.
    Say(Say),
    /// Take the buttons of a question away, and leave its text.
    Tidy { channel: String, message: Stamp, text: String },
    /// What was said in a channel.
    History {
        channel: String,
        oldest: Stamp,
        latest: Option<Stamp>,
        cursor: Option<String>,
        count: usize,
    },
    /// Where a file is.
    Locate { path: String, file: ToFetch },
}

/// A message of the agent's.
#[derive(Clone, Debug)]
pub(super) struct Say {
    pub(super) ticket: Ticket,
    /// The message to change; otherwise it is a new one.
    target: Option<Stamp>,
}

/// Whom to tell what became of a message, and what is remembered of it.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) delivery: u64,
    pub(super) piece: usize,
    pub(super) place: Place,
    pub(super) is_send: bool,
    /// The question that it carries buttons for.
    pub(super) buttons: Option<u32>,
    pub(super) is_question: bool,
    /// What is said, in Slack's markup.
    pub(super) text: String,
}

/// What became of a message, and what else there is to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Posted(Posted),
    /// It failed for a reason that the operator can do something about.
    Complain {
        error: String,
        what: String,
    },
    Wait(core::time::Duration),
    BadToken(String),
}

impl Job {
    /// What the agent wants done; `None` if the chat or the message cannot be any of Slack's. A
    /// press is told over the connection alone: without one a question has no buttons.
    pub(super) fn new(to: &ToPost, is_connected: bool) -> Option<Self> {
        let place = Place::parse(&to.chat)?;
        let (piece, text, target) = match &to.post {
            Post::Typing => return None,
            Post::Send { piece, text, .. } => (*piece, text, None),
            Post::Edit { piece, message, text } => (*piece, text, Some(Stamp::parse(message)?)),
        };
        let ticket = Ticket {
            delivery: to.delivery,
            piece,
            place,
            is_send: target.is_none(),
            // The end of a question has to be read before it is answered.
            buttons: to.question.filter(|_| is_connected && !text.ends_with(UNFINISHED)),
            is_question: to.question.is_some(),
            text: mrkdwn::write(text),
        };
        Some(Self::Say(Say { ticket, target }))
    }

    /// Slack counts new messages by channel and everything else by method.
    pub(super) fn lane(&self) -> String {
        match self {
            Self::Say(Say { ticket, target: None }) => format!("post {}", ticket.place.channel),
            Self::Say(_) | Self::Tidy { .. } => "update".to_string(),
            Self::History { .. } => "history".to_string(),
            Self::Locate { .. } => "locate".to_string(),
        }
    }

    pub(super) fn request(&self) -> Request {
        match self {
            Self::Say(say) => say.request(),
            Self::Tidy { channel, message, text } => {
                let body = json::object(|out| {
                    out.field("channel", channel).field("ts", &message.to_string());
                    write_text(out, text, None, true);
                });
                post("/chat.update", body)
            }
            Self::History { channel, oldest, latest, cursor, count } => {
                let mut path = format!("/conversations.history?channel={channel}&oldest={oldest}");
                if let Some(latest) = latest {
                    path.push_str(&format!("&latest={latest}"));
                }
                path.push_str(&format!("&inclusive=false&limit={count}"));
                if let Some(cursor) = cursor {
                    path.push_str("&cursor=");
                    percent(cursor, &mut path);
                }
                Request::get(path, Token::Bearer)
            }
            Self::Locate { path, .. } => Request::get(path.clone(), Token::Bearer),
        }
    }
}

impl Say {
    fn request(&self) -> Request {
        let Ticket { place, text, buttons, .. } = &self.ticket;
        let thread = place.thread.map(|thread| thread.to_string());
        let body = json::object(|out| {
            out.field("channel", &place.channel);
            match self.target {
                Some(message) => out.field("ts", &message.to_string()),
                None => out.optional("thread_ts", thread.as_deref()),
            };
            write_text(out, text, *buttons, self.target.is_some());
            out.field("unfurl_links", false).field("unfurl_media", false);
        });
        post(if self.target.is_some() { "/chat.update" } else { "/chat.postMessage" }, body)
    }
}

fn post(path: &str, body: String) -> Request {
    Request::json(Method::POST, path.to_string(), Token::Bearer, body)
}

impl Ticket {
    /// What an answer means.
    pub(super) fn verdict(&self, status: u16, headers: &Headers, body: &[u8]) -> Verdict {
        let failed = |failure| Verdict::Posted(Posted::Failed(failure));
        if let Ok(document) = json::parse(body)
            && status == 200
            && document.root().find("ok").is_some_and(|is_ok| is_ok.as_bool() == Ok(true))
        {
            let stamp = text(document.root(), "ts").filter(|stamp| Stamp::parse(stamp).is_some());
            return match stamp {
                _ if !self.is_send => Verdict::Posted(Posted::Edited),
                Some(stamp) => Verdict::Posted(Posted::Sent(stamp.to_string())),
                None => failed(Failure::Transport),
            };
        }
        match refusal(status, headers, body) {
            Refusal::BadToken(error) => Verdict::BadToken(error),
            Refusal::Wait(pause) => Verdict::Wait(pause),
            Refusal::Broken => failed(Failure::Transport),
            Refusal::Gone if !self.is_send => failed(Failure::Gone),
            Refusal::Gone => failed(Failure::Rejected),
            Refusal::Other(error) => {
                let what =
                    format!("Slack refused a message to {}: {error}{}", self.place, hint(&error));
                Verdict::Complain { error, what }
            }
        }
    }
}

/// What a message says, with buttons if it is a question. A change takes less text than a new
/// message, but as many blocks; and without a word about blocks it would leave those there are.
fn write_text(
    out: &mut ObjectWriter<'_, String>,
    text: &str,
    question: Option<u32>,
    is_change: bool,
) {
    let is_long = text.chars().count() > CHANGE_CHARACTERS_MAX;
    let needs_blocks = question.is_some() || is_change && is_long;
    let short = match text.char_indices().nth(SECTION_CHARACTERS_MAX) {
        // Where blocks are shown, this is for notices only.
        Some((end, _)) if needs_blocks => text.get(..end).unwrap_or_default(),
        _ => text,
    };
    out.field("text", short);
    if !needs_blocks && !is_change {
        return;
    }
    out.array("blocks", |blocks| {
        for section in sections(text).into_iter().filter(|_| needs_blocks) {
            blocks.object(|block| {
                block.field("type", "section").object("text", |out| {
                    out.field("type", "mrkdwn").field("text", section);
                });
            });
        }
        if let Some(question) = question {
            blocks.object(|block| write_buttons(block, question));
        }
    });
}

fn write_buttons(block: &mut ObjectWriter<'_, String>, question: u32) {
    block.field("type", "actions").array("elements", |buttons| {
        for (command, label, style) in [("approve", "Allow", "primary"), ("deny", "Deny", "danger")]
        {
            buttons.object(|button| {
                button.field("type", "button").field("style", style);
                button.field("action_id", &format!("{command}:{question}"));
                button.object("text", |out| {
                    out.field("type", "plain_text").field("text", label);
                });
            });
        }
    });
}

/// A text in pieces that fit a block each, cut at lines where there are any and never within an
/// entity.
fn sections(text: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end =
            rest.char_indices().nth(SECTION_CHARACTERS_MAX).map_or(rest.len(), |(end, _)| end);
        let mut end = end;
        if end < rest.len() {
            let piece = rest.get(..end).unwrap_or_default();
            let line = piece.rfind('\n').map(|line| line + 1);
            let entity = piece.rfind('&').filter(|start| {
                !piece.get(*start..).unwrap_or_default().contains(';') && end - *start < 5
            });
            end = line
                .filter(|line| *line > end / 2)
                .or(entity)
                .filter(|end| *end > 0)
                .unwrap_or(end);
        }
        let (section, after) = rest.split_at(end);
        // A section of nothing but space is refused.
        if !section.trim().is_empty() {
            sections.push(section);
        }
        rest = after;
    }
    sections
}

/// What the operator can do about a refusal.
fn hint(error: &str) -> &'static str {
    match error {
        "not_in_channel" | "channel_not_found" => ". Invite the app to the channel",
        "is_archived" => ". The channel is archived",
        "missing_scope" => {
            ". The bot's token lacks a scope: chat:write, and im:history, channels:history, \
             groups:history and mpim:history for what is read"
        }
        "msg_too_long" => ". It is longer than Slack takes",
        "cant_update_message" | "edit_window_closed" => ". The workspace forbids changing messages",
        error if error.starts_with("restricted_action") => {
            ". The workspace does not let apps post there"
        }
        _ => "",
    }
}

/// A text as the value of a query.
fn percent(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// What a change takes in its text.
const CHANGE_CHARACTERS_MAX: usize = 4000;

/// What a block takes.
const SECTION_CHARACTERS_MAX: usize = 3000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_question_is_cut_into_blocks_without_losing_anything() {
        let line = "a &amp; b\n";
        let text = line.repeat(1000);
        let parts = sections(&text);
        assert_eq!(parts.concat(), text);
        assert!(parts.iter().all(|part| part.chars().count() <= SECTION_CHARACTERS_MAX));
        assert!(parts.iter().all(|part| part.ends_with('\n')));
        let text = "&amp;".repeat(1000);
        let parts = sections(&text);
        assert_eq!(parts.concat(), text);
        assert!(parts.iter().all(|part| part.ends_with(';')), "no entity is cut");
        let text = format!("{}{text}", "é".repeat(2998));
        let parts = sections(&text);
        assert_eq!(parts.concat(), text);
        assert_eq!(parts[0].chars().count(), 2998);
        assert!(sections(" \n ").is_empty());
    }

    #[test]
    fn a_change_that_grew_by_its_entities_is_shown_whole_in_blocks() {
        let written =
            |text: &str, is_change| json::object(|out| write_text(out, text, None, is_change));
        assert_eq!(written("x", false), r#"{"text":"x"}"#);
        assert_eq!(written("x", true), r#"{"text":"x","blocks":[]}"#);
        let text = "&lt;".repeat(1500);
        assert!(!written(&text, false).contains("blocks"));
        let long = written(&text, true);
        let document = json::parse(long.as_bytes()).unwrap();
        let blocks = document.root().get("blocks").unwrap();
        let shown: String = blocks
            .elements()
            .unwrap()
            .map(|block| block.get("text").unwrap().get("text").unwrap().as_str().unwrap())
            .collect();
        assert_eq!(shown, text);
    }

    #[test]
    fn a_cursor_is_a_value_and_nothing_else() {
        let mut out = String::new();
        percent("dXNlcjo=&channel=C9 é", &mut out);
        assert_eq!(out, "dXNlcjo%3D%26channel%3DC9%20%C3%A9");
    }
}
