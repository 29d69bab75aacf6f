//! Bytes from one socket to the other, without a look at them.
//!
//! They go through a pipe and never into this process: a copy in and one out for every byte would
//! take as long as both ends take together.
//!
//! # Invariants
//! - What was taken is passed on, in order, before the end is.
//! - Nothing more is taken than the pipe holds, so that a slow end slows down the other one.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};

use super::side::Side;

/// One direction.
#[derive(Debug)]
pub(super) struct Relay {
    reader: OwnedFd,
    writer: OwnedFd,
    held: usize,
    capacity: usize,
    /// Whether more was asked for than a pipe has from the start.
    is_large: bool,
    /// Whether the socket it goes to takes nothing for now.
    is_blocked: bool,
}

impl Relay {
    /// # Errors
    /// There are no pipes left.
    pub(super) fn new() -> Result<Self, Errno> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let capacity = PIPE_BYTES_GIVEN;
        Ok(Self { reader, writer, held: 0, capacity, is_large: false, is_blocked: false })
    }

    /// Whether it can take something.
    pub(super) const fn takes(&self) -> bool {
        self.held < self.capacity && !self.is_blocked
    }

    /// Whether it waits to give something.
    pub(super) const fn gives(&self) -> bool {
        self.held > 0
    }

    /// Moves what can be moved now, and says how much that was.
    pub(super) fn step(&mut self, from: &mut Side, to: &mut Side) -> Result<u64, Errno> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let (mut moved, mut is_dry) = (0, false);
        self.is_blocked = false;
        for _ in 0..TURNS_AT_ONCE {
            if !is_dry && !from.has_ended && self.held < self.capacity {
                let room = self.capacity - self.held;
                match rustix::pipe::splice(&*from, None, &self.writer, None, room, flags) {
                    Ok(0) => from.has_ended = true,
                    Ok(count) => {
                        self.held += count;
                        if self.held >= self.capacity && !self.is_large {
                            self.enlarge();
                        }
                    }
                    // The pipe may be full of small pieces, too.
                    Err(Errno::WOULDBLOCK) => is_dry = true,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error),
                }
            }
            if self.held == 0 {
                if from.has_ended {
                    to.shut();
                }
                if is_dry || from.has_ended {
                    break;
                }
                continue;
            }
            match rustix::pipe::splice(&self.reader, None, &*to, None, self.held, flags) {
                Ok(count) => {
                    self.held = self.held.saturating_sub(count);
                    moved += count as u64;
                    // There may be room for more now.
                    is_dry = is_dry && self.held == 0;
                }
                Err(Errno::WOULDBLOCK) => {
                    self.is_blocked = true;
                    break;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    /// Makes room for whoever fills what there is: of most connections nothing more is asked.
    fn enlarge(&mut self) {
        self.is_large = true;
        // Who has many pipes gets no larger ones, and small ones do as well, slower.
        if let Ok(capacity) = rustix::pipe::fcntl_setpipe_size(&self.writer, PIPE_BYTES) {
            self.capacity = capacity;
        }
    }
}

/// What Linux gives. A pipe that is smaller is full earlier, which a splice says.
const PIPE_BYTES_GIVEN: usize = 64 * 1024;
/// Half of what anybody may ask for. With half of this a tenth of the speed is lost, because both
/// ends are woken twice as often; with twice of this nothing is gained.
const PIPE_BYTES: usize = 512 * 1024;
/// How often one connection is filled and emptied before the others have their turn.
const TURNS_AT_ONCE: usize = 16;
