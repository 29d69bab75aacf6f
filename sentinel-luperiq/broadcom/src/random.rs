//! RNG200: a source of random bytes inside the chip.
//!
//! Registers as in Linux's `iproc-rng200`, in the form of the BCM2711; Broadcom publishes none. It
//! tests what it makes by itself, and says so when that is bad. The firmware has used it for a seed
//! of its own, so it usually runs already, and is left as it is then.
//!
//! # Invariants
//! - What it gives is one ingredient of a generator, never all of it: a device that always says the
//!   same makes nothing worse.
//! - One that says that its bytes are bad gives nothing.

use luperiq_virtio::Window;

/// Fills some of `out`, in words, and says how much. A device that says nothing, or not enough
/// before `is_over`, gives what came until then; one that finds itself bad gives nothing.
pub fn read(window: &impl Window, out: &mut [u8], mut is_over: impl FnMut() -> bool) -> usize {
    if window.read(CONTROL) & ENABLED == 0 {
        window.write(COUNT, COUNT_WANTED);
        window.write(CONTROL, ENABLED | SLOWLY);
    }
    // What comes first is less random than the rest.
    while window.read(BITS) <= BITS_FIRST && !is_over() {}
    let mut filled = 0;
    while filled + 4 <= out.len() {
        if window.read(INTERRUPTS) & BAD != 0 {
            out.fill(0);
            return 0;
        }
        if window.read(COUNT) & COUNT_BITS != 0 {
            let word = window.read(DATA).to_le_bytes();
            out[filled..filled + 4].copy_from_slice(&word);
            filled += 4;
        } else if is_over() {
            break;
        }
    }
    filled
}

/// How many bytes of registers the driver needs.
pub const WINDOW_BYTES: usize = 0x28;

const CONTROL: usize = 0x00;
const BITS: usize = 0x0c;
const INTERRUPTS: usize = 0x18;
const DATA: usize = 0x20;
const COUNT: usize = 0x24;

const ENABLED: u32 = 0x1fff;
/// A bit each microsecond.
const SLOWLY: u32 = 3 << 13;
const COUNT_BITS: u32 = 0xff;
const COUNT_WANTED: u32 = 2 << 8;
const BITS_FIRST: u32 = 16;
/// The two of its tests that end in more than a repetition: all bits alike, and too few changes.
const BAD: u32 = 1 << 31 | 1 << 5;

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// A device that makes a word whenever it was looked at so many times.
    struct Source {
        control: Cell<u32>,
        bits: Cell<u32>,
        every: u32,
        looked: Cell<u32>,
        /// After so many words it finds itself bad.
        words_good: usize,
        given: RefCell<Vec<u32>>,
    }

    impl Source {
        fn new(every: u32, words_good: usize) -> Self {
            let (looked, given) = (Cell::new(0), RefCell::new(Vec::new()));
            let (control, bits) = (Cell::new(0), Cell::new(0));
            Self { control, bits, every, looked, words_good, given }
        }
    }

    impl Window for Source {
        fn read(&self, offset: usize) -> u32 {
            let is_on = self.control.get() & 0x1fff == 0x1fff;
            match offset {
                0x00 => self.control.get(),
                0x0c => {
                    self.bits.set(self.bits.get() + u32::from(is_on && self.every < u32::MAX));
                    self.bits.get()
                }
                0x18 if self.given.borrow().len() >= self.words_good => 1 << 31,
                0x18 => 0,
                0x20 => {
                    assert!(self.looked.get() >= self.every, "a word that is not there");
                    assert!(self.bits.get() > 16, "the first bits are not used");
                    self.looked.set(0);
                    let mut given = self.given.borrow_mut();
                    let word = 0x0403_0201 * (given.len() as u32 + 1);
                    given.push(word);
                    word
                }
                0x24 => {
                    self.looked.set(self.looked.get() + u32::from(is_on));
                    // Above the count stands what it was told to wait for.
                    0x0200 | u32::from(is_on && self.looked.get() >= self.every)
                }
                _ => panic!("no such register: {offset:#x}"),
            }
        }

        fn write(&self, offset: usize, value: u32) {
            match offset {
                0x00 => self.control.set(value),
                0x24 => assert_eq!(value, 0x0200),
                _ => panic!("register {offset:#x} is written"),
            }
        }
    }

    #[test]
    fn words_are_taken_as_they_come() {
        let mut out = [0; 32];
        let source = Source::new(3, usize::MAX);
        assert_eq!(read(&source, &mut out, || false), 32);
        assert_eq!(out[..8], [1, 2, 3, 4, 2, 4, 6, 8]);
        assert_eq!(source.control.get(), 0x7fff);
        let running = Source::new(1, usize::MAX);
        running.control.set(0x2000_1fff);
        assert_eq!(read(&running, &mut out, || false), 32);
        assert_eq!(running.control.get(), 0x2000_1fff, "what the firmware started stays so");
        let mut odd = [9; 7];
        assert_eq!(read(&Source::new(1, usize::MAX), &mut odd, || false), 4);
        assert_eq!(odd, [1, 2, 3, 4, 9, 9, 9]);
    }

    #[test]
    fn one_that_says_nothing_is_given_up_and_one_that_is_bad_gives_nothing() {
        let mut patience = 10;
        let mut over = || {
            patience -= 1;
            patience <= 0
        };
        assert_eq!(read(&Source::new(u32::MAX, usize::MAX), &mut [0; 32], &mut over), 0);
        let mut out = [7; 32];
        assert_eq!(read(&Source::new(1, 5), &mut out, || false), 0);
        assert_eq!(out, [0; 32], "nothing of it is left");
    }
}
