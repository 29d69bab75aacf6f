//! A network card (§5.1), as a pipe for whole frames.
//!
//! What is in a frame is nobody's business here: whoever holds the card reads and writes them.
//!
//! # Invariants
//! - The rings hold as many frames as were made room for at the start. What comes when all are full
//!   is lost, as on any wire.
//! - A frame that is shorter than its head or longer than a frame is dropped.

use alloc::vec::Vec;

use super::queue::{SIZE, WRITTEN};
use super::{CONFIGURATION, Lie, Page, Queue, Window};

/// A network card.
#[derive(Debug)]
pub struct Net<W, P> {
    window: W,
    incoming: Queue<P>,
    outgoing: Queue<P>,
    /// A page for each of two frames that come, and behind those as many for frames that go.
    pages: Vec<P>,
    /// Which places for frames that go are free.
    free: u32,
    address: [u8; 6],
    is_broken: bool,
}

impl<W: Window, P: Page> Net<W, P> {
    /// Sets the device up, if it is a network card; `page` makes pages.
    pub fn new(window: W, mut page: impl FnMut() -> Option<P>) -> Option<Self> {
        let taken = super::start(&window, KIND, HAS_ADDRESS)?;
        let incoming = Queue::new(&window, 0, page()?)?;
        let mut outgoing = Queue::new(&window, 1, page()?)?;
        outgoing.be_quiet();
        let mut pages = Vec::with_capacity(SIZE);
        for _ in 0..SIZE {
            pages.push(page()?);
        }
        let mut address = [0; 6];
        let words = [CONFIGURATION, CONFIGURATION + 4].map(|at| window.read(at).to_le_bytes());
        for (place, byte) in address.iter_mut().zip(words.as_flattened()) {
            *place = *byte;
        }
        // Many, or nobody: no address of one card.
        if taken & HAS_ADDRESS == 0 || address[0] & 1 != 0 || address == [0; 6] {
            address = OWN_ADDRESS;
        }
        let (free, is_broken) = (u32::MAX, false);
        let mut net = Self { window, incoming, outgoing, pages, free, address, is_broken };
        super::go(&net.window);
        for place in 0..SIZE {
            net.lend(place);
        }
        net.incoming.notify(&net.window);
        Some(net)
    }

    /// Its address on the wire.
    #[must_use]
    pub const fn address(&self) -> [u8; 6] {
        self.address
    }

    /// Whether a frame is there, or there will never be one.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_broken && self.incoming.is_ready()
    }

    /// Tells the device that its interrupt was seen.
    pub fn acknowledge(&self) {
        super::acknowledge(&self.window);
    }

    /// Takes the next frame, if one is there: how long it is.
    ///
    /// # Errors
    /// The device lied, now or before.
    pub fn receive(&mut self, out: &mut [u8; FRAME_BYTES_MAX]) -> Result<Option<usize>, Lie> {
        // As many as there are places; a device that fills them faster than that is not followed.
        for _ in 0..SIZE {
            let taken = if self.is_broken { Err(Lie) } else { self.incoming.take() };
            let taken = taken.inspect_err(|_| self.stop())?;
            let Some((place, bytes)) = taken else { return Ok(None) };
            let frame = bytes.checked_sub(HEAD_BYTES);
            let frame = frame.filter(|bytes| (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(bytes));
            if let Some(out) = frame.and_then(|bytes| out.get_mut(..bytes)) {
                self.pages[place / 2].copy_to(HALF * (place % 2) + HEAD_BYTES, out);
            }
            self.lend(place);
            self.incoming.notify(&self.window);
            if frame.is_some() {
                return Ok(frame);
            }
        }
        Ok(None)
    }

    /// Sends a frame; `false` if there is no room for it just now.
    ///
    /// # Errors
    /// It is no frame, or the device lied, now or before.
    pub fn send(&mut self, frame: &[u8]) -> Result<bool, Lie> {
        if self.is_broken || !(FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&frame.len()) {
            return Err(Lie);
        }
        while let Some((place, _)) = self.outgoing.take().inspect_err(|_| self.stop())? {
            self.free |= 1 << place;
        }
        let place = self.free.trailing_zeros() as usize;
        if place >= SIZE {
            return Ok(false);
        }
        self.free &= !(1 << place);
        let (page, start) = (SIZE / 2 + place / 2, HALF * (place % 2));
        self.pages[page].fill(start, &[0; HEAD_BYTES]);
        self.pages[page].fill(start + HEAD_BYTES, frame);
        let at = self.pages[page].physical() + start as u64;
        self.outgoing.describe(place, at, HEAD_BYTES + frame.len(), 0);
        self.outgoing.offer(place, 0);
        self.outgoing.notify(&self.window);
        Ok(true)
    }

    fn lend(&mut self, place: usize) {
        let at = self.pages[place / 2].physical() + (HALF * (place % 2)) as u64;
        self.incoming.describe(place, at, HALF, WRITTEN);
        self.incoming.offer(place, HALF);
    }

    fn stop(&mut self) {
        self.is_broken = true;
        super::reset(&self.window);
    }
}

/// The number of this kind of device.
pub const KIND: u32 = 1;

/// The longest frame: what Ethernet carries, its head included.
pub const FRAME_BYTES_MAX: usize = 1514;

/// The shortest: a head.
pub const FRAME_BYTES_MIN: usize = 14;

/// The device says what address it has.
const HAS_ADDRESS: u32 = 1 << 5;

