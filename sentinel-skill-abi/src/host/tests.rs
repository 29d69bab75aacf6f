use std::collections::VecDeque;
use std::string::{String, ToString as _};
use std::vec;
use std::vec::Vec;

use super::*;
use crate::limits::LINE_BYTES_MAX;
use crate::{choice, output, parameters, tools};

choice! {
    /// A unit.
    enum Unit {
        /// Letters.
        Letters = "letters",
        /// Words.
        Words = "words",
    }
}

parameters! {
    /// What is counted.
    struct Count {
        /// The text to count in.
        text: heapless::String<16>,
        /// What is counted:
        /// one of these.
        unit: Option<Unit>,
        /// Numbers.
        numbers: Option<heapless::Vec<i32, 2>>,
    }
}

parameters! {
    /// What is read.
    struct Reading {
        /// The file.
        file: Handle,
    }
}

parameters! {
    /// Nothing at all.
    struct Nothing {}
}

output! {
    /// How many.
    struct Counted {
        count: u64,
    }
}

fn count(parameters: Count, host: &mut Host<'_>) -> Result<Counted, Failure> {
    let Count { text, unit, numbers } = parameters;
    host.progress(1, Some(2), Some("counting"))?;
    let count = match unit.unwrap_or(Unit::Letters) {
        Unit::Letters => text.chars().count(),
        Unit::Words => text.split_whitespace().count(),
    };
    let extra = numbers
        .unwrap_or_default()
        .iter()
        .map(|number| u64::from(number.unsigned_abs()))
        .sum::<u64>();
    Ok(Counted { count: count as u64 + extra })
}

fn read(reading: Reading, host: &mut Host<'_>) -> Result<heapless::String<64>, Failure> {
    let mut room = [0; 32];
    let (count, _) = host.read(reading.file, 0, &mut room)?;
    host.proceed()?;
    let text = core::str::from_utf8(&room[..count]).map_err(|_| Failure::new("no text"))?;
    heapless::String::try_from(text).map_err(|_| Failure::new("too long"))
}

fn huge(_: Nothing, _: &mut Host<'_>) -> Result<std::boxed::Box<Long>, Failure> {
    Ok(std::boxed::Box::new(Long))
}

struct Long;

impl Output for std::boxed::Box<Long> {
    fn write(&self, line: &mut Line<'_>) {
        line.text(Text::Plain(&"x".repeat(LINE_BYTES_MAX)));
    }
}

static SKILL: Skill = Skill {
    name: "counter",
    release: "1.0",
    tools: &tools! {
        /// Counts.
        count(Count);
        /// Reads
        /// a file.
        read(Reading);
        /// Gives too much.
        huge(Nothing);
    },
};

/// Says these lines, and hears what is answered.
struct Script {
    lines: VecDeque<String>,
    heard: Vec<String>,
}

impl Transport for Script {
    fn send(&mut self, line: &[u8]) -> Result<(), Closed> {
        let line = line.strip_suffix(b"\n").expect("lines are whole");
        self.heard.push(String::from_utf8(line.to_vec()).unwrap());
        Ok(())
    }

    fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Fault> {
        let Some(line) = self.lines.pop_front() else { return Ok(None) };
        room[..line.len()].copy_from_slice(line.as_bytes());
        Ok(Some(line.len()))
    }
}

const HELLO: &str = r#"{"type":"hello","version":1}"#;

