//! Posts: the requests they become, and what becomes of them.

use super::*;

fn send(chat: &str, text: &str, question: Option<u32>) -> ToPost {
    let post = Post::Send { piece: 0, text: text.into(), key: 12 };
    ToPost { delivery: 5, chat: chat.into(), post, question }
}

fn edit(text: &str) -> ToPost {
    let message = "1700000005.000100".into();
    let post = Post::Edit { piece: 0, message, text: text.into() };
    ToPost { delivery: 5, chat: "C1".into(), post, question: None }
}

fn posted(actions: &[Action]) -> Vec<&Posted> {
    let posted = actions.iter().filter_map(|action| match action {
        Action::Posted { delivery: 5, piece: 0, outcome } => Some(outcome),
        _ => None,
    });
    posted.collect()
}

fn post(desk: &mut Desk, to: ToPost) -> Vec<Action> {
    desk.slack.post(at(desk.now), to);
    desk.poll()
}

const SENT: &str = r#"{"ok": true, "channel": "C1", "ts": "1700000005.000100"}"#;

#[test]
fn a_message_goes_into_its_thread_and_previews_nothing() {
    let mut desk = Desk::running();
    let to = send("C1/1700000001.000100", "**<!channel>** [x](https://x.example)", None);
    let call = calls(post(&mut desk, to)).remove(0);
    assert_eq!((call.path.as_str(), call.token), ("/chat.postMessage", Token::Bearer));
    assert_eq!(
        body(&call),
        "{\"channel\":\"C1\",\"thread_ts\":\"1700000001.000100\",\
         \"text\":\"*&lt;!channel&gt;* x (https://x.example)\",\
         \"unfurl_links\":false,\"unfurl_media\":false}"
    );
    let actions = desk.answer(&call, 200, SENT);
    assert_eq!(posted(&actions), [&Posted::Sent("1700000005.000100".into())]);
    assert!(desk.answer(&call, 200, SENT).is_empty(), "only once");

    let call = calls(post(&mut desk, edit("more"))).remove(0);
    assert_eq!(call.path, "/chat.update");
    assert_eq!(
        body(&call),
        "{\"channel\":\"C1\",\"ts\":\"1700000005.000100\",\"text\":\"more\",\"blocks\":[],\
         \"unfurl_links\":false,\"unfurl_media\":false}"
    );
    assert_eq!(posted(&desk.answer(&call, 200, SENT)), [&Posted::Edited]);
}

#[test]
fn what_an_answer_means() {
    let rejected = Failure::Rejected;
    let (gone, broken) = (Failure::Gone, Failure::Transport);
    for (status, error, of_send, of_edit, alerts) in [
        (200, "channel_not_found", rejected, rejected, true),
        (200, "not_in_channel", rejected, rejected, true),
        (200, "is_archived", rejected, rejected, true),
        (200, "restricted_action", rejected, rejected, true),
        (200, "msg_too_long", rejected, rejected, true),
        (200, "some_new_word", rejected, rejected, true),
        (200, "message_not_found", rejected, gone, false),
        (200, "edit_window_closed", rejected, gone, false),
        (200, "cant_update_message", rejected, gone, false),
        (200, "internal_error", broken, broken, false),
        (200, "fatal_error", broken, broken, false),
        (500, "", broken, broken, false),
        (503, "internal_error", broken, broken, false),
    ] {
        let said = format!(r#"{{"ok": false, "error": "{error}"}}"#);
        for (to, failure) in [(send("C1", "x", None), of_send), (edit("x"), of_edit)] {
            let mut desk = Desk::running();
            let call = calls(post(&mut desk, to.clone())).remove(0);
            let actions = desk.answer(&call, status, &said);
            assert_eq!(posted(&actions), [&Posted::Failed(failure)], "{error}");
            let told = actions.iter().any(|action| matches!(action, Action::Alert(_)));
            assert_eq!(told, alerts, "{error}");
            let call = calls(post(&mut desk, to)).remove(0);
            let again = desk.answer(&call, status, &said);
            assert!(!again.iter().any(|action| matches!(action, Action::Alert(_))), "told once");
        }
    }
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send("C1", "x", None))).remove(0);
    let nameless = desk.answer(&call, 200, r#"{"ok": true}"#);
    assert_eq!(posted(&nameless), [&Posted::Failed(broken)], "nobody can say what it is called");
}

