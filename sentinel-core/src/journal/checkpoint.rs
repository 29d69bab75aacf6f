//! What a checkpoint says: so many records, this root, signed in that epoch, and who signs the
//! next.
//!
//! # Invariants
//! - The text has one spelling: what is read is written back as the same bytes.
//!
//! # Not here
//! Signatures: [`super::note`]. Keeping a checkpoint elsewhere is what makes it worth something;
//! the shell sends it to the operator's chat, to another host, to witnesses.

use alloc::string::{String, ToString};
use core::fmt;

use super::Hash;
use crate::limits::JOURNAL_ORIGIN_BYTES_MAX;

/// What a checkpoint says.
///
/// ```
/// use sentinel_core::journal::Checkpoint;
///
/// let text = "example.com/sentinel\n2\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nepoch 0\n\
///     next 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n";
/// let checkpoint = Checkpoint::parse(text)?;
/// assert_eq!(checkpoint.records_count, 2);
/// assert_eq!(checkpoint.to_string(), text);
/// # Ok::<(), sentinel_core::journal::CheckpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many records it vouches for.
    pub records_count: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The epoch whose key signed it.
    pub epoch: u64,
    /// The key of the epoch after it.
    pub next_key: [u8; 32],
}

impl Checkpoint {
    /// Reads the text of a note.
    ///
    /// # Errors
    /// It is not the text of a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(CheckpointError);
        let origin = line()?.to_string();
        let records_count = line()?.parse().map_err(|_| CheckpointError)?;
        let root = Hash::from_base64(line()?).ok_or(CheckpointError)?;
        let epoch = line()?.strip_prefix("epoch ").ok_or(CheckpointError)?;
        let epoch = epoch.parse().map_err(|_| CheckpointError)?;
        let next_key = line()?.strip_prefix("next ").and_then(Hash::from_base64);
        let Hash(next_key) = next_key.ok_or(CheckpointError)?;
        let checkpoint = Self { origin, records_count, root, epoch, next_key };
        // Leading zeros, signs and further lines read, but are not written.
        if !is_origin(&checkpoint.origin) || checkpoint.to_string() != text {
            return Err(CheckpointError);
        }
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, records_count, root, epoch, next_key } = self;
        let (root, next_key) = (root.to_base64(), Hash(*next_key).to_base64());
        writeln!(formatter, "{origin}\n{records_count}\n{root}\nepoch {epoch}\nnext {next_key}")
    }
}

/// Whether a log can have this name: it signs notes under it.
pub(super) fn is_origin(origin: &str) -> bool {
    (1..=JOURNAL_ORIGIN_BYTES_MAX).contains(&origin.len())
        && !origin.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// The text of a note is not that of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointError;

impl fmt::Display for CheckpointError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a checkpoint is five lines: origin, size, root in base64, `epoch N`, `next` and a key",
        )
    }
}

impl core::error::Error for CheckpointError {}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn other_spellings_are_refused() {
        let root = Hash([7; 32]).to_base64();
        let good = format!("a/b\n10\n{root}\nepoch 3\nnext {root}\n");
        assert!(Checkpoint::parse(&good).is_ok());
        for (from, to) in [
            ("\n10\n", "\n010\n"),
            ("\n10\n", "\n+10\n"),
            ("epoch 3\n", "epoch 3\nmore\n"),
            ("epoch 3\n", ""),
            ("epoch 3", "epoch three"),
            ("next ", "then "),
            ("next BwcH", "next "),
            ("a/b", "a b"),
            ("a/b", ""),
            ("a/b\n", "a/b\r\n"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            assert_eq!(Checkpoint::parse(&text), Err(CheckpointError), "{text:?}");
        }
        assert_eq!(Checkpoint::parse(&good[..good.len() - 1]), Err(CheckpointError));
        assert_eq!(Checkpoint::parse(&format!("{good}more\n")), Err(CheckpointError));
    }
}
