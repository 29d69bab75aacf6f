//! Budgets: what may be spent, reserved before it is.
//!
//! Tokens, money, calls and time, for a turn, a conversation, a person and a day. What something
//! may cost is reserved before it begins and settled when it is known, so a limit holds with many
//! things under way, and what was under way when the program ended is not forgotten.
//!
//! # Invariants
//! - What is spent and what is reserved are together never more than a limit, unless something cost
//!   more than was reserved for it; then nothing else is reserved.
//! - A reservation is settled once. What it cost counts on the day on which it is, and until then
//!   it counts as reserved on every day.
//! - A clock that is set back brings no new day.
//!
//! # Not here
//! Asking a person, and pausing: the agent. The prices themselves: the configuration.

mod amount;
#[cfg(feature = "agent")]
mod kept;
mod ledger;
mod price;

#[cfg(test)]
mod tests;

pub use self::amount::{Amount, Measure, Money};
pub use self::ledger::{
    Accounts, AtLimit, Budgets, Exceeded, Limit, Refused, ReservationNumber, Rules, Scope,
    UnknownReservation, Warning,
};
pub use self::price::{Price, Prices};
