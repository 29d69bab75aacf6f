//! Reads the kernel's window onto memory.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x1, #0xffffff8000000000",
    "movk x1, #0x4000, lsl #16",
    "ldr x0, [x1]",
}
