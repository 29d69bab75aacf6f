//! The log: bytes in a row that are only ever added to.
//!
//! # Invariants
//! - What the root on the disk counts is never lost: the sector that is written again is in the
//!   root too.

use alloc::vec::Vec;

use crate::root::{Root, SECRET_BYTES};
use crate::store::{ROOTS, Store};
use crate::{BLOCK_BYTES, Disk, Error, SECTOR_BYTES, SECTORS_IN_BLOCK};

/// Where the log ends now.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) end: u64,
    pub(crate) sector: [u8; SECTOR_BYTES],
    pub(crate) secret: Vec<u8>,
    pub(crate) is_changed: bool,
    /// What is written at once.
    buffer: Vec<u8>,
}

impl Tail {
    pub(crate) fn of(root: &Root) -> Result<Self, Error> {
        let (end, sector, secret) = (root.log_bytes, root.tail, root.secret.clone());
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(BUFFER_BYTES)?;
        Ok(Self { end, sector, secret, is_changed: false, buffer })
    }
}

impl<D: Disk> Store<D> {
    /// How long the log is, with what is not safe yet.
    #[must_use]
    pub const fn log_bytes(&self) -> u64 {
        self.tail.end
    }

    /// How long it can be.
    #[must_use]
    pub fn log_bytes_max(&self) -> u64 {
        u64::from(self.root.log_blocks) * BLOCK_BYTES as u64
    }

    /// Reads of the log from a place on, as far as it goes; gives how much.
    ///
    /// # Errors
    /// The disk fails.
    pub fn log_read(&mut self, position: u64, out: &mut [u8]) -> Result<usize, Error> {
        let count = self.tail.end.saturating_sub(position).min(out.len() as u64) as usize;
        let mut sector = [0; SECTOR_BYTES];
        let mut done = 0;
        while done < count {
            let at = position + done as u64;
            let (number, offset) = (at / SECTOR, (at % SECTOR) as usize);
            let rest = out.get_mut(done..count).unwrap_or_default();
            let is_last = number == self.tail.end / SECTOR;
            let whole = rest.len() / SECTOR_BYTES * SECTOR_BYTES;
            // Many at once, as long as none of them is the last.
            let before_last = (self.tail.end / SECTOR - number) * SECTOR;
            let whole = whole.min(usize::try_from(before_last).unwrap_or(usize::MAX));
            if offset == 0 && whole > 0 {
                self.disk.read(self.log_sector(number), &mut rest[..whole])?;
                done += whole;
                continue;
            }
            if is_last {
                sector = self.tail.sector;
            } else {
                self.disk.read(self.log_sector(number), &mut sector)?;
            }
            let part = rest.len().min(SECTOR_BYTES - offset);
            rest[..part].copy_from_slice(&sector[offset..offset + part]);
            done += part;
        }
        Ok(count)
    }

    /// Adds to the log; it is safe after the next commit.
    ///
    /// # Errors
    /// The log is full, or the disk fails.
    pub fn log_append(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.usable()?;
        if bytes.len() as u64 > self.log_bytes_max() - self.tail.end {
            return Err(Error::Full);
        }
        while !bytes.is_empty() {
            let (number, offset) = (self.tail.end / SECTOR, (self.tail.end % SECTOR) as usize);
            let (part, rest) = bytes.split_at(bytes.len().min(BUFFER_BYTES - offset));
            let mut buffer = core::mem::take(&mut self.tail.buffer);
            buffer.clear();
            buffer.extend_from_slice(&self.tail.sector[..offset]);
            buffer.extend_from_slice(part);
            let end = buffer.len();
            buffer.resize(end.next_multiple_of(SECTOR_BYTES), 0);
            let result = self.disk.write(self.log_sector(number), &buffer);
            self.is_failed |= result.is_err();
            self.tail.sector = [0; SECTOR_BYTES];
            let left = end % SECTOR_BYTES;
            self.tail.sector[..left].copy_from_slice(&buffer[end - left..end]);
            self.tail.buffer = buffer;
            result?;
            self.tail.end += part.len() as u64;
            self.tail.is_changed = true;
            bytes = rest;
        }
        Ok(())
    }

    /// Keeps a secret with the next commit, in place of the one before.
    ///
    /// # Errors
    /// It is too long.
    pub fn set_secret(&mut self, secret: &[u8]) -> Result<(), Error> {
        if secret.len() > SECRET_BYTES {
            return Err(Error::BadArgument);
        }
        if self.tail.secret != secret {
            self.tail.secret.clear();
            self.tail.secret.try_reserve(secret.len())?;
            self.tail.secret.extend_from_slice(secret);
            self.tail.is_changed = true;
        }
        Ok(())
    }

    fn log_sector(&self, number: u64) -> u64 {
        u64::from(ROOTS) * SECTORS_IN_BLOCK + number
    }
}

const SECTOR: u64 = SECTOR_BYTES as u64;

/// What is written at once.
const BUFFER_BYTES: usize = 64 * 1024;
