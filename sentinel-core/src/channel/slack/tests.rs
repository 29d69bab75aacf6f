//! The connector against documents as Slack sends them.

mod hostile;
mod missed;
mod posts;
mod simulated;
mod sockets;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::channel::UNFINISHED;
use crate::channel::connector::{Call, Token};
use crate::channel::incoming::{Incoming, Part};
use crate::time::Timestamp;

fn at(milliseconds: u64) -> Now {
    Now { instant: Instant(milliseconds), wall: Timestamp(milliseconds) }
}

/// A connector and the clock it sees.
struct Desk {
    slack: Slack,
    now: u64,
    kept: Option<Vec<u8>>,
}

impl Desk {
    fn new(slack: Slack) -> Self {
        let mut desk = Self { slack, now: 1_700_000_000_000, kept: None };
        desk.slack.start(at(desk.now), None);
        desk
    }

    /// One whose connection stands.
    fn running() -> Self {
        let mut desk = Self::new(Slack::new(7));
        desk.connect();
        desk
    }

    fn connect(&mut self) {
        let who = self.calls();
        assert_eq!((who[0].path.as_str(), who[0].token), ("/auth.test", Token::Bearer));
        let address = calls(self.answer(&who[0], 200, WHO));
        self.open(&address[0]);
    }

    fn open(&mut self, address: &Call) {
        assert_eq!(address.path, "/apps.connections.open");
        assert_eq!((address.token, address.method.as_str()), (Token::AppBearer, "POST"));
        let actions = self.answer(address, 200, ADDRESS);
        let url = "wss://wss-primary.slack.com/link/?ticket=1".to_string();
        assert_eq!(actions, [Action::Open { url }]);
        self.slack.opened(at(self.now));
        let actions = self.hear(r#"{"type": "hello", "num_connections": 1}"#);
        assert_eq!(actions[0], Action::Ready { name: "sentinel".into() });
    }

    /// The same program again, with what was kept.
    fn restart(&mut self) {
        self.slack = Slack::new(8);
        self.slack.start(at(self.now), self.kept.as_deref());
    }

    fn poll(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(action) = self.slack.poll(at(self.now)) {
            match action {
                Action::Keep(kept) => self.kept = Some(kept),
                action => actions.push(action),
            }
        }
        actions
    }

    /// Waits for the next thing that is due.
    fn wait(&mut self) -> Vec<Action> {
        let deadline = self.slack.deadline().unwrap();
        self.now = self.now.max(deadline.0);
        self.poll()
    }

    fn hear(&mut self, text: &str) -> Vec<Action> {
        self.slack.received(at(self.now), text);
        self.poll()
    }

    fn acknowledge(&mut self, message: &str) -> Vec<Action> {
        self.slack.acknowledge(at(self.now), message);
        self.poll()
    }

    fn calls(&mut self) -> Vec<Call> {
        calls(self.poll())
    }

    fn answer(&mut self, call: &Call, status: u16, body: &str) -> Vec<Action> {
        let headers = Headers::new();
        self.slack.answered(at(self.now), call.number, status, &headers, body.as_bytes());
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

/// What was said over the connection.
fn sent(actions: &[Action]) -> Vec<&str> {
    let sent = actions.iter().filter_map(|action| match action {
        Action::Send { text, has_token: false } => Some(text.as_str()),
        _ => None,
    });
    sent.collect()
}

fn body(call: &Call) -> &str {
    core::str::from_utf8(&call.body.as_ref().unwrap().1).unwrap()
}

fn message(channel: &str, stamp: &str, text: &str) -> String {
    format!(
        r#"{{"type": "message", "channel": "{channel}", "ts": "{stamp}", "user": "U53",
            "text": "{text}"}}"#
    )
}

fn envelope(id: &str, event: &str) -> String {
    format!(
        r#"{{"type": "events_api", "envelope_id": "{id}", "accepts_response_payload": false,
            "payload": {{"type": "event_callback", "event_id": "Ev1", "event": {event}}}}}"#
    )
}

const WHO: &str = r#"{"ok": true, "url": "https://x.slack.com/", "team_id": "T1",
    "user": "sentinel", "user_id": "U99", "bot_id": "B99"}"#;

const ADDRESS: &str = r#"{"ok": true, "url": "wss://wss-primary.slack.com/link/?ticket=1"}"#;
