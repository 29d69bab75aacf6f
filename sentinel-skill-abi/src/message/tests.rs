use std::string::String;
use std::vec::Vec;

use arbtest::arbitrary::{Result, Unstructured};

use super::*;
use crate::limits::VERSION;

const VALUES: [&str; 6] =
    ["null", "{}", "[1,{\"a\":\"\\ud83d\\ude00\"}]", "\"x\\n\"", "-1e5", "true"];

fn words(source: &mut Unstructured<'_>) -> Result<String> {
    const WORDS: [&str; 6] = ["a", "é", "😀", "\"", "\\", "\n\u{1}"];
    let mut words = String::from("x");
    for _ in 0..source.int_in_range(0..=8)? {
        words.push_str(source.choose(&WORDS)?);
    }
    Ok(words)
}

/// Any message of Sentinel's.
fn to_skill<'a>(
    source: &mut Unstructured<'_>,
    words: &'a str,
    value: &'a str,
) -> Result<ToSkill<'a>> {
    let id = source.int_in_range(1..=u32::MAX)?;
    let text = Text::Plain(words);
    let object = Value::parse(value).ok().filter(|value| value.kind() == Kind::Object);
    Ok(match source.int_in_range(0..=6)? {
        0 => ToSkill::Hello { version: id },
        1 => ToSkill::Describe { id },
        2 => ToSkill::Call { id, tool: text, arguments: object.unwrap_or(Value::EMPTY) },
        3 => ToSkill::Cancel { id },
        4 => ToSkill::Answer { id, bytes: None, is_last: None },
        5 => ToSkill::Answer { id, bytes: Some(Text::Plain("Zm8=")), is_last: Some(true) },
        _ => ToSkill::Refusal { id, code: *source.choose(&Code::ALL)?, message: text },
    })
}

/// Any message of a skill's.
fn to_host<'a>(
    source: &mut Unstructured<'_>,
    words: &'a str,
    value: &'a str,
) -> Result<ToHost<'a>> {
    let id = source.int_in_range(1..=u32::MAX)?;
    let text = Text::Plain(words);
    let short = Text::Plain("skill");
    Ok(match source.int_in_range(0..=7)? {
        0 => ToHost::Hello { version: id, name: short, release: short },
        1 => ToHost::Description { id, tools: Value::parse(TOOLS).unwrap() },
        2 => ToHost::Progress { id, done: source.arbitrary()?, total: None, message: None },
        3 => {
            let total = source.arbitrary()?;
            ToHost::Progress { id, done: 0, total, message: Some(text) }
        }
        4 => {
            let length = source.int_in_range(1..=32768)?;
            let service = Service::Read { handle: id, offset: source.arbitrary()?, length };
            ToHost::Request { id, call: id, service }
        }
        5 => ToHost::Request { id, call: id, service: Service::Proceed },
        6 => ToHost::Result { id, output: Value::parse(value).unwrap() },
        _ => ToHost::Error {
            id: source.arbitrary()?,
            code: *source.choose(&Code::ALL)?,
            message: text,
        },
    })
}

const TOOLS: &str = r#"[{"name":"a","description":"b","parameters":{}}]"#;

