//! The time of models: reserved piece by piece while one answers, and what ends when none is left.
//!
//! How long an answer takes nobody knows before. Reserving the most that it may take would keep it
//! from everybody else, though nearly every answer takes seconds; so where a limit of time holds,
//! an exchange has a piece of time reserved before the model is asked, and another one before that
//! is used up, until it ends or a limit leaves none.
//!
//! It counts from the order to ask until the answer is there, the wait for the journal's disk
//! included. What is waited for between two tries counts for nobody: then no model is at work.
//!
//! # Invariants
//! - No exchange goes on for longer than was reserved for it, where a limit of time holds.
//! - An answer that is cut because its time is over is no answer: the limit's rule says what
//!   follows, as if the model had not been asked.
//!
//! # Not here
//! The bounds of every exchange, whatever the limits: [`runtime`](crate::runtime).

use alloc::boxed::Box;

use super::Agent;
use super::number::{ConversationNumber, ExchangeNumber};
use super::outbox::Order;
use super::record::Kind;
use super::turn::{Spending, Stage, Turn};
use crate::budget::{Accounts, Amount, Measure};
use crate::fault::{Fault, is_broken};
use crate::limits::{EXCHANGE_TIME_LEAST, EXCHANGE_TIME_MAX, EXCHANGE_TIME_RESERVED};
use crate::llm::route::Attempt;
use crate::time::Instant;

impl Agent {
    /// How much time is reserved before a model is asked; none where no limit of time holds.
    pub(super) fn first_time(&mut self, accounts: Accounts) -> Amount {
        let left = self.budgets.left(accounts, Measure::Time, self.now.wall);
        time(left.map_or(0, |left| piece(left).max(LEAST_MS)))
    }

    /// What was reserved for an exchange is used up, and it has not ended.
    pub(super) fn exchange_due(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        (exchange, attempt, mut spending): (ExchangeNumber, Attempt, Spending),
    ) {
        let accounts = self.accounts(number, &turn);
        match self.more_time(number, accounts, exchange, &mut spending) {
            true => {
                turn.stage = Stage::Asking { exchange, attempt, spending };
                self.put_turn(number, turn);
            }
            false => {
                self.route.abandoned(attempt);
                self.out_of_time(number, turn, accounts);
            }
        }
    }

    /// Reserves more time for an exchange, or ends it where a limit leaves none. Says whether it
    /// goes on.
    pub(super) fn more_time(
        &mut self,
        number: ConversationNumber,
        accounts: Accounts,
        exchange: ExchangeNumber,
        spending: &mut Spending,
    ) -> bool {
        let overdue = spending.overdue(self.now.instant);
        let left = self.budgets.left(accounts, Measure::Time, self.now.wall);
        let ahead = match left {
            // There was a limit, and now there is none.
            None => Some(MOST_MS),
            Some(left) => left.checked_sub(overdue).filter(|left| *left >= LEAST_MS).map(piece),
        };
        let more = ahead.map(|ahead| time(overdue.saturating_add(ahead)));
        let more = more.filter(|more| {
            let reserved = self.budgets.reserve_more(spending.reservation, *more, self.now.wall);
            reserved.is_ok()
        });
        let Some(more) = more else {
            self.exchanges.remove(&exchange);
            self.outbox.order(Order::Unask(exchange));
            // It was at work until now, whatever was reserved.
            spending.amount = spending.amount.plus(&time(overdue.min(left.unwrap_or(0))));
            let spent = spending.by_clock(self.now.instant);
            self.outbox.record(Kind::Budget, number, |out| {
                out.field("exchange", exchange.0).field("ended_after_ms", spent.time_ms);
            });
            self.settle(number, *spending, spent);
            return false;
        };
        self.outbox.record(Kind::Budget, number, |out| {
            out.field("exchange", exchange.0).field("more_ms", more.time_ms);
        });
        spending.amount = spending.amount.plus(&more);
        true
    }

    fn out_of_time(&mut self, number: ConversationNumber, turn: Box<Turn>, accounts: Accounts) {
        match self.budgets.exceeded(accounts, time(LEAST_MS), self.now.wall) {
            Some(exceeded) => self.model_over_budget(number, turn, exceeded),
            // A new day began meanwhile.
            None => self.ask(number, turn),
        }
    }
}

impl Spending {
    /// When all the time is used up that was reserved; `None` if none was.
    pub(super) fn until(&self) -> Option<Instant> {
        let reserved = self.amount.time_ms;
        (reserved > 0 && !is_broken(Fault::EndlessReply))
            .then(|| Instant(self.since.0.saturating_add(reserved)))
    }

    /// What it cost as far as the clock can tell: the time that it took, and else all that was
    /// reserved. Where the program was down meanwhile, it was not at work all the time.
    pub(super) fn by_clock(&self, now: Instant) -> Amount {
        let most = match self.amount.time_ms {
            0 => MOST_MS,
            reserved => reserved,
        };
        Amount { time_ms: elapsed(self.since, now).min(most), ..self.amount }
    }

    /// By the clock it took all the time that was reserved.
    pub(super) fn take_all(&mut self, now: Instant) {
        self.since = Instant(now.0.saturating_sub(self.amount.time_ms));
    }

    fn overdue(&self, now: Instant) -> u64 {
        elapsed(self.since, now).saturating_sub(self.amount.time_ms)
    }
}

fn elapsed(since: Instant, now: Instant) -> u64 {
    now.0.saturating_sub(since.0)
}

/// What is reserved at once of what is left. No rest is left that is too short to ask with.
fn piece(left: u64) -> u64 {
    match left > PIECE_MS + LEAST_MS {
        true => PIECE_MS,
        false => left,
    }
}

fn time(time_ms: u64) -> Amount {
    Amount { time_ms, ..Amount::default() }
}

const LEAST_MS: u64 = EXCHANGE_TIME_LEAST.as_secs() * 1000;
const PIECE_MS: u64 = EXCHANGE_TIME_RESERVED.as_secs() * 1000;
const MOST_MS: u64 = EXCHANGE_TIME_MAX.as_secs() * 1000;
