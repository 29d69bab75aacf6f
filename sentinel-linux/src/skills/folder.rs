//! The folder of a skill, with everything in it.
//!
//! # Invariants
//! - Only files and directories are part of a skill. A link could lead anywhere, and what it leads
//!   to could change without the digest.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sentinel_core::limits::{
    SKILL_FILES_BYTES_MAX, SKILL_FILES_COUNT_MAX, SKILL_SIGNATURE_BYTES_MAX,
};
use sentinel_core::order;
use sentinel_core::skill::{self, Content, Manifest, Runtime};

/// A folder that was read.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Its one name, without links.
    pub(crate) place: PathBuf,
    /// Its last part.
    pub(crate) name: String,
    /// `skill.toml`, if it is there.
    pub(crate) manifest: Option<String>,
    /// `SKILL.md`, if it is there.
    pub(crate) instructions: Option<String>,
    /// `tools.json`, if it is there.
    pub(crate) listing: Option<String>,
    /// `skill.minisig`, if it is there. It is a signature of the digest, and so not in it.
    pub(crate) signature: Option<String>,
    /// The paths of the files that are programs.
    pub(crate) programs: Vec<String>,
    /// The paths of the others.
    pub(crate) others: Vec<String>,
    /// The digest of it all.
    pub(crate) digest: [u8; 32],
}

impl Folder {
    /// What the core is told of it.
    pub(crate) fn told(self) -> skill::Folder {
        let fault = self.lacks_module();
        skill::Folder {
            name: self.name,
            place: self.place.display().to_string(),
            manifest: self.manifest,
            instructions: self.instructions,
            listing: self.listing,
            signature: self.signature,
            programs: self.programs,
            digest: self.digest,
            fault,
        }
    }

    /// The module that is not there.
    fn lacks_module(&self) -> Option<String> {
        let manifest = Manifest::read(MANIFEST, self.manifest.as_deref()?).value?;
        let is_there = || self.programs.iter().chain(&self.others).any(|it| *it == manifest.entry);
        let lacks = manifest.runtime == Runtime::Wasm && !is_there();
        lacks.then(|| format!("its entry '{}' is no file of it", manifest.entry))
    }
}

impl Folder {
    /// Reads it.
    ///
    /// # Errors
    /// What cannot be read, or be part of a skill.
    pub(crate) fn read(place: &Path) -> Result<Self, String> {
        Self::read_with(place, "").map(|(folder, _)| folder)
    }

