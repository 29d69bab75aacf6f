//! The digest of what plays a part in decisions.
//!
//! # Invariants
//! - Two configurations with one digest decide alike; where keys and addresses are is not in it.

use alloc::format;
use alloc::string::String;

use sha2::{Digest as _, Sha256};

use super::draft::Draft;
use super::show::key_name;
use crate::agent::Settings;

/// The digest of a configuration.
pub(super) fn of(draft: &Draft, settings: &Settings) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Each line with its length: a value that holds a line break is no two lines.
    let mut add = |line: &str| {
        hash.update((line.len() as u64).to_be_bytes());
        hash.update(line.as_bytes());
    };
    add("sentinel configuration 1");
    for part in &draft.sections {
        let own = part.name.as_deref().map(key_name).unwrap_or_default();
        add(&format!("[{}.{own}]", part.section.name));
        for (key, node) in part.entries.iter().filter(|(key, _)| key.decides) {
            add(&format!("{} = {}", key.name, node.to_value()));
        }
    }
    add(&settings.instructions);
    for grant in &settings.grants {
        add(&format!("{grant}"));
    }
    hash.finalize().into()
}

/// The SHA-256 of bytes.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
