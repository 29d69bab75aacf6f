//! The serial line of the ZCU102: one byte out, one byte in.

use super::Registers;

/// Cadence's UART. The firmware has set its speed.
#[derive(Debug)]
pub(crate) struct Uart(Registers);

impl Uart {
    /// The device, as whoever set it up left it.
    pub(crate) fn new(registers: Registers) -> Self {
        Self(registers)
    }

    /// Both directions on, and an interrupt when something arrives.
    pub(crate) fn set_up(&self) {
        self.0.write(INTERRUPTS_OFF, u32::MAX);
        self.0.write(CONTROL, FORGET_BOTH | TRANSMIT | RECEIVE);
        self.0.write(TRIGGER, 1);
        self.0.write(INTERRUPTS, u32::MAX);
        self.0.write(INTERRUPTS_ON, RECEIVED);
    }

    /// Writes a byte, waiting for room.
    pub(crate) fn write(&self, byte: u8) {
        // As with the PL011: a device that never has room must not hold the kernel.
        for _ in 0..PATIENCE {
            if self.0.read(STATUS) & TRANSMIT_FULL == 0 {
                break;
            }
        }
        self.0.write(DATA, u32::from(byte));
    }

    /// The next byte that arrived, if one has. Behind the last one its interrupt is taken back.
    pub(crate) fn read(&self) -> Option<u8> {
        if self.0.read(STATUS) & RECEIVE_EMPTY == 0 {
            return Some(self.0.read(DATA) as u8);
        }
        self.0.write(INTERRUPTS, RECEIVED);
        None
    }
}

// From "Zynq UltraScale+ Device Register Reference", module UART.
const CONTROL: usize = 0x00;
const INTERRUPTS_ON: usize = 0x08;
const INTERRUPTS_OFF: usize = 0x0c;
const INTERRUPTS: usize = 0x14;
const TRIGGER: usize = 0x20;
const STATUS: usize = 0x2c;
const DATA: usize = 0x30;
const FORGET_BOTH: u32 = 3;
const RECEIVE: u32 = 1 << 2;
const TRANSMIT: u32 = 1 << 4;
const RECEIVED: u32 = 1;
const RECEIVE_EMPTY: u32 = 1 << 1;
const TRANSMIT_FULL: u32 = 1 << 4;

/// Some milliseconds of polling on any core.
const PATIENCE: u32 = 1_000_000;
