//! How a model has been: well, set aside, or being tried again.
//!
//! # Invariants
//! - Of a model that was set aside at most one try is under way; only that try makes it well.
//! - A try that is never reported on does not hold the model for ever: its lease ends.
//!
//! # Not here
//! Which model is chosen: the route.

use core::fmt;
use core::time::Duration;

use super::policy::RoutePolicy;
use crate::llm::error::ModelErrorKind;
#[cfg(feature = "agent")]
use crate::text::json::{ObjectWriter, Sink, Value};
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(super) struct Health {
    aside: Option<Aside>,
    /// Until when its provider asked not to be asked.
    asked_until: Instant,
    /// With which error it asked that last.
    asked_with: Option<ModelErrorKind>,
}

#[derive(Clone, Debug)]
struct Aside {
    /// Until when others are preferred.
    until: Instant,
    because: ModelErrorKind,
    /// How many times in a row it was set aside.
    failures: u32,
    probe: Option<Probe>,
}

#[derive(Clone, Debug)]
struct Probe {
    ticket: Ticket,
    lease: Instant,
}

/// The right to try a model again, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) u64);

impl Health {
    pub(super) const fn new() -> Self {
        Self { aside: None, asked_until: Instant(0), asked_with: None }
    }

    pub(super) const fn is_well(&self) -> bool {
        self.aside.is_none()
    }

    /// Whether it may be asked now without putting anybody else off.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        let is_cool =
            self.aside.as_ref().is_none_or(|aside| aside.until <= now && !aside.is_probed(now));
        is_cool && self.asked_until <= now
    }

    /// When it may be asked if there is no other; in the past if at once.
    pub(super) fn earliest(&self, now: Instant, poll: Duration) -> Instant {
        match &self.aside {
            Some(aside) if aside.is_probed(now) => self.asked_until.max(now.after(poll)),
            _ => self.asked_until,
        }
    }

    /// Its provider asks to wait.
    pub(super) fn ask(&mut self, wait: Duration, because: ModelErrorKind, now: Instant) {
        self.asked_with = Some(because);
        self.asked_until = self.asked_until.max(now.after(wait));
    }

    /// In which way it failed last, as far as that keeps anybody from asking it.
    pub(super) fn because(&self) -> ModelErrorKind {
        let aside = self.aside.as_ref().map(|aside| aside.because);
        // Of before it was kept nothing is known but that the provider wanted fewer requests.
        aside.or(self.asked_with).unwrap_or(ModelErrorKind::RateLimited)
    }

    /// When others are no longer preferred to it.
    pub(super) fn cool_at(&self) -> Instant {
        self.aside.as_ref().map_or(Instant(0), |aside| aside.until)
    }

    /// A request is sent to it; if it was set aside, `ticket` makes that the one try.
    pub(super) fn begin(
        &mut self,
        lease: Instant,
        ticket: impl FnOnce() -> Ticket,
    ) -> Option<Ticket> {
        let aside = self.aside.as_mut()?;
        let ticket = ticket();
        aside.probe = Some(Probe { ticket, lease });
        Some(ticket)
    }

    /// An answer came. One that was asked for before the model was set aside proves nothing.
    pub(super) fn answered(&mut self, ticket: Option<Ticket>) {
        if self.aside.as_ref().is_some_and(|aside| aside.holds(ticket)) {
            self.aside = None;
        }
    }

    /// The try was given up.
    pub(super) fn release(&mut self, ticket: Ticket) {
        if let Some(aside) = &mut self.aside
            && aside.holds(Some(ticket))
        {
            aside.probe = None;
        }
    }

    pub(super) fn set_aside(
        &mut self,
        ticket: Option<Ticket>,
        because: ModelErrorKind,
        now: Instant,
        policy: &RoutePolicy,
    ) {
        let failures = match &self.aside {
            // Several requests failed at once: that is one failure.
            Some(aside) if !aside.holds(ticket) => return,
            Some(aside) => aside.failures.saturating_add(1),
            None => 1,
        };
        let cooling = match because {
            // Time alone does not mend these; a person does.
            ModelErrorKind::Authentication
            | ModelErrorKind::QuotaExhausted
            | ModelErrorKind::NotFound => policy.cooling_max,
            _ => policy.cooling_after(failures),
        };
        let until = now.after(cooling);
        self.aside = Some(Aside { until, because, failures, probe: None });
    }

    pub(super) fn status<'n>(&self, name: &'n str, now: Instant) -> ModelStatus<'n> {
        let state = match &self.aside {
            None => ModelState::Well,
            Some(aside) if aside.is_probed(now) => ModelState::Trying { because: aside.because },
            Some(aside) => ModelState::Aside {
                because: aside.because,
                wait: aside.until.max(self.asked_until).since(now),
            },
        };
        ModelStatus { name, state }
    }
}

