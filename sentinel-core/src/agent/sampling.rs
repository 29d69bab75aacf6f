//! What the server of a skill would have a model answer, while a call of it goes on.
//!
//! The words are the server's: what it asks, and how the model is to behave. Nothing of the
//! conversation goes with them, no persona and no tool, so the answer can tell the server nothing
//! but what a model makes of its own words. It goes to that server alone; what the agent hears of
//! it is what the call gives back, which is judged like any output.
//!
//! # Invariants
//! - Only a call that runs has a model asked, and what it asked ends with it.
//! - A model is asked only with two grants: the agent's own for it, and one of that model for that
//!   skill; and only after what it may cost was reserved, for the turn of the call.
//! - Each request has one answer, and the record of it stands before the server hears of it.
//! - While one waits the clock of its call stands: a model's time is reserved by itself.
//!
//! # Not here
//! Whether it is granted, and asking people: `deciding`. Asking models: `exchanging`.

mod deciding;
mod exchanging;
mod kept;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) use self::kept::restore_samplings;
use super::Agent;
use super::approval::Answer;
use super::eliciting::Told;
use super::number::{CallNumber, ConversationNumber, ExchangeNumber, TurnNumber};
use super::outbox::Order;
use super::questions::SETTINGS_CHANGED;
use super::record::Kind;
use super::turn::Spending;
use crate::budget::Accounts;
use crate::capability::Handle;
use crate::channel::Person;
use crate::limits::{
    SAMPLING_BLOCKS_MAX, SAMPLING_BYTES_MAX, SAMPLING_MESSAGES_MAX, SAMPLING_STOPS_MAX,
};
use crate::llm::route::{Attempt, Waiting};
use crate::llm::{Block, Message, StopReason};
use crate::time::Instant;

/// What a server would have a model answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// How the model is to behave, in the server's words.
    pub system: Option<String>,
    /// What it is to read: texts alone.
    pub messages: Vec<Message>,
    /// The most tokens of the answer; fewer, if that is too many.
    pub tokens_max: u32,
    /// Texts that end the answer.
    pub stops: Vec<String>,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Its words.
    pub text: String,
    /// Its name.
    pub model: String,
    /// Why it stopped.
    pub stop: StopReason,
}

/// Why a server is not told what a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsampled {
    /// Somebody who was asked said no, or nobody said anything.
    Denied(String),
    /// It may not be asked, or not like this.
    Refused(String),
    /// No model answered.
    Failed(String),
}

impl Sampling {
    /// Whether a person could look through it and a model be asked.
    ///
    /// # Errors
    /// Which bound it passes.
    pub fn check(&self) -> Result<(), String> {
        let texts = self.texts();
        let texts =
            texts.ok_or("models are asked with texts alone: no pictures, sounds or tools")?;
        if !(1..=SAMPLING_MESSAGES_MAX).contains(&self.messages.len()) {
            return Err(format!("models are asked with 1 to {SAMPLING_MESSAGES_MAX} messages"));
        }
        if texts.len() > SAMPLING_BLOCKS_MAX {
            return Err(format!("messages are {SAMPLING_BLOCKS_MAX} texts together at most"));
        }
        if self.stops.len() > SAMPLING_STOPS_MAX {
            return Err(format!("{SAMPLING_STOPS_MAX} texts at most end an answer"));
        }
        let others = self.system.iter().chain(&self.stops).map(String::len);
        let bytes = texts.iter().map(|text| text.len()).chain(others).sum::<usize>();
        if bytes > SAMPLING_BYTES_MAX {
            return Err(format!("models are asked with {SAMPLING_BYTES_MAX} bytes at most"));
        }
        match self.tokens_max {
            0 => Err("an answer has one token at least".into()),
            _ => Ok(()),
        }
    }

    /// The texts of its messages, if they are all texts.
    fn texts(&self) -> Option<Vec<&str>> {
        let blocks = self.messages.iter().flat_map(|message| &message.blocks);
        let texts = blocks.map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// As much of it as a record shows, if it is more than [`check`](Self::check) allows.
    #[must_use]
    pub(crate) fn bounded(self) -> Self {
        match self.check() {
            Ok(()) => self,
            Err(_) => {
                let (messages, stops) = (Vec::new(), Vec::new());
                Self { system: None, messages, tokens_max: self.tokens_max, stops }
            }
        }
    }
}

impl Unsampled {
    /// Why, in words.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Denied(why) | Self::Refused(why) | Self::Failed(why) => why,
        }
    }
}

/// A request of a server that is under way.
#[derive(Debug)]
pub(super) struct Underway {
    conversation: ConversationNumber,
    turn: TurnNumber,
    person: Person,
    call: CallNumber,
    /// The server's request, as the shell counts them.
    number: u64,
    skill: Box<str>,
    sampling: Sampling,
    /// Whether somebody who was asked allowed it.
    is_approved: bool,
    stage: Stage,
}

/// What it waits for.
#[derive(Debug)]
enum Stage {
    /// Between two stages.
    Moving,
    /// A person.
    Asking(u32),
    /// A model, which was asked by these grants: the agent's own, and the one for the skill.
    Sent { exchange: ExchangeNumber, attempt: Attempt, spending: Spending, handles: [Handle; 2] },
    /// To ask a model again.
    Pausing(Waiting),
}

impl Underway {
    fn is(&self, call: CallNumber, number: u64) -> bool {
        self.call == call && self.number == number
    }

