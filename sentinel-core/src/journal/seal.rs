//! Sealed payloads, and forgetting them.
//!
//! What people say is sealed under a key of their conversation; the keys are wrapped by a master
//! key and kept beside the log, not in it. Destroying one makes a conversation unreadable for good,
//! while the log still verifies: its hashes are over what is sealed.
//!
//! # Invariants
//! - A seal covers the record's head, so a payload cannot be moved to another place, time, kind or
//!   conversation.
//! - A nonce is sixteen random bytes of the time the log was opened and the record's number:
//!   neither a crash that drops records nor a copy of the log makes two alike.
//! - Keys are wiped when dropped and never printed.
//!
//! # Not here
//! Keeping the master key, and erasing a wrapped key from the disk: the shell's.

use alloc::vec::Vec;
use core::fmt;

use crate::order::Map;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize as _, Zeroizing};

/// The random part of the nonces of one opening of the log.
pub(super) type NonceStart = [u8; 16];

/// The key that wraps all others.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A key of 32 random bytes, or one that was kept.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(..)")
    }
}

/// The key of one conversation's payloads.
#[derive(Clone)]
pub struct PayloadKey(Zeroizing<[u8; 32]>);

impl PayloadKey {
    /// Seals what stands in `payload` and gives the tag that follows it.
    pub(super) fn seal(
        &self,
        start: &NonceStart,
        sequence: u64,
        head: &[u8],
        payload: &mut [u8],
    ) -> Option<[u8; TAG_BYTES]> {
        let nonce = nonce(start, sequence);
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        cipher.encrypt_inout_detached(&nonce, head, payload.into()).ok().map(Into::into)
    }

    /// Opens a sealed payload; `None` if it is not what was sealed there.
    pub(super) fn open(
        &self,
        start: &NonceStart,
        sequence: u64,
        head: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        open(&self.0, &nonce(start, sequence), head, sealed)
    }
}

impl fmt::Debug for PayloadKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PayloadKey(..)")
    }
}

/// The wrapped keys of all conversations: small, kept beside the log, rewritten when one is
/// forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRing {
    wrapped: Map<u64, Wrapped>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wrapped {
    nonce: [u8; 24],
    key: [u8; 32 + TAG_BYTES],
}

impl KeyRing {
    /// A ring without keys.
    #[must_use]
    pub const fn new() -> Self {
        Self { wrapped: Map::new() }
    }

    /// Makes a key for a conversation that has none. All of `entropy` is used and has to be fresh.
    ///
    /// # Errors
    /// The conversation has a key.
    pub fn create(
        &mut self,
        conversation: u64,
        master: &MasterKey,
        mut entropy: [u8; 56],
    ) -> Result<PayloadKey, KeyRingError> {
        if self.wrapped.contains_key(&conversation) {
            return Err(KeyRingError::Taken);
        }
        let mut key = Zeroizing::new([0; 32]);
        let mut nonce = [0; 24];
        key.copy_from_slice(&entropy[..32]);
        nonce.copy_from_slice(&entropy[32..]);
        entropy.zeroize();
        let mut wrapped = [0; 32 + TAG_BYTES];
        wrapped[..32].copy_from_slice(&*key);
        let cipher = XChaCha20Poly1305::new((&*master.0).into());
        let (text, tag_place) = wrapped.split_at_mut(32);
        let tag = cipher
            .encrypt_inout_detached(&XNonce::from(nonce), &associated(conversation), text.into())
            .map_err(|_| KeyRingError::Unreadable)?;
        tag_place.copy_from_slice(&tag);
        self.wrapped.insert(conversation, Wrapped { nonce, key: wrapped });
        Ok(PayloadKey(key))
    }

    /// The key of a conversation.
    ///
    /// # Errors
    /// It has none, because it never had or because it was forgotten; or the master key is another.
    pub fn open(&self, conversation: u64, master: &MasterKey) -> Result<PayloadKey, KeyRingError> {
        let wrapped = self.wrapped.get(&conversation).ok_or(KeyRingError::Absent)?;
        let nonce = XNonce::from(wrapped.nonce);
        let opened = open(&master.0, &nonce, &associated(conversation), &wrapped.key);
        let opened = Zeroizing::new(opened.ok_or(KeyRingError::Unreadable)?);
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(opened.get(..32).ok_or(KeyRingError::Unreadable)?);
        Ok(PayloadKey(key))
    }

    /// Whether this master key wraps what is in the ring; `None` if nothing is.
    #[must_use]
    pub fn is_wrapped_by(&self, master: &MasterKey) -> Option<bool> {
        let first = *self.wrapped.keys().next()?;
        Some(self.open(first, master).is_ok())
    }

    /// Destroys the key of a conversation and says whether there was one. It is forgotten when the
    /// ring without it has replaced every copy of the ring with it.
    pub fn forget(&mut self, conversation: u64) -> bool {
        self.wrapped.remove(&conversation).is_some()
    }

    /// The conversations that have a key.
    pub fn conversations(&self) -> impl Iterator<Item = u64> {
        self.wrapped.keys().copied()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wrapped.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wrapped.is_empty()
    }

