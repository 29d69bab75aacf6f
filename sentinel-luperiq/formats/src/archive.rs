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
pub const HEAD_BYTES: usize = 16;

const MAGIC: &[u8] = b"LUPERIQ1";
const ENTRY_BYTES: usize = 64;
const NAME_BYTES: usize = 48;

/// The length of the archive that begins like this, if one does.
#[must_use]
pub fn length(head: &[u8]) -> Option<u64> {
    let length = word(head, 12)?;
    (head.get(..8)? == MAGIC && u64::from(length) >= HEAD_BYTES as u64).then_some(length.into())
}

/// All files of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Archive {
    bytes: &'static [u8],
}

impl Archive {
    /// The archive of these bytes; an empty one if they are none.
    #[must_use]
    pub fn new(bytes: &'static [u8]) -> Self {
        Self { bytes: if length(bytes).is_some() { bytes } else { &[] } }
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
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
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&'static [u8]> {
        self.files().find(|(known, _)| *known == name).map(|(_, content)| content)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// An archive with two files of which the second reaches too far.
    fn archive() -> Vec<u8> {
        let mut bytes = b"LUPERIQ1\x02\0\0\0\0\x01\0\0".to_vec();
        for (name, start, length) in [("one", 144_u32, 3_u32), ("two", 200, 100)] {
            let mut entry = name.as_bytes().to_vec();
            entry.resize(48, 0);
            entry.extend(start.to_le_bytes());
            entry.extend(length.to_le_bytes());
            entry.resize(64, 0);
            bytes.extend(entry);
        }
        bytes.extend(b"abc");
        bytes.resize(256, 0);
        bytes
    }

    #[test]
    fn files_are_found_by_name_and_stay_inside() {
        let bytes = archive().leak();
        assert_eq!(length(bytes), Some(256));
        let archive = Archive::new(bytes);
        assert_eq!(archive.file("one"), Some(&b"abc"[..]));
        assert_eq!(archive.file("two"), None);
        assert_eq!(archive.files().count(), 1);
    }

    #[test]
    fn what_is_no_archive_is_empty() {
        let whole = archive();
        for length in 0..whole.len() {
            let cut: &'static [u8] = whole[..length].to_vec().leak();
            assert!(Archive::new(cut).files().count() <= 1);
        }
        assert_eq!(length(b"LUPERIQ1\0\0\0\0\x0f\0\0\0"), None);
        assert_eq!(length(b"SOMETHING ELSE.."), None);
    }
}
