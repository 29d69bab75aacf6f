//! Rooms and the threads in them.

use super::*;
use crate::channel::connector::Call;

/// A message to the bot in a channel of a server.
fn said(seq: u64, id: u64, channel: u64) -> String {
    let mentioned = r#""guild_id":"9","mentions":[{"id":"99"}],"type""#;
    let data = message(id, channel, "<@99> hi").replace("\"type\"", mentioned);
    format!(r#"{{"op": 0, "t": "MESSAGE_CREATE", "s": {seq}, "d": {data}}}"#)
}

/// What was said in a channel that Discord is asked about.
fn asked(desk: &mut Desk, seq: u64, id: u64, channel: u64) -> Call {
    let actions = desk.hear(&said(seq, id, channel));
    assert!(messages(&actions).is_empty(), "it waits");
    let call = calls(actions).remove(0);
    assert_eq!(call.path, format!("/channels/{channel}"));
    call
}

fn chats(actions: &[Action]) -> Vec<(&str, &str)> {
    let said = messages(actions).into_iter();
    said.map(|message| (message.identity.chat.as_str(), message.id.as_str())).collect()
}

/// Waits until something is asked.
fn next_call(desk: &mut Desk) -> Call {
    loop {
        let next = calls(desk.wait());
        desk.hear(r#"{"op": 11}"#);
        if let Some(call) = next.into_iter().next() {
            break call;
        }
    }
}

const THREAD: &str = r#"{"id": "42", "type": 11, "parent_id": "41"}"#;

#[test]
fn what_is_said_in_a_thread_is_said_under_its_room() {
    let mut desk = Desk::running();
    let call = asked(&mut desk, 2, 500, 42);
    assert!(desk.hear(&said(3, 501, 42)).is_empty(), "it is asked about once");
    // Others do not wait for it.
    let private = desk.message(4, 502, 77, "hello");
    assert_eq!(chats(&private), [("77", "502")]);
    let actions = desk.answer(&call, 200, THREAD);
    assert_eq!(chats(&actions), [("41/42", "500"), ("41/42", "501")]);
    assert_eq!(chats(&desk.hear(&said(5, 503, 42))), [("41/42", "503")], "it is known");
    // The same after a start, without being asked again.
    for id in ["500", "501", "502", "503"] {
        desk.discord.acknowledge(at(desk.now), id);
    }
    desk.poll();
    desk.restart();
    assert!(matches!(desk.poll().as_slice(), [Action::Open { .. }]));
    desk.discord.opened(at(desk.now));
    desk.hear(r#"{"op": 10, "d": {"heartbeat_interval": 40000}}"#);
    desk.hear(RESUMED);
    assert_eq!(chats(&desk.hear(&said(10, 504, 42))), [("41/42", "504")]);
}

#[test]
fn an_answer_in_a_thread_goes_there() {
    let mut desk = Desk::running();
    let post = Post::Send { piece: 0, text: "x".into(), key: 1 };
    let to = ToPost { delivery: 5, chat: "41/42".into(), post, question: None };
    desk.discord.post(at(desk.now), to);
    assert_eq!(desk.calls()[0].path, "/channels/42/messages");
}

/// Nobody is answered under a rule for another room because Discord would not say where it was.
#[test]
fn what_discord_does_not_tell_is_no_thread() {
    for status in [400, 403, 404] {
        let mut desk = Desk::running();
        let call = asked(&mut desk, 2, 500, 42);
        assert_eq!(chats(&desk.answer(&call, status, "{}")), [("42", "500")]);
        assert!(!String::from_utf8(desk.kept.clone().unwrap()).unwrap().contains("[[42,null]]"));
    }
}

#[test]
fn a_question_without_an_answer_is_asked_again_and_what_was_said_waits() {
    let mut desk = Desk::running();
    let mut call = asked(&mut desk, 2, 500, 42);
    for (status, body) in [(502, "<html>"), (200, "x"), (429, r#"{"retry_after": 9}"#)] {
        let from = desk.now;
        assert!(desk.answer(&call, status, body).is_empty(), "{status}");
        call = next_call(&mut desk);
        assert_eq!(call.path, "/channels/42", "{status}");
        assert!(desk.now > from && (status != 429 || desk.now >= from + 9000), "{status}");
    }
    desk.discord.failed(at(desk.now), call.number, true);
    let call = next_call(&mut desk);
    assert_eq!(chats(&desk.answer(&call, 200, THREAD)), [("41/42", "500")]);
}

#[test]
fn a_refused_token_says_so_here_as_well() {
    let mut desk = Desk::running();
    let call = asked(&mut desk, 2, 500, 42);
    let actions = desk.answer(&call, 401, "{}");
    assert!(matches!(actions.last(), Some(Action::Stopped { .. })));
}
