//! A small Slack: the Web API and Socket Mode, as far as an agent uses them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sentinel_core::text::json::{self, Value};
use tungstenite::{Message, WebSocket};

use crate::agent::{APP_TOKEN, TOKEN};
use crate::chats::Chats;
use crate::discord::is_pause;
use crate::server::{Ask, Mishaps, Reply, Service, Wire};

#[derive(Default)]
pub struct Slack {
    pub chats: Chats,
    pub mishaps: Mishaps,
    pub port: AtomicU16,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The last time stamp, in microseconds.
    stamp: u64,
    envelopes_count: u64,
    /// What nobody acknowledged: the id, the envelope, and over which connection it went.
    waiting: VecDeque<(String, String, u64)>,
    history: BTreeMap<String, Vec<(u64, String)>>,
    orders: VecDeque<Order>,
    connections_count: u64,
    tickets: BTreeSet<String>,
    is_confused: bool,
    facts: Facts,
    posted: BTreeMap<String, Instant>,
    /// Files by id.
    files: BTreeMap<String, Vec<u8>>,
}

/// What happened, for tests to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub connections: usize,
    pub acknowledged: usize,
    pub bad_tokens: usize,
    pub histories: usize,
}

/// What the connection that is open is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask for another connection, and close this one a moment later.
    Refresh,
    /// End in the middle of a frame.
    Cut,
    /// Say what is no JSON, and what means nothing.
    Garbage,
}

/// The app's user.
pub const BOT: &str = "U0BOT";

impl Slack {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Somebody writes in a private channel.
    pub fn write(&self, channel: &str, sender: &str, text: &str) -> String {
        self.say(channel, None, sender, text, &["message"])
    }

    /// Somebody writes in a channel, or in a thread of it. Slack tells a mention of the app twice,
    /// where the app asked for both.
    pub fn write_in(
        &self,
        channel: &str,
        thread: Option<&str>,
        sender: &str,
        text: &str,
    ) -> String {
        let kinds: &[&str] = match text.contains(&format!("<@{BOT}>")) {
            true => &["app_mention", "message"],
            false => &["message"],
        };
        self.say(channel, thread, sender, text, kinds)
    }

