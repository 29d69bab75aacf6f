//! Peers that want time or memory. Goal: each gets its error at the bound, and nothing panics.

use arbitrary::{Arbitrary, Unstructured};
use sentinel_core::wire::http::{
    BodyLength, Client, HttpError, HttpErrorKind as Kind, HttpLimits, Method, RequestPart,
    ResponseHead, ResponsePart, Server, StatusCode,
};

use crate::drive::{client_after, headers, request};

/// Feeds `piece` to a server again and again after `start`; returns the error and the pieces it
/// took.
fn feed_for_ever(start: &[u8], piece: &[u8], pieces_max: usize) -> (HttpError, usize) {
    let mut server = Server::new(HttpLimits::default());
    let mut input = start;
    while server.next(&mut input).unwrap().is_some() {}
    for count in 1..=pieces_max {
        let mut input = piece;
        loop {
            match server.next(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return (error, count),
            }
        }
        assert!(input.is_empty());
    }
    panic!("still reading after {pieces_max} pieces");
}

const POST_CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn a_header_of_64_mebibytes_fails_at_the_bound() {
    let piece = [b'a'; 4096];
    let (error, count) = feed_for_ever(b"GET / HTTP/1.1\r\nX: ", &piece, 64 * 1024 * 1024 / 4096);
    assert_eq!((error.kind(), error.offset()), (Kind::HeadTooLong, 65536));
    assert_eq!(count, 16);
    // In one piece too.
    let mut server = Server::new(HttpLimits::default());
    let mut bytes = b"GET / HTTP/1.1\r\nX: ".to_vec();
    bytes.resize(10 * 1024 * 1024, b'a');
    assert_eq!(server.next(&mut &bytes[..]), Err(error));
}

#[test]
fn a_request_line_without_end() {
    let (error, count) = feed_for_ever(b"GET /", &[b'a'; 1024], 1024);
    assert_eq!((error.kind(), error.offset(), count), (Kind::StartLineTooLong, 16384, 16));
}

#[test]
fn header_fields_without_end() {
    let (error, count) = feed_for_ever(b"GET / HTTP/1.1\r\n", b"A: b\r\n", 1000);
    assert_eq!((error.kind(), count), (Kind::TooManyHeaders, 129));
    assert_eq!(error.limit(), Some(128));
}

#[test]
fn blank_lines_without_end() {
    let (error, count) = feed_for_ever(b"", b"\r\n", 1000);
    assert_eq!((error.kind(), count), (Kind::LeadingBlankLine, 2));
}

#[test]
fn a_length_beyond_the_limit_fails_at_the_head() {
    for length in ["67108865", "2000000000", "18446744073709551615"] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let error = Server::new(HttpLimits::default()).next(&mut head.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::BodyTooLong);
        assert_eq!(error.limit(), Some(64 * 1024 * 1024));
    }
    // The bound can be lifted by those who stream.
    let limits = HttpLimits { body_bytes: u64::MAX, ..HttpLimits::default() };
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n";
    assert!(matches!(
        Server::new(limits).next(&mut head.as_bytes()),
        Ok(Some(RequestPart::Head(_)))
    ));
}

#[test]
fn a_chunk_beyond_the_limit_fails_at_its_size() {
    for size in ["4000001", "ffffffffffffffff"] {
        let bytes = [POST_CHUNKED, b"1\r\na\r\n", size.as_bytes(), b"\r\n"].concat();
        let mut server = Server::new(HttpLimits::default());
        let mut input = &bytes[..];
        let mut body = 0;
        let error = loop {
            match server.next(&mut input) {
                Ok(Some(RequestPart::Body(piece))) => body += piece.len(),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), body), (Kind::BodyTooLong, 1));
    }
}

#[test]
fn chunk_lines_and_extensions_without_end() {
    let one_line = [POST_CHUNKED, b"1;"].concat();
    let (error, count) = feed_for_ever(&one_line, b"aaaaaaaaaa", 1000);
    assert_eq!((error.kind(), count), (Kind::ChunkLineTooLong, 26));
    // Many short ones, each with a byte of data to look busy.
    let chunk = b"1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n";
    let (error, count) = feed_for_ever(POST_CHUNKED, chunk, 10_000);
    assert_eq!((error.kind(), count), (Kind::ChunkExtensionsTooLong, 16384 / 20 + 1));
}

#[test]
fn trailers_without_end() {
    let start = [POST_CHUNKED, b"0\r\n"].concat();
    let (error, _) = feed_for_ever(
        &start,
        b"A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaa\r\n",
        1000,
    );
    assert_eq!(error.kind(), Kind::TrailersTooLong);
    let (error, count) = feed_for_ever(&start, b"A: b\r\n", 1000);
    assert_eq!((error.kind(), count), (Kind::TooManyHeaders, 129));
}

#[test]
fn informational_responses_without_end() {
    let mut client = client_after(&request(Method::GET, "/"), HttpLimits::default());
    let mut count = 0;
    let error = loop {
        match client.next(&mut &b"HTTP/1.1 102 Processing\r\n\r\n"[..]) {
            Ok(Some(ResponsePart::Informational(_))) => count += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), count), (Kind::TooManyInformational, 16));
}

#[test]
fn a_body_until_close_fails_at_the_bound() {
    let limits = HttpLimits { body_bytes: 1 << 20, ..HttpLimits::default() };
    let mut client = client_after(&request(Method::GET, "/"), limits);
    let mut body = 0;
    let mut input = &b"HTTP/1.0 200 OK\r\n\r\n"[..];
    let error = loop {
        match client.next(&mut input) {
            Ok(Some(ResponsePart::Body(piece))) => body += piece.len(),
            Ok(Some(_)) => {}
            Ok(None) => input = &[b'x'; 5000],
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), body), (Kind::BodyTooLong, 1 << 20));
}

