//! The serial line, whoever made it.

use core::fmt;

use luperiq_formats::tree::Serial as Kind;

use super::Registers;
use super::pl011::Pl011;
use super::uart::Uart;

/// A serial line.
#[derive(Debug)]
pub(crate) enum Serial {
    Pl011(Pl011),
    Uart(Uart),
}

impl Serial {
    pub(crate) const BYTES: usize = 0x1000;

    /// The device, as whoever set it up left it.
    pub(crate) fn new(registers: Registers, kind: Kind) -> Self {
        match kind {
            Kind::Pl011 => Self::Pl011(Pl011::new(registers)),
            Kind::Cadence => Self::Uart(Uart::new(registers)),
        }
    }

    /// Ready for bytes in both directions.
    pub(crate) fn set_up(&self) {
        match self {
            Self::Pl011(line) => line.set_up(),
            Self::Uart(line) => line.set_up(),
        }
    }

    /// Writes a byte, waiting for room.
    pub(crate) fn write(&self, byte: u8) {
        match self {
            Self::Pl011(line) => line.write(byte),
            Self::Uart(line) => line.write(byte),
        }
    }

    /// The next byte that arrived, if one has.
    pub(crate) fn read(&self) -> Option<u8> {
        match self {
            Self::Pl011(line) => line.read(),
            Self::Uart(line) => line.read(),
        }
    }
}

/// Text for people: a line feed also returns the carriage.
impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.write(b'\r');
            }
            self.write(byte);
        }
        Ok(())
    }
}
