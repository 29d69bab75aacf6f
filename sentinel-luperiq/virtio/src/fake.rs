//! A device that does what a test says, true or not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::queue::{AVAILABLE, SIZE, USED};
use crate::{Page, Window};

/// Memory that two sides see.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    at: u64,
    bytes: Rc<RefCell<Vec<u8>>>,
}

impl Memory {
    pub(crate) fn new(at: u64) -> Self {
        Self { at, bytes: Rc::new(RefCell::new(vec![0; 4096])) }
    }

    pub(crate) fn set(&self, offset: usize, bytes: &[u8]) {
        self.bytes.borrow_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn bytes<const N: usize>(&self, offset: usize) -> [u8; N] {
        self.bytes.borrow()[offset..offset + N].try_into().unwrap()
    }

    /// The buffer that the driver offered as the one with this number.
    pub(crate) fn offered(&self, number: u16) -> usize {
        u16::from_le_bytes(self.bytes(AVAILABLE + 4 + 2 * (usize::from(number) % SIZE))).into()
    }

    /// Says that so many buffers are done with in all; the last of them is this one.
    pub(crate) fn say_used(&self, count: u16, place: u32, bytes: u32) {
        let slot = usize::from(count.wrapping_sub(1)) % SIZE;
        self.set(USED + 4 + 8 * slot, &[place.to_le_bytes(), bytes.to_le_bytes()].concat());
        self.set(USED + 2, &count.to_le_bytes());
    }
}

impl Page for Memory {
    fn physical(&self) -> u64 {
        self.at
    }

    fn half(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.bytes(offset))
    }

    fn word(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.bytes(offset))
    }

    fn set_half(&mut self, offset: usize, value: u16) {
        self.set(offset, &value.to_le_bytes());
    }

    fn set_word(&mut self, offset: usize, value: u32) {
        self.set(offset, &value.to_le_bytes());
    }

    fn set_long(&mut self, offset: usize, value: u64) {
        self.set(offset, &value.to_le_bytes());
    }

    fn fill(&mut self, offset: usize, bytes: &[u8]) {
        self.set(offset, bytes);
    }

    fn copy_to(&self, offset: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.bytes.borrow()[offset..offset + out.len()]);
    }

    fn barrier(&self) {}
}

/// Registers that say what they were told to say, and keep what was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registers {
    pub(crate) says: BTreeMap<usize, u32>,
    pub(crate) written: Rc<RefCell<Vec<(usize, u32)>>>,
}

impl Registers {
    /// A device of this kind that agrees to everything.
    pub(crate) fn of(kind: u32) -> Self {
        let says = [(0, 0x7472_6976), (4, 2), (8, kind), (0x10, u32::MAX), (0x34, 256)];
        let says = says.into_iter().chain([(0x70, 8), (0x100, 0x0403_0202), (0x104, 0x0605)]);
        Self { says: says.collect(), ..Self::default() }
    }

    /// What was written to the status last.
    pub(crate) fn status(&self) -> u32 {
        let written = self.written.borrow();
        written.iter().rev().find(|(at, _)| *at == 0x70).unwrap().1
    }
}

impl Window for Registers {
    fn read(&self, offset: usize) -> u32 {
        self.says.get(&offset).copied().unwrap_or(0)
    }

    fn write(&self, offset: usize, value: u32) {
        self.written.borrow_mut().push((offset, value));
    }
}
