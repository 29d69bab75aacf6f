//! Servers that ask people something: who answers, what goes to the server, and how it ends.

use alloc::string::ToString;
use core::time::Duration;

use super::shell::{Shell, calling};
use super::skills::{OVER, approve_tea, plain};
use super::*;
use crate::agent::input::Input;
use crate::agent::{CallNumber, Kind, OperatorCommand, Told, ToolOutput};
use crate::budget::{AtLimit, Limit, Measure, Scope};
use crate::capability::Handle;

const FORM: &str = r#"{"type":"object","properties":{
    "name":{"type":"string","maxLength":8},"age":{"type":"integer","minimum":0,"maximum":150}},
    "required":["name"]}"#;

/// A call that runs.
fn called() -> (Shell, CallNumber) {
    // Each message takes a while in this world.
    called_within(3600, 1800)
}

/// A call that may take so many seconds, as its questions may.
fn called_within(call: u64, question: u64) -> (Shell, CallNumber) {
    let mut own = plain(&["model offline", "skill tea"]);
    own.turn.call_time_max = Duration::from_secs(call);
    own.turn.question_time_max = Duration::from_secs(question);
    let mut shell = Shell::new(own);
    shell.operate(approve_tea()).unwrap();
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &calling("tea__brew", &["{}"]));
    let call = shell.calls[0].0;
    (shell, call)
}

fn ask(shell: &mut Shell, call: CallNumber, number: u64, words: &str, schema: &str) {
    let (words, schema) = (words.into(), schema.into());
    shell.tell(Event::CallAsks { call, number, words, schema });
}

fn waiting(shell: &Shell) -> usize {
    shell.sentinel.questions().count()
}

fn pass(shell: &mut Shell, seconds: u64) {
    shell.instant += seconds * 1000;
    shell.tell(Event::Time);
}

fn runs(shell: &Shell, call: CallNumber) -> bool {
    shell.sentinel.agent.waits_for_reply(call)
}

fn said(shell: &Shell) -> &str {
    shell.said.last().unwrap()
}

#[test]
fn what_a_person_answers_is_checked_and_goes_to_the_server() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 7, "Who are\nyou\u{202e}?", FORM);
    let question = said(&shell).to_string();
    for part in [
        "The server of the skill tea asks you something, for its call tea__brew.",
        "which nobody vouches for",
        "  | Who are\n  | you\\u{202e}?\n",
        "  name: a text of 0 to 8 characters\n",
        "  age: a whole number from 0 to 150; it may be left out\n",
        "Answer /approve 1 name=… or /deny 1.",
    ] {
        assert!(question.contains(part), "{part}: {question}");
    }
    for (answer, why) in [
        ("/approve 1", "it asks for values"),
        ("/approve 1 always", "cannot be allowed for good"),
        ("/approve 1 trust", "no block to trust"),
        ("/approve 1 name=far-too-long", "'name' is to be a text of 0 to 8 characters"),
        ("/approve 1 name=Ada age=151", "'age' is to be"),
        ("/approve 1 age=3", "'name' has to be there"),
        ("/approve 2 name=Ada", "There is no question 2 here"),
    ] {
        shell.write("1", "c1", answer);
        assert!(said(&shell).contains(why), "{answer}: {}", said(&shell));
        assert!(waiting(&shell) == 1 && shell.replies.is_empty());
    }
    shell.write("1", "c1", "/approve 1 name=\"Ada L\" age=36");
    let values = r#"{"name":"Ada L","age":36}"#;
    assert_eq!(shell.replies, [(call, 7, Told::Values(values.into()))]);
    assert_eq!(waiting(&shell), 0);
    let answered = shell.payloads(Kind::ApprovalAnswered);
    assert!(answered[0].contains("\"values\":\"{\\\"name\\\":\\\"Ada L\\\""), "{answered:?}");
    shell.write("1", "c1", "/approve 1 name=Eve");
    assert_eq!(shell.replies.len(), 1, "it is answered once");
    shell.give_back("hot");
    shell.answer(200, &[], OVER);
    shell.restart();
}

#[test]
fn a_no_and_silence_are_told_as_what_they_are() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 1, "Who?", FORM);
    shell.write("1", "c1", "/deny 1");
    ask(&mut shell, call, 2, "Who?", r#"{"type":"object","properties":{}}"#);
    shell.write("1", "c1", "/approve 2");
    ask(&mut shell, call, 3, "Who?", FORM);
    shell.instant += 1_800_000;
    shell.tell(Event::Time);
    let told: Vec<_> = shell.replies.iter().map(|(_, number, told)| (*number, told)).collect();
    let empty = Told::Values("{}".into());
    assert_eq!(told, [(1, &Told::Declined), (2, &empty), (3, &Told::Nothing)]);
    assert_eq!(waiting(&shell), 0);
}

