//! Whether a server may have a model asked: grants first, and where they say so a person.
//!
//! # Invariants
//! - What is decided is recorded, whether it is allowed, asked about or refused.
//! - Of several models that may be asked the strictest grant decides: which of them answers nobody
//!   knows before.
//! - What cannot be shown whole is not asked about, but refused.
//!
//! # Not here
//! The rules: [`capability`](crate::capability). Answers to questions: `questions`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::Agent;
use super::super::approval::{self, Answer, Approval, By, Subject};
use super::super::number::{CallNumber, ConversationNumber, TurnNumber};
use super::super::record::Kind;
use super::super::turn::{CallStage, Stage as TurnStage};
use super::{Sampling, Stage, Underway, Unsampled};
use crate::capability::{Grant, Handle, Holder, Level, Request, Resource, Table, Verdict};
use crate::channel::Person;
use crate::label::visible;
use crate::limits::{CALL_SAMPLINGS_AT_ONCE_MAX, CALL_SAMPLINGS_MAX, QUESTION_BYTES_MAX};
use crate::llm::route::ModelIndex;
use crate::llm::{Block, Role};
use crate::time::Timestamp;

/// What the grants say of a server and the models.
struct Ruling {
    /// The models that may be asked, the preferred one first.
    models: Vec<ModelIndex>,
    /// The grants by which.
    handles: Vec<Handle>,
    /// The strictest level of them.
    level: Level,
}

/// Whose call it is that asks.
struct Caller {
    turn: TurnNumber,
    person: Person,
    tool: String,
    skill: String,
}

impl Agent {
    /// Whether the server of a skill may have a model asked, as the grants are now. It is told so
    /// when it is started; each request is decided by itself.
    pub(crate) fn may_sample(&self, skill: &str, now: Timestamp) -> bool {
        let never = self.settings.installed.get(skill).map_or(&[][..], |it| &it.never);
        let may = |name: &str| self.table.may_sample(skill, name, never, now);
        self.settings.models.iter().any(|model| may(&model.name))
    }

    /// The server of a call would have a model answer something.
    pub(in super::super) fn call_samples(
        &mut self,
        (call, number): (CallNumber, u64),
        sampling: Sampling,
    ) {
        let Some(conversation) = self.calls.get(&call).copied() else { return };
        let caller = self.caller(conversation, call, number, &sampling);
        let skill = caller.as_ref().ok().map(|caller| caller.skill.clone());
        let ruled = caller.and_then(|caller| {
            let ruling = self.rule_sampling(conversation, &caller.skill)?;
            Ok((caller, ruling))
        });
        let answer = match &ruled {
            Err(_) => "deny",
            Ok((_, Ruling { level: Level::Allow, .. })) => "allow",
            Ok(_) => "ask",
        };
        self.outbox.record(Kind::SamplingDecided, conversation, |out| {
            out.field("call", call.0).field("number", number).field("answer", answer);
            out.optional("skill", skill.as_deref());
            if let Ok((_, Ruling { handles, .. })) = &ruled {
                out.array("handles", |out| {
                    for handle in handles {
                        out.value(handle.to_string().as_str());
                    }
                });
            }
        });
        let underway = |caller: &Caller| Underway {
            conversation,
            turn: caller.turn,
            person: caller.person,
            call,
            number,
            skill: caller.skill.as_str().into(),
            sampling,
            is_approved: false,
            stage: Stage::Moving,
        };
        let (caller, ruling) = match ruled {
            Ok(ruled) => ruled,
            Err(why) => return self.answer_server(conversation, (call, number), Err(why)),
        };
        let underway = underway(&caller);
        let now = self.now.instant;
        if let Some(calling) = self.calling(conversation, call) {
            calling.stage.stop_clock(now);
        }
        if ruling.level == Level::Allow {
            return self.begin_sampling(underway, &ruling.models);
        }
        match self.question_sampling(&underway, &caller.tool) {
            Ok(question) => {
                let stage = Stage::Asking(question);
                self.samplings.push(Underway { stage, ..underway });
            }
            Err(why) => self.sampling_ends(&underway, Err(Unsampled::Refused(why.into()))),
        }
    }

