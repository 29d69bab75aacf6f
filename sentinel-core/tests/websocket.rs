//! WebSocket with a second opinion: `tungstenite` at the other end, in memory.
//!
//! Goal: what is written here is read there and the other way round, and whatever frames are
//! accepted here are accepted there with the same reading.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use arbitrary::Unstructured;
use arbtest::arbtest;
use sentinel_core::wire::http::{
    BodyLength, Client, HttpLimits, Method, RequestHead, RequestPart, ResponsePart, Server, Target,
};
use sentinel_core::wire::websocket::{CloseCode, Connection, Event, Message, Offer, Request, Role};
use tungstenite::handshake::HandshakeRole;
use tungstenite::handshake::server::{Request as TheirRequest, Response as TheirResponse};
use tungstenite::{HandshakeError, WebSocket};

/// A socket without a network: what is to be read, and what was written.
#[derive(Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.incoming.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message or control frame, whoever read it.
#[derive(Debug, PartialEq)]
enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// What we read.
fn ours(connection: &mut Connection, mut input: &[u8]) -> Result<Vec<Said>, String> {
    let mut said = Vec::new();
    while let Some(event) = connection.next(&mut input).map_err(|error| error.to_string())? {
        said.push(match event {
            Event::Text(text) => Said::Text(text.into()),
            Event::Binary(bytes) => Said::Binary(bytes.into()),
            Event::Ping(bytes) => Said::Ping(bytes.into()),
            Event::Pong(bytes) => Said::Pong(bytes.into()),
            Event::Close(close) => {
                Said::Close(close.map(|close| (close.code.as_u16(), close.reason.into())))
            }
        });
    }
    Ok(said)
}

/// What they read.
fn theirs(socket: &mut WebSocket<Pipe>, input: &[u8]) -> Result<Vec<Said>, String> {
    socket.get_mut().incoming.extend(input);
    let mut said = Vec::new();
    loop {
        said.push(match socket.read() {
            Ok(tungstenite::Message::Text(text)) => Said::Text(text.as_str().into()),
            Ok(tungstenite::Message::Binary(bytes)) => Said::Binary(bytes.into()),
            Ok(tungstenite::Message::Ping(bytes)) => Said::Ping(bytes.into()),
            Ok(tungstenite::Message::Pong(bytes)) => Said::Pong(bytes.into()),
            Ok(tungstenite::Message::Close(close)) => {
                let close = close.map(|close| (close.code.into(), close.reason.as_str().into()));
                said.push(Said::Close(close));
                return Ok(said);
            }
            Ok(tungstenite::Message::Frame(_)) => panic!("raw frames are not read"),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(said);
            }
            Err(error) => return Err(error.to_string()),
        });
    }
}

/// Goes on with a handshake as far as what came allows.
fn interrupted<R: HandshakeRole<InternalStream = Pipe>>(
    result: Result<R::FinalResult, HandshakeError<R>>,
) -> Result<R::FinalResult, tungstenite::handshake::MidHandshake<R>> {
    match result {
        Ok(done) => Ok(done),
        Err(HandshakeError::Interrupted(middle)) => Err(middle),
        Err(HandshakeError::Failure(error)) => panic!("{error}"),
    }
}

/// Our client and their server, after the handshake.
fn our_client() -> (Connection, WebSocket<Pipe>) {
    let offer = Offer::new([7; 16]).with_protocol("a").unwrap().with_protocol("b").unwrap();
    let mut head = RequestHead::new(Method::GET, Target::new("/socket").unwrap());
    head.headers.append("Host", "localhost").unwrap();
    offer.add_to(&mut head.headers).unwrap();
    let mut client = Client::new(HttpLimits::default());
    let mut bytes = Vec::new();
    client.send_head(&head, BodyLength::Empty, &mut bytes).unwrap();
    let pipe = Pipe { incoming: bytes.into(), outgoing: Vec::new() };
    #[allow(clippy::result_large_err, reason = "their signature")]
    let choose = |request: &TheirRequest, mut response: TheirResponse| {
        assert_eq!(request.headers()["sec-websocket-protocol"], "a, b");
        response.headers_mut().insert("sec-websocket-protocol", "b".parse().unwrap());
        Ok(response)
    };
    let mut socket = tungstenite::accept_hdr(pipe, choose).ok().unwrap();
    let answer = std::mem::take(&mut socket.get_mut().outgoing);
    let mut input = answer.as_slice();
    let Ok(Some(ResponsePart::Upgraded(head))) = client.next(&mut input) else { panic!() };
    assert_eq!(offer.check(&head), Ok(Some("b")));
    assert!(input.is_empty());
    (Connection::new(Role::Client, 1 << 20), socket)
}

