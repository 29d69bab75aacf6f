//! Which model is asked, when it is asked again, and when another one is.
//!
//! A chain of models stands in the order the operator prefers them. An exchange begins with the
//! first that is well. One that fails is asked again after a while, or set aside for a cooling time
//! while the next takes over; when the time is over, one exchange tries it again before all do.
//! Every decision follows from the kind of the error, the clock and the entropy given.
//!
//! The calls, in order: [`Route::begin`]; then, as the [`Next`] says, either send the request and
//! report [`answering`](Route::answering) at the first piece of an answer and
//! [`succeeded`](Route::succeeded), [`failed`](Route::failed) or [`abandoned`](Route::abandoned) at
//! its end, or wait and [`resume`](Route::resume).
//!
//! # Invariants
//! - An exchange sends at most [`RoutePolicy::attempts_max`] requests and waits for nothing that is
//!   later than [`RoutePolicy::time_max`] after it began.
//! - While a model is set aside, nobody asks it who may ask another that is well. When its time is
//!   over, one exchange at a time tries it.
//! - What a provider asks us to wait is waited, or the model is not asked again.
//! - An error that another try cannot mend (too long, refused, wrong) ends the exchange at once.
//! - A part of an answer that was shown is withdrawn or marked, never followed by another as if it
//!   were its end.
//!
//! # Not here
//! Sending, trimming a conversation that is too long, the price of a model.

mod health;
#[cfg(feature = "agent")]
mod kept;
mod policy;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use self::health::{Health, Ticket};
pub use self::health::{ModelState, ModelStatus};
pub use self::policy::RoutePolicy;
use super::error::{ModelError, ModelErrorKind};
use crate::limits::{MODEL_CHAIN_COUNT_MAX, MODEL_RETRY_AFTER_MAX};
use crate::time::Instant;

/// A chain of models, and how each of them has been.
///
/// ```
/// use sentinel_core::llm::route::{Next, Route, RoutePolicy};
/// use sentinel_core::llm::{ModelError, ModelErrorKind};
/// use sentinel_core::time::Instant;
///
/// let names = ["large".to_string(), "small".to_string()];
/// let mut route = Route::new(names.to_vec(), RoutePolicy::default())?;
/// let Next::Send { attempt, .. } = route.begin(Instant(0)) else { unreachable!() };
/// assert_eq!(route.name(attempt.model()), "large");
///
/// let error = ModelError::new(ModelErrorKind::Authentication);
/// let failed = route.failed(attempt, &error, false, Instant(900), 42);
/// let Next::Send { attempt, switch: Some(switch) } = failed.next else { unreachable!() };
/// assert_eq!(route.name(attempt.model()), "small");
/// assert_eq!(switch.because, ModelErrorKind::Authentication);
/// route.succeeded(attempt);
/// # Ok::<(), sentinel_core::llm::route::RouteError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Route {
    names: Vec<String>,
    health: Vec<Health>,
    policy: RoutePolicy,
    tickets_count: u64,
}

/// A model of a chain: its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelIndex(u8);

impl ModelIndex {
    /// The place, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A request that is being made. It ends in one report, so it cannot be copied.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a request that was sent is reported on"]
pub struct Attempt {
    model: ModelIndex,
    exchange: Exchange,
    /// Set if this is the one request that tries a model again.
    ticket: Option<Ticket>,
}

impl Attempt {
    /// The model that is asked.
    #[must_use]
    pub fn model(&self) -> ModelIndex {
        self.model
    }

    /// Which request of its exchange this is, counted from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.exchange.attempts
    }
}

/// An exchange between two requests.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an exchange that waits is resumed, or dropped on purpose"]
pub struct Waiting {
    until: Instant,
    /// The model to ask again, whatever the others are.
    keep: Option<ModelIndex>,
    exchange: Exchange,
    /// Why it waits; `None` if it never got to send.
    because: Option<ModelError>,
}

impl Waiting {
    /// When to [`resume`](Route::resume).
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// The error that it waits after, if one was met.
    #[must_use]
    pub fn because(&self) -> Option<&ModelError> {
        self.because.as_ref()
    }
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the request.
    Send {
        /// To this model.
        attempt: Attempt,
        /// The change of models to record, if this is one.
        switch: Option<Switch>,
    },
    /// Wait, then resume.
    Wait(Waiting),
    /// The exchange is over without an answer.
    GiveUp(GiveUp),
}

