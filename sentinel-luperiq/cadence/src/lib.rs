//! Cadence's Gigabit Ethernet MAC, as the ZCU102 has it, as a pipe for whole frames.
//!
//! Registers and descriptors are those of "Zynq UltraScale+ Device Register Reference", module
//! GEM, with descriptors of four words. The card writes two numbers of each descriptor that become
//! a state and a length; the rest of it is written anew by the driver whenever it lends a place.
//! Registers and pages come as the traits of `luperiq-virtio`, so that the tests can be a card
//! that lies.
//!
//! # Invariants
//! - A length that the card wrote is compared with the room it was lent before it is used; a card
//!   that says it wrote more is switched off and not asked again.
//! - Addresses come from the driver's own pages, never from what stands in a descriptor.
//! - No memory is asked for after the start.
//!
//! # Not here
//! The line to the wire: whoever started the machine has set the PHY and the speed up. Memory that
//! the card does not see as the processor does: only a card whose node says `dma-coherent` is
//! driven.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

use alloc::vec::Vec;

use luperiq_virtio::net::{FRAME_BYTES_MAX, FRAME_BYTES_MIN};
use luperiq_virtio::{Lie, Page, Window};

/// A network card.
#[derive(Debug)]
pub struct Gem<W, P> {
    window: W,
    /// Both rings, and what stands in place of those that are not used.
    rings: P,
    /// A page for each of two frames that come, and behind those as many for frames that go.
    pages: Vec<P>,
    /// The place at which the next frame comes, and the one at which the next one goes.
    incoming: usize,
    outgoing: usize,
    address: [u8; 6],
    is_broken: bool,
}

impl<W: Window, P: Page> Gem<W, P> {
    /// Sets the card up, if it is one that knows descriptors of four words; `page` makes pages.
    pub fn new(window: W, mut page: impl FnMut() -> Option<P>) -> Option<Self> {
        if window.read(MODULE) >> 16 & MODULE_NUMBER < MODULE_GEM {
            return None;
        }
        let design = window.read(DESIGN_6);
        if design & DESIGN_LONG == 0 {
            return None;
        }
        let rings = page()?;
        let mut pages = Vec::with_capacity(SIZE);
        for _ in 0..SIZE {
            pages.push(page()?);
        }
        let address = own_address(&window);
        let (incoming, outgoing, is_broken) = (0, 0, false);
        let mut gem = Self { window, rings, pages, incoming, outgoing, address, is_broken };
        gem.stop();
        gem.make_rings();
        gem.configure(design);
        Some(gem)
    }

    /// Its address on the wire.
    #[must_use]
    pub const fn address(&self) -> [u8; 6] {
        self.address
    }

