//! Whatever comes, nothing panics, and what follows is understood.

use super::*;

#[test]
fn garbage_is_passed_over_and_a_message_after_it_is_read() {
    let mut desk = Desk::running();
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"type\"",
        r#"{"type": "events_api"}"#,
        r#"{"type": "events_api", "envelope_id": 5}"#,
        r#"{"type": "hello"}"#,
        r#"{"type": "unheard_of", "envelope_id": "e"}"#,
    ] {
        assert!(desk.hear(text).is_empty(), "{text}");
    }
    let event = message("D1", "1700000000.000100", "hello");
    assert_eq!(ids(&desk.hear(&envelope("e1", &event))).len(), 1);
}

#[test]
fn an_agent_that_acknowledges_nothing_is_not_flooded_and_loses_nothing() {
    use crate::limits::{CHANNEL_CHAT_PENDING_MAX, CHANNEL_PENDING_MAX};
    let stamp = |index: usize| format!("{}.000100", 1_700_000_000 + index);
    let mut desk = Desk::running();
    let is_taken = |index: &usize| {
        let event = message(&format!("D{index}"), &stamp(*index), "x");
        ids(&desk.hear(&envelope("e", &event))).len() == 1
    };
    let taken = (0..CHANNEL_PENDING_MAX + 50).filter(is_taken).count();
    assert_eq!(taken, CHANNEL_PENDING_MAX, "from all channels together");
    let mut desk = Desk::running();
    let mut handed = Vec::new();
    for index in 0..300 {
        let event = message("D1", &stamp(index), "x");
        let actions = desk.hear(&envelope("e", &event));
        handed.extend(ids(&actions).into_iter().map(ToString::to_string));
    }
    assert_eq!(handed.len(), CHANNEL_CHAT_PENDING_MAX, "from one: what the agent will know again");
    let mut asked = Vec::new();
    for id in &handed {
        asked.extend(calls(desk.acknowledge(id)));
    }
    let last = stamp(CHANNEL_CHAT_PENDING_MAX - 1);
    assert_eq!(asked.len(), 1);
    assert!(asked[0].path.contains(&format!("oldest={last}")), "{}", asked[0].path);
    // One answer tells it all, and it is handed over by and by.
    let told = (CHANNEL_CHAT_PENDING_MAX..300).rev().map(|index| {
        format!(r#"{{"type":"message","user":"U1","ts":"{}","text":"x"}}"#, stamp(index))
    });
    let page = format!(r#"{{"ok":true,"messages":[{}]}}"#, told.collect::<Vec<_>>().join(","));
    let mut waiting: Vec<String> = Vec::new();
    let actions = desk.answer(&asked[0], 200, &page);
    waiting.extend(ids(&actions).into_iter().map(ToString::to_string));
    while !waiting.is_empty() {
        assert!(waiting.len() <= CHANNEL_CHAT_PENDING_MAX);
        for id in core::mem::take(&mut waiting) {
            handed.push(id.clone());
            let actions = desk.acknowledge(&id);
            assert!(
                handed.len() >= 276 || calls(actions.clone()).is_empty(),
                "it is not asked again"
            );
            waiting.extend(ids(&actions).into_iter().map(ToString::to_string));
        }
    }
    let expected: Vec<_> = (0..300).map(|index| format!("D1:{}", stamp(index))).collect();
    assert_eq!(handed, expected);
}

/// Goal: whoever fills a channel with the longest messages there can be makes nobody deaf. Method:
/// a page of them is larger than an answer may be, and that request fails, whenever it is tried.
#[test]
fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let mut desk = Desk::running();
    desk.hear(&envelope("e1", &message("D1", "1700000000.000100", "hello")));
    desk.acknowledge("D1:1700000000.000100");
    desk.slack.closed(at(desk.now), None);
    let address = calls(desk.wait());
    desk.answer(&address[0], 200, ADDRESS);
    desk.slack.opened(at(desk.now));
    let asked = calls(desk.hear(r#"{"type": "hello"}"#));
    assert!(asked[0].path.ends_with("&limit=100"), "{}", asked[0].path);
    let page = |stamp: &str, next: &str| {
        format!(
            r#"{{"ok":true,"messages":[{{"type":"message","user":"U1","ts":"{stamp}","text":"x"}}],
                "response_metadata":{{"next_cursor":"{next}"}}}}"#
        )
    };
    // The first page has the last things that were said, and the long ones come behind it.
    let asked = calls(desk.answer(&asked[0], 200, &page("1700000005.000100", "n1")));
    assert!(asked[0].path.ends_with("&limit=100&cursor=n1"), "{}", asked[0].path);
    desk.slack.too_large(at(desk.now), asked[0].number);
    let asked = calls(desk.wait());
    assert!(asked[0].path.ends_with("&limit=10"), "{}", asked[0].path);
    let asked = calls(desk.answer(&asked[0], 200, &page("1700000005.000100", "n1")));
    assert!(asked[0].path.ends_with("&limit=10&cursor=n1"), "to the last page: {}", asked[0].path);
    let actions = desk.answer(&asked[0], 200, &page("1700000001.000100", ""));
    assert_eq!(ids(&actions), ["D1:1700000001.000100", "D1:1700000005.000100"]);
}

/// Goal: a message in an envelope that cannot be read is not lost in silence. Method: one with a
/// half of a character in it, and the history that has what it told.
#[test]
fn what_an_envelope_that_cannot_be_read_told_is_asked_for() {
    let mut desk = Desk::running();
    desk.hear(&envelope("e1", &message("D1", "1700000000.000100", "one")));
    desk.acknowledge("D1:1700000000.000100");
    let broken = envelope("e2", &message("D1", "1700000001.000100", "\\ud83d"));
    let actions = desk.hear(&broken);
    assert!(matches!(&actions[0], Action::Alert(what) if what.contains("cannot be read")));
    let asked = calls(actions);
    assert!(asked[0].path.contains("channel=D1&oldest=1700000000.000100"), "{}", asked[0].path);
    let told =
        format!(r#"{{"ok": true, "messages": [{}]}}"#, message("D1", "1700000001.000100", "two"));
    assert_eq!(ids(&desk.answer(&asked[0], 200, &told)), ["D1:1700000001.000100"]);
}

#[test]
fn what_is_kept_and_broken_is_as_if_nothing_were_kept() {
    let mut desk = Desk::running();
    desk.hear(&envelope("e1", &message("D1", "1700000000.000100", "hello")));
    desk.acknowledge("D1:1700000000.000100");
    let kept = desk.kept.clone().unwrap();
    for end in 0..kept.len() {
        let mut slack = Slack::new(1);
        slack.start(at(5), Some(&kept[..end]));
        // Its last byte is the end of its line.
        let is_told = matches!(slack.poll(at(5)), Some(Action::Alert(_)));
        assert_eq!(is_told, end + 1 < kept.len(), "{end}");
    }
    arbtest::arbtest(|u| {
        let mut bytes = kept.clone();
        let place = u.choose_index(bytes.len())?;
        bytes[place] = u.arbitrary()?;
        let mut slack = Slack::new(1);
        slack.start(at(5), Some(&bytes));
        assert!(slack.poll(at(5)).is_some());
        Ok(())
    });
}

/// Texts made of what Slack's are made of, in any order and shape.
fn any_value(u: &mut arbitrary::Unstructured<'_>, depth: usize, out: &mut String) {
    const KEYS: [&str; 24] = [
        "type",
        "envelope_id",
        "payload",
        "event",
        "channel",
        "ts",
        "user",
        "text",
        "subtype",
        "thread_ts",
        "bot_id",
        "files",
        "attachments",
        "id",
        "ok",
        "error",
        "url",
        "messages",
        "actions",
        "action_id",
        "action_ts",
        "message",
        "reason",
        "user_id",
    ];
    const TEXTS: [&str; 14] = [
        "hello",
        "events_api",
        "interactive",
        "message",
        "app_mention",
        "block_actions",
        "D1",
        "U53",
        "1700000000.000100",
        "approve:3",
        "<@U99> <http://x|y> &amp;",
        "wss://wss-primary.slack.com/",
        "invalid_auth",
        "ratelimited",
    ];
    match u.int_in_range(0..=if depth == 0 { 3 } else { 6 }).unwrap_or(0) {
        0 => out.push_str(u.choose(&["null", "true", "false", "0"]).unwrap_or(&"0")),
        1 => out.push_str(&u.arbitrary::<i64>().unwrap_or(0).to_string()),
        2 | 3 => out.push_str(&format!("{:?}", u.choose(&TEXTS).unwrap_or(&"x"))),
        4 => {
            out.push('[');
            for index in 0..u.int_in_range(0..=3).unwrap_or(0) {
                out.push_str(if index > 0 { "," } else { "" });
                any_value(u, depth - 1, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            let first = u.choose_index(KEYS.len()).unwrap_or(0);
            for key in KEYS.iter().cycle().skip(first).take(8) {
                if u.is_empty() || !u.ratio(2, 3).unwrap_or(false) {
                    continue;
                }
                if !out.ends_with('{') {
                    out.push(',');
                }
                out.push_str(&format!("\"{key}\":"));
                any_value(u, depth - 1, out);
            }
            out.push('}');
        }
    }
}

#[test]
fn no_text_and_no_answer_is_a_panic_and_it_recovers() {
    arbtest::arbtest(|u| {
        let mut desk = Desk::running();
        for _ in 0..u.int_in_range(1..=12)? {
            let mut text = String::new();
            match u.int_in_range(0..=3)? {
                0 => {
                    let bytes = u.arbitrary::<Vec<u8>>()?;
                    text = String::from_utf8_lossy(&bytes).into_owned();
                }
                1 => any_value(u, 5, &mut text),
                kind => {
                    let kind = ["events_api", "interactive"][kind - 2];
                    text = format!(r#"{{"type": "{kind}", "envelope_id": "e", "payload": "#);
                    any_value(u, 5, &mut text);
                    text.push('}');
                }
            }
            let actions = desk.hear(&text);
            for message in messages(&actions) {
                assert_eq!(message.check(), Ok(()));
            }
            let mut stopped = |action: &Action| matches!(action, Action::Stopped { .. });
            if actions.iter().any(&mut stopped) {
                return Ok(());
            }
            for call in calls(actions) {
                let status = *u.choose(&[200, 204, 400, 401, 404, 429, 500])?;
                let mut answer = String::new();
                any_value(u, 5, &mut answer);
                if desk.answer(&call, status, &answer).iter().any(&mut stopped) {
                    return Ok(());
                }
            }
            desk.now += u.int_in_range(0..=100_000)?;
        }
        // From anywhere it finds back to a connection.
        desk.slack.closed(at(desk.now), None);
        for _ in 0..20 {
            for action in desk.poll() {
                match action {
                    Action::Call(call) => {
                        let answer = match call.path.as_str() {
                            "/auth.test" => WHO,
                            "/apps.connections.open" => ADDRESS,
                            _ => r#"{"ok": true, "messages": [], "ts": "1.000001"}"#,
                        };
                        let headers = Headers::new();
                        let answer = answer.as_bytes();
                        desk.slack.answered(at(desk.now), call.number, 200, &headers, answer);
                    }
                    Action::Open { .. } => desk.slack.opened(at(desk.now)),
                    _ => {}
                }
            }
            desk.slack.received(at(desk.now), r#"{"type": "hello"}"#);
            if desk.slack.socket.number().is_some() {
                return Ok(());
            }
            desk.now += 60_000;
        }
        panic!("it never came back: {:?}", desk.slack.socket);
    });
}
