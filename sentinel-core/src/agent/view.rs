//! What operators can look at: grants, people, conversations, and how it goes.
//!
//! # Invariants
//! - Looking changes nothing, and is not recorded.
//!
//! # Not here
//! How it is shown: [`control`](crate::control).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::approval::Subject;
use super::number::ConversationNumber;
use super::persona::NotApproved;
use super::turn::Stage;
use super::{Agent, History, Model};
use crate::budget::{Amount, Limit, Scope};
use crate::capability::{Grant, Handle, Holder, Level};
use crate::channel::{Known, Waiting};
use crate::order::Set;
use crate::time::Timestamp;

/// A grant that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted<'a> {
    /// Its name.
    pub handle: Handle,
    /// What it allows or forbids.
    pub grant: &'a Grant,
    /// Who holds it.
    pub holder: Holder,
    /// The grant it was derived from.
    pub parent: Option<Handle>,
    /// How often it may still be used, if that is counted.
    pub uses_left: Option<u32>,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a grant came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands in the settings.
    Settings,
    /// An operator made it.
    Operator,
    /// A question in this conversation was answered "always".
    Answer(ConversationNumber),
    /// It was handed on.
    Derived,
}

/// A conversation, from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chat<'a> {
    /// Its number.
    pub number: ConversationNumber,
    /// The platform.
    pub platform: &'a str,
    /// The platform's name for the place.
    pub chat: &'a str,
    /// What goes on in it, in a few words; nothing does if there are none.
    pub doing: Option<&'static str>,
    /// How many messages wait for their turn.
    pub waiting_count: usize,
    /// How many messages are remembered.
    pub messages_count: usize,
    /// About how many tokens they have.
    pub tokens: u64,
    /// Whether anything in it came from somebody or something that is not trusted.
    pub is_untrusted: bool,
    /// What was spent in it.
    pub spent: Amount,
    /// When a message was let in last.
    pub heard: Timestamp,
}

/// How it goes.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    /// The models, the preferred one first.
    pub models: &'a [Model],
    /// Why no work is taken, if none is.
    pub halted: Option<&'static str>,
    /// Conversations in which something goes on.
    pub active_count: usize,
    /// Conversations that are known.
    pub conversations_count: usize,
    /// Questions that wait.
    pub questions_count: usize,
    /// What was spent today, by all together.
    pub spent: Amount,
    /// The limits there are.
    pub limits: &'a [Limit],
}

/// The persona, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The digest of the approved one.
    pub approved: [u8; 32],
    /// Its text, if it was seen since the start.
    pub approved_text: Option<&'a str>,
    /// What was seen instead; none within for a file that cannot be read.
    pub changed: Option<Option<(&'a str, [u8; 32])>>,
}

impl Agent {
    /// The grants from this place on, in the order of their places. Of a rule that stands there
    /// twice, because the settings and the shell both forbid the same, the first is shown.
    pub(crate) fn grants(&self, from: u32) -> impl Iterator<Item = Granted<'_>> {
        let mut forbidden = Set::new();
        let all = self.table.iter().filter(move |(_, _, grant)| {
            grant.level != Level::Deny || forbidden.insert(grant.to_string())
        });
        let there = all.filter(move |(handle, ..)| handle.index >= from);
        there.map(|(handle, holder, grant)| {
            let parent = self.table.parent(handle);
            let origin = match (parent, self.approved.get(&handle)) {
                (Some(_), _) => Origin::Derived,
                (None, Some(conversation)) => Origin::Answer(*conversation),
                (None, None) if self.settings.grants.contains(grant) => Origin::Settings,
                (None, None) => Origin::Operator,
            };
            let uses_left = self.table.uses_left(handle);
            Granted { handle, grant, holder, parent, uses_left, origin }
        })
    }

    pub(crate) fn people(&self) -> impl Iterator<Item = &Known> {
        self.access.people()
    }

    pub(crate) fn codes(&self, now: Timestamp) -> impl Iterator<Item = Waiting<'_>> {
        self.access.codes(now)
    }

    /// The conversations from this number on.
    pub(crate) fn chats(&self, from: ConversationNumber) -> impl Iterator<Item = Chat<'_>> {
        self.conversations.range(from..).map(|(number, known)| {
            let memory = known.find_memory();
            Chat {
                number: *number,
                platform: &known.platform,
                chat: &known.chat,
                doing: known.turn.as_ref().map(|turn| turn.status()),
                waiting_count: known.queue.len(),
                messages_count: memory.map_or(0, |memory| memory.history.len()),
                tokens: memory.map_or(0, |memory| memory.history.estimate()),
                is_untrusted: memory.is_some_and(|memory| memory.context.is_untrusted()),
                spent: self.budgets.spent(Scope::Conversation, number.0, self.now.wall),
                heard: known.heard,
            }
        })
    }

    /// What is remembered of a conversation; nothing within if nothing is.
    pub(crate) fn history(&self, number: ConversationNumber) -> Option<Option<&History>> {
        let known = self.conversations.get(&number)?;
        Some(known.find_memory().map(|memory| &memory.history))
    }

    /// The calls that a question is about, in their canonical form.
    pub(crate) fn questioned_calls(&self, question: u32) -> Vec<String> {
        let known = self.approvals.find(question).and_then(|approval| match &approval.subject {
            Subject::Calls(numbers) => Some((approval.conversation, numbers)),
            Subject::Budget(_) | Subject::Server(_) | Subject::Sampling { .. } => None,
        });
        let Some((conversation, numbers)) = known else { return Vec::new() };
        let turn = self.conversations.get(&conversation).and_then(|known| known.turn.as_ref());
        let Some(Stage::Calling(round)) = turn.map(|turn| &turn.stage) else { return Vec::new() };
        let meant = round.iter().filter(|calling| numbers.contains(&calling.number));
        let calls = meant.filter_map(|calling| calling.call.as_ref());
        calls
            .map(|call| {
                let mut canonical = String::new();
                call.canonical(&mut canonical);
                canonical
            })
            .collect()
    }

    pub(crate) fn seen_persona(&self) -> Option<Seen<'_>> {
        let persona = &self.persona;
        let changed = persona.changed.as_ref();
        Some(Seen {
            approved: persona.pinned?,
            approved_text: persona.text.as_deref(),
            changed: changed.map(|seen| seen.as_ref().map(|(text, digest)| (&**text, *digest))),
        })
    }

    pub(crate) fn overview(&self) -> Status<'_> {
        let halted = match (self.is_halted, self.persona.text()) {
            (true, _) => Some("an operator halted it; 'sentinel resume' lets it go on"),
            (false, Err(NotApproved)) => Some(
                "its persona is not the one that was approved: put the file back, or look at \
                 'sentinel persona show' and accept it",
            ),
            (false, Ok(_)) => None,
        };
        Status {
            models: &self.settings.models,
            halted,
            active_count: self.active.len(),
            conversations_count: self.conversations.len(),
            questions_count: self.approvals.iter().count(),
            spent: self.budgets.spent(Scope::Day, 0, self.now.wall),
            limits: &self.settings.budget.limits,
        }
    }
}