#[test]
fn what_is_written_reads_back() {
    arbtest::arbtest(|source| {
        let mut room = [0; 4096];
        let (words, value) = (words(source)?, *source.choose(&VALUES)?);
        let message = to_skill(source, &words, value)?;
        let length = message.write(&mut room).unwrap();
        assert_eq!(room[..length].iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(ToSkill::read(&room[..length]), Ok(message));
        assert!(ToSkill::read(&room[..length - 2]).is_err(), "half of it is none");
        let message = to_host(source, &words, value)?;
        let length = message.write(&mut room).unwrap();
        assert_eq!(room[..length].iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(ToHost::read(&room[..length]), Ok(message));
        assert!(ToHost::read(&room[..length - 2]).is_err(), "half of it is none");
        // What fits nowhere is not begun.
        assert_eq!(message.write(&mut room[..length - 1]), Err(Full));
        Ok(())
    });
}

#[test]
fn what_is_wrong_has_a_name() {
    for (line, fault) in [
        ("", Fault::NoJson(0)),
        ("{\"type\":\"call\"", Fault::NoJson(14)),
        ("{\"type\":\"cancel\",\n\"id\":1}", Fault::NoJson(17)),
        ("[]", Fault::UnknownType),
        ("{\"type\":1}", Fault::UnknownType),
        ("{\"type\":\"result\",\"id\":1}", Fault::UnknownType),
        ("{\"type\":\"cancel\",\"id\":1,\"type\":\"cancel\"}", Fault::KeyTwice),
        ("{\"type\":\"cancel\",\"id\":1,\"\\u0069d\":1}", Fault::KeyTwice),
        ("{\"type\":\"cancel\",\"id\":1,\"why\":1}", Fault::UnknownKey),
        ("{\"type\":\"cancel\"}", Fault::Field("id")),
        ("{\"type\":\"cancel\",\"id\":0}", Fault::Field("id")),
        ("{\"type\":\"cancel\",\"id\":1.0}", Fault::Field("id")),
        ("{\"type\":\"cancel\",\"id\":4294967296}", Fault::Field("id")),
        ("{\"type\":\"cancel\",\"id\":\"1\"}", Fault::Field("id")),
        ("{\"type\":\"call\",\"id\":1,\"tool\":\"\",\"arguments\":{}}", Fault::Field("tool")),
        ("{\"type\":\"call\",\"id\":1,\"tool\":\"a\",\"arguments\":[]}", Fault::Field("arguments")),
        ("{\"type\":\"answer\",\"id\":1,\"bytes\":\"\"}", Fault::Field("last")),
        ("{\"type\":\"refusal\",\"id\":1,\"code\":\"x\",\"message\":\"y\"}", Fault::Field("code")),
    ] {
        assert_eq!(ToSkill::read(line.as_bytes()), Err(fault), "{line}");
    }
    assert_eq!(ToSkill::read(b"\xff"), Err(Fault::NoUtf8));
    assert_eq!(ToSkill::read(&[b' '; LINE_BYTES_MAX]), Err(Fault::TooLong));
    for (line, fault) in [
        ("{\"type\":\"describe\",\"id\":1}", Fault::UnknownType),
        ("{\"type\":\"result\",\"id\":1}", Fault::Field("output")),
        ("{\"type\":\"description\",\"id\":1,\"tools\":{}}", Fault::Field("tools")),
        ("{\"type\":\"description\",\"id\":1,\"tools\":[1]}", Fault::Field("tools")),
        (
            "{\"type\":\"request\",\"id\":1,\"call\":1,\"service\":\"proceed\",\"handle\":1}",
            Fault::UnknownKey,
        ),
        (
            "{\"type\":\"request\",\"id\":1,\"call\":1,\"service\":\"read\",\"handle\":1,\
             \"offset\":0,\"length\":32769}",
            Fault::Field("length"),
        ),
    ] {
        assert_eq!(ToHost::read(line.as_bytes()), Err(fault), "{line}");
    }
    let twice = std::format!(
        "{{\"type\":\"description\",\"id\":1,\"tools\":[{0},{0}]}}",
        &TOOLS[1..TOOLS.len() - 1]
    );
    assert_eq!(ToHost::read(twice.as_bytes()), Err(Fault::Field("tools")));
}

#[test]
fn bytes_are_any_bytes() {
    let bytes: Vec<u8> = (0..READ_BYTES_MAX).map(|index| (index * 7 % 256) as u8).collect();
    let mut line = std::vec![0; LINE_BYTES_MAX];
    let length = write_bytes(3, &bytes, true, &mut line).unwrap();
    let Ok(ToSkill::Answer { id: 3, bytes: Some(text), is_last: Some(true) }) =
        ToSkill::read(&line[..length])
    else {
        panic!("no answer");
    };
    let mut room = std::vec![0; READ_BYTES_MAX];
    assert_eq!(read_bytes(text, &mut room), Some(READ_BYTES_MAX));
    assert_eq!(room, bytes);
    assert_eq!(write_bytes(3, &[0; READ_BYTES_MAX + 1], true, &mut line), Err(Full));
}

/// The page from which others implement the contract: every message on it is one, and every
/// message is on it.
#[test]
fn the_examples_of_the_document_are_messages() {
    let page = include_str!("../../../docs/SKILLS.md");
    let mut seen = Vec::new();
    let mut room = std::vec![0; LINE_BYTES_MAX];
    for (at, line) in page.lines().enumerate() {
        let at = at + 1;
        let (direction, text) = match line.split_once(' ') {
            Some((direction @ (">" | "<"), text)) if text.starts_with('{') => (direction, text),
            _ => continue,
        };
        let length = if direction == ">" {
            let message = ToSkill::read(text.as_bytes());
            message.unwrap_or_else(|fault| panic!("SKILLS.md:{at}: {fault}")).write(&mut room)
        } else {
            let message = ToHost::read(text.as_bytes());
            message.unwrap_or_else(|fault| panic!("SKILLS.md:{at}: {fault}")).write(&mut room)
        };
        assert_eq!(&room[..length.unwrap() - 1], text.as_bytes(), "SKILLS.md:{at}: as we write it");
        let kind = kind(value(text.as_bytes()).unwrap()).unwrap();
        seen.push(std::format!("{direction} {kind}"));
    }
    for kind in [
        "> hello",
        "> describe",
        "> call",
        "> cancel",
        "> answer",
        "> refusal",
        "< hello",
        "< description",
        "< progress",
        "< request",
        "< result",
        "< error",
    ] {
        assert!(seen.iter().any(|seen| seen == kind), "the page has no example of {kind}");
    }
    for code in Code::ALL {
        assert!(page.contains(&std::format!("`{}`", code.word())), "{}", code.word());
    }
    for bound in [LINE_BYTES_MAX, READ_BYTES_MAX, DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX] {
        assert!(page.contains(&std::format!("| {bound} |")), "{bound} is not on the page");
    }
    assert!(page.contains(&std::format!("Version {VERSION}")));
}
