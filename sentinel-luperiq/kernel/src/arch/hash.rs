//! SHA-256, by the core's instructions where it has them.
//!
//! The record of every use of a handle is hashed, so this is what an audited call costs most. The
//! instructions work in vectors: those of the program that called are put aside meanwhile.
//!
//! # Invariants
//! - A program finds in its vectors what it left there, whatever was hashed.
//! - Both ways give the same bytes.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use luperiq_policy::journal;

use super::Simd;
use super::registers::has_sha256;

/// Looks whether the core has the instructions, unless they are not wanted, and whether it
/// computes with them what it does without; gives whether they are used.
pub(crate) fn prepare(is_wanted: bool) -> bool {
    let is_used =
        is_wanted && has_sha256() && by_core(PROBE, PROBE) == journal::digest(PROBE, PROBE);
    IS_USED.store(is_used, Ordering::Relaxed);
    is_used
}

/// Hashes two pieces, the second right behind the first.
pub(crate) fn sha256(first: &[u8], rest: &[u8]) -> [u8; 32] {
    match IS_USED.load(Ordering::Relaxed) {
        true => by_core(first, rest),
        false => journal::digest(first, rest),
    }
}

/// The same, on a core that has the instructions.
fn by_core(first: &[u8], rest: &[u8]) -> [u8; 32] {
    unsafe extern "C" {
        fn luperiq_sha256(
            first: *const u8,
            first_bytes: usize,
            rest: *const u8,
            rest_bytes: usize,
            out: *mut [u8; 32],
        );
    }
    let mut kept = MaybeUninit::<Simd>::uninit();
    let mut out = [0; 32];
    Simd::save_to(&mut kept);
    // SAFETY: both pieces are slices and `out` is ours; the core has the instructions,
    // `confine_user` let EL1 use vectors, and what was in them is put back below.
    unsafe {
        luperiq_sha256(first.as_ptr(), first.len(), rest.as_ptr(), rest.len(), &mut out);
    }
    // SAFETY: `save_to` wrote all of it.
    unsafe { kept.assume_init_ref() }.restore();
    out
}

static IS_USED: AtomicBool = AtomicBool::new(false);

/// Twice this is more than one block, and not a whole number of them.
const PROBE: &[u8] = b"what the core computes has to be what everybody else computes";
