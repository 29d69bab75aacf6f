//! What serves the network: frames on one side, the lines of sockets on the other.
//!
//! The kernel hands over a channel for each connection that a program asks for, with the host and
//! port that the program's endpoint names. Here the host's name becomes an address and the channel
//! a TCP connection. This runs as a program like any other, with the network card's handle and
//! nothing else of the machine: what a stranger's bytes could do here, they do to this alone.
//!
//! # Invariants
//! - Nothing that comes from the wire makes a connection: there is no port that listens.
//! - Memory is taken when a program's connection is asked for, and by nobody else. How many there
//!   are is bounded, and so is each.
//! - A name leads to addresses of the public network alone, where the settings do not say
//!   otherwise.
//!
//! # Not here
//! Who may connect where: the kernel decided that before it asked.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

pub mod limits;
pub mod lookup;
pub mod settings;
pub mod stack;
pub mod wire;

#[cfg(test)]
mod tests;