    fn say(
        &self,
        channel: &str,
        thread: Option<&str>,
        sender: &str,
        text: &str,
        kinds: &[&str],
    ) -> String {
        let mut inner = self.inner.lock().unwrap();
        let stamp = inner.stamp();
        let thread =
            thread.map(|thread| format!(r#","thread_ts":"{thread}","parent_user_id":"{sender}""#));
        let body = format!(
            r#""user":"{sender}","text":{},"ts":"{}"{}"#,
            quoted(text),
            shown(stamp),
            thread.clone().unwrap_or_default()
        );
        let told = format!(r#"{{"type":"message",{body}}}"#);
        // A channel's history does not hold what is said in threads.
        if thread.is_none() {
            inner.history.entry(channel.into()).or_default().push((stamp, told));
        }
        let times = if inner.is_confused { 2 } else { 1 };
        for kind in kinds.iter().cycle().take(kinds.len() * times) {
            let event = format!(r#"{{"type":"{kind}","channel":"{channel}",{body}}}"#);
            let payload = format!(r#"{{"type":"event_callback","event":{event}}}"#);
            inner.tell("events_api", &payload);
        }
        shown(stamp)
    }

    /// Somebody sends a file, with a word about it.
    pub fn attach(&self, channel: &str, sender: &str, text: &str, name: &str, bytes: &[u8]) {
        let mut inner = self.inner.lock().unwrap();
        let stamp = shown(inner.stamp());
        let id = format!("F{}", inner.files.len());
        inner.files.insert(id.clone(), bytes.into());
        let event = format!(
            r#"{{"type":"message","subtype":"file_share","channel":"{channel}","user":"{sender}",
               "text":{},"ts":"{stamp}",
               "files":[{{"id":"{id}","name":"{name}","size":{}}}]}}"#,
            quoted(text),
            bytes.len()
        );
        inner.tell("events_api", &format!(r#"{{"type":"event_callback","event":{event}}}"#));
    }

    /// Somebody presses a button of a message.
    pub fn press(&self, channel: &str, sender: &str, message: u64, text: &str, button: &str) {
        let mut inner = self.inner.lock().unwrap();
        let stamp = shown(inner.stamp());
        let payload = format!(
            r#"{{"type":"block_actions","user":{{"id":"{sender}"}},"channel":{{"id":"{channel}"}},
               "message":{{"ts":"{}","text":{}}},
               "actions":[{{"action_id":"{button}","action_ts":"{stamp}"}}]}}"#,
            shown(message),
            quoted(text)
        );
        inner.tell("interactive", &payload);
    }

    pub fn order(&self, order: Order) {
        self.inner.lock().unwrap().orders.push_back(order);
    }

    pub fn is_done(&self) -> bool {
        self.inner.lock().unwrap().orders.is_empty()
    }

    pub fn confuse(&self) {
        self.inner.lock().unwrap().is_confused = true;
    }

    /// How many envelopes nobody has acknowledged.
    pub fn waiting(&self) -> usize {
        self.inner.lock().unwrap().waiting.len()
    }

    pub fn facts(&self) -> Facts {
        self.inner.lock().unwrap().facts
    }

    fn post(&self, root: Value<'_>) -> Reply {
        let field = |key: &str| root.find(key).map(|value| value.as_str().unwrap());
        let channel = field("channel").unwrap();
        let mut inner = self.inner.lock().unwrap();
        // One message a second, with a little patience.
        let last = inner.posted.insert(channel.into(), Instant::now());
        if last.is_some_and(|last| last.elapsed() < Duration::from_millis(700)) {
            return self.refuse(1);
        }
        let stamp = inner.stamp();
        let text = field("text").unwrap();
        let thread = field("thread_ts").map(|thread| format!("/{thread}"));
        let told = format!(
            r#"{{"type":"message","user":"{BOT}","bot_id":"B0BOT","text":{},"ts":"{}"}}"#,
            quoted(text),
            shown(stamp)
        );
        if thread.is_none() {
            inner.history.entry(channel.into()).or_default().push((stamp, told));
        }
        let place = format!("{channel}{}", thread.unwrap_or_default());
        self.chats.add(&place, stamp, &whole(root), buttons(root));
        Reply::json(200, format!(r#"{{"ok":true,"channel":"{channel}","ts":"{}"}}"#, shown(stamp)))
    }

    fn change(&self, root: Value<'_>) -> Reply {
        let text = root.get("text").unwrap().as_str().unwrap();
        if text.chars().count() > 4000 {
            return failed("msg_too_long");
        }
        let stamp = read(root.get("ts").unwrap().as_str().unwrap());
        let buttons = root.find("blocks").map(|_| buttons(root));
        match self.chats.change(stamp, Some(&whole(root)), buttons) {
            true => Reply::json(200, format!(r#"{{"ok":true,"ts":"{}"}}"#, shown(stamp))),
            false => failed("message_not_found"),
        }
    }

    fn past(&self, query: &str) -> Reply {
        let mut inner = self.inner.lock().unwrap();
        inner.facts.histories += 1;
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let oldest = value("oldest").map_or(0, read);
        let limit: usize = value("limit").unwrap().parse().unwrap();
        let all = inner.history.get(value("channel").unwrap()).cloned().unwrap_or_default();
        // The newest first; a cursor says how many were given already.
        let skipped: usize = value("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let fresh: Vec<_> = all.into_iter().rev().filter(|(stamp, _)| *stamp > oldest).collect();
        let page: Vec<_> = fresh.iter().skip(skipped).take(limit).collect();
        let next = skipped + page.len();
        let has_more = next < fresh.len();
        let cursor = match has_more {
            true => format!(r#","response_metadata":{{"next_cursor":"{next}"}}"#),
            false => String::new(),
        };
        let page: Vec<&str> = page.into_iter().map(|(_, text)| text.as_str()).collect();
        let page = page.join(",");
        Reply::json(
            200,
            format!(r#"{{"ok":true,"messages":[{page}],"has_more":{has_more}{cursor}}}"#),
        )
    }
}

impl Inner {
    fn stamp(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        self.stamp = u64::try_from(now).unwrap().max(self.stamp + 1);
        self.stamp
    }

    fn tell(&mut self, kind: &str, payload: &str) {
        self.envelopes_count += 1;
        let id = format!("envelope-{}", self.envelopes_count);
        let text = format!(r#"{{"envelope_id":"{id}","type":"{kind}","payload":{payload}}}"#);
        self.waiting.push_back((id, text, 0));
    }
}

impl Service for Slack {
    fn word(&self, ask: &Ask) -> String {
        ask.path.rsplit('/').next().unwrap_or_default().to_string()
    }

    fn answer(&self, ask: &Ask) -> Reply {
        assert!(ask.user_agent.starts_with("sentinel/"), "{}", ask.user_agent);
        let word = self.word(ask);
        let token = if word == "apps.connections.open" { APP_TOKEN } else { TOKEN };
        if ask.authorization != format!("Bearer {token}") {
            self.inner.lock().unwrap().facts.bad_tokens += 1;
            return failed("invalid_auth");
        }
        let text = if ask.body.is_empty() { b"{}".to_vec() } else { ask.body.clone() };
        let document = json::parse(&text).unwrap();
        let root = document.root();
        match word.as_str() {
            "auth.test" => Reply::json(
                200,
                format!(r#"{{"ok":true,"user_id":"{BOT}","bot_id":"B0BOT","user":"sbot"}}"#),
            ),
            "apps.connections.open" => {
                let mut inner = self.inner.lock().unwrap();
                inner.connections_count += 1;
                let ticket = format!("ticket={}", inner.connections_count);
                inner.tickets.insert(ticket.clone());
                let port = self.port.load(Ordering::SeqCst);
                let url = format!("ws://127.0.0.1:{port}/link/?{ticket}");
                Reply::json(200, format!(r#"{{"ok":true,"url":"{url}"}}"#))
            }
            "files.info" => {
                let id = ask.query.strip_prefix("file=").unwrap();
                let port = self.port.load(Ordering::SeqCst);
                let url = format!("http://localhost:{port}/files/{id}");
                Reply::json(200, format!(r#"{{"ok":true,"file":{{"url_private":"{url}"}}}}"#))
            }
            id if ask.path.starts_with("/files/") => {
                let body = self.inner.lock().unwrap().files.get(id).cloned().unwrap();
                Reply { status: 200, fields: String::new(), body, pause: None }
            }
            "chat.postMessage" => self.post(root),
            "chat.update" => self.change(root),
            "conversations.history" => self.past(&ask.query),
            _ => failed("unknown_method"),
        }
    }

    fn refuse(&self, seconds: u32) -> Reply {
        let mut reply = Reply::json(429, r#"{"ok":false,"error":"ratelimited"}"#);
        reply.fields += &format!("retry-after: {seconds}\r\n");
        reply
    }

    fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }

    fn socket(&self, ask: &Ask, mut socket: WebSocket<Wire>) {
        let mut inner = self.inner.lock().unwrap();
        if !inner.tickets.remove(&ask.query) {
            return;
        }
        inner.facts.connections += 1;
        let number = inner.connections_count;
        drop(inner);
        let _ = socket.send(Message::text(r#"{"type":"hello","num_connections":1}"#));
        let mut ends = None;
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => {
                    let document = json::parse(text.as_bytes()).unwrap();
                    let id = document.root().get("envelope_id").unwrap().as_str().unwrap();
                    let mut inner = self.inner.lock().unwrap();
                    inner.waiting.retain(|(known, ..)| known != id);
                    inner.facts.acknowledged += 1;
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if is_pause(&error) => {}
                Err(_) => return,
            }
            if ends.is_some_and(|ends: Instant| ends < Instant::now()) {
                let _ = socket.get_mut().tcp().shutdown(std::net::Shutdown::Both);
                return;
            }
            let mut inner = self.inner.lock().unwrap();
            // What another connection was told and nobody acknowledged is told again.
            let fresh = inner.waiting.iter_mut().filter(|(.., over)| *over < number);
            let texts: Vec<String> = fresh
                .map(|(_, text, over)| {
                    *over = number;
                    text.clone()
                })
                .collect();
            let order = inner.orders.pop_front();
            drop(inner);
            for text in texts {
                let _ = socket.send(Message::text(text));
            }
            match order {
                None => {}
                Some(Order::Refresh) => {
                    let text = r#"{"type":"disconnect","reason":"refresh_requested"}"#;
                    let _ = socket.send(Message::text(text));
                    ends = Some(Instant::now() + Duration::from_millis(500));
                }
                Some(Order::Garbage) => {
                    for text in ["", "{", "[]", r#"{"type":7}"#, r#"{"type":"events_api"}"#] {
                        let _ = socket.send(Message::text(text));
                    }
                }
                Some(Order::Cut) => {
                    use std::io::Write as _;
                    let _ = socket.get_mut().write_all(&[0x81, 0x7e, 0x01]);
                    let _ = socket.get_mut().tcp().shutdown(std::net::Shutdown::Both);
                    return;
                }
            }
        }
    }
}

fn failed(error: &str) -> Reply {
    Reply::json(200, format!(r#"{{"ok":false,"error":"{error}"}}"#))
}

/// A time stamp as Slack writes it.
pub fn shown(stamp: u64) -> String {
    format!("{}.{:06}", stamp / 1_000_000, stamp % 1_000_000)
}

fn read(stamp: &str) -> u64 {
    stamp.replace('.', "").parse().unwrap()
}

fn quoted(text: &str) -> String {
    let list = json::array(|out| {
        out.value(text);
    });
    list.trim_start_matches('[').trim_end_matches(']').to_string()
}

/// What people see: the blocks, if there are any.
fn whole(root: Value<'_>) -> String {
    let blocks = root.find("blocks").map(|blocks| blocks.elements().unwrap());
    let sections = blocks.into_iter().flatten().filter_map(|block| block.find("text"));
    let text: String =
        sections.map(|section| section.get("text").unwrap().as_str().unwrap()).collect();
    match text.is_empty() {
        true => root.get("text").unwrap().as_str().unwrap().to_string(),
        false => text,
    }
}

fn buttons(root: Value<'_>) -> Vec<String> {
    let blocks = root.find("blocks").and_then(|blocks| blocks.elements().ok());
    let rows = blocks.into_iter().flatten().filter_map(|block| block.find("elements"));
    let buttons = rows.flat_map(|row| row.elements().unwrap());
    buttons.map(|button| button.get("action_id").unwrap().as_str().unwrap().into()).collect()
}
