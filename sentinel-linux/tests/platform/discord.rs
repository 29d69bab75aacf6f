//! A small Discord: the Gateway and REST, both of version 10, as far as an agent uses them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sentinel_core::text::json::{self, Value};
use tungstenite::{Message, WebSocket};

use crate::agent::TOKEN;
use crate::chats::Chats;
use crate::server::{Ask, Mishaps, Reply, Service, Wire};

#[derive(Default)]
pub struct Discord {
    pub chats: Chats,
    pub mishaps: Mishaps,
    pub port: AtomicU16,
    pub is_secure: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    messages_count: u64,
    /// What was said in each channel, oldest first: the id and the message.
    history: BTreeMap<u64, Vec<(u64, String)>>,
    session: Option<Session>,
    sessions_count: u64,
    /// What the connection that is open is to do.
    orders: VecDeque<Order>,
    /// Whether events are told twice.
    is_confused: bool,
    nonces: BTreeMap<String, u64>,
    files: BTreeMap<u64, Vec<u8>>,
    misplaced: Option<String>,
    /// Requests by lane in the last second.
    recent: BTreeMap<String, Vec<Instant>>,
    facts: Facts,
    intents: u64,
}

/// What happened, for tests to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub identified: usize,
    pub resumed: usize,
    pub beats: usize,
    /// Presses that were responded to.
    pub responses: usize,
    /// Requests beyond what the headers allowed.
    pub overruns: usize,
    pub histories: usize,
    pub bad_tokens: usize,
}

struct Session {
    id: String,
    seq: u64,
    /// The events so far, and their numbers.
    events: Vec<(u64, String)>,
}

/// What a connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask for another connection.
    Reconnect,
    /// Say that the session is not valid (any more), and whether it can be resumed.
    Invalid(bool),
    /// End in the middle of a frame.
    Cut,
    /// Close with a code.
    Close(u16),
    /// Answer no heartbeat any more, and tell nothing.
    Zombie,
    /// Say what is no JSON, and what means nothing.
    Garbage,
    /// Ask for a heartbeat.
    AskBeat,
}

/// The bot's id, and that of its server.
pub const BOT: u64 = 1200;
const GUILD: u64 = 900;

/// Ids say when they were made.
const FIRST_ID: u64 = 1_300_000_000_000_000_000;

impl Discord {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Somebody writes in a private channel.
    pub fn write(&self, channel: u64, sender: u64, text: &str) {
        self.say(channel, sender, text, "", true);
    }

    /// Somebody writes in a channel of the server.
    pub fn write_in(&self, channel: u64, sender: u64, text: &str) {
        self.say(channel, sender, text, "", false);
    }

