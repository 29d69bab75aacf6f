//! The tools of this machine: files, through the handles that a call is given.
//!
//! # Invariants
//! - Whatever is asked for ends with one output.
//! - A file that is replaced by something longer, of 64 KiB at most, is the old one or the new one
//!   after a power cut. Any other has to be emptied first: a cut before it is written again, for
//!   which that would have to take a second, leaves it empty or in part.
//! - When a tool says that something was written, it is safe.
//!
//! # Not here
//! Whether a call may be made: it was judged before it came here.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::files::Name;
use sentinel_core::agent::ToolOutput;
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::order;
use sentinel_core::tool::{Call, Findings, Operation, excerpt, is_text, listing, replace};

use crate::folder::Folder;

/// What can be done with the files that a call reaches.
#[derive(Debug)]
struct Tools<'f, F> {
    folder: &'f mut F,
    workspace: &'f str,
}

type Done = Result<String, String>;

/// Does a call with these files, which it knows beneath this path.
pub fn run<F: Folder>(folder: &mut F, workspace: &str, call: &Call) -> ToolOutput {
    let done = match call {
        Call::Builtin(operation) => Tools { folder, workspace }.operate(operation),
        Call::Foreign(foreign) => Err(format!("nobody here does {}", foreign.tool())),
    };
    match done {
        Ok(content) => ToolOutput { content, is_error: false },
        Err(content) => ToolOutput { content, is_error: true },
    }
}

