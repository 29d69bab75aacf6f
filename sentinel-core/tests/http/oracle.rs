//! A second opinion: `httparse`, the parser under hyper.
//!
//! Goal: our strictness only ever takes away. Method: heads made from a grammar of good and bad
//! parts, then mutated byte by byte. What we accept, httparse accepts with the same reading; what
//! only httparse accepts, we refuse for a reason on the list.

use std::cell::Cell;

use arbitrary::Unstructured;
use sentinel_core::wire::http::{
    Headers, HttpErrorKind as Kind, HttpLimits, Method, RequestPart, ResponsePart, Server, Version,
};

use crate::drive::{client_after, request};

/// Where we are stricter than httparse about the syntax of a head.
const STRICTER_SYNTAX: &[Kind] = &[
    // It skips any number of empty lines before both kinds of head, and ends lines at LF.
    Kind::LeadingBlankLine,
    Kind::BareLineFeed,
    // It leaves the form of targets to its caller.
    Kind::InvalidTarget,
    Kind::TargetNotForMethod,
    // It takes any three digits.
    Kind::InvalidStatus,
];

/// What httparse leaves to its caller altogether: framing, hosts, expectations.
const BEYOND_SYNTAX: &[Kind] = &[
    Kind::InvalidContentLength,
    Kind::RepeatedContentLength,
    Kind::LengthAndTransferEncoding,
    Kind::UnsupportedTransferEncoding,
    Kind::TransferEncodingInHttp10,
    Kind::BodyNotAllowed,
    Kind::BodyTooLong,
    Kind::MissingHost,
    Kind::RepeatedHost,
    Kind::InvalidHost,
    Kind::HostMismatch,
    Kind::UnsupportedExpectation,
    Kind::UnexpectedUpgrade,
];

fn assert_stricter(kind: Kind, bytes: &[u8]) {
    let is_listed = STRICTER_SYNTAX.contains(&kind) || BEYOND_SYNTAX.contains(&kind);
    assert!(is_listed, "only httparse accepts this, we say {kind:?}: {}", bytes.escape_ascii());
}

