//! Reading, writing, editing and listing files.
//!
//! # Invariants
//! - A file is replaced whole: whoever reads it finds the old text or the new one.
//! - A file that is replaced keeps its mode; no link is written through, because the name is
//!   replaced and not what it leads to.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fchmod, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use sentinel_core::capability::FileRight;
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::order;
use sentinel_core::tool::{excerpt, is_text, listing, replace};

use super::roots::{FileError, Place, Roots};

/// The lines of a file.
pub(crate) fn read(
    roots: &Roots,
    path: &str,
    offset: u64,
    limit: Option<u64>,
) -> Result<String, FileError> {
    let text = text_of(roots, path)?;
    Ok(excerpt(&text, offset, limit, SHOWN_BYTES_MAX))
}

/// Creates a file, or replaces what is in it.
pub(crate) fn write(
    roots: &Roots,
    workspace: &str,
    path: &str,
    content: &str,
) -> Result<String, FileError> {
    let place = roots.place(path, FileRight::Write)?;
    if is_beneath(path, workspace) {
        make_directories(&place, path)?;
    }
    let was_there = replace_file(&place, path, content)?;
    let bytes = content.len();
    Ok(match was_there {
        true => format!("replaced, {bytes} bytes"),
        false => format!("created, {bytes} bytes"),
    })
}

/// Replaces a piece of a file.
pub(crate) fn edit(
    roots: &Roots,
    path: &str,
    old: &str,
    new: &str,
    all: bool,
) -> Result<String, FileError> {
    let text = text_of(roots, path)?;
    let edited =
        replace(&text, old, new, all).map_err(|error| FileError::new(path, error.to_string()))?;
    replace_file(&roots.place(path, FileRight::Write)?, path, &edited)?;
    Ok(match all {
        true => format!("replaced {} times", text.matches(old).count()),
        false => "replaced".into(),
    })
}

/// What is in a directory: a line for each, with its kind and its size.
pub(crate) fn list(roots: &Roots, path: &str) -> Result<String, FileError> {
    let fd = roots.place(path, FileRight::List)?.open_directory(path)?;
    let mut lines = Vec::new();
    let Entries { found, is_cut } = entries(&fd, path)?;
    for (name, kind) in found {
        let line = match kind {
            FileType::Directory => format!("{name}/"),
            FileType::Symlink => format!("{name} (a link, not followed)"),
            FileType::RegularFile => match size_of(fd.as_fd(), &name) {
                Some(bytes) => format!("{name} ({bytes} bytes)"),
                None => name,
            },
            _ => format!("{name} (no plain file)"),
        };
        lines.push(line);
    }
    Ok(listing(lines, is_cut))
}

/// What is in a directory.
#[derive(Debug)]
pub(crate) struct Entries {
    /// Names and kinds, sorted.
    pub(crate) found: Vec<(String, FileType)>,
    /// Whether there is more, which was not looked at.
    pub(crate) is_cut: bool,
}

/// The names in a directory with their kinds. Names that are not UTF-8 are left out: no call could
/// name them.
pub(crate) fn entries(directory: &OwnedFd, path: &str) -> Result<Entries, FileError> {
    let failed = |error| FileError::of(path, error);
    let (mut found, mut is_cut) = (Vec::new(), false);
    for entry in Dir::read_from(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        if found.len() >= ENTRIES_READ_MAX {
            is_cut = true;
            break;
        }
        let kind = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |status| FileType::from_raw_mode(status.st_mode)),
            kind => kind,
        };
        found.push((name.to_string(), kind));
    }
    order::sort_by(&mut found, |one, other| one.0.cmp(&other.0));
    Ok(Entries { found, is_cut })
}

fn size_of(directory: BorrowedFd<'_>, name: &str) -> Option<u64> {
    let status = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    u64::try_from(status.st_size).ok()
}

/// The text of a plain file.
fn text_of(roots: &Roots, path: &str) -> Result<String, FileError> {
    let file = roots.place(path, FileRight::Read)?.open_file(path)?;
    let failed = |error: io::Error| FileError::new(path, error.to_string());
    let bytes_count = file.metadata().map_err(failed)?.size();
    let mut bytes = Vec::new();
    let most = FILE_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > FILE_BYTES_MAX {
        let why = format!("it is too large: {bytes_count} bytes, of {FILE_BYTES_MAX} at most");
        return Err(FileError::new(path, why));
    }
    if !is_text(&bytes) {
        return Err(FileError::new(path, format!("it is no text: {} bytes", bytes.len())));
    }
    String::from_utf8(bytes).map_err(|_| FileError::new(path, "it is no text"))
}

/// Writes beside it and renames. Says whether there was a file before.
fn replace_file(place: &Place<'_>, path: &str, content: &str) -> Result<bool, FileError> {
    let (parent, name) = place.split(path)?;
    let failed = |error| FileError::of(path, error);
    let before = match statat(&parent, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => Some(Mode::from_raw_mode(status.st_mode)),
            FileType::Symlink => return Err(failed(Errno::LOOP)),
            _ => return Err(FileError::new(path, "it is there, and is no plain file")),
        },
        Err(Errno::NOENT) => None,
        Err(error) => return Err(failed(error)),
    };
    let fresh = format!(".{}.sentinel-{}", short(&name), std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(&parent, fresh.as_str(), flags, Mode::from_raw_mode(0o666));
    let fd = match open() {
        // Left behind by a run that ended in the middle; nobody else writes under this name.
        Err(Errno::EXIST) => {
            unlinkat(&parent, fresh.as_str(), AtFlags::empty()).map_err(failed)?;
            open()
        }
        other => other,
    };
    let written = fd
        .and_then(|fd| write_all(fd, content, before))
        .and_then(|()| renameat(&parent, fresh.as_str(), &parent, name.as_str()));
    if let Err(error) = written {
        // It may not even have been made.
        let _ = unlinkat(&parent, fresh.as_str(), AtFlags::empty());
        return Err(failed(error));
    }
    Ok(before.is_some())
}

fn write_all(fd: OwnedFd, content: &str, mode: Option<Mode>) -> rustix::io::Result<()> {
    if let Some(mode) = mode {
        fchmod(&fd, mode)?;
    }
    let mut file = File::from(fd);
    let done = file.write_all(content.as_bytes()).and_then(|()| file.sync_data());
    done.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Makes the directories above a file of the agent's own workspace.
fn make_directories(place: &Place<'_>, path: &str) -> Result<(), FileError> {
    let Some((parents, _)) = place.rest.rsplit_once('/') else { return Ok(()) };
    let mut done = String::new();
    for name in parents.split('/') {
        let above = if done.is_empty() { "." } else { &done };
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let directory = super::roots::open_beneath(place.root(), above, flags)
            .map_err(|error| FileError::of(path, error))?;
        match rustix::fs::mkdirat(&directory, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(FileError::of(path, error)),
        }
        done = if done.is_empty() { name.to_string() } else { format!("{done}/{name}") };
    }
    Ok(())
}

fn is_beneath(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// So much of a name that more can stand behind it.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(200)]
}

/// What is read at most: more is no text for a model, and an edit holds it twice.
pub(crate) const FILE_BYTES_MAX: usize = 8 << 20;

/// What is given back of a file at once.
const SHOWN_BYTES_MAX: usize = RUNTIME_OUTPUT_BYTES_MAX / 4;

/// More than people keep in one directory; a directory of millions would be held in memory whole.
const ENTRIES_READ_MAX: usize = 50_000;
