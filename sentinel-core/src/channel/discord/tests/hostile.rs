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
        "{\"op\"",
        r#"{"op": 0}"#,
        r#"{"op": -1}"#,
        r#"{"op": 0, "t": "MESSAGE_CREATE"}"#,
        r#"{"op": 0, "t": "MESSAGE_CREATE", "s": 2, "d": {"id": 5}}"#,
        r#"{"op": 0, "t": "MESSAGE_CREATE", "s": 2, "d": {"id": "x", "channel_id": "1"}}"#,
        r#"{"op": 0, "t": "MESSAGE_UPDATE", "s": 2, "d": {"id": "7", "channel_id": "1",
            "author": {"id": "53"}, "content": "changed"}}"#,
        r#"{"op": 0, "t": "INTERACTION_CREATE", "s": 2, "d": {"type": 3}}"#,
        r#"{"op": 10, "d": {"heartbeat_interval": -5}}"#,
        r#"{"op": 11}"#,
        r#"{"op": 99}"#,
    ] {
        assert!(desk.hear(text).is_empty(), "{text}");
    }
    assert_eq!(ids(&desk.message(3, 500, 41, "hello")), ["500"]);
}

/// Goal: a message in an event that cannot be read is not lost in silence. Method: an event with a
/// half of a character in it, between two others, and the history that has what it told.
#[test]
fn what_an_event_that_cannot_be_read_told_is_asked_for() {
    let mut desk = Desk::running();
    assert_eq!(ids(&desk.message(2, 500, 41, "one")), ["500"]);
    let broken = format!(
        r#"{{"op": 0, "t": "MESSAGE_CREATE", "s": 3, "d": {}}}"#,
        message(501, 41, "two").replace("ada", "\\ud83d")
    );
    let actions = desk.hear(&broken);
    assert!(matches!(&actions[0], Action::Alert(what) if what.contains("cannot be read")));
    let asked = calls(actions);
    assert_eq!(asked[0].path, "/channels/41/messages?after=500&limit=100");
    assert!(desk.message(4, 502, 41, "three").is_empty(), "it waits for the one before it");
    let told = format!("[{}, {}]", message(502, 41, "three"), message(501, 41, "two"));
    assert_eq!(ids(&desk.answer(&asked[0], 200, &told)), ["501", "502"]);
    assert!(desk.hear(&broken).iter().all(|action| !matches!(action, Action::Alert(_))), "once");
}

#[test]
fn a_heartbeat_of_no_time_at_all_does_not_spin() {
    let mut desk = Desk::new();
    desk.connect();
    desk.hear(r#"{"op": 10, "d": {"heartbeat_interval": 0}}"#);
    desk.hear(READY);
    let start = desk.now;
    for _ in 0..10 {
        desk.wait();
        desk.hear(r#"{"op": 11}"#);
    }
    assert!(desk.now >= start + 8_000);
}

#[test]
fn an_agent_that_acknowledges_nothing_is_not_flooded_and_loses_nothing() {
    use crate::limits::{CHANNEL_CHAT_PENDING_MAX, CHANNEL_MISSED_MAX, CHANNEL_PENDING_MAX};
    let mut desk = Desk::running();
    let rooms = u64::try_from(CHANNEL_PENDING_MAX).unwrap();
    let count = (1..=rooms + 200).filter(|id| ids(&desk.message(*id, *id, *id, "x")).len() == 1);
    assert_eq!(count.count(), CHANNEL_PENDING_MAX, "from all rooms together");
    let mut desk = Desk::running();
    let all = u64::try_from(CHANNEL_MISSED_MAX).unwrap();
    let mut handed = Vec::new();
    for id in 1..=all {
        let actions = desk.message(id + 1, id, 41, "x");
        handed.extend(ids(&actions).into_iter().map(str::to_string));
    }
    assert_eq!(handed.len(), CHANNEL_CHAT_PENDING_MAX, "from one: what the agent will know again");
    // It gets to work, and is asked about by and by, however much it is.
    let mut waiting = handed.clone();
    while handed.len() < usize::try_from(all).unwrap() {
        // So many requests a second, and no more.
        desk.now += 100;
        let mut calls = Vec::new();
        for id in core::mem::take(&mut waiting) {
            desk.discord.acknowledge(at(desk.now), &id);
            calls.extend(desk.calls());
        }
        let last = handed.last().unwrap().parse::<u64>().unwrap();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].path, format!("/channels/41/messages?after={last}&limit=100"));
        let page = (last + 1..=all.min(last + 100)).map(|id| message(id, 41, "x"));
        let page = format!("[{}]", page.collect::<Vec<_>>().join(","));
        let actions = desk.answer(&calls[0], 200, &page);
        waiting.extend(ids(&actions).into_iter().map(str::to_string));
        assert!(waiting.len() <= CHANNEL_CHAT_PENDING_MAX && !waiting.is_empty());
        handed.extend(waiting.iter().cloned());
    }
    let expected: Vec<_> = (1..=all).map(|id| id.to_string()).collect();
    assert_eq!(handed, expected);
}

