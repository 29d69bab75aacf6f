//! Goal: what one end writes the other end reads. Method: random exchanges through a real client
//! and a real server, several on one connection, with random pieces on the wire in both directions.

use arbitrary::Unstructured;
use sentinel_core::wire::http::{
    BodyLength, Client, Headers, HttpLimits, Method, Reason, RequestHead, RequestPart,
    ResponseHead, ResponsePart, Server, StatusCode, Target,
};

use crate::drive::cut;

/// A message as the sending side sees it.
#[derive(Debug)]
struct Message<H> {
    head: H,
    length: BodyLength,
    pieces: Vec<Vec<u8>>,
    trailers: Headers,
}

impl<H> Message<H> {
    fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

fn token(source: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let bytes = b"abcxyzABCXYZ0189!#$%&'*+-.^_`|~";
    let length = source.int_in_range(1..=12)?;
    (0..length).map(|_| Ok(char::from(*source.choose(bytes)?))).collect()
}

/// Any bytes a value may have.
fn value(source: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let bytes: Vec<u8> = source.arbitrary()?;
    let is_allowed = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 127);
    Ok(bytes.into_iter().filter(is_allowed).collect())
}

fn some_headers(source: &mut Unstructured<'_>) -> arbitrary::Result<Headers> {
    let mut headers = Headers::new();
    for _ in 0..source.int_in_range(0..=5)? {
        // The prefix keeps clear of names that mean something to the codec.
        let name = format!("x-{}", token(source)?);
        headers.append(name, value(source)?).unwrap();
    }
    Ok(headers)
}

fn body(source: &mut Unstructured<'_>) -> arbitrary::Result<(BodyLength, Vec<Vec<u8>>, Headers)> {
    let pieces: Vec<Vec<u8>> = source.arbitrary()?;
    let sum = pieces.iter().map(Vec::len).sum::<usize>() as u64;
    Ok(match source.int_in_range(0..=2)? {
        0 => (BodyLength::Empty, Vec::new(), Headers::new()),
        1 => (BodyLength::Exact(sum), pieces, Headers::new()),
        _ => (BodyLength::Streamed, pieces, some_headers(source)?),
    })
}

fn some_request(source: &mut Unstructured<'_>) -> arbitrary::Result<Message<RequestHead>> {
    let method = match source.int_in_range(0..=4)? {
        0 => Method::new(&format!("X{}", token(source)?)).unwrap(),
        1 => Method::HEAD,
        2 => Method::POST,
        _ => Method::GET,
    };
    let path: String = (0..source.int_in_range(0..=9)?)
        .map(|_| Ok(char::from(*source.choose(b"abc/?&=%20[]{}|^~'()*;:@,")?)))
        .collect::<arbitrary::Result<_>>()?;
    let target = match source.ratio(1, 4)? {
        true => format!("http://example.com:8080/{path}"),
        false => format!("/{path}"),
    };
    let mut head = RequestHead::new(method, Target::new(&target).unwrap());
    head.headers.append("Host", "Example.com:8080").unwrap();
    for (name, value) in some_headers(source)?.iter() {
        head.headers.append(name, value).unwrap();
    }
    let (length, pieces, trailers) = body(source)?;
    Ok(Message { head, length, pieces, trailers })
}

fn some_response(source: &mut Unstructured<'_>) -> arbitrary::Result<Message<ResponseHead>> {
    let status = StatusCode::new(source.int_in_range(200..=599)?).unwrap();
    let mut head = ResponseHead::new(status);
    if source.ratio(1, 3)? {
        head.reason = Reason::new(&token(source)?).unwrap();
    }
    head.headers = some_headers(source)?;
    let (length, pieces, trailers) = match status.as_u16() {
        204 | 205 => (BodyLength::Empty, Vec::new(), Headers::new()),
        _ => body(source)?,
    };
    Ok(Message { head, length, pieces, trailers })
}

/// The fields before those that the codec has added.
fn assert_headers(received: &Headers, sent: &Headers) {
    let received_first: Vec<_> = received.iter().take(sent.len()).collect();
    assert_eq!(received_first, sent.iter().collect::<Vec<_>>());
    for (name, _) in received.iter().skip(sent.len()) {
        let name = name.as_str().to_lowercase();
        assert!(["content-length", "transfer-encoding", "connection"].contains(&&*name), "{name}");
    }
}

