//! The smallest heap there is: it hands out its bytes once, from front to back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static HEAP: Heap = Heap { bytes: UnsafeCell::new([0; BYTES]), used: AtomicUsize::new(0) };

const BYTES: usize = 64 * 1024;

struct Heap {
    bytes: UnsafeCell<[u8; BYTES]>,
    /// How many bytes, from the front, are handed out. It only grows.
    used: AtomicUsize,
}

// SAFETY: `bytes` is only reached through `alloc`, where the exchange of `used` gives each byte to
// one caller at most.
unsafe impl Sync for Heap {}

// SAFETY: a returned block lies inside `bytes`, is aligned as asked, and overlaps no other, because
// `used` only grows and is moved past the block before the block is handed out.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.bytes.get().cast::<u8>();
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let free = base.wrapping_add(used);
            let padding = free.addr().wrapping_neg() & (layout.align() - 1);
            let end = used.checked_add(padding).and_then(|start| start.checked_add(layout.size()));
            let Some(end) = end.filter(|end| *end <= BYTES) else {
                return core::ptr::null_mut();
            };
            match self.used.compare_exchange_weak(used, end, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return free.wrapping_add(padding),
                Err(other) => used = other,
            }
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
