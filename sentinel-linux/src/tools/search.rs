//! Searching beneath a directory, a few files at a time.
//!
//! A tree can be large and a disk slow, and there is one thread: so a search does a little whenever
//! nothing else is to be done.
//!
//! # Invariants
//! - No link is followed, and what cannot be read is passed over and counted.
//! - What it gives back and what it remembers is bounded; a search that is cut says so.

use std::io::Read as _;

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{FileType, OFlags};
use sentinel_core::tool::{Glob, is_text};

use super::files::{Entries, FILE_BYTES_MAX, entries};
use super::roots::{FileError, Roots, is_kernels, open_beneath};

/// A search that is under way.
#[derive(Debug)]
pub(crate) struct Search {
    root: OwnedFd,
    text: Option<String>,
    glob: Option<String>,
    /// Directories that are still to be looked into, and files, by their paths from the root. The
    /// last is next.
    open: Vec<(String, FileType)>,
    open_bytes: usize,
    found: Vec<String>,
    found_bytes: usize,
    seen_count: usize,
    /// What this step has read.
    step_bytes: usize,
    unread_count: usize,
    /// Whether something was not looked at.
    is_cut: bool,
    /// What is not looked into, by its path from the root.
    hidden: Option<String>,
    /// Whether nothing more is looked at.
    is_full: bool,
}

impl Search {
    pub(crate) fn begin(
        roots: &Roots,
        directory: &str,
        text: Option<String>,
        glob: Option<String>,
        hidden: Option<String>,
    ) -> Result<Self, FileError> {
        let root = roots.tree(directory)?.open_directory(directory)?;
        let mut search = Self {
            root,
            text,
            glob,
            open: Vec::new(),
            open_bytes: 0,
            found: Vec::new(),
            found_bytes: 0,
            seen_count: 0,
            step_bytes: 0,
            unread_count: 0,
            is_cut: false,
            hidden,
            is_full: false,
        };
        search.look_into("", entries(&search.root, directory)?);
        Ok(search)
    }

    /// Goes on for a little; gives what was found when it is over.
    pub(crate) fn step(&mut self) -> Option<String> {
        self.step_bytes = 0;
        for _ in 0..ENTRIES_A_STEP {
            // The others wait while a large file is read.
            if self.step_bytes > BYTES_A_STEP {
                break;
            }
            let Some((path, kind)) = self.open.pop() else { return Some(self.report()) };
            self.open_bytes = self.open_bytes.saturating_sub(path.len());
            self.seen_count += 1;
            if self.seen_count > ENTRIES_MAX || self.is_full {
                self.is_full = true;
                return Some(self.report());
            }
            match kind {
                FileType::Directory => self.directory(&path),
                FileType::RegularFile => self.file(&path),
                _ => {}
            }
        }
        None
    }

    fn look_into(&mut self, path: &str, entries: Entries) {
        let Entries { found, is_cut } = entries;
        self.is_cut |= is_cut;
        // The last is taken first, so that the order is that of the names.
        for (name, kind) in found.into_iter().rev() {
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if self.hidden.as_ref() == Some(&path) {
                continue;
            }
            self.open_bytes += path.len();
            self.open.push((path, kind));
        }
        self.is_full |= self.open.len() > ENTRIES_MAX || self.open_bytes > OPEN_BYTES_MAX;
    }

    fn directory(&mut self, path: &str) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let read = open_beneath(self.root.as_fd(), path, flags)
            .map_err(|error| FileError::of(path, error))
            .and_then(|directory| entries(&directory, path));
        match read {
            Ok(found) => self.look_into(path, found),
            Err(_) => self.unread_count += 1,
        }
    }

    fn file(&mut self, path: &str) {
        if self.glob.as_deref().is_some_and(|glob| !Glob::new(glob).matches(path)) {
            return;
        }
        let Some(text) = self.text.clone() else { return self.tell(path.to_string()) };
        let Some(content) = self.read(path) else {
            self.unread_count += 1;
            return;
        };
        if !is_text(&content) {
            return;
        }
        let Ok(content) = String::from_utf8(content) else { return };
        let lines = content.lines().enumerate().filter(|(_, line)| line.contains(&text));
        for (index, line) in lines.take(LINES_A_FILE_MAX) {
            let shown = line.trim_end();
            let shown = &shown[..shown.floor_char_boundary(LINE_BYTES_MAX)];
            self.tell(format!("{path}:{}: {shown}", index + 1));
        }
    }

    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let fd = open_beneath(self.root.as_fd(), path, flags).ok()?;
        if is_kernels(&fd) {
            return None;
        }
        let mut content = Vec::new();
        std::fs::File::from(fd).take(FILE_BYTES_MAX as u64).read_to_end(&mut content).ok()?;
        self.step_bytes += content.len();
        Some(content)
    }

    fn tell(&mut self, line: String) {
        self.found_bytes += line.len() + 1;
        if self.found_bytes > FOUND_BYTES_MAX {
            self.is_full = true;
        } else {
            self.found.push(line);
        }
    }

    fn report(&mut self) -> String {
        let mut lines = std::mem::take(&mut self.found);
        if lines.is_empty() {
            lines.push("[nothing was found]".into());
        }
        if self.unread_count > 0 {
            lines.push(format!("[{} files or directories could not be read]", self.unread_count));
        }
        if self.is_cut || self.is_full {
            lines.push("[there is more: search for less, or in a smaller directory]".into());
        }
        lines.join("\n")
    }
}

/// Files and directories in one go: a few milliseconds.
const ENTRIES_A_STEP: usize = 32;

/// What is read before the others have their turn: some milliseconds, or one file.
const BYTES_A_STEP: usize = 2 << 20;

/// The paths that are still to be looked into: long ones in deep trees are cut before many short
/// ones are.
const OPEN_BYTES_MAX: usize = 16 << 20;

/// Files and directories of one search.
const ENTRIES_MAX: usize = 200_000;

const LINES_A_FILE_MAX: usize = 50;
const LINE_BYTES_MAX: usize = 300;

/// What is given back: the model is shown less, and the journal keeps it all.
const FOUND_BYTES_MAX: usize = 256 * 1024;
