//! Asking a model what a server would know, within the limits of the turn its call belongs to.
//!
//! # Invariants
//! - A limit that would be passed refuses the request, whatever else it says is done then: nobody
//!   is asked to spend more for a server.
//! - What a server makes a provider say sets no model aside for others.
//! - The server is told the kind of an error and no more: what a provider says of an account is not
//!   its concern.
//!
//! # Not here
//! Which model is next when one fails: [`route`](crate::llm::route).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::Agent;
use super::super::asking::{Question, words};
use super::super::codec::error_word;
use super::super::history::{Window, cut};
use super::super::number::ExchangeNumber;
use super::super::outbox::{Ask, Order};
use super::super::record::Kind;
use super::super::turn::Spending;
use super::{Sampled, Sampling, Stage, Underway, Unsampled};
use crate::budget::Refused;
use crate::capability::Request;
use crate::limits::{SAMPLING_ANSWER_BYTES_MAX, SAMPLING_TOKENS_MAX};
use crate::llm::route::{Attempt, GiveUp, ModelIndex, Next};
use crate::llm::{CachePolicy, ModelError, ModelErrorKind, Reply, Thinking, TransportKind, Usage};
use crate::time::Timestamp;

impl Agent {
    pub(super) fn begin_sampling(&mut self, underway: Underway, models: &[ModelIndex]) {
        let next = self.route.begin_among(models, self.now.instant);
        self.follow_sampling(underway, next);
    }

    fn follow_sampling(&mut self, mut underway: Underway, next: Next) {
        match next {
            Next::Send { attempt, switch } => {
                self.record_switch(underway.conversation, &attempt, switch);
                self.send_sampling(underway, attempt);
            }
            Next::Wait(waiting) => {
                underway.stage = Stage::Pausing(waiting);
                self.samplings.push(underway);
            }
            Next::GiveUp(reason) => {
                let why = match reason.error() {
                    Some(error) => "no model answered: ".to_string() + error_word(error.kind),
                    None if reason == GiveUp::NoModel => {
                        "there is no model that may be asked".into()
                    }
                    None => "no model is well at the moment".into(),
                };
                self.sampling_ends(&underway, Err(Unsampled::Failed(why)));
            }
        }
    }

    fn send_sampling(&mut self, mut underway: Underway, attempt: Attempt) {
        let settings = self.settings.clone();
        let model = settings.models.get(attempt.model().index());
        let own = model.and_then(|model| self.handle_of_model(&model.name));
        let lent = model.and_then(|model| self.handle_for(&underway, &model.name));
        let (Some(model), Some(own), Some(handle)) = (model, own, lent) else {
            self.route.abandoned(attempt);
            let why = Unsampled::Refused("a grant for it ended meanwhile".into());
            return self.sampling_ends(&underway, Err(why));
        };
        let sampling = &underway.sampling;
        let beside = sampling.system.iter().chain(&sampling.stops).map(String::len).sum::<usize>();
        let window = Window::of(&sampling.messages);
        let tokens = window.estimate().saturating_add(beside as u64 / 3);
        let reply = tokens_max(sampling).min(model.reply_tokens_max);
        if tokens.saturating_add(u64::from(reply)) > model.context_tokens_max {
            self.route.abandoned(attempt);
            let why = Unsampled::Refused("it is longer than the model reads".into());
            return self.sampling_ends(&underway, Err(why));
        }
        let (accounts, conversation) = (underway.accounts(), underway.conversation);
        // A server chooses its words: each byte of them may be a token.
        let most = window.bytes().saturating_add(beside as u64);
        let amount = self.estimate(model, most, reply).plus(&self.first_time(accounts));
        let reservation = match self.budgets.reserve(accounts, amount, self.now.wall) {
            Ok(reservation) => reservation,
            Err(refused) => {
                self.route.abandoned(attempt);
                let why = match refused {
                    Refused::Limit(exceeded) => {
                        self.record_exceeded(conversation, &exceeded);
                        "a limit of what may be spent would be passed"
                    }
                    _ => "too much is under way to ask a model now",
                };
                return self.sampling_ends(&underway, Err(Unsampled::Refused(why.into())));
            }
        };
        // They were good a moment ago, and nothing happened since.
        let _ = self.table.spend_all(&[own, handle], self.now.wall);
        let exchange = ExchangeNumber(self.numbers.next());
        self.outbox.record(Kind::ModelAsked, conversation, |out| {
            out.field("turn", underway.turn.0).field("exchange", exchange.0);
            out.field("model", model.name.as_str()).field("handle", own.to_string().as_str());
            out.field("tokens", amount.tokens);
            out.optional("time_ms", Some(amount.time_ms).filter(|time| *time > 0));
            out.field("call", underway.call.0).field("number", underway.number);
            out.field("lent_by", handle.to_string().as_str());
        });
        let index = attempt.model().index();
        let spending = Spending { reservation, amount, since: self.now.instant };
        underway.stage = Stage::Sent { exchange, attempt, spending, handles: [own, handle] };
        self.samplings.push(underway);
        self.exchanges.insert(exchange, conversation);
        let ask = Ask { exchange, conversation, delivery: None, model: index, handle: own };
        self.outbox.order(Order::Ask(ask));
    }

