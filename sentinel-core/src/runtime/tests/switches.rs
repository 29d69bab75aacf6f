//! Which model is asked, and that the log says why it was not the one that is preferred.

use alloc::vec::Vec;

use super::shell::{Shell, poking, service};
use super::*;
use crate::capability::Handle;
use crate::wire::http::Headers;

const WHOLE: &str =
    r#"{"choices":[{"message":{"role":"assistant","content":"done"},"finish_reason":"stop"}]}"#;

fn two() -> Shell {
    let mut own = service(&["model *"]);
    own.models[0].name = "large".into();
    own.models.push(own.models[0].clone());
    own.models[1].name = "small".into();
    Shell::new(own)
}

/// Every request that does not go to the model of the one before has its switch on record, in the
/// turn that found out and in those that come while the preferred model is set aside.
#[test]
fn every_switch_is_on_the_record() {
    let mut shell = two();
    shell.write("1", "c1", "go");
    shell.answer(401, &[], r#"{"error":{"message":"no"}}"#);
    shell.answer(200, &[], WHOLE);
    for chat in ["c1", "c2"] {
        shell.write("1", chat, "again");
        shell.answer(200, &[], WHOLE);
    }
    let switch = r#"{"from":"large","to":"small","because":"authentication"}"#;
    assert_eq!(shell.payloads(Kind::ModelSwitched), [switch; 3]);
    // Over a restart from a snapshot, too; and no more when the model is well again.
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
    shell.restart();
    shell.write("1", "c1", "again");
    shell.answer(200, &[], WHOLE);
    assert_eq!(shell.payloads(Kind::ModelSwitched), [switch; 4]);
    shell.instant += 700_000;
    shell.write("1", "c1", "again");
    shell.answer(200, &[], WHOLE);
    assert_eq!(shell.payloads(Kind::ModelSwitched).len(), 4);
    let asked = shell.payloads(Kind::ModelAsked);
    let asked: Vec<bool> = asked.iter().map(|it| it.contains(r#""model":"large""#)).collect();
    assert_eq!(asked, [true, false, false, false, false, true]);
}

#[test]
fn a_switch_that_a_person_makes_is_on_the_record() {
    let mut shell = two();
    shell.write("1", "c1", "/model small");
    shell.write("1", "c1", "/model large");
    let switched = shell.payloads(Kind::ModelSwitched);
    assert_eq!(
        switched,
        [
            r#"{"from":"large","to":"small","because":"a person chose it"}"#,
            r#"{"from":"small","to":"large","because":"a person chose it"}"#,
        ]
    );
    shell.restart();
}

fn spec(settings: &mut Settings, grants: &[&str]) {
    settings.grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
}

/// What a model was granted may end while it is waited for: another one that may be asked is.
#[test]
fn a_model_whose_grant_ended_meanwhile_leaves_the_turn_to_the_next() {
    for is_used_up in [true, false] {
        let mut own = service(&[]);
        own.models[0].name = "large".into();
        own.models.push(own.models[0].clone());
        own.models[1].name = "small".into();
        let large = if is_used_up { "model large uses 1" } else { "model large" };
        spec(&mut own, &[large, "model small"]);
        let mut shell = Shell::new(own);
        shell.write("1", "c1", "go");
        let exchange = shell.asked.pop().unwrap();
        let mut headers = Headers::new();
        headers.append("retry-after", b"1").unwrap();
        shell.tell(Event::ModelHead { exchange, status: 429, headers: &headers });
        shell.tell(Event::ModelEnd { exchange });
        if !is_used_up {
            let large = Handle { index: 0, generation: 0 };
            shell.operate(OperatorCommand::Revoke(large)).unwrap();
        }
        shell.wait();
        let asked = shell.payloads(Kind::ModelAsked);
        assert_eq!(asked.len(), 2, "{asked:?} {:?}", shell.said);
        assert!(asked[1].contains(r#""model":"small""#), "{asked:?}");
        shell.answer(200, &[], WHOLE);
        assert_eq!(shell.said.last().unwrap(), "done");
        // The log says no more than what was done.
        let switched = shell.payloads(Kind::ModelSwitched);
        assert!(switched.iter().all(|it| it.contains(r#""to":"small""#)), "{switched:?}");
        shell.restart();
    }
}

/// Other settings move a turn that waited for an answer on: its model is asked once.
#[test]
fn a_question_that_other_settings_void_is_one_request() {
    let grants = ["model *", "skill poke ask"];
    let mut shell = Shell::new(service(&grants));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    assert_eq!(shell.sentinel.questions().count(), 1);
    let mut other = service(&grants);
    other.digest = [7; 32];
    other.models.push(other.models[0].clone());
    other.models[1].name = "small".into();
    shell.tell(Event::Settings(Arc::new(other)));
    let asked = shell.payloads(Kind::ModelAsked);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(shell.unasked.is_empty(), "what nobody asked is not taken back");
    shell.answer(200, &[], WHOLE);
    assert_eq!(shell.said.last().unwrap(), "done");
}
