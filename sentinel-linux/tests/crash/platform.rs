//! As much of Telegram as the agent needs, in a process of the test: it keeps what it was told and
//! forgets no update before it was confirmed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sentinel_core::text::json;

use super::server::{self, Request};

#[derive(Debug, Default)]
struct Inner {
    updates: VecDeque<(u64, String)>,
    updates_count: u64,
    /// How often it was asked for updates.
    polls_count: u64,
    /// How long a poll is held when there are none.
    hold: Duration,
    /// Every message that was sent, by its number: its chat and what it says now.
    messages: BTreeMap<u64, (String, String)>,
}

/// The platform, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    inner: Arc<Mutex<Inner>>,
    pub(crate) port: u16,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let shared = inner.clone();
        shared.lock().unwrap().hold = Duration::from_millis(200);
        let port = server::serve(Arc::new(move |request, stream| {
            let body = respond(&shared, request);
            server::answer(stream, 200, "application/json", &body)
        }));
        Self { inner, port }
    }

    /// From now on a poll is held for so long.
    pub(crate) fn hold(&self, time: Duration) {
        self.inner.lock().unwrap().hold = time;
    }

    /// Somebody writes.
    pub(crate) fn write(&self, sender: u64, text: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.updates_count += 1;
        let id = inner.updates_count;
        let from = format!(r#"{{"id":{sender},"is_bot":false,"first_name":"A"}}"#);
        let chat = format!(r#"{{"id":{sender},"type":"private"}}"#);
        let head = format!(r#""message_id":{id},"date":1,"from":{from},"chat":{chat}"#);
        let update = format!(r#"{{"update_id":{id},"message":{{{head},"text":"{text}"}}}}"#);
        inner.updates.push_back((id, update));
    }

    /// What every message of the agent says now, in a chat.
    pub(crate) fn messages(&self, chat: u64) -> Vec<String> {
        let chat = chat.to_string();
        let inner = self.inner.lock().unwrap();
        let own = inner.messages.values().filter(|(known, _)| *known == chat);
        own.map(|(_, text)| text.clone()).collect()
    }

    /// How often it was asked for updates.
    pub(crate) fn polls_count(&self) -> u64 {
        self.inner.lock().unwrap().polls_count
    }

    /// Whether every update was confirmed.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.inner.lock().unwrap().updates.is_empty()
    }
}

fn respond(shared: &Mutex<Inner>, request: &Request) -> String {
    let method = request.path.rsplit('/').next().unwrap_or_default();
    let method = method.split('?').next().unwrap_or_default();
    let text: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
    let document = json::parse(text).unwrap();
    let root = document.root();
    let number = |name: &str| -> Option<u64> {
        root.find(name).and_then(|value| value.source().trim_matches('"').parse().ok())
    };
    let ok = |result: &str| format!(r#"{{"ok":true,"result":{result}}}"#);
    if method == "getUpdates" {
        let offset = number("offset").unwrap_or(0);
        shared.lock().unwrap().polls_count += 1;
        let end = Instant::now() + shared.lock().unwrap().hold;
        while Instant::now() < end {
            let mut inner = shared.lock().unwrap();
            inner.updates.retain(|(id, _)| *id >= offset);
            if !inner.updates.is_empty() {
                let texts: Vec<&str> =
                    inner.updates.iter().map(|(_, text)| text.as_str()).collect();
                return ok(&format!("[{}]", texts.join(",")));
            }
            drop(inner);
            std::thread::sleep(Duration::from_millis(5));
        }
        return ok("[]");
    }
    let mut inner = shared.lock().unwrap();
    match method {
        "getMe" => ok(r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#),
        "sendMessage" | "editMessageText" => {
            let chat = number("chat_id").unwrap().to_string();
            let text = root.get("text").unwrap().as_str().unwrap().to_string();
            let fresh = inner.messages.len() as u64 + 1;
            let id = number("message_id").unwrap_or(fresh);
            inner.messages.insert(id, (chat.clone(), text));
            let chat = format!(r#"{{"id":{chat},"type":"private"}}"#);
            ok(&format!(r#"{{"message_id":{id},"date":1,"chat":{chat}}}"#))
        }
        _ => ok("true"),
    }
}
