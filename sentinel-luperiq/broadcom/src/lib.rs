//! Small devices inside Broadcom's BCM2711 and BCM2712, the chips of the Raspberry Pi 4 and 5.
//!
//! Registers come as the trait of `luperiq-virtio`, so that the tests can be a device: one that
//! does what its maker's documents and Linux's drivers say, and one that does not.
//!
//! # Invariants
//! - Nothing waits for a device without an end.
//!
//! # Not here
//! Where they are: the device tree says so, and `luperiq-formats` reads it.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod led;
pub mod pcie;
pub mod power;
pub mod random;
