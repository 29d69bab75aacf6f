//! A small Telegram with one person in it, and a model that does what its script says.
//!
//! The person asks for something, and presses the first button of whatever has buttons. What the
//! agent does on the platform is written down, a line for each, so that a check can look at it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use sentinel_core::text::json::{self, Value};

use crate::hosts::PAUSE;

/// The platform, with one chat.
pub(crate) struct Telegram {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Updates that nobody confirmed yet.
    updates: VecDeque<(i64, String)>,
    updates_count: i64,
    messages_count: u64,
    record: File,
}

impl Telegram {
    /// The person has written this, and waits.
    pub(crate) fn new(record: File, words: &str) -> Self {
        let mut inner =
            Inner { updates: VecDeque::new(), updates_count: 0, messages_count: 1, record };
        let words = json::array(|out| {
            out.value(words);
        });
        let words = words.trim_start_matches('[').trim_end_matches(']').to_string();
        inner.update(&format!(
            "\"message\":{{\"message_id\":1,\"date\":1,\"from\":{PERSON},\"chat\":{CHAT},\
             \"text\":{words}}}"
        ));
        Self { inner: Mutex::new(inner) }
    }

    /// What it answers to a request.
    pub(crate) fn answer(&self, request: &str) -> Vec<Vec<u8>> {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let path = head.split(' ').nth(1).unwrap_or_default();
        let Some(method) = path.strip_prefix(concat!("/bot", "12:sk-appliance", "/")) else {
            return said(401, "{\"ok\":false,\"error_code\":401,\"description\":\"Unauthorized\"}");
        };
        let document = json::parse(if body.is_empty() { b"{}" } else { body.as_bytes() });
        let Ok(document) = document else {
            return said(400, "{\"ok\":false,\"error_code\":400,\"description\":\"no JSON\"}");
        };
        let root = document.root();
        let number = |name: &str| root.find(name).and_then(|value| value.as_i64().ok());
        let text = || root.find("text").and_then(|text| text.as_str().ok()).unwrap_or_default();
        let mut result = "true".to_string();
        match method {
            "getMe" => {
                result =
                    "{\"id\":12,\"is_bot\":true,\"first_name\":\"S\",\"username\":\"sbot\"}".into();
            }
            "getUpdates" => result = self.poll(number("offset").unwrap_or(0)),
            "sendMessage" => {
                let buttons = buttons(root);
                let mut inner = self.inner.lock().unwrap();
                inner.messages_count += 1;
                let id = inner.messages_count;
                let line = format!("send {id} {:?} {buttons:?}", text());
                inner.note(&line);
                if let Some(data) = buttons.first() {
                    let message = format!(
                        "{{\"message_id\":{id},\"date\":1,\"chat\":{CHAT},\
                         \"from\":{{\"id\":12,\"is_bot\":true}}}}"
                    );
                    inner.update(&format!(
                        "\"callback_query\":{{\"id\":\"q{id}\",\"from\":{PERSON},\
                         \"message\":{message},\"data\":\"{data}\"}}"
                    ));
                }
                result = format!("{{\"message_id\":{id},\"date\":1,\"chat\":{CHAT}}}");
            }
            "editMessageText" | "editMessageReplyMarkup" => {
                let line = format!(
                    "edit {} {:?} {:?}",
                    number("message_id").unwrap_or(0),
                    text(),
                    buttons(root)
                );
                self.inner.lock().unwrap().note(&line);
            }
            other => self.inner.lock().unwrap().note(other),
        }
        said(200, &format!("{{\"ok\":true,\"result\":{result}}}"))
    }

    /// What nobody confirmed yet, waiting a while for the first of it.
    fn poll(&self, offset: i64) -> String {
        for _ in 0..POLLS {
            let mut inner = self.inner.lock().unwrap();
            inner.updates.retain(|(id, _)| *id >= offset);
            if !inner.updates.is_empty() {
                let texts: Vec<&str> = inner.updates.iter().map(|(_, text)| &**text).collect();
                return format!("[{}]", texts.join(","));
            }
            drop(inner);
            thread::sleep(Duration::from_millis(20));
        }
        "[]".into()
    }
}

impl Inner {
    fn update(&mut self, what: &str) {
        self.updates_count += 1;
        let id = self.updates_count;
        self.updates.push_back((id, format!("{{\"update_id\":{id},{what}}}")));
    }