fn assert_same_headers(ours: &Headers, theirs: &[httparse::Header<'_>], bytes: &[u8]) {
    let ours: Vec<_> = ours.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let theirs: Vec<_> = theirs.iter().map(|header| (header.name, header.value)).collect();
    assert_eq!(ours, theirs, "{}", bytes.escape_ascii());
}

fn minor(version: Version) -> u8 {
    match version {
        Version::Http10 => 0,
        Version::Http11 => 1,
    }
}

/// How often each of the four outcomes came up, to know that none is missing from the test.
#[derive(Default)]
struct Tally {
    both: Cell<usize>,
    neither: Cell<usize>,
    only_theirs: Cell<usize>,
}

fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

impl Tally {
    fn assert_all_seen(&self) {
        let counts = [&self.both, &self.neither, &self.only_theirs].map(Cell::get);
        assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
    }
}

fn compare_request(bytes: &[u8], tally: &Tally) {
    let mut input = bytes;
    let ours = Server::new(HttpLimits::default()).next(&mut input);
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut theirs = httparse::Request::new(&mut fields);
    match (ours, theirs.parse(bytes)) {
        (Ok(Some(RequestPart::Head(head))), Ok(httparse::Status::Complete(length))) => {
            assert_eq!(Some(head.method.as_str()), theirs.method);
            assert_eq!(Some(head.target.as_str()), theirs.path);
            assert_eq!(Some(minor(head.version)), theirs.version);
            assert_same_headers(&head.headers, theirs.headers, bytes);
            assert_eq!(bytes.len() - input.len(), length);
            count(&tally.both);
        }
        (Ok(Some(part)), theirs) => {
            panic!("only we accept {}: {part:?}, {theirs:?}", bytes.escape_ascii())
        }
        (Err(error), Ok(httparse::Status::Complete(_))) => {
            assert_stricter(error.kind(), bytes);
            count(&tally.only_theirs);
        }
        (Ok(None), Ok(httparse::Status::Complete(_))) => {
            panic!("we want more of {}", bytes.escape_ascii())
        }
        // A bad line is refused by us when it ends, by httparse at the bad byte.
        (Ok(None) | Err(_), Ok(httparse::Status::Partial) | Err(_)) => count(&tally.neither),
    }
}

fn compare_response(bytes: &[u8], tally: &Tally) {
    let mut client = client_after(&request(Method::GET, "/"), HttpLimits::default());
    let mut input = bytes;
    let ours = client.next(&mut input);
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut theirs = httparse::Response::new(&mut fields);
    match (ours, theirs.parse(bytes)) {
        (
            Ok(Some(ResponsePart::Head(head) | ResponsePart::Informational(head))),
            Ok(httparse::Status::Complete(length)),
        ) => {
            assert_eq!(Some(head.status.as_u16()), theirs.code);
            // httparse gives no reason at all when one has a byte above 127.
            match head.reason.as_bytes().is_ascii() {
                true => assert_eq!(Some(head.reason.as_bytes()), theirs.reason.map(str::as_bytes)),
                false => assert_eq!(theirs.reason, Some("")),
            }
            assert_eq!(Some(minor(head.version)), theirs.version);
            assert_same_headers(&head.headers, theirs.headers, bytes);
            assert_eq!(bytes.len() - input.len(), length);
            count(&tally.both);
        }
        (Ok(Some(part)), theirs) => {
            panic!("only we accept {}: {part:?}, {theirs:?}", bytes.escape_ascii())
        }
        (Err(error), Ok(httparse::Status::Complete(_))) => {
            assert_stricter(error.kind(), bytes);
            count(&tally.only_theirs);
        }
        (Ok(None), Ok(httparse::Status::Complete(_))) => {
            panic!("we want more of {}", bytes.escape_ascii())
        }
        (Ok(None) | Err(_), Ok(httparse::Status::Partial) | Err(_)) => count(&tally.neither),
    }
}

/// Mostly the first, sometimes one of the others.
fn mostly<'a>(source: &mut Unstructured<'_>, choices: &[&'a str]) -> arbitrary::Result<&'a str> {
    match source.ratio(9, 10)? {
        true => Ok(choices.first().copied().unwrap_or_default()),
        false => source.choose(choices).copied(),
    }
}

fn fields(source: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> arbitrary::Result<()> {
    let names = [
        "X",
        "Accept",
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Expect",
        "x!#$%&'*+-.^_`|~9",
        "Upgrade",
        "Content-Type",
    ];
    let values =
        ["y", "", "5", "0", "chunked", "a b\tc", "a:b", "é", "\u{7f}", "100-continue", "a, b"];
    for _ in 0..source.int_in_range(0..=4)? {
        bytes.extend_from_slice(mostly(source, &["", " ", "\t", "\0", "\r"])?.as_bytes());
        bytes.extend_from_slice(source.choose(&names)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &["", " ", "\t", "@", "é"])?.as_bytes());
        bytes.extend_from_slice(mostly(source, &[": ", ":", ":  ", ":\t ", "", "::"])?.as_bytes());
        bytes.extend_from_slice(source.choose(&values)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &["", " ", " \t", "\u{b}", "\r"])?.as_bytes());
        bytes.extend_from_slice(mostly(source, &["\r\n", "\n", "\r\n ", "\r"])?.as_bytes());
    }
    bytes.extend_from_slice(mostly(source, &["\r\n", "\n", ""])?.as_bytes());
    Ok(())
}

/// Changes, adds or removes a few bytes, half of the time none.
fn mutate(source: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> arbitrary::Result<()> {
    if source.ratio(1, 2)? {
        return Ok(());
    }
    for _ in 0..source.int_in_range(1..=3)? {
        let place = source.choose_index(bytes.len().max(1))?;
        let byte = match source.ratio(1, 2)? {
            true => *source.choose(b"\r\n \t:\0;,H1/\x7f\x80\xff")?,
            false => source.arbitrary()?,
        };
        match (source.int_in_range(0..=2)?, bytes.get_mut(place)) {
            (0, Some(there)) => *there = byte,
            (1, Some(_)) => drop(bytes.remove(place)),
            _ => bytes.insert(place.min(bytes.len()), byte),
        }
    }
    Ok(())
}

#[test]
fn requests_read_as_httparse_reads_them() {
    let tally = Tally::default();
    arbtest::arbtest(|source| {
        let mut bytes = Vec::new();
        let start = mostly(source, &["", "\r\n", "\n", "\r\n\r\n", " "])?;
        bytes.extend_from_slice(start.as_bytes());
        let methods = ["GET", "POST", "HEAD", "CONNECT", "OPTIONS", "M-SEARCH", "", "G@T", "TRACE"];
        bytes.extend_from_slice(source.choose(&methods)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &[" ", "  ", "\t", ""])?.as_bytes());
        let targets =
            ["/", "/a?b=c", "*", "a:80", "http://a/", "/é", "/#", "/\"<>", "a", "", "/%zz"];
        bytes.extend_from_slice(mostly(source, &targets)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &[" ", "  ", "\t", ""])?.as_bytes());
        let versions = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.10"];
        bytes.extend_from_slice(mostly(source, &versions)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &["\r\n", "\n", " \r\n", "\r"])?.as_bytes());
        bytes.extend_from_slice(mostly(source, &["Host: a\r\n", ""])?.as_bytes());
        fields(source, &mut bytes)?;
        mutate(source, &mut bytes)?;
        compare_request(&bytes, &tally);
        Ok(())
    })
    .budget_ms(4000);
    tally.assert_all_seen();
}

