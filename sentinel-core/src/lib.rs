//! The deciding half of Sentinel, a secure runtime for AI agents.
//!
//! Everything here is a value that turns what happened into what to do next. Nothing here opens a
//! socket, reads a clock or draws a random number: a shell (`sentinel-linux`, `sentinel-luperiq`,
//! or a host of your own) does that and hands the result in. So the same code runs on a server, on
//! bare metal and inside a test, and the same input always gives the same output.
//!
//! The modules follow a reply upward: [`wire`] turns bytes from a socket into messages, [`text`]
//! turns the bytes of a message into values, `llm` gives them meaning, `capability` and `label`
//! admit a call, `agent` acts, `journal` records, and `runtime` is the whole as one value.
//!
//! # Promises
//!
//! - `no_std + alloc`, no `unsafe`; only cryptography (the journal's, and a hash of WebSocket
//!   handshakes) and the channels' unicode tables are other people's work.
//! - No input, however hostile, causes a panic. Bad input is an error that says what is wrong,
//!   where, and which bound was hit; memory stays bounded by the limits the caller set ([`limits`])
//!   and time is linear in what was read.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

extern crate alloc;

#[cfg(test)]
extern crate std;

#[cfg(feature = "agent")]
pub mod agent;
#[cfg(feature = "policy")]
pub mod budget;
#[cfg(feature = "policy")]
pub mod capability;
#[cfg(feature = "channel")]
pub mod channel;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "agent")]
pub mod control;
#[cfg(feature = "policy")]
pub mod egress;
#[cfg(any(feature = "policy", feature = "channel"))]
mod fault;
#[cfg(feature = "journal")]
pub mod journal;
#[cfg(feature = "policy")]
pub mod label;
pub mod limits;
#[cfg(feature = "llm")]
pub mod llm;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod order;
#[cfg(feature = "policy")]
pub mod policy;
#[cfg(feature = "agent")]
pub mod runtime;
#[cfg(feature = "policy")]
pub mod sandbox;
#[cfg(all(test, feature = "agent"))]
mod simulation;
#[cfg(feature = "skill")]
pub mod skill;
pub mod text;
pub mod time;
#[cfg(feature = "agent")]
pub mod tool;
pub mod wire;

/// The examples of the crate's front page are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
