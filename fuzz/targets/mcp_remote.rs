//! The client of an MCP server elsewhere: whatever its server says by HTTP, and when, each exchange
//! is begun once and ended at most once, each request has one end, and pieces change nothing.
//!
//! An input is steps between zero bytes, so that seeds can be read: a letter, a digit for the
//! exchange that it is about, and what came. The first byte says in which pieces bodies come.
#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sentinel_core::limits::MCP_EXCHANGES_COUNT_MAX;
use sentinel_core::mcp::{
    Begin, ClientEffect, ClientOffer, Decision, ExchangeNumber, Items, Remote, RemoteEffect,
    RequestNumber,
};
use sentinel_core::text::json;
use sentinel_core::time::Instant;
use sentinel_core::wire::http::{Headers, Method};

fuzz_target!(|input: &[u8]| {
    let Some((first, script)) = input.split_first() else { return };
    let size = usize::from(*first).max(1);
    assert_eq!(World::new(size).run(script), World::new(usize::MAX).run(script));
});

struct World {
    remote: Remote,
    now: Instant,
    size: usize,
    /// The exchanges that were begun and not dropped.
    open: BTreeSet<u64>,
    begun: BTreeSet<u64>,
    /// The requests of this session that have no end.
    requests: BTreeSet<RequestNumber>,
    questions: Vec<u64>,
    is_broken: bool,
    /// What is handed on.
    said: Vec<ClientEffect>,
}

impl World {
    fn new(size: usize) -> Self {
        let (version, roots) = ("1".into(), Vec::new());
        Self {
            remote: Remote::new(ClientOffer { version, roots, may_ask: true, may_sample: true }),
            now: Instant(1_000_000),
            size,
            open: BTreeSet::new(),
            begun: BTreeSet::new(),
            requests: BTreeSet::new(),
            questions: Vec::new(),
            is_broken: false,
            said: Vec::new(),
        }
    }

    fn run(mut self, script: &[u8]) -> Vec<ClientEffect> {
        self.follow();
        for step in script.split(|byte| *byte == 0) {
            self.step(step);
            self.follow();
        }
        self.remote.end();
        self.follow();
        assert!(self.requests.is_empty(), "a request has no end");
        self.said
    }

    fn step(&mut self, step: &[u8]) {
        let Some((what, rest)) = step.split_first() else { return };
        let number = rest.first().map_or(0, |digit| u64::from(digit.wrapping_sub(b'0')));
        let (exchange, rest) = (ExchangeNumber(number), rest.get(1..).unwrap_or_default());
        // A host tells of what it was asked to begin, and of nothing that was dropped.
        let is_open = self.open.contains(&number);
        match what {
            b'h' if is_open => {
                let (status, headers) = head(rest);
                self.remote.head(exchange, status, &headers);
            }
            b'b' if is_open => {
                for piece in rest.chunks(self.size) {
                    if self.open.contains(&number) {
                        self.remote.body(self.now, exchange, piece);
                        self.follow();
                    }
                }
            }
            b'd' if is_open => {
                self.open.remove(&number);
                self.remote.done(self.now, exchange);
            }
            b'f' if is_open => {
                self.open.remove(&number);
                self.remote.failed(self.now, exchange, "it was cut");
            }
            b't' => {
                self.now = self.now.after(Duration::from_millis(number * 1000));
                self.remote.tick(self.now);
                assert!(self.remote.deadline().is_none_or(|at| at > self.now));
            }
            b'c' => self.asked(|remote| remote.client().call("do", "{}").ok()),
            b'l' => self.asked(|remote| remote.client().list(Items::Resources, None).ok()),
            b'r' => self.asked(|remote| remote.client().resource("a://b").ok()),
            b'x' => {
                if let Some(request) = self.requests.pop_last() {
                    self.remote.client().cancel(request);
                }
            }
            b'a' => {
                if let Some(question) = self.questions.pop() {
                    let answer = Decision::Accept("{}");
                    self.remote.client().answer(question, answer).expect("it is asked");
                }
            }
            _ => {}
        }
    }

    fn asked(&mut self, ask: impl FnOnce(&mut Remote) -> Option<RequestNumber>) {
        if let Some(request) = ask(&mut self.remote) {
            assert!(self.requests.insert(request), "two requests have one number");
        }
    }

    fn follow(&mut self) {
        while let Some(effect) = self.remote.poll() {
            match effect {
                RemoteEffect::Begin(begin) => {
                    check(&begin);
                    let number = begin.exchange.0;
                    assert!(self.begun.insert(number), "an exchange is begun twice");
                    // The farewell is nobody's to wait for.
                    if begin.method != Method::DELETE {
                        self.open.insert(number);
                    }
                    assert!(self.open.len() <= MCP_EXCHANGES_COUNT_MAX + 2);
                }
                RemoteEffect::Drop(exchange) => {
                    assert!(self.open.remove(&exchange.0), "what is not open is dropped");
                }
                RemoteEffect::Renewed(_) => {
                    self.requests.clear();
                    self.questions.clear();
                }
                RemoteEffect::Client(effect) => {
                    assert!(!self.is_broken, "something comes after the end");
                    self.heard(&effect);
                    self.said.push(effect);
                }
            }
        }
    }

    fn heard(&mut self, effect: &ClientEffect) {
        match effect {
            ClientEffect::Done { request, .. } | ClientEffect::Failed { request, .. } => {
                assert!(self.requests.remove(request), "what nobody waits for ends");
            }
            ClientEffect::Progress { request, .. } => assert!(self.requests.contains(request)),
            ClientEffect::Ask(asked) => self.questions.push(asked.question),
            ClientEffect::Unask(question) => self.questions.retain(|known| known != question),
            ClientEffect::Send(_) => panic!("a line is not posted"),
            ClientEffect::Broken(_) => self.is_broken = true,
            _ => {}
        }
    }
}

/// `200 text/event-stream s1`: a status, the type of what comes, and the name of a session.
fn head(text: &[u8]) -> (u16, Headers) {
    let mut words = text.split(|byte| *byte == b' ');
    let status = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    let mut headers = Headers::new();
    for (name, value) in ["content-type", "mcp-session-id", "location"].into_iter().zip(words) {
        let _ = headers.append(name, value);
    }
    (status.unwrap_or(200), headers)
}

fn check(begin: &Begin) {
    for (_, value) in &begin.headers {
        assert!(value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{value:?}");
    }
    match begin.method == Method::POST {
        true => drop(json::parse(begin.body.as_bytes()).expect("what is posted is JSON")),
        false => assert!(begin.body.is_empty()),
    }
}