    fn accounts(&self) -> Accounts {
        let person = u64::from(self.person.0);
        Accounts { turn: self.turn.0, conversation: self.conversation.0, person }
    }

    pub(super) const fn conversation(&self) -> ConversationNumber {
        self.conversation
    }

    pub(super) fn exchange(&self) -> Option<ExchangeNumber> {
        match &self.stage {
            Stage::Sent { exchange, .. } => Some(*exchange),
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Sent { spending, .. } => spending.until(),
            Stage::Pausing(waiting) => Some(waiting.until()),
            // The question has a time of its own.
            Stage::Moving | Stage::Asking(_) => None,
        }
    }

    /// When it ended is not known: it counts as all that it could have taken.
    pub(super) fn take_all(&mut self, now: Instant) {
        if let Stage::Sent { spending, .. } = &mut self.stage {
            spending.take_all(now);
        }
    }
}

impl Agent {
    /// When a request of a server does something by itself.
    pub(super) fn samplings_deadline(&self) -> Option<Instant> {
        self.samplings.iter().filter_map(Underway::deadline).min()
    }

    /// Whether a call's server waits for a model.
    pub(super) fn is_sampling_for(&self, call: CallNumber) -> bool {
        self.samplings.iter().any(|known| known.call == call)
    }

    pub(crate) fn is_of_sampling(&self, exchange: ExchangeNumber) -> bool {
        self.samplings.iter().any(|known| known.exchange() == Some(exchange))
    }

    fn take_sampling(&mut self, is_it: impl Fn(&Underway) -> bool) -> Option<Underway> {
        let place = self.samplings.iter().position(is_it)?;
        Some(self.samplings.remove(place))
    }

    /// A request of a server is over, and the server is told what came of it.
    fn sampling_ends(&mut self, underway: &Underway, outcome: Result<Sampled, Unsampled>) {
        let Underway { conversation, call, number, .. } = *underway;
        self.answer_server(conversation, (call, number), outcome);
    }

    fn answer_server(
        &mut self,
        conversation: ConversationNumber,
        (call, number): (CallNumber, u64),
        outcome: Result<Sampled, Unsampled>,
    ) {
        self.outbox.record(Kind::SamplingEnded, conversation, |out| {
            out.field("call", call.0).field("number", number);
            match &outcome {
                Ok(sampled) => out.field("bytes", sampled.text.len() as u64),
                Err(unsampled) => out.field("why", unsampled.why()),
            };
        });
        self.outbox.order(Order::Reply { call, number, told: Told::Sampled(outcome) });
        self.asked_is_over(conversation, call);
    }

    /// What a call asked is over, or one of it, and nobody is told of an answer. Questions about it
    /// are over by then.
    pub(super) fn end_samplings(&mut self, call: CallNumber, number: Option<u64>, how: &str) {
        let is_meant = |known: &Underway| {
            known.call == call && number.is_none_or(|number| known.number == number)
        };
        while let Some(mut underway) = self.take_sampling(is_meant) {
            self.leave_model(&mut underway, true);
            let Underway { conversation, call, number, .. } = underway;
            self.outbox.record(Kind::SamplingEnded, conversation, |out| {
                out.field("call", call.0).field("number", number).field("why", how);
            });
            self.asked_is_over(conversation, call);
        }
    }

    /// Other settings hold: nothing goes on that was judged by those from before.
    pub(super) fn void_samplings(&mut self, has_other_models: bool) {
        while let Some(mut underway) = self.samplings.pop() {
            if let Stage::Asking(question) = underway.stage
                && self.end_question(question, Answer::No, SETTINGS_CHANGED).is_some()
            {
                let text = format!("Question {question} is void: {SETTINGS_CHANGED}.");
                self.notice(underway.conversation, text);
            }
            // In another chain the attempt has no place.
            self.leave_model(&mut underway, !has_other_models);
            let why = format!("{SETTINGS_CHANGED}; it may be asked again");
            self.sampling_ends(&underway, Err(Unsampled::Failed(why)));
        }
    }

    /// Grants were revoked, or a rule was made that forbids: models that were asked by them are not
    /// listened to any more.
    pub(super) fn stop_ungranted_samplings(&mut self) {
        let asked: Vec<ExchangeNumber> =
            self.samplings.iter().filter_map(Underway::exchange).collect();
        for exchange in asked {
            if self.is_sampling_granted(exchange, self.now.wall) {
                continue;
            }
            let is_it = |known: &Underway| known.exchange() == Some(exchange);
            let Some(mut underway) = self.take_sampling(is_it) else { continue };
            self.leave_model(&mut underway, true);
            let why = Unsampled::Refused("a grant for it was revoked meanwhile".into());
            self.sampling_ends(&underway, Err(why));
        }
    }

    /// Nobody waits for a model that was asked. What it cost nobody will say, but how long it took
    /// is known.
    fn leave_model(&mut self, underway: &mut Underway, has_place: bool) {
        let stage = core::mem::replace(&mut underway.stage, Stage::Moving);
        let Stage::Sent { exchange, attempt, spending, .. } = stage else { return };
        self.exchanges.remove(&exchange);
        if has_place {
            self.route.abandoned(attempt);
        }
        self.settle(underway.conversation, spending, spending.by_clock(self.now.instant));
        self.outbox.order(Order::Unask(exchange));
    }
}
