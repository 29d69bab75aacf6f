//! The digest of a folder, which an approval is for.
//!
//! # Invariants
//! - Two folders have one digest only if they have the same files with the same bytes under the
//!   same names, and the same of them are programs: lengths stand before what they are of.
//!
//! # Not here
//! Reading files. A shell gives them in the order of their paths.

use alloc::string::String;
use core::fmt;

use sha2::{Digest as _, Sha256};

use super::needs::is_path;
use crate::limits::{SKILL_FILES_BYTES_MAX, SKILL_FILES_COUNT_MAX, SKILL_PATH_BYTES_MAX};

/// Takes the files of a folder, one after the other.
#[derive(Clone, Debug)]
pub struct Content {
    hash: Sha256,
    last: String,
    count: usize,
    bytes: u64,
}

impl Default for Content {
    fn default() -> Self {
        Self::new()
    }
}

impl Content {
    /// No file yet.
    #[must_use]
    pub fn new() -> Self {
        let mut hash = Sha256::new();
        hash.update(VERSION);
        Self { hash, last: String::new(), count: 0, bytes: 0 }
    }

    /// Takes a file: its path within the folder with `/` between names, whether it is a program,
    /// and its bytes. Paths rise, byte by byte.
    ///
    /// # Errors
    /// It cannot be part of a skill.
    pub fn file(&mut self, path: &str, is_program: bool, bytes: &[u8]) -> Result<(), ContentError> {
        if !is_path(path) || path.len() > SKILL_PATH_BYTES_MAX || path.contains(char::is_control) {
            return Err(ContentError::Path);
        }
        if self.count > 0 && path <= self.last.as_str() {
            return Err(ContentError::Order);
        }
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.count > SKILL_FILES_COUNT_MAX || self.bytes > SKILL_FILES_BYTES_MAX {
            return Err(ContentError::TooMuch);
        }
        self.hash.update((path.len() as u64).to_le_bytes());
        self.hash.update(path);
        self.hash.update([u8::from(is_program)]);
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
        self.last.clear();
        self.last.push_str(path);
        Ok(())
    }

    /// The digest of them all.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

const VERSION: &[u8] = b"sentinel skill 1\n";

/// Why a file is not part of a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentError {
    /// Its path leads elsewhere, is too long or cannot be shown.
    Path,
    /// It does not come after the one before it.
    Order,
    /// There are too many files, or too many bytes.
    TooMuch,
}

impl fmt::Display for ContentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => {
                formatter.write_str("its path is too long, leads elsewhere or cannot be shown")
            }
            Self::Order => formatter.write_str("files come in the order of their paths"),
            Self::TooMuch => write!(
                formatter,
                "a skill has at most {SKILL_FILES_COUNT_MAX} files and {} MiB",
                SKILL_FILES_BYTES_MAX >> 20
            ),
        }
    }
}

impl core::error::Error for ContentError {}
