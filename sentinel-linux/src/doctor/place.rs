//! The state directory: whether the agent can live there.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, FlockOperation, StatVfsMountFlags, access, flock, statvfs};

use super::Finding;
use crate::state;

const ABOUT: &str = "state";

/// Looks at the directory, whose it is and what it stands on.
pub(super) fn look(directory: &Path) -> Vec<Finding> {
    let name = directory.display();
    let mut findings = Vec::new();
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = directory.ancestors().skip(1).find(|path| path.exists());
            let above = above.unwrap_or(Path::new("/"));
            findings.push(match access(above, Access::WRITE_OK) {
                Ok(()) => {
                    Finding::good(ABOUT, format!("{name} is not there; the first start makes it"))
                }
                Err(_) => Finding::bad(
                    ABOUT,
                    format!("{name} is not there and cannot be made"),
                    format!("make it for this user, or name another with --state ({})", who()),
                ),
            });
            findings.extend(disk(above));
            return findings;
        }
        Err(error) => {
            let fix = "name another with --state";
            findings.push(Finding::bad(ABOUT, format!("{name}: {error}"), fix));
            return findings;
        }
        Ok(_) => {}
    }
    findings.push(owner(directory));
    if access(directory, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let what = format!("{name} cannot be written to");
        findings.push(Finding::bad(ABOUT, what, "remount it for writing, or name another"));
    } else if let Err(error) = File::open(directory).and_then(|file| file.sync_all()) {
        let what = format!("{name} cannot be made safe on its disk: {error}");
        let fix = "look at the disk (dmesg), or put the state elsewhere with --state";
        findings.push(Finding::bad(ABOUT, what, fix));
    }
    findings.extend(layout(directory));
    findings.extend(lock(directory));
    findings.extend(disk(directory));
    findings
}

fn owner(directory: &Path) -> Finding {
    let name = directory.display();
    let Ok(data) = fs::metadata(directory) else {
        return Finding::bad(ABOUT, format!("{name} cannot be looked at"), "name another");
    };
    let own = rustix::process::geteuid().as_raw();
    if !data.is_dir() {
        return Finding::bad(ABOUT, format!("{name} is no directory"), "move it out of the way");
    }
    if data.uid() != own {
        return Finding::bad(
            ABOUT,
            format!("{name} belongs to user {}, and this is {}", data.uid(), who()),
            format!("run as that user, or chown -R {own} {name}"),
        );
    }
    match data.mode() & 0o777 {
        0o700 => Finding::good(ABOUT, format!("{name} is this user's alone")),
        mode if mode & 0o077 == 0 => Finding::warning(
            ABOUT,
            format!("{name} has mode {mode:o}"),
            format!("chmod 700 {name}"),
        ),
        mode => Finding::bad(
            ABOUT,
            format!("{name} has mode {mode:o}, so that others can look into it"),
            format!("chmod 700 {name}"),
        ),
    }
}

fn layout(directory: &Path) -> Option<Finding> {
    let found = fs::read(directory.join("version")).ok()?;
    let found = String::from_utf8_lossy(&found);
    let is_known = found.trim().parse().is_ok_and(|it| (1..=state::VERSION).contains(&it));
    (!is_known).then(|| {
        Finding::bad(
            ABOUT,
            format!(
                "{} was made by another version (layout {}, this one knows {})",
                directory.display(),
                found.trim().escape_debug(),
                state::VERSION
            ),
            "run the version that made it, or name another directory with --state",
        )
    })
}

/// Whether an agent is at work there. The lock is tried, and given back at once.
fn lock(directory: &Path) -> Option<Finding> {
    let file = File::open(directory.join("lock")).ok()?;
    Some(match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Finding::good("lock", "no agent is at work there now"),
        Err(_) => Finding::good("lock", "an agent is at work there now"),
    })
}

fn disk(place: &Path) -> Option<Finding> {
    let data = statvfs(place).ok()?;
    let is_read_only = data.f_flag.contains(StatVfsMountFlags::RDONLY);
    let free = data.f_bavail.saturating_mul(data.f_frsize);
    // Some file systems count no inodes.
    let inodes = (data.f_files > 0).then_some(data.f_favail);
    Some(room(&place.display().to_string(), is_read_only, free, inodes))
}

fn room(place: &str, is_read_only: bool, free: u64, inodes: Option<u64>) -> Finding {
    const ABOUT: &str = "disk";
    const MIB: u64 = 1 << 20;
    let fix = "free some, or put the state elsewhere with --state";
    let what = format!("{} MiB are free at {place}", free / MIB);
    if is_read_only {
        return Finding::bad(ABOUT, format!("{place} is mounted for reading only"), "remount it");
    }
    match (free, inodes) {
        (_, Some(..FILES_COUNT_MIN)) => {
            Finding::bad(ABOUT, format!("hardly a file more can be made at {place}"), fix)
        }
        (..BYTES_MIN, _) => Finding::bad(ABOUT, what, fix),
        (..BYTES_FEW, _) => Finding::warning(ABOUT, what, fix),
        _ => Finding::good(ABOUT, what),
    }
}

fn who() -> String {
    format!("user {}", rustix::process::geteuid().as_raw())
}

/// Below this the next file of the log may not fit.
const BYTES_MIN: u64 = 16 << 20;
/// Weeks of an agent that talks a lot.
const BYTES_FEW: u64 = 256 << 20;
/// The log, what is written beside it, and some air.
const FILES_COUNT_MIN: u64 = 100;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Verdict, worst};
    use super::*;

    #[test]
    fn a_directory_that_an_agent_cannot_live_in_is_found_out() {
        let home = std::env::temp_dir().join(format!("sentinel-place-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        let directory = home.join("state");
        fs::create_dir_all(&home).unwrap();
        let about = |findings: &[Finding]| {
            findings.iter().filter(|it| it.about == ABOUT).cloned().collect::<Vec<_>>()
        };
        let findings = look(&directory);
        assert!(findings[0].what.contains("the first start makes it"), "{findings:?}");
        fs::create_dir(&directory).unwrap();
        let mode =
            |mode| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o755);
        let findings = about(&look(&directory));
        assert_eq!(worst(&findings), Verdict::Bad);
        assert!(findings[0].fix.as_deref().unwrap().starts_with("chmod 700 "), "{findings:?}");
        mode(0o700);
        assert_eq!(worst(&about(&look(&directory))), Verdict::Good);
        fs::write(directory.join("version"), "99\n").unwrap();
        assert!(about(&look(&directory)).iter().any(|it| it.what.contains("layout 99")));
        fs::remove_file(directory.join("version")).unwrap();
        let held = File::create(directory.join("lock")).unwrap();
        let says = |words: &str| look(&directory).iter().any(|it| it.what.contains(words));
        assert!(says("no agent is at work"));
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(says("an agent is at work there now") && !says("no agent is at work"));
        let before = fs::read_dir(&directory).unwrap().count();
        look(&directory);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), before, "nothing is changed");
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_full_disk_is_told_from_one_that_will_be() {
        let verdict = |read_only, free, files| room("/x", read_only, free, files).verdict;
        assert_eq!(verdict(false, 1 << 30, Some(1 << 20)), Verdict::Good);
        assert_eq!(verdict(false, 1 << 30, None), Verdict::Good);
        assert_eq!(verdict(false, 100 << 20, None), Verdict::Warning);
        assert_eq!(verdict(false, 1 << 20, None), Verdict::Bad);
        assert_eq!(verdict(false, 1 << 30, Some(3)), Verdict::Bad);
        assert_eq!(verdict(true, 1 << 30, None), Verdict::Bad);
    }
}
