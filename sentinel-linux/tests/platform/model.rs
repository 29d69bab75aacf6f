//! A model's service of our own: a few rules, answered in pieces, as OpenAI's interface does it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sentinel_core::text::json;

use crate::agent::{MODEL_KEY, until};
use crate::server::{Ask, Mishaps, Reply, Service};

#[derive(Default)]
pub struct Model {
    pub mishaps: Mishaps,
    /// All that it was asked, as it came.
    pub asked: Mutex<Vec<String>>,
    calls_count: AtomicUsize,
    is_shown: Mutex<Option<Box<IsShown>>>,
}

/// Whether people see these words.
type IsShown = dyn Fn(&str) -> bool + Send;

impl Model {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What grows goes on when people have seen it twice on the way, however slow the agent is.
    pub fn look_at(&self, is_shown: impl Fn(&str) -> bool + Send + 'static) {
        *self.is_shown.lock().unwrap() = Some(Box::new(is_shown));
    }

    /// The section of a configuration that leads to it.
    pub fn section(base: &str) -> String {
        format!(
            "[models.test]\nprovider = \"compatible\"\nbase_url = \"{base}/v1\"\nmodel = \"m\"\n\
             api_key_env = \"MODEL_KEY\"\n"
        )
    }
}

impl Service for Model {
    fn word(&self, _: &Ask) -> String {
        "model".into()
    }

    fn answer(&self, ask: &Ask) -> Reply {
        assert!(ask.user_agent.starts_with("sentinel/"), "{}", ask.user_agent);
        if ask.authorization != format!("Bearer {MODEL_KEY}") {
            return Reply::json(401, r#"{"error":{"message":"no such key"}}"#);
        }
        let body = String::from_utf8(ask.body.clone()).unwrap();
        let document = json::parse(body.as_bytes()).unwrap();
        let messages = document.root().get("messages").unwrap().elements().unwrap();
        let last = messages.last().unwrap();
        let role = last.get("role").unwrap().as_str().unwrap();
        let words = last.get("content").unwrap().as_str().unwrap_or_default().to_string();
        let is_result = role == "tool";
        self.asked.lock().unwrap().push(body.clone());
        let (pieces, pause) = match words.lines().last().unwrap_or_default() {
            _ if is_result => (vec![format!("The tool said: {words}")], 0),
            "grow" => ((0..8).map(|count| format!("piece {count} ")).collect(), 500),
            "long" => (vec![(0..1200).map(|count| format!("word{count} ")).collect()], 0),
            text => match text.strip_prefix("call ") {
                Some(call) => return self.call(call),
                None => (vec![format!("You said: {text}")], 0),
            },
        };
        let mut stream = String::new();
        for piece in &pieces {
            let delta = json::object(|out| {
                out.array("choices", |out| {
                    out.object(|out| {
                        out.field("index", 0).object("delta", |out| {
                            out.field("content", piece);
                        });
                    });
                });
            });
            stream += &format!("data: {delta}\n\n");
        }
        stream += "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        Self::stream(stream, pause)
    }

    fn refuse(&self, seconds: u32) -> Reply {
        let mut reply = Reply::json(429, r#"{"error":{"message":"slow down"}}"#);
        reply.fields += &format!("retry-after: {seconds}\r\n");
        reply
    }

    fn follow(&self, piece: &[u8]) {
        let piece = String::from_utf8_lossy(piece);
        for words in ["piece 2", "piece 5"].into_iter().filter(|words| piece.contains(words)) {
            let is_shown = self.is_shown.lock().unwrap();
            until("what has grown is shown", || is_shown.as_ref().is_none_or(|it| it(words)));
        }
    }

    fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }
}

impl Model {
    /// Calls a tool: its name, a space and its arguments.
    fn call(&self, words: &str) -> Reply {
        let (name, arguments) = words.split_once(' ').unwrap();
        let id = self.calls_count.fetch_add(1, Ordering::SeqCst);
        let delta = json::object(|out| {
            out.array("choices", |out| {
                out.object(|out| {
                    out.field("index", 0).field("finish_reason", "tool_calls");
                    out.object("delta", |out| {
                        out.array("tool_calls", |out| {
                            out.object(|out| {
                                out.field("index", 0).field("id", &format!("call-{id}"));
                                out.field("type", "function").object("function", |out| {
                                    out.field("name", name).field("arguments", arguments);
                                });
                            });
                        });
                    });
                });
            });
        });
        Self::stream(format!("data: {delta}\n\n"), 0)
    }

    fn stream(stream: String, pause: u64) -> Reply {
        let body = (stream + "data: [DONE]\n\n").into_bytes();
        let fields = "content-type: text/event-stream\r\n".into();
        Reply { status: 200, fields, body, pause: Some(Duration::from_millis(pause)) }
    }
}
