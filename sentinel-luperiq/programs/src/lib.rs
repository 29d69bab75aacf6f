//! What the programs here have in common.
//!
//! | module | |
//! |---|---|
//! | [`attack`] | what programs try that they may not, one thing each |
//! | [`commands`] | what the commands of the image do |
//! | [`lending`] | what was lent, and how it is taken back |
//! | [`manifest`] | what init starts, and with what |
//! | [`random`] | calls and arguments drawn at random |
//! | [`record`] | the kernel's record, as far as a program has to understand it |
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

pub mod attack;
pub mod commands;
pub mod lending;
pub mod manifest;
pub mod random;
pub mod record;
