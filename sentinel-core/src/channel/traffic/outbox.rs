//! The outbox: actions that wait to be polled, and requests that wait for their answers.
//!
//! # Invariants
//! - No request's number is used twice, and each request is answered at most once.
//! - After [`Outbox::stop`] nothing is asked of the platform any more.
//!
//! # Not here
//! What an answer means: whoever sent the request knows by its purpose.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::connector::{Action, Call, CallNumber, Token};
use crate::order::Map;
use crate::wire::http::Method;

/// Actions, and the requests that are under way with what each is for.
#[derive(Clone, Debug)]
pub(in crate::channel) struct Outbox<P> {
    actions: VecDeque<Action>,
    calls: Map<u64, P>,
    last: u64,
    is_stopped: bool,
}

/// A request before it has a number.
#[derive(Clone, Debug)]
pub(in crate::channel) struct Request {
    pub(in crate::channel) method: Method,
    pub(in crate::channel) path: String,
    pub(in crate::channel) body: Option<(&'static str, Vec<u8>)>,
    pub(in crate::channel) token: Token,
}

impl Request {
    pub(in crate::channel) fn get(path: String, token: Token) -> Self {
        Self { method: Method::GET, path, body: None, token }
    }

    /// A request with a body of JSON.
    pub(in crate::channel) fn json(
        method: Method,
        path: String,
        token: Token,
        body: String,
    ) -> Self {
        Self { method, path, body: Some(("application/json", body.into_bytes())), token }
    }
}

impl<P> Outbox<P> {
    pub(in crate::channel) fn new() -> Self {
        Self { actions: VecDeque::new(), calls: Map::new(), last: 0, is_stopped: false }
    }

    /// A new start: actions that nobody polled are still to be done.
    pub(in crate::channel) fn revive(&mut self) {
        self.is_stopped = false;
    }

    pub(in crate::channel) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(in crate::channel) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(in crate::channel) fn call(&mut self, purpose: P, request: Request) {
        self.last += 1;
        self.calls.insert(self.last, purpose);
        let Request { method, path, body, token } = request;
        self.push(Action::Call(Call {
            number: CallNumber(self.last),
            method,
            path,
            body,
            token,
            time_max: CALL_TIME_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
            file: None,
        }));
    }

    /// A request for the bytes of a file, at a whole URL.
    pub(in crate::channel) fn download(
        &mut self,
        purpose: P,
        url: String,
        token: Token,
        (file, bytes_max): (u64, usize),
    ) {
        self.last += 1;
        self.calls.insert(self.last, purpose);
        self.push(Action::Call(Call {
            number: CallNumber(self.last),
            method: Method::GET,
            path: url,
            body: None,
            token,
            time_max: FILE_TIME_MAX,
            answer_bytes_max: bytes_max,
            file: Some(file),
        }));
    }

    /// What a request was for, the first time it is answered.
    pub(in crate::channel) fn take(&mut self, call: CallNumber) -> Option<P> {
        self.calls.remove(&call.0)
    }

    /// What a request is for that is under way.
    pub(in crate::channel) fn purpose(&self, call: CallNumber) -> Option<&P> {
        self.calls.get(&call.0)
    }

    /// All that is under way is given up; what it was for.
    pub(in crate::channel) fn abandon(&mut self) -> Vec<P> {
        let calls = core::mem::take(&mut self.calls);
        self.actions.retain(|action| {
            !matches!(action, Action::Call(_) | Action::Send { .. } | Action::Open { .. })
        });
        for number in calls.keys() {
            self.actions.push_back(Action::Cancel(CallNumber(*number)));
        }
        calls.into_values().collect()
    }

    pub(in crate::channel) fn stop(&mut self, why: String) {
        if !core::mem::replace(&mut self.is_stopped, true) {
            self.push(Action::Stopped { why });
        }
    }

    pub(in crate::channel) fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

/// Platforms answer within seconds or not at all.
const CALL_TIME_MAX: Duration = Duration::from_secs(30);

/// The largest file over a slow line.
const FILE_TIME_MAX: Duration = Duration::from_secs(120);

/// A hundred messages with everything that is in them.
const ANSWER_BYTES_MAX: usize = 8 << 20;
