//! What somebody wants to be granted, and was not.
//!
//! # Invariants
//! - What a rule forbids as a whole counts as missing, whatever grants it besides. Of what a rule
//!   forbids only a part, the rest can be used: the part is hidden from whoever is handed it.
//!
//! # Not here
//! Whether it is wise to grant it: the operator.

use alloc::vec::Vec;

use super::grant::Grant;
use super::verdict::Level;
use super::{HostPattern, Resource};
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
                && match is_denial {
                    true => is_forbidden(&wanted.resource, &grant.resource),
                    false => wanted.resource.is_within(&grant.resource),
                }
        })
    };
    wanted.iter().filter(|wanted| !covers(wanted, false) || covers(wanted, true)).collect()
}

/// Whether a rule forbids all of it. A wildcard forbids the domain itself, too, which it does not
/// grant.
fn is_forbidden(wanted: &Resource, rule: &Resource) -> bool {
    let is_of_domain = match (wanted, rule) {
        (
            Resource::Connect { hosts: HostPattern::Exact(host), ports, .. },
            Resource::Connect { hosts, ports: forbidden, http: None },
        ) => hosts.forbids(host) && ports.is_within(*forbidden),
        _ => false,
    };
    is_of_domain || wanted.is_within(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_whole_is_missing_and_what_is_forbidden_in_part_is_not() {
        for (wanted, granted, is_missing) in [
            ("read /srv", &["read /srv"][..], false),
            ("read /srv", &["write /srv"], true),
            ("read /srv/keys", &["read /srv", "deny read /srv/keys"], true),
            ("read /srv", &["read /srv", "deny read /srv/keys"], false),
            ("connect a.example", &["connect a.example", "deny connect *.a.example"], true),
            ("connect b.example", &["connect b.example", "deny connect *.a.example"], false),
            (
                "connect a.example:80",
                &["connect a.example:80", "deny connect *.a.example:443"],
                false,
            ),
        ] {
            let wanted: Vec<Grant> = Vec::from([wanted.parse().unwrap()]);
            let granted: Vec<Grant> = granted.iter().map(|grant| grant.parse().unwrap()).collect();
            let granted: Vec<&Grant> = granted.iter().collect();
            let missing = missing(&wanted, &granted, Timestamp(0));
            assert_eq!(!missing.is_empty(), is_missing, "{wanted:?} {granted:?}");
        }
    }
}
