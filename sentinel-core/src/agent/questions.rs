//! Asking people, and what follows from what they say.
//!
//! # Invariants
//! - An approval allows the calls it was asked for, as they were shown, and only if grants still
//!   cover them.
//! - What cannot be shown whole is not asked about, but refused.
//! - A question that cannot be asked is answered no.
//! - Guests leave room for the questions of those who were let in.
//! - Every question that was asked ends on the record, whoever or whatever ends it.
//!
//! # Not here
//! Who may answer: [`intake`](super::intake) for chats, the shell for operators.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::Agent;
use super::approval::{self, Answer, Approval, By, Subject};
use super::authority::{Ruling, hex_short};
use super::eliciting::{Asked, Told};
use super::number::{CallNumber, ConversationNumber};
use super::outbox::{Order, Saying};
use super::record::Kind;
use super::turn::{CallStage, Calling, End, Stage, Turn};
use crate::budget::{Accounts, Amount, AtLimit, Exceeded, Scope};
use crate::capability::{Handle, Verdict};
use crate::channel::Standing;
use crate::fault::{Fault, is_broken};
use crate::label::{Answer as Ruled, Endorsement, questions};
use crate::limits::{
    GUEST_QUESTIONS_MAX, GUESTS_QUESTIONS_MAX, PAUSE_TIME_MAX, QUESTION_BYTES_MAX,
    TURN_QUESTIONS_MAX,
};
use crate::time::{Instant, Timestamp};

impl Agent {
    /// Asks about the calls of a round that a person has to allow: of each kind in one question.
    pub(super) fn question_round(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        round: &mut [Calling],
        asked: Vec<(usize, Ruling)>,
    ) {
        let asked = asked.into_iter().filter_map(|(place, ruling)| {
            let topic = ruling.topic.clone()?;
            Some((topic, (place, ruling)))
        });
        for (_, calls) in questions(asked) {
            // One answer is for all of a question, so what is offered is offered for all of it.
            let (always, once): (Vec<_>, Vec<_>) =
                calls.into_iter().partition(|(_, ruling)| ruling.may_be_always);
            for calls in [always, once] {
                let (mut together, mut bytes) = (Vec::new(), 0);
                for (place, ruling) in calls {
                    bytes += ruling.text.len();
                    if bytes > QUESTION_BYTES_MAX && !together.is_empty() {
                        bytes = ruling.text.len();
                        let together = core::mem::take(&mut together);
                        self.question_calls(conversation, turn, round, together);
                    }
                    together.push((place, ruling));
                }
                if !together.is_empty() {
                    self.question_calls(conversation, turn, round, together);
                }
            }
        }
    }

    fn question_calls(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        round: &mut [Calling],
        together: Vec<(usize, Ruling)>,
    ) {
        let places: Vec<usize> = together.iter().map(|(place, _)| *place).collect();
        let of_question = || places.iter().filter_map(|place| round.get(*place));
        let digest = approval::digest_of_calls(of_question().filter_map(|one| one.call.as_ref()));
        let numbers = of_question().map(|calling| calling.number).collect();
        let digests: Vec<_> =
            together.iter().map(|(_, ruling)| hex_short(&ruling.digest)).collect();
        let block = together.first().and_then(|(_, ruling)| ruling.block);
        let block = block.filter(|_| together.iter().all(|(_, other)| other.block == block));
        let may_be_always = together.iter().all(|(_, ruling)| ruling.may_be_always);
        let mut text = match together.len() {
            1 => String::new(),
            count => format!("{count} calls of one kind, which one answer is for:\n"),
        };
        for (_, ruling) in together {
            text += &ruling.text;
            text.push('\n');
        }
        let expires = self.now.instant.after(self.settings.turn.question_time_max);
        let is_showable = text.len() <= QUESTION_BYTES_MAX;
        let asked = is_showable.then(|| {
            let (subject, person) = (Subject::Calls(numbers), Some(turn.person));
            self.put_question(
                Approval {
                    conversation,
                    turn: turn.number,
                    person,
                    subject,
                    digest,
                    block,
                    may_be_always,
                    text,
                    expires,
                },
                &digests,
            )
        });
        let why = match asked {
            Some(Some(_)) => return,
            Some(None) => "not run: it needs an answer, and too many questions wait already",
            None => {
                "not run: it needs a person's answer, and it is too long to be shown whole. Make \
                 it smaller, or do it in parts"
            }
        };
        for place in places {
            if let Some(calling) = round.get_mut(place) {
                calling.stage = CallStage::refused(&calling.id, why.into());
            }
        }
    }

