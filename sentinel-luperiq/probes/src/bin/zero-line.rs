//! Asks how long a cache line is.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mrs x0, ctr_el0",
}
