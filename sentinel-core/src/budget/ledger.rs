//! The accounts: what was spent, what is reserved, and what is left.
//!
//! # Invariants
//! - A reservation is made in all four accounts it touches, or in none.
//! - An account that holds nothing takes no room.
//!
//! # Not here
//! What something will cost: the caller estimates it. A limit holds as well as the estimate does:
//! what cost more than was reserved is put down as what it cost, and counts from then on.

use alloc::vec::Vec;
use core::fmt;

use super::amount::{Amount, Measure};
use crate::fault::{Fault, is_broken};
use crate::limits::{BUDGET_ACCOUNTS_COUNT_MAX, BUDGET_RESERVATIONS_COUNT_MAX};
use crate::order::Map;
use crate::time::Timestamp;

/// For what a limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One turn: a message and all that is done for it.
    Turn,
    /// One conversation, from its beginning.
    Conversation,
    /// One person, in a day of UTC.
    Person,
    /// Everybody together, in a day of UTC.
    Day,
}

impl Scope {
    #[cfg(feature = "agent")]
    pub(crate) const ALL: [Self; 4] = [Self::Turn, Self::Conversation, Self::Person, Self::Day];

    /// Its name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Conversation => "conversation",
            Self::Person => "person",
            Self::Day => "day",
        }
    }
}

/// What happens when a limit would be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtLimit {
    /// The turn waits until there is something to spend again, or a person allows more.
    Pause,
    /// A person is asked, for a while.
    Ask,
    /// The turn ends.
    Stop,
}

/// The most that may be spent of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// For what.
    pub scope: Scope,
    /// Of what.
    pub measure: Measure,
    /// How much.
    pub max: u64,
    /// And then.
    pub at_limit: AtLimit,
}

/// All limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The limits. Where several hold, all do.
    pub limits: Vec<Limit>,
    /// At which shares of a limit people are warned, in percent.
    pub warn_percent: Vec<u8>,
}

/// Whose accounts something is put down to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// The turn.
    pub turn: u64,
    /// The conversation.
    pub conversation: u64,
    /// The person.
    pub person: u64,
}

impl Accounts {
    pub(super) const fn keys(self) -> [(Scope, u64); 4] {
        [
            (Scope::Turn, self.turn),
            (Scope::Conversation, self.conversation),
            (Scope::Person, self.person),
            (Scope::Day, 0),
        ]
    }

    /// The account for which a limit of this scope holds.
    pub(crate) const fn account(self, scope: Scope) -> u64 {
        match scope {
            Scope::Turn => self.turn,
            Scope::Conversation => self.conversation,
            Scope::Person => self.person,
            Scope::Day => 0,
        }
    }
}

/// A reservation, until it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationNumber(pub(super) u64);

/// What is spent of one thing has reached a share of its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// For what the limit holds.
    pub scope: Scope,
    /// Of what.
    pub measure: Measure,
    /// The share that was reached.
    pub percent: u8,
    /// What is spent.
    pub spent: u64,
    /// The limit.
    pub max: u64,
}

/// A limit would be passed; nothing was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// For what the limit holds.
    pub scope: Scope,
    /// Of what.
    pub measure: Measure,
    /// The limit as the operator set it.
    pub limit: u64,
    /// The limit, with what was allowed on top.
    pub max: u64,
    /// What is spent.
    pub spent: u64,
    /// What is reserved.
    pub reserved: u64,
    /// What was to be reserved.
    pub wanted: u64,
    /// What is done about it.
    pub at_limit: AtLimit,
}

/// Why nothing was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// A limit would be passed.
    Limit(Exceeded),
    /// [`BUDGET_RESERVATIONS_COUNT_MAX`] reservations are open. No limit of the operator's is at
    /// fault, and nobody can raise this one.
    TooMuchUnderWay,
    /// [`BUDGET_ACCOUNTS_COUNT_MAX`] accounts are kept already.
    TooManyAccounts,
}

/// There is no such reservation, or it was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReservation;