    pub(super) fn put_question(&mut self, mut approval: Approval, calls: &[String]) -> Option<u32> {
        let number = self.approvals.next_number();
        let conversation = approval.conversation;
        let mut ways = format!("/approve {number}");
        if approval.may_be_always {
            ways += &format!(", /approve {number} always");
        }
        if let Some(block) = approval.block {
            ways += &format!(
                ", /approve {number} trust (and for what else is asked now because of {block})"
            );
        }
        let until = "Without an answer in time it is denied.";
        let how = match (&approval.subject, self.is_outside(conversation)) {
            (Subject::Server(asked), is_outside) => asked.how(number, is_outside),
            (_, true) => {
                format!("An operator answers with 'sentinel approvals allow {number}', or deny")
            }
            (_, false) => format!("Answer {ways} or /deny {number}"),
        };
        approval.text = format!(
            "Question {number} [{}]\n{}\n{how}. {until}",
            hex_short(&approval.digest),
            approval.text.trim_end(),
        );
        let (text, digest) = (approval.text.clone(), approval.digest);
        let limit = match &approval.subject {
            Subject::Budget(Exceeded { scope, measure, .. }) => {
                Some(format!("{} of a {}", measure.name(), scope.name()))
            }
            Subject::Calls(_) | Subject::Server(_) | Subject::Sampling { .. } => None,
        };
        if self.approvals.of_turn(approval.turn).len() >= TURN_QUESTIONS_MAX
            || !self.has_room_for(&approval)
        {
            return None;
        }
        let asked = self.approvals.ask(approval)?;
        self.outbox.record(Kind::ApprovalAsked, conversation, |out| {
            out.field("question", u64::from(asked));
            out.field("digest", super::hex(&digest).as_str());
            out.optional("limit", limit.as_deref());
            out.array("calls", |out| {
                for digest in calls {
                    out.value(digest.as_str());
                }
            });
        });
        self.say(conversation, text, Saying::Question(asked));
        Some(asked)
    }

    /// Whether a question may wait, as far as it depends on whose it is. Guests have a share of all
    /// questions, and each of them a small one: they come unasked, and write in as many threads as
    /// they like.
    fn has_room_for(&self, approval: &Approval) -> bool {
        let is_guests = |approval: &Approval| {
            let person = approval.person.and_then(|person| self.access.person(person));
            // Who lets an assistant in from outside answers for it.
            person.is_some_and(|known| known.standing == Standing::Guest)
                && !self.is_outside(approval.conversation)
        };
        if !is_guests(approval) {
            return true;
        }
        let (mut all, mut own) = (0, 0);
        for (_, other) in self.approvals.iter().filter(|(_, other)| is_guests(other)) {
            all += 1;
            own += usize::from(other.person == approval.person);
        }
        all < GUESTS_QUESTIONS_MAX && own < GUEST_QUESTIONS_MAX
    }

    /// A question waits no longer, and that is recorded, with what it came to. Says what it was, if
    /// it waited.
    pub(super) fn end_question(
        &mut self,
        question: u32,
        answer: Answer,
        how: &str,
    ) -> Option<Approval> {
        self.end_question_by(question, answer, (how, By::Time), None)
    }

