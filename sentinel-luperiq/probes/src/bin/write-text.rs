//! Writes its own code.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "adr x1, _start",
    "str xzr, [x1]",
}
