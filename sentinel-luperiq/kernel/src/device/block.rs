//! A disk: the block device of virtio (OASIS, Virtual I/O Device version 1.2, §4.2 and §5.2).
//!
//! One request at a time, waited for. What comes of it is in memory when a call returns, so the
//! store above needs no other state.
//!
//! # Invariants
//! - The device is told of pages that the driver owns, and of nothing else; data is copied.
//! - A device that does not answer, or lies, is reset and not asked again.

use alloc::vec::Vec;

use luperiq_store::{Disk, Failed, SECTOR_BYTES};
use luperiq_virtio::queue::{self, FREE, NEXT, WRITTEN};
use luperiq_virtio::{self as virtio, CONFIGURATION, Page as _, Queue};

use super::{Registers, Shared};
use crate::memory::frame::Frames;
use crate::memory::layout::PAGE;
use crate::time;

/// A disk.
#[derive(Debug)]
pub(crate) struct Block {
    registers: Registers,
    /// With the request's head and its status behind it.
    queue: Queue<Shared>,
    data: Vec<Shared>,
    sectors: u64,
    /// Whether what was written has to be flushed to be safe.
    has_cache: bool,
    is_read_only: bool,
    is_broken: bool,
}

impl Block {
    /// Sets the device up, if a disk is behind this window.
    pub(crate) fn new(registers: Registers, frames: &mut Frames) -> Option<Self> {
        let features = virtio::start(&registers, DISK, FLUSH | READ_ONLY)?;
        let mut queue = Queue::new(&registers, 0, Shared::new(frames.take()?))?;
        // The driver looks by itself; nobody has to interrupt.
        queue.be_quiet();
        let mut data = Vec::with_capacity(PAGES);
        for _ in 0..PAGES {
            data.push(Shared::new(frames.take()?));
        }
        virtio::go(&registers);
        let [low, high] = [CONFIGURATION, CONFIGURATION + 4].map(|at| registers.read(at));
        Some(Self {
            data,
            registers,
            queue,
            sectors: u64::from(high) << 32 | u64::from(low),
            has_cache: features & FLUSH != 0,
            is_read_only: features & READ_ONLY != 0,
            is_broken: false,
        })
    }

    /// Lets the device do one thing with so many bytes of the pages.
    fn request(&mut self, kind: u32, sector: u64, bytes: usize) -> Result<(), Failed> {
        if self.is_broken || (self.is_read_only && kind != READ) {
            return Err(Failed);
        }
        let memory = &mut self.queue.memory;
        memory.write(HEAD, kind);
        memory.write(HEAD + 4, 0_u32);
        memory.write(HEAD + 8, sector);
        memory.write(ANSWER, 0xff_u8);
        let start = memory.physical();
        self.queue.describe(0, start + HEAD as u64, 16, NEXT);
        let pages = bytes.div_ceil(PAGE as usize);
        let written = if kind == READ { NEXT | WRITTEN } else { NEXT };
        for page in 0..pages {
            let part = (bytes - page * PAGE as usize).min(PAGE as usize);
            self.queue.describe(1 + page, self.data[page].physical(), part, written);
        }
        self.queue.describe(1 + pages, start + ANSWER as u64, 1, WRITTEN);
        self.queue.offer(0, if kind == READ { bytes + 1 } else { 1 });
        self.queue.notify(&self.registers);
        let end = time::now() + PATIENCE;
        while !self.queue.is_ready() && time::now() <= end {}
        match (self.queue.take(), self.queue.memory.read::<u8>(ANSWER)) {
            (Ok(Some(_)), 0) => Ok(()),
            (Ok(Some(_)), _) => Err(Failed),
            _ => {
                virtio::reset(&self.registers);
                self.is_broken = true;
                Err(Failed)
            }
        }
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
                page.copy_to(0, piece);
            }
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        self.check(sector, bytes.len())?;
        for (number, part) in (sector..).step_by(PART_SECTORS).zip(bytes.chunks(PART)) {
            for (page, piece) in self.data.iter_mut().zip(part.chunks(PAGE as usize)) {
                page.fill(0, piece);
            }
            self.request(WRITE, number, part.len())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        if self.has_cache { self.request(SAVE, 0, 0) } else { Ok(()) }
    }
}

const DISK: u32 = 2;

const READ_ONLY: u32 = 1 << 5;
const FLUSH: u32 = 1 << 9;

// What a request is, §5.2.6.
const READ: u32 = 0;
const WRITE: u32 = 1;
const SAVE: u32 = 4;

// Where in the queue's page a request's head and its status are.
const HEAD: usize = FREE;
const ANSWER: usize = FREE + 16;

/// What goes in one request.
const PAGES: usize = 16;
const PART: usize = PAGES * PAGE as usize;
const PART_SECTORS: usize = PART / SECTOR_BYTES;

const _: () = assert!(PAGES + 2 <= queue::SIZE);

/// Disks that spin up take some seconds.
const PATIENCE: time::Instant = 20_000_000_000;
