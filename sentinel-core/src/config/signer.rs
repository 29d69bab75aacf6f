//! Somebody whose signatures count: the public key of a minisign key pair, as operators write it.
//!
//! # Invariants
//! - A key that would take one signature for every text is none.
//!
//! # Not here
//! What is signed, and the file that a signature comes in: [`skill`](crate::skill).

use core::fmt;

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, VerifyingKey};

/// A public key of minisign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerKey {
    number: [u8; 8],
    key: VerifyingKey,
}

impl SignerKey {
    /// Reads the second line of a `minisign.pub`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES];
        let decoded = Base64::decode(text, &mut bytes).ok()?;
        let rest = decoded.strip_prefix(ALGORITHM).filter(|_| decoded.len() == KEY_BYTES)?;
        let (number, key) = rest.split_first_chunk()?;
        let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self { number: *number, key })
    }

    /// Its number, by which signatures say whose they are.
    #[must_use]
    pub const fn number(&self) -> [u8; 8] {
        self.number
    }

    /// Whether a message was signed with its other half.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for SignerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; KEY_BYTES];
        bytes[..2].copy_from_slice(ALGORITHM);
        bytes[2..10].copy_from_slice(&self.number);
        bytes[10..].copy_from_slice(self.key.as_bytes());
        let mut text = [0; KEY_BYTES.div_ceil(3) * 4];
        formatter.write_str(Base64::encode(&bytes, &mut text).map_err(|_| fmt::Error)?)
    }
}

/// Two letters of the algorithm, eight bytes of a number, and the key.
const KEY_BYTES: usize = 42;
/// A key is for Ed25519, however what is signed comes to it.
const ALGORITHM: &[u8] = b"Ed";
