//! What a person sees, told as conversations with the offline model.

mod answers;
mod connection;
mod deliveries;
mod dictation;
mod eliciting;
mod extraction;
mod guests;
mod hostile;
mod limits;
mod management;
mod mistakes;
mod passages;
mod persona;
mod pictures;
mod references;
mod restarts;
mod sampling;
mod sharing;
mod shell;
mod skills;
mod snapshots;
mod stopping;
mod switches;
mod timing;
mod windows;

use alloc::string::String;
use alloc::vec::Vec;

use self::shell::{Shell, secrets, settings};
use super::*;
use crate::agent::{Answer, Kind, OperatorCommand};
use crate::channel::{Identity, Incoming, Part};
use crate::time::Timestamp;
use crate::wire::http::Headers;

#[test]
fn a_person_is_answered_and_a_stranger_is_not() {
    let mut shell = Shell::new(settings(&["model offline"]));
    assert!(!shell.write("1", "c1", "hello").is_empty());
    assert_eq!(shell.write("9", "c9", "hello"), "");
}

#[test]
fn without_a_grant_no_model_is_asked_and_no_tool_runs() {
    let mut shell = Shell::new(settings(&[]));
    assert!(shell.write("1", "c1", "hello").contains("no model that I may ask"));
    let mut shell = Shell::new(settings(&["model offline"]));
    let said = shell.write("1", "c1", "read README.md");
    assert!(shell.calls.is_empty() && said.contains("no grant covers it"), "{said}");
}

#[test]
fn a_program_that_is_called_by_no_known_name_is_said_to_be_unknown() {
    let mut shell = Shell::new(settings(&["model offline", "run /usr/bin/sum"]));
    let said = shell.write("1", "c1", "run sum");
    assert!(said.contains("no grant covers it ('program': no program is known"), "{said}");
    assert!(said.contains("give its path from `/` on"), "{said}");
}

#[test]
fn a_granted_tool_runs_and_its_output_is_told() {
    let mut shell = Shell::new(settings(&["model offline", "read,list /srv/agent"]));
    shell.write("1", "c1", "read README.md");
    let (call, _) = shell.calls.pop().unwrap();
    let output = ToolOutput { content: "It is a house.".into(), is_error: false };
    shell.tell(Event::ToolFinished { call, output });
    shell.wait();
    assert!(shell.said.last().unwrap().contains("It is a house."), "{:?}", shell.said);
}

#[test]
fn a_question_is_answered_by_an_operator_in_its_chat_and_survives_a_restart() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    let said = shell.write("2", "c2", "read README.md");
    assert!(said.contains("Question 1") && said.contains("/approve 1"), "{said}");
    assert!(said.contains("README.md") && said.contains("Risk: it only reads"), "{said}");
    assert!(shell.write("2", "c2", "/approve 1").contains("Only an operator"));
    assert!(shell.write("1", "c1", "/approve 1").contains("no question 1 here"));
    shell.restart();
    assert!(shell.calls.is_empty());
    let pending = shell.sentinel.questions().next().unwrap();
    let (question, digest) = (pending.number, pending.digest);
    let answer = Answer::Once;
    // An answer to something else than what was shown is none.
    let wrong = OperatorCommand::Answer { question, digest: [0; 32], answer };
    shell.tell(Event::Operator { request: 1, command: wrong });
    assert!(shell.told.pop().unwrap().is_err() && shell.calls.is_empty());
    let command = OperatorCommand::Answer { question, digest, answer };
    shell.tell(Event::Operator { request: 2, command });
    assert!(shell.told.pop().unwrap().is_ok());
    assert_eq!(shell.calls.len(), 1);
}

#[test]
fn always_becomes_a_grant_of_just_that() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    shell.write("1", "c1", "read README.md");
    let said = shell.write("1", "c1", "/approve 1 always");
    assert!(said.contains("Allowed"), "{said}");
    let output = || ToolOutput { content: "text".into(), is_error: false };
    let (call, _) = shell.calls.pop().unwrap();
    shell.tell(Event::ToolFinished { call, output: output() });
    shell.wait();
    shell.write("1", "c1", "/clear");
    shell.write("1", "c1", "read README.md");
    assert_eq!(shell.calls.len(), 1, "the grant covers it: {:?}", shell.said);
    let (call, _) = shell.calls.pop().unwrap();
    shell.tell(Event::ToolFinished { call, output: output() });
    shell.wait();
    shell.write("1", "c1", "/clear");
    assert!(shell.write("1", "c1", "read other.md").contains("Question 2"));
}

