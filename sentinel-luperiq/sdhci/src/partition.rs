//! The part of a card that is the kernel's.

use luperiq_store::{Disk, Failed, SECTOR_BYTES};

/// A disk that is a part of another one, which is left alone otherwise.
#[derive(Debug)]
pub struct Partition<D> {
    disk: D,
    start: u64,
    sectors: u64,
}

impl<D: Disk> Partition<D> {
    /// The first partition of data without a file system. None if the table has none that lies on
    /// the disk.
    ///
    /// # Errors
    /// The disk failed.
    pub fn find(mut disk: D) -> Result<Option<Self>, Failed> {
        let mut head = [0; SECTOR_BYTES];
        disk.read(0, &mut head)?;
        let (rows, mark) = head[TABLE..].split_at(ROWS * ROW_BYTES);
        if mark != MARK {
            return Ok(None);
        }
        let place = rows.chunks_exact(ROW_BYTES).find_map(|row| {
            let (_, numbers) = row.split_at(8);
            let (start, count) = numbers.split_first_chunk()?;
            let [start, sectors] = [start, count.first_chunk()?].map(|it| u32::from_le_bytes(*it));
            let (start, sectors) = (u64::from(start), u64::from(sectors));
            // Nobody's data begins with the table itself.
            let is_there = start > 0 && start + sectors <= disk.sectors();
            (row[4] == DATA && is_there).then_some((start, sectors))
        });
        Ok(place.map(|(start, sectors)| Self { disk, start, sectors }))
    }

    /// Where on the disk this is, if it is inside.
    fn place(&self, sector: u64, bytes: usize) -> Result<u64, Failed> {
        let end = sector.checked_add((bytes / SECTOR_BYTES) as u64).ok_or(Failed)?;
        let is_whole = bytes.is_multiple_of(SECTOR_BYTES);
        if is_whole && end <= self.sectors { Ok(self.start + sector) } else { Err(Failed) }
    }
}

impl<D: Disk> Disk for Partition<D> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        let place = self.place(sector, out.len())?;
        self.disk.read(place, out)
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        let place = self.place(sector, bytes.len())?;
        self.disk.write(place, bytes)
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.disk.flush()
    }
}

// "Master Boot Record": four rows, and a mark behind them.
const TABLE: usize = 446;
const ROWS: usize = 4;
const ROW_BYTES: usize = 16;
const MARK: &[u8] = &[0x55, 0xaa];

/// Data of no file system.
const DATA: u8 = 0xda;