/// Another model takes over: a record for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The model that failed, this exchange or an earlier one.
    pub from: ModelIndex,
    /// The model that is asked instead.
    pub to: ModelIndex,
    /// In which way that one failed.
    pub because: ModelErrorKind,
}

/// Why an exchange ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// The error of the last request, which no other try can mend.
    Error(ModelError),
    /// The last error, after as many requests as are allowed.
    AttemptsMax(ModelError),
    /// The last error; the next request would come later than allowed.
    TimeMax(ModelError),
    /// No request was sent: there is no model that may be asked.
    NoModel,
    /// No request was sent: every model is set aside for longer than an exchange may wait.
    NoneWell {
        /// When the first of them may be asked again.
        until: Instant,
    },
}

/// What follows a failure.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    /// What to do now.
    pub next: Next,
    /// What is to become of the part of the answer that was shown.
    pub earlier: Earlier,
}

/// What is to become of a part of an answer that was shown before the rest failed to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing was shown.
    Nothing,
    /// Take it back: the answer begins anew.
    Withdraw,
    /// Say that it is not complete: nothing more will come.
    MarkIncomplete,
}

/// A chain that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// It has no model.
    Empty,
    /// It has more than [`MODEL_CHAIN_COUNT_MAX`].
    TooLong,
}

impl Route {
    /// A chain of models, the preferred one first, all of them well.
    ///
    /// # Errors
    /// There is no model, or there are too many.
    pub fn new(names: Vec<String>, policy: RoutePolicy) -> Result<Self, RouteError> {
        match names.len() {
            0 => Err(RouteError::Empty),
            1..=MODEL_CHAIN_COUNT_MAX => {
                let health = names.iter().map(|_| Health::new()).collect();
                Ok(Self { names, health, policy, tickets_count: 0 })
            }
            _ => Err(RouteError::TooLong),
        }
    }

    /// The name of a model.
    #[must_use]
    pub fn name(&self, model: ModelIndex) -> &str {
        self.names.get(model.index()).map_or("", String::as_str)
    }