#[test]
fn a_million_chunks_of_one_byte() {
    let body = b"1\r\nx\r\n".repeat(1_000_000);
    let bytes = [POST_CHUNKED, &body, b"0\r\n\r\n"].concat();
    let mut server = Server::new(HttpLimits::default());
    let mut input = &bytes[..];
    let mut count = 0;
    while let Some(part) = server.next(&mut input).unwrap() {
        count += usize::from(part == RequestPart::Body(b"x"));
    }
    assert_eq!(count, 1_000_000);
    assert!(input.is_empty());
}

#[test]
fn a_large_head_byte_by_byte_takes_linear_time() {
    // Looking at the head again for each byte would be 10^13 steps: this test would not end.
    let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    bytes.resize(4 << 20, b'a');
    bytes.extend_from_slice(b"\r\n\r\n");
    let limits = HttpLimits { head_bytes: 8 << 20, ..HttpLimits::default() };
    let mut server = Server::new(limits);
    let mut parts = 0;
    for byte in bytes.chunks(1) {
        let mut input = byte;
        while server.next(&mut input).unwrap().is_some() {
            parts += 1;
        }
    }
    assert_eq!(parts, 2);
}

/// Bytes that look enough like HTTP to get past the first line, with noise in between.
fn noise(source: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let words: [&[u8]; 24] = [
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 C\r\n",
        b"Host: a\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b" ",
        b":",
        b"\0",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b";x",
        b"abc",
        b"Connection: close\r\n",
        b"Upgrade: x\r\n",
        b"HTTP/1.1 101 S\r\n",
        b"\xff\xfe",
        b"0\r\nA: b\r\n\r\n",
        b"Expect: 100-continue\r\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..source.int_in_range(0..=30)? {
        match source.ratio(1, 8)? {
            true => bytes.extend_from_slice(&<[u8; 4]>::arbitrary(source)?),
            false => bytes.extend_from_slice(source.choose(&words)?),
        }
    }
    Ok(bytes)
}

#[test]
fn a_server_survives_any_bytes_and_any_calls() {
    arbtest::arbtest(|source| {
        let mut server = Server::new(HttpLimits::default());
        let mut out = Vec::new();
        for _ in 0..source.int_in_range(0..=12)? {
            let length = match source.int_in_range(0..=2)? {
                0 => BodyLength::Empty,
                1 => BodyLength::Exact(source.int_in_range(0..=9)?),
                _ => BodyLength::Streamed,
            };
            let written = out.len();
            let result = match source.int_in_range(0..=8)? {
                0 => server.send_head(&any_response(source)?, length, &mut out),
                1 => server.send_informational(&any_response(source)?, &mut out),
                2 => server.upgrade(&any_response(source)?, &mut out),
                3 => server.send_body(&noise(source)?, &mut out),
                4 => server.finish(&mut out),
                5 => server.finish_with_trailers(&headers(&[("A", "b")]), &mut out),
                6 if source.ratio(1, 4)? => server.end_of_input(),
                _ => {
                    let bytes = noise(source)?;
                    let mut input = &bytes[..];
                    let mut steps = 0;
                    while let Ok(Some(_)) = server.next(&mut input) {
                        steps += 1;
                        // Every part takes input or is the end of a message.
                        assert!(steps <= 2 * bytes.len() + 2);
                    }
                    Ok(())
                }
            };
            if let Err(error) = result {
                assert_eq!(out.len(), written, "a refused call has written something: {error}");
            }
            assert!(!(server.is_reusable() && server.wants_close()));
        }
        Ok(())
    })
    .budget_ms(2000);
}

fn any_response(source: &mut Unstructured<'_>) -> arbitrary::Result<ResponseHead> {
    let codes = [100, 101, 103, 200, 204, 205, 304, 400, 500];
    let mut head = ResponseHead::new(StatusCode::new(*source.choose(&codes)?).unwrap());
    if source.ratio(1, 3)? {
        head.headers.append("Upgrade", "x").unwrap();
    }
    Ok(head)
}

#[test]
fn a_client_survives_any_bytes_and_any_calls() {
    arbtest::arbtest(|source| {
        let mut client = Client::new(HttpLimits::default());
        let mut out = Vec::new();
        for _ in 0..source.int_in_range(0..=12)? {
            let written = out.len();
            let result = match source.int_in_range(0..=6)? {
                0 | 1 => {
                    let methods = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
                    let mut head = request(source.choose(&methods)?.clone(), "/");
                    if source.ratio(1, 3)? {
                        head.headers.append("Upgrade", "x").unwrap();
                    }
                    let length = match source.int_in_range(0..=2)? {
                        0 => BodyLength::Empty,
                        1 => BodyLength::Exact(source.int_in_range(0..=9)?),
                        _ => BodyLength::Streamed,
                    };
                    client.send_head(&head, length, &mut out)
                }
                2 => client.send_body(&noise(source)?, &mut out),
                3 => client.finish(&mut out),
                4 if source.ratio(1, 4)? => client.end_of_input().map(|_| ()),
                _ => {
                    let bytes = noise(source)?;
                    let mut input = &bytes[..];
                    let mut steps = 0;
                    while let Ok(Some(_)) = client.next(&mut input) {
                        steps += 1;
                        assert!(steps <= 2 * bytes.len() + 2);
                    }
                    Ok(())
                }
            };
            if let Err(error) = result {
                assert_eq!(out.len(), written, "a refused call has written something: {error}");
            }
        }
        Ok(())
    })
    .budget_ms(2000);
}
