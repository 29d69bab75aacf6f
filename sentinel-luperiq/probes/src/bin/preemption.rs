//! Lets a thread run that never gives the processor back, and overwrites a vector.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "movi v0.16b, #0x5a",
    "adr x0, 5f",
    "mov x1, sp",
    "mov x2, #0",
    "mov x8, #5",
    "svc #0",
    "tbnz x0, #63, 9f",
    "mov x19, #8",
    "1: mov x8, #4",
    "svc #0",
    "subs x19, x19, #1",
    "b.ne 1b",
    "umov x1, v0.d[0]",
    "mov x2, #0x5a5a",
    "movk x2, #0x5a5a, lsl #16",
    "movk x2, #0x5a5a, lsl #32",
    "movk x2, #0x5a5a, lsl #48",
    "cmp x1, x2",
    "b.ne 9f",
    "mov x0, #0",
    "mov x8, #1",
    "svc #0",
    "5: movi v0.16b, #0xff",
    "b 5b",
    "9: mov x0, #9",
    "mov x8, #1",
    "svc #0",
}
