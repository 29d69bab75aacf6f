//! Limits that are reached, and what people are asked and told about them.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::shell::{Shell, poking, service};
use super::*;
use crate::agent::Provider;
use crate::budget::{AtLimit, Limit, Measure, Money, Price, Rules, Scope};
use crate::llm::Dialect;

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

/// Five calls of one round that a limit holds are one question. Its answer adds once what it says,
/// and those that do not fit in that are the next question.
#[test]
fn calls_that_one_limit_holds_are_one_question() {
    let five = poking(&["{}", r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":4}"#]);
    for scope in [Scope::Turn, Scope::Conversation, Scope::Person, Scope::Day] {
        let mut shell = Shell::new(limited(scope, 3, AtLimit::Ask));
        shell.write("1", "c1", "go");
        shell.answer(200, &[], &five);
        assert_eq!(shell.calls.len(), 2, "the model's call is one of the three");
        assert_eq!(shell.sentinel.questions().count(), 1, "{:?}", shell.said);
        let asked = shell.said.last().unwrap();
        assert!(asked.contains("Allow 3 calls more, for all that waits for it here?"), "{asked}");
        shell.write("1", "c1", "/approve 1");
        assert_eq!((shell.calls.len(), shell.sentinel.questions().count()), (5, 0));
        for _ in 0..5 {
            shell.give_back("poked");
        }
        // Six were used up: the limit was raised by three, not by nine.
        assert_eq!(shell.sentinel.questions().count(), 1, "the model is held");
        assert!(shell.said.last().unwrap().contains("is 6 calls: 6 calls are spent"));
        shell.restart();
        shell.write("1", "c1", "/deny 2");
        assert_eq!(on_record(&shell), [[1, 2], [1, 2]].map(Vec::from));
    }
}

#[test]
fn a_limit_that_is_not_raised_refuses_all_that_waited_for_it() {
    let mut shell = Shell::new(limited(Scope::Turn, 2, AtLimit::Ask));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}", r#"{"a":1}"#, r#"{"a":2}"#]));
    shell.write("1", "c1", "/deny 1");
    assert_eq!((shell.calls.len(), shell.sentinel.questions().count()), (1, 0));
    shell.give_back("poked");
    assert_eq!(shell.sentinel.questions().count(), 1, "the model is asked about by itself");
}

/// A day is one account for all: raised once, it has room for others who waited for it.
#[test]
fn a_limit_that_was_raised_for_one_is_not_asked_about_by_another() {
    let mut shell = Shell::new(limited(Scope::Day, 2, AtLimit::Ask));
    for chat in ["c1", "c2", "c3"] {
        let parts = Vec::from([Part::Text("go".into())]);
        shell.tell(Event::Message(shell::incoming("1", chat, chat, parts)));
    }
    assert_eq!(shell.asked.len(), 2);
    shell.answer(200, &[], &poking(&["{}"]));
    assert_eq!(shell.sentinel.questions().count(), 2, "of the third chat, and of the second");
    let parts = Vec::from([Part::Text("/approve 1".into())]);
    shell.tell(Event::Message(shell::incoming("1", "c3", "9", parts)));
    assert_eq!((shell.asked.len(), shell.calls.len()), (2, 1), "both fit");
    assert_eq!(shell.sentinel.questions().count(), 0);
    let answered = shell.payloads(Kind::ApprovalAnswered);
    assert!(answered[1].contains(r#""how":"answered with question 1""#), "{answered:?}");
    shell.restart();
}

/// A provider counts from the head of its answer on, and tells what it counted at the very end. An
/// answer that breaks off before took what was reserved for it, as one that is stopped does: a
/// model that thinks in silence until nobody waits any more would be asked for nothing again and
/// again.
#[test]
fn an_answer_that_breaks_off_before_its_first_word_is_not_free() {
    const STREAM: &[u8] = b"text/event-stream";
    const WHOLE: &[u8] = b"application/json";
    let spent = |status: Option<u16>, kind: &[u8], body: &[u8], is_cut: bool| {
        let mut shell = Shell::new(limited(Scope::Day, 100, AtLimit::Stop));
        shell.write("1", "c1", "go");
        let exchange = shell.asked.pop().unwrap();
        if let Some(status) = status {
            let mut headers = Headers::new();
            headers.append("content-type", kind).unwrap();
            shell.tell(Event::ModelHead { exchange, status, headers: &headers });
            shell.tell(Event::ModelBody { exchange, bytes: body });
        }
        match is_cut {
            true => shell.tell(Event::ModelFailed { exchange, kind: TransportKind::Cut }),
            false => shell.tell(Event::ModelEnd { exchange }),
        }
        assert_eq!(shell.payloads(Kind::ReplyFailed).len(), 1);
        shell.sentinel.status().spent.tokens
    };
    let thinks = b": still thinking\n\n";
    for is_cut in [true, false] {
        assert_eq!(spent(None, b"", b"", is_cut), 0, "nobody said that they answer");
        assert_eq!(spent(Some(503), WHOLE, b"{}", is_cut), 0, "nor here");
        assert!(spent(Some(200), STREAM, b"", is_cut) > 1000);
        assert!(spent(Some(200), STREAM, thinks, is_cut) > 1000);
        assert!(spent(Some(200), WHOLE, b"", is_cut) > 1000);
        assert!(spent(Some(200), WHOLE, b"{}", is_cut) > 1000);
        // Who declines says so with the status, or with the first thing in the answer.
        let declines = br#"data: {"error":{"message":"busy","type":"overloaded","code":503}}"#;
        let declines = [declines, &b"\n\n"[..]].concat();
        assert_eq!(spent(Some(200), STREAM, &declines, is_cut), 0);
        let words = br#"data: {"choices":[{"index":0,"delta":{"content":"Well"}}]}"#;
        let after_words = [words, &b"\n\n"[..], &declines].concat();
        assert!(spent(Some(200), STREAM, &after_words, is_cut) > 1000);
        // And whoever says both has begun.
        let with_words = br#"data: {"error":{"type":"overloaded_error"},"#;
        let with_words = [with_words, &br#""choices":[{"index":0,"delta":{"content":"W"}}]}"#[..]];
        let with_words = [&with_words.concat()[..], b"\n\n"].concat();
        assert!(spent(Some(200), STREAM, &with_words, is_cut) > 1000);
        let whole = br#"{"choices":[{"index":0,"message":{"content":"Well"},
            "error":{"code":429}}],"usage":{"prompt_tokens":9000,"completion_tokens":4000}}"#;
        assert!(spent(Some(200), WHOLE, whole, is_cut) > 1000);
        let bare = br#"{"error":{"type":"overloaded_error","message":"busy"}}"#;
        // One that was cut may have been more than that.
        assert_eq!(spent(Some(200), WHOLE, bare, is_cut) > 1000, is_cut);
    }
}

/// Some providers count what they read at once and what they wrote at the very end. Until then all
/// that they were allowed to write may have been written.
#[test]
fn an_answer_that_breaks_off_costs_what_it_may_have_become() {
    let spent = |events: &[&str]| {
        let mut own = limited(Scope::Day, 1_000_000, AtLimit::Stop);
        own.models[0].provider = Provider::Service(Dialect::Anthropic);
        own.models[0].reply_tokens_max = 5000;
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        let exchange = shell.asked.pop().unwrap();
        let mut headers = Headers::new();
        headers.append("content-type", b"text/event-stream").unwrap();
        shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
        for event in events {
            let event = format!("data: {event}\n\n");
            shell.tell(Event::ModelBody { exchange, bytes: event.as_bytes() });
        }
        shell.tell(Event::ModelFailed { exchange, kind: TransportKind::Cut });
        assert_eq!(shell.payloads(Kind::ReplyFailed).len(), 1);
        shell.sentinel.status().spent.tokens
    };
    let start = r#"{"type":"message_start","message":{"role":"assistant","content":[],
        "usage":{"input_tokens":9000,"output_tokens":1}}}"#;
    let start = start.replace('\n', "");
    let block =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let words =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Well"}}"#;
    let over = r#"{"type":"content_block_stop","index":0}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},
        "usage":{"output_tokens":7}}"#;
    let end = end.replace('\n', "");
    assert_eq!(spent(&[&start]), 14_000);
    assert_eq!(spent(&[&start, block, words]), 14_000);
    assert_eq!(spent(&[&start, block, words, over, &end]), 9007, "it was counted");
}

