//! The root: what counts on the disk.
//!
//! # Invariants
//! - A root that was not written to its end is none: it carries the hash of itself.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::{BLOCK_BYTES, BLOCKS_MAX, BLOCKS_MIN, Disk, Error, SECTOR_BYTES, SECTORS_IN_BLOCK};

/// What is kept for whoever writes the log, nothing else reads it: where the log is, and the secret
/// with which it goes on.
pub const SECRET_BYTES: usize = 3072;

/// A root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    /// Each root has one more than the one before.
    pub(crate) generation: u64,
    /// How large the disk was when the store was made.
    pub(crate) blocks: u32,
    /// How much of it is the log's.
    pub(crate) log_blocks: u32,
    pub(crate) log_bytes: u64,
    /// The block that says where the catalogue is; 0 if there is no file.
    pub(crate) index: u32,
    pub(crate) catalogue_bytes: u32,
    /// Of the index and the catalogue.
    pub(crate) catalogue_hash: [u8; 32],
    pub(crate) secret: Vec<u8>,
    /// The log's last sector, if it is not full.
    pub(crate) tail: [u8; SECTOR_BYTES],
}

impl Root {
    /// The first root of a disk.
    pub(crate) fn first(blocks: u32) -> Self {
        Self {
            generation: 1,
            blocks,
            log_blocks: blocks / 2,
            log_bytes: 0,
            index: 0,
            catalogue_bytes: 0,
            catalogue_hash: [0; 32],
            secret: Vec::new(),
            tail: [0; SECTOR_BYTES],
        }
    }

    /// The root that counts; none if the disk is blank.
    pub(crate) fn find(disk: &mut impl Disk, blocks: u32) -> Result<Option<Self>, Error> {
        let mut bytes = block()?;
        let mut newest: Option<Self> = None;
        for sector in [0, SECTORS_IN_BLOCK] {
            disk.read(sector, &mut bytes)?;
            let root = Self::decode(&bytes);
            newest = newest.into_iter().chain(root).max_by_key(|root| root.generation);
        }
        match newest {
            Some(root) if root.blocks <= blocks => Ok(Some(root)),
            Some(_) => Err(Error::NoStore),
            None if is_blank(disk)? => Ok(None),
            None => Err(Error::NoStore),
        }
    }

    /// Writes it into its place and makes it safe.
    pub(crate) fn write(&self, disk: &mut impl Disk) -> Result<(), Error> {
        disk.write(self.generation % 2 * SECTORS_IN_BLOCK, &self.encode()?)?;
        Ok(disk.flush()?)
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = block()?;
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        let secret_bytes = self.secret.len() as u16;
        put(MAGIC);
        put(&self.generation.to_le_bytes());
        put(&self.log_bytes.to_le_bytes());
        put(&self.blocks.to_le_bytes());
        put(&self.log_blocks.to_le_bytes());
        put(&self.index.to_le_bytes());
        put(&self.catalogue_bytes.to_le_bytes());
        put(&self.catalogue_hash);
        put(&self.tail);
        put(&secret_bytes.to_le_bytes());
        put(&self.secret);
        let hash = Sha256::digest(&out[..HASH_AT]);
        out[HASH_AT..].copy_from_slice(&hash);
        Ok(out)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, check) = bytes.split_at_checked(HASH_AT)?;
        let mut rest = content.strip_prefix(MAGIC)?;
        if *check != Sha256::digest(content)[..] {
            return None;
        }
        let mut root = Self {
            generation: u64::from_le_bytes(take(&mut rest)?),
            log_bytes: u64::from_le_bytes(take(&mut rest)?),
            blocks: u32::from_le_bytes(take(&mut rest)?),
            log_blocks: u32::from_le_bytes(take(&mut rest)?),
            index: u32::from_le_bytes(take(&mut rest)?),
            catalogue_bytes: u32::from_le_bytes(take(&mut rest)?),
            catalogue_hash: take(&mut rest)?,
            tail: take(&mut rest)?,
            secret: Vec::new(),
        };
        let secret_bytes = usize::from(u16::from_le_bytes(take(&mut rest)?));
        root.secret.extend_from_slice(rest.get(..secret_bytes.min(SECRET_BYTES))?);
        let is_possible = (BLOCKS_MIN..=BLOCKS_MAX).contains(&root.blocks)
            && root.log_blocks <= root.blocks / 2
            && root.log_bytes <= u64::from(root.log_blocks) * BLOCK_BYTES as u64;
        is_possible.then_some(root)
    }
}

/// Whether there is nothing where other systems have their names. The first root goes into the
/// second block, so that one that was not written to its end is told from somebody else's disk.
fn is_blank(disk: &mut impl Disk) -> Result<bool, Error> {
    let mut block = block()?;
    for number in (0..BLANK_BLOCKS).filter(|number| *number != 1) {
        disk.read(number * SECTORS_IN_BLOCK, &mut block)?;
        if block.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Room for a block. On a kernel's stack it would be a good part of that.
fn block() -> Result<Vec<u8>, Error> {
    let mut block = Vec::new();
    block.try_reserve_exact(BLOCK_BYTES)?;
    block.resize(BLOCK_BYTES, 0);
    Ok(block)
}

/// Takes the next bytes.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*first)
}

const MAGIC: &[u8; 8] = b"LQSTORE1";

const _: () = assert!(SECRET_BYTES + SECTOR_BYTES + 128 < HASH_AT, "a root is a block");

/// 128 KiB: tables of partitions, and the marks of every usual file system.
const BLANK_BLOCKS: u64 = 32;

/// A root is a block: sectors that may come to the disk one without the other.
const HASH_AT: usize = BLOCK_BYTES - 32;
