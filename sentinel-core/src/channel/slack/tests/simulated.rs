//! A Slack that misbehaves, driven by seeds: whatever it does, no message is lost that it can still
//! tell, none is handed over twice, and every post is answered once.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::channel::traffic::dice::Dice;

#[test]
fn nothing_is_lost_or_doubled() {
    for is_polled in [false, true] {
        let answered: u64 = (0..40).map(|seed| World::new(seed, is_polled).run()).sum();
        assert!(answered > 50, "{answered} posts were answered");
    }
}

/// What is on its way to the connector.
#[derive(Debug)]
enum Coming {
    Answer(CallNumber, u16, String),
    Broken(CallNumber, bool),
    Opened(u32),
    Text(u32, String),
    Closed(u32),
    /// The agent's record of a message is safe.
    Safe(String),
    /// An event that nobody acknowledged is told again.
    Again(usize),
}

/// An event that Slack wants acknowledged.
struct Event {
    text: String,
    attempts: u32,
    is_done: bool,
}

struct World {
    seed: u64,
    dice: Dice,
    now: u64,
    slack: Slack,
    is_polled: bool,
    kept: Option<Vec<u8>>,
    coming: BTreeMap<(u64, u64), Coming>,
    count: u64,
    is_rough: bool,
    channels: BTreeMap<&'static str, Vec<(String, String)>>,
    events: Vec<Event>,
    socket: Option<u32>,
    is_greeted: bool,
    sockets_count: u32,
    socket_last: u64,
    expected: BTreeSet<String>,
    handed: BTreeSet<String>,
    safe: BTreeSet<String>,
    posts: BTreeSet<u64>,
    posts_count: u64,
    answered: u64,
    log: VecDeque<String>,
}

const CHANNELS: [&str; 4] = ["D1", "D2", "C3", "C4"];

impl World {
    fn new(seed: u64, is_polled: bool) -> Self {
        Self {
            seed,
            dice: Dice::new(seed),
            now: 1_700_000_000_000,
            slack: Self::connector(seed, is_polled),
            is_polled,
            kept: None,
            coming: BTreeMap::new(),
            count: 0,
            is_rough: false,
            channels: CHANNELS.into_iter().map(|id| (id, Vec::new())).collect(),
            events: Vec::new(),
            socket: None,
            is_greeted: false,
            sockets_count: 0,
            socket_last: 0,
            expected: BTreeSet::new(),
            handed: BTreeSet::new(),
            safe: BTreeSet::new(),
            posts: BTreeSet::new(),
            posts_count: 0,
            answered: 0,
            log: VecDeque::new(),
        }
    }

    fn connector(seed: u64, is_polled: bool) -> Slack {
        if is_polled { Slack::polling(seed, &CHANNELS) } else { Slack::new(seed) }
    }

