//! How patient a route is.
//!
//! # Invariants
//! - A delay is between what the provider asked for and that plus the longest backoff.
//!
//! # Not here
//! What an operator may set: the configuration.

use core::time::Duration;

use crate::limits;

/// The bounds of a [`Route`](super::Route).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutePolicy {
    /// Requests in one exchange, over all models.
    pub attempts_max: u32,
    /// Requests in a row to one model before another is asked.
    pub attempts_per_model: u32,
    /// How long an exchange may go on starting requests.
    pub time_max: Duration,
    /// The longest wait before the second request; it doubles with each.
    pub backoff: Duration,
    /// The longest backoff.
    pub backoff_max: Duration,
    /// The longest wait for a model before the others are considered.
    pub patience: Duration,
    /// For how long a model is first set aside; it doubles with each failure in a row.
    pub cooling: Duration,
    /// The longest time a model is set aside.
    pub cooling_max: Duration,
    /// After how long a try of a model that was set aside counts as lost.
    pub probe_time_max: Duration,
    /// How often those who wait for such a try look again.
    pub probe_poll: Duration,
}

impl Default for RoutePolicy {
    fn default() -> Self {
        Self {
            attempts_max: limits::ROUTE_ATTEMPTS_MAX,
            attempts_per_model: 2,
            time_max: limits::ROUTE_TIME_MAX,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            patience: Duration::from_secs(2),
            cooling: Duration::from_secs(30),
            cooling_max: Duration::from_secs(600),
            probe_time_max: Duration::from_secs(120),
            probe_poll: Duration::from_secs(1),
        }
    }
}

impl RoutePolicy {
    /// How long to wait after the request number `attempt` (from 1) to one model: exponential, with
    /// full jitter, on top of what the provider asked for.
    pub(super) fn delay(&self, attempt: u32, asked: Option<Duration>, entropy: u64) -> Duration {
        let highest = doubled(self.backoff, attempt.saturating_sub(1), self.backoff_max);
        let span = u64::try_from(highest.as_millis()).unwrap_or(u64::MAX);
        // The high half of the product spreads the entropy evenly over 0..=span.
        let spread = (u128::from(entropy) * (u128::from(span) + 1)) >> u64::BITS;
        let jitter = Duration::from_millis(u64::try_from(spread).unwrap_or(span));
        asked.unwrap_or_default().saturating_add(jitter)
    }

    /// For how long a model is set aside after so many failures in a row.
    pub(super) fn cooling_after(&self, failures: u32) -> Duration {
        doubled(self.cooling, failures.saturating_sub(1), self.cooling_max)
    }
}

fn doubled(base: Duration, times: u32, highest: Duration) -> Duration {
    base.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_bound_and_are_spread_over_all_of_it() {
        let policy = RoutePolicy::default();
        for (attempt, longest) in [(1, 500), (2, 1000), (3, 2000), (7, 30_000), (4_000_000, 30_000)]
        {
            let longest = Duration::from_millis(longest);
            assert_eq!(policy.delay(attempt, None, u64::MAX), longest);
            assert_eq!(policy.delay(attempt, None, u64::MAX / 2), longest / 2);
            assert_eq!(policy.delay(attempt, None, 0), Duration::ZERO);
            let asked = Duration::from_secs(7);
            assert_eq!(policy.delay(attempt, Some(asked), 0), asked);
            assert_eq!(policy.delay(attempt, Some(asked), u64::MAX), asked + longest);
        }
        assert_eq!(policy.cooling_after(1), policy.cooling);
        assert_eq!(policy.cooling_after(2), 2 * policy.cooling);
        assert_eq!(policy.cooling_after(u32::MAX), policy.cooling_max);
    }

    #[test]
    fn no_policy_overflows() {
        let policy = RoutePolicy {
            backoff: Duration::MAX,
            backoff_max: Duration::MAX,
            ..RoutePolicy::default()
        };
        assert!(policy.delay(9, Some(Duration::MAX), u64::MAX) == Duration::MAX);
    }
}