    /// The place of a model.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ModelIndex> {
        self.models().map(|(model, _)| model).find(|model| self.name(*model) == name)
    }

    /// Starts an exchange: one conversation that wants one answer.
    pub fn begin(&mut self, now: Instant) -> Next {
        let all = self.models().map(|(model, _)| model).collect();
        self.start(all, now)
    }

    /// Starts an exchange that may ask these models only, and prefers them in this order.
    pub fn begin_among(&mut self, models: &[ModelIndex], now: Instant) -> Next {
        let mut candidates = Vec::new();
        for model in models {
            if self.health(*model).is_some() && !candidates.contains(model) {
                candidates.push(*model);
            }
        }
        self.start(candidates, now)
    }

    /// Goes on with an exchange that waited. Called early, it waits on.
    pub fn resume(&mut self, waiting: Waiting, now: Instant) -> Next {
        if now < waiting.until {
            return Next::Wait(waiting);
        }
        let Waiting { keep, exchange, because, .. } = waiting;
        if let Some(model) = keep
            // Somebody else may have learnt meanwhile that it is not.
            && self.health(model).is_some_and(|health| health.is_well() && health.is_ready(now))
        {
            return self.send(exchange, model, because, now);
        }
        self.go_on(exchange, because, now)
    }

    /// The change of models that an exchange began with: its first request goes to another model
    /// than the one it prefers, because that one has failed others. A record, as a [`Switch`] after
    /// a failure is.
    #[must_use]
    pub fn passed_over(&self, attempt: &Attempt) -> Option<Switch> {
        let Attempt { model: to, exchange, .. } = attempt;
        let from = *exchange.candidates.first().filter(|_| exchange.attempts == 1)?;
        let because = self.health(from)?.because();
        (from != *to).then_some(Switch { from, to: *to, because })
    }

    /// The first piece of an answer came: the model is well, whatever happens to this answer.
    pub fn answering(&mut self, attempt: &Attempt) {
        if let Some(health) = self.health.get_mut(attempt.model.index()) {
            health.answered(attempt.ticket);
        }
    }

    /// The answer is complete.
    pub fn succeeded(&mut self, attempt: Attempt) {
        self.answering(&attempt);
    }

    /// The request was given up for a reason that is not the model's: nothing is learnt from it.
    pub fn abandoned(&mut self, attempt: Attempt) {
        if let (Some(ticket), Some(health)) =
            (attempt.ticket, self.health.get_mut(attempt.model.index()))
        {
            health.release(ticket);
        }
    }

    /// The request failed. `shown` says whether a part of its answer was shown to anybody;
    /// `entropy` spreads out what many exchanges do at once.
    pub fn failed(
        &mut self,
        attempt: Attempt,
        error: &ModelError,
        shown: bool,
        now: Instant,
        entropy: u64,
    ) -> Failed {
        let next = self.after_failure(attempt, error, now, entropy);
        let earlier = match (shown, &next) {
            (false, _) => Earlier::Nothing,
            (true, Next::GiveUp(_)) => Earlier::MarkIncomplete,
            (true, _) => Earlier::Withdraw,
        };
        Failed { next, earlier }
    }

    /// How every model is, in the order of the chain.
    pub fn status(&self, now: Instant) -> impl Iterator<Item = ModelStatus<'_>> {
        self.names.iter().zip(&self.health).map(move |(name, health)| health.status(name, now))
    }

    fn after_failure(
        &mut self,
        attempt: Attempt,
        error: &ModelError,
        now: Instant,
        entropy: u64,
    ) -> Next {
        if !error.is_retryable() && !error.is_switchable() {
            // It answered, only not what we wanted: that speaks for the model's health.
            self.succeeded(attempt);
            return Next::GiveUp(GiveUp::Error(error.clone()));
        }
        let Attempt { model, mut exchange, ticket } = attempt;
        exchange.last = Some((model, error.kind));
        let asked = error.retry_after.map(|wait| wait.min(MODEL_RETRY_AFTER_MAX));
        if let (Some(wait), Some(health)) = (asked, self.health.get_mut(model.index())) {
            health.ask(wait, error.kind, now);
        }
        let delay = self.policy.delay(exchange.on_model, asked, entropy);
        let may_retry = error.is_retryable() && exchange.on_model < self.policy.attempts_per_model;
        let is_soon = delay <= self.policy.patience;
        let is_exhausted = exchange.attempts >= self.policy.attempts_max;
        let is_late = now.after(delay) > exchange.deadline(&self.policy);
        if may_retry && is_soon && ticket.is_none() && !is_exhausted && !is_late {
            return Next::Wait(Waiting {
                until: now.after(delay),
                keep: Some(model),
                exchange,
                because: Some(error.clone()),
            });
        }
        if !error.is_retryable() {
            exchange.candidates.retain(|other| *other != model);
        }
        if let Some(health) = self.health.get_mut(model.index()) {
            health.set_aside(ticket, error.kind, now, &self.policy);
        }
        if is_exhausted {
            return Next::GiveUp(GiveUp::AttemptsMax(error.clone()));
        }
        if let Choice::Ready(other) = self.choose(&exchange, now, Some(model)) {
            return self.send(exchange, other, Some(error.clone()), now);
        }
        // Whoever is asked now has failed lately, if not just now: not at once.
        let soonest = now.after(self.policy.delay(exchange.attempts, None, entropy));
        let until = match self.choose(&exchange, now, None) {
            Choice::Ready(_) => soonest,
            Choice::From(at, _) => soonest.max(at),
            Choice::Never => return Next::GiveUp(GiveUp::Error(error.clone())),
        };
        self.wait(exchange, until, Some(error.clone()))
    }

    fn start(&mut self, candidates: Vec<ModelIndex>, now: Instant) -> Next {
        if candidates.is_empty() {
            return Next::GiveUp(GiveUp::NoModel);
        }
        let exchange = Exchange { began: now, attempts: 0, on_model: 0, candidates, last: None };
        self.go_on(exchange, None, now)
    }

    /// Sends to the model whose turn it is, or waits for it.
    fn go_on(&mut self, exchange: Exchange, because: Option<ModelError>, now: Instant) -> Next {
        match self.choose(&exchange, now, None) {
            Choice::Ready(model) => self.send(exchange, model, because, now),
            Choice::From(at, model) if at <= now => self.send(exchange, model, because, now),
            Choice::From(until, _) => self.wait(exchange, until, because),
            Choice::Never => Next::GiveUp(late(because, now)),
        }
    }

    fn send(
        &mut self,
        mut exchange: Exchange,
        model: ModelIndex,
        because: Option<ModelError>,
        now: Instant,
    ) -> Next {
        if now > exchange.deadline(&self.policy) {
            return Next::GiveUp(late(because, now));
        }
        let switch = match exchange.last {
            Some((from, because)) if from != model => Some(Switch { from, to: model, because }),
            _ => None,
        };
        let is_same = exchange.last.is_some() && switch.is_none();
        exchange.on_model = if is_same { exchange.on_model.saturating_add(1) } else { 1 };
        exchange.attempts = exchange.attempts.saturating_add(1);
        let lease = now.after(self.policy.probe_time_max);
        let tickets_count = &mut self.tickets_count;
        let ticket = self.health.get_mut(model.index()).and_then(|health| {
            health.begin(lease, || {
                *tickets_count = tickets_count.saturating_add(1);
                Ticket(*tickets_count)
            })
        });
        Next::Send { attempt: Attempt { model, exchange, ticket }, switch }
    }

    fn wait(&self, exchange: Exchange, until: Instant, because: Option<ModelError>) -> Next {
        if until <= exchange.deadline(&self.policy) {
            return Next::Wait(Waiting { until, keep: None, exchange, because });
        }
        Next::GiveUp(late(because, until))
    }

    /// The model whose turn it is. Ready is the first that is well or may be tried again; if there
    /// is none, the one that cools down first of those that their providers did not ask us to leave
    /// alone. `failed` has just failed and does not count.
    fn choose(&self, exchange: &Exchange, now: Instant, failed: Option<ModelIndex>) -> Choice {
        let usable = || {
            let candidates = exchange.candidates.iter().filter(move |one| Some(**one) != failed);
            candidates.filter_map(|model| Some((*model, self.health(*model)?)))
        };
        if let Some((model, _)) = usable().find(|(_, health)| health.is_ready(now)) {
            return Choice::Ready(model);
        }
        usable()
            .map(|(model, health)| (health.earliest(now, self.policy.probe_poll), model, health))
            .min_by_key(|(at, _, health)| ((*at).max(now), health.cool_at()))
            .map_or(Choice::Never, |(at, model, _)| Choice::From(at, model))
    }

    fn health(&self, model: ModelIndex) -> Option<&Health> {
        self.health.get(model.index())
    }

    fn models(&self) -> impl Iterator<Item = (ModelIndex, &Health)> {
        (0..).map(ModelIndex).zip(&self.health)
    }
}