    /// The ring as it is kept: entries of one length, in order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = RING_START.to_vec();
        for (conversation, wrapped) in &self.wrapped {
            bytes.extend_from_slice(&conversation.to_le_bytes());
            bytes.extend_from_slice(&wrapped.nonce);
            bytes.extend_from_slice(&wrapped.key);
        }
        bytes
    }

    /// A ring that was kept.
    ///
    /// # Errors
    /// The bytes are not those of a ring.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyRingError> {
        let entries = bytes.strip_prefix(RING_START).ok_or(KeyRingError::Unreadable)?;
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(KeyRingError::Unreadable);
        }
        let mut ring = Self::new();
        for entry in entries {
            let (mut conversation, mut nonce) = ([0; 8], [0; 24]);
            let mut key = [0; 32 + TAG_BYTES];
            conversation.copy_from_slice(&entry[..8]);
            nonce.copy_from_slice(&entry[8..32]);
            key.copy_from_slice(&entry[32..]);
            let conversation = u64::from_le_bytes(conversation);
            if ring.wrapped.last_key_value().is_some_and(|(last, _)| *last >= conversation) {
                return Err(KeyRingError::Unreadable);
            }
            ring.wrapped.insert(conversation, Wrapped { nonce, key });
        }
        Ok(ring)
    }
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The conversation has a key already.
    Taken,
    /// It has none: it never had one, or was forgotten.
    Absent,
    /// The master key does not open it, or the bytes are not those of a ring.
    Unreadable,
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Taken => "the conversation has a key already",
            Self::Absent => "the conversation has no key: it never had one, or was forgotten",
            Self::Unreadable => "the key ring is damaged, or was made with another master key",
        })
    }
}

impl core::error::Error for KeyRingError {}

fn open(key: &[u8; 32], nonce: &XNonce, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
    let mut text = text.to_vec();
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt_inout_detached(nonce, associated, (&mut *text).into(), &Tag::from(*tag)).ok()?;
    Some(text)
}

fn nonce(start: &NonceStart, sequence: u64) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(start);
    nonce[16..].copy_from_slice(&sequence.to_le_bytes());
    nonce.into()
}

fn associated(conversation: u64) -> Vec<u8> {
    let mut associated = b"sentinel journal key v1\n".to_vec();
    associated.extend_from_slice(&conversation.to_le_bytes());
    associated
}

pub(super) const TAG_BYTES: usize = 16;
const RING_START: &[u8] = b"sentinel key ring 1\n";
const ENTRY_BYTES: usize = 8 + 24 + 32 + TAG_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    fn entropy(byte: u8) -> [u8; 56] {
        [byte; 56]
    }

    #[test]
    fn a_payload_opens_where_it_was_sealed_and_nowhere_else() {
        let (master, mut ring) = (MasterKey::new([1; 32]), KeyRing::new());
        let key = ring.create(7, &master, entropy(2)).unwrap();
        let mut payload = b"said in confidence".to_vec();
        let tag = key.seal(&[9; 16], 5, b"head", &mut payload).unwrap();
        payload.extend_from_slice(&tag);
        let again = ring.open(7, &master).unwrap();
        let open = |start: &NonceStart, sequence, head: &[u8], sealed: &[u8]| {
            again.open(start, sequence, head, sealed)
        };
        assert_eq!(open(&[9; 16], 5, b"head", &payload).unwrap(), b"said in confidence");
        assert_eq!(open(&[9; 16], 6, b"head", &payload), None);
        assert_eq!(open(&[8; 16], 5, b"head", &payload), None);
        assert_eq!(open(&[9; 16], 5, b"heap", &payload), None);
        for index in 0..payload.len() {
            let mut changed = payload.clone();
            changed[index] ^= 1;
            assert_eq!(open(&[9; 16], 5, b"head", &changed), None);
            assert_eq!(open(&[9; 16], 5, b"head", &payload[..index]), None);
        }
    }

    #[test]
    fn a_ring_is_kept_whole_and_forgets_for_good() {
        let (master, mut ring) = (MasterKey::new([1; 32]), KeyRing::new());
        for conversation in [3, 1, 2] {
            ring.create(conversation, &master, entropy(conversation as u8)).unwrap();
        }
        assert_eq!(ring.create(1, &master, entropy(9)).unwrap_err(), KeyRingError::Taken);
        let kept = ring.to_bytes();
        assert_eq!(KeyRing::from_bytes(&kept).unwrap(), ring);
        assert!(ring.forget(2) && !ring.forget(2));
        assert_eq!(ring.open(2, &master).unwrap_err(), KeyRingError::Absent);
        let wrapped = kept[RING_START.len() + ENTRY_BYTES..].first_chunk::<ENTRY_BYTES>().unwrap();
        assert!(!ring.to_bytes().windows(ENTRY_BYTES).any(|window| window == wrapped));
        let other = MasterKey::new([2; 32]);
        assert_eq!(ring.is_wrapped_by(&master), Some(true));
        assert_eq!(ring.is_wrapped_by(&other), Some(false));
        assert_eq!(KeyRing::new().is_wrapped_by(&other), None);
        assert_eq!(ring.open(1, &other).unwrap_err(), KeyRingError::Unreadable);
        for cut in 0..kept.len() {
            let entries_bytes = cut.checked_sub(RING_START.len());
            let is_whole = entries_bytes.is_some_and(|bytes| bytes.is_multiple_of(ENTRY_BYTES));
            assert_eq!(KeyRing::from_bytes(&kept[..cut]).is_ok(), is_whole);
        }
    }
}
