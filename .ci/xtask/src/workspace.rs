//! Where the repository is and which files belong to it.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::process::Process;

/// The repository these commands work on.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    /// Where cargo puts things, if it is not to be asked of the environment.
    target: Option<PathBuf>,
}

impl Workspace {
    /// The repository this program was built from.
    ///
    /// `cargo run` names this crate's folder at run time, so that a moved clone still works.
    pub(crate) fn find() -> Result<Self, Error> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        match manifest.ancestors().nth(2) {
            Some(root) if root.join("Cargo.toml").is_file() => {
                Ok(Self { root: root.to_owned(), target: None })
            }
            _ => Err(Error::new(format!("{} is not .ci/xtask of a clone", manifest.display()))
                .help("run it as `cargo xtask` from inside the repository")),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds for this workspace.
    pub(crate) fn target(&self) -> PathBuf {
        match (&self.target, std::env::var_os("CARGO_TARGET_DIR")) {
            (Some(target), _) => target.clone(),
            (None, Some(target)) => self.root.join(target),
            (None, None) => self.root.join("target"),
        }
    }

    /// The same repository, of which cargo builds everything in another place.
    pub(crate) fn built_in(&self, target: PathBuf) -> Self {
        Self { root: self.root.clone(), target: Some(target) }
    }

    /// A program to run at the root.
    pub(crate) fn process(&self, program: &str) -> Process {
        Process::new(program, &self.root)
    }

    /// Cargo as the developer would start it at the root.
    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Process {
        self.process("cargo").args(arguments)
    }

    /// Every file that is committed or about to be, by its path from the root, sorted.
    pub(crate) fn files(&self) -> Result<Vec<String>, Error> {
        let list = self
            .process("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()?;
        let mut files: Vec<String> = list
            .split('\0')
            .filter(|path| !path.is_empty() && self.root.join(path).is_file())
            .map(String::from)
            .collect();
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// The text of a file of the repository.
    pub(crate) fn read(&self, path: &str) -> Result<String, Error> {
        let path = self.root.join(path);
        std::fs::read_to_string(&path).map_err(|cause| Error::file("read", &path, &cause))
    }

    /// Whether the repository has this file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}
