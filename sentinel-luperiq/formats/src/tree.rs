//! The device tree: what machine this is, in the firmware's words.
//!
//! The format is chapter 5 of the Devicetree Specification. The kernel reads it once, front to
//! back, and keeps the few answers of [`Machine`].
//!
//! # Invariants
//! - Every offset is checked against the blob's length; a broken blob is `None`, never a fault.
//! - An address counts only when every bus above it translates it.

/// What the kernel knows about its machine.
#[derive(Debug, Default)]
pub struct Machine<'a> {
    /// Pieces of memory: where and how many bytes.
    pub memory: Pieces,
    /// Pieces of it that are somebody else's.
    pub reserved: Pieces,
    /// The serial line that people look at.
    pub serial: Option<(u64, Serial)>,
    /// Its line at the interrupt controller.
    pub serial_line: Option<u32>,
    /// The PL031.
    pub clock: Option<u64>,
    /// Distributor and processor interface.
    pub interrupts: Option<(u64, u64)>,
    /// The line of the virtual timer.
    pub timer: Option<u32>,
    /// Windows of virtio devices, each with something behind it or not.
    pub virtio: Pieces,
    /// The line of each of them at the interrupt controller, or 0; they have no length.
    pub virtio_lines: Pieces,
    /// Cadence's network card, and its line at the interrupt controller, or 0.
    pub ethernet: Option<(u64, u32)>,
    /// The first host controller for SD cards.
    pub card: Option<u64>,
    /// The block of a Raspberry Pi that starts it again.
    pub power: Option<u64>,
    /// Broadcom's source of random bytes.
    pub random: Option<u64>,
    /// The PCIe root complexes of a Raspberry Pi 5 that are on.
    pub complexes: Pieces,
    /// The controllers of pins that there are, by what other nodes call them.
    controllers: [Option<(u32, u64, Pins)>; CONTROLLERS_MAX],
    /// The pin of the board's light: its controller, its number there, its flags.
    light: Option<[u32; 3]>,
    /// How the firmware is called.
    pub conduit: Option<Conduit>,
    /// Random bytes that the firmware made for this start.
    pub seed: &'a [u8],
    /// What the kernel was told on its command line.
    pub arguments: &'a str,
}

/// The light on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Led {
    /// Its controller.
    pub at: u64,
    /// What that is.
    pub pins: Pins,
    /// Its pin there.
    pub pin: u32,
    /// Whether it shines when the pin is low.
    pub is_low: bool,
}

/// What controls pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pins {
    /// The BCM2711's controller, on a Raspberry Pi 4.
    Bcm2711,
    /// That of Broadcom's set-top boxes, on a Raspberry Pi 5.
    SetTopBox,
}

/// What drives a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serial {
    /// An ARM PL011.
    Pl011,
    /// Cadence's.
    Cadence,
}

/// The instruction that calls the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// `hvc`.
    Hypervisor,
    /// `smc`.
    Monitor,
}

/// Some pieces of the address space.
#[derive(Debug, Default)]
pub struct Pieces {
    pieces: [(u64, u64); PIECES_MAX],
    count: usize,
}

impl Pieces {
    /// Where each begins and how many bytes it has.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.pieces.iter().take(self.count).copied()
    }

    /// More pieces than there is room for are ignored: memory the kernel does not use. So are those
    /// that reach beyond the last address.
    fn push(&mut self, piece: (u64, u64)) -> bool {
        let is_possible = piece.0.checked_add(piece.1).is_some_and(|end| end < 1 << 52);
        if let (Some(place), true) = (self.pieces.get_mut(self.count), is_possible) {
            *place = piece;
            self.count += 1;
            return true;
        }
        false
    }
}

/// The size of the tree that starts here, if it is one.
#[must_use]
pub fn length(header: &[u8]) -> Option<usize> {
    let length = word(header, 4)? as usize;
    (word(header, 0)? == MAGIC && length <= BYTES_MAX).then_some(length)
}