    fn say(&self, channel: u64, sender: u64, text: &str, rest: &str, is_private: bool) {
        let mut inner = self.inner.lock().unwrap();
        inner.messages_count += 1;
        let id = FIRST_ID + inner.messages_count;
        let mentions = match text.contains(&format!("<@{BOT}>")) {
            true => format!(r#"[{{"id":"{BOT}"}}]"#),
            false => "[]".into(),
        };
        let body = format!(
            r#""id":"{id}","channel_id":"{channel}","type":0,"content":{},"mentions":{mentions},
               "author":{{"id":"{sender}","username":"p{sender}"}}{rest}"#,
            quoted(text)
        );
        let place = if is_private { String::new() } else { format!(r#","guild_id":"{GUILD}""#) };
        inner.history.entry(channel).or_default().push((id, format!("{{{body}}}")));
        inner.tell("MESSAGE_CREATE", &format!("{{{body}{place}}}"));
    }

    /// Somebody writes little, and what is shown beside it takes so many bytes.
    pub fn write_with(&self, channel: u64, sender: u64, text: &str, bytes_count: usize) {
        let shown = "x".repeat(bytes_count);
        let embed = format!(r#","embeds":[{{"description":"{shown}"}}]"#);
        self.say(channel, sender, text, &embed, true);
    }

    /// Somebody sends a file, with a word about it.
    pub fn attach(&self, channel: u64, sender: u64, text: &str, name: &str, bytes: &[u8]) {
        let id = {
            let mut inner = self.inner.lock().unwrap();
            inner.messages_count += 1;
            let id = FIRST_ID + inner.messages_count;
            inner.files.insert(id, bytes.into());
            id
        };
        let own = format!("http://localhost:{}/files/{id}", self.port.load(Ordering::SeqCst));
        let url = self.inner.lock().unwrap().misplaced.clone().unwrap_or(own);
        let file =
            format!(r#"{{"id":"{id}","filename":"{name}","size":{},"url":"{url}"}}"#, bytes.len());
        self.say(channel, sender, text, &format!(r#","attachments":[{file}]"#), true);
    }

    /// From now on files are said to be there.
    pub fn misplace(&self, url: &str) {
        self.inner.lock().unwrap().misplaced = Some(url.into());
    }

    /// Somebody presses a button in a private channel.
    pub fn press(&self, channel: u64, sender: u64, message: u64, button: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.messages_count += 1;
        let id = FIRST_ID + inner.messages_count;
        let data = format!(
            r#"{{"id":"{id}","type":3,"token":"press-{id}","channel_id":"{channel}",
               "user":{{"id":"{sender}","username":"p{sender}"}},
               "message":{{"id":"{message}"}},"data":{{"custom_id":"{button}"}}}}"#
        );
        inner.tell("INTERACTION_CREATE", &data);
    }

    pub fn order(&self, order: Order) {
        self.inner.lock().unwrap().orders.push_back(order);
    }

    /// Whether all orders were carried out.
    pub fn is_done(&self) -> bool {
        self.inner.lock().unwrap().orders.is_empty()
    }

    /// The session is lost, and what happens now is in no session.
    pub fn lose_session(&self) {
        self.inner.lock().unwrap().session = None;
    }

    pub fn confuse(&self) {
        self.inner.lock().unwrap().is_confused = true;
    }

    pub fn facts(&self) -> Facts {
        self.inner.lock().unwrap().facts
    }

    pub fn intents(&self) -> u64 {
        self.inner.lock().unwrap().intents
    }

    fn url(&self) -> String {
        let scheme = if self.is_secure.load(Ordering::SeqCst) { "wss" } else { "ws" };
        format!("{scheme}://localhost:{}/gateway", self.port.load(Ordering::SeqCst))
    }

    fn post(&self, channel: u64, root: Value<'_>) -> Reply {
        let text = root.get("content").unwrap().as_str().unwrap();
        if text.chars().count() > 2000 || text.is_empty() {
            return failed(400, 50035, "Invalid Form Body");
        }
        let nonce = root.get("nonce").unwrap().as_str().unwrap().to_string();
        assert!(root.get("enforce_nonce").unwrap().as_bool().unwrap());
        assert_eq!(root.get("allowed_mentions").unwrap().get("parse").unwrap().source(), "[]");
        let mut inner = self.inner.lock().unwrap();
        if let Some(id) = inner.nonces.get(&nonce) {
            return Reply::json(200, format!(r#"{{"id":"{id}","channel_id":"{channel}"}}"#));
        }
        inner.messages_count += 1;
        let id = FIRST_ID + inner.messages_count;
        inner.nonces.insert(nonce, id);
        let message = format!(
            r#"{{"id":"{id}","channel_id":"{channel}","type":0,"content":{},"mentions":[],
               "author":{{"id":"{BOT}","username":"sbot","bot":true}}}}"#,
            quoted(text)
        );
        inner.history.entry(channel).or_default().push((id, message.clone()));
        self.chats.add(&channel.to_string(), id, text, buttons(root));
        // What the bot says is told to the bot too.
        inner.tell("MESSAGE_CREATE", &message);
        Reply::json(200, message)
    }

    fn change(&self, channel: u64, message: u64, root: Value<'_>) -> Reply {
        let text = root.find("content").map(|text| text.as_str().unwrap());
        let buttons = root.find("components").map(|_| buttons(root));
        match self.chats.change(message, text, buttons) {
            true => Reply::json(200, format!(r#"{{"id":"{message}","channel_id":"{channel}"}}"#)),
            false => failed(404, 10008, "Unknown Message"),
        }
    }

    fn past(&self, channel: u64, query: &str) -> Reply {
        let mut inner = self.inner.lock().unwrap();
        inner.facts.histories += 1;
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.find(|(name, _)| *name == key);
            found.map(|(_, value)| value.parse::<u64>().unwrap())
        };
        let after = value("after").unwrap_or(0);
        let limit = usize::try_from(value("limit").unwrap()).unwrap();
        let all = inner.history.get(&channel).cloned().unwrap_or_default();
        let page = all.into_iter().filter(|(id, _)| *id > after).take(limit);
        let mut page: Vec<String> = page.map(|(_, text)| text).collect();
        page.reverse();
        Reply::json(200, format!("[{}]", page.join(",")))
    }

    /// Counts requests as Discord does: five a second in each lane.
    fn counted(&self, ask: &Ask, mut reply: Reply) -> Reply {
        let mut inner = self.inner.lock().unwrap();
        let lane = format!("{} {}", ask.method, self.word(ask));
        let recent = inner.recent.entry(lane).or_default();
        // Clocks are rounded: whoever comes a moment before his time is not blamed.
        recent.retain(|at| at.elapsed() < Duration::from_millis(980));
        recent.push(Instant::now());
        let (count, first) = (recent.len(), recent.first().unwrap().elapsed());
        inner.facts.overruns += usize::from(count > 5);
        let rest = Duration::from_secs(1).saturating_sub(first).as_secs_f64();
        reply.fields += &format!(
            "x-ratelimit-limit: 5\r\nx-ratelimit-remaining: {}\r\n\
             x-ratelimit-reset-after: {rest:.3}\r\n",
            5_usize.saturating_sub(count)
        );
        reply
    }
}

impl Inner {
    fn tell(&mut self, name: &str, data: &str) {
        let times = if self.is_confused { 2 } else { 1 };
        let Some(session) = &mut self.session else { return };
        for _ in 0..times {
            session.seq += 1;
            let seq = session.seq;
            let text = format!(r#"{{"op":0,"s":{seq},"t":"{name}","d":{data}}}"#);
            session.events.push((seq, text));
        }
    }
}

impl Service for Discord {
    fn word(&self, ask: &Ask) -> String {
        let parts: Vec<&str> = ask.path.split('/').filter(|part| !part.is_empty()).collect();
        match (ask.method.as_str(), parts.as_slice()) {
            ("GET", ["gateway", "bot"]) => "gateway".into(),
            ("POST", ["channels", _, "messages"]) => "post".into(),
            ("PATCH", ["channels", _, "messages", _]) => "edit".into(),
            ("GET", ["channels", _, "messages"]) => "history".into(),
            ("GET", ["channels", _, "messages", _]) => "locate".into(),
            ("GET", ["channels", _]) => "place".into(),
            ("GET", ["files", _]) => "file".into(),
            ("POST", ["channels", _, "typing"]) => "typing".into(),
            ("POST", ["interactions", _, _, "callback"]) => "response".into(),
            _ => "other".into(),
        }
    }

    fn answer(&self, ask: &Ask) -> Reply {
        let word = self.word(ask);
        if !ask.user_agent.starts_with("DiscordBot (") {
            return failed(403, 40333, "internal network error");
        }
        if word == "response" {
            self.inner.lock().unwrap().facts.responses += 1;
            return Reply { status: 204, ..Reply::json(204, "") };
        }
        if word == "file" {
            assert_eq!(ask.authorization, "", "a file needs no token");
            let id = ask.path.rsplit('/').next().unwrap().parse().unwrap();
            let body = self.inner.lock().unwrap().files.get(&id).cloned().unwrap();
            return Reply { status: 200, fields: String::new(), body, pause: None };
        }
        if ask.authorization != format!("Bot {TOKEN}") {
            self.inner.lock().unwrap().facts.bad_tokens += 1;
            return Reply::json(401, r#"{"message":"401: Unauthorized","code":0}"#);
        }
        let parts: Vec<&str> = ask.path.split('/').filter(|part| !part.is_empty()).collect();
        let number = |index: usize| parts.get(index).unwrap().parse::<u64>().unwrap();
        let text = if ask.body.is_empty() { b"{}".to_vec() } else { ask.body.clone() };
        let document = json::parse(&text).unwrap();
        let root = document.root();
        let reply = match word.as_str() {
            "gateway" => {
                let url = self.url();
                return Reply::json(
                    200,
                    format!(
                        r#"{{"url":"{url}","shards":1,"session_start_limit":{{"total":1000,
                           "remaining":900,"reset_after":1000,"max_concurrency":1}}}}"#
                    ),
                );
            }
            "post" => self.post(number(1), root),
            "edit" => self.change(number(1), number(3), root),
            "locate" => {
                let inner = self.inner.lock().unwrap();
                let all = inner.history.get(&number(1)).cloned().unwrap_or_default();
                match all.into_iter().find(|(id, _)| *id == number(3)) {
                    Some((_, text)) => Reply::json(200, text),
                    None => failed(404, 10008, "Unknown Message"),
                }
            }
            "place" => {
                let id = number(1);
                // Threads of a room have its number, and their own after it.
                let kind = match id / 10_000 {
                    0 => r#""type":0"#.into(),
                    room => format!(r#""type":11,"parent_id":"{room}""#),
                };
                Reply::json(200, format!(r#"{{"id":"{id}","guild_id":"{GUILD}",{kind}}}"#))
            }
            "history" => self.past(number(1), &ask.query),
            "typing" => {
                self.chats.type_in(parts.get(1).unwrap());
                Reply { status: 204, ..Reply::json(204, "") }
            }
            _ => failed(404, 0, "404: Not Found"),
        };
        self.counted(ask, reply)
    }

    fn refuse(&self, seconds: u32) -> Reply {
        let body =
            format!(r#"{{"message":"Slow down.","retry_after":{seconds}.25,"global":false}}"#);
        let mut reply = Reply::json(429, body);
        reply.fields += &format!("retry-after: {seconds}\r\n");
        reply
    }

    fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }

    fn socket(&self, ask: &Ask, mut socket: WebSocket<Wire>) {
        assert_eq!(ask.query, "v=10&encoding=json");
        if !ask.user_agent.starts_with("DiscordBot (") {
            return;
        }
        let hello = r#"{"op":10,"d":{"heartbeat_interval":1000}}"#;
        let mut told = None;
        let mut is_zombie = false;
        let _ = socket.send(Message::text(hello));
        loop {
            match socket.read() {
                Ok(Message::Text(text)) if !is_zombie => {
                    let begun = self.heard(&mut socket, &text);
                    told = begun.or(told);
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if is_pause(&error) => {}
                Err(_) => return,
            }
            if told.is_none() || is_zombie {
                continue;
            }
            let order = {
                let mut inner = self.inner.lock().unwrap();
                let order = inner.orders.pop_front();
                if order == Some(Order::Invalid(false)) {
                    // What happens until the next session is in none, and told by nobody.
                    inner.session = None;
                }
                order
            };
            match order {
                Some(Order::Zombie) => is_zombie = true,
                Some(order) if obey(&mut socket, order) => {}
                Some(_) => return,
                None => {}
            }
            let inner = self.inner.lock().unwrap();
            let Some(session) = &inner.session else { continue };
            let fresh = session.events.iter().filter(|(seq, _)| Some(*seq) > told);
            let fresh: Vec<_> = fresh.cloned().collect();
            drop(inner);
            for (seq, text) in fresh {
                if socket.send(Message::text(text)).is_err() {
                    return;
                }
                told = Some(seq);
            }
        }
    }
}

impl Discord {
    /// Answers what came; gives the number of the last event that need not be told, once a session
    /// begins or goes on.
    fn heard(&self, socket: &mut WebSocket<Wire>, text: &str) -> Option<u64> {
        let document = json::parse(text.as_bytes()).unwrap();
        let root = document.root();
        let data = root.find("d");
        let mut inner = self.inner.lock().unwrap();
        let field = |key: &str| data.unwrap().get(key).unwrap().as_str().unwrap();
        let mut begun = None;
        let answer = match root.get("op").unwrap().as_u64().unwrap() {
            1 => {
                inner.facts.beats += 1;
                r#"{"op":11}"#.to_string()
            }
            2 => {
                inner.facts.bad_tokens += usize::from(field("token") != TOKEN);
                inner.facts.identified += 1;
                inner.sessions_count += 1;
                inner.intents = data.unwrap().get("intents").unwrap().as_u64().unwrap();
                let id = format!("session-{}", inner.sessions_count);
                let ready = format!(
                    r#"{{"v":10,"user":{{"id":"{BOT}","username":"sbot","bot":true}},
                       "session_id":"{id}","resume_gateway_url":"{}"}}"#,
                    self.url()
                );
                let text = format!(r#"{{"op":0,"s":1,"t":"READY","d":{ready}}}"#);
                inner.session = Some(Session { id, seq: 1, events: Vec::new() });
                begun = Some(1);
                text
            }
            6 => {
                inner.facts.bad_tokens += usize::from(field("token") != TOKEN);
                let seq = data.unwrap().get("seq").unwrap().as_u64().unwrap();
                match &mut inner.session {
                    Some(session) if session.id == field("session_id") => {
                        let missed = session.events.iter().filter(|(known, _)| *known > seq);
                        for (_, text) in missed {
                            let _ = socket.send(Message::text(text.clone()));
                        }
                        session.seq += 1;
                        begun = Some(session.seq);
                        let text =
                            format!(r#"{{"op":0,"s":{},"t":"RESUMED","d":{{}}}}"#, session.seq);
                        inner.facts.resumed += 1;
                        text
                    }
                    _ => r#"{"op":9,"d":false}"#.to_string(),
                }
            }
            _ => return None,
        };
        let _ = socket.send(Message::text(answer));
        begun
    }
}

/// Carries an order out; false if the connection is over.
fn obey(socket: &mut WebSocket<Wire>, order: Order) -> bool {
    use std::io::Write as _;
    let text = match order {
        Order::Reconnect => r#"{"op":7,"d":null}"#.to_string(),
        Order::Invalid(can_resume) => format!(r#"{{"op":9,"d":{can_resume}}}"#),
        Order::AskBeat => r#"{"op":1,"d":null}"#.to_string(),
        Order::Garbage => {
            for text in ["", "{", "[]", r#"{"op":"x"}"#, r#"{"op":0,"t":5,"s":-1,"d":[]}"#] {
                let _ = socket.send(Message::text(text));
            }
            r#"{"op":0,"t":"MESSAGE_CREATE","s":null,"d":{"id":7,"content":[]}}"#.to_string()
        }
        Order::Cut => {
            let _ = socket.get_mut().write_all(&[0x81, 0x7e, 0x01]);
            let _ = socket.get_mut().tcp().shutdown(std::net::Shutdown::Both);
            return false;
        }
        Order::Close(code) => {
            let frame = tungstenite::protocol::CloseFrame { code: code.into(), reason: "".into() };
            let _ = socket.close(Some(frame));
            let _ = socket.flush();
            return true;
        }
        Order::Zombie => return true,
    };
    socket.send(Message::text(text)).is_ok()
}

pub fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn failed(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, format!(r#"{{"message":"{message}","code":{code}}}"#))
}

fn quoted(text: &str) -> String {
    let list = json::array(|out| {
        out.value(text);
    });
    list.trim_start_matches('[').trim_end_matches(']').to_string()
}

fn buttons(root: Value<'_>) -> Vec<String> {
    let rows = root.find("components").and_then(|rows| rows.elements().ok());
    let rows = rows.into_iter().flatten();
    let buttons = rows.flat_map(|row| row.get("components").unwrap().elements().unwrap());
    buttons.map(|button| button.get("custom_id").unwrap().as_str().unwrap().into()).collect()
}
