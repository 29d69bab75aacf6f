//! Makes a supervisor call of another number.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x8, #0",
    "svc #1",
}
