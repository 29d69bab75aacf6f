//! A decision of the table costs no allocation.
//!
//! Goal: a call that an attacker chose cannot make the table hungry. Method: a counting allocator
//! under decisions over a thousand grants.
#![cfg(feature = "policy")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod capability_cases;
mod counting;

#[test]
fn a_decision_costs_no_allocation() {
    let table = capability_cases::table();
    assert!(table.len() > 1000);
    capability_cases::each(|name, request, expected| {
        let mut is_covered = !expected;
        let count = counting::allocations(|| {
            is_covered = capability_cases::is_covered(&table, request);
        });
        assert_eq!((is_covered, count), (expected, 0), "{name}");
    });
    capability_cases::each_command(|name, request| {
        let count = counting::allocations(|| {
            assert!(capability_cases::is_covered(&table, request), "{name}");
        });
        assert_eq!(count, 0, "{name}");
    });
}
