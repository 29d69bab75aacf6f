//! Random bytes from one secret seed: the keystream of XChaCha20 under it.
//!
//! # Invariants
//! - No byte is given out twice. Who knows what was given out knows nothing of the rest.
//!
//! # Not here
//! The seed: a shell draws it from the operating system at every start.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Random bytes.
pub(super) struct Entropy {
    seed: Zeroizing<[u8; 32]>,
    count: u64,
}

impl Entropy {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed: Zeroizing::new(seed), count: 0 }
    }

    /// The next bytes, of a keystream of their own.
    pub(super) fn bytes<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&self.count.to_le_bytes());
        self.count += 1;
        let mut bytes = [0; COUNT];
        let cipher = XChaCha20Poly1305::new((&*self.seed).into());
        let text = bytes.as_mut_slice().into();
        // The message is a few bytes, so there is nothing that could be too long.
        let sealed = cipher.encrypt_inout_detached(&XNonce::from(nonce), &[], text);
        debug_assert!(sealed.is_ok());
        bytes
    }

    pub(super) fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_from_the_seed_and_do_not_repeat() {
        let draw = |seed| {
            let mut entropy = Entropy::new([seed; 32]);
            (entropy.number(), entropy.number(), entropy.bytes::<56>())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).0, draw(1).1);
        assert_ne!(draw(1).2, draw(2).2);
        assert_ne!(draw(1).2[..28], draw(1).2[28..]);
    }
}