/// Goal: whoever fills a room with the longest messages there can be makes nobody deaf. Method: a
/// page of them is larger than an answer may be, and that request fails, whenever it is tried.
#[test]
fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let mut desk = Desk::running();
    desk.message(2, 500, 41, "one");
    desk.discord.acknowledge(at(desk.now), "500");
    let asked = calls(desk.hear(READY));
    assert_eq!(asked[0].path, "/channels/41/messages?after=500&limit=100");
    desk.discord.too_large(at(desk.now), asked[0].number);
    let asked = calls(desk.wait());
    assert_eq!(asked[0].path, "/channels/41/messages?after=500&limit=10");
    let page = (501..=510).map(|id| message(id, 41, "x")).collect::<Vec<_>>().join(",");
    let actions = desk.answer(&asked[0], 200, &format!("[{page}]"));
    assert_eq!(ids(&actions).len(), 10);
    let asked = calls(actions);
    assert_eq!(asked[0].path, "/channels/41/messages?after=510&limit=100", "there may be more");
    desk.answer(&asked[0], 200, "[]");
    assert_eq!(ids(&desk.message(9, 600, 41, "now")), ["600"], "nothing waits any more");
}

#[test]
fn what_is_kept_and_broken_is_as_if_nothing_were_kept() {
    let mut desk = Desk::running();
    desk.message(2, 500, 41, "one");
    let kept = desk.kept.clone().unwrap();
    for end in 0..kept.len() {
        let mut discord = Discord::new(1);
        discord.start(at(5), Some(&kept[..end]));
        // Its last byte is the end of its line.
        let is_told = matches!(discord.poll(at(5)), Some(Action::Alert(_)));
        assert_eq!(is_told, end + 1 < kept.len(), "{end}");
        assert!(is_told || end + 1 == kept.len());
        assert!(discord.deadline().is_some() || discord.poll(at(5)).is_some());
    }
    arbtest::arbtest(|u| {
        let mut bytes = kept.clone();
        let place = u.choose_index(bytes.len())?;
        bytes[place] = u.arbitrary()?;
        let mut discord = Discord::new(1);
        discord.start(at(5), Some(&bytes));
        assert!(discord.poll(at(5)).is_some());
        Ok(())
    });
}

/// Frames made of what Discord's are made of, in any order and shape.
fn any_value(u: &mut arbitrary::Unstructured<'_>, depth: usize, out: &mut String) {
    const KEYS: [&str; 24] = [
        "op",
        "t",
        "s",
        "d",
        "id",
        "channel_id",
        "author",
        "content",
        "type",
        "mentions",
        "referenced_message",
        "message_snapshots",
        "message",
        "attachments",
        "sticker_items",
        "session_id",
        "resume_gateway_url",
        "user",
        "heartbeat_interval",
        "token",
        "data",
        "custom_id",
        "guild_id",
        "member",
    ];
    const TEXTS: [&str; 12] = [
        "READY",
        "RESUMED",
        "MESSAGE_CREATE",
        "INTERACTION_CREATE",
        "99",
        "53",
        "41",
        "approve:3",
        "wss://gateway.discord.gg",
        "x",
        "<@99>",
        "18446744073709551615",
    ];
    let kind = u.int_in_range(0..=if depth == 0 { 3 } else { 6 }).unwrap_or(0);
    match kind {
        0 => out.push_str(u.choose(&["null", "true", "false", "0", "3", "19"]).unwrap_or(&"0")),
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
            for (index, key) in KEYS.iter().cycle().skip(first).take(8).enumerate() {
                if !u.ratio(2, 3).unwrap_or(false) || u.is_empty() {
                    continue;
                }
                if index > 0 && !out.ends_with('{') {
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
fn no_frame_and_no_answer_is_a_panic_and_it_recovers() {
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
                    let name = ["MESSAGE_CREATE", "INTERACTION_CREATE"][kind - 2];
                    text = format!(r#"{{"op": 0, "s": 5, "t": "{name}", "d": "#);
                    any_value(u, 5, &mut text);
                    text.push('}');
                }
            }
            let actions = desk.hear(&text);
            for message in messages(&actions) {
                assert_eq!(message.check(), Ok(()));
            }
            for call in calls(actions) {
                let status = *u.choose(&[200, 204, 400, 401, 403, 404, 429, 500])?;
                let mut body = String::new();
                any_value(u, 5, &mut body);
                let actions = desk.answer(&call, status, &body);
                if actions.iter().any(|action| matches!(action, Action::Stopped { .. })) {
                    return Ok(());
                }
            }
            desk.now += u.int_in_range(0..=100_000)?;
        }
        // From anywhere it finds back into a session.
        for _ in 0..20 {
            for action in desk.poll() {
                match action {
                    Action::Call(call) if call.path == "/gateway/bot" => {
                        desk.discord.answered(
                            at(desk.now),
                            call.number,
                            200,
                            &Headers::new(),
                            GATEWAY.as_bytes(),
                        );
                    }
                    Action::Open { .. } => desk.discord.opened(at(desk.now)),
                    _ => {}
                }
            }
            desk.discord
                .received(at(desk.now), r#"{"op": 10, "d": {"heartbeat_interval": 40000}}"#);
            desk.discord.received(at(desk.now), READY);
            if desk.discord.gateway.is_running() {
                return Ok(());
            }
            desk.now += 60_000;
        }
        panic!("it never came back: {:?}", desk.discord.gateway);
    });
}