    fn note(&mut self, line: &str) {
        writeln!(self.record, "{line}").unwrap();
    }
}

/// The data of a message's buttons.
pub(crate) fn buttons(root: Value<'_>) -> Vec<String> {
    let keyboard = root.find("reply_markup").and_then(|markup| markup.find("inline_keyboard"));
    let rows = keyboard.and_then(|rows| rows.elements().ok()).into_iter().flatten();
    let buttons = rows.flat_map(|row| row.elements().into_iter().flatten());
    let data = buttons.filter_map(|button| button.find("callback_data")?.as_str().ok());
    data.map(String::from).collect()
}

pub(crate) fn said(status: u16, body: &str) -> Vec<Vec<u8>> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    vec![[head.as_bytes(), body.as_bytes()].concat()]
}

/// A call of a tool, as a model makes it: its name and its arguments.
pub(crate) type Made = (&'static str, &'static str);

/// Answers as a service of Anthropic's does: calls these tools, some at a time, and when the
/// results of all are there, says a few words slowly.
pub(crate) fn scripted(request: &str, calls: &[Made], at_once: usize) -> Vec<Vec<u8>> {
    let head = request.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    if !head.contains("\r\nx-api-key: sk-appliance") {
        return said(401, "{}");
    }
    let done = request.matches("\"type\":\"tool_result\"").count();
    match calls.get(done..) {
        Some(rest) if !rest.is_empty() => {
            stream(&["I see ", "to it."], &rest[..rest.len().min(at_once)], done)
        }
        _ => stream(
            &["It is done: ", "tea ", "is on ", "the list, ", "and nothing ", "else."],
            &[],
            0,
        ),
    }
}

/// A stream of Anthropic's that says these words slowly and makes these calls, of which the first
/// has this number.
pub(crate) fn stream(words: &[&str], calls: &[(&str, &str)], first: usize) -> Vec<Vec<u8>> {
    let mut events = vec![START.to_string()];
    events.push(block(0, "{\"type\":\"text\",\"text\":\"\"}"));
    for word in words {
        events.push(delta(0, &format!("{{\"type\":\"text_delta\",\"text\":\"{word}\"}}")));
        events.push(String::new());
    }
    events.push(stop(0));
    for (place, (name, arguments)) in calls.iter().enumerate() {
        let (number, index) = (first + place, place + 1);
        let made = format!(
            "{{\"type\":\"tool_use\",\"id\":\"call-{number}\",\"name\":\"{name}\",\"input\":{{}}}}"
        );
        events.push(block(index, &made));
        let arguments = json::object(|out| {
            out.field("type", "input_json_delta").field("partial_json", *arguments);
        });
        events.push(delta(index, &arguments));
        events.push(stop(index));
    }
    let reason = if calls.is_empty() { "end_turn" } else { "tool_use" };
    events.push(event(
        "message_delta",
        &format!("\"delta\":{{\"stop_reason\":\"{reason}\"}},\"usage\":{{\"output_tokens\":9}}"),
    ));
    events.push(event("message_stop", "\"x\":0"));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut pieces = vec![head.as_bytes().to_vec()];
    pieces.extend(events.into_iter().map(|event| match event.as_str() {
        "" => PAUSE.to_vec(),
        event => format!("{:x}\r\n{event}\r\n", event.len()).into_bytes(),
    }));
    pieces.push(b"0\r\n\r\n".to_vec());
    pieces
}

fn event(name: &str, rest: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\",{rest}}}\n\n")
}

fn block(index: usize, content: &str) -> String {
    event("content_block_start", &format!("\"index\":{index},\"content_block\":{content}"))
}

fn delta(index: usize, delta: &str) -> String {
    event("content_block_delta", &format!("\"index\":{index},\"delta\":{delta}"))
}

fn stop(index: usize) -> String {
    event("content_block_stop", &format!("\"index\":{index}"))
}

const START: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",",
    "\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"claude\",",
    "\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
);

pub(crate) const PERSON: &str = "{\"id\":77,\"is_bot\":false,\"first_name\":\"P\"}";
pub(crate) const CHAT: &str = "{\"id\":77,\"type\":\"private\"}";

/// How often it is looked whether somebody wrote: some seconds.
const POLLS: u32 = 150;
