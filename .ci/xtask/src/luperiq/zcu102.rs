//! The device tree of the ZCU102, as far as the kernel and the emulator want it.
//!
//! The emulator has that board without a tree of its own, and adds memory, the command line and
//! PSCI to the one it is given. Addresses and lines are those of the Zynq UltraScale+ (UG1085,
//! chapters 10 and 13), names those of Linux's bindings. The emulator's first card is GEM 0.

use std::path::PathBuf;

use super::tree::{self, Tree};
use crate::error::Error;
use crate::workspace::Workspace;

/// Writes the tree for one boot, and says where it is.
pub(super) fn tree(workspace: &Workspace) -> Result<PathBuf, Error> {
    tree::write(workspace, "zcu102.dtb", blob)
}

fn blob(seed: &[u8]) -> Vec<u8> {
    let mut tree = Tree::default();
    tree.begin("");
    tree.words("#address-cells", &[2]);
    tree.words("#size-cells", &[2]);
    tree.set("compatible", b"xlnx,zynqmp-zcu102\0xlnx,zynqmp\0");
    tree.begin("chosen");
    tree.set("rng-seed", seed);
    tree.end();
    tree.begin("timer");
    tree.set("compatible", b"arm,armv8-timer\0");
    let private = [13, 14, 11, 10].map(|line| [1, line, 0xf08]);
    tree.words("interrupts", private.as_flattened());
    tree.end();
    tree.begin("axi");
    tree.words("#address-cells", &[2]);
    tree.words("#size-cells", &[2]);
    tree.set("ranges", b"");
    tree.begin("interrupt-controller@f9010000");
    tree.set("compatible", b"arm,gic-400\0");
    tree.set("interrupt-controller", b"");
    tree.words("#interrupt-cells", &[3]);
    tree.words("reg", &[0, 0xf901_0000, 0, 0x1_0000, 0, 0xf902_0000, 0, 0x2_0000]);
    tree.end();
    tree.begin("serial@ff000000");
    tree.set("compatible", b"xlnx,xuartps\0cdns,uart-r1p12\0");
    tree.words("reg", &[0, 0xff00_0000, 0, 0x1000]);
    tree.words("interrupts", &[0, 21, 4]);
    tree.end();
    tree.begin("mmc@ff160000");
    tree.set("compatible", b"xlnx,zynqmp-8.9a\0arasan,sdhci-8.9a\0");
    tree.words("reg", &[0, 0xff16_0000, 0, 0x1000]);
    tree.end();
    tree.begin("ethernet@ff0b0000");
    tree.set("compatible", b"xlnx,zynqmp-gem\0cdns,gem\0");
    tree.set("dma-coherent", b"");
    tree.words("reg", &[0, 0xff0b_0000, 0, 0x1000]);
    tree.words("interrupts", &[0, 57, 4]);
    tree.end();
    tree.end();
    tree.end();
    tree.blob(&[])
}
