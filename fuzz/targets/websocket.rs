//! What the targets of both ends of a WebSocket share.

use sentinel_core::wire::websocket::{Connection, Event, Message, Role, WebSocketError};

/// What a connection said of its input.
#[derive(Debug, PartialEq)]
pub enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Error(WebSocketError),
}

/// What one end reads from these pieces, and what it then owes.
pub fn read<'b>(role: Role, pieces: impl Iterator<Item = &'b [u8]>) -> (Vec<Said>, Vec<u8>) {
    let mut connection = Connection::new(role, BYTES_MAX);
    let (mut said, mut answer) = (Vec::new(), Vec::new());
    'input: for mut piece in pieces {
        loop {
            said.push(match connection.next(&mut piece) {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => {
                    assert!(text.len() <= BYTES_MAX);
                    Said::Text(text.into())
                }
                Ok(Some(Event::Binary(bytes))) => {
                    assert!(bytes.len() <= BYTES_MAX);
                    Said::Binary(bytes.into())
                }
                Ok(Some(Event::Ping(bytes))) => Said::Ping(bytes.into()),
                Ok(Some(Event::Pong(bytes))) => Said::Pong(bytes.into()),
                Ok(Some(Event::Close(close))) => {
                    Said::Close(close.map(|close| (close.code.as_u16(), close.reason.into())))
                }
                Err(error) => {
                    assert_eq!(connection.next(&mut piece), Err(error));
                    connection.fail(error, [0; 4], &mut answer);
                    assert!(connection.is_done());
                    said.push(Said::Error(error));
                    break 'input;
                }
            });
        }
        assert!(piece.is_empty());
    }
    while connection.answer([0; 4], &mut answer) {}
    (said, answer)
}

/// What was read, written again by the other end, reads the same; so does what is owed.
pub fn again(role: Role, said: &[Said], answer: &[u8]) {
    let other = match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let (back, _) = read(other, std::iter::once(answer));
    assert!(!back.iter().any(|said| matches!(said, Said::Error(_))), "{back:?}");

    let mut writer = Connection::new(other, BYTES_MAX);
    let mut bytes = Vec::new();
    let mask = [0xff, 0, 0x55, 1];
    let mut expected = Vec::new();
    for said in said {
        let result = match said {
            Said::Text(text) => writer.send(Message::Text(text), mask, &mut bytes),
            Said::Binary(data) => writer.send(Message::Binary(data), mask, &mut bytes),
            Said::Ping(payload) => writer.ping(payload, mask, &mut bytes),
            Said::Pong(payload) => writer.pong(payload, mask, &mut bytes),
            Said::Close(_) | Said::Error(_) => break,
        };
        result.expect("what was received may be sent");
        expected.push(said);
    }
    let (read_again, _) = read(role, std::iter::once(bytes.as_slice()));
    assert!(read_again.iter().eq(expected));
}

const BYTES_MAX: usize = 256;
