//! What operators do from outside of any chat, and what they are told.
//!
//! # Invariants
//! - Every command is answered, with what was done or why it was not.
//!
//! # Not here
//! Who may give such a command: the shell that takes it.

use alloc::format;
use alloc::string::{String, ToString};

use super::approval::By;
use super::number::ConversationNumber;
use super::operator::{OperatorCommand, Refusal};
use super::outbox::Order;
use super::persona::Look;
use super::record::Kind;
use super::turn::End;
use super::{Agent, hex};
use crate::capability::{Grant, Level};
use crate::channel::{Known, Person};

impl Agent {
    pub(super) fn operator(&mut self, request: u64, command: OperatorCommand) {
        let outcome = self.operate(command);
        // Grants decide which skills may be used, too, and whether a persona may be written.
        if !self.settings.installed.is_empty() || self.settings.persona.is_some() {
            self.offer();
        }
        self.outbox.record(Kind::Operated, super::SYSTEM, |out| {
            out.field("request", request);
            match &outcome {
                Ok(done) => out.field("done", done.as_str()),
                Err(refusal) => out.field("refused", refusal.to_string().as_str()),
            };
        });
        self.outbox.order(Order::Tell { request, outcome });
    }

    fn operate(&mut self, command: OperatorCommand) -> Result<String, Refusal> {
        match command {
            OperatorCommand::Answer { question, digest, answer } => {
                let known = self.approvals.find(question).ok_or_else(|| {
                    refusal(format!("there is no question {question} that waits for an answer"))
                })?;
                if known.digest != digest {
                    return Err(refusal("what was shown is not what is asked; look again"));
                }
                known.can_be(answer).map_err(refusal)?;
                self.answered(question, answer, By::Operator(None));
                Ok(format!("question {question}: {}", answer.word()))
            }
            OperatorCommand::Fill { question, digest, values } => {
                let known = self.approvals.find(question).ok_or_else(|| {
                    refusal(format!("there is no question {question} that waits for an answer"))
                })?;
                if known.digest != digest {
                    return Err(refusal("what was shown is not what is asked; look again"));
                }
                self.fill_in(question, &values, By::Operator(None)).map_err(refusal)?;
                Ok(format!("question {question}: answered"))
            }
            OperatorCommand::Grant(spec) => {
                self.table.sweep(self.now.wall);
                let grant: Grant = spec.parse().map_err(|error| refusal(format!("{error}")))?;
                let made = self.table.grant(grant.clone(), self.now.wall);
                let handle = made.map_err(|error| refusal(error.to_string()))?;
                self.outbox.record(Kind::Granted, super::SYSTEM, |out| {
                    out.field("grant", grant.to_string().as_str());
                    out.field("handle", handle.to_string().as_str());
                });
                // A rule that forbids holds for what runs, as it does in other settings.
                if grant.level == Level::Deny {
                    self.stop_uncovered();
                }
                Ok(format!("granted: {handle}"))
            }
            OperatorCommand::Revoke(handle) => {
                // What protects the agent's own files is not ended by a mistyped handle.
                let grant = self.table.find(handle);
                if grant.is_some_and(|grant| {
                    grant.level == Level::Deny && self.settings.grants.contains(grant)
                }) {
                    return Err(refusal(format!(
                        "{handle} is a rule of the settings that forbids; it ends when it is taken \
                         out of them"
                    )));
                }
                let count = self.table.revoke(handle);
                if count == 0 {
                    return Err(refusal(format!("there is no grant {handle}")));
                }
                self.outbox.record(Kind::Revoked, super::SYSTEM, |out| {
                    out.field("handle", handle.to_string().as_str());
                    out.field("count", count as u64);
                });
                self.stop_uncovered();
                Ok(format!("revoked: {count} grants"))
            }
            OperatorCommand::Pair(code) => {
                let person = self.pair(&code)?;
                Ok(format!("let in: person {}", person.0))
            }
            OperatorCommand::RefuseCode(code) => {
                let refused = self.access.refuse(&code, self.now.wall);
                let (platform, sender) = refused.map_err(|error| refusal(error.to_string()))?;
                self.outbox.record(Kind::CodeRefused, super::SYSTEM, |out| {
                    out.field("platform", platform.as_str()).field("sender", sender.as_str());
                });
                Ok(format!("thrown away: the code of '{sender}' on {platform}"))
            }
            OperatorCommand::Unpair { platform, sender } => {
                let is_meant =
                    |known: &&Known| known.platform == platform && known.sender == sender;
                let known = self.access.people().find(is_meant).map(|known| known.person);
                if !known.is_some_and(|person| self.access.revoke(person)) {
                    return Err(refusal(format!("nobody is let in as '{sender}' on {platform}")));
                }
                self.outbox.record(Kind::Person, super::SYSTEM, |out| {
                    out.field("platform", platform.as_str()).field("sender", sender.as_str());
                    out.field("is_let_in", false);
                });
                self.stop_outsiders();
                Ok("no longer let in".to_string())
            }
            OperatorCommand::Stop(conversation) => match self.stop(conversation, End::Stopped) {
                true => {
                    self.notice(conversation, "An operator stopped this.".to_string());
                    Ok("stopped".to_string())
                }
                false => Err(refusal(format!("nothing goes on in {conversation}"))),
            },
            OperatorCommand::Halt => {
                self.is_halted = true;
                self.stop_all(End::Halted);
                self.halted(true, "an operator");
                Ok("halted".to_string())
            }
            OperatorCommand::Resume => {
                self.is_halted = false;
                self.halted(false, "an operator");
                match self.why_halted() {
                    Some(why) => Err(refusal(why)),
                    None => Ok("at work".to_string()),
                }
            }
            OperatorCommand::AcceptPersona(digest) => {
                if !self.persona.accept(digest) {
                    return Err(refusal("that is not the persona that was seen; look again"));
                }
                self.persona_changed(Some(digest), true);
                Ok("accepted".to_string())
            }
            OperatorCommand::ApproveSkill { name, digest } => self.approve_skill(&name, digest),
            OperatorCommand::SwitchSkill { name, is_enabled } => {
                self.switch_skill(&name, is_enabled)
            }
            OperatorCommand::Forget(conversation) => self.forget(conversation, None),
            OperatorCommand::Snapshot => {
                self.inputs_count = u64::MAX;
                Ok("a snapshot is taken".to_string())
            }
        }
    }

