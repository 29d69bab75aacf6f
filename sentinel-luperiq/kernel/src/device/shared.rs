//! Memory that a device reads and writes by itself.
//!
//! # Invariants
//! - A page that a device was told of is never given back: the device may write to it for ever.
//! - What a device may be changing is read and written by the word, never through a reference.

use crate::memory::frame::Frame;
use crate::memory::layout::{self, PAGE};

/// A page shared with a device. The machine's devices see what the processor sees.
#[derive(Debug)]
pub(crate) struct Shared(Frame);

impl Shared {
    pub(crate) fn new(frame: Frame) -> Self {
        Self(frame)
    }

    /// Where the device finds it.
    pub(crate) fn physical(&self) -> u64 {
        self.0.physical()
    }

    /// Reads a number.
    pub(crate) fn read<T: Word>(&self, offset: usize) -> T {
        // SAFETY: we own the page, `place` lies in it and is aligned, and any bytes are a number.
        unsafe { self.place::<T>(offset).read_volatile() }
    }

    /// Writes a number.
    pub(crate) fn write<T: Word>(&mut self, offset: usize, value: T) {
        // SAFETY: as in `read`, and nobody but the device looks at the page.
        unsafe { self.place::<T>(offset).write_volatile(value) }
    }

    /// Puts bytes at the start of the page, for the device.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        self.0.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
    }

    /// Takes bytes from the start of the page. The device is done with it.
    pub(crate) fn copy_to(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.bytes()[..out.len()]);
    }

    fn place<T: Word>(&self, offset: usize) -> *mut T {
        let bytes = size_of::<T>();
        assert!(offset.is_multiple_of(bytes) && offset + bytes <= PAGE as usize, "no such place");
        core::ptr::with_exposed_provenance_mut(layout::direct(self.physical()) as usize + offset)
    }
}

/// Numbers that devices read in one piece.
pub(crate) trait Word: Copy {}

impl Word for u16 {}
impl Word for u32 {}
impl Word for u64 {}
impl Word for u8 {}
