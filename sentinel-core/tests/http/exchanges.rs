//! Whole exchanges: keep-alive, HTTP/1.0, HEAD, continue, upgrades, early answers.

use sentinel_core::wire::http::{
    BodyLength, Client, HttpErrorKind as Kind, HttpLimits, Method, RequestPart, ResponseHead,
    ResponsePart, Server, StatusCode,
};

use crate::drive::{client_after, headers, request};

/// A server that has read one whole request.
fn server_after(request: &str) -> Server {
    let mut server = Server::new(HttpLimits::default());
    let mut input = request.as_bytes();
    while server.next(&mut input).unwrap().is_some() {}
    assert!(input.is_empty());
    server
}

fn text(out: &[u8]) -> &str {
    core::str::from_utf8(out).unwrap()
}

/// What a server writes in answer to `request`.
fn answer(request: &str, status: u16, body: BodyLength, pieces: &[&str]) -> (String, Server) {
    let mut server = server_after(request);
    let mut out = Vec::new();
    let head = ResponseHead::new(StatusCode::new(status).unwrap());
    server.send_head(&head, body, &mut out).unwrap();
    for piece in pieces {
        server.send_body(piece.as_bytes(), &mut out).unwrap();
    }
    server.finish(&mut out).unwrap();
    (text(&out).to_owned(), server)
}

