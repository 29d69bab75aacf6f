//! What every program stands on: where it begins, memory, calls, handles that close themselves.
//!
//! ```ignore
//! luperiq_runtime::program!(main);
//!
//! fn main(start: Start) -> i32 {
//!     0
//! }
//! ```
//!
//! | module | |
//! |---|---|
//! | [`start`] | what a program was given: its name, its arguments, its handles |
//! | [`handle`] | owned handles, one type for each kind of thing; among them ports |
//! | [`files`] | files and directories through their handles |
//! | [`io`] | reading and writing through the traits of `embedded-io` |
//! | [`call`] | the calls themselves, as numbers go in and out |
//!
//! # Invariants
//! - A handle is closed when its owner is dropped, once, and is no owner's any more when it was
//!   given away.
//! - `unsafe` stands in [`call`], `heap` and the macro [`program`], and nowhere else.
//! - Off the machine (in tests) calls go to a list of what was called.
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

#[cfg(test)]
extern crate std;

#[allow(unsafe_code)]
pub mod call;
pub mod command;
pub mod files;
pub mod handle;
pub mod io;
pub mod loan;
mod port;
pub mod start;

#[cfg(target_os = "none")]
#[allow(unsafe_code)]
mod heap;
#[cfg(target_os = "none")]
mod report;

pub use luperiq_abi as abi;
pub use start::Start;

/// Begins a program: `main` gets what it was given, and gives what it says at its end.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        core::arch::global_asm!(
            ".section .text.start, \"ax\"",
            ".global _start",
            "_start:",
            // Nobody is above this function.
            "mov x29, xzr",
            "mov x30, xzr",
            "b luperiq_program",
        );

        /// Where the kernel's first thread comes in, with the bootstrap handle.
        #[allow(unsafe_code)]
        // SAFETY: only this macro defines the name, and a program has one.
        #[unsafe(no_mangle)]
        extern "C" fn luperiq_program(bootstrap: u64) -> ! {
            let code = match $crate::Start::read(bootstrap) {
                Ok(start) => $main(start),
                Err(_) => 120,
            };
            $crate::call::exit(code)
        }
    };
}
