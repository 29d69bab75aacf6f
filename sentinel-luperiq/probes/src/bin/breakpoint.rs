//! Calls a debugger that is not there.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "brk #1",
}
