//! HTTP exchanges in the clear with a server that misbehaves on command.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

use super::super::{FailureKind, NetworkEvent, Options, Request, Times, Wait};
use super::server::{Server, read_request, reset, wait_for_end};
use super::{World, get, post};

#[test]
fn bodies_of_every_framing_come_whole() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let server = Server::answering(answer);
        let mut world = World::new(Options::default());
        let answer = world.answer(get(&server.url("/")));
        assert_eq!((answer.status, answer.text()), (200, "hello"));
    }
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhel").unwrap();
        stream.write_all(b"lo").unwrap();
    });
    let mut world = World::new(Options::default());
    assert_eq!(world.answer(get(&server.url("/"))).text(), "hello");
}

#[test]
fn what_is_asked_arrives_as_it_was_said() {
    let server = Server::start(|mut stream, _| {
        let request = read_request(&mut stream).unwrap();
        let digest: u64 = request.body.iter().map(|byte| u64::from(*byte)).sum();
        let text = format!("{}{} {digest}", request.head, request.body.len());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
        stream.write_all((head + &text).as_bytes()).unwrap();
    });
    let mut world = World::new(Options::default());
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let digest: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
    let mut request = post(&server.url("/v1/messages?x=1"), &body);
    request.headers.append("X-Secret", "hush").unwrap();
    let answer = world.answer(request);
    let (text, host) = (answer.text(), server.address);
    let expected = format!(
        "POST /v1/messages?x=1 HTTP/1.1\r\nHost: {host}\r\nX-Secret: hush\r\n\
         Content-Length: 3000000\r\n\r\n3000000 {digest}"
    );
    assert_eq!(text, expected);
}

#[test]
fn what_is_shown_of_an_exchange_is_no_secret() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nanswer-token").unwrap();
        wait_for_end(&mut stream);
    });
    let mut world = World::new(Options::default());
    let mut request = post(&server.url("/bot-token"), b"body-token");
    request.headers.append("X-Key", "field-token").unwrap();
    let shown = format!("{request:?}");
    world.request(request);
    world.until_untaken("the answer", |network| network.events.len() >= 2);
    let shown = shown + &format!("{:?}", world.network);
    assert!(shown.contains(&server.address.to_string()), "{shown}");
    assert!(!shown.contains("-token"), "{shown}");
    // The same as numbers.
    assert!(!shown.contains("45, 116, 111, 107"), "{shown}");
}

#[test]
fn a_body_is_told_as_it_comes() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        let mut say = |text: &str| {
            stream.write_all(text.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(60));
        };
        say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        say("3\r\none\r\n");
        say("3\r\ntwo\r\n");
        say("0\r\n\r\n");
    });
    let mut world = World::new(Options::default());
    let request = world.request(get(&server.url("/")));
    let first = NetworkEvent::Body { request, bytes: b"one".to_vec() };
    world.until("the first piece", |events| events.contains(&first));
    let end = NetworkEvent::End { request };
    assert!(!world.events.contains(&end));
    world.until("the end", |events| events.contains(&end));
}

#[test]
fn an_answer_that_is_cut_or_no_answer_says_so() {
    let cases: [(&[u8], FailureKind, &str); 6] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", FailureKind::Cut, "in the middle"),
        (b"", FailureKind::Cut, "without an answer"),
        (b"HTTP/1.1 200 OK\r\nConte", FailureKind::Cut, "in the middle"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", FailureKind::Protocol, "not HTTP"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            FailureKind::Protocol,
            "not HTTP",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", FailureKind::TooLong, "too large"),
    ];
    for (bytes, kind, text) in cases {
        let server = Server::start(move |mut stream, _| {
            read_request(&mut stream).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let mut world = World::new(Options::default());
        let failure = world.answer(get(&server.url("/secret"))).failure();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.text.contains(text), "{failure}");
        assert!(failure.text.contains(&server.address.to_string()), "{failure}");
        assert!(!failure.text.contains("secret"), "{failure}");
        assert!(failure.may_have_arrived);
    }
}

#[test]
fn a_head_without_end_is_given_up() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-Filler: 0123456789012345678901234567890123456789\r\n").is_ok() {}
    });
    let mut world = World::new(Options::default());
    assert_eq!(world.answer(get(&server.url("/"))).failure().kind, FailureKind::TooLong);
}

