//! The workspace that all conversations share, and what strangers may have had written into it.
//!
//! A change of the workspace needs no question, not even from a conversation that has read what
//! nobody vouches for: its own files are its own matter. But another conversation may run a program
//! on them, a build or a script, and would follow words that it never saw. So what such a
//! conversation left behind counts as read by whoever runs a program afterwards.
//!
//! # Invariants
//! - A program that is run in a conversation is decided on as if it had read what the others wrote
//!   while strangers had a say, and what any program or skill brought from elsewhere.
//! - Whoever reads the files with another tool gets an untrusted output, also where the operator
//!   vouches for what that tool says, once somebody wrote who had read what nobody vouches for, and
//!   of what was attached in any case.
//!
//! # Not here
//! That no other conversation may name the files of attachments: [`fetching`](super::fetching).

use alloc::format;
use alloc::string::String;

use super::codec::Unreadable;
use super::fetching::ATTACHMENTS;
use super::number::ConversationNumber;
use super::{Agent, SYSTEM};
use crate::capability::{FileRight, FileRights, PathRef, Request};
use crate::label::{Effect, Integrity, Label, Reference, Secrecy, Source};
use crate::text::json::{ObjectWriter, Value};
use crate::tool::{Call, Operation};

/// The conversations that left something of strangers behind; [`SYSTEM`] stands for one that knows
/// no more of it than any other. Two are enough to know of: whoever asks is at most one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writers([Option<ConversationNumber>; 2]);

impl Writers {
    /// What one wrote who begins anew is others' from then on: nothing of it was seen since.
    pub(super) fn disown(&mut self, conversation: ConversationNumber) {
        for writer in core::mem::take(self).0.into_iter().flatten() {
            self.add(if writer == conversation { SYSTEM } else { writer });
        }
    }

    fn add(&mut self, conversation: ConversationNumber) {
        let Self([first, second]) = self;
        match first {
            None => *first = Some(conversation),
            Some(known) if *known != conversation => {
                second.get_or_insert(conversation);
            }
            Some(_) => {}
        }
    }

    fn other_than(self, conversation: ConversationNumber) -> Option<ConversationNumber> {
        self.0.into_iter().flatten().find(|writer| *writer != conversation)
    }

    fn has(self, conversation: ConversationNumber) -> bool {
        self.0.contains(&Some(conversation))
    }

    pub(super) fn keep(self, out: &mut ObjectWriter<'_, String>) {
        // One of before there was this has none.
        if self != Self::default() {
            out.array("workspace_writers", |out| {
                for writer in self.0.iter().flatten() {
                    out.value(writer.0);
                }
            });
        }
    }

    pub(super) fn restore(value: Value<'_>) -> Result<Self, Unreadable> {
        let mut writers = Self::default();
        if let Some(kept) = value.find("workspace_writers") {
            for writer in kept.elements()? {
                writers.add(ConversationNumber(writer.as_u64()?));
            }
        }
        Ok(writers)
    }
}

impl Agent {
    /// A call is about to be decided: what it will work on without naming it counts as read.
    pub(super) fn read_workspace(&mut self, number: ConversationNumber, call: &Call) {
        if self.has_unread_workspace(number, call)
            && let Some(conversation) = self.conversation(number)
        {
            let memory = conversation.memory();
            memory.has_read_workspace = true;
            let label = Label::untrusted(Source::Tool, Secrecy::Private);
            memory.add(label, "the workspace", WORDS);
        }
    }

    /// Whether a call may follow what others wrote, and its conversation does not count as one that
    /// has read it. Of one that waited since it was decided on, that is news.
    pub(super) fn has_unread_workspace(&self, number: ConversationNumber, call: &Call) -> bool {
        let memory = self.conversations.get(&number).and_then(|chat| chat.find_memory());
        matches!(call, Call::Builtin(Operation::RunCommand { .. }))
            && self.writers.other_than(number).is_some()
            && memory.is_none_or(|memory| !memory.has_read_workspace)
    }

