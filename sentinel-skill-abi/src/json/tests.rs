use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::*;

/// Another implementation and this one agree on what JSON is, on texts that are nearly some.
#[test]
fn it_is_the_json_of_everybody() {
    const PIECES: [&str; 28] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"",
        "\\",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\ud83d",
        "0",
        "1",
        "-",
        ".",
        "e",
        "+",
        "null",
        "true",
        "false",
        "tru",
        " ",
        "\n",
        "\t",
        "é",
        "\u{1}",
        "\"\\n\"",
    ];
    arbtest::arbtest(|source| {
        let mut text = String::new();
        for _ in 0..source.int_in_range(0..=12)? {
            text.push_str(source.choose(&PIECES)?);
        }
        let ours = Value::parse(&text);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // They refuse numbers that are too large for them, which cannot be made of these pieces
        // without an exponent.
        if theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range")) {
            return Ok(());
        }
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            same(ours, &theirs);
        }
        Ok(())
    });
}

fn same(ours: Value<'_>, theirs: &serde_json::Value) {
    match theirs {
        serde_json::Value::Null => assert_eq!(ours.kind(), Kind::Null),
        serde_json::Value::Bool(flag) => assert_eq!(ours.flag(), Some(*flag)),
        serde_json::Value::Number(number) if number.is_i64() || number.is_u64() => {
            assert_eq!(ours.integer(), number.as_i64().filter(|_| ours.integer().is_some()));
            assert_eq!(ours.unsigned(), number.as_u64().filter(|_| ours.unsigned().is_some()));
        }
        serde_json::Value::Number(_) => assert_eq!(ours.kind(), Kind::Number),
        serde_json::Value::String(text) => {
            assert!(ours.text().unwrap() == Text::Plain(text));
            assert_eq!(ours.text().unwrap().bytes_count(), text.len());
        }
        serde_json::Value::Array(list) => {
            let elements: Vec<_> = ours.elements().unwrap().collect();
            assert_eq!(elements.len(), list.len());
            elements.iter().zip(list).for_each(|(ours, theirs)| same(*ours, theirs));
        }
        serde_json::Value::Object(members) => {
            for (key, value) in ours.members().unwrap() {
                let key = key.to_string();
                // Of a key that stands twice they keep the last.
                let is_twice = ours.members().unwrap().filter(|(k, _)| *k == Text::Plain(&key));
                if is_twice.count() == 1 {
                    same(value, &members[&key]);
                }
            }
        }
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let depth = DEPTH_MAX as usize;
    assert!(Value::parse(&nested(depth)).is_ok());
    assert_eq!(Value::parse(&nested(depth + 1)), Err(depth));
    assert_eq!(Value::parse(&"[".repeat(60_000)), Err(depth));
    let mixed = "{\"a\":[".repeat(depth / 2) + &"]}".repeat(depth / 2);
    assert!(Value::parse(&mixed).is_ok());
}

#[test]
fn texts_are_their_characters() {
    let text = |written| Value::parse(written).unwrap().text().unwrap();
    assert_eq!(text(r#""\ud83d\ude00\u0041\n\/""#), Text::Plain("😀A\n/"));
    assert_eq!(text(r#""A""#), text(r#""\u0041""#));
    assert_eq!(text(r#""A""#).as_plain(), Some("A"));
    assert_eq!(text(r#""\u0041""#).as_plain(), None);
    let mut room = [0; 4];
    assert_eq!(text(r#""\ud83d\ude00""#).copy_to(&mut room), Some("😀"));
    assert_eq!(text(r#""\ud83d\ude00!""#).copy_to(&mut room), None);
    for bad in [r#""\ude00""#, r#""\ud83d""#, r#""\ud83d\u0041""#, r#""\uz""#, "\"\n\""] {
        assert!(Value::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn fields_are_known_and_stand_once() {
    let read = |text| Fields::read(Value::parse(text).unwrap(), &["a", "b"]).map(|it| it.at(1));
    assert_eq!(read(r#"{"b":2,"a":1}"#).unwrap().unwrap().as_str(), "2");
    assert_eq!(read(r#"{"a":1}"#), Ok(None));
    assert_eq!(read(r#"{"a":1,"\u0061":1}"#), Err(FieldFault::Twice(0)));
    assert_eq!(read(r#"{"c":1}"#), Err(FieldFault::Unknown));
    assert_eq!(read("[]"), Err(FieldFault::NoObject));
}

#[test]
fn pieces_are_the_characters_however_they_are_escaped() {
    let escapes = r#""a\"b\u00e9\ud83d\ude00c\\""#;
    for (text, pieces) in [
        (Text::Plain("a\\n"), vec!["a\\n"]),
        (Text::Plain(""), vec![]),
        (
            Value::parse(escapes).unwrap().text().unwrap(),
            vec!["a", "\"", "b", "é", "😀", "c", "\\"],
        ),
    ] {
        let mut found: Vec<String> = Vec::new();
        let is_whole = text.pieces(&mut |piece| {
            found.push(piece.to_string());
            true
        });
        assert!(is_whole);
        assert_eq!(found, pieces);
        assert_eq!(found.concat(), text.chars().collect::<String>());
        assert_eq!(text.bytes_count(), found.concat().len());
        let mut room = [0; 32];
        assert_eq!(text.copy_to(&mut room), Some(found.concat().as_str()));
        assert_eq!(text, Text::Plain(&found.concat()));
        // And it stops where it is told to.
        let mut count = 0;
        let is_whole = text.pieces(&mut |_| {
            count += 1;
            false
        });
        assert_eq!((is_whole, count), (pieces.is_empty(), usize::from(!pieces.is_empty())));
    }
    let mut short = [0; 3];
    assert_eq!(Text::Plain("four").copy_to(&mut short), None);
}
