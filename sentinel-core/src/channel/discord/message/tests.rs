//! Messages of Discord as they come, and what the agent is given.

use super::*;
use crate::text::json;

fn me() -> Me {
    Me { id: 99, name: "sentinel".into() }
}

fn read(text: &str, is_private: bool) -> Option<Incoming> {
    let document = json::parse(text.as_bytes()).unwrap();
    told(document.root(), &me(), is_private).unwrap().message
}

/// A message with these members in place of its own or beside them.
fn message(more: &str) -> String {
    format!(
        r#"{{"id": "175928847299117063", "channel_id": "41", "embeds": [{{"title": "no"}}],
            "author": {{"id": "53", "username": "ada", "global_name": "Ada"}}, {more}}}"#
    )
}

#[test]
fn a_private_message_is_read() {
    let message = read(&message(r#""type": 0, "content": " hello <@77> ""#), true).unwrap();
    assert_eq!(message.identity.to_string(), "discord:41:53");
    assert_eq!(message.id, "175928847299117063");
    assert_eq!(message.name, "Ada");
    assert!(message.is_private && !message.is_from_bot);
    assert_eq!(message.parts, [Part::Text("hello <@77>".into())]);
    assert_eq!(message.sent.to_string(), "2016-04-30T11:18:25.796Z");
}

#[test]
fn in_a_room_only_what_is_said_to_it_counts() {
    let mention = r#""mentions": [{"id": "7"}, {"id": "99"}], "content": "<@99> what? <@!99>""#;
    let to_us = read(&message(mention), false).unwrap();
    assert_eq!(to_us.parts, [Part::Text("what?".into())]);
    assert!(!to_us.is_private);
    let reply = r#""type": 19, "content": "why?",
        "referenced_message": {"content": "because", "author": {"id": "99"}}"#;
    let parts = read(&message(reply), false).unwrap().parts;
    assert_eq!(parts, [Part::Quoted("because".into()), Part::Text("why?".into())]);
    for other in [
        r#""content": "<@7> what?", "mentions": [{"id": "7"}]"#,
        r#""content": "<@99> only as text""#,
        r#""type": 19, "content": "x", "referenced_message": null"#,
        r#""type": 19, "content": "x", "referenced_message": {"author": {"id": "98"}}"#,
    ] {
        assert_eq!(read(&message(other), false), None, "{other}");
    }
}

#[test]
fn what_discord_says_itself_is_no_message() {
    assert_eq!(read(&message(r#""type": 6, "content": "pinned""#), true), None);
    let own = r#"{"id": "1", "channel_id": "2", "author": {"id": "99"}, "content": "mine"}"#;
    assert_eq!(read(own, true), None);
}

#[test]
fn programs_are_known_as_such() {
    let bot = r#"{"id": "1", "channel_id": "2", "author": {"id": "5", "bot": true}}"#;
    assert!(read(bot, true).unwrap().is_from_bot);
    assert!(read(&message(r#""webhook_id": "5", "content": "x""#), true).unwrap().is_from_bot);
}

#[test]
fn what_is_forwarded_or_attached_is_told_apart() {
    let text = message(
        r#""content": "look",
        "attachments":
            [{"id": "8", "filename": "a\nb.png", "size": 12, "content_type": "image/png"}],
        "sticker_items": [{"id": "6", "name": "wave", "format_type": 1}],
        "message_snapshots": [{"message": {"content": "do this", "attachments":
            [{"id": "9", "filename": "v.ogg", "content_type": "audio/ogg"}]}}]"#,
    );
    let attachment = |kind, name: &str, bytes_count, id: &str| Part::Attachment {
        kind,
        name: name.into(),
        bytes_count,
        id: id.into(),
    };
    assert_eq!(
        read(&text, true).unwrap().parts,
        [
            Part::Text("look".into()),
            attachment(AttachmentKind::Image, "ab.png", 12, "41/175928847299117063/8"),
            attachment(AttachmentKind::Sticker, "wave", 0, "sticker/6"),
            Part::Forwarded { from: "somebody".into(), text: "do this".into() },
            attachment(AttachmentKind::Audio, "v.ogg", 0, "41/175928847299117063/9"),
        ]
    );
}

#[test]
fn a_hundred_stickers_and_a_giant_text_keep_within_the_bounds() {
    let sticker = r#"{"id": "6", "name": "wave"}"#;
    let stickers = alloc::vec![sticker; 100].join(",");
    let long = "é".repeat(CHANNEL_INCOMING_BYTES_MAX);
    let text = message(&format!(r#""content": "{long}", "sticker_items": [{stickers}]"#));
    let message = read(&text, true).unwrap();
    assert_eq!(message.parts.len(), CHANNEL_INCOMING_PARTS_MAX);
    assert_eq!(message.check(), Ok(()));
}

#[test]
fn ids_are_numbers() {
    for (text, id) in [
        ("1", Some(1)),
        ("18446744073709551615", Some(u64::MAX)),
        ("", None),
        ("0", None),
        ("01", None),
        ("+1", None),
        ("1/2", None),
        ("18446744073709551616", None),
    ] {
        assert_eq!(number(text), id, "{text}");
    }
}

#[test]
fn a_press_is_a_command_of_who_pressed() {
    let read = |text: &str| {
        let document = json::parse(text.as_bytes()).unwrap();
        press(document.root())
    };
    let room = r#"{"type": 3, "id": "70", "token": "aW50-_x.9", "channel_id": "41",
        "guild_id": "40", "member": {"user": {"id": "53", "username": "ada"}},
        "message": {"id": "60"}, "data": {"component_type": 2, "custom_id": "approve:3"}}"#;
    let pressed = read(room).unwrap();
    assert_eq!((pressed.id, pressed.channel, pressed.on, pressed.question), (70, 41, Some(60), 3));
    assert_eq!(pressed.message.parts, [Part::Text("/approve 3".into())]);
    assert_eq!(pressed.message.identity.sender, "53");
    assert!(!pressed.message.is_private);
    let private = r#"{"type": 3, "id": "70", "token": "t", "channel_id": "41",
        "user": {"id": "53"}, "data": {"custom_id": "deny:12"}}"#;
    let pressed = read(private).unwrap();
    assert_eq!(pressed.message.parts, [Part::Text("/deny 12".into())]);
    assert!(pressed.message.is_private);
    for (from, to) in [
        ("\"type\": 3", "\"type\": 2"),
        ("deny:12", "clear:12"),
        ("\"t\"", "\"../x\""),
        ("\"user\"", "\"nobody\""),
    ] {
        assert!(read(&private.replace(from, to)).is_none(), "{to}");
    }
}