/// All accounts.
///
/// ```
/// use sentinel_core::budget::{
///     Accounts, Amount, AtLimit, Budgets, Limit, Measure, Rules, Scope,
/// };
/// use sentinel_core::time::Timestamp;
///
/// let (scope, measure, at_limit) = (Scope::Turn, Measure::Tokens, AtLimit::Stop);
/// let limits = vec![Limit { scope, measure, max: 1000, at_limit }];
/// let mut budgets = Budgets::new(Rules { limits, warn_percent: vec![80] });
/// let (turn, now) = (Accounts { turn: 1, ..Accounts::default() }, Timestamp(0));
/// let tokens = |tokens| Amount { tokens, ..Amount::default() };
///
/// let reserved = budgets.reserve(turn, tokens(900), now).unwrap();
/// assert_eq!(
///     budgets.reserve(turn, tokens(200), now).unwrap_err().to_string(),
///     "the limit of a turn is 1000 tokens: 0 tokens are spent, 900 tokens are reserved, and 200 \
///      tokens more are needed"
/// );
/// let warnings = budgets.settle(reserved, tokens(800), now).unwrap();
/// assert_eq!(warnings[0].to_string(), "80 % of the limit of a turn is spent: 800 tokens of 1000 \
///                                      tokens");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    rules: Rules,
    pub(super) accounts: Map<(Scope, u64), Account>,
    pub(super) open: Map<ReservationNumber, Open>,
    pub(super) last: u64,
    pub(super) day: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) spent: Amount,
    pub(super) reserved: Amount,
    /// What a person allowed on top of the limits.
    pub(super) extra: Amount,
    /// The highest share that was warned of, per measure.
    pub(super) warned: [u8; 4],
}

/// How an account stands to a limit.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The limit, with what was allowed on top.
    max: u64,
    spent: u64,
    reserved: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) accounts: Accounts,
    pub(super) amount: Amount,
}

