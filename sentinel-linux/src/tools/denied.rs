//! What the operator forbade, by its one real name.
//!
//! The core judges a path by its names, and a name above a granted directory may be a link: then
//! what was forbidden under one name is reached under another. From a held directory on no link is
//! followed, so the real name of a file is that of the directory and the rest, and is compared
//! here.
//!
//! # Invariants
//! - What a denial names is not opened, whichever name leads to it.

use std::path::{Path, PathBuf};

use sentinel_core::capability::{FileRight, FileRights, Grant, Level, Resource};

/// Places that no tool reaches.
#[derive(Debug, Default)]
pub(crate) struct Denied {
    places: Vec<(PathBuf, FileRights)>,
}

impl Denied {
    /// The denials among these grants.
    pub(crate) fn new(grants: &[&Grant]) -> Self {
        let places = grants.iter().filter_map(|grant| match &grant.resource {
            Resource::Files { path, rights } if grant.level == Level::Deny => {
                Some((real(Path::new(path.as_str())), *rights))
            }
            _ => None,
        });
        Self { places: places.collect() }
    }

    /// Whether a real place is one of them or beneath one.
    pub(crate) fn covers(&self, place: &Path, right: FileRight) -> bool {
        let mut places = self.places.iter();
        places.any(|(denied, rights)| rights.has(right) && place.starts_with(denied))
    }

    /// Whether one of them is somewhere beneath a real place.
    pub(crate) fn is_beneath(&self, place: &Path, right: FileRight) -> bool {
        let mut places = self.places.iter();
        places.any(|(denied, rights)| rights.has(right) && denied.starts_with(place))
    }
}

/// A path without links, as far as it is there.
pub(crate) fn real(path: &Path) -> PathBuf {
    let mut above = path.ancestors();
    let found = above.find_map(|part| Some((part, std::fs::canonicalize(part).ok()?)));
    match found {
        Some((part, real)) => match path.strip_prefix(part) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        },
        None => path.to_path_buf(),
    }
}
