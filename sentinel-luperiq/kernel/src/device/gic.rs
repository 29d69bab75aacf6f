//! The interrupt controller, version 2 (GIC-400): one core, and the few lines the kernel wants.

use super::Registers;

/// Distributor and processor interface.
#[derive(Debug)]
pub(crate) struct Gic {
    distributor: Registers,
    processor: Registers,
}

/// A line of the interrupt controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) u32);

impl Gic {
    pub(crate) const DISTRIBUTOR_BYTES: usize = 0x1000;
    pub(crate) const PROCESSOR_BYTES: usize = 0x1000;

    /// Takes the controller over with every line off, whatever the firmware left on.
    pub(crate) fn new(distributor: Registers, processor: Registers) -> Self {
        distributor.write(GICD_CTLR, 0);
        let words = (distributor.read(GICD_TYPER) & 0x1f) as usize + 1;
        for word in 0..words {
            distributor.write(GICD_ICENABLER + 4 * word, u32::MAX);
            distributor.write(GICD_ICPENDR + 4 * word, u32::MAX);
        }
        distributor.write(GICD_CTLR, 1);
        processor.write(GICC_PMR, 0xff);
        processor.write(GICC_BPR, 0);
        processor.write(GICC_CTLR, 1);
        Self { distributor, processor }
    }

    /// Lets a line interrupt this core.
    pub(crate) fn enable(&self, line: Line) {
        // Where there are several cores a shared line goes to none of them until it is told to.
        // What stands at the core's own lines is the core that reads.
        let (place, shift) = (GICD_ITARGETSR + line.0 as usize / 4 * 4, line.0 % 4 * 8);
        let core = self.distributor.read(GICD_ITARGETSR) & 0xff;
        let others = self.distributor.read(place) & !(0xff << shift);
        self.distributor.write(place, others | core << shift);
        let (word, bit) = (line.0 as usize / 32, line.0 % 32);
        self.distributor.write(GICD_ISENABLER + 4 * word, 1 << bit);
    }

    /// The line that interrupts, if one does. It has to be [`finished`](Self::finish).
    pub(crate) fn next(&self) -> Option<Line> {
        let line = self.processor.read(GICC_IAR) & 0x3ff;
        (line < SPURIOUS).then_some(Line(line))
    }

    /// A line was served.
    pub(crate) fn finish(&self, line: Line) {
        self.processor.write(GICC_EOIR, line.0);
    }
}

// From the GIC's architecture specification, version 2, chapter 4.
const GICD_CTLR: usize = 0x000;
const GICD_TYPER: usize = 0x004;
const GICD_ISENABLER: usize = 0x100;
const GICD_ICENABLER: usize = 0x180;
const GICD_ICPENDR: usize = 0x280;
const GICD_ITARGETSR: usize = 0x800;
const GICC_CTLR: usize = 0x000;
const GICC_PMR: usize = 0x004;
const GICC_BPR: usize = 0x008;
const GICC_IAR: usize = 0x00c;
const GICC_EOIR: usize = 0x010;
const SPURIOUS: u32 = 1020;
