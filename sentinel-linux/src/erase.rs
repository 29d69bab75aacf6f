//! Replacing a secret such that nothing of the old one remains: it is written over before its name
//! is given up.
//!
//! Two names change places in one step. So at every moment a whole secret has its own name, and
//! whatever may not remain has the name beside it, where a later start finds it.
//!
//! # Invariants
//! - After a crash at any point the file is the old one or the new one, whole. What stands beside
//!   it is never used, and is written over by the next start or the next replacement.
//! - The old secret is written over only when the new one is safe under its name.
//!
//! # Not here
//! What a file system makes of it: one that writes elsewhere instead of over (btrfs, ZFS, a disk of
//! flash) keeps the old blocks for a while. `docs/AUDIT.md` says what is promised.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::state::private;

/// Replaces a secret, and writes over the old one.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), ReplaceError> {
    let (path, beside) = (directory.join(name), directory.join(format!("{name}.new")));
    let put = || -> io::Result<(Option<File>, bool)> {
        // What a crash left there may be a secret, too.
        clean(directory, name)?;
        let mut file = private().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let old = find(&path)?;
        let is_beside = old.is_some() && exchange(&beside, &path)?;
        if !is_beside {
            fs::rename(&beside, &path)?;
        }
        // Before the old one is gone the new one has to be found, also after a power cut.
        sync(directory)?;
        Ok((old, is_beside))
    };
    let (old, is_beside) = put().map_err(ReplaceError::NotReplaced)?;
    let erased = old.map_or(Ok(()), |old| overwrite(&old));
    let removed = erased.and_then(|()| if is_beside { fs::remove_file(&beside) } else { Ok(()) });
    removed.map_err(ReplaceError::NotErased)
}

/// Lets two files change names; false where the file system cannot. Then the old one loses its name
/// at once, and only a crash right then leaves it.
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A file that is to be written over, if it is there.
fn find(path: &Path) -> io::Result<Option<File>> {
    match private().write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes over what a crash left beside a secret, and removes it.
pub(crate) fn clean(directory: &Path, name: &str) -> io::Result<()> {
    let beside = directory.join(format!("{name}.new"));
    let Some(left) = find(&beside)? else { return Ok(()) };
    // The crash may have come before it was safe that the two changed names: on the disk this would
    // still be the secret itself.
    sync(directory)?;
    overwrite(&left)?;
    fs::remove_file(beside)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Writes over all of a file, where it is.
fn overwrite(mut file: &File) -> io::Result<()> {
    let mut rest = file.metadata()?.len();
    let zeros = [0; 4096];
    while rest > 0 {
        let count = usize::try_from(rest).map_or(zeros.len(), |rest| rest.min(zeros.len()));
        file.write_all(zeros.get(..count).unwrap_or_default())?;
        rest -= count as u64;
    }
    file.sync_all()
}

/// What was not done.
#[derive(Debug)]
pub(crate) enum ReplaceError {
    /// The old secret may still be the one that is found.
    NotReplaced(io::Error),
    /// The new one is safe; the old one may still be on the disk.
    NotErased(io::Error),
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
    use std::path::PathBuf;

    use super::*;

    fn home(name: &str) -> PathBuf {
        let home =
            std::env::temp_dir().join(format!("sentinel-erase-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        home
    }

    /// Who held on to the old file, as whoever reads the disk does, finds nothing in it.
    #[test]
    fn nothing_of_the_old_secret_is_left_in_its_blocks() {
        let home = home("blocks");
        replace(&home, "seed", &[7; 5000]).unwrap();
        let mut old = File::open(home.join("seed")).unwrap();
        replace(&home, "seed", b"new").unwrap();
        let mut bytes = Vec::new();
        old.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 5000]);
        assert_eq!(fs::read(home.join("seed")).unwrap(), b"new");
        let mode = fs::metadata(home.join("seed")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "nothing stands beside it");
        fs::remove_dir_all(home).unwrap();
    }

    /// What a crash left beside the secret is one, whichever it is.
    #[test]
    fn what_was_left_beside_it_is_written_over() {
        let home = home("beside");
        replace(&home, "seed", b"now").unwrap();
        fs::write(home.join("seed.new"), b"the one before").unwrap();
        let left = File::open(home.join("seed.new")).unwrap();
        replace(&home, "seed", b"next").unwrap();
        let mut bytes = [1; 14];
        left.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!((bytes, fs::read(home.join("seed")).unwrap()), ([0; 14], b"next".to_vec()));
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_directory_in_the_way_is_no_secret() {
        let home = home("directory");
        fs::create_dir_all(home.join("keys/in the way")).unwrap();
        let failed = replace(&home, "keys", b"ring");
        assert!(matches!(failed, Err(ReplaceError::NotReplaced(_))), "{failed:?}");
        assert!(home.join("keys/in the way").is_dir());
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_secret_that_cannot_be_replaced_is_the_old_one() {
        let home = home("first");
        replace(&home, "keys", b"ring").unwrap();
        assert_eq!(fs::read(home.join("keys")).unwrap(), b"ring");
        // What cannot be replaced leaves what is there.
        fs::create_dir(home.join("keys.new")).unwrap();
        let failed = replace(&home, "keys", b"other");
        assert!(matches!(failed, Err(ReplaceError::NotReplaced(_))), "{failed:?}");
        assert_eq!(fs::read(home.join("keys")).unwrap(), b"ring");
        fs::remove_dir_all(home).unwrap();
    }
}
