//! The vector registers of a thread, kept while another one runs.
//!
//! The kernel is compiled without them, so a call leaves them where they are; only a switch
//! between threads moves them, and a hash that the core's instructions compute. They are moved at
//! once and not when first used: what lies in them may be a key.

use core::mem::MaybeUninit;

/// Vectors, control and status.
#[repr(C, align(16))]
#[derive(Debug)]
pub(crate) struct Simd {
    vectors: [u128; 32],
    control: u64,
    status: u64,
}

impl Simd {
    /// As a thread finds them at its start.
    pub(crate) const EMPTY: Self = Self { vectors: [0; 32], control: 0, status: 0 };

    /// Takes them from the core.
    pub(crate) fn save(&mut self) {
        // SAFETY: 528 bytes are the size of this structure, and any are one.
        unsafe { simd_save(self) };
    }

    /// Takes them from the core to where nothing was yet: all of it is written.
    pub(super) fn save_to(place: &mut MaybeUninit<Self>) {
        // SAFETY: as above; the routine reads nothing.
        unsafe { simd_save(place.as_mut_ptr()) };
    }

    /// Gives them back to the core.
    pub(crate) fn restore(&self) {
        // SAFETY: the routine reads 528 bytes; the kernel keeps nothing in the vectors.
        unsafe { simd_restore(self) };
    }
}

unsafe extern "C" {
    /// Writes 528 bytes and changes no vector.
    fn simd_save(registers: *mut Simd);
    /// Reads as many.
    fn simd_restore(registers: *const Simd);
}

const _: () = assert!(size_of::<Simd>() == 528);
