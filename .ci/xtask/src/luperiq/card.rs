//! An SD card: one partition that a Raspberry Pi's firmware reads, one for the kernel's data.
//!
//! # Invariants
//! - The same files give the same bytes.
//! - The data partition is blank: the kernel gives it a store at the first start.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::fat::{self, SECTOR};
use super::{appliance, disk};
use crate::error::Error;
use crate::workspace::Workspace;

/// Writes a card whose first partition has these files. Nobody else is to read it if it is secret.
pub(super) fn write(
    path: &Path,
    files: &[(String, Vec<u8>)],
    is_secret: bool,
) -> Result<(), Error> {
    let data = (DATA_START, (CARD_BYTES / SECTOR as u64) as u32 - DATA_START);
    let mut card = head(&[(FAT32, (BOOT_START, BOOT_SECTORS)), (DATA, data)]);
    card.resize(BOOT_START as usize * SECTOR, 0);
    card.extend(fat::volume(BOOT_SECTORS, BOOT_START, files)?);
    appliance::write(path, &card, is_secret)?;
    // Nothing of the data partition takes room until it is written.
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.set_len(CARD_BYTES))
        .map_err(|cause| Error::file("write", path, &cause))
}

/// A card with a partition of so many bytes for the kernel's data and nothing else, as the emulator
/// takes it.
pub(super) fn blank(workspace: &Workspace, name: &str, bytes: u64) -> Result<PathBuf, Error> {
    let path = super::target(workspace).join(name);
    let sectors = (bytes / SECTOR as u64) as u32;
    appliance::write(&path, &head(&[(DATA, (BOOT_START, sectors))]), false)?;
    stretch(&path)?;
    Ok(path)
}

/// Makes a card as large as one of those that the kernel knows.
pub(super) fn stretch(path: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.set_len(EMULATED_BYTES))
        .map_err(|cause| Error::file("write", path, &cause))
}

/// Takes the kernel's data out of a card: a file of its own, beside it.
pub(super) fn data(workspace: &Workspace, card: &Path) -> Result<PathBuf, Error> {
    let wrong = |cause: &std::io::Error| Error::file("read", card, cause);
    let mut file = File::open(card).map_err(|cause| wrong(&cause))?;
    let mut head = [0; SECTOR];
    file.read_exact(&mut head).map_err(|cause| wrong(&cause))?;
    let word = |row: &[u8], at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| row[at + byte]));
    let row = head[TABLE..].chunks(16).take(4).find(|row| row[4] == DATA);
    let row = row.ok_or_else(|| Error::new(format!("{} has no data", card.display())))?;
    let [start, bytes] = [8, 12].map(|at| u64::from(word(row, at)) * SECTOR as u64);
    let path = super::target(workspace).join("card.disk");
    disk::make(&path, bytes)?;
    let out = OpenOptions::new().write(true).open(&path);
    let mut out = out.map_err(|cause| Error::file("write", &path, &cause))?;
    file.seek(SeekFrom::Start(start)).map_err(|cause| wrong(&cause))?;
    let mut part = vec![0; 1 << 20];
    for at in (0..bytes).step_by(part.len()) {
        let part = &mut part[..(bytes - at).min(1 << 20) as usize];
        file.read_exact(part).map_err(|cause| wrong(&cause))?;
        // What nothing was written to stays a hole.
        if part.iter().any(|byte| *byte != 0) {
            out.seek(SeekFrom::Start(at))
                .and_then(|_| out.write_all(part))
                .map_err(|cause| Error::file("write", &path, &cause))?;
        }
    }
    Ok(path)
}

/// The first sector, with the table of partitions: "Master Boot Record", as everybody has it.
fn head(rows: &[(u8, (u32, u32))]) -> Vec<u8> {
    let mut head = vec![0; SECTOR];
    // So that systems that tell disks apart by this number can.
    head[440..444].copy_from_slice(b"2QES");
    for (place, (kind, (start, sectors))) in (TABLE..).step_by(16).zip(rows) {
        // Heads and cylinders that say: look at the sectors.
        head[place + 1..place + 4].copy_from_slice(&[0xfe, 0xff, 0xff]);
        head[place + 4] = *kind;
        head[place + 5..place + 8].copy_from_slice(&[0xfe, 0xff, 0xff]);
        head[place + 8..place + 12].copy_from_slice(&start.to_le_bytes());
        head[place + 12..place + 16].copy_from_slice(&sectors.to_le_bytes());
    }
    head[510..].copy_from_slice(&[0x55, 0xaa]);
    head
}

/// Where in the first sector the table is.
const TABLE: usize = 446;

/// Where the first partition begins: at a megabyte, as cards like it.
const BOOT_START: u32 = 2048;

/// 64 MiB: the least with which FAT32 has clusters enough, rounded up.
const BOOT_SECTORS: u32 = 131_072;

const DATA_START: u32 = BOOT_START + BOOT_SECTORS;

/// What is sold is larger.
const CARD_BYTES: u64 = 512 << 20;

/// The emulator takes cards of a power of two only, and those of up to 2 GB count in bytes.
const EMULATED_BYTES: u64 = 4 << 30;

// Kinds of partitions: FAT32, and data of no file system, which the kernel looks for.
const FAT32: u8 = 0x0c;
const DATA: u8 = 0xda;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_partitions_fill_the_card() {
        let path = std::env::temp_dir().join(format!("sentinel-card-{}.img", std::process::id()));
        write(&path, &[("config.txt".into(), b"arm_64bit=1\n".to_vec())], true).unwrap();
        let card = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(card.len() as u64, CARD_BYTES);
        let word = |at: usize| u32::from_le_bytes(card[at..at + 4].try_into().unwrap());
        assert_eq!((card[450], word(454), word(458)), (0x0c, 2048, 131_072));
        assert_eq!((card[466], word(470)), (0xda, 133_120));
        assert_eq!(u64::from(word(470) + word(474)) * 512, CARD_BYTES);
        assert_eq!((&card[510..512], &card[478..510]), (&[0x55, 0xaa][..], &[0; 32][..]));
        let boot = BOOT_START as usize * SECTOR;
        assert_eq!((&card[boot + 82..boot + 87], word(boot + 28)), (&b"FAT32"[..], 2048));
        let data = DATA_START as usize * SECTOR;
        assert!(card[data..].iter().all(|byte| *byte == 0));
    }
}