/// Reads one request from the wire in the given pieces.
fn receive_request(server: &mut Server, wire: &[u8], sizes: &[usize], sent: &Message<RequestHead>) {
    let (mut body, mut trailers, mut ends) = (Vec::new(), Headers::new(), 0);
    for piece in cut(wire, sizes) {
        let mut input = piece;
        while let Some(part) = server.next(&mut input).unwrap() {
            match part {
                RequestPart::Head(head) => {
                    assert_eq!(
                        (&head.method, &head.target),
                        (&sent.head.method, &sent.head.target)
                    );
                    assert_headers(&head.headers, &sent.head.headers);
                }
                RequestPart::Body(bytes) => body.extend_from_slice(bytes),
                RequestPart::Trailers(fields) => trailers = fields,
                RequestPart::End => ends += 1,
            }
        }
        assert!(input.is_empty());
    }
    assert_eq!((body, &trailers, ends), (sent.body(), &sent.trailers, 1));
}

fn receive_response(
    client: &mut Client,
    wire: &[u8],
    sizes: &[usize],
    sent: &Message<ResponseHead>,
    has_body: bool,
) {
    let (mut body, mut trailers, mut ends) = (Vec::new(), Headers::new(), 0);
    for piece in cut(wire, sizes) {
        let mut input = piece;
        while let Some(part) = client.next(&mut input).unwrap() {
            match part {
                ResponsePart::Head(head) => {
                    assert_eq!((head.status, &head.reason), (sent.head.status, &sent.head.reason));
                    assert_headers(&head.headers, &sent.head.headers);
                }
                ResponsePart::Body(bytes) => body.extend_from_slice(bytes),
                ResponsePart::Trailers(fields) => trailers = fields,
                ResponsePart::End => ends += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(input.is_empty());
    }
    let expected = match has_body {
        true => (sent.body(), &sent.trailers),
        false => (Vec::new(), &Headers::new()),
    };
    assert_eq!((body, &trailers, ends), (expected.0, expected.1, 1));
}

#[test]
fn random_exchanges_arrive_as_they_were_sent() {
    arbtest::arbtest(|source| {
        let mut client = Client::new(HttpLimits::default());
        let mut server = Server::new(HttpLimits::default());
        for _ in 0..source.int_in_range(1..=3)? {
            let sizes: Vec<usize> =
                (0..4).map(|_| source.int_in_range(0..=40)).collect::<arbitrary::Result<_>>()?;

            let request = some_request(source)?;
            let mut wire = Vec::new();
            client.send_head(&request.head, request.length, &mut wire).unwrap();
            for piece in &request.pieces {
                client.send_body(piece, &mut wire).unwrap();
            }
            client.finish_with_trailers(&request.trailers, &mut wire).unwrap();
            receive_request(&mut server, &wire, &sizes, &request);

            let response = some_response(source)?;
            let mut wire = Vec::new();
            server.send_head(&response.head, response.length, &mut wire).unwrap();
            for piece in &response.pieces {
                server.send_body(piece, &mut wire).unwrap();
            }
            server.finish_with_trailers(&response.trailers, &mut wire).unwrap();
            let has_body =
                request.head.method != Method::HEAD && response.head.status.as_u16() != 304;
            receive_response(&mut client, &wire, &sizes, &response, has_body);

            assert!(client.is_reusable() && server.is_reusable());
        }
        Ok(())
    })
    .budget_ms(4000);
}

#[test]
fn checked_text_is_all_that_reaches_the_wire() {
    // Any text that a constructor lets through stays in its line: the server sees the same fields,
    // and nothing after them.
    arbtest::arbtest(|source| {
        let mut head = RequestHead::new(Method::GET, Target::new("/").unwrap());
        head.headers.append("Host", "a").unwrap();
        let name: Vec<u8> = source.arbitrary()?;
        let value: Vec<u8> = source.arbitrary()?;
        let (Ok(target), Ok(name)) = (core::str::from_utf8(&value), core::str::from_utf8(&name))
        else {
            return Ok(());
        };
        let _ = Target::new(target).map(|target| head.target = target);
        let _ = Method::new(name).map(|method| head.method = method);
        let _ = head.headers.append(format!("x-{name}"), &value);
        let mut wire = Vec::new();
        let mut client = Client::new(HttpLimits::default());
        if client.send_head(&head, BodyLength::Empty, &mut wire).is_err() {
            return Ok(());
        }
        let mut input = &wire[..];
        let mut server = Server::new(HttpLimits::default());
        let Some(RequestPart::Head(received)) = server.next(&mut input).unwrap() else {
            panic!("no head in {}", wire.escape_ascii());
        };
        assert_eq!((&received.method, &received.target), (&head.method, &head.target));
        assert_headers(&received.headers, &head.headers);
        assert_eq!(server.next(&mut input), Ok(Some(RequestPart::End)));
        assert!(input.is_empty());
        Ok(())
    })
    .budget_ms(1000);
}
