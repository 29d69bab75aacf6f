//! Reads the time without a clock.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mrs x0, cntvct_el0",
}
