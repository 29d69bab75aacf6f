//! What the kernel and its programs agree on: numbers, rights, structures, bounds.
//!
//! Both sides are built from this one crate, so neither can mean something else by a number. It
//! holds no code that acts: a program calls through `luperiq-runtime`, the kernel decides through
//! `luperiq-policy`.
//!
//! | module | |
//! |---|---|
//! | [`call`] | the table of system calls, from which dispatcher, documentation and fuzzing come |
//! | [`handle`] | a handle: an index and a generation |
//! | [`rights`] | what a handle allows |
//! | [`object`] | what a handle can stand for, and the signals that can be waited for |
//! | [`error`] | why a call was refused |
//! | [`wire`] | structures that cross the border, byte by byte |
//! | [`settings`] | what a job is told about its limits and policies |
//! | [`limits`] | every bound, with its reason |
//!
//! # Registers
//! A program puts the number into `x8` and up to six arguments into `x0` to `x5`, and executes
//! `svc #0`. It gets [`reply::Reply`] back: `x0` is the first value or a refusal, `x1` the second.
//! All other registers are as they were.
//!
//! # Invariants
//! - Nothing is read or written by casting memory: every structure has an encoding of its own,
//!   little-endian, without gaps.
//! - A number that was published keeps its meaning.
//!
//! # Not here
//! Anything that needs memory, a device or a decision.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

#[cfg(test)]
extern crate std;

pub mod call;
pub mod error;
pub mod handle;
pub mod limits;
pub mod object;
pub mod reply;
pub mod rights;
pub mod settings;
pub mod wire;

pub use call::Call;
pub use error::Error;
pub use handle::Handle;
pub use object::{Kind, Kinds, Signals};
pub use reply::Reply;
pub use rights::Rights;
