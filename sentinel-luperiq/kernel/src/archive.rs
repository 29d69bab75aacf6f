//! The archive that comes with the image: files by name, never written.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `LUPERIQ1` |
//! | 4 | how many files |
//! | 4 | bytes of the whole archive |
//! | 64 each | name (48, padded with zeros), start from the archive's own, length, 0 |
//!
//! # Invariants
//! - Whatever it says, no file reaches beyond the archive.

/// How much of it tells how long it is.
pub(crate) const HEAD_BYTES: usize = 16;

const MAGIC: &[u8] = b"LUPERIQ1";
const ENTRY_BYTES: usize = 64;
const NAME_BYTES: usize = 48;

/// The length of the archive that begins like this, if one does.
pub(crate) fn length(head: &[u8]) -> Option<u64> {
    let length = word(head, 12)?;
    (head.get(..8)? == MAGIC && u64::from(length) >= HEAD_BYTES as u64).then_some(length.into())
}

/// All files of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Archive {
    bytes: &'static [u8],
}

impl Archive {
    /// The archive of these bytes; an empty one if they are none.
    pub(crate) fn new(bytes: &'static [u8]) -> Self {
        Self { bytes: if length(bytes).is_some() { bytes } else { &[] } }
    }

    /// Every file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        let bytes = self.bytes;
        let count = word(bytes, 8).unwrap_or(0) as usize;
        let entries = bytes.get(HEAD_BYTES..).unwrap_or(&[]).chunks_exact(ENTRY_BYTES);
        entries.take(count).filter_map(move |entry| {
            let name = &entry[..NAME_BYTES];
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
            let start = word(entry, 48)? as usize;
            let content = bytes.get(start..start.checked_add(word(entry, 52)? as usize)?)?;
            Some((core::str::from_utf8(&name[..end]).ok()?, content))
        })
    }

    /// The file of this name.
    pub(crate) fn file(&self, name: &str) -> Option<&'static [u8]> {
        self.files().find(|(known, _)| *known == name).map(|(_, content)| content)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}
