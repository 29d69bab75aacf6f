//! Images of disks for the machine.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::workspace::Workspace;

/// A disk of so many bytes on which nothing is, in place of what was there under this name.
pub(super) fn blank(workspace: &Workspace, name: &str, bytes: u64) -> Result<PathBuf, Error> {
    let path = super::target(workspace).join(name);
    make(&path, bytes)?;
    Ok(path)
}

/// A disk of so many bytes at this path.
pub(super) fn make(path: &Path, bytes: u64) -> Result<(), Error> {
    let made =
        std::fs::File::create(path).and_then(|file| file.set_len(bytes.next_multiple_of(BLOCK)));
    made.map_err(|cause| Error::file("make", path, &cause))
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    std::fs::remove_file(path).map_err(|cause| Error::file("remove", path, &cause))
}

/// The emulator rounds a disk up to whole sectors, and the store to whole blocks: a file that is
/// neither would be shorter than what stands in it.
const BLOCK: u64 = 4096;
