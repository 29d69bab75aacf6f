//! Scenarios: any text is an outcome or an error at a place in it, twice the same; questions and
//! denials keep to the rules that may ask and deny, and an explanation hides nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::label::{Answer, Mode, Rule};
use sentinel_core::policy::{Suite, Tally};

fuzz_target!(|text: &str| {
    let (first, second) = (run(text, Suite::new()), run(text, Suite::new()));
    assert_eq!(first, second, "the same lines, the same outcomes");
    run(text, Suite::new().in_mode(Mode::Strict));
});

/// What comes of the lines, as text, up to the first that is no scenario.
fn run(text: &str, mut suite: Suite) -> String {
    let mut said = String::new();
    let mut tally = Tally::default();
    for (number, line) in (1..).zip(text.split('\n')) {
        let outcome = match suite.evaluate(line) {
            Ok(Some(outcome)) => outcome,
            Ok(None) => continue,
            Err(error) => {
                assert_eq!(error.line, number);
                assert!(error.column <= line.chars().count() + 1, "{error}");
                said.push_str(&error.to_string());
                break;
            }
        };
        tally.count(&outcome);
        let asked = outcome.calls.iter().filter(|call| call.answer == Answer::Ask).count();
        assert!(outcome.questions_count <= asked);
        for call in &outcome.calls {
            if call.answer == Answer::Deny {
                assert!(matches!(call.rule, Rule::Cover | Rule::Secret | Rule::Readers));
            }
            let plain = |character: char| character == '\n' || !character.is_control();
            assert!(call.explanation.chars().all(plain), "{:?}", call.explanation);
        }
        said.push_str(&format!("{outcome:?}"));
    }
    assert!(tally.through <= tally.attacks && tally.unasked <= tally.asked_once_at_most);
    said
}
