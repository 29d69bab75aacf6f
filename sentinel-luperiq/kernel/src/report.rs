//! When the kernel itself is wrong: say what is known, end the record with it, and stop.
//!
//! # Invariants
//! - Whatever goes wrong while the record is ended, it is tried once, and the machine stops.

use core::fmt;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::arch;
use crate::console::{self, say};
use crate::{ending, kernel};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let message = info.message();
    match info.location() {
        Some(place) => {
            stop(format_args!("kernel panic at {}:{}: {message}", place.file(), place.line()))
        }
        None => stop(format_args!("kernel panic: {message}")),
    }
}

/// An exception that the kernel caused, on a stack of its own. Called from `vectors.s`.
#[unsafe(no_mangle)]
extern "C" fn kernel_fault(kind: u64, stack: u64, link: u64) -> ! {
    let (syndrome, address) = (arch::syndrome(), arch::fault_address());
    stop(format_args!(
        "kernel fault: vector {kind}, class {:#x}, syndrome {syndrome:#x}, at {:#x}, \
         address {address:#x}, stack {stack:#x}, called from {link:#x}",
        syndrome >> 26 & 0x3f,
        arch::exception_link(),
    ))
}

fn stop(what: fmt::Arguments<'_>) -> ! {
    #[cfg(feature = "defmt")]
    crate::frames::abandon();
    // Whoever sees this may have no decoder.
    console::line(what);
    if IS_STOPPING.swap(true, Ordering::Relaxed) {
        // The record itself was being ended.
        say!("audit: the record could not be closed");
    } else {
        let mut reason = Reason { bytes: [0; REASON_BYTES_MAX], count: 0 };
        // It is cut where there is no more room.
        let _ = fmt::write(&mut reason, what);
        // SAFETY: whoever used the kernel's state is this core, which does not go back, and
        // `IS_STOPPING` lets nobody come here twice.
        unsafe { kernel::close(reason.text()) };
    }
    ending::failed()
}

/// Text without the heap, which may be what went wrong.
struct Reason {
    bytes: [u8; REASON_BYTES_MAX],
    count: usize,
}

impl Reason {
    fn text(&self) -> &str {
        let written = self.bytes.get(..self.count).unwrap_or_default();
        core::str::from_utf8(written).unwrap_or("kernel panic")
    }
}

impl fmt::Write for Reason {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = self.bytes.len() - self.count;
        let mut end = text.len().min(left);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let bytes = text.as_bytes().get(..end).ok_or(fmt::Error)?;
        let place = self.bytes.get_mut(self.count..self.count + end).ok_or(fmt::Error)?;
        place.copy_from_slice(bytes);
        self.count += end;
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Enough for where and why.
const REASON_BYTES_MAX: usize = 240;

static IS_STOPPING: AtomicBool = AtomicBool::new(false);
