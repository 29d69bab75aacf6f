//! One queue of a device: buffers that it was offered, and what it says it did with them.
//!
//! # Invariants
//! - A buffer is the driver's or the device's. What the device says it is done with was the
//!   device's, and it wrote no more than there was room.
//! - The driver's own counts are in the driver's memory; of the shared page only what the device
//!   has to say is read.

use super::{
    Page, QUEUE_AVAILABLE, QUEUE_DESCRIPTORS, QUEUE_NOTIFY, QUEUE_NUMBER, QUEUE_READY,
    QUEUE_SELECT, QUEUE_SIZE_MAX, QUEUE_USED, Window,
};

/// A device said what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lie;

/// A queue in one page, of which the upper half is the driver's to use.
#[derive(Debug)]
pub struct Queue<P> {
    number: u32,
    /// The page. From [`FREE`] on it is whatever the driver makes of it.
    pub memory: P,
    /// How many were offered, and how many came back; both wrap.
    offered: u16,
    seen: u16,
    /// Which buffers are the device's.
    lent: u32,
    /// How much it may have written into each.
    rooms: [u32; SIZE],
}

impl<P: Page> Queue<P> {
    /// Tells a device that was started of a queue; `None` if it has none of this number or size.
    pub fn new(window: &impl Window, number: u32, memory: P) -> Option<Self> {
        window.write(QUEUE_SELECT, number);
        if window.read(QUEUE_READY) != 0 || (window.read(QUEUE_SIZE_MAX) as usize) < SIZE {
            return None;
        }
        window.write(QUEUE_NUMBER, SIZE as u32);
        for (register, offset) in
            [(QUEUE_DESCRIPTORS, 0), (QUEUE_AVAILABLE, AVAILABLE), (QUEUE_USED, USED)]
        {
            let at = memory.physical() + offset as u64;
            window.write(register, at as u32);
            window.write(register + 4, (at >> 32) as u32);
        }
        memory.barrier();
        window.write(QUEUE_READY, 1);
        Some(Self { number, memory, offered: 0, seen: 0, lent: 0, rooms: [0; SIZE] })
    }

    /// Lets the driver look by itself instead of being interrupted.
    pub fn be_quiet(&mut self) {
        self.memory.set_half(AVAILABLE, 1);
    }

    /// Fills in a descriptor; with [`NEXT`] the one behind it belongs to it.
    pub fn describe(&mut self, place: usize, at: u64, bytes: usize, flags: u16) {
        let start = 16 * (place % SIZE);
        self.memory.set_long(start, at);
        self.memory.set_word(start + 8, bytes as u32);
        self.memory.set_half(start + 12, flags);
        self.memory.set_half(start + 14, place as u16 + 1);
    }

    /// Lends the device the buffer that begins with this descriptor, into all of which it may
    /// write so many bytes.
    pub fn offer(&mut self, place: usize, room: usize) {
        let place = place % SIZE;
        self.lent |= 1 << place;
        self.rooms[place] = room as u32;
        let slot = usize::from(self.offered) % SIZE;
        self.memory.set_half(AVAILABLE + 4 + 2 * slot, place as u16);
        self.memory.barrier();
        self.offered = self.offered.wrapping_add(1);
        self.memory.set_half(AVAILABLE + 2, self.offered);
    }

    /// Tells the device to look.
    pub fn notify(&self, window: &impl Window) {
        self.memory.barrier();
        window.write(QUEUE_NOTIFY, self.number);
    }

    /// Whether the device says that it is done with something.
    pub fn is_ready(&self) -> bool {
        self.memory.half(USED + 2) != self.seen
    }

    /// The next buffer that the device is done with, and how much it wrote there.
    ///
    /// # Errors
    /// It says that it is done with what it was not lent, or wrote more than there was room.
    pub fn take(&mut self) -> Result<Option<(usize, usize)>, Lie> {
        let count = self.memory.half(USED + 2).wrapping_sub(self.seen);
        if count == 0 {
            return Ok(None);
        }
        if u32::from(count) > self.lent.count_ones() {
            return Err(Lie);
        }
        self.memory.barrier();
        let entry = USED + 4 + 8 * (usize::from(self.seen) % SIZE);
        let (place, bytes) = (self.memory.word(entry), self.memory.word(entry + 4));
        let is_lent = place < SIZE as u32 && self.lent & 1 << place != 0;
        let place = place as usize % SIZE;
        if !is_lent || bytes > self.rooms[place] {
            return Err(Lie);
        }
        self.lent &= !(1 << place);
        self.seen = self.seen.wrapping_add(1);
        Ok(Some((place, bytes as usize)))
    }
}