#[test]
fn nobody_answering_is_a_no() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    shell.write("1", "c1", "read README.md");
    shell.instant += 700_000;
    shell.wait();
    assert!(shell.calls.is_empty() && shell.sentinel.questions().next().is_none());
    assert!(shell.sentinel.is_at_rest());
}

#[test]
fn a_guest_cannot_clear_what_others_said() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "hall", "hello");
    for command in ["/clear", "/model offline", "/approve 1", "/pair ABCDEFGHJK"] {
        assert!(shell.write("9", "hall", command).contains("Guests can use"), "{command}");
    }
    assert!(shell.write("9", "hall", "/help").contains("/status"));
}

#[test]
fn a_restart_remembers_and_forgetting_is_for_good() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    shell.restart();
    assert!(shell.write("1", "c1", "/status").contains("2 messages"), "{:?}", shell.said);
    let conversation = ConversationNumber(1);
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Forget(conversation) });
    assert!(shell.told.pop().unwrap().is_ok());
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    assert!(ring.open(1, &MasterKey::new([2; 32])).is_err());
    shell.restart();
    assert!(shell.write("1", "c1", "/status").contains("0 messages"), "{:?}", shell.said);
}

#[test]
fn a_message_of_a_platform_that_is_not_connected_is_ignored() {
    let mut shell = Shell::new(settings(&["model offline"]));
    let incoming = Incoming {
        identity: Identity::new("matrix", "c1", "1").unwrap(),
        id: "1".into(),
        is_private: true,
        is_from_bot: false,
        name: String::new(),
        parts: Vec::from([Part::Text("hello".into())]),
        sent: Timestamp(0),
    };
    shell.tell(Event::Message(incoming));
    shell.wait();
    assert!(shell.said.is_empty() && shell.sentinel.is_at_rest());
}

#[test]
fn a_log_is_not_gone_on_with_under_a_wrong_key_or_after_damage() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    let resume = |log: &[u8], ring: &[u8], first: [u8; 32]| {
        let settings = shell.settings.clone();
        let find = |_: &[u8; 32]| Some(settings.clone());
        let ring = KeyRing::from_bytes(ring).unwrap();
        let seed = EpochSeed::first(first);
        Sentinel::resume(settings.clone(), &find, secrets(seed), ring, &[log], shell.now())
            .map(|_| ())
    };
    assert!(matches!(
        resume(&shell.log, &shell.ring, [9; 32]),
        Err(ResumeError::Journal(crate::journal::AppendError::Seed))
    ));
    let mut damaged = shell.log.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(matches!(resume(&damaged, &shell.ring, [4; 32]), Err(ResumeError::Log(_))));
    let empty = KeyRing::new().to_bytes();
    assert!(matches!(resume(&shell.log, &empty, [4; 32]), Err(ResumeError::Differs(_))));
}

#[test]
fn an_operator_can_have_a_snapshot_taken() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
    assert!(shell.told.pop().unwrap().is_ok());
    let kinds = shell.kinds();
    let part = Kind::SnapshotPart;
    assert!(kinds.ends_with(&[Kind::Operated, part, part, Kind::Snapshot]), "{kinds:?}");
    shell.restart();
    assert!(shell.write("1", "c1", "/status").contains("2 messages"), "{:?}", shell.said);
}

/// Where the settings say so, nothing is shown of an answer before it is whole; that plays no part
/// in any decision, so that settings of the same digest may say otherwise.
#[test]
fn an_answer_that_is_not_streamed_is_shown_when_it_is_whole() {
    let piece = |rest: &str| {
        alloc::format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{{rest}}}]}}\n\n")
    };
    let mut shell = Shell::new(shell::service(&["model offline"]));
    for is_streamed in [true, false, true] {
        let mut settings = shell::service(&["model offline"]);
        settings.unstreamed = if is_streamed { Vec::new() } else { Vec::from(["chat"]) };
        shell.tell(Event::Settings(Arc::new(settings)));
        shell.write("1", "c1", "go");
        shell.said.clear();
        let exchange = shell.asked.pop().unwrap();
        let mut headers = Headers::new();
        headers.append("content-type", b"text/event-stream").unwrap();
        shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
        let bytes = piece(r#""content":"The house is "}"#);
        shell.tell(Event::ModelBody { exchange, bytes: bytes.as_bytes() });
        shell.instant += 3000;
        shell.tell(Event::Time);
        assert_eq!(shell.said.concat().contains("The house is"), is_streamed);
        let bytes = piece(r#""content":"red."},"finish_reason":"stop""#) + "data: [DONE]\n\n";
        shell.tell(Event::ModelBody { exchange, bytes: bytes.as_bytes() });
        shell.wait();
        assert!(shell.said.iter().any(|text| text == "The house is red."), "{:?}", shell.said);
    }
}
