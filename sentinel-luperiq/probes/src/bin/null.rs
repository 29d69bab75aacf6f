//! Reads at a null pointer.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x1, #0",
    "ldr x0, [x1]",
}
