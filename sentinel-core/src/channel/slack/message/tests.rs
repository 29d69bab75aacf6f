//! Messages of Slack as they come, and what the agent is given.

use super::*;
use crate::text::json;

fn me() -> Me {
    Me { user: "U99".into(), bot: "B99".into(), name: "sentinel".into() }
}

fn read(text: &str) -> Option<Told> {
    let document = json::parse(text.as_bytes()).unwrap();
    told(document.root(), None, &me())
}

/// A message with these members beside its own.
fn message(channel: &str, more: &str) -> String {
    format!(
        r#"{{"type": "message", "channel": "{channel}", "ts": "1482960137.003543",
            "user": "U53", {more}}}"#
    )
}

fn given(channel: &str, more: &str) -> Option<Incoming> {
    read(&message(channel, more)).and_then(|told| told.message)
}

#[test]
fn a_private_message_is_read() {
    let told = read(&message("D1", r#""channel_type": "im", "text": "a &amp; b <@U99>""#)).unwrap();
    assert_eq!((told.channel.as_str(), told.stamp), ("D1", Stamp(1_482_960_137_003_543)));
    let message = told.message.unwrap();
    assert_eq!(message.identity.to_string(), "slack:D1:U53");
    assert_eq!(message.id, "D1:1482960137.003543");
    assert!(message.is_private && !message.is_from_bot);
    assert_eq!(message.parts, [Part::Text("a & b".into())]);
    assert_eq!(message.sent, Timestamp(1_482_960_137_003));
}

#[test]
fn in_a_channel_only_what_is_said_to_it_counts() {
    let mention = given("C1", r#""text": "<@U99> what is <@U7>?""#).unwrap();
    assert_eq!(mention.parts, [Part::Text("what is @U7?".into())]);
    assert!(!mention.is_private);
    let app_mention = message("C1", r#""text": "hi""#).replace("\"message\"", "\"app_mention\"");
    assert!(read(&app_mention).unwrap().message.is_some());
    let reply = r#""text": "and?", "thread_ts": "1482960100.000001", "parent_user_id": "U99""#;
    let reply = given("C1", reply).unwrap();
    assert_eq!(reply.identity.chat, "C1/1482960100.000001");
    let told = read(&message("C1", r#""text": "<@U7> you""#)).unwrap();
    assert!(told.message.is_none());
}

#[test]
fn a_message_that_opens_a_thread_is_said_in_the_channel() {
    let opens = given("D1", r#""text": "x", "thread_ts": "1482960137.003543""#).unwrap();
    assert_eq!(opens.identity.chat, "D1");
}

#[test]
fn which_kinds_of_messages_are_read() {
    for (kind, is_read) in [
        ("file_share", true),
        ("thread_broadcast", true),
        ("me_message", true),
        ("bot_message", false),
        ("message_changed", false),
        ("message_deleted", false),
        ("channel_join", false),
    ] {
        let text = message("D1", &format!(r#""subtype": "{kind}", "text": "x""#));
        let is_told = read(&text).is_some_and(|told| told.message.is_some());
        assert_eq!(is_told, is_read, "{kind}");
    }
}

#[test]
fn programs_are_known_and_the_app_itself_is_not_heard() {
    assert!(given("D1", r#""text": "x", "bot_id": "B5""#).unwrap().is_from_bot);
    assert!(given("D1", r#""text": "x", "bot_id": "B99""#).is_none());
    let own = message("D1", r#""text": "x""#).replace("U53", "U99");
    assert!(read(&own).unwrap().message.is_none());
}

#[test]
fn what_is_shared_or_attached_is_told_apart() {
    let parts = given(
        "D1",
        r#""text": "look", "subtype": "file_share",
        "attachments": [{"text": "a preview", "title": "t"},
            {"is_share": true, "author_name": "Eve", "text": "do &lt;this&gt;"}],
        "files": [{"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 12},
            {"id": "F2", "mode": "tombstone"}, {"id": "../x"}]"#,
    );
    assert_eq!(
        parts.unwrap().parts,
        [
            Part::Text("look".into()),
            Part::Forwarded { from: "Eve".into(), text: "do <this>".into() },
            Part::Attachment {
                kind: AttachmentKind::Image,
                name: "a.png".into(),
                bytes_count: 12,
                id: "F1".into(),
            },
        ]
    );
}

#[test]
fn what_is_no_message_is_none() {
    for text in [
        "{}",
        r#"{"type": "message"}"#,
        r#"{"type": "reaction_added", "channel": "C1", "ts": "1.000001", "user": "U5"}"#,
        r#"{"type": "message", "channel": "../x", "ts": "1482960137.003543", "user": "U5"}"#,
        r#"{"type": "message", "channel": "C1", "ts": "1482960137", "user": "U5"}"#,
        r#"{"type": "message", "channel": "C1", "ts": "99999999999999999999.000001"}"#,
    ] {
        assert!(read(text).is_none(), "{text}");
    }
}

#[test]
fn stamps_and_places_are_written_as_they_are_read() {
    for stamp in ["1482960137.003543", "0.000001", "1.999999"] {
        assert_eq!(Stamp::parse(stamp).unwrap().to_string(), stamp);
    }
    for stamp in ["", "1", "1.1", "1.0000001", "-1.000001", "1.00000x", "+1.000001"] {
        assert_eq!(Stamp::parse(stamp), None, "{stamp}");
    }
    for place in ["C1", "C1/1482960137.003543"] {
        assert_eq!(Place::parse(place).unwrap().to_string(), place);
    }
    for place in ["", "C", "C1/", "C1/x", "C 1", "C1&a=b", "C1/1.000001/2"] {
        assert_eq!(Place::parse(place), None, "{place}");
    }
}

const PRESS: &str = r#"{"type": "block_actions", "user": {"id": "U53", "name": "ada"},
    "channel": {"id": "C1"}, "container": {"channel_id": "C1", "thread_ts": "1482960100.000001"},
    "message": {"ts": "1482960137.003543", "text": "May I?", "thread_ts": "1482960100.000001"},
    "actions": [{"action_id": "deny:3", "action_ts": "1482960150.000001"}]}"#;

#[test]
fn a_press_is_a_command_of_who_pressed() {
    let read = |text: &str| {
        let document = json::parse(text.as_bytes()).unwrap();
        press(document.root())
    };
    let pressed = read(PRESS).unwrap();
    assert_eq!(pressed.message.identity.to_string(), "slack:C1/1482960100.000001:U53");
    assert_eq!(pressed.message.parts, [Part::Text("/deny 3".into())]);
    assert_eq!(pressed.question, 3);
    assert_eq!(pressed.on, Some((Stamp(1_482_960_137_003_543), "May I?".into())));
    for (from, to) in [
        ("block_actions", "view_submission"),
        ("deny:3", "deny:x"),
        ("\"U53\"", "\"\""),
        ("1482960150.000001", "now"),
    ] {
        assert!(read(&PRESS.replace(from, to)).is_none(), "{to}");
    }
}

#[test]
fn a_slash_command_is_one_of_the_agents() {
    let read = |command: &str, words: &str| {
        let text = format!(
            r#"{{"command": "{command}", "text": "{words}", "user_id": "U53", "channel_id": "D1",
                "trigger_id": "13345224609.738474920.8088930838d88f008e0"}}"#
        );
        let document = json::parse(text.as_bytes()).unwrap();
        slash(document.root(), Timestamp(5)).unwrap()
    };
    for (command, words, text) in [
        ("/sentinel", "status", "/status"),
        ("/sentinel", "/stop", "/stop"),
        ("/approve", "3", "/approve 3"),
        ("/stop", "", "/stop"),
    ] {
        let message = read(command, words);
        assert_eq!(message.parts, [Part::Text(text.into())]);
        assert_eq!(message.id, "D1:13345224609.738474920.8088930838d88f008e0");
    }
}
