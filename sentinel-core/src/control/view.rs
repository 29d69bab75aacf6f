//! What a client is shown, as JSON.
//!
//! # Invariants
//! - An answer is one line, and never longer than [`CONTROL_ANSWER_BYTES_MAX`].
//! - A list that is read page by page names every element that was there all the while, once.

use alloc::format;
use alloc::string::{String, ToString};

use super::Query;
use crate::agent::{
    Chat, ConversationNumber, Granted, Origin, Pending, Seen, SkillState, SkillView, Status, cut,
    hex,
};
use crate::budget::Amount;
use crate::capability::Grant;
use crate::channel::{Known, Standing};
use crate::limits::{
    CONTROL_ANSWER_BYTES_MAX, CONTROL_MESSAGE_BYTES_MAX, CONTROL_PAGE_BYTES,
    CONTROL_PERSONA_BYTES_MAX,
};
use crate::llm::{Block, Message, Role};
use crate::runtime::Sentinel;
use crate::text::json::{self, ObjectWriter};
use crate::time::Now;

type Out<'w> = ObjectWriter<'w, String>;

/// The line that answers a query.
pub(super) fn answer(id: u64, sentinel: &Sentinel, what: Query, after: u64, now: Now) -> String {
    let line = json::object(|out| {
        out.field("id", id);
        show(out, sentinel, what, after, now);
    });
    if line.len() <= CONTROL_ANSWER_BYTES_MAX {
        return line;
    }
    json::object(|out| {
        out.field("id", id).field("error", "it is too long to be shown").field("code", "too_long");
    })
}

fn show(out: &mut Out<'_>, sentinel: &Sentinel, what: Query, after: u64, now: Now) {
    match what {
        Query::Status => {
            out.object("status", |out| status(out, sentinel, &sentinel.status()));
        }
        Query::Persona => {
            out.object("persona", |out| persona(out, sentinel.persona()));
        }
        Query::Grants => {
            // A place in the table is counted from 0, and what is behind nothing is all.
            let grants = sentinel.grants(u32::try_from(after).unwrap_or(u32::MAX));
            let grants = grants.map(|grant| (u64::from(grant.handle.index) + 1, grant));
            page(out, what, after, grants, |out, granted| grant(out, granted));
        }
        Query::People => {
            let people = sentinel.people().map(|known| (u64::from(known.person.0) + 1, known));
            page(out, what, after, people, |out, known| person(out, known));
        }
        Query::Codes => {
            let codes = (1..).zip(sentinel.codes(now.wall));
            page(out, what, after, codes, |out, waiting| {
                out.field("platform", waiting.platform).field("sender", waiting.sender);
                out.field("code", waiting.code.as_str());
                out.field("seconds_left", waiting.until.since(now.wall).as_secs());
            });
        }
        Query::Questions => {
            let questions = sentinel.questions().map(|open| (u64::from(open.number), open));
            page(out, what, after, questions, |out, open| question(out, sentinel, open, now));
        }
        Query::Conversations => {
            let from = ConversationNumber(after.saturating_add(1));
            let chats = sentinel.conversations(from).map(|chat| (chat.number.0, chat));
            page(out, what, after, chats, |out, chat| conversation(out, chat));
        }
        Query::Skills => {
            page(out, what, after, (1..).zip(sentinel.skills(now.wall)), |out, it| skill(out, it));
        }
        Query::Conversation(number) => match sentinel.history(number) {
            None => {
                let what = format!("there is no {number}; 'conversations' names those there are");
                out.field("error", what.as_str()).field("code", "unknown");
            }
            Some(history) => {
                let messages = history.into_iter().flat_map(|history| history.messages());
                page(out, what, after, (1..).zip(messages), |out, said| message(out, said));
            }
        },
    }
}

