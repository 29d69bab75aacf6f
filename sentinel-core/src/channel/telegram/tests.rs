//! The machine, step by step, against answers written as Telegram's documents show them.

mod reading;
mod scripted;
mod world;

use std::string::String;

use super::*;
use crate::channel::connector::Call;
use crate::time::Timestamp;

/// A machine and a clock.
struct Bench {
    telegram: Telegram,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self { telegram: Telegram::new(1), now: 1_000 };
        bench.telegram.start(bench.now(), None);
        bench
    }

    /// One that has learnt its name, with its first poll.
    fn at_work() -> (Self, Call) {
        let mut bench = Self::new();
        let call = bench.call("getMe");
        bench.answer(&call, OWN);
        assert!(matches!(bench.poll(), Some(Action::Ready { name }) if name == "sentinel_bot"));
        let call = bench.call("setMyCommands");
        bench.answer(&call, r#"{"ok":true,"result":true}"#);
        let poll = bench.call("getUpdates");
        (bench, poll)
    }

    fn now(&self) -> Now {
        Now { instant: Instant(self.now), wall: Timestamp(self.now) }
    }

    fn poll(&mut self) -> Option<Action> {
        self.telegram.poll(self.now())
    }

    #[track_caller]
    fn call(&mut self, method: &str) -> Call {
        match self.poll() {
            Some(Action::Call(call)) if call.path == std::format!("/{method}") => call,
            other => panic!("instead of {method}: {other:?}"),
        }
    }

    #[track_caller]
    fn alert(&mut self) -> String {
        match self.poll() {
            Some(Action::Alert(words)) => words,
            other => panic!("instead of an alert: {other:?}"),
        }
    }

    #[track_caller]
    fn posted(&mut self) -> Posted {
        match self.poll() {
            Some(Action::Posted { outcome, .. }) => outcome,
            other => panic!("instead of what became of a post: {other:?}"),
        }
    }

    fn answer(&mut self, call: &Call, body: &str) {
        self.answer_with(call, 200, body);
    }

    fn answer_with(&mut self, call: &Call, status: u16, body: &str) {
        let now = self.now();
        self.telegram.answered(now, call.number, status, &Headers::new(), body.as_bytes());
    }

    fn fail(&mut self, call: &Call, may_have_arrived: bool) {
        self.telegram.failed(self.now(), call.number, may_have_arrived);
    }

    /// Lets the time of the next deadline come.
    #[track_caller]
    fn wait(&mut self) {
        assert!(self.poll().is_none());
        self.now = self.telegram.deadline().unwrap().0;
    }

    fn send(&mut self, delivery: u64, chat: &str, text: &str) {
        let post = Post::Send { piece: 0, text: text.into(), key: 1 };
        self.post(delivery, chat, post, None);
    }

    fn post(&mut self, delivery: u64, chat: &str, post: Post, question: Option<u32>) {
        let post = ToPost { delivery, chat: chat.into(), post, question };
        self.telegram.post(self.now(), post);
    }
}

fn body(call: &Call) -> String {
    let (_, body) = call.body.as_ref().unwrap();
    String::from_utf8(body.clone()).unwrap()
}

/// An answer to a poll with these updates.
fn updates(updates: &[String]) -> String {
    std::format!("{{\"ok\":true,\"result\":[{}]}}", updates.join(","))
}

/// An update with a message of Ada in private.
fn private(update: i64, message: i64, rest: &str) -> String {
    std::format!(
        r#"{{"update_id":{update},"message":{{"message_id":{message},"date":1700000000,
        "chat":{{"id":77,"type":"private","first_name":"Ada"}},
        "from":{{"id":77,"is_bot":false,"first_name":"Ada","last_name":"L"}},{rest}}}}}"#
    )
}

/// An update with a message of Ada in a supergroup.
fn in_group(update: i64, message: i64, rest: &str) -> String {
    private(update, message, rest).replace(
        r#""chat":{"id":77,"type":"private","first_name":"Ada"}"#,
        r#""chat":{"id":-1001,"type":"supergroup","title":"G"}"#,
    )
}

const OWN: &str = r#"{"ok":true,"result":{"id":9,"is_bot":true,"first_name":"S",
    "username":"sentinel_bot"}}"#;
