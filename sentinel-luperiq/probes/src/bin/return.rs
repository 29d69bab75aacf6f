//! Returns from an exception that was none.
#![no_std]
#![no_main]

luperiq_probes::probe! {
    "eret",
}
