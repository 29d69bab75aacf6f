//! Device trees for boards of which the emulator brings none.
//!
//! # Invariants
//! - What is written here is a whole tree by chapter 5 of the Devicetree Specification; who reads
//!   it, and may not believe it, is `luperiq-formats`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::workspace::Workspace;

/// Writes the tree of a board for one boot, with random bytes as a firmware makes them, and says
/// where it is.
pub(super) fn write(
    workspace: &Workspace,
    name: &str,
    blob: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<PathBuf, Error> {
    let mut seed = [0; 64];
    let random = Path::new("/dev/urandom");
    File::open(random)
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(|cause| Error::file("read", random, &cause))?;
    let path = super::target(workspace).join(name);
    std::fs::write(&path, blob(&seed)).map_err(|cause| Error::file("write", &path, &cause))?;
    Ok(path)
}

/// A tree as it grows.
#[derive(Default)]
pub(super) struct Tree {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Tree {
    pub(super) fn begin(&mut self, name: &str) {
        self.structure.extend(1_u32.to_be_bytes());
        self.structure.extend(name.bytes().chain([0]));
        self.align();
    }

    pub(super) fn end(&mut self) {
        self.structure.extend(2_u32.to_be_bytes());
    }

    pub(super) fn set(&mut self, name: &str, value: &[u8]) {
        for number in [3, value.len() as u32, self.strings.len() as u32] {
            self.structure.extend(number.to_be_bytes());
        }
        self.structure.extend(value);
        self.strings.extend(name.bytes().chain([0]));
        self.align();
    }

    pub(super) fn words(&mut self, name: &str, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        self.set(name, &bytes);
    }

    fn align(&mut self) {
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    /// The whole tree; `reserved` is memory that is somebody else's, by address and bytes.
    pub(super) fn blob(mut self, reserved: &[(u64, u64)]) -> Vec<u8> {
        self.structure.extend(9_u32.to_be_bytes());
        // The header, what is reserved and a row of zeros behind it, then the two parts.
        let structure = 40 + 16 * (reserved.len() as u32 + 1);
        let strings = structure + self.structure.len() as u32;
        let total = strings + self.strings.len() as u32;
        let sizes = [self.strings.len() as u32, self.structure.len() as u32];
        let header = [0xd00d_feed, total, structure, strings, 40, 17, 16, 0, sizes[0], sizes[1]];
        let mut blob: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        for (at, bytes) in reserved.iter().chain([&(0, 0)]) {
            blob.extend(at.to_be_bytes());
            blob.extend(bytes.to_be_bytes());
        }
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
        for reserved in [&[][..], &[(0, 0x1000)], &[(0, 1), (1 << 40, 2)]] {
            let mut tree = Tree::default();
            tree.begin("");
            tree.words("#address-cells", &[2]);
            tree.end();
            let blob = tree.blob(reserved);
            let word =
                |at: usize| u32::from_be_bytes(blob[at..at + 4].try_into().unwrap()) as usize;
            assert_eq!((word(0), word(4)), (0xd00d_feed, blob.len()));
            assert_eq!((word(word(8)), word(word(12) - 4)), (1, 9));
            assert_eq!(word(12) + word(32), blob.len());
            assert_eq!(word(8) + word(36), word(12));
            assert_eq!(blob[word(8) - 16..word(8)], [0; 16]);
            assert_eq!(word(8), 40 + 16 + 16 * reserved.len());
        }
    }
}
