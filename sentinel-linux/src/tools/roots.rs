//! The directories that tools may reach into, held open since the start.
//!
//! The core judged a path by its names. A file is opened beneath a directory that was held before
//! anybody could rename anything, name by name and without following a link, so that what is opened
//! is what was judged: there is no moment between looking and using.
//!
//! # Invariants
//! - Nothing is opened but beneath a held directory, and no link leads anywhere.
//! - What is opened for reading or writing is a plain file or a directory: no device, no pipe, and
//!   no file of the kernel's own in which it shows processes and their secrets.
//! - What the operator forbade is not opened under another name either.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstat, fstatfs, open, openat2,
};
use rustix::io::Errno;
use sentinel_core::capability::FileRight;
use sentinel_core::order;

use super::denied::{Denied, real};

/// Directories, the deepest first.
#[derive(Debug)]
pub(crate) struct Roots {
    held: Vec<Root>,
    denied: Denied,
}

#[derive(Debug)]
struct Root {
    /// As the operator wrote it.
    path: String,
    /// Where that really is.
    real: PathBuf,
    fd: OwnedFd,
}

/// A place in a held directory.
#[derive(Debug)]
pub(crate) struct Place<'r> {
    root: &'r OwnedFd,
    /// Without any link, because from the held directory on none is followed.
    real: PathBuf,
    /// The names from there; `.` for the directory itself.
    pub(crate) rest: String,
}

