//! One end of a connection: what comes, what may be sent, and how it closes.
//!
//! # Invariants
//! - Nothing is sent after a close frame, and at most one is.
//! - A flood of pings is answered with one pong at a time, the last one's: what is owed to the peer
//!   takes no memory that it could choose.
//!
//! # Not here
//! The handshake: see [`Offer`](super::Offer) and [`Request`](super::Request). Time: when to ping,
//! and how long to wait for a close frame or for the end of the connection, is the caller's.

use alloc::vec::Vec;
use core::fmt;

use super::close::{Close, CloseCode};
use super::error::{WebSocketError, WebSocketErrorKind as Kind};
use super::frame::{self, Opcode};
use super::receive::{CONTROL_BYTES_MAX, Receiver};

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that asked for the connection, whose frames are masked.
    Client,
    /// The end that accepted it.
    Server,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message of text.
    Text(&'a str),
    /// A whole message of bytes.
    Binary(&'a [u8]),
    /// The peer asks for a pong, which is [owed](Connection::answer) now.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong(&'a [u8]),
    /// The peer sends nothing more. Unless it answers this end's close frame, one is
    /// [owed](Connection::answer) now.
    Close(Option<Close<'a>>),
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// An open connection, from the first byte after the handshake.
///
/// Everything that is sent takes a mask of four bytes. A client has to give a fresh one from a
/// random source for each frame, so that nobody who chooses the payload chooses the bytes on the
/// wire (RFC 6455 §10.3); for a server it has no effect.
///
/// ```
/// use sentinel_core::wire::websocket::{CloseCode, Connection, Event, Message, Role};
///
/// let mut client = Connection::new(Role::Client, 1 << 20);
/// let mut server = Connection::new(Role::Server, 1 << 20);
/// let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
///
/// client.send(Message::Text("hello"), [1, 2, 3, 4], &mut to_server)?;
/// client.ping(b"there?", [5, 6, 7, 8], &mut to_server)?;
/// let mut input = to_server.as_slice();
/// assert_eq!(server.next(&mut input)?, Some(Event::Text("hello")));
/// assert_eq!(server.next(&mut input)?, Some(Event::Ping(b"there?")));
/// assert_eq!(server.next(&mut input)?, None);
/// while server.answer([0; 4], &mut to_client) {}
/// server.close(CloseCode::GOING_AWAY, "bye", [0; 4], &mut to_client)?;
///
/// let mut input = to_client.as_slice();
/// assert_eq!(client.next(&mut input)?, Some(Event::Pong(b"there?")));
/// let Some(Event::Close(Some(close))) = client.next(&mut input)? else { panic!() };
/// assert_eq!((close.code, close.reason), (CloseCode::GOING_AWAY, "bye"));
/// to_server.clear();
/// while client.answer([9, 9, 9, 9], &mut to_server) {}
/// assert!(client.is_done());
/// assert!(matches!(server.next(&mut to_server.as_slice())?, Some(Event::Close(Some(_)))));
/// assert!(server.is_done());
/// # Ok::<(), sentinel_core::wire::websocket::WebSocketError>(())
/// ```
pub struct Connection {
    role: Role,
    receiver: Receiver,
    /// Whether a message was begun in parts, and whether it is text.
    sending: Option<bool>,
    is_close_sent: bool,
    /// The payload of the last ping without an answer.
    pong: Option<([u8; CONTROL_BYTES_MAX], usize)>,
    /// The close frame that is owed, and its code.
    close: Option<Option<CloseCode>>,
}

impl Connection {
    /// One end of a connection on which the handshake is done. A message of more than
    /// `message_bytes_max` fails it; [`WEBSOCKET_MESSAGE_BYTES_MAX`] is the usual bound.
    ///
    /// [`WEBSOCKET_MESSAGE_BYTES_MAX`]: crate::limits::WEBSOCKET_MESSAGE_BYTES_MAX
    #[must_use]
    pub const fn new(role: Role, message_bytes_max: usize) -> Self {
        Self {
            role,
            receiver: Receiver::new(role, message_bytes_max),
            sending: None,
            is_close_sent: false,
            pong: None,
            close: None,
        }
    }

    /// Takes bytes from the front of `input` and says what they mean.
    ///
    /// Call it until it returns `None`; then it has taken all of the input and wants more. What
    /// follows the peer's close frame is taken and not looked at.
    ///
    /// # Errors
    /// Everything a peer may do wrong; see [`WebSocketErrorKind`](super::WebSocketErrorKind). An
    /// error is final: the same error comes again. [`fail`](Self::fail) tells the peer.
    pub fn next<'e, 'c: 'e>(
        &'e mut self,
        input: &mut &'c [u8],
    ) -> Result<Option<Event<'e>>, WebSocketError> {
        let Self { receiver, is_close_sent, pong, close, .. } = self;
        let event = receiver.next(input)?;
        match event {
            Some(Event::Ping(payload)) if !*is_close_sent => {
                let mut kept = [0; CONTROL_BYTES_MAX];
                kept.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
                *pong = Some((kept, payload.len()));
            }
            Some(Event::Close(said)) if !*is_close_sent => {
                *close = Some(said.map(|said| said.code));
            }
            _ => {}
        }
        Ok(event)
    }

    /// Says that the peer has ended its side of the connection.
    ///
    /// # Errors
    /// [`Kind::EndedWithoutClose`], or the error that came before.
    pub fn end_of_input(&mut self) -> Result<(), WebSocketError> {
        self.receiver.end_of_input()
    }

    /// Appends a message in one frame.
    ///
    /// # Errors
    /// [`Kind::Closed`] and [`Kind::MessageInProgress`]. Nothing is written then.
    pub fn send(
        &mut self,
        message: Message<'_>,
        mask: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), WebSocketError> {
        if self.sending.is_some() {
            return Err(WebSocketError::new(Kind::MessageInProgress, 0));
        }
        self.send_part(message, true, mask, out)
    }

    /// Appends a part of a message in a frame of its own. All parts are of one kind.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_part(
        &mut self,
        part: Message<'_>,
        is_last: bool,
        mask: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), WebSocketError> {
        let (is_text, payload) = match part {
            Message::Text(text) => (true, text.as_bytes()),
            Message::Binary(bytes) => (false, bytes),
        };
        self.check_open()?;
        let opcode = match self.sending {
            Some(begun) if begun != is_text => {
                return Err(WebSocketError::new(Kind::MessageInProgress, 0));
            }
            Some(_) => Opcode::Continuation,
            None if is_text => Opcode::Text,
            None => Opcode::Binary,
        };
        self.sending = (!is_last).then_some(is_text);
        frame::write(is_last, opcode, self.mask(mask), payload, out);
        Ok(())
    }

    /// Appends a ping, which may stand between the parts of a message.
    ///
    /// # Errors
    /// [`Kind::Closed`], and [`Kind::ControlTooLong`] for more than 125 bytes.
    pub fn ping(
        &mut self,
        payload: &[u8],
        mask: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), WebSocketError> {
        self.control(Opcode::Ping, payload, mask, out)
    }

    /// Appends a pong that nobody asked for: a sign of life (RFC 6455 §5.5.3).
    ///
    /// # Errors
    /// As [`ping`](Self::ping).
    pub fn pong(
        &mut self,
        payload: &[u8],
        mask: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), WebSocketError> {
        self.control(Opcode::Pong, payload, mask, out)
    }

    /// Appends a close frame. Nothing can be sent after it; reading goes on until the peer's.
    ///
    /// # Errors
    /// [`Kind::Closed`], and [`Kind::ControlTooLong`] for a reason of more than 123 bytes.
    pub fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        mask: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), WebSocketError> {
        let payload = [&code.as_u16().to_be_bytes()[..], reason.as_bytes()].concat();
        self.control(Opcode::Close, &payload, mask, out)?;
        self.is_close_sent = true;
        (self.pong, self.close) = (None, None);
        Ok(())
    }

    /// Appends one frame that is owed to the peer, a pong or the answer to its close frame, and
    /// says whether there was one.
    pub fn answer(&mut self, mask: [u8; 4], out: &mut Vec<u8>) -> bool {
        if let Some((payload, length)) = self.pong.take() {
            let payload = payload.get(..length).unwrap_or_default();
            frame::write(true, Opcode::Pong, self.mask(mask), payload, out);
            return true;
        }
        let Some(code) = self.close.take() else { return false };
        // RFC 6455 §5.5.1: the code comes back, the words need not.
        let code = code.map(|code| code.as_u16().to_be_bytes());
        let payload = code.as_ref().map_or(&[][..], |code| code);
        frame::write(true, Opcode::Close, self.mask(mask), payload, out);
        self.is_close_sent = true;
        true
    }

    /// Appends the close frame that says why the connection failed, unless one was sent before.
    /// The connection is to be closed then, without waiting (RFC 6455 §7.1.7).
    pub fn fail(&mut self, error: WebSocketError, mask: [u8; 4], out: &mut Vec<u8>) {
        if !self.is_close_sent {
            let reason = error.kind().describe();
            // It is open and every description fits, so this is never refused.
            let _ = self.close(error.close_code(), reason, mask, out);
        }
    }

    /// Whether messages can be sent.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.is_close_sent
    }

    /// Whether the peer has said that it sends nothing more.
    #[must_use]
    pub const fn is_peer_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// Whether both ends have closed, or this one has failed and said so. A server then ends the
    /// connection; a client gives it a moment to do that first (RFC 6455 §7.1.1).
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.is_close_sent && self.receiver.is_over()
    }

    fn control(
        &self,
        opcode: Opcode,
        payload: &[u8],
        mask: [u8; 4],
        out: &mut Vec<u8>,
    ) -> Result<(), WebSocketError> {
        self.check_open()?;
        if payload.len() > CONTROL_BYTES_MAX {
            return Err(WebSocketError::new(Kind::ControlTooLong, 0));
        }
        frame::write(true, opcode, self.mask(mask), payload, out);
        Ok(())
    }

    const fn check_open(&self) -> Result<(), WebSocketError> {
        match self.is_close_sent {
            true => Err(WebSocketError::new(Kind::Closed, 0)),
            false => Ok(()),
        }
    }

    const fn mask(&self, mask: [u8; 4]) -> Option<[u8; 4]> {
        match self.role {
            Role::Client => Some(mask),
            Role::Server => None,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Half a message may hold half a secret, so no bytes are shown.
        formatter
            .debug_struct("Connection")
            .field("role", &self.role)
            .field("is_open", &self.is_open())
            .field("is_peer_closed", &self.is_peer_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
