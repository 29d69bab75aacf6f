//! Responses: any split gives the same message, and a second parser reads the same head.
#![no_main]

mod shared;
mod tight;

use libfuzzer_sys::fuzz_target;
use sentinel_core::wire::http::{
    BodyLength, Client, HttpError, Method, RequestHead, ResponseHead, ResponsePart, Target,
};

use shared::pieces;
use tight::TIGHT;

const METHODS: [Method; 4] = [Method::GET, Method::HEAD, Method::POST, Method::CONNECT];

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (request, cuts, bytes) = input;
    let whole = run(request, bytes, &[]);
    let pieces = run(request, bytes, cuts);
    assert_eq!(whole, pieces);
    if let Some(Said::Head(head)) = whole.first() {
        second_opinion(bytes, head);
    }
});

/// What a client said of its input, with neighbouring body pieces joined.
#[derive(Debug, PartialEq)]
enum Said {
    Head(ResponseHead),
    Body(Vec<u8>),
    Other(String),
    Error(HttpError),
    /// How much was left when it wanted no more, and whether the next request may follow.
    Left(usize, bool),
}

fn run(request: u8, bytes: &[u8], cuts: &[u8]) -> Vec<Said> {
    let method = METHODS[usize::from(request % 4)].clone();
    let target = if method == Method::CONNECT { "example.com:443" } else { "/" };
    let mut head = RequestHead::new(method, Target::new(target).expect("a target"));
    let host = if request % 4 == 3 { "example.com:443" } else { "example.com" };
    head.headers.append("Host", host).expect("a host");
    if request & 4 != 0 {
        head.headers.append("Upgrade", "websocket").expect("a protocol");
    }
    let mut client = Client::new(TIGHT);
    let mut out = Vec::new();
    client.send_head(&head, BodyLength::Empty, &mut out).expect("a good request");

    let mut said = Vec::new();
    let mut left = bytes.len();
    for mut piece in pieces(bytes, cuts) {
        left -= piece.len();
        loop {
            match client.next(&mut piece) {
                Ok(Some(ResponsePart::Head(head))) => said.push(Said::Head(head)),
                Ok(Some(ResponsePart::Body(body))) => match said.last_mut() {
                    Some(Said::Body(before)) => before.extend_from_slice(body),
                    _ => said.push(Said::Body(body.to_vec())),
                },
                Ok(Some(ResponsePart::End)) => {
                    said.push(Said::Left(piece.len() + left, client.is_reusable()));
                    return said;
                }
                Ok(Some(part)) => said.push(Said::Other(format!("{part:?}"))),
                Ok(None) => break,
                Err(error) => {
                    said.push(Said::Error(error));
                    assert_eq!(client.next(&mut piece), Err(error));
                    return said;
                }
            }
        }
        if client.is_upgraded() {
            said.push(Said::Left(piece.len() + left, false));
            return said;
        }
        assert!(piece.is_empty());
    }
    said.push(match client.end_of_input() {
        Ok(part) => Said::Other(format!("{part:?}")),
        Err(error) => Said::Error(error),
    });
    said
}

fn second_opinion(bytes: &[u8], head: &ResponseHead) {
    let mut fields = [httparse::EMPTY_HEADER; 8];
    let mut peer = httparse::Response::new(&mut fields);
    peer.parse(bytes).expect("what is accepted here is accepted there");
    assert_eq!(peer.code, Some(head.status.as_u16()));
    let ours: Vec<_> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let theirs: Vec<_> = peer.headers.iter().map(|field| (field.name, field.value)).collect();
    assert_eq!(ours, theirs);
}
