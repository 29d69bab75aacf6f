//! Which model is asked, and that the log says why it was not the one that is preferred.

use alloc::vec::Vec;

use super::shell::{Shell, service};
use super::*;

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