/// Our server and their client, after the handshake.
fn our_server() -> (Connection, WebSocket<Pipe>) {
    let begun = tungstenite::client("ws://localhost/socket", Pipe::default());
    let Err(mut middle) = interrupted(begun) else { panic!("nobody answered") };
    let request = std::mem::take(&mut middle.get_mut().get_mut().outgoing);
    let mut server = Server::new(HttpLimits::default());
    let mut input = request.as_slice();
    let Ok(Some(RequestPart::Head(head))) = server.next(&mut input) else { panic!() };
    assert_eq!(server.next(&mut input), Ok(Some(RequestPart::End)));
    let answer = Request::read(&head).unwrap().accept(None).unwrap();
    let mut bytes = Vec::new();
    server.upgrade(&answer, &mut bytes).unwrap();
    middle.get_mut().get_mut().incoming.extend(bytes);
    let Ok((socket, _)) = interrupted(middle.handshake()) else { panic!("all was said") };
    (Connection::new(Role::Server, 1 << 20), socket)
}

#[test]
fn handshakes_and_closes_are_understood_both_ways() {
    for (mut own, mut peer) in [our_client(), our_server()] {
        let mut bytes = Vec::new();
        own.send(Message::Text("Grüße"), [1, 2, 3, 4], &mut bytes).unwrap();
        own.ping(b"?", [1, 2, 3, 4], &mut bytes).unwrap();
        let said = theirs(&mut peer, &bytes).unwrap();
        assert_eq!(said, [Said::Text("Grüße".into()), Said::Ping(b"?".into())]);
        peer.send(tungstenite::Message::text("zurück")).unwrap();
        let back = std::mem::take(&mut peer.get_mut().outgoing);
        let said = ours(&mut own, &back).unwrap();
        assert_eq!(said, [Said::Pong(b"?".into()), Said::Text("zurück".into())]);

        bytes.clear();
        own.close(CloseCode::new(4321).unwrap(), "genug", [5, 6, 7, 8], &mut bytes).unwrap();
        let said = theirs(&mut peer, &bytes).unwrap();
        assert_eq!(said, [Said::Close(Some((4321, "genug".into())))]);
        let _ = peer.flush();
        let back = std::mem::take(&mut peer.get_mut().outgoing);
        assert!(matches!(ours(&mut own, &back).unwrap()[..], [Said::Close(Some((4321, _)))]));
        assert!(own.is_done());
    }
}

#[test]
fn a_close_of_theirs_is_answered() {
    for (mut own, mut peer) in [our_client(), our_server()] {
        peer.close(None).unwrap();
        let bytes = std::mem::take(&mut peer.get_mut().outgoing);
        assert_eq!(ours(&mut own, &bytes).unwrap(), [Said::Close(None)]);
        let mut answer = Vec::new();
        assert!(own.answer([1, 2, 3, 4], &mut answer));
        peer.get_mut().incoming.extend(answer);
        while peer.read().is_ok() {}
        assert!(!peer.can_write() && own.is_done());
    }
}

