//! A request on a connection of its own: what is sent, and what is made of what comes back.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::shell::{Shell, service};
use crate::agent::ExchangeNumber;
use crate::llm::{Credential, Outgoing, TransportKind};
use crate::runtime::{Event, ModelConnection};
use crate::wire::url::Url;

/// What a turn asks of its model, with a place for a key.
fn request() -> Outgoing {
    let mut shell = Shell::new(service(&["model offline"]));
    shell.write("1", "c1", "hello");
    let mut request = shell.outgoing.expect("a model is asked");
    request.credential = Some(Credential { header: "x-api-key", prefix: "Key " });
    request
}

fn open(request: &Outgoing, key: Option<&str>) -> (ModelConnection, String) {
    let service = Url::parse("http://[::1]:8080/v1/").expect("an address");
    let (connection, bytes) =
        ModelConnection::open(ExchangeNumber(7), &service, request, key).expect("it is HTTP");
    (connection, String::from_utf8(bytes.to_vec()).expect("text"))
}

/// The events of these pieces, in words; the end of the stream follows if `is_ended`.
fn heard(pieces: &[&[u8]], is_ended: bool) -> (String, bool) {
    let (mut connection, _) = open(&request(), None);
    let (mut status, mut body, mut end) = (0, Vec::new(), String::new());
    let end_of_stream: &[u8] = b"";
    for piece in pieces.iter().copied().chain(is_ended.then_some(end_of_stream)) {
        let _ = connection.take(piece, |event| {
            match event {
                Event::ModelHead { exchange: ExchangeNumber(7), status: it, .. } => status = it,
                Event::ModelBody { exchange: ExchangeNumber(7), bytes } => body.extend(bytes),
                Event::ModelEnd { exchange: ExchangeNumber(7) } => end += "end",
                Event::ModelFailed { exchange: ExchangeNumber(7), kind } => {
                    end += match kind {
                        TransportKind::Cut => "cut",
                        TransportKind::Protocol => "protocol",
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{other:?}"),
            }
            Ok::<(), ()>(())
        });
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    (format!("{status} {body} {end}"), connection.is_over())
}

#[test]
fn the_request_names_its_host_and_holds_the_key_once() {
    let (_, sent) = open(&request(), Some("s3cret"));
    assert!(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("\r\nhost: [::1]:8080\r\n"), "{sent}");
    assert!(sent.contains("\r\nx-api-key: Key s3cret\r\n"), "{sent}");
    assert_eq!(sent.matches("s3cret").count(), 1);
    assert!(sent.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{sent}");
    let (_, sent) = open(&request(), None);
    assert!(!sent.contains("x-api-key"), "{sent}");
}

/// However an answer is cut into pieces, it says the same, and it ends once.
#[test]
fn an_answer_says_the_same_in_any_two_pieces() {
    for (answer, is_ended, told) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "200 hello end"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "200 hello end"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n",
            true,
            "429  end",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            false,
            "200 hello end",
        ),
        // Without a length, the end of the stream is the end of the answer.
        ("HTTP/1.1 200 OK\r\n\r\nhello", true, "200 hello end"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", true, "200 hello cut"),
        ("HTTP/1.1 200", true, "0  cut"),
        ("", true, "0  cut"),
        ("SSH-2.0-x\r\n\r\n", true, "0  protocol"),
    ] {
        for place in 0..=answer.len() {
            let (first, second) = answer.as_bytes().split_at(place);
            let pieces: Vec<&[u8]> =
                [first, second].into_iter().filter(|piece| !piece.is_empty()).collect();
            assert_eq!(heard(&pieces, is_ended), (told.to_owned(), true), "{answer:?} at {place}");
        }
    }
}

/// An end of input that completes nothing ends the exchange, so that nobody reads on for ever.
#[test]
fn a_change_of_protocol_is_no_answer() {
    let answer = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(heard(&[answer], true), ("0  protocol".to_owned(), true));
}
