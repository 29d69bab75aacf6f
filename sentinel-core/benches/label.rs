//! The judge: what a decision costs, whatever an attacker writes into the call.

use std::hint::black_box;

use sentinel_core::label::{Flow, decide};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use crate::counting::allocations;
use crate::label_cases;
use crate::race::{microseconds, title};

/// A call of eight control arguments over 64 KiB of trusted text.
pub(crate) fn deciding(filter: &str) -> bool {
    if !title(filter, "label decision, 8 arguments, 64 KiB of trusted text") {
        return true;
    }
    let context = label_cases::context();
    let role = label_cases::role();
    let flow = Flow::default();
    let mut is_reached = true;
    for (name, arguments) in label_cases::arguments() {
        let document = json::parse(arguments.as_bytes()).unwrap();
        let call = label_cases::call(&role, document.root());
        let mut run = || {
            black_box(decide(&flow, black_box(&call), &context, Timestamp(0)));
            1
        };
        let count = allocations(|| {
            black_box(run());
        });
        is_reached &= microseconds(name, &mut run, 25.0) && count == 0;
    }
    is_reached
}
