//! What is out and what is to be done: the part of the machine that all others use.
//!
//! # Invariants
//! - The number of a call is used once, and its outcome is taken once.
//!
//! # Not here
//! What the calls are for.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::files::Fetching;
use super::posts::Out;
use crate::channel::connector::{Action, Call, CallNumber, Token};
use crate::limits::{TELEGRAM_ANSWER_BYTES_MAX, TELEGRAM_CALL_TIME_MAX, TELEGRAM_POSTS_OUT_MAX};
use crate::order::Map;
use crate::wire::http::Method;

/// What a call is for.
#[derive(Debug)]
pub(super) enum Errand {
    /// To learn the own name.
    Introduce,
    /// For updates.
    Poll,
    /// A message or a change of one.
    Post(Out),
    /// A sign of typing in a chat.
    Type(String),
    /// To learn where a file is.
    Locate(Fetching),
    /// For the file.
    Download(Fetching),
    /// Something whose outcome changes nothing.
    Aside,
}

/// Calls that are out, and actions that wait for the shell.
#[derive(Debug)]
pub(super) struct Desk {
    last: u64,
    calls: Map<CallNumber, Errand>,
    asides_count: usize,
    out: VecDeque<Action>,
}

impl Desk {
    pub(super) const fn new() -> Self {
        Self { last: 0, calls: Map::new(), asides_count: 0, out: VecDeque::new() }
    }

    /// Calls a method of the Bot API.
    pub(super) fn call(&mut self, errand: Errand, method: &str, body: String) {
        let bounds = (TELEGRAM_CALL_TIME_MAX, TELEGRAM_ANSWER_BYTES_MAX);
        self.call_within(errand, method, body, bounds);
    }

    /// Calls a method that may as well not be called: with too many of them out, it is not.
    pub(super) fn call_aside(&mut self, method: &str, body: String) {
        if self.asides_count < TELEGRAM_POSTS_OUT_MAX {
            self.asides_count += 1;
            self.call(Errand::Aside, method, body);
        }
    }

    pub(super) fn call_within(
        &mut self,
        errand: Errand,
        method: &str,
        body: String,
        (time_max, answer_bytes_max): (Duration, usize),
    ) {
        let number = self.number();
        self.send(
            errand,
            Call {
                number,
                method: Method::POST,
                path: format!("/{method}"),
                body: Some(("application/json", body.into_bytes())),
                token: Token::BotPath,
                time_max,
                answer_bytes_max,
                file: None,
            },
        );
    }

    /// Sends a request of whatever kind.
    pub(super) fn send(&mut self, errand: Errand, call: Call) {
        self.calls.insert(call.number, errand);
        self.out.push_back(Action::Call(call));
    }

    /// A number for a request.
    pub(super) fn number(&mut self) -> CallNumber {
        self.last += 1;
        CallNumber(self.last)
    }

    /// The outcome of a call is known: what it was for.
    pub(super) fn take(&mut self, call: CallNumber) -> Option<Errand> {
        let errand = self.calls.remove(&call);
        if matches!(errand, Some(Errand::Aside)) {
            self.asides_count = self.asides_count.saturating_sub(1);
        }
        errand
    }

    /// Nothing that is out matters any more.
    pub(super) fn cancel_all(&mut self) -> Map<CallNumber, Errand> {
        let calls = core::mem::take(&mut self.calls);
        self.out.extend(calls.keys().map(|call| Action::Cancel(*call)));
        calls
    }

    pub(super) fn act(&mut self, action: Action) {
        self.out.push_back(action);
    }

    pub(super) fn next(&mut self) -> Option<Action> {
        self.out.pop_front()
    }
}
