//! A Discord that misbehaves, driven by seeds: whatever it does, no message is lost that it can
//! still tell, none is handed over twice, and every post is answered once.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::channel::traffic::dice::Dice;

#[test]
fn nothing_is_lost_or_doubled() {
    let answered: u64 = (0..300).map(|seed| World::new(seed).run()).sum();
    assert!(answered > 500, "{answered} posts were answered");
}

/// What is on its way to the connector.
#[derive(Debug)]
enum Coming {
    Answer(CallNumber, u16, String),
    Broken(CallNumber, bool),
    Opened(u32),
    Text(u32, String),
    Closed(u32, Option<u16>),
    /// The agent's record of a message is safe.
    Safe(String),
}

/// What Discord knows of the bot's session.
#[derive(Default)]
struct Session {
    events: Vec<String>,
}

struct World {
    seed: u64,
    dice: Dice,
    now: u64,
    discord: Discord,
    kept: Option<Vec<u8>>,
    coming: BTreeMap<(u64, u64), Coming>,
    count: u64,
    /// Faults happen.
    is_rough: bool,
    /// Messages by channel: id and whether it is for the bot.
    channels: BTreeMap<u64, Vec<(u64, String)>>,
    session: Option<Session>,
    sessions_count: u64,
    socket: Option<u32>,
    is_in_session: bool,
    sockets_count: u32,
    socket_last: u64,
    nonces: BTreeMap<String, u64>,
    expected: BTreeSet<String>,
    handed: BTreeSet<String>,
    safe: BTreeSet<String>,
    posts: BTreeSet<u64>,
    posts_count: u64,
    answered: u64,
    log: VecDeque<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            dice: Dice::new(seed),
            now: 1_700_000_000_000,
            discord: Discord::new(seed),
            kept: None,
            coming: BTreeMap::new(),
            count: 0,
            is_rough: false,
            channels: (1..=4).map(|id| (id * 10, Vec::new())).collect(),
            session: None,
            sessions_count: 0,
            socket: None,
            is_in_session: false,
            sockets_count: 0,
            socket_last: 0,
            nonces: BTreeMap::new(),
            expected: BTreeSet::new(),
            handed: BTreeSet::new(),
            safe: BTreeSet::new(),
            posts: BTreeSet::new(),
            posts_count: 0,
            answered: 0,
            log: VecDeque::new(),
        }
    }

    fn run(mut self) -> u64 {
        self.discord.start(at(self.now), None);
        self.advance(60_000);
        // Each chat is known before anything goes wrong: of others nobody could be asked.
        for channel in [10, 20, 30, 40] {
            self.say(channel);
            self.advance(30_000);
        }
        self.check(self.safe.len() == 4, "a calm start");
        self.is_rough = true;
        for _ in 0..60 {
            match self.dice.below(12) {
                0..=4 => {
                    let channel = (self.dice.below(4) + 1) * 10;
                    for _ in 0..=self.dice.below(3) {
                        self.say(channel);
                    }
                }
                5 | 6 => self.post(),
                7 => self.cut(),
                8 => {
                    self.session = None;
                    self.cut();
                }
                9 => self.restart(),
                10 => self.ask_to_reconnect(),
                _ => self.garbage(),
            }
            let pause = [0, 50, 3000, 60_000][usize::try_from(self.dice.below(4)).unwrap()];
            self.advance(pause);
        }
        self.is_rough = false;
        self.advance(30 * 60_000);
        let missing: Vec<_> = self.expected.difference(&self.safe).cloned().collect();
        self.check(missing.is_empty(), &format!("lost: {missing:?}"));
        self.check(self.posts.is_empty(), &format!("not answered: {:?}", self.posts));
        self.answered
    }

    fn check(&self, is_good: bool, what: &str) {
        assert!(is_good, "seed {}: {what}\n{:#?}", self.seed, self.log);
    }

    fn note(&mut self, what: String) {
        if self.log.len() > 60 {
            self.log.pop_front();
        }
        self.log.push_back(format!("{}: {what}", self.now));
    }

    fn come(&mut self, delay: u64, coming: Coming) {
        self.count += 1;
        self.coming.insert((self.now + delay, self.count), coming);
    }

    fn delay(&mut self) -> u64 {
        if self.is_rough { self.dice.below(4000) } else { 20 }
    }

    /// Lets time pass, and everything happen that is due.
    fn advance(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        let mut steps = 0;
        loop {
            self.poll();
            steps += 1;
            self.check(steps < 100_000, "it spins");
            let due = self.coming.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.discord.deadline().map(|deadline| deadline.0.max(self.now + 1));
            let next = due.into_iter().chain(deadline).min().unwrap_or(u64::MAX);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            while let Some(entry) = self.coming.first_entry()
                && entry.key().0 <= self.now
            {
                let coming = entry.remove();
                self.happen(coming);
                self.poll();
            }
        }
        self.now = end;
    }

    fn happen(&mut self, coming: Coming) {
        self.note(format!("{coming:?}"));
        let now = at(self.now);
        match coming {
            Coming::Answer(call, status, body) => {
                self.discord.answered(now, call, status, &Headers::new(), body.as_bytes());
                if self.is_rough && self.dice.chance(5) {
                    self.discord.answered(now, call, status, &Headers::new(), body.as_bytes());
                }
            }
            Coming::Broken(call, may) => self.discord.failed(now, call, may),
            Coming::Opened(socket) if self.socket == Some(socket) => {
                self.discord.opened(now);
                self.tell(r#"{"op": 10, "d": {"heartbeat_interval": 40000}}"#.to_string());
            }
            Coming::Text(socket, text) if self.socket == Some(socket) => {
                self.discord.received(now, &text);
                if self.is_rough && self.dice.chance(5) {
                    self.discord.received(now, &text);
                }
            }
            Coming::Closed(socket, code) if self.socket == Some(socket) => {
                self.socket = None;
                self.discord.closed(now, code);
            }
            Coming::Opened(_) | Coming::Text(..) | Coming::Closed(..) => {}
            Coming::Safe(id) => {
                let is_first = self.safe.insert(id.clone());
                self.check(is_first, "safe twice");
                self.discord.acknowledge(now, &id);
            }
        }
    }

    /// A text over the WebSocket, in order.
    fn tell(&mut self, text: String) {
        let Some(socket) = self.socket else { return };
        let at = (self.now + self.delay() / 4).max(self.socket_last);
        self.socket_last = at;
        self.come(at - self.now, Coming::Text(socket, text));
    }

    fn event(&mut self, name: &str, data: &str) {
        let Some(session) = &mut self.session else { return };
        let seq = session.events.len() + 2;
        let text = format!(r#"{{"op": 0, "t": "{name}", "s": {seq}, "d": {data}}}"#);
        session.events.push(text.clone());
        if self.is_in_session {
            self.tell(text);
        }
    }

    /// Somebody writes.
    fn say(&mut self, channel: u64) {
        self.count += 1;
        let id = (self.now - 1_420_070_400_000) << 22 | self.count;
        let is_private = channel < 30;
        let is_for_us = is_private || !self.is_rough || self.dice.chance(70);
        let mut data = message(id, channel, "hello");
        let mentions = if is_for_us { r#""mentions":[{"id":"99"}],"# } else { "" };
        data.insert_str(1, mentions);
        self.note(format!("said {id} in {channel}, for us: {is_for_us}"));
        self.channels.get_mut(&channel).unwrap().push((id, data.clone()));
        if is_for_us {
            self.expected.insert(id.to_string());
        }
        if !is_private {
            data.insert_str(1, r#""guild_id":"9","#);
        }
        self.event("MESSAGE_CREATE", &data);
    }

    fn post(&mut self) {
        self.posts_count += 1;
        let delivery = self.posts_count;
        let post = match self.dice.below(4) {
            0 => Post::Edit { piece: 0, message: "77".into(), text: "more".into() },
            1 => Post::Typing,
            _ => Post::Send { piece: 0, text: "answer".into(), key: delivery },
        };
        if post != Post::Typing {
            self.posts.insert(delivery);
        }
        let question = self.dice.chance(30).then_some(3);
        let chat = ["10", "20", "30", "30/40"][usize::try_from(self.dice.below(4)).unwrap()];
        let chat = chat.to_string();
        self.discord.post(at(self.now), ToPost { delivery, chat, post, question });
    }

    fn cut(&mut self) {
        if let Some(socket) = self.socket {
            self.is_in_session = false;
            let code = [None, Some(1001), Some(4000), Some(4007), Some(4009)];
            let code = code[usize::try_from(self.dice.below(5)).unwrap()];
            if matches!(code, Some(4007 | 4009)) {
                self.session = None;
            }
            let delay = self.delay();
            self.come(delay, Coming::Closed(socket, code));
        }
    }

    fn ask_to_reconnect(&mut self) {
        let text = ["{\"op\": 7, \"d\": null}", "{\"op\": 9, \"d\": true}", "{\"op\": 1}"];
        let text = text[usize::try_from(self.dice.below(3)).unwrap()].to_string();
        self.tell(text);
    }

    fn garbage(&mut self) {
        let text =
            ["", "{", r#"{"op": 0, "t": "MESSAGE_CREATE", "d": {}}"#, "[[[[", "{\"op\": 42}"];
        let text = text[usize::try_from(self.dice.below(5)).unwrap()].to_string();
        self.tell(text);
    }

    fn restart(&mut self) {
        self.note("restart".to_string());
        self.poll();
        self.discord = Discord::new(self.dice.below(1 << 32));
        self.coming.clear();
        self.handed.clear();
        self.posts.clear();
        self.socket = None;
        self.is_in_session = false;
        self.now += self.dice.below(120_000);
        self.discord.start(at(self.now), self.kept.as_deref());
    }

    fn poll(&mut self) {
        let mut count = 0;
        while let Some(action) = self.discord.poll(at(self.now)) {
            count += 1;
            self.check(count < 10_000, "it never comes to an end");
            match &action {
                Action::Keep(kept) => self.note(format!("-> {}", String::from_utf8_lossy(kept))),
                action => self.note(format!("-> {action:?}")),
            }
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Call(call) => self.serve(&call),
            Action::Open { .. } => {
                self.sockets_count += 1;
                self.socket = Some(self.sockets_count);
                self.is_in_session = false;
                self.socket_last = 0;
                let delay = self.delay();
                let is_refused = self.is_rough && self.dice.chance(20);
                let socket = self.sockets_count;
                self.come(
                    delay,
                    match is_refused {
                        true => Coming::Closed(socket, None),
                        false => Coming::Opened(socket),
                    },
                );
            }
            Action::Send { text, .. } => self.take(&text),
            Action::Close { .. } => {
                self.socket = None;
                self.is_in_session = false;
            }
            Action::Message(message) => {
                let chat = message.identity.chat.as_str();
                let is_there = if message.is_private { ["10", "20"] } else { ["30", "30/40"] };
                self.check(is_there.contains(&chat), "said elsewhere");
                let id = message.id;
                self.check(self.expected.contains(&id), "not for us, or never said");
                self.check(!self.safe.contains(&id), "handed over again although it is safe");
                let is_first = self.handed.insert(id.clone());
                self.check(is_first, "handed over twice");
                let delay = self.delay() * 10;
                self.come(delay, Coming::Safe(id));
            }
            Action::Posted { delivery, outcome, .. } => {
                let is_first = self.posts.remove(&delivery);
                self.check(is_first, "answered twice");
                self.answered += 1;
                if let Posted::Sent(id) = outcome {
                    let known = self.nonces.get(&delivery.to_string()).map(u64::to_string);
                    self.check(known == Some(id), "another message");
                }
            }
            Action::Keep(kept) => self.kept = Some(kept),
            Action::Stopped { why } => self.check(false, &why),
            _ => {}
        }
    }

    /// The connector says something over the WebSocket.
    fn take(&mut self, text: &str) {
        let document = json::parse(text.as_bytes()).unwrap();
        let root = document.root();
        match root.get("op").unwrap().as_u64().unwrap() {
            1 => self.tell(r#"{"op": 11}"#.to_string()),
            2 => {
                self.sessions_count += 1;
                self.session = Some(Session::default());
                self.is_in_session = true;
                let id = format!("s{}", self.sessions_count);
                self.tell(READY.replace("abc123", &id));
            }
            6 => {
                let data = root.get("d").unwrap();
                let id = data.get("session_id").unwrap().as_str().unwrap();
                let seq = usize::try_from(data.get("seq").unwrap().as_u64().unwrap()).unwrap();
                let is_it = id == format!("s{}", self.sessions_count);
                let Some(session) = self.session.as_ref().filter(|_| is_it) else {
                    return self.tell(r#"{"op": 9, "d": false}"#.to_string());
                };
                self.check(seq <= session.events.len() + 1, "it heard of the future");
                let again: Vec<_> = session.events.iter().skip(seq - 1).cloned().collect();
                self.is_in_session = true;
                for text in again {
                    self.tell(text);
                }
                self.event("RESUMED", "{}");
            }
            _ => self.check(false, text),
        }
    }

    /// A request comes to the REST API.
    fn serve(&mut self, call: &Call) {
        let delay = self.delay();
        if self.is_rough {
            match self.dice.below(20) {
                0 => return self.come(delay, Coming::Broken(call.number, false)),
                1 => return self.come(delay, Coming::Answer(call.number, 502, "<html>".into())),
                2 => {
                    let body = r#"{"retry_after": 2.5, "global": false}"#.to_string();
                    return self.come(delay, Coming::Answer(call.number, 429, body));
                }
                3 => {
                    let body = "x".to_string();
                    return self.come(delay, Coming::Answer(call.number, 200, body));
                }
                _ => {}
            }
        }
        let (status, answer) = self.carry_out(call);
        if self.is_rough && self.dice.chance(10) {
            return self.come(30_000, Coming::Broken(call.number, true));
        }
        self.come(delay, Coming::Answer(call.number, status, answer));
    }

    fn carry_out(&mut self, call: &Call) -> (u16, String) {
        let path: Vec<&str> = call.path.split(['/', '?']).collect();
        match (call.method.as_str(), &path[1..]) {
            ("GET", ["gateway", "bot"]) => (200, GATEWAY.to_string()),
            ("GET", ["channels", "30"]) => (200, r#"{"id": "30", "type": 0}"#.to_string()),
            ("GET", ["channels", "40"]) => {
                (200, r#"{"id": "40", "type": 11, "parent_id": "30"}"#.to_string())
            }
            ("GET", ["channels", channel, "messages", query]) => {
                let after = query.strip_prefix("after=").unwrap().split('&').next().unwrap();
                let after: u64 = after.parse().unwrap();
                let all = &self.channels[&channel.parse::<u64>().unwrap()];
                let page = all.iter().filter(|(id, _)| *id > after).take(100);
                let page: Vec<_> = page.map(|(_, data)| data.clone()).collect();
                let page: Vec<_> = page.into_iter().rev().collect();
                (200, format!("[{}]", page.join(",")))
            }
            ("POST", ["channels", channel, "messages"]) => {
                let text = body(call);
                let document = json::parse(text.as_bytes()).unwrap();
                let nonce = document.root().get("nonce").unwrap().as_str().unwrap().to_string();
                let next = 1_000_000 + u64::try_from(self.nonces.len()).unwrap();
                let id = *self.nonces.entry(nonce).or_insert(next);
                (200, message(id, channel.parse().unwrap(), "answer"))
            }
            ("PATCH", ["channels", _, "messages", _]) => (200, "{}".to_string()),
            ("POST", ["channels", _, "typing"]) => (204, String::new()),
            _ => {
                self.check(false, &call.path);
                (404, String::new())
            }
        }
    }
}
