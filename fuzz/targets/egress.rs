//! A hostile program and a hostile server at both ends of a conversation: only granted places are
//! connected to, nothing goes to a server that was not written down, and any split of what the
//! program says gives the same decisions.
#![no_main]

mod shared;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sentinel_core::capability::Destination;
use sentinel_core::egress::{
    Action, Allowance, Conversation, HelloReader, Injection, Inspection, Trouble, Way,
};
use sentinel_core::limits::EGRESS_PENDING_BYTES_MAX;
use sentinel_core::time::{Instant, Now, Timestamp};

use shared::pieces;

fuzz_target!(|input: (bool, &[u8], &[u8], &[u8])| {
    let (is_reachable, cuts, server, client) = input;
    let whole = run(client, &[], is_reachable);
    assert_eq!(run(client, cuts, is_reachable).places, whole.places);
    let mut seen = talk(client, cuts, is_reachable);
    seen.is_own_word |= has_secret(server);
    seen.server(server);
    seen.conversation.client_end(NOW);
    seen.settle();
    seen.conversation.server_end(NOW);
    seen.settle();
    seen.conversation.tick(seen.conversation.deadline());
    seen.settle();
});

const SECRET: &str = "canary-5f0e9d1c";

const NOW: Now = Now { wall: Timestamp(0), instant: Instant(0) };

const GRANTS: [&str; 6] = [
    "connect a.example",
    "connect a.example:8443 GET,POST /v1",
    "connect a.example:80 GET,POST /v1",
    "connect a.example:22",
    "connect *:8080",
    "deny connect evil.example",
];

/// What a conversation came to.
#[derive(Debug, PartialEq)]
struct Decided {
    places: Vec<String>,
    notes: Vec<String>,
    is_relayed: bool,
}

struct Seen {
    conversation: Conversation,
    decided: Decided,
    is_reachable: bool,
    is_inspected: bool,
    /// Whether the input has the secret in it, which is then no secret.
    is_own_word: bool,
    sent_bytes: usize,
    is_closed: bool,
}

fn run(client: &[u8], cuts: &[u8], is_reachable: bool) -> Decided {
    talk(client, cuts, is_reachable).decided
}

fn talk(client: &[u8], cuts: &[u8], is_reachable: bool) -> Seen {
    let grants = GRANTS.map(|grant| grant.parse().expect("a grant"));
    let allowance = Allowance::new(grants, NOW.wall).expect("few grants");
    let place = Destination::parse("a.example:8443").expect("a place");
    let injection = Injection::new("k", place, "X-Key", "{}").expect("a header");
    let inspection = Inspection { is_on: true, injections: vec![injection] };
    let mut allowance = allowance.inspecting(inspection);
    allowance.hand_over(|_| Some(SECRET.into()));
    let mut seen = Seen {
        conversation: Conversation::new(Arc::new(allowance), NOW.instant),
        decided: Decided { places: Vec::new(), notes: Vec::new(), is_relayed: false },
        is_reachable,
        is_inspected: false,
        is_own_word: has_secret(client),
        sent_bytes: 0,
        is_closed: false,
    };
    for piece in pieces(client, cuts) {
        if seen.decided.is_relayed {
            break;
        }
        seen.conversation.client(NOW, piece);
        seen.settle();
    }
    seen
}

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

impl Seen {
    fn server(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(7) {
            if self.decided.is_relayed || self.is_closed {
                return;
            }
            self.conversation.server(NOW, piece);
            self.settle();
        }
    }

    fn settle(&mut self) {
        while let Some(action) = self.conversation.poll() {
            assert!(!self.is_closed, "{action:?} after the end");
            match action {
                Action::Connect(goal) => {
                    let place = format!("{}:{}", goal.host(), goal.port());
                    let is_granted = place.starts_with("a.example:")
                        || (goal.port() == 8080 && goal.host().name().is_some());
                    assert!(is_granted && !place.starts_with("evil.example"), "{place}");
                    self.decided.places.push(place);
                    match self.is_reachable {
                        true => self.conversation.connected(NOW, None, Way::Direct),
                        false => self.conversation.failed(NOW, Trouble::Unreachable),
                    }
                }
                Action::Note(passage) => self.decided.notes.push(passage.to_string()),
                Action::Relay => self.decided.is_relayed = true,
                // What follows the first message is fed as if it had been in TLS.
                Action::Inspect(host) => {
                    assert_eq!(host.to_string(), "a.example");
                    let hello = self.conversation.take_hello();
                    let mut rest = &*hello;
                    assert!(matches!(HelloReader::new().next(&mut rest), Ok(Some(_))));
                    self.is_inspected = true;
                    self.conversation.client(NOW, rest);
                }
                Action::Disconnect => {}
                Action::Close => self.is_closed = true,
            }
        }
        let to_server = std::mem::take(self.conversation.to_server());
        // It goes under TLS alone, to the one place, and never back.
        let is_named = self.decided.notes.iter().any(|note| note.ends_with("the secret k"));
        let is_right = self.is_inspected && is_named;
        assert!(self.is_own_word || is_right || !has_secret(&to_server));
        assert!(self.is_own_word || !has_secret(self.conversation.to_client()));
        self.sent_bytes += to_server.len();
        let is_allowed = self.decided.notes.iter().any(|note| note.contains(": allowed"));
        assert!(self.sent_bytes == 0 || is_allowed, "{:?}", self.decided.notes);
        // A little input never becomes much.
        assert!(self.conversation.to_client().len() < 2 * EGRESS_PENDING_BYTES_MAX);
        self.conversation.to_client().clear();
    }
}
