//! Models that are lent to the server of a skill.
//!
//! # Not here
//! Asking them: [`agent`](crate::agent).

use super::{Holder, Level, Request, Table, Verdict};
use crate::time::Timestamp;

impl Table {
    /// Whether the server of a skill may have this model asked: the agent may itself, and a grant
    /// of it for the skill says so, be it that somebody is asked each time.
    ///
    /// ```
    /// use sentinel_core::capability::Table;
    /// use sentinel_core::time::Timestamp;
    ///
    /// let (mut table, now) = (Table::new(), Timestamp(0));
    /// table.grant("model small for weather ask".parse()?, now)?;
    /// assert!(!table.may_sample("weather", "small", now), "nobody lends what they do not have");
    /// table.grant("model *".parse()?, now)?;
    /// assert!(table.may_sample("weather", "small", now));
    /// assert!(!table.may_sample("weather", "large", now));
    /// assert!(!table.may_sample("tickets", "small", now));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn may_sample(&self, skill: &str, model: &str, now: Timestamp) -> bool {
        let decide = |request| self.decide(Holder::AGENT, &request, now);
        let is_own = matches!(
            decide(Request::Model { name: model }),
            Verdict::Covered { level: Level::Allow, .. }
        );
        is_own && matches!(decide(Request::Sampling { skill, model }), Verdict::Covered { .. })
    }
}
