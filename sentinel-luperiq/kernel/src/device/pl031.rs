//! The clock on the wall, in seconds since 1970.

use super::Registers;

/// An ARM PL031. It counts seconds, nothing finer, and whoever owns the machine sets it.
#[derive(Debug)]
pub(crate) struct Pl031(Registers);

impl Pl031 {
    pub(crate) const BYTES: usize = 0x1000;

    pub(crate) fn new(registers: Registers) -> Self {
        Self(registers)
    }

    pub(crate) fn seconds(&self) -> u32 {
        self.0.read(0)
    }
}
