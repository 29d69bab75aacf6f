//! Counting allocations: the system's allocator with a counter before it, one for each thread, so
//! that what a test's harness does meanwhile does not count.
#![allow(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; this one only counts and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// Initialised at compile time and without a destructor, so that reaching it never allocates.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more; nobody is counting there.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

fn hold(bytes: usize, sign: isize) {
    let bytes = isize::try_from(bytes).unwrap_or(isize::MAX);
    let _ = BYTES.try_with(|held| held.set(held.get().wrapping_add(bytes.wrapping_mul(sign))));
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is passed to the system's allocator unchanged, so its guarantees are ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(size, 1);
        hold(layout.size(), -1);
        // SAFETY: `pointer` came from `System` with `layout`, as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(layout.size(), -1);
        // SAFETY: `pointer` came from `System` with `layout`, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How many allocations `run` makes on this thread.
pub(crate) fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// How many bytes more are held on this thread's account after `run`.
#[allow(dead_code, reason = "tests that include this count allocations, not bytes")]
pub(crate) fn bytes_held(run: impl FnOnce()) -> isize {
    let before = BYTES.get();
    run();
    BYTES.get() - before
}
