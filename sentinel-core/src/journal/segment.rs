//! Where a file of the log begins, and how it hangs on the one before.
//!
//! # Invariants
//! - The header says everything needed to go on from there (number, chain, tree, key), and a reader
//!   who comes from the file before knows all of it already: a file that was deleted, exchanged or
//!   put elsewhere does not fit.
//!
//! # Not here
//! When to start a new file: the shell decides by size.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Hash;
use super::checkpoint::is_origin;
use super::record::JournalId;
use super::tree::Frontier;

/// The state of a log between two records: what a reader has to know to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) journal: JournalId,
    pub(super) origin: String,
    /// The number of the file.
    pub(super) segment: u32,
    /// The hash of the record before.
    pub(super) previous: Hash,
    /// Its leaves are all records before.
    pub(super) tree: Frontier,
    pub(super) epoch: u64,
    pub(super) key: [u8; 32],
}

impl Place {
    /// Where a log with this name and first key begins.
    pub(super) fn first(journal: JournalId, origin: &str, key: [u8; 32]) -> Self {
        let mut name = journal.0.to_vec();
        name.extend_from_slice(&key);
        name.extend_from_slice(origin.as_bytes());
        Self {
            journal,
            origin: origin.to_string(),
            segment: 0,
            previous: Hash::labelled("sentinel journal start v1", &name),
            tree: Frontier::new(),
            epoch: 0,
            key,
        }
    }

    /// The number of the next record.
    pub(super) const fn sequence(&self) -> u64 {
        self.tree.leaves_count()
    }

    /// Ends the current file and writes the header of the next.
    pub(super) fn next_file(&mut self, out: &mut Vec<u8>) {
        self.segment = self.segment.saturating_add(1);
        self.write_header(out);
    }

    /// Writes the header of a file that begins here.
    pub(super) fn write_header(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.journal.0);
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.sequence().to_le_bytes());
        out.extend_from_slice(&self.previous.0);
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.key);
        out.extend(u8::try_from(self.origin.len()));
        out.extend_from_slice(self.origin.as_bytes());
        for subtree in self.tree.subtrees() {
            out.extend_from_slice(&subtree.0);
        }
        let length = u32::try_from(out.len() - start - PREFIX_BYTES).unwrap_or(u32::MAX);
        out[start + MAGIC.len()..start + PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
        let check = Hash::labelled(CHECK, &out[start..]);
        out.extend_from_slice(&check.0);
    }

    /// Reads the header at the start of `bytes`, and says how long it is. `Ok(None)` if it is not
    /// all there.
    pub(super) fn read_header(bytes: &[u8]) -> Result<Option<(Self, usize)>, BrokenHeader> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(BrokenHeader);
        }
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let [.., a, b, c, d] = *prefix;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if !(FIXED_BYTES..=FIXED_BYTES + 255 + 64 * 32).contains(&length) {
            return Err(BrokenHeader);
        }
        let Some((content, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let Some(&check) = rest.first_chunk::<32>() else { return Ok(None) };
        if Hash::labelled(CHECK, &bytes[..PREFIX_BYTES + length]) != Hash(check) {
            return Err(BrokenHeader);
        }
        let place = Self::read_content(content).ok_or(BrokenHeader)?;
        Ok(Some((place, PREFIX_BYTES + length + 32)))
    }

    fn read_content(mut content: &[u8]) -> Option<Self> {
        let journal = JournalId(take(&mut content)?);
        let segment = u32::from_le_bytes(take(&mut content)?);
        let sequence = u64::from_le_bytes(take(&mut content)?);
        let previous = Hash(take(&mut content)?);
        let epoch = u64::from_le_bytes(take(&mut content)?);
        let key = take(&mut content)?;
        let [length] = take(&mut content)?;
        let (origin, subtrees) = content.split_at_checked(usize::from(length))?;
        let origin = core::str::from_utf8(origin).ok().filter(|origin| is_origin(origin))?;
        let (subtrees, rest) = subtrees.as_chunks::<32>();
        let subtrees = subtrees.iter().map(|subtree| Hash(*subtree)).collect();
        let tree = Frontier::from_parts(sequence, subtrees)?;
        let origin = origin.to_string();
        rest.is_empty().then_some(Self { journal, origin, segment, previous, tree, epoch, key })
    }
}

/// The bytes are not the header of a file of a log, or a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BrokenHeader;

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// No text starts like this, a program that changes line ends shows, and so does one that drops the
/// eighth bit.
const MAGIC: &[u8; 8] = b"\xd3SNTL1\r\n";
const PREFIX_BYTES: usize = MAGIC.len() + 4;
const CHECK: &str = "sentinel journal segment v1";

/// Log, number, sequence, chain, epoch, key, length of the origin.
const FIXED_BYTES: usize = 8 + 4 + 8 + 32 + 8 + 32 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_every_bit_of_it_counts() {
        let mut place = Place::first(JournalId(*b"journal1"), "example.com/sentinel", [4; 32]);
        for n in 0..13 {
            place.tree.push(Hash([n; 32]));
        }
        let mut bytes = Vec::new();
        place.write_header(&mut bytes);
        assert_eq!(Place::read_header(&bytes), Ok(Some((place, bytes.len()))));
        for end in 0..bytes.len() {
            assert_eq!(Place::read_header(&bytes[..end]), Ok(None), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(Place::read_header(&wrong), Ok(Some(_))), "bit {bit}");
        }
    }
}
