//! The program's memory: pieces of memory objects.
//!
//! Small pieces come in sizes of powers of two from chunks that are never given back; each size
//! has a list of the pieces that are free. What is larger than half a chunk is a memory object of
//! its own, and goes back to the kernel when it is freed. Simple, and good enough for programs
//! that are restarted rather than tuned.
//!
//! # Invariants
//! - A piece is as large as its size says and aligned to it, up to a page.
//! - One thread at a time is inside.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use luperiq_abi::Call;
use luperiq_abi::call::protection;
use luperiq_abi::limits::PAGE_BYTES;

use crate::call::{plain, raw, yield_now};

#[global_allocator]
static HEAP: Heap = Heap { is_taken: AtomicBool::new(false), state: UnsafeCell::new(State::NEW) };

struct Heap {
    is_taken: AtomicBool,
    state: UnsafeCell<State>,
}

struct State {
    /// The first free piece of each size; it begins with the address of the next.
    free: [usize; SIZES_COUNT],
    /// The rest of the last chunk.
    start: usize,
    end: usize,
}

impl State {
    const NEW: Self = Self { free: [0; SIZES_COUNT], start: 0, end: 0 };
}

// SAFETY: `state` is only touched by `with`, in which one thread is at a time.
unsafe impl Sync for Heap {}

// SAFETY: pieces come from memory that the kernel mapped for this program alone, and no piece is
// given twice before it is freed: `take` removes it from its list or from the chunk.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match size_of(layout) {
            Some(size) => self.with(|state| take(state, size)) as *mut u8,
            None if layout.align() as u64 <= PAGE_BYTES => map(layout.size()) as *mut u8,
            None => null_mut(),
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match size_of(layout) {
            Some(size) => self.with(|state| put(state, size, piece as usize)),
            None => {
                let bytes = pages(layout.size()).unwrap_or(0);
                let _ = raw(Call::MemoryUnmap, [piece as u64, bytes, 0, 0, 0, 0]);
            }
        }
    }
}

impl Heap {
    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        while self.is_taken.swap(true, Ordering::Acquire) {
            yield_now();
        }
        // SAFETY: whoever gets here swapped the flag from false, so nobody else is between these
        // lines; `action` does not allocate, so it does not come back here.
        let result = action(unsafe { &mut *self.state.get() });
        self.is_taken.store(false, Ordering::Release);
        result
    }
}

/// Which size a small piece has, as a power of two; `None` if it is large.
fn size_of(layout: Layout) -> Option<u32> {
    let bytes = layout.size().max(layout.align()).max(1 << SIZE_MIN);
    let size = bytes.checked_next_power_of_two()?.trailing_zeros();
    (size < SIZE_MIN + SIZES_COUNT as u32 && layout.align() as u64 <= PAGE_BYTES).then_some(size)
}

fn take(state: &mut State, size: u32) -> usize {
    let place = (size - SIZE_MIN) as usize;
    let first = state.free[place];
    if first != 0 {
        // SAFETY: a free piece of this size, put there by `put`: at least 16 bytes of ours, aligned
        // to 16, that nobody else uses, and begun with the next one's address.
        state.free[place] = unsafe { *(first as *const usize) };
        return first;
    }
    let bytes = 1_usize << size;
    let start = state.start.next_multiple_of(bytes.min(PAGE_BYTES as usize));
    if state.start == 0 || start + bytes > state.end {
        // What is left of the last chunk is lost: less than the piece that did not fit.
        let chunk = map(CHUNK_BYTES);
        if chunk == 0 {
            return 0;
        }
        state.start = chunk + bytes;
        state.end = chunk + CHUNK_BYTES;
        return chunk;
    }
    state.start = start + bytes;
    start
}

fn put(state: &mut State, size: u32, piece: usize) {
    let place = (size - SIZE_MIN) as usize;
    // SAFETY: the caller frees a piece that `take` gave for this size, so it is 16 bytes or more of
    // ours, aligned to 16, and nobody uses it any more.
    unsafe { *(piece as *mut usize) = state.free[place] };
    state.free[place] = piece;
}

/// Pages of the program's own; 0 if there are none left.
fn map(bytes: usize) -> usize {
    let Some(bytes) = pages(bytes) else { return 0 };
    let Ok((memory, _)) = plain(Call::MemoryCreate, [bytes, 0, 0, 0, 0, 0]) else { return 0 };
    let flags = protection::READ | protection::WRITE;
    let mapped = plain(Call::MemoryMap, [memory, 0, 0, bytes, flags, 0]);
    // What is mapped stays without the handle.
    let _ = raw(Call::Close, [memory, 0, 0, 0, 0, 0]);
    mapped.map_or(0, |(address, _)| address as usize)
}

fn pages(bytes: usize) -> Option<u64> {
    (bytes as u64).checked_next_multiple_of(PAGE_BYTES)
}

const CHUNK_BYTES: usize = 64 * 1024;

/// The smallest piece: 16 bytes, which hold an address.
const SIZE_MIN: u32 = 4;

/// Up to half a chunk.
const SIZES_COUNT: usize = 12;

const _: () = assert!(1 << (SIZE_MIN as usize + SIZES_COUNT - 1) == CHUNK_BYTES / 2);
