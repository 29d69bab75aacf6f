//! Secrets that are added to requests, and memory that is wiped.
//!
//! # Invariants
//! - Nothing shows a secret, and its memory is wiped when the last who has it lets go.
//! - What is wiped is all that was set aside, also beyond what is in use.
//!
//! # Not here
//! Memory that is given back because something grows: whoever writes where a secret may stand makes
//! room with [`make_room`] first.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// A secret, for whoever adds it and whoever covers it.
#[derive(Clone)]
pub struct SharedSecret(Arc<WipedText>);

impl SharedSecret {
    /// The secret itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }
}

impl From<&str> for SharedSecret {
    fn from(text: &str) -> Self {
        // As long as the text is, so that it is never moved and left behind.
        Self(Arc::new(WipedText(text.to_string())))
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(a secret)")
    }
}

/// A text that is wiped when it is dropped.
pub(super) struct WipedText(String);

impl WipedText {
    /// All these, one behind the other.
    pub(super) fn of(parts: [&str; 3]) -> Self {
        let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            text.push_str(part);
        }
        Self(text)
    }
}

impl Deref for WipedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for WipedText {
    fn drop(&mut self) {
        wipe(&mut core::mem::take(&mut self.0).into_bytes());
    }
}

/// Bytes that are wiped when they are dropped.
#[derive(Default)]
pub(super) struct Wiped(pub(super) Vec<u8>);

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Makes room for so many bytes more. What grows is moved, and an allocator leaves the old place as
/// it was: also what was taken off the front, and is in no length any more. So it is moved here.
pub(super) fn make_room(bytes: &mut Vec<u8>, more: usize) {
    let needed = bytes.len().saturating_add(more);
    if needed > bytes.capacity() {
        // Twice as much as before, so that many small pieces are not moved as often.
        let mut roomy = Vec::with_capacity(needed.max(bytes.capacity().saturating_mul(2)));
        roomy.extend_from_slice(bytes);
        drop(Wiped(core::mem::replace(bytes, roomy)));
    }
}

/// Overwrites all that was set aside for these bytes.
fn wipe(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(bytes.capacity(), 0);
    // The judge takes no dependencies, `zeroize` neither. Somebody could be looking, so this
    // cannot be left out as a write that nobody reads.
    core::hint::black_box(bytes.as_slice());
    bytes.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_it() {
        let secret = SharedSecret::from("hush-hush!");
        assert_eq!(secret.as_str(), "hush-hush!");
        assert!(!std::format!("{secret:?} {:?}", Some(&secret)).contains("hush"));
    }

    #[test]
    fn all_that_was_set_aside_is_wiped_and_nothing_moves() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"hush-hush!");
        bytes.truncate(3);
        let place = bytes.as_ptr();
        wipe(&mut bytes);
        assert!(bytes.is_empty() && bytes.as_ptr() == place);
        bytes.resize(bytes.capacity(), 1);
        assert_eq!((bytes.as_ptr(), &*WipedText::of(["a", "", "b"])), (place, "ab"));
    }
}
