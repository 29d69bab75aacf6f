//! The catalogue: which files there are, and in which blocks.
//!
//! # Invariants
//! - What is read is checked: no block is named twice, none lies outside the space of files.

use alloc::vec::Vec;

use crate::root::take;
use crate::space::Space;
use crate::{BLOCK_BYTES, EXTENTS_MAX, Error, FILES_MAX, PATH_BYTES_MAX};

/// Blocks in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: Vec<u8>,
    pub(crate) bytes: u64,
    /// Milliseconds since 1970 when it was changed last.
    pub(crate) changed: u64,
    pub(crate) extents: Vec<Extent>,
    /// How many have it open.
    pub(crate) opens: u32,
    /// It has no name any more, and goes when nobody has it open.
    pub(crate) is_removed: bool,
}

impl File {
    /// The block in which the piece with this number is.
    pub(crate) fn block(&self, index: u32) -> Option<u32> {
        let mut before = 0;
        for extent in &self.extents {
            if index - before < extent.count {
                return Some(extent.start + (index - before));
            }
            before += extent.count;
        }
        None
    }

    /// Puts the piece with this number, at most one behind the last, into a block.
    pub(crate) fn set_block(&mut self, index: u32, block: u32) {
        let mut pieces: [Extent; 3] = [Extent { start: 0, count: 0 }; 3];
        let mut before = 0;
        let mut place = self.extents.len();
        for (number, extent) in self.extents.iter().enumerate() {
            if index - before < extent.count {
                let offset = index - before;
                let (left, right) = (offset, extent.count - offset - 1);
                pieces[0] = Extent { start: extent.start, count: left };
                pieces[2] = Extent { start: extent.start + offset + 1, count: right };
                place = number;
                break;
            }
            before += extent.count;
        }
        pieces[1] = Extent { start: block, count: 1 };
        let behind = (place + 1).min(self.extents.len());
        let pieces = pieces.into_iter().filter(|extent| extent.count > 0);
        self.extents.splice(place..behind, pieces);
        // What follows one another on the disk is one piece.
        let mut at = place.saturating_sub(1);
        while at + 1 < self.extents.len() && at <= place + 2 {
            let (one, other) = (self.extents[at], self.extents[at + 1]);
            if one.start + one.count == other.start {
                self.extents[at].count += other.count;
                self.extents.remove(at + 1);
            } else {
                at += 1;
            }
        }
    }

    /// Every block it has.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = u32> + '_ {
        self.extents.iter().flat_map(|extent| extent.start..extent.start + extent.count)
    }
}

/// Writes the files that have names.
pub(crate) fn encode(files: &[Option<File>], out: &mut Vec<u8>) {
    for file in files.iter().flatten().filter(|file| !file.is_removed) {
        out.extend((file.path.len() as u16).to_le_bytes());
        out.extend((file.extents.len() as u16).to_le_bytes());
        out.extend(file.bytes.to_le_bytes());
        out.extend(file.changed.to_le_bytes());
        out.extend(&file.path);
        for extent in &file.extents {
            out.extend(extent.start.to_le_bytes());
            out.extend(extent.count.to_le_bytes());
        }
    }
}

/// Reads a catalogue, and claims the blocks that it names.
pub(crate) fn decode(mut rest: &[u8], space: &mut Space) -> Option<Vec<Option<File>>> {
    let mut files = Vec::new();
    while !rest.is_empty() {
        let path_bytes = usize::from(u16::from_le_bytes(take(&mut rest)?));
        let extents_count = usize::from(u16::from_le_bytes(take(&mut rest)?));
        let bytes = u64::from_le_bytes(take(&mut rest)?);
        let changed = u64::from_le_bytes(take(&mut rest)?);
        let (path, behind) = rest.split_at_checked(path_bytes)?;
        rest = behind;
        let mut extents = Vec::new();
        let mut blocks = 0;
        extents.try_reserve_exact(extents_count.min(EXTENTS_MAX)).ok()?;
        for _ in 0..extents_count {
            let start = u32::from_le_bytes(take(&mut rest)?);
            let count = u32::from_le_bytes(take(&mut rest)?);
            let end = start.checked_add(count)?;
            if count == 0 || !(start..end).all(|block| space.claim(block)) {
                return None;
            }
            blocks += u64::from(count);
            extents.push(Extent { start, count });
        }
        let is_possible = is_path(path)
            && bytes.div_ceil(BLOCK_BYTES as u64) == blocks
            && files.len() < FILES_MAX;
        if !is_possible {
            return None;
        }
        let path = path.to_vec();
        files.push(Some(File { path, bytes, changed, extents, opens: 0, is_removed: false }));
    }
    Some(files)
}

/// Whether this can be a path: names between single slashes.
pub(crate) fn is_path(path: &[u8]) -> bool {
    let is_name = |name: &[u8]| !name.is_empty() && name != b"." && name != b"..";
    path.len() <= PATH_BYTES_MAX && path.split(|byte| *byte == b'/').all(is_name)
}

/// How many blocks the longest catalogue takes.
pub(crate) const CATALOGUE_BLOCKS_MAX: usize =
    (FILES_MAX * (20 + PATH_BYTES_MAX) + EXTENTS_MAX * 8).div_ceil(BLOCK_BYTES);

// The index is one block, of numbers of 4 bytes.
const _: () = assert!(CATALOGUE_BLOCKS_MAX < BLOCK_BYTES / 4);
const _: () = assert!(EXTENTS_MAX <= u16::MAX as usize);

impl From<alloc::collections::TryReserveError> for Error {
    fn from(_: alloc::collections::TryReserveError) -> Self {
        Self::NoMemory
    }
}
