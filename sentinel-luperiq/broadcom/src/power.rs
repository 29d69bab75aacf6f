//! The block that starts the machine again: at once, or when nobody fed it for a while.
//!
//! Registers as in Linux's `bcm2835_wdt`; Broadcom publishes none. A counter of 20 bits runs down,
//! 65,536 times a second. What happens at 0 is one field of another register, and every write needs
//! a password, so that a stray one does nothing.
//!
//! # Invariants
//! - Whoever armed it has to feed it: there is no way to disarm it but a restart.
//! - Switching off is a restart, too, before which the firmware is told not to go on.

use luperiq_virtio::Window;

/// The block.
#[derive(Debug)]
pub struct Power<W>(W);

impl<W: Window> Power<W> {
    /// The block behind this window, as the firmware left it.
    pub const fn new(window: W) -> Self {
        Self(window)
    }

    /// Lets the machine start again after so many seconds, at most [`SECONDS_MAX`], unless this is
    /// called again before.
    pub fn feed(&self, seconds: u32) {
        self.start_after(seconds.clamp(1, SECONDS_MAX) << SECOND);
    }

    /// Starts the machine again now, which takes a moment: wait for it.
    pub fn restart(&self) {
        // The firmware looks here for what to do, where something may be left of before.
        self.say(0);
        self.start_after(MOMENT);
    }

    /// Switches the machine off now, which takes a moment: wait for it.
    pub fn switch_off(&self) {
        self.say(HALT);
        self.start_after(MOMENT);
    }

    /// Says to the firmware what comes after the restart: a partition to start from, by bits that
    /// stand apart, or nothing.
    fn say(&self, partition: u32) {
        let kept = self.0.read(STATUS) & !HALT & VALUE;
        self.0.write(STATUS, PASSWORD | kept | partition);
    }

    fn start_after(&self, ticks: u32) {
        self.0.write(COUNTER, PASSWORD | (ticks & TICKS));
        let kept = self.0.read(CONTROL) & !AT_END & VALUE;
        self.0.write(CONTROL, PASSWORD | kept | START_AGAIN);
    }
}

/// The counter has no room for more.
pub const SECONDS_MAX: u32 = 15;

/// How many bytes of registers the driver needs.
pub const WINDOW_BYTES: usize = 0x28;

const CONTROL: usize = 0x1c;
const STATUS: usize = 0x20;
const COUNTER: usize = 0x24;

const PASSWORD: u32 = 0x5a00_0000;
const VALUE: u32 = 0x00ff_ffff;
const TICKS: u32 = 0x000f_ffff;
/// What happens when the counter is at its end; of this all but the rest of the machine's is kept.
const AT_END: u32 = 0x30;
const START_AGAIN: u32 = 0x20;
/// Partition 63, which is none: the firmware waits to be switched on.
const HALT: u32 = 0x555;

/// The logarithm of how many ticks a second has.
const SECOND: u32 = 16;

/// Ten ticks are 150 µs.
const MOMENT: u32 = 10;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// The block as Linux's driver knows it, with time that tests let pass.
    #[derive(Debug)]
    struct Block {
        control: u32,
        status: u32,
        counter: u32,
        /// What the firmware read when it started the machine again.
        started: Option<u32>,
    }

    #[derive(Debug)]
    struct Machine(RefCell<Block>);

    impl Machine {
        /// As the firmware leaves it: nothing happens at the end, and this is what it said last.
        fn new(status: u32) -> Self {
            let (control, counter) = (0x102, 0);
            Self(RefCell::new(Block { control, status, counter, started: None }))
        }

        fn pass(&self, ticks: u32) {
            let mut block = self.0.borrow_mut();
            block.counter = block.counter.saturating_sub(ticks);
            if block.counter == 0 && block.control & 0x30 == 0x20 {
                block.started = Some(block.status);
            }
        }

        fn started(&self) -> Option<u32> {
            self.0.borrow().started
        }
    }

    impl Window for &Machine {
        fn read(&self, offset: usize) -> u32 {
            let block = self.0.borrow();
            match offset {
                0x1c => block.control,
                0x20 => block.status,
                0x24 => block.counter,
                _ => panic!("no such register: {offset:#x}"),
            }
        }

        fn write(&self, offset: usize, value: u32) {
            let mut block = self.0.borrow_mut();
            if value >> 24 != 0x5a {
                return;
            }
            match offset {
                0x1c => block.control = value & 0x00ff_ffff,
                0x20 => block.status = value & 0x00ff_ffff,
                0x24 => block.counter = value & 0x000f_ffff,
                _ => panic!("no such register: {offset:#x}"),
            }
        }
    }

    const SECOND: u32 = 65_536;

    #[test]
    fn who_is_fed_does_not_start_again_and_who_hangs_does() {
        for seconds in [1, 7, 15] {
            let machine = Machine::new(0);
            let power = Power::new(&machine);
            for _ in 0..20 {
                power.feed(seconds);
                machine.pass(seconds * SECOND - 1);
                assert_eq!(machine.started(), None, "{seconds}");
            }
            machine.pass(1);
            assert_eq!(machine.started(), Some(0), "{seconds}");
        }
    }

    #[test]
    fn more_seconds_than_there_is_room_for_are_as_many_as_there_is() {
        for (asked, got) in [(0, 1), (16, 15), (u32::MAX, 15)] {
            let machine = Machine::new(0);
            Power::new(&machine).feed(asked);
            machine.pass(got * SECOND - 1);
            assert_eq!(machine.started(), None, "{asked}");
            machine.pass(1);
            assert!(machine.started().is_some(), "{asked}");
        }
    }

    #[test]
    fn a_restart_forgets_what_was_said_and_switching_off_says_so() {
        // A machine that was to be off, or to start from another partition, before.
        for before in [0, 0x555, 0x1000, 0x1555] {
            let machine = Machine::new(before);
            Power::new(&machine).restart();
            machine.pass(10);
            assert_eq!(machine.started(), Some(before & 0x1000), "what is none of ours stays");
            let machine = Machine::new(before);
            Power::new(&machine).switch_off();
            machine.pass(10);
            assert_eq!(machine.started(), Some(before | 0x555));
        }
    }

    #[test]
    fn what_is_beside_the_field_stays() {
        let machine = Machine::new(0);
        Power::new(&machine).feed(1);
        assert_eq!(machine.0.borrow().control, 0x122);
    }
}
