//! Sets the kernel's timer.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "msr cntv_ctl_el0, xzr",
}
