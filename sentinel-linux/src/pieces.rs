//! Small pieces of memory, cut from large ones.
//!
//! musl asks the kernel for the memory of a few small things at a time, and gives it back as soon
//! as they are gone: more than a hundred calls before the agent first says something, a quarter of
//! the time that its start takes. Here the kernel is asked for a quarter of a megabyte, which costs
//! nothing until it is used, and small pieces that come back are kept for the next of their size.
//! Large ones are left to the C library. glibc does so by itself; it is not used there.
//!
//! # Invariants
//! - A piece is in one place: with whoever asked for it, in one list, or not cut off yet.
//! - The size that is asked for decides alone whose a piece is and in which list it belongs, so
//!   that nothing is written beside it and nothing has to be believed when it comes back.
//!
//! # Not here
//! Giving small pieces back to the kernel. What was needed at once may be needed again.

#![allow(unsafe_code, reason = "whoever hands out memory hands out pointers")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hands out memory.
pub(crate) struct Pieces {
    lists: Mutex<Lists>,
}

struct Lists {
    /// The pieces of each size that came back. Each begins with a pointer to the next one.
    returned: [*mut u8; SIZES_COUNT],
    /// What nothing has been cut from yet of the last large piece, and how long that is.
    rest: *mut u8,
    rest_bytes: usize,
}

// SAFETY: what the pointers lead to belongs to the lists alone, and no thread can tell it apart
// from memory of its own.
unsafe impl Send for Lists {}

impl Pieces {
    pub(crate) const fn new() -> Self {
        let returned = [ptr::null_mut(); SIZES_COUNT];
        Self { lists: Mutex::new(Lists { returned, rest: ptr::null_mut(), rest_bytes: 0 }) }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    /// A piece of a size, or null if the system has none.
    fn take(&mut self, size: usize) -> *mut u8 {
        let Some(first) = self.returned.get_mut(size) else { return ptr::null_mut() };
        let piece = *first;
        if !piece.is_null() {
            // SAFETY: it came back, so it is at least as long and as aligned as a pointer, nobody
            // else has it, and `give` wrote the next one there.
            *first = unsafe { piece.cast::<*mut u8>().read() };
            return piece;
        }
        let bytes = bytes_of(size);
        if self.rest_bytes < bytes {
            // SAFETY: it is asked for more than no bytes.
            let large = unsafe { System.alloc(LARGE) };
            if large.is_null() {
                return large;
            }
            (self.rest, self.rest_bytes) = (large, LARGE.size());
        }
        let piece = self.rest;
        self.rest_bytes -= bytes;
        // SAFETY: that many bytes were left, so this is within what the system gave, or at its end.
        self.rest = unsafe { piece.add(bytes) };
        piece
    }

    /// Keeps a piece that was taken and is not used any more.
    ///
    /// # Safety
    /// `take` gave it for this size, and nobody has it any more.
    unsafe fn give(&mut self, size: usize, piece: *mut u8) {
        if let Some(first) = self.returned.get_mut(size) {
            // SAFETY: the caller says that nobody has it; and every size is one of a pointer at
            // least, at a multiple of sixteen.
            unsafe { piece.cast::<*mut u8>().write(*first) };
            *first = piece;
        }
    }
}

// SAFETY: a piece is as long as the size it was cut for, which is no shorter than what was asked
// for; it begins at a multiple of sixteen, because the first one does and every size is one; and
// nobody else gets it before it comes back. What is larger, or has to lie otherwise, is the
// system's from the beginning to the end, for the layout of a piece never changes.
unsafe impl GlobalAlloc for Pieces {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match size(layout.size(), layout.align()) {
            Some(size) => self.lists().take(size),
            // SAFETY: what the caller promises.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(size) = size(layout.size(), layout.align()) else {
            // SAFETY: what the caller promises.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let piece = self.lists().take(size);
        if !piece.is_null() {
            // SAFETY: it is this long at least, and nobody else has it.
            unsafe { piece.write_bytes(0, layout.size()) };
        }
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match size(layout.size(), layout.align()) {
            // SAFETY: the caller promises that it is of this layout, and so of this size.
            Some(size) => unsafe { self.lists().give(size, piece) },
            // SAFETY: it is of this layout, and so the system's.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        match (size(layout.size(), layout.align()), size(bytes, layout.align())) {
            (Some(old), Some(new)) if old == new => piece,
            // SAFETY: it is the system's, and stays so.
            (None, None) => unsafe { System.realloc(piece, layout, bytes) },
            _ => {
                // SAFETY: the caller promises that the new size, rounded up, is not too large.
                let new = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
                // SAFETY: nor is it zero.
                let moved = unsafe { self.alloc(new) };
                if !moved.is_null() {
                    // SAFETY: both are this long, and the new one is nobody's yet. The old one is
                    // not used after that.
                    unsafe {
                        moved.copy_from_nonoverlapping(piece, bytes.min(layout.size()));
                        self.dealloc(piece, layout);
                    }
                }
                moved
            }
        }
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pieces").finish_non_exhaustive()
    }
}

/// Which size a small piece has; none if it is not small.
const fn size(bytes: usize, align: usize) -> Option<usize> {
    if bytes == 0 || bytes > SMALL_BYTES_MAX || align > STEP {
        return None;
    }
    let last = bytes - 1;
    if last < EVEN_BYTES {
        return Some(last / STEP);
    }
    // Four sizes between a power of two and the next one: no piece is a quarter too long.
    let power = last.ilog2();
    let quarter = (last >> (power - 2)) & 3;
    Some(EVEN_BYTES / STEP + 4 * (power - EVEN_BYTES.ilog2()) as usize + quarter)
}

/// How long pieces of a size are.
const fn bytes_of(size: usize) -> usize {
    match size.checked_sub(EVEN_BYTES / STEP) {
        None => (size + 1) * STEP,
        Some(rest) => (5 + rest % 4) << (EVEN_BYTES.ilog2() as usize - 2 + rest / 4),
    }
}

/// What a piece lies at a multiple of: enough for everything that is not asked for otherwise.
const STEP: usize = 16;
/// Up to here there is a size for each step.
const EVEN_BYTES: usize = 128;
/// What is longer is the system's: it is seldom, and worth giving back.
const SMALL_BYTES_MAX: usize = 4096;
const SIZES_COUNT: usize = match size(SMALL_BYTES_MAX, 1) {
    Some(last) => last + 1,
    None => 0,
};
/// What is asked for at once. The kernel gives pages of it when they are first written to.
const LARGE: Layout = match Layout::from_size_align(256 * 1024, STEP) {
    Ok(layout) => layout,
    Err(_) => panic!("it is a power of two"),
};

#[cfg(test)]
mod tests;
