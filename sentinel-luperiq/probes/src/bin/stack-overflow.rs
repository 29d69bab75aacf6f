//! Runs over its stack.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "1: str x0, [sp, #-16]!",
    "b 1b",
}
