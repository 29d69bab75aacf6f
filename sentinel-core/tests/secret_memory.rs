//! A secret that the proxy adds is in no memory that was given back.
//!
//! Goal: whoever finds old memory of the proxy (a core dump, a page that is used again) finds no
//! secret. Method: an allocator that always moves what grows, and looks at all that is given back,
//! under connections on which bodies wait behind the secret, and servers that say it back.
#![cfg(feature = "policy")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod left_behind;

use std::sync::Arc;

use sentinel_core::capability::Destination;
use sentinel_core::egress::{
    Action, Allowance, Conversation, Injection, Inspection, SECRET_FORMAT, SECRET_HEADER, Way,
};
use sentinel_core::time::{Instant, Now, Timestamp};

const SECRET: &str = "canary-2b81f06e";
const NOW: Now = Now { wall: Timestamp(0), instant: Instant(0) };

/// One connection, and how much the server has taken.
struct World {
    conversation: Conversation,
    /// How often a secret went to the server.
    secrets_count: usize,
}

impl World {
    fn new(headers: &[&str]) -> Self {
        Self::with(headers, |_| SECRET)
    }

    /// With what each header's secret is.
    fn with(headers: &[&str], secret: impl Fn(&str) -> &'static str) -> Self {
        let place = || Destination::parse("api.example.com:8080").unwrap();
        let injections = headers.iter().map(|header| {
            let mut injection = Injection::new(header, place(), header, SECRET_FORMAT).unwrap();
            // Under TLS the shell encrypts what is the same up to there.
            injection.is_in_clear = true;
            injection
        });
        let inspection = Inspection { is_on: true, injections: injections.collect() };
        let grants = ["connect api.example.com:8080", "connect b.example.com:2222"];
        let grants = grants.map(|grant| grant.parse().unwrap());
        let mut allowance = Allowance::new(grants, NOW.wall).unwrap().inspecting(inspection);
        allowance.hand_over(|name| Some(secret(name).into()));
        let conversation = Conversation::new(Arc::new(allowance), NOW.instant);
        Self { conversation, secrets_count: 0 }
    }

    fn client(&mut self, bytes: &[u8]) {
        // As much as one read brings.
        for piece in bytes.chunks(64 * 1024) {
            self.conversation.client(NOW, piece);
            self.settle();
        }
    }

    fn server(&mut self, bytes: &[u8]) {
        self.conversation.server(NOW, bytes);
        self.settle();
        self.conversation.to_client().clear();
    }

    /// The server takes so many bytes.
    fn takes(&mut self, count: usize) {
        let waiting = self.conversation.to_server();
        let taken: Vec<u8> = waiting.drain(..count.min(waiting.len())).collect();
        self.secrets_count += scrubbed(taken);
        self.settle();
    }

    /// How often a secret went to the server, all in all.
    fn end(self) -> usize {
        self.secrets_count
    }

    fn settle(&mut self) {
        while let Some(action) = self.conversation.poll() {
            if let Action::Connect(_) = action {
                self.conversation.connected(NOW, None, Way::Direct);
            }
        }
    }
}

/// How often the secret is in bytes, which are overwritten: they are the test's own.
fn scrubbed(mut bytes: Vec<u8>) -> usize {
    let count = bytes.windows(SECRET.len()).filter(|window| *window == SECRET.as_bytes()).count();
    bytes.fill(0);
    count
}

#[test]
fn what_waits_behind_a_secret_is_moved_and_nothing_left() {
    let head = "POST http://api.example.com:8080/a HTTP/1.1\r\nHost: api.example.com:8080\r\n";
    let exact = format!("{head}Content-Length: 300000\r\n\r\n");
    let streamed = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    // Pieces of one byte become three times as much on their way.
    let chunks = "1\r\na\r\n".repeat(30_000) + "0\r\n\r\n";
    let exact = [exact.as_bytes(), &vec![b'a'; 300_000]].concat();
    let streamed = [streamed.as_bytes(), chunks.as_bytes()].concat();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    for request in [exact, streamed] {
        // The server takes all, nothing, or only the head while the body waits.
        for taken in [usize::MAX, 0, 400] {
            let mut world = World::new(&[SECRET_HEADER]);
            let mut secrets_count = 0;
            let left = left_behind::blocks(SECRET.as_bytes(), || {
                for _ in 0..3 {
                    world.client(&request);
                    world.takes(taken);
                    // It answers before it has taken the body, and the next request comes.
                    world.server(answer.as_bytes());
                }
                world.takes(usize::MAX);
                secrets_count = world.end();
            });
            assert_eq!(left, 0, "{taken} taken of {} bytes", request.len());
            assert!(secrets_count > 0);
        }
    }
}

