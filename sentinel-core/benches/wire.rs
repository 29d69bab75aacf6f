//! Connections beside HTTP: WebSocket frames and DNS messages.

use std::hint::black_box;
use std::io::{self, Read, Write};

use sentinel_core::wire::dns::{Answer, Hosts, Name, Question, RecordKind};
use sentinel_core::wire::websocket::{Connection, Event, Message, Role};
use tungstenite::protocol::{Role as TheirRole, WebSocket, WebSocketConfig};

use crate::counting::allocations;
use crate::race::{Contender, rows, title};

/// From the bytes of a connection to its messages, at both ends, with `tungstenite` as the peer.
/// Both get all input at once, from memory.
pub(crate) fn frames(filter: &str) -> bool {
    if !title(filter, "WebSocket frames to messages") {
        return true;
    }
    let mut is_reached = true;
    for (label, size, is_text) in [
        ("text of 300 bytes, as a chat platform sends", 300, true),
        ("text of 16 KiB", 16 << 10, true),
        ("binary of 1 MiB", 1 << 20, false),
    ] {
        for (role, other, their_role) in [
            (Role::Client, Role::Server, TheirRole::Client),
            (Role::Server, Role::Client, TheirRole::Server),
        ] {
            // Bytes that are not masked are borrowed unread: there is nothing to time.
            if role == Role::Client && !is_text {
                continue;
            }
            let stream = stream(other, size, is_text);
            let name = format!("{label}, read by a {role:?}");
            let contenders: Vec<Contender<'_>> = vec![
                ("whole", Box::new(|| ours(role, &stream, stream.len()))),
                ("16 KiB pieces", Box::new(|| ours(role, &stream, 16 << 10))),
                ("1400-byte pieces", Box::new(|| ours(role, &stream, 1400))),
                ("tungstenite", Box::new(|| theirs(their_role, &stream))),
            ];
            is_reached &= rows(&name, stream.len(), contenders, None);
            if role == Role::Client {
                let count = allocations(|| assert!(ours(role, &stream, stream.len()) > 0));
                println!("  {count} allocations whole");
            }
        }
    }
    is_reached
}

/// Responses as resolvers send them, and a table of 100,000 hosts.
pub(crate) fn names(filter: &str) -> bool {
    if !title(filter, "DNS messages to answers") {
        return true;
    }
    let name = Name::parse("gateway.chat.example.com").unwrap();
    let question = Question::new(name, RecordKind::A, 1).with_casing(0x5555);
    let mut is_reached = true;
    for (label, aliases, addresses) in
        [("one address", 0, 1), ("2 aliases, 5 addresses", 2, 5), ("32 addresses", 0, 32)]
    {
        let message = response(&question, aliases, addresses);
        let run = || match question.read(&message) {
            Ok(Answer::Addresses(found)) => found.addresses.len(),
            other => panic!("{other:?}"),
        };
        let label = format!("{label}, {} bytes", message.len());
        is_reached &= rows(&label, message.len(), vec![("read", Box::new(run))], None);
    }
    let file: String =
        (0..100_000).map(|index| format!("0.0.0.0 host{index}.example.com\n")).collect();
    let run = || Hosts::parse(file.as_bytes()).0.count();
    let label = format!("hosts of 100,000 lines, {} bytes", file.len());
    is_reached & rows(&label, file.len(), vec![("read", Box::new(run))], None)
}

/// So many messages of this size that they make some four megabytes.
fn stream(role: Role, size: usize, is_text: bool) -> Vec<u8> {
    let mut sender = Connection::new(role, 0);
    let text: String = "a message with words, {\"op\": 0} ".chars().cycle().take(size).collect();
    let message = if is_text { Message::Text(&text) } else { Message::Binary(text.as_bytes()) };
    let mut bytes = Vec::new();
    for index in 0..(4 << 20) / size {
        sender.send(message, (index as u32).to_be_bytes(), &mut bytes).unwrap();
    }
    bytes
}

fn ours(role: Role, stream: &[u8], size: usize) -> usize {
    let mut connection = Connection::new(role, 2 << 20);
    let mut count = 0;
    for mut piece in stream.chunks(size) {
        while let Some(event) = connection.next(&mut piece).unwrap() {
            assert!(matches!(event, Event::Text(_) | Event::Binary(_)));
            black_box(event);
            count += 1;
        }
    }
    count
}

/// A socket that gives what there is and takes nothing.
struct Source<'b>(&'b [u8]);

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Source<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs(role: TheirRole, stream: &[u8]) -> usize {
    let config = WebSocketConfig::default();
    let mut socket = WebSocket::from_raw_socket(Source(stream), role, Some(config));
    let mut count = 0;
    while let Ok(message) = socket.read() {
        black_box(message);
        count += 1;
    }
    count
}

/// A response with compressed names: so many aliases in a row, and addresses of the last.
fn response(question: &Question, aliases: u16, addresses: u8) -> Vec<u8> {
    let mut message = Vec::new();
    question.without_options().write(&mut message);
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    message[6..8].copy_from_slice(&(aliases + u16::from(addresses)).to_be_bytes());
    let mut owner = 12_u16;
    for index in 0..aliases {
        message.extend_from_slice(&(0xc000 | owner).to_be_bytes());
        message.extend_from_slice(&[0, 5, 0, 1, 0, 0, 1, 0, 0, 7, 4, b'e', b'd', b'g', b'e']);
        owner = u16::try_from(message.len()).unwrap() - 5;
        // Each below the asked name, under another label.
        message.extend_from_slice(&[0xc0, 12]);
        message[usize::from(owner) + 4] = b'a' + u8::try_from(index).unwrap();
    }
    for last in 0..addresses {
        message.extend_from_slice(&(0xc000 | owner).to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, last]);
    }
    message
}
