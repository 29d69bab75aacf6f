//! Limits of time, and models that answer for as long as they like.

use alloc::string::ToString;

use super::shell::{service, settings};
use super::*;
use crate::budget::{AtLimit, Limit, Measure, Rules, Scope};

/// A shell whose model's time is limited, and a message that it is asked about.
fn limited(scope: Scope, max: u64, at_limit: AtLimit) -> Shell {
    let mut own = service(&["model offline", "skill poke"]);
    let limits = Vec::from([Limit { scope, measure: Measure::Time, max, at_limit }]);
    own.budget = Rules { limits, warn_percent: Vec::new() };
    let mut shell = Shell::new(own);
    ask(&mut shell, "1", "c1");
    shell
}

/// Somebody writes, and no time passes.
fn ask(shell: &mut Shell, sender: &str, chat: &str) {
    shell.messages += 1;
    let parts = Vec::from([Part::Text("go".into())]);
    let incoming = shell::incoming(sender, chat, &shell.messages.to_string(), parts);
    shell.tell(Event::Message(incoming));
}

fn pass(shell: &mut Shell, seconds: u64) {
    for _ in 0..seconds {
        shell.instant += 1000;
        shell.tell(Event::Time);
        if let Some(exchange) = shell.asked.last().copied().filter(|it| !shell.unasked.contains(it))
        {
            // A sign of life, or it would be taken for lost.
            shell.tell(Event::ModelBody { exchange, bytes: b": ping\n\n" });
        }
    }
}

/// The model that was asked last begins an answer.
fn begin(shell: &mut Shell, text: &str) {
    let exchange = *shell.asked.last().unwrap();
    let mut headers = Headers::new();
    headers.append("content-type", b"text/event-stream").unwrap();
    shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
    let delta = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
    let bytes = format!("data: {delta}\n\n");
    shell.tell(Event::ModelBody { exchange, bytes: bytes.as_bytes() });
}

const WHOLE: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"done"},"finish_reason":"stop"}]}"#;