/// Descriptors and places in the rings.
pub const SIZE: usize = 32;

/// Where the driver's own part of the page begins.
pub const FREE: usize = 0x800;

/// A descriptor that is not the last of its buffer.
pub const NEXT: u16 = 1;

/// A descriptor that the device writes to.
pub const WRITTEN: u16 = 2;

// Where in the page the parts are; the descriptors come first.
pub(crate) const AVAILABLE: usize = 0x200;
pub(crate) const USED: usize = 0x400;

const _: () = assert!(16 * SIZE <= AVAILABLE && AVAILABLE + 6 + 2 * SIZE <= USED);
const _: () = assert!(USED + 6 + 8 * SIZE <= FREE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Memory, Registers};

    fn queue() -> (Memory, Queue<Memory>) {
        let memory = Memory::new(0x4000);
        let queue = Queue::new(&Registers::of(1), 0, memory.clone()).unwrap();
        (memory, queue)
    }

    #[test]
    fn a_device_without_the_queue_is_refused() {
        for (register, says) in [(QUEUE_READY, 1), (QUEUE_SIZE_MAX, 31), (QUEUE_SIZE_MAX, 0)] {
            let mut registers = Registers::of(1);
            registers.says.insert(register, says);
            assert!(Queue::new(&registers, 0, Memory::new(0)).is_none(), "{register:#x}");
        }
    }

    #[test]
    fn buffers_come_back_in_any_order_for_ever() {
        let (memory, mut queue) = queue();
        let mut count = 0_u16;
        // More often than the counts have numbers.
        for round in 0..40_000_u32 {
            let places = [round as usize % SIZE, (round as usize + 7) % SIZE];
            places.iter().for_each(|place| queue.offer(*place, 100));
            assert_eq!(memory.offered(count), places[0]);
            assert_eq!(queue.take(), Ok(None));
            for place in [places[1], places[0]] {
                count = count.wrapping_add(1);
                memory.say_used(count, place as u32, round % 101);
                assert!(queue.is_ready());
                assert_eq!(queue.take(), Ok(Some((place, round as usize % 101))));
            }
        }
    }

    #[test]
    fn what_a_device_cannot_be_done_with_is_a_lie() {
        for (count, place, bytes) in [
            // More than it has; a place that is none; one that it was not lent; too much written.
            (3, 4, 0),
            (u16::MAX, 4, 0),
            (1, 32, 0),
            (1, u32::MAX, 0),
            (1, 6, 0),
            (1, 4, 101),
            (1, 4, u32::MAX),
        ] {
            let (memory, mut queue) = queue();
            queue.offer(4, 100);
            queue.offer(5, 0);
            memory.say_used(count, place, bytes);
            assert_eq!(queue.take(), Err(Lie), "{count} {place} {bytes}");
        }
        // The same one twice.
        let (memory, mut queue) = queue();
        queue.offer(4, 100);
        queue.offer(5, 0);
        memory.say_used(1, 4, 100);
        assert_eq!(queue.take(), Ok(Some((4, 100))));
        memory.say_used(2, 4, 100);
        assert_eq!(queue.take(), Err(Lie));
    }

    #[test]
    fn what_a_device_writes_over_the_driver_s_part_changes_nothing() {
        let (memory, mut queue) = queue();
        queue.offer(0, 10);
        memory.set(AVAILABLE, &[0xff; 70]);
        memory.set(0, &[0xff; AVAILABLE]);
        queue.offer(1, 10);
        assert_eq!(memory.bytes(AVAILABLE + 2), [2, 0]);
        memory.say_used(1, 0, 10);
        assert_eq!(queue.take(), Ok(Some((0, 10))));
    }
}
