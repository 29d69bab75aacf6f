//! WebSockets with the server of another implementation.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use sentinel_core::limits::WEBSOCKET_MESSAGE_BYTES_MAX;
use sentinel_core::wire::http::Headers;
use sentinel_core::wire::websocket::CloseCode;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode as PeerCode;
use tungstenite::{Message, WebSocket, accept};

use super::super::{
    FailureKind, NetworkEvent, Options, Reach, SocketNumber, SocketRequest, Wait, socket_url,
};
use super::authority::{Authority, Flaw, secured};
use super::server::{Server, read_request, reset};
use super::{World, get};

fn request(url: &str) -> SocketRequest {
    SocketRequest {
        url: socket_url(url).unwrap(),
        headers: Headers::new(),
        times: get("http://a.example/").times,
        reach: Reach::Named,
    }
}

fn url(server: &Server) -> String {
    format!("ws://{}/gateway?v=10", server.address)
}

impl World {
    fn open(&mut self, request: SocketRequest) -> SocketNumber {
        let now = self.now();
        self.network.open_socket(now, &self.poller, request)
    }

    fn opened(&mut self, url: &str) -> SocketNumber {
        let socket = self.open(request(url));
        self.until("the opening", |events| events.contains(&NetworkEvent::SocketOpened { socket }));
        self.events.clear();
        socket
    }

    fn say(&mut self, socket: SocketNumber, text: &str) -> bool {
        let now = self.now();
        self.network.send_text(now, &self.poller, socket, text)
    }

    fn last(&mut self, what: &str) -> NetworkEvent {
        self.until(what, |events| {
            matches!(
                events.last(),
                Some(NetworkEvent::SocketClosed { .. } | NetworkEvent::SocketFailed { .. })
            )
        });
        self.events.pop().unwrap()
    }

    fn socket_failure(&mut self) -> super::super::Failure {
        match self.last("the failure") {
            NetworkEvent::SocketFailed { failure, .. } => failure,
            other => panic!("{other:?}"),
        }
    }
}

/// Sends every text back until the client closes.
fn echo<S: Read + Write>(mut socket: WebSocket<S>) {
    while let Ok(message) = socket.read() {
        if message.is_text() {
            socket.send(message).unwrap();
        }
    }
}

/// A server that accepts and then does what a test says.
fn accepting(script: impl Fn(WebSocket<TcpStream>) + Send + Sync + 'static) -> Server {
    Server::start(move |stream, _| script(accept(stream).unwrap()))
}

#[test]
fn texts_go_both_ways_and_both_ends_close() {
    let server = accepting(echo);
    let mut world = World::new(Options::default());
    let socket = world.opened(&url(&server));
    let long = "a".repeat(300_000) + "é";
    for text in ["", "hello", &long] {
        assert!(world.say(socket, text));
        let expected = NetworkEvent::SocketText { socket, text: text.to_string() };
        world.until("the echo", |events| events.contains(&expected));
    }
    let now = world.now();
    world.network.close_socket(now, &world.poller, socket, CloseCode::NORMAL);
    assert!(!world.say(socket, "too late"));
    let closed = world.last("the end");
    let expected = NetworkEvent::SocketClosed { socket, code: Some(1000), reason: String::new() };
    assert_eq!(closed, expected);
    assert!(world.network.connections.is_empty());
    assert_eq!(world.network.deadline(), None);
}

/// Discord tells what a server is made of in one message, and whoever lets the agent in decides how
/// much that is: some mebibytes for the largest. It must not end the connection each time anew.
#[test]
fn what_a_large_group_is_made_of_comes_whole() {
    let large = "é".repeat(5 << 20);
    let said = large.clone();
    let server = accepting(move |mut socket| {
        socket.send(Message::text(said.clone())).unwrap();
        socket.send(Message::text("after")).unwrap();
        while socket.read().is_ok() {}
    });
    let mut world = World::new(Options::default());
    let socket = world.open(request(&url(&server)));
    let after = NetworkEvent::SocketText { socket, text: "after".into() };
    world.until("both", |events| events.contains(&after));
    assert!(world.events.contains(&NetworkEvent::SocketText { socket, text: large }));
}

#[test]
fn a_socket_under_tls_is_the_same() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None);
    let server = Server::start(move |stream, _| echo(accept(secured(&config, stream)).unwrap()));
    let options = Options { extra_roots: Some(authority.pem()), ..Options::default() };
    let mut world = World::new(options);
    let socket = world.opened(&format!("wss://localhost:{}/", server.address.port()));
    let text = "ab".repeat(200_000);
    assert!(world.say(socket, &text));
    let expected = NetworkEvent::SocketText { socket, text };
    world.until("the echo", |events| events.contains(&expected));
}

