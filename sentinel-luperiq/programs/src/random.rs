//! Random calls with random arguments: what a program that has lost its mind would do.
//!
//! Calls are drawn from the kernel's own table, so that a new call is tried from its first day.
//! Arguments are of the kind that the row names most of the time, and anything at all otherwise: a
//! number that is never right finds only the first check.
//!
//! # Invariants
//! - The same seed draws the same calls, as far as the kernel answers the same.
//! - What a call gives is kept, used later, and closed again, so that limits are met from both
//!   sides.
//!
//! # Not here
//! Starting and counting: `bin/random`.

use alloc::vec;
use alloc::vec::Vec;

use luperiq_runtime::abi::call::{Argument, Row, TABLE, open};
use luperiq_runtime::abi::limits::{PAGE_BYTES, USER_END};
use luperiq_runtime::abi::reply::Answer;
use luperiq_runtime::abi::wire::{CallArguments, StartHeader, WaitItem};
use luperiq_runtime::abi::{Call, Error, Handle};
use luperiq_runtime::call::{raw, yield_now};

/// A row of random numbers from a seed (Vigna, xorshift64*).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From a seed; a generator needs one that is not 0.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        (self.roll() >> 16) % end
    }

    /// Whether something that happens once in so many times happens.
    pub const fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A program that makes random calls.
#[derive(Debug)]
pub struct Caller {
    dice: Dice,
    /// What calls gave that may be handles.
    handles: Vec<u64>,
    /// Where memory was mapped.
    mapped: Vec<u64>,
    /// What calls read from and write to.
    room: Vec<u8>,
    /// The monotonic clock, as it was read last.
    now: u64,
    /// Whether this process may end by a call of its own.
    pub may_end: bool,
}

impl Caller {
    /// One that begins with these handles.
    #[must_use]
    pub fn new(seed: u64, handles: Vec<u64>) -> Self {
        let room = vec![0; ROOM_BYTES];
        let mut caller = Self {
            dice: Dice::new(seed),
            handles,
            mapped: Vec::new(),
            room,
            now: 0,
            may_end: true,
        };
        caller.handles.resize(HANDLES, 0);
        caller
    }

    /// Draws a call and its registers.
    pub fn draw(&mut self) -> (u64, [u64; 6]) {
        let row = loop {
            let place = self.dice.below(TABLE.len() as u64) as usize;
            let Some(row) = TABLE.get(place) else { continue };
            // These end who calls them: rarely, so that others come to something.
            let ends = matches!(row.call, Call::Exit | Call::ThreadExit);
            if !ends || (self.may_end && self.dice.once_in(512)) {
                break row;
            }
        };
        let mut registers = self.registers(row);
        if self.dice.once_in(16) {
            let place = self.dice.below(6) as usize;
            // A deadline that never comes takes this program out of the game.
            let is_patient = deadline_place(row) != Some(place) || self.dice.once_in(256);
            if let (Some(register), true) = (registers.get_mut(place), is_patient) {
                *register = self.anything();
            }
        }
        let number = if self.dice.once_in(64) { self.anything() } else { row.number.into() };
        let is_end =
            [Call::Exit, Call::ThreadExit].iter().any(|call| number == call.number().into());
        if is_end && !self.may_end { (0, registers) } else { (number, registers) }
    }

    /// Keeps what a call gave; gives a handle to close in exchange.
    pub fn keep(&mut self, number: u64, answer: Answer) -> Option<u64> {
        let row = Call::row_of(number)?;
        let (first, second) = answer.ok()?;
        match row.call {
            Call::ClockRead => self.now = first,
            Call::MemoryMap => {
                self.mapped.push(first);
                if self.mapped.len() > MAPPED {
                    self.mapped.swap_remove(0);
                }
            }
            _ => {}
        }
        let is_handle = |what: &&str| HANDLE_NAMES.contains(what);
        let mut dropped = None;
        for (value, _) in
            [first, second].into_iter().zip(row.gives).filter(|(_, what)| is_handle(what))
        {
            let place = FIXED + self.dice.below((HANDLES - FIXED) as u64) as usize;
            if let Some(slot) = self.handles.get_mut(place) {
                dropped = Some(core::mem::replace(slot, value)).filter(|old| *old != 0);
            }
        }
        dropped
    }

    fn registers(&mut self, row: &Row) -> [u64; 6] {
        let mut registers = [0; 6];
        let mut place = 0;
        for argument in row.arguments {
            let values = self.argument(row.call, argument);
            for value in values.into_iter().take(argument.registers()) {
                if let Some(register) = registers.get_mut(place) {
                    *register = value;
                }
                place += 1;
            }
        }
        registers
    }

