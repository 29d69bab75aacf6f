//! Who signed a skill: minisign's signatures, and the keys that an operator trusts.
//!
//! What is signed is one line with the digest of the folder, so that an author signs with the
//! program `minisign` and nothing else, and whoever checks needs no other reading of the folder
//! than the one that an approval is for.
//!
//! # Invariants
//! - A signature counts only by a trusted key, of this digest, and with its own trusted comment.
//! - A folder with a signature that does not count is not used: it was meant to count.
//!
//! # Not here
//! Approval. A signature says who made these files, not that they should run.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding as _};
use blake2::{Blake2b512, Digest as _};

use crate::config::{Config, SignerKey};
use crate::limits::SKILL_SIGNATURE_BYTES_MAX;

/// Whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The keys.
    pub keys: Vec<SignerKey>,
    /// Whether a skill that none of them signed is not used.
    pub is_required: bool,
}

/// Who signed a skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key, as the operator wrote it.
    pub key: String,
    /// What its author said beside it, which is signed too.
    pub comment: String,
}

/// The line that an author signs.
#[must_use]
pub fn signed_line(digest: &[u8; 32]) -> String {
    let mut line = String::from("sentinel skill 1 sha256 ");
    for byte in digest {
        line.push_str(&format!("{byte:02x}"));
    }
    line.push('\n');
    line
}

impl Trust {
    /// What a configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            keys: config.skill_signers().to_vec(),
            is_required: config.are_skill_signatures_required(),
        }
    }

    /// Who signed a folder with this digest, in which this signature lies.
    ///
    /// # Errors
    /// It is not to be used.
    pub fn check(
        &self,
        digest: &[u8; 32],
        signature: Option<&str>,
    ) -> Result<Option<Signed>, SignatureError> {
        let Some(text) = signature else {
            return match self.is_required {
                true => Err(SignatureError::Missing),
                false => Ok(None),
            };
        };
        let read = Minisig::read(text).map_err(SignatureError::Unreadable)?;
        let mut known = self.keys.iter().filter(|key| key.number() == read.number).peekable();
        if known.peek().is_none() {
            return Err(SignatureError::Unknown(read.number));
        }
        let line = signed_line(digest);
        let hash;
        let message = match read.is_hashed {
            true => {
                hash = Blake2b512::digest(line.as_bytes());
                hash.as_slice()
            }
            false => line.as_bytes(),
        };
        // Two keys may have one number: it is only where to look.
        let key = known.find(|key| key.verifies(message, &read.signature));
        let key = key.ok_or(SignatureError::OtherFiles)?;
        let with_comment = [&read.signature[..], read.comment.as_bytes()].concat();
        if !key.verifies(&with_comment, &read.comment_signature) {
            return Err(SignatureError::OtherComment);
        }
        Ok(Some(Signed { key: key.to_string(), comment: read.comment.to_string() }))
    }
}

/// A file that `minisign` wrote.
struct Minisig<'t> {
    number: [u8; 8],
    /// Whether the hash of the message is signed in place of itself.
    is_hashed: bool,
    signature: [u8; 64],
    comment: &'t str,
    comment_signature: [u8; 64],
}

impl<'t> Minisig<'t> {
    fn read(text: &'t str) -> Result<Self, &'static str> {
        if text.len() > SKILL_SIGNATURE_BYTES_MAX {
            return Err("it is too long");
        }
        let mut lines = text.lines();
        let mut next = || lines.next().ok_or("it ends too early");
        if !next()?.starts_with("untrusted comment: ") {
            return Err("it begins with no untrusted comment");
        }
        let about: [u8; 74] = decoded(next()?).ok_or("its second line is no signature")?;
        let comment = next()?.strip_prefix("trusted comment: ");
        let comment = comment.ok_or("its third line is no trusted comment")?;
        let last = decoded(next()?).ok_or("its fourth line is no signature")?;
        if lines.next().is_some() {
            return Err("something stands behind it");
        }
        let is_hashed = match &about[..2] {
            b"ED" => true,
            b"Ed" => false,
            _ => return Err("it is of a kind that is not known"),
        };
        let (mut number, mut signature) = ([0; 8], [0; 64]);
        number.copy_from_slice(&about[2..10]);
        signature.copy_from_slice(&about[10..]);
        Ok(Self { number, is_hashed, signature, comment, comment_signature: last })
    }
}

fn decoded<const N: usize>(line: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = Base64::decode(line, &mut bytes).ok()?.len();
    (length == N).then_some(bytes)
}

/// Why a skill is not used, which is about its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// There is none, and there has to be one.
    Missing,
    /// It is no signature; why.
    Unreadable(&'static str),
    /// It is by a key with this number, which is not trusted.
    Unknown([u8; 8]),
    /// It is of other files, or somebody else's.
    OtherFiles,
    /// Its comment was changed.
    OtherComment,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str(
                "nobody signed it, and [skills] require_signature asks for that: get its \
                 skill.minisig from its author, or sign it yourself with a key of trusted_keys",
            ),
            Self::Unreadable(why) => write!(
                formatter,
                "skill.minisig is no signature of minisign: {why}; get it from the author again"
            ),
            Self::Unknown(number) => {
                formatter.write_str("skill.minisig is by the key ")?;
                // As `minisign` writes it.
                for byte in number.iter().rev() {
                    write!(formatter, "{byte:02X}")?;
                }
                formatter.write_str(
                    ", which is not trusted: add the author's key to [skills] trusted_keys if you \
                     have it from them, or remove the file",
                )
            }
            Self::OtherFiles => formatter.write_str(
                "skill.minisig does not fit these files: one of them was changed after it was \
                 signed, or it is forged; get the folder from its author again, or remove \
                 skill.minisig if you changed it yourself",
            ),
            Self::OtherComment => formatter.write_str(
                "the trusted comment of skill.minisig was changed after it was signed; get the \
                 file from the author again",
            ),
        }
    }
}

impl core::error::Error for SignatureError {}

#[cfg(test)]
pub(super) mod tests;
