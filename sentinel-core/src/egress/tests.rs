//! Whole conversations: what a hostile program tries, and what comes of it.

mod hostile;
mod inspected;
mod pieces;

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Action, Allowance, Conversation, Trouble, Way};
use crate::time::{Instant, Now, Timestamp};

/// One connection, and whoever is at its other end.
pub(super) struct World {
    pub(super) conversation: Conversation,
    pub(super) now: Now,
    /// The places that were connected to.
    pub(super) places: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) to_client: Vec<u8>,
    pub(super) to_server: Vec<u8>,
    /// How many bytes the server of now takes before it stands still.
    pub(super) room: usize,
    /// Where in `to_server` the last connection begins.
    pub(super) last_began: usize,
    pub(super) is_relayed: bool,
    /// What TLS that is ended here begins with; what is fed from then on is what is in it.
    pub(super) hello: Option<Vec<u8>>,
    pub(super) is_closed: bool,
    pub(super) disconnects_count: usize,
    /// Whether attempts to connect come to nothing for now.
    pub(super) is_held: bool,
    /// What becomes of attempts to connect.
    pub(super) trouble: Option<Trouble>,
    pub(super) way: Way,
}

impl World {
    pub(super) fn new(grants: &[&str]) -> Self {
        let now = Now { wall: Timestamp(0), instant: Instant(0) };
        let grants = grants.iter().map(|grant| grant.parse().unwrap());
        Self::of(Allowance::new(grants, now.wall).unwrap())
    }

    pub(super) fn of(allowance: Allowance) -> Self {
        let now = Now { wall: Timestamp(0), instant: Instant(0) };
        Self {
            conversation: Conversation::new(Arc::new(allowance), now.instant),
            now,
            places: Vec::new(),
            notes: Vec::new(),
            to_client: Vec::new(),
            to_server: Vec::new(),
            room: usize::MAX,
            last_began: 0,
            is_relayed: false,
            hello: None,
            is_held: false,
            is_closed: false,
            disconnects_count: 0,
            trouble: None,
            way: Way::Direct,
        }
    }

    pub(super) fn client(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if self.is_relayed {
            self.to_server.extend_from_slice(bytes.as_ref());
            return self;
        }
        self.conversation.client(self.now, bytes.as_ref());
        self.settle()
    }

    pub(super) fn server(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if self.is_relayed {
            self.to_client.extend_from_slice(bytes.as_ref());
            return self;
        }
        self.conversation.server(self.now, bytes.as_ref());
        self.settle()
    }

    pub(super) fn server_end(&mut self) -> &mut Self {
        self.conversation.server_end(self.now);
        self.settle()
    }

    pub(super) fn client_end(&mut self) -> &mut Self {
        self.conversation.client_end(self.now);
        self.settle()
    }

    pub(super) fn wait(&mut self, time: Duration) -> &mut Self {
        self.now.instant = self.now.instant.after(time);
        self.conversation.tick(self.now.instant);
        self.settle()
    }

    pub(super) fn settle(&mut self) -> &mut Self {
        loop {
            self.to_client.append(self.conversation.to_client());
            let waiting = self.conversation.to_server();
            let count = waiting.len().min(self.room);
            self.room -= if self.room == usize::MAX { 0 } else { count };
            self.to_server.extend(waiting.drain(..count));
            let Some(action) = self.conversation.poll() else { return self };
            assert!(!self.is_closed, "{action:?} after the end");
            match action {
                Action::Connect(goal) => {
                    let tls = if goal.is_tls() { " under TLS" } else { "" };
                    self.places.push(std::format!("{}:{}{tls}", goal.host(), goal.port()));
                    (self.room, self.last_began) = (usize::MAX, self.to_server.len());
                    match self.trouble {
                        _ if self.is_held => {}
                        Some(trouble) => self.conversation.failed(self.now, trouble),
                        None => {
                            let address = "93.184.215.14".parse().unwrap();
                            self.conversation.connected(self.now, Some(address), self.way.clone());
                        }
                    }
                }
                Action::Disconnect => self.disconnects_count += 1,
                Action::Note(passage) => self.notes.push(passage.to_string()),
                Action::Relay => self.is_relayed = true,
                Action::Inspect(_) => self.hello = Some(self.conversation.take_hello()),
                Action::Close => self.is_closed = true,
            }
        }
    }

    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.to_client).into_owned()
    }

    pub(super) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.to_server).into_owned()
    }

    /// What was asked of a server, if nothing was but this.
    #[track_caller]
    pub(super) fn is_refused(&self, status: &str, note: &str) {
        assert!(self.said().contains(&std::format!("HTTP/1.1 {status}")), "{}", self.said());
        assert_eq!(self.heard(), "");
        assert!(self.is_closed);
        assert!(self.notes.last().is_some_and(|last| last.contains(note)), "{:?}", self.notes);
    }
}