/// What is said to these lines after the greetings, and how it ended.
fn talk(lines: &[&str]) -> (Vec<String>, Result<(), Fault>) {
    let lines = [HELLO].iter().chain(lines).map(|line| line.to_string()).collect();
    let mut script = Script { lines, heard: Vec::new() };
    let mut room = [vec![0; LINE_BYTES_MAX], vec![0; LINE_BYTES_MAX]];
    let [input, output] = &mut room;
    let ended = SKILL.run(&mut script, input, output);
    let hello = script.heard.remove(0);
    assert_eq!(hello, r#"{"type":"hello","version":1,"name":"counter","release":"1.0"}"#);
    (script.heard, ended)
}

fn call(tool: &str, arguments: &str) -> String {
    std::format!("{{\"type\":\"call\",\"id\":1,\"tool\":\"{tool}\",\"arguments\":{arguments}}}")
}

#[test]
fn it_describes_its_functions() {
    let (heard, ended) = talk(&[r#"{"type":"describe","id":1}"#]);
    assert_eq!(ended, Ok(()));
    let value: serde_json::Value = serde_json::from_str(&heard[0]).unwrap();
    let tools = value["tools"].as_array().unwrap();
    assert_eq!(tools[1]["description"], "Reads a file.");
    assert_eq!(
        tools[0]["parameters"],
        serde_json::json!({
            "type": "object",
            "properties": {
                "text": {"type": "string", "maxLength": 16, "description": "The text to count in."},
                "unit": {
                    "type": "string",
                    "enum": ["letters", "words"],
                    "description": "What is counted: one of these."
                },
                "numbers": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX},
                    "maxItems": 2,
                    "description": "Numbers."
                }
            },
            "required": ["text"],
            "additionalProperties": false
        })
    );
}

#[test]
fn arguments_are_what_the_types_say() {
    let good = call("count", r#"{"numbers":[-1,1],"unit":"words","text":"a \ud83d\ude00 b"}"#);
    let (heard, ended) = talk(&[&good]);
    assert_eq!(ended, Ok(()));
    assert_eq!(heard[0], r#"{"type":"progress","id":1,"done":1,"total":2,"message":"counting"}"#);
    assert_eq!(heard[1], r#"{"type":"result","id":1,"output":{"count":5}}"#);
    for (arguments, why) in [
        ("{}", "`text` is missing"),
        (r#"{"text":null}"#, "`text` is not what the schema says it is"),
        (r#"{"text":"12345678901234567"}"#, "`text` is not what the schema says it is"),
        (r#"{"text":"a","text":"b"}"#, "`text` stands twice"),
        (r#"{"text":"a","more":1}"#, "there is a parameter that the tool does not have"),
        (r#"{"text":"a","unit":"lines"}"#, "`unit` is not what the schema says it is"),
        (r#"{"text":"a","numbers":[1,2,3]}"#, "`numbers` is not what the schema says it is"),
        (r#"{"text":"a","numbers":[2147483648]}"#, "`numbers` is not what the schema says it is"),
    ] {
        let (heard, ended) = talk(&[&call("count", arguments)]);
        assert_eq!(ended, Ok(()));
        let expected = std::format!(
            "{{\"type\":\"error\",\"id\":1,\"code\":\"arguments\",\"message\":\"{why}\"}}"
        );
        assert_eq!(heard, [expected], "{arguments}");
    }
    let (heard, _) = talk(&[&call("count", r#"{"text":"a","unit":null}"#)]);
    assert!(heard[1].ends_with("{\"count\":1}}"), "what is null was left out");
    let (heard, _) = talk(&[&call("cuont", "{}")]);
    assert!(heard[0].contains("\"code\":\"unknown_tool\""), "{heard:?}");
    let (heard, _) = talk(&[&call("huge", "{}")]);
    assert!(heard[0].contains("\"code\":\"too_large\""), "{heard:?}");
}

#[test]
fn what_a_handle_stands_for_is_read_by_asking() {
    let call = call("read", r#"{"file":7}"#);
    let bytes = r#"{"type":"answer","id":1,"bytes":"aGVsbG8=","last":true}"#;
    let (heard, ended) = talk(&[&call, bytes, r#"{"type":"answer","id":2}"#]);
    assert_eq!(ended, Ok(()));
    assert_eq!(
        heard,
        [
            concat!(
                r#"{"type":"request","id":1,"call":1,"service":"read","#,
                r#""handle":7,"offset":0,"length":32}"#
            ),
            r#"{"type":"request","id":2,"call":1,"service":"proceed"}"#,
            r#"{"type":"result","id":1,"output":"hello"}"#,
        ]
    );
    let refusal = r#"{"type":"refusal","id":1,"code":"denied","message":"not granted"}"#;
    let (heard, ended) = talk(&[&call, refusal]);
    assert_eq!(ended, Ok(()));
    assert_eq!(heard[1], r#"{"type":"error","id":1,"code":"denied","message":"not granted"}"#);
    let (heard, ended) = talk(&[&call, r#"{"type":"cancel","id":1}"#, bytes]);
    assert_eq!(ended, Ok(()));
    assert!(heard[1].contains("\"code\":\"cancelled\""), "{heard:?}");
}

#[test]
fn what_breaks_the_contract_is_said_and_ends_it() {
    let read = call("read", r#"{"file":7}"#);
    let answer = r#"{"type":"answer","id":1,"bytes":"aGVsbG8=","last":true}"#;
    let hello = HELLO.to_string();
    for (lines, fault) in [
        (vec!["{\"type\":\"call\",\"id\"".to_string()], Fault::NoJson(19)),
        (vec![hello], Fault::OutOfTurn),
        (vec![answer.into()], Fault::WrongId(1)),
        (vec![r#"{"type":"cancel","id":9}"#.into()], Fault::WrongId(9)),
        (vec![call("count", "{}"), call("count", "{}")], Fault::Doubled(1)),
        (vec![read.clone(), answer.into(), answer.into()], Fault::Doubled(1)),
        (vec![read.clone(), r#"{"type":"answer","id":2}"#.into()], Fault::WrongId(2)),
        (vec![read.clone(), r#"{"type":"answer","id":1}"#.into()], Fault::Field("bytes")),
        (vec![read, call("count", "{}")], Fault::OutOfTurn),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (heard, ended) = talk(&lines);
        assert_eq!(ended, Err(fault), "{lines:?}");
        let last = heard.last().unwrap();
        assert!(last.starts_with(r#"{"type":"error","id":0,"code":"protocol""#), "{last}");
    }
    let mut script = Script { lines: [HELLO.replace('1', "2")].into(), heard: Vec::new() };
    let ended = SKILL.run(&mut script, &mut [0; 512], &mut [0; 512]);
    assert_eq!(ended, Err(Fault::Version(2)));
    assert!(script.heard[0].starts_with(r#"{"type":"error","id":0,"code":"version""#));
}
