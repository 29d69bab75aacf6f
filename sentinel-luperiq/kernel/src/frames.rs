//! What the kernel says, as frames of defmt on the serial line.
//!
//! A line's words stay in the ELF file; what goes over the line is their number, the moment and the
//! values. Each frame is written at once and whole, between two zero bytes, so programs' text is
//! before it or behind it and never in it. `cargo xtask luperiq log` reads both.
//!
//! # Invariants
//! - One frame at a time: the kernel is one core without interrupts, and what is said while
//!   something is said is left out.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::console;
use crate::exclusive::Exclusive;

#[defmt::global_logger]
struct Frames;

// SAFETY: between `acquire` and `release` nothing else says anything: nothing interrupts the
// kernel, and what a value says while it is written finds `IS_SAYING` set and is left out.
unsafe impl defmt::Logger for Frames {
    fn acquire() {
        if IS_SAYING.swap(true, Ordering::Relaxed) {
            IS_NESTED.store(true, Ordering::Relaxed);
        } else {
            ENCODER.with(|encoder| {
                *encoder = defmt::Encoder::new();
                encoder.start_frame(console::raw);
            });
        }
    }

    unsafe fn flush() {}

    unsafe fn release() {
        if !IS_NESTED.swap(false, Ordering::Relaxed) {
            ENCODER.with(|encoder| encoder.end_frame(console::raw));
            IS_SAYING.store(false, Ordering::Relaxed);
        }
    }

    unsafe fn write(bytes: &[u8]) {
        if !IS_NESTED.load(Ordering::Relaxed) {
            ENCODER.with(|encoder| encoder.write(bytes, console::raw));
        }
    }
}

/// Ends a frame that is not gone on with, because what was to be said failed.
pub(crate) fn abandon() {
    IS_NESTED.store(false, Ordering::Relaxed);
    if IS_SAYING.swap(false, Ordering::Relaxed) {
        console::raw(&[0]);
    }
}

defmt::timestamp!("{=u64:us}", crate::time::now() / 1000);

static ENCODER: Exclusive<defmt::Encoder> = Exclusive::new(defmt::Encoder::new());
static IS_SAYING: AtomicBool = AtomicBool::new(false);
static IS_NESTED: AtomicBool = AtomicBool::new(false);