#[test]
fn what_no_server_may_ask_is_declined_unseen() {
    let (mut shell, call) = called();
    let before = shell.said.len();
    let with = |name: &str| FORM.replace("name", name);
    let long = "x".repeat(FORM_BYTES_MAX + 1);
    for (words, schema) in [
        ("Log in.", with("password").as_str()),
        ("Log in.", with("apiKey").as_str()),
        ("Who?", "{\"type\":\"array\"}"),
        ("Who?", "no"),
        (long.as_str(), FORM),
    ] {
        ask(&mut shell, call, 1, words, schema);
        assert_eq!(shell.replies.pop(), Some((call, 1, Told::Declined)), "{schema}");
    }
    assert!(shell.said.len() == before && waiting(&shell) == 0);
    assert_eq!(shell.payloads(Kind::CallDeclined).len(), 5);
    // Words about secrets are shown with a warning.
    ask(&mut shell, call, 2, "What is your password?", FORM);
    assert!(said(&shell).contains("Take care: it speaks of secrets."), "{}", said(&shell));
    // Nobody asks without end.
    for number in 3..40 {
        ask(&mut shell, call, number, "Who?", FORM);
    }
    assert_eq!(waiting(&shell), crate::limits::TURN_QUESTIONS_MAX);
}

#[test]
fn a_question_ends_with_its_call_or_when_it_is_taken_back() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 1, "Who?", FORM);
    ask(&mut shell, call, 2, "Who else?", FORM);
    shell.tell(Event::CallUnasks { call, number: 1 });
    assert!(said(&shell).contains("Question 1 is over: the server takes it back"));
    assert_eq!(waiting(&shell), 1);
    shell.tell(Event::ToolFinished {
        call,
        output: ToolOutput { content: "cold".into(), is_error: false },
    });
    assert_eq!(waiting(&shell), 0);
    let over = shell.payloads(Kind::ApprovalAnswered);
    assert!(over.len() == 2 && over[1].contains("the call it belongs to is over"), "{over:?}");
    // What nobody calls asks nobody.
    ask(&mut shell, call, 3, "Who?", FORM);
    assert!(waiting(&shell) == 0 && shell.replies.is_empty());
}

#[test]
fn a_question_of_a_program_that_ended_is_over_on_the_record() {
    for takes_snapshot in [false, true] {
        let (mut shell, call) = called();
        ask(&mut shell, call, 1, "Who?", FORM);
        if takes_snapshot {
            shell.operate(OperatorCommand::Snapshot).unwrap();
        }
        shell.restart();
        assert_eq!(waiting(&shell), 0);
        let over = shell.payloads(Kind::ApprovalAnswered);
        assert!(over.iter().any(|it| it.contains("the program ended while it waited")), "{over:?}");
        assert!(shell.replies.is_empty());
    }
}

#[test]
fn others_do_not_answer_and_operators_do() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 1, "Who?", FORM);
    shell.write("2", "c1", "/approve 1 name=Eve");
    assert!(said(&shell).contains("Only an operator can answer question 1"), "{}", said(&shell));
    let digest = shell.sentinel.questions().next().unwrap().digest;
    let fill = |digest, values: &str| {
        let values = values.into();
        OperatorCommand::Fill { question: 1, digest, values }
    };
    assert!(shell.operate(fill([0; 32], "name=Ada")).is_err());
    assert!(shell.operate(fill(digest, "name=much-too-long")).is_err());
    assert!(shell.replies.is_empty());
    shell.operate(fill(digest, "name=Ada")).unwrap();
    assert_eq!(shell.replies, [(call, 1, Told::Values(r#"{"name":"Ada"}"#.into()))]);
}

/// What one call asks twice under one number is one question: an answer has one place to go.
#[test]
fn two_questions_do_not_share_a_number() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 1, "Who?", FORM);
    ask(&mut shell, call, 1, "And your age?", r#"{"type":"object","properties":{}}"#);
    assert_eq!(shell.replies, [(call, 1, Told::Declined)]);
    assert_eq!(waiting(&shell), 1);
}

/// A call that an operator ends takes its questions along, and nobody is told that an answer to
/// them arrived.
#[test]
fn a_call_that_is_stopped_asks_no_more() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 1, "Who?", FORM);
    shell.operate(OperatorCommand::Revoke(Handle { index: 1, generation: 0 })).unwrap();
    assert_eq!(waiting(&shell), 0);
    let over = shell.payloads(Kind::ApprovalAnswered);
    assert!(over.iter().any(|it| it.contains("the call it belongs to is over")), "{over:?}");
    assert!(shell.replies.is_empty());
}

/// What an operator says to a question of a conversation is forgotten with it.
#[test]
fn an_answer_is_forgotten_with_its_conversation() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 1, "Who?", FORM);
    let (digest, values) = (shell.sentinel.questions().next().unwrap().digest, "name=Ada".into());
    shell.operate(OperatorCommand::Fill { question: 1, digest, values }).unwrap();
    let says_it = |shell: &Shell| {
        [Kind::Operator, Kind::ApprovalAnswered]
            .map(|kind| shell.payloads(kind).iter().filter(|it| it.contains("Ada")).count())
    };
    assert_eq!(says_it(&shell), [1, 1]);
    shell.give_back("hot");
    shell.answer(200, &[], OVER);
    shell.operate(OperatorCommand::Forget(ConversationNumber(1))).unwrap();
    assert_eq!(says_it(&shell), [0, 0]);
}

