//! Reading: every rule of RFC 8259, the texts of errors, the walk over a document, hostile input.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::generate::{self, Tree};
use crate::text::json::{self, AccessProblem, DuplicateKeys, Kind, Options, Value};

fn error(text: &str) -> String {
    json::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let cases = [
        ("", "1:1: expected a value, found the end of the text"),
        ("  \n ", "2:2: expected a value, found the end of the text"),
        ("{\"a\": 1,}", "1:9: expected a key in double quotes, found '}'"),
        ("{a: 1}", "1:2: expected a key in double quotes or '}', found 'a'"),
        ("{\"a\" 1}", "1:6: expected ':', found '1'"),
        ("{\"a\": 1 \"b\": 2}", "1:9: expected ',' or '}', found '\"'"),
        ("[1 2]", "1:4: expected ',' or ']', found '2'"),
        ("[1,]", "1:4: expected a value, found ']'"),
        ("[", "1:2: expected a value or ']', found the end of the text"),
        ("[1", "1:3: expected ',' or ']', found the end of the text"),
        ("[1}", "1:3: expected ',' or ']', found '}'"),
        ("{\"a\":1]", "1:7: expected ',' or '}', found ']'"),
        ("1 1", "1:3: expected the end of the text, found '1'"),
        ("trie", "1:3: expected 'ue', found 'i'"),
        ("nul", "1:4: expected 'l', found the end of the text"),
        ("falsey", "1:6: expected the end of the text, found 'y'"),
        ("-", "1:2: expected a digit, found the end of the text"),
        ("-x", "1:2: expected a digit, found 'x'"),
        ("01", "1:2: a number must not have leading zeros"),
        ("-01", "1:3: a number must not have leading zeros"),
        ("1.", "1:3: expected a digit, found the end of the text"),
        ("1.e1", "1:3: expected a digit, found 'e'"),
        ("1e", "1:3: expected a digit, '+' or '-', found the end of the text"),
        ("1e+", "1:4: expected a digit, found the end of the text"),
        ("+1", "1:1: expected a value, found '+'"),
        (".5", "1:1: expected a value, found '.'"),
        ("NaN", "1:1: expected a value, found 'N'"),
        ("'a'", "1:1: expected a value, found '''"),
        ("\"a", "1:3: expected the rest of the string and '\"', found the end of the text"),
        ("\"a\nb\"", "1:3: the control character 0x0a must be written as \\u000a"),
        ("\"\\x\"", "1:3: expected one of \" \\ / b f n r t u after the backslash, found 'x'"),
        ("\"\\u12g4\"", "1:6: expected a hexadecimal digit, found 'g'"),
        (
            "\"\\ud800\"",
            "1:8: expected the second half of a surrogate pair (\\udc00 to \\udfff), found '\"'",
        ),
        (
            "\"\\udc00\"",
            "1:5: half of a surrogate pair is no character; write both halves, high before low",
        ),
        ("\u{feff}1", "1:1: a JSON text must not start with a byte order mark"),
        ("[1,\n 2,\n é]", "3:2: expected a value, found the byte 0xc3"),
        ("{\"a\":1,\n\"a\":2}", "2:1: the key stands already at 1:2"),
        ("\u{a0}1", "1:1: expected a value, found the byte 0xc2"),
        ("[\u{c}1]", "1:2: expected a value or ']', found the byte 0x0c"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), expected, "{text:?}");
    }
}

#[test]
fn broken_utf8_is_refused_where_it_breaks_unless_syntax_broke_before() {
    let at = |text: &[u8]| json::parse(text).unwrap_err().to_string();
    assert_eq!(at(b"\"\xc3\xa9\xff\""), "1:3: the bytes are not UTF-8");
    assert_eq!(at(b"[1 \"\xff\""), "1:4: expected ',' or ']', found '\"'");
    assert_eq!(at(b"[1]\xff"), "1:4: expected the end of the text, found the byte 0xff");
    assert_eq!(at(b"[\xff"), "1:2: expected a value or ']', found the byte 0xff");
    assert_eq!(at(b"\"\xed\xa0\x80\""), "1:2: the bytes are not UTF-8");
    assert_eq!(at(b"{\"a\":1,\"a\":2}\xff"), "1:8: the key stands already at 1:2");
}