    fn run(mut self) -> u64 {
        self.slack.start(at(self.now), None);
        self.advance(60_000);
        // Each chat is known before anything goes wrong: of others nobody could be asked.
        for channel in CHANNELS {
            self.say(channel);
            self.advance(30_000);
        }
        self.check(self.safe.len() == 4, "a calm start");
        self.is_rough = true;
        for _ in 0..50 {
            match self.dice.below(11) {
                0..=4 => {
                    let channel = self.channel();
                    for _ in 0..=self.dice.below(3) {
                        self.say(channel);
                    }
                }
                5 | 6 => self.post(),
                7 => self.cut(),
                8 => self.restart(),
                9 => self.ask_to_reconnect(),
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

    fn channel(&mut self) -> &'static str {
        CHANNELS[usize::try_from(self.dice.below(4)).unwrap()]
    }

    fn check(&self, is_good: bool, what: &str) {
        assert!(is_good, "seed {} polled {}: {what}\n{:#?}", self.seed, self.is_polled, self.log);
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
            let deadline = self.slack.deadline().map(|deadline| deadline.0.max(self.now + 1));
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
                self.slack.answered(now, call, status, &Headers::new(), body.as_bytes());
            }
            Coming::Broken(call, may) => self.slack.failed(now, call, may),
            Coming::Opened(socket) if self.socket == Some(socket) => {
                self.slack.opened(now);
                self.is_greeted = true;
                self.tell(r#"{"type": "hello"}"#.to_string());
            }
            Coming::Text(socket, text) if self.socket == Some(socket) => {
                self.slack.received(now, &text);
                if self.is_rough && self.dice.chance(5) {
                    self.slack.received(now, &text);
                }
            }
            Coming::Closed(socket) if self.socket == Some(socket) => {
                self.socket = None;
                self.is_greeted = false;
                self.slack.closed(now, None);
            }
            Coming::Opened(_) | Coming::Text(..) | Coming::Closed(_) => {}
            Coming::Safe(id) => {
                let is_first = self.safe.insert(id.clone());
                self.check(is_first, "safe twice");
                self.slack.acknowledge(now, &id);
            }
            Coming::Again(event) => self.deliver(event),
        }
    }

    /// Slack tells an event, four times at most.
    fn deliver(&mut self, number: usize) {
        let event = &mut self.events[number];
        if event.is_done || event.attempts >= 4 {
            return;
        }
        event.attempts += 1;
        let attempt = event.attempts;
        let text = event.text.clone();
        if self.is_greeted {
            self.tell(envelope(&format!("{number}-{attempt}"), &text));
        }
        self.come(60_000, Coming::Again(number));
    }

    /// A text over the WebSocket, in order.
    fn tell(&mut self, text: String) {
        let Some(socket) = self.socket else { return };
        let at = (self.now + self.delay() / 4).max(self.socket_last);
        self.socket_last = at;
        self.come(at - self.now, Coming::Text(socket, text));
    }

    /// Somebody writes.
    fn say(&mut self, channel: &'static str) {
        self.count += 1;
        let (seconds, micros) = (self.now / 1000, self.now % 1000 * 1000 + self.count % 1000);
        let stamp = format!("{seconds}.{micros:06}");
        let is_private = channel.starts_with('D');
        let is_for_us = is_private || !self.is_rough || self.dice.chance(70);
        let words = if is_private { "hello" } else { "<@U99> hello" };
        let text = message(channel, &stamp, if is_for_us { words } else { "to somebody else" });
        let is_said = self.channels[channel].iter().any(|(other, _)| *other == stamp);
        if is_said {
            return;
        }
        self.note(format!("said {stamp} in {channel}, for us: {is_for_us}"));
        self.channels.get_mut(channel).unwrap().push((stamp.clone(), text.clone()));
        if is_for_us {
            self.expected.insert(format!("{channel}:{stamp}"));
        }
        self.events.push(Event { text: text.clone(), attempts: 0, is_done: false });
        self.deliver(self.events.len() - 1);
        if is_for_us && !is_private {
            let mention = text.replace("\"message\"", "\"app_mention\"");
            self.events.push(Event { text: mention, attempts: 0, is_done: false });
            self.deliver(self.events.len() - 1);
        }
    }

    fn post(&mut self) {
        self.posts_count += 1;
        let delivery = self.posts_count;
        let post = match self.dice.below(4) {
            0 => {
                let message = "1700000000.000001".into();
                Post::Edit { piece: 0, message, text: "more".into() }
            }
            1 => Post::Typing,
            _ => Post::Send { piece: 0, text: "answer".into(), key: delivery },
        };
        if post != Post::Typing {
            self.posts.insert(delivery);
        }
        let question = self.dice.chance(30).then_some(3);
        let chat = self.channel().to_string();
        self.slack.post(at(self.now), ToPost { delivery, chat, post, question });
    }

    fn cut(&mut self) {
        if let Some(socket) = self.socket {
            let delay = self.delay();
            self.come(delay, Coming::Closed(socket));
        }
    }

    fn ask_to_reconnect(&mut self) {
        let reason = ["warning", "refresh_requested"];
        let reason = reason[usize::try_from(self.dice.below(2)).unwrap()];
        self.tell(format!(r#"{{"type": "disconnect", "reason": "{reason}"}}"#));
    }

    fn garbage(&mut self) {
        let text = ["", "{", r#"{"type": "events_api", "envelope_id": "g"}"#, "[[["];
        let text = text[usize::try_from(self.dice.below(4)).unwrap()].to_string();
        self.tell(text);
    }

    fn restart(&mut self) {
        self.note("restart".to_string());
        self.poll();
        self.slack = Self::connector(self.dice.below(1 << 32), self.is_polled);
        self.coming.retain(|_, coming| matches!(coming, Coming::Again(_)));
        self.handed.clear();
        self.posts.clear();
        self.socket = None;
        self.is_greeted = false;
        // Sometimes for longer than Slack tells anything again.
        self.now += self.dice.below(1_200_000);
        self.slack.start(at(self.now), self.kept.as_deref());
    }

    fn poll(&mut self) {
        let mut count = 0;
        while let Some(action) = self.slack.poll(at(self.now)) {
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
                self.is_greeted = false;
                self.socket_last = 0;
                let delay = self.delay();
                let is_refused = self.is_rough && self.dice.chance(20);
                let socket = self.sockets_count;
                let coming =
                    if is_refused { Coming::Closed(socket) } else { Coming::Opened(socket) };
                self.come(delay, coming);
            }
            Action::Send { text, .. } => {
                let document = json::parse(text.as_bytes()).unwrap();
                let id = document.root().get("envelope_id").unwrap().as_str().unwrap();
                if let Some((number, _)) = id.split_once('-') {
                    let number: usize = number.parse().unwrap();
                    let event = &mut self.events[number];
                    event.is_done = true;
                    let is_for_us = event.text.contains("hello");
                    let event = event.text.clone();
                    let is_safe = self.safe.iter().any(|id| {
                        let (channel, stamp) = id.split_once(':').unwrap();
                        event.contains(channel) && event.contains(stamp)
                    });
                    self.check(is_safe || !is_for_us, "acknowledged before it was safe");
                }
            }
            Action::Close { .. } => {
                self.socket = None;
                self.is_greeted = false;
            }
            Action::Message(message) => {
                let id = message.id;
                self.check(self.expected.contains(&id), "not for us, or never said");
                self.check(!self.safe.contains(&id), "handed over again although it is safe");
                let is_first = self.handed.insert(id.clone());
                self.check(is_first, "handed over twice");
                let delay = self.delay() * 10;
                self.come(delay, Coming::Safe(id));
            }
            Action::Posted { delivery, .. } => {
                let is_first = self.posts.remove(&delivery);
                self.check(is_first, "answered twice");
                self.answered += 1;
            }
            Action::Keep(kept) => self.kept = Some(kept),
            Action::Stopped { why } => self.check(false, &why),
            _ => {}
        }
    }

    /// A request comes to the Web API.
    fn serve(&mut self, call: &Call) {
        let delay = self.delay();
        if self.is_rough {
            let answer = match self.dice.below(20) {
                0 => return self.come(delay, Coming::Broken(call.number, false)),
                1 => Some((502, "<html>")),
                2 => Some((429, r#"{"ok": false, "error": "ratelimited"}"#)),
                3 => Some((200, r#"{"ok": false, "error": "internal_error"}"#)),
                4 => Some((200, "x")),
                _ => None,
            };
            if let Some((status, answer)) = answer {
                return self.come(delay, Coming::Answer(call.number, status, answer.to_string()));
            }
        }
        let answer = self.carry_out(call);
        if self.is_rough && self.dice.chance(10) {
            return self.come(30_000, Coming::Broken(call.number, true));
        }
        self.come(delay, Coming::Answer(call.number, 200, answer));
    }

    fn carry_out(&mut self, call: &Call) -> String {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        match path {
            "/auth.test" => WHO.to_string(),
            "/apps.connections.open" => ADDRESS.to_string(),
            "/chat.postMessage" | "/chat.update" => {
                self.count += 1;
                format!(r#"{{"ok": true, "ts": "1800000000.{:06}"}}"#, self.count % 1_000_000)
            }
            "/conversations.history" => {
                let value = |key: &str| {
                    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                    pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
                };
                let oldest = value("oldest").unwrap();
                let all = &self.channels[value("channel").unwrap()];
                let newer: Vec<_> = all.iter().rev().filter(|(at, _)| &**at > oldest).collect();
                // Pages of three, so that there are several.
                let from: usize = value("cursor").map_or(0, |cursor| cursor.parse().unwrap());
                let page: Vec<_> =
                    newer.iter().skip(from).take(3).map(|(_, text)| text.clone()).collect();
                let next = if newer.len() > from + 3 { (from + 3).to_string() } else { "".into() };
                format!(
                    r#"{{"ok": true, "messages": [{}],
                        "response_metadata": {{"next_cursor": "{next}"}}}}"#,
                    page.join(",")
                )
            }
            _ => {
                self.check(false, &call.path);
                String::new()
            }
        }
    }
}
