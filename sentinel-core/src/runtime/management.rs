//! What operators look at, and a runtime for them alone.
//!
//! # Invariants
//! - A runtime that is only maintained takes commands of operators and carries nothing out but
//!   them: no tool runs, no model is asked, nothing is said. Whatever else follows is in the
//!   journal, and taken up at the next start.
//!
//! # Not here
//! How it is asked for and shown: [`control`](crate::control).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Event, EventError, ResumeError, Resumed, Secrets, Sentinel};
use crate::agent::{
    Chat, ConversationNumber, Granted, History, OperatorCommand, Seen, Settings, SkillView, Status,
};
use crate::channel::{Known, Waiting};
use crate::journal::KeyRing;
use crate::time::{Instant, Now, Timestamp};

impl Sentinel {
    /// Opens a log for operators alone, while no agent is at work with it.
    ///
    /// It is no start: turns that were under way stay so until there is one, and the settings are
    /// those of the last start. `settings` matter only if there was none.
    ///
    /// # Errors
    /// The log cannot be gone on with. Nothing was written then.
    pub fn maintain(
        settings: Arc<Settings>,
        find: &dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>,
        secrets: Secrets,
        ring: KeyRing,
        files: &[&[u8]],
        now: Now,
    ) -> Result<Resumed, ResumeError> {
        let (mut resumed, has_started) = Self::recover(&settings, find, secrets, ring, files, now)?;
        resumed.sentinel.is_maintained = true;
        if !has_started {
            resumed.sentinel.start(settings)?;
        }
        Ok(resumed)
    }

    /// Whether it is only maintained, and not at work.
    #[must_use]
    pub const fn is_maintained(&self) -> bool {
        self.is_maintained
    }

    /// What is not taken by one that is only maintained.
    pub(super) fn check_at_work(&self, event: &Event<'_>) -> Result<(), EventError> {
        let is_taken = match event {
            // What they begin would not be done.
            Event::Operator { command, .. } => !matches!(
                command,
                OperatorCommand::Answer { .. }
                    | OperatorCommand::Fill { .. }
                    | OperatorCommand::Stop(_)
            ),
            Event::Time | Event::Persisted { .. } | Event::PersistFailed => true,
            _ => false,
        };
        if is_taken || !self.is_maintained { Ok(()) } else { Err(EventError::NotAtWork) }
    }

    /// The grants from this place on, in the order of their places.
    pub fn grants(&self, from: u32) -> impl Iterator<Item = Granted<'_>> {
        self.agent.grants(from)
    }

    /// The skills that the settings name, and whether each can be used.
    pub fn skills(&self, now: Timestamp) -> impl Iterator<Item = SkillView<'_>> {
        self.agent.skills(now)
    }

    /// Everybody who has a number, in the order of numbers.
    pub fn people(&self) -> impl Iterator<Item = &Known> {
        self.agent.people()
    }

    /// The codes that wait for an operator.
    pub fn codes(&self, now: Timestamp) -> impl Iterator<Item = Waiting<'_>> {
        self.agent.codes(now)
    }

    /// The conversations from this number on.
    pub fn conversations(&self, from: ConversationNumber) -> impl Iterator<Item = Chat<'_>> {
        self.agent.chats(from)
    }

    /// What is remembered of a conversation; nothing within if nothing is.
    #[must_use]
    pub fn history(&self, number: ConversationNumber) -> Option<Option<&History>> {
        self.agent.history(number)
    }

    /// The calls that a question is about, in their canonical form.
    #[must_use]
    pub fn questioned_calls(&self, question: u32) -> Vec<String> {
        self.agent.questioned_calls(question)
    }

    /// The persona, if there is one.
    #[must_use]
    pub fn persona(&self) -> Option<Seen<'_>> {
        self.agent.seen_persona()
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Status<'_> {
        self.agent.overview()
    }

    /// How long it is until a moment of the agent's clock.
    #[must_use]
    pub fn time_left(&self, until: Instant, now: Now) -> Duration {
        let (shell, agent) = self.began;
        until.since(agent.after(now.instant.since(shell)).max(self.now.instant))
    }
}
