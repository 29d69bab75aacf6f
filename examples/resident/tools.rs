//! The tools of this host: what the core allowed is done here, and nothing else.
//!
//! The core has compared the path with the grants. A host that runs as its user and lets others
//! change the directory meanwhile opens files with `openat2` beneath the granted one, so that no
//! link leads out; this one refuses links altogether.

use std::fs;
use std::path::{Path, PathBuf};

use sentinel_core::agent::ToolOutput;
use sentinel_core::tool::{Builtin, Call, Operation};

/// The tools that models are told of.
pub(crate) const BUILTIN: [Builtin; 5] = [
    Builtin::Plan,
    Builtin::ReadFile,
    Builtin::ListDirectory,
    Builtin::CurrentTime,
    Builtin::ExtractValue,
];

const LINES_MAX: u64 = 400;

pub(crate) fn run(call: &Call, workspace: &str) -> ToolOutput {
    let done = match call {
        Call::Builtin(Operation::ReadFile { path, offset, limit }) => {
            read(&within(workspace, path), *offset, limit.unwrap_or(LINES_MAX))
        }
        Call::Builtin(Operation::ListDirectory { path }) => list(&within(workspace, path)),
        other => Err(format!("this host has no {}", other.tool())),
    };
    match done {
        Ok(content) => ToolOutput { content, is_error: false },
        Err(content) => ToolOutput { content, is_error: true },
    }
}

fn within(workspace: &str, path: &str) -> PathBuf {
    Path::new(workspace).join(path)
}

fn read(path: &Path, offset: u64, limit: u64) -> Result<String, String> {
    check(path)?;
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let skipped = usize::try_from(offset.saturating_sub(1)).unwrap_or(usize::MAX);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let lines: Vec<&str> = text.lines().skip(skipped).take(most).collect();
    Ok(lines.join("\n"))
}

fn list(path: &Path) -> Result<String, String> {
    check(path)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let mark = if entry.path().is_dir() { "/" } else { "" };
        names.push(format!("{}{mark}", entry.file_name().display()));
    }
    names.sort_unstable();
    Ok(names.join("\n"))
}

fn check(path: &Path) -> Result<(), String> {
    let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|data| data.is_symlink());
    match path.ancestors().any(is_link) {
        true => Err("links are not followed".into()),
        false => Ok(()),
    }
}