#[test]
fn strings_borrow_unless_they_hold_an_escape() {
    let text = r#"["plain é", "a\"b\\c\/d\b\f\n\r\te\u00e9\ud834\udd1e\u0000"]"#;
    let document = json::parse(text.as_bytes()).unwrap();
    let plain = document.root().index(0).unwrap().as_str().unwrap();
    assert_eq!(plain, "plain é");
    assert!(text.as_bytes().as_ptr_range().contains(&plain.as_ptr()));
    let decoded = document.root().index(1).unwrap().as_str().unwrap();
    assert_eq!(decoded, "a\"b\\c/d\u{8}\u{c}\n\r\teé\u{1d11e}\0");
}

#[test]
fn numbers_keep_every_digit() {
    let number = |text: &str| {
        let document = json::parse(text.as_bytes()).unwrap();
        let number = document.root().as_number().unwrap();
        assert_eq!(number.text(), text);
        (number.as_i64(), number.as_u64(), number.as_f64())
    };
    assert_eq!(number("0"), (Some(0), Some(0), Some(0.0)));
    assert_eq!(number("-0"), (Some(0), Some(0), Some(-0.0)));
    assert_eq!(number("-1"), (Some(-1), None, Some(-1.0)));
    assert_eq!(number("9223372036854775807").0, Some(i64::MAX));
    assert_eq!(number("9223372036854775808").0, None);
    assert_eq!(number("-9223372036854775808").0, Some(i64::MIN));
    assert_eq!(number("-9223372036854775809").0, None);
    assert_eq!(number("18446744073709551615").1, Some(u64::MAX));
    assert_eq!(number("18446744073709551616").1, None);
    assert_eq!(number("1.0"), (None, None, Some(1.0)));
    assert_eq!(number("1e2"), (None, None, Some(100.0)));
    assert_eq!(number("0.1").2, Some(0.1));
    assert_eq!(number("1e309").2, None);
    assert_eq!(number("1e-400").2, Some(0.0));
    assert_eq!(number("123456789012345678901234567890.123456789").0, None);
}

