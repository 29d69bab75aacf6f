//! A directory, by its handle.
//!
//! # Invariants
//! - Nothing is reached but what is beneath the handle; the kernel refuses paths that lead out.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::call::open;
use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::call::Result;
use luperiq_runtime::files::Name;
use luperiq_runtime::handle::{Directory, File};

/// Files beneath one place.
pub trait Folder {
    /// How long a file is.
    ///
    /// # Errors
    /// [`Error::NotFound`], or it cannot be looked at.
    fn bytes_count(&self, path: &str) -> Result<u64>;

    /// Everything in a file that is at most so long.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLong`], or it cannot be read.
    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>>;

    /// Makes a file with nothing in it, or empties the one that is there.
    ///
    /// # Errors
    /// It cannot be done.
    fn empty(&mut self, path: &str) -> Result<()>;

    /// Writes into a file, which is made if it is not there, at a place not behind its end. What
    /// fits into one transfer of the kernel's is written whole or not at all.
    ///
    /// # Errors
    /// It cannot be done.
    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()>;

    /// Returns when all that was written is safe; the file is one that is there.
    ///
    /// # Errors
    /// It is not.
    fn sync(&mut self, path: &str) -> Result<()>;

    /// Takes a file's name away.
    ///
    /// # Errors
    /// [`Error::NotFound`], or it cannot be done.
    fn remove(&mut self, path: &str) -> Result<()>;

    /// What is in a directory, as many names as are asked for; nothing is in one that is not there.
    ///
    /// # Errors
    /// It is no directory, or cannot be listed.
    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>>;
}

/// The kernel's, through a handle. The file that was written last stays open: a log is written
/// again and again, and each opening stands in the kernel's record.
#[derive(Debug)]
pub struct Held {
    directory: Directory,
    /// What a file is opened for to see how long it is.
    look: u64,
    last: Option<(String, File)>,
}

impl Held {
    /// What is beneath a directory.
    #[must_use]
    pub const fn new(directory: Directory) -> Self {
        Self { directory, look: open::READ, last: None }
    }

    /// The same, where nothing may be read.
    #[must_use]
    pub const fn unread(directory: Directory) -> Self {
        Self { directory, look: open::WRITE, last: None }
    }

    /// The directory.
    #[must_use]
    pub fn into_directory(self) -> Directory {
        self.directory
    }

    fn written(&mut self, path: &str) -> Result<&File> {
        if self.last.as_ref().is_none_or(|(name, _)| name != path) {
            let file = self.directory.open(path, open::WRITE | open::CREATE)?;
            self.last = Some((path.into(), file));
        }
        self.last.as_ref().map(|(_, file)| file).ok_or(Error::NotFound)
    }

    fn forget(&mut self, path: &str) {
        if self.last.as_ref().is_some_and(|(name, _)| name == path) {
            self.last = None;
        }
    }
}

/// Everything in a file that is at most so long.
///
/// # Errors
/// [`Error::TooLong`], or it cannot be read.
pub fn read(file: &File, bytes_max: u64) -> Result<Vec<u8>> {
    let bytes_count = file.stat()?.bytes;
    if bytes_count > bytes_max {
        return Err(Error::TooLong);
    }
    let length = usize::try_from(bytes_count).map_err(|_| Error::TooLong)?;
    let mut content = Vec::new();
    content.try_reserve_exact(length).map_err(|_| Error::NoMemory)?;
    content.resize(length, 0);
    let mut end = 0;
    for part in content.chunks_mut(TRANSFER_BYTES_MAX) {
        let count = file.read_at(end as u64, part)?;
        end += count;
        if count < part.len() {
            break;
        }
    }
    content.truncate(end);
    Ok(content)
}

impl Folder for Held {
    fn bytes_count(&self, path: &str) -> Result<u64> {
        Ok(self.directory.open(path, self.look)?.stat()?.bytes)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>> {
        read(&self.directory.open(path, open::READ)?, bytes_max)
    }

    fn empty(&mut self, path: &str) -> Result<()> {
        self.forget(path);
        let flags = open::WRITE | open::CREATE | open::TRUNCATE;
        self.last = Some((path.into(), self.directory.open(path, flags)?));
        Ok(())
    }

    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()> {
        self.written(path)?.write_at(position, bytes)
    }

    fn sync(&mut self, path: &str) -> Result<()> {
        self.written(path)?.sync()
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        self.forget(path);
        self.directory.remove(path)
    }

    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        match path {
            "" => self.directory.names(count_max),
            path => match self.directory.directory(path) {
                Ok(directory) => directory.names(count_max),
                Err(Error::NotFound) if self.bytes_count(path).is_err() => Ok(Vec::new()),
                Err(error) => Err(error),
            },
        }
    }
}
