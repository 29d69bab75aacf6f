//! Switches the MMU off.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "msr sctlr_el1, xzr",
}