impl Roots {
    /// Holds what these absolute paths name: the directory itself, or the nearest one above that is
    /// there.
    pub(crate) fn hold<'p>(
        paths: impl IntoIterator<Item = &'p str>,
        denied: Denied,
    ) -> io::Result<Self> {
        let mut roots = Self { held: Vec::new(), denied };
        for path in paths {
            roots.hold_one(path)?;
        }
        order::sort_by_key(&mut roots.held, |root| std::cmp::Reverse(root.path.len()));
        Ok(roots)
    }

    fn hold_one(&mut self, path: &str) -> io::Result<()> {
        let mut next = Some(Path::new(path));
        while let Some(directory) = next {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match open(directory, flags, Mode::empty()) {
                Ok(fd) => {
                    let path = directory.to_str().unwrap_or(path).to_string();
                    if !self.held.iter().any(|root| root.path == path) {
                        self.held.push(Root { path, real: real(directory), fd });
                    }
                    return Ok(());
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => next = directory.parent(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Where an absolute path is, for whoever uses this right there.
    pub(crate) fn place(&self, path: &str, right: FileRight) -> Result<Place<'_>, FileError> {
        let found = self.held.iter().find_map(|root| {
            let rest = match root.path.as_str() {
                "/" => path.strip_prefix('/')?,
                held => path.strip_prefix(held)?,
            };
            let is_beneath = rest.is_empty() || rest.starts_with('/') || root.path == "/";
            is_beneath.then(|| (root, rest.trim_start_matches('/')))
        });
        let Some((root, rest)) = found else {
            return Err(FileError::new(path, "no directory of it is held open; start again"));
        };
        let real = if rest.is_empty() { root.real.clone() } else { root.real.join(rest) };
        if self.denied.covers(&real, right) {
            return Err(FileError::new(path, "the operator forbids it: it leads there by a link"));
        }
        let rest = if rest.is_empty() { "." } else { rest };
        Ok(Place { root: &root.fd, real, rest: rest.to_string() })
    }

    /// Where a directory is of which everything beneath is looked at.
    pub(crate) fn tree(&self, path: &str) -> Result<Place<'_>, FileError> {
        let place = self.place(path, FileRight::List)?;
        let is_denied = |right| {
            self.denied.covers(&place.real, right) || self.denied.is_beneath(&place.real, right)
        };
        if is_denied(FileRight::Read) || is_denied(FileRight::List) {
            return Err(FileError::new(path, "the operator forbids a part of it, by a link"));
        }
        Ok(place)
    }
}

impl Place<'_> {
    /// Opens it, whatever it is.
    pub(crate) fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, FileError> {
        open_beneath(self.root.as_fd(), &self.rest, flags)
            .map_err(|error| FileError::of(path, error))
    }

    /// Opens a plain file for reading.
    pub(crate) fn open_file(&self, path: &str) -> Result<File, FileError> {
        // A pipe would hold us up until somebody writes; this way it is opened and refused.
        let fd = self.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let status = fstat(&fd).map_err(|error| FileError::of(path, error))?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile if is_kernels(&fd) => {
                Err(FileError::new(path, "it is no plain file but a view of the kernel's"))
            }
            FileType::RegularFile => Ok(File::from(fd)),
            FileType::Directory => Err(FileError::new(path, "it is a directory; list it instead")),
            _ => Err(FileError::new(path, "it is no plain file but a device, a pipe or a socket")),
        }
    }

    /// Opens a directory to look into it.
    pub(crate) fn open_directory(&self, path: &str) -> Result<OwnedFd, FileError> {
        self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// The directory that holds it, and its name there.
    pub(crate) fn split(&self, path: &str) -> Result<(OwnedFd, String), FileError> {
        let (parent, name) = self.rest.rsplit_once('/').unwrap_or((".", &self.rest));
        if name == "." {
            return Err(FileError::new(path, "it is a directory"));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let parent =
            open_beneath(self.root.as_fd(), parent, flags).map_err(|error| match error {
                Errno::NOENT => FileError::new(path, "the directory it would be in is not there"),
                other => FileError::of(path, other),
            })?;
        Ok((parent, name.to_string()))
    }

    /// The held directory above it.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

/// Opens what is beneath a directory, without following any link.
pub(crate) fn open_beneath(
    directory: BorrowedFd<'_>,
    rest: &str,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    // Where a descriptor is only a place, the kernel wants to hear of nothing else.
    let is_place = flags.contains(OFlags::PATH);
    let flags = flags | OFlags::CLOEXEC | if is_place { OFlags::empty() } else { OFlags::NOCTTY };
    let path = OsStr::from_bytes(rest.as_bytes());
    // Somebody renamed a directory on the way: the kernel asks to look again.
    for _ in 0..RACES_MAX {
        match openat2(directory, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            outcome => return outcome,
        }
    }
    Err(Errno::AGAIN)
}

/// Whether a file is one in which the kernel shows processes, their memory and their environment.
pub(crate) fn is_kernels(file: impl AsFd) -> bool {
    fstatfs(file).map_or(true, |system| system.f_type == PROC_SUPER_MAGIC)
}

/// Whether this kernel can open beneath a directory at all (Linux 5.6).
pub(crate) fn is_supported() -> bool {
    openat2(CWD, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH).is_ok()
}

/// Why nothing was done with a file, for the model and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileError {
    path: String,
    why: String,
}

impl FileError {
    pub(crate) fn new(path: &str, why: impl Into<String>) -> Self {
        Self { path: path.to_string(), why: why.into() }
    }

    pub(crate) fn of(path: &str, error: Errno) -> Self {
        let why = match error {
            Errno::NOENT => "there is no such file".into(),
            Errno::LOOP => "it is a link, or a link is on the way; links are not followed".into(),
            Errno::XDEV => "it leads out of the directory that was granted".into(),
            Errno::NOTDIR => "a part of it is no directory".into(),
            Errno::ACCESS | Errno::PERM => "the system does not allow it".into(),
            Errno::NOSPC | Errno::DQUOT => "the disk is full".into(),
            Errno::ROFS => "the disk is mounted for reading only".into(),
            Errno::AGAIN => "directories were renamed meanwhile, again and again".into(),
            other => io::Error::from(other).to_string(),
        };
        Self { path: path.to_string(), why }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.why)
    }
}

const RACES_MAX: usize = 64;