const DONE: &str = r#"{"choices":[{"message":{"role":"assistant","content":"done"},
    "finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;

/// Whoever spends is told at each share that the operator set, once, and so is the log.
#[test]
fn a_person_is_warned_at_a_set_share_and_that_is_on_record() {
    let mut own = limited(Scope::Conversation, 4, AtLimit::Stop);
    own.budget.warn_percent = Vec::from([50, 75]);
    let mut shell = Shell::new(own);
    let mut warned = Vec::new();
    for count in 1..=4 {
        shell.write("1", "c1", "go");
        shell.answer(200, &[], DONE);
        warned.extend([None, Some(50), Some(75), None][count - 1]);
        let share = |percent: &u32| format!("{percent} % of the limit of a conversation is spent");
        for texts in [shell.said.clone(), shell.payloads(Kind::Budget)] {
            let texts: Vec<_> = texts.iter().filter(|text| text.contains(" % of")).collect();
            assert_eq!(texts.len(), warned.len(), "{texts:?}");
            let shares = warned.iter().map(share);
            assert!(texts.iter().zip(shares).all(|(text, share)| text.contains(&share)));
        }
        if count == 2 {
            // What was said is not said again after a start.
            shell.restart();
        }
    }
}

/// Money is a limit as any other: what a model's answers cost ends the turn before the next one is
/// asked for, and the person is told why.
#[test]
fn a_limit_of_money_stops_a_turn() {
    let usage = r#","usage":{"prompt_tokens":1000,"completion_tokens":500}}"#;
    let costly = poking(&["{}"]).strip_suffix('}').unwrap().to_string() + usage;
    // A turn in which one answer was paid for, before the next one is.
    let begun = |max| {
        let mut own = service(&["model offline", "skill poke"]);
        let (input, output) = (Money(1_000_000), Money(4_000_000));
        own.prices.add("offline", Price { input, output, ..Price::default() });
        let (scope, at_limit) = (Scope::Turn, AtLimit::Stop);
        let limit = Limit { scope, measure: Measure::Money, max, at_limit };
        own.budget = Rules { limits: Vec::from([limit]), warn_percent: Vec::new() };
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        shell.answer(200, &[], &costly);
        assert_eq!(shell.sentinel.status().spent.money, Money(3000));
        shell.give_back("poked");
        shell
    };
    // What is reserved for the next one: its tokens, of which a thousand cost four times as much.
    let asked = begun(1_000_000).payloads(Kind::ModelAsked);
    let asked = crate::text::json::parse(asked[1].as_bytes()).unwrap();
    let reserved = asked.root().get("tokens").unwrap().as_u64().unwrap() + 3000;
    let mut shell = begun(3000 + reserved - 1);
    assert!(shell.asked.is_empty(), "no model is asked for what is not there");
    let told = shell.said.last().unwrap();
    assert!(told.contains("the limit of a turn"), "{told}");
    let ended = shell.payloads(Kind::TurnEnded);
    assert!(ended.len() == 1 && ended[0].contains("over_budget"), "{ended:?}");
    let recorded = shell.payloads(Kind::Budget);
    assert!(recorded.len() == 1 && recorded[0].contains("exceeded"), "{recorded:?}");
    // The next turn has an account of its own, and where there is room for one more it is asked.
    shell.write("1", "c1", "again");
    assert_eq!(shell.asked.len(), 1);
    let mut shell = begun(3000 + reserved);
    shell.answer(200, &[], DONE);
    assert_eq!(shell.said.last().map(String::as_str), Some("done"));
    assert!(shell.payloads(Kind::Budget).is_empty());
}