#[test]
fn responses_read_as_httparse_reads_them() {
    let tally = Tally::default();
    arbtest::arbtest(|source| {
        let mut bytes = Vec::new();
        let start = mostly(source, &["", "\r\n", "\n", " "])?;
        bytes.extend_from_slice(start.as_bytes());
        let versions = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.10"];
        bytes.extend_from_slice(mostly(source, &versions)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &[" ", "  ", "\t", ""])?.as_bytes());
        let codes = ["200", "204", "304", "100", "404", "600", "099", "20", "2000", "2x0"];
        bytes.extend_from_slice(mostly(source, &codes)?.as_bytes());
        let reasons = [" OK", "", " ", " a\tb", " é", " \u{1}", "OK", "  two", " \r"];
        bytes.extend_from_slice(mostly(source, &reasons)?.as_bytes());
        bytes.extend_from_slice(mostly(source, &["\r\n", "\n", "\r"])?.as_bytes());
        fields(source, &mut bytes)?;
        mutate(source, &mut bytes)?;
        compare_response(&bytes, &tally);
        Ok(())
    })
    .budget_ms(4000);
    tally.assert_all_seen();
}

#[test]
fn the_comparison_sees_each_kind_of_strictness() {
    // Each entry of the list is there because of a head like this one.
    for (bytes, kind) in [
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Kind::LeadingBlankLine),
        ("GET / HTTP/1.1\nHost: a\n\n", Kind::BareLineFeed),
        ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", Kind::InvalidTarget),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", Kind::TargetNotForMethod),
    ] {
        let mut fields = [httparse::EMPTY_HEADER; 4];
        let theirs = httparse::Request::new(&mut fields).parse(bytes.as_bytes());
        assert!(theirs.is_ok_and(|status| status.is_complete()), "{bytes}");
        let ours = Server::new(HttpLimits::default()).next(&mut bytes.as_bytes());
        assert_eq!(ours.map_err(|error| error.kind()), Err(kind));
    }
    let bytes = b"HTTP/1.1 999 X\r\n\r\n";
    let mut fields = [httparse::EMPTY_HEADER; 4];
    let theirs = httparse::Response::new(&mut fields).parse(bytes);
    assert!(theirs.is_ok_and(|status| status.is_complete()));
    let mut client = client_after(&request(Method::GET, "/"), HttpLimits::default());
    let ours = client.next(&mut &bytes[..]).map_err(|error| error.kind());
    assert_eq!(ours, Err(Kind::InvalidStatus));
}
