//! SHA-256 by the core's own instructions.
//!
//! They work in vector registers. The kernel is compiled without those, so that a call leaves a
//! program's where they are, and its compiler refuses what uses them. This crate is compiled for
//! the target that has them, into an archive that the kernel is linked with: the one function in it
//! takes addresses and lengths, which both targets pass in the same registers.
//!
//! # Invariants
//! - Whoever calls has kept the vectors, and knows that the core has the instructions.
//! - Nothing is kept between calls, in memory or in registers.
//!
//! # Not here
//! The hash itself: that is `sha2`, as it is.
#![no_std]

use core::arch::asm;
use core::panic::PanicInfo;
use core::slice;

use sha2::{Digest as _, Sha256};

/// Hashes two pieces, the second right behind the first.
///
/// # Safety
/// `first` and `rest` are so many bytes that can be read, also if there are none; `out` is 32
/// bytes that can be written and are no part of them. The core has SHA-256, EL1 may use vectors,
/// and the caller gives back to them what it finds in them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn luperiq_sha256(
    first: *const u8,
    first_bytes: usize,
    rest: *const u8,
    rest_bytes: usize,
    out: *mut [u8; 32],
) {
    // SAFETY: as the caller promises.
    let (first, rest) = unsafe {
        (slice::from_raw_parts(first, first_bytes), slice::from_raw_parts(rest, rest_bytes))
    };
    let mut hasher = Sha256::new();
    hasher.update(first);
    hasher.update(rest);
    // SAFETY: as the caller promises.
    unsafe { out.write(hasher.finalize().into()) };
}

/// Ends in the kernel's report of its own faults, which says where.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: the exception does not return.
    unsafe { asm!("brk #1", options(noreturn)) }
}