/// What people take is not the call's time: its clock stands while any question of it waits, and
/// goes on where it stood, also in a log that is read again from a snapshot.
#[test]
fn the_clock_of_a_call_stands_while_people_are_asked() {
    for takes_snapshot in [false, true] {
        let (mut shell, call) = called_within(1000, 5000);
        let before = shell.instant;
        ask(&mut shell, call, 1, "Who?", FORM);
        pass(&mut shell, 4000);
        ask(&mut shell, call, 2, "Who else?", FORM);
        if takes_snapshot {
            shell.operate(OperatorCommand::Snapshot).unwrap();
        }
        // The first one is over, and the second waits.
        pass(&mut shell, 1001);
        assert_eq!(shell.replies, [(call, 1, Told::Nothing)]);
        pass(&mut shell, 3000);
        assert!(runs(&shell, call) && waiting(&shell) == 1);
        let digest = shell.sentinel.questions().next().unwrap().digest;
        let values = "name=Ada".into();
        shell.operate(OperatorCommand::Fill { question: 2, digest, values }).unwrap();
        assert!(shell.instant - before > 8_000_000 && waiting(&shell) == 0);
        pass(&mut shell, 900);
        assert!(runs(&shell, call), "its time was not used up");
        pass(&mut shell, 200);
        assert!(!runs(&shell, call), "its clock goes on");
        shell.answer(200, &[], OVER);
        shell.restart();
    }
}

/// A question that new settings end leaves its call with the time that it had.
#[test]
fn the_clock_goes_on_when_the_settings_change() {
    let (mut shell, call) = called_within(1000, 5000);
    ask(&mut shell, call, 1, "Who?", FORM);
    pass(&mut shell, 4000);
    let mut other = (*shell.settings).clone();
    other.instructions = "Otherwise.".into();
    other.digest = [6; 32];
    shell.tell(Event::Settings(other.into()));
    assert_eq!(shell.replies, [(call, 1, Told::Nothing)]);
    pass(&mut shell, 900);
    assert!(runs(&shell, call), "its time was not used up");
    pass(&mut shell, 200);
    assert!(!runs(&shell, call), "its clock goes on");
}

/// What a server waits for is nobody's time but the person's: no limit of time is charged with it.
#[test]
fn the_wait_for_people_is_not_spent() {
    let ends: [fn(&mut Shell, CallNumber); 3] = [
        |shell, _| shell.give_back("hot"),
        |shell, _| {
            let handle = Handle { index: 1, generation: 0 };
            shell.operate(OperatorCommand::Revoke(handle)).unwrap();
        },
        |shell, _| drop(shell.write("1", "c1", "/stop")),
    ];
    for end in ends {
        let mut own = plain(&["model offline", "skill tea"]);
        own.turn.call_time_max = Duration::from_secs(1000);
        own.turn.question_time_max = Duration::from_secs(5000);
        let (scope, measure, at_limit) = (Scope::Person, Measure::Time, AtLimit::Stop);
        own.budget.limits.push(Limit { scope, measure, max: 3_000_000, at_limit });
        let mut shell = Shell::new(own);
        shell.operate(approve_tea()).unwrap();
        shell.write("1", "c1", "go");
        shell.answer(200, &[], &calling("tea__brew", &["{}"]));
        let call = shell.calls[0].0;
        ask(&mut shell, call, 1, "Who?", FORM);
        pass(&mut shell, 4000);
        end(&mut shell, call);
        let spent = shell.sentinel.status().spent.time_ms;
        assert!(spent < 500_000, "{spent}");
    }
}

/// A log of a version in which questions ended with the time of their calls says the same still.
#[test]
fn a_log_from_before_clocks_stood_reads_as_it_was_written() {
    let (mut shell, call) = called_within(1000, 5000);
    let (words, schema) = ("Who?".into(), FORM.into());
    shell.sentinel.input(Input::CallAsks { call, number: 1, words, schema, stops_clock: false });
    shell.perform();
    assert!(!shell.payloads(Kind::CallAsks)[0].contains("stops_clock"));
    pass(&mut shell, 1100);
    assert!(waiting(&shell) == 0 && !runs(&shell, call), "it ended with its call");
    shell.answer(200, &[], OVER);
    shell.restart();
}

/// Whoever opens the log of a program that is not at work answers no server: it is gone.
#[test]
fn a_log_that_is_only_opened_takes_no_values() {
    let (mut shell, call) = called();
    ask(&mut shell, call, 7, "Who?", FORM);
    let Some(pending) = shell.sentinel.questions().next() else { panic!("{:?}", shell.said) };
    let (question, digest) = (pending.number, pending.digest);
    shell.maintain();
    let values = r#"{"name":"Ada"}"#.to_string();
    let command = OperatorCommand::Fill { question, digest, values };
    let told = shell.sentinel.handle(shell.now(), Event::Operator { request: 1, command });
    assert_eq!(told, Err(EventError::NotAtWork));
}
