//! What is behind a PCIe root complex of the BCM2712, as the firmware left it: RP1, and where?
//!
//! Registers as in Linux's `pcie-brcmstb`; Broadcom publishes none. Everything is read, but for the
//! one register that says whose configuration is read.
//!
//! # Invariants
//! - Nothing behind a link that is down is asked: a core that does so is stopped by an exception.
//! - What does not say that it is RP1 is not looked at any further.
//!
//! # Not here
//! Setting a window, or anything of RP1: nothing here drives it yet.

use luperiq_virtio::Window;

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The link is down.
    NoLink,
    /// Something that says other numbers: vendor in the lower half, device in the upper.
    Other(u32),
    /// RP1, and where the processor sees its registers, if a window shows them.
    Rp1(Option<u64>),
}

/// Looks behind a root complex.
pub fn look(window: &impl Window) -> Found {
    if window.read(STATUS) & LINK != LINK {
        return Found::NoLink;
    }
    window.write(INDEX, FIRST_BUS);
    match window.read(CONFIGURATION) {
        RP1 => Found::Rp1(seen(window, u64::from(window.read(CONFIGURATION + BAR) & BAR_ADDRESS))),
        other => Found::Other(other),
    }
}

/// Where the processor sees an address of the bus.
fn seen(window: &impl Window, address: u64) -> Option<u64> {
    (0..WINDOWS).find_map(|number| {
        let long = |at: usize| u64::from(window.read(at));
        let bus = long(BUS + 8 * number) | long(BUS + 8 * number + 4) << 32;
        let both = long(BOTH + 4 * number);
        let [start, last] = [(both >> 4, START_HIGH), (both >> 20, LAST_HIGH)]
            .map(|(low, high)| low & 0xfff | (long(high + 8 * number) & 0xff) << 12);
        // Megabytes, of which the last one belongs to the window.
        let bytes = (last.checked_sub(start)? + 1) << 20;
        let offset = address.checked_sub(bus).filter(|offset| *offset < bytes)?;
        // A window that nobody set begins at 0, where memory is.
        (start != 0).then_some((start << 20) + offset)
    })
}

/// How many bytes of registers the driver needs, in whole pages.
pub const WINDOW_BYTES: usize = 0xa000;

const BUS: usize = 0x400c;
const STATUS: usize = 0x4068;
const BOTH: usize = 0x4070;
const START_HIGH: usize = 0x4080;
const LAST_HIGH: usize = 0x4084;
const CONFIGURATION: usize = 0x8000;
const INDEX: usize = 0x9000;

/// Of the wire, and of the layer above it.
const LINK: u32 = 3 << 4;
const WINDOWS: usize = 4;
const FIRST_BUS: u32 = 1 << 20;

/// Vendor `1de4`, device 1.
const RP1: u32 = 0x0001_1de4;
/// Its second region is that of its registers.
const BAR: usize = 0x14;
const BAR_ADDRESS: u32 = !0xf;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use super::*;

    /// A root complex with what is behind it.
    struct Complex {
        registers: BTreeMap<usize, u32>,
        index: Cell<u32>,
        id: u32,
        region: u32,
    }

    impl Complex {
        /// One window: bus address, processor's address, bytes.
        fn new(id: u32, region: u32, [bus, at, bytes]: [u64; 3]) -> Self {
            let (start, last) = (at >> 20, ((at + bytes) >> 20) - 1);
            let registers = [
                (0x4068, 0xb0),
                (0x400c, bus as u32),
                (0x4010, (bus >> 32) as u32),
                (0x4070, ((start & 0xfff) << 4 | (last & 0xfff) << 20) as u32),
                (0x4080, (start >> 12) as u32),
                (0x4084, (last >> 12) as u32),
            ];
            Self { registers: registers.into(), index: Cell::new(0), id, region }
        }
    }

    impl Window for Complex {
        fn read(&self, offset: usize) -> u32 {
            if !(0x8000..0x9000).contains(&offset) {
                return self.registers.get(&offset).copied().unwrap_or(0);
            }
            assert_eq!(self.registers[&0x4068] & 0x30, 0x30, "the core would stop here");
            assert_eq!(self.index.get(), 1 << 20);
            match offset {
                0x8000 => self.id,
                0x8014 if self.id == 0x0001_1de4 => self.region,
                _ => panic!("{offset:#x} of something unknown is read"),
            }
        }

        fn write(&self, offset: usize, value: u32) {
            assert_eq!(offset, 0x9000, "nothing else is written");
            self.index.set(value);
        }
    }

    const ID: u32 = 0x0001_1de4;

    #[test]
    fn rp1_is_found_where_the_firmware_left_it() {
        for (region, [bus, at, bytes], seen) in [
            (0, [0, 0x1f_0000_0000, 0xff00_0000], Some(0x1f_0000_0000)),
            (0, [0, 0x1c_0000_0000, 0x100_0000], Some(0x1c_0000_0000)),
            (0x0041_0000, [0x40_0000, 0x1f_0000_0000, 0x40_0000], Some(0x1f_0001_0000)),
            (0x0080_0000, [0x40_0000, 0x1f_0000_0000, 0x40_0000], None),
            (0x0030_0000, [0x40_0000, 0x1f_0000_0000, 0x40_0000], None),
            (0, [0x4_0000_0000, 0x1f_0000_0000, 0x40_0000], None),
        ] {
            // Of a region's register the lowest bits are no address.
            let complex = Complex::new(ID, region | 0xc, [bus, at, bytes]);
            assert_eq!(look(&complex), Found::Rp1(seen), "{region:#x} {bus:#x} {at:#x}");
        }
        let mut unset = Complex::new(ID, 0, [0, 1 << 20, 1 << 20]);
        unset.registers.retain(|register, _| *register == 0x4068);
        assert_eq!(look(&unset), Found::Rp1(None), "no window was ever set");
        unset.registers.extend([(0x4070, 0x0010_0020), (0x4080, 1)]);
        assert_eq!(look(&unset), Found::Rp1(None), "a window that ends before it begins");
    }

    #[test]
    fn another_device_and_a_link_that_is_down_are_left_alone() {
        for id in [0, u32::MAX, 0x0001_14e4, 0x0002_1de4, 0x1de4_0001] {
            let complex = Complex::new(id, 0, [0, 0x1f_0000_0000, 1 << 22]);
            assert_eq!(look(&complex), Found::Other(id));
        }
        for status in [0, 0x10, 0x20, 0x80] {
            let mut complex = Complex::new(ID, 0, [0, 0x1f_0000_0000, 1 << 22]);
            complex.registers.insert(0x4068, status);
            assert_eq!(look(&complex), Found::NoLink, "{status:#x}");
            assert_eq!(complex.index.get(), 0);
        }
    }
}
