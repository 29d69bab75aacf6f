//! The key under which witnesses know a log.
//!
//! A witness is told one key for a log's name, and asks for its signature under every checkpoint.
//! The keys of epochs change and vanish; this one stays as it is, and signs beside them.
//!
//! # Invariants
//! - It proves nothing to this program's own verifier, which asks for the key of the epoch: a thief
//!   of this one can lead a witness astray, and forge nothing.
//! - It is wiped from memory when it is dropped, and is never printed.
//!
//! # Not here
//! Which key a log has: its own record says so, and a checkpoint of the first epochs vouches for
//! that.

use core::fmt;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::signer::NoteVerifier;
use super::{Hash, NoteError};

/// The secret with which a log signs for witnesses.
#[derive(Clone)]
pub struct LogKey {
    secret: Zeroizing<[u8; 32]>,
}

impl LogKey {
    /// The key from 32 bytes of entropy that nothing else is made from; the same bytes at every
    /// start of the log.
    #[must_use]
    pub fn from_bytes(entropy: &[u8; 32]) -> Self {
        Self { secret: Zeroizing::new(*entropy) }
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.signing_key().verifying_key().to_bytes()
    }

    /// What checks its signatures under the name of a log.
    ///
    /// # Errors
    /// The name is none.
    pub fn verifier(&self, origin: &str) -> Result<NoteVerifier, NoteError> {
        NoteVerifier::new(origin, &self.public_key())
    }

    pub(super) fn signing_key(&self) -> SigningKey {
        let Hash(secret) = Hash::labelled("sentinel journal log key v1", &*self.secret);
        SigningKey::from_bytes(&Zeroizing::new(secret))
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogKey").finish_non_exhaustive()
    }
}
