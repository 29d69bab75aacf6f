//! The device tree of the ZCU102, as far as the kernel and the emulator want it.
//!
//! The emulator has that board without a tree of its own, and adds memory, the command line and
//! PSCI to the one it is given. Addresses and lines are those of the Zynq UltraScale+ (UG1085,
//! chapters 10 and 13), names those of Linux's bindings. The emulator's first card is GEM 0.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::workspace::Workspace;

/// Writes the tree for one boot, with random bytes as a firmware makes them, and says where it is.
pub(super) fn tree(workspace: &Workspace) -> Result<PathBuf, Error> {
    let mut seed = [0; 64];
    let random = Path::new("/dev/urandom");
    File::open(random)
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(|cause| Error::file("read", random, &cause))?;
    let path = super::target(workspace).join("zcu102.dtb");
    std::fs::write(&path, blob(&seed)).map_err(|cause| Error::file("write", &path, &cause))?;
    Ok(path)
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
    tree.begin("ethernet@ff0b0000");
    tree.set("compatible", b"xlnx,zynqmp-gem\0cdns,gem\0");
    tree.set("dma-coherent", b"");
    tree.words("reg", &[0, 0xff0b_0000, 0, 0x1000]);
    tree.words("interrupts", &[0, 57, 4]);
    tree.end();
    tree.end();
    tree.end();
    tree.blob()
}

/// A tree as it grows; chapter 5 of the Devicetree Specification.
#[derive(Default)]
struct Tree {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Tree {
    fn begin(&mut self, name: &str) {
        self.structure.extend(1_u32.to_be_bytes());
        self.structure.extend(name.bytes().chain([0]));
        self.align();
    }

    fn end(&mut self) {
        self.structure.extend(2_u32.to_be_bytes());
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        for number in [3, value.len() as u32, self.strings.len() as u32] {
            self.structure.extend(number.to_be_bytes());
        }
        self.structure.extend(value);
        self.strings.extend(name.bytes().chain([0]));
        self.align();
    }

    fn words(&mut self, name: &str, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        self.set(name, &bytes);
    }

    fn align(&mut self) {
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn blob(mut self) -> Vec<u8> {
        self.structure.extend(9_u32.to_be_bytes());
        // The header, one row of zeros for what is reserved, then the two parts.
        let structure = 40 + 16;
        let strings = structure + self.structure.len() as u32;
        let total = strings + self.strings.len() as u32;
        let sizes = [self.strings.len() as u32, self.structure.len() as u32];
        let header = [0xd00d_feed, total, structure, strings, 40, 17, 16, 0, sizes[0], sizes[1]];
        let mut blob: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        blob.extend([0; 16]);
        blob.extend(self.structure);
        blob.extend(self.strings);
        blob
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_the_parts_are() {
        let blob = blob(&[7; 64]);
        let word = |at: usize| u32::from_be_bytes(blob[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((word(0), word(4)), (0xd00d_feed, blob.len()));
        assert_eq!((word(word(8)), word(word(12) - 4)), (1, 9));
        assert_eq!(word(12) + word(32), blob.len());
        assert_eq!(word(8) + word(36), word(12));
    }
}
