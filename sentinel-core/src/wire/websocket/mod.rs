//! WebSocket (RFC 6455) for both ends of a connection, without a socket.
//!
//! A client makes an [`Offer`] in a request, a server reads a [`Request`] and accepts it; the heads
//! travel by [`http`](super::http). From then on a [`Connection`] is the same value at both ends:
//! feed it what arrived, take the [`Event`]s; tell it what to say, send the bytes it appends.
//!
//! # Invariants
//! - Any split of the input gives the same events and the same error.
//! - Memory is bounded by the size of a message that the caller allows. A message that came in one
//!   unmasked frame and one piece is borrowed from the input.
//! - What RFC 6455 forbids is refused, and the error knows the close code that it asks for.
//!
//! # Not here
//! Sockets, chance and time. Extensions, compression among them: it mixes secrets with what others
//! choose, and a hostile peer's kilobyte becomes a gigabyte. HTTP/2 (RFC 8441).

mod close;
mod connection;
mod error;
mod frame;
mod handshake;
mod receive;

pub use close::{Close, CloseCode};
pub use connection::{Connection, Event, Message, Role};
pub use error::{HandshakeError, HandshakeErrorKind, WebSocketError, WebSocketErrorKind};
pub use handshake::{Offer, Request};
