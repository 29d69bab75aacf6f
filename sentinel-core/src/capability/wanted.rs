//! What somebody wants to be granted, and was not.
//!
//! # Invariants
//! - What a rule forbids a part of counts as missing: whoever needs all of it would fail half way.
//!
//! # Not here
//! Whether it is wise to grant it: the operator.

use alloc::vec::Vec;

use super::grant::Grant;
use super::verdict::Level;
use crate::time::Timestamp;

/// Those of the wanted grants that nothing granted covers whole, or that a rule forbids.
///
/// Whether a use is asked about makes no difference: it can be used.
pub fn missing<'w>(wanted: &'w [Grant], granted: &[&Grant], now: Timestamp) -> Vec<&'w Grant> {
    let covers = |wanted: &Grant, is_denial: bool| {
        granted.iter().any(|grant| {
            let is_alive = grant.until.is_none_or(|until| until > now) && grant.uses != Some(0);
            is_alive
                && (grant.level == Level::Deny) == is_denial
                && wanted.resource.is_within(&grant.resource)
        })
    };
    wanted.iter().filter(|wanted| !covers(wanted, false) || covers(wanted, true)).collect()
}
