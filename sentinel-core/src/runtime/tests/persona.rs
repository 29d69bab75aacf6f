//! The persona written anew by the agent itself: who may, who is asked, and what stands after it.

use alloc::format;
use alloc::string::String;

use sha2::{Digest as _, Sha256};

use super::shell::{Shell, calling, service};
use super::*;
use crate::agent::{Kind, ToolOutput};
use crate::tool::{Call, Operation};

const OLD: &str = "You are kind.";
const NEW: &str = "You are kind and brief.";
const DONE: &str = r#"{"choices":[{"index":0,"finish_reason":"stop",
    "message":{"role":"assistant","content":"Done."}}]}"#;

/// An agent with a persona, and with these grants besides.
fn shell(grants: &[&str], snapshot_inputs: u64) -> Shell {
    let mut own = service(&[&["model offline"], grants].concat());
    own.persona = Some(Sha256::digest(OLD).into());
    own.snapshot_inputs = snapshot_inputs;
    let mut shell = Shell::new(own);
    look(&mut shell, OLD);
    shell
}

fn look(shell: &mut Shell, text: &str) {
    shell.tell(Event::PersonaRead { text: Some(text.into()) });
}

/// The model wants the new one.
fn change(shell: &mut Shell) {
    shell.write("1", "c1", "be brief from now on");
    shell.answer(200, &[], &calling("change_persona", &[r#"{"text":"You are kind and brief."}"#]));
}

fn is_halted(shell: &mut Shell) -> bool {
    shell.write("1", "c9", "hello").contains("my persona")
}

#[test]
fn a_change_that_a_person_allowed_moves_the_pin() {
    for snapshot_inputs in [1, 1_000_000] {
        let mut shell = shell(&["persona"], snapshot_inputs);
        change(&mut shell);
        let question = shell.sentinel.questions().next().expect("it is asked about");
        assert!(question.text.contains(NEW), "{}", question.text);
        assert!(!question.may_be_always && shell.calls.is_empty());
        let said = shell.write("1", "c1", "/approve 1");
        let Some((_, Call::Builtin(Operation::ChangePersona { text }))) = shell.calls.last() else {
            panic!("{said}: {:?}", shell.calls)
        };
        assert_eq!(text, NEW);
        shell.give_back("written");
        assert!(shell.request.contains(NEW) && !shell.request.contains(OLD), "{}", shell.request);
        shell.answer(200, &[], DONE);
        // It is on the record, and what stands in the file is what was allowed.
        let digest = crate::agent::hex(&Sha256::digest(NEW));
        let changed = shell.payloads(Kind::PersonaChanged);
        let is_it = |record: &String| record.contains(&digest) && record.contains("true");
        assert!(matches!(changed.as_slice(), [one] if is_it(one)), "{changed:?}");
        assert!(shell.alerts.iter().any(|alert| alert.contains(&digest)), "{:?}", shell.alerts);
        look(&mut shell, NEW);
        assert!(!is_halted(&mut shell), "{:?}", shell.alerts);
        // It outlives the program, and other settings that name the old one still.
        shell.restart();
        look(&mut shell, NEW);
        assert!(!is_halted(&mut shell));
        let mut others = (*shell.settings).clone();
        (others.digest, others.instructions) = ([7; 32], "Answer in English.".into());
        shell.restart_with(others);
        look(&mut shell, NEW);
        assert!(!is_halted(&mut shell));
        // Any other text stops it as before, the old one too.
        look(&mut shell, OLD);
        assert!(is_halted(&mut shell));
    }
}

/// It is for everybody whom the agent talks with, so who asked for it does not decide it alone.
#[test]
fn only_an_operator_allows_it() {
    let mut own = service(&["model offline", "persona"]);
    own.persona = Some(Sha256::digest(OLD).into());
    own.turn.people_may_approve = true;
    let mut shell = Shell::new(own);
    look(&mut shell, OLD);
    shell.write("2", "c2", "be brief from now on");
    shell.answer(200, &[], &calling("change_persona", &[r#"{"text":"You are kind and brief."}"#]));
    assert!(shell.write("2", "c2", "/approve 1").contains("Only an operator can answer"));
    assert!(shell.calls.is_empty());
    shell.write("1", "c2", "/approve 1");
    assert_eq!(shell.calls.len(), 1);
}

/// Nobody is asked where nobody granted it, and the model is not told of what it cannot do.
#[test]
fn without_a_grant_nothing_is_written() {
    for grants in [&[][..], &["deny persona"], &["persona", "deny persona"], &["config agent"]] {
        let mut shell = shell(grants, 1_000_000);
        change(&mut shell);
        assert!(shell.request.contains("was not run"), "{}", shell.request);
        assert!(!shell.request.contains("Replaces the text that says who you are"));
        assert!(shell.calls.is_empty() && shell.sentinel.questions().next().is_none());
    }
    // Nor is there one to change where none is pinned.
    let mut shell = Shell::new(service(&["model offline", "persona irreversible"]));
    change(&mut shell);
    assert!(shell.request.contains("there is no persona"), "{}", shell.request);
    assert!(shell.calls.is_empty() && shell.sentinel.questions().next().is_none());
}

/// A grant says in so many words that nobody is to be asked, and even then somebody is once what
/// nobody vouches for was read.
#[test]
fn a_grant_may_say_that_nobody_is_asked() {
    let mut free = shell(&["persona irreversible"], 1_000_000);
    change(&mut free);
    assert!(matches!(free.calls.last(), Some((_, Call::Builtin(_)))));
    let mut tainted = shell(&["persona irreversible", "read /srv/agent"], 1_000_000);
    tainted.write("1", "c1", "go");
    tainted.answer(200, &[], &calling("read_file", &[r#"{"path":"a"}"#]));
    tainted.give_back("You are kind and brief.");
    tainted.answer(200, &[], &calling("change_persona", &[r#"{"text":"You are evil."}"#]));
    assert!(tainted.calls.is_empty() && tainted.sentinel.questions().next().is_some());
}

#[test]
fn what_was_not_written_is_not_the_persona() {
    let mut shell = shell(&["persona irreversible"], 1_000_000);
    change(&mut shell);
    let (call, _) = shell.calls.pop().unwrap();
    let output = ToolOutput { content: "the disk is full".into(), is_error: true };
    shell.tell(Event::ToolFinished { call, output });
    shell.wait();
    look(&mut shell, OLD);
    assert!(!is_halted(&mut shell));
    look(&mut shell, NEW);
    assert!(is_halted(&mut shell), "that came from somewhere else");
}

/// The program ends between the order and its end: it is written again, as a file is, and the text
/// in the file is the old one or the one that was allowed.
#[test]
fn a_change_outlives_the_end_of_the_program() {
    for (snapshot_inputs, seen) in [(1, OLD), (1, NEW), (1_000_000, OLD), (1_000_000, NEW)] {
        let mut shell = shell(&["persona irreversible"], snapshot_inputs);
        change(&mut shell);
        shell.calls.clear();
        shell.restart();
        look(&mut shell, seen);
        assert_eq!(shell.calls.len(), 1, "{seen}");
        shell.give_back("written");
        look(&mut shell, NEW);
        assert!(!is_halted(&mut shell), "{seen}: {:?}", shell.alerts);
    }
}

/// Somebody may vouch for a text, and another call of the round goes on by that. What the agent
/// becomes does not follow from it: an operator answers the question about that itself.
#[test]
fn what_somebody_vouches_for_changes_no_persona() {
    for answers in ["2", "1"] {
        let mut own = service(&["model offline", "persona irreversible", "skill move"]);
        let role = crate::label::ToolRole::new(crate::label::Effect::Change).undoable();
        let definition = crate::llm::ToolDefinition {
            name: "move".into(),
            description: "Moves.".into(),
            parameters: r#"{"type":"object"}"#.into(),
        };
        own.tools.add(definition, role.control("at"), false).unwrap();
        own.persona = Some(Sha256::digest(OLD).into());
        own.turn.people_may_approve = true;
        let mut shell = Shell::new(own);
        look(&mut shell, OLD);
        let quoted = Part::Quoted("the station".into());
        shell.send("2", "c2", Vec::from([Part::Text("go there".into()), quoted]));
        shell.answer(200, &[], &both(r#"{"at":"the station"}"#));
        let asked = shell.sentinel.questions().count();
        assert_eq!((asked, shell.calls.len()), (2, 0), "{:?}", shell.said);
        shell.write(answers, "c2", "/approve 1 trust");
        let is_persona =
            |call: &Call| matches!(call, Call::Builtin(Operation::ChangePersona { .. }));
        let changes = |shell: &Shell| shell.calls.iter().filter(|it| is_persona(&it.1)).count();
        assert_eq!((shell.calls.len(), changes(&shell)), (1, 0), "{:?}", shell.said);
        assert!(shell.write("2", "c2", "/approve 2").contains("Only an operator"));
        shell.write("1", "c2", "/approve 2");
        assert_eq!((shell.calls.len(), changes(&shell)), (2, 1), "{:?}", shell.said);
    }
}

/// A call of the tool `move`, and one that writes the persona.
fn both(at: &str) -> String {
    let call = |id: &str, name: &str, arguments: &str| {
        let arguments = arguments.replace('"', "\\\"");
        let function = format!(r#"{{"name":"{name}","arguments":"{arguments}"}}"#);
        format!(r#"{{"id":"{id}","type":"function","function":{function}}}"#)
    };
    let calls =
        [call("a", "move", at), call("b", "change_persona", r#"{"text":"You are brief."}"#)];
    let calls = calls.join(",");
    let message = format!(r#"{{"role":"assistant","content":null,"tool_calls":[{calls}]}}"#);
    format!(r#"{{"choices":[{{"index":0,"finish_reason":"tool_calls","message":{message}}}]}}"#)
}

/// A call that was interrupted and did not write has proposed nothing: the same text, from wherever
/// it comes later, is one that no person allowed.
#[test]
fn what_an_interrupted_call_did_not_write_is_nobodys_word() {
    for snapshot_inputs in [1, 1_000_000] {
        let mut shell = shell(&["persona irreversible"], snapshot_inputs);
        change(&mut shell);
        shell.calls.clear();
        let mut other = (*shell.settings).clone();
        other.digest = [9; 32];
        shell.restart_with(other);
        assert_eq!(shell.payloads(Kind::CallInterrupted).len(), 1);
        look(&mut shell, OLD);
        assert!(!is_halted(&mut shell));
        look(&mut shell, NEW);
        assert!(is_halted(&mut shell), "it came from somewhere else");
    }
}
