//! Asking people, and what follows from what they say.
//!
//! # Invariants
//! - An approval allows the one call it was asked for, as it was shown, and only if grants still
//!   cover it.
//! - A question that cannot be asked is answered no.
//!
//! # Not here
//! Who may answer: [`intake`](super::intake) for chats, the shell for operators.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::Agent;
use super::approval::{self, Answer, Approval, Subject};
use super::authority::{Ruling, hex_short};
use super::number::{CallNumber, ConversationNumber};
use super::outbox::Saying;
use super::record::Kind;
use super::turn::{CallStage, End, Outcome, Stage, Turn};
use crate::budget::{AtLimit, Exceeded, Scope};
use crate::capability::Verdict;
use crate::fault::{Fault, is_broken};
use crate::label::Endorsement;
use crate::llm::ToolResult;
use crate::time::{Instant, Timestamp};

impl Agent {
    /// Asks about a call.
    pub(super) fn question_call(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        number: CallNumber,
        id: &str,
        ruling: Ruling,
    ) -> CallStage {
        let Ruling { text, digest, block, may_be_always, .. } = ruling;
        let expires = self.now.instant.after(self.settings.turn.question_time_max);
        let approval = Approval {
            conversation,
            turn: turn.number,
            subject: Subject::Call(number),
            digest,
            block,
            may_be_always,
            text,
            expires: Some(expires),
        };
        match self.put_question(approval) {
            Some(_) => CallStage::Asking,
            None => refused(id, "not run: it needs an answer, and too many questions wait already"),
        }
    }

    fn put_question(&mut self, mut approval: Approval) -> Option<u32> {
        let number = self.approvals.next_number();
        let conversation = approval.conversation;
        let mut ways = format!("/approve {number}");
        if approval.may_be_always {
            ways += &format!(", /approve {number} always");
        }
        if let Some(block) = approval.block {
            ways += &format!(", /approve {number} trust (for all that follows from {block})");
        }
        let until = match approval.expires {
            Some(_) => "Without an answer in time it is denied.",
            None => "It waits until it is answered or the turn is stopped.",
        };
        approval.text = format!(
            "Question {number} [{}]\n{}\nAnswer {ways} or /deny {number}. {until}",
            hex_short(&approval.digest),
            approval.text.trim_end(),
        );
        let (text, digest) = (approval.text.clone(), approval.digest);
        let asked = self.approvals.ask(approval)?;
        self.outbox.record(Kind::ApprovalAsked, conversation, |out| {
            out.field("question", u64::from(asked));
            out.field("digest", super::hex(&digest).as_str());
        });
        self.say(conversation, text, Saying::Question(asked));
        Some(asked)
    }

    /// A question is answered, by a person or by time.
    pub(super) fn answered(&mut self, question: u32, answer: Answer, how: &str) {
        let Some(approval) = self.approvals.take(question) else { return };
        let conversation = approval.conversation;
        self.outbox.record(Kind::ApprovalAnswered, conversation, |out| {
            out.field("question", u64::from(question)).field("answer", answer.word());
            out.field("how", how);
        });
        if answer == Answer::Alert {
            let digest = hex_short(&approval.digest);
            self.alert(format!("question {question} [{digest}] was denied with an alert"));
        }
        let Some(turn) = self.take_turn(conversation) else { return };
        if turn.number != approval.turn {
            return self.put_turn(conversation, turn);
        }
        match approval.subject.clone() {
            Subject::Call(call) => self.call_answered(conversation, turn, call, &approval, answer),
            Subject::Budget(exceeded) => {
                self.budget_answered(conversation, turn, question, &exceeded, answer);
            }
        }
    }

    fn call_answered(
        &mut self,
        conversation: ConversationNumber,
        mut turn: Box<Turn>,
        number: CallNumber,
        approval: &Approval,
        answer: Answer,
    ) {
        let Stage::Calling(round) = &turn.stage else { return self.put_turn(conversation, turn) };
        let place = round.iter().position(|calling| {
            calling.number == number && matches!(calling.stage, CallStage::Asking)
        });
        let found = place.and_then(|place| {
            let calling = round.get(place)?;
            Some((place, calling.id.clone(), calling.call.clone()?))
        });
        let Some((place, id, call)) = found else { return self.put_turn(conversation, turn) };
        let mut canonical = String::new();
        call.canonical(&mut canonical);
        let is_same = approval::digest(&canonical) == approval.digest;
        let answer = match is_broken(Fault::UnboundAnswer) {
            true => Answer::Once,
            false => answer,
        };
        let (verdict, handles) = self.cover(&call);
        let is_covered = matches!(verdict, Verdict::Covered { .. });
        let stage = match answer.allows() && is_same && is_covered {
            true => {
                self.confirm(&handles);
                if answer == Answer::Always && approval.may_be_always {
                    self.grant_always(conversation, &call);
                }
                if answer == Answer::Trust {
                    self.endorse(conversation, approval);
                }
                self.start_call(conversation, &turn, number, &call, &id, handles)
            }
            false if answer.allows() => refused(&id, "not run: no grant covers it any more"),
            false => refused(&id, "not run: a person, or the time for an answer, said no"),
        };
        if let Stage::Calling(round) = &mut turn.stage
            && let Some(calling) = round.get_mut(place)
        {
            calling.stage = stage;
        }
        self.go_on(conversation, turn);
    }

    fn endorse(&mut self, conversation: ConversationNumber, approval: &Approval) {
        let Some(block) = approval.block else { return };
        let expires = self.now.wall.after(self.settings.turn.question_time_max);
        let person = format!("question of {}", approval.turn);
        let Some(memory) = self.conversation(conversation).map(|chat| chat.memory()) else {
            return;
        };
        let Some(text) = memory.text(block).map(ToString::to_string) else { return };
        let endorsement = Endorsement { block, person: person.into(), expires };
        let said = endorsement.to_string();
        let outcome = memory.context.endorse(endorsement, &text);
        self.outbox.record(Kind::Endorsed, conversation, |out| {
            out.field("endorsement", said.as_str()).field("is_taken", outcome.is_ok());
        });
    }

