//! What strangers, providers, models and slow disks try, and that nothing comes of it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::shell::{Shell, poking, service, settings};
use super::*;
use crate::agent::{Answer, ConversationNumber, Kind, OperatorCommand};
use crate::budget::{AtLimit, Limit, Measure, Money, Price, Rules, Scope};
use crate::capability::Handle;
use crate::channel::{AccessRules, Audience, Part, Standing};

/// A call that waits for the disk is not made when its turn was stopped, or its grant revoked,
/// meanwhile.
#[test]
fn what_was_stopped_while_its_record_was_written_does_not_run() {
    let read = Handle { index: 1, generation: 0 };
    for command in [OperatorCommand::Halt, OperatorCommand::Revoke(read)] {
        let mut shell = Shell::new(settings(&["model offline", "read,list /srv/agent"]));
        shell.write("1", "c1", "hello");
        shell.is_slow = true;
        shell.write("1", "c1", "read README.md");
        shell.tell(Event::Operator { request: 1, command });
        shell.is_slow = false;
        for records_count in core::mem::take(&mut shell.unsafe_counts) {
            shell.tell(Event::Persisted { records_count });
        }
        shell.wait();
        assert!(shell.calls.is_empty(), "{:?}", shell.calls);
        assert!(shell.sentinel.is_at_rest());
    }
}

#[test]
fn a_revoked_grant_ends_what_runs_with_it() {
    let mut shell = Shell::new(settings(&["model offline", "read,list /srv/agent"]));
    shell.write("1", "c1", "read README.md");
    assert_eq!(shell.calls.len(), 1);
    shell.operate(OperatorCommand::Revoke(Handle { index: 1, generation: 0 })).unwrap();
    shell.wait();
    assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
}

/// Other settings take a grant back: what runs by it is stopped, what waits for the disk does not
/// begin, and a grant that stands in both keeps its handle. Settings that are no settings change
/// nothing.
#[test]
fn other_settings_end_what_they_no_longer_grant() {
    let other = |grants: &[&str]| {
        let mut settings = settings(grants);
        settings.digest = [grants.len() as u8; 32];
        Arc::new(settings)
    };
    for is_slow in [false, true] {
        let grants = ["model offline", "read,list /srv/agent", "list /srv"];
        let mut shell = Shell::new(settings(&grants));
        shell.write("1", "c1", "hello");
        shell.is_slow = is_slow;
        shell.write("1", "c1", "read README.md");
        assert_eq!(shell.calls.len(), usize::from(!is_slow));
        let mut bad = settings(&["model offline"]);
        bad.digest = [9; 32];
        bad.workspace = "nowhere".into();
        let refused = Event::Settings(Arc::new(bad));
        let told = shell.sentinel.handle(shell.now(), refused);
        assert!(matches!(told, Err(EventError::Settings(_))), "{told:?}");
        shell.tell(Event::Settings(other(&["model offline", "list /srv"])));
        let kept = Handle { index: 2, generation: 0 };
        assert_eq!(shell.sentinel.grant(kept).unwrap().to_string(), "list /srv");
        assert!(shell.sentinel.grant(Handle { index: 1, generation: 0 }).is_none());
        shell.is_slow = false;
        for records_count in core::mem::take(&mut shell.unsafe_counts) {
            shell.tell(Event::Persisted { records_count });
        }
        shell.wait();
        assert_eq!(shell.calls.len(), usize::from(!is_slow), "{:?}", shell.calls);
        assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
        assert!(shell.write("1", "c1", "read README.md").contains("no grant covers it"));
    }
}

