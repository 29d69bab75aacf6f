//! How much of something: tokens, money, calls, time.
//!
//! # Invariants
//! - Sums stop at the largest number instead of starting again at zero.
//!
//! # Not here
//! What may be spent: [`Limit`](super::Limit).

use core::fmt;

/// An amount of money, in millionths of the operator's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub u64);

impl fmt::Display for Money {
    /// With as many digits as it takes, and at least two: `0.0123`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, mut part) = (self.0 / MILLION, self.0 % MILLION);
        let mut digits = 6;
        while digits > 2 && part % 10 == 0 {
            part /= 10;
            digits -= 1;
        }
        write!(formatter, "{whole}.{part:0digits$}")
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Tokens read and written by models.
    Tokens,
    /// What they cost.
    Money,
    /// Calls of models and tools.
    Calls,
    /// Milliseconds that models and tools were at work.
    Time,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tokens, Self::Money, Self::Calls, Self::Time];

    /// Its name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Money => "money",
            Self::Calls => "calls",
            Self::Time => "time",
        }
    }

    /// A value of it, for people.
    pub(super) fn write(self, value: u64, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens => write!(formatter, "{value} tokens"),
            Self::Money => write!(formatter, "{} in money", Money(value)),
            Self::Calls => write!(formatter, "{value} calls"),
            Self::Time => write!(formatter, "{}.{:03} s", value / 1000, value % 1000),
        }
    }
}

/// So much of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Tokens.
    pub tokens: u64,
    /// Money.
    pub money: Money,
    /// Calls.
    pub calls: u64,
    /// Time that models and tools were at work, in milliseconds.
    pub time_ms: u64,
}

impl Amount {
    /// How much of one measure.
    #[must_use]
    pub const fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Tokens => self.tokens,
            Measure::Money => self.money.0,
            Measure::Calls => self.calls,
            Measure::Time => self.time_ms,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            money: Money(self.money.0.saturating_add(other.money.0)),
            calls: self.calls.saturating_add(other.calls),
            time_ms: self.time_ms.saturating_add(other.time_ms),
        }
    }

    /// What is left without `other`, and nothing where that is more.
    #[must_use]
    pub const fn minus(&self, other: &Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            money: Money(self.money.0.saturating_sub(other.money.0)),
            calls: self.calls.saturating_sub(other.calls),
            time_ms: self.time_ms.saturating_sub(other.time_ms),
        }
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) const fn of_one(measure: Measure, value: u64) -> Self {
        let nothing = Self { tokens: 0, money: Money(0), calls: 0, time_ms: 0 };
        match measure {
            Measure::Tokens => Self { tokens: value, ..nothing },
            Measure::Money => Self { money: Money(value), ..nothing },
            Measure::Calls => Self { calls: value, ..nothing },
            Measure::Time => Self { time_ms: value, ..nothing },
        }
    }
}

const MILLION: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn money_reads_like_money() {
        for (money, text) in [
            (0, "0.00"),
            (12_300, "0.0123"),
            (1_500_000, "1.50"),
            (1, "0.000001"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(Money(money).to_string(), text);
        }
    }

    #[test]
    fn sums_stop_at_the_end() {
        let most = Amount { tokens: u64::MAX, money: Money(u64::MAX), calls: 1, time_ms: 0 };
        assert_eq!(most.plus(&most), Amount { calls: 2, ..most });
        assert!(Amount::default().minus(&most).is_nothing());
        for measure in Measure::ALL {
            assert_eq!(Amount::of_one(measure, 7).of(measure), 7);
        }
    }
}
