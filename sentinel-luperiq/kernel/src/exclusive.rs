//! A value that exists once and that one piece of code uses at a time.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// The kernel runs on one core with interrupts masked, so the only way to use the value twice at
/// once is to ask for it while it is used; that is a defect and ends the kernel.
#[derive(Debug)]
pub(crate) struct Exclusive<T> {
    is_used: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `with` gives out one reference at a time, and there is one core.
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { is_used: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Uses it.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let was_used = self.is_used.load(Ordering::Relaxed);
        assert!(!was_used, "the kernel entered itself");
        self.is_used.store(true, Ordering::Relaxed);
        // SAFETY: nobody else has a reference: `is_used` was false, and it is true until we are
        // done.
        let result = f(unsafe { &mut *self.value.get() });
        self.is_used.store(false, Ordering::Relaxed);
        result
    }

    /// Takes it from whoever uses it, at the end of everything.
    ///
    /// # Safety
    /// Whoever uses it never goes on, and this is called once.
    #[expect(clippy::mut_from_ref, reason = "the caller answers for it")]
    pub(crate) unsafe fn take_over(&self) -> &mut T {
        self.is_used.store(true, Ordering::Relaxed);
        // SAFETY: as the caller promises, no other reference is used any more.
        unsafe { &mut *self.value.get() }
    }
}