#[cfg(feature = "agent")]
impl Health {
    /// Writes the members of its object.
    pub(super) fn keep<S: Sink>(
        &self,
        out: &mut ObjectWriter<'_, S>,
        word: impl Fn(ModelErrorKind) -> &'static str,
    ) {
        out.field("asked_until", self.asked_until.0);
        out.optional("asked_with", self.asked_with.map(&word));
        let Some(Aside { until, because, failures, probe }) = &self.aside else { return };
        out.field("until", until.0).field("because", word(*because));
        out.field("failures", u64::from(*failures));
        if let Some(Probe { ticket, lease }) = probe {
            out.field("ticket", ticket.0).field("lease", lease.0);
        }
    }

    /// Reads it back; `None` if it is not what was kept.
    pub(super) fn restore(
        value: Value<'_>,
        kind: impl Fn(&str) -> Option<ModelErrorKind>,
    ) -> Option<Self> {
        let number = |key| value.find(key)?.as_u64().ok();
        let probe = match value.find("ticket") {
            Some(_) => {
                Some(Probe { ticket: Ticket(number("ticket")?), lease: Instant(number("lease")?) })
            }
            None => None,
        };
        let aside = match value.find("until") {
            Some(_) => Some(Aside {
                until: Instant(number("until")?),
                because: kind(value.find("because")?.as_str().ok()?)?,
                failures: number("failures")?.try_into().ok()?,
                probe,
            }),
            None => None,
        };
        let asked_with = match value.find("asked_with") {
            Some(word) => Some(kind(word.as_str().ok()?)?),
            None => None,
        };
        Some(Self { aside, asked_until: Instant(number("asked_until")?), asked_with })
    }
}

impl Aside {
    fn is_probed(&self, now: Instant) -> bool {
        self.probe.as_ref().is_some_and(|probe| now < probe.lease)
    }

    fn holds(&self, ticket: Option<Ticket>) -> bool {
        ticket.is_some() && self.probe.as_ref().map(|probe| probe.ticket) == ticket
    }
}

/// How a model is, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelStatus<'r> {
    /// Its name.
    pub name: &'r str,
    /// How it is.
    pub state: ModelState,
}

/// How a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// It is asked when its turn comes.
    Well,
    /// It failed, and others are asked instead.
    Aside {
        /// In which way it failed.
        because: ModelErrorKind,
        /// For how long it stays so.
        wait: Duration,
    },
    /// It failed, and one exchange tries whether it is well again.
    Trying {
        /// In which way it failed.
        because: ModelErrorKind,
    },
}

impl fmt::Display for ModelStatus<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.state {
            ModelState::Well => write!(formatter, "{name}: well"),
            ModelState::Aside { because, wait } => {
                let seconds = wait.as_millis().div_ceil(1000);
                write!(formatter, "{name}: set aside for {seconds} s, because {because}")
            }
            ModelState::Trying { because } => {
                write!(formatter, "{name}: being tried again, after {because}")
            }
        }
    }
}
