//! Signed notes, as other transparency logs write them (C2SP signed-note and tlog-checkpoint).
//!
//! A note is a text and signatures under it. Anybody who runs a witness for other logs can read
//! ours, check that it only grew, and sign it too.
//!
//! # Invariants
//! - What was signed is the text as it stands, to the byte; a note that is read and written is the
//!   same note.
//! - A signature counts only for the key it was checked with. Lines of unknown keys are kept and
//!   prove nothing.
//!
//! # Not here
//! What a checkpoint says: [`super::checkpoint`]. Which keys to trust: the caller.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signer as _, SigningKey};

use super::signer::{COSIGNATURE, ED25519, NoteVerifier, is_name, key_id};
use crate::limits::{JOURNAL_NOTE_BYTES_MAX, JOURNAL_NOTE_SIGNATURES_MAX};
use crate::time::Timestamp;

/// A text with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, its last line end included.
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

impl Note {
    /// A note with this text and no signatures.
    ///
    /// # Errors
    /// The text does not end a line, or holds control characters.
    pub fn new(text: String) -> Result<Self, NoteError> {
        if !text.ends_with('\n') || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Text);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > JOURNAL_NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let at = note.rfind("\n\n").ok_or(NoteError::Signature)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let mut parsed = Self::new(text.to_string())?;
        if !lines.ends_with('\n') {
            return Err(NoteError::Signature);
        }
        for line in lines.lines() {
            parsed.add(NoteSignature::parse(line).ok_or(NoteError::Signature)?)?;
        }
        // Base64 of any other spelling would read back differently.
        if parsed.to_string() != note {
            return Err(NoteError::Signature);
        }
        Ok(parsed)
    }

    /// The text that was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many signatures stand under it, whoever made them.
    #[must_use]
    pub fn signatures_count(&self) -> usize {
        self.signatures.len()
    }

    /// Signs it.
    ///
    /// # Errors
    /// The name is none, or there are too many signatures already.
    pub fn sign(&mut self, name: &str, key: &SigningKey) -> Result<(), NoteError> {
        let key_id = key_id(name, ED25519, &key.verifying_key());
        let bytes = key.sign(self.text.as_bytes()).to_bytes().to_vec();
        self.add(NoteSignature { name: name.to_string(), key_id, bytes })
    }

    /// Whether `verifier` signed it.
    #[must_use]
    pub fn is_signed_by(&self, verifier: &NoteVerifier) -> bool {
        self.lines_of(verifier, ED25519).any(|bytes| verifier.accepts(self.text.as_bytes(), bytes))
    }

    /// Whether a line under it says that `verifier` signed it, which it did not.
    #[must_use]
    pub fn is_forged_for(&self, verifier: &NoteVerifier) -> bool {
        self.lines_of(verifier, ED25519).any(|bytes| !verifier.accepts(self.text.as_bytes(), bytes))
    }

    /// When `witness` cosigned it (C2SP tlog-cosignature, version 1), the latest time if more than
    /// once. `None` if it did not.
    #[must_use]
    pub fn cosigned_at(&self, witness: &NoteVerifier) -> Option<Timestamp> {
        let times = self.lines_of(witness, COSIGNATURE).filter_map(|bytes| {
            let (seconds, signature) = bytes.split_first_chunk::<8>()?;
            let seconds = u64::from_be_bytes(*seconds);
            let message = cosigned_message(seconds, &self.text);
            // A moment is less than 2^63 seconds.
            let is_good = seconds >> 63 == 0 && witness.accepts(message.as_bytes(), signature);
            is_good.then(|| Timestamp(seconds.saturating_mul(1000)))
        });
        times.max()
    }

    /// Takes over the signatures of the same note as others signed it, and says how many were new.
    ///
    /// # Errors
    /// The texts differ, or there are too many signatures.
    pub fn merge(&mut self, other: &Self) -> Result<usize, NoteError> {
        if self.text != other.text {
            return Err(NoteError::Text);
        }
        let before = self.signatures.len();
        for signature in &other.signatures {
            if !self.signatures.contains(signature) {
                self.add(signature.clone())?;
            }
        }
        Ok(self.signatures.len() - before)
    }

    /// What a witness would do.
    #[cfg(test)]
    pub(super) fn cosign(&mut self, name: &str, key: &SigningKey, seconds: u64) {
        let mut bytes = seconds.to_be_bytes().to_vec();
        let message = cosigned_message(seconds, &self.text);
        bytes.extend_from_slice(&key.sign(message.as_bytes()).to_bytes());
        let key_id = key_id(name, COSIGNATURE, &key.verifying_key());
        self.add(NoteSignature { name: name.to_string(), key_id, bytes }).unwrap();
    }

    fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if !is_name(&signature.name) {
            return Err(NoteError::Name);
        }
        if self.signatures.len() == JOURNAL_NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooLong);
        }
        self.signatures.push(signature);
        Ok(())
    }

    fn lines_of<'n>(
        &'n self,
        verifier: &NoteVerifier,
        algorithm: u8,
    ) -> impl Iterator<Item = &'n [u8]> {
        let id = key_id(&verifier.name, algorithm, &verifier.key);
        let name = verifier.name.clone();
        let lines = self.signatures.iter();
        lines.filter(move |line| line.name == name && line.key_id == id).map(|line| &*line.bytes)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.text)?;
        for signature in &self.signatures {
            let mut bytes = signature.key_id.to_vec();
            bytes.extend_from_slice(&signature.bytes);
            writeln!(formatter, "— {} {}", signature.name, Base64::encode_string(&bytes))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = Base64::decode_vec(encoded).ok()?;
        let (key_id, bytes) = bytes.split_first_chunk::<4>()?;
        let parsed = Self { name: name.to_string(), key_id: *key_id, bytes: bytes.to_vec() };
        (!bytes.is_empty()).then_some(parsed)
    }
}

