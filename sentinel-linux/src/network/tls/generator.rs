//! Multiples of the generator of P-256, without a table of them.
//!
//! `ring` has 150 KB of multiples ready on x86-64 and arm64, to save microseconds of a handshake.
//! The two functions that read them are defined here once more: the generator is multiplied as any
//! other point is, by `ring`'s own code in constant time, which is what it does itself on P-384. Of
//! two definitions the linker takes the first (`build/link.rs`), which is the program's, and leaves
//! the table out with what nobody calls.
//!
//! The names carry `ring`'s version. With another one nobody calls what stands here; a test says
//! so, and somebody has to look at both again.
//!
//! # Not here
//! Arithmetic.
#![allow(unsafe_code, reason = "the names are ones that others call")]
#![cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]

unsafe extern "C" {
    /// Writes the multiple of a point, in constant time.
    #[link_name = "ring_core_0_17_14__p256_point_mul"]
    fn point_mul(
        product: *mut [Element; 3],
        scalar: *const Element,
        x: *const Element,
        y: *const Element,
    );
}

/// Writes the multiple of the generator, for a secret number.
// SAFETY: the name, the parameters and the result are those of `crypto/fipsmodule/ec/p256-nistz.c`
// in ring, which this stands for; nobody else has the name.
#[unsafe(export_name = "ring_core_0_17_14__p256_point_mul_base")]
extern "C" fn point_mul_base(product: *mut [Element; 3], scalar: *const Element) {
    // SAFETY: ring hands a place for three elements of the field and a number of four limbs, as
    // its own function takes them; the generator's coordinates have the same form.
    unsafe { point_mul(product, scalar, &raw const GENERATOR.0, &raw const GENERATOR.1) }
}

/// The same for a number that everybody may know, as in the verification of a signature.
// SAFETY: as above.
#[unsafe(export_name = "ring_core_0_17_14__p256_point_mul_base_vartime")]
extern "C" fn point_mul_base_of_public(product: *mut [Element; 3], scalar: *const Element) {
    point_mul_base(product, scalar);
}

/// A number of the field or of the group, its lowest limb first.
type Element = [u64; 4];

/// Both coordinates times 2^256, modulo the prime of the field: Montgomery's form.
static GENERATOR: (Element, Element) = (
    [0x79e7_30d4_18a9_143c, 0x75ba_95fc_5fed_b601, 0x79fb_732b_7762_2510, 0x1890_5f76_a537_55c6],
    [0xddf2_5357_ce95_560a, 0x8b4a_b8e4_ba19_e45c, 0xd2e8_8688_dd21_f325, 0x8571_ff18_2588_5d85],
);
