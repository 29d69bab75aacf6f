//! Masks interrupts.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "msr daifset, #0xf",
}