#[test]
fn access_errors_name_the_path_that_was_missing() {
    let text = br#"{
        "choices": [{"message": {"content": null}}, 7],
        "odd key": {"\u001b[31m": [], "": {}}
    }"#;
    let document = json::parse(text).unwrap();
    let root = document.root();
    let fail = |result: Result<Value<'_>, json::AccessError>| result.unwrap_err().to_string();
    assert_eq!(fail(root.get("id")), "1:1: no member 'id' in the document");
    let choices = root.get("choices").unwrap();
    assert_eq!(fail(choices.index(2)), "2:20: no element 2 in choices, which has 2");
    assert_eq!(fail(choices.get("x")), "2:20: choices must be an object, not an array");
    let message = choices.index(0).unwrap().get("message").unwrap();
    assert_eq!(
        message.get("content").unwrap().as_str().unwrap_err().to_string(),
        "2:45: choices[0].message.content must be a string, not null"
    );
    assert_eq!(
        choices.index(1).unwrap().as_bool().unwrap_err().to_string(),
        "2:53: choices[1] must be a boolean, not a number"
    );
    let odd = root.get("odd key").unwrap();
    let error = odd.get("\u{1b}[31m").unwrap().index(0).unwrap_err();
    assert_eq!(error.path(), r#"["odd key"]["\u{1b}[31m"]"#);
    assert_eq!(error.problem(), &AccessProblem::NoElement { index: 0, length: 0 });
    assert_eq!(odd.get("").unwrap().as_i64().unwrap_err().path(), r#"["odd key"][""]"#);

    let long = format!("{{\"{}\": 1}}", "k".repeat(1000));
    let document = json::parse(long.as_bytes()).unwrap();
    let (_, value) = document.root().members().unwrap().next().unwrap();
    let path = value.as_str().unwrap_err().path().to_string();
    assert_eq!(path, format!("[\"{}…\"]", "k".repeat(64)));
}

#[test]
fn a_value_knows_its_source_and_place() {
    let document = json::parse(b"{\"a\" : [1, \"x\\n\" ,{ } ]\n}").unwrap();
    let array = document.root().get("a").unwrap();
    assert_eq!(array.source(), "[1, \"x\\n\" ,{ } ]");
    assert_eq!(array.index(1).unwrap().source(), "\"x\\n\"");
    assert_eq!(array.index(2).unwrap().source(), "{ }");
    assert_eq!(array.index(2).unwrap().position().column, 19);
    assert_eq!(document.root().span().end, 25);
}

#[test]
fn members_keep_their_order() {
    let document = json::parse(br#"{"z": 1, "a": 2, "m": {"y": 3, "b": 4}}"#).unwrap();
    let keys: Vec<_> = document.root().members().unwrap().map(|(key, _)| key).collect();
    assert_eq!(keys, ["z", "a", "m"]);
}

#[test]
fn duplicate_keys_are_a_choice() {
    let text = br#"{"a": 1, "b": 2, "\u0061": 3}"#;
    let with = |choice| Options::new().duplicate_keys(choice).parse(text);
    let document = with(DuplicateKeys::KeepFirst).unwrap();
    assert_eq!(document.root().get("a").unwrap().as_i64(), Ok(1));
    let document = with(DuplicateKeys::KeepLast).unwrap();
    assert_eq!(document.root().get("a").unwrap().as_i64(), Ok(3));
    let error = with(DuplicateKeys::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "1:18: the key stands already at 1:2");
}

/// Keys that look alike to every shortcut: of all sizes of objects, with and without one duplicate.
#[test]
fn duplicates_are_found_exactly_in_objects_of_any_size() {
    for count in [2, 3, 4, 5, 17, 64, 65, 300] {
        for style in 0..3 {
            let key = |index: usize| match style {
                0 => format!("{index}"),
                // The same first and last eight bytes, and the same length.
                1 => format!("aaaaaaaa{index:04}zzzzzzzz"),
                _ => format!("k\\u00{:02x}{}", 0x30 + index % 10, index / 10),
            };
            let object = |keys: &[String]| {
                let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\":0")).collect();
                format!("{{{}}}", members.join(","))
            };
            let mut keys: Vec<_> = (0..count).map(key).collect();
            json::parse(object(&keys).as_bytes()).unwrap();
            for (first, again) in [(0, count - 1), (count / 2, count - 1), (0, 1)] {
                if first == again {
                    continue;
                }
                let before = core::mem::replace(&mut keys[again], key(first));
                let text = object(&keys);
                let error = json::parse(text.as_bytes()).unwrap_err();
                let starts: Vec<_> = text.match_indices(":0").map(|(at, _)| at).collect();
                let start = |index: usize| starts[index] - keys[index].len() - 2;
                assert_eq!(error.position.offset, start(again), "{text}");
                let json::ParseErrorKind::DuplicateKey { first: place } = error.kind else {
                    panic!("{error}")
                };
                assert_eq!(place.offset, start(first), "{text}");
                keys[again] = before;
            }
        }
    }
}

#[test]
fn bounds_are_errors_that_name_the_bound() {
    let options = Options::new().depth(3).bytes(20);
    assert!(options.parse(b"[[[1]],{\"a\":[]}]").is_ok());
    assert_eq!(
        options.parse(b"[[[[1]]]]").unwrap_err().to_string(),
        "1:4: arrays and objects are nested deeper than the limit of 3"
    );
    assert_eq!(
        options.parse(b"\"9012345678901234567890\"").unwrap_err().to_string(),
        "1:21: the text is longer than the limit of 20 bytes"
    );
    assert!(Options::new().depth(0).parse(b"1").is_ok());
    assert!(Options::new().depth(0).parse(b"[]").is_err());
}

