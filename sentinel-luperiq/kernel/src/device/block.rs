//! A disk: the block device of virtio (OASIS, Virtual I/O Device version 1.2, §4.2 and §5.2).
//!
//! One request at a time, waited for. What comes of it is in memory when a call returns, so the
//! store above needs no other state.
//!
//! # Invariants
//! - The device is told of pages that the driver owns, and of nothing else; data is copied.
//! - A device that does not answer is reset and not asked again.

use alloc::vec::Vec;

use luperiq_store::{Disk, Failed, SECTOR_BYTES};

use super::{Registers, Shared};
use crate::arch;
use crate::memory::frame::Frames;
use crate::memory::layout::PAGE;
use crate::time;

/// A disk.
#[derive(Debug)]
pub(crate) struct Block {
    registers: Registers,
    /// The queue, the request's head and its status.
    queue: Shared,
    data: Vec<Shared>,
    sectors: u64,
    /// Whether what was written has to be flushed to be safe.
    has_cache: bool,
    is_read_only: bool,
    is_broken: bool,
}

impl Block {
    pub(crate) const BYTES: usize = 0x200;

    /// Sets the device up, if a disk is behind this window.
    pub(crate) fn new(registers: Registers, frames: &mut Frames) -> Option<Self> {
        let head = [MAGIC, VERSION, DEVICE].map(|register| registers.read(register));
        if head != [MAGIC_VALUE, 2, DISK] {
            return None;
        }
        registers.write(STATUS, 0);
        registers.write(STATUS, ACKNOWLEDGE | DRIVER);
        let offered = [0, 1].map(|half| {
            registers.write(DEVICE_FEATURES_SELECT, half);
            registers.read(DEVICE_FEATURES)
        });
        let wanted = [offered[0] & (FLUSH | READ_ONLY), MODERN];
        for (half, features) in (0..).zip(wanted) {
            registers.write(DRIVER_FEATURES_SELECT, half);
            registers.write(DRIVER_FEATURES, features);
        }
        registers.write(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        registers.write(QUEUE_SELECT, 0);
        let is_possible = offered[1] & MODERN != 0
            && registers.read(STATUS) & FEATURES_OK != 0
            && registers.read(QUEUE_READY) == 0
            && registers.read(QUEUE_SIZE_MAX) >= QUEUE_SIZE;
        if !is_possible {
            registers.write(STATUS, FAILED);
            return None;
        }
        let mut queue = Shared::new(frames.take()?);
        let mut data = Vec::with_capacity(PAGES);
        for _ in 0..PAGES {
            data.push(Shared::new(frames.take()?));
        }
        registers.write(QUEUE_NUMBER, QUEUE_SIZE);
        for (register, offset) in
            [(QUEUE_DESCRIPTORS, 0), (QUEUE_AVAILABLE, AVAILABLE), (QUEUE_USED, USED)]
        {
            let at = queue.physical() + offset as u64;
            registers.write(register, at as u32);
            registers.write(register + 4, (at >> 32) as u32);
        }
        // The driver looks by itself; nobody has to interrupt.
        queue.write(AVAILABLE, 1_u16);
        arch::memory_barrier();
        registers.write(QUEUE_READY, 1);
        registers.write(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
        let [low, high] = [CAPACITY, CAPACITY + 4].map(|register| registers.read(register));
        Some(Self {
            data,
            registers,
            queue,
            sectors: u64::from(high) << 32 | u64::from(low),
            has_cache: wanted[0] & FLUSH != 0,
            is_read_only: wanted[0] & READ_ONLY != 0,
            is_broken: false,
        })
    }

    /// Lets the device do one thing with so many bytes of the pages.
    fn request(&mut self, kind: u32, sector: u64, bytes: usize) -> Result<(), Failed> {
        if self.is_broken || (self.is_read_only && kind != READ) {
            return Err(Failed);
        }
        self.queue.write(HEAD, kind);
        self.queue.write(HEAD + 4, 0_u32);
        self.queue.write(HEAD + 8, sector);
        self.queue.write(ANSWER, 0xff_u8);
        let head = self.queue.physical() + HEAD as u64;
        self.describe(0, head, 16, NEXT);
        let pages = bytes.div_ceil(PAGE as usize);
        let written = if kind == READ { NEXT | WRITTEN } else { NEXT };
        for page in 0..pages {
            let part = (bytes - page * PAGE as usize).min(PAGE as usize);
            let at = self.data[page].physical();
            self.describe(1 + page, at, part, written);
        }
        let answer = self.queue.physical() + ANSWER as u64;
        self.describe(1 + pages, answer, 1, WRITTEN);
        let index: u16 = self.queue.read(AVAILABLE + 2);
        let slot = usize::from(index) % QUEUE_SIZE as usize;
        self.queue.write(AVAILABLE + 4 + 2 * slot, 0_u16);
        arch::memory_barrier();
        self.queue.write(AVAILABLE + 2, index.wrapping_add(1));
        arch::memory_barrier();
        self.registers.write(QUEUE_NOTIFY, 0);
        let end = time::now() + PATIENCE;
        while self.queue.read::<u16>(USED + 2) != index.wrapping_add(1) {
            if time::now() > end {
                self.registers.write(STATUS, 0);
                self.is_broken = true;
                return Err(Failed);
            }
        }
        arch::memory_barrier();
        match self.queue.read::<u8>(ANSWER) {
            0 => Ok(()),
            _ => Err(Failed),
        }
    }

    /// Fills in a descriptor; each leads to the one behind it.
    fn describe(&mut self, place: usize, at: u64, bytes: usize, flags: u16) {
        let start = 16 * place;
        self.queue.write(start, at);
        self.queue.write(start + 8, bytes as u32);
        self.queue.write(start + 12, flags);
        self.queue.write(start + 14, place as u16 + 1);
    }

    /// Whether these sectors are all there.
    fn check(&self, sector: u64, bytes: usize) -> Result<(), Failed> {
        let end = sector.checked_add((bytes / SECTOR_BYTES) as u64).ok_or(Failed)?;
        let is_whole = bytes.is_multiple_of(SECTOR_BYTES);
        if is_whole && end <= self.sectors { Ok(()) } else { Err(Failed) }
    }
}

impl Disk for Block {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        self.check(sector, out.len())?;
        for (number, part) in (sector..).step_by(PART_SECTORS).zip(out.chunks_mut(PART)) {
            self.request(READ, number, part.len())?;
            for (page, piece) in self.data.iter().zip(part.chunks_mut(PAGE as usize)) {
                page.copy_to(piece);
            }
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        self.check(sector, bytes.len())?;
        for (number, part) in (sector..).step_by(PART_SECTORS).zip(bytes.chunks(PART)) {
            for (page, piece) in self.data.iter_mut().zip(part.chunks(PAGE as usize)) {
                page.fill(piece);
            }
            self.request(WRITE, number, part.len())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        if self.has_cache { self.request(SAVE, 0, 0) } else { Ok(()) }
    }
}

// The registers of a window, §4.2.2.
const MAGIC: usize = 0x000;
const VERSION: usize = 0x004;
const DEVICE: usize = 0x008;
const DEVICE_FEATURES: usize = 0x010;
const DEVICE_FEATURES_SELECT: usize = 0x014;
const DRIVER_FEATURES: usize = 0x020;
const DRIVER_FEATURES_SELECT: usize = 0x024;
const QUEUE_SELECT: usize = 0x030;
const QUEUE_SIZE_MAX: usize = 0x034;
const QUEUE_NUMBER: usize = 0x038;
const QUEUE_READY: usize = 0x044;
const QUEUE_NOTIFY: usize = 0x050;
const STATUS: usize = 0x070;
const QUEUE_DESCRIPTORS: usize = 0x080;
const QUEUE_AVAILABLE: usize = 0x090;
const QUEUE_USED: usize = 0x0a0;
const CAPACITY: usize = 0x100;

const MAGIC_VALUE: u32 = 0x7472_6976;
const DISK: u32 = 2;

const ACKNOWLEDGE: u32 = 1;
const DRIVER: u32 = 2;
const DRIVER_OK: u32 = 4;
const FEATURES_OK: u32 = 8;
const FAILED: u32 = 128;

/// Bit 32 of the features: version 1 of the specification.
const MODERN: u32 = 1;
const READ_ONLY: u32 = 1 << 5;
const FLUSH: u32 = 1 << 9;

// What a request is, §5.2.6.
const READ: u32 = 0;
const WRITE: u32 = 1;
const SAVE: u32 = 4;

// What a descriptor is.
const NEXT: u16 = 1;
const WRITTEN: u16 = 2;

/// A head, the pages and an answer fit.
const QUEUE_SIZE: u32 = 32;

// Where in the first page the parts are; the descriptors come first.
const AVAILABLE: usize = 0x200;
const USED: usize = 0x400;
const HEAD: usize = 0x800;
const ANSWER: usize = 0x810;

/// What goes in one request.
const PAGES: usize = 16;
const PART: usize = PAGES * PAGE as usize;
const PART_SECTORS: usize = PART / SECTOR_BYTES;

const _: () = assert!(PAGES + 2 <= QUEUE_SIZE as usize);

/// Disks that spin up take some seconds.
const PATIENCE: time::Instant = 20_000_000_000;
