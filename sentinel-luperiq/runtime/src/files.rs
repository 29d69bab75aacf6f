//! Files and directories through their handles.
//!
//! # Invariants
//! - A transfer of more bytes than one call takes is several calls; of each the kernel does all or
//!   nothing.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_abi::call::open;
use luperiq_abi::limits::TRANSFER_BYTES_MAX;
use luperiq_abi::wire::Stat;
use luperiq_abi::{Call, Error, Kind};

use crate::call::{Result, input, output, plain};
use crate::handle::{Directory, File, Owned};

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// It.
    pub name: String,
    /// Whether more names are beneath it.
    pub is_directory: bool,
}

impl Directory {
    /// Opens a file beneath it.
    ///
    /// # Errors
    /// The kernel refuses, or there is none.
    pub fn open(&self, path: &str, flags: u64) -> Result<File> {
        self.open_any(path, flags).map(File)
    }

    /// Opens a directory beneath it.
    ///
    /// # Errors
    /// The kernel refuses, or there is none.
    pub fn directory(&self, path: &str) -> Result<Self> {
        self.open_any(path, open::DIRECTORY).map(Self)
    }

    /// Takes a file's name away.
    ///
    /// # Errors
    /// The kernel refuses, or there is none.
    pub fn remove(&self, path: &str) -> Result<()> {
        let [at, bytes] = input(path.as_bytes());
        plain(Call::Remove, [self.number(), at, bytes, 0, 0, 0]).map(drop)
    }

    /// What is in it, as many names as are asked for; those that are no text are left out.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn names(&self, count_max: usize) -> Result<Vec<Name>> {
        let (mut names, mut next) = (Vec::new(), 0);
        let mut room = alloc::vec![0; TRANSFER_BYTES_MAX];
        while names.len() < count_max {
            let [at, bytes] = output(&mut room);
            let (count, after) = plain(Call::Read, [self.number(), at, bytes, next, 0, 0])?;
            let count = usize::try_from(count).map_err(|_| Error::TooLong)?;
            if count == 0 {
                break;
            }
            let lines = room.get(..count).ok_or(Error::TooLong)?.split(|byte| *byte == b'\n');
            names.extend(lines.filter_map(name));
            next = after;
        }
        names.truncate(count_max);
        Ok(names)
    }

    fn open_any(&self, path: &str, flags: u64) -> Result<Owned> {
        let [at, bytes] = input(path.as_bytes());
        let (number, _) = plain(Call::Open, [self.number(), at, bytes, flags, 0, 0])?;
        Owned::of(number).ok_or(Error::BadHandle)
    }
}

impl File {
    /// Reads from a position on; gives how much. 0 is the end.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn read_at(&self, position: u64, room: &mut [u8]) -> Result<usize> {
        let [at, bytes] = output(room);
        let (count, _) = plain(Call::Read, [self.number(), at, bytes, position, 0, 0])?;
        usize::try_from(count).map_err(|_| Error::TooLong)
    }

    /// Everything in it, if that is at most so much.
    ///
    /// # Errors
    /// The kernel refuses; [`Error::TooLong`].
    pub fn read_all(&self, bytes_max: usize) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut part = alloc::vec![0; 4096];
        loop {
            let count = self.read_at(content.len() as u64, &mut part)?;
            if count == 0 {
                return Ok(content);
            }
            content.extend_from_slice(part.get(..count).ok_or(Error::TooLong)?);
            if content.len() > bytes_max {
                return Err(Error::TooLong);
            }
        }
    }

    /// Writes from a position on that is not behind the end. It is safe after [`File::sync`].
    ///
    /// # Errors
    /// The kernel refuses; of more than one call takes a part may have been written.
    pub fn write_at(&self, mut position: u64, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(TRANSFER_BYTES_MAX) {
            let [at, count] = input(part);
            let (written, _) = plain(Call::Write, [self.number(), at, count, position, 0, 0])?;
            if written != count {
                return Err(Error::Device);
            }
            position += count;
        }
        Ok(())
    }

    /// Returns when everything that was written, by anybody, is safe.
    ///
    /// # Errors
    /// The disk fails.
    pub fn sync(&self) -> Result<()> {
        plain(Call::Sync, [self.number(), 0, 0, 0, 0, 0]).map(drop)
    }

    /// What it is.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn stat(&self) -> Result<Stat> {
        let mut bytes = [0; Stat::BYTES];
        let [at, room] = output(&mut bytes);
        plain(Call::Stat, [self.number(), at, room, 0, 0, 0])?;
        Stat::decode(&bytes).ok_or(Error::TooLong)
    }
}

/// Reads a line `name<TAB>type`.
fn name(line: &[u8]) -> Option<Name> {
    let line = core::str::from_utf8(line).ok()?;
    let (name, kind) = line.rsplit_once('\t')?;
    Some(Name { name: name.into(), is_directory: kind == Kind::Directory.name() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fake::{called, will_answer};

    #[test]
    fn more_than_one_call_takes_is_several() {
        let file = File(Owned::of(0x1001).unwrap());
        let bytes = alloc::vec![7; TRANSFER_BYTES_MAX + 3];
        will_answer([Ok((TRANSFER_BYTES_MAX as u64, 0)), Ok((3, 0))]);
        assert_eq!(file.write_at(5, &bytes), Ok(()));
        let positions: Vec<u64> = called().iter().map(|(_, registers)| registers[3]).collect();
        assert_eq!(positions, [5, 5 + TRANSFER_BYTES_MAX as u64]);
        will_answer([Ok((2, 0))]);
        assert_eq!(file.write_at(0, b"abc"), Err(Error::Device), "less than all of it");
    }

    #[test]
    fn lines_of_a_directory_are_read() {
        let is = |line: &[u8], expected: &str, is_directory| {
            let found = name(line).unwrap();
            assert_eq!((found.name.as_str(), found.is_directory), (expected, is_directory));
        };
        is(b"a.txt\tfile", "a.txt", false);
        is(b"docs\tdirectory", "docs", true);
        is(b"odd\tname\tfile", "odd\tname", false);
        assert_eq!(name(b"\xff\tfile"), None);
        assert_eq!(name(b""), None);
    }
}
