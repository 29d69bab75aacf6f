//! What the programs here have in common.
//!
//! Each is written in instructions alone, without a runtime that could get in their way. Whoever
//! is not stopped says so by its exit code, 7, which no test expects.
#![no_std]

/// Calls that the probes use, by number.
#[macro_export]
macro_rules! probe {
    ($($line:literal),* $(,)?) => {
        core::arch::global_asm!(
            ".section .text.start, \"ax\"",
            ".global _start",
            "_start:",
            $($line,)*
            // Nothing stopped it: exit(7).
            "mov x0, #7",
            "mov x8, #1",
            "svc #0",
            "brk #0",
        );

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            loop {}
        }
    };
}
