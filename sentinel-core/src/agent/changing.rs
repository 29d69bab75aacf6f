//! The persona written anew by the agent itself.
//!
//! Who the agent is told to be is the one thing that it must not be talked into changing. So its
//! tool for that is there only where an operator pinned a persona and granted a change of it, each
//! change is asked about unless that grant says that it needs no question, and what is written is
//! what the person was shown: its digest becomes the pinned one, on the record, and the agent goes
//! on. Any other text in the file stops it.
//!
//! # Invariants
//! - No text becomes the persona by a call that no `persona` grant covers.
//! - What was allowed and is seen in the file is the persona, also where the end of the call that
//!   wrote it was lost.
//!
//! # Not here
//! Writing the file: the shell. What a pin is: [`persona`](super::persona).

use alloc::format;

use super::approval::Subject;
use super::conversation::Conversation;
use super::number::{CallNumber, ConversationNumber};
use super::turn::Stage;
use super::{Agent, hex};
use crate::capability::{Holder, Level, Request, Verdict};
use crate::tool::{Builtin, Call, Operation};

impl Agent {
    /// Whether there is a persona that could be changed.
    pub(super) fn has_persona(&self) -> bool {
        self.settings.persona.is_some()
    }

    /// Whether a call would change what is not there.
    pub(super) fn is_pointless(&self, call: &Call) -> bool {
        is_of_persona(call) && !self.has_persona()
    }

    /// Whether a model is told of a tool: of this one only where it could be used.
    pub(super) fn has_use(&self, builtin: Option<Builtin>) -> bool {
        if builtin != Some(Builtin::ChangePersona) {
            return true;
        }
        let verdict = self.table.decide(Holder::AGENT, &Request::Persona, self.now.wall);
        self.has_persona() && matches!(verdict, Verdict::Covered { .. })
    }

    /// Who the agent is told to be is asked about on whatever level it was granted, unless the
    /// grant says that what cannot be undone needs no question.
    pub(super) fn at_least_asked(&self, call: &Call, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Covered { handle, level } if is_of_persona(call) => {
                let grant = self.table.find(handle);
                let is_free = grant.is_some_and(|grant| grant.allows_irreversible);
                let level = if is_free { level } else { level.max(Level::Ask) };
                Verdict::Covered { handle, level }
            }
            other => other,
        }
    }

    /// Once something untrusted was read, a change of the persona is asked about whoever vouches
    /// for that: what a person of the chat trusts for one turn is nothing that the agent becomes.
    pub(super) fn asked_once_read(
        &self,
        conversation: ConversationNumber,
        call: &Call,
        verdict: Verdict,
    ) -> Verdict {
        let memory = self.conversations.get(&conversation).and_then(Conversation::find_memory);
        let is_read = memory.is_some_and(|memory| memory.context.untrusted_count() > 0);
        match verdict {
            Verdict::Covered { handle, level } if is_read && is_of_persona(call) => {
                Verdict::Covered { handle, level: level.max(Level::Ask) }
            }
            other => other,
        }
    }

    /// Whether a question is about who the agent is told to be: that is so for everybody it talks
    /// with, and not for the person of one turn to say.
    pub(super) fn is_about_persona(&self, own: ConversationNumber, subject: &Subject) -> bool {
        let Subject::Calls(asked) = subject else { return false };
        let turn = self.conversations.get(&own).and_then(|chat| chat.turn.as_ref());
        let Some(Stage::Calling(round)) = turn.map(|turn| &turn.stage) else { return false };
        round.iter().any(|calling| {
            asked.contains(&calling.number) && calling.call.as_ref().is_some_and(is_of_persona)
        })
    }

    /// A call is ordered: what it brings is what may stand in the file from here on.
    pub(super) fn propose_persona(&mut self, number: CallNumber, call: &Call) {
        if let Call::Builtin(Operation::ChangePersona { text }) = call {
            self.persona.propose(number, text);
        }
    }

    /// A call that brought a persona has ended.
    pub(super) fn persona_written(&mut self, call: CallNumber, is_error: bool) {
        if is_error {
            return self.persona.withdraw(call);
        }
        if let Some(digest) = self.persona.take_proposed(call, self.settings.persona) {
            self.persona_moved(digest, Some(call));
        }
    }

    /// What was allowed is the persona.
    pub(super) fn persona_moved(&mut self, digest: [u8; 32], by: Option<CallNumber>) {
        self.persona_changed(Some(digest), true);
        let by = by.map_or_else(|| "a call".into(), |call| format!("{call}"));
        self.alert(format!(
            "the persona was changed by {by}, as it was allowed to: its digest is now {}, which \
             holds until the settings name another one than they do",
            hex(&digest)
        ));
    }
}

/// Whether a call writes the persona.
pub(super) const fn is_of_persona(call: &Call) -> bool {
    matches!(call, Call::Builtin(Operation::ChangePersona { .. }))
}