#[test]
fn pings_are_answered_and_the_words_of_an_end_are_told() {
    let server = accepting(|mut socket| {
        // The first message may come with the answer to the handshake.
        socket.send(Message::text("early")).unwrap();
        socket.send(Message::Ping(b"are you there"[..].into())).unwrap();
        let Message::Pong(pong) = socket.read().unwrap() else { panic!() };
        assert_eq!(&pong[..], b"are you there");
        let reason = "session timed out".into();
        socket.close(Some(CloseFrame { code: PeerCode::Library(4009), reason })).unwrap();
        while socket.read().is_ok() {}
    });
    let mut world = World::new(Options::default());
    let socket = world.open(request(&url(&server)));
    let last = world.last("the end");
    let reason = "session timed out".to_string();
    assert_eq!(last, NetworkEvent::SocketClosed { socket, code: Some(4009), reason });
    let text = "early".to_string();
    assert_eq!(
        world.events,
        [NetworkEvent::SocketOpened { socket }, NetworkEvent::SocketText { socket, text }]
    );
}

#[test]
fn a_handshake_that_fails_says_why() {
    for (answer, words) in [
        (&b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"[..], "401"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
           Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            "key",
        ),
    ] {
        let server = Server::answering(answer);
        let mut world = World::new(Options::default());
        world.open(request(&url(&server)));
        let failure = world.socket_failure();
        assert_eq!(failure.kind, FailureKind::Protocol);
        assert!(failure.text.contains(words), "{failure}");
    }
    let server = Server::start(|mut stream, _| drop(read_request(&mut stream)));
    let mut world = World::new(Options::default());
    world.open(request(&url(&server)));
    assert_eq!(world.socket_failure().kind, FailureKind::Cut);
}

#[test]
fn what_a_peer_must_not_send_ends_the_socket() {
    let large = "x".repeat(WEBSOCKET_MESSAGE_BYTES_MAX + 1);
    let cases = [
        (Message::text(large), FailureKind::TooLong),
        (Message::binary(&b"bytes"[..]), FailureKind::Protocol),
    ];
    for (message, kind) in cases {
        let server = accepting(move |mut socket| {
            let _ = socket.send(message.clone());
            while socket.read().is_ok() {}
        });
        let mut world = World::new(Options::default());
        world.open(request(&url(&server)));
        assert_eq!(world.socket_failure().kind, kind);
        assert!(world.network.connections.is_empty());
    }
    let server = accepting(|socket| drop(socket.into_inner()));
    let mut world = World::new(Options::default());
    world.open(request(&url(&server)));
    assert_eq!(world.socket_failure().kind, FailureKind::Cut);
}

#[test]
fn silence_is_asked_for_a_sign_of_life_and_then_given_up() {
    let server = accepting(|mut socket| {
        // Answers the first ping and then nothing any more.
        assert!(socket.read().unwrap().is_ping());
        socket.flush().unwrap();
        std::thread::sleep(Duration::from_secs(3));
    });
    let mut world = World::new(Options::default());
    let mut request = request(&url(&server));
    request.times.idle = Duration::from_millis(150);
    let started = std::time::Instant::now();
    world.open(request);
    let failure = world.socket_failure();
    assert_eq!(failure.kind, FailureKind::Timeout(Wait::Idle));
    // Silence, the ping that was answered, silence, and the one that was not.
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_peer_that_never_says_goodbye_is_not_waited_for() {
    let server = accepting(|socket| {
        std::thread::sleep(Duration::from_secs(10));
        drop(socket);
    });
    let mut world = World::new(Options::default());
    let socket = world.opened(&url(&server));
    let now = world.now();
    world.network.close_socket(now, &world.poller, socket, CloseCode::GOING_AWAY);
    world.network.tick(now.after(Duration::from_secs(4)), &world.poller);
    assert_eq!(world.network.connections.len(), 1);
    world.network.tick(now.after(Duration::from_secs(6)), &world.poller);
    let expected = NetworkEvent::SocketClosed { socket, code: None, reason: String::new() };
    assert_eq!(world.last("the end"), expected);
    assert!(world.network.connections.is_empty());
}

#[test]
fn a_peer_may_go_without_a_word_once_it_was_told_goodbye() {
    for ends_with_reset in [true, false] {
        let server = accepting(move |socket| {
            let mut stream = socket.into_inner();
            assert!(stream.read(&mut [0; 100]).unwrap() > 0);
            match ends_with_reset {
                true => reset(stream),
                false => drop(stream),
            }
        });
        let mut world = World::new(Options::default());
        let socket = world.opened(&url(&server));
        let now = world.now();
        world.network.close_socket(now, &world.poller, socket, CloseCode::NORMAL);
        let expected = NetworkEvent::SocketClosed { socket, code: None, reason: String::new() };
        assert_eq!(world.last("the end"), expected);
    }
}

#[test]
fn a_peer_that_does_not_read_is_told_nothing_more_than_fits() {
    let server = accepting(|socket| {
        std::thread::sleep(Duration::from_secs(2));
        drop(socket);
    });
    let mut world = World::new(Options::default());
    let socket = world.opened(&url(&server));
    let text = "x".repeat(100_000);
    let taken = (0..1000).take_while(|_| world.say(socket, &text)).count();
    assert!((10..200).contains(&taken), "{taken}");
    world.drain();
    assert_eq!(world.events, [], "it is still open");
}
