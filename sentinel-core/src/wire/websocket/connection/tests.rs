//! Frames of every kind, honest and not, in pieces of every size.

use std::format;
use std::string::{String, ToString};
use std::vec;

use arbtest::arbtest;

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a connection said, owned.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Error(WebSocketError),
}

fn feed(connection: &mut Connection, mut input: &[u8], said: &mut Vec<Said>) {
    loop {
        said.push(match connection.next(&mut input) {
            Ok(None) => break,
            Ok(Some(Event::Text(text))) => Said::Text(text.into()),
            Ok(Some(Event::Binary(bytes))) => Said::Binary(bytes.into()),
            Ok(Some(Event::Ping(bytes))) => Said::Ping(bytes.into()),
            Ok(Some(Event::Pong(bytes))) => Said::Pong(bytes.into()),
            Ok(Some(Event::Close(close))) => {
                Said::Close(close.map(|close| (close.code.as_u16(), close.reason.into())))
            }
            Err(error) => {
                if said.last() != Some(&Said::Error(error)) {
                    said.push(Said::Error(error));
                }
                return;
            }
        });
    }
    assert!(input.is_empty());
}

fn read(role: Role, bytes: &[u8]) -> Vec<Said> {
    let mut said = Vec::new();
    feed(&mut Connection::new(role, 1 << 20), bytes, &mut said);
    said
}

fn kind(role: Role, bytes: &[u8]) -> (Kind, u64) {
    let said = read(role, bytes);
    let Some(Said::Error(error)) = said.last() else { panic!("{said:?}") };
    (error.kind(), error.offset())
}

