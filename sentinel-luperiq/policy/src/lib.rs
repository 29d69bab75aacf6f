//! What the kernel decides, apart from how it does it.
//!
//! The kernel holds pages, registers and devices; this crate holds who may do what with which of
//! them. It runs on any machine, so it is tested on the one that builds it.
//!
//! | module | |
//! |---|---|
//! | [`System`] | all that programs share: objects, grants, jobs; the one path of a call |
//! | [`audit`] | the record |
//! | [`rules`] | what the processes of a job may do at most |
//! | [`path`] | paths beneath a directory |
//! | [`memory`] | addresses and protections that a process names |
//! | [`table`], [`grant`], [`slab`] | handles, from whom they came, keys that are not used twice |
//!
//! # The path of a call
//! ```text
//! registers -> System::admit      the row, the handles, their kinds, their rights
//!           -> an operation       the rest of the checks, the record, and what can be done here
//!           -> the kernel         the deed, with the numbers that the operation gave
//! ```
//! Every operation takes the [`Admitted`] of its call by value and records before it changes
//! anything. A deed that is the kernel's alone (reading a file, a clock) goes by
//! [`System::allow`]; what the kernel finds wrong itself (a pointer) goes by [`System::refuse`].
//!
//! # Invariants
//! - No sequence of calls gives a process a right that nobody who had it gave.
//! - What could not be recorded is not done.
//! - When a process is gone, so is everything it held, and every count is as it was.
//! - No input panics. Memory that cannot be had is an error wherever a program can cause it.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod audit;
mod binding;
pub mod grant;
pub mod limits;
pub mod memory;
mod object;
pub mod path;
mod queue;
pub mod rules;
pub mod slab;
mod system;
pub mod table;

pub use object::{Life, Object};
pub use slab::Key;
pub use system::{
    Admitted, Ended, Given, Opening, Reader, Received, Refusal, Released, System, WaitHandle,
};

/// The core's, so that the kernel needs no other name for them.
pub use sentinel_core::{journal, order, time::Timestamp};
