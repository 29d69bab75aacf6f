//! Calls a hypervisor.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "hvc #0",
}