    /// Whether a frame is there, or there will never be one.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_broken && self.rings.word(INCOMING + WORDS * self.incoming) & TAKEN != 0
    }

    /// Tells the card that its interrupt was seen. Some cards forget it when it is read, others
    /// when it is written.
    pub fn acknowledge(&self) {
        self.window.write(INTERRUPT_STATUS, self.window.read(INTERRUPT_STATUS));
    }

    /// Takes the next frame, if one is there: how long it is.
    ///
    /// # Errors
    /// The card lied, now or before.
    pub fn receive(&mut self, out: &mut [u8; FRAME_BYTES_MAX]) -> Result<Option<usize>, Lie> {
        if self.is_broken {
            return Err(Lie);
        }
        // As many as there are places; a card that fills them faster than that is not followed.
        for _ in 0..SIZE {
            if !self.is_ready() {
                return Ok(None);
            }
            // What it says of the frame is read after it said that it is done.
            self.rings.barrier();
            let place = self.incoming;
            let state = self.rings.word(INCOMING + WORDS * place + 4);
            let bytes = (state & LENGTH) as usize;
            if bytes > HALF {
                self.give_up();
                return Err(Lie);
            }
            // A frame in several pieces is longer than any frame.
            let is_whole = state & (FIRST | LAST_IN) == FIRST | LAST_IN;
            let is_frame = is_whole && (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&bytes);
            if let Some(out) = out.get_mut(..bytes).filter(|_| is_frame) {
                self.pages[place / 2].copy_to(HALF * (place % 2), out);
            }
            self.lend(place);
            self.rings.barrier();
            self.incoming = (place + 1) % SIZE;
            self.go_on();
            if is_frame {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Sends a frame; `false` if there is no room for it just now.
    ///
    /// # Errors
    /// It is no frame, or the card lied before.
    pub fn send(&mut self, frame: &[u8]) -> Result<bool, Lie> {
        if self.is_broken || !(FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&frame.len()) {
            return Err(Lie);
        }
        let place = self.outgoing;
        let at = OUTGOING + WORDS * place;
        if self.rings.word(at + 4) & SENT == 0 {
            return Ok(false);
        }
        self.rings.barrier();
        let (page, start) = (SIZE / 2 + place / 2, HALF * (place % 2));
        self.pages[page].fill(start, frame);
        let physical = self.pages[page].physical() + start as u64;
        self.rings.set_word(at, physical as u32);
        self.rings.set_word(at + 8, (physical >> 32) as u32);
        // The card may take it as soon as this says so.
        self.rings.barrier();
        self.rings.set_word(at + 4, frame.len() as u32 | LAST_OUT | wrap(place, WRAP_OUT));
        self.rings.barrier();
        self.outgoing = (place + 1) % SIZE;
        // An error of the wire stops it; what it was about is lost, as on any wire.
        self.window.write(SEND_STATUS, self.window.read(SEND_STATUS));
        self.window.write(CONTROL, RUNNING | SEND);
        Ok(true)
    }

    fn lend(&mut self, place: usize) {
        let at = INCOMING + WORDS * place;
        let physical = self.pages[place / 2].physical() + (HALF * (place % 2)) as u64;
        self.rings.set_word(at + 4, 0);
        self.rings.set_word(at + 8, (physical >> 32) as u32);
        self.rings.barrier();
        self.rings.set_word(at, physical as u32 | wrap(place, WRAP_IN));
    }

    /// A card that found no place looks again.
    fn go_on(&self) {
        let status = self.window.read(RECEIVE_STATUS);
        if status & NO_PLACE != 0 {
            self.window.write(RECEIVE_STATUS, status);
            self.window.write(CONTROL, RUNNING);
        }
    }

    fn make_rings(&mut self) {
        for place in 0..SIZE {
            self.lend(place);
            let at = OUTGOING + WORDS * place;
            self.rings.set_word(at + 4, SENT | wrap(place, WRAP_OUT));
        }
        // Of one place each, which is never the card's: queues that nothing is put into.
        self.rings.set_word(IDLE, TAKEN | WRAP_IN);
        self.rings.set_word(IDLE + WORDS + 4, SENT | WRAP_OUT);
        self.rings.barrier();
    }

    fn configure(&self, design: u32) {
        let write = |register, value| self.window.write(register, value);
        let rings = self.rings.physical();
        // Full duplex at the speed that was agreed on, frames without their checksums.
        let kept = self.window.read(CONFIGURATION) & (SPEEDS | CLOCK | WIDTH);
        write(CONFIGURATION, kept | FULL_DUPLEX | WITHOUT_CHECKSUM | FRAMES_1536);
        write(DMA, LONG | (HALF as u32 / 64) << 16 | WHOLE_MEMORY | BURST_16);
        for queue in (1..QUEUES_MAX).filter(|queue| design & 1 << queue != 0) {
            let register = 4 * (queue as usize - 1);
            write(QUEUE_INTERRUPTS_OFF + register, u32::MAX);
            write(QUEUE_RECEIVE + register, (rings + IDLE as u64) as u32);
            write(QUEUE_SEND + register, (rings + (IDLE + WORDS) as u64) as u32);
        }
        for register in [RECEIVE_UPPER, SEND_UPPER] {
            write(register, (rings >> 32) as u32);
        }
        write(RECEIVE, (rings + INCOMING as u64) as u32);
        write(SEND_RING, (rings + OUTGOING as u64) as u32);
        let [a, b, c, d, e, f] = self.address;
        write(ADDRESS, u32::from_le_bytes([a, b, c, d]));
        write(ADDRESS + 4, u32::from_le_bytes([e, f, 0, 0]));
        write(INTERRUPTS_ON, RECEIVED);
        write(CONTROL, RUNNING);
    }

    /// Whatever it was doing, it stops, and nothing of it is left to be said.
    fn stop(&self) {
        self.window.write(CONTROL, FORGET_COUNTS);
        self.window.write(INTERRUPTS_OFF, u32::MAX);
        self.acknowledge();
        self.window.write(SEND_STATUS, u32::MAX);
        self.window.write(RECEIVE_STATUS, u32::MAX);
    }

    fn give_up(&mut self) {
        self.is_broken = true;
        self.stop();
    }
}

/// The address that the firmware gave the card; one of our own if that is of many, or of nobody.
fn own_address(window: &impl Window) -> [u8; 6] {
    let [a, b, c, d] = window.read(ADDRESS).to_le_bytes();
    let [e, f, ..] = window.read(ADDRESS + 4).to_le_bytes();
    let address = [a, b, c, d, e, f];
    if a & 1 != 0 || address == [0; 6] { OWN_ADDRESS } else { address }
}

/// The mark of a ring's last place.
const fn wrap(place: usize, mark: u32) -> u32 {
    if place + 1 == SIZE { mark } else { 0 }
}

/// How many bytes of registers the driver needs.
pub const WINDOW_BYTES: usize = 0x1000;

/// Places in each direction.
const SIZE: usize = 32;

/// Two frames share a page.
const HALF: usize = 2048;

/// Bytes of a descriptor.
const WORDS: usize = 16;

// Where in the page of rings each begins.
const INCOMING: usize = 0;
const OUTGOING: usize = INCOMING + WORDS * SIZE;
const IDLE: usize = OUTGOING + WORDS * SIZE;

/// For a card without an address: locally administered.
const OWN_ADDRESS: [u8; 6] = [0x02, b'l', b'u', b'p', b'i', b'q'];

// Registers.
const CONTROL: usize = 0x000;
const CONFIGURATION: usize = 0x004;
const DMA: usize = 0x010;
const SEND_STATUS: usize = 0x014;
const RECEIVE: usize = 0x018;
const SEND_RING: usize = 0x01c;
const RECEIVE_STATUS: usize = 0x020;
const INTERRUPT_STATUS: usize = 0x024;
const INTERRUPTS_ON: usize = 0x028;
const INTERRUPTS_OFF: usize = 0x02c;
const ADDRESS: usize = 0x088;
const MODULE: usize = 0x0fc;
const DESIGN_6: usize = 0x294;
const QUEUE_SEND: usize = 0x440;
const QUEUE_RECEIVE: usize = 0x480;
const SEND_UPPER: usize = 0x4c8;
const RECEIVE_UPPER: usize = 0x4d4;
const QUEUE_INTERRUPTS_OFF: usize = 0x620;

// What is in them.
const RUNNING: u32 = 1 << 2 | 1 << 3;
const FORGET_COUNTS: u32 = 1 << 5;
const SEND: u32 = 1 << 9;
const FULL_DUPLEX: u32 = 1 << 1;
const FRAMES_1536: u32 = 1 << 8;
const WITHOUT_CHECKSUM: u32 = 1 << 17;
/// 100 megabits, and a gigabit.
const SPEEDS: u32 = 1 | 1 << 10;
const CLOCK: u32 = 7 << 18;
const WIDTH: u32 = 3 << 21;
const LONG: u32 = 1 << 30;
const WHOLE_MEMORY: u32 = 7 << 8;
const BURST_16: u32 = 16;
const NO_PLACE: u32 = 1;
const RECEIVED: u32 = 1 << 1;
/// The number of the module; earlier ones are other cards.
const MODULE_NUMBER: u32 = 0xfff;
const MODULE_GEM: u32 = 2;
/// It knows addresses of 64 bits.
const DESIGN_LONG: u32 = 1 << 23;
const QUEUES_MAX: u32 = 8;

// A descriptor for a frame that comes.
const TAKEN: u32 = 1;
const WRAP_IN: u32 = 1 << 1;
const LENGTH: u32 = 0x1fff;
const FIRST: u32 = 1 << 14;
const LAST_IN: u32 = 1 << 15;

// And for one that goes.
const LAST_OUT: u32 = 1 << 15;
const WRAP_OUT: u32 = 1 << 30;
const SENT: u32 = 1 << 31;

#[cfg(test)]
mod tests;
