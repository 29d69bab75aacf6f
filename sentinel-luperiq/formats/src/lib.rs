//! What the kernel reads before it can trust anything: device tree, archive, programs.
//!
//! Apart from the kernel, so that the parsers are tested on the machine that builds them.
//!
//! # Invariants
//! - No `unsafe`, no allocation, no panic whatever the bytes are.
//!
//! # Not here
//! What the kernel does with the answers.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

#[cfg(test)]
extern crate std;

pub mod archive;
pub mod program;
pub mod tree;