impl Budgets {
    /// Empty accounts under these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Other rules from now on; what was spent stays.
    pub fn adopt(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Reserves what something may cost.
    ///
    /// # Errors
    /// The first limit that would be passed, or what is full. Nothing was reserved then.
    pub fn reserve(
        &mut self,
        accounts: Accounts,
        amount: Amount,
        now: Timestamp,
    ) -> Result<ReservationNumber, Refused> {
        self.turn_day(now);
        self.check(accounts, &amount).map_err(Refused::Limit)?;
        if self.open.len() >= BUDGET_RESERVATIONS_COUNT_MAX {
            return Err(Refused::TooMuchUnderWay);
        }
        let new = accounts.keys().into_iter().filter(|key| !self.accounts.contains_key(key));
        if self.accounts.len() + new.count() > BUDGET_ACCOUNTS_COUNT_MAX {
            return Err(Refused::TooManyAccounts);
        }
        for key in accounts.keys() {
            let account = self.accounts.entry(key).or_default();
            account.reserved = account.reserved.plus(&amount);
        }
        self.last += 1;
        let number = ReservationNumber(self.last);
        self.open.insert(number, Open { accounts, amount });
        Ok(number)
    }

    /// Reserves more for something that goes on.
    ///
    /// # Errors
    /// The first limit that would be passed. What was reserved before stays so.
    #[cfg(feature = "agent")]
    pub(crate) fn reserve_more(
        &mut self,
        reservation: ReservationNumber,
        more: Amount,
        now: Timestamp,
    ) -> Result<(), Exceeded> {
        self.turn_day(now);
        let Some(accounts) = self.open.get(&reservation).map(|open| open.accounts) else {
            return Ok(());
        };
        self.check(accounts, &more)?;
        for key in accounts.keys() {
            let account = self.accounts.entry(key).or_default();
            account.reserved = account.reserved.plus(&more);
        }
        if let Some(open) = self.open.get_mut(&reservation) {
            open.amount = open.amount.plus(&more);
        }
        Ok(())
    }

    /// How much may still be reserved of one thing; `None` if no limit says so.
    #[cfg(feature = "agent")]
    pub(crate) fn left(
        &mut self,
        accounts: Accounts,
        measure: Measure,
        now: Timestamp,
    ) -> Option<u64> {
        self.turn_day(now);
        let limits = self.rules.limits.iter().filter(|limit| limit.measure == measure);
        let left = limits.map(|limit| {
            let State { max, spent, reserved } = self.state(limit, accounts);
            max.saturating_sub(spent.saturating_add(reserved))
        });
        left.min()
    }

    /// The first limit that so much more would pass.
    #[cfg(feature = "agent")]
    pub(crate) fn exceeded(
        &mut self,
        accounts: Accounts,
        more: Amount,
        now: Timestamp,
    ) -> Option<Exceeded> {
        self.turn_day(now);
        self.check(accounts, &more).err()
    }

    fn check(&self, accounts: Accounts, amount: &Amount) -> Result<(), Exceeded> {
        for limit in &self.rules.limits {
            let wanted = amount.of(limit.measure);
            let State { max, spent, reserved } = self.state(limit, accounts);
            let is_bound = wanted > 0 && !is_broken(Fault::BoundlessSpending);
            if is_bound && spent.saturating_add(reserved).saturating_add(wanted) > max {
                let Limit { scope, measure, at_limit, max: limit } = *limit;
                return Err(Exceeded {
                    scope,
                    measure,
                    limit,
                    max,
                    spent,
                    reserved,
                    wanted,
                    at_limit,
                });
            }
        }
        Ok(())
    }

    fn state(&self, limit: &Limit, accounts: Accounts) -> State {
        let account = self.accounts.get(&(limit.scope, accounts.account(limit.scope)));
        let of = |pick: fn(&Account) -> Amount| {
            account.map_or(0, |account| pick(account).of(limit.measure))
        };
        State {
            max: limit.max.saturating_add(of(|account| account.extra)),
            spent: of(|account| account.spent),
            reserved: match is_broken(Fault::ForgottenReservation) {
                true => 0,
                false => of(|account| account.reserved),
            },
        }
    }

    /// Puts down what something did cost. Says which shares of limits were reached by it.
    ///
    /// # Errors
    /// There is no such reservation.
    pub fn settle(
        &mut self,
        reservation: ReservationNumber,
        actual: Amount,
        now: Timestamp,
    ) -> Result<Vec<Warning>, UnknownReservation> {
        self.turn_day(now);
        let Open { accounts, amount } = self.open.remove(&reservation).ok_or(UnknownReservation)?;
        for key in accounts.keys() {
            let account = self.accounts.entry(key).or_default();
            account.reserved = account.reserved.minus(&amount);
            account.spent = account.spent.plus(&actual);
            let is_empty = account.spent.is_nothing()
                && account.reserved.is_nothing()
                && account.extra.is_nothing();
            if is_empty {
                self.accounts.remove(&key);
            }
        }
        Ok(self.warnings(accounts))
    }

    /// A person allowed more: so much on top of the limit that was reached, for this account.
    pub fn extend(&mut self, accounts: Accounts, exceeded: &Exceeded, more: u64, now: Timestamp) {
        self.turn_day(now);
        let key = (exceeded.scope, accounts.account(exceeded.scope));
        if self.accounts.len() < BUDGET_ACCOUNTS_COUNT_MAX || self.accounts.contains_key(&key) {
            let account = self.accounts.entry(key).or_default();
            account.extra = account.extra.plus(&Amount::of_one(exceeded.measure, more));
            account.warned = [0; 4];
        }
    }

    /// A turn is over: its account is forgotten.
    pub fn end_turn(&mut self, turn: u64) {
        self.accounts.remove(&(Scope::Turn, turn));
    }

    /// A conversation is over: its account is forgotten.
    pub fn end_conversation(&mut self, conversation: u64) {
        self.accounts.remove(&(Scope::Conversation, conversation));
    }

    /// What was spent, without what is reserved.
    #[must_use]
    pub fn spent(&self, scope: Scope, account: u64, now: Timestamp) -> Amount {
        let is_daily = matches!(scope, Scope::Person | Scope::Day);
        if is_daily && now.day() > self.day {
            return Amount::default();
        }
        let account = if scope == Scope::Day { 0 } else { account };
        self.accounts.get(&(scope, account)).map(|account| account.spent).unwrap_or_default()
    }

    /// How many reservations are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// A new day: what holds for a day starts again, but for what is under way. It will be paid on
    /// the day on which it ends, so that day holds it as reserved, or its limit would be passed.
    /// When the clock goes back, what was spent stays spent. Around midnight that is all; a clock
    /// that was days ahead is set right, or the days until then would all be one.
    fn turn_day(&mut self, now: Timestamp) {
        if now.day().saturating_add(1) < self.day {
            self.day = now.day();
        }
        if now.day() > self.day {
            self.day = now.day();
            let is_daily = |scope: Scope| matches!(scope, Scope::Person | Scope::Day);
            self.accounts.retain(|(scope, _), _| !is_daily(*scope));
            for Open { accounts, amount } in self.open.values() {
                for key in accounts.keys().into_iter().filter(|(scope, _)| is_daily(*scope)) {
                    let account = self.accounts.entry(key).or_default();
                    account.reserved = account.reserved.plus(amount);
                }
            }
        }
    }

    fn warnings(&mut self, accounts: Accounts) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for limit in &self.rules.limits {
            let Limit { scope, measure, .. } = *limit;
            let Some(account) = self.accounts.get_mut(&(scope, accounts.account(scope))) else {
                continue;
            };
            let max = limit.max.saturating_add(account.extra.of(measure));
            let spent = account.spent.of(measure);
            let share = u128::from(spent) * 100 / u128::from(max.max(1));
            let Some(warned) = account.warned.get_mut(measure as usize) else { continue };
            let reached = self.rules.warn_percent.iter().copied();
            let reached = reached.filter(|percent| u128::from(*percent) <= share).max();
            if let Some(percent) = reached.filter(|percent| percent > warned) {
                *warned = percent;
                warnings.push(Warning { scope, measure, percent, spent, max });
            }
        }
        warnings
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, scope) = (self.percent, self.scope.name());
        write!(formatter, "{percent} % of the limit of a {scope} is spent: ")?;
        self.measure.write(self.spent, formatter)?;
        formatter.write_str(" of ")?;
        self.measure.write(self.max, formatter)
    }
}