    fn argument(&mut self, call: Call, argument: &Argument) -> [u64; 2] {
        match *argument {
            Argument::Handle(..) => [self.handle(), 0],
            Argument::Input(_, max) => {
                let bytes = self.length(max);
                let at = self.place(bytes);
                self.fill(call, at, bytes);
                self.slice(at, bytes)
            }
            Argument::Output(_, max) => {
                let bytes = self.length(max);
                let at = self.place(bytes);
                self.slice(at, bytes)
            }
            Argument::Address("entry") if !self.dice.once_in(256) => {
                [wander as *const () as u64, 0]
            }
            Argument::Address("stack") if !self.dice.once_in(256) => {
                // Its upper end; what the thread puts there is as random as the rest.
                let end = self.room.as_ptr() as u64 + (ROOM_BYTES / 2) as u64;
                [(end + 4096 * self.dice.below(8)) & !15, 0]
            }
            Argument::Address(_) => [self.address(), 0],
            Argument::Rights(_) => [self.dice.roll() >> (49 + self.dice.below(15)), 0],
            Argument::Signals(_) => [self.dice.below(32), 0],
            Argument::Deadline(_) => [self.deadline(), 0],
            Argument::Number(name) => [self.number(name), 0],
        }
    }

    fn handle(&mut self) -> u64 {
        match self.dice.below(64) {
            0 => self.dice.below(1 << 32),
            1 => Handle::new(self.dice.below(300) as u32, 1 + self.dice.below(3) as u32)
                .map_or(0, |handle| handle.number().into()),
            _ => {
                let place = self.dice.below(HANDLES as u64) as usize;
                self.handles.get(place).copied().unwrap_or(0)
            }
        }
    }

    fn length(&mut self, max: usize) -> usize {
        let max = max.min(ROOM_BYTES / 2) as u64;
        let short = self.dice.below(64.min(max) + 1);
        let length = match self.dice.below(8) {
            0 => max,
            1 => self.dice.below(max + 1),
            _ => short,
        };
        length as usize
    }

    fn place(&mut self, bytes: usize) -> usize {
        self.dice.below((ROOM_BYTES - bytes) as u64 + 1) as usize
    }

    /// The registers of a piece of the room; or of something that is none.
    fn slice(&mut self, at: usize, bytes: usize) -> [u64; 2] {
        let start = self.room.as_ptr() as u64;
        match self.dice.below(48) {
            0 => [self.anything(), bytes as u64],
            1 => [start + at as u64, self.anything()],
            _ => [start + at as u64, bytes as u64],
        }
    }

    fn address(&mut self) -> u64 {
        let place = self.dice.below(MAPPED as u64) as usize;
        match self.dice.below(8) {
            0 => self.anything(),
            1 => 0,
            2 => (1 << 34) + PAGE_BYTES * self.dice.below(64),
            _ => self.mapped.get(place).copied().unwrap_or(0),
        }
    }

    /// Soon, or gone by; hardly ever never, since nobody may come to wake this thread.
    fn deadline(&mut self) -> u64 {
        match self.dice.below(4) {
            0 => 0,
            1 if self.dice.once_in(1 << 14) => u64::MAX,
            _ => self.now + self.dice.below(200_000),
        }
    }

    fn number(&mut self, name: &str) -> u64 {
        match (name, self.dice.below(16)) {
            (_, 0) => self.anything(),
            ("flags", _) => self.dice.below(open::ALL + 1),
            ("protection", _) => self.dice.below(8),
            ("bytes" | "offset", _) => PAGE_BYTES * self.dice.below(5),
            ("argument", _) => self.handle(),
            ("priority", _) => self.dice.below(9),
            // Few, so that what is bound is cancelled.
            ("key", _) => self.dice.below(8),
            ("is set" | "code", _) => self.dice.below(2),
            _ => self.dice.below(300),
        }
    }

    /// What stands in the room for a call to read.
    fn fill(&mut self, call: Call, at: usize, bytes: usize) {
        let mut text = Vec::new();
        match call {
            Call::Open | Call::Remove => {
                let names =
                    [&b"bin"[..], b"random", b"boot.toml", b"..", b".", b"data", b"a", b"b"];
                for _ in 0..=self.dice.below(3) {
                    let name = names.get(self.dice.below(8) as usize).copied().unwrap_or_default();
                    text.extend_from_slice(name);
                    text.push(b'/');
                }
                text.pop();
            }
            Call::CapRequest => text.extend_from_slice(b"FILE_READ:bin"),
            Call::JobSet => {
                // A bound: which, and how much.
                let bound = self.dice.roll() >> self.dice.below(64);
                text.extend([1, 9, 1 + self.dice.below(9) as u8]);
                text.extend(bound.to_le_bytes());
            }
            Call::Spawn | Call::ProcessStart => {
                let header = StartHeader {
                    handles_count: self.dice.below(3) as u16,
                    name_bytes: 1,
                    arguments_bytes: 2,
                    reserved: 0,
                };
                text.extend(header.encode());
                for _ in 0..header.handles_count {
                    text.extend((self.handle() as u32).to_le_bytes());
                }
                text.extend(b"xx\0");
            }
            Call::WaitMany => {
                for _ in 0..self.dice.below(5) {
                    let (handle, signals) = (self.handle() as u32, self.dice.below(32) as u32);
                    text.extend(WaitItem { handle, signals }.encode());
                }
            }
            Call::ChannelCall => {
                let start = self.room.as_ptr() as u64;
                let arguments = CallArguments {
                    bytes: start,
                    handles: start + 4096,
                    answer_bytes: start + 8192,
                    answer_handles: self.address(),
                    bytes_count: self.dice.below(64) as u32,
                    handles_count: self.dice.below(3) as u32,
                    answer_bytes_max: self.dice.below(4096) as u32,
                    answer_handles_max: self.dice.below(4) as u32,
                };
                text.extend(arguments.encode());
            }
            // Handles to send, mostly.
            Call::ChannelWrite => {
                for _ in 0..bytes / 4 {
                    text.extend((self.handle() as u32).to_le_bytes());
                }
            }
            _ => {}
        }
        let Some(piece) = self.room.get_mut(at..at + bytes) else { return };
        for (byte, wanted) in piece.iter_mut().zip(&text) {
            *byte = *wanted;
        }
        if self.dice.once_in(8) && !piece.is_empty() {
            let place = self.dice.below(piece.len() as u64) as usize;
            if let Some(byte) = piece.get_mut(place) {
                *byte = self.dice.roll() as u8;
            }
        }
    }

