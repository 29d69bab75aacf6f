//! What servers would have models answer, in records and in snapshots.
//!
//! # Invariants
//! - What is written reads back as the same value, and does what it would have done.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::Agent;
use super::super::codec::{self, Unreadable, flag, number, text};
use super::super::number::{CallNumber, ConversationNumber, ExchangeNumber, TurnNumber};
use super::super::turn::Spending;
use super::super::underway::{keep_handles, restore_handles};
use super::{Sampling, Stage, Underway};
use crate::channel::Person;
use crate::llm::route::{Attempt, Waiting};
use crate::text::json::{ObjectWriter, Value};

type Out<'o, 's> = &'o mut ObjectWriter<'s, String>;

impl Sampling {
    pub(in super::super) fn write(&self, out: Out<'_, '_>) {
        out.optional("system", self.system.as_deref());
        out.array("messages", |out| {
            for message in &self.messages {
                out.object(|out| codec::write_message(out, message));
            }
        });
        out.field("tokens_max", u64::from(self.tokens_max));
        if !self.stops.is_empty() {
            out.array("stops", |out| {
                for stop in &self.stops {
                    out.value(stop.as_str());
                }
            });
        }
    }

    pub(in super::super) fn read(value: Value<'_>) -> Result<Self, Unreadable> {
        let system = value.find("system").map(|system| system.as_str()).transpose()?;
        let messages = value.get("messages")?.elements()?.map(codec::read_message);
        let mut stops = Vec::new();
        if let Some(kept) = value.find("stops") {
            for stop in kept.elements()? {
                stops.push(stop.as_str()?.to_string());
            }
        }
        Ok(Self {
            system: system.map(ToString::to_string),
            messages: messages.collect::<Result<_, _>>()?,
            tokens_max: small(value, "tokens_max")?,
            stops,
        })
    }
}

impl Agent {
    /// What servers wait for in a conversation, kept under its key. A log from before there was
    /// any of it has none.
    pub(in super::super) fn keep_samplings(&self, number: ConversationNumber, out: Out<'_, '_>) {
        let mut own = self.samplings.iter().filter(|known| known.conversation == number).peekable();
        if own.peek().is_some() {
            out.array("samplings", |out| {
                for known in own {
                    out.object(|out| known.keep(out));
                }
            });
        }
    }
}

/// Reads it back.
pub(in super::super) fn restore_samplings(
    conversation: ConversationNumber,
    value: Value<'_>,
    samplings: &mut Vec<Underway>,
) -> Result<(), Unreadable> {
    if let Some(kept) = value.find("samplings") {
        for kept in kept.elements()? {
            samplings.push(Underway::restore(conversation, kept)?);
        }
    }
    Ok(())
}

impl Underway {
    fn keep(&self, out: Out<'_, '_>) {
        out.field("turn", self.turn.0).field("person", u64::from(self.person.0));
        out.field("call", self.call.0).field("number", self.number);
        out.field("skill", &*self.skill).field("is_approved", self.is_approved);
        self.sampling.write(out);
        match &self.stage {
            Stage::Moving => {}
            Stage::Asking(question) => {
                out.field("question", u64::from(*question));
            }
            Stage::Sent { exchange, attempt, spending, handles } => {
                out.field("exchange", exchange.0);
                out.object("attempt", |out| attempt.keep(out, codec::error_word));
                keep_handles(handles, out);
                spending.keep(out);
            }
            Stage::Pausing(waiting) => {
                out.object("waiting", |out| waiting.keep(out, codec::error_word));
                if let Some(error) = waiting.because() {
                    codec::write_error(out, error);
                }
            }
        }
    }

    fn restore(conversation: ConversationNumber, value: Value<'_>) -> Result<Self, Unreadable> {
        let strange = || Unreadable::new("a request of a server to a model");
        let stage = if let Some(attempt) = value.find("attempt") {
            let handles = restore_handles(value)?;
            Stage::Sent {
                exchange: ExchangeNumber(number(value, "exchange")?),
                attempt: Attempt::restore(attempt, codec::error_kind).ok_or_else(strange)?,
                spending: Spending::restore(value)?,
                handles: handles.try_into().map_err(|_| strange())?,
            }
        } else if let Some(waiting) = value.find("waiting") {
            let because = value.find("error").is_some().then(|| codec::read_error(value));
            let waiting = Waiting::restore(waiting, because.transpose()?, codec::error_kind);
            Stage::Pausing(waiting.ok_or_else(strange)?)
        } else {
            Stage::Asking(small(value, "question")?)
        };
        Ok(Self {
            conversation,
            turn: TurnNumber(number(value, "turn")?),
            person: Person(small(value, "person")?),
            call: CallNumber(number(value, "call")?),
            number: number(value, "number")?,
            skill: text(value, "skill")?.into(),
            sampling: Sampling::read(value)?,
            is_approved: flag(value, "is_approved")?,
            stage,
        })
    }
}

fn small(value: Value<'_>, key: &str) -> Result<u32, Unreadable> {
    u32::try_from(number(value, key)?).map_err(|_| Unreadable::new("a number is too large"))
}
