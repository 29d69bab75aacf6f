//! Looking at memory that is given back: the system's allocator with a look before it, for each
//! thread by itself, so that what a test's harness does meanwhile does not count.
#![allow(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; this one only looks and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Looking;

thread_local! {
    /// Initialised at compile time and without a destructor, so that reaching it never allocates.
    static SOUGHT: Cell<&'static [u8]> = const { Cell::new(b"") };
    static FOUND: Cell<usize> = const { Cell::new(0) };
}

fn look(bytes: &[u8]) {
    // A thread that is ending looks for nothing any more.
    let sought = SOUGHT.try_with(Cell::get).unwrap_or_default();
    if !sought.is_empty() && bytes.windows(sought.len()).any(|window| window == sought) {
        let _ = FOUND.try_with(|count| count.set(count.get() + 1));
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

// SAFETY: every block is one of the system's allocator, asked for and given back with the layout
// that the caller says, so its guarantees are ours.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeros, so that all of a block can be looked at, also what nobody wrote to.
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(moved) = Layout::from_size_align(size, layout.align()) else {
            return std::ptr::null_mut();
        };
        // It always moves: whether the system can leave a block where it is is chance.
        // SAFETY: `size` is not zero, as the caller promises; both blocks are as long as what is
        // copied, and apart from each other. The old one is given back as `dealloc` may.
        unsafe {
            let place = self.alloc(moved);
            if !place.is_null() {
                std::ptr::copy_nonoverlapping(pointer, place, size.min(layout.size()));
                self.dealloc(pointer, layout);
            }
            place
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Text and bytes alone: other things may have gaps that nobody ever wrote to.
        if layout.align() == 1 {
            // SAFETY: the block is as long as its layout says, was zeroed when it was made, and is
            // the caller's to give back, so nobody writes to it.
            look(unsafe { std::slice::from_raw_parts(pointer, layout.size()) });
        }
        // SAFETY: `pointer` came from `System` with `layout`, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How many blocks with these bytes in them are given back on this thread while `run` runs.
pub(crate) fn blocks(sought: &'static [u8], run: impl FnOnce()) -> usize {
    let before = FOUND.get();
    SOUGHT.set(sought);
    run();
    SOUGHT.set(b"");
    FOUND.get() - before
}
