//! The table of grants: what a decision costs among a thousand.

use std::hint::black_box;

use sentinel_core::capability::Request;

use crate::capability_cases;
use crate::counting::allocations;
use crate::race::{microseconds, title};

/// One decision, whatever it is about.
pub(crate) fn deciding(filter: &str) -> bool {
    if !title(filter, "capability decision, 1,000 grants") {
        return true;
    }
    let table = capability_cases::table();
    let mut is_reached = true;
    let mut measure = |name: &str, request: &Request<'_>, goal| {
        let mut run = || usize::from(capability_cases::is_covered(&table, black_box(request)));
        let count = allocations(|| {
            black_box(run());
        });
        is_reached &= microseconds(name, &mut run, goal) && count == 0;
    };
    capability_cases::each(|name, request, _| measure(name, request, 1.0));
    // One decision, one for the directory, and one for each word that may be a path.
    let mut goals = [3.0, 10.0].into_iter();
    capability_cases::each_command(|name, request| {
        measure(name, request, goals.next().unwrap());
    });
    is_reached
}