/// Reads a whole tree.
#[must_use]
pub fn read(blob: &[u8]) -> Option<Machine<'_>> {
    let blob = blob.get(..length(blob)?)?;
    let mut machine = Machine::default();
    let mut reservations = word(blob, 0x10)? as usize;
    while let (Some(at), Some(bytes)) = (long(blob, reservations), long(blob, reservations + 8)) {
        if (at, bytes) == (0, 0) {
            break;
        }
        machine.reserved.push((at, bytes));
        reservations += 16;
    }
    let strings = blob.get(word(blob, 0x0c)? as usize..)?;
    let structure = blob.get(word(blob, 0x08)? as usize..)?;
    let mut nodes = [Node::default(); DEPTH_MAX];
    let mut depth = 0;
    let mut at = 0;
    loop {
        let token = word(structure, at)?;
        at += 4;
        match token {
            BEGIN_NODE => {
                // A node's properties come before its children, so the parent is complete.
                if depth > 0 && !nodes[depth - 1].is_read {
                    nodes[depth - 1].is_read = true;
                    machine.learn(&nodes[..depth]);
                }
                let name = text(structure, at)?;
                at = align(at + name.len() + 1);
                let node = nodes.get_mut(depth)?;
                *node = Node { name, address_cells: 2, size_cells: 1, ..Node::default() };
                depth += 1;
            }
            END_NODE => {
                depth = depth.checked_sub(1)?;
                if !nodes[depth].is_read {
                    machine.learn(&nodes[..=depth]);
                }
            }
            PROPERTY => {
                let (bytes, name) = (word(structure, at)? as usize, word(structure, at + 4)?);
                let value = structure.get(at + 8..(at + 8).checked_add(bytes)?)?;
                at = align(at + 8 + bytes);
                nodes[depth.checked_sub(1)?].set(text(strings, name as usize)?, value)?;
            }
            NOTHING => {}
            END => return Some(machine),
            _ => return None,
        }
    }
}

/// A node on the way from the root to where the reading is.
#[derive(Clone, Copy, Default)]
struct Node<'a> {
    name: &'a str,
    compatible: &'a [u8],
    kind: &'a [u8],
    status: &'a [u8],
    method: &'a [u8],
    handle: &'a [u8],
    pins: &'a [u8],
    arguments: &'a [u8],
    seed: &'a [u8],
    place: &'a [u8],
    lines: &'a [u8],
    ranges: Option<&'a [u8]>,
    address_cells: usize,
    size_cells: usize,
    /// Its devices see memory as the processor does.
    is_coherent: bool,
    is_read: bool,
}

impl<'a> Node<'a> {
    fn set(&mut self, name: &str, value: &'a [u8]) -> Option<()> {
        match name {
            "compatible" => self.compatible = value,
            "device_type" => self.kind = value,
            "status" => self.status = value,
            "method" => self.method = value,
            "phandle" => self.handle = value,
            "gpios" => self.pins = value,
            "bootargs" => self.arguments = value,
            "rng-seed" => self.seed = value,
            "reg" => self.place = value,
            "interrupts" => self.lines = value,
            "ranges" => self.ranges = Some(value),
            "dma-coherent" => self.is_coherent = true,
            "#address-cells" => self.address_cells = cells(value)?,
            "#size-cells" => self.size_cells = cells(value)?,
            _ => {}
        }
        Some(())
    }

    fn is(&self, compatible: &str) -> bool {
        self.compatible.split(|byte| *byte == 0).any(|name| name == compatible.as_bytes())
    }

    /// The line of its interrupt. Shared lines come after the 32 that each core has for itself.
    fn shared_line(&self) -> Option<u32> {
        let number = word(self.lines, 4).filter(|number| *number < 988);
        let is_shared = word(self.lines, 0) == Some(0);
        number.filter(|_| is_shared).map(|number| 32 + number)
    }

    fn serial(&self) -> Option<Serial> {
        if self.is("arm,pl011") {
            Some(Serial::Pl011)
        } else {
            self.is("cdns,uart-r1p12").then_some(Serial::Cadence)
        }
    }

    fn controller(&self) -> Option<Pins> {
        if self.is("brcm,bcm2711-gpio") {
            Some(Pins::Bcm2711)
        } else {
            self.is("brcm,brcmstb-gpio").then_some(Pins::SetTopBox)
        }
    }