    /// The same, with who did it, and what they said to it.
    pub(super) fn end_question_by(
        &mut self,
        question: u32,
        answer: Answer,
        (how, by): (&str, By),
        values: Option<&str>,
    ) -> Option<Approval> {
        let approval = self.approvals.take(question)?;
        self.outbox.record(Kind::ApprovalAnswered, approval.conversation, |out| {
            out.field("question", u64::from(question)).field("answer", answer.word());
            out.field("how", how);
            out.optional("person", by.person().map(|person| u64::from(person.0)));
            out.optional("values", values);
        });
        if let Subject::Server(asked) = &approval.subject {
            self.asked_is_over(approval.conversation, asked.call);
        }
        Some(approval)
    }

    /// A question needs no answer any more, and whoever was asked is told so.
    pub(super) fn void_question(&mut self, question: u32, why: &str) {
        if is_broken(Fault::LostQuestion) {
            self.approvals.take(question);
        } else if let Some(approval) = self.end_question(question, Answer::No, why) {
            if let Subject::Server(Asked { call, number, .. }) = approval.subject
                && !is_broken(Fault::LostReply)
            {
                self.outbox.order(Order::Reply { call, number, told: Told::Nothing });
            }
            if let Subject::Sampling { call, number } = approval.subject {
                self.sampling_voided((call, number), why);
            }
            let text = format!("Question {question} is void: {why}.");
            self.notice(approval.conversation, text);
        }
    }

    /// A question is answered, by a person or by time.
    pub(super) fn answered(&mut self, question: u32, answer: Answer, by: By) {
        let ended = self.end_question_by(question, answer, (&by.how(), by), None);
        let Some(approval) = ended else { return };
        let conversation = approval.conversation;
        if answer == Answer::Alert {
            self.alert_of_denial(question, &approval, by);
        }
        if let Subject::Server(asked) = &approval.subject {
            return self.server_answered(asked, answer, by);
        }
        if let Subject::Sampling { call, number } = approval.subject {
            return self.sampling_answered((call, number), answer, by);
        }
        let Some(turn) = self.take_turn(conversation) else { return };
        if turn.number != approval.turn {
            return self.put_turn(conversation, turn);
        }
        match approval.subject.clone() {
            Subject::Server(_) | Subject::Sampling { .. } => self.put_turn(conversation, turn),
            Subject::Calls(calls) => {
                self.calls_answered(conversation, turn, question, &calls, &approval, (answer, by));
            }
            Subject::Budget(exceeded) => {
                self.budget_answered(conversation, turn, question, &exceeded, answer);
            }
        }
    }

