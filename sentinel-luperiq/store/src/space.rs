//! Which blocks are taken: by the root on the disk, and by the one that comes next.
//!
//! # Invariants
//! - A block is given out only if neither of the two names it.

use alloc::vec::Vec;

use crate::Error;

/// The blocks of a disk.
#[derive(Debug)]
pub(crate) struct Space {
    /// Those that the root on the disk names: they are not written.
    durable: Vec<u64>,
    /// Those that the next root names.
    used: Vec<u64>,
    /// How many neither names.
    free: u32,
    /// Where to look next.
    cursor: usize,
}

impl Space {
    /// Of a disk with so many blocks, of which the first are not given out.
    pub(crate) fn new(blocks: u32, first: u32) -> Result<Self, Error> {
        let words = (blocks as usize).div_ceil(64);
        let mut used = Vec::new();
        let mut durable = Vec::new();
        used.try_reserve_exact(words).map_err(|_| Error::NoMemory)?;
        durable.try_reserve_exact(words).map_err(|_| Error::NoMemory)?;
        used.resize(words, 0);
        durable.resize(words, 0);
        let mut space = Self { durable, used, free: blocks, cursor: first as usize / 64 };
        // What lies behind the last block is nobody's either.
        let behind = blocks..(words * 64) as u32;
        space.free += behind.len() as u32;
        for block in (0..first).chain(behind) {
            space.claim(block);
        }
        Ok(space)
    }

    /// A block that is named; `false` if it is already, or is none.
    pub(crate) fn claim(&mut self, block: u32) -> bool {
        let (word, bit) = place(block);
        match self.used.get_mut(word) {
            Some(used) if *used & bit == 0 => {
                *used |= bit;
                self.free -= 1;
                true
            }
            _ => false,
        }
    }

    /// How many can be given out.
    pub(crate) const fn free(&self) -> u32 {
        self.free
    }

    /// Whether the root on the disk names a block.
    pub(crate) fn is_durable(&self, block: u32) -> bool {
        let (word, bit) = place(block);
        self.durable.get(word).is_some_and(|durable| durable & bit != 0)
    }

    /// Gives out a block: this one, if that can be.
    pub(crate) fn take(&mut self, wanted: u32) -> Result<u32, Error> {
        if !self.is_durable(wanted) && self.claim(wanted) {
            return Ok(wanted);
        }
        for step in 0..self.used.len() {
            let word = (self.cursor + step) % self.used.len();
            let taken = match (self.used.get(word), self.durable.get(word)) {
                (Some(used), Some(durable)) => used | durable,
                _ => u64::MAX,
            };
            if taken != u64::MAX {
                self.cursor = word;
                let block = (word * 64) as u32 + taken.trailing_ones();
                self.claim(block);
                return Ok(block);
            }
        }
        Err(Error::Full)
    }

    /// The next root does not name a block any more.
    pub(crate) fn release(&mut self, block: u32) {
        let (word, bit) = place(block);
        if let Some(used) = self.used.get_mut(word)
            && *used & bit != 0
        {
            *used &= !bit;
            self.free += u32::from(!self.is_durable(block));
        }
    }

    /// The next root is on the disk now.
    pub(crate) fn commit(&mut self) {
        let mut free = 0;
        for (durable, used) in self.durable.iter_mut().zip(&self.used) {
            *durable = *used;
            free += used.count_zeros();
        }
        self.free = free;
    }
}

const fn place(block: u32) -> (usize, u64) {
    (block as usize / 64, 1 << (block % 64))
}
