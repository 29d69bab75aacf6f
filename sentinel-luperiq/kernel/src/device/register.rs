//! Registers of a device, by offset.
//!
//! # Invariants
//! - Only pages that the kernel mapped as device memory can be named, and no access leaves them.

use crate::memory::layout;

/// A window onto a device.
#[derive(Debug)]
pub(crate) struct Registers {
    base: usize,
    bytes: usize,
}

impl Registers {
    /// The window at this physical address.
    ///
    /// # Safety
    /// The kernel's tables map these bytes as device memory, they belong to one device, and nobody
    /// else drives it.
    pub(crate) unsafe fn new(physical: u64, bytes: usize) -> Self {
        Self { base: layout::direct(physical) as usize, bytes }
    }

    /// Reads a register of 32 bits.
    pub(crate) fn read(&self, offset: usize) -> u32 {
        let place = self.place(offset);
        // SAFETY: `new` promised that the window is mapped, `place` that this lies inside.
        unsafe { place.read_volatile() }
    }

    /// Writes a register of 32 bits.
    pub(crate) fn write(&self, offset: usize, value: u32) {
        let place = self.place(offset);
        // SAFETY: `new` promised that the window is mapped, `place` that this lies inside.
        unsafe { place.write_volatile(value) }
    }

    fn place(&self, offset: usize) -> *mut u32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.bytes, "no such register");
        core::ptr::with_exposed_provenance_mut(self.base + offset)
    }
}

impl luperiq_virtio::Window for Registers {
    fn read(&self, offset: usize) -> u32 {
        self.read(offset)
    }

    fn write(&self, offset: usize, value: u32) {
        self.write(offset, value);
    }
}