    /// A model cannot be asked within a limit.
    pub(super) fn model_over_budget(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        exceeded: Exceeded,
    ) {
        self.record_exceeded(number, &exceeded);
        match self.question_budget(number, &turn, &exceeded) {
            Some((question, retry)) => {
                turn.stage = Stage::Held { question, retry };
                self.put_turn(number, turn);
            }
            None => {
                self.notice(number, exceeded.to_string());
                self.end_turn(number, &turn, End::OverBudget);
            }
        }
    }

    /// A call cannot be made within a limit.
    pub(super) fn call_over_budget(
        &mut self,
        number: ConversationNumber,
        turn: &Turn,
        id: &str,
        exceeded: &Exceeded,
    ) -> CallStage {
        self.record_exceeded(number, exceeded);
        match self.question_budget(number, turn, exceeded) {
            Some((question, retry)) => CallStage::Held { question, retry },
            None => refused(id, &format!("not run: {exceeded}")),
        }
    }

    fn record_exceeded(&mut self, number: ConversationNumber, exceeded: &Exceeded) {
        let text = exceeded.to_string();
        self.outbox.record(Kind::Budget, number, |out| {
            out.field("exceeded", text.as_str());
        });
    }

    /// Asks about a limit, if it is one to ask about: the question, and when to try again without
    /// an answer.
    fn question_budget(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        exceeded: &Exceeded,
    ) -> Option<(u32, Option<Instant>)> {
        let (expires, retry) = match exceeded.at_limit {
            AtLimit::Stop => return None,
            AtLimit::Ask => {
                (Some(self.now.instant.after(self.settings.turn.question_time_max)), None)
            }
            AtLimit::Pause => {
                let retry = (exceeded.scope == Scope::Day)
                    .then(|| self.now.instant.after(until_tomorrow(self.now.wall)));
                (None, retry)
            }
        };
        let text = exceeded.to_string();
        let question = self.put_question(Approval {
            conversation,
            turn: turn.number,
            digest: approval::digest(&text),
            subject: Subject::Budget(*exceeded),
            block: None,
            may_be_always: false,
            text: format!("{text}. Allow as much again?"),
            expires,
        })?;
        Some((question, retry))
    }

    fn budget_answered(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        question: u32,
        exceeded: &Exceeded,
        answer: Answer,
    ) {
        if answer.allows() {
            let accounts = self.accounts(number, &turn);
            self.budgets.extend(accounts, exceeded, exceeded.max, self.now.wall);
        }
        if matches!(turn.stage, Stage::Held { question: asked, .. } if asked == question) {
            turn.stage = Stage::Moving;
            if answer.allows() {
                return self.ask(number, turn);
            }
            self.notice(number, exceeded.to_string());
            return self.end_turn(number, &turn, End::OverBudget);
        }
        self.release_held(number, turn, |asked| asked == question, answer.allows());
    }

    /// Calls that a limit held are tried again, or refused.
    pub(super) fn release_held(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        is_meant: impl Fn(u32) -> bool,
        is_allowed: bool,
    ) {
        let mut round = match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Calling(round) => round,
            other => {
                turn.stage = other;
                return self.put_turn(number, turn);
            }
        };
        for calling in &mut round {
            let CallStage::Held { question, .. } = &calling.stage else { continue };
            if !is_meant(*question) {
                continue;
            }
            self.approvals.take(*question);
            let covered = calling.call.clone().map(|call| {
                let (verdict, handles) = self.cover(&call);
                (call, verdict, handles)
            });
            calling.stage = match covered {
                Some((call, Verdict::Covered { .. }, handles)) if is_allowed => {
                    self.start_call(number, &turn, calling.number, &call, &calling.id, handles)
                }
                _ if is_allowed => refused(&calling.id, "not run: no grant covers it any more"),
                _ => refused(&calling.id, "not run: a limit was reached, and nobody raised it"),
            };
        }
        turn.stage = Stage::Calling(round);
        self.go_on(number, turn);
    }

    /// A turn whose time has come.
    pub(super) fn due(&mut self, number: ConversationNumber, mut turn: Box<Turn>) {
        match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Pausing(waiting) => {
                let next = self.route.resume(waiting, self.now.instant);
                self.follow(number, turn, next);
            }
            Stage::Held { question, .. } => {
                self.approvals.take(question);
                self.ask(number, turn);
            }
            stage @ Stage::Calling(_) => {
                turn.stage = stage;
                self.overdue(number, &mut turn);
                let now = self.now.instant;
                let due: Vec<u32> = match &turn.stage {
                    Stage::Calling(round) => {
                        let due = round.iter().filter_map(|calling| match calling.stage {
                            CallStage::Held { question, retry: Some(retry), .. }
                                if retry <= now =>
                            {
                                Some(question)
                            }
                            _ => None,
                        });
                        due.collect()
                    }
                    _ => Vec::new(),
                };
                self.release_held(number, turn, |question| due.contains(&question), true);
            }
            stage => {
                turn.stage = stage;
                self.put_turn(number, turn);
            }
        }
    }
}

fn refused(id: &str, why: &str) -> CallStage {
    let result = ToolResult { id: id.to_string(), content: why.to_string(), is_error: true };
    CallStage::Done(Outcome { result, is_output: false })
}

fn until_tomorrow(now: Timestamp) -> Duration {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    Duration::from_millis(DAY_MS - now.0 % DAY_MS)
}