    fn calls_answered(
        &mut self,
        conversation: ConversationNumber,
        mut turn: Box<Turn>,
        question: u32,
        numbers: &[CallNumber],
        approval: &Approval,
        (answer, by): (Answer, By),
    ) {
        let mut round = match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Calling(round) => round,
            other => {
                turn.stage = other;
                return self.put_turn(conversation, turn);
            }
        };
        let is_meant = |calling: &Calling| {
            numbers.contains(&calling.number) && matches!(calling.stage, CallStage::Asking)
        };
        let meant = || round.iter().filter(|calling| is_meant(calling));
        let digest = approval::digest_of_calls(meant().filter_map(|one| one.call.as_ref()));
        let is_same = digest == approval.digest;
        let answer = match is_broken(Fault::UnboundAnswer) {
            true => Answer::Once,
            false => answer,
        };
        if answer == Answer::Trust && is_same {
            self.endorse(conversation, approval, by);
        }
        for calling in round.iter_mut().filter(|calling| is_meant(calling)) {
            let Some(call) = calling.call.clone() else { continue };
            let (verdict, handles) = self.cover(&call);
            let is_covered = matches!(verdict, Verdict::Covered { .. });
            calling.stage = match answer.allows() && is_same && is_covered {
                true => {
                    // What holds from now on for everybody is not for one of them to say.
                    if matches!(by, By::Operator(_)) {
                        self.confirm(&handles);
                    }
                    let is_lasting = answer == Answer::Always || is_broken(Fault::LastingAnswer);
                    if is_lasting && approval.may_be_always {
                        self.grant_always(conversation, &call);
                    }
                    let number = calling.number;
                    self.start_call(conversation, &turn, number, &call, &calling.id, handles)
                }
                false if answer.allows() => refused(&calling.id, "no grant covers it any more"),
                false => refused(&calling.id, "a person, or the time for an answer, said no"),
            };
        }
        if answer == Answer::Trust {
            self.answer_followers(conversation, &turn, question, &mut round);
        }
        turn.stage = Stage::Calling(round);
        self.go_on(conversation, turn);
    }

    /// A block was endorsed: other calls of the round that asked only because of it need no answer
    /// of their own.
    fn answer_followers(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        question: u32,
        round: &mut [Calling],
    ) {
        for other in self.approvals.of_turn(turn.number) {
            let approval = self.approvals.find(other);
            let Some(Subject::Calls(numbers)) = approval.map(|found| found.subject.clone()) else {
                continue;
            };
            let is_allowed = |calling: &Calling| {
                let call = calling.call.as_ref();
                call.is_some_and(|call| {
                    let ruling = self.consider(conversation, turn.person, call);
                    ruling.answer == Ruled::Allow
                })
            };
            let mut meant = round.iter().filter(|calling| numbers.contains(&calling.number));
            if !meant.all(is_allowed) {
                continue;
            }
            let how = format!("answered with question {question}");
            self.end_question(other, Answer::Trust, &how);
            for calling in round.iter_mut().filter(|calling| numbers.contains(&calling.number)) {
                let Some(call) = calling.call.clone() else { continue };
                let (person, number) = (turn.person, calling.number);
                let Ruling { answer, handles, .. } = self.rule(conversation, person, number, &call);
                // One before it may have used up what both were allowed by.
                calling.stage = match answer {
                    Ruled::Allow => {
                        self.start_call(conversation, turn, number, &call, &calling.id, handles)
                    }
                    _ => refused(&calling.id, "no grant covers it any more"),
                };
            }
        }
    }

    fn endorse(&mut self, conversation: ConversationNumber, approval: &Approval, by: By) {
        let Some(block) = approval.block else { return };
        let expires = self.now.wall.after(self.settings.turn.question_time_max);
        let person = match by.person() {
            Some(person) => person.to_string(),
            None => "an operator outside of the chats".to_string(),
        };
        let Some(memory) = self.conversation(conversation).map(|chat| chat.memory()) else {
            return;
        };
        let Some(text) = memory.text(block).map(ToString::to_string) else { return };
        let endorsement = Endorsement { block, person: person.into(), expires };
        let said = endorsement.to_string();
        let outcome = memory.context.endorse(endorsement, &text);
        self.outbox.record(Kind::Endorsed, conversation, |out| {
            out.field("endorsement", said.as_str()).field("is_taken", outcome.is_ok());
            out.optional("person", by.person().map(|person| u64::from(person.0)));
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
        handles: Vec<Handle>,
        exceeded: &Exceeded,
    ) -> CallStage {
        self.record_exceeded(number, exceeded);
        match self.question_budget(number, turn, exceeded) {
            Some((question, retry)) => CallStage::Held { question, retry, handles },
            None => CallStage::refused(id, format!("not run: {exceeded}")),
        }
    }

    pub(super) fn record_exceeded(&mut self, number: ConversationNumber, exceeded: &Exceeded) {
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
            AtLimit::Ask => (self.now.instant.after(self.settings.turn.question_time_max), None),
            AtLimit::Pause => {
                let is_daily = matches!(exceeded.scope, Scope::Day | Scope::Person);
                let retry = is_daily.then(|| self.now.instant.after(until_tomorrow(self.now.wall)));
                (self.now.instant.after(PAUSE_TIME_MAX), retry)
            }
        };
        // One question about a limit is enough: its answer is for all that waits for it.
        let is_asked = |question: &u32| {
            let approval = self.approvals.find(*question);
            approval.is_some_and(|known| known.is_about(exceeded))
        };
        if let Some(asked) = self.approvals.of_turn(turn.number).into_iter().find(is_asked)
            && !is_broken(Fault::RepeatedQuestion)
        {
            return Some((asked, retry));
        }
        let (text, more) = (exceeded.to_string(), exceeded.more());
        let question = self.put_question(
            Approval {
                conversation,
                turn: turn.number,
                person: Some(turn.person),
                digest: approval::digest(&text),
                subject: Subject::Budget(*exceeded),
                block: None,
                may_be_always: false,
                text: format!("{text}. Allow {more} more, for all that waits for it here?"),
                expires,
            },
            &[],
        )?;
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
        let accounts = self.accounts(number, &turn);
        if answer.allows() {
            self.budgets.extend(accounts, exceeded, exceeded.limit, self.now.wall);
        }
        if matches!(turn.stage, Stage::Held { question: asked, .. } if asked == question) {
            turn.stage = Stage::Moving;
            if answer.allows() {
                self.ask(number, turn);
                return self.answer_limit(question, exceeded, accounts);
            }
            self.notice(number, exceeded.to_string());
            return self.end_turn(number, &turn, End::OverBudget);
        }
        self.release_held(number, turn, |asked| asked == question, answer.allows());
        if answer.allows() {
            self.answer_limit(question, exceeded, accounts);
        }
    }

    /// A limit was raised: what other turns wait for in the same account goes on as well, as far as
    /// there is room for it now. Nobody has to raise it a second time for them.
    fn answer_limit(&mut self, question: u32, exceeded: &Exceeded, accounts: Accounts) {
        let how = format!("answered with question {question}");
        for (other, conversation, wanted) in self.approvals.about(exceeded) {
            let turn = self.conversations.get(&conversation).and_then(|chat| chat.turn.as_ref());
            let Some(own) = turn.map(|turn| self.accounts(conversation, turn)) else { continue };
            let is_same = own.account(exceeded.scope) == accounts.account(exceeded.scope);
            let wanted = Amount::of_one(exceeded.measure, wanted);
            if !is_same || self.budgets.exceeded(own, wanted, self.now.wall).is_some() {
                continue;
            }
            let Some(mut turn) = self.take_turn(conversation) else { continue };
            self.end_question(other, Answer::Once, &how);
            if matches!(turn.stage, Stage::Held { question, .. } if question == other) {
                turn.stage = Stage::Moving;
                self.ask(conversation, turn);
            } else {
                self.release_held(conversation, turn, |asked| asked == other, true);
            }
        }
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
            let CallStage::Held { question, handles, .. } = &calling.stage else { continue };
            if !is_meant(*question) {
                continue;
            }
            // If it was not this answer that ended it, none is needed any more.
            self.void_question(*question, TRIED_AGAIN);
            // It was allowed with these grants, by the rules or by a person. With others it would
            // have to be decided again.
            let (handles, call) = (handles.clone(), calling.call.clone());
            let call = call.filter(|call| self.is_covered_by(call, &handles));
            calling.stage = match call {
                Some(call) if is_allowed => {
                    self.start_call(number, &turn, calling.number, &call, &calling.id, handles)
                }
                None if is_allowed => {
                    refused(&calling.id, "the grants for it changed while it waited")
                }
                _ => refused(&calling.id, "a limit was reached, and nobody raised it"),
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
                self.void_question(question, TRIED_AGAIN);
                self.ask(number, turn);
            }
            Stage::Arriving(arriving) => self.arrives_late(number, turn, arriving),
            Stage::Asking { exchange, attempt, spending } => {
                self.exchange_due(number, turn, (exchange, attempt, spending));
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

/// Why a question is void that was asked under other settings.
pub(super) const SETTINGS_CHANGED: &str = "the settings changed";

/// Why a question about a limit is void when the limit may have room again.
const TRIED_AGAIN: &str = "it is tried again without an answer";

fn refused(id: &str, why: &str) -> CallStage {
    CallStage::refused(id, format!("not run: {why}"))
}

fn until_tomorrow(now: Timestamp) -> Duration {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    Duration::from_millis(DAY_MS - now.0 % DAY_MS)
}