impl<F: Folder> Tools<'_, F> {
    fn operate(&mut self, operation: &Operation) -> Done {
        match operation {
            Operation::ReadFile { path, offset, limit } => {
                let text = self.text(path)?;
                Ok(excerpt(&text, *offset, *limit, SHOWN_BYTES_MAX))
            }
            Operation::WriteFile { path, content } => {
                let bytes = content.len();
                Ok(match self.replace(path, content)? {
                    true => format!("replaced, {bytes} bytes"),
                    false => format!("created, {bytes} bytes"),
                })
            }
            Operation::EditFile { path, old, new, all } => {
                let text = self.text(path)?;
                let edited = replace(&text, old, new, *all);
                let edited = edited.map_err(|error| format!("{path}: {error}"))?;
                self.replace(path, &edited)?;
                Ok(match all {
                    true => format!("replaced {} times", text.matches(old.as_str()).count()),
                    false => "replaced".into(),
                })
            }
            Operation::ListDirectory { path } => self.list(path),
            Operation::SearchFiles { directory, text, glob } => {
                self.search(directory, Findings::new(text.clone(), glob.clone()))
            }
            other => Err(format!("{}: it is not done here", other.tool().name())),
        }
    }

    /// What is in a directory: a line for each, with its kind and its size.
    fn list(&self, path: &str) -> Done {
        let place = self.beneath(path)?;
        let mut lines = Vec::new();
        let names = self.names(path, &place)?;
        for Name { name, is_directory } in names {
            lines.push(match is_directory {
                true => format!("{name}/"),
                false => match self.folder.bytes_count(&join(&place, &name)) {
                    Ok(bytes) => format!("{name} ({bytes} bytes)"),
                    Err(_) => name,
                },
            });
        }
        if lines.is_empty() && !place.is_empty() {
            return Err(format!("{path}: there is no such directory"));
        }
        Ok(listing(lines, false))
    }

    fn search(&self, path: &str, mut findings: Findings) -> Done {
        let root = self.beneath(path)?;
        let mut open = Vec::new();
        look_into("", self.names(path, &root)?, &mut open);
        if open.is_empty() && !root.is_empty() {
            return Err(format!("{path}: there is no such directory"));
        }
        let mut seen_count = 0;
        while let Some((path, is_directory)) = open.pop() {
            seen_count += 1;
            if findings.is_full() || seen_count > NAMES_MAX {
                findings.cut();
                break;
            }
            let place = join(&root, &path);
            if is_directory {
                match self.folder.names(&place, NAMES_MAX) {
                    Ok(names) => look_into(&path, names, &mut open),
                    Err(_) => findings.unread(),
                }
            } else if findings.wants(&path) {
                match findings.wants_content() {
                    false => findings.path(&path),
                    true => match self.folder.read(&place, FILE_BYTES_MAX) {
                        Ok(content) => findings.content(&path, &content),
                        Err(_) => findings.unread(),
                    },
                }
            }
        }
        Ok(findings.report())
    }

    fn names(&self, path: &str, place: &str) -> Result<Vec<Name>, String> {
        self.folder.names(place, NAMES_MAX).map_err(|error| match error {
            Error::NotFound => format!("{path}: it is no directory"),
            error => why(path, error),
        })
    }

    /// The text of a file.
    fn text(&self, path: &str) -> Result<String, String> {
        let place = self.beneath(path)?;
        let bytes = self.folder.read(&place, FILE_BYTES_MAX).map_err(|error| match error {
            Error::NotFound if self.is_directory(&place) => {
                format!("{path}: it is a directory; list it instead")
            }
            Error::TooLong => {
                format!("{path}: it is too large: {FILE_BYTES_MAX} bytes are read at most")
            }
            error => why(path, error),
        })?;
        if !is_text(&bytes) {
            return Err(format!("{path}: it is no text: {} bytes", bytes.len()));
        }
        String::from_utf8(bytes).map_err(|_| format!("{path}: it is no text"))
    }

    fn is_directory(&self, place: &str) -> bool {
        place.is_empty() || self.folder.names(place, 1).is_ok_and(|names| !names.is_empty())
    }

    /// Puts a text in the place of what is in a file. Says whether there was one before.
    fn replace(&mut self, path: &str, content: &str) -> Result<bool, String> {
        let place = self.beneath(path)?;
        if place.is_empty() {
            return Err(format!("{path}: it is a directory"));
        }
        let failed = |error| match error {
            Error::Exists => format!("{path}: it is a directory, or a part of it is a file"),
            error => why(path, error),
        };
        let before = match self.folder.bytes_count(&place) {
            Ok(bytes) => Some(bytes),
            Err(Error::NotFound) => None,
            // Whoever may write may not look, if so it is granted: then it is emptied.
            Err(Error::NotAllowed | Error::Policy) => Some(u64::MAX),
            Err(error) => return Err(failed(error)),
        };
        let length = content.len() as u64;
        let is_at_once = content.len() <= TRANSFER_BYTES_MAX;
        match before {
            Some(before) if before <= length && is_at_once && before > 0 => {}
            before => {
                if before.is_some() {
                    // Nothing becomes safe by itself for a second after this.
                    self.folder.sync(&place).map_err(failed)?;
                }
                self.folder.empty(&place).map_err(failed)?;
            }
        }
        self.folder.write(&place, 0, content.as_bytes()).map_err(failed)?;
        self.folder.sync(&place).map_err(failed)?;
        Ok(before.is_some())
    }

    /// A path of a call, as the handle knows it. They are relative to the workspace, as the core
    /// takes them.
    fn beneath(&self, path: &str) -> Result<String, String> {
        let inner = match path.strip_prefix('/') {
            None => path,
            Some(_) => match path.strip_prefix(self.workspace) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
                _ => return Err(format!("{path}: this machine has no such place")),
            },
        };
        let names = inner.split('/').filter(|name| !name.is_empty() && *name != ".");
        Ok(names.fold(String::new(), |path, name| join(&path, name)))
    }
}

/// Takes note of names to look at. The last is looked at first, so that the order is that of names.
fn look_into(path: &str, mut names: Vec<Name>, open: &mut Vec<(String, bool)>) {
    order::sort_by(&mut names, |one, other| other.name.cmp(&one.name));
    open.extend(names.into_iter().map(|found| (join(path, &found.name), found.is_directory)));
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.into(),
        path => format!("{path}/{name}"),
    }
}

/// Why nothing was done with a file, for the model and for people.
fn why(path: &str, error: Error) -> String {
    let why = match error {
        Error::NotFound => "there is no such file".to_string(),
        Error::NotAllowed | Error::Policy => {
            "the agent was not given that right by this machine; see sentinel.toml".to_string()
        }
        Error::BadPath => "it leads out of the workspace, or is no path".to_string(),
        Error::Limit => "the disk is full, or has as many files as it can".to_string(),
        error => error.to_string(),
    };
    format!("{path}: {why}")
}

/// What is read at most: more is no text for a model, and an edit holds it twice.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// What is given back of a file at once.
const SHOWN_BYTES_MAX: usize = RUNTIME_OUTPUT_BYTES_MAX / 4;

/// More than a disk has files.
const NAMES_MAX: usize = 4096;
