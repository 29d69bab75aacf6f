//! Scripts: the program that a file is interpreted by.
//!
//! The kernel reads the first line of a script and starts the program named there. In a sandbox
//! that program has to be there as well, and be allowed to run.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::StartError;

/// A program and what it is interpreted by, and what that is; each by its real path.
pub(super) fn chain(program: &Path) -> Result<Vec<PathBuf>, StartError> {
    let mut files = Vec::new();
    let mut next = Some(program.to_path_buf());
    while let Some(file) = next {
        if files.len() == INTERPRETERS_MAX {
            let why = format!("{}: its interpreters are scripts, again and again", file.display());
            return Err(StartError::new(why));
        }
        let said = file.display().to_string();
        let failed = |error| StartError::missing(format!("{said}: {error}"));
        let real = std::fs::canonicalize(&file).map_err(failed)?;
        if !real.is_file() {
            return Err(StartError::missing(format!("{said} is no plain file")));
        }
        // What may be run but not read is no script: the kernel could not read it either.
        let mut start = Vec::new();
        if let Ok(file) = File::open(&real) {
            file.take(LINE_BYTES_MAX).read_to_end(&mut start).map_err(failed)?;
        }
        files.push(real);
        next = interpreter(&start);
    }
    Ok(files)
}

/// The program that the first line of a script names.
fn interpreter(start: &[u8]) -> Option<PathBuf> {
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0));
    let word = words.find(|word| !word.is_empty())?;
    // A relative name would be looked for where the program runs: it is no certain place.
    word.starts_with(b"/").then(|| PathBuf::from(OsStr::from_bytes(word)))
}

/// As many as the kernel follows.
const INTERPRETERS_MAX: usize = 5;
/// As much as the kernel reads.
const LINE_BYTES_MAX: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_is_what_the_first_line_names() {
        for (start, expected) in [
            ("#!/bin/sh\nexit 0", Some("/bin/sh")),
            ("#! /usr/bin/env  python3\n", Some("/usr/bin/env")),
            ("#!\t/bin/sed -f", Some("/bin/sed")),
            ("#!sh\n", None),
            ("#!\n/bin/sh", None),
            ("#! ", None),
            ("\x7fELF", None),
            ("", None),
        ] {
            let found = interpreter(start.as_bytes());
            assert_eq!(found.as_deref(), expected.map(Path::new), "{start:?}");
        }
    }
}
