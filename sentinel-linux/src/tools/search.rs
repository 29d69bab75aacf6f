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
use sentinel_core::tool::Findings;

use super::files::{Entries, FILE_BYTES_MAX, entries};
use super::roots::{FileError, Roots, is_kernels, open_beneath};

/// A search that is under way.
#[derive(Debug)]
pub(crate) struct Search {
    root: OwnedFd,
    findings: Findings,
    /// Directories that are still to be looked into, and files, by their paths from the root. The
    /// last is next.
    open: Vec<(String, FileType)>,
    open_bytes: usize,
    seen_count: usize,
    /// What this step has read.
    step_bytes: usize,
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
            findings: Findings::new(text, glob),
            open: Vec::new(),
            open_bytes: 0,
            seen_count: 0,
            step_bytes: 0,
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
            let Some((path, kind)) = self.open.pop() else { return Some(self.findings.report()) };
            self.open_bytes = self.open_bytes.saturating_sub(path.len());
            self.seen_count += 1;
            if self.seen_count > ENTRIES_MAX || self.is_full || self.findings.is_full() {
                self.findings.cut();
                return Some(self.findings.report());
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
        if is_cut {
            self.findings.cut();
        }
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
            Err(_) => self.findings.unread(),
        }
    }

    fn file(&mut self, path: &str) {
        if !self.findings.wants(path) {
            return;
        }
        if !self.findings.wants_content() {
            return self.findings.path(path);
        }
        match self.read(path) {
            Some(content) => self.findings.content(path, &content),
            None => self.findings.unread(),
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
