//! A disk that does what disks may do: it is slow, it fails, and of a write that was not synced it
//! keeps any of the sectors, in a file that grew before them, or not so far, or not at all.
//!
//! What a sync made safe stays as it is. A sector is written whole or not at all, but where the
//! file ends inside it; one that did not come is zeros, because the shell clears away what an
//! earlier try left before it writes again.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::random::Random;
use super::summary::Summary;
use crate::journal::KeyRing;

/// The journal's files, the key ring and the seed: what survives, and what is being written.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<Vec<u8>>,
    writing: Option<Write>,
    pub(super) ring: Vec<u8>,
    /// The rings that had a key which the next one had no more. Nobody keeps them but the world, to
    /// check what became of conversations that were forgotten.
    former_rings: Vec<Vec<u8>>,
    pub(super) seed: Vec<u8>,
    /// Whether the keys of the next records could not be stored.
    is_keyless: bool,
    /// Where a write began of which a sector was left out, and that was not made again since: a
    /// start drops it, and to an auditor it is damage.
    hole: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Write {
    file: usize,
    offset: usize,
    bytes: Arc<Vec<u8>>,
    records_count: u64,
    /// Whether nothing of it is written, because its keys could not be stored.
    is_keyless: bool,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// So many records are safe.
    Safe(u64),
    Failed,
}

impl Disk {
    pub(super) fn write(
        &mut self,
        file: u64,
        offset: u64,
        bytes: Arc<Vec<u8>>,
        records_count: u64,
    ) {
        assert!(self.writing.is_none(), "one write at a time");
        let (file, offset) = (usize::try_from(file).unwrap(), usize::try_from(offset).unwrap());
        let is_keyless = self.is_keyless;
        self.writing = Some(Write { file, offset, bytes, records_count, is_keyless });
    }

    /// The key ring is replaced, or stays as it was: then no record that needs it is written.
    pub(super) fn store_keys(&mut self, ring: Vec<u8>, fails: bool) {
        self.is_keyless = fails;
        if fails {
            return;
        }
        let former = core::mem::replace(&mut self.ring, ring);
        let keyed = |ring: &[u8]| -> BTreeSet<u64> {
            let ring = (!ring.is_empty()).then(|| KeyRing::from_bytes(ring).unwrap());
            ring.iter().flat_map(KeyRing::conversations).collect()
        };
        if !keyed(&self.ring).is_superset(&keyed(&former)) {
            self.former_rings.push(former);
        }
    }

    /// Every ring that opens something, the newest first.
    pub(super) fn rings(&self) -> Vec<&[u8]> {
        let former = self.former_rings.iter().rev().map(Vec::as_slice);
        core::iter::once(self.ring.as_slice()).chain(former).collect()
    }

    pub(super) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// The write that is under way comes to its end.
    pub(super) fn sync(&mut self) -> Option<Written> {
        let Write { file, offset, bytes, records_count, is_keyless } = self.writing.take()?;
        if is_keyless {
            return Some(Written::Failed);
        }
        let file = self.file(file);
        assert!(offset <= file.len(), "no hole is left in the log");
        file.truncate(offset);
        file.extend_from_slice(&bytes);
        self.hole = None;
        Some(Written::Safe(records_count))
    }

    /// The write fails, after any part of it reached the disk. Says whether there was one.
    pub(super) fn fail(&mut self, random: &mut Random, summary: &mut Summary) -> bool {
        let Some(write) = self.writing.take() else { return false };
        self.tear(&write, random, summary);
        true
    }

    /// Power fails, and with it the write that is under way.
    pub(super) fn crash(&mut self, random: &mut Random, summary: &mut Summary) {
        self.fail(random, summary);
        self.is_keyless = false;
    }

    pub(super) fn files(&self) -> Vec<&[u8]> {
        self.files.iter().map(Vec::as_slice).collect()
    }

    /// The files, up to a write that left a hole.
    pub(super) fn whole_files(&self) -> Vec<&[u8]> {
        let mut files = self.files();
        if let Some((number, offset)) = self.hole {
            files.truncate(number + 1);
            files[number] = &files[number][..offset];
        }
        files
    }

    /// What recovery threw away at the end of the last file.
    pub(super) fn truncate(&mut self, bytes_count: u64) {
        self.hole = None;
        if let Some(last) = self.files.last_mut() {
            last.truncate(usize::try_from(bytes_count).unwrap());
        }
    }

    fn tear(&mut self, write: &Write, random: &mut Random, summary: &mut Summary) {
        let Write { file, offset, bytes, is_keyless, .. } = write;
        if *is_keyless || random.chance(15) {
            return;
        }
        summary.writes_torn += 1;
        let place = (*file, *offset);
        let file = self.file(*file);
        assert!(*offset <= file.len(), "no hole is left in the log");
        file.truncate(*offset);
        let mut is_torn = false;
        let length = match random.chance(40) {
            true => bytes.len(),
            false => usize::try_from(random.below(bytes.len() as u64 + 1)).unwrap(),
        };
        let is_in_order = random.chance(40);
        let (mut start, mut has_hole) = (0, false);
        while start < length {
            let end = length.min(start + SECTOR_BYTES - (offset + start) % SECTOR_BYTES);
            if is_in_order || random.chance(50) {
                file.extend_from_slice(&bytes[start..end]);
                summary.sectors_lost += u64::from(core::mem::take(&mut has_hole));
            } else {
                file.resize(offset + end, 0);
                (has_hole, is_torn) = (true, true);
            }
            start = end;
        }
        self.hole = is_torn.then_some(place);
    }

    fn file(&mut self, number: usize) -> &mut Vec<u8> {
        while self.files.len() <= number {
            self.files.push(Vec::new());
        }
        &mut self.files[number]
    }
}

/// What disks write whole or not at all.
const SECTOR_BYTES: usize = 512;
