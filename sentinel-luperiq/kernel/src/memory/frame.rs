//! Frames: pages of memory with one owner each.
//!
//! A [`Frame`] is a token. Whoever holds it owns its page; it cannot be copied, and only its owner
//! can give it back. So a page is never free and used, nor given away twice.
//!
//! # Invariants
//! - A frame holds zeros when it is given out: nobody reads what another one left.
//! - Frames that were given back are a list through the frames themselves, so that giving back
//!   needs no memory.

use core::fmt;

use super::layout::PAGE;
use super::physical::{self, Page};

/// One page of memory, owned.
pub(crate) struct Frame(u64);

impl Frame {
    /// Where it is for the machine.
    pub(crate) fn physical(&self) -> u64 {
        self.0
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> &[u8; PAGE as usize] {
        // SAFETY: a frame is mapped memory of which we are the only owner, borrowed as long as we
        // are. Programs that see the page do not run while the kernel does.
        unsafe { &physical::page(self.0).0 }
    }

    /// What it holds, to be changed.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; PAGE as usize] {
        &mut self.page().0
    }

    fn page(&mut self) -> &mut Page {
        // SAFETY: as in `bytes`, and borrowed mutably.
        unsafe { physical::page(self.0) }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Frame({:#x})", self.0)
    }
}

/// The frames nobody owns.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Memory that was never given out.
    fresh: [(u64, u64); RANGES_MAX],
    /// The first of those that were given back.
    returned: Option<Frame>,
    free: u64,
    /// How few were free at any time.
    free_least: u64,
    total: u64,
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Self { fresh: [(0, 0); RANGES_MAX], returned: None, free: 0, free_least: 0, total: 0 }
    }

    /// Adds memory, by whole pages. Memory beyond the last range that fits stays unused.
    ///
    /// # Safety
    /// The bytes are memory that nobody else uses, and they are mapped before one is taken.
    pub(crate) unsafe fn add(&mut self, start: u64, end: u64) {
        let (start, end) = (start.next_multiple_of(PAGE), end / PAGE * PAGE);
        let place = self.fresh.iter_mut().find(|(start, end)| start == end);
        if let (Some(place), true) = (place, start < end) {
            *place = (start, end);
            self.free += (end - start) / PAGE;
            self.free_least = self.free;
            self.total += (end - start) / PAGE;
        }
    }

    /// How many there are to give.
    pub(crate) fn free(&self) -> u64 {
        self.free
    }

    /// How many were given out at a time, at most.
    pub(crate) fn used_most(&self) -> u64 {
        self.total - self.free_least
    }

    /// How many there are at all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Gives out a frame full of zeros, if there is one left.
    pub(crate) fn take(&mut self) -> Option<Frame> {
        let mut frame = match self.returned.take() {
            Some(first) => {
                let next = first.bytes().first_chunk().map_or(0, |next| u64::from_le_bytes(*next));
                self.returned = (next != NOWHERE).then_some(Frame(next));
                first
            }
            None => {
                let (start, _) = self.fresh.iter_mut().find(|(start, end)| start < end)?;
                let frame = Frame(*start);
                *start += PAGE;
                frame
            }
        };
        self.free -= 1;
        self.free_least = self.free_least.min(self.free);
        frame.bytes_mut().fill(0);
        Some(frame)
    }

    /// Takes a frame back.
    pub(crate) fn give(&mut self, mut frame: Frame) {
        let next = self.returned.take().map_or(NOWHERE, |next| next.0);
        if let Some(link) = frame.bytes_mut().first_chunk_mut() {
            *link = next.to_le_bytes();
        }
        self.returned = Some(frame);
        self.free += 1;
    }
}

/// The end of the list: no page begins there.
const NOWHERE: u64 = 1;

/// Pieces of memory, each cut by what is reserved in it.
const RANGES_MAX: usize = 32;
