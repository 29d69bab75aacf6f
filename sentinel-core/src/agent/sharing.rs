//! The workspace that all conversations share, and what strangers may have had written into it.
//!
//! A change of the workspace needs no question, not even from a conversation that has read what
//! nobody vouches for: its own files are its own matter. But another conversation may run a program
//! on them, a build or a script, and would follow words that it never saw. So what such a
//! conversation left behind counts as read by whoever runs a program afterwards.
//!
//! # Invariants
//! - A program that is run in a conversation is decided on as if it had read what the others wrote
//!   while strangers had a say, or what their programs brought from a network.
//! - Whoever reads the files with another tool gets an untrusted output, as ever.
//!
//! # Not here
//! Files of attachments, which no other conversation may name: [`fetching`](super::fetching).

use alloc::format;
use alloc::string::String;

use super::Agent;
use super::codec::Unreadable;
use super::number::ConversationNumber;
use crate::label::{Effect, Label, Secrecy, Source};
use crate::text::json::{ObjectWriter, Value};
use crate::tool::{Call, Operation};

/// The conversations that left something of strangers behind. Two are enough to know of: whoever
/// asks is at most one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writers([Option<ConversationNumber>; 2]);

impl Writers {
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
        if !matches!(call, Call::Builtin(Operation::RunCommand { .. })) {
            return;
        }
        let Some(writer) = self.writers.other_than(number) else { return };
        let Some(conversation) = self.conversation(number) else { return };
        let memory = conversation.memory();
        if !memory.context.is_untrusted() {
            let label = Label::untrusted(Source::Tool, Secrecy::Private);
            memory.add(label, &format!("the workspace, in which {writer} wrote"), "");
        }
    }

    /// A call was allowed and starts: what it may write is of the conversation's making.
    pub(super) fn write_workspace(&mut self, number: ConversationNumber, call: &Call) {
        let is_from_afar = match call {
            Call::Builtin(Operation::RunCommand { hosts, .. }) => !hosts.is_empty(),
            Call::Builtin(Operation::WriteFile { .. } | Operation::EditFile { .. }) => false,
            Call::Builtin(_) => return,
            Call::Foreign(foreign) => match self.settings.tools.find(foreign.tool()) {
                Ok(tool) => {
                    let effect = tool.role(call, false).effect;
                    if !matches!(effect, Effect::Workspace | Effect::Change) {
                        return;
                    }
                    true
                }
                Err(_) => return,
            },
        };
        let known = self.conversations.get(&number).and_then(|chat| chat.find_memory());
        if is_from_afar || known.is_some_and(|memory| memory.context.is_tainted(self.now.wall)) {
            self.writers.add(number);
        }
    }
}
