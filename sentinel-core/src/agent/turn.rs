//! A turn: one message of a person, and everything that is done for it.
//!
//! ```text
//! (Arriving ->) Asking -> Calling -> Asking -> ... -> the answer
//!    \-> Pausing (a model is asked again later)
//!    \-> Held (a limit was reached; a person is asked)
//! ```
//!
//! # Invariants
//! - A turn waits for exactly one thing: a model, a pause, a person, or the calls of one round.
//! - What it waits for has a number that is never used again, so that what comes late, twice or for
//!   another turn changes nothing.
//!
//! # Not here
//! What moves it from stage to stage: [`asking`](super::asking), [`calling`](super::calling).

use alloc::string::String;
use alloc::vec::Vec;

use super::fetching::Arriving;
use super::number::{CallNumber, DeliveryNumber, ExchangeNumber, FetchNumber, TurnNumber};
use super::repetition::Repetition;
use crate::budget::{Amount, ReservationNumber};
use crate::capability::Handle;
use crate::channel::Person;
use crate::fault::{Fault, is_broken};
use crate::limits::TURN_CALL_GRACE;
use crate::llm::ToolResult;
use crate::llm::route::{Attempt, Waiting};
use crate::time::Instant;
use crate::tool::Call;

#[derive(Debug)]
pub(super) struct Turn {
    pub(super) number: TurnNumber,
    pub(super) person: Person,
    /// Where the answer goes.
    pub(super) delivery: DeliveryNumber,
    /// How often tools were called.
    pub(super) rounds_count: u32,
    /// Whether the model may still call tools.
    pub(super) may_call: bool,
    /// Whether a provider found the history too long once, and was sent less of it.
    pub(super) was_shortened: bool,
    pub(super) repetition: Repetition,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Between two stages.
    Moving,
    /// Files of the message are on their way.
    Arriving(Arriving),
    /// A model was asked.
    Asking { exchange: ExchangeNumber, attempt: Attempt, spending: Spending },
    /// A model is asked later.
    Pausing(Waiting),
    /// A person is asked whether a model may be asked.
    Held { question: u32, retry: Option<Instant> },
    /// Tools were called.
    Calling(Vec<Calling>),
}

/// What was reserved for something that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spending {
    pub(super) reservation: ReservationNumber,
    pub(super) amount: Amount,
    /// From when on it is at work.
    pub(super) since: Instant,
}

/// One call of a round.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) number: CallNumber,
    /// The model's name for the call.
    pub(super) id: String,
    /// What is called; none if it could not be understood.
    pub(super) call: Option<Call>,
    /// The digest of what could not be understood.
    pub(super) unread: Option<[u8; 32]>,
    /// Whether its arguments may be the words of somebody nobody vouches for.
    pub(super) is_swayed: bool,
    /// How often its server has asked people something.
    pub(super) asks_count: u32,
    /// How often it would have had a model answer something.
    pub(super) samplings_count: u32,
    pub(super) stage: CallStage,
}

#[derive(Debug)]
pub(super) enum CallStage {
    /// A person is asked about it.
    Asking,
    /// A limit was reached; a person is asked, or a later time is waited for.
    Held { question: u32, retry: Option<Instant>, handles: Vec<Handle> },
    /// It runs.
    Running {
        handles: Vec<Handle>,
        spending: Spending,
        deadline: Instant,
        /// Since when its server waits for people, or a model. Meanwhile its clock stands.
        asks_since: Option<Instant>,
    },
    /// It has a result.
    Done(Outcome),
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) result: ToolResult,
    /// Whether the tool gave it back, rather than the runtime.
    pub(super) is_output: bool,
    /// Whether the model has seen nothing of what the tool gave back.
    pub(super) is_withheld: bool,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    Stopped,
    Failed,
    Loop,
    OverBudget,
    Halted,
}

impl End {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Loop => "loop",
            Self::OverBudget => "over_budget",
            Self::Halted => "halted",
        }
    }
}

