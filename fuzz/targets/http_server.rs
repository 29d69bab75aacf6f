//! Requests, several on a connection: any split gives the same messages, a second parser reads the
//! same first head, and what a server answers is a response that a client understands.
#![no_main]

mod shared;
mod tight;

use libfuzzer_sys::fuzz_target;
use sentinel_core::wire::http::{
    BodyLength, Client, HttpError, HttpLimits, Method, RequestHead, RequestPart, ResponseHead,
    ResponsePart, Server, StatusCode,
};

use shared::pieces;
use tight::TIGHT;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (cuts, bytes) = input;
    let (whole, answers) = run(bytes, &[]);
    let (pieces, same_answers) = run(bytes, cuts);
    assert_eq!(whole, pieces);
    assert_eq!(answers, same_answers);
    if let Some(Said::Head(head)) = whole.first() {
        second_opinion(bytes, head);
        understand(head, &answers);
    }
});

/// What a server said of its input, with neighbouring body pieces joined.
#[derive(Debug, PartialEq)]
enum Said {
    Head(RequestHead),
    Body(Vec<u8>),
    Other(String),
    Error(HttpError),
}

fn run(bytes: &[u8], cuts: &[u8]) -> (Vec<Said>, Vec<u8>) {
    let mut server = Server::new(TIGHT);
    let mut said = Vec::new();
    let mut out = Vec::new();
    let mut is_tunnel = false;
    for mut piece in pieces(bytes, cuts) {
        loop {
            match server.next(&mut piece) {
                Ok(Some(RequestPart::Head(head))) => {
                    is_tunnel = head.method == Method::CONNECT;
                    said.push(Said::Head(head));
                }
                Ok(Some(RequestPart::Body(body))) => match said.last_mut() {
                    Some(Said::Body(before)) => before.extend_from_slice(body),
                    _ => said.push(Said::Body(body.to_vec())),
                },
                Ok(Some(RequestPart::End)) => {
                    said.push(Said::Other("end".into()));
                    answer(&mut server, is_tunnel, &mut out);
                    if server.wants_close() {
                        return (said, out);
                    }
                }
                Ok(Some(part)) => said.push(Said::Other(format!("{part:?}"))),
                Ok(None) => break,
                Err(error) => {
                    said.push(Said::Error(error));
                    assert_eq!(server.next(&mut piece), Err(error));
                    if server.refuse(error, &mut out).is_ok() {
                        assert!(server.wants_close());
                    }
                    return (said, out);
                }
            }
        }
        assert!(piece.is_empty());
    }
    let end = server.end_of_input();
    said.push(Said::Other(format!("{end:?}")));
    (said, out)
}

/// A plain answer; a tunnel is denied, because success would open it.
fn answer(server: &mut Server, is_tunnel: bool, out: &mut Vec<u8>) {
    let status = if is_tunnel { 405 } else { 200 };
    let status = StatusCode::new(status).expect("a status");
    let mut head = ResponseHead::new(status);
    head.headers.append("Content-Type", "text/plain").expect("a plain field");
    server.send_head(&head, BodyLength::Streamed, out).expect("the request is complete");
    server.send_body(b"hello", out).expect("the body is open");
    server.finish(out).expect("the body ends");
}

fn second_opinion(bytes: &[u8], head: &RequestHead) {
    let mut fields = [httparse::EMPTY_HEADER; 8];
    let mut peer = httparse::Request::new(&mut fields);
    peer.parse(bytes).expect("what is accepted here is accepted there");
    assert_eq!(peer.method, Some(head.method.as_str()));
    assert_eq!(peer.path, Some(head.target.as_str()));
    let ours: Vec<_> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let theirs: Vec<_> = peer.headers.iter().map(|field| (field.name, field.value)).collect();
    assert_eq!(ours, theirs);
}

/// The first answer, read by a client that sent such a request.
fn understand(request: &RequestHead, answers: &[u8]) {
    if answers.is_empty() || request.method.as_str() == "CONNECT" {
        return;
    }
    let mut sent = RequestHead::new(request.method.clone(), request.target.clone());
    if let Some(host) = request.headers.get("host") {
        sent.headers.append("Host", host).expect("it was accepted");
    } else {
        return;
    }
    let mut client = Client::new(HttpLimits::default());
    client.send_head(&sent, BodyLength::Empty, &mut Vec::new()).expect("it was accepted");
    let mut input = answers;
    let mut has_head = false;
    while let Some(part) = client.next(&mut input).expect("a server writes good responses") {
        has_head |= matches!(part, ResponsePart::Head(_));
        if part == ResponsePart::End {
            break;
        }
    }
    assert!(has_head);
}