const GET_1_1: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn requests_are_framed_by_the_codec() {
    let write = |method, body, pieces: &[&[u8]]| {
        let mut client = Client::new(HttpLimits::default());
        let mut out = Vec::new();
        client.send_head(&request(method, "/x"), body, &mut out).unwrap();
        for piece in pieces {
            client.send_body(piece, &mut out).unwrap();
        }
        client.finish(&mut out).unwrap();
        text(&out).to_owned()
    };
    let empty = BodyLength::Empty;
    assert_eq!(write(Method::GET, empty, &[]), "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        write(Method::POST, empty, &[]),
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(
        write(Method::PUT, BodyLength::Exact(3), &[b"a", b"", b"bc"]),
        "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    );
    assert_eq!(
        write(Method::PUT, BodyLength::Streamed, &[b"a", b"", b"bc"]),
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n\
         0\r\n\r\n"
    );
}

#[test]
fn a_client_takes_one_exchange_after_the_other() {
    let mut client = Client::new(HttpLimits::default());
    for round in 0..3_u8 {
        assert!(client.is_reusable());
        let mut out = Vec::new();
        client.send_head(&request(Method::GET, "/"), BodyLength::Empty, &mut out).unwrap();
        assert!(!client.is_reusable());
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{round}");
        let mut input = response.as_bytes();
        assert!(matches!(client.next(&mut input), Ok(Some(ResponsePart::Head(_)))));
        assert_eq!(client.next(&mut input), Ok(Some(ResponsePart::Body(&[b'0' + round]))));
        assert!(!client.is_reusable(), "the end was not taken yet");
        assert_eq!(client.next(&mut input), Ok(Some(ResponsePart::End)));
        assert_eq!(client.next(&mut input), Ok(None));
    }
}

#[test]
fn responses_decide_about_reuse() {
    let is_reusable = |response: &str| {
        let mut client = client_after(&request(Method::GET, "/"), HttpLimits::default());
        let mut input = response.as_bytes();
        while client.next(&mut input).unwrap().is_some() {}
        client.is_reusable()
    };
    let ok = "200 OK\r\nContent-Length: 0\r\n";
    assert!(is_reusable(&format!("HTTP/1.1 {ok}\r\n")));
    assert!(!is_reusable(&format!("HTTP/1.1 {ok}Connection: foo, Close\r\n\r\n")));
    assert!(!is_reusable(&format!("HTTP/1.0 {ok}\r\n")));
    assert!(is_reusable(&format!("HTTP/1.0 {ok}Connection: Keep-Alive\r\n\r\n")));
    let both = "Connection: keep-alive\r\nConnection: close\r\n";
    assert!(!is_reusable(&format!("HTTP/1.1 {ok}{both}\r\n")));
}

#[test]
fn a_client_that_announced_close_sends_no_more() {
    let mut client = Client::new(HttpLimits::default());
    let mut out = Vec::new();
    client.announce_close();
    client.send_head(&request(Method::GET, "/"), BodyLength::Empty, &mut out).unwrap();
    assert_eq!(text(&out), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut input = &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..];
    while client.next(&mut input).unwrap().is_some() {}
    assert!(!client.is_reusable());
    let error =
        client.send_head(&request(Method::GET, "/"), BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::NotReusable);
}

#[test]
fn an_early_response_is_read_and_ends_the_connection() {
    let mut client = Client::new(HttpLimits::default());
    let mut out = Vec::new();
    client.send_head(&request(Method::POST, "/"), BodyLength::Exact(9), &mut out).unwrap();
    client.send_body(b"abc", &mut out).unwrap();
    let mut input = &b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"[..];
    assert!(matches!(client.next(&mut input), Ok(Some(ResponsePart::Head(_)))));
    assert_eq!(client.next(&mut input), Ok(Some(ResponsePart::End)));
    assert!(!client.is_reusable());
    // Finishing late changes nothing: the server has stopped reading.
    client.send_body(b"defghi", &mut out).unwrap();
    client.finish(&mut out).unwrap();
    assert!(!client.is_reusable());
}

#[test]
fn a_response_that_only_begins_early_keeps_the_connection() {
    let mut client = Client::new(HttpLimits::default());
    let mut out = Vec::new();
    client.send_head(&request(Method::POST, "/"), BodyLength::Streamed, &mut out).unwrap();
    let mut input = &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"[..];
    while client.next(&mut input).unwrap().is_some() {}
    client.send_body(b"abc", &mut out).unwrap();
    client.finish(&mut out).unwrap();
    let mut input = &b"k"[..];
    while client.next(&mut input).unwrap().is_some() {}
    assert!(client.is_reusable());
}

#[test]
fn the_end_of_a_connection_is_told_apart() {
    let end_after = |response: &str| {
        let mut client = client_after(&request(Method::GET, "/"), HttpLimits::default());
        let mut input = response.as_bytes();
        while client.next(&mut input).unwrap().is_some() {}
        let end = client.end_of_input();
        assert!(!client.is_reusable());
        end.map_err(|error| error.kind())
    };
    assert_eq!(end_after(""), Err(Kind::ClosedWithoutResponse));
    assert_eq!(end_after("HTT"), Err(Kind::Truncated));
    assert_eq!(end_after("HTTP/1.1 100 Continue\r\n\r\n"), Err(Kind::Truncated));
    assert_eq!(end_after("HTTP/1.1 200 OK\r\n\r\n"), Ok(Some(ResponsePart::End)));
    assert_eq!(end_after("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Ok(None));
    assert_eq!(end_after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"), Err(Kind::Truncated));

    let mut server = Server::new(HttpLimits::default());
    assert_eq!(server.end_of_input(), Ok(()));
    assert!(server.wants_close());
    let mut server = Server::new(HttpLimits::default());
    assert_eq!(server.next(&mut &b"\r\nG"[..]), Ok(None));
    let error = server.end_of_input().unwrap_err();
    assert_eq!((error.kind(), error.offset()), (Kind::Truncated, 3));
    // A whole request before the end is answered, also when its end was not taken yet.
    let mut server = Server::new(HttpLimits::default());
    assert!(server.next(&mut GET_1_1.as_bytes()).unwrap().is_some());
    assert_eq!(server.end_of_input(), Ok(()));
    assert_eq!(server.next(&mut &b""[..]), Ok(Some(RequestPart::End)));
    let mut out = Vec::new();
    let ok = ResponseHead::new(StatusCode::OK);
    server.send_head(&ok, BodyLength::Empty, &mut out).unwrap();
    assert!(text(&out).contains("\r\nConnection: close\r\n") && server.wants_close());
}

#[test]
fn errors_are_final() {
    let mut client = client_after(&request(Method::GET, "/"), HttpLimits::default());
    let error = client.next(&mut &b"\n"[..]).unwrap_err();
    let good = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(client.next(&mut &good[..]), Err(error));
    assert_eq!(client.end_of_input(), Err(error));
    let mut server = Server::new(HttpLimits::default());
    let error = server.next(&mut &b"\0"[..]).err();
    assert_eq!(error, None, "a line is read when it is complete");
    let error = server.next(&mut &b"\r\n"[..]).unwrap_err();
    assert_eq!(server.next(&mut GET_1_1.as_bytes()), Err(error));
    assert_eq!(server.end_of_input(), Err(error));
}

#[test]
fn responses_are_framed_by_the_codec() {
    let (out, server) = answer(GET_1_1, 200, BodyLength::Exact(2), &["o", "k"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert!(server.is_reusable());
    let (out, _) = answer(GET_1_1, 404, BodyLength::Empty, &[]);
    assert_eq!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let (out, server) = answer(GET_1_1, 200, BodyLength::Streamed, &["o", "k"]);
    assert_eq!(
        out,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
    );
    assert!(server.is_reusable());
    let (out, _) = answer(GET_1_1, 299, BodyLength::Empty, &[]);
    assert_eq!(out, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn some_responses_have_no_body_by_construction() {
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (out, server) = answer(head, 200, BodyLength::Exact(5), &["hello"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert!(server.is_reusable());
    let (out, _) = answer(head, 200, BodyLength::Streamed, &["hello"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let (out, _) = answer(head, 200, BodyLength::Empty, &[]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\n\r\n");
    let (out, _) = answer(GET_1_1, 304, BodyLength::Exact(5), &["hello"]);
    assert_eq!(out, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    let (out, _) = answer(GET_1_1, 304, BodyLength::Empty, &[]);
    assert_eq!(out, "HTTP/1.1 304 Not Modified\r\n\r\n");
    let (out, _) = answer(GET_1_1, 204, BodyLength::Empty, &[]);
    assert_eq!(out, "HTTP/1.1 204 No Content\r\n\r\n");
    // Trailers of a dropped body are dropped with it.
    let mut server = server_after(head);
    let mut out = Vec::new();
    let ok = ResponseHead::new(StatusCode::OK);
    server.send_head(&ok, BodyLength::Streamed, &mut out).unwrap();
    out.clear();
    server.finish_with_trailers(&headers(&[("Digest", "x")]), &mut out).unwrap();
    assert!(out.is_empty() && server.is_reusable());
}

#[test]
fn http_1_0_clients_get_what_they_understand() {
    let old = "GET / HTTP/1.0\r\n\r\n";
    let (out, server) = answer(old, 200, BodyLength::Exact(2), &["ok"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    assert!(server.wants_close());
    let (out, server) = answer(old, 200, BodyLength::Streamed, &["o", "k"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
    assert!(server.wants_close());

    let lasting = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    let (out, server) = answer(lasting, 200, BodyLength::Exact(2), &["ok"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok");
    assert!(server.is_reusable() && !server.wants_close());
    let (out, server) = answer(lasting, 200, BodyLength::Streamed, &["ok"]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
    assert!(server.wants_close());

    let mut server = server_after(old);
    let early = ResponseHead::new(StatusCode::EARLY_HINTS);
    let error = server.send_informational(&early, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::InformationalToHttp10);
    // RFC 9110 §10.1.1: HTTP/1.0 cannot expect anything, §7.8: nor upgrade.
    let expecting = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut server = Server::new(HttpLimits::default());
    while server.next(&mut &expecting.as_bytes()[..]).unwrap().is_none() {}
    assert!(!server.expects_continue());
    let mut server = server_after("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    head.headers.append("Upgrade", "x").unwrap();
    let error = server.upgrade(&head, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedUpgrade);
}

#[test]
fn a_server_keeps_the_connection_unless_somebody_wants_it_closed() {
    let closing = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let (out, server) = answer(closing, 200, BodyLength::Empty, &[]);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert!(server.wants_close() && !server.is_reusable());

    let mut server = server_after(GET_1_1);
    let mut out = Vec::new();
    server.announce_close();
    let ok = ResponseHead::new(StatusCode::OK);
    server.send_head(&ok, BodyLength::Empty, &mut out).unwrap();
    assert!(text(&out).contains("\r\nConnection: close\r\n"));
    let mut input = GET_1_1.as_bytes();
    assert_eq!(server.next(&mut input), Ok(None));
    assert_eq!(input, GET_1_1.as_bytes());
}

#[test]
fn the_next_request_waits_for_the_response() {
    let mut server = Server::new(HttpLimits::default());
    let two = GET_1_1.repeat(2);
    let mut input = two.as_bytes();
    assert!(matches!(server.next(&mut input), Ok(Some(RequestPart::Head(_)))));
    assert_eq!(server.next(&mut input), Ok(Some(RequestPart::End)));
    assert_eq!(server.next(&mut input), Ok(None));
    assert_eq!(input, GET_1_1.as_bytes());
    let mut out = Vec::new();
    let ok = ResponseHead::new(StatusCode::OK);
    server.send_head(&ok, BodyLength::Exact(1), &mut out).unwrap();
    assert_eq!(server.next(&mut input), Ok(None));
    server.send_body(b"x", &mut out).unwrap();
    server.finish(&mut out).unwrap();
    assert!(matches!(server.next(&mut input), Ok(Some(RequestPart::Head(_)))));
}

#[test]
fn a_response_before_the_end_of_the_request() {
    // The answer comes while the body does; the rest of the body is read as body, not as a request.
    let mut server = Server::new(HttpLimits::default());
    let mut out = Vec::new();
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\nGET /";
    let mut input = request.as_bytes();
    while server.next(&mut input).unwrap().is_some() {}
    let ok = ResponseHead::new(StatusCode::OK);
    server.send_head(&ok, BodyLength::Empty, &mut out).unwrap();
    assert!(!server.is_reusable());
    let mut input = &b" HTTP/1.1\r\nHost: a\r\n\r\n"[..];
    assert!(matches!(server.next(&mut input), Ok(Some(RequestPart::Body(_)))));
    assert_eq!(server.next(&mut input), Ok(Some(RequestPart::End)));
    assert!(server.is_reusable() && input.is_empty());
}

#[test]
fn expect_continue() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let waiting = || {
        let mut server = Server::new(HttpLimits::default());
        let mut input = head.as_bytes();
        while server.next(&mut input).unwrap().is_some() {}
        assert!(server.expects_continue());
        server
    };
    let mut out = Vec::new();
    let ok = ResponseHead::new(StatusCode::OK);

    // Asked for: the client sends the body, the connection lasts.
    let mut server = waiting();
    server.send_informational(&ResponseHead::new(StatusCode::CONTINUE), &mut out).unwrap();
    assert_eq!(text(&out), "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(!server.expects_continue());
    let mut input = &b"hi"[..];
    while server.next(&mut input).unwrap().is_some() {}
    server.send_head(&ok, BodyLength::Empty, &mut out).unwrap();
    assert!(server.is_reusable());

    // Refused: nobody knows whether the body comes, so the connection cannot be read on.
    let mut server = waiting();
    out.clear();
    let no = ResponseHead::new(StatusCode::FORBIDDEN);
    server.send_head(&no, BodyLength::Empty, &mut out).unwrap();
    assert!(text(&out).contains("\r\nConnection: close\r\n"));
    assert!(server.wants_close());

    // Nothing to wait for.
    let mut server = Server::new(HttpLimits::default());
    let bodiless = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";
    assert!(server.next(&mut bodiless.as_bytes()).unwrap().is_some());
    assert!(!server.expects_continue());

    // The client did not wait.
    let mut server = waiting();
    out.clear();
    let mut input = &b"h"[..];
    while server.next(&mut input).unwrap().is_some() {}
    assert!(!server.expects_continue());
    server.send_head(&ok, BodyLength::Empty, &mut out).unwrap();
    assert!(!text(&out).contains("close"));
}

#[test]
fn a_server_hands_the_connection_over() {
    let asking =
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut server = Server::new(HttpLimits::default());
    let bytes = [asking.as_bytes(), b"\x81\x00"].concat();
    let mut input = &bytes[..];
    while server.next(&mut input).unwrap().is_some() {}
    let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    let mut out = Vec::new();
    let error = server.upgrade(&head, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedUpgrade);
    head.headers.append("Upgrade", "websocket").unwrap();
    server.upgrade(&head, &mut out).unwrap();
    assert_eq!(
        text(&out),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    );
    assert!(server.is_upgraded() && !server.wants_close() && !server.is_reusable());
    assert_eq!(server.next(&mut input), Ok(None));
    assert_eq!(input, b"\x81\x00");
    let error = server.send_head(&head, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::NotReusable);

    let mut server = server_after("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    let ok = ResponseHead::new(StatusCode::OK);
    out.clear();
    let error = server.send_head(&ok, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::StatusNotForUse);
    server.upgrade(&ok, &mut out).unwrap();
    assert_eq!(text(&out), "HTTP/1.1 200 OK\r\n\r\n");
    let mut server = server_after("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    out.clear();
    server
        .send_head(&ResponseHead::new(StatusCode::FORBIDDEN), BodyLength::Empty, &mut out)
        .unwrap();
    assert!(server.is_reusable());
}

#[test]
fn an_upgrade_meant_for_another_hop_is_none() {
    let mut server = server_after("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n");
    let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    head.headers.append("Upgrade", "x").unwrap();
    let error = server.upgrade(&head, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedUpgrade);

    let mut asking = request(Method::GET, "/");
    asking.headers.append("Upgrade", "x").unwrap();
    let mut client = client_after(&asking, HttpLimits::default());
    let error = client.next(&mut &b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n"[..]).unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedUpgrade);
}

#[test]
fn nothing_of_a_request_is_left_for_the_next() {
    // Asked for an upgrade and a head only, and got a plain answer.
    let first = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let after_first = || {
        let (_, server) = answer(first, 200, BodyLength::Exact(2), &["ok"]);
        assert!(server.is_reusable());
        server
    };
    let mut server = after_first();
    let mut input = GET_1_1.as_bytes();
    while server.next(&mut input).unwrap().is_some() {}
    let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    head.headers.append("Upgrade", "x").unwrap();
    let error = server.upgrade(&head, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedUpgrade);
    // A second request that cannot be read is not answered as the first would be.
    let mut server = after_first();
    assert!(server.next(&mut &b"?\r\n"[..]).is_err());
    let mut out = Vec::new();
    let bad = ResponseHead::new(StatusCode::BAD_REQUEST);
    server.send_head(&bad, BodyLength::Streamed, &mut out).unwrap();
    server.send_body(b"why", &mut out).unwrap();
    assert_eq!(text(&out), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nwhy");
}

#[test]
fn an_upgrade_waits_for_the_whole_request() {
    let asking = "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\
        Content-Length: 2\r\n\r\n1";
    let mut server = Server::new(HttpLimits::default());
    let mut input = asking.as_bytes();
    while server.next(&mut input).unwrap().is_some() {}
    let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    head.headers.append("Upgrade", "x").unwrap();
    let error = server.upgrade(&head, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::ExchangeInProgress);

    let mut client = Client::new(HttpLimits::default());
    let mut asking = request(Method::POST, "/");
    asking.headers.append("Upgrade", "x").unwrap();
    client.send_head(&asking, BodyLength::Exact(2), &mut Vec::new()).unwrap();
    let error = client
        .next(&mut &b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"[..])
        .unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedUpgrade);
}

#[test]
fn a_server_answers_what_it_refuses() {
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost : a\r\n", "400 Bad Request"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000000\r\n\r\n",
            "413 Content Too Large",
        ),
        (&format!("GET /{}", "a".repeat(20_000)), "414 URI Too Long"),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "417 Expectation Failed"),
        (
            &format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "A: b\r\n".repeat(200)),
            "431 Request Header Fields Too Large",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "501 Not Implemented",
        ),
        ("GET / HTTP/3.0\r\n", "505 HTTP Version Not Supported"),
    ] {
        let mut server = Server::new(HttpLimits::default());
        let mut input = request.as_bytes();
        let error = server.next(&mut input).unwrap_err();
        let mut out = Vec::new();
        server.refuse(error, &mut out).unwrap();
        let expected =
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(text(&out), expected);
        assert!(server.wants_close());
        assert_eq!(server.refuse(error, &mut out).unwrap_err().kind(), Kind::ExchangeInProgress);

        // The same when the answer is written by hand.
        let mut server = Server::new(HttpLimits::default());
        assert_eq!(server.next(&mut request.as_bytes()), Err(error));
        out.clear();
        let head = ResponseHead::new(error.status());
        server.send_head(&head, BodyLength::Empty, &mut out).unwrap();
        assert_eq!(text(&out), expected);
        assert!(server.wants_close());
    }
}

#[test]
fn the_codec_names_fields_for_the_next_hop() {
    let mut head = request(Method::GET, "/");
    head.headers.append("TE", "trailers").unwrap();
    head.headers.append("Upgrade", "websocket").unwrap();
    let mut client = Client::new(HttpLimits::default());
    let mut out = Vec::new();
    client.announce_close();
    client.send_head(&head, BodyLength::Empty, &mut out).unwrap();
    assert!(text(&out).ends_with("\r\nConnection: close, TE, Upgrade\r\n\r\n"));
}

#[test]
fn secrets_do_not_reach_debug_output() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer hunter2\r\nX: half of hunter2";
    let mut server = Server::new(HttpLimits::default());
    let mut input = &bytes[..];
    assert_eq!(server.next(&mut input), Ok(None));
    assert!(!format!("{server:?}").contains("hunter2"));
    let part = server.next(&mut &b"\r\n\r\n"[..]).unwrap().unwrap();
    let shown = format!("{part:?}").replace("half of hunter2", "");
    assert!(shown.contains("Authorization: <redacted>") && !shown.contains("hunter2"), "{shown}");
    let mut head = request(Method::GET, "/");
    head.headers.append("Cookie", "hunter2").unwrap();
    let client = client_after(&head, HttpLimits::default());
    assert!(!format!("{head:?} {client:?}").contains("hunter2"));
}