    /// What is to be sent for a request of a server that is still waited for: its own words, and
    /// nothing else.
    pub(in super::super) fn sampling_question(
        &self,
        exchange: ExchangeNumber,
    ) -> Option<Question<'_>> {
        let underway = self.samplings.iter().find(|known| known.exchange() == Some(exchange))?;
        let Stage::Sent { attempt, .. } = &underway.stage else { return None };
        let model = self.settings.models.get(attempt.model().index())?;
        let sampling = &underway.sampling;
        Some(Question {
            model,
            system: sampling.system.as_deref().into_iter().filter(|it| !it.is_empty()).collect(),
            window: Window::of(&sampling.messages),
            tools: &[],
            may_call: true,
            keeps_thinking: false,
            tokens_max: tokens_max(sampling).min(model.reply_tokens_max),
            // An answer of few tokens has none to think with.
            thinking: Thinking::Unset,
            stops: sampling.stops.iter().map(String::as_str).collect(),
            // What one server asks is of no use to the next request.
            cache: CachePolicy::Off,
        })
    }

    /// Whether a model that was asked for a server may be, now. Its uses are counted already. A
    /// request that is of no server may.
    pub(in super::super) fn is_sampling_granted(
        &self,
        exchange: ExchangeNumber,
        now: Timestamp,
    ) -> bool {
        let known = self.samplings.iter().find(|known| known.exchange() == Some(exchange));
        let Some((underway, Stage::Sent { attempt, handles: [own, lent], .. })) =
            known.map(|known| (known, &known.stage))
        else {
            return true;
        };
        let (name, skill) = (self.route.name(attempt.model()), &*underway.skill);
        self.is_granted_still(&Request::Model { name }, *own, now)
            && self.is_granted_still(&Request::Sampling { skill, model: name }, *lent, now)
    }

    /// A model answered a server.
    pub(in super::super) fn sampled(&mut self, exchange: ExchangeNumber, reply: Reply) {
        let Some((underway, attempt, spending)) = self.take_sent(exchange) else { return };
        let number = underway.conversation;
        self.settle_model(number, attempt.model(), spending, &reply.usage);
        let model = self.route.name(attempt.model()).to_string();
        self.route.succeeded(attempt);
        // Tools were not offered, so calls of some are no words.
        let text = cut(&words(&reply.message), SAMPLING_ANSWER_BYTES_MAX).into_owned();
        self.sampling_ends(&underway, Ok(Sampled { text, model, stop: reply.stop }));
    }

    /// A model did not.
    pub(in super::super) fn sampling_failed(
        &mut self,
        exchange: ExchangeNumber,
        error: &ModelError,
        usage: Usage,
        has_begun: bool,
        entropy: u64,
    ) {
        let Some((underway, attempt, spending)) = self.take_sent(exchange) else { return };
        let model = self.settings.models.get(attempt.model().index());
        let most = model.map(|model| model.reply_tokens_max.min(tokens_max(&underway.sampling)));
        let (number, counted) = (underway.conversation, (usage, most, false, has_begun));
        self.settle_failed(number, attempt.model(), spending, counted);
        if !is_of_provider(error.kind) {
            self.route.abandoned(attempt);
            let why = "no model answered: ".to_string() + error_word(error.kind);
            return self.sampling_ends(&underway, Err(Unsampled::Failed(why)));
        }
        let failed = self.route.failed(attempt, error, false, self.now.instant, entropy);
        self.follow_sampling(underway, failed.next);
    }

    fn take_sent(&mut self, exchange: ExchangeNumber) -> Option<(Underway, Attempt, Spending)> {
        let mut underway = self.take_sampling(|known| known.exchange() == Some(exchange))?;
        self.exchanges.remove(&exchange);
        match core::mem::replace(&mut underway.stage, Stage::Moving) {
            Stage::Sent { attempt, spending, .. } => Some((underway, attempt, spending)),
            _ => None,
        }
    }

    /// Those whose time has come.
    pub(in super::super) fn samplings_due(&mut self) {
        let now = self.now.instant;
        let is_due = |known: &Underway| known.deadline().is_some_and(|deadline| deadline <= now);
        let due: Vec<_> = self.samplings.iter().filter(|known| is_due(known)).collect();
        let due: Vec<_> = due.iter().map(|known| (known.call, known.number)).collect();
        for (call, number) in due {
            let Some(mut underway) = self.take_sampling(|known| known.is(call, number)) else {
                continue;
            };
            match core::mem::replace(&mut underway.stage, Stage::Moving) {
                Stage::Pausing(waiting) => {
                    let next = self.route.resume(waiting, now);
                    self.follow_sampling(underway, next);
                }
                Stage::Sent { exchange, attempt, mut spending, handles } => {
                    let accounts = underway.accounts();
                    let conversation = underway.conversation;
                    match self.more_time(conversation, accounts, exchange, &mut spending) {
                        true => {
                            underway.stage = Stage::Sent { exchange, attempt, spending, handles };
                            self.samplings.push(underway);
                        }
                        false => {
                            self.route.abandoned(attempt);
                            let why = "a limit of the time of models would be passed";
                            let why = Unsampled::Refused(why.into());
                            self.sampling_ends(&underway, Err(why));
                        }
                    }
                }
                stage @ (Stage::Moving | Stage::Asking(_)) => {
                    underway.stage = stage;
                    self.samplings.push(underway);
                }
            }
        }
    }
}

/// Whether a failure says something of the provider, whatever it was asked. Where it may come of
/// the words of a server, a model that everybody asks is not set aside for it.
const fn is_of_provider(kind: ModelErrorKind) -> bool {
    matches!(
        kind,
        ModelErrorKind::RateLimited
            | ModelErrorKind::Overloaded
            | ModelErrorKind::QuotaExhausted
            | ModelErrorKind::Authentication
            | ModelErrorKind::NotFound
            | ModelErrorKind::Transport(
                TransportKind::Resolve | TransportKind::Connect | TransportKind::Tls
            )
    )
}

/// How many tokens an answer may have, whatever model gives it.
pub(super) fn tokens_max(sampling: &Sampling) -> u32 {
    sampling.tokens_max.min(SAMPLING_TOKENS_MAX)
}
