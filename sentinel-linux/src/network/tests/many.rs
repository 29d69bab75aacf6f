//! Many at once, on one thread.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant as Clock};

use super::super::{NetworkEvent, Options, Request, SocketRequest};
use super::authority::{Authority, Flaw, secured};
use super::server::{Server, read_request, wait_for_end};
use super::{World, get, is_last_of};

const STREAMS_COUNT: usize = 200;
const PIECES_COUNT: usize = 20;

/// Streams numbered pieces with pauses.
fn stream_slowly(stream: &mut impl std::io::Write) {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    for number in 0..PIECES_COUNT {
        stream.write_all(format!("4\r\n{number:3};\r\n").as_bytes()).unwrap();
        stream.flush().unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    stream.flush().unwrap();
}

fn expected() -> String {
    (0..PIECES_COUNT).map(|number| format!("{number:3};")).collect()
}

#[test]
fn two_hundred_streams_at_once_all_come_whole() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None);
    let plain = Server::start(|mut stream, _| {
        while read_request(&mut stream).is_some() {
            stream_slowly(&mut stream);
        }
    });
    let secure = Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        while read_request(&mut stream).is_some() {
            stream_slowly(&mut stream);
        }
    });
    let options = Options { extra_roots: Some(authority.pem()), ..Options::default() };
    let mut world = World::new(options);
    let secure_url = format!("https://localhost:{}/", secure.address.port());
    let numbers: Vec<_> = (0..STREAMS_COUNT)
        .map(|index| match index % 4 {
            0 => world.request(get(&secure_url)),
            _ => world.request(get(&plain.url("/"))),
        })
        .collect();
    world.until("all ends", |events| {
        let is_end = |event: &&NetworkEvent| {
            matches!(event, NetworkEvent::End { .. } | NetworkEvent::Failed { .. })
        };
        events.iter().filter(is_end).count() == STREAMS_COUNT
    });
    for number in numbers {
        assert_eq!(world.taken(number).text(), expected());
    }
    assert!(world.network.connections.len() <= 32, "what is kept has a bound");
    assert!(world.network.flows.is_empty());
}

#[test]
fn neither_a_slow_peer_nor_a_fast_one_holds_up_another() {
    let fast = Server::start(|mut stream, _| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
    });
    let slow = Server::start(|mut stream, _| {
        read_request(&mut stream);
        thread::sleep(Duration::from_secs(10));
    });
    let server = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let mut world = World::new(Options::default());
    let mut endless = get(&fast.url("/"));
    endless.answer_bytes_max = u64::MAX;
    let flood = world.request(endless);
    let silence = world.request(get(&slow.url("/")));
    for _ in 0..20 {
        let started = Clock::now();
        let number = world.request(get(&server.url("/")));
        world.until("an answer beside the flood", |events| {
            events.iter().any(|event| is_last_of(event, number))
        });
        assert_eq!(world.taken(number).text(), "hello");
        assert!(started.elapsed() < Duration::from_secs(1));
        world.events.clear();
    }
    world.network.cancel(&world.poller, flood);
    world.network.cancel(&world.poller, silence);
    assert_eq!(world.network.flows.len(), 0);
}

#[test]
fn waiting_wakes_nobody() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None);
    let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbegi\r\n";
    let plain = Server::start(move |mut stream, _| {
        read_request(&mut stream);
        stream.write_all(begin).unwrap();
        wait_for_end(&mut stream);
    });
    let secure = Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        read_request(&mut stream);
        stream.write_all(begin).unwrap();
        wait_for_end(&mut stream.sock);
    });
    let whole = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let sockets = Server::start(|stream, _| {
        let mut socket = tungstenite::accept(stream).unwrap();
        while socket.read().is_ok() {}
    });
    let options = Options { extra_roots: Some(authority.pem()), ..Options::default() };
    let mut world = World::new(options);
    world.answer(get(&whole.url("/")));
    world.request(get(&plain.url("/")));
    world.request(get(&format!("https://localhost:{}/", secure.address.port())));
    let now = world.now();
    let plain = get(&sockets.url("/"));
    let Request { url, headers, times, reach, .. } = plain;
    let socket = SocketRequest { url, headers, times, reach };
    world.network.open_socket(now, &world.poller, socket);
    // Two heads, two pieces, and the opening.
    world.until("all to be under way", |events| events.len() >= 5);
    world.during(Duration::from_millis(100));
    let started = Clock::now();
    while started.elapsed() < Duration::from_millis(300) {
        assert_eq!(world.wait_without_taking(), 0);
    }
    assert_eq!(world.network.connections.len(), 4);
    assert!(world.network.deadline().unwrap() > world.now(), "no timer is due either");
}

#[test]
fn who_does_not_take_what_came_holds_up_only_its_sender() {
    const BYTES: usize = 8 << 20;
    let authority = Authority::new();
    let config = authority.server(Flaw::None);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n");
    let (plain_head, secure_head) = (head.clone(), head);
    let plain = Server::start(move |mut stream, _| {
        read_request(&mut stream);
        stream.write_all(plain_head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; BYTES]).unwrap();
    });
    let secure = Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        read_request(&mut stream);
        stream.write_all(secure_head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; BYTES]).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    let options = Options { extra_roots: Some(authority.pem()), ..Options::default() };
    let mut world = World::new(options);
    let secure_url = format!("https://localhost:{}/", secure.address.port());
    for url in [plain.url("/"), secure_url] {
        let number = world.request(get(&url));
        let mut wakes_count = 0;
        let started = Clock::now();
        while started.elapsed() < Duration::from_millis(500) {
            wakes_count += world.wait_without_taking();
        }
        let queued: usize = world.network.events.iter().map(body_bytes).sum();
        assert!((1..1 << 20).contains(&queued), "{queued}");
        assert!(wakes_count < 1000, "a paused connection keeps waking us: {wakes_count}");
        // It is not the other end that is late; and as soon as it could be, that counts again.
        let later = world.now().after(Duration::from_secs(6));
        world.network.tick(later, &world.poller);
        let is_failure = |event: &NetworkEvent| matches!(event, NetworkEvent::Failed { .. });
        assert!(!world.network.events.iter().any(is_failure));
        assert!(world.network.deadline().unwrap() > later);
        world.drain();
        assert!(world.network.deadline().unwrap() < later);
        let answer = world.finish(number);
        assert_eq!((answer.end, answer.body.len()), (Ok(()), BYTES));
    }
}

fn body_bytes(event: &NetworkEvent) -> usize {
    match event {
        NetworkEvent::Body { bytes, .. } => bytes.len(),
        _ => 0,
    }
}
