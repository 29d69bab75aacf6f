//! The log, the key ring and the secrets of the host, in one directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sentinel_core::journal::{EpochSeed, KeyRing};

pub(crate) struct Disk {
    directory: PathBuf,
    /// The last file of the log, and its number.
    last: (u64, File),
}

impl Disk {
    pub(crate) fn open(directory: &str) -> io::Result<Self> {
        let directory = PathBuf::from(directory);
        fs::create_dir_all(&directory)?;
        let is_there = |number: &u64| directory.join(log_name(*number)).exists();
        let last = (1..).take_while(is_there).last().unwrap_or(0);
        let file = open_log(&directory, last)?;
        Ok(Self { directory, last: (last, file) })
    }

    /// What the log holds, file by file; nothing if it was never begun.
    pub(crate) fn log(&self) -> io::Result<Vec<Vec<u8>>> {
        let read = |number| fs::read(self.directory.join(log_name(number)));
        let files = (0..=self.last.0).map(read).collect::<io::Result<Vec<_>>>()?;
        Ok(if files.iter().all(Vec::is_empty) { Vec::new() } else { files })
    }

    /// Drops what recovery found to be no whole record.
    pub(crate) fn cut(&mut self, bytes_count: u64) -> io::Result<()> {
        self.last.1.set_len(bytes_count)?;
        self.last.1.sync_data()
    }

    pub(crate) fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if number != self.last.0 {
            self.last = (number, open_log(&self.directory, number)?);
        }
        // What stands behind is of no use any more, and is gone before anything takes its place.
        if self.last.1.metadata()?.len() > offset {
            self.cut(offset)?;
        }
        self.last.1.write_all_at(bytes, offset)?;
        self.last.1.sync_data()
    }

    /// The secret that signs the log; a fresh one for a new log.
    pub(crate) fn seed(&self) -> io::Result<EpochSeed> {
        let Some(bytes) = self.find("seed")? else {
            let seed = EpochSeed::first(entropy()?);
            self.store("seed", &*seed.to_bytes())?;
            return Ok(seed);
        };
        let bytes = bytes.as_slice().try_into().map_err(|_| odd("seed"))?;
        Ok(EpochSeed::from_bytes(bytes))
    }

    /// The key that wraps the others. A host with a keychain keeps it there.
    pub(crate) fn master(&self) -> io::Result<[u8; 32]> {
        let Some(bytes) = self.find("master")? else {
            let master = entropy()?;
            self.store("master", &master)?;
            return Ok(master);
        };
        bytes.try_into().map_err(|_| odd("master"))
    }

    pub(crate) fn ring(&self) -> io::Result<KeyRing> {
        match self.find("ring")? {
            None => Ok(KeyRing::new()),
            Some(bytes) => KeyRing::from_bytes(&bytes).map_err(|_| odd("ring")),
        }
    }

    /// Replaces a file: whoever reads it finds the old or the new one, whole.
    pub(crate) fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let fresh = self.directory.join(format!("{name}.new"));
        let mut file = private().write(true).create(true).truncate(true).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, self.directory.join(name))?;
        sync_directory(&self.directory)
    }

    fn find(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.directory.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn log_name(number: u64) -> String {
    format!("log.{number}")
}

fn open_log(directory: &Path, number: u64) -> io::Result<File> {
    let mut options = private();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = options.open(directory.join(log_name(number)))?;
    sync_directory(directory)?;
    Ok(file)
}

/// Random bytes of the system.
pub(crate) fn entropy() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Files that only their owner reads.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn odd(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file {name} is not what was stored"))
}
