//! Posts: the requests they become, and what becomes of them.

use super::*;

fn send(text: &str, question: Option<u32>) -> ToPost {
    let post = Post::Send { piece: 0, text: text.into(), key: 12 };
    ToPost { delivery: 5, chat: "41".into(), post, question }
}

fn edit(text: &str) -> ToPost {
    let post = Post::Edit { piece: 0, message: "600".into(), text: text.into() };
    ToPost { delivery: 5, chat: "41".into(), post, question: None }
}

fn posted(actions: &[Action]) -> Vec<&Posted> {
    let posted = actions.iter().filter_map(|action| match action {
        Action::Posted { delivery: 5, piece: 0, outcome } => Some(outcome),
        _ => None,
    });
    posted.collect()
}

fn post(desk: &mut Desk, to: ToPost) -> Vec<Action> {
    desk.discord.post(at(desk.now), to);
    desk.poll()
}

#[test]
fn a_message_calls_nobody_and_previews_nothing() {
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send("@everyone https://x.example/?q=1", None))).remove(0);
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/channels/41/messages"));
    assert_eq!(call.token, Token::BotHeader);
    assert_eq!(
        body(&call),
        "{\"content\":\"@everyone https://x.example/?q=1\",\"allowed_mentions\":{\"parse\":[]},\
         \"flags\":4,\"nonce\":\"12\",\"enforce_nonce\":true}"
    );
    let actions = desk.answer(&call, 200, &message(600, 41, "x"));
    assert_eq!(posted(&actions), [&Posted::Sent("600".into())]);
    assert!(desk.answer(&call, 200, &message(601, 41, "x")).is_empty(), "only once");

    let call = calls(post(&mut desk, edit("more"))).remove(0);
    assert_eq!((call.method.as_str(), call.path.as_str()), ("PATCH", "/channels/41/messages/600"));
    assert_eq!(
        body(&call),
        "{\"content\":\"more\",\"allowed_mentions\":{\"parse\":[]},\"flags\":4}"
    );
    assert_eq!(posted(&desk.answer(&call, 200, "{}")), [&Posted::Edited]);
}

