//! Who may answer a question, and for how much an answer holds.

use alloc::string::String;

use super::shell::{Shell, calling, poking, service, settings};
use super::*;
use crate::agent::{Answer, Kind, Model, OperatorCommand, Provider, TurnRules};
use crate::budget::{AtLimit, Limit, Measure, Rules, Scope};
use crate::channel::Standing;
use crate::llm::Dialect;

fn may_approve(mut settings: Settings) -> Settings {
    settings.turn = TurnRules { people_may_approve: true, ..settings.turn };
    settings
}

/// A person may allow a call of their own turn. That the grant asks nobody any more, for anybody,
/// is an operator's to say.
#[test]
fn a_grant_that_asks_once_is_confirmed_by_an_operator_alone() {
    let grants = ["read /srv/agent once", "model offline"];
    let asks = |shell: &mut Shell| {
        shell.write("2", "c2", "/clear");
        shell.write("2", "c2", "read README.md").contains("Question")
    };
    let mut shell = Shell::new(may_approve(settings(&grants)));
    assert!(asks(&mut shell));
    shell.write("2", "c2", "/approve 1");
    assert_eq!(shell.calls.len(), 1, "the call itself was theirs to allow");
    shell.give_back("x");
    assert!(asks(&mut shell), "the grant was not");
    let mut shell = Shell::new(may_approve(settings(&grants)));
    shell.write("1", "c1", "read README.md");
    shell.write("1", "c1", "/approve 1");
    shell.give_back("x");
    assert!(!asks(&mut shell), "an operator allowed the first use");
}

/// What a question showed is what would be done then. Other settings may name another program,
/// another directory, another grant.
#[test]
fn a_question_does_not_outlive_the_settings_it_was_asked_under() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    assert!(shell.sentinel.questions().next().is_some());
    let mut other = service(&["model offline", "skill poke ask"]);
    other.skills.insert("poke".into(), "poke".into());
    other.workspace = "/srv/other".into();
    other.digest = [1; 32];
    shell.restart_with(other);
    assert!(shell.said.iter().any(|said| said.contains("Question 1 is void")), "{:?}", shell.said);
    assert!(shell.write("1", "c1", "/approve 1").contains("no question 1 here"));
    assert!(shell.calls.is_empty());
    assert_eq!(shell.asked.len(), 1, "the model is told, and goes on");
}

/// A call that a limit held was judged by the rules of then: were it released under others, a grant
/// that asks by now would not be asked about.
#[test]
fn what_a_limit_held_is_not_released_under_other_settings() {
    let limit = |max| Limit {
        scope: Scope::Conversation,
        measure: Measure::Calls,
        max,
        at_limit: AtLimit::Ask,
    };
    let own = |grant: &str, max| {
        let mut own = service(&["model offline", grant]);
        own.budget = Rules { limits: [limit(max)].into(), warn_percent: [].into() };
        own
    };
    let mut shell = Shell::new(own("skill poke", 1));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    assert!(shell.calls.is_empty(), "the limit holds it");
    let mut other = own("skill poke ask", 100);
    other.digest = [1; 32];
    shell.restart_with(other);
    let questions: [Option<String>; 2] =
        [1, 2].map(|number| Some(shell.write("1", "c1", &alloc::format!("/approve {number}"))));
    assert!(shell.calls.is_empty(), "{questions:?}");
}

