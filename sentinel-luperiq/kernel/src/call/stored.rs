//! Files on the disk.
//!
//! They lie beneath the place `data` and are reached through a directory of its own: the archive's
//! never leads there.

use alloc::vec::Vec;

use luperiq_abi::call::open;
use luperiq_abi::{Error, Kind};
use luperiq_store::{FileId, Share};

use crate::disk::error;
use crate::kernel::Kernel;

impl Kernel {
    /// Opens what is at a place of the store; gives what the kernel calls it.
    pub(super) fn open_stored(&mut self, place: &[u8], flags: u64) -> Result<u64, Error> {
        let now = self.wall_milliseconds();
        let path = path(place);
        let store = self.disk.store()?;
        if flags & open::EXECUTE != 0 {
            // Programs come with the image.
            return Err(Error::Unsupported);
        }
        if flags & open::DIRECTORY != 0 {
            return store.has_directory(path).then_some(STORED).ok_or(Error::NotFound);
        }
        let is_made = flags & open::CREATE != 0;
        let id = store.open(path, is_made, now).map_err(error)?;
        if flags & open::TRUNCATE != 0
            && let Err(failed) = store.truncate(id, now)
        {
            store.close(id);
            return Err(error(failed));
        }
        Ok(STORED | u64::from(id.0))
    }

    /// Reads of a file into the scratch space.
    pub(super) fn read_stored(
        &mut self,
        native: u64,
        position: u64,
        room: usize,
    ) -> Result<usize, Error> {
        let room = room.min(self.scratch.len());
        self.disk.store()?.read(id(native), position, &mut self.scratch[..room]).map_err(error)
    }

    /// Writes what is in the scratch space into a file.
    pub(super) fn write_stored(
        &mut self,
        native: u64,
        position: u64,
        bytes: usize,
    ) -> Result<(), Error> {
        let now = self.wall_milliseconds();
        let bytes = &self.scratch[..bytes];
        self.disk.store()?.write(id(native), position, bytes, Share::Program, now).map_err(error)
    }

    pub(super) fn remove_stored(&mut self, place: &[u8]) -> Result<(), Error> {
        self.disk.store()?.remove(path(place)).map_err(error)
    }

    /// How long a file is, and when it was changed.
    pub(super) fn stat_stored(&mut self, native: u64) -> (u64, u64) {
        let stat = self.disk.store().ok().and_then(|store| store.stat(id(native)).ok());
        stat.map_or((0, 0), |stat| (stat.bytes, stat.changed))
    }

    /// A file that nobody has a handle to.
    pub(crate) fn file_released(&mut self, native: u64) {
        if is_stored(native)
            && let Ok(store) = self.disk.store()
        {
            store.close(id(native));
        }
    }

    /// What is in a directory of the store, each name once, in order.
    pub(super) fn stored_names(&mut self, place: &[u8]) -> Vec<(Vec<u8>, Kind)> {
        let Ok(store) = self.disk.store() else { return Vec::new() };
        let names = store.names(path(place));
        let kind = |is_directory| if is_directory { Kind::Directory } else { Kind::File };
        let mut found: Vec<(Vec<u8>, Kind)> = Vec::new();
        for (name, is_directory) in names {
            // Each name once, where it belongs; sorting as such is a lot of code.
            if let Err(place) = found.binary_search_by(|(other, _)| other.as_slice().cmp(name)) {
                found.insert(place, (name.to_vec(), kind(is_directory)));
            }
        }
        found
    }
}

/// Whether this names something on the disk, not in the archive.
pub(super) const fn is_stored(native: u64) -> bool {
    native & STORED != 0
}

fn id(native: u64) -> FileId {
    FileId(native as u32)
}

/// A place without the name that all of the store's places begin with.
fn path(place: &[u8]) -> &[u8] {
    let rest = place.strip_prefix(PLACE.as_bytes()).unwrap_or(place);
    rest.strip_prefix(b"/").unwrap_or(rest)
}

/// What the kernel calls the store's own directory; files have a number besides.
pub(crate) const STORED: u64 = 1 << 32;

/// Where the store is among the places that policies name.
pub(crate) const PLACE: &str = "data";