    /// Reads it, and says besides what its digest would be with this for its listing.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn read_with(place: &Path, listing: &str) -> Result<(Self, [u8; 32]), String> {
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let place = place.canonicalize().map_err(|error| failed(place, error))?;
        let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let mut paths = Vec::new();
        let mut open = vec![place.clone()];
        let mut bytes_left = SKILL_FILES_BYTES_MAX;
        while let Some(directory) = open.pop() {
            let entries = fs::read_dir(&directory).map_err(|error| failed(&directory, error))?;
            for entry in entries {
                let entry = entry.map_err(|error| failed(&directory, error))?;
                let path = entry.path();
                let about = entry.metadata().map_err(|error| failed(&path, error))?;
                let inner = path.strip_prefix(&place).ok().and_then(Path::to_str);
                let inner = inner.ok_or_else(|| format!("{}: no text", path.display()))?;
                if about.is_dir() {
                    open.push(path);
                } else if about.is_file() {
                    let is_program = about.permissions().mode() & 0o111 != 0;
                    paths.push((inner.to_owned(), is_program));
                    bytes_left = bytes_left.saturating_sub(about.len());
                } else {
                    return Err(format!("{}: only files are part of a skill", path.display()));
                }
                if paths.len() + open.len() > SKILL_FILES_COUNT_MAX || bytes_left == 0 {
                    let why = "it has more than a skill may have; is something built in it?";
                    return Err(format!("{}: {why}", place.display()));
                }
            }
        }
        order::sort_by(&mut paths, Ord::cmp);
        let mut folder = Self {
            name,
            manifest: None,
            instructions: None,
            listing: None,
            signature: None,
            programs: Vec::new(),
            others: Vec::new(),
            digest: [0; 32],
            place,
        };
        let mut content = Content::new();
        let mut listed = (!listing.is_empty()).then(Content::new);
        let has_it = paths.iter().any(|(inner, _)| inner == LISTING);
        let mut is_to_come = !has_it;
        for (inner, is_program) in paths {
            let path = folder.place.join(&inner);
            let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
            let text = |bytes| {
                let text = String::from_utf8(bytes);
                text.map_err(|_| format!("{}: not in UTF-8", path.display()))
            };
            if inner == SIGNATURE {
                if bytes.len() > SKILL_SIGNATURE_BYTES_MAX {
                    let bound = SKILL_SIGNATURE_BYTES_MAX;
                    return Err(format!("{}: more than {bound} bytes", path.display()));
                }
                folder.signature = Some(text(bytes)?);
                continue;
            }
            let wrong = |error| format!("{}: {error}", path.display());
            content.file(&inner, is_program, &bytes).map_err(wrong)?;
            if let Some(listed) = &mut listed {
                if is_to_come && inner.as_str() > LISTING {
                    listed.file(LISTING, false, listing.as_bytes()).map_err(wrong)?;
                    is_to_come = false;
                }
                let (is_program, bytes) = match inner == LISTING {
                    true => (false, listing.as_bytes()),
                    false => (is_program, bytes.as_slice()),
                };
                listed.file(&inner, is_program, bytes).map_err(wrong)?;
            }
            match inner.as_str() {
                MANIFEST => folder.manifest = Some(text(bytes)?),
                INSTRUCTIONS => folder.instructions = Some(text(bytes)?),
                LISTING => folder.listing = Some(text(bytes)?),
                _ => {}
            }
            match is_program {
                true => folder.programs.push(inner),
                false => folder.others.push(inner),
            }
        }
        folder.digest = content.digest();
        if let Some(listed) = listed.as_mut().filter(|_| is_to_come) {
            let wrong = |error| format!("{}: {error}", folder.place.join(LISTING).display());
            listed.file(LISTING, false, listing.as_bytes()).map_err(wrong)?;
        }
        let with = listed.map_or(folder.digest, |listed| listed.digest());
        Ok((folder, with))
    }
}

pub(crate) const MANIFEST: &str = "skill.toml";
pub(crate) const INSTRUCTIONS: &str = "SKILL.md";
/// What an MCP server said that it has, when it was approved.
pub(crate) const LISTING: &str = "tools.json";
/// What `minisign` wrote.
pub(crate) const SIGNATURE: &str = "skill.minisig";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listing_makes_of_a_folder_is_known_before_it_is_written() {
        let place = std::env::temp_dir().join(format!("sentinel-folder-{}", std::process::id()));
        // Its name stands before all others, between them, and behind them.
        for (number, files) in [&["x", "z"][..], &["a", "z"], &["a", "b"], &[]].iter().enumerate() {
            let place = place.join(number.to_string());
            fs::create_dir_all(&place).unwrap();
            for file in *files {
                fs::write(place.join(file), file).unwrap();
            }
            for listing in ["{}", "{ }"] {
                let (before, with) = Folder::read_with(&place, listing).unwrap();
                assert_eq!(before.digest, Folder::read(&place).unwrap().digest);
                assert_ne!(before.digest, with);
                fs::write(place.join(LISTING), listing).unwrap();
                assert_eq!(Folder::read(&place).unwrap().digest, with, "{files:?}");
            }
            let program = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(place.join(LISTING), program).unwrap();
            let (_, with) = Folder::read_with(&place, "{}").unwrap();
            fs::remove_file(place.join(LISTING)).unwrap();
            fs::write(place.join(LISTING), "{}").unwrap();
            assert_eq!(Folder::read(&place).unwrap().digest, with);
        }
        fs::remove_dir_all(&place).unwrap();
    }
}
