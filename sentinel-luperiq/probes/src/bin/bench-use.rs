//! Signals an event and waits for it, ten thousand times: two uses of a handle each.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x8, #52",
    "svc #0",
    "tbnz x0, #63, 9f",
    "mov x21, x0",
    "mov x19, #10000",
    "1: mov x0, x21",
    "mov x1, #1",
    "mov x8, #53",
    "svc #0",
    "tbnz x0, #63, 9f",
    "mov x0, x21",
    "mov x1, #8",
    "mov x2, #0",
    "mov x8, #50",
    "svc #0",
    "tbnz x0, #63, 9f",
    "subs x19, x19, #1",
    "b.ne 1b",
    "mov x0, #0",
    "mov x8, #1",
    "svc #0",
    "9: mov x0, #9",
    "mov x8, #1",
    "svc #0",
}
