//! The Model Context Protocol: a server of our own tools, and a client of other people's.
//!
//! The protocol is JSON-RPC 2.0, a message a line. Both ends are machines without input and
//! output: bytes and calls go in, effects come out. [`Server`] offers Sentinel's tools to an
//! assistant that somebody uses already; [`Client`] speaks with a server that is a skill, and
//! [`Remote`] with one that is elsewhere, by HTTP.
//!
//! # Invariants
//! - One reading of every message: a key that stands twice, an id that is neither text nor a whole
//!   number, and what follows a message on its line are refused.
//! - How the bytes are cut into pieces changes nothing.
//! - Everything that the other end can make grow has a bound.
//! - What a server says of its tools is a claim: it is handed on with its digest, so that another
//!   description needs another look.
//!
//! # Not here
//! Whether a call is allowed: the agent's judge. Processes and pipes: the shell. Revisions without
//! a handshake (2026-07-28 and later) are not spoken; a client that asks for one is told so and
//! falls back.

mod client;
mod id;
mod message;
mod server;
mod version;

pub use client::{
    Asked, Begin, Claims, Client, ClientEffect, ClientError, ClientOffer, Decision, ExchangeNumber,
    Fault, Got, Item, Items, Peer, Remote, RemoteEffect, RequestNumber, Root, ToolClaim, Wished,
};
pub use server::{Level, Server, ServerEffect, ServerOffer, Wish};
pub use version::Version;