/// For a card without one: locally administered.
const OWN_ADDRESS: [u8; 6] = [0x02, b'l', b'u', b'p', b'i', b'q'];

/// What stands before each frame: nothing that was agreed on, so zeros.
const HEAD_BYTES: usize = 12;

/// Two frames share a page.
const HALF: usize = 2048;

const _: () = assert!(HEAD_BYTES + FRAME_BYTES_MAX <= HALF);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Memory, Registers};

    struct Card {
        net: Net<Registers, Memory>,
        registers: Registers,
        /// Both queues, and the pages behind them.
        memory: Vec<Memory>,
    }

    fn card(registers: Registers) -> Card {
        let mut memory = Vec::new();
        let net = Net::new(registers.clone(), || {
            memory.push(Memory::new(4096 * memory.len() as u64));
            memory.last().cloned()
        });
        Card { net: net.unwrap(), registers, memory }
    }

    impl Card {
        /// A frame of so many bytes comes as the one with this number.
        fn arrive(&self, number: u16, bytes: usize) {
            let place = self.memory[0].offered(number);
            let frame = vec![number as u8; bytes.min(HALF - HEAD_BYTES)];
            self.memory[2 + place / 2].set(HALF * (place % 2) + HEAD_BYTES, &frame);
            let bytes = (bytes + HEAD_BYTES) as u32;
            self.memory[0].say_used(number.wrapping_add(1), place as u32, bytes);
        }
    }

    #[test]
    fn frames_come_for_ever_and_each_place_is_used_again() {
        let mut card = card(Registers::of(KIND));
        let mut out = [0; FRAME_BYTES_MAX];
        for number in 0..=u16::MAX {
            card.arrive(number, 14 + usize::from(number) % 1501);
            assert!(card.net.is_ready());
            let bytes = card.net.receive(&mut out).unwrap().unwrap();
            assert_eq!(bytes, 14 + usize::from(number) % 1501);
            assert!(out[..bytes].iter().all(|byte| *byte == number as u8));
            assert_eq!(card.net.receive(&mut out), Ok(None));
        }
    }

    #[test]
    fn what_is_no_frame_is_dropped_and_the_next_one_comes() {
        let mut card = card(Registers::of(KIND));
        let mut out = [0; FRAME_BYTES_MAX];
        for (number, bytes) in (0..).zip([0, 1, 13, 1515, HALF - HEAD_BYTES, 60]) {
            card.arrive(number, bytes);
        }
        // Not even the head that stands before a frame.
        let place = card.memory[0].offered(6) as u32;
        card.memory[0].say_used(7, place, 11);
        assert_eq!(card.net.receive(&mut out), Ok(Some(60)));
        assert_eq!(card.net.receive(&mut out), Ok(None));
    }

    #[test]
    fn a_card_that_lies_is_reset_and_not_asked_again() {
        for (count, place, bytes) in [(33, 0, 60), (1, 32, 60), (1, 0, 2049), (1, 0, u32::MAX)] {
            let mut card = card(Registers::of(KIND));
            card.memory[0].say_used(count, place, bytes);
            assert_eq!(card.net.receive(&mut [0; FRAME_BYTES_MAX]), Err(Lie));
            assert_eq!(card.registers.status(), 0);
            assert!(!card.net.is_ready());
            assert_eq!(card.net.receive(&mut [0; FRAME_BYTES_MAX]), Err(Lie));
            assert_eq!(card.net.send(&[0; 60]), Err(Lie));
        }
        // It is done with a frame that nobody sent, or wrote to one that it was to read.
        for (place, bytes) in [(1, 0), (0, 1)] {
            let mut card = card(Registers::of(KIND));
            assert_eq!(card.net.send(&[0; 60]), Ok(true));
            card.memory[1].say_used(1, place, bytes);
            assert_eq!(card.net.send(&[0; 60]), Err(Lie), "{place} {bytes}");
            assert_eq!(card.registers.status(), 0);
        }
    }

    #[test]
    fn frames_go_until_there_is_no_room_and_room_comes_back() {
        let mut card = card(Registers::of(KIND));
        for bytes in [0, 13, 1515, 4096] {
            assert_eq!(card.net.send(&vec![0; bytes]), Err(Lie), "{bytes}");
        }
        for number in 0..SIZE {
            assert_eq!(card.net.send(&[number as u8; 60]), Ok(true));
        }
        assert_eq!(card.net.send(&[0; 60]), Ok(false));
        card.memory[1].say_used(1, 9, 0);
        assert_eq!(card.net.send(&[77; 60]), Ok(true));
        assert_eq!(card.memory[2 + 16 + 4].bytes(HALF + HEAD_BYTES), [77; 60]);
        assert_eq!(card.memory[2 + 16 + 4].bytes(HEAD_BYTES), [8; 60]);
    }

    #[test]
    fn an_address_that_is_none_is_replaced() {
        assert_eq!(card(Registers::of(KIND)).net.address(), [2, 2, 3, 4, 5, 6]);
        for (register, says) in [(0x10, 0), (CONFIGURATION, 0x0403_0201), (CONFIGURATION, 0)] {
            let mut registers = Registers::of(KIND);
            registers.says.insert(register, says);
            if says == 0 && register == CONFIGURATION {
                registers.says.insert(CONFIGURATION + 4, 0);
            }
            // The second half of the features is the same register: without it nothing starts.
            if register == 0x10 {
                registers.says.insert(0x10, 1);
            }
            assert_eq!(card(registers).net.address(), OWN_ADDRESS, "{register:#x} {says:#x}");
        }
    }
}
