//! Bytes on a connection to messages and back: the protocols Sentinel speaks.
//!
//! Each codec is a value without a socket: feed it what arrived, take what it understood; give it
//! what to say, take the bytes. It never waits and never gathers a body nobody asked it to gather.
//!
//! # Invariants
//! - Any split of the incoming bytes gives the same messages.
//! - What two readers could understand differently is refused, and the error says why.
//!
//! # Not here
//! Connections, names, timeouts and TLS: those are deeds, and belong to a shell.

pub mod dns;
pub mod http;
pub mod race;
pub mod url;
#[cfg(feature = "websocket")]
pub mod websocket;
