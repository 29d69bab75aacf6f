//! Reads how fast the counter runs.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "mrs x0, cntfrq_el0",
}
