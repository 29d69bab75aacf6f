//! What the kernel says to people: lines on the serial console.
//!
//! With the feature `defmt` these are frames of numbers for which a decoder has the words, each
//! between two zero bytes, which no terminal shows and no program's output has. What ends the
//! machine is text even then.
//!
//! # Not here
//! What programs print: that goes through a console handle.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use luperiq_formats::tree::Serial as Kind;

use crate::device::Registers;
use crate::device::serial::Serial;

/// Says a line that begins with how long the machine has been running. Its arguments stand behind
/// the text, which both ways of saying it understand.
#[cfg(not(feature = "defmt"))]
macro_rules! say {
    ($text:literal $(, $argument:expr)* $(,)?) => {
        $crate::console::line(format_args!($text $(, $argument)*))
    };
}
#[cfg(feature = "defmt")]
macro_rules! say {
    ($text:literal $(, $argument:expr)* $(,)?) => {
        defmt::println!($text $(, $argument)*)
    };
}
pub(crate) use say;

/// What is known by its text alone, to be said.
#[cfg(not(feature = "defmt"))]
pub(crate) fn shown<T: fmt::Display>(value: &T) -> &T {
    value
}

/// What is known by its text alone, to be said.
#[cfg(feature = "defmt")]
pub(crate) fn shown<T: fmt::Display>(value: &T) -> defmt::Display2Format<'_, T> {
    defmt::Display2Format(value)
}

/// Names the device; from now on lines appear.
///
/// # Safety
/// There is a device of this kind at this physical address, and it is mapped.
pub(crate) unsafe fn start(physical: u64, kind: Kind) {
    // SAFETY: the caller promises the device; only this module makes windows onto it.
    Serial::new(unsafe { Registers::new(physical, Serial::BYTES) }, kind).set_up();
    IS_CADENCE.store(kind == Kind::Cadence, Ordering::Relaxed);
    SERIAL.store(physical, Ordering::Relaxed);
}

/// Writes bytes as they are.
pub(crate) fn write(bytes: &[u8]) {
    if let Some(serial) = serial() {
        // A program's zero would begin a frame.
        let said = bytes.iter().filter(|byte| !cfg!(feature = "defmt") || **byte != 0);
        said.for_each(|byte| serial.write(*byte));
    }
}

/// Writes bytes of a frame, which may be any.
#[cfg(feature = "defmt")]
pub(crate) fn raw(bytes: &[u8]) {
    if let Some(serial) = serial() {
        bytes.iter().for_each(|byte| serial.write(*byte));
    }
}

/// The next byte somebody typed, if there is one.
pub(crate) fn read() -> Option<u8> {
    serial()?.read()
}

/// Prints a line of text, whatever the others are.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    if let Some(mut serial) = serial() {
        let now = crate::time::now();
        let (seconds, micros) = (now / 1_000_000_000, now / 1_000 % 1_000_000);
        // A serial line cannot fail, it can only be slow.
        let _ = fmt::write(&mut serial, format_args!("[{seconds:3}.{micros:06}] {text}\n"));
    }
}

fn serial() -> Option<Serial> {
    let physical = SERIAL.load(Ordering::Relaxed);
    let kind = if IS_CADENCE.load(Ordering::Relaxed) { Kind::Cadence } else { Kind::Pl011 };
    // SAFETY: `start` stored an address for which its caller promised this. Windows onto the
    // device are never used at once: one core, interrupts masked.
    (physical != 0).then(|| Serial::new(unsafe { Registers::new(physical, Serial::BYTES) }, kind))
}

/// 0 until the device is known; no device is there.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Which of the two kinds it is.
static IS_CADENCE: AtomicBool = AtomicBool::new(false);
