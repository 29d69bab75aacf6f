//! The log, the key ring and the secrets of the host, in one directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sentinel_core::journal::{EpochSeed, KeyRing};

pub(crate) struct Disk {
    directory: PathBuf,
    log: File,
}

impl Disk {
    pub(crate) fn open(directory: &str) -> io::Result<Self> {
        let directory = PathBuf::from(directory);
        fs::create_dir_all(&directory)?;
        let mut options = private();
        let log = options.read(true).write(true).create(true).truncate(false);
        let log = log.open(directory.join("log"))?;
        Ok(Self { directory, log })
    }

    /// What the log holds; none if it was never begun.
    pub(crate) fn log(&self) -> Option<Vec<u8>> {
        fs::read(self.directory.join("log")).ok().filter(|log| !log.is_empty())
    }

    /// Drops what recovery found to be no whole record.
    pub(crate) fn cut(&mut self, bytes_count: u64) -> io::Result<()> {
        self.log.set_len(bytes_count)?;
        self.log.sync_data()
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.log.set_len(offset)?;
        self.log.write_all_at(bytes, offset)?;
        self.log.sync_data()
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
