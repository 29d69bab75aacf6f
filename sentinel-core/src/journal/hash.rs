//! SHA-256, and the one rule by which records, trees and keys are kept apart.
//!
//! # Invariants
//! - Every use of the hash starts with bytes that no other use starts with: `0x00` a record, `0x01`
//!   an inner node of the tree (RFC 9162 §2.1.1), and for everything else a line of text that names
//!   the use. What is variable is fixed in length or comes last.

use alloc::string::String;
use core::fmt;

use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};

/// SHA-256 of two pieces, the second right behind the first.
///
/// A host that computes it by other means than this library's compiler can (a kernel without
/// vectors on a core with instructions for it) hands its own to
/// [`Writer::hash_by`](super::Writer::hash_by).
pub type Digest = fn(&[u8], &[u8]) -> [u8; 32];

/// The [`Digest`] of this library.
#[must_use]
pub fn digest(first: &[u8], rest: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(first);
    hasher.update(rest);
    hasher.finalize().into()
}

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of a record that follows `previous`: at once its place in the chain and its leaf
    /// in the tree, so that a record's bytes are hashed once.
    #[must_use]
    pub fn record(previous: Self, body: &[u8]) -> Self {
        Self::record_by(digest, previous, body)
    }

    pub(super) fn record_by(digest: Digest, previous: Self, body: &[u8]) -> Self {
        // What stands before the body and its first bytes are one block: then nothing of the rest
        // has to be copied. Hashing three pieces takes noticeably longer.
        let (first, rest) = body.split_at(body.len().min(BLOCK_BYTES - 33));
        let mut head = [0; BLOCK_BYTES];
        head[1..33].copy_from_slice(&previous.0);
        head[33..33 + first.len()].copy_from_slice(first);
        Self(digest(&head[..33 + first.len()], rest))
    }

    /// The hash of two neighbours in the tree.
    #[must_use]
    pub fn node(left: Self, right: Self) -> Self {
        Self::node_by(digest, left, right)
    }

    pub(super) fn node_by(digest: Digest, left: Self, right: Self) -> Self {
        // In one piece: hashing three costs half as much again.
        let mut input = [1; 65];
        input[1..33].copy_from_slice(&left.0);
        input[33..].copy_from_slice(&right.0);
        Self(digest(&input, &[]))
    }

    /// The root of the tree without records.
    #[must_use]
    pub fn empty_tree() -> Self {
        Self::of(&[])
    }

    /// The hash for a purpose that `label` names.
    pub(super) fn labelled(label: &str, data: &[u8]) -> Self {
        Self::of(&[label.as_bytes(), b"\n", data])
    }

    pub(super) fn to_base64(self) -> String {
        Base64::encode_string(&self.0)
    }

    pub(super) fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let decoded = Base64::decode(text, &mut bytes).ok()?;
        (decoded.len() == 32).then_some(Self(bytes))
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

/// What SHA-256 takes at once.
const BLOCK_BYTES: usize = 64;

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_hashed_as_the_format_says() {
        let previous = Hash([7; 32]);
        let bytes: [u8; 200] = core::array::from_fn(|index| index as u8);
        for length in 0..=bytes.len() {
            let body = &bytes[..length];
            assert_eq!(Hash::record(previous, body), Hash::of(&[&[0], &previous.0, body]));
        }
    }
}
