//! Writing: whatever is written reads back, and nothing else can be written.

use std::string::{String, ToString};
use std::vec::Vec;

use super::generate::{self, Tree};
use crate::text::json::{self, ArrayWriter, ObjectWriter, Sink};

fn write_element<S: Sink>(out: &mut ArrayWriter<'_, S>, tree: &Tree) {
    match tree {
        Tree::Null => out.value(None::<bool>),
        Tree::Bool(value) => out.value(*value),
        Tree::Integer(value) => out.value(*value),
        Tree::Double(value) => out.value(*value),
        Tree::String(value) => out.value(value),
        Tree::Array(elements) => {
            out.array(|out| elements.iter().for_each(|e| write_element(out, e)))
        }
        Tree::Object(members) => {
            out.object(|out| members.iter().for_each(|m| write_member(out, m)))
        }
    };
}

fn write_member<S: Sink>(out: &mut ObjectWriter<'_, S>, (key, tree): &(String, Tree)) {
    match tree {
        Tree::Null => out.field(key, None::<bool>),
        Tree::Bool(value) => out.field(key, *value),
        Tree::Integer(value) => out.field(key, *value),
        Tree::Double(value) => out.field(key, *value),
        Tree::String(value) => out.field(key, value.as_str()),
        Tree::Array(elements) => {
            out.array(key, |out| elements.iter().for_each(|e| write_element(out, e)))
        }
        Tree::Object(members) => {
            out.object(key, |out| members.iter().for_each(|m| write_member(out, m)))
        }
    };
}

/// Whether an independent reader sees the tree that was written.
fn sees(peer: &serde_json::Value, tree: &Tree) -> bool {
    match tree {
        Tree::Null => peer.is_null(),
        Tree::Bool(value) => peer.as_bool() == Some(*value),
        Tree::Integer(value) => peer.as_i64() == Some(*value),
        Tree::Double(value) => peer.as_f64() == Some(*value),
        Tree::String(value) => peer.as_str() == Some(value),
        Tree::Array(elements) => peer.as_array().is_some_and(|found| {
            found.len() == elements.len()
                && found.iter().zip(elements).all(|(peer, tree)| sees(peer, tree))
        }),
        Tree::Object(members) => peer.as_object().is_some_and(|found| {
            found.len() == members.len()
                && members.iter().all(|(key, tree)| found.get(key).is_some_and(|p| sees(p, tree)))
        }),
    }
}

#[test]
fn what_is_written_reads_back_here_and_elsewhere() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 4)?;
        let mut bytes = Vec::new();
        json::write_array(&mut bytes, |out| write_element(out, &tree));
        let text = json::array(|out| write_element(out, &tree));
        assert_eq!(text.as_bytes(), bytes);
        json::parse(&bytes).unwrap();
        let peer: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert!(sees(&peer[0], &tree), "{text}");
        Ok(())
    });
}

#[test]
fn a_document_is_written_as_it_stands_without_white_space() {
    arbtest::arbtest(|u| {
        let tree = generate::tree(u, 4)?;
        let text = generate::text(u, &tree)?;
        let document = json::parse(text.as_bytes()).unwrap();
        let written = json::array(|out| {
            out.value(document.root());
        });
        // White space between tokens is all that went: the strings are compared as they stand.
        let mut in_string = false;
        let mut escaped = false;
        let compact: String = text
            .chars()
            .filter(|&character| {
                let keep = in_string || !character.is_ascii_whitespace();
                match character {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => in_string = !in_string,
                    _ => {}
                }
                keep
            })
            .collect();
        assert_eq!(written, std::format!("[{compact}]"));
        Ok(())
    });
}

#[test]
fn a_part_of_a_document_is_written_alone() {
    let document = json::parse(br#" [ {"a" : [ ] , "b":{ "c":1.50 } } , [1,2] ] "#).unwrap();
    let written = json::object(|out| {
        out.field("first", document.root().index(0).unwrap())
            .field("second", document.root().index(1).unwrap());
    });
    assert_eq!(written, r#"{"first":{"a":[],"b":{"c":1.50}},"second":[1,2]}"#);
}

#[test]
fn integers_of_every_width_are_exact() {
    let text = json::array(|out| {
        out.value(u8::MAX).value(i8::MIN).value(i16::MIN).value(u16::MAX).value(i32::MIN);
        out.value(u32::MAX).value(i64::MIN).value(i64::MAX).value(u64::MAX).value(0_usize);
    });
    let expected = "[255,-128,-32768,65535,-2147483648,4294967295,-9223372036854775808,\
                    9223372036854775807,18446744073709551615,0]";
    assert_eq!(text, expected);
}

#[test]
fn doubles_that_are_not_finite_become_null() {
    let text = json::array(|out| {
        out.value(f64::NAN).value(f64::INFINITY).value(f64::NEG_INFINITY).value(-0.0);
    });
    assert_eq!(text, "[null,null,null,0]");
}

#[test]
fn strings_carry_only_the_escapes_they_must() {
    let every_control: String = (0..=0x20_u8).map(char::from).collect();
    let text = json::array(|out| {
        out.value(&every_control).value("\"\\/\u{7f}é\u{2028}\u{1f600}");
    });
    assert_eq!(
        text,
        "[\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\
         \\u000e\\u000f\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\
         \\u001a\\u001b\\u001c\\u001d\\u001e\\u001f \",\"\\\"\\\\/\u{7f}é\u{2028}\u{1f600}\"]"
    );
}

#[test]
fn optional_members_are_left_out_or_null() {
    let text = json::object(|out| {
        out.optional("stop", None::<&str>).optional("seed", Some(7)).field("user", None::<&str>);
    });
    assert_eq!(text, r#"{"seed":7,"user":null}"#);
}

#[test]
fn numbers_pass_through_digit_by_digit() {
    let text = "[12345678901234567890123456789.0,-0,1E+2]".to_string();
    let document = json::parse(text.as_bytes()).unwrap();
    let written = json::array(|out| {
        for value in document.root().elements().unwrap() {
            out.value(value.as_number().unwrap());
        }
    });
    assert_eq!(written, text);
}
