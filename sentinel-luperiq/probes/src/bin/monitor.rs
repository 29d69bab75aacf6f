//! Calls the firmware.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x0, #0x84000000",
    "add x0, x0, #8",
    "smc #0",
}
