//! Executes what is no instruction.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    ".inst 0x00000000",
}
