//! Files and a log on a disk: a power cut at any moment leaves the old or the new, never half.
//!
//! What is on the disk hangs from a root, of which there are two places. A change is written where
//! the root that counts names nothing; then, after a flush, the next root is written into the other
//! place, and flushed. So at every moment one root is whole, and everything it names is as it was
//! when it was written. Nothing is ever repaired: mounting reads a root and what it names.
//!
//! ```text
//! block 0, 1      the roots, by turns
//! then            the log: bytes in a row, as many as the root says
//! then            files, and the catalogue of them: where the catalogue says
//! ```
//!
//! The log's last sector is written again as the log grows. Its bytes stand in the root as well, so
//! that nothing depends on how a sector tears.
//!
//! # Invariants
//! - No block that the root on the disk names is written, the log's last sector excepted, whose
//!   bytes the root has.
//! - What is changed between two commits comes to the disk as a whole, files and log together.
//! - After a failed write or flush nothing is written any more: what the disk has stays.
//! - No content of a disk panics, or takes more memory than the bounds here say.
//!
//! # Not here
//! Rot: what a disk changes by itself is found in roots and catalogues, not in files. Who may open
//! what: `luperiq-policy`.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

use alloc::boxed::Box;

#[cfg(test)]
extern crate std;

mod catalogue;
mod log;
mod root;
mod space;
mod store;

pub use root::SECRET_BYTES;
pub use store::{FileId, Share, Stat, Store};

/// A disk, by the sector.
pub trait Disk {
    /// How many sectors it has.
    fn sectors(&self) -> u64;

    /// Reads whole sectors.
    ///
    /// # Errors
    /// The disk did not do it.
    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed>;

    /// Writes whole sectors; they are safe after the next flush.
    ///
    /// # Errors
    /// The disk did not do it.
    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed>;

    /// Returns when everything that was written is safe.
    ///
    /// # Errors
    /// The disk did not do it.
    fn flush(&mut self) -> Result<(), Failed>;
}

/// A disk of any kind.
pub type AnyDisk = Box<dyn Disk + Send>;

impl core::fmt::Debug for dyn Disk + Send {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Disk")
    }
}

impl Disk for AnyDisk {
    fn sectors(&self) -> u64 {
        (**self).sectors()
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        (**self).read(sector, out)
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        (**self).write(sector, bytes)
    }

    fn flush(&mut self) -> Result<(), Failed> {
        (**self).flush()
    }
}

/// Opens the store of a disk of any kind, or makes one on a blank disk.
///
/// What stands here is compiled as this crate is, for size; a store of a disk that is named in
/// another crate is compiled as that one is.
///
/// # Errors
/// As for [`Store::mount`].
pub fn mount(disk: AnyDisk) -> Result<Store<AnyDisk>, Error> {
    Store::mount(disk)
}

/// Makes everything safe.
///
/// # Errors
/// As for [`Store::commit`].
pub fn commit(store: &mut Store<AnyDisk>) -> Result<(), Error> {
    store.commit()
}

/// A disk did not do what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The disk failed, now or before.
    Device,
    /// The disk has something on it that is no store, or a damaged one.
    NoStore,
    /// The disk is smaller than a store, or larger than one can be.
    Size,
    /// The disk is full, or a file is in too many pieces.
    Full,
    /// There is no such file.
    NotFound,
    /// Something of that name is there and is no file, or would have to be a directory.
    Exists,
    /// A name that is none, or a place that is behind the end of a file.
    BadArgument,
    /// There is no memory.
    NoMemory,
}

impl From<Failed> for Error {
    fn from(_: Failed) -> Self {
        Self::Device
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Self::Device => "the disk failed",
            Self::NoStore => "the disk holds no store, or a damaged one; it is not written to",
            Self::Size => "the disk is too small or too large for a store",
            Self::Full => "the disk is full",
            Self::NotFound => "there is no such file",
            Self::Exists => "there is something else of that name",
            Self::BadArgument => "no such name or place",
            Self::NoMemory => "no memory is left",
        })
    }
}

impl core::error::Error for Error {}

/// What disks are addressed by.
pub const SECTOR_BYTES: usize = 512;

/// What files are made of: a page, so that what is read is what is mapped.
pub const BLOCK_BYTES: usize = 4096;

const SECTORS_IN_BLOCK: u64 = (BLOCK_BYTES / SECTOR_BYTES) as u64;

/// The smallest disk: roots, a log, a catalogue twice, and something to store.
pub const BLOCKS_MIN: u32 = 1024;

/// The largest: 64 GiB, whose two maps take 4 MiB of memory.
pub const BLOCKS_MAX: u32 = 1 << 24;

/// Files: each takes a few hundred bytes of memory.
pub const FILES_MAX: usize = 1024;

/// Pieces of all files together.
pub const EXTENTS_MAX: usize = 16 * 1024;

/// A file's path.
pub const PATH_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests;