    /// A number of the kind that stands at an edge somewhere, or any.
    fn anything(&mut self) -> u64 {
        let edge = [
            0,
            1,
            u64::MAX,
            i64::MAX as u64,
            u64::from(u32::MAX),
            USER_END,
            USER_END - PAGE_BYTES,
            0xffff_ff80_4000_0000,
            0xffff_ffff_c000_0000,
            0x4000_0000,
            self.room.as_ptr() as u64,
            1 << 63,
        ];
        let place = self.dice.below(edge.len() as u64) as usize;
        let edge = edge.get(place).copied().unwrap_or(0);
        match self.dice.below(4) {
            0 => self.dice.roll(),
            1 => self.dice.roll() >> self.dice.below(64),
            2 => edge.wrapping_add(self.dice.below(17)).wrapping_sub(8),
            _ => edge,
        }
    }
}

/// In which register the row's deadline is.
fn deadline_place(row: &Row) -> Option<usize> {
    let place = row.arguments.iter().position(|it| matches!(it, Argument::Deadline(_)))?;
    Some(row.arguments.iter().take(place).map(Argument::registers).sum())
}

/// What a thread of such a program does: it closes what another may be using, and ends.
extern "C" fn wander(handle: u64) -> ! {
    yield_now();
    let _ = raw(Call::Close, [handle, 0, 0, 0, 0, 0]);
    loop {
        let _ = raw(Call::ThreadExit, [0; 6]);
    }
}

/// Whether an answer tells that the kernel broke its own word: an error where none can be.
#[must_use]
pub fn is_absurd(answer: &Answer) -> bool {
    match answer {
        Ok((first, _)) => *first >= 1 << 63,
        Err((error, _)) => matches!(error, Error::Device | Error::NotRecorded),
    }
}

/// The values that are handles, by the names that rows give them.
const HANDLE_NAMES: &[&str] = &[
    "process", "channel", "thread", "job", "handle", "one", "other", "event", "memory", "timer",
    "endpoint", "socket", "port",
];

/// The first handles are those that a caller was given: they are kept.
const FIXED: usize = 11;

/// Few enough that the same one is met again and again.
const HANDLES: usize = 64;

const MAPPED: usize = 16;

const ROOM_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_call_is_drawn_and_the_same_seed_draws_the_same() {
        let mut numbers = BTreeSet::new();
        let (mut one, mut other) = (Caller::new(7, vec![0x1001]), Caller::new(7, vec![0x1001]));
        // Addresses of the room differ; the numbers do not.
        for _ in 0..20_000 {
            let (number, again) = (one.draw().0, other.draw().0);
            let is_call = |number| Call::row_of(number).is_some();
            assert!(number == again || !is_call(number) && !is_call(again), "{number} {again}");
            numbers.insert(number);
        }
        for row in TABLE {
            let is_end = matches!(row.call, Call::Exit | Call::ThreadExit);
            assert!(is_end || numbers.contains(&u64::from(row.number)), "{}", row.name);
        }
    }

    #[test]
    fn a_caller_that_may_not_end_does_not() {
        let mut caller = Caller::new(3, Vec::new());
        caller.may_end = false;
        let ends = |number| number == u64::from(Call::Exit.number()) || number == 6;
        assert!((0..100_000).all(|_| !ends(caller.draw().0)));
    }

    #[test]
    fn what_a_call_gives_is_used_and_what_it_replaces_is_closed() {
        let mut caller = Caller::new(5, Vec::new());
        let number = u64::from(Call::EventCreate.number());
        let closed = (1..2000).filter_map(|handle| caller.keep(number, Ok((handle, 0)))).count();
        assert_eq!(closed, 1999 - (HANDLES - FIXED));
    }

    #[test]
    fn names_of_handles_are_those_of_the_table() {
        for name in HANDLE_NAMES {
            assert!(TABLE.iter().any(|row| row.gives.contains(name)), "{name}");
        }
    }
}