/// A greeting and a request of SOCKS.
pub(super) fn socks(host: &str, port: u16) -> Vec<u8> {
    let length = u8::try_from(host.len()).unwrap();
    let mut bytes = Vec::from([5, 1, 0, 5, 1, 0, 3, length]);
    bytes.extend_from_slice(host.as_bytes());
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes
}

#[test]
fn tls_passes_through_a_tunnel_of_either_kind() {
    let hello = super::hello::tests::hello("api.example.com");
    let asks: [(Vec<u8>, &[u8]); 2] = [
        (
            b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n".to_vec(),
            b"HTTP/1.1 200 OK\r\n\r\n",
        ),
        (socks("api.example.com", 443), b"\x05\0\x05\0\0\x01\0\0\0\0\0\0"),
    ];
    for (ask, answer) in asks {
        // With the first words at once, and after the answer.
        for is_eager in [true, false] {
            let mut world = World::new(&["connect api.example.com"]);
            if is_eager {
                world.client([&*ask, &hello].concat());
            } else {
                world.client(&ask);
                assert_eq!(world.to_client, answer);
                assert_eq!(world.heard(), "");
                world.client(&hello);
            }
            assert_eq!(world.places, ["api.example.com:443"]);
            assert_eq!(world.to_server, hello);
            assert!(!world.is_relayed, "the server may want another one");
            world.server([22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3]).server([1; 40]);
            assert!(world.is_relayed && !world.is_closed);
            assert_eq!(world.notes, ["api.example.com:443: allowed, to 93.184.215.14"]);
            assert!(world.to_client.starts_with(answer));
        }
    }
}

