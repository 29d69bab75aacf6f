//! Which file a program's name means.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The real file of a program: of a path the file itself, of a mere name the first of that name in
/// these directories that can be run.
pub(crate) fn found(program: &Path, directories: &OsStr) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return std::fs::canonicalize(program).ok();
    }
    let can_run = |file: &PathBuf| {
        std::fs::metadata(file)
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let mut files = std::env::split_paths(directories)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program));
    std::fs::canonicalize(files.find(can_run)?).ok()
}