/// One conversation that wants one answer.
#[derive(Debug, PartialEq, Eq)]
struct Exchange {
    began: Instant,
    /// Requests so far, this one included.
    attempts: u32,
    /// How many of them in a row went to the same model.
    on_model: u32,
    /// The models that may be asked, in the order of preference, without those that can never
    /// answer.
    candidates: Vec<ModelIndex>,
    /// The model that failed last, and how.
    last: Option<(ModelIndex, ModelErrorKind)>,
}

impl Exchange {
    fn deadline(&self, policy: &RoutePolicy) -> Instant {
        self.began.after(policy.time_max)
    }
}

enum Choice {
    /// At once.
    Ready(ModelIndex),
    /// From this time on, for want of a better one.
    From(Instant, ModelIndex),
    /// None of them can answer this exchange.
    Never,
}

/// Why an exchange ends that has no time left.
fn late(because: Option<ModelError>, until: Instant) -> GiveUp {
    because.map_or(GiveUp::NoneWell { until }, GiveUp::TimeMax)
}

impl GiveUp {
    /// The error that it ended with, if a request was sent.
    #[must_use]
    pub fn error(&self) -> Option<&ModelError> {
        match self {
            Self::Error(error) | Self::AttemptsMax(error) | Self::TimeMax(error) => Some(error),
            Self::NoModel | Self::NoneWell { .. } => None,
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(formatter),
            Self::AttemptsMax(error) => {
                write!(formatter, "given up after as many requests as are allowed: {error}")
            }
            Self::TimeMax(error) => {
                write!(formatter, "given up, because the next try would come too late: {error}")
            }
            Self::NoModel => formatter.write_str("there is no model that may be asked"),
            Self::NoneWell { .. } => formatter
                .write_str("no model can be asked for now: each has failed and is set aside"),
        }
    }
}

impl core::error::Error for GiveUp {}

impl fmt::Display for RouteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("there is no model; name at least one"),
            Self::TooLong => {
                write!(formatter, "there are more than {MODEL_CHAIN_COUNT_MAX} models in the chain")
            }
        }
    }
}

impl core::error::Error for RouteError {}

const _: () = assert!(MODEL_CHAIN_COUNT_MAX <= u8::MAX as usize, "a place is a byte");
