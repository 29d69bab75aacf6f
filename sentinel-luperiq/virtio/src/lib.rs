//! Devices of virtio, and nothing that they say believed.
//!
//! The kernel drives three of them: a disk, a network card, a source of random bytes. What they
//! share is here (OASIS, Virtual I/O Device version 1.2), and the two that need no more than that.
//! A device writes numbers into memory that become places and lengths; each is checked against what
//! the driver gave it. Registers and shared pages come as traits, so that the tests can be a device
//! that lies.
//!
//! # Invariants
//! - A number that a device wrote is compared with what was offered before it is used.
//! - A device that said what cannot be is reset and not asked again.
//! - No memory is asked for after the start: a device, and whoever sends to it, drives no
//!   allocation.
//!
//! # Not here
//! What a device does to memory by itself: without a unit that translates its addresses it can
//! write anywhere, and has to be trusted not to.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

pub mod net;
pub mod queue;
pub mod rng;

#[cfg(test)]
mod fake;

pub use queue::{Lie, Queue};

/// The registers of a device.
pub trait Window {
    /// Reads a register of 32 bits.
    fn read(&self, offset: usize) -> u32;

    /// Writes one.
    fn write(&self, offset: usize, value: u32);
}

/// A page that driver and device share. A place outside it is a defect of the driver.
pub trait Page {
    /// Where the device finds it.
    fn physical(&self) -> u64;

    /// Reads 16 bits.
    fn half(&self, offset: usize) -> u16;

    /// Reads 32 bits.
    fn word(&self, offset: usize) -> u32;

    /// Writes 16 bits.
    fn set_half(&mut self, offset: usize, value: u16);

    /// Writes 32 bits.
    fn set_word(&mut self, offset: usize, value: u32);

    /// Writes 64 bits.
    fn set_long(&mut self, offset: usize, value: u64);

    /// Puts bytes from this place on.
    fn fill(&mut self, offset: usize, bytes: &[u8]);

    /// Takes bytes from this place on.
    fn copy_to(&self, offset: usize, out: &mut [u8]);

    /// Lets the other side see everything that was written before.
    fn barrier(&self);
}

/// Sets a device up as far as its features, if it is one of this kind: what it was offered of
/// those wanted. The queues come next, and then [`go`].
#[must_use]
pub fn start(window: &impl Window, kind: u32, wanted: u32) -> Option<u32> {
    let head = [MAGIC, VERSION, DEVICE].map(|register| window.read(register));
    if head != [MAGIC_VALUE, 2, kind] {
        return None;
    }
    window.write(STATUS, 0);
    window.write(STATUS, ACKNOWLEDGE | DRIVER);
    let offered = [0, 1].map(|half| {
        window.write(DEVICE_FEATURES_SELECT, half);
        window.read(DEVICE_FEATURES)
    });
    let taken = offered[0] & wanted;
    for (half, features) in (0..).zip([taken, MODERN]) {
        window.write(DRIVER_FEATURES_SELECT, half);
        window.write(DRIVER_FEATURES, features);
    }
    window.write(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if offered[1] & MODERN == 0 || window.read(STATUS) & FEATURES_OK == 0 {
        window.write(STATUS, FAILED);
        return None;
    }
    Some(taken)
}

/// Lets the device begin.
pub fn go(window: &impl Window) {
    window.write(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

/// Takes everything back from a device: it forgets its queues.
pub fn reset(window: &impl Window) {
    window.write(STATUS, 0);
}

/// Tells the device that its interrupt was seen.
pub fn acknowledge(window: &impl Window) {
    window.write(INTERRUPT_ACKNOWLEDGE, window.read(INTERRUPT_STATUS));
}

/// How many bytes of registers a driver here needs.
pub const WINDOW_BYTES: usize = 0x200;

/// Where the registers of its own kind begin.
pub const CONFIGURATION: usize = 0x100;

// The registers of a window, §4.2.2.
const MAGIC: usize = 0x000;
const VERSION: usize = 0x004;
const DEVICE: usize = 0x008;
const DEVICE_FEATURES: usize = 0x010;
const DEVICE_FEATURES_SELECT: usize = 0x014;
const DRIVER_FEATURES: usize = 0x020;
const DRIVER_FEATURES_SELECT: usize = 0x024;
const QUEUE_SELECT: usize = 0x030;
const QUEUE_SIZE_MAX: usize = 0x034;
const QUEUE_NUMBER: usize = 0x038;
const QUEUE_READY: usize = 0x044;
const QUEUE_NOTIFY: usize = 0x050;
const INTERRUPT_STATUS: usize = 0x060;
const INTERRUPT_ACKNOWLEDGE: usize = 0x064;
const STATUS: usize = 0x070;
const QUEUE_DESCRIPTORS: usize = 0x080;
const QUEUE_AVAILABLE: usize = 0x090;
const QUEUE_USED: usize = 0x0a0;

const MAGIC_VALUE: u32 = 0x7472_6976;

const ACKNOWLEDGE: u32 = 1;
const DRIVER: u32 = 2;
const DRIVER_OK: u32 = 4;
const FEATURES_OK: u32 = 8;
const FAILED: u32 = 128;

/// Bit 32 of the features: version 1 of the specification.
const MODERN: u32 = 1;