#[cfg(feature = "agent")]
impl Exceeded {
    /// Whether both are about the same limit, though perhaps of another account.
    pub(crate) fn is_same_limit(&self, other: &Self) -> bool {
        let own = (self.scope, self.measure, self.limit);
        own == (other.scope, other.measure, other.limit)
    }

    /// What is added when a person allows more: as much again as the operator set.
    pub(crate) const fn more(&self) -> impl fmt::Display + use<> {
        Value(self.measure, self.limit)
    }
}

/// So much of one thing, for people.
#[cfg(feature = "agent")]
struct Value(Measure, u64);

#[cfg(feature = "agent")]
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(self.1, formatter)
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the limit of a {} is ", self.scope.name())?;
        self.measure.write(self.max, formatter)?;
        formatter.write_str(": ")?;
        self.measure.write(self.spent, formatter)?;
        formatter.write_str(" are spent, ")?;
        self.measure.write(self.reserved, formatter)?;
        formatter.write_str(" are reserved, and ")?;
        self.measure.write(self.wanted, formatter)?;
        formatter.write_str(" more are needed")
    }
}

impl core::error::Error for Exceeded {}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(exceeded) => exceeded.fmt(formatter),
            Self::TooMuchUnderWay => write!(
                formatter,
                "{BUDGET_RESERVATIONS_COUNT_MAX} things are under way, which is as many as can be; \
                 try again when some have ended"
            ),
            Self::TooManyAccounts => write!(
                formatter,
                "{BUDGET_ACCOUNTS_COUNT_MAX} accounts are kept, which is as many as can be; \
                 forget conversations that are over"
            ),
        }
    }
}

impl core::error::Error for Refused {}

impl fmt::Display for UnknownReservation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("there is no such reservation; it may have been settled before")
    }
}

impl core::error::Error for UnknownReservation {}
