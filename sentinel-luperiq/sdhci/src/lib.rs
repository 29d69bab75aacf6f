//! SD cards behind a standard host controller, and the partition of one that is the kernel's.
//!
//! Registers are those of "SD Host Controller Simplified Specification", version 3.00, chapter 2;
//! commands and answers those of "Physical Layer Simplified Specification", version 3.01, chapters
//! 4 and 5. The processor moves every word by itself: the controller is never told of memory, so it
//! can write none, and whether it sees the processor's caches makes no difference.
//!
//! # Invariants
//! - What card and controller say is compared with what can be before it becomes a place or a
//!   length.
//! - Nothing is waited for without an end. What failed three times is not asked again.
//! - Registers are read and written by whole words: some controllers know nothing else.
//!
//! # Not here
//! Cards of 2 GB and less, which count in bytes; faster modes than 25 MHz and four lines, for which
//! the card's voltage would have to be changed.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod partition;

pub use partition::Partition;

use luperiq_store::{Disk, Failed, SECTOR_BYTES};
use luperiq_virtio::Window;

/// A card, ready to be read and written.
#[derive(Debug)]
pub struct Card<W> {
    window: W,
    /// Now, in nanoseconds.
    now: fn() -> u64,
    /// What the card is called by, where a command wants it.
    address: u32,
    sectors: u64,
    is_broken: bool,
}

impl<W: Window> Card<W> {
    /// Sets the controller and the card in it up.
    ///
    /// # Errors
    /// There is no card, or none that this driver knows, or it does not answer.
    pub fn new(window: W, now: fn() -> u64) -> Result<Self, Failed> {
        let mut card = Self { window, now, address: 0, sectors: 0, is_broken: false };
        card.start()?;
        Ok(card)
    }

    fn start(&mut self) -> Result<(), Failed> {
        self.reset(RESET_ALL)?;
        // Status is shown, and interrupts nobody.
        self.window.write(STATUS_ENABLE, u32::MAX);
        self.window.write(SIGNAL_ENABLE, 0);
        self.window.write(HOST, POWER);
        self.clock(IDENTIFY)?;
        // A card wants a millisecond and 74 turns of its clock before it hears.
        let end = (self.now)() + MILLISECOND;
        while (self.now)() < end {}
        self.command(GO_IDLE, 0, NO_ANSWER)?;
        // A card that does not know this one is of 2 GB at most.
        if self.command(CHECK, CHECKED, SHORT)? & 0xfff != CHECKED {
            return Err(Failed);
        }
        let end = (self.now)() + SECOND;
        let conditions = loop {
            self.command(OWN, 0, SHORT)?;
            let conditions = self.command(CONDITIONS, LARGE | VOLTAGES, UNCHECKED)?;
            if conditions & READY != 0 {
                break conditions;
            }
            if (self.now)() > end {
                return Err(Failed);
            }
        };
        if conditions & LARGE == 0 {
            return Err(Failed);
        }
        self.command(NAME, 0, LONG)?;
        self.address = self.command(ADDRESS, 0, SHORT)? & 0xffff_0000;
        self.command(PROPERTIES, self.address, LONG)?;
        self.sectors = self.capacity()?;
        self.command(SELECT, self.address, BUSY)?;
        self.command(OWN, self.address, SHORT)?;
        self.command(LINES, FOUR, SHORT)?;
        self.window.write(HOST, POWER | WIDE);
        self.clock(WORK)
    }

    /// How many sectors the card's own description says that it has: for large cards a number of 22
    /// bits, in units of 512 KiB. The controller leaves the last byte of the description out.
    fn capacity(&self) -> Result<u64, Failed> {
        let [low, high] = [ANSWER + 4, ANSWER + 12].map(|at| self.window.read(at));
        if high >> 22 & 3 != LARGE_DESCRIPTION {
            return Err(Failed);
        }
        Ok((u64::from(low >> 8 & 0x3f_ffff) + 1) * 1024)
    }

    /// Gives the card a clock of at most so many kilohertz.
    fn clock(&self, kilohertz: u32) -> Result<(), Failed> {
        let base = match self.window.read(CAPABILITIES) >> 8 & 0xff {
            0 => BASE_MEGAHERTZ,
            megahertz => megahertz,
        };
        let half = (base * 1000).div_ceil(2 * kilohertz).min(0x3ff);
        let divisor = (half & 0xff) << 8 | (half >> 8) << 6 | PATIENCE_LONG;
        self.window.write(CLOCK, divisor | CLOCK_INSIDE);
        self.wait(CLOCK, CLOCK_STEADY, true)?;
        self.window.write(CLOCK, divisor | CLOCK_INSIDE | CLOCK_OUTSIDE);
        Ok(())
    }