/// What is offered for good is offered where it would answer: whoever said "always" is not asked
/// the same again.
#[test]
fn whoever_said_always_is_not_asked_again() {
    let reading: &[&str] = &["read_file", r#"{"path":"README.md"}"#];
    let looking: &[&str] = &["run_command", r#"{"program":"git","arguments":["log","f"]}"#];
    for (grants, call) in [
        (&["read /srv/agent ask"][..], reading),
        (&["read /srv/agent/README.md ask"], reading),
        (&["skill poke ask"], &["poke", "{}"]),
        (&["skill poke poke ask"], &["poke", "{}"]),
        (&["run /usr/bin/git ask", "read /srv/agent"], looking),
        (&["run /usr/bin/git log ask", "read /srv/agent"], looking),
        (&["run /usr/bin/git", "read /srv/agent ask"], looking),
    ] {
        let mut own = service(&[&["model offline"], grants].concat());
        own.programs.insert("git".into(), "/usr/bin/git".into());
        let mut shell = Shell::new(own);
        let mut ask = || {
            shell.write("1", "c1", "/clear");
            shell.write("1", "c1", "go");
            shell.answer(200, &[], &calling(call[0], &call[1..]));
            let pending = shell.sentinel.questions().next();
            let asked = pending.map(|one| (one.number, one.may_be_always));
            if let Some(one) = pending {
                for sign in ["[always]", "Always would grant", " always"] {
                    assert_eq!(one.text.contains(sign), one.may_be_always, "{}", one.text);
                }
            }
            if let Some((number, true)) = asked {
                shell.write("1", "c1", &alloc::format!("/approve {number} always"));
                assert_eq!(shell.calls.len(), 1);
                shell.give_back("x");
            }
            asked
        };
        let first = ask();
        assert!(first.is_some(), "{grants:?}");
        if first.is_some_and(|(_, may_be_always)| may_be_always) {
            assert_eq!(ask(), None, "asked again: {grants:?}");
        }
    }
}

/// No grant that comes of an answer says that what cannot be undone needs no question.
#[test]
fn what_cannot_be_undone_is_not_offered_for_good() {
    let mut shell = Shell::new(service(&["model offline", "skill poke", "read /srv/agent"]));
    shell.write("1", "c1", "go");
    let plan = r#"{"tools":["poke","read_file"],"why":"x"}"#;
    shell.answer(200, &[], &calling("plan", &[plan]));
    shell.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
    shell.give_back("a page");
    shell.answer(200, &[], &poking(&["{}"]));
    let pending = shell.sentinel.questions().next().expect("it cannot be undone");
    assert!(pending.text.contains("rule 8"), "{}", pending.text);
    assert!(!pending.may_be_always && !pending.text.contains("lways"), "{}", pending.text);
}

/// Thinking is signed by who thought it, and refused by any other: after a change of models the
/// conversation goes on without.
#[test]
fn thinking_goes_back_to_the_model_that_thought() {
    let thought = |signature: &str| {
        alloc::format!(
            r#"{{"type":"message","stop_reason":"end_turn","content":[{{"type":"thinking",
            "thinking":"hm","signature":"{signature}"}},{{"type":"text","text":"Yes."}}]}}"#
        )
    };
    for snapshot_inputs in [1, 1000] {
        let mut own = service(&["model *"]);
        own.snapshot_inputs = snapshot_inputs;
        own.models[0].provider = Provider::Service(Dialect::Anthropic);
        own.models.push(Model { name: "second".into(), ..own.models[0].clone() });
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "one");
        shell.answer(200, &[], &thought("FIRST"));
        shell.write("1", "c1", "two");
        assert!(shell.request.contains("FIRST"), "{}", shell.request);
        shell.answer(200, &[], &thought("AGAIN"));
        shell.write("1", "c1", "/model second");
        shell.write("1", "c1", "three");
        assert!(!shell.request.contains("FIRST"), "{}", shell.request);
        shell.answer(200, &[], &thought("SECOND"));
        shell.write("1", "c1", "four");
        assert!(shell.request.contains("SECOND"), "{}", shell.request);
        assert!(!shell.request.contains("FIRST"), "{}", shell.request);
        shell.answer(200, &[], &thought("LAST"));
        shell.write("1", "c1", "/model offline");
        shell.write("1", "c1", "five");
        assert!(!shell.request.contains("SECOND"), "{}", shell.request);
        assert!(shell.request.contains("Yes."), "{}", shell.request);
    }
}

