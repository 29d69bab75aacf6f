//! Reads the cycle counter.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mrs x0, pmccntr_el0",
}