    pub(super) fn pair(&mut self, code: &str) -> Result<Person, Refusal> {
        let paired = self.access.approve(code, self.now.wall);
        let person = paired.map_err(|error| refusal(error.to_string()))?;
        self.outbox.record(Kind::Person, super::SYSTEM, |out| {
            out.field("person", u64::from(person.0)).field("is_let_in", true);
        });
        Ok(person)
    }

    pub(super) fn persona_read(&mut self, text: Option<String>) {
        let look = self.persona.look(text, self.settings.persona);
        // What a call that is over meant to write and did not is nobody's word any more.
        self.persona.proposed.retain(|call, _| self.calls.contains_key(call));
        match look {
            Look::Same => {}
            Look::Brought(digest) => self.persona_moved(digest, None),
            Look::Restored => {
                self.persona_changed(None, true);
                self.alert("the persona is the approved one again".to_string());
            }
            Look::Changed(digest) => {
                self.stop_all(End::Halted);
                self.persona_changed(digest, false);
                let seen = match digest {
                    Some(digest) => format!("its digest is now {}", hex(&digest)),
                    None => "it cannot be read".to_string(),
                };
                self.alert(format!(
                    "the persona was changed outside of an approved change: {seen}. The agent \
                     takes no work until it is put back or accepted"
                ));
            }
        }
    }

    pub(super) fn persona_changed(&mut self, digest: Option<[u8; 32]>, is_approved: bool) {
        self.outbox.record(Kind::PersonaChanged, super::SYSTEM, |out| {
            out.optional("digest", digest.map(|digest| hex(&digest)).as_deref());
            out.field("is_approved", is_approved);
        });
    }

    fn halted(&mut self, is_halted: bool, by: &str) {
        self.outbox.record(Kind::Halted, super::SYSTEM, |out| {
            out.field("is_halted", is_halted).field("by", by);
        });
    }

    /// Ends all turns, and tells their people. Messages that wait are answered the same way.
    fn stop_all(&mut self, end: End) {
        let active: alloc::vec::Vec<ConversationNumber> = self.active.iter().copied().collect();
        for number in active {
            if self.stop(number, end) {
                let why = self.why_halted().unwrap_or_default();
                self.notice(number, format!("I stopped what I was doing. {why}"));
            }
        }
    }

    /// Forgets a conversation, because an operator says so or for another reason, which has less
    /// haste.
    pub(super) fn forget(
        &mut self,
        number: ConversationNumber,
        because: Option<&str>,
    ) -> Result<String, Refusal> {
        let waiting = self.conversation(number).map(|chat| core::mem::take(&mut chat.queue));
        for queued in waiting.unwrap_or_default() {
            self.ignored(super::SYSTEM, &queued.incoming, "its conversation was forgotten");
        }
        // It is gone already but for its key, which has no haste until an operator means it.
        if because.is_none()
            && let Some(place) = self.giving_way.iter().position(|other| *other == number)
        {
            self.forgetting.push(self.giving_way.remove(place));
            return Ok(format!("forgotten: {number}"));
        }
        self.stop(number, End::Stopped);
        self.release(number);
        let conversation = self
            .conversations
            .remove(&number)
            .ok_or_else(|| refusal(format!("there is no {number}")))?;
        self.places.remove(&(conversation.platform, conversation.chat));
        self.deliveries.retain(|_, say| say.conversation != number);
        self.forget_shown(number);
        self.outbox.record(Kind::Forgotten, super::SYSTEM, |out| {
            out.field("conversation", number.0).optional("because", because);
        });
        self.guests.remove(&number);
        // There is room again.
        self.turned_away.clear();
        self.budgets.end_conversation(number.0);
        // Its key is destroyed when a snapshot without it is safe.
        match because {
            None => self.forgetting.push(number),
            Some(_) => self.giving_way.push(number),
        }
        Ok(format!("forgotten: {number}"))
    }
}

pub(super) fn refusal(what: impl Into<String>) -> Refusal {
    Refusal { what: what.into() }
}