    /// Whose call it is, if that may have a model asked at all.
    fn caller(
        &mut self,
        conversation: ConversationNumber,
        call: CallNumber,
        number: u64,
        sampling: &Sampling,
    ) -> Result<Caller, Unsampled> {
        let refused = |why: &str| Unsampled::Refused(why.into());
        // No model of ours is asked there for anything.
        if self.is_outside(conversation) {
            return Err(refused("the assistant that makes this call has a model of its own"));
        }
        if let Some(halt) = self.why_halted() {
            return Err(refused(halt));
        }
        sampling.check().map_err(Unsampled::Refused)?;
        if self.samplings.iter().any(|known| known.is(call, number)) {
            return Err(refused("it has the number of another request that waits"));
        }
        let under_way = self.samplings.iter().filter(|known| known.call == call).count();
        if under_way >= CALL_SAMPLINGS_AT_ONCE_MAX {
            return Err(refused("as many requests of its call as may be wait already"));
        }
        let settings = self.settings.clone();
        let chat = self.conversation(conversation);
        let turn = chat.and_then(|chat| chat.turn.as_deref_mut());
        let turn = turn.ok_or(refused("nobody waits for its call"))?;
        let TurnStage::Calling(round) = &mut turn.stage else {
            return Err(refused("no call goes on"));
        };
        let calling = round.iter_mut().find(|calling| calling.number == call);
        let running = calling.filter(|it| matches!(it.stage, CallStage::Running { .. }));
        let calling = running.ok_or(refused("its call does not run"))?;
        if calling.samplings_count >= CALL_SAMPLINGS_MAX {
            return Err(refused("its call has asked a model as often as one may"));
        }
        let made = calling.call.as_ref().ok_or(refused("its call does not run"))?;
        let tool = made.tool();
        let skill = settings.skills.get(tool).map_or(tool, String::as_str);
        calling.samplings_count = calling.samplings_count.saturating_add(1);
        let (tool, skill) = (tool.into(), skill.into());
        let caller = Caller { turn: turn.number, person: turn.person, tool, skill };
        match self.unusable(&caller.tool) {
            Some(why) => Err(refused(why)),
            None => Ok(caller),
        }
    }

    /// Which models may be asked for a skill.
    fn rule_sampling(
        &self,
        conversation: ConversationNumber,
        skill: &str,
    ) -> Result<Ruling, Unsampled> {
        let (mut ruling, mut is_forbidden) =
            (Ruling { models: Vec::new(), handles: Vec::new(), level: Level::Allow }, false);
        let own = self.models(conversation);
        for model in &own {
            let request = Request::Sampling { skill, model: self.route.name(*model) };
            match self.table.decide(Holder::AGENT, &request, self.now.wall) {
                Verdict::Covered { handle, level } if !self.is_never_for(skill, &request) => {
                    ruling.models.push(*model);
                    ruling.level = ruling.level.max(level);
                    if !ruling.handles.contains(&handle) {
                        ruling.handles.push(handle);
                    }
                }
                Verdict::Denied { .. } | Verdict::Covered { .. } => is_forbidden = true,
                Verdict::Uncovered => {}
            }
        }
        let why = match (own.is_empty(), is_forbidden) {
            _ if !ruling.models.is_empty() => return Ok(ruling),
            (true, _) => "there is no model that may be asked".into(),
            (_, true) => "a rule forbids that this server has a model asked".into(),
            (false, false) => {
                let (model, is_prefix) = ("".into(), true);
                let resource = Resource::Sampling { skill: skill.into(), model, is_prefix };
                let grant = Grant::new(resource, Level::Allow);
                format!(
                    "sampling is not granted to {skill}; an operator grants it with: sentinel \
                     grant '{grant}'"
                )
            }
        };
        Err(Unsampled::Refused(why))
    }

    /// Whether a skill says itself that it shall never have this.
    fn is_never_for(&self, skill: &str, request: &Request<'_>) -> bool {
        let Some(installed) = self.settings.installed.get(skill) else { return false };
        let now = self.now.wall;
        let mut never = Table::new();
        let is_whole = installed.never.iter().all(|it| never.grant(it.clone(), now).is_ok());
        !is_whole || never.decide(Holder::AGENT, request, now) != Verdict::Uncovered
    }

