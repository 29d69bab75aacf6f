//! A disk that does what disks may do: it is slow, it fails, it may lose what was not synced, and
//! it may keep any part of it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::random::Random;

/// The journal's files, the key ring and the seed: what survives, and what is being written.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<Vec<u8>>,
    writing: Option<Write>,
    pub(super) ring: Vec<u8>,
    pub(super) seed: Vec<u8>,
}

#[derive(Debug)]
struct Write {
    file: usize,
    offset: usize,
    bytes: Arc<Vec<u8>>,
    records_count: u64,
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
        self.writing = Some(Write { file, offset, bytes, records_count });
    }

    pub(super) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// The write is safe now: how many records there are.
    pub(super) fn sync(&mut self) -> Option<u64> {
        let Write { file, offset, bytes, records_count } = self.writing.take()?;
        self.put(file, offset, &bytes);
        Some(records_count)
    }

    /// The write fails, after a part of it reached the disk.
    pub(super) fn fail(&mut self, random: &mut Random) -> bool {
        let Some(Write { file, offset, bytes, .. }) = self.writing.take() else { return false };
        self.tear(file, offset, &bytes, random);
        true
    }

    /// Power fails: of what was being written some first part may have reached the disk.
    pub(super) fn crash(&mut self, random: &mut Random) {
        if let Some(Write { file, offset, bytes, .. }) = self.writing.take() {
            self.tear(file, offset, &bytes, random);
        }
    }

    pub(super) fn files(&self) -> Vec<&[u8]> {
        self.files.iter().map(Vec::as_slice).collect()
    }

    /// What recovery threw away at the end of the last file.
    pub(super) fn truncate(&mut self, bytes_count: u64) {
        if let Some(last) = self.files.last_mut() {
            last.truncate(usize::try_from(bytes_count).unwrap());
        }
    }

    fn tear(&mut self, file: usize, offset: usize, bytes: &[u8], random: &mut Random) {
        let kept = usize::try_from(random.below(bytes.len() as u64 + 1)).unwrap();
        self.put(file, offset, &bytes[..kept]);
    }

    fn put(&mut self, file: usize, offset: usize, bytes: &[u8]) {
        while self.files.len() <= file {
            self.files.push(Vec::new());
        }
        let file = &mut self.files[file];
        assert!(offset <= file.len(), "no hole is left in the log");
        file.truncate(offset);
        file.extend_from_slice(bytes);
    }
}
