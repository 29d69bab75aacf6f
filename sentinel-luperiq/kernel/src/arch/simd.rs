//! The vector registers of a thread, kept while another one runs.
//!
//! The kernel is compiled without them, so a call leaves them where they are; only a switch
//! between threads moves them. They are moved at once and not when first used: what lies in them
//! may be a key.

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
        unsafe extern "C" {
            fn simd_save(registers: &mut Simd);
        }
        // SAFETY: the routine writes 528 bytes, the size of this structure, and changes no vector.
        unsafe { simd_save(self) }
    }

    /// Gives them back to the core.
    pub(crate) fn restore(&self) {
        unsafe extern "C" {
            fn simd_restore(registers: &Simd);
        }
        // SAFETY: the routine reads 528 bytes; the kernel keeps nothing in the vectors.
        unsafe { simd_restore(self) }
    }
}

const _: () = assert!(size_of::<Simd>() == 528);