    /// Whether what a call gives back may be what strangers had written into the workspace: it
    /// reads there, and others wrote, or this conversation after it had read something of them; or
    /// it reads what somebody attached.
    pub(super) fn may_repeat_workspace(&self, number: ConversationNumber, call: &Call) -> bool {
        let memory = self.conversations.get(&number).and_then(|chat| chat.find_memory());
        let is_untrusted = memory.is_none_or(|memory| memory.context.is_untrusted());
        let is_written =
            self.writers.other_than(number).is_some() || (self.writers.has(number) && is_untrusted);
        let workspace = &self.settings.workspace;
        let attachments = format!("{}/{ATTACHMENTS}", workspace.trim_end_matches('/'));
        (is_written && self.reads_beneath(call, workspace))
            || (self.has_attachments(number) && self.reads_beneath(call, &attachments))
    }

    fn has_attachments(&self, number: ConversationNumber) -> bool {
        self.conversations.get(&number).is_none_or(|chat| chat.attachment_bytes > 0)
    }

    /// Whether a call reads or lists something in a directory of the workspace. A program may read
    /// all of it.
    fn reads_beneath(&self, call: &Call, directory: &str) -> bool {
        if matches!(call, Call::Builtin(Operation::RunCommand { .. })) {
            return true;
        }
        let Ok(directory) = PathRef::absolute(directory) else { return true };
        let reads = call.with_requests(&self.surroundings(call), |requests| {
            requests.iter().any(|request| match request {
                Request::File { right: FileRight::Read | FileRight::List, path, is_tree } => {
                    path.is_within(directory) || (*is_tree && directory.is_within(*path))
                }
                _ => false,
            })
        });
        reads.unwrap_or(true)
    }

    /// A call was allowed and starts: what it may write is of the conversation's making, and of
    /// theirs whose content it carries along.
    pub(super) fn write_workspace(
        &mut self,
        number: ConversationNumber,
        call: &Call,
        references: &[Reference],
    ) {
        let origin = match call {
            Call::Builtin(Operation::RunCommand { hosts, .. }) if hosts.is_empty() => Origin::Here,
            Call::Builtin(Operation::RunCommand { .. }) => Origin::Anywhere,
            Call::Builtin(Operation::WriteFile { .. } | Operation::EditFile { .. }) => Origin::Here,
            Call::Builtin(_) => return,
            Call::Foreign(foreign) => {
                let writes = |(_, rights): &(_, FileRights)| rights.has(FileRight::Write);
                let tool = self.settings.tools.find(foreign.tool()).ok();
                let effect = tool.map_or(Effect::Send, |tool| tool.role(call, false).effect);
                let changes = matches!(effect, Effect::Workspace | Effect::Change);
                if !changes && !foreign.places().iter().any(writes) {
                    return;
                }
                match tool.map(|tool| tool.output().integrity) {
                    Some(Integrity::Trusted) => Origin::Vouched,
                    Some(Integrity::Untrusted) | None => Origin::Anywhere,
                }
            }
        };
        let memory = self.conversations.get(&number).and_then(|chat| chat.find_memory());
        let Some(memory) = memory else { return };
        // Content that is only handed on was read by nobody, not even here.
        let is_foreign = |reference: &Reference| {
            let content = memory.held.find(*reference);
            content.is_none_or(|content| content.label.integrity == Integrity::Untrusted)
        };
        // What it says of what it brought may never be seen here: it can be withheld, or the call
        // ends without a word.
        if origin == Origin::Anywhere || references.iter().any(is_foreign) {
            self.writers.add(SYSTEM);
        // A block that a person trusts is trusted for a moment, and what is written stays.
        } else if origin == Origin::Vouched || memory.context.untrusted_count() > 0 {
            self.writers.add(number);
        }
    }
}

/// Where what a call writes may come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From its conversation.
    Here,
    /// From a tool besides, for whose words the operator vouches.
    Vouched,
    /// From wherever a program or a skill gets something.
    Anywhere,
}

/// What stands for what a program reads there.
const WORDS: &str = "(Files of the workspace. Conversations that had read what nobody vouches for \
                     wrote there, or programs and skills that bring something in.)";
