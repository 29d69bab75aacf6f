//! The serial line of QEMU's `virt` and of the Raspberry Pi: one byte out, one byte in.

use super::Registers;

/// An ARM PL011, as QEMU and the Raspberry Pi have it. The firmware has set its speed.
#[derive(Debug)]
pub(crate) struct Pl011(Registers);

impl Pl011 {
    /// The device, as whoever set it up left it.
    pub(crate) fn new(registers: Registers) -> Self {
        Self(registers)
    }

    /// Eight bits, a queue in each direction, and an interrupt when something arrives.
    pub(crate) fn set_up(&self) {
        self.0.write(INTERRUPT_CLEAR, 0x7ff);
        self.0.write(LINE, EIGHT_BITS | QUEUES);
        self.0.write(INTERRUPT_MASK, RECEIVED | RECEIVED_LATE);
        self.0.write(CONTROL, ENABLE | TRANSMIT | RECEIVE);
    }

    /// Writes a byte, waiting for room.
    pub(crate) fn write(&self, byte: u8) {
        // At 115200 baud a byte takes 87 µs. A device that never has room must not hold the kernel.
        for _ in 0..PATIENCE {
            if self.0.read(FLAGS) & TRANSMIT_FULL == 0 {
                break;
            }
        }
        self.0.write(DATA, u32::from(byte));
    }

    /// The next byte that arrived, if one has. With the last one its interrupt ends.
    pub(crate) fn read(&self) -> Option<u8> {
        let is_empty = self.0.read(FLAGS) & RECEIVE_EMPTY != 0;
        (!is_empty).then(|| self.0.read(DATA) as u8)
    }
}

// From the PL011's manual, "Programmers model".
const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const LINE: usize = 0x2c;
const CONTROL: usize = 0x30;
const INTERRUPT_MASK: usize = 0x38;
const INTERRUPT_CLEAR: usize = 0x44;
const RECEIVE_EMPTY: u32 = 1 << 4;
const TRANSMIT_FULL: u32 = 1 << 5;
const QUEUES: u32 = 1 << 4;
const EIGHT_BITS: u32 = 3 << 5;
const RECEIVED: u32 = 1 << 4;
const RECEIVED_LATE: u32 = 1 << 6;
const ENABLE: u32 = 1;
const TRANSMIT: u32 = 1 << 8;
const RECEIVE: u32 = 1 << 9;

/// Some milliseconds of polling on any core.
const PATIENCE: u32 = 1_000_000;
