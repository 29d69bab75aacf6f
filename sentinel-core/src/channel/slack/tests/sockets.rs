//! Connections, envelopes, and channels that are asked.

use super::*;

#[test]
fn an_envelope_is_acknowledged_when_the_message_is_safe() {
    let mut desk = Desk::running();
    let event = message("D1", "1700000000.000100", "hello");
    let actions = desk.hear(&envelope("e1", &event));
    assert_eq!(ids(&actions), ["D1:1700000000.000100"]);
    assert!(sent(&actions).is_empty());
    let actions = desk.acknowledge("D1:1700000000.000100");
    assert_eq!(sent(&actions), [r#"{"envelope_id":"e1"}"#]);
    assert!(desk.acknowledge("D1:1700000000.000100").is_empty());
    // Slack tells it again: it is known, and that is said at once.
    assert_eq!(sent(&desk.hear(&envelope("e2", &event))), [r#"{"envelope_id":"e2"}"#]);
}

#[test]
fn a_message_that_comes_twice_before_it_is_safe_is_handed_over_once() {
    let mut desk = Desk::running();
    let event = message("C1", "1700000000.000100", "<@U99> hello");
    let mention = event.replace("\"message\"", "\"app_mention\"");
    assert_eq!(ids(&desk.hear(&envelope("e1", &mention))).len(), 1);
    assert!(desk.hear(&envelope("e2", &event)).is_empty());
    let actions = desk.acknowledge("C1:1700000000.000100");
    assert_eq!(sent(&actions), [r#"{"envelope_id":"e1"}"#, r#"{"envelope_id":"e2"}"#]);
}

#[test]
fn what_is_not_for_the_agent_is_acknowledged_at_once() {
    let mut desk = Desk::running();
    for event in [
        message("C1", "1700000000.000100", "not for us"),
        message("D1", "1700000000.000100", "x").replace("U53", "U99"),
        r#"{"type": "reaction_added"}"#.to_string(),
        "null".to_string(),
    ] {
        let actions = desk.hear(&envelope("e1", &event));
        assert_eq!(sent(&actions), [r#"{"envelope_id":"e1"}"#], "{event}");
        assert!(messages(&actions).is_empty());
    }
    let other = r#"{"type": "interactive", "envelope_id": "e2", "payload": {"type": "shortcut"}}"#;
    assert_eq!(sent(&desk.hear(other)), [r#"{"envelope_id":"e2"}"#]);
}

#[test]
fn an_acknowledgement_goes_over_its_own_connection_only() {
    let mut desk = Desk::running();
    let event = message("D1", "1700000000.000100", "hello");
    desk.hear(&envelope("e1", &event));
    desk.slack.closed(at(desk.now), Some(1006));
    let address = calls(desk.wait());
    desk.open(&address[0]);
    assert!(sent(&desk.acknowledge("D1:1700000000.000100")).is_empty());
    assert_eq!(sent(&desk.hear(&envelope("e2", &event))), [r#"{"envelope_id":"e2"}"#]);
}

#[test]
fn another_connection_is_made_before_the_old_one_goes() {
    let mut desk = Desk::running();
    let renew = r#"{"type": "disconnect", "reason": "warning", "debug_info": {}}"#;
    let address = calls(desk.hear(renew));
    assert_eq!(address[0].path, "/apps.connections.open");
    assert!(desk.hear(r#"{"type": "disconnect", "reason": "refresh_requested"}"#).is_empty());
    // The old one still serves.
    let event = message("D1", "1700000000.000100", "hello");
    assert_eq!(ids(&desk.hear(&envelope("e1", &event))).len(), 1);
    assert_eq!(sent(&desk.acknowledge("D1:1700000000.000100")).len(), 1);
    desk.open(&address[0]);
}

#[test]
fn an_old_connection_that_goes_first_is_no_harm() {
    let mut desk = Desk::running();
    let renew = r#"{"type": "disconnect", "reason": "refresh_requested"}"#;
    let address = calls(desk.hear(renew));
    desk.slack.closed(at(desk.now), None);
    assert!(desk.poll().is_empty());
    desk.open(&address[0]);
}

#[test]
fn socket_mode_switched_off_stops_it() {
    let mut desk = Desk::running();
    let actions = desk.hear(r#"{"type": "disconnect", "reason": "link_disabled"}"#);
    assert_eq!(actions[0], Action::Close { code: 1000 });
    let Action::Stopped { why } = &actions[1] else { panic!("{actions:?}") };
    assert!(why.contains("Socket Mode"));
    assert_eq!(desk.slack.deadline(), None);
}

#[test]
fn a_refused_token_stops_it_and_says_which() {
    let mut desk = Desk::new(Slack::new(7));
    let who = desk.calls();
    let actions = desk.answer(&who[0], 200, r#"{"ok": false, "error": "invalid_auth"}"#);
    let [Action::Stopped { why }] = &actions[..] else { panic!("{actions:?}") };
    assert!(why.contains("xoxb-") && why.contains("invalid_auth"), "{why}");

    for error in ["not_allowed_token_type", "missing_scope"] {
        let mut desk = Desk::new(Slack::new(7));
        let who = desk.calls();
        let address = calls(desk.answer(&who[0], 200, WHO));
        let refused = format!(r#"{{"ok": false, "error": "{error}"}}"#);
        let actions = desk.answer(&address[0], 200, &refused);
        let [Action::Stopped { why }] = &actions[..] else { panic!("{actions:?}") };
        assert!(why.contains("xapp-"), "{why}");
    }
}

/// Goal: only what another token or app mends ends it. Method: words of Slack's that pass by
/// themselves, and one that nobody knows yet, to both questions, more often than is told at first.
#[test]
fn a_refusal_that_passes_is_waited_out_and_told_once() {
    for word in ["team_added_to_org", "org_login_required", "accesslimited", "no_such_word_yet"] {
        for is_known in [false, true] {
            let mut desk = Desk::new(Slack::new(7));
            let mut calls_made = desk.calls();
            if is_known {
                calls_made = calls(desk.answer(&calls_made[0], 200, WHO));
            }
            let mut alerts = Vec::new();
            for _ in 0..12 {
                let refused = format!(r#"{{"ok": false, "error": "{word}"}}"#);
                alerts.extend(desk.answer(&calls_made[0], 200, &refused));
                calls_made = calls(desk.wait());
                assert_eq!(calls_made.len(), 1, "it is asked again");
            }
            let [Action::Alert(what)] = &alerts[..] else { panic!("{word}: {alerts:?}") };
            assert!(what.contains("5 times in a row"), "{what}");
            let answer = if is_known { ADDRESS } else { WHO };
            desk.answer(&calls_made[0], 200, answer);
        }
    }
}

#[test]
fn slack_that_never_answers_well_is_told_once_until_it_does() {
    let mut desk = Desk::new(Slack::new(7));
    for round in 0..2 {
        let mut alerts = Vec::new();
        for _ in 0..8 {
            let who = match round {
                0 => desk.calls(),
                _ => calls(desk.wait()),
            };
            let who = if who.is_empty() { calls(desk.wait()) } else { who };
            alerts.extend(desk.answer(&who[0], 500, "<html>"));
        }
        let [Action::Alert(what)] = &alerts[..] else { panic!("{alerts:?}") };
        assert!(what.contains("answers 500"), "{what}");
        if round > 0 {
            break;
        }
        // It lets us in, and is lost again: another story.
        let call = calls(desk.wait());
        let address = calls(desk.answer(&call[0], 200, WHO));
        desk.open(&address[0]);
        desk.slack.closed(at(desk.now), None);
    }
}

#[test]
fn slack_being_down_is_waited_out() {
    let mut desk = Desk::new(Slack::new(7));
    for (status, answer) in
        [(503, ""), (200, "<html>"), (404, "x"), (200, r#"{"ok": false, "error": "fatal_error"}"#)]
    {
        let who = desk.calls();
        assert_eq!(who[0].path, "/auth.test");
        assert!(desk.answer(&who[0], status, answer).is_empty(), "{status} {answer}");
        desk.now = desk.slack.deadline().unwrap().0;
    }
    let who = desk.calls();
    let headers = Headers::new().with("retry-after", "30").unwrap();
    desk.slack.answered(at(desk.now), who[0].number, 429, &headers, b"");
    assert!(desk.slack.deadline().unwrap().0 >= desk.now + 30_000);
}

#[test]
fn a_connection_that_never_says_hello_is_left() {
    let mut desk = Desk::new(Slack::new(7));
    let who = desk.calls();
    let address = calls(desk.answer(&who[0], 200, WHO));
    desk.answer(&address[0], 200, ADDRESS);
    desk.slack.opened(at(desk.now));
    assert_eq!(desk.wait(), [Action::Close { code: 1000 }]);
    assert_eq!(calls(desk.wait())[0].path, "/apps.connections.open");
}

#[test]
fn a_start_asks_what_was_missed_and_hands_over_nothing_twice() {
    let mut desk = Desk::running();
    for (envelope_id, stamp) in [("e1", "1700000000.000100"), ("e2", "1700000001.000100")] {
        desk.hear(&envelope(envelope_id, &message("D1", stamp, "hello")));
    }
    desk.acknowledge("D1:1700000001.000100");
    desk.restart();
    let who = desk.calls();
    let address = calls(desk.answer(&who[0], 200, WHO));
    desk.answer(&address[0], 200, ADDRESS);
    desk.slack.opened(at(desk.now));
    let asked = calls(desk.hear(r#"{"type": "hello"}"#));
    assert_eq!(
        asked[0].path,
        "/conversations.history?channel=D1&oldest=1700000000.000099&inclusive=false&limit=100"
    );
    let page = |stamps: &[&str], cursor: &str| {
        let messages: Vec<_> = stamps.iter().map(|stamp| message("D1", stamp, "x")).collect();
        format!(
            r#"{{"ok": true, "messages": [{}],
                "response_metadata": {{"next_cursor": "{cursor}"}}}}"#,
            messages.join(",")
        )
    };
    let newest = ["1700000009.000100", "1700000008.000100"];
    let asked = calls(desk.answer(&asked[0], 200, &page(&newest, "bmV4dA==")));
    assert!(asked[0].path.ends_with("&cursor=bmV4dA%3D%3D"), "{}", asked[0].path);
    let oldest = ["1700000001.000100", "1700000000.000100"];
    let actions = desk.answer(&asked[0], 200, &page(&oldest, ""));
    assert_eq!(
        ids(&actions),
        ["D1:1700000000.000100", "D1:1700000008.000100", "D1:1700000009.000100"],
        "in order, and without the one that was safe"
    );
}

#[test]
fn without_an_apps_token_channels_are_asked() {
    let mut desk = Desk::new(Slack::polling(7, &["C1", "D2", "no id"]));
    let who = desk.calls();
    let actions = desk.answer(&who[0], 200, WHO);
    assert_eq!(actions[0], Action::Ready { name: "sentinel".into() });
    let asked = calls(actions);
    let start = "oldest=1700000000.000000";
    assert!(asked[0].path.contains("channel=C1") && asked[0].path.contains(start));
    let told = r#"{"ok": true, "messages": [
        {"type": "message", "user": "U5", "text": "<@U99> hi", "ts": "1700000003.000200"},
        {"type": "message", "user": "U5", "text": "other", "ts": "1700000002.000200"}]}"#;
    let actions = desk.answer(&asked[0], 200, told);
    assert_eq!(ids(&actions), ["C1:1700000003.000200"]);
    let asked = calls(actions);
    assert!(asked[0].path.contains("channel=D2"));
    let from = desk.now;
    assert!(desk.answer(&asked[0], 200, r#"{"ok": true, "messages": []}"#).is_empty());
    let asked = calls(desk.wait());
    assert_eq!(desk.now - from, 5000);
    assert!(asked[0].path.contains("channel=C1&oldest=1700000003.000200"), "{}", asked[0].path);
    // A channel that does not answer is said once, and the others go on.
    let refused = r#"{"ok": false, "error": "not_in_channel"}"#;
    let actions = desk.answer(&asked[0], 200, refused);
    assert!(matches!(&actions[0], Action::Alert(_)));
    assert!(calls(actions)[0].path.contains("channel=D2"));
}