#[test]
fn a_reset_is_a_cut_and_nobody_there_is_no_connection() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").unwrap();
        thread::sleep(Duration::from_millis(50));
        reset(stream);
    });
    let mut world = World::new(Options::default());
    let failure = world.answer(get(&server.url("/"))).failure();
    assert_eq!(failure.kind, FailureKind::Cut);
    assert!(failure.text.contains("reset"), "{failure}");

    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = world.answer(post(&format!("http://{address}/"), b"x")).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Connect, false));
    assert!(failure.text.contains(&format!("{address} (connection refused)")), "{failure}");
}

#[test]
fn an_answer_before_the_request_is_whole_is_still_read() {
    let server = Server::start(|mut stream, _| {
        stream
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
            .unwrap();
        let _ = stream.shutdown(Shutdown::Write);
        wait_for_end(&mut stream);
    });
    let mut world = World::new(Options::default());
    let answer = world.answer(post(&server.url("/"), &vec![0; 8 << 20]));
    assert_eq!((answer.status, answer.text()), (413, "big"));
}

#[test]
fn an_answer_is_read_though_the_request_can_no_longer_be_written() {
    let server = Server::start(|mut stream, _| {
        stream
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
            .unwrap();
        // What was not read makes this a reset.
    });
    let mut world = World::new(Options::default());
    let number = world.request(post(&server.url("/"), &vec![0; 32 << 20]));
    world.until_untaken("a connection", |network| !network.connections.is_empty());
    thread::sleep(Duration::from_millis(200));
    let answer = world.finish(number);
    assert_eq!((answer.status, answer.text()), (413, "big"));
}

#[test]
fn each_time_that_runs_out_has_its_name() {
    let server = Server::start(|mut stream, number| {
        if number == 2 {
            // Takes nothing, so that the request cannot move.
            thread::sleep(Duration::from_secs(3));
            return;
        }
        read_request(&mut stream).unwrap();
        if number == 1 || number == 3 {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        }
        while number == 3 && stream.write_all(b"1\r\nx\r\n").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
        wait_for_end(&mut stream);
    });
    let (long, short) = (Duration::from_secs(9), Duration::from_millis(200));
    let times = Times { connect: long, first_byte: long, idle: long, total: long };
    let cases = [
        (Times { first_byte: short, ..times }, 0, Wait::FirstByte),
        (Times { idle: short, ..times }, 0, Wait::Idle),
        (Times { idle: short, ..times }, 32 << 20, Wait::Idle),
        (Times { total: short, ..times }, 0, Wait::Total),
    ];
    let mut world = World::new(Options::default());
    for (times, body_bytes, wait) in cases {
        let started = std::time::Instant::now();
        let request = Request { times, ..post(&server.url("/"), &vec![0; body_bytes]) };
        let failure = world.answer(request).failure();
        assert_eq!(failure.kind, FailureKind::Timeout(wait), "{failure}");
        assert!(failure.may_have_arrived);
        assert!(started.elapsed() < Duration::from_secs(3), "{wait:?}");
    }
}

#[test]
fn who_is_cancelled_says_nothing_more() {
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").unwrap();
        wait_for_end(&mut stream);
    });
    let mut world = World::new(Options::default());
    let number = world.request(get(&server.url("/")));
    world.until("the beginning", |events| events.len() >= 2);
    world.network.cancel(&world.poller, number);
    world.events.clear();
    // Nor does one whose events were not taken yet.
    let number = world.request(get(&server.url("/")));
    world.until_untaken("two events", |network| network.events.len() >= 2);
    world.network.cancel(&world.poller, number);
    world.during(Duration::from_millis(100));
    assert_eq!(world.events, []);
    assert_eq!(world.network.deadline(), None, "nothing is left to wait for");
}
