//! TLS with a real server and a private authority.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig};

use super::super::{FailureKind, Network, Options, Wait};
use super::authority::{Authority, Flaw, secured};
use super::server::{Server, read_request};
use super::{World, get, post};

fn options(authority: &Authority) -> Options {
    Options { extra_roots: Some(authority.pem()), ..Options::default() }
}

fn serving(config: Arc<ServerConfig>, answer: &'static [u8]) -> Server {
    Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        while read_request(&mut stream).is_some() {
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    })
}

fn url(server: &Server) -> String {
    format!("https://localhost:{}/", server.address.port())
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_server_of_our_own_authority_is_believed_by_name_and_by_address() {
    let authority = Authority::new();
    let server = serving(authority.server(Flaw::None), HELLO);
    let mut world = World::new(options(&authority));
    assert_eq!(world.answer(get(&url(&server))).text(), "hello");
    let by_address = format!("https://{}/", server.address);
    assert_eq!(world.answer(get(&by_address)).text(), "hello");
    assert_eq!(world.answer(get(&url(&server))).text(), "hello");
    assert_eq!(server.connections_count(), 2, "the third used the first one's connection");
}

#[test]
fn what_cannot_be_believed_says_what_is_wrong_and_what_to_do() {
    let authority = Authority::new();
    for (flaw, words) in [
        (Flaw::Expired, ["expired on 2001-09-09T00:00:00.000Z", "this machine's clock"]),
        (Flaw::NotYet, ["begins on 2999-01-01T00:00:00.000Z", "set the clock"]),
        (Flaw::OtherName, ["not for `localhost` but for `other.example`", "check the address"]),
    ] {
        let server = serving(authority.server(flaw), HELLO);
        let mut world = World::new(options(&authority));
        let failure = world.answer(post(&url(&server), b"secret")).failure();
        assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Tls, false));
        for word in words {
            assert!(failure.text.contains(word), "{flaw:?}: {failure}");
        }
    }
    let server = serving(authority.server(Flaw::None), HELLO);
    let others = serving(Authority::self_signed(), HELLO);
    for (server, words) in [(server, "set `ca_file`"), (others, "set `ca_file`")] {
        let mut world = World::new(Options::default());
        let failure = world.answer(post(&url(&server), b"secret")).failure();
        assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Tls, false));
        assert!(failure.text.contains(words), "{failure}");
    }
}

#[test]
fn what_is_no_tls_says_so() {
    let server = Server::start(|mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        super::server::wait_for_end(&mut stream);
    });
    let mut world = World::new(Options::default());
    let failure = world.answer(get(&url(&server))).failure();
    assert_eq!(failure.kind, FailureKind::Tls);
    assert!(failure.text.contains("is it `http://`"), "{failure}");
    let server = Server::start(|stream, _| drop(stream));
    let failure = world.answer(get(&url(&server))).failure();
    assert_eq!(failure.kind, FailureKind::Tls);
}

#[test]
fn an_end_without_a_word_is_a_cut_whatever_the_framing() {
    let authority = Authority::new();
    for (answer, says_goodbye, is_whole) in [
        (&b"HTTP/1.1 200 OK\r\n\r\nhello"[..], false, false),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", true, true),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, true),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true, false),
    ] {
        let config = authority.server(Flaw::None);
        let server = Server::start(move |stream, _| {
            let mut stream = secured(&config, stream);
            read_request(&mut stream).unwrap();
            stream.write_all(answer).unwrap();
            if says_goodbye {
                stream.conn.send_close_notify();
            }
            stream.flush().unwrap();
        });
        let mut world = World::new(options(&authority));
        let answer = world.answer(get(&url(&server)));
        assert_eq!(answer.body, b"hello");
        if is_whole {
            assert_eq!(answer.end, Ok(()));
        } else {
            assert_eq!(answer.failure().kind, FailureKind::Cut);
        }
    }
}

#[test]
fn one_that_the_server_closed_is_noticed_before_it_is_used() {
    let authority = Authority::new();
    for (says_goodbye, is_looked_at) in [(true, true), (true, false), (false, true), (false, false)]
    {
        let config = authority.server(Flaw::None);
        let server = Server::start(move |stream, _| {
            let mut stream = secured(&config, stream);
            read_request(&mut stream).unwrap();
            stream.write_all(HELLO).unwrap();
            if says_goodbye {
                stream.conn.send_close_notify();
            }
            stream.flush().unwrap();
        });
        let mut world = World::new(options(&authority));
        for _ in 0..3 {
            assert_eq!(world.answer(post(&url(&server), b"once")).text(), "hello");
            match is_looked_at {
                true => world.during(Duration::from_millis(50)),
                false => thread::sleep(Duration::from_millis(50)),
            }
        }
        assert_eq!(server.connections_count(), 3);
    }
}

/// Reads so slowly that the other end has to wait until it can send.
struct Slow<'a, S>(&'a mut S);

impl<S: Read> Read for Slow<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        thread::sleep(Duration::from_millis(1));
        self.0.read(buffer)
    }
}

#[test]
fn large_bodies_go_both_ways() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None);
    let server = Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        let request = read_request(&mut Slow(&mut stream)).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&request.body).unwrap();
        stream.flush().unwrap();
    });
    let mut world = World::new(options(&authority));
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let answer = world.answer(post(&url(&server), &body));
    assert_eq!(answer.end, Ok(()));
    assert!(answer.body == body);
}

#[test]
fn the_second_connection_resumes_what_the_first_agreed_on() {
    let authority = Authority::new();
    let config = authority.server(Flaw::None);
    let resumed_count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&resumed_count);
    let server = Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        read_request(&mut stream).unwrap();
        if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
    });
    let mut world = World::new(options(&authority));
    for _ in 0..3 {
        assert_eq!(world.answer(get(&url(&server))).status, 204);
    }
    assert_eq!((server.connections_count(), resumed_count.load(Ordering::SeqCst)), (3, 2));
}

#[test]
fn a_file_that_holds_no_authority_is_refused() {
    for (file, words) in [
        (&b""[..], "no `-----BEGIN CERTIFICATE-----`"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "no PEM file"),
    ] {
        let options = Options { extra_roots: Some(file.to_vec()), ..Options::default() };
        let error = Network::new(options).unwrap_err().to_string();
        assert!(error.starts_with("ca_file: ") && error.contains(words), "{error}");
    }
}

#[test]
fn a_handshake_comes_in_pieces_or_not_at_all() {
    let authority = Authority::new();
    let behind = serving(authority.server(Flaw::None), HELLO).address;
    let server = Server::start(move |here, _| {
        let there = TcpStream::connect(behind).unwrap();
        for stream in [&here, &there] {
            stream.set_nodelay(true).unwrap();
        }
        for (from, to) in [(&here, &there), (&there, &here)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || {
                let mut byte = [0];
                while from.read_exact(&mut byte).is_ok() && to.write_all(&byte).is_ok() {}
            });
        }
    });
    let mut world = World::new(options(&authority));
    for _ in 0..2 {
        assert_eq!(world.answer(get(&url(&server))).text(), "hello");
    }

    let silent = Server::start(|mut stream, _| super::server::wait_for_end(&mut stream));
    let mut request = post(&url(&silent), b"x");
    request.times.connect = Duration::from_millis(150);
    let failure = world.answer(request).failure();
    assert_eq!(failure.kind, FailureKind::Timeout(Wait::Connect));
    assert!(!failure.may_have_arrived);
}
