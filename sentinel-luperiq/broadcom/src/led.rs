//! The light on the board: a pin of one of two kinds of controllers.
//!
//! The BCM2711's registers as in "BCM2711 ARM Peripherals", chapter 5; those of the BCM2712's
//! always-on controller as in Linux's `gpio-brcmstb`, since Broadcom publishes none.
//!
//! # Not here
//! What the light says: whoever sets it knows.

use luperiq_virtio::Window;

/// Which registers a pin has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pins {
    /// Of the Raspberry Pi 4: what a pin is, and a register each to set and to clear some.
    Functions,
    /// Of the Raspberry Pi 5: a direction and a level for each pin.
    Levels,
}

/// A light.
#[derive(Debug)]
pub struct Led<W> {
    window: W,
    pins: Pins,
    pin: usize,
    /// Whether it shines when the pin is low.
    is_low: bool,
}

impl<W: Window> Led<W> {
    /// The light at this pin of a controller, if it has that many.
    pub fn new(window: W, pins: Pins, pin: u32, is_low: bool) -> Option<Self> {
        let pin = pin as usize;
        (pin < PINS).then_some(Self { window, pins, pin, is_low })
    }

    /// Lets it shine, or not.
    pub fn set(&self, is_on: bool) {
        let is_high = is_on != self.is_low;
        let (bank, bit) = (self.pin / 32, 1 << (self.pin % 32));
        match self.pins {
            Pins::Functions => {
                let level = if is_high { SET } else { CLEAR };
                self.window.write(level + 4 * bank, bit);
                let (register, shift) = (4 * (self.pin / 10), 3 * (self.pin % 10));
                let others = self.window.read(register) & !(7 << shift);
                self.window.write(register, others | OUTPUT << shift);
            }
            Pins::Levels => {
                let bank = BANK * bank;
                let level = self.window.read(bank + LEVEL);
                self.window.write(bank + LEVEL, if is_high { level | bit } else { level & !bit });
                self.window.write(bank + INPUT, self.window.read(bank + INPUT) & !bit);
            }
        }
    }
}

/// How many bytes of registers the driver needs: both kinds have them in two banks of pins.
pub const WINDOW_BYTES: usize = 0x40;

/// Pins that both kinds have registers for; no light is at a later one.
const PINS: usize = 58;

const SET: usize = 0x1c;
const CLEAR: usize = 0x28;
const OUTPUT: u32 = 1;

const BANK: usize = 0x20;
const LEVEL: usize = 0x04;
const INPUT: usize = 0x08;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;

    /// Both controllers, as far as a pin of each: levels follow what is written.
    #[derive(Debug)]
    struct Controller {
        pins: Pins,
        registers: RefCell<BTreeMap<usize, u32>>,
    }

    impl Controller {
        fn new(pins: Pins, registers: &[(usize, u32)]) -> Self {
            Self { pins, registers: RefCell::new(registers.iter().copied().collect()) }
        }

        /// Whether a pin is an output, and high.
        fn pin(&self, pin: usize) -> (bool, bool) {
            let registers = self.registers.borrow();
            let word = |at: usize| registers.get(&at).copied().unwrap_or(0);
            match self.pins {
                Pins::Functions => {
                    let function = word(4 * (pin / 10)) >> (3 * (pin % 10)) & 7;
                    (function == 1, word(0x100 + 4 * (pin / 32)) >> (pin % 32) & 1 == 1)
                }
                Pins::Levels => {
                    let bank = 0x20 * (pin / 32);
                    let bit = |at: usize| word(bank + at) >> (pin % 32) & 1;
                    (bit(8) == 0, bit(4) == 1)
                }
            }
        }
    }

    impl Window for &Controller {
        fn read(&self, offset: usize) -> u32 {
            assert!(offset < WINDOW_BYTES);
            self.registers.borrow().get(&offset).copied().unwrap_or(0)
        }

        fn write(&self, offset: usize, value: u32) {
            assert!(offset < WINDOW_BYTES);
            let mut registers = self.registers.borrow_mut();
            match (self.pins, offset) {
                (Pins::Functions, 0x1c | 0x20) => {
                    *registers.entry(0x100 + offset - 0x1c).or_default() |= value;
                }
                (Pins::Functions, 0x28 | 0x2c) => {
                    *registers.entry(0x100 + offset - 0x28).or_default() &= !value;
                }
                _ => drop(registers.insert(offset, value)),
            }
        }
    }

    #[test]
    fn a_light_shines_or_not_and_nothing_else_changes() {
        for (pin, is_low) in [(42, false), (0, false), (31, true), (32, false), (57, true)] {
            let before: Vec<_> = (0..6).map(|word| (4 * word, 0x2492_4924)).collect();
            let controller = Controller::new(Pins::Functions, &before);
            let led = Led::new(&controller, Pins::Functions, pin, is_low).unwrap();
            for is_on in [true, false, true] {
                led.set(is_on);
                assert_eq!(controller.pin(pin as usize), (true, is_on != is_low), "{pin}");
            }
            let others = (0..58).filter(|other| *other != pin as usize);
            assert!(others.into_iter().all(|other| !controller.pin(other).0), "{pin}");
        }
        for (pin, is_low) in [(9, true), (31, false), (32, true), (40, false)] {
            let before = [(0x04, 0x5555_5555), (0x08, u32::MAX), (0x24, 0x55), (0x28, u32::MAX)];
            let controller = Controller::new(Pins::Levels, &before);
            let led = Led::new(&controller, Pins::Levels, pin, is_low).unwrap();
            for is_on in [true, false, true] {
                led.set(is_on);
                assert_eq!(controller.pin(pin as usize), (true, is_on != is_low), "{pin}");
            }
            for other in (0..64).filter(|other| *other != pin as usize) {
                let was = Controller::new(Pins::Levels, &before).pin(other);
                assert_eq!(controller.pin(other), was, "{pin} {other}");
            }
        }
    }

    #[test]
    fn a_pin_that_no_controller_has_is_none() {
        for pin in [58, 64, u32::MAX] {
            let controller = Controller::new(Pins::Levels, &[]);
            assert!(Led::new(&controller, Pins::Levels, pin, false).is_none());
        }
    }
}
