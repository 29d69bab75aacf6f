//! One case for each thing that is refused. Goal: every ambiguity has its own name, and stays
//! refused. Method: each message is read whole and byte by byte; both must give the same error at
//! one place.

use sentinel_core::wire::http::{
    BodyLength, Client, Headers, HttpErrorKind as Kind, HttpLimits, Method, RequestHead,
    ResponseHead, Server, StatusCode, Target,
};

use crate::drive::{Outcome, cut, headers, read_requests, read_response, request};

/// Asserts that a request is refused for this reason at this byte.
#[track_caller]
fn refuse_request(bytes: impl AsRef<[u8]>, kind: Kind, offset: u64) {
    let bytes = bytes.as_ref();
    let outcome = read_requests(HttpLimits::default(), [bytes], false);
    assert_refused(&outcome, kind, offset);
    let bytewise = read_requests(HttpLimits::default(), cut(bytes, &[1]), false);
    assert_eq!(bytewise, outcome);
}

/// Asserts that a response to GET is refused for this reason at this byte.
#[track_caller]
fn refuse_response(bytes: impl AsRef<[u8]>, kind: Kind, offset: u64) {
    refuse_response_to(&request(Method::GET, "/"), bytes, kind, offset);
}

#[track_caller]
fn refuse_response_to(head: &RequestHead, bytes: impl AsRef<[u8]>, kind: Kind, offset: u64) {
    let bytes = bytes.as_ref();
    let outcome = read_response(head, HttpLimits::default(), [bytes], false);
    assert_refused(&outcome, kind, offset);
    let bytewise = read_response(head, HttpLimits::default(), cut(bytes, &[1]), false);
    assert_eq!(bytewise, outcome);
}

#[track_caller]
fn assert_refused(outcome: &Outcome, kind: Kind, offset: u64) {
    let error = outcome.error.unwrap_or_else(|| panic!("accepted: {outcome:?}"));
    assert_eq!((error.kind(), error.offset()), (kind, offset), "{error}");
    assert!(error.is_malformed(), "{error:?}");
}

#[track_caller]
fn accept_request(bytes: impl AsRef<[u8]>) {
    let outcome = read_requests(HttpLimits::default(), [bytes.as_ref()], false);
    assert_eq!((outcome.error, outcome.ends()), (None, 1), "{outcome:?}");
}

#[track_caller]
fn accept_response(bytes: impl AsRef<[u8]>) {
    let head = request(Method::GET, "/");
    let outcome = read_response(&head, HttpLimits::default(), [bytes.as_ref()], true);
    assert_eq!((outcome.error, outcome.ends()), (None, 1), "{outcome:?}");
}

/// A request with one more field; the field begins at byte 25.
fn with_field(field: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n").into_bytes()
}

/// A chunked request; the body begins at byte 55.
fn chunked(body: &str) -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!("{head}{body}").into_bytes()
}

const CHUNKED_BODY: u64 = 56;

#[test]
fn the_messages_used_here_are_good_but_for_what_each_test_changes() {
    accept_request(with_field("X: y"));
    accept_request(chunked("1\r\na\r\n0\r\n\r\n"));
    accept_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(chunked("").len() as u64, CHUNKED_BODY);
}

// Lines.

