//! How models have been, a request that is under way, and one that waits, in a snapshot.
//!
//! # Invariants
//! - What is restored is what was kept: who holds the right to try a model that was set aside holds
//!   it afterwards.
//!
//! # Not here
//! Words for errors: the agent has those.

use alloc::vec::Vec;

use super::health::Health;
use super::{Attempt, Exchange, ModelIndex, Route, Ticket, Waiting};
use crate::llm::error::{ModelError, ModelErrorKind};
use crate::text::json::{ObjectWriter, Sink, Value};
use crate::time::Instant;

impl Route {
    /// Writes the members of its object: how its models have been.
    pub(crate) fn keep<S: Sink>(
        &self,
        out: &mut ObjectWriter<'_, S>,
        word: impl Fn(ModelErrorKind) -> &'static str,
    ) {
        out.field("tickets", self.tickets_count);
        out.array("models", |out| {
            for health in &self.health {
                out.object(|out| health.keep(out, &word));
            }
        });
    }

    /// How models have been, in this chain; `None` if it was another chain, or is not what was
    /// kept.
    pub(crate) fn restore(
        mut self,
        value: Value<'_>,
        kind: impl Fn(&str) -> Option<ModelErrorKind>,
    ) -> Option<Self> {
        self.tickets_count = value.find("tickets")?.as_u64().ok()?;
        let models = value.find("models")?.elements().ok()?;
        let health = models.map(|model| Health::restore(model, &kind));
        let health = health.collect::<Option<Vec<_>>>()?;
        (health.len() == self.health.len()).then_some(Self { health, ..self })
    }
}

impl Attempt {
    /// Writes the members of its object.
    pub(crate) fn keep<S: Sink>(
        &self,
        out: &mut ObjectWriter<'_, S>,
        word: impl Fn(ModelErrorKind) -> &'static str,
    ) {
        out.field("model", u64::from(self.model.0));
        out.optional("ticket", self.ticket.map(|ticket| ticket.0));
        out.object("exchange", |out| self.exchange.keep(out, word));
    }

    /// Reads it back; `None` if it is not what was kept.
    pub(crate) fn restore(
        value: Value<'_>,
        kind: impl Fn(&str) -> Option<ModelErrorKind>,
    ) -> Option<Self> {
        let exchange = Exchange::restore(value.find("exchange")?, kind)?;
        let ticket = match value.find("ticket") {
            Some(ticket) => Some(Ticket(ticket.as_u64().ok()?)),
            None => None,
        };
        Some(Self { model: index(value.find("model")?)?, exchange, ticket })
    }
}

impl Waiting {
    /// Writes the members of its object, all but [why](Self::because).
    pub(crate) fn keep<S: Sink>(
        &self,
        out: &mut ObjectWriter<'_, S>,
        word: impl Fn(ModelErrorKind) -> &'static str,
    ) {
        out.field("until", self.until.0);
        out.optional("keep", self.keep.map(|model| u64::from(model.0)));
        out.object("exchange", |out| self.exchange.keep(out, word));
    }

    /// Reads it back, with why it waits; `None` if it is not what was kept.
    pub(crate) fn restore(
        value: Value<'_>,
        because: Option<ModelError>,
        kind: impl Fn(&str) -> Option<ModelErrorKind>,
    ) -> Option<Self> {
        let keep = match value.find("keep") {
            Some(model) => Some(index(model)?),
            None => None,
        };
        let until = Instant(value.find("until")?.as_u64().ok()?);
        let exchange = Exchange::restore(value.find("exchange")?, kind)?;
        Some(Self { until, keep, exchange, because })
    }
}

impl Exchange {
    fn keep<S: Sink>(
        &self,
        out: &mut ObjectWriter<'_, S>,
        word: impl Fn(ModelErrorKind) -> &'static str,
    ) {
        out.field("began", self.began.0).field("attempts", u64::from(self.attempts));
        out.field("on_model", u64::from(self.on_model));
        out.array("candidates", |out| {
            for model in &self.candidates {
                out.value(u64::from(model.0));
            }
        });
        if let Some((model, kind)) = self.last {
            out.field("last", u64::from(model.0)).field("failed", word(kind));
        }
    }

    fn restore(value: Value<'_>, kind: impl Fn(&str) -> Option<ModelErrorKind>) -> Option<Self> {
        let number = |key| u32::try_from(value.find(key)?.as_u64().ok()?).ok();
        let candidates = value.find("candidates")?.elements().ok()?;
        let last = match value.find("last") {
            Some(model) => Some((index(model)?, kind(value.find("failed")?.as_str().ok()?)?)),
            None => None,
        };
        Some(Self {
            began: Instant(value.find("began")?.as_u64().ok()?),
            attempts: number("attempts")?,
            on_model: number("on_model")?,
            candidates: candidates.map(index).collect::<Option<Vec<_>>>()?,
            last,
        })
    }
}

fn index(value: Value<'_>) -> Option<ModelIndex> {
    u8::try_from(value.as_u64().ok()?).ok().map(ModelIndex)
}
