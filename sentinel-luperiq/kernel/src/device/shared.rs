//! Memory that a device reads and writes by itself.
//!
//! # Invariants
//! - A page that a device was told of is never given back: the device may write to it for ever.
//! - What a device may be changing is read and written by the word, never through a reference.

use crate::arch;
use crate::memory::frame::Frame;
use crate::memory::layout::{self, PAGE};

/// A page shared with a device. The machine's devices see what the processor sees.
#[derive(Debug)]
pub(crate) struct Shared(Frame);

impl Shared {
    pub(crate) fn new(frame: Frame) -> Self {
        Self(frame)
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

    fn place<T: Word>(&self, offset: usize) -> *mut T {
        let bytes = size_of::<T>();
        assert!(offset.is_multiple_of(bytes) && offset + bytes <= PAGE as usize, "no such place");
        let start = layout::direct(self.0.physical()) as usize;
        core::ptr::with_exposed_provenance_mut(start + offset)
    }
}

impl luperiq_virtio::Page for Shared {
    fn physical(&self) -> u64 {
        self.0.physical()
    }

    fn half(&self, offset: usize) -> u16 {
        self.read(offset)
    }

    fn word(&self, offset: usize) -> u32 {
        self.read(offset)
    }

    fn set_half(&mut self, offset: usize, value: u16) {
        self.write(offset, value);
    }

    fn set_word(&mut self, offset: usize, value: u32) {
        self.write(offset, value);
    }

    fn set_long(&mut self, offset: usize, value: u64) {
        self.write(offset, value);
    }

    fn fill(&mut self, offset: usize, bytes: &[u8]) {
        self.0.bytes_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn copy_to(&self, offset: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0.bytes()[offset..offset + out.len()]);
    }

    fn barrier(&self) {
        arch::memory_barrier();
    }
}

/// Numbers that devices read in one piece.
pub(crate) trait Word: Copy {}

impl Word for u16 {}
impl Word for u32 {}
impl Word for u64 {}
impl Word for u8 {}
