//! A source of random bytes (§5.4).
//!
//! # Invariants
//! - What it gives is one ingredient of a generator, never all of it: a device that always says the
//!   same makes nothing worse.

use super::queue::{FREE, WRITTEN};
use super::{Page, Queue, Window};

/// A source of random bytes.
#[derive(Debug)]
pub struct Rng<W, P> {
    window: W,
    queue: Queue<P>,
}

impl<W: Window, P: Page> Rng<W, P> {
    /// Sets the device up, if it is one; `page` makes its page.
    pub fn new(window: W, page: impl FnOnce() -> Option<P>) -> Option<Self> {
        super::start(&window, KIND, 0)?;
        let mut queue = Queue::new(&window, 0, page()?)?;
        queue.be_quiet();
        super::go(&window);
        Some(Self { window, queue })
    }

    /// Fills some of `out`, at most [`BYTES_MAX`], and says how much. It is asked once: a device
    /// that lies, says nothing, or is not done before `is_over` is reset.
    pub fn read(mut self, out: &mut [u8], mut is_over: impl FnMut() -> bool) -> usize {
        let room = out.len().min(BYTES_MAX);
        let at = self.queue.memory.physical() + FREE as u64;
        self.queue.describe(0, at, room, WRITTEN);
        self.queue.offer(0, room);
        self.queue.notify(&self.window);
        while !self.queue.is_ready() && !is_over() {}
        let count = match self.queue.take() {
            Ok(Some((_, bytes))) => bytes.min(room),
            _ => 0,
        };
        super::reset(&self.window);
        if let Some(out) = out.get_mut(..count) {
            self.queue.memory.copy_to(FREE, out);
        }
        count
    }
}

/// The number of this kind of device.
pub const KIND: u32 = 4;

/// What one question gives at most.
pub const BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Memory, Registers};

    /// Asks once; the device says that it wrote so many bytes into a place.
    fn ask(place: u32, bytes: u32, out: &mut [u8]) -> usize {
        let (memory, registers) = (Memory::new(0x4000), Registers::of(KIND));
        let rng = Rng::new(registers.clone(), || Some(memory.clone())).unwrap();
        memory.set(FREE, &[7; 512]);
        if bytes != SILENT {
            memory.say_used(1, place, bytes);
        }
        let mut patience = 10;
        let count = rng.read(out, || {
            patience -= 1;
            patience == 0
        });
        assert_eq!(registers.status(), 0, "it was reset");
        count
    }

    const SILENT: u32 = 12345;

    #[test]
    fn what_it_gives_is_taken_and_a_lie_is_nothing() {
        let mut out = [0; 300];
        assert_eq!(ask(0, 64, &mut out), 64);
        assert_eq!((out[63], out[64]), (7, 0));
        assert_eq!(ask(0, 256, &mut out), 256);
        for (place, bytes) in [(0, 257), (0, u32::MAX), (1, 4), (u32::MAX, 4), (0, SILENT)] {
            assert_eq!(ask(place, bytes, &mut [0; 300]), 0, "{place} {bytes}");
        }
        // Less room than a question has.
        assert_eq!((ask(0, 8, &mut [0; 8]), ask(0, 9, &mut [0; 8])), (8, 0));
    }

    #[test]
    fn another_device_or_none_is_left_alone() {
        for (register, says) in [(0, 0), (4, 1), (8, 2), (8, 0), (0x70, 0), (0x10, 0)] {
            let mut registers = Registers::of(KIND);
            registers.says.insert(register, says);
            assert!(Rng::new(registers, || Some(Memory::new(0))).is_none(), "{register:#x}");
        }
    }
}
