//! What operators see and do, while an agent is at work and while none is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::shell::{Shell, settings};
use super::*;
use crate::agent::{Answer, ConversationNumber, Origin};

const GRANTS: [&str; 2] = ["model offline", "write /srv/agent ask"];

/// A question waits: whether a file may be written.
fn asking() -> Shell {
    let mut shell = Shell::new(settings(&GRANTS));
    let said = shell.write("1", "c1", "write hello to one.txt");
    assert!(said.contains("Question 1"), "{said}");
    shell
}

fn answered(shell: &mut Shell, answer: Answer) {
    let digest = shell.sentinel.questions().next().unwrap().digest;
    shell.operate(OperatorCommand::Answer { question: 1, digest, answer }).unwrap();
}

fn origins(shell: &Shell) -> Vec<(String, Origin)> {
    let grants = shell.sentinel.grants(2);
    grants.map(|granted| (granted.grant.to_string(), granted.origin)).collect()
}

#[test]
fn a_question_is_shown_with_its_calls() {
    let shell = asking();
    let open = shell.sentinel.questions().next().unwrap();
    let calls = shell.sentinel.questioned_calls(open.number);
    assert_eq!(calls.len(), 1);
    assert!(calls[0].contains("write_file") && calls[0].contains("one.txt"), "{calls:?}");
    assert!(open.may_be_always && !open.may_be_trusted);
    let left = shell.sentinel.time_left(open.expires, shell.now());
    assert!(left < shell.settings.turn.question_time_max && !left.is_zero());
}

#[test]
fn a_grant_says_where_it_came_from_over_snapshots_and_other_settings() {
    let mut shell = asking();
    shell.operate(OperatorCommand::Grant("read /srv/x uses 3".into())).unwrap();
    answered(&mut shell, Answer::Always);
    shell.give_back("written");
    let conversation = shell.sentinel.conversations(ConversationNumber(0)).next().unwrap().number;
    let expected = Vec::from([
        ("read /srv/x uses 3".to_string(), Origin::Operator),
        ("write /srv/agent/one.txt".to_string(), Origin::Answer(conversation)),
    ]);
    assert_eq!(origins(&shell), expected);
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.restart();
    assert_eq!(origins(&shell), expected);
    let changed = Settings { digest: [1; 32], ..settings(&GRANTS) };
    shell.restart_with(changed);
    assert_eq!(origins(&shell), expected);
}

#[test]
fn what_forbids_is_taken_back_where_it_stands() {
    let mut shell = Shell::new(settings(&["model offline", "deny read /srv/state"]));
    let handle = |index| Handle { index, generation: 0 };
    let refused = shell.operate(OperatorCommand::Revoke(handle(1))).unwrap_err();
    assert!(refused.to_string().contains("a rule of the settings"), "{refused}");
    shell.operate(OperatorCommand::Grant("deny read /srv/more".into())).unwrap();
    shell.operate(OperatorCommand::Revoke(handle(2))).unwrap();
    assert_eq!(shell.sentinel.grants(0).count(), 2);
}

#[test]
fn while_nobody_is_at_work_operators_alone_are_served() {
    let mut shell = asking();
    let said_count = shell.said.len();
    shell.maintain();
    assert!(shell.sentinel.is_maintained());
    let open = shell.sentinel.questions().next().unwrap();
    let command = OperatorCommand::Answer {
        question: open.number,
        digest: open.digest,
        answer: Answer::Once,
    };
    let now = shell.now();
    let not_at_work = |shell: &mut Shell, event| {
        assert_eq!(shell.sentinel.handle(now, event), Err(EventError::NotAtWork));
    };
    not_at_work(&mut shell, Event::Operator { request: 1, command });
    let command = OperatorCommand::Stop(ConversationNumber(1));
    not_at_work(&mut shell, Event::Operator { request: 1, command });
    not_at_work(&mut shell, Event::Message(shell::incoming("1", "c2", "77", Vec::new())));
    let granted = shell.operate(OperatorCommand::Grant("read /srv/agent/more".into()));
    assert_eq!(granted, Ok("granted: h2.0".into()));
    // Long after the question was to be answered: it is over when somebody is at work again.
    shell.instant += 1000 * 3_600_000;
    shell.tell(Event::Time);
    assert_eq!(shell.sentinel.questions().count(), 1);
    let deadline = shell.sentinel.deadline();
    assert!(deadline.is_none_or(|at| at > shell.now().instant), "nothing of its own is due");
    assert_eq!((shell.said.len(), shell.calls.len()), (said_count, 0), "{:?}", shell.said);
}

#[test]
fn a_turn_goes_on_after_an_operator_did_something_meanwhile() {
    let mut shell = asking();
    shell.maintain();
    shell.operate(OperatorCommand::Grant("read /srv/agent/more".into())).unwrap();
    shell.operate(OperatorCommand::Forget(ConversationNumber(99))).unwrap_err();
    shell.restart();
    assert_eq!(shell.sentinel.grants(0).count(), 3);
    answered(&mut shell, Answer::Once);
    assert_eq!(shell.calls.len(), 1);
    shell.give_back("written");
    assert!(shell.said.last().unwrap().contains("written"), "{:?}", shell.said);
}

#[test]
fn a_conversation_is_forgotten_while_nobody_is_at_work() {
    let mut shell = Shell::new(settings(&GRANTS));
    shell.write("1", "c1", "hello");
    let number = shell.sentinel.conversations(ConversationNumber(0)).next().unwrap().number;
    assert!(shell.sentinel.history(number).flatten().is_some());
    shell.maintain();
    shell.operate(OperatorCommand::Forget(number)).unwrap();
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    assert!(ring.conversations().all(|known| known != number.0), "its key is destroyed");
    shell.restart();
    assert!(shell.sentinel.history(number).is_none());
}