#[test]
fn what_an_answer_means() {
    let rejected = Posted::Failed(Failure::Rejected);
    let broken = Posted::Failed(Failure::Transport);
    for (status, said, of_send, of_edit, alerts) in [
        (403, r#"{"code": 50001, "message": "Missing Access"}"#, &rejected, &rejected, true),
        (403, r#"{"code": 50013, "message": "Missing Permissions"}"#, &rejected, &rejected, true),
        (403, r#"{"code": 50007, "message": "Cannot send"}"#, &rejected, &rejected, true),
        (404, r#"{"code": 10003, "message": "Unknown Channel"}"#, &rejected, &rejected, true),
        (400, r#"{"code": 50035, "message": "Invalid Form Body"}"#, &rejected, &rejected, true),
        (500, "", &broken, &broken, false),
        (502, "<html>", &broken, &broken, false),
    ] {
        let mut desk = Desk::running();
        for (to, outcome) in [(send("x", None), of_send), (edit("x"), of_edit)] {
            let call = calls(post(&mut desk, to)).remove(0);
            assert_eq!(posted(&desk.answer(&call, status, said)), [outcome], "{said}");
        }
        let mut desk = Desk::running();
        let mut count = 0;
        for _ in 0..3 {
            let call = calls(post(&mut desk, send("x", None))).remove(0);
            let actions = desk.answer(&call, status, said);
            count += actions.iter().filter(|action| matches!(action, Action::Alert(_))).count();
        }
        assert_eq!(count, usize::from(alerts), "the operator is told once");
    }
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, edit("x"))).remove(0);
    let gone = r#"{"code": 10008, "message": "Unknown Message"}"#;
    assert_eq!(posted(&desk.answer(&call, 404, gone)), [&Posted::Failed(Failure::Gone)]);
    // Sent, and nobody can say under which name.
    let call = calls(post(&mut desk, send("x", None))).remove(0);
    assert_eq!(posted(&desk.answer(&call, 200, "{}")), [&broken]);
}

#[test]
fn a_broken_connection_says_what_is_known() {
    for (may_have_arrived, failure) in [(true, Failure::Transport), (false, NOT_NOW)] {
        let mut desk = Desk::running();
        let call = calls(post(&mut desk, send("x", None))).remove(0);
        desk.discord.failed(at(desk.now), call.number, may_have_arrived);
        assert_eq!(posted(&desk.poll()), [&Posted::Failed(failure)]);
        assert_eq!(calls(post(&mut desk, send("x", None))).len(), 1, "the lane is open");
    }
}

#[test]
fn a_refused_token_answers_everything() {
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send("x", None))).remove(0);
    assert!(post(&mut desk, send("y", None)).is_empty(), "it waits for the first");
    let actions = desk.answer(&call, 401, "{}");
    assert_eq!(posted(&actions), [&Posted::Failed(Failure::Rejected); 2]);
    assert!(matches!(actions.last(), Some(Action::Stopped { .. })));
    let actions = post(&mut desk, send("z", None));
    assert_eq!(posted(&actions), [&Posted::Failed(Failure::Rejected)]);
}

#[test]
fn requests_wait_instead_of_being_refused() {
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send("x", None))).remove(0);
    let headers = Headers::new()
        .with("x-ratelimit-remaining", "0")
        .and_then(|headers| headers.with("x-ratelimit-reset-after", "2.5"))
        .unwrap();
    desk.answer_with(&call, 200, &headers, &message(600, 41, "x"));
    assert!(post(&mut desk, send("y", None)).is_empty());
    let other = ToPost { chat: "42".into(), ..send("other", None) };
    assert_eq!(calls(post(&mut desk, other)).len(), 1, "other channels are not held up");
    let from = desk.now;
    let call = calls(desk.wait()).remove(0);
    assert_eq!((desk.now - from, body(&call).contains("\"y\"")), (2500, true));
    // A refusal all the same.
    let limited = r#"{"message": "slow down", "retry_after": 1.5, "global": false}"#;
    let actions = desk.answer(&call, 429, limited);
    let failure = Failure::RateLimited { retry_after_ms: 1500 };
    assert_eq!(posted(&actions), [&Posted::Failed(failure)]);
    assert!(post(&mut desk, send("z", None)).is_empty());
    let from = desk.now;
    let call = calls(desk.wait()).remove(0);
    assert_eq!(desk.now - from, 1500);
    // One for all: it comes from what stands before the API.
    let headers = Headers::new().with("retry-after", "3").unwrap();
    desk.answer_with(&call, 429, &headers, "<html>");
    let other = ToPost { chat: "43".into(), ..send("other", None) };
    assert!(calls(post(&mut desk, other)).is_empty());
    let from = desk.now;
    assert_eq!(calls(desk.wait()).len(), 1);
    assert_eq!(desk.now - from, 3000);
}

#[test]
fn typing_is_shown_and_not_answered() {
    let mut desk = Desk::running();
    let typing =
        |chat: &str| ToPost { delivery: 5, chat: chat.into(), post: Post::Typing, question: None };
    let call = calls(post(&mut desk, typing("41"))).remove(0);
    assert_eq!((call.path.as_str(), &call.body), ("/channels/41/typing", &None));
    for _ in 0..5 {
        post(&mut desk, typing("41"));
    }
    assert!(desk.answer(&call, 204, "").len() <= 1, "signs of typing do not pile up");
    assert!(post(&mut desk, typing("../41")).is_empty());
}

#[test]
fn a_chat_that_is_none_of_discords_is_refused() {
    let mut desk = Desk::running();
    for chat in ["", "41/messages", "..", "-1", "4 1"] {
        let to = ToPost { chat: chat.into(), ..send("x", None) };
        assert_eq!(posted(&post(&mut desk, to)), [&Posted::Failed(Failure::Rejected)], "{chat}");
    }
    let post_edit = Post::Edit { piece: 0, message: "6/../7".into(), text: "x".into() };
    let to = ToPost { post: post_edit, ..send("x", None) };
    assert_eq!(posted(&post(&mut desk, to)), [&Posted::Failed(Failure::Rejected)]);
}