    /// Lets the controller forget what it was doing.
    fn reset(&self, what: u32) -> Result<(), Failed> {
        let kept = self.window.read(CLOCK) & !RESET_BITS;
        self.window.write(CLOCK, kept | what);
        self.wait(CLOCK, what, false).map(drop)
    }

    /// Sends a command and gives the first word of its answer.
    fn command(&self, number: u32, argument: u32, kind: u32) -> Result<u32, Failed> {
        self.send(number, argument, kind)?;
        if kind == BUSY {
            self.wait_for(DONE)?;
        }
        Ok(self.window.read(ANSWER))
    }

    fn send(&self, number: u32, argument: u32, kind: u32) -> Result<(), Failed> {
        self.wait(PRESENT, COMMAND_TAKEN | DATA_TAKEN, false)?;
        self.window.write(STATUS, u32::MAX);
        self.window.write(ARGUMENT, argument);
        self.window.write(COMMAND, number << 24 | kind);
        self.wait_for(ANSWERED)
    }

    /// Waits for a sign, and takes it back.
    fn wait_for(&self, sign: u32) -> Result<(), Failed> {
        let status = self.wait(STATUS, sign | WRONG, true)?;
        self.window.write(STATUS, sign);
        if status & WRONG == 0 { Ok(()) } else { Err(Failed) }
    }

    /// Waits until one of some bits is set, or none of them is: what the register says then.
    fn wait(&self, register: usize, bits: u32, is_set: bool) -> Result<u32, Failed> {
        let end = (self.now)() + PATIENCE;
        loop {
            let value = self.window.read(register);
            if (value & bits != 0) == is_set {
                return Ok(value);
            }
            if (self.now)() > end {
                return Err(Failed);
            }
        }
    }

    /// Moves sectors, three times if need be: a bit that fell over on the way is no broken card.
    fn transfer(&mut self, sector: u64, bytes: &mut Bytes<'_>) -> Result<(), Failed> {
        let length = match bytes {
            Bytes::In(bytes) => bytes.len(),
            Bytes::Out(bytes) => bytes.len(),
        };
        let count = length / SECTOR_BYTES;
        let end = sector.checked_add(count as u64).ok_or(Failed)?;
        if self.is_broken || !length.is_multiple_of(SECTOR_BYTES) || end > self.sectors {
            return Err(Failed);
        }
        for _ in 0..TRIES {
            if self.try_transfer(sector as u32, count as u32, bytes).is_ok() {
                return Ok(());
            }
            // Whatever the card was doing, it stops.
            let _ = self.reset(RESET_COMMAND | RESET_DATA);
            let _ = self.command(STOP, 0, BUSY);
            let _ = self.reset(RESET_COMMAND | RESET_DATA);
        }
        self.is_broken = true;
        Err(Failed)
    }

    fn try_transfer(&self, sector: u32, count: u32, bytes: &mut Bytes<'_>) -> Result<(), Failed> {
        let (number, mode, ready) = match bytes {
            Bytes::In(_) => (READ_MANY, FROM_CARD, CAN_READ),
            Bytes::Out(_) => (WRITE_MANY, 0, CAN_WRITE),
        };
        self.window.write(BLOCKS, count << 16 | SECTOR_BYTES as u32);
        self.send(number, sector, SHORT | WITH_DATA | mode | MANY)?;
        match bytes {
            Bytes::In(bytes) => {
                for sector in bytes.chunks_exact_mut(SECTOR_BYTES) {
                    self.wait_for(ready)?;
                    for word in sector.chunks_exact_mut(4) {
                        word.copy_from_slice(&self.window.read(DATA).to_le_bytes());
                    }
                }
            }
            Bytes::Out(bytes) => {
                for sector in bytes.chunks_exact(SECTOR_BYTES) {
                    self.wait_for(ready)?;
                    for word in sector.chunks_exact(4) {
                        let word = word.try_into().map_err(|_| Failed)?;
                        self.window.write(DATA, u32::from_le_bytes(word));
                    }
                }
            }
        }
        self.wait_for(DONE)?;
        // What was written is safe when the card is done with it, and it says what went wrong.
        let end = (self.now)() + PATIENCE;
        loop {
            let status = self.command(CARD_STATUS, self.address, SHORT)?;
            if status & CARD_WRONG != 0 || (self.now)() > end {
                return Err(Failed);
            }
            if status & CARD_READY == CARD_READY {
                return Ok(());
            }
        }
    }
}

