//! What of a process is the machine's: its memory and its threads.
//!
//! # Not here
//! What it may do, what it holds, how it ended: `luperiq-policy` knows that, by the same key.

use alloc::vec::Vec;

use luperiq_abi::Error;
use luperiq_formats::program::{Bounds, Program, Refusal};
use luperiq_policy::Key;

use crate::arch::Frame;
use crate::memory::frame::Frames;
use crate::memory::layout::{PAGE, USER_END, USER_START};
use crate::memory::space::{Memory, Protection, Space};
use crate::schedule::ThreadId;

/// A process, as far as the machine goes.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) space: Space<MemoryName>,
    pub(crate) threads: Vec<ThreadId>,
    /// Its program and stack, which no handle names: they end with it.
    own: Vec<Memory>,
    /// Where its first thread begins.
    entry: u64,
    stack: u64,
    /// Its own end of the channel to whoever made it, as its first thread finds it.
    pub(crate) bootstrap: u64,
}

/// What a space calls the memory that it maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryName {
    /// One of the process's own pieces.
    Own,
    /// A memory object.
    Object(Key),
}

/// Why a program does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadError {
    Program(Refusal),
    Machine(Error),
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        Self::Machine(error)
    }
}

impl Process {
    /// Loads a program and gives it a stack, within so many bytes of memory.
    pub(crate) fn load(
        frames: &mut Frames,
        asid: u16,
        file: &[u8],
        bytes_max: u64,
    ) -> Result<Self, LoadError> {
        let bounds = Bounds { start: USER_START, end: PROGRAM_END, bytes: bytes_max };
        let program = Program::read(file, bounds).map_err(LoadError::Program)?;
        let space = Space::new(frames, asid)?;
        let (threads, own) = (Vec::new(), Vec::new());
        let entry = program.entry;
        let mut process = Self { space, threads, own, entry, stack: STACK_END, bootstrap: 0 };
        match process.fill(frames, &program) {
            Ok(()) => Ok(process),
            Err(error) => {
                process.release(frames, |_| ());
                Err(error.into())
            }
        }
    }

    /// The registers of its first thread.
    pub(crate) fn first_frame(&self, argument: u64) -> Frame {
        Frame::start(self.entry, self.stack, argument)
    }

    /// Bytes of memory that it has for itself, its tables included.
    pub(crate) fn own_bytes(&self) -> u64 {
        self.own.iter().map(Memory::bytes).sum::<u64>() + self.space.table_bytes()
    }

    /// Gives everything back; its threads have ended. `gone` hears of each mapping of an object.
    pub(crate) fn release(self, frames: &mut Frames, mut gone: impl FnMut(Key)) {
        self.space.release(frames, |name| {
            if let MemoryName::Object(object) = name {
                gone(object);
            }
        });
        self.own.into_iter().for_each(|memory| memory.release(frames));
    }

    fn fill(&mut self, frames: &mut Frames, program: &Program<'_>) -> Result<(), Error> {
        for segment in program.segments() {
            let (start, bytes) = segment.pages();
            let protection = match (segment.is_executable, segment.is_writable) {
                (true, _) => Protection::EXECUTE,
                (_, true) => Protection::WRITE,
                _ => Protection::READ,
            };
            let offset = segment.at - start;
            let memory = Memory::with_content(frames, bytes, offset, segment.content)?;
            self.add(frames, memory, start, protection)?;
        }
        let asked = program.stack_bytes.next_multiple_of(PAGE);
        let bytes = if asked == 0 { STACK_BYTES } else { asked.min(STACK_BYTES_MAX) };
        let stack = Memory::new(frames, bytes)?;
        self.add(frames, stack, STACK_END - bytes, Protection::WRITE)
    }

    fn add(
        &mut self,
        frames: &mut Frames,
        memory: Memory,
        at: u64,
        protection: Protection,
    ) -> Result<(), Error> {
        let piece = (0, memory.bytes());
        let named = (MemoryName::Own, &memory);
        // All of it is counted when the program is loaded.
        let protections = (protection, protection);
        let mapped = self.space.map(frames, named, at, piece, protections, |_| Ok(()));
        // Kept either way: what is not mapped is given back with the rest.
        self.own.push(memory);
        mapped.map(drop)
    }
}

/// Programs are linked into the first 4 GiB; what the kernel places comes behind.
const PROGRAM_END: u64 = 1 << 32;

/// The first thread's stack ends here, with pages above and below that are never mapped.
const STACK_END: u64 = USER_END - (1 << 31);

/// What a program gets that does not ask.
const STACK_BYTES: u64 = 64 << 10;

/// What a program can ask for.
const STACK_BYTES_MAX: u64 = 8 << 20;
