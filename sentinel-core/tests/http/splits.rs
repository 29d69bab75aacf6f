//! Goal: how bytes are cut on their way is no meaning. Method: each message is read whole, then
//! split at every byte, byte by byte, and (short ones) at every pair of bytes; all must give the
//! same.

use sentinel_core::wire::http::{HttpLimits, Method, RequestHead};

use crate::drive::{Event, Outcome, cut, headers, read_requests, read_response, request};

/// Reads in every split and returns what the whole gave.
fn in_every_split(bytes: &[u8], read: impl Fn(&[&[u8]]) -> Outcome) -> Outcome {
    let whole = read(&[bytes]);
    assert_eq!(read(&cut(bytes, &[1])), whole, "byte by byte");
    assert_eq!(read(&cut(bytes, &[0, 1, 0, 2])), whole, "with empty pieces");
    for first in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(first);
        assert_eq!(read(&[head, tail]), whole, "split at {first}");
        if bytes.len() > PAIRS_BYTES_MAX {
            continue;
        }
        for second in 0..=tail.len() {
            let (middle, tail) = tail.split_at(second);
            assert_eq!(read(&[head, middle, tail]), whole, "split at {first} and {second}");
        }
    }
    whole
}

const PAIRS_BYTES_MAX: usize = 200;

fn responses(head: &RequestHead, bytes: &[u8], is_end: bool) -> Outcome {
    in_every_split(bytes, |pieces| {
        read_response(head, HttpLimits::default(), pieces.iter().copied(), is_end)
    })
}

fn requests(bytes: &[u8]) -> Outcome {
    in_every_split(bytes, |pieces| {
        read_requests(HttpLimits::default(), pieces.iter().copied(), true)
    })
}

fn get() -> RequestHead {
    request(Method::GET, "/")
}

#[test]
fn response_with_a_length() {
    let outcome = responses(&get(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false);
    assert_eq!((outcome.error, outcome.ends()), (None, 1));
    assert_eq!(outcome.body(), b"hello");
    assert!(outcome.is_reusable);
}

#[test]
fn response_in_chunks_with_trailers() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=\"y\"\r\nhel\r\n02\r\nlo\r\n0;z\r\nDigest: q\r\nX:\r\n\r\n";
    let outcome = responses(&get(), bytes, false);
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.body(), b"hello");
    let trailers = Event::Trailers(headers(&[("Digest", "q"), ("X", "")]));
    assert_eq!(outcome.events[2..], [trailers, Event::End]);
    assert!(outcome.is_reusable);
}

#[test]
fn informational_responses_before_the_final_one() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let outcome = responses(&get(), bytes, false);
    let statuses: Vec<_> = outcome.events.iter().map(status_of).collect();
    assert_eq!(statuses, [-100, -103, 200, 0, 0]);
    assert_eq!(outcome.body(), b"ok");
}

fn status_of(event: &Event) -> i32 {
    match event {
        Event::Informational(head) => -i32::from(head.status.as_u16()),
        Event::Response(head) => i32::from(head.status.as_u16()),
        _ => 0,
    }
}

#[test]
fn responses_without_a_body() {
    let head = request(Method::HEAD, "/");
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let outcome = responses(&head, bytes, false);
        assert_eq!((outcome.error, outcome.events.len(), outcome.ends()), (None, 2, 1));
        assert!(outcome.is_reusable);
    }
    for bytes in [
        &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    ] {
        let outcome = responses(&get(), bytes, false);
        assert_eq!((outcome.error, outcome.events.len(), outcome.ends()), (None, 2, 1));
        assert!(outcome.is_reusable);
    }
}