#[test]
fn a_request_that_cannot_be_written_leaves_none() {
    // The first secret stands in the head when the second turns out to be none for a header.
    let mut world = World::with(&["X-First", "X-Second"], |name| match name {
        "X-First" => SECRET,
        _ => "two lines\r\nX: y",
    });
    let head = "GET http://api.example.com:8080/a HTTP/1.1\r\nHost: api.example.com:8080\r\n\r\n";
    let mut secrets_count = 1;
    let left = left_behind::blocks(SECRET.as_bytes(), || {
        world.client(head.as_bytes());
        assert!(world.conversation.is_closed());
        world.takes(usize::MAX);
        secrets_count = world.end();
    });
    assert_eq!((left, secrets_count), (0, 0));
}

#[test]
fn what_a_server_says_back_is_covered_and_not_left() {
    let request =
        "GET http://api.example.com:8080/a HTTP/1.1\r\nHost: api.example.com:8080\r\n\r\n";
    let body = format!("{{\"you\": \"Bearer {SECRET}\"}}").repeat(200);
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nX-You: {SECRET}\r\nContent-Length: {length}\r\n\r\n");
    for size in [7, 100, 4000, length] {
        let mut world = World::new(&[SECRET_HEADER]);
        let mut secrets_count = 0;
        let left = left_behind::blocks(SECRET.as_bytes(), || {
            for _ in 0..2 {
                world.client(request.as_bytes());
                world.takes(usize::MAX);
                world.server(head.as_bytes());
                for piece in body.as_bytes().chunks(size) {
                    world.server(piece);
                }
            }
            secrets_count = world.end();
        });
        assert_eq!((left, secrets_count), (0, 2), "in pieces of {size}");
    }
}

/// What passes through a tunnel grows without that care, so it is not where a secret was.
#[test]
fn a_tunnel_behind_requests_does_not_grow_over_a_secret() {
    let request =
        "GET http://api.example.com:8080/a HTTP/1.1\r\nHost: api.example.com:8080\r\n\r\n";
    let connect = "CONNECT b.example.com:2222 HTTP/1.1\r\nHost: b.example.com:2222\r\n\r\n";
    for words in [long_hello("b.example.com"), [&b"SSH-2.0-"[..], &[b'x'; 4000]].concat()] {
        let mut world = World::new(&[SECRET_HEADER]);
        let mut secrets_count = 0;
        let left = left_behind::blocks(SECRET.as_bytes(), || {
            world.client(request.as_bytes());
            world.takes(usize::MAX);
            world.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            world.client(connect.as_bytes());
            world.client(&words);
            assert_eq!(*world.conversation.to_server(), words);
            world.takes(usize::MAX);
            secrets_count = world.end();
        });
        assert_eq!((left, secrets_count), (0, 1), "{} bytes", words.len());
    }
}

/// A `ClientHello` (RFC 8446 §4.1.2) that names a host and is padded (RFC 7685).
fn long_hello(name: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let named = sized(&[&[0], &*sized(name.as_bytes())].concat());
    let extensions =
        [&[0, 0], &*sized(&named), &[0, 43, 0, 3, 2, 3, 4], &[0, 21], &*sized(&[0; 4000])].concat();
    // The version, a random value, no session, one suite, no compression.
    let head = [&[3, 3][..], &[7; 32], &[0], &sized(&[0x13, 1]), &[1, 0]].concat();
    let body = [head, sized(&extensions)].concat();
    [&[22, 3, 1][..], &sized(&[&[1, 0], &*sized(&body)].concat())].concat()
}
