//! Messages as Telegram's documents show them, and what the agent is told.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::{in_group, private};
use crate::channel::telegram::message::{Heard, Own};
use crate::channel::telegram::update::{self, Update};
use crate::channel::{AttachmentKind, Incoming, Part};
use crate::text::json;

fn read(update: &str) -> Update {
    let own = Own { id: 9, name: "Sentinel_Bot".into() };
    update::read(json::parse(update.as_bytes()).unwrap().root(), &own)
}

#[track_caller]
fn heard(update: &str) -> Incoming {
    match read(update) {
        Update::Heard(Heard::Message(incoming)) => incoming,
        other => panic!("{other:?}"),
    }
}

fn is_ignored(update: &str) -> bool {
    read(update) == Update::Heard(Heard::Nothing)
}

/// The parts of a message in private.
#[track_caller]
fn parts(rest: &str) -> Vec<Part> {
    heard(&private(1, 5, rest)).parts
}

fn text(text: &str) -> Part {
    Part::Text(text.into())
}

/// A text with one entity.
fn marked(text: &str, kind: &str, offset: usize, length: usize) -> String {
    format!(
        r#""text":"{text}","entities":[{{"type":"{kind}","offset":{offset},"length":{length}}}]"#
    )
}

#[test]
fn a_message_in_private() {
    let incoming = heard(&private(1, 5, r#""text":"hello""#));
    assert_eq!(incoming.identity.to_string(), "telegram:77:77");
    assert_eq!((&*incoming.id, &*incoming.name), ("77:5", "Ada L"));
    assert!(incoming.is_private && !incoming.is_from_bot);
    assert_eq!(incoming.sent.0, 1_700_000_000_000);
    assert_eq!(incoming.parts, [text("hello")]);
    assert_eq!(parts(r#""text":"/start""#), [text("/help")]);
    assert_eq!(parts(r#""text":"/start from-some-link""#), [text("/help")]);
    assert_eq!(parts(&marked("/stop@sentinel_bot", "bot_command", 0, 18)), [text("/stop")]);
    assert_eq!(parts(&marked("ask @sentinel_bot", "mention", 4, 13)), [text("ask @sentinel_bot")]);
}

/// Goal: whatever the sender did not type is not his words.
#[test]
fn words_of_others_are_kept_apart() {
    let by = |from: &str, text: &str| Part::Forwarded { from: from.into(), text: text.into() };
    for (origin, from) in [
        (r#"{"type":"user","sender_user":{"id":5,"is_bot":false,"first_name":"Eve"}}"#, "Eve"),
        (r#"{"type":"hidden_user","sender_user_name":"E."}"#, "E."),
        (r#"{"type":"chat","sender_chat":{"id":-5,"type":"group","title":"Club"}}"#, "Club"),
        (r#"{"type":"channel","chat":{"id":-5,"type":"channel","title":"News"}}"#, "News"),
        (r#"{"type":"of_tomorrow"}"#, "somebody"),
    ] {
        let message = format!(r#""text":"/approve 3","forward_origin":{origin}"#);
        assert_eq!(parts(&message), [by(from, "/approve 3")]);
    }
    let bot = r#""text":"/stop","via_bot":{"id":6,"is_bot":true,"first_name":"Gif"}"#;
    assert_eq!(parts(bot), [by("Gif (bot)", "/stop")]);
    let reply = r#""text":"what?","reply_to_message":{"message_id":4,"text":"all of it"}"#;
    assert_eq!(parts(reply), [Part::Quoted("all of it".into()), text("what?")]);
    let part = format!(r#"{reply},"quote":{{"text":"of it","position":4}}"#);
    assert_eq!(parts(&part), [Part::Quoted("of it".into()), text("what?")]);
    let elsewhere = r#""text":"what?","external_reply":{},"quote":{"text":"far","position":0}"#;
    assert_eq!(parts(elsewhere), [Part::Quoted("far".into()), text("what?")]);
    // The agent knows what it said; what is marked in it is meant.
    let own = r#""text":"go on","reply_to_message":{"message_id":4,"text":"I","from":{"id":9}}"#;
    assert_eq!(parts(own), [text("go on")]);
    let own = format!(r#"{own},"quote":{{"text":"I","position":0}}"#);
    assert_eq!(parts(&own), [Part::Quoted("I".into()), text("go on")]);
    let card = r#""contact":{"phone_number":"+49","first_name":"Eve","last_name":"X"}"#;
    assert_eq!(parts(card), [Part::Quoted("contact: Eve X, +49".into())]);
    let poll = r#""poll":{"question":"Q?","options":[{"text":"a"},{"text":"b"}]}"#;
    assert_eq!(parts(poll), [Part::Quoted("poll: Q?\n- a\n- b".into())]);
    let place = r#"{"latitude":52.5,"longitude":-13.25}"#;
    let location = format!(r#""location":{place}"#);
    assert_eq!(parts(&location), [text("location: 52.50000, -13.25000")]);
    let venue = format!(r#"{location},"venue":{{"location":{place},"title":"T","address":"A"}}"#);
    assert_eq!(parts(&venue), [Part::Quoted("place: T A, 52.50000, -13.25000".into())]);
    assert_eq!(parts(r#""dice":{"emoji":"x","value":4}"#), [text("dice: 4")]);
}

#[test]
fn files_come_with_their_captions() {
    let file = |kind, name: &str, bytes_count, id: &str| {
        let (name, id) = (name.into(), id.into());
        Part::Attachment { kind, name, bytes_count, id }
    };
    let photo = r#""caption":"look","photo":[
        {"file_id":"s","width":90,"height":90,"file_size":10},
        {"file_id":"L-_1","width":800,"height":600,"file_size":99},
        {"file_id":"m","width":320,"height":200,"file_size":30}]"#;
    let image = file(AttachmentKind::Image, "photo.jpg", 99, "L-_1");
    assert_eq!(parts(photo), [text("look"), image]);
    for (rest, expected) in [
        (
            r#""voice":{"file_id":"v","file_size":7}"#,
            file(AttachmentKind::Audio, "voice.ogg", 7, "v"),
        ),
        (
            r#""audio":{"file_id":"a","file_name":"song.mp3"}"#,
            file(AttachmentKind::Audio, "song.mp3", 0, "a"),
        ),
        (r#""video":{"file_id":"v"}"#, file(AttachmentKind::Video, "video.mp4", 0, "v")),
        (r#""video_note":{"file_id":"v"}"#, file(AttachmentKind::Video, "video_note.mp4", 0, "v")),
        (
            r#""document":{"file_id":"d"},"animation":{"file_id":"d","file_name":"x.gif"}"#,
            file(AttachmentKind::Video, "x.gif", 0, "d"),
        ),
        (
            r#""document":{"file_id":"d","file_name":"a b.pdf","file_size":12}"#,
            file(AttachmentKind::Document, "a b.pdf", 12, "d"),
        ),
        (
            r#""sticker":{"file_id":"s","emoji":"🎉"}"#,
            file(AttachmentKind::Sticker, "sticker.webp 🎉", 0, "s"),
        ),
    ] {
        assert_eq!(parts(rest), [expected]);
    }
    // An id that is none is left out, and with it the message if nothing else is in it.
    assert!(is_ignored(&private(1, 5, r#""document":{"file_id":"a/../b"}"#)));
    let long = format!(r#""voice":{{"file_id":"v","file_name":"{}"}}"#, "ü".repeat(400));
    assert_eq!(parts(&long).len(), 1);
}

/// Goal: in a group the agent hears what is said to it, without its name, and nothing else.
#[test]
fn in_a_group_it_hears_what_is_for_it() {
    let said = |rest: &str| match read(&in_group(1, 5, rest)) {
        Update::Heard(Heard::Message(incoming)) => {
            assert_eq!(incoming.identity.to_string(), "telegram:-1001:77");
            assert!(!incoming.is_private);
            Some(incoming.words().collect::<Vec<_>>().join("|"))
        }
        Update::Heard(Heard::Nothing) => None,
        other => panic!("{other:?}"),
    };
    let named = |text: &str, offset| said(&marked(text, "mention", offset, 13)).unwrap_or_default();
    assert_eq!(named("@SENTINEL_bot what is it?", 0), "what is it?");
    assert_eq!(named("@sentinel_bot, what?", 0), "what?");
    assert_eq!(named("👨‍👩‍👧🎉 @sentinel_bot what?", 11), "👨‍👩‍👧🎉 what?");
    assert_eq!(named("what, @sentinel_bot?", 6), "what, ?");
    assert_eq!(named("@sentinel_bot /stop", 0), "/stop");
    for silent in [
        r#""text":"hello""#.into(),
        r#""text":"@sentinel_bot without an entity""#.into(),
        r#""text":"/stop""#.into(),
        r#""text":"/approve it""#.into(),
        marked("@sentinel_bots hi", "mention", 0, 14),
        marked("/stop@other_bot", "bot_command", 0, 15),
        // Who speaks to another bot speaks about this one.
        r#""text":"/ask@other_bot @sentinel_bot","entities":[{"type":"bot_command","offset":0,
            "length":14},{"type":"mention","offset":15,"length":13}]"#.into(),
        marked("@sentinel_bot", "mention", 0, 13),
        // What somebody forwards is not said to anybody here.
        marked("@sentinel_bot x", "mention", 0, 13) + r#","forward_origin":{"type":"user"}"#,
        r#""text":"x","reply_to_message":{"message_id":1,"from":{"id":8}}"#.into(),
        r#""text":"x","reply_to_message":{"message_id":1,"from":{"id":9},"forum_topic_created":{}}"#
            .into(),
        r#""photo":[{"file_id":"L","width":1,"height":1}]"#.into(),
    ] {
        assert_eq!(said(&silent), None, "{silent}");
    }
    assert_eq!(said(&marked("/stop@Sentinel_bot", "bot_command", 0, 18)).unwrap(), "/stop");
    assert_eq!(said(&marked("/model@sentinel_bot x", "bot_command", 0, 19)).unwrap(), "/model x");
    assert_eq!(said(r#""text":"/approve 3 trust""#).unwrap(), "/approve 3 trust");
    let reply = r#""text":"x","reply_to_message":{"message_id":1,"from":{"id":9},"text":"I"}"#;
    assert_eq!(said(reply).unwrap(), "x");
    let by_id = r#""text":"Bot, hi","entities":[{"type":"text_mention","offset":0,"length":3,
        "user":{"id":9}}]"#;
    assert_eq!(said(by_id).unwrap(), "hi");
    let caption = r#""caption":"@sentinel_bot look","caption_entities":[{"type":"mention",
        "offset":0,"length":13}],"photo":[{"file_id":"L","width":1,"height":1}]"#;
    assert_eq!(said(caption).unwrap(), "look");
}

#[test]
fn a_topic_is_a_chat_of_its_own() {
    let topic = r#""text":"/deny 3","message_thread_id":42,"is_topic_message":true"#;
    assert_eq!(heard(&in_group(1, 5, topic)).identity.chat, "-1001/42");
    let thread = r#""text":"/deny 3","message_thread_id":42"#;
    assert_eq!(heard(&in_group(1, 5, thread)).identity.chat, "-1001");
}

#[test]
fn a_link_says_where_it_leads_and_odd_places_are_left_out() {
    let link = |offset: &str, length: &str| {
        parts(&format!(
            r#""text":"🎉 here ü","entities":[{{"type":"text_link","offset":{offset},
            "length":{length},"url":"https://evil.example"}}]"#
        ))
    };
    assert_eq!(
        link("3", "4"),
        [text("🎉 here ü"), Part::Quoted("behind \"here\": https://evil.example".into())]
    );
    for (offset, length) in [
        ("1", "3"),
        ("3", "99"),
        ("99", "1"),
        ("-1", "3"),
        ("3", "0"),
        ("3", "-4"),
        ("\"3\"", "4"),
        ("9223372036854775807", "9223372036854775807"),
        ("18446744073709551615", "1"),
    ] {
        assert_eq!(link(offset, length), [text("🎉 here ü")], "{offset} {length}");
    }
}

#[test]
fn nobody_in_particular_is_not_heard() {
    let mentioned = marked("@sentinel_bot x", "mention", 0, 13);
    let group = in_group(1, 5, &mentioned);
    for (from, to) in [
        (r#""is_bot":false"#, r#""is_bot":true"#),
        (r#""from""#, r#""sender_chat":{"id":-1001,"type":"supergroup"},"from""#),
        (r#""from""#, r#""of""#),
    ] {
        assert!(is_ignored(&group.replace(from, to)), "{to}");
    }
    for rest in [r#""new_chat_members":[]"#, r#""pinned_message":{}"#, r#""text":"""#] {
        assert!(is_ignored(&private(1, 5, rest)), "{rest}");
    }
    for other in ["edited_message", "channel_post", "inline_query", "of_tomorrow"] {
        assert!(is_ignored(&group.replace(r#""message""#, &format!("\"{other}\""))), "{other}");
    }
}

#[test]
fn garbage_is_told_from_silence() {
    let good = private(1, 5, r#""text":"x""#);
    for (from, to) in [
        (r#""message_id":5"#, r#""message_id":"5""#),
        (r#""id":77,"type""#, r#""id":7.5,"type""#),
        (r#""type":"private""#, r#""type":1"#),
        (r#""chat""#, r#""chap""#),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(good, bad);
        assert_eq!(read(&bad), Update::Heard(Heard::Garbage), "{bad}");
    }
}

fn query(from: &str, data: &str) -> String {
    format!(
        r#"{{"update_id":1,"callback_query":{{"id":"4711","from":{{"id":78,"is_bot":false,
        "first_name":"Eve"}},"message":{{"message_id":5,"date":1,"text":"Question 3",
        "from":{{"id":9,"is_bot":true}},{from}}},"chat_instance":"1","data":"{data}"}}}}"#
    )
}

#[test]
fn a_press_is_a_command_of_the_presser_in_that_chat() {
    let group = r#""chat":{"id":-1001,"type":"supergroup"}"#;
    let Update::Pressed { query: id, press: Some(press) } = read(&query(group, "always:3")) else {
        panic!()
    };
    assert_eq!((&*id, press.message), ("4711", 5));
    assert_eq!(press.incoming.identity.to_string(), "telegram:-1001:78");
    assert_eq!(press.incoming.id, "press:4711");
    assert!(!press.incoming.is_private);
    assert_eq!(press.incoming.parts, vec![text("/approve 3 always")]);
    for (chat, data) in [(group, "rm -rf"), (r#""of":1"#, "once:3")] {
        let update = read(&query(chat, data));
        assert!(matches!(update, Update::Pressed { press: None, .. }), "{update:?}");
    }
}

#[test]
fn who_is_let_in_and_put_out() {
    let change = |was: &str, is: &str, kind: &str| {
        read(&format!(
            r#"{{"update_id":1,"my_chat_member":{{"chat":{{"id":-5,"type":"{kind}"}},
            "from":{{"id":77}},"old_chat_member":{{"status":"{was}"}},
            "new_chat_member":{{"status":"{is}"}}}}}}"#
        ))
    };
    assert_eq!(change("left", "member", "group"), Update::Added { chat: -5, by: 77 });
    assert_eq!(change("administrator", "kicked", "group"), Update::Removed { chat: -5 });
    assert_eq!(change("member", "administrator", "group"), Update::Heard(Heard::Nothing));
    assert_eq!(change("member", "kicked", "private"), Update::Heard(Heard::Nothing));
}
