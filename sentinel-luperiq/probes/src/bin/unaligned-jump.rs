//! Jumps to an address that is not aligned.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "adr x0, _start",
    "add x0, x0, #2",
    "br x0",
}
