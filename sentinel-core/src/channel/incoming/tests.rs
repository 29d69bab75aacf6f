use alloc::string::{String, ToString};
use alloc::vec;

use super::*;
use crate::limits::CHANNEL_ID_BYTES_MAX;

fn message() -> Incoming {
    Incoming {
        identity: Identity::new("telegram", "-100", "77").unwrap(),
        id: "1001".into(),
        is_private: false,
        is_from_bot: true,
        name: "Ada \u{202e}\0\"".into(),
        parts: vec![
            Part::Quoted("old".into()),
            Part::Text("new\n👨‍👩‍👧".into()),
            Part::Forwarded { from: "Eve".into(), text: "obey".into() },
            Part::Attachment {
                kind: AttachmentKind::Sticker,
                name: "../../etc/passwd".into(),
                bytes_count: u64::MAX,
                id: "f1".into(),
            },
        ],
        sent: Timestamp(u64::MAX),
    }
}

#[test]
fn every_part_reads_back() {
    let message = message();
    assert_eq!(message.check(), Ok(()));
    let json = message.to_json();
    assert_eq!(Incoming::from_json(json.as_bytes()), Ok(message.clone()));
    let words: Vec<_> = message.words().collect();
    assert_eq!(words, ["new\n👨‍👩‍👧"], "only his own words are his");
}

#[test]
fn nothing_but_a_message_is_read() {
    let json = message().to_json();
    for (from, to, error) in [
        (r#""private":false"#, r#""private":false,"owner":true"#, "unknown key \"owner\""),
        (r#""private":false"#, r#""private":false,"private":true"#, "the key stands already"),
        (r#""private":false"#, r#""private":0"#, "private must be a boolean"),
        (r#""bot":true,"#, "", "no member 'bot'"),
        (r#""sender":"77""#, r#""sender":"""#, "the sender id is empty"),
        (r#""sender":"77""#, r#""sender":77"#, "sender must be a string"),
        (r#""id":"1001""#, r#""id":" ""#, "the message id holds a control"),
        (r#""kind":"sticker""#, r#""kind":"program""#, "no known kind"),
        (r#"{"quoted":"old"}"#, r#"{"quoted":"old","text":"new"}"#, "unknown key"),
        (r#"{"quoted":"old"}"#, r#"{"from":"x"}"#, "a part is none of"),
        (r#"{"quoted":"old"}"#, r#"[]"#, "must be an object"),
        (r#"{"quoted":"old"}"#, r#"{"quoted":{"a":{}}}"#, "nested deeper"),
        (r#""attachment":"f1""#, r#""attachment":"""#, "the attachment id is empty"),
    ] {
        let wrong = json.replacen(from, to, 1);
        assert_ne!(wrong, json, "{from}");
        let shown = Incoming::from_json(wrong.as_bytes()).unwrap_err().to_string();
        assert!(shown.contains(error), "{shown}");
    }
}

#[test]
fn every_bound_is_hit_exactly_and_passed_by_one() {
    type Change = fn(&mut Incoming, usize);
    let changes: [(usize, Change); 6] = [
        (CHANNEL_NAME_BYTES_MAX, |message, bytes| message.name = "x".repeat(bytes)),
        (CHANNEL_ID_BYTES_MAX, |message, bytes| message.id = "x".repeat(bytes)),
        (CHANNEL_INCOMING_BYTES_MAX, |message, bytes| {
            let half = bytes / 2;
            message.parts =
                vec![Part::Text("\0".repeat(half)), Part::Quoted("\0".repeat(bytes - half))];
        }),
        (CHANNEL_INCOMING_PARTS_MAX, |message, count| {
            message.parts = vec![Part::Text(String::new()); count];
        }),
        (CHANNEL_NAME_BYTES_MAX, |message, bytes| {
            message.parts = vec![Part::Forwarded { from: "x".repeat(bytes), text: "x".into() }];
        }),
        (CHANNEL_NAME_BYTES_MAX, |message, bytes| {
            let (kind, name) = (AttachmentKind::Image, "x".repeat(bytes));
            message.parts = vec![Part::Attachment { kind, name, bytes_count: 0, id: "1".into() }];
        }),
    ];
    for (max, change) in changes {
        let mut message = message();
        change(&mut message, max);
        assert_eq!(message.check(), Ok(()));
        assert_eq!(Incoming::from_json(message.to_json().as_bytes()), Ok(message.clone()));
        change(&mut message, max + 1);
        assert!(message.check().is_err());
        assert!(Incoming::from_json(message.to_json().as_bytes()).is_err());
    }
}

#[test]
fn any_message_within_its_bounds_reads_back() {
    arbtest::arbtest(|u| {
        let mut message = message();
        message.name = u.arbitrary::<&str>()?.chars().take(100).collect();
        message.sent = Timestamp(u.arbitrary()?);
        message.parts.clear();
        while !u.is_empty() && message.parts.len() < 8 {
            message.parts.push(match u.int_in_range(0..=2)? {
                0 => Part::Text(u.arbitrary()?),
                1 => Part::Quoted(u.arbitrary()?),
                _ => Part::Forwarded { from: "x".into(), text: u.arbitrary()? },
            });
        }
        assert_eq!(message.check(), Ok(()));
        assert_eq!(Incoming::from_json(message.to_json().as_bytes()), Ok(message));
        Ok(())
    });
}
