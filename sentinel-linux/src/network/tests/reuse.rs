//! Connections that are used again, and those that turn out to be stale.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sentinel_core::time::Instant;

use super::super::{FailureKind, Network, Options};
use super::server::{Server, read_request, reset, wait_for_end};
use super::{World, get, post};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn one_connection_serves_one_exchange_after_the_other() {
    let server = Server::answering(HELLO);
    let mut world = World::new(Options::default());
    for _ in 0..10 {
        assert_eq!(world.answer(post(&server.url("/"), b"x")).text(), "hello");
    }
    assert_eq!(server.connections_count(), 1);
}

#[test]
fn two_exchanges_at_a_time_need_two_connections() {
    let server = Server::start(|mut stream, _| {
        while read_request(&mut stream).is_some() {
            std::thread::sleep(Duration::from_millis(50));
            stream.write_all(HELLO).unwrap();
        }
    });
    let mut world = World::new(Options::default());
    assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
    let both = [0, 1].map(|_| world.request(get(&server.url("/"))));
    for number in both {
        assert_eq!(world.finish(number).text(), "hello");
    }
    assert_eq!(server.connections_count(), 2);
}

/// A long poll is always under way: what was made by settings of before must not outlive it.
#[test]
fn what_was_under_way_when_the_settings_changed_serves_nobody_else() {
    let is_held = Arc::new(AtomicBool::new(true));
    let held = is_held.clone();
    let server = Server::start(move |mut stream, _| {
        while read_request(&mut stream).is_some() {
            while held.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            stream.write_all(HELLO).unwrap();
        }
    });
    let mut world = World::new(Options::default());
    let number = world.request(get(&server.url("/")));
    world.during(Duration::from_millis(50));
    world.network.configure(&world.poller, Network::new(Options::default()).unwrap());
    is_held.store(false, Ordering::SeqCst);
    assert_eq!(world.finish(number).text(), "hello");
    for _ in 0..2 {
        assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
    }
    assert_eq!(server.connections_count(), 2, "one of before, and one of now");
}

#[test]
fn a_connection_is_not_used_again_when_an_end_says_no() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"[..],
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        // The rest belongs to no question.
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let server = Server::answering(answer);
        let mut world = World::new(Options::default());
        for _ in 0..2 {
            assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
        }
        assert_eq!(server.connections_count(), 2);
    }
}

#[test]
fn what_comes_while_nobody_asks_is_no_answer_to_the_next() {
    let server = Server::start(|mut stream, _| {
        while read_request(&mut stream).is_some() {
            let _ = stream.write_all(HELLO);
            std::thread::sleep(Duration::from_millis(30));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        }
    });
    for pause in [0, 100] {
        let mut world = World::new(Options::default());
        assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
        if pause == 0 {
            // It came, but nobody looked at the socket since.
            std::thread::sleep(Duration::from_millis(100));
        } else {
            world.during(Duration::from_millis(pause));
        }
        assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
    }
    assert_eq!(server.connections_count(), 4);
}

#[test]
fn one_that_the_server_closed_is_noticed_before_it_is_used() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(HELLO).unwrap();
    });
    for is_looked_at in [true, false] {
        let mut world = World::new(Options::default());
        for _ in 0..3 {
            assert_eq!(world.answer(post(&server.url("/"), b"once")).text(), "hello");
            match is_looked_at {
                true => world.during(Duration::from_millis(50)),
                false => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        if is_looked_at {
            assert!(world.network.connections.is_empty());
        }
    }
    assert_eq!(server.connections_count(), 6);
}

/// Answers the first request of a connection, and ends it as the second one arrives: the race that
/// nobody can win by looking.
fn stale(ends_with_reset: bool) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move |mut stream, _| {
        if read_request(&mut stream).is_none() {
            return;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        stream.write_all(HELLO).unwrap();
        let mut first = [0; 1];
        if stream.read_exact(&mut first).is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        match ends_with_reset {
            true => reset(stream),
            false => drop(stream),
        }
    });
    (server, asked)
}

#[test]
fn what_may_be_asked_twice_is_asked_again_when_a_used_connection_ends() {
    for ends_with_reset in [true, false] {
        let (server, _) = stale(ends_with_reset);
        let mut world = World::new(Options::default());
        for _ in 0..3 {
            assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
        }
    }
}

#[test]
fn what_may_have_been_done_is_not_asked_again() {
    for ends_with_reset in [true, false] {
        let (server, asked) = stale(ends_with_reset);
        let mut world = World::new(Options::default());
        assert_eq!(world.answer(post(&server.url("/"), b"pay")).text(), "hello");
        let failure = world.answer(post(&server.url("/"), b"pay")).failure();
        assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Cut, true));
        assert_eq!(asked.load(Ordering::SeqCst), 2, "once each");
    }
}

#[test]
fn a_fresh_connection_that_ends_without_a_word_is_not_tried_again() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream);
    });
    let mut world = World::new(Options::default());
    let failure = world.answer(get(&server.url("/"))).failure();
    assert_eq!(failure.kind, FailureKind::Cut);
    assert_eq!(server.connections_count(), 1);
}

#[test]
fn an_answer_that_began_is_never_asked_for_again() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(HELLO).unwrap();
        read_request(&mut stream);
        let _ = stream.write_all(b"H");
    });
    let mut world = World::new(Options::default());
    assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
    assert_eq!(world.answer(get(&server.url("/"))).failure().kind, FailureKind::Cut);
    assert_eq!(server.connections_count(), 1);
}

#[test]
fn what_nobody_uses_for_long_is_closed() {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ended);
    let server = Server::start(move |mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(HELLO).unwrap();
        wait_for_end(&mut stream);
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let mut world = World::new(Options::default());
    assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
    let deadline = world.network.deadline().unwrap();
    world.network.tick(Instant(deadline.0 - 1), &world.poller);
    assert_eq!(world.network.connections.len(), 1);
    world.network.tick(deadline, &world.poller);
    assert!(world.network.connections.is_empty());
    assert_eq!(world.network.deadline(), None);
    world.until("the end", |_| ended.load(Ordering::SeqCst) == 1);
}
