//! Sessions: how they begin, go on, and end.

use super::*;

const HELLO: &str = r#"{"op": 10, "d": {"heartbeat_interval": 40000}}"#;

fn sent(actions: &[Action]) -> Vec<&str> {
    let sent = actions.iter().filter_map(|action| match action {
        Action::Send { text, .. } => Some(text.as_str()),
        _ => None,
    });
    sent.collect()
}

fn opened(actions: &[Action]) -> Vec<&str> {
    let opened = actions.iter().filter_map(|action| match action {
        Action::Open { url } => Some(url.as_str()),
        _ => None,
    });
    opened.collect()
}

#[test]
fn a_session_begins_with_the_token_in_its_place() {
    let mut desk = Desk::new();
    desk.connect();
    let actions = desk.hear(HELLO);
    let [Action::Send { text, has_token: true }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(
        text,
        "{\"op\":2,\"d\":{\"token\":\"{token}\",\"intents\":37377,\"compress\":false,\
         \"properties\":{\"os\":\"linux\",\"browser\":\"sentinel\",\"device\":\"sentinel\"}}}"
    );
    assert_eq!(desk.hear(READY), [Action::Ready { name: "sentinel".into() }]);
    assert!(desk.kept.is_some());
}

#[test]
fn heartbeats_come_with_jitter_and_end_a_dead_connection() {
    let mut desk = Desk::running();
    let start = desk.now;
    let first = desk.wait();
    assert!(desk.now < start + 40_000, "the first one comes early");
    let [Action::Send { text, has_token: false }] = &first[..] else { panic!("{first:?}") };
    assert_eq!(text, r#"{"op":1,"d":1}"#);
    assert!(desk.hear(r#"{"op": 11}"#).is_empty());
    let second_at = desk.now + 40_000;
    assert_eq!(sent(&desk.wait()), [r#"{"op":1,"d":1}"#]);
    assert_eq!(desk.now, second_at);
    // This one is not acknowledged.
    assert_eq!(desk.wait(), [Action::Close { code: 4000 }]);
    assert_eq!(opened(&desk.wait()), ["wss://resume.discord.gg/?v=10&encoding=json"]);
    desk.discord.opened(at(desk.now));
    let resumed = desk.hear(HELLO);
    assert_eq!(
        sent(&resumed),
        [r#"{"op":6,"d":{"token":"{token}","session_id":"abc123","seq":1}}"#]
    );
    assert_eq!(desk.hear(RESUMED), [Action::Ready { name: "sentinel".into() }]);
}

#[test]
fn a_heartbeat_that_is_asked_for_is_sent() {
    let mut desk = Desk::running();
    assert_eq!(sent(&desk.hear(r#"{"op": 1, "d": null}"#)), [r#"{"op":1,"d":1}"#]);
}

#[test]
fn a_reconnect_that_is_asked_for_resumes_at_once() {
    let mut desk = Desk::running();
    desk.message(7, 500, 41, "hello");
    let actions = desk.hear(r#"{"op": 7, "d": null}"#);
    assert_eq!(actions[0], Action::Close { code: 4000 });
    assert_eq!(opened(&actions).len(), 1);
    desk.discord.opened(at(desk.now));
    assert!(sent(&desk.hear(HELLO))[0].contains(r#""seq":7"#), "it goes on from where it was");
}

#[test]
fn an_invalid_session_is_resumed_or_begun_anew_after_a_while() {
    for (resumable, is_new) in [("true", false), ("false", true), ("null", true)] {
        let mut desk = Desk::running();
        let since = desk.now;
        let actions = desk.hear(&format!(r#"{{"op": 9, "d": {resumable}}}"#));
        assert_eq!(actions, [Action::Close { code: 4000 }]);
        let actions = desk.wait();
        assert!((1000..5000).contains(&(desk.now - since)), "{}", desk.now - since);
        assert_eq!(opened(&actions).is_empty(), is_new);
        assert_eq!(!calls(actions).is_empty(), is_new);
    }
}

#[test]
fn close_codes_say_how_to_go_on() {
    for (code, goes_on) in [
        (None, Some("resume")),
        (Some(1000), Some("resume")),
        (Some(1001), Some("resume")),
        (Some(4000), Some("resume")),
        (Some(4001), Some("resume")),
        (Some(4002), Some("resume")),
        (Some(4003), Some("new")),
        (Some(4004), None),
        (Some(4005), Some("resume")),
        (Some(4007), Some("new")),
        (Some(4008), Some("resume")),
        (Some(4009), Some("new")),
        (Some(4010), None),
        (Some(4011), None),
        (Some(4012), None),
        (Some(4013), None),
        (Some(4014), None),
    ] {
        let mut desk = Desk::running();
        desk.discord.closed(at(desk.now), code);
        let actions = desk.poll();
        match goes_on {
            None => {
                assert!(matches!(&actions[..], [Action::Stopped { .. }]), "{code:?} {actions:?}");
                assert_eq!(desk.discord.deadline(), None);
            }
            Some(how) => {
                assert!(actions.is_empty());
                let actions = desk.wait();
                let is_resumed = !opened(&actions).is_empty();
                assert_eq!(is_resumed, how == "resume", "{code:?}");
            }
        }
    }
}

/// Goal: who is refused before any session hears of it, once, and again only after a session that
/// lasted. Method: each way in which it does not come to one, more often than is told at first.
#[test]
fn discord_that_lets_nobody_in_is_told_once() {
    let told = |actions: &[Action]| {
        let alerts = actions.iter().filter_map(|action| match action {
            Action::Alert(what) => Some(what.clone()),
            _ => None,
        });
        alerts.collect::<Vec<_>>()
    };
    let refused = r#"{"message": "internal network error", "code": 40333}"#;
    for (status, body, words) in [
        (403, refused, "403 (internal network error, code 40333)"),
        (502, "<html>", "it answers 502"),
        (200, "{}", "cannot be read"),
        (0, "", "does not answer"),
    ] {
        let mut desk = Desk::new();
        let mut alerts = Vec::new();
        for failures in 1..=12 {
            let asked = calls(desk.wait());
            match status {
                0 => {
                    desk.discord.failed(at(desk.now), asked[0].number, false);
                    alerts.extend(told(&desk.poll()));
                }
                _ => alerts.extend(told(&desk.answer(&asked[0], status, body))),
            }
            assert_eq!(alerts.len(), usize::from(failures >= 5), "{status} {failures}");
        }
        assert!(alerts[0].contains(words) && alerts[0].contains("5 times"), "{alerts:?}");
    }
    // The question is answered, and no connection comes of it.
    let mut desk = Desk::running();
    desk.wait();
    desk.hear(r#"{"op": 11}"#);
    let mut alerts = Vec::new();
    for _ in 0..12 {
        desk.discord.closed(at(desk.now), Some(1006));
        alerts.extend(told(&desk.poll()));
        let actions = desk.wait();
        if let Some(asked) = calls(actions).first() {
            desk.answer(asked, 200, GATEWAY);
        }
    }
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].contains("code 1006"), "{alerts:?}");
}

#[test]
fn the_missing_intent_is_explained() {
    let mut desk = Desk::running();
    desk.discord.closed(at(desk.now), Some(4014));
    let actions = desk.poll();
    let [Action::Stopped { why }] = &actions[..] else { panic!() };
    assert!(why.contains("Message Content Intent"), "{why}");
}

#[test]
fn a_session_that_cannot_be_resumed_is_given_up_in_the_end() {
    let mut desk = Desk::running();
    desk.discord.closed(at(desk.now), None);
    let mut attempts = 0;
    while opened(&desk.wait()).len() == 1 {
        attempts += 1;
        desk.discord.closed(at(desk.now), None);
    }
    assert_eq!(attempts, 5);
    assert!(desk.discord.gateway.session().is_none());
}

#[test]
fn no_session_is_begun_beyond_what_discord_allows() {
    let mut desk = Desk::new();
    let calls = desk.calls();
    let spent = r#"{"url": "wss://gateway.discord.gg",
        "session_start_limit": {"remaining": 0, "reset_after": 600000}}"#;
    let actions = desk.answer(&calls[0], 200, spent);
    assert!(matches!(&actions[..], [Action::Alert(_)]), "{actions:?}");
    assert_eq!(desk.discord.deadline(), Some(Instant(1000 + 600_000)));
    assert_eq!(super::calls(desk.wait())[0].path, "/gateway/bot", "it asks again");
}

#[test]
fn a_refused_token_stops_it() {
    let mut desk = Desk::new();
    let calls = desk.calls();
    let actions = desk.answer(&calls[0], 401, r#"{"message": "401: Unauthorized", "code": 0}"#);
    let [Action::Stopped { why }] = &actions[..] else { panic!("{actions:?}") };
    assert!(why.contains("token"));
    assert_eq!(desk.discord.poll(at(1_000_000_000)), None);
}

#[test]
fn discord_being_down_is_waited_out() {
    let mut desk = Desk::new();
    let mut pauses = Vec::new();
    for failures in 1..=10 {
        let calls = desk.calls();
        let before = desk.now;
        let actions = desk.answer(&calls[0], 503, "upstream");
        // The operator hears of it once.
        let is_told = matches!(&actions[..], [Action::Alert(_)]);
        assert!(if failures == 5 { is_told } else { actions.is_empty() }, "{actions:?}");
        desk.now = desk.discord.deadline().unwrap().0;
        pauses.push(desk.now - before);
    }
    assert!(pauses[0] <= 1000 && pauses[9] >= 30_000 && pauses[9] <= 60_000, "{pauses:?}");
    let calls = desk.calls();
    let limited = r#"{"retry_after": 120.5, "global": true}"#;
    desk.answer(&calls[0], 429, limited);
    assert!(desk.discord.deadline().unwrap().0 >= desk.now + 120_500);
}

#[test]
fn what_comes_over_a_connection_that_was_left_does_not_count() {
    let mut desk = Desk::running();
    desk.hear(r#"{"op": 9, "d": true}"#);
    assert!(desk.message(9, 500, 41, "hello").is_empty());
    assert_eq!(desk.discord.gateway.seq(), 1, "it will be told again");
}

#[test]
fn a_start_resumes_and_nothing_comes_twice() {
    let mut desk = Desk::running();
    assert_eq!(ids(&desk.message(2, 500, 41, "one")), ["500"]);
    assert_eq!(ids(&desk.message(3, 501, 41, "two")), ["501"]);
    assert_eq!(ids(&desk.message(4, 502, 41, "three")), ["502"]);
    desk.discord.acknowledge(at(desk.now), "500");
    desk.discord.acknowledge(at(desk.now), "502");
    desk.poll();
    desk.restart();
    let actions = desk.poll();
    assert_eq!(opened(&actions), ["wss://resume.discord.gg/?v=10&encoding=json"]);
    desk.discord.opened(at(desk.now));
    let seq = r#""seq":2"#;
    assert!(sent(&desk.hear(HELLO))[0].contains(seq), "from before the one that is not safe");
    let held = desk.message(3, 501, 41, "two");
    assert!(ids(&held).is_empty(), "the channel is asked first");
    desk.message(4, 502, 41, "three");
    let asked = calls(desk.hear(RESUMED));
    assert_eq!(asked[0].path, "/channels/41/messages?after=500&limit=100");
    let page = format!("[{},{}]", message(502, 41, "three"), message(501, 41, "two"));
    assert_eq!(ids(&desk.answer(&asked[0], 200, &page)), ["501"]);
    assert_eq!(ids(&desk.message(5, 503, 41, "four")), ["503"]);
}

#[test]
fn what_was_missed_is_asked_for_when_the_session_is_gone() {
    let mut desk = Desk::running();
    assert_eq!(ids(&desk.message(2, 500, 41, "one")), ["500"]);
    desk.discord.acknowledge(at(desk.now), "500");
    desk.poll();
    desk.restart();
    desk.poll();
    desk.discord.opened(at(desk.now));
    desk.hear(HELLO);
    desk.hear(r#"{"op": 9, "d": false}"#);
    let asked = calls(desk.wait());
    desk.answer(&asked[0], 200, GATEWAY);
    desk.discord.opened(at(desk.now));
    desk.hear(HELLO);
    let asked = calls(desk.hear(READY));
    assert_eq!(asked[0].path, "/channels/41/messages?after=500&limit=100");
    // What comes meanwhile waits for what came before it.
    assert!(ids(&desk.message(2, 650, 41, "now")).is_empty());
    // One of ten is somebody's, the rest is the agent's own.
    let own = |id| message(id, 41, "said").replace("\"53\"", "\"99\"");
    let missed = |id| if id % 10 == 0 { message(id, 41, "missed") } else { own(id) };
    let page: Vec<_> = (501..=600).rev().map(missed).collect();
    let actions = desk.answer(&asked[0], 200, &format!("[{}]", page.join(",")));
    assert_eq!(ids(&actions).len(), 10);
    let asked = calls(actions);
    assert_eq!(asked[0].path, "/channels/41/messages?after=600&limit=100");
    // A failure is tried again.
    assert!(desk.answer(&asked[0], 500, "").is_empty());
    let asked = calls(desk.wait());
    let page = format!("[{},{}]", message(650, 41, "now"), message(610, 41, "last"));
    assert_eq!(ids(&desk.answer(&asked[0], 200, &page)), ["610", "650"]);
    assert_eq!(ids(&desk.message(3, 651, 41, "live")), ["651"]);
}

#[test]
fn a_channel_that_cannot_be_asked_loses_nothing_that_comes() {
    for (status, is_known) in [(403, true), (404, false)] {
        let mut desk = Desk::running();
        desk.message(2, 500, 41, "one");
        desk.discord.acknowledge(at(desk.now), "500");
        desk.discord.closed(at(desk.now), Some(4009));
        let asked = calls(desk.wait());
        desk.answer(&asked[0], 200, GATEWAY);
        desk.discord.opened(at(desk.now));
        desk.hear(HELLO);
        let asked = calls(desk.hear(READY));
        assert!(ids(&desk.message(2, 650, 41, "now")).is_empty());
        let refused = r#"{"message": "Missing Access", "code": 50001}"#;
        assert_eq!(ids(&desk.answer(&asked[0], status, refused)), ["650"]);
        assert_eq!(desk.discord.inbox.is_private(41).is_some(), is_known);
    }
}

#[test]
fn another_bot_does_not_take_over_what_was_kept() {
    let mut desk = Desk::running();
    desk.message(2, 500, 41, "one");
    desk.poll();
    desk.restart();
    desk.poll();
    desk.discord.opened(at(desk.now));
    desk.hear(HELLO);
    let other = READY.replace("\"99\"", "\"98\"");
    assert!(calls(desk.hear(&other)).is_empty(), "it asks nothing of channels it may not know");
}
