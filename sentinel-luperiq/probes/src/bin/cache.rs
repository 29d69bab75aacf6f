//! Throws a cache line away.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mov x0, sp",
    "dc ivac, x0",
}
