use super::*;
use crate::message::Service;

fn said(conversation: &mut Conversation, message: ToHost<'_>) -> Result<(), Fault> {
    let mut room = [0; 1024];
    let length = message.write(&mut room).unwrap();
    conversation.take(&room[..length]).map(drop)
}

const HELLO: ToHost<'_> =
    ToHost::Hello { version: VERSION, name: Text::Plain("a"), release: Text::Plain("1") };

fn result(id: u32) -> ToHost<'static> {
    ToHost::Result { id, output: Value::EMPTY }
}

fn request(id: u32, call: u32) -> ToHost<'static> {
    ToHost::Request { id, call, service: Service::Proceed }
}

/// One that was greeted, with a call under way.
fn calling() -> Conversation {
    let mut conversation = Conversation::new();
    said(&mut conversation, HELLO).unwrap();
    conversation.call("a", Value::EMPTY, &mut [0; 256]).unwrap();
    conversation
}

#[test]
fn a_call_has_one_end() {
    let mut conversation = calling();
    assert_eq!(conversation.task(), Some(Task::Call));
    assert_eq!(said(&mut conversation, result(2)), Err(Fault::WrongId(2)));
    assert_eq!(said(&mut conversation, result(1)), Ok(()));
    assert_eq!(conversation.task(), None);
    assert_eq!(said(&mut conversation, result(1)), Err(Fault::Doubled(1)));
    conversation.call("a", Value::EMPTY, &mut [0; 256]).unwrap();
    assert_eq!(said(&mut conversation, result(1)), Err(Fault::Doubled(1)));
    let progress = ToHost::Progress { id: 1, done: 1, total: None, message: None };
    assert_eq!(said(&mut conversation, progress), Err(Fault::Doubled(1)));
    assert_eq!(said(&mut conversation, result(2)), Ok(()));
}

#[test]
fn nothing_comes_before_the_greeting_and_that_comes_once() {
    let mut conversation = Conversation::new();
    assert_eq!(said(&mut conversation, result(1)), Err(Fault::OutOfTurn));
    let other = ToHost::Hello { version: 2, name: Text::Plain("a"), release: Text::Plain("1") };
    assert_eq!(said(&mut conversation, other), Err(Fault::Version(2)));
    assert_eq!(said(&mut conversation, HELLO), Ok(()));
    assert_eq!(said(&mut conversation, HELLO), Err(Fault::OutOfTurn));
    assert_eq!(said(&mut conversation, result(1)), Err(Fault::WrongId(1)));
}

#[test]
fn an_answer_is_of_the_kind_that_was_asked_for() {
    let mut conversation = Conversation::new();
    said(&mut conversation, HELLO).unwrap();
    conversation.describe(&mut [0; 256]).unwrap();
    assert_eq!(said(&mut conversation, result(1)), Err(Fault::OutOfTurn));
    assert_eq!(said(&mut conversation, request(1, 1)), Err(Fault::OutOfTurn));
}

#[test]
fn requests_come_one_at_a_time_and_their_ids_rise() {
    let mut conversation = calling();
    assert_eq!(said(&mut conversation, request(1, 2)), Err(Fault::WrongId(2)));
    assert_eq!(said(&mut conversation, request(1, 1)), Ok(()));
    assert_eq!(said(&mut conversation, request(2, 1)), Err(Fault::OutOfTurn));
    assert_eq!(said(&mut conversation, result(1)), Err(Fault::OutOfTurn));
    conversation.proceed(&mut [0; 256]).unwrap();
    assert_eq!(said(&mut conversation, request(1, 1)), Err(Fault::Doubled(1)));
    assert_eq!(said(&mut conversation, request(2, 1)), Ok(()));
    conversation.refuse(Code::Cancelled, "cancelled", &mut [0; 256]).unwrap();
    assert_eq!(said(&mut conversation, result(1)), Ok(()));
}
