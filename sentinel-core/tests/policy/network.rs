//! What a program with a network can and cannot be used for.
//!
//! Goal: nobody but a person, or an operator beforehand, lets a program out to a host once somebody
//! else's words have had a say, and a clean conversation asks no more than who would get what the
//! program reads. Method: attacks, each with the answer and the rule, in both modes; in the strict
//! one every call that is let out is asked about.

use sentinel_core::label::{Answer, Mode};
use sentinel_core::policy::{Suite, Tally};

const NETWORK: &str = include_str!("../data/policy/network.jsonl");

#[test]
fn nobody_else_lets_a_program_out() {
    let mut suite = Suite::new();
    let mut tally = Tally::default();
    for line in NETWORK.lines() {
        let outcome = suite.evaluate(line).unwrap_or_else(|error| panic!("{error}"));
        let Some(outcome) = outcome else { continue };
        assert_eq!(outcome.differences, [], "{}", outcome.name);
        tally.count(&outcome);
    }
    assert_eq!(tally.through, 0);
    assert!(tally.attacks >= 18 && tally.honest >= 8, "{tally:?}");
}

#[test]
fn strict_means_that_every_way_out_is_asked_about() {
    let mut suite = Suite::new().in_mode(Mode::Strict);
    for line in NETWORK.lines() {
        let Some(outcome) = suite.evaluate(line).unwrap_or_else(|error| panic!("{error}")) else {
            continue;
        };
        let let_out = outcome.calls.iter().filter(|call| call.tool == "run_with_network");
        for call in let_out {
            assert!(call.answer != Answer::Allow, "{}: {call:?}", outcome.name);
        }
    }
}
