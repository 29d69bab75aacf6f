//! When the kernel itself is wrong: say what is known, and stop.

use core::panic::PanicInfo;

use crate::arch;
use crate::console::say;
use crate::ending;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let message = info.message();
    match info.location() {
        Some(place) => {
            say!("kernel panic at {}:{}: {message}", place.file(), place.line());
        }
        None => say!("kernel panic: {message}"),
    }
    ending::failed()
}

/// An exception that the kernel caused, on a stack of its own. Called from `vectors.s`.
#[unsafe(no_mangle)]
extern "C" fn kernel_fault(kind: u64, stack: u64, link: u64) -> ! {
    let (syndrome, address) = (arch::syndrome(), arch::fault_address());
    say!(
        "kernel fault: vector {kind}, class {:#x}, syndrome {syndrome:#x}, at {:#x}, \
         address {address:#x}, stack {stack:#x}, called from {link:#x}",
        syndrome >> 26 & 0x3f,
        arch::exception_link(),
    );
    ending::failed()
}
