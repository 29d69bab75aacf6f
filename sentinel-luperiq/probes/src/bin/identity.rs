//! Reads which core it is on.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mrs x0, midr_el1",
}
