//! A file for people, written whole or not at all, and never over another one unasked.
//!
//! # Invariants
//! - Whoever looks sees the old file or the new one, also after a crash.
//! - What was there is kept beside it before it is replaced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Writes a file with this mode; where one is already, that is an error, unless it is to be
/// replaced. Gives where the old one was kept, if there was one.
pub(crate) fn write(
    path: &Path,
    text: &str,
    mode: u32,
    replaces: bool,
) -> io::Result<Option<PathBuf>> {
    let parent = parent(path);
    make_directory(parent)?;
    let fresh = beside(path, &format!("new-{}", std::process::id()));
    let written = put(&fresh, text, mode).and_then(|()| match replaces {
        true => {
            let kept = keep(path)?;
            fs::rename(&fresh, path)?;
            Ok(kept)
        }
        false => {
            // Somebody may have made one since it was looked for.
            renameat_with(CWD, &fresh, CWD, path, RenameFlags::NOREPLACE)?;
            Ok(None)
        }
    });
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    let kept = written?;
    File::open(parent)?.sync_all()?;
    Ok(kept)
}

/// Makes a directory, and those above it, for nobody but their owner; one that is there stays as it
/// is.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn put(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives what is there a second name, which is free.
fn keep(path: &Path) -> io::Result<Option<PathBuf>> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    for number in 1..=KEPT_COUNT_MAX {
        let kept = beside(path, &format!("old-{number}"));
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(Some(kept)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    let many = format!("{KEPT_COUNT_MAX} old ones are kept beside it already: remove some");
    Err(io::Error::other(many))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!("{name}.{ending}"))
}

fn parent(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Who has more old files than this has another purpose in mind.
const KEPT_COUNT_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_never_replaced_unasked_and_the_old_one_is_kept() {
        let home = std::env::temp_dir().join(format!("sentinel-document-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        let path = home.join("a/b/file.toml");
        assert_eq!(write(&path, "one", 0o600, false).unwrap(), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&home.join("a/b"))), (0o600, 0o700));
        assert!(write(&path, "two", 0o600, false).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        for (old, new) in [("one", "two"), ("two", "three")] {
            let kept = write(&path, new, 0o600, true).unwrap().unwrap();
            assert_eq!(fs::read_to_string(kept).unwrap(), old);
            assert_eq!(fs::read_to_string(&path).unwrap(), new);
        }
        // Nothing else is left behind.
        assert_eq!(fs::read_dir(home.join("a/b")).unwrap().count(), 3);
        fs::remove_dir_all(home).unwrap();
    }
}
