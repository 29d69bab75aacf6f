//! The connector against documents as Discord sends them.

mod gateway;
mod hostile;
mod missed;
mod posts;
mod simulated;
mod threads;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::channel::UNFINISHED;
use crate::channel::connector::Call;
use crate::channel::incoming::{Incoming, Part};
use crate::time::Timestamp;

fn at(milliseconds: u64) -> Now {
    Now { instant: Instant(milliseconds), wall: Timestamp(milliseconds) }
}

/// A connector and the clock it sees.
struct Desk {
    discord: Discord,
    now: u64,
    kept: Option<Vec<u8>>,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { discord: Discord::new(7), now: 1000, kept: None };
        desk.discord.start(at(1000), None);
        desk
    }

    /// One that is in session.
    fn running() -> Self {
        let mut desk = Self::new();
        desk.connect();
        desk.hear(r#"{"op": 10, "d": {"heartbeat_interval": 40000}}"#);
        desk.hear(READY);
        desk
    }

    /// The same program again, with what was kept.
    fn restart(&mut self) {
        self.discord = Discord::new(8);
        self.discord.start(at(self.now), self.kept.as_deref());
    }

    fn poll(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(action) = self.discord.poll(at(self.now)) {
            match action {
                Action::Keep(kept) => self.kept = Some(kept),
                action => actions.push(action),
            }
        }
        actions
    }

    /// Waits for the next thing that is due.
    fn wait(&mut self) -> Vec<Action> {
        let deadline = self.discord.deadline().unwrap();
        self.now = self.now.max(deadline.0);
        self.poll()
    }

    /// Asks for the Gateway and opens it.
    fn connect(&mut self) {
        let calls = self.calls();
        assert_eq!(calls[0].path, "/gateway/bot");
        assert_eq!(calls[0].token, Token::BotHeader);
        let actions = self.answer(&calls[0], 200, GATEWAY);
        let url = "wss://gateway.discord.gg/?v=10&encoding=json".to_string();
        assert_eq!(actions, [Action::Open { url }]);
        self.discord.opened(at(self.now));
    }

    fn hear(&mut self, text: &str) -> Vec<Action> {
        self.discord.received(at(self.now), text);
        self.poll()
    }

    /// A message comes over the Gateway.
    fn message(&mut self, seq: u64, id: u64, channel: u64, content: &str) -> Vec<Action> {
        self.hear(&format!(
            r#"{{"op": 0, "t": "MESSAGE_CREATE", "s": {seq}, "d": {}}}"#,
            message(id, channel, content)
        ))
    }

    fn calls(&mut self) -> Vec<Call> {
        calls(self.poll())
    }

    fn answer(&mut self, call: &Call, status: u16, body: &str) -> Vec<Action> {
        self.answer_with(call, status, &Headers::new(), body)
    }

    fn answer_with(
        &mut self,
        call: &Call,
        status: u16,
        headers: &Headers,
        body: &str,
    ) -> Vec<Action> {
        self.discord.answered(at(self.now), call.number, status, headers, body.as_bytes());
        self.poll()
    }
}

fn calls(actions: Vec<Action>) -> Vec<Call> {
    let calls = actions.into_iter().filter_map(|action| match action {
        Action::Call(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

fn messages(actions: &[Action]) -> Vec<&Incoming> {
    let messages = actions.iter().filter_map(|action| match action {
        Action::Message(message) => Some(message),
        _ => None,
    });
    messages.collect()
}

fn ids(actions: &[Action]) -> Vec<&str> {
    messages(actions).into_iter().map(|message| message.id.as_str()).collect()
}

fn body(call: &Call) -> &str {
    core::str::from_utf8(&call.body.as_ref().unwrap().1).unwrap()
}

fn message(id: u64, channel: u64, content: &str) -> String {
    json::object(|out| {
        out.field("id", &id.to_string()).field("channel_id", &channel.to_string());
        out.field("type", 0).field("content", content);
        out.object("author", |out| {
            out.field("id", "53").field("username", "ada");
        });
    })
}

const GATEWAY: &str = r#"{"url": "wss://gateway.discord.gg", "shards": 1,
    "session_start_limit":
    {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 1}}"#;

const READY: &str = r#"{"op": 0, "t": "READY", "s": 1, "d": {"v": 10,
    "user": {"id": "99", "username": "sentinel", "bot": true}, "session_id": "abc123",
    "resume_gateway_url": "wss://resume.discord.gg", "guilds": []}}"#;

const RESUMED: &str = r#"{"op": 0, "t": "RESUMED", "s": 9, "d": {}}"#;
