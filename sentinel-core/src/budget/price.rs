//! What models cost.
//!
//! # Invariants
//! - A cost is rounded up: for as many tokens as were reserved, never less than what is paid.
//! - The exact name of a model counts more than a pattern, a longer pattern more than a shorter.
//!
//! # Not here
//! Where prices come from: an operator writes them down.

use alloc::string::String;
use alloc::vec::Vec;

use super::Money;

/// The price of a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Read, from no cache.
    pub input: Money,
    /// Written.
    pub output: Money,
    /// Read from the provider's cache.
    pub cache_read: Money,
    /// Read and put into the provider's cache.
    pub cache_write: Money,
}

/// The prices of models. One that is not named costs nothing.
///
/// ```
/// use sentinel_core::budget::{Money, Price, Prices};
///
/// let mut prices = Prices::new();
/// let price = Price { input: Money(3_000_000), output: Money(15_000_000), ..Price::default() };
/// prices.add("large-*", price);
/// assert_eq!(prices.cost("large-2", 1_000, 100, 0, 0), Money(4_500));
/// assert_eq!(prices.cost("small", 1_000, 100, 0, 0), Money(0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    list: Vec<(String, Price)>,
}

impl Prices {
    /// No prices.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// The price of a model, or, with `*` at the end, of all whose names start like this.
    pub fn add(&mut self, pattern: &str, price: Price) {
        self.list.push((pattern.into(), price));
    }

    /// The price of a model, if there is one.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&Price> {
        let rank = |pattern: &str| match pattern.strip_suffix('*') {
            None => (pattern == model).then_some(usize::MAX),
            Some(start) => model.starts_with(start).then_some(start.len()),
        };
        let known = self.list.iter().filter_map(|(pattern, price)| Some((rank(pattern)?, price)));
        known.max_by_key(|(rank, _)| *rank).map(|(_, price)| price)
    }

    /// What so many tokens cost.
    #[must_use]
    pub fn cost(
        &self,
        model: &str,
        input: u64,
        output: u64,
        cache_read: u64,
        cache_write: u64,
    ) -> Money {
        let Some(price) = self.find(model) else { return Money(0) };
        let counts = [input, output, cache_read, cache_write];
        let each = [price.input, price.output, price.cache_read, price.cache_write];
        let sum = counts.iter().zip(each).fold(0u128, |sum, (count, each)| {
            sum.saturating_add(u128::from(*count) * u128::from(each.0))
        });
        Money(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(input: u64) -> Price {
        Price { input: Money(input), ..Price::default() }
    }

    #[test]
    fn the_closest_pattern_counts() {
        let mut prices = Prices::new();
        prices.add("*", price(1));
        prices.add("a-*", price(2));
        prices.add("a-1", price(3));
        for (model, expected) in [("b", 1), ("a-2", 2), ("a-1", 3), ("a-10", 2), ("a", 1)] {
            assert_eq!(prices.find(model), Some(&price(expected)), "{model}");
        }
    }

    #[test]
    fn costs_are_rounded_up_and_stop_at_the_end() {
        let mut prices = Prices::new();
        prices.add("m", price(1));
        prices.add("dear", price(u64::MAX));
        assert_eq!(prices.cost("m", 0, 9, 9, 9), Money(0));
        assert_eq!(prices.cost("m", 1, 0, 0, 0), Money(1));
        assert_eq!(prices.cost("m", 1_000_001, 0, 0, 0), Money(2));
        assert_eq!(prices.cost("dear", u64::MAX, 0, 0, 0), Money(u64::MAX));
    }
}