/// The elements behind a place, as many as fit, and where the next page begins.
fn page<T>(
    out: &mut Out<'_>,
    what: Query,
    after: u64,
    elements: impl Iterator<Item = (u64, T)>,
    mut body: impl FnMut(&mut Out<'_>, &T),
) {
    let mut elements = elements.filter(|(place, _)| *place > after).peekable();
    let (mut bytes, mut last) = (0, after);
    out.array(what.name(), |out| {
        while bytes < CONTROL_PAGE_BYTES
            && let Some((place, element)) = elements.next()
        {
            let text = json::object(|out| body(out, &element));
            bytes += text.len();
            last = place;
            // It was written just now, by the only one who writes JSON here.
            if let Ok(written) = json::parse(text.as_bytes()) {
                out.value(written.root());
            }
        }
    });
    if elements.peek().is_some() {
        out.field("next", last);
    }
}

fn status(out: &mut Out<'_>, sentinel: &Sentinel, status: &Status<'_>) {
    out.array("models", |out| {
        for model in status.models {
            out.value(model.name.as_str());
        }
    });
    out.optional("halted", status.halted);
    // What a log that is only looked at has to write is nothing that goes on.
    let is_at_work = !sentinel.is_maintained();
    out.field("is_at_work", is_at_work).field("is_busy", is_at_work && sentinel.is_busy());
    out.field("active", status.active_count as u64);
    out.field("conversations", status.conversations_count as u64);
    out.field("questions", status.questions_count as u64);
    out.object("spent_today", |out| amount(out, &status.spent));
    out.array("limits", |out| {
        for limit in status.limits {
            out.object(|out| {
                out.field("scope", limit.scope.name()).field("measure", limit.measure.name());
                out.field("max", limit.max);
            });
        }
    });
}

fn amount(out: &mut Out<'_>, amount: &Amount) {
    out.field("tokens", amount.tokens).field("money", amount.money.to_string().as_str());
    out.field("calls", amount.calls).field("time_ms", amount.time_ms);
}

fn persona(out: &mut Out<'_>, seen: Option<Seen<'_>>) {
    let Some(seen) = seen else { return };
    let short = |text: &&str| text.len() <= CONTROL_PERSONA_BYTES_MAX;
    out.field("approved", hex(&seen.approved).as_str());
    out.optional("approved_text", seen.approved_text.filter(short));
    out.field("is_changed", seen.changed.is_some());
    if let Some(Some((text, digest))) = seen.changed {
        out.field("seen", hex(&digest).as_str()).optional("seen_text", Some(text).filter(short));
    }
}

fn grant(out: &mut Out<'_>, granted: &Granted<'_>) {
    let Granted { handle, grant, holder, parent, uses_left, origin } = granted;
    out.field("handle", handle.to_string().as_str());
    out.field("index", u64::from(handle.index)).field("generation", u64::from(handle.generation));
    out.field("grant", grant.to_string().as_str()).field("holder", u64::from(holder.0));
    out.optional("derived_from", parent.map(|parent| parent.to_string()).as_deref());
    out.optional("until_ms", grant.until.map(|until| until.0));
    out.optional("uses_left", uses_left.map(u64::from));
    out.field(
        "from",
        match origin {
            Origin::Settings => "settings",
            Origin::Operator => "operator",
            Origin::Answer(_) => "answer",
            Origin::Derived => "derived",
        },
    );
    if let Origin::Answer(conversation) = origin {
        out.field("conversation", conversation.0);
    }
}

fn skill(out: &mut Out<'_>, skill: &SkillView<'_>) {
    out.field("skill", skill.name).field("digest", hex(&skill.digest).as_str());
    let state = match &skill.state {
        SkillState::Ready => "ready",
        SkillState::New => "new",
        SkillState::Changed(_) => "changed",
        SkillState::Disabled => "disabled",
        SkillState::Lacking(_) => "lacking",
    };
    out.field("state", state);
    if let SkillState::Changed(approved) = &skill.state {
        out.field("approved", hex(approved).as_str());
    }
    if let SkillState::Lacking(lacking) = &skill.state {
        texts(out, "missing", lacking.iter());
    }
    texts(out, "grants", skill.grants.iter().copied());
}

fn texts<'g>(out: &mut Out<'_>, key: &str, grants: impl Iterator<Item = &'g Grant>) {
    out.array(key, |out| {
        for grant in grants {
            out.value(grant.to_string().as_str());
        }
    });
}

fn person(out: &mut Out<'_>, known: &Known) {
    out.field("person", u64::from(known.person.0)).field("platform", known.platform.as_str());
    out.field("sender", known.sender.as_str());
    out.field(
        "standing",
        match known.standing {
            Standing::Operator => "operator",
            Standing::Person => "person",
            Standing::Guest => "guest",
            Standing::Revoked => "shut out",
        },
    );
    out.field("from", if known.is_ruled { "settings" } else { "operator" });
}

fn question(out: &mut Out<'_>, sentinel: &Sentinel, open: &Pending<'_>, now: Now) {
    out.field("question", u64::from(open.number)).field("conversation", open.conversation.0);
    out.field("digest", hex(&open.digest).as_str()).field("text", open.text);
    out.array("calls", |out| {
        for call in sentinel.questioned_calls(open.number) {
            out.value(call.as_str());
        }
    });
    out.field("may_be_always", open.may_be_always).field("may_be_trusted", open.may_be_trusted);
    out.field("seconds_left", sentinel.time_left(open.expires, now).as_secs());
}

fn conversation(out: &mut Out<'_>, chat: &Chat<'_>) {
    out.field("conversation", chat.number.0).field("platform", chat.platform);
    out.field("chat", chat.chat).field("state", chat.doing.unwrap_or("idle"));
    out.field("waiting", chat.waiting_count as u64);
    out.field("messages", chat.messages_count as u64).field("tokens", chat.tokens);
    out.field("is_untrusted", chat.is_untrusted);
    out.object("spent", |out| amount(out, &chat.spent));
    out.optional("heard_ms", Some(chat.heard.0).filter(|heard| *heard > 0));
}

/// A message, of which so much is shown as a person would read.
fn message(out: &mut Out<'_>, message: &Message) {
    out.field(
        "role",
        match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        },
    );
    let (mut left, mut left_out) = (CONTROL_MESSAGE_BYTES_MAX, 0_u64);
    out.array("blocks", |out| {
        for block in &message.blocks {
            if left < BLOCK_BYTES_MIN {
                left_out += 1;
                continue;
            }
            let mut words = |text: &str| {
                // What stands in place of the middle has its own length.
                let text = cut(text, left - BLOCK_BYTES_MIN / 2).into_owned();
                left = left.saturating_sub(text.len());
                text
            };
            out.object(|out| match block {
                Block::Text(text) => {
                    out.field("kind", "text").field("text", words(text).as_str());
                }
                Block::Thinking { text, .. } => {
                    out.field("kind", "thinking").field("text", words(text).as_str());
                }
                Block::SealedThinking(_) => {
                    out.field("kind", "sealed thinking");
                }
                Block::Image(_) => {
                    out.field("kind", "image");
                }
                Block::ToolUse(call) => {
                    out.field("kind", "call").field("tool", words(&call.name).as_str());
                    out.field("arguments", words(&call.arguments).as_str());
                }
                Block::ToolResult(result) => {
                    out.field("kind", "result").field("is_error", result.is_error);
                    out.field("text", words(&result.content).as_str());
                }
            });
        }
    });
    out.optional("blocks_left_out", Some(left_out).filter(|count| *count > 0));
}

/// A block of which less than this could be shown is left out.
const BLOCK_BYTES_MIN: usize = 512;