#[test]
fn a_page_is_fetched_and_the_next_one_on_the_same_connections() {
    let mut world = World::new(&["connect example.com:80", "connect other.example:80"]);
    world.client(
        "GET http://example.com/a?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\
         Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nX-Own: 1\r\n\
         Connection: x-own\r\n\r\n",
    );
    assert_eq!(world.heard(), "GET /a?q=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: 5\r\nX: y\r\n\r\nhi");
    assert_eq!(world.said(), "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nhi");
    world.to_server.clear();
    world.client(
        "POST http://example.com/b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\
         \r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert_eq!(
        world.heard(),
        "POST /b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\n\r\n"
    );
    assert_eq!(world.places, ["example.com:80"]);
    world.to_client.clear();
    world.server("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(world.said(), "HTTP/1.1 204 No Content\r\n\r\n");
    world.to_server.clear();
    world.client("GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n");
    assert_eq!(world.places, ["example.com:80", "other.example:80"]);
    assert_eq!(world.disconnects_count, 1);
    world.to_client.clear();
    world.server("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    world.server_end();
    assert_eq!(
        world.said(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n"
    );
    assert!(!world.is_closed);
    assert_eq!(
        world.notes,
        [
            "GET /a at example.com:80: allowed, to 93.184.215.14",
            "POST /b at example.com:80: allowed, to 93.184.215.14",
            "GET / at other.example:80: allowed, to 93.184.215.14",
        ]
    );
}

#[test]
fn requests_in_a_tunnel_are_judged_like_others() {
    let mut world = World::new(&["connect example.com:80 GET /v1"]);
    world.client([&*socks("example.com", 80), b"GET /v1/a HTTP/1.1\r\n"].concat());
    world.client("Host: example.com\r\n\r\n");
    assert_eq!(world.heard(), "GET /v1/a HTTP/1.1\r\nHost: example.com\r\n\r\n");
    world.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.to_server.clear();
    world.client("DELETE /v1/a HTTP/1.1\r\nHost: example.com\r\n\r\n");
    world.is_refused("403 Forbidden", "DELETE /v1/a at example.com:80: refused, this host is");
}

#[test]
fn what_cannot_be_reached_is_said_in_the_words_of_the_protocol() {
    for (trouble, status, code) in [
        (Trouble::Refused, "403", 2),
        (Trouble::Unresolved, "502", 4),
        (Trouble::Slow, "502", 4),
        (Trouble::Unreachable, "502", 5),
    ] {
        let connect = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
        let get = "GET http://a.example:443/ HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
        for ask in [connect, get] {
            let mut world = World::new(&["connect a.example"]);
            world.trouble = Some(trouble);
            world.client(ask);
            assert!(world.said().starts_with(&std::format!("HTTP/1.1 {status}")));
            assert!(world.is_closed && world.heard().is_empty());
            let is_refused = world.notes.iter().any(|note| note.contains("refused"));
            assert_eq!((world.notes.len(), is_refused), (1, trouble == Trouble::Refused));
        }
        let mut world = World::new(&["connect a.example"]);
        world.trouble = Some(trouble);
        world.client(socks("a.example", 443));
        assert_eq!(world.to_client.get(2..4), Some(&[5, code][..]));
        assert!(world.is_closed);
    }
}

#[test]
fn a_proxy_of_the_operators_gets_the_whole_address_and_our_password() {
    let mut world = World::new(&["connect example.com:80"]);
    world.way = Way::Proxy(Some("Basic c2VjcmV0".into()));
    world.client("GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n");
    assert_eq!(
        world.heard(),
        "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\
         Proxy-Authorization: Basic c2VjcmV0\r\n\r\n"
    );
    world.server("HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
    assert!(world.said().starts_with("HTTP/1.1 502"), "{}", world.said());
    assert!(!world.said().contains("Authenticate"));
}

#[test]
fn a_server_that_let_go_of_the_connection_is_asked_once_more() {
    let get = "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let mut world = World::new(&["connect example.com:80"]);
    world.client(get).server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.client(get).server_end();
    assert_eq!((world.places.len(), world.disconnects_count), (2, 1));
    assert_eq!(world.heard().matches("GET / ").count(), 3);
    // Not for ever, and not what may have done something.
    world.server_end();
    assert!(world.said().contains("HTTP/1.1 502"));
    let mut world = World::new(&["connect example.com:80"]);
    world.client(get).server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.client(get.replace("GET", "POST")).server_end();
    assert_eq!(world.places.len(), 1);
    assert!(world.said().contains("HTTP/1.1 502"));
}

#[test]
fn whoever_says_too_little_too_slowly_is_left() {
    let tunnel =
        |port| std::format!("CONNECT a.example:{port} HTTP/1.1\r\nHost: a.example:{port}\r\n\r\n");
    let hello = [tunnel(443).as_bytes(), b"\x16"].concat();
    for (words, next, is_slow) in [
        (&b""[..], "G", true),
        (b"\x05\x01\0\x05", "\u{1}", true),
        (b"GET http://a.example/ HTTP/1.1\r\nHo", "s", true),
        (&hello, "\u{3}", true),
        (tunnel(22).as_bytes(), "S", false),
    ] {
        let mut world = World::new(&["connect a.example", "connect a.example:22"]);
        world.client(words).wait(Duration::from_secs(14));
        assert!(!world.is_closed);
        // One more byte does not buy much time.
        world.client(next).wait(Duration::from_secs(16));
        let is_said = world.notes.iter().any(|text| text.contains("did not come in time"));
        assert_eq!((is_said, world.is_closed), (is_slow, is_slow), "{:?}", world.notes);
    }
    let mut world = World::new(&["connect a.example:22"]);
    world.client(socks("a.example", 22)).client("SSH-2.0-x").wait(Duration::from_secs(601));
    assert!(world.is_closed);
}
