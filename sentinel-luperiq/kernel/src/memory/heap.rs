//! The kernel's heap: one bounded piece of memory for the kernel's own structures.
//!
//! Sizes are rounded up to a power of two, each with a list of its own, so that taking and giving
//! back are a few instructions and a piece of one size never has to become another. What programs
//! may make the kernel keep is bounded elsewhere, so that this never runs out.
//!
//! # Invariants
//! - Nothing is given out twice, nor outside the piece the heap was given.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State {
    first: 0,
    next: 0,
    end: 0,
    used: 0,
    lists: [ptr::null_mut(); CLASSES],
}));

/// Gives the heap its memory.
///
/// # Safety
/// The bytes are mapped memory that nobody else uses. Called once, before the first allocation.
pub(crate) unsafe fn start(address: u64, bytes: u64) {
    // SAFETY: one core, interrupts masked, and no allocation is under way.
    let state = unsafe { &mut *HEAP.0.get() };
    state.first = address as usize;
    state.next = address as usize;
    state.end = (address + bytes) as usize;
}

/// Bytes that are given out, rounded up as they were.
pub(crate) fn used() -> usize {
    // SAFETY: one core, interrupts masked, and no allocation is under way.
    unsafe { (*HEAP.0.get()).used }
}

/// Bytes that were ever given out: what comes back stays with its size.
pub(crate) fn touched() -> usize {
    // SAFETY: as above.
    let state = unsafe { &*HEAP.0.get() };
    state.next - state.first
}

struct Heap(UnsafeCell<State>);

// SAFETY: the kernel runs on one core with interrupts masked, so calls never overlap.
unsafe impl Sync for Heap {}

struct State {
    first: usize,
    /// Memory that was never given out.
    next: usize,
    end: usize,
    used: usize,
    /// Pieces that came back, by size; the first word of each leads to the next.
    lists: [*mut u8; CLASSES],
}

// SAFETY: a piece comes either from `next`, which only grows, or from a list, which it leaves; and
// it is at least as large and as aligned as asked for, because its size is a power of two and the
// memory before it was given out in aligned pieces.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, size)) = class(layout) else { return ptr::null_mut() };
        // SAFETY: calls never overlap, see above.
        let state = unsafe { &mut *self.0.get() };
        let first = state.lists[class];
        if !first.is_null() {
            // SAFETY: what stands in a list is a free piece of ours whose first word is the link.
            state.lists[class] = unsafe { first.cast::<*mut u8>().read() };
            state.used += size;
            return first;
        }
        let start = state.next.next_multiple_of(size.min(ALIGNMENT));
        if start + size > state.end {
            return ptr::null_mut();
        }
        state.next = start + size;
        state.used += size;
        ptr::with_exposed_provenance_mut(start)
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        let Some((class, size)) = class(layout) else { return };
        // SAFETY: calls never overlap, see above.
        let state = unsafe { &mut *self.0.get() };
        // SAFETY: the caller gives back a piece of this layout, which has room for a link.
        unsafe { piece.cast::<*mut u8>().write(state.lists[class]) };
        state.lists[class] = piece;
        state.used -= size;
    }
}

/// The list for a layout and the size of its pieces, if the heap has pieces as large.
#[inline]
fn class(layout: Layout) -> Option<(usize, usize)> {
    // One less than what is needed: the next power of two has a bit more.
    let last = (layout.size().max(layout.align()) - 1) | (SMALLEST - 1);
    let class = (usize::BITS - SMALLEST.trailing_zeros() - last.leading_zeros()) as usize;
    (class < CLASSES && layout.align() <= ALIGNMENT).then(|| (class, SMALLEST << class))
}

/// Room for a link, and the alignment that most structures want.
const SMALLEST: usize = 16;

/// 16 bytes to 8 MiB.
const CLASSES: usize = 20;

/// No structure of the kernel is aligned to more than a page.
const ALIGNMENT: usize = 4096;