/// RFC 6455 §5.7.
#[test]
fn the_examples_of_the_standard() {
    let hello = || vec![Said::Text("Hello".into())];
    assert_eq!(read(Role::Client, b"\x81\x05Hello"), hello());
    assert_eq!(
        read(Role::Server, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        hello(),
        "masked"
    );
    assert_eq!(read(Role::Client, b"\x01\x03Hel\x80\x02lo"), hello(), "in fragments");
    assert_eq!(read(Role::Client, b"\x89\x05Hello"), [Said::Ping(b"Hello".into())]);
    assert_eq!(
        read(Role::Server, b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        [Said::Pong(b"Hello".into())]
    );
    let medium = [&[0x82, 0x7e, 0x01, 0x00][..], &[7; 256]].concat();
    assert_eq!(read(Role::Client, &medium), [Said::Binary(vec![7; 256])]);
    let long = [&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65536]].concat();
    assert_eq!(read(Role::Client, &long), [Said::Binary(vec![7; 65536])]);

    let mut out = Vec::new();
    let mut client = Connection::new(Role::Client, 0);
    client.send(Message::Text("Hello"), MASK, &mut out).unwrap();
    assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    out.clear();
    let mut server = Connection::new(Role::Server, 0);
    server.send_part(Message::Text("Hel"), false, MASK, &mut out).unwrap();
    server.send_part(Message::Text("lo"), true, MASK, &mut out).unwrap();
    assert_eq!(out, b"\x01\x03Hel\x80\x02lo");
    out.clear();
    server.send(Message::Binary(&[7; 65536]), MASK, &mut out).unwrap();
    assert_eq!(out, long);
}

#[test]
fn each_end_masks_as_it_must() {
    assert_eq!(kind(Role::Server, b"\x81\x00"), (Kind::NotMasked, 0));
    assert_eq!(kind(Role::Client, b"\x81\x80\x00\x00\x00\x00"), (Kind::Masked, 0));
    assert_eq!(kind(Role::Client, b"\x89\x00\x89\x80\x00\x00\x00\x00"), (Kind::Masked, 2));
}

#[test]
fn every_rule_of_a_sequence() {
    for (bytes, expected) in [
        (&b"\x80\x00"[..], (Kind::UnexpectedContinuation, 0)),
        (b"\x01\x01a\x80\x01b\x80\x00", (Kind::UnexpectedContinuation, 6)),
        (b"\x01\x01a\x81\x01b", (Kind::UnexpectedMessage, 3)),
        (b"\x02\x01a\x89\x00\x02\x01b", (Kind::UnexpectedMessage, 5)),
        (b"\x81\x00\x83\x00", (Kind::ReservedOpcode, 2)),
        (b"\x88\x01\x03", (Kind::CloseTooShort, 0)),
        (b"\x88\x02\x03\xed", (Kind::InvalidCloseCode, 0)),
        (b"\x88\x02\x00\x00", (Kind::InvalidCloseCode, 0)),
        (b"\x88\x03\x03\xe8\xff", (Kind::InvalidReason, 0)),
        (b"\x88\x03\x03\xe8\xc3", (Kind::InvalidReason, 0)),
    ] {
        assert_eq!(kind(Role::Client, bytes), expected, "{bytes:x?}");
    }
    assert_eq!(
        read(Role::Client, b"\x01\x01a\x89\x01p\x00\x00\x8a\x00\x80\x01b"),
        [Said::Ping(b"p".into()), Said::Pong(vec![]), Said::Text("ab".into())],
        "control frames stand between fragments"
    );
    assert_eq!(read(Role::Client, b"\x88\x00"), [Said::Close(None)]);
    assert_eq!(
        read(Role::Client, b"\x88\x05\x0f\xa0bye\x83\x00nonsense"),
        [Said::Close(Some((4000, "bye".into())))],
        "what follows is not looked at"
    );
}

#[test]
fn text_is_utf8_over_fragments_and_spoiled_at_once() {
    assert_eq!(
        read(Role::Client, b"\x01\x01\xc3\x00\x00\x80\x01\xa4"),
        [Said::Text("ä".into())],
        "a character in two fragments"
    );
    for (bytes, offset) in [
        (&b"\x81\x01\xff"[..], 0),
        (b"\x81\x01\xc3", 0),
        (b"\x01\x01\xc3\x80\x01b", 3),
        (b"\x01\x01\xc3\x80\x00", 3),
        // Surrogates, overlong forms, and what is beyond the last character.
        (b"\x81\x03\xed\xa0\x80", 0),
        (b"\x81\x02\xc0\x80", 0),
        (b"\x81\x04\xf4\x90\x80\x80", 0),
        // The rest of these frames never comes.
        (b"\x81\x7e\xff\xff\xff", 0),
        (b"\x01\x02ab\x80\x7e\xff\xff\xf4\x90", 4),
    ] {
        assert_eq!(kind(Role::Client, bytes), (Kind::InvalidText, offset), "{bytes:x?}");
    }
    assert_eq!(read(Role::Client, b"\x82\x01\xff"), [Said::Binary(vec![255])]);
}

#[test]
fn a_message_has_a_bound_over_all_its_fragments() {
    let read = |bytes: &[u8]| {
        let mut said = Vec::new();
        feed(&mut Connection::new(Role::Client, 4), bytes, &mut said);
        said
    };
    assert_eq!(read(b"\x82\x04abcd\x82\x04abcd").len(), 2);
    assert_eq!(read(b"\x02\x02ab\x80\x02cd"), [Said::Binary(b"abcd".into())]);
    for (bytes, offset) in [(&b"\x82\x05"[..], 0), (b"\x02\x02ab\x80\x03", 4)] {
        let Said::Error(error) = read(bytes)[0].clone() else { panic!() };
        assert_eq!((error.kind(), error.offset()), (Kind::MessageTooLong, offset));
        assert_eq!(error.close_code(), CloseCode::TOO_LARGE);
    }
    assert_eq!(read(b"\x89\x05abcde").len(), 1, "control frames have their own");
    assert_eq!(read(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff").len(), 1, "nothing is reserved");
}

#[test]
fn the_memory_of_a_long_message_is_given_back() {
    let mut connection = Connection::new(Role::Server, 1 << 20);
    let mut bytes = Vec::new();
    let mut peer = Connection::new(Role::Client, 0);
    peer.send(Message::Binary(&[1; 1 << 20]), MASK, &mut bytes).unwrap();
    peer.send(Message::Binary(&[1; 10]), MASK, &mut bytes).unwrap();
    let mut input = bytes.as_slice();
    assert!(matches!(connection.next(&mut input), Ok(Some(Event::Binary(message)))
        if message.len() == 1 << 20));
    assert!(matches!(connection.next(&mut input), Ok(Some(Event::Binary([1, ..])))));
    assert!(connection.receiver.capacity() <= 64 * 1024);
}

#[test]
fn a_whole_message_is_borrowed_from_the_input() {
    let input = b"\x81\x05Hello\x82\x02ab";
    let mut rest = &input[..];
    let mut connection = Connection::new(Role::Client, 100);
    let Ok(Some(Event::Text(text))) = connection.next(&mut rest) else { panic!() };
    assert!(core::ptr::eq(text.as_bytes(), &input[2..7]));
    let Ok(Some(Event::Binary(bytes))) = connection.next(&mut rest) else { panic!() };
    assert!(core::ptr::eq(bytes, &input[9..]));
}

#[test]
fn a_ping_is_answered_once_and_the_last_one_of_many() {
    let mut connection = Connection::new(Role::Server, 100);
    let mut said = Vec::new();
    let ping = |payload: &[u8]| {
        let mut out = Vec::new();
        Connection::new(Role::Client, 0).ping(payload, MASK, &mut out).unwrap();
        out
    };
    feed(&mut connection, &[ping(b"one"), ping(b"two")].concat(), &mut said);
    let mut out = Vec::new();
    assert!(connection.answer(MASK, &mut out));
    assert!(!connection.answer(MASK, &mut out));
    assert_eq!(out, b"\x8a\x03two");
    feed(&mut connection, &ping(&[b'x'; 125]), &mut said);
    out.clear();
    connection.close(CloseCode::NORMAL, "", MASK, &mut out).unwrap();
    assert!(!connection.answer(MASK, &mut out), "nothing follows a close frame");
    assert_eq!(out, b"\x88\x02\x03\xe8");
    feed(&mut connection, &ping(b"more"), &mut said);
    assert!(!connection.answer(MASK, &mut out));
    assert_eq!(said.len(), 4);
}

#[test]
fn closing_from_either_end_ends_at_both() {
    for starts in [Role::Client, Role::Server] {
        let (mut one, mut other) = match starts {
            Role::Client => (Connection::new(Role::Client, 9), Connection::new(Role::Server, 9)),
            Role::Server => (Connection::new(Role::Server, 9), Connection::new(Role::Client, 9)),
        };
        let (mut out, mut back, mut said) = (Vec::new(), Vec::new(), Vec::new());
        one.close(CloseCode::new(4001).unwrap(), "reason", MASK, &mut out).unwrap();
        assert!(!one.is_open() && !one.is_done());
        let refused = one.send(Message::Text("more"), MASK, &mut out).unwrap_err();
        assert_eq!((refused.kind(), refused.is_misuse()), (Kind::Closed, true));
        assert_eq!(one.ping(b"", MASK, &mut out), Err(refused));
        assert_eq!(one.close(CloseCode::NORMAL, "", MASK, &mut out), Err(refused));
        feed(&mut other, &out, &mut said);
        assert_eq!(said, [Said::Close(Some((4001, "reason".into())))]);
        assert!(other.is_peer_closed() && other.is_open());
        other.send(Message::Text("last"), MASK, &mut back).unwrap();
        assert!(other.answer(MASK, &mut back) && other.is_done());
        assert!(!other.answer(MASK, &mut back));
        said.clear();
        feed(&mut one, &back, &mut said);
        assert_eq!(said, [Said::Text("last".into()), Said::Close(Some((4001, String::new())))]);
        assert!(one.is_done() && !one.answer(MASK, &mut out));
        assert_eq!((one.end_of_input(), other.end_of_input()), (Ok(()), Ok(())));
    }
    let mut silent = Connection::new(Role::Client, 9);
    let mut out = Vec::new();
    feed(&mut silent, b"\x88\x00", &mut Vec::new());
    assert!(silent.answer(MASK, &mut out));
    assert_eq!(out, [&b"\x88\x80"[..], &MASK].concat(), "no code comes back for none");
}

#[test]
fn a_failure_is_told_once_and_is_final() {
    let mut connection = Connection::new(Role::Client, 9);
    let error = connection.next(&mut &b"\x81\x01\xff"[..]).unwrap_err();
    let mut out = Vec::new();
    connection.fail(error, [0; 4], &mut out);
    connection.fail(error, [0; 4], &mut out);
    let payload = [&1007_u16.to_be_bytes()[..], b"text that is not UTF-8"].concat();
    assert_eq!(out, [&[0x88, 0x80 | 24, 0, 0, 0, 0][..], &payload].concat());
    assert!(connection.is_done());
    assert_eq!(connection.next(&mut &b"\x81\x00"[..]), Err(error));
    assert_eq!(connection.end_of_input(), Err(error));

    let mut cut = Connection::new(Role::Client, 9);
    feed(&mut cut, b"\x81\x05He", &mut Vec::new());
    let error = cut.end_of_input().unwrap_err();
    assert_eq!(error.to_string(), "connection ended without a close frame, at byte 4");
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut connection = Connection::new(Role::Client, 9);
    let mut out = Vec::new();
    let kind = |result: Result<(), WebSocketError>| result.unwrap_err().kind();
    assert_eq!(kind(connection.ping(&[0; 126], MASK, &mut out)), Kind::ControlTooLong);
    let long = "x".repeat(124);
    assert_eq!(
        kind(connection.close(CloseCode::NORMAL, &long, MASK, &mut out)),
        Kind::ControlTooLong
    );
    assert!(connection.is_open() && out.is_empty());
    connection.send_part(Message::Text("a"), false, MASK, &mut out).unwrap();
    let sent = out.len();
    assert_eq!(kind(connection.send(Message::Text("b"), MASK, &mut out)), Kind::MessageInProgress);
    assert_eq!(
        kind(connection.send_part(Message::Binary(b"b"), true, MASK, &mut out)),
        Kind::MessageInProgress
    );
    assert_eq!(out.len(), sent);
    connection.pong(b"between", MASK, &mut out).unwrap();
    connection.send_part(Message::Text("b"), true, MASK, &mut out).unwrap();
    connection.close(CloseCode::NORMAL, &"x".repeat(123), MASK, &mut out).unwrap();
    let said = read(Role::Server, &out);
    assert_eq!(said[..2], [Said::Pong(b"between".into()), Said::Text("ab".into())]);
}

#[test]
fn connections_show_no_payload() {
    let mut connection = Connection::new(Role::Client, 99);
    feed(&mut connection, b"\x01\x06secret", &mut Vec::new());
    let shown = format!("{connection:?}");
    assert!(shown.contains("Client") && !shown.contains("secret") && !shown.contains("115"));
}

/// A stream with every kind of frame, cut in two and three everywhere.
#[test]
fn every_split_gives_the_same_events() {
    let mut streams = vec![
        b"\x81\x05Hello\x01\x02\xc3\xa4\x89\x03abc\x00\x01\xe2\x80\x02\x82\xac\
            \x82\x00\x88\x04\x03\xe8ok"
            .to_vec(),
        b"\x81\x02ab\x01\x04a\xc3\x28b".to_vec(),
        b"\x82\x7e\x00\x80".iter().copied().chain([9; 128]).chain(*b"\x8a\x02hi\x90\x00").collect(),
    ];
    let mut masked = Vec::new();
    let mut peer = Connection::new(Role::Client, 0);
    peer.send(Message::Text("Grüße"), MASK, &mut masked).unwrap();
    peer.ping(b"0123456789", [1, 2, 3, 4], &mut masked).unwrap();
    peer.send_part(Message::Text("€"), false, [5, 6, 7, 8], &mut masked).unwrap();
    peer.send_part(Message::Text("uro"), true, [5, 6, 7, 8], &mut masked).unwrap();
    peer.close(CloseCode::NORMAL, "done", MASK, &mut masked).unwrap();
    streams.push(masked);
    for (index, stream) in streams.iter().enumerate() {
        let role = if index == 3 { Role::Server } else { Role::Client };
        let whole = read(role, stream);
        for one in 0..=stream.len() {
            for other in one..=stream.len() {
                let mut connection = Connection::new(role, 1 << 20);
                let mut said = Vec::new();
                for part in [&stream[..one], &stream[one..other], &stream[other..]] {
                    feed(&mut connection, part, &mut said);
                }
                assert_eq!(said, whole, "{index}: {one} {other}");
            }
        }
        let mut connection = Connection::new(role, 1 << 20);
        let mut said = Vec::new();
        stream.chunks(1).for_each(|byte| feed(&mut connection, byte, &mut said));
        assert_eq!(said, whole);
    }
}

/// What is written by one end, in any fragments and pieces, is read by the other.
#[test]
fn what_is_written_is_read() {
    arbtest(|u| {
        let is_client: bool = u.arbitrary()?;
        let (from, to) = match is_client {
            true => (Role::Client, Role::Server),
            false => (Role::Server, Role::Client),
        };
        let mut sender = Connection::new(from, 0);
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        while !u.is_empty() && expected.len() < 20 {
            match u.int_in_range(0..=3)? {
                0 => {
                    let text: String = u.arbitrary()?;
                    let parts: Vec<char> = text.chars().collect();
                    let size = u.int_in_range(1..=8)?;
                    let mut chunks = parts.chunks(size).peekable();
                    while let Some(chunk) = chunks.next() {
                        let part: String = chunk.iter().collect();
                        let is_last = chunks.peek().is_none();
                        let part = Message::Text(&part);
                        sender.send_part(part, is_last, u.arbitrary()?, &mut bytes).unwrap();
                        if u.ratio(1, 4)? && !u.is_empty() {
                            sender.ping(b"p", u.arbitrary()?, &mut bytes).unwrap();
                            expected.push(Said::Ping(b"p".into()));
                            // A ping that follows the last part is read after the message.
                            if is_last {
                                let ping = expected.len() - 1;
                                expected.insert(ping, Said::Text(text.clone()));
                            }
                        } else if is_last {
                            expected.push(Said::Text(text.clone()));
                        }
                    }
                }
                1 => {
                    let data: Vec<u8> = u.arbitrary()?;
                    sender.send(Message::Binary(&data), u.arbitrary()?, &mut bytes).unwrap();
                    expected.push(Said::Binary(data));
                }
                2 => {
                    sender.pong(&[1, 2], u.arbitrary()?, &mut bytes).unwrap();
                    expected.push(Said::Pong(vec![1, 2]));
                }
                _ => {
                    let data = vec![u.arbitrary()?; u.int_in_range(100..=70_000)?];
                    sender.send(Message::Binary(&data), u.arbitrary()?, &mut bytes).unwrap();
                    expected.push(Said::Binary(data));
                }
            }
        }
        let mut receiver = Connection::new(to, 1 << 20);
        let mut said = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let size = u.int_in_range(1..=rest.len())?;
            let (piece, tail) = rest.split_at(size);
            feed(&mut receiver, piece, &mut said);
            rest = tail;
        }
        assert_eq!(said, expected);
        Ok(())
    });
}

/// Any bytes in any pieces: the same events, and never a panic.
#[test]
fn any_bytes_give_the_same_in_any_pieces() {
    arbtest(|u| {
        let role = if u.arbitrary()? { Role::Client } else { Role::Server };
        let starts: [u8; 8] = [0x81, 0x01, 0x80, 0x00, 0x82, 0x89, 0x88, 0x8a];
        let mut bytes = Vec::new();
        while !u.is_empty() && bytes.len() < 300 {
            if u.ratio(1, 8)? && !u.is_empty() {
                bytes.push(u.arbitrary()?);
                continue;
            }
            let length = u.int_in_range(0..=9_u8)?;
            let mask = if role == Role::Server { 0x80 } else { 0 };
            bytes.extend_from_slice(&[*u.choose(&starts)?, length | mask]);
            bytes.extend_from_slice(if mask == 0 { &[] } else { &[0; 4] });
            for _ in 0..length {
                bytes.push(*u.choose(b"ab\xc3\xa4\x03\xe8")?);
            }
        }
        let whole = {
            let mut said = Vec::new();
            feed(&mut Connection::new(role, 16), &bytes, &mut said);
            said
        };
        let mut connection = Connection::new(role, 16);
        let mut said = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(u.int_in_range(1..=rest.len())?);
            feed(&mut connection, piece, &mut said);
            rest = tail;
        }
        assert_eq!(said, whole);
        Ok(())
    });
}
