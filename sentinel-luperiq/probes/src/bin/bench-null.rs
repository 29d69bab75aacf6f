//! Makes the call that does nothing, ten thousand times.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x19, #10000",
    "1: mov x8, #0",
    "svc #0",
    "subs x19, x19, #1",
    "b.ne 1b",
    "mov x0, #0",
    "mov x8, #1",
    "svc #0",
}