    /// The grant by which a model may be asked for a skill, with the answer of a person where it
    /// wants one.
    pub(super) fn handle_for(&self, underway: &Underway, model: &str) -> Option<Handle> {
        let request = Request::Sampling { skill: &underway.skill, model };
        match self.table.decide(Holder::AGENT, &request, self.now.wall) {
            Verdict::Covered { handle, level } if level == Level::Allow || underway.is_approved => {
                Some(handle)
            }
            _ => None,
        }
    }

    /// Asks a person, who is shown all that the model would be.
    fn question_sampling(&mut self, underway: &Underway, tool: &str) -> Result<u32, &'static str> {
        let Underway { conversation, turn, person, call, number, skill, sampling, .. } = underway;
        let mut text = format!(
            "The server of the skill {skill} would have the model answer this, for its call \
             {tool}. These are its own words, which nobody vouches for:\n"
        );
        let system = sampling.system.iter().map(|system| ("it is to behave like this", &**system));
        let said = sampling.messages.iter().flat_map(|message| {
            let who = match message.role {
                Role::User => "it is asked",
                Role::Assistant => "as if it had said",
            };
            message.blocks.iter().filter_map(move |block| match block {
                Block::Text(text) => Some((who, text.as_str())),
                _ => None,
            })
        });
        for (what, words) in system.chain(said) {
            text += &format!("  {what}:\n");
            for line in words.lines() {
                text += &format!("  | {}\n", visible(line));
            }
            if text.len() > QUESTION_BYTES_MAX {
                break;
            }
        }
        for stop in &sampling.stops {
            text += &format!("  its answer ends before: \"{}\"\n", visible(stop));
        }
        text += &format!(
            "The answer, {} tokens of it at most, goes to that server. It costs what any answer \
             costs, and nothing of this conversation is sent.",
            super::exchanging::tokens_max(sampling),
        );
        if text.len() > QUESTION_BYTES_MAX {
            return Err("it needs a person's answer, and it is too long to be shown whole");
        }
        let expires = self.now.instant.after(self.settings.turn.question_time_max);
        let approval = Approval {
            conversation: *conversation,
            turn: *turn,
            person: Some(*person),
            digest: approval::digest(&format!("{call}\n{number}\n{text}")),
            subject: Subject::Sampling { call: *call, number: *number },
            block: None,
            may_be_always: false,
            text,
            expires,
        };
        self.put_question(approval, &[])
            .ok_or("it needs a person's answer, and too many questions wait already")
    }

    /// A person answered whether a server may have a model asked, or nobody did.
    pub(in super::super) fn sampling_answered(
        &mut self,
        (call, number): (CallNumber, u64),
        answer: Answer,
        by: By,
    ) {
        let Some(mut underway) = self.take_sampling(|known| known.is(call, number)) else { return };
        underway.stage = Stage::Moving;
        if !answer.allows() {
            let why = match by {
                By::Time => "nobody answered in time whether the model may be asked",
                By::Operator(_) | By::Person(_) => "somebody who was asked said no",
            };
            return self.sampling_ends(&underway, Err(Unsampled::Denied(why.into())));
        }
        underway.is_approved = true;
        match self.rule_sampling(underway.conversation, &underway.skill) {
            Err(why) => self.sampling_ends(&underway, Err(why)),
            Ok(Ruling { models, handles, .. }) => {
                // What holds from now on for everybody is not for one of them to say.
                if matches!(by, By::Operator(_)) {
                    self.confirm(&handles);
                }
                self.begin_sampling(underway, &models);
            }
        }
    }

    /// A question about it is void: so is what it asks.
    pub(in super::super) fn sampling_voided(
        &mut self,
        (call, number): (CallNumber, u64),
        why: &str,
    ) {
        if let Some(underway) = self.take_sampling(|known| known.is(call, number)) {
            self.sampling_ends(&underway, Err(Unsampled::Failed(why.into())));
        }
    }
}
