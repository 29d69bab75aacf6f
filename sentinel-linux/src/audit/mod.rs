//! The log, for those who do not take the agent's word for it.
//!
//! # Invariants
//! - Nothing here writes, and nothing here needs the agent to be at rest.
//! - What others wrote reaches a terminal with every control character written out.

mod files;
mod keys;
mod proof;
mod replay;
mod show;
mod verify;

pub(crate) use files::Log;
pub(crate) use keys::Sight;
pub(crate) use proof::{Believed, Checked, Claim, check, proof_json, prove};
pub(crate) use replay::{replay, report};
pub(crate) use show::{Wanted, export, is_kind, show};
pub(crate) use verify::{Kept, UNKNOWN, Verified, kept, verify};

/// Bytes as people compare them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key as people write it.
pub(crate) fn key(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    digits.iter().all(u8::is_ascii_hexdigit).then_some(key)
}
