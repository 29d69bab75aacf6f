//! Figures: how much of everything there was since the start.
//!
//! They are counted where the journal is written, from what is written there, so that they and an
//! auditor cannot tell two stories.
//!
//! # Invariants
//! - Their memory is bounded: what would be one name too many is counted as `other`.
//! - They decide nothing. A new start begins at zero.
//!
//! # Not here
//! How they are given out, and what only a shell can count: the shell.

use alloc::string::{String, ToString};

use crate::agent::input::Input;
use crate::agent::{ExchangeNumber, Kind};
use crate::budget::{Money, Prices};
use crate::limits::FIGURES_NAMES_COUNT_MAX;
use crate::llm::Usage;
use crate::order::Map;
use crate::text::json::{self, Value};

/// How much of everything there was since the start.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Records that were written to the journal.
    pub records_count: u64,
    /// Messages that were let in.
    pub admitted_count: u64,
    /// Messages that were not.
    pub ignored_count: u64,
    /// Turns that began.
    pub turns_started_count: u64,
    /// Turns that ended, by how.
    pub turns_ended: Map<String, u64>,
    /// Calls that were decided, by tool and answer.
    pub calls: Map<(String, String), u64>,
    /// Questions that people were asked.
    pub questions_count: u64,
    /// Questions that were answered, by the answer.
    pub answers: Map<String, u64>,
    /// What models did, by their names.
    pub models: Map<String, ModelFigures>,
    /// Exchanges under way, and with which model.
    asked: Map<u64, String>,
}

/// What a model did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelFigures {
    /// Exchanges that began.
    pub asked_count: u64,
    /// Whole answers.
    pub answered_count: u64,
    /// Failed exchanges.
    pub failed_count: u64,
    /// What it read and wrote, as the provider counts.
    pub usage: Usage,
    /// What that cost.
    pub money: Money,
}

impl Figures {
    /// A record that follows from something was written.
    pub(super) fn derived(&mut self, kind: Kind, payload: &[u8]) {
        self.records_count = self.records_count.saturating_add(1);
        match kind {
            Kind::Admitted => add(&mut self.admitted_count, 1),
            Kind::Ignored => add(&mut self.ignored_count, 1),
            Kind::TurnStarted => add(&mut self.turns_started_count, 1),
            Kind::ApprovalAsked => add(&mut self.questions_count, 1),
            Kind::TurnEnded | Kind::CallDecided | Kind::ApprovalAnswered | Kind::ModelAsked => {
                if let Ok(document) = json::parse(payload) {
                    self.named(kind, document.root());
                }
            }
            _ => {}
        }
    }

    fn named(&mut self, kind: Kind, value: Value<'_>) {
        let text = |key: &str| {
            let text = value.find(key).and_then(|text| text.as_str().ok());
            text.map_or_else(|| "unknown".to_string(), ToString::to_string)
        };
        match kind {
            Kind::TurnEnded => add(entry(&mut self.turns_ended, text("how")), 1),
            Kind::CallDecided => {
                let key = (text("tool"), text("answer"));
                let is_full = self.calls.len() >= FIGURES_NAMES_COUNT_MAX;
                let key = match is_full && !self.calls.contains_key(&key) {
                    true => (OTHER.to_string(), key.1),
                    false => key,
                };
                add(self.calls.entry(key).or_default(), 1);
            }
            Kind::ApprovalAnswered => add(entry(&mut self.answers, text("answer")), 1),
            _ => {
                let name = text("model");
                add(&mut entry(&mut self.models, name.clone()).asked_count, 1);
                let exchange = value.find("exchange").and_then(|number| number.as_u64().ok());
                if let Some(exchange) = exchange {
                    self.asked.insert(exchange, name);
                }
            }
        }
    }

    /// An input was written.
    pub(super) fn input(&mut self, input: &Input, prices: &Prices) {
        self.records_count = self.records_count.saturating_add(1);
        let (exchange, usage, has_answered) = match input {
            Input::Reply { exchange, reply } => (exchange, reply.usage, true),
            Input::ReplyFailed { exchange, usage, .. } => (exchange, *usage, false),
            _ => return,
        };
        let Some(name) = self.asked.remove(&exchange.0) else { return };
        let money = prices.cost(
            &name,
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
        );
        let model = entry(&mut self.models, name);
        match has_answered {
            true => add(&mut model.answered_count, 1),
            false => add(&mut model.failed_count, 1),
        }
        add(&mut model.usage.input_tokens, usage.input_tokens);
        add(&mut model.usage.output_tokens, usage.output_tokens);
        add(&mut model.usage.cache_read_tokens, usage.cache_read_tokens);
        add(&mut model.usage.cache_write_tokens, usage.cache_write_tokens);
        add(&mut model.money.0, money.0);
    }

    /// Nobody waits for an exchange any more.
    pub(super) fn forget(&mut self, exchange: ExchangeNumber) {
        self.asked.remove(&exchange.0);
    }
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

/// The entry of a name, or of all that are too many.
fn entry<T: Default>(names: &mut Map<String, T>, name: String) -> &mut T {
    let is_full = names.len() >= FIGURES_NAMES_COUNT_MAX && !names.contains_key(&name);
    names.entry(if is_full { OTHER.to_string() } else { name }).or_default()
}

const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Price;
    use crate::llm::{Message, Reply, Role, StopReason};

    #[test]
    fn an_answer_counts_for_the_model_that_was_asked() {
        let mut figures = Figures::default();
        let asked = br#"{"turn":1,"exchange":9,"model":"small","tokens":5}"#;
        figures.derived(Kind::ModelAsked, asked);
        figures.derived(Kind::TurnEnded, br#"{"turn":1,"how":"answered"}"#);
        figures.derived(Kind::CallDecided, br#"{"call":2,"answer":"deny","why":"unknown tool"}"#);
        let mut prices = Prices::new();
        let (input, output) = (Money(1_000_000), Money(2_000_000));
        prices.add("*", Price { input, output, ..Price::default() });
        let usage = Usage { input_tokens: 10, output_tokens: 20, ..Usage::default() };
        let message = Message::text(Role::Assistant, "yes");
        let reply = Reply { message, usage, stop: StopReason::End };
        let exchange = ExchangeNumber(9);
        let input = Input::Reply { exchange, reply };
        figures.input(&input, &prices);
        // What nobody asked for is nobody's.
        figures.input(&input, &prices);
        let small = figures.models["small"];
        assert_eq!((small.asked_count, small.answered_count, small.failed_count), (1, 1, 0));
        assert_eq!((small.usage.input_tokens, small.money), (10, Money(50)));
        assert_eq!(figures.turns_ended["answered"], 1);
        let denied = figures.calls.get(&("unknown".into(), "deny".into()));
        assert_eq!((denied, figures.records_count), (Some(&1), 5));
    }

    #[test]
    fn names_without_end_are_one() {
        let mut figures = Figures::default();
        for index in 0..2 * FIGURES_NAMES_COUNT_MAX {
            let payload = alloc::format!(r#"{{"tool":"t{index}","answer":"deny"}}"#);
            figures.derived(Kind::CallDecided, payload.as_bytes());
        }
        assert!(figures.calls.len() <= FIGURES_NAMES_COUNT_MAX + 1);
        let other = figures.calls[&("other".into(), "deny".into())];
        assert_eq!(other, FIGURES_NAMES_COUNT_MAX as u64);
    }
}