#[test]
fn response_until_close() {
    let outcome = responses(&get(), b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello\r\n\r\n", true);
    assert_eq!((outcome.error, outcome.ends()), (None, 1));
    assert_eq!(outcome.body(), b"hello\r\n\r\n");
    assert!(!outcome.is_reusable);
}

#[test]
fn truncated_responses() {
    let bytes =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for end in 0..bytes.len() {
        let outcome = responses(&get(), &bytes[..end], true);
        let error = outcome.error.unwrap();
        assert!(error.is_truncated());
        assert_eq!(error.offset(), end as u64);
        assert_eq!(outcome.ends(), 0);
    }
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    for end in 0..bytes.len() {
        let error = responses(&get(), &bytes[..end], true).error.unwrap();
        assert!(error.is_truncated());
        assert_eq!(error.offset(), end as u64);
    }
}

#[test]
fn upgrade_leaves_the_rest() {
    let mut head = get();
    head.headers.append("Upgrade", "websocket").unwrap();
    let bytes =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n\
        \x81\x05hello\r\n\r\n";
    let outcome = responses(&head, bytes, true);
    assert!(matches!(outcome.events[..], [Event::Upgraded(_)]), "{outcome:?}");
    assert_eq!(outcome.left, b"\x81\x05hello\r\n\r\n");
    assert!(!outcome.is_reusable);

    let head = request(Method::CONNECT, "a:443");
    let outcome = responses(&head, b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01", true);
    assert!(matches!(outcome.events[..], [Event::Upgraded(_)]), "{outcome:?}");
    assert_eq!(outcome.left, b"\x16\x03\x01");
}

#[test]
fn pipelined_requests() {
    let bytes = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\
        A: b\r\n\r\n\
        \r\nPUT /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
        HEAD /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\n";
    let outcome = requests(bytes);
    assert_eq!(outcome.error, None);
    let targets: Vec<_> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Request(head) => Some(head.target.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(targets, ["/1", "/2", "/3", "/4"]);
    assert_eq!(outcome.body(), b"hiabc");
    assert_eq!(outcome.ends(), 4);
    assert_eq!(outcome.left, b"GET /never HTTP/1.1\r\n");
    assert!(!outcome.is_reusable);
}

#[test]
fn bad_messages_fail_the_same_in_every_split() {
    let mut kinds = Vec::new();
    for bytes in [
        &b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;\r\nabX",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: a\r\n\r\n",
    ] {
        kinds.push(requests(bytes).error.unwrap().kind());
    }
    use sentinel_core::wire::http::HttpErrorKind as Kind;
    let expected = [
        Kind::SpaceBeforeColon,
        Kind::LengthAndTransferEncoding,
        Kind::MissingChunkEnd,
        Kind::ForbiddenTrailer,
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn bounds_are_hit_at_the_same_byte_in_every_split() {
    let tight = HttpLimits {
        head_bytes: 60,
        start_line_bytes: 20,
        headers_count: 3,
        body_bytes: 6,
        chunk_line_bytes: 8,
        chunk_extension_bytes: 6,
        trailer_bytes: 12,
        informational_count: 1,
    };
    let read = |bytes: &[u8]| {
        in_every_split(bytes, |pieces| read_response(&get(), tight, pieces.iter().copied(), true))
    };
    use sentinel_core::wire::http::HttpErrorKind as Kind;
    let ok = "HTTP/1.1 200 OK\r\n";
    let te = "Transfer-Encoding: chunked\r\n\r\n";
    for (bytes, kind, offset, limit) in [
        ("HTTP/1.1 200 Very well\r\n\r\n".into(), Kind::StartLineTooLong, 20, 20),
        (format!("{ok}A: {}\r\n\r\n", "a".repeat(50)), Kind::HeadTooLong, 60, 60),
        (format!("{ok}A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\n\r\n"), Kind::TooManyHeaders, 35, 3),
        (format!("{ok}Content-Length: 7\r\n\r\n"), Kind::BodyTooLong, 38, 6),
        (format!("{ok}\r\n1234567"), Kind::BodyTooLong, 25, 6),
        (format!("{ok}{te}4\r\nabcd\r\n3\r\nabc\r\n"), Kind::BodyTooLong, 58, 6),
        (format!("{ok}{te}000000001\r\n"), Kind::ChunkLineTooLong, 55, 8),
        (format!("{ok}{te}1;abc\r\na\r\n1;abcd\r\n"), Kind::ChunkExtensionsTooLong, 62, 6),
        (format!("{ok}{te}0\r\nA: 1\r\nB: 2345\r\n\r\n"), Kind::TrailersTooLong, 62, 12),
        ("HTTP/1.1 100 A\r\n\r\n".repeat(2), Kind::TooManyInformational, 0, 1),
    ] {
        let error = read(bytes.as_bytes()).error.unwrap_or_else(|| panic!("accepted {bytes:?}"));
        assert_eq!((error.kind(), error.offset(), error.limit()), (kind, offset, Some(limit)));
        assert!(error.is_limit());
    }
    // And just below each bound nothing is refused.
    for bytes in [
        format!("{ok}A: {}\r\n\r\n123456", "a".repeat(36)),
        format!("{ok}Content-Length: 6\r\n\r\n123456"),
        format!("{ok}{te}4;abcd\r\nabcd\r\n2\r\nab\r\n0\r\nA: 23456\r\n\r\n"),
    ] {
        let outcome = read(bytes.as_bytes());
        assert_eq!((outcome.error, outcome.ends()), (None, 1), "{bytes:?}");
        assert_eq!(outcome.body().len(), 6);
    }
}
