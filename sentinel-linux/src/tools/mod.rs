//! The tools of this shell: what the core allowed is done here, and nothing else.
//!
//! # Invariants
//! - Whatever was begun ends with one output, unless it was cancelled.
//!
//! # Not here
//! Whether a call may be made: it was judged before it came here.

mod denied;
mod files;
mod roots;
mod search;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use sentinel_core::agent::{CallNumber, Settings, ToolOutput, passed_over};
use sentinel_core::capability::{FileRight, Grant, Level, Resource};
use sentinel_core::order::Map;
use sentinel_core::tool::{Call, Operation};

use self::denied::Denied;
use self::roots::{FileError, Roots};
use self::search::Search;
use crate::confine::Reach;

/// What can be done, and what is being done.
#[derive(Debug)]
pub(crate) struct Tools {
    roots: Roots,
    /// What this process can reach, and whether it can write there.
    granted: Vec<(PathBuf, bool)>,
    workspace: String,
    searches: Map<CallNumber, Search>,
}

impl Tools {
    /// Holds the directories that are granted.
    ///
    /// # Errors
    /// This kernel cannot open files beneath a directory, or one of them cannot be held.
    pub(crate) fn new<'g>(
        settings: &Settings,
        granted: impl Iterator<Item = &'g Grant>,
    ) -> std::io::Result<Self> {
        if !roots::is_supported() {
            let why = "this kernel cannot open files beneath a directory only (openat2, Linux 5.6)";
            return Err(std::io::Error::other(why));
        }
        let grants: Vec<&Grant> = granted.collect();
        let granted: Vec<(&str, bool)> = grants.iter().copied().filter_map(granted_path).collect();
        let paths = granted.iter().map(|(path, _)| *path);
        let denied = Denied::new(&grants);
        let roots = Roots::hold([settings.workspace.as_str()].into_iter().chain(paths), denied)?;
        let granted = granted.into_iter().map(|(path, writes)| (PathBuf::from(path), writes));
        let workspace = settings.workspace.clone();
        Ok(Self { roots, granted: granted.collect(), workspace, searches: Map::new() })
    }

    /// Whether files that are granted now can be reached, because they were granted at the start.
    pub(crate) fn reaches(&self, grant: &Grant) -> bool {
        granted_path(grant).is_none_or(|(path, writes)| {
            let holds = |(held, may_write): &(PathBuf, bool)| {
                Path::new(path).starts_with(held) && (*may_write || !writes)
            };
            self.granted.iter().any(holds)
        })
    }

    /// Goes on with the directories that others hold. What is being done goes on.
    pub(crate) fn hold(&mut self, fresh: Self) {
        (self.roots, self.workspace) = (fresh.roots, fresh.workspace);
        self.granted.extend(fresh.granted);
    }

    /// Does a call, or begins to.
    pub(crate) fn run(&mut self, number: CallNumber, call: &Call) -> Option<ToolOutput> {
        let operation = match call {
            Call::Builtin(operation) => operation,
            Call::Foreign(foreign) => {
                let why = format!("there is nobody here who does {}", foreign.tool());
                return Some(ToolOutput { content: why, is_error: true });
            }
        };
        if let Operation::SearchFiles { directory, text, glob } = operation {
            let directory = self.absolute(directory);
            // Files that came with messages are each conversation's own: whoever may look into
            // those of one names them.
            let hidden = passed_over(&self.workspace, &directory);
            match Search::begin(&self.roots, &directory, text.clone(), glob.clone(), hidden) {
                Ok(search) => {
                    self.searches.insert(number, search);
                    return None;
                }
                Err(error) => return Some(output(Err(error))),
            }
        }
        Some(output(self.at_once(operation)))
    }

    fn at_once(&self, operation: &Operation) -> Result<String, FileError> {
        let roots = &self.roots;
        match operation {
            Operation::ReadFile { path, offset, limit } => {
                files::read(roots, &self.absolute(path), *offset, *limit)
            }
            Operation::WriteFile { path, content } => {
                files::write(roots, &self.workspace, &self.absolute(path), content)
            }
            Operation::EditFile { path, old, new, all } => {
                files::edit(roots, &self.absolute(path), old, new, *all)
            }
            Operation::ListDirectory { path } => files::list(roots, &self.absolute(path)),
            other => Err(FileError::new(other.tool().name(), "it is not done here")),
        }
    }

    /// Opens a plain file for whoever a call hands it to.
    pub(crate) fn open(&self, path: &str) -> Result<std::fs::File, String> {
        let path = self.absolute(path);
        let place = self.roots.place(&path, FileRight::Read);
        let file = place.and_then(|place| place.open_file(&path));
        file.map_err(|error| error.to_string())
    }

    /// Paths of calls are relative to the workspace, as the core takes them.
    pub(crate) fn absolute(&self, path: &str) -> String {
        let path = path.trim_end_matches('/');
        let joined = match path.strip_prefix('/') {
            Some(_) => path.to_string(),
            None => format!("{}/{path}", self.workspace.trim_end_matches('/')),
        };
        let names = joined.split('/').filter(|name| !name.is_empty() && *name != ".");
        names.fold(String::new(), |path, name| path + "/" + name)
    }

    /// Whether something is being done a little at a time.
    pub(crate) fn is_at_work(&self) -> bool {
        !self.searches.is_empty()
    }

    /// Goes on with what is being done, and gives what came of what is over.
    pub(crate) fn step(&mut self) -> Vec<(CallNumber, ToolOutput)> {
        let mut over = Vec::new();
        self.searches.retain(|number, search| match search.step() {
            Some(content) => {
                over.push((*number, ToolOutput { content, is_error: false }));
                false
            }
            None => true,
        });
        over
    }

    pub(crate) fn cancel(&mut self, number: CallNumber) {
        self.searches.remove(&number);
    }
}

/// What is granted, for the confinement of the process: paths that are not there yet are
/// reached after the next start.
pub(crate) fn reach<'g>(granted: impl Iterator<Item = &'g Grant>) -> Vec<Reach<'g>> {
    let granted = granted.filter_map(granted_path);
    let reach = granted.map(|(path, writes)| Reach { path: Path::new(path), writes });
    reach.filter(|reach| reach.path.exists()).collect()
}

fn output(done: Result<String, FileError>) -> ToolOutput {
    match done {
        Ok(content) => ToolOutput { content, is_error: false },
        Err(error) => ToolOutput { content: error.to_string(), is_error: true },
    }
}

/// The path that a grant is for, and whether it can be written there.
fn granted_path(grant: &Grant) -> Option<(&str, bool)> {
    match &grant.resource {
        Resource::Files { path, rights } if grant.level != Level::Deny => {
            Some((path.as_str(), rights.has(FileRight::Write)))
        }
        _ => None,
    }
}
