//! Keys that move forward, so that a thief of today's key cannot rewrite yesterday.
//!
//! Each epoch has a seed; the next one is its hash, and the old one is erased. The key of an epoch
//! signs one checkpoint, which names the key of the next, and is gone. Whoever checks the log pins
//! the first key and follows the signatures.
//!
//! # Invariants
//! - From a seed follow all later keys and no earlier one.
//! - A seed is wiped from memory when it is dropped, and is never printed.
//!
//! # Not here
//! Erasing the seed from a disk, which the shell does after the next one is safe.

use core::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::Hash;

/// The secret of an epoch.
#[derive(Clone)]
pub struct EpochSeed {
    epoch: u64,
    seed: Zeroizing<[u8; 32]>,
}

impl EpochSeed {
    /// The first epoch, from 32 bytes of entropy that nothing else is made from.
    #[must_use]
    pub fn first(entropy: [u8; 32]) -> Self {
        Self { epoch: 0, seed: Zeroizing::new(entropy) }
    }

    /// A seed that was kept.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (mut epoch, mut seed) = ([0; 8], Zeroizing::new([0; 32]));
        epoch.copy_from_slice(&bytes[..8]);
        seed.copy_from_slice(&bytes[8..]);
        Self { epoch: u64::from_le_bytes(epoch), seed }
    }

    /// The seed, to be kept where only the program can read it.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[..8].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[8..].copy_from_slice(&*self.seed);
        bytes
    }

    /// The next epoch's.
    #[must_use]
    pub fn next(&self) -> Self {
        let Hash(seed) = Hash::labelled("sentinel journal next epoch v1", &*self.seed);
        Self { epoch: self.epoch.saturating_add(1), seed: Zeroizing::new(seed) }
    }

    /// Which epoch it is, counted from 0.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The public key of the epoch. That of the first one is what an operator pins.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.signing_key().verifying_key().to_bytes()
    }

    pub(super) fn signing_key(&self) -> SigningKey {
        let Hash(secret) = Hash::labelled("sentinel journal epoch key v1", &*self.seed);
        SigningKey::from_bytes(&Zeroizing::new(secret))
    }

    /// How many bytes a kept seed has.
    pub const BYTES: usize = 40;
}

impl fmt::Debug for EpochSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EpochSeed").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_seed_goes_on_where_it_was() {
        let seed = EpochSeed::first([3; 32]).next().next();
        let kept = EpochSeed::from_bytes(&seed.to_bytes());
        assert_eq!(kept.epoch(), 2);
        assert_eq!(kept.next().public_key(), seed.next().public_key());
        assert!(!alloc::format!("{seed:?}").contains("seed:"), "a secret is not printed");
    }
}
