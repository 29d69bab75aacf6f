//! Limits that are reached, and what people are asked and told about them.

use alloc::vec::Vec;

use super::shell::{Shell, poking, service};
use super::*;
use crate::budget::{AtLimit, Limit, Measure, Rules, Scope};

/// So many calls of models and tools together may be made.
fn limited(scope: Scope, max: u64, at_limit: AtLimit) -> Settings {
    let mut own = service(&["model offline", "skill poke"]);
    let limits = Vec::from([Limit { scope, measure: Measure::Calls, max, at_limit }]);
    own.budget = Rules { limits, warn_percent: Vec::new() };
    own
}

/// Questions that are on record, and those whose end is.
fn on_record(shell: &Shell) -> [Vec<u64>; 2] {
    [Kind::ApprovalAsked, Kind::ApprovalAnswered].map(|kind| {
        let numbers = shell.payloads(kind).into_iter().map(|payload| {
            let document = crate::text::json::parse(payload.as_bytes()).unwrap();
            document.root().get("question").unwrap().as_u64().unwrap()
        });
        numbers.collect()
    })
}

/// The limit of a day has room again on the next one: what waited goes on, and the question about
/// it does not vanish, whether a model or a tool was held.
#[test]
fn a_question_that_the_next_day_makes_needless_ends_on_the_record() {
    for (max, is_model) in [(1, false), (2, true)] {
        let mut shell = Shell::new(limited(Scope::Day, max, AtLimit::Pause));
        shell.write("1", "c1", "go");
        shell.answer(200, &[], &poking(&["{}"]));
        if is_model {
            shell.give_back("poked");
        }
        assert_eq!(on_record(&shell), [Vec::from([1]), Vec::new()]);
        // It is 22:13 UTC.
        shell.instant += 2 * 60 * 60 * 1000;
        shell.wait();
        assert_eq!((shell.calls.len(), shell.asked.len()), if is_model { (0, 1) } else { (1, 0) });
        assert_eq!(on_record(&shell), [[1], [1]].map(Vec::from));
        let said = shell.said.join("\n");
        assert!(said.contains("Question 1 is void: it is tried again"), "{said}");
        shell.restart();
    }
}

#[test]
fn a_question_about_a_model_that_other_settings_make_needless_ends_on_the_record() {
    let other = || {
        let mut other = limited(Scope::Conversation, 100, AtLimit::Ask);
        other.digest = [1; 32];
        other
    };
    for is_restarted in [false, true] {
        let mut shell = Shell::new(limited(Scope::Conversation, 2, AtLimit::Ask));
        shell.write("1", "c1", "go");
        shell.answer(200, &[], &poking(&["{}"]));
        shell.give_back("poked");
        assert_eq!(on_record(&shell), [Vec::from([1]), Vec::new()]);
        match is_restarted {
            true => shell.restart_with(other()),
            false => {
                shell.tell(Event::Settings(Arc::new(other())));
                shell.wait();
            }
        }
        assert_eq!(shell.asked.len(), 1, "it goes on");
        assert_eq!(on_record(&shell), [[1], [1]].map(Vec::from));
        assert!(shell.said.iter().any(|said| said == "Question 1 is void: the settings changed."));
    }
}

#[test]
fn a_question_of_a_turn_that_is_stopped_ends_on_the_record() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    shell.write("1", "c1", "/stop");
    assert_eq!(on_record(&shell), [[1], [1]].map(Vec::from));
    let answered = shell.payloads(Kind::ApprovalAnswered);
    assert!(answered[0].contains(r#""answer":"no","how":"the turn ended"#), "{answered:?}");
    shell.restart();
}
