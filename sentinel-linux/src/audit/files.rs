//! The files of a log, as an auditor reads them: in their order, in pieces, and while an agent may
//! be writing them.
//!
//! Nothing is locked and nothing is changed. A file is complete when the next one is there, and
//! only then: so it is read to its end once more after the next one was seen.
//!
//! # Invariants
//! - Memory for one piece, however long the log is.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sentinel_core::limits::{JOURNAL_FILE_BYTES_MAX, RUNTIME_UNWRITTEN_BYTES_MAX};
use sentinel_core::order;

use crate::state::log_number;

/// A log, by where it is.
#[derive(Clone, Debug)]
pub(crate) enum Log {
    /// All its files are in this directory, under the names that they were given.
    Directory(PathBuf),
    /// These files, in this order.
    Files(Vec<PathBuf>),
}

/// What is read next.
#[derive(Debug)]
pub(crate) enum Piece<'p> {
    /// So much more of the file.
    Bytes(&'p [u8]),
    /// The file has ended, and another one follows.
    NextFile,
}

/// How far a log was written, to see whether somebody still does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(PathBuf, u64, i64, i64)>);

impl Log {
    /// The log in a directory, which may be the one where an agent lives; or a file of one.
    pub(crate) fn at(place: &Path) -> io::Result<Self> {
        if !fs::metadata(place)?.is_dir() {
            return Ok(Self::Files(vec![place.to_path_buf()]));
        }
        let inner = place.join("journal");
        Ok(Self::Directory(if inner.is_dir() { inner } else { place.to_path_buf() }))
    }

    /// Its files, as they are now. One that is missing between others is for the reader to find:
    /// the next one does not fit.
    pub(crate) fn files(&self) -> io::Result<Vec<PathBuf>> {
        let directory = match self {
            Self::Files(files) => return Ok(files.clone()),
            Self::Directory(directory) => directory,
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if let Some(number) = entry.file_name().to_str().and_then(log_number) {
                files.push((number, entry.path()));
            }
        }
        order::sort_by(&mut files, Ord::cmp);
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }

    /// Gives all of it to `take`, piece by piece; says how many files and bytes that were.
    pub(crate) fn read(&self, mut take: impl FnMut(Piece<'_>)) -> io::Result<(usize, u64)> {
        let mut piece = vec![0; PIECE_BYTES];
        let mut files = self.files()?;
        let (mut index, mut bytes_count) = (0, 0);
        while let Some(path) = files.get(index).cloned() {
            if index > 0 {
                take(Piece::NextFile);
            }
            let failed = |error| io::Error::other(format!("{}: {error}", path.display()));
            let mut file = File::open(&path).map_err(failed)?;
            let mut rest = |file: &mut File| -> io::Result<()> {
                loop {
                    let count = match file.read(&mut piece) {
                        Ok(0) => return Ok(()),
                        Ok(count) => count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => return Err(error),
                    };
                    bytes_count += count as u64;
                    take(Piece::Bytes(piece.get(..count).unwrap_or_default()));
                }
            };
            rest(&mut file).map_err(failed)?;
            index += 1;
            if index == files.len() {
                files = self.files()?;
            }
            if index < files.len() {
                rest(&mut file).map_err(failed)?;
            }
        }
        Ok((index, bytes_count))
    }

    /// Its files, and how long each is now.
    pub(crate) fn sizes(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let stamp = self.stamp()?;
        Ok(stamp.0.into_iter().map(|(path, bytes_count, ..)| (path, bytes_count)).collect())
    }

    /// How far it is written now.
    pub(crate) fn stamp(&self) -> io::Result<Stamp> {
        let mut stamps = Vec::new();
        for path in self.files()? {
            let data = fs::metadata(&path)?;
            stamps.push((path, data.size(), data.mtime(), data.mtime_nsec()));
        }
        Ok(Stamp(stamps))
    }
}

/// So much of a file. One that the agent writes has a bound, and others are not read whole.
pub(super) fn beginning(path: &Path, bytes_count: u64) -> io::Result<Vec<u8>> {
    let failed = |error| io::Error::other(format!("{}: {error}", path.display()));
    if bytes_count > FILE_BYTES_MAX {
        return Err(failed(io::Error::other("it is longer than any file of a log")));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_count).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}

/// A file of the log goes on in another one when it is longer than it may be; the last write to it
/// is at most what may wait to be written, and a snapshot.
const FILE_BYTES_MAX: u64 = 2 * (JOURNAL_FILE_BYTES_MAX + RUNTIME_UNWRITTEN_BYTES_MAX as u64);

/// What is read at a time.
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// While the last of its files is read the log goes on, in that file and in another one.
    #[test]
    fn what_is_written_meanwhile_is_read_in_order() {
        let home = std::env::temp_dir().join(format!("sentinel-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(home.join("journal")).unwrap();
        let name = |number| home.join(crate::state::log_name(number));
        fs::write(name(0), "one ").unwrap();
        fs::write(home.join("journal/000000.log.old"), "not of it").unwrap();
        let log = Log::at(&home).unwrap();
        let (mut said, mut is_first) = (String::new(), true);
        let counts = log.read(|piece| match piece {
            Piece::NextFile => said.push('|'),
            Piece::Bytes(bytes) => {
                said.push_str(std::str::from_utf8(bytes).unwrap());
                if std::mem::take(&mut is_first) {
                    fs::write(name(0), "one two ").unwrap();
                    fs::write(name(1), "three").unwrap();
                }
            }
        });
        assert_eq!((said.as_str(), counts.unwrap()), ("one two |three", (2, 13)));
        fs::remove_dir_all(home).unwrap();
    }
}
