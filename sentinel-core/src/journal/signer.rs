//! Who signs notes: a name and a key, and how both are written in one word.
//!
//! # Invariants
//! - A key has one spelling: what is read is written back as the same text.
//! - A key that would accept one signature for every text is none.
//!
//! # Not here
//! Notes and their signatures: [`super::note`].

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, VerifyingKey};

use super::{Hash, NoteError};

/// Somebody whose signatures can be checked.
///
/// ```
/// use sentinel_core::journal::NoteVerifier;
///
/// let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// let signer = NoteVerifier::parse(text)?;
/// assert_eq!(signer.name(), "PeterNeumann");
/// assert_eq!(signer.to_string(), text);
/// # Ok::<(), sentinel_core::journal::NoteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    pub(super) name: String,
    pub(super) key: VerifyingKey,
}

impl NoteVerifier {
    /// Signatures of `name` by the Ed25519 key with these bytes.
    ///
    /// # Errors
    /// The name or the key is none.
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, NoteError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::Key)?;
        if !is_name(name) {
            return Err(NoteError::Name);
        }
        // A key of small order would accept one signature for every text; one that can be spelled
        // in another way is another key to some readers, and none to others.
        let is_canonical = key.to_edwards().compress().to_bytes() == key.to_bytes();
        if key.is_weak() || !is_canonical {
            return Err(NoteError::Key);
        }
        Ok(Self { name: name.to_string(), key })
    }

    /// Reads a key as it is handed on: the name, its number and the key, joined by `+` (a vkey of
    /// C2SP signed-note). Those of logs and of witnesses both read: for a witness some programs
    /// write the one, some the other.
    ///
    /// # Errors
    /// It is none, of another algorithm, or its number is not that of the name and the key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(number), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoteError::Key);
        };
        let mut bytes = [0; 33];
        let decoded = Base64::decode(key, &mut bytes).map_err(|_| NoteError::Key)?;
        let [algorithm @ (ED25519 | COSIGNATURE), key @ ..] = decoded else {
            return Err(NoteError::Key);
        };
        let key = key.try_into().map_err(|_| NoteError::Key)?;
        let (verifier, algorithm) = (Self::new(name, key)?, *algorithm);
        let is_its_number = number.len() == 8 && verifier.number(algorithm) == number;
        is_its_number.then_some(verifier).ok_or(NoteError::Key)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    /// As one that cosigns, the way a witness hands itself on.
    #[cfg(test)]
    pub(super) fn as_witness(&self) -> String {
        self.text(COSIGNATURE)
    }

    fn text(&self, algorithm: u8) -> String {
        let mut bytes = [algorithm; 33];
        bytes[1..].copy_from_slice(self.key.as_bytes());
        let (number, key) = (self.number(algorithm), Base64::encode_string(&bytes));
        format!("{}+{number}+{key}", self.name)
    }

    fn number(&self, algorithm: u8) -> String {
        let number = key_id(&self.name, algorithm, &self.key);
        format!("{:08x}", u32::from_be_bytes(number))
    }
}

/// As one that signs for a log, to be handed to witnesses.
impl fmt::Display for NoteVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text(ED25519))
    }
}

/// The number that stands before a signature.
pub(super) fn key_id(name: &str, algorithm: u8, key: &VerifyingKey) -> [u8; 4] {
    let mut data = [algorithm; 33];
    data[1..].copy_from_slice(key.as_bytes());
    let Hash([a, b, c, d, ..]) = Hash::labelled(name, &data);
    [a, b, c, d]
}

/// Names are one word: no white space and no plus sign, which separates them from keys elsewhere.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The numbers of the kinds of signature.
pub(super) const ED25519: u8 = 0x01;
pub(super) const COSIGNATURE: u8 = 0x04;

#[cfg(test)]
mod tests {
    use super::*;

    /// The key that the documentation of Go's notes shows, and its number.
    const GO: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    /// The same point in another spelling, and points that sign for anything: no reader may take
    /// what another one refuses.
    #[test]
    fn a_key_has_one_spelling() {
        let beyond = |low: u8| {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, 0x7f);
            key
        };
        // p is 2^255 - 19; these are p + 3 to p + 18.
        for low in 0xf0..=0xff {
            assert_eq!(NoteVerifier::new("a", &beyond(low)).err(), Some(NoteError::Key), "{low}");
        }
        assert_eq!(NoteVerifier::new("a", &[0; 32]).err(), Some(NoteError::Key), "small order");
    }

    #[test]
    fn a_key_reads_back_and_every_part_of_it_counts() {
        let verifier = NoteVerifier::parse(GO).unwrap();
        assert_eq!((verifier.name(), verifier.to_string().as_str()), ("PeterNeumann", GO));
        for (from, to) in [
            ("Peter", "Pete"),
            ("+c7", "+C7"),
            ("+c7", "+0c7"),
            ("+ARpc", "+ABpc"),
            ("+ARpc", "+BBpc"),
            ("10TW", "10TX"),
            ("10TW", "10"),
            ("10TW", "10TWAAAA"),
            ("PeterNeumann+", "+"),
            ("+c74f20a3+", "+"),
        ] {
            let text = GO.replacen(from, to, 1);
            assert!(text != GO && NoteVerifier::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_of_a_witness_has_a_number_of_its_own() {
        let verifier = NoteVerifier::parse(GO).unwrap();
        let text = verifier.as_witness();
        assert!(text.starts_with("PeterNeumann+") && !text.contains("c74f20a3"), "{text}");
        assert_eq!(NoteVerifier::parse(&text), Ok(verifier));
    }
}
