//! Whether a place that a program names is one that it was granted, and what for.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, access};
use sentinel_core::order::Map;
use sentinel_core::sandbox::{Profile, Rights};

use crate::sandbox::system;

/// What was wanted of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) writes: bool,
    pub(crate) runs: bool,
    /// Whether no sandbox shows it.
    pub(crate) is_kernels: bool,
}

impl Wanted {
    pub(super) const READS: Self = Self { writes: false, runs: false, is_kernels: false };
    pub(super) const WRITES: Self = Self { writes: true, ..Self::READS };
    pub(super) const RUNS: Self = Self { runs: true, ..Self::READS };
}

/// What a program was granted, and what it has anyway.
#[derive(Debug)]
pub(super) struct Places {
    shown: Vec<(PathBuf, Rights)>,
    hidden: Vec<PathBuf>,
}

impl Places {
    pub(super) fn new(profile: &Profile) -> Self {
        let path = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
        let real = |place: &str| std::fs::canonicalize(place).ok();
        let system = system::places(profile.network);
        let system = system.filter_map(|(place, rights)| Some((real(place)?, rights)));
        let granted = profile.mounts.iter().map(|mount| (path(&mount.path), mount.rights));
        let program = [(path(&profile.program), Rights::Run)];
        Self {
            shown: system.chain(granted).chain(program).collect(),
            hidden: profile.hidden.iter().map(|hidden| path(hidden)).collect(),
        }
    }

    /// Notes a place if it is there and was not granted. Whether there was room.
    pub(super) fn note(
        &self,
        noted: &mut Map<PathBuf, Wanted>,
        path: &Path,
        wanted: Wanted,
    ) -> bool {
        let Some((place, wanted)) = self.missing(path, wanted) else { return true };
        let has_room = noted.len() < PLACES_MAX;
        match noted.get_mut(&place) {
            Some(known) => {
                known.writes |= wanted.writes;
                known.runs |= wanted.runs;
            }
            None if has_room => {
                noted.insert(place, wanted);
            }
            None => return false,
        }
        true
    }

    /// The place that would have to be granted, if it is one of this machine, and whoever starts
    /// the sandbox may do there himself what is wanted.
    fn missing(&self, path: &Path, wanted: Wanted) -> Option<(PathBuf, Wanted)> {
        let path = plain(path);
        if system::is_kernels(&path) {
            let is_there = path != Path::new("/") && path.exists();
            let is_missing = is_there && !system::is_seen_of_kernel(&path);
            return is_missing.then_some((path, Wanted { is_kernels: true, ..wanted }));
        }
        let place = match std::fs::canonicalize(&path) {
            Ok(place) => place,
            // What is made needs the directory that it is made in.
            Err(_) if wanted.writes => std::fs::canonicalize(path.parent()?).ok()?,
            Err(_) => return None,
        };
        let is_beneath = |shown: &Path| shown.starts_with(&place);
        let has = self.shown.iter().filter(|(shown, _)| place.starts_with(shown));
        let has = has.max_by_key(|(shown, _)| shown.components().count());
        let suffices = match has {
            Some((_, rights)) if wanted.writes => *rights == Rights::Write,
            Some((_, rights)) if wanted.runs => *rights == Rights::Run,
            Some(_) => true,
            // The way to what is shown is there as well, and what the sandbox makes itself.
            None => {
                system::is_made(&place)
                    || wanted == Wanted::READS
                        && self.shown.iter().any(|(shown, _)| is_beneath(shown))
            }
        };
        let is_hidden = self.hidden.iter().any(|hidden| place.starts_with(hidden));
        let right = match wanted {
            Wanted { writes: true, .. } => Access::WRITE_OK,
            Wanted { runs: true, .. } => Access::EXEC_OK,
            _ => Access::READ_OK,
        };
        let is_told = !suffices && !is_hidden && access(&place, right).is_ok();
        is_told.then_some((place, wanted))
    }
}

/// Without `.`, `..` and empty names. Links before a `..` are not followed: it is advice.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            _ => {}
        }
    }
    plain
}

/// More than anybody reads.
const PLACES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use sentinel_core::sandbox::Mount;

    use super::*;

    #[test]
    fn what_was_granted_is_not_missing() {
        let etc = Mount { path: b"/etc".to_vec(), rights: Rights::Read };
        let mut profile = Profile::new(b"/usr/bin/true", b"/tmp");
        let missing = |profile: &Profile, path: &str, wanted| {
            let found = Places::new(profile).missing(Path::new(path), wanted);
            found.map(|(place, wanted)| (place.display().to_string(), wanted))
        };
        assert_eq!(missing(&profile, "/usr/bin/../bin/true", Wanted::RUNS), None);
        assert_eq!(missing(&profile, "/etc/passwd", Wanted::READS), None);
        assert_eq!(missing(&profile, "/no-such-place", Wanted::READS), None);
        assert_eq!(missing(&profile, "/proc/self/status", Wanted::READS), None);
        assert_eq!(missing(&profile, "/tmp", Wanted::WRITES), None);
        assert_eq!(
            missing(&profile, "/etc/./fstab/../hostname", Wanted::READS),
            Path::new("/etc/hostname").exists().then(|| ("/etc/hostname".into(), Wanted::READS))
        );
        let kernels = Wanted { is_kernels: true, ..Wanted::READS };
        assert_eq!(
            missing(&profile, "/proc/meminfo", Wanted::READS),
            Some(("/proc/meminfo".into(), kernels))
        );
        profile.mounts.push(etc);
        assert_eq!(missing(&profile, "/etc/hostname", Wanted::READS), None);
        profile.hidden.push(b"/etc".to_vec());
        assert_eq!(missing(&profile, "/etc/hostname", Wanted::WRITES), None);
    }
}
