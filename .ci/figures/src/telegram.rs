//! A Telegram of our own: it holds polls as long as it is asked to, and notes what is posted.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use sentinel_core::text::json;

use crate::http::{self, Request, Stream};

/// The platform, as the people on it see it.
#[derive(Clone)]
pub(crate) struct Telegram {
    shared: Arc<Shared>,
    pub(crate) port: u16,
}

struct Shared {
    state: Mutex<State>,
    written: Condvar,
    posts: Sender<Post>,
}

#[derive(Default)]
struct State {
    /// Updates that nobody confirmed yet.
    updates: VecDeque<(u64, String)>,
    updates_count: u64,
    messages_count: u64,
    polls: Vec<Instant>,
}

/// What was posted.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) chat: u64,
    pub(crate) topic: u64,
    pub(crate) text: String,
    /// When its first byte came.
    pub(crate) came: Instant,
}

impl Telegram {
    pub(crate) fn start(tls: Option<Arc<ServerConfig>>) -> io::Result<(Self, Receiver<Post>)> {
        let (posts, posted) = channel();
        let state = Mutex::default();
        let shared = Arc::new(Shared { state, written: Condvar::new(), posts });
        let platform = shared.clone();
        let answer = move |stream: &mut dyn Stream, request| platform.answer(stream, &request);
        let port = http::serve(tls, Arc::new(answer))?;
        Ok((Self { shared, port }, posted))
    }

    /// Somebody writes, in a topic of the private chat if it has a number.
    pub(crate) fn write(&self, person: u64, topic: u64, text: &str) {
        let mut state = self.shared.lock();
        state.updates_count += 1;
        let id = state.updates_count;
        let from = format!(r#"{{"id":{person},"is_bot":false,"first_name":"A"}}"#);
        let chat = format!(r#"{{"id":{person},"type":"private"}}"#);
        let topic = match topic {
            0 => String::new(),
            _ => format!(r#""message_thread_id":{topic},"is_topic_message":true,"#),
        };
        let head = format!(r#"{topic}"message_id":{id},"date":1,"from":{from},"chat":{chat}"#);
        let update = format!(r#"{{"update_id":{id},"message":{{{head},"text":"{text}"}}}}"#);
        state.updates.push_back((id, update));
        self.shared.written.notify_all();
    }

    /// When it was asked for updates, so far.
    pub(crate) fn polls(&self) -> Vec<Instant> {
        self.shared.lock().polls.clone()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, stream: &mut dyn Stream, request: &Request) -> io::Result<bool> {
        let method = request.path.rsplit('/').next().unwrap_or_default();
        let body: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
        let document = json::parse(body).map_err(io::Error::other)?;
        let root = document.root();
        let number = |name: &str| -> u64 {
            let text = root.find(name).map(|value| value.source().trim_matches('"').to_string());
            text.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let result = match method {
            "getMe" => r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#.into(),
            "getUpdates" => self.updates(request.came, number("offset"), number("timeout")),
            "sendMessage" | "editMessageText" => {
                let (chat, topic) = (number("chat_id"), number("message_thread_id"));
                let text = root.get("text").ok().and_then(|text| text.as_str().ok());
                let text = text.map(|text| text.to_string()).unwrap_or_default();
                let mut state = self.lock();
                state.messages_count += 1;
                let id = state.messages_count;
                drop(state);
                // Whoever measures may have seen enough.
                let _ = self.posts.send(Post { chat, topic, text, came: request.came });
                let chat = format!(r#"{{"id":{chat},"type":"private"}}"#);
                format!(r#"{{"message_id":{id},"date":1,"chat":{chat}}}"#)
            }
            _ => "true".into(),
        };
        http::json(stream, &format!(r#"{{"ok":true,"result":{result}}}"#))
    }

    /// Waits until somebody writes, as long as it is asked to.
    fn updates(&self, came: Instant, offset: u64, seconds: u64) -> String {
        let until = came + Duration::from_secs(seconds);
        let mut state = self.lock();
        state.polls.push(came);
        loop {
            state.updates.retain(|(id, _)| *id >= offset);
            let now = Instant::now();
            if !state.updates.is_empty() || now >= until {
                let texts = state.updates.iter().take(UPDATES_AT_ONCE);
                let texts: Vec<&str> = texts.map(|(_, text)| text.as_str()).collect();
                return format!("[{}]", texts.join(","));
            }
            let waited = self.written.wait_timeout(state, until - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// As many as the real one gives.
const UPDATES_AT_ONCE: usize = 100;
