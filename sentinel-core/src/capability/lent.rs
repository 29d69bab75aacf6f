//! Models that are lent to the server of a skill.
//!
//! # Not here
//! Asking them: [`agent`](crate::agent).

use super::matching::covers;
use super::{Grant, Holder, Level, Request, Table, Verdict};
use crate::time::Timestamp;

impl Table {
    /// Whether the server of a skill may have this model asked: the agent may itself, a grant of it
    /// for the skill says so, be it that somebody is asked each time, and the skill does not say
    /// that it shall `never` have it. How often it was used says nothing here: what a server is
    /// offered decides which tools it lists, and each of its requests is decided by itself.
    ///
    /// ```
    /// use sentinel_core::capability::Table;
    /// use sentinel_core::time::Timestamp;
    ///
    /// let (mut table, now) = (Table::new(), Timestamp(0));
    /// table.grant("model small for weather ask".parse()?, now)?;
    /// assert!(!table.may_sample("weather", "small", &[], now), "nobody lends what is not theirs");
    /// table.grant("model *".parse()?, now)?;
    /// assert!(table.may_sample("weather", "small", &[], now));
    /// assert!(!table.may_sample("weather", "large", &[], now));
    /// assert!(!table.may_sample("tickets", "small", &[], now));
    /// let never = ["model * for weather".parse()?];
    /// assert!(!table.may_sample("weather", "small", &never, now));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn may_sample(&self, skill: &str, model: &str, never: &[Grant], now: Timestamp) -> bool {
        let request = Request::Sampling { skill, model };
        self.speaks_of(&Request::Model { name: model }, now, |level| level == Level::Allow)
            && self.speaks_of(&request, now, |_| true)
            && !never.iter().any(|grant| covers(&grant.resource, &request))
    }

    /// Whether a grant covers it, however often it was used, and no rule forbids it.
    fn speaks_of(
        &self,
        request: &Request<'_>,
        now: Timestamp,
        counts: impl Fn(Level) -> bool,
    ) -> bool {
        let is_alive = |grant: &Grant| grant.until.is_none_or(|until| now < until);
        let is_meant = |grant: &Grant| is_alive(grant) && covers(&grant.resource, request);
        let is_denied = matches!(self.decide(Holder::AGENT, request, now), Verdict::Denied { .. });
        !is_denied
            && self.iter().any(|(_, holder, grant)| {
                let is_given = grant.level != Level::Deny && counts(grant.level);
                holder == Holder::AGENT && is_given && is_meant(grant)
            })
    }
}