/// Messages of any kind and size, in fragments and pieces, from us to them and back.
#[test]
fn messages_are_understood_both_ways() {
    arbtest(|u| {
        let (role, other) = match u.arbitrary()? {
            true => (Role::Client, tungstenite::protocol::Role::Server),
            false => (Role::Server, tungstenite::protocol::Role::Client),
        };
        let mut own = Connection::new(role, 1 << 20);
        let mut peer = WebSocket::from_raw_socket(Pipe::default(), other, None);
        while !u.is_empty() {
            let text: String = u.arbitrary()?;
            let data = vec![u.arbitrary()?; u.int_in_range(0..=70_000)?];
            let mut bytes = Vec::new();
            let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |at| at.0);
            let (start, end) = text.split_at(middle);
            own.send_part(Message::Text(start), false, u.arbitrary()?, &mut bytes).unwrap();
            own.pong(b"life", u.arbitrary()?, &mut bytes).unwrap();
            own.send_part(Message::Text(end), true, u.arbitrary()?, &mut bytes).unwrap();
            own.send(Message::Binary(&data), u.arbitrary()?, &mut bytes).unwrap();
            let expected = |text: String, data| [Said::Text(text), Said::Binary(data)];
            let mut said = theirs(&mut peer, &bytes).unwrap();
            assert_eq!(said.remove(0), Said::Pong(b"life".into()));
            assert_eq!(said, expected(text.clone(), data.clone()));

            peer.send(tungstenite::Message::text(text.clone())).unwrap();
            peer.send(tungstenite::Message::binary(data.clone())).unwrap();
            let back = std::mem::take(&mut peer.get_mut().outgoing);
            let mut said = Vec::new();
            for piece in back.chunks(u.int_in_range(1..=back.len())?) {
                said.extend(ours(&mut own, piece).unwrap());
            }
            assert_eq!(said, expected(text, data));
        }
        Ok(())
    });
}

/// Frames of all kinds, most of them wrong: what is accepted here is accepted there with the same
/// reading. The other way round does not hold: lengths longer than need be are accepted there.
#[test]
fn what_is_accepted_here_is_accepted_there() {
    let mut accepted_count = 0;
    // A fixed number of streams, so that the count below says the same on every machine.
    for seed in 1..=3000 {
        accepted_count += usize::from(agree(&mut Unstructured::new(&noise(seed))).unwrap());
    }
    assert!(accepted_count > 1000, "too few good ones to say anything: {accepted_count}");
}

/// Bytes that look random.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..400).map(|_| next()).collect()
}

/// Makes up a stream, and says whether it was accepted, and said something.
fn agree(u: &mut Unstructured<'_>) -> arbitrary::Result<bool> {
    let is_client: bool = u.arbitrary()?;
    let mut bytes = Vec::new();
    let mut is_inside = false;
    for _ in 0..u.int_in_range(1..=8)? {
        let good: &[u8] =
            if is_inside { &[0, 0x80, 0x89, 0x8a] } else { &[0x81, 0x82, 1, 2, 0x89, 0x88] };
        let bad = [0x81, 0x01, 0x80, 0x00, 0x83, 0xc1, 0x09, 0x8b];
        let is_good = u.int_in_range(0..=15)? > 0;
        let first = if is_good { *u.choose(good)? } else { *u.choose(&bad)? };
        is_inside = if first & 8 == 0 { first & 0x80 == 0 } else { is_inside };
        let units: &[&[u8]] =
            &[b"a", "ä".as_bytes(), "€".as_bytes(), "🦀".as_bytes(), b"\x03\xe8", b"\x80"];
        // Bytes that are no text are good in binary messages, and in a close frame once.
        let last = if is_good && first & 0xf != 2 { 4 } else { units.len() };
        let mut payload = if first == 0x88 { vec![0x0f, 0xa0] } else { Vec::new() };
        for _ in 0..u.int_in_range(0..=4)? {
            payload.extend_from_slice(u.choose(&units[..last])?);
        }
        let is_masked = if u.int_in_range(0..=30)? == 0 { is_client } else { !is_client };
        bytes.extend_from_slice(&[first, payload.len() as u8 | u8::from(is_masked) << 7]);
        if is_masked {
            bytes.extend_from_slice(&[0; 4]);
        }
        bytes.extend(payload);
    }
    let (role, same) = match is_client {
        true => (Role::Client, tungstenite::protocol::Role::Client),
        false => (Role::Server, tungstenite::protocol::Role::Server),
    };
    if let Ok(said) = ours(&mut Connection::new(role, 1 << 20), &bytes) {
        let mut peer = WebSocket::from_raw_socket(Pipe::default(), same, None);
        assert_eq!(theirs(&mut peer, &bytes).as_ref(), Ok(&said), "{bytes:x?}");
        return Ok(!said.is_empty());
    }
    Ok(false)
}
