//! A model server with a script: each job is three tool calls, one after the other, and an answer.
//!
//! It decides by the request alone, as a model does: the same request after a crash gives the same
//! answer. What it is told about the calls is kept, so that a test can see what the agent said of
//! them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sentinel_core::text::json;

use super::server::{self, Request};

/// What happened at the server.
#[derive(Debug, Default)]
struct Inner {
    /// How often each job was posted: what a tool did outside.
    posted: BTreeMap<u64, u64>,
    /// What the model was told last of each call, by job and call.
    told: BTreeMap<(u64, usize), String>,
}

/// The server, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    inner: Arc<Mutex<Inner>>,
    pub(crate) port: u16,
}

impl Model {
    /// One that sends its words with a pause in between.
    pub(crate) fn start(pause: Duration) -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let shared = inner.clone();
        let port = server::serve(Arc::new(move |request, stream| {
            if let Some(job) = request.path.strip_prefix("/post/") {
                assert_eq!(request.method, "POST");
                let job = job.parse().ok()?;
                *shared.lock().unwrap().posted.entry(job).or_default() += 1;
                return server::answer(stream, 200, "text/plain", "posted\n");
            }
            // Proxies ask for more than conversations.
            if request.body.is_empty() {
                return server::answer(stream, 404, "text/plain", "");
            }
            say(stream, pause, &script(&shared, request))
        }));
        Self { inner, port }
    }

    /// What a person writes so that this job is done. With `posts`, the first of its calls does
    /// something outside.
    pub(crate) fn wish(&self, job: u64, posts: bool) -> String {
        match posts {
            true => format!("job {job} with http://127.0.0.1:{}/post/{job} please", self.port),
            false => format!("job {job} please"),
        }
    }

    pub(crate) fn posted(&self, job: u64) -> u64 {
        self.inner.lock().unwrap().posted.get(&job).copied().unwrap_or(0)
    }

    /// What the model was told of the calls of a job.
    pub(crate) fn told(&self, job: u64) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let own = inner.told.iter().filter(|((known, _), _)| *known == job);
        own.map(|(_, text)| text.clone()).collect()
    }
}

/// What the answer to a job ends with.
pub(crate) fn mark(job: u64) -> String {
    format!("job {job} is done.")
}

/// What is in the file of a job in the end.
pub(crate) fn file(job: u64) -> (String, String) {
    (format!("job-{job}.txt"), format!("second {job}\n"))
}

/// What comes next in the conversation: events of a stream.
fn script(shared: &Mutex<Inner>, request: &Request) -> Vec<String> {
    let document = json::parse(&request.body).unwrap();
    let messages = document.root().get("messages").unwrap().elements().unwrap();
    let (mut wish, mut results) = (String::new(), Vec::new());
    for message in messages {
        let content = message.find("content");
        let content = content.map_or("", |content| content.source()).to_string();
        match message.get("role").unwrap().as_str().unwrap() {
            "user" if content.contains("job ") => {
                wish = content;
                results.clear();
            }
            "tool" => results.push(content),
            _ => {}
        }
    }
    let after = |word: &str| {
        let rest = wish.split(word).nth(1)?;
        let end = rest.find(|letter: char| letter.is_whitespace() || letter == '"');
        Some(rest[..end.unwrap_or(rest.len())].to_string())
    };
    let Some(job) = after("job ").and_then(|job| job.parse::<u64>().ok()) else {
        return words("There is nothing to do.");
    };
    for (index, result) in results.iter().enumerate() {
        shared.lock().unwrap().told.insert((job, index), result.clone());
    }
    let (name, _) = file(job);
    let call = |tool: &str, arguments: String| calls(job, results.len(), tool, &arguments);
    match results.len() {
        0 => match after("with ") {
            Some(url) => {
                call("http_fetch", format!(r#"{{"url":"{url}","method":"POST","body":"x"}}"#))
            }
            None => call("list_directory", r#"{"path":"."}"#.into()),
        },
        1 => {
            let content = format!(r#"{{"path":"{name}","content":"first {job}\n"}}"#);
            call("write_file", content)
        }
        2 => {
            let change = format!(r#"{{"path":"{name}","old":"first","new":"second"}}"#);
            call("edit_file", change)
        }
        _ => words(&format!("I did what I could and wrote it down, so {}", mark(job))),
    }
}

fn words(text: &str) -> Vec<String> {
    let mut events: Vec<String> = text
        .split_inclusive(' ')
        .map(|word| chunk(&format!(r#"{{"content":"{word}"}}"#), "null"))
        .collect();
    events.push(chunk("{}", r#""stop""#));
    events
}

fn calls(job: u64, index: usize, tool: &str, arguments: &str) -> Vec<String> {
    let arguments = json::array(|out| {
        out.value(arguments);
    });
    let arguments = arguments.trim_start_matches('[').trim_end_matches(']');
    let function = format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#);
    let call = format!(
        r#"{{"index":0,"id":"call_{job}_{index}","type":"function","function":{function}}}"#
    );
    let call = format!(r#"{{"tool_calls":[{call}]}}"#);
    vec![chunk(&call, "null"), chunk("{}", r#""tool_calls""#)]
}

fn chunk(delta: &str, reason: &str) -> String {
    let choice = format!(r#"{{"index":0,"delta":{delta},"finish_reason":{reason}}}"#);
    let head = r#""id":"c","object":"chat.completion.chunk","created":1,"model":"m""#;
    format!(r#"{{{head},"choices":[{choice}]}}"#)
}

fn say(stream: &mut TcpStream, pause: Duration, events: &[String]) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: \
                chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    for event in events.iter().map(String::as_str).chain(["[DONE]"]) {
        let event = format!("data: {event}\n\n");
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).ok()?;
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    stream.write_all(b"0\r\n\r\n").ok()
}
