//! An SD card: one partition that a Raspberry Pi's firmware reads, one for the kernel's data.
//!
//! # Invariants
//! - The same files give the same bytes.
//! - The data partition is blank: the kernel gives it a store at the first start.

use std::fs::OpenOptions;
use std::path::Path;

use super::appliance;
use super::fat::{self, SECTOR};
use crate::error::Error;

/// Writes a card whose first partition has these files. Nobody else is to read it if it is secret.
pub(super) fn write(
    path: &Path,
    files: &[(String, Vec<u8>)],
    is_secret: bool,
) -> Result<(), Error> {
    let mut card = head();
    card.resize(BOOT_START as usize * SECTOR, 0);
    card.extend(fat::volume(BOOT_SECTORS, BOOT_START, files)?);
    appliance::write(path, &card, is_secret)?;
    // Nothing of the data partition takes room until it is written.
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.set_len(CARD_BYTES))
        .map_err(|cause| Error::file("write", path, &cause))
}

/// The first sector, with the table of partitions: "Master Boot Record", as everybody has it.
fn head() -> Vec<u8> {
    let mut head = vec![0; SECTOR];
    // So that systems that tell disks apart by this number can.
    head[440..444].copy_from_slice(b"2QES");
    let data = (DATA_START, (CARD_BYTES / SECTOR as u64) as u32 - DATA_START);
    let rows = [(FAT32, (BOOT_START, BOOT_SECTORS)), (DATA, data)];
    for (place, (kind, (start, sectors))) in (446..).step_by(16).zip(rows) {
        // Heads and cylinders that say: look at the sectors.
        head[place + 1..place + 4].copy_from_slice(&[0xfe, 0xff, 0xff]);
        head[place + 4] = kind;
        head[place + 5..place + 8].copy_from_slice(&[0xfe, 0xff, 0xff]);
        head[place + 8..place + 12].copy_from_slice(&start.to_le_bytes());
        head[place + 12..place + 16].copy_from_slice(&sectors.to_le_bytes());
    }
    head[510..].copy_from_slice(&[0x55, 0xaa]);
    head
}

/// Where the first partition begins: at a megabyte, as cards like it.
const BOOT_START: u32 = 2048;

/// 64 MiB: the least with which FAT32 has clusters enough, rounded up.
const BOOT_SECTORS: u32 = 131_072;

const DATA_START: u32 = BOOT_START + BOOT_SECTORS;

/// The emulator takes cards of a power of two only; what is sold is larger.
const CARD_BYTES: u64 = 512 << 20;

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