/// Which way bytes go.
enum Bytes<'a> {
    In(&'a mut [u8]),
    Out(&'a [u8]),
}

impl<W: Window> Disk for Card<W> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        for (index, part) in out.chunks_mut(PART).enumerate() {
            self.transfer(place(sector, index)?, &mut Bytes::In(part))?;
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        for (index, part) in bytes.chunks(PART).enumerate() {
            self.transfer(place(sector, index)?, &mut Bytes::Out(part))?;
        }
        Ok(())
    }

    /// Every write waits until the card is done.
    fn flush(&mut self) -> Result<(), Failed> {
        if self.is_broken { Err(Failed) } else { Ok(()) }
    }
}

/// Where a part of something that begins at this sector begins.
fn place(sector: u64, index: usize) -> Result<u64, Failed> {
    sector.checked_add((index * PART_SECTORS) as u64).ok_or(Failed)
}

/// How many bytes of registers the driver needs.
pub const WINDOW_BYTES: usize = 0x100;

// Registers, by words.
const BLOCKS: usize = 0x04;
const ARGUMENT: usize = 0x08;
const COMMAND: usize = 0x0c;
const ANSWER: usize = 0x10;
const DATA: usize = 0x20;
const PRESENT: usize = 0x24;
const HOST: usize = 0x28;
const CLOCK: usize = 0x2c;
const STATUS: usize = 0x30;
const STATUS_ENABLE: usize = 0x34;
const SIGNAL_ENABLE: usize = 0x38;
const CAPABILITIES: usize = 0x40;

const COMMAND_TAKEN: u32 = 1;
const DATA_TAKEN: u32 = 1 << 1;

/// On, with 3.3 volts.
const POWER: u32 = 0xf << 8;
const WIDE: u32 = 1 << 1;

const CLOCK_INSIDE: u32 = 1;
const CLOCK_STEADY: u32 = 1 << 1;
const CLOCK_OUTSIDE: u32 = 1 << 2;
/// The controller waits for a card as long as it can.
const PATIENCE_LONG: u32 = 0xe << 16;
const RESET_ALL: u32 = 1 << 24;
const RESET_COMMAND: u32 = 1 << 25;
const RESET_DATA: u32 = 1 << 26;
const RESET_BITS: u32 = 7 << 24;

const ANSWERED: u32 = 1;
const DONE: u32 = 1 << 1;
const CAN_WRITE: u32 = 1 << 4;
const CAN_READ: u32 = 1 << 5;
const WRONG: u32 = 1 << 15;

// How a command is answered, and checked.
const NO_ANSWER: u32 = 0;
const LONG: u32 = 0x09 << 16;
const SHORT: u32 = 0x1a << 16;
const UNCHECKED: u32 = 0x02 << 16;
const BUSY: u32 = 0x1b << 16;
const WITH_DATA: u32 = 0x20 << 16;
const FROM_CARD: u32 = 1 << 4;
/// Several blocks, counted, and the command that stops them by itself.
const MANY: u32 = 1 << 5 | 1 << 1 | 1 << 2;

// Commands, and those of them that come after `OWN`.
const GO_IDLE: u32 = 0;
const NAME: u32 = 2;
const ADDRESS: u32 = 3;
const LINES: u32 = 6;
const SELECT: u32 = 7;
const CHECK: u32 = 8;
const PROPERTIES: u32 = 9;
const STOP: u32 = 12;
const CARD_STATUS: u32 = 13;
const READ_MANY: u32 = 18;
const WRITE_MANY: u32 = 25;
const CONDITIONS: u32 = 41;
const OWN: u32 = 55;

/// 3.3 volts, and a pattern that comes back.
const CHECKED: u32 = 0x1aa;
const VOLTAGES: u32 = 0x00ff_8000;
const LARGE: u32 = 1 << 30;
const READY: u32 = 1 << 31;
/// The second version of the card's description.
const LARGE_DESCRIPTION: u32 = 1;
const FOUR: u32 = 2;
/// Ready for data, and in the state in which a card waits for commands.
const CARD_READY: u32 = 1 << 8 | 4 << 9;
/// Whatever it has to complain about but that a reading of its last sector went on behind it, which
/// a card may say before it hears that it is to stop.
const CARD_WRONG: u32 = 0x7df9_8008;

// Kilohertz.
const IDENTIFY: u32 = 400;
const WORK: u32 = 25_000;

/// For a controller that does not say: the fastest that is built in.
const BASE_MEGAHERTZ: u32 = 200;

/// What goes in one command.
const PART_SECTORS: usize = 128;
const PART: usize = PART_SECTORS * SECTOR_BYTES;

const TRIES: u32 = 3;

/// A card may take half a second for a block that it has to make room for.
const PATIENCE: u64 = 2 * SECOND;
const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;

#[cfg(test)]
mod tests;