#[test]
fn a_revoked_token_answers_everything() {
    for error in ["invalid_auth", "token_revoked", "account_inactive", "token_expired"] {
        let mut desk = Desk::running();
        let call = calls(post(&mut desk, send("C1", "x", None))).remove(0);
        assert!(post(&mut desk, send("C1", "y", None)).is_empty(), "it waits for the first");
        let said = format!(r#"{{"ok": false, "error": "{error}"}}"#);
        let actions = desk.answer(&call, 200, &said);
        assert_eq!(posted(&actions), [&Posted::Failed(Failure::Rejected); 2]);
        assert!(matches!(actions.last(), Some(Action::Stopped { .. })));
        let actions = post(&mut desk, send("C1", "z", None));
        assert_eq!(posted(&actions), [&Posted::Failed(Failure::Rejected)]);
    }
}

#[test]
fn a_channel_takes_one_message_a_second_and_waits_when_told() {
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send("C1", "x", None))).remove(0);
    desk.answer(&call, 200, SENT);
    assert!(post(&mut desk, send("C1", "y", None)).is_empty());
    assert_eq!(calls(post(&mut desk, send("C2", "other", None))).len(), 1);
    let from = desk.now;
    let call = calls(desk.wait()).remove(0);
    assert_eq!(desk.now - from, 1000);
    let headers = Headers::new().with("Retry-After", "7").unwrap();
    let said = br#"{"ok": false, "error": "ratelimited"}"#;
    desk.slack.answered(at(desk.now), call.number, 429, &headers, said);
    let failure = Failure::RateLimited { retry_after_ms: 7000 };
    assert_eq!(posted(&desk.poll()), [&Posted::Failed(failure)]);
    assert!(post(&mut desk, send("C1", "z", None)).is_empty());
    let from = desk.now;
    assert_eq!(calls(desk.wait()).len(), 1);
    assert_eq!(desk.now - from, 7000);
}

#[test]
fn a_broken_connection_says_what_is_known() {
    for (may_have_arrived, failure) in [(true, Failure::Transport), (false, NOT_NOW)] {
        let mut desk = Desk::running();
        let call = calls(post(&mut desk, send("C1", "x", None))).remove(0);
        desk.slack.failed(at(desk.now), call.number, may_have_arrived);
        assert_eq!(posted(&desk.poll()), [&Posted::Failed(failure)]);
    }
}

#[test]
fn a_chat_that_is_none_of_slacks_is_refused() {
    let mut desk = Desk::running();
    for chat in ["", "C1/x", "C1&ts=1", "../C1"] {
        let actions = post(&mut desk, send(chat, "x", None));
        assert_eq!(posted(&actions), [&Posted::Failed(Failure::Rejected)], "{chat}");
    }
    let typing = ToPost { post: Post::Typing, ..send("C1", "", None) };
    assert!(post(&mut desk, typing).is_empty());
}

fn press(desk: &mut Desk, channel: &str) -> Vec<Action> {
    desk.hear(&format!(
        r#"{{"type": "interactive", "envelope_id": "e9", "payload": {{"type": "block_actions",
            "user": {{"id": "U53"}}, "channel": {{"id": "{channel}"}},
            "message": {{"ts": "1700000005.000100", "text": "May I &lt;x&gt;?"}},
            "actions": [{{"action_id": "approve:3", "action_ts": "1700000006.000100"}}]}}}}"#
    ))
}

/// A question that was asked in a channel.
fn asked(channel: &str) -> Desk {
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send(channel, "May I <x>?", Some(3)))).remove(0);
    let blocks = "\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\
        \"text\":\"May I &lt;x&gt;?\"}},{\"type\":\"actions\",\"elements\":[\
        {\"type\":\"button\",\"style\":\"primary\",\"action_id\":\"approve:3\",\
        \"text\":{\"type\":\"plain_text\",\"text\":\"Allow\"}},\
        {\"type\":\"button\",\"style\":\"danger\",\"action_id\":\"deny:3\",\
        \"text\":{\"type\":\"plain_text\",\"text\":\"Deny\"}}]}]";
    assert!(body(&call).contains(blocks), "{}", body(&call));
    desk.answer(&call, 200, SENT);
    desk
}

const TIDY: &str = "\"ts\":\"1700000005.000100\",\"text\":\"May I &lt;x&gt;?\",\"blocks\":[]}";

#[test]
fn a_question_that_goes_on_has_no_buttons_yet() {
    let mut desk = Desk::running();
    let text = format!("May I {UNFINISHED}");
    let call = calls(post(&mut desk, send("C1", &text, Some(3)))).remove(0);
    assert!(!body(&call).contains("blocks"));
}

#[test]
fn a_button_in_a_private_chat_answers_and_goes() {
    let mut desk = asked("D1");
    let actions = press(&mut desk, "D1");
    assert_eq!(messages(&actions)[0].parts, [Part::Text("/approve 3".into())]);
    let call = calls(actions).remove(0);
    assert_eq!(call.path, "/chat.update");
    assert!(body(&call).ends_with(TIDY), "{}", body(&call));
    let actions = desk.acknowledge("D1:1700000006.000100:U53");
    assert_eq!(sent(&actions), [r#"{"envelope_id":"e9"}"#]);
}

#[test]
fn a_button_in_a_channel_stays_until_the_agent_goes_on() {
    let mut desk = asked("C1");
    assert!(calls(press(&mut desk, "C1")).is_empty(), "it may have been anybody");
    post(&mut desk, send("C1", "Done.", None));
    let call = calls(desk.wait()).remove(0);
    let tidied = calls(desk.answer(&call, 200, &SENT.replace("5.0001", "7.0001")));
    assert!(body(&tidied[0]).ends_with(TIDY));
}

#[test]
fn a_button_that_outlived_a_restart_goes_all_the_same() {
    let mut desk = Desk::running();
    let call = calls(press(&mut desk, "D1")).remove(0);
    assert!(body(&call).ends_with(TIDY), "{}", body(&call));
}