#[test]
fn a_model_whose_time_is_over_is_cut_and_never_shown_as_whole() {
    let mut shell = limited(Scope::Turn, 90_000, AtLimit::Stop);
    let exchange = *shell.asked.last().unwrap();
    begin(&mut shell, "the first half");
    pass(&mut shell, 89);
    assert!(shell.unasked.is_empty(), "it has its time, piece by piece");
    pass(&mut shell, 1);
    assert_eq!(shell.unasked, [exchange]);
    shell.wait();
    let said = shell.said.join("\n");
    assert!(said.contains("the limit of a turn is 90.000 s: 90.000 s are spent"), "{said}");
    let shown = shell.said.iter().rfind(|said| said.contains("the first half")).unwrap();
    assert!(shown.contains("[this answer is not complete]"), "{shown}");
    assert!(shell.sentinel.is_at_rest());
    let pieces = shell.payloads(Kind::Budget);
    assert!(pieces[0].contains(r#""more_ms":30000"#), "{pieces:?}");
    assert!(pieces[1].contains(r#""ended_after_ms":90000"#), "{pieces:?}");
    // What comes late is nobody's, and the log says the same again.
    shell.tell(Event::ModelEnd { exchange });
    shell.restart();
}

#[test]
fn a_person_may_allow_more_time_and_the_answer_begins_anew() {
    let mut shell = limited(Scope::Turn, 5_000, AtLimit::Ask);
    begin(&mut shell, "half");
    pass(&mut shell, 5);
    shell.wait();
    let question = shell.sentinel.questions().next().map(|pending| pending.number).unwrap();
    assert_eq!((shell.asked.len(), shell.unasked.len()), (1, 1));
    shell.write("1", "c1", &format!("/approve {question}"));
    assert_eq!(shell.asked.len(), 2, "{:?}", shell.said);
    let mut shell = limited(Scope::Turn, 60_000, AtLimit::Ask);
    pass(&mut shell, 59);
    shell.answer(200, &[], WHOLE);
    assert_eq!(shell.said.last().map(String::as_str), Some("done"));
}

/// With a minute left for all of them, two that take seconds get their answers.
#[test]
fn a_model_keeps_no_more_time_from_others_than_a_piece() {
    let mut shell = limited(Scope::Day, 130_000, AtLimit::Stop);
    ask(&mut shell, "2", "c2");
    assert_eq!(shell.asked.len(), 2);
    ask(&mut shell, "1", "c3");
    assert_eq!(shell.asked.len(), 3, "ten seconds are left");
    ask(&mut shell, "1", "c4");
    assert_eq!(shell.asked.len(), 3);
    assert!(shell.said.iter().any(|said| said.contains("1.000 s more are needed")));
    // What one does not need, another one gets.
    shell.instant += 3000;
    shell.answer(200, &[], WHOLE);
    ask(&mut shell, "1", "c4");
    assert_eq!(shell.asked.len(), 3, "{:?}", shell.said);
}

#[test]
fn waiting_for_another_try_takes_no_time_of_a_model() {
    let mut shell = limited(Scope::Turn, 60_000, AtLimit::Stop);
    shell.instant += 20_000;
    let exchange = shell.asked.pop().unwrap();
    let mut headers = Headers::new();
    headers.append("retry-after", b"30").unwrap();
    shell.tell(Event::ModelHead { exchange, status: 429, headers: &headers });
    shell.tell(Event::ModelEnd { exchange });
    for _ in 0..40 {
        shell.instant += 1000;
        shell.tell(Event::Time);
        if !shell.asked.is_empty() {
            break;
        }
    }
    assert_eq!(shell.asked.len(), 1, "it is asked again");
    pass(&mut shell, 39);
    assert!(shell.unasked.is_empty(), "forty seconds were left");
    pass(&mut shell, 2);
    assert_eq!(shell.unasked.len(), 1);
}

/// When the program ended nobody knows, so the piece of time that was under way is spent.
#[test]
fn what_was_reserved_is_spent_when_the_program_ends() {
    let mut shell = limited(Scope::Conversation, 110_000, AtLimit::Stop);
    shell.restart();
    assert_eq!(shell.asked.len(), 2);
    let status = shell.sentinel.status();
    assert_eq!(status.spent.time_ms, 60_000);
    shell.wait();
    assert_eq!(shell.unasked, [shell.asked[1]], "{:?}", shell.said);
}

/// A call that is run again takes its time twice, and is one call.
#[test]
fn a_call_that_is_run_again_is_reserved_again() {
    let own = |max| {
        let mut own = settings(&["model offline", "read,list /srv/agent"]);
        let (scope, measure, at_limit) = (Scope::Turn, Measure::Time, AtLimit::Stop);
        let limits = Vec::from([Limit { scope, measure, max, at_limit }]);
        own.budget = Rules { limits, warn_percent: Vec::new() };
        own
    };
    for (max, runs_again) in [(240_000, true), (239_999, false)] {
        let mut shell = Shell::new(own(max));
        shell.write("1", "c1", "read README.md");
        shell.calls.clear();
        shell.restart();
        assert_eq!(!shell.calls.is_empty(), runs_again, "{max}: {:?}", shell.said);
        let interrupted = shell.kinds().contains(&Kind::CallInterrupted);
        assert_eq!(interrupted, !runs_again);
        // Without its result the model goes on.
        let calls = if runs_again { 2 } else { 3 };
        assert_eq!(shell.sentinel.status().spent.calls, calls);
    }
}

/// Where nobody limits time, it is counted all the same, and the log says no more than it did.
#[test]
fn time_without_a_limit_is_counted_and_not_reserved() {
    let mut shell = Shell::new(service(&["model offline"]));
    ask(&mut shell, "1", "c1");
    assert!(!shell.payloads(Kind::ModelAsked)[0].contains("time_ms"));
    pass(&mut shell, 100);
    shell.answer(200, &[], WHOLE);
    assert_eq!(shell.sentinel.status().spent.time_ms, 100_000);
    assert!(shell.payloads(Kind::Budget).is_empty());
}