#[test]
fn hostile_texts_are_refused_in_bounded_memory() {
    let limit = crate::limits::JSON_BYTES_MAX;
    let brackets = std::vec![b'['; 64 << 20];
    assert_eq!(json::parse(&brackets).unwrap_err().position.offset, limit);
    let error = Options::new().bytes(brackets.len()).parse(&brackets).unwrap_err();
    assert_eq!(error.position.offset, crate::limits::JSON_DEPTH_MAX);
    let zeros = std::vec![0_u8; limit + 1];
    assert_eq!(json::parse(&zeros).unwrap_err().position.offset, limit);
    let digits = std::vec![b'7'; 1 << 20];
    let document = json::parse(&digits).unwrap();
    assert_eq!(document.root().as_number().unwrap().as_f64(), None);
    assert!(document.root().as_i64().is_err());
    let quotes = b"\"\\\"".repeat(1 << 18);
    assert!(json::parse(&quotes).is_err());
}

/// Any depth is fine if the caller allows it: nothing recurses.
#[test]
fn depth_costs_no_stack() {
    let depth = 1 << 20;
    let text = "[".repeat(depth) + &"]".repeat(depth);
    let document = Options::new().depth(depth).parse(text.as_bytes()).unwrap();
    let written = json::array(|out| {
        out.value(document.root());
    });
    assert_eq!(written.len(), 2 * depth + 2);
    assert_eq!(document.root().canonical(json::Numbers::Exact).unwrap(), text);
}

fn matches(value: Value<'_>, tree: &Tree) -> bool {
    match tree {
        Tree::Null => value.is_null(),
        Tree::Bool(expected) => value.as_bool() == Ok(*expected),
        Tree::Integer(expected) => value.as_i64() == Ok(*expected),
        Tree::Double(expected) => {
            value.as_f64().is_ok_and(|found| found.to_bits() == expected.to_bits())
        }
        Tree::String(expected) => value.as_str() == Ok(expected),
        Tree::Array(expected) => {
            value.kind() == Kind::Array
                && value.elements().unwrap().count() == expected.len()
                && value.elements().unwrap().zip(expected).all(|(value, tree)| matches(value, tree))
        }
        Tree::Object(expected) => {
            value.kind() == Kind::Object
                && value.members().unwrap().count() == expected.len()
                && value
                    .members()
                    .unwrap()
                    .zip(expected)
                    .all(|((key, value), (name, tree))| key == name && matches(value, tree))
                && expected.iter().all(|(name, tree)| matches(value.get(name).unwrap(), tree))
        }
    }
}

#[test]
fn every_text_of_a_tree_reads_as_that_tree() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 4)?;
        let text = generate::text(u, &tree)?;
        let document = json::parse(text.as_bytes()).unwrap();
        assert!(matches(document.root(), &tree), "{text}");
        Ok(())
    });
}

/// An independent reader as oracle: the same texts accepted, but for what we are stricter about.
#[test]
fn agrees_with_an_independent_reader_on_broken_texts() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 3)?;
        let text = generate::text(u, &tree)?;
        let bytes = generate::mutated(u, &text)?;
        let lenient = Options::new().duplicate_keys(DuplicateKeys::KeepLast);
        let ours = lenient.parse(&bytes);
        let peer = serde_json::from_slice::<serde_json::Value>(&bytes);
        match (&ours, &peer) {
            (Ok(_), Err(error)) => {
                // The peer refuses doubles that overflow; we keep the digits.
                assert!(error.to_string().contains("number out of range"), "{error}: {text:?}");
            }
            (Err(error), Ok(_)) => panic!("{error}: {text:?}"),
            _ => {}
        }
        Ok(())
    });
}