#[test]
fn a_reply_names_what_it_answers_where_that_is_clear() {
    let in_room = |id: u64| {
        let mentioned = r#""guild_id":"9","mentions":[{"id":"99"}],"type""#;
        message(id, 41, "<@99> hi").replace("\"type\"", mentioned)
    };
    let event = |seq: u64, data: &str| {
        format!(r#"{{"op": 0, "t": "MESSAGE_CREATE", "s": {seq}, "d": {data}}}"#)
    };
    let mut desk = Desk::running();
    let asked = calls(desk.hear(&event(2, &in_room(500)))).remove(0);
    assert_eq!(ids(&desk.answer(&asked, 200, r#"{"id": "41", "type": 0}"#)), ["500"]);
    let call = calls(post(&mut desk, send("x", None))).remove(0);
    let reference = r#""message_reference":{"message_id":"500","fail_if_not_exists":false}"#;
    assert!(body(&call).contains(reference), "{}", body(&call));
    desk.answer(&call, 200, &message(600, 41, "x"));
    desk.hear(&event(3, &in_room(501)));
    desk.hear(&event(4, &in_room(502)));
    let call = calls(post(&mut desk, send("x", None))).remove(0);
    assert!(!body(&call).contains("message_reference"), "it may answer either");
}

fn press(desk: &mut Desk, id: u64, place: &str) -> Vec<Action> {
    desk.hear(&format!(
        r#"{{"op": 0, "t": "INTERACTION_CREATE", "s": 20, "d": {{"type": 3, "id": "{id}",
            "token": "tok", "channel_id": "41", {place}, "message": {{"id": "600"}},
            "data": {{"component_type": 2, "custom_id": "approve:3"}}}}}}"#
    ))
}

const PRIVATE: &str = r#""user": {"id": "53"}"#;
const ROOM: &str =
    r#""guild_id": "9", "channel": {"id": "41", "type": 0}, "member": {"user": {"id": "54"}}"#;

/// A question that was asked, and its message.
fn asked() -> Desk {
    let mut desk = Desk::running();
    let call = calls(post(&mut desk, send("May I?", Some(3)))).remove(0);
    let buttons = "\"components\":[{\"type\":1,\"components\":[\
        {\"type\":2,\"style\":3,\"label\":\"Allow\",\"custom_id\":\"approve:3\"},\
        {\"type\":2,\"style\":4,\"label\":\"Deny\",\"custom_id\":\"deny:3\"}]}]";
    assert!(body(&call).contains(buttons), "{}", body(&call));
    desk.answer(&call, 200, &message(600, 41, "May I?"));
    desk
}

#[test]
fn a_question_that_goes_on_has_no_buttons_yet() {
    let mut desk = Desk::running();
    let text = format!("May I … {UNFINISHED}");
    let call = calls(post(&mut desk, send(&text, Some(3)))).remove(0);
    assert!(!body(&call).contains("components"));
}

#[test]
fn a_button_in_a_private_chat_answers_and_goes() {
    let mut desk = asked();
    let actions = press(&mut desk, 700, PRIVATE);
    assert_eq!(messages(&actions)[0].parts, [Part::Text("/approve 3".into())]);
    let calls = calls(actions);
    assert_eq!(calls[0].path, "/interactions/700/tok/callback");
    assert_eq!((calls[0].token, body(&calls[0])), (Token::None, r#"{"type":6}"#));
    assert_eq!(calls[1].path, "/channels/41/messages/600");
    assert_eq!(body(&calls[1]), r#"{"components":[]}"#);
    assert!(press(&mut desk, 700, PRIVATE).is_empty(), "the same press again");
}

#[test]
fn a_button_in_a_room_stays_until_the_agent_goes_on() {
    let mut desk = asked();
    let pressed = calls(press(&mut desk, 700, ROOM));
    assert_eq!(pressed.len(), 1, "it may have been anybody: {pressed:?}");
    let call = calls(post(&mut desk, send("Done.", None))).remove(0);
    let tidied = calls(desk.answer(&call, 200, &message(601, 41, "Done.")));
    assert_eq!(tidied[0].path, "/channels/41/messages/600");
}

#[test]
fn an_answer_in_words_takes_the_buttons_too() {
    let mut desk = asked();
    let actions = desk.message(21, 701, 41, "/deny 3");
    assert_eq!(messages(&actions).len(), 1);
    assert_eq!(body(&calls(actions)[0]), r#"{"components":[]}"#);
}