/// A provider may pause in the middle of an answer and be asked to go on: what it said before is a
/// part of the answer, over a start too, and so is what it said where it may pause no longer.
#[test]
fn an_answer_is_whole_with_what_was_said_before_a_pause() {
    let part = |text: &str, stop: &str| {
        alloc::format!(
            r#"{{"type":"message","stop_reason":"{stop}","content":[{{"type":"text",
            "text":"{text}"}}]}}"#
        )
    };
    for snapshot_inputs in [1, 1000] {
        for is_restarted in [false, true] {
            let mut own = service(&["model offline", "skill poke"]);
            own.snapshot_inputs = snapshot_inputs;
            own.models[0].provider = Provider::Service(Dialect::Anthropic);
            own.turn.rounds_max = 2;
            let mut shell = Shell::new(own);
            shell.write("1", "c1", "zero");
            shell.answer(200, &[], &part("Before.", "end_turn"));
            shell.write("1", "c1", "one");
            shell.answer(200, &[], &part("First.", "pause_turn"));
            if is_restarted {
                shell.restart();
                shell.wait();
            }
            assert!(shell.request.contains("First."), "{}", shell.request);
            shell.answer(200, &[], &part("Second.", "pause_turn"));
            shell.answer(200, &[], &part("Third.", "end_turn"));
            let whole = "First.\n\nSecond.\n\nThird.";
            assert_eq!(shell.said.last().map(String::as_str), Some(whole));
            // Words that stand with calls are none of the answer, before a pause or not.
            shell.write("1", "c1", "two");
            shell.answer(200, &[], &part("Looking.", "pause_turn"));
            shell.answer(
                200,
                &[],
                r#"{"type":"message","stop_reason":"tool_use","content":[{"type":"text",
                "text":"Poking."},{"type":"tool_use","id":"t","name":"poke","input":{}}]}"#,
            );
            shell.give_back("poked");
            shell.answer(200, &[], &part("Done.", "end_turn"));
            assert_eq!(shell.said.last().map(String::as_str), Some("Done."));
        }
    }
    // It says nothing more, or pauses for ever.
    for (last, expected) in [
        (part(" ", "end_turn"), "First."),
        (
            part("Second.", "pause_turn"),
            "First.\n\nSecond.\n\n[the model paused and was not asked to go on]",
        ),
    ] {
        let mut own = service(&["model offline"]);
        own.models[0].provider = Provider::Service(Dialect::Anthropic);
        own.turn.rounds_max = 1;
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "one");
        shell.answer(200, &[], &part("First.", "pause_turn"));
        shell.answer(200, &[], &last);
        assert_eq!(shell.said.last().map(String::as_str), Some(expected));
    }
}

fn with_operators() -> Settings {
    let mut own = may_approve(service(&["model offline", "skill poke ask"]));
    own.access = own
        .access
        .person("chat", "3", Standing::Operator)
        .and_then(|rules| rules.person("chat", "4", Standing::Operator))
        .unwrap();
    own
}

/// What a person wants to have looked at reaches the operators in their own chats, with who denied
/// what; the shell's log is told no arguments. Over a restart, they are still who they were.
#[test]
fn a_denial_with_an_alert_reaches_the_operators() {
    let mut shell = Shell::new(with_operators());
    shell.write("1", "c1", "/status");
    shell.write("3", "c3", "/status");
    shell.write("4", "hall", "/status");
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
    shell.restart();
    shell.write("2", "c2", "go");
    shell.answer(200, &[], &poking(&[r#"{"at":"the safe"}"#]));
    let said = shell.write("2", "c2", "/deny 1 alert");
    assert_eq!(shell.alerts.len(), 1);
    let alert = &shell.alerts[0];
    assert!(alert.starts_with("person 1 ('2' on chat) denied question 1 ["), "{alert}");
    assert!(alert.ends_with(" with an alert: a call of poke"), "{alert}");
    assert_eq!(shell.payloads(Kind::Alerted).len(), 1);
    // To each operator who has a chat of his own, and to nobody else.
    assert_eq!(said.matches(r#"at (control): "the safe""#).count(), 2, "{said}");
    assert_eq!(said.matches(alert.as_str()).count(), 2, "{said}");
    assert!(!said.contains("Answer /approve"), "there is nothing left to answer: {said}");
    let answered = shell.payloads(Kind::ApprovalAnswered);
    assert!(answered[0].contains(r#""how":"person 1 answered","person":1"#), "{answered:?}");
    shell.restart();
}

#[test]
fn an_operator_is_named_in_his_alert_and_not_told_of_it() {
    let mut shell = Shell::new(with_operators());
    shell.write("3", "c3", "/status");
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    let said = shell.write("1", "c1", "/deny 1 alert");
    let alert = shell.alerts.pop().unwrap();
    assert!(alert.starts_with("an operator, person 0 ('1' on chat), denied question 1"), "{alert}");
    assert_eq!(said.matches(alert.as_str()).count(), 1, "the other one is told: {said}");
    shell.answer(200, &[], &poking(&["{}"]));
    let pending = shell.sentinel.questions().next().unwrap();
    let (question, digest) = (pending.number, pending.digest);
    let command = OperatorCommand::Answer { question, digest, answer: Answer::Alert };
    shell.operate(command).unwrap();
    let alert = shell.alerts.pop().unwrap();
    assert!(alert.starts_with("an operator outside of the chats denied question 2"), "{alert}");
}