    fn is_off(&self) -> bool {
        !matches!(self.status, [] | b"okay\0" | b"ok\0")
    }
}

impl<'a> Machine<'a> {
    /// The light that shows activity, if it is at a controller that is known.
    #[must_use]
    pub fn led(&self) -> Option<Led> {
        let [handle, pin, flags] = self.light?;
        let mut controllers = self.controllers.iter().flatten();
        let (_, at, pins) = controllers.find(|(name, ..)| *name == handle)?;
        Some(Led { at: *at, pins: *pins, pin, is_low: flags & 1 != 0 })
    }

    /// Takes from the last node of a path what the kernel wants of it.
    fn learn(&mut self, path: &[Node<'a>]) {
        let Some(node) = path.last() else { return };
        if path.iter().any(Node::is_off) {
            return;
        }
        let first = || address(path, 0);
        if node.kind == b"memory\0" {
            (0..PIECES_MAX).map_while(|index| address(path, index)).for_each(|piece| {
                self.memory.push(piece);
            });
        } else if path.iter().any(|above| above.name == "reserved-memory") {
            (0..PIECES_MAX).map_while(|index| address(path, index)).for_each(|piece| {
                self.reserved.push(piece);
            });
        } else if let Some(kind) = node.serial()
            && self.serial.is_none()
        {
            self.serial = first().map(|(at, _)| (at, kind));
            self.serial_line = node.shared_line();
        } else if ["cdns,zynqmp-gem", "xlnx,zynqmp-gem"].iter().any(|name| node.is(name))
            && self.ethernet.is_none()
            // What the card writes would be seen late, or never.
            && path.iter().any(|above| above.is_coherent)
        {
            self.ethernet = first().map(|(at, _)| (at, node.shared_line().unwrap_or(0)));
        } else if let Some(pins) = node.controller() {
            // One without a name nobody means.
            let place = self.controllers.iter_mut().find(|place| place.is_none());
            if let (Some(place), Some(name), Some((at, _))) = (place, word(node.handle, 0), first())
            {
                *place = Some((name, at, pins));
            }
        } else if node.name == "led-act" {
            if let [Some(controller), Some(pin), Some(flags)] =
                [0, 4, 8].map(|at| word(node.pins, at))
            {
                self.light = Some([controller, pin, flags]);
            }
        } else if node.is("brcm,bcm2712-pcie") {
            first().map(|complex| self.complexes.push(complex));
        } else if CARDS.iter().any(|name| node.is(name)) && self.card.is_none() {
            self.card = first().map(|(at, _)| at);
        } else if POWER.iter().any(|name| node.is(name)) {
            self.power = first().map(|(at, _)| at);
        } else if node.is("brcm,bcm2711-rng200") {
            self.random = first().map(|(at, _)| at);
        } else if node.is("arm,pl031") {
            self.clock = first().map(|(at, _)| at);
        } else if node.is("virtio,mmio") {
            if first().is_some_and(|window| self.virtio.push(window)) {
                let line = node.shared_line().unwrap_or(0);
                self.virtio_lines.push((line.into(), 0));
            }
        } else if ["arm,cortex-a15-gic", "arm,gic-400"].iter().any(|name| node.is(name)) {
            let processor = address(path, 1);
            self.interrupts = first().zip(processor).map(|((a, _), (b, _))| (a, b));
        } else if node.is("arm,armv8-timer") {
            // Secure, physical, virtual, hypervisor; three words each: kind, number, flags.
            const PRIVATE: u32 = 1;
            let number = word(node.lines, 2 * 12 + 4).filter(|number| *number < 16);
            let is_private = word(node.lines, 2 * 12) == Some(PRIVATE);
            self.timer = number.filter(|_| is_private).map(|number| 16 + number);
        } else if node.name == "psci" {
            self.conduit = match node.method {
                b"hvc\0" => Some(Conduit::Hypervisor),
                b"smc\0" => Some(Conduit::Monitor),
                _ => None,
            };
        } else if node.name == "chosen" {
            self.seed = node.seed;
            let end = node.arguments.iter().position(|byte| *byte == 0).unwrap_or(0);
            self.arguments = core::str::from_utf8(&node.arguments[..end]).unwrap_or("");
        }
    }
}

/// An address of the last node, as the processor sees it, and how many bytes are there.
fn address(path: &[Node<'_>], index: usize) -> Option<(u64, u64)> {
    let (node, parents) = path.split_last()?;
    let parent = parents.last()?;
    let entry = 4 * (parent.address_cells + parent.size_cells);
    let place = node.place.get(index * entry..(index + 1) * entry)?;
    let mut at = number(place, 0, parent.address_cells)?;
    let bytes = number(place, 4 * parent.address_cells, parent.size_cells)?;
    // Each bus translates from its children's addresses to its parent's; the root's are everyone's.
    for level in (1..parents.len()).rev() {
        let (bus, above) = (&parents[level], &parents[level - 1]);
        let ranges = bus.ranges?;
        if ranges.is_empty() {
            continue;
        }
        let child = bus.address_cells;
        let entry = 4 * (child + above.address_cells + bus.size_cells);
        if entry == 0 {
            return None;
        }
        at = ranges.chunks_exact(entry).find_map(|range| {
            let start = number(range, 0, child)?;
            let target = number(range, 4 * child, above.address_cells)?;
            let length = number(range, 4 * (child + above.address_cells), bus.size_cells)?;
            let offset = at.checked_sub(start).filter(|offset| *offset < length)?;
            target.checked_add(offset)
        })?;
    }
    Some((at, bytes))
}

/// How many words an address or a size has; more than two the kernel cannot use. PCI's addresses
/// have three, of which the last two are the address.
fn cells(value: &[u8]) -> Option<usize> {
    word(value, 0).map(|cells| cells as usize).filter(|cells| *cells <= 3)
}

fn number(bytes: &[u8], at: usize, cells: usize) -> Option<u64> {
    (0..cells)
        .try_fold(0_u64, |number, cell| Some(number << 32 | u64::from(word(bytes, at + 4 * cell)?)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    number(bytes, at, 2)
}

fn text(bytes: &[u8], at: usize) -> Option<&str> {
    let bytes = bytes.get(at..)?;
    let end = bytes.iter().position(|byte| *byte == 0)?;
    core::str::from_utf8(&bytes[..end]).ok()
}

fn align(at: usize) -> usize {
    at.next_multiple_of(4)
}

const MAGIC: u32 = 0xd00d_feed;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOTHING: u32 = 4;
const END: u32 = 9;

/// A Raspberry Pi 5 has three, one of them RP1's.
const CONTROLLERS_MAX: usize = 4;

/// Of the Raspberry Pi 4 and 5, and of the ZCU102.
const CARDS: [&str; 3] = ["brcm,bcm2711-emmc2", "brcm,bcm2712-sdhci", "arasan,sdhci-8.9a"];

/// Of the chips of the Raspberry Pi 3, 4 and 5, as Linux's trees and the firmware's have them.
const POWER: [&str; 3] = ["brcm,bcm2835-pm-wdt", "brcm,bcm2711-pm", "brcm,bcm2712-pm"];

/// Linux allows as much; the Pi 5's has 80 KB.
const BYTES_MAX: usize = 2 << 20;

/// The Pi 5's has six levels.
const DEPTH_MAX: usize = 12;

/// The Pi 5 with 16 GiB has four pieces of memory; QEMU's `virt` has 32 windows for devices.
const PIECES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Writes a tree: nodes by name, properties, ends.
    #[derive(Default)]
    struct Writer {
        structure: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Writer {
        fn node(mut self, name: &str) -> Self {
            self.structure.extend(BEGIN_NODE.to_be_bytes());
            self.structure.extend(name.bytes().chain([0]));
            self.pad()
        }

        fn set(mut self, name: &str, value: &[u8]) -> Self {
            self.structure.extend(PROPERTY.to_be_bytes());
            self.structure.extend((value.len() as u32).to_be_bytes());
            self.structure.extend((self.strings.len() as u32).to_be_bytes());
            self.structure.extend(value);
            self.strings.extend(name.bytes().chain([0]));
            self.pad()
        }

        fn words(self, name: &str, words: &[u32]) -> Self {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            self.set(name, &bytes)
        }

        fn end(mut self) -> Self {
            self.structure.extend(END_NODE.to_be_bytes());
            self
        }

        fn pad(mut self) -> Self {
            self.structure.resize(self.structure.len().next_multiple_of(4), 0);
            self
        }

        fn blob(mut self) -> Vec<u8> {
            self.structure.extend(END.to_be_bytes());
            let (structure, strings) = (56, 56 + self.structure.len());
            let total = strings + self.strings.len();
            let header = [MAGIC, total as u32, structure, strings as u32, 40, 17, 16, 0, 0, 0];
            let mut blob: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
            blob.resize(56, 0);
            blob.extend(self.structure);
            blob.extend(self.strings);
            blob
        }
    }

    fn board() -> Vec<u8> {
        Writer::default()
            .node("")
            .words("#address-cells", &[2])
            .words("#size-cells", &[1])
            .node("memory@0")
            .set("device_type", b"memory\0")
            .words("reg", &[0, 0x8_0000, 0x1000_0000, 1, 0, 0x2000_0000])
            .end()
            .node("chosen")
            .set("rng-seed", b"4")
            .set("bootargs", b"init=shell exit=semihosting\0")
            .end()
            .node("psci")
            .set("method", b"smc\0")
            .end()
            .node("timer")
            .set("compatible", b"arm,armv8-timer\0")
            .words("interrupts", &[1, 13, 8, 1, 14, 8, 1, 11, 8, 1, 10, 8])
            .end()
            .node("soc")
            .words("#address-cells", &[1])
            .words("#size-cells", &[1])
            .words("ranges", &[0x7c00_0000, 0x10, 0x7c00_0000, 0x400_0000])
            .node("serial@7d001000")
            .set("compatible", b"arm,pl011\0arm,primecell\0")
            .words("reg", &[0x7d00_1000, 0x200])
            .words("interrupts", &[0, 121, 4])
            .end()
            .node("serial@70000000")
            .set("compatible", b"arm,pl011\0")
            .words("reg", &[0x7000_0000, 0x200])
            .end()
            .node("interrupts@7fff9000")
            .set("compatible", b"arm,gic-400\0")
            .words("reg", &[0x7fff_9000, 0x1000, 0x7fff_a000, 0x2000])
            .end()
            .node("clock@7d002000")
            .set("compatible", b"arm,pl031\0")
            .set("status", b"disabled\0")
            .words("reg", &[0x7d00_2000, 0x200])
            .end()
            .node("watchdog@7d200000")
            .set("compatible", b"brcm,bcm2712-pm\0")
            .words("reg", &[0x7d20_0000, 0x308])
            .end()
            .node("mmc@7c100000")
            .set("compatible", b"brcm,bcm2712-sdhci\0brcm,sdhci-brcmstb\0")
            .words("reg", &[0x7c10_0000, 0x260, 0x7c10_0400, 0x200])
            .end()
            .node("mmc@7c200000")
            .set("compatible", b"brcm,bcm2712-sdhci\0brcm,sdhci-brcmstb\0")
            .words("reg", &[0x7c20_0000, 0x260, 0x7c20_0400, 0x200])
            .end()
            .node("pcie@7c110000")
            .set("compatible", b"brcm,bcm2712-pcie\0")
            .set("status", b"disabled\0")
            .words("reg", &[0x7c11_0000, 0x9310])
            .end()
            .node("pcie@7c120000")
            .set("compatible", b"brcm,bcm2712-pcie\0")
            .words("reg", &[0x7c12_0000, 0x9310])
            .end()
            .node("gpio@7d508500")
            .set("compatible", b"brcm,bcm7445-gpio\0brcm,brcmstb-gpio\0")
            .words("reg", &[0x7d50_8500, 0x40])
            .words("phandle", &[11])
            .end()
            .node("gpio@7d517c00")
            .set("compatible", b"brcm,bcm7445-gpio\0brcm,brcmstb-gpio\0")
            .words("reg", &[0x7d51_7c00, 0x40])
            .words("phandle", &[12])
            .end()
            .node("led-act")
            .words("gpios", &[12, 9, 1])
            .end()
            .node("rng@7d208000")
            .set("compatible", b"brcm,bcm2711-rng200\0")
            .words("reg", &[0x7d20_8000, 0x28])
            .end()
            .end()
            .end()
            .blob()
    }

    #[test]
    fn a_board_is_read_and_its_buses_translated() {
        let blob = board();
        let machine = read(&blob).unwrap();
        let memory: Vec<_> = machine.memory.iter().collect();
        assert_eq!(memory, [(0x8_0000, 0x1000_0000), (1 << 32, 0x2000_0000)]);
        let serial = (0x10_7d00_1000, Serial::Pl011);
        assert_eq!(machine.serial, Some(serial), "the first, where the root sees it");
        assert_eq!(machine.serial_line, Some(153));
        assert_eq!(machine.interrupts, Some((0x10_7fff_9000, 0x10_7fff_a000)));
        assert_eq!(machine.clock, None, "it is off");
        assert_eq!(machine.power, Some(0x10_7d20_0000));
        assert_eq!(machine.card, Some(0x10_7c10_0000), "the first");
        assert_eq!(machine.complexes.iter().collect::<Vec<_>>(), [(0x10_7c12_0000, 0x9310)]);
        let (at, pins) = (0x10_7d51_7c00, Pins::SetTopBox);
        assert_eq!(machine.led(), Some(Led { at, pins, pin: 9, is_low: true }));
        assert_eq!(machine.random, Some(0x10_7d20_8000));
        assert_eq!((machine.timer, machine.conduit), (Some(27), Some(Conduit::Monitor)));
        assert_eq!(machine.seed, b"4");
        assert_eq!(machine.arguments, "init=shell exit=semihosting");
    }

    /// A bus with a serial line and two network cards, coherent or not.
    fn cadence(is_coherent: bool) -> Vec<u8> {
        let card = |tree: Writer, at, line, status: &[u8]| {
            let tree = tree.node("ethernet").set("compatible", b"cdns,zynqmp-gem\0cdns,gem\0");
            let tree = if is_coherent { tree.set("dma-coherent", b"") } else { tree };
            tree.set("status", status)
                .words("reg", &[0, at, 0, 0x1000])
                .words("interrupts", &[0, line, 4, 0, line, 4])
                .end()
        };
        let tree = Writer::default()
            .node("")
            .words("#address-cells", &[2])
            .words("#size-cells", &[2])
            .node("axi")
            .words("#address-cells", &[2])
            .words("#size-cells", &[2])
            .set("ranges", b"")
            .node("serial@ff000000")
            .set("compatible", b"xlnx,xuartps\0cdns,uart-r1p12\0")
            .words("reg", &[0, 0xff00_0000, 0, 0x1000])
            .words("interrupts", &[0, 21, 4])
            .end();
        let tree = card(tree, 0xff0b_0000, 57, b"disabled\0");
        card(tree, 0xff0e_0000, 63, b"okay\0").end().end().blob()
    }

    #[test]
    fn devices_of_cadence_are_found() {
        let blob = cadence(true);
        let machine = read(&blob).unwrap();
        assert_eq!(machine.serial, Some((0xff00_0000, Serial::Cadence)));
        assert_eq!(machine.serial_line, Some(53));
        assert_eq!(machine.ethernet, Some((0xff0e_0000, 95)), "the one that is on");
        let blob = cadence(false);
        assert_eq!(read(&blob).unwrap().ethernet, None, "it does not see what the core sees");
    }

    #[test]
    fn an_address_that_no_bus_translates_is_none() {
        let text = b"\x7c\0\0\0\0\0\0\x10";
        let mut blob = board();
        let at = blob.windows(text.len()).position(|window| window == text).unwrap();
        blob[at] = 0x10;
        assert_eq!(read(&blob).unwrap().serial, None);
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_survived() {
        let whole = board();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_none(), "{length}");
        }
        for place in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut other = whole.clone();
                other[place] = value;
                let _ = read(&other);
            }
        }
    }
}
