//! Asks what a handle is, ten thousand times: a use that leaves no record.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x21, x0",
    "sub sp, sp, #64",
    "mov x19, #10000",
    "1: mov x0, x21",
    "mov x1, sp",
    "mov x2, #16",
    "mov x8, #32",
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