/// What was shown said what a call would do under other settings: an answer to it is none to what
/// the call would do now.
#[test]
fn other_settings_void_the_questions_that_wait() {
    let grants = ["model offline", "skill poke ask"];
    let mut shell = Shell::new(service(&grants));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&[r#"{"at":"one"}"#]));
    assert_eq!(shell.sentinel.questions().count(), 1);
    let mut other = service(&grants);
    (other.digest, other.workspace) = ([7; 32], "/srv/elsewhere".into());
    shell.tell(Event::Settings(Arc::new(other)));
    assert_eq!(shell.sentinel.questions().count(), 0);
    assert!(shell.said.iter().any(|said| said.contains("Question 1 is void")), "{:?}", shell.said);
    assert!(shell.write("1", "c1", "/approve 1").contains("no question 1"));
    assert!(shell.calls.is_empty(), "{:?}", shell.calls);
    assert_eq!(shell.asked.len(), 1, "the model is told, and goes on");
}

#[test]
fn a_question_that_cannot_be_shown_whole_is_not_asked() {
    let list = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(500_000));
    let text = format!(r#"{{"a":"{}THE END"}}"#, "word ".repeat(100_000));
    for arguments in [list, text] {
        let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
        shell.write("1", "c1", "go");
        shell.answer(200, &[], &poking(&[&arguments]));
        assert!(shell.sentinel.questions().next().is_none());
        assert!(shell.write("1", "c1", "/approve 1").contains("no question 1"));
        assert!(shell.calls.is_empty());
        assert_eq!(shell.asked.len(), 1, "the model is told, and goes on");
        shell.restart();
    }
}

#[test]
fn calls_of_a_kind_are_one_question_and_run_as_they_were_shown() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&[r#"{"at":"one"}"#, r#"{"at":"two"}"#]));
    let text = shell.sentinel.questions().map(|pending| pending.text.to_string()).next().unwrap();
    assert!(text.contains("2 calls") && text.contains("one") && text.contains("two"), "{text}");
    assert!(text.contains("Always would grant: skill poke"), "{text}");
    shell.write("1", "c1", "/approve 1");
    assert_eq!(shell.calls.len(), 2);
}

#[test]
fn a_turn_cannot_fill_the_list_of_questions() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    shell.write("1", "c1", "go");
    // Too long for one question together.
    let arguments: Vec<String> =
        (0..100).map(|index| format!(r#"{{"a":"{index}{}"}}"#, "x".repeat(9000))).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    shell.answer(200, &[], &poking(&arguments));
    assert_eq!(shell.sentinel.questions().count(), 16);
}

/// An endorsement answers the other questions of the round that asked for the same block.
#[test]
fn trust_is_for_what_else_is_asked_because_of_the_block() {
    let own = moving("skill move");
    let calls =
        || poking(&[r#"{"at":"station"}"#, r#"{"by":"harbour"}"#]).replace("\"poke\"", "\"move\"");
    for (answer, runs) in [("trust", 2), ("once", 1)] {
        let mut shell = Shell::new(own.clone());
        let quoted = Part::Quoted("station or harbour".into());
        shell.send("1", "c1", Vec::from([Part::Text("go there".into()), quoted]));
        shell.answer(200, &[], &calls());
        assert_eq!(shell.sentinel.questions().count(), 2, "{:?}", shell.said);
        let said = match answer {
            "trust" => shell.write("1", "c1", "/approve 1 trust"),
            _ => shell.write("1", "c1", "/approve 1"),
        };
        // The tool was not planned either, so an endorsement of the words alone is enough only
        // because nothing untrusted is left.
        assert_eq!(shell.calls.len(), runs, "{said}");
    }
}

/// Two calls that one question is about were both allowed by the last use of a grant.
#[test]
fn trust_does_not_stretch_a_grant() {
    let mut shell = Shell::new(moving("skill move uses 2"));
    let quoted = Part::Quoted("station or harbour or airport".into());
    shell.send("1", "c1", Vec::from([Part::Text("go there".into()), quoted]));
    let calls = [r#"{"at":"station"}"#, r#"{"by":"harbour"}"#, r#"{"by":"airport"}"#];
    shell.answer(200, &[], &poking(&calls).replace("\"poke\"", "\"move\""));
    assert_eq!(shell.sentinel.questions().count(), 2, "{:?}", shell.said);
    shell.write("1", "c1", "/approve 1 trust");
    assert_eq!(shell.calls.len(), 2);
    let starts = shell.payloads(Kind::CallStarted);
    assert_eq!(starts.len(), 2, "{starts:?}");
}

/// What [`service`] is, with a tool that moves by this grant.
pub(super) fn moving(grant: &str) -> Settings {
    let mut own = service(&["model offline", "skill poke"]);
    let role = crate::label::ToolRole::new(crate::label::Effect::Change)
        .undoable()
        .control("at")
        .control("by");
    let definition = crate::llm::ToolDefinition {
        name: "move".into(),
        description: "Moves.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    own.tools.add(definition, role, false).unwrap();
    own.grants.push(grant.parse().unwrap());
    own
}

/// Whoever vouches for what nobody is trusted for is named in the record of it.
#[test]
fn an_endorsement_names_who_gave_it() {
    for is_in_chat in [true, false] {
        let mut own = service(&["model offline", "skill move"]);
        let role = crate::label::ToolRole::new(crate::label::Effect::Change).undoable();
        let definition = crate::llm::ToolDefinition {
            name: "move".into(),
            description: "Moves.".into(),
            parameters: r#"{"type":"object"}"#.into(),
        };
        own.tools.add(definition, role.control("at"), false).unwrap();
        let mut shell = Shell::new(own);
        let quoted = Part::Quoted("the station".into());
        shell.send("1", "c1", Vec::from([Part::Text("go there".into()), quoted]));
        let call = poking(&[r#"{"at":"the station"}"#]).replace("\"poke\"", "\"move\"");
        shell.answer(200, &[], &call);
        match is_in_chat {
            true => {
                shell.write("1", "c1", "/approve 1 trust");
            }
            false => {
                let pending = shell.sentinel.questions().next().unwrap();
                let (question, digest) = (pending.number, pending.digest);
                let answer = Answer::Trust;
                shell.operate(OperatorCommand::Answer { question, digest, answer }).unwrap();
            }
        }
        let endorsed = shell.payloads(Kind::Endorsed);
        let (who, field) = match is_in_chat {
            true => (" endorsed by p0 until ", r#""is_taken":true,"person":0"#),
            false => (" endorsed by an operator outside of the chats until ", r#":true}"#),
        };
        assert!(endorsed[0].contains(who) && endorsed[0].contains(field), "{endorsed:?}");
        shell.restart();
    }
}

#[test]
fn a_call_that_a_limit_held_is_decided_anew_when_its_grants_changed() {
    let limit =
        Limit { scope: Scope::Turn, measure: Measure::Calls, max: 1, at_limit: AtLimit::Ask };
    let mut own = settings(&["model offline", "read,list /srv/agent", "read,list /srv ask"]);
    own.budget = Rules { limits: Vec::from([limit]), warn_percent: Vec::new() };
    let mut shell = Shell::new(own);
    let said = shell.write("1", "c1", "read README.md");
    assert!(shell.calls.is_empty() && said.contains("Question 1"), "{said}");
    shell.operate(OperatorCommand::Revoke(Handle { index: 1, generation: 0 })).unwrap();
    shell.write("1", "c1", "/approve 1");
    assert!(shell.calls.is_empty(), "only a grant that asks is left, and nobody was asked");
}

#[test]
fn people_answer_for_themselves_and_operators_for_all() {
    let mut own = service(&["model offline", "skill poke ask"]);
    own.turn.people_may_approve = true;
    let mut shell = Shell::new(own);
    shell.write("2", "c2", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    assert!(shell.write("2", "c2", "/approve 1 always").contains("Only an operator"));
    assert!(shell.calls.is_empty());
    assert!(shell.write("2", "c2", "/approve 1").contains("Allowed"));
    assert_eq!(shell.calls.len(), 1);

    let limit =
        Limit { scope: Scope::Day, measure: Measure::Calls, max: 1, at_limit: AtLimit::Ask };
    let mut own = settings(&["model offline", "read,list /srv/agent"]);
    own.turn.people_may_approve = true;
    own.budget = Rules { limits: Vec::from([limit]), warn_percent: Vec::new() };
    let mut shell = Shell::new(own);
    shell.write("2", "c2", "read README.md");
    assert!(shell.write("2", "c2", "/approve 1").contains("Only an operator"));
    assert!(shell.calls.is_empty());
}

#[test]
fn an_answer_that_was_not_offered_is_none() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    assert!(shell.write("1", "c1", "/approve 1 trust").contains("no block to trust"));
    let pending = shell.sentinel.questions().next().unwrap();
    let (question, digest) = (pending.number, pending.digest);
    let command = OperatorCommand::Answer { question, digest, answer: Answer::Trust };
    assert!(shell.operate(command).is_err());
    assert!(shell.calls.is_empty());
}

#[test]
fn what_others_asked_survives_a_clear() {
    let mut own = service(&["model offline"]);
    own.access = AccessRules::new()
        .person("chat", "2", Standing::Person)
        .and_then(|rules| rules.person("chat", "3", Standing::Person))
        .and_then(|rules| rules.room("chat", "hall", Audience::People))
        .unwrap();
    let mut shell = Shell::new(own);
    shell.write("2", "hall", "one");
    shell.write("3", "hall", "a question of mine");
    assert_eq!(shell.asked.len(), 1);
    shell.write("2", "hall", "/clear");
    assert_eq!(shell.asked.len(), 2, "the other one's turn has come");
}

#[test]
fn nothing_goes_on_for_somebody_who_is_let_in_no_longer() {
    let mut shell = Shell::new(service(&["model offline", "skill poke"]));
    shell.write("2", "c2", "one");
    shell.write("2", "c2", "two");
    let command = OperatorCommand::Unpair { platform: "chat".into(), sender: "2".into() };
    shell.operate(command).unwrap();
    shell.answer(200, &[], &poking(&["{}"]));
    assert!(shell.calls.is_empty() && shell.asked.is_empty());
    assert!(shell.sentinel.is_at_rest());
}

/// A stranger costs a line of the log, however much they write.
#[test]
fn of_strangers_nothing_is_kept_but_that_they_wrote() {
    let mut shell = Shell::new(settings(&["model offline"]));
    let before = shell.log.len();
    for _ in 0..10 {
        shell.write("9", "c9", &"x".repeat(200_000));
    }
    assert!(shell.log.len() - before < 10_000, "{} bytes", shell.log.len() - before);
}

#[test]
fn a_stream_of_nothing_but_signs_of_life_ends() {
    let mut own = service(&["model offline"]);
    own.models[0].provider = crate::agent::Provider::Service(crate::llm::Dialect::Anthropic);
    let mut shell = Shell::new(own);
    shell.write("1", "c1", "hello");
    let exchange = shell.asked.pop().unwrap();
    let headers = Headers::new();
    shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
    for _ in 0..30 {
        shell.instant += 100_000;
        shell.tell(Event::ModelBody { exchange, bytes: b":\n" });
    }
    assert!(!shell.sentinel.exchanges.contains_key(&exchange));
}

#[test]
fn a_full_disk_is_said_once_and_nothing_is_taken_in_meanwhile() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.is_slow = true;
    shell.write("1", "c1", "hello");
    let mut refused = 0;
    for _ in 0..10 {
        shell.sentinel.handle(shell.now(), Event::PersistFailed).unwrap();
        shell.wait();
        let incoming = shell::incoming("1", "c1", "x", Vec::new());
        let taken = shell.sentinel.handle(shell.now(), Event::Message(incoming));
        refused += u32::from(taken == Err(EventError::Busy));
    }
    assert_eq!(refused, 10);
    assert_eq!(shell.alerts.len(), 1, "{:?}", shell.alerts);
}

/// A ring that could not be stored is given out again, before the records that need it.
#[test]
fn keys_are_stored_before_the_records_that_need_them_also_the_second_time() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    let incoming = shell::incoming("2", "c2", "first", Vec::from([Part::Text("hi".into())]));
    let now = shell.now();
    shell.sentinel.handle(now, Event::Message(incoming)).unwrap();
    let mut order = Vec::new();
    for _ in 0..2 {
        while let Some(effect) = shell.sentinel.poll() {
            match effect {
                Effect::StoreKeys { .. } => order.push("keys"),
                Effect::Persist { .. } => order.push("records"),
                _ => {}
            }
        }
        shell.sentinel.handle(shell.now(), Event::PersistFailed).unwrap();
        shell.instant += 60_000;
        shell.sentinel.handle(shell.now(), Event::Time).unwrap();
    }
    assert_eq!(order, ["keys", "records", "keys", "records"]);
}

/// A persona too long to be recorded is one that was changed, not one that was not seen.
#[test]
fn a_persona_that_no_record_can_carry_stops_the_agent() {
    use sha2::{Digest as _, Sha256};
    let mut own = settings(&["model offline"]);
    own.persona = Some(Sha256::digest(b"kind").into());
    let mut shell = Shell::new(own);
    shell.tell(Event::PersonaRead { text: Some("kind".into()) });
    assert!(!shell.write("1", "c1", "hello").contains("my persona"));
    shell.tell(Event::PersonaRead { text: Some("\u{1}".repeat(4 << 20)) });
    assert!(shell.write("1", "c1", "hello").contains("my persona"), "{:?}", shell.alerts);
    shell.restart();
    assert!(shell.write("1", "c1", "hello").contains("my persona"));
}

/// A model whose grant is revoked is not listened to any more: its request ends, and what it said
/// until then is no answer.
#[test]
fn a_revoked_grant_ends_the_request_that_runs_with_it() {
    let model = Handle { index: 0, generation: 0 };
    let mut shell = Shell::new(service(&["model offline", "skill poke"]));
    shell.write("1", "c1", "go");
    let exchange = *shell.asked.last().unwrap();
    shell.operate(OperatorCommand::Revoke(model)).unwrap();
    assert_eq!(shell.unasked, [exchange]);
    shell.wait();
    assert!(shell.said.iter().any(|said| said.contains("no model that I may ask")));
    shell.answer(200, &[], &poking(&["{}"]));
    assert!(shell.calls.is_empty() && shell.sentinel.is_at_rest());
    // What is revoked beside it ends nothing.
    let mut shell = Shell::new(service(&["model offline", "skill poke"]));
    shell.write("1", "c1", "go");
    shell.operate(OperatorCommand::Revoke(Handle { index: 1, generation: 0 })).unwrap();
    assert!(shell.unasked.is_empty());
}

/// The settings and the shell both keep the agent from its own files: people see that once.
#[test]
fn a_rule_that_stands_there_twice_is_shown_once() {
    let rule = "deny read,write,list /srv/state";
    let shell = Shell::new(settings(&["model offline", rule, "list /srv", rule]));
    let shown = |from| {
        let grants = shell.sentinel.grants(from);
        grants.map(|one| (one.handle.index, one.grant.to_string())).collect::<Vec<_>>()
    };
    let rule = || shown(1)[0].1.clone();
    let others = [(0, "model offline".to_string()), (1, rule()), (2, "list /srv".to_string())];
    assert_eq!(shown(0), others);
    assert_eq!(shown(2), others[2..], "also on a later page");
}

/// A model was at work although nobody has seen a word of it: what it cost nobody will say, so that
/// it is taken as what it could have cost.
#[test]
fn an_answer_that_broke_off_unseen_is_paid_for() {
    let text = r#"{"content":"word"}"#;
    let call =
        r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"poke","arguments":"{"}}]}"#;
    for delta in [text, call] {
        let mut own = service(&["model offline", "skill poke"]);
        own.unstreamed = Vec::from(["chat"]);
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        let exchange = shell.asked.pop().unwrap();
        let mut headers = Headers::new();
        headers.append("content-type", b"text/event-stream").unwrap();
        shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
        let body = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
        shell.tell(Event::ModelBody { exchange, bytes: body.as_bytes() });
        shell.tell(Event::ModelFailed { exchange, kind: TransportKind::Cut });
        let status = shell.write("1", "c1", "/status");
        assert!(!status.contains("Spent here: 0 tokens"), "{status}");
        shell.restart();
    }
    // One that never began is not paid for.
    let mut shell = Shell::new(service(&["model offline"]));
    shell.write("1", "c1", "go");
    let exchange = shell.asked.pop().unwrap();
    shell.tell(Event::ModelFailed { exchange, kind: TransportKind::Connect });
    assert!(shell.write("1", "c1", "/status").contains("Spent here: 0 tokens"));
}

/// A provider that counts nothing, or nothing but zeros, gives nothing away: no limit would hold.
#[test]
fn a_whole_answer_that_nobody_counted_is_paid_for_as_it_was_reserved() {
    let zeros = r#","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#;
    let counted = r#","usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}"#;
    let asks = |max| {
        let mut own = service(&["model offline"]);
        let (input, output) = (Money(1_000_000), Money(4_000_000));
        own.prices.add("*", Price { input, output, ..Price::default() });
        let (scope, at_limit) = (Scope::Conversation, AtLimit::Stop);
        let limit = Limit { scope, measure: Measure::Tokens, max, at_limit };
        own.budget = Rules { limits: [limit].into(), warn_percent: [].into() };
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        let asked = shell.payloads(Kind::ModelAsked);
        let asked = crate::text::json::parse(asked[0].as_bytes()).unwrap();
        let reserved = asked.root().get("tokens").unwrap().as_u64().unwrap();
        (shell, reserved)
    };
    // There is enough for one question, and not for another one as long.
    let max = asks(1_000_000).1 * 3 / 2;
    for (usage, is_counted) in [("", false), (zeros, false), (counted, true)] {
        let (mut shell, reserved) = asks(max);
        let since = shell.sentinel.status().spent;
        assert_eq!((since.tokens, since.money), (0, Money(0)));
        let message = r#"{"message":{"role":"assistant","content":"done"},"finish_reason":"stop"}"#;
        shell.instant += 5000;
        shell.answer(200, &[], &format!(r#"{{"choices":[{message}]{usage}}}"#));
        assert_eq!(shell.said.last().map(String::as_str), Some("done"));
        let spent = shell.sentinel.status().spent;
        // Of what was reserved the longest answer is a thousand, at four times the price.
        let expected = if is_counted { (9, 15) } else { (reserved, reserved + 3000) };
        assert_eq!((spent.tokens, spent.money, spent.calls), (expected.0, Money(expected.1), 1));
        assert!((5000..60_000).contains(&spent.time_ms), "by the clock: {}", spent.time_ms);
        shell.restart();
        assert_eq!(shell.sentinel.status().spent.tokens, expected.0);
        let said = shell.write("1", "c1", "go on");
        assert_eq!(said.contains("the limit of a conversation is"), !is_counted);
    }
}

/// A model is asked by a grant that is good when its request goes out, not only when it was
/// decided.
#[test]
fn what_ended_while_its_record_was_written_asks_no_model() {
    // A hundred seconds after the clock of these tests begins.
    let grant = "model offline until 2023-11-14T22:15:00Z";
    for (grant, forbid) in [("model offline", true), (grant, false)] {
        let mut shell = Shell::new(service(&[grant]));
        shell.is_slow = true;
        shell.write("1", "c1", "go");
        match forbid {
            true => {
                let command = OperatorCommand::Grant("deny model offline".into());
                shell.tell(Event::Operator { request: 1, command });
            }
            false => shell.instant += 200_000,
        }
        shell.is_slow = false;
        for records_count in core::mem::take(&mut shell.unsafe_counts) {
            shell.tell(Event::Persisted { records_count });
        }
        shell.wait();
        assert!(shell.asked.is_empty(), "{grant}, forbidden {forbid}");
        assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
        assert!(shell.said.iter().any(|said| said.contains("I have no answer")));
    }
}

/// The same of a tool: also where nothing happens meanwhile but that the disk is slow.
#[test]
fn what_ended_while_its_record_was_written_runs_no_tool() {
    let grants = ["model offline", "read /srv/agent until 2023-11-14T22:15:00Z"];
    let mut shell = Shell::new(service(&grants));
    shell.write("1", "c1", "go");
    shell.is_slow = true;
    let call = shell::calling("read_file", &[r#"{"path":"README.md"}"#]);
    shell.answer(200, &[], &call);
    shell.instant += 50_000;
    shell.is_slow = false;
    for records_count in core::mem::take(&mut shell.unsafe_counts) {
        shell.tell(Event::Persisted { records_count });
    }
    assert!(shell.calls.is_empty(), "{:?}", shell.calls);
    shell.wait();
    assert!(shell.request.contains("a grant it needs ended meanwhile"), "{}", shell.request);
}

/// A rule that an operator makes ends what it forbids, as it does when it stands in the settings.
#[test]
fn what_an_operator_forbids_ends() {
    let mut shell = Shell::new(settings(&["model offline", "read,list /srv/agent"]));
    shell.write("1", "c1", "read README.md");
    assert_eq!(shell.calls.len(), 1);
    shell.operate(OperatorCommand::Grant("deny read /srv/agent/README.md".into())).unwrap();
    shell.wait();
    assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
    let mut shell = Shell::new(service(&["model offline"]));
    shell.write("1", "c1", "go");
    let exchange = *shell.asked.last().unwrap();
    shell.operate(OperatorCommand::Grant("deny model offline".into())).unwrap();
    assert_eq!(shell.unasked, [exchange]);
}

/// The files of a conversation are out of reach of another one's commands, too, by their names.
#[test]
fn a_command_does_not_name_files_of_another_conversation() {
    for (arguments, directory, runs) in [
        ("notes.txt", ".", true),
        ("attachments/1/a.txt", ".", true),
        ("attachments/9/a.txt", ".", false),
        ("./attachments/9", ".", false),
        ("/srv/agent/attachments/9/a.txt", ".", false),
        ("--file=attachments/9/a.txt", ".", false),
        ("a.txt", "attachments/9", false),
    ] {
        let grants = ["model offline", "read,write /srv/agent", "run /usr/bin/look"];
        let mut own = service(&grants);
        own.programs.insert("look".into(), "/usr/bin/look".into());
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        let call = format!(
            r#"{{"program":"look","arguments":["{arguments}"],"directory":"{directory}"}}"#
        );
        shell.answer(200, &[], &shell::calling("run_command", &[&call]));
        assert_eq!(shell.calls.len(), usize::from(runs), "{arguments} in {directory}");
    }
}

/// A platform that takes less than people write, and a stranger in an open room who writes on: what
/// waits to be said there has a bound, a person is heard there all the same, and once it is said so
/// are all others.
#[test]
fn what_waits_to_be_said_has_a_bound() {
    use crate::limits::CONVERSATION_SAYINGS_MAX;
    let mut shell = Shell::new(service(&["model offline"]));
    shell.is_mute = true;
    let write = |shell: &mut Shell, who: &str, rounds: core::ops::Range<usize>| {
        for round in rounds {
            let parts = Vec::from([Part::Text("/help".into())]);
            let incoming = shell::incoming(who, "hall", &format!("h{round}"), parts);
            shell.tell(Event::Message(incoming));
        }
    };
    let waiting = |shell: &Shell| shell.sentinel.queues()[1];
    write(&mut shell, "9", 0..200);
    assert_eq!(waiting(&shell), ("deliveries", CONVERSATION_SAYINGS_MAX / 2));
    write(&mut shell, "1", 200..201);
    assert_eq!(waiting(&shell), ("deliveries", CONVERSATION_SAYINGS_MAX / 2 + 1));
    write(&mut shell, "1", 201..400);
    assert_eq!(waiting(&shell), ("deliveries", CONVERSATION_SAYINGS_MAX));
    assert!(shell.write("1", "c1", "/help").contains("/status"), "others are heard");
    shell.is_mute = false;
    for (delivery, piece) in core::mem::take(&mut shell.unheard) {
        shell.tell(Event::Sent { delivery, piece, message: "m" });
    }
    shell.wait();
    assert!(shell.write("9", "hall", "/help").contains("/status"));
}

/// A grant ends while the record of a call by it is written: the runtime does not run the call, and
/// says so in its own name. Nothing came from the tool, so nothing untrusted was read.
#[test]
fn a_call_that_the_runtime_withholds_is_refused_by_it_and_not_by_the_tool() {
    // A minute after the world began; the call is made before that, and its record takes longer.
    let mut shell =
        Shell::new(service(&["model offline", "skill poke until 2023-11-14T22:14:20Z"]));
    shell.write("1", "c1", "go");
    shell.is_slow = true;
    shell.answer(200, &[], &poking(&["{}"]));
    shell.is_slow = false;
    for records_count in core::mem::take(&mut shell.unsafe_counts) {
        shell.tell(Event::Persisted { records_count });
    }
    shell.wait();
    assert!(shell.calls.is_empty(), "{:?}", shell.calls);
    assert!(shell.request.contains("a grant it needs ended meanwhile"), "{}", shell.request);
    let chat = shell.sentinel.conversations(ConversationNumber(0)).next().unwrap();
    assert!(!chat.is_untrusted, "{chat:?}");
    let kinds = shell.kinds();
    assert!(kinds.contains(&Kind::CallWithheld) && !kinds.contains(&Kind::ToolFinished));
    shell.restart();
}

/// What is taken away is gone at once, however slow the disk is: what runs by it ends, and only the
/// word that it was done waits.
#[test]
fn a_revocation_ends_what_runs_before_the_disk_has_it() {
    let mut shell = Shell::new(service(&["model offline", "read /srv/agent"]));
    shell.write("1", "c1", "go");
    let exchange = *shell.asked.last().unwrap();
    shell.is_slow = true;
    let command = OperatorCommand::Revoke(Handle { index: 0, generation: 0 });
    shell.tell(Event::Operator { request: 1, command });
    assert_eq!(shell.unasked, [exchange]);
    assert!(shell.told.is_empty());
    shell.is_slow = false;
    for records_count in core::mem::take(&mut shell.unsafe_counts) {
        shell.tell(Event::Persisted { records_count });
    }
    assert_eq!(shell.told.len(), 1);
}

/// A full disk keeps nobody from ending something. What gives more waits, as everything new does.
#[test]
fn a_full_disk_keeps_no_operator_from_taking_something_away() {
    let mut shell = Shell::new(service(&["model offline", "read /srv/agent"]));
    shell.write("1", "c1", "go");
    let exchange = *shell.asked.last().unwrap();
    shell.is_slow = true;
    shell.write("2", "c2", "hello");
    shell.sentinel.handle(shell.now(), Event::PersistFailed).unwrap();
    let now = shell.now();
    let mut operate = |request, command| {
        let told = shell.sentinel.handle(now, Event::Operator { request, command });
        shell.perform();
        told
    };
    let read = Handle { index: 1, generation: 0 };
    assert_eq!(operate(1, OperatorCommand::Revoke(read)), Ok(()));
    assert_eq!(operate(2, OperatorCommand::Grant("deny read /srv".into())), Ok(()));
    assert_eq!(operate(3, OperatorCommand::Grant("read /srv".into())), Err(EventError::Busy));
    assert_eq!(operate(4, OperatorCommand::Resume), Err(EventError::Busy));
    assert_eq!(operate(5, OperatorCommand::Halt), Ok(()));
    assert_eq!(shell.unasked, [exchange]);
    assert!(shell.sentinel.grant(read).is_none() && shell.told.is_empty());
    // It has room again: what was written meanwhile is safe, and it is said.
    shell.is_slow = false;
    shell.instant += 60_000;
    shell.tell(Event::Time);
    assert_eq!(shell.told.len(), 3);
    shell.restart();
    assert!(shell.sentinel.grant(read).is_none());
    assert!(shell.write("1", "c1", "hello").contains("no work for now"));
}
