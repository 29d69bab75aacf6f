//! A decision costs no allocation, whatever is in its arguments.
//!
//! Goal: what an attacker writes into a call cannot make the judge slow or hungry. Method: a
//! counting allocator under decisions with 64 KiB of trusted text and the worst values known.
#![cfg(feature = "policy")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod counting;

#[path = "label_cases/mod.rs"]
mod label_cases;

use sentinel_core::label::{Answer, Context, Flow, Label, Source, decide};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

#[test]
fn a_decision_costs_no_allocation() {
    let context = label_cases::context();
    let role = label_cases::role();
    let mut answers = Vec::new();
    for (name, arguments) in label_cases::arguments() {
        let document = json::parse(arguments.as_bytes()).unwrap();
        let call = label_cases::call(&role, document.root());
        let flow = Flow::default();
        let mut answer = Answer::Deny;
        let count = counting::allocations(|| {
            answer = decide(&flow, &call, &context, Timestamp(0)).answer;
        });
        assert_eq!(count, 0, "{name}");
        answers.push((name, answer));
    }
    assert_eq!(answers[0], ("named by the person", Answer::Allow));
    assert!(answers[1..].iter().any(|(_, answer)| *answer == Answer::Ask));
}

/// Ten thousand conversations that wait for a first word fit a small machine.
#[test]
fn an_empty_context_costs_no_allocation() {
    let count = counting::allocations(|| drop(Context::new()));
    // The set of readers of public content is one list.
    assert!(count <= 4, "{count}");
    assert!(size_of::<Context>() <= 512, "{}", size_of::<Context>());
    let label = Label::trusted(Source::Person);
    assert_eq!(counting::allocations(|| drop(label.join(&label))), 0);
}
