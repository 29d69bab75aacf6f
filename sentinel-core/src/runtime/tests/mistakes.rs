//! What hosts and models do wrong: an answer or a typed error, never a panic and never an effect.

use alloc::format;
use alloc::string::{String, ToString};

use super::shell::{Shell, calling, service};
use super::*;
use crate::agent::{CallNumber, FetchNumber, Kind, OperatorCommand};
use crate::capability::{Handle, Table};
use crate::channel::Failure;
use crate::limits::TURN_ROUNDS;

const GRANTS: [&str; 3] = ["model offline", "read /srv/agent", "skill poke"];

fn saying(text: &str) -> String {
    let message = format!(r#"{{"role":"assistant","content":"{text}"}}"#);
    format!(r#"{{"choices":[{{"index":0,"finish_reason":"stop","message":{message}}}]}}"#)
}

/// Each call that cannot be understood is answered to the model, in words, and the turn goes on.
#[test]
fn a_call_that_is_none_is_answered_and_not_made() {
    for (tool, arguments, why) in [
        ("no_such_tool", "{}", "no_such_tool"),
        ("read_file", "[1,2,3]", "object"),
        ("read_file", "7", "object"),
        ("read_file", "not json", "read_file"),
        ("read_file", "{}", "path"),
        ("read_file", r#"{"path":7}"#, "path"),
        ("read_file", r#"{"path":"a","path":"/etc/passwd"}"#, "path"),
        ("read_file", r#"{"path":"a","pth":"b"}"#, "pth"),
        ("read_file", r#"{"path":"../../etc/passwd"}"#, "not run"),
    ] {
        let mut shell = Shell::new(service(&GRANTS));
        shell.write("1", "c1", "go");
        shell.request.clear();
        shell.answer(200, &[], &calling(tool, &[arguments]));
        assert!(shell.calls.is_empty(), "{tool} {arguments}: {:?}", shell.calls);
        assert!(shell.request.contains(why), "{tool} {arguments}: {}", shell.request);
        shell.answer(200, &[], &saying("all right"));
        assert_eq!(shell.said.last().map(String::as_str), Some("all right"));
        assert!(shell.sentinel.is_at_rest());
    }
}

/// A call that cannot be read gives the same answer as often as it is made: three times are a loop,
/// whatever else is called in between, and over a restart from a snapshot too.
#[test]
fn a_call_that_is_none_is_a_loop_when_it_is_repeated() {
    for (tool, arguments) in [
        ("no_such_tool", ["{}", "{ }", "{}"]),
        ("read_file", ["[1,2]", "[1, 2]", "[1,2]"]),
        ("read_file", ["not json", "not json", "not json"]),
        ("read_file", [r#"{"pth":"b"}"#; 3]),
    ] {
        let mut shell = Shell::new(service(&GRANTS));
        shell.write("1", "c1", "go");
        for (round, arguments) in arguments.into_iter().enumerate() {
            assert_eq!(shell.asked.len(), 1, "{tool} {arguments}: round {round}");
            shell.answer(200, &[], &calling(tool, &[arguments]));
            if round == 1 {
                shell.answer(200, &[], &calling("no_such_other_tool", &[arguments]));
                shell.operate(OperatorCommand::Snapshot).unwrap();
                shell.restart();
                shell.asked.drain(..1);
            }
        }
        assert!(shell.asked.is_empty(), "{tool} {arguments:?}: the turn goes on");
        let said = shell.said.last().unwrap();
        assert!(said.contains("the same call gave the same result three times"), "{said}");
        assert!(shell.payloads(Kind::TurnEnded)[0].contains(r#""how":"loop""#));
        assert!(shell.sentinel.is_at_rest());
    }
}

/// Another unreadable call each time is none.
#[test]
fn calls_that_are_none_and_differ_are_no_loop() {
    let mut shell = Shell::new(service(&GRANTS));
    shell.write("1", "c1", "go");
    for arguments in ["[1]", "[2]", "[3]", "7"] {
        shell.answer(200, &[], &calling("read_file", &[arguments]));
    }
    assert_eq!(shell.asked.len(), 1);
}

#[test]
fn ten_megabytes_of_arguments_are_no_call() {
    let mut shell = Shell::new(service(&GRANTS));
    shell.write("1", "c1", "go");
    let arguments = format!(r#"{{"path":"{}"}}"#, "x".repeat(10 << 20));
    shell.answer(200, &[], &calling("read_file", &[&arguments]));
    assert!(shell.calls.is_empty());
    assert!(shell.said.last().unwrap().contains("I have no answer"), "{:?}", shell.said);
    assert!(shell.sentinel.is_at_rest());
}

/// Two calls with one id are two calls, each with its own result.
#[test]
fn two_calls_with_one_id_are_two_calls() {
    let mut shell = Shell::new(service(&GRANTS));
    shell.write("1", "c1", "go");
    let both = calling("read_file", &[r#"{"path":"a"}"#, r#"{"path":"b"}"#]);
    shell.answer(200, &[], &both.replace(r#""id":"c1""#, r#""id":"c0""#));
    assert_eq!(shell.calls.len(), 2);
    shell.give_back("the second");
    shell.give_back("the first");
    let places = ["the first", "the second"].map(|word| shell.request.find(word));
    assert!(places[0].is_some() && places[0] < places[1], "in order: {}", shell.request);
    assert_eq!(shell.request.matches(r#""tool_call_id":"c0""#).count(), 1);
}

/// What a host says of something that is over, or that never was, changes nothing at all.
#[test]
fn events_for_nothing_change_nothing() {
    let mut shell = Shell::new(service(&GRANTS));
    shell.write("1", "c1", "go");
    let first = *shell.asked.last().unwrap();
    shell.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
    let (call, _) = shell.calls.last().cloned().unwrap();
    shell.give_back("the page");
    let (log, asked) = (shell.log.len(), shell.asked.clone());
    let output = || ToolOutput { content: "again".into(), is_error: false };
    let (delivery, piece) = (DeliveryNumber(9_999), 7);
    let events: [Event<'_>; 9] = [
        Event::ToolFinished { call, output: output() },
        Event::ToolFinished { call: CallNumber(9_999), output: output() },
        Event::ModelBody { exchange: first, bytes: b"data: {}\n\n" },
        Event::ModelEnd { exchange: first },
        Event::ModelFailed { exchange: ExchangeNumber(9_999), kind: TransportKind::Cut },
        Event::Sent { delivery, piece, message: "m" },
        Event::PostFailed { delivery, piece, failure: Failure::Gone },
        Event::Fetched { fetch: FetchNumber(9_999), fetched: Fetched::Failed("late".into()) },
        Event::Persisted { records_count: 9_999 },
    ];
    for event in events {
        shell.tell(event);
    }
    assert_eq!((shell.log.len(), &shell.asked), (log, &asked), "nothing is recorded or asked");
    // A handle that was never given out means nothing, and an old one means nothing any more.
    for (index, generation) in [(1, 7), (99, 0), (u32::MAX, u32::MAX)] {
        let handle = Handle { index, generation };
        assert!(shell.operate(OperatorCommand::Revoke(handle)).is_err());
        assert!(shell.sentinel.grant(handle).is_none());
        assert!(Table::new().spend(handle, shell.now().wall).is_err());
    }
    shell.answer(200, &[], &saying("done"));
    assert_eq!(shell.said.last().map(String::as_str), Some("done"));
}

/// A model that never stops calling is told to stop, and cannot call any more.
#[test]
fn rounds_have_a_bound() {
    let mut shell = Shell::new(service(&GRANTS));
    shell.write("1", "c1", "go");
    for round in 0..TURN_ROUNDS {
        shell.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
        assert_eq!(shell.calls.len(), 1, "round {round}");
        shell.give_back(&format!("page {round}"));
    }
    assert!(!shell.request.contains(r#""tool_choice":"none""#));
    shell.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
    assert!(shell.calls.is_empty());
    assert!(shell.request.contains("10 times in this turn, which is the limit"));
    assert!(shell.request.contains(r#""tool_choice":"none""#), "{}", shell.request);
    // Whoever calls all the same is not heard.
    shell.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
    assert!(shell.calls.is_empty() && shell.sentinel.is_at_rest());
}

/// What is too long for the model is cut for it, and stands in the journal as it came.
#[test]
fn what_is_cut_for_the_model_is_whole_in_the_journal() {
    let mut shell = Shell::new(service(&GRANTS));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
    let long = (0..40_000).map(|line| line.to_string()).collect::<Vec<_>>().join(" ");
    shell.give_back(&long);
    assert!(shell.request.contains("bytes left out here") && !shell.request.contains(&long));
    let finished = shell.payloads(Kind::ToolFinished);
    assert!(finished.len() == 1 && finished[0].contains(&long));
}