impl Turn {
    /// A call that was under way before a start runs again, with what was reserved for that.
    pub(super) fn runs_again(&mut self, call: CallNumber, again: Spending, until: Instant) {
        let Stage::Calling(round) = &mut self.stage else { return };
        for calling in round.iter_mut().filter(|calling| calling.number == call) {
            if let CallStage::Running { spending, deadline, asks_since, .. } = &mut calling.stage {
                *spending = again;
                *deadline = until.after(TURN_CALL_GRACE);
                *asks_since = None;
            }
        }
    }

    /// When it does something by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Moving => None,
            Stage::Asking { spending, .. } => spending.until(),
            Stage::Arriving(arriving) => Some(arriving.deadline()),
            Stage::Pausing(waiting) => Some(waiting.until()),
            Stage::Held { retry, .. } => *retry,
            Stage::Calling(calls) => calls.iter().filter_map(Calling::deadline).min(),
        }
    }

    /// The exchange with a model that it waits for.
    pub(super) fn exchange(&self) -> Option<ExchangeNumber> {
        match &self.stage {
            Stage::Asking { exchange, .. } => Some(*exchange),
            _ => None,
        }
    }

    /// The files that it waits for.
    pub(super) fn fetches(&self) -> impl Iterator<Item = FetchNumber> {
        let arriving = match &self.stage {
            Stage::Arriving(arriving) => Some(arriving),
            _ => None,
        };
        arriving.into_iter().flat_map(Arriving::fetches)
    }

    /// The calls that run for it.
    pub(super) fn running_calls(&self) -> impl Iterator<Item = CallNumber> {
        let calls = match &self.stage {
            Stage::Calling(calls) => calls.as_slice(),
            _ => &[],
        };
        let running = |calling: &&Calling| matches!(calling.stage, CallStage::Running { .. });
        calls.iter().filter(running).map(|calling| calling.number)
    }

    /// In a few words, for `/status`.
    pub(super) fn status(&self) -> &'static str {
        match &self.stage {
            Stage::Moving => "working",
            Stage::Arriving(_) => "waiting for what was attached",
            Stage::Asking { .. } => "waiting for the model",
            Stage::Pausing(_) => "waiting to ask the model again",
            Stage::Held { .. } => "waiting for an answer about a limit",
            Stage::Calling(calls) => {
                let asks = |call: &Calling| {
                    matches!(call.stage, CallStage::Asking | CallStage::Held { .. })
                };
                match calls.iter().any(asks) {
                    true => "waiting for an answer to a question",
                    false => "waiting for tools",
                }
            }
        }
    }
}

impl CallStage {
    /// It was not run, and the model is told why.
    pub(super) fn refused(id: &str, why: String) -> Self {
        let result = ToolResult { id: id.into(), content: why, is_error: true };
        Self::Done(Outcome { result, is_output: false, is_withheld: false })
    }

    /// Its server waits for people from now on, if it did not before.
    pub(super) fn stop_clock(&mut self, now: Instant) {
        if let Self::Running { asks_since, .. } = self
            && !is_broken(Fault::RunningClock)
        {
            asks_since.get_or_insert(now);
        }
    }

    /// Nobody is waited for any more. What the wait took is given back to the call.
    pub(super) fn start_clock(&mut self, now: Instant) {
        if let Self::Running { spending, deadline, asks_since, .. } = self
            && !is_broken(Fault::StoppedClock)
            && let Some(since) = asks_since.take()
        {
            let waited = now.since(since);
            *deadline = deadline.after(waited);
            spending.since = spending.since.after(waited);
        }
    }
}

impl Calling {
    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            CallStage::Running { deadline, asks_since: None, .. } => Some(*deadline),
            CallStage::Held { retry, .. } => *retry,
            CallStage::Running { .. } | CallStage::Asking | CallStage::Done(_) => None,
        }
    }
}