#[test]
fn leading_blank_lines() {
    accept_request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    refuse_request("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Kind::LeadingBlankLine, 2);
    refuse_request("\r\n\nGET / HTTP/1.1\r\n", Kind::LeadingBlankLine, 2);
    refuse_request("\nGET / HTTP/1.1\r\n", Kind::BareLineFeed, 0);
    refuse_request("\rGET / HTTP/1.1\r\n", Kind::BareCarriageReturn, 0);
    refuse_request("\r\rGET / HTTP/1.1\r\n", Kind::BareCarriageReturn, 0);
    refuse_response("\r\nHTTP/1.1 200 OK\r\n\r\n", Kind::LeadingBlankLine, 0);
    refuse_response("\nHTTP/1.1 200 OK\r\n\r\n", Kind::LeadingBlankLine, 0);
}

#[test]
fn a_blank_line_before_the_head_is_counted_in_offsets() {
    refuse_request("\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\n", Kind::SpaceBeforeColon, 22);
    refuse_request("\r\nGET / HTTP/1.1\r\nHost: @\r\n\r\n", Kind::InvalidHost, 24);
    refuse_request("\r\nGET  / HTTP/1.1\r\n", Kind::MalformedRequestLine, 2);
    let body = [b"\r\n", &chunked("x")[..]].concat();
    refuse_request(body, Kind::InvalidChunkSize, 2 + CHUNKED_BODY);
}

#[test]
fn bare_line_feed() {
    refuse_request("GET / HTTP/1.1\nHost: a\r\n\r\n", Kind::BareLineFeed, 14);
    refuse_request("GET / HTTP/1.1\r\nHost: a\n\r\n", Kind::BareLineFeed, 23);
    refuse_request("GET / HTTP/1.1\r\nHost: a\r\n\n", Kind::BareLineFeed, 25);
    refuse_response("HTTP/1.1 200 OK\n\r\n", Kind::BareLineFeed, 15);
}

#[test]
fn bare_carriage_return() {
    refuse_request("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", Kind::BareCarriageReturn, 5);
    refuse_request("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Kind::BareCarriageReturn, 14);
    refuse_request(with_field("X: a\rb"), Kind::BareCarriageReturn, 29);
    refuse_request(with_field("X: a\r"), Kind::BareCarriageReturn, 29);
    refuse_request(with_field("X\r: a"), Kind::BareCarriageReturn, 26);
    refuse_request(with_field("\rX: a"), Kind::BareCarriageReturn, 25);
    refuse_response("HTTP/1.1 200 O\rK\r\n\r\n", Kind::BareCarriageReturn, 14);
}

// Start lines.

#[test]
fn malformed_request_line() {
    for line in [
        "GET /",
        "GET",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET / x HTTP/1.1",
    ] {
        refuse_request(format!("{line}\r\nHost: a\r\n\r\n"), Kind::MalformedRequestLine, 0);
    }
}

#[test]
fn method_that_is_not_a_token() {
    refuse_request("G@T / HTTP/1.1\r\n", Kind::InvalidMethod, 1);
    refuse_request("GET: / HTTP/1.1\r\n", Kind::InvalidMethod, 3);
    refuse_request("GE\0 / HTTP/1.1\r\n", Kind::InvalidMethod, 2);
    refuse_request(b"G\xffT / HTTP/1.1\r\n", Kind::InvalidMethod, 1);
    refuse_request("\u{16}\u{3}\u{1} / HTTP/1.1\r\n", Kind::InvalidMethod, 0);
    accept_request("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn invalid_target() {
    refuse_request("GET /a#b HTTP/1.1\r\n", Kind::InvalidTarget, 6);
    refuse_request("GET /\0 HTTP/1.1\r\n", Kind::InvalidTarget, 5);
    refuse_request(b"GET /\xc3\xa9 HTTP/1.1\r\n", Kind::InvalidTarget, 5);
    refuse_request("GET /a\tb HTTP/1.1\r\n", Kind::InvalidTarget, 6);
    refuse_request("GET /\\evil HTTP/1.1\r\n", Kind::InvalidTarget, 5);
    refuse_request("GET a HTTP/1.1\r\n", Kind::InvalidTarget, 4);
    refuse_request("GET ?a HTTP/1.1\r\n", Kind::InvalidTarget, 4);
    refuse_request("GET http:///x HTTP/1.1\r\n", Kind::InvalidTarget, 4);
    refuse_request("GET http://u:p@a/ HTTP/1.1\r\n", Kind::InvalidTarget, 4);
    refuse_request("GET file:///etc/passwd HTTP/1.1\r\n", Kind::InvalidTarget, 4);
    refuse_request("CONNECT a HTTP/1.1\r\n", Kind::InvalidTarget, 8);
    refuse_request("CONNECT a:99999 HTTP/1.1\r\n", Kind::InvalidTarget, 8);
}

#[test]
fn target_form_of_another_method() {
    refuse_request("GET * HTTP/1.1\r\n", Kind::TargetNotForMethod, 4);
    refuse_request("GET a:80 HTTP/1.1\r\n", Kind::TargetNotForMethod, 4);
    refuse_request("CONNECT / HTTP/1.1\r\n", Kind::TargetNotForMethod, 8);
    refuse_request("CONNECT http://a/ HTTP/1.1\r\n", Kind::TargetNotForMethod, 8);
    refuse_request("CONNECT * HTTP/1.1\r\n", Kind::TargetNotForMethod, 8);
    accept_request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    accept_request("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    accept_request("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn other_versions() {
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"] {
        let line = format!("GET / {version}\r\n");
        refuse_request(&line, Kind::UnsupportedVersion, 6);
        refuse_response(format!("{version} 200 OK\r\n"), Kind::UnsupportedVersion, 0);
    }
    for version in ["http/1.1", "HTTP/1.10", "HTTP/1", "HTTP/11", "HTTP/1,1", "HTTPS/1.1", "ICY"] {
        refuse_request(format!("GET / {version}\r\n"), Kind::InvalidVersion, 6);
        refuse_response(format!("{version} 200 OK\r\n"), Kind::InvalidVersion, 0);
    }
    refuse_request("GET / \r\n", Kind::InvalidVersion, 6);
    refuse_request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Kind::UnsupportedVersion, 6);
}

#[test]
fn malformed_status_line() {
    for line in ["HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 200OK"] {
        refuse_response(format!("{line}\r\n\r\n"), Kind::MalformedStatusLine, 8);
    }
    for line in ["HTTP/1.1 2x0 OK", "HTTP/1.1  20 OK", "HTTP/1.1 +20 OK", "HTTP/1.1 -20"] {
        refuse_response(format!("{line}\r\n\r\n"), Kind::MalformedStatusLine, 9);
    }
}

#[test]
fn status_out_of_range() {
    for code in ["000", "099", "600", "999"] {
        refuse_response(format!("HTTP/1.1 {code} X\r\n\r\n"), Kind::InvalidStatus, 9);
    }
}

#[test]
fn control_bytes_in_a_reason() {
    refuse_response("HTTP/1.1 200 O\0K\r\n\r\n", Kind::InvalidReason, 14);
    refuse_response("HTTP/1.1 200 \x7f\r\n\r\n", Kind::InvalidReason, 13);
    accept_response(b"HTTP/1.1 200 \xe9\tx\r\nContent-Length: 0\r\n\r\n");
    accept_response("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n");
    accept_response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
}

// Fields.

#[test]
fn folded_line() {
    refuse_request(with_field("X: a\r\n b"), Kind::FoldedLine, 31);
    refuse_request(with_field("X: a\r\n\tb"), Kind::FoldedLine, 31);
    refuse_request(with_field("X: a\r\n "), Kind::FoldedLine, 31);
    refuse_request(with_field(" Content-Length: 5"), Kind::FoldedLine, 25);
}

#[test]
fn space_before_the_first_field() {
    refuse_request("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Kind::SpaceBeforeFieldName, 16);
    refuse_response("HTTP/1.1 200 OK\r\n\tA: b\r\n\r\n", Kind::SpaceBeforeFieldName, 17);
}

#[test]
fn space_around_a_field_name() {
    refuse_request(with_field("X : a"), Kind::SpaceBeforeColon, 26);
    refuse_request(with_field("X\t: a"), Kind::SpaceBeforeColon, 26);
    refuse_request(with_field("Content-Length  : 5"), Kind::SpaceBeforeColon, 39);
    refuse_request(with_field("X Y: a"), Kind::SpaceInFieldName, 26);
}

#[test]
fn bad_field_names() {
    refuse_request(with_field(": a"), Kind::EmptyFieldName, 25);
    refuse_request(with_field(":"), Kind::EmptyFieldName, 25);
    refuse_request(with_field("X"), Kind::MissingColon, 26);
    refuse_request(with_field("X y"), Kind::MissingColon, 26);
    refuse_request(with_field("X@Y"), Kind::MissingColon, 26);
    refuse_request(with_field("X@Y: a"), Kind::InvalidFieldName, 26);
    refuse_request(with_field("X\0: a"), Kind::InvalidFieldName, 26);
    refuse_request(with_field("Xé: a"), Kind::InvalidFieldName, 26);
    refuse_request(with_field("\u{b}Transfer-Encoding: chunked"), Kind::InvalidFieldName, 25);
}

#[test]
fn control_bytes_in_a_value() {
    for control in (0_u8..32).filter(|byte| !b"\t\r\n".contains(byte)).chain([127]) {
        let mut bytes = with_field("X: a?b");
        bytes[29] = control;
        refuse_request(&bytes, Kind::InvalidFieldValue, 29);
    }
    accept_request(with_field("X: a\tb"));
    accept_request(with_field("X: \u{80}é"));
}

// Framing.

#[test]
fn length_together_with_transfer_encoding() {
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked";
    refuse_request(with_field(both), Kind::LengthAndTransferEncoding, 63);
    let both = "Transfer-Encoding: chunked\r\nContent-Length: 0";
    refuse_request(with_field(both), Kind::LengthAndTransferEncoding, 44);
    let response = format!("HTTP/1.1 200 OK\r\n{both}\r\n\r\n");
    refuse_response(response, Kind::LengthAndTransferEncoding, 36);
}

#[test]
fn repeated_length() {
    let differing = "Content-Length: 5\r\nContent-Length: 6";
    refuse_request(with_field(differing), Kind::RepeatedContentLength, 60);
    let equal = "Content-Length: 5\r\ncontent-length: 5";
    refuse_request(with_field(equal), Kind::RepeatedContentLength, 60);
    let response = format!("HTTP/1.1 200 OK\r\n{equal}\r\n\r\n");
    refuse_response(response, Kind::RepeatedContentLength, 52);
}

#[test]
fn invalid_length() {
    for value in [
        "+5",
        "-5",
        "5, 5",
        "5,5",
        "5 5",
        "0x5",
        "5.0",
        "5;",
        "\"5\"",
        "five",
        "é",
        "18446744073709551616",
        "99999999999999999999999",
    ] {
        let field = format!("Content-Length: {value}");
        refuse_request(with_field(&field), Kind::InvalidContentLength, 41);
        let response = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n");
        refuse_response(response, Kind::InvalidContentLength, 33);
    }
    refuse_request(with_field("Content-Length:"), Kind::InvalidContentLength, 40);
    refuse_request(with_field("Content-Length: "), Kind::InvalidContentLength, 40);
}

#[test]
fn other_transfer_encodings() {
    for value in [
        "gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked, gzip",
        "identity",
        "xchunked",
        "chunked;q=1",
        "\"chunked\"",
        "chunked,",
        ",chunked",
        "chunke",
        "cow",
        "\u{212a}",
    ] {
        let field = format!("Transfer-Encoding: {value}");
        refuse_request(with_field(&field), Kind::UnsupportedTransferEncoding, 44);
        let response = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n");
        refuse_response(response, Kind::UnsupportedTransferEncoding, 36);
    }
    refuse_request(with_field("Transfer-Encoding:"), Kind::UnsupportedTransferEncoding, 43);
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    refuse_request(with_field(twice), Kind::UnsupportedTransferEncoding, 44);
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity";
    refuse_request(with_field(twice), Kind::UnsupportedTransferEncoding, 44);
}

#[test]
fn transfer_encoding_in_http_1_0() {
    let request = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    refuse_request(request, Kind::TransferEncodingInHttp10, 36);
    let response = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    refuse_response(response, Kind::TransferEncodingInHttp10, 36);
}

#[test]
fn body_where_none_is_allowed() {
    let connect = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\n";
    refuse_request(connect, Kind::BodyNotAllowed, 49);
    let trace = "TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    refuse_request(trace, Kind::BodyNotAllowed, 46);
    for status in ["100", "103", "204"] {
        let response = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
        refuse_response(response, Kind::BodyNotAllowed, 32);
        let response = format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n");
        refuse_response(response, Kind::BodyNotAllowed, 35);
    }
    let tunnel = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let head = request(Method::CONNECT, "a:1");
    refuse_response_to(&head, tunnel, Kind::BodyNotAllowed, 33);
}

// Chunks.

#[test]
fn invalid_chunk_size() {
    for (body, place) in [
        ("+1\r\n", 0),
        ("-1\r\n", 0),
        ("0x1\r\n", 1),
        (" 1\r\n", 0),
        ("1 \r\n", 1),
        ("1 ;a\r\n", 1),
        ("1\t\r\n", 1),
        ("g\r\n", 0),
        ("\r\n", 0),
        (";a\r\n", 0),
        ("\n", 0),
        ("1_0\r\n", 1),
        ("1.\r\n", 1),
        ("\0", 0),
        ("é", 0),
        ("1,1\r\n", 1),
    ] {
        refuse_request(chunked(body), Kind::InvalidChunkSize, CHUNKED_BODY + place);
    }
    refuse_request(chunked("1\r\na\r\n\r\n"), Kind::InvalidChunkSize, CHUNKED_BODY + 6);
}

#[test]
fn chunk_size_overflow() {
    let body = "10000000000000000\r\n";
    refuse_request(chunked(body), Kind::ChunkSizeOverflow, CHUNKED_BODY + 16);
    let body = "00000000000000001\r\na\r\n0\r\n\r\n";
    refuse_request(chunked(body), Kind::ChunkSizeOverflow, CHUNKED_BODY + 16);
    accept_request(chunked("0000000000000001\r\na\r\n0\r\n\r\n"));
}

#[test]
fn line_ends_of_chunks() {
    refuse_request(chunked("1\na\r\n"), Kind::BareLineFeed, CHUNKED_BODY + 1);
    refuse_request(chunked("1;x\na\r\n"), Kind::BareLineFeed, CHUNKED_BODY + 3);
    refuse_request(chunked("1\r\na\n"), Kind::BareLineFeed, CHUNKED_BODY + 4);
    refuse_request(chunked("0\r\n\n"), Kind::BareLineFeed, CHUNKED_BODY + 3);
    refuse_request(chunked("1\ra\r\n"), Kind::BareCarriageReturn, CHUNKED_BODY + 2);
    refuse_request(chunked("1;a\rb\r\n"), Kind::BareCarriageReturn, CHUNKED_BODY + 4);
    refuse_request(chunked("1\r\nab\r\n"), Kind::MissingChunkEnd, CHUNKED_BODY + 4);
    refuse_request(chunked("1\r\na0\r\n\r\n"), Kind::MissingChunkEnd, CHUNKED_BODY + 4);
    refuse_request(chunked("1\r\na\rb"), Kind::MissingChunkEnd, CHUNKED_BODY + 5);
}

#[test]
fn control_bytes_in_a_chunk_extension() {
    refuse_request(chunked("1;a\0\r\n"), Kind::InvalidChunkExtension, CHUNKED_BODY + 3);
    refuse_request(chunked("1;\x7f\r\n"), Kind::InvalidChunkExtension, CHUNKED_BODY + 2);
    accept_request(chunked("1;a=\"b;c\" ;\té\r\na\r\n0;x\r\n\r\n"));
}

#[test]
fn forbidden_trailers() {
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Connection",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Proxy-Authorization",
        "X-Api-Key",
        "Trailer",
        "TE",
        "Upgrade",
        "Expect",
        "Content-Type",
        "Content-Encoding",
        "Content-Range",
        "Cache-Control",
        "If-Match",
        "Range",
        "Location",
        "Max-Forwards",
        "WWW-Authenticate",
    ] {
        let body = format!("0\r\nA: b\r\n{name}: 1\r\n\r\n");
        refuse_request(chunked(&body), Kind::ForbiddenTrailer, CHUNKED_BODY + 9);
        let body = body.to_uppercase();
        refuse_request(chunked(&body), Kind::ForbiddenTrailer, CHUNKED_BODY + 9);
    }
    accept_request(chunked("0\r\nDigest: x\r\nServer-Timing: y\r\n\r\n"));
}

#[test]
fn trailers_obey_the_rules_of_fields() {
    refuse_request(chunked("0\r\nA : b\r\n\r\n"), Kind::SpaceBeforeColon, CHUNKED_BODY + 4);
    refuse_request(chunked("0\r\nA: b\r\n c\r\n\r\n"), Kind::FoldedLine, CHUNKED_BODY + 9);
    refuse_request(chunked("0\r\nA: \0\r\n\r\n"), Kind::InvalidFieldValue, CHUNKED_BODY + 6);
    refuse_request(chunked("0\r\nab\r\n\r\n"), Kind::MissingColon, CHUNKED_BODY + 5);
}

// Hosts and expectations.

#[test]
fn host_is_required_once_and_valid() {
    refuse_request("GET / HTTP/1.1\r\n\r\n", Kind::MissingHost, 0);
    refuse_request(with_field("host: a"), Kind::RepeatedHost, 31);
    refuse_request(with_field("Host: b"), Kind::RepeatedHost, 31);
    for host in ["a b", "u@a", "a/b", "a,b", "a:", "a:x", ":80", "[::1", "a:70000", "é", "a?b"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        refuse_request(request, Kind::InvalidHost, 22);
    }
    refuse_request("GET / HTTP/1.1\r\nHost:\r\n\r\n", Kind::InvalidHost, 21);
    refuse_request("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", Kind::InvalidHost, 22);
    refuse_request("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Kind::RepeatedHost, 31);
    accept_request("GET / HTTP/1.0\r\n\r\n");
}

#[test]
fn host_that_disagrees_with_the_target() {
    refuse_request("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", Kind::HostMismatch, 30);
    refuse_request("CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n", Kind::HostMismatch, 28);
    accept_request("GET http://a:80/ HTTP/1.1\r\nHost: A\r\n\r\n");
}

#[test]
fn unknown_expectation() {
    refuse_request(with_field("Expect: tea"), Kind::UnsupportedExpectation, 33);
    let field = "Expect: 100-continue, tea";
    refuse_request(with_field(field), Kind::UnsupportedExpectation, 33);
    accept_request(with_field("Expect: 100-Continue"));
}

// Responses nobody asked for.

#[test]
fn response_without_a_request() {
    let mut client = Client::new(HttpLimits::default());
    assert_eq!(client.next(&mut &b""[..]), Ok(None));
    let error = client.next(&mut &b"HTTP/1.1 200 OK\r\n\r\n"[..]).unwrap_err();
    assert_eq!(error.kind(), Kind::UnexpectedBytes);
    assert!(error.is_malformed() && !client.is_reusable());
    let two = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    refuse_response(two, Kind::UnexpectedBytes, 0);
}

#[test]
fn upgrade_that_was_not_asked_for() {
    let response = "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    refuse_response(response, Kind::UnexpectedUpgrade, 0);
    let mut head = request(Method::GET, "/");
    head.headers.append("Upgrade", "h2c, foo/2").unwrap();
    refuse_response_to(&head, response, Kind::UnexpectedUpgrade, 0);
    let nameless = "HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n";
    refuse_response_to(&head, nameless, Kind::UnexpectedUpgrade, 0);
}

// What the caller may not do.

#[test]
fn framing_fields_set_by_hand() {
    let (mut headers, mut out) = (Headers::new(), Vec::new());
    for name in ["Content-Length", "transfer-encoding", "CONNECTION"] {
        let error = headers.append(name, "1").unwrap_err();
        assert_eq!((error.kind(), error.is_misuse()), (Kind::FramingFieldByHand, true));
    }
    // Nor can a received head be sent on with the framing it had.
    let bytes = with_field("Content-Length: 0");
    let outcome = read_requests(HttpLimits::default(), [&bytes[..]], false);
    let Some(crate::drive::Event::Request(head)) = outcome.events.first() else {
        panic!("{outcome:?}");
    };
    let mut client = Client::new(HttpLimits::default());
    let error = client.send_head(head, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::FramingFieldByHand);
    assert!(out.is_empty());
}

#[test]
fn requests_a_server_would_refuse_are_not_sent() {
    let kind = |head: &RequestHead, body| {
        let mut out = Vec::new();
        let error = Client::new(HttpLimits::default()).send_head(head, body, &mut out).unwrap_err();
        assert!(error.is_misuse() && out.is_empty());
        error.kind()
    };
    let empty = BodyLength::Empty;
    let bare = |method, target| RequestHead::new(method, Target::new(target).unwrap());
    assert_eq!(kind(&bare(Method::GET, "/"), empty), Kind::MissingHost);
    let mut two = request(Method::GET, "/");
    two.headers.append("host", "a").unwrap();
    assert_eq!(kind(&two, empty), Kind::RepeatedHost);
    let mut bad = bare(Method::GET, "/");
    bad.headers.append("host", "a b").unwrap();
    assert_eq!(kind(&bad, empty), Kind::InvalidHost);
    let mut other = bare(Method::GET, "http://a/");
    other.headers.append("host", "b").unwrap();
    assert_eq!(kind(&other, empty), Kind::HostMismatch);
    assert_eq!(kind(&request(Method::GET, "*"), empty), Kind::TargetNotForMethod);
    let connect = request(Method::CONNECT, "a:1");
    assert_eq!(kind(&connect, BodyLength::Exact(1)), Kind::BodyNotAllowed);
    assert_eq!(kind(&request(Method::TRACE, "/"), BodyLength::Streamed), Kind::BodyNotAllowed);
}

#[test]
fn sending_out_of_turn() {
    let mut out = Vec::new();
    let head = request(Method::GET, "/");
    let mut client = Client::new(HttpLimits::default());
    assert_eq!(client.send_body(b"x", &mut out).unwrap_err().kind(), Kind::NothingToSend);
    assert_eq!(client.finish(&mut out).unwrap_err().kind(), Kind::NothingToSend);
    client.send_head(&head, BodyLength::Exact(1), &mut out).unwrap();
    out.clear();
    let error = client.send_head(&head, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::ExchangeInProgress);
    assert_eq!(client.send_body(b"xy", &mut out).unwrap_err().kind(), Kind::MoreThanDeclared);
    assert_eq!(client.finish(&mut out).unwrap_err().kind(), Kind::FewerThanDeclared);
    assert!(out.is_empty());

    let ok = ResponseHead::new(StatusCode::OK);
    let mut server = Server::new(HttpLimits::default());
    let error = server.send_head(&ok, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::NothingToSend);
    assert_eq!(server.send_body(b"x", &mut out).unwrap_err().kind(), Kind::NothingToSend);
    assert!(server.next(&mut &with_field("X: y")[..]).unwrap().is_some());
    let early = ResponseHead::new(StatusCode::CONTINUE);
    let error = server.send_head(&early, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::StatusNotForUse);
    assert_eq!(server.send_informational(&ok, &mut out).unwrap_err().kind(), Kind::StatusNotForUse);
    let empty = ResponseHead::new(StatusCode::NO_CONTENT);
    let error = server.send_head(&empty, BodyLength::Streamed, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::BodyNotAllowed);
    assert!(out.is_empty());
    server.send_head(&ok, BodyLength::Streamed, &mut out).unwrap();
    let error = server.send_head(&ok, BodyLength::Empty, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::ExchangeInProgress);
    let error = server.send_informational(&early, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::ExchangeInProgress);
    let trailers = headers(&[("Set-Cookie", "a=b")]);
    let error = server.finish_with_trailers(&trailers, &mut out).unwrap_err();
    assert_eq!(error.kind(), Kind::ForbiddenTrailer);
}
