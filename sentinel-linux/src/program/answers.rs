//! Whether what was said here was answered: what a script reads from the exit status.
//!
//! A start may find work of before: a question that was asked when the machine went down is
//! answered first. A script that asks something else must not take that for its answer: until
//! something was said here, what is shown counts for nothing, and where one message was given with
//! the command line it stands where errors stand.
//!
//! # Invariants
//! - The one message is not handed over while what was there before is at work: what is shown after
//!   it is about it.

use sentinel_core::agent::DeliveryNumber;
use sentinel_core::runtime::Said;

use super::Mode;

/// What was asked here and what came of it.
#[derive(Debug)]
pub(super) struct Answers {
    /// The one message, until it is handed over.
    pub(super) waiting: Option<String>,
    /// Whether nothing was said here yet, where no person looks on.
    is_of_before: bool,
    /// Whether one message was given with the command line, to which there is an answer or none.
    is_one: bool,
    asked: u32,
    answered: u32,
    last: Option<DeliveryNumber>,
}

impl Answers {
    pub(super) fn new(mode: &Mode, is_interactive: bool) -> Self {
        let waiting = match mode {
            Mode::Single(text) => Some(text.clone()),
            _ => None,
        };
        let is_of_before = !is_interactive && matches!(mode, Mode::Chat | Mode::Single(_));
        let is_one = waiting.is_some();
        Self { waiting, is_of_before, is_one, asked: 0, answered: 0, last: None }
    }

    /// Somebody says this; what a command says is all the answer there is to it.
    pub(super) fn asks(&mut self, text: &str) {
        self.is_of_before = false;
        self.asked += u32::from(!is_command(text));
        if text.trim_start().starts_with("/stop") {
            self.stops();
        }
    }

    /// Somebody ended what goes on, and waits for no answer to it.
    pub(super) fn stops(&mut self) {
        if !self.is_one {
            self.answered = self.asked;
        }
    }

    /// This is shown.
    pub(super) fn shows(&mut self, delivery: DeliveryNumber, said: Said) {
        if said == Said::Answer && !self.is_of_before && self.last != Some(delivery) {
            self.last = Some(delivery);
            self.answered += 1;
        }
    }

    /// Whether what is shown now is kept apart from the answer to the one message.
    pub(super) const fn is_aside(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether something has no answer.
    pub(super) const fn lacks_answers(&self) -> bool {
        self.waiting.is_some() || self.answered < self.asked
    }
}

/// Whether a line is for the program and not for a model: it does not wait its turn.
pub(super) fn is_command(text: &str) -> bool {
    text.trim_start().starts_with('/')
}
