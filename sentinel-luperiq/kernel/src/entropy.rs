//! Random bytes, from the seed that the firmware leaves in the device tree and from a device.
//!
//! The generator is SHA-256 over a key and a number. After every answer the key is replaced by a
//! hash of itself, so that whoever learns it later cannot tell what was given out before.
//!
//! # Invariants
//! - Without at least 32 bytes of one of them there is no generator: the machine does not start.
//! - Both are in the first key, so that it is as good as the better of them.
//! - No two blocks, and no block and key, come from the same input.

use alloc::vec::Vec;

use crate::arch;

/// A generator of random bytes.
pub(crate) struct Entropy {
    key: [u8; 32],
}

impl Entropy {
    /// A generator from the firmware's seed and what a device gave, if that is enough.
    pub(crate) fn new(seed: &[u8], device: &[u8]) -> Option<Self> {
        let is_enough = |seed: &[u8]| seed.len() >= 32 && seed.iter().any(|byte| *byte != seed[0]);
        let lengths = [seed.len(), device.len()].map(|bytes| bytes as u64);
        let mut input = Vec::with_capacity(16 + seed.len());
        lengths.iter().for_each(|bytes| input.extend_from_slice(&bytes.to_le_bytes()));
        input.extend_from_slice(seed);
        let key = arch::sha256(&input, device);
        input.fill(0);
        (is_enough(seed) || is_enough(device)).then_some(Self { key })
    }

    /// Fills `out`.
    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for (number, part) in (1_u64..).zip(out.chunks_mut(32)) {
            let block = self.block(number);
            part.copy_from_slice(&block[..part.len()]);
        }
        // The moment is not random, but no two are the same.
        let moment = arch::counter().to_le_bytes();
        self.key = arch::sha256(&self.block(0), &moment);
    }

    fn block(&self, number: u64) -> [u8; 32] {
        arch::sha256(&self.key, &number.to_le_bytes())
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Entropy")
    }
}
