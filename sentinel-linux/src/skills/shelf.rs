//! The directories in which skills are: what is found there, and what is kept of it.
//!
//! What a skill is was read and hashed in one moment, and it runs later. So the agent runs a copy
//! of its own, which it made and checked by the digest; what changes at the place it came from is
//! another skill, to be approved when it is read.
//!
//! # Invariants
//! - A copy has the digest that it is called by, or it is not there.
//! - A folder that cannot be read whole is named, and none of it is used.
//!
//! # Not here
//! What folders say: [`sentinel_core::skill`].

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sentinel_core::limits::SKILLS_COUNT_MAX;
use sentinel_core::order;
use sentinel_core::skill::{Catalogue, Folder as Told, hex};

use super::folder::{Folder, INSTRUCTIONS, MANIFEST};

/// The skills of all directories, in the order of the configuration.
pub(crate) type Shelves = Vec<Told>;

/// What there is in these directories.
pub(crate) fn shelves(directories: &[String]) -> Shelves {
    let mut found = Vec::new();
    for directory in directories {
        let mut places: Vec<PathBuf> = match fs::read_dir(directory) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) => {
                found.push(faulty(Path::new(directory), &format!("{directory}: {error}")));
                continue;
            }
        };
        order::sort_by(&mut places, Ord::cmp);
        // Of a link nobody knows where it leads tomorrow; so none is a skill.
        places.retain(|place| {
            let is_folder = fs::symlink_metadata(place).is_ok_and(|about| about.is_dir());
            is_folder && [MANIFEST, INSTRUCTIONS].iter().any(|file| place.join(file).exists())
        });
        for place in places {
            if found.len() > SKILLS_COUNT_MAX {
                return found;
            }
            found.push(match Folder::read(&place) {
                Ok(folder) => folder.told(),
                Err(why) => faulty(&place, &why),
            });
        }
    }
    found
}

fn faulty(place: &Path, why: &str) -> Told {
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = place.display().to_string();
    Told { name, place, fault: Some(why.into()), ..Told::default() }
}

/// The names of their tools, whoever signed them: what is said of the tool of a skill that is not
/// used holds when it is used again.
pub(crate) fn tools(shelves: &Shelves) -> Vec<String> {
    Catalogue::of(shelves, None).tools().map(ToString::to_string).collect()
}

/// Where the copy of a skill is.
pub(crate) fn copy_of(state: &Path, digest: &[u8; 32]) -> PathBuf {
    state.join(COPIES).join(hex(digest))
}

/// Makes a copy of each skill that can be used, and removes those of skills that are gone. What
/// could not be copied is said; such a skill does not run.
pub(crate) fn keep(state: &Path, catalogue: &Catalogue) -> Vec<String> {
    let usable = || catalogue.skills().iter().filter(|skill| skill.problems.is_empty());
    let mut problems = Vec::new();
    for skill in usable() {
        if let Err(why) = keep_one(state, &skill.place, &skill.digest) {
            problems.push(format!("the skill {} cannot be kept: {why}", skill.name));
        }
    }
    let Ok(entries) = fs::read_dir(state.join(COPIES)) else { return problems };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !usable().any(|skill| name.to_str() == Some(hex(&skill.digest).as_str())) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    problems
}

fn keep_one(state: &Path, place: &str, digest: &[u8; 32]) -> Result<(), String> {
    let kept = copy_of(state, digest);
    if Folder::read(&kept).is_ok_and(|folder| folder.digest == *digest) {
        return Ok(());
    }
    let failed = |error: io::Error| error.to_string();
    let fresh = kept.with_extension("new");
    for old in [&fresh, &kept] {
        match fs::remove_dir_all(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    let folder = Folder::read(Path::new(place))?;
    let directory = |path: &Path| DirBuilder::new().recursive(true).mode(0o755).create(path);
    directory(&fresh).map_err(failed)?;
    let all = folder.programs.iter().map(|path| (path, 0o755));
    for (path, mode) in all.chain(folder.others.iter().map(|path| (path, 0o644))) {
        let to = fresh.join(path);
        to.parent().map_or(Ok(()), directory).map_err(failed)?;
        let bytes = fs::read(folder.place.join(path)).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(&to);
        file.and_then(|mut file| file.write_all(&bytes)).map_err(failed)?;
    }
    // What was copied is what was read before, or it is not kept.
    let copied = Folder::read(&fresh)?;
    if copied.digest != *digest {
        let _ = fs::remove_dir_all(&fresh);
        return Err("it changes while it is read".into());
    }
    fs::rename(&fresh, &kept).map_err(failed)
}

/// Where copies are, in the state directory.
const COPIES: &str = "skills";