/// The bytes that a witness signs.
pub(super) fn cosigned_message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// Why something is not a signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteError {
    /// The text does not end with a line end, holds control characters, or is another note's.
    Text,
    /// A signature line is missing or is none.
    Signature,
    /// A name is empty or holds white space or `+`.
    Name,
    /// It is no usable Ed25519 key, or not written as one.
    Key,
    /// More bytes or signatures than allowed.
    TooLong,
}

impl fmt::Display for NoteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text => "the text of a note ends with a line end and holds no control characters",
            Self::Signature => "the signatures of a note are lines like `— name base64`",
            Self::Name => "the name of a signer is one word without `+`",
            Self::Key => "this is no usable Ed25519 key",
            Self::TooLong => "a note has at most 64 KiB and 64 signatures",
        })
    }
}

impl core::error::Error for NoteError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn verifier(name: &str, seed: u8) -> NoteVerifier {
        NoteVerifier::new(name, key(seed).verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn a_signed_note_reads_back_and_verifies() {
        let mut note = Note::new("example.com/log\n3\nAAAA\n".to_string()).unwrap();
        note.sign("example.com/log", &key(1)).unwrap();
        note.sign("other", &key(2)).unwrap();
        let written = note.to_string();
        assert!(written.starts_with("example.com/log\n3\nAAAA\n\n— example.com/log "));
        assert_eq!(Note::parse(&written), Ok(note.clone()));
        assert!(note.is_signed_by(&verifier("example.com/log", 1)));
        assert!(!note.is_signed_by(&verifier("example.com/log", 2)));
        assert!(!note.is_signed_by(&verifier("third", 1)));
    }

    /// No byte of a signed note can be changed such that the signature still counts.
    #[test]
    fn every_byte_counts() {
        let mut note = Note::new("example.com/log\n3\nAAAA\n".to_string()).unwrap();
        note.sign("n", &key(1)).unwrap();
        let written = note.to_string();
        for index in 0..written.len() {
            for bit in 0..8 {
                let mut bytes = written.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let is_good = Note::parse(&text).is_ok_and(|n| n.is_signed_by(&verifier("n", 1)));
                assert!(!is_good, "byte {index} bit {bit}");
            }
        }
    }

    #[test]
    fn a_witness_signs_the_time_too() {
        let mut note = Note::new("log\n1\nAAAA\n".to_string()).unwrap();
        note.cosign("witness", &key(7), 1_700_000_000);
        let witness = verifier("witness", 7);
        assert_eq!(note.cosigned_at(&witness), Some(Timestamp(1_700_000_000_000)));
        assert!(!note.is_signed_by(&witness), "a cosignature is no signature of the log");
        note.signatures[0].bytes[7] ^= 1;
        assert_eq!(note.cosigned_at(&witness), None);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        for (note, error) in [
            ("", NoteError::Signature),
            ("text\n", NoteError::Signature),
            ("text\n\n", NoteError::Signature),
            ("text\n\n— a\n", NoteError::Signature),
            ("text\n\n— a AAAAAA==\n", NoteError::Signature),
            ("text\n\n- a AAAAAAA=\n", NoteError::Signature),
            ("te\u{7}xt\n\n— a AAAAAAA=\n", NoteError::Text),
            ("text\n\n— a+b AAAAAAA=\n", NoteError::Name),
        ] {
            assert_eq!(Note::parse(note), Err(error), "{note:?}");
        }
        assert_eq!(NoteVerifier::new("n", &[0; 32]), Err(NoteError::Key));
        let long = "x\n".repeat(JOURNAL_NOTE_BYTES_MAX);
        assert_eq!(Note::parse(&long), Err(NoteError::TooLong));
    }
}
