//! What this kernel can enforce.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, Mode, OFlags, ResolveFlags, access, openat2};

use sentinel_core::sandbox::Profile;

use super::Finding;
use crate::confine;
use crate::sandbox::{self, End, Sandboxes, Streams};

/// Looks at what the agent's own confinement and the sandboxes of programs rest on.
pub(super) fn look() -> Vec<Finding> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let read = |path: &str| fs::read_to_string(path).ok();
    vec![
        version(&release),
        landlock(confine::landlock_version()),
        seccomp(read("/proc/sys/kernel/seccomp/actions_avail").as_deref()),
        beneath(),
        privileges(read("/proc/self/status").as_deref()),
        namespaces(&read),
        sandbox(),
        cgroup(read("/proc/self/cgroup").as_deref(), Path::new("/sys/fs/cgroup")),
    ]
}

fn version(release: &str) -> Finding {
    const ABOUT: &str = "kernel";
    let mut numbers = release.split(['.', '-', '+']).map_while(|part| part.parse::<u32>().ok());
    let (major, minor) = (numbers.next(), numbers.next());
    match (major, minor) {
        (Some(major), Some(minor)) if (major, minor) >= (5, 13) => {
            Finding::good(ABOUT, format!("Linux {release}"))
        }
        (Some(_), Some(_)) => Finding::bad(
            ABOUT,
            format!("Linux {release} is too old for what confines the agent"),
            "run Linux 5.13 or later; 6.2 or later is better",
        ),
        _ => Finding::warning(
            ABOUT,
            format!("'{release}' is no version that can be compared"),
            "see whether it is Linux 5.13 or later",
        ),
    }
}

fn landlock(version: std::io::Result<u32>) -> Finding {
    const ABOUT: &str = "Landlock";
    match version {
        Ok(version @ 3..) => Finding::good(ABOUT, format!("version {version}")),
        Ok(version) => Finding::warning(
            ABOUT,
            format!("version {version}: it does not stop a file from being cut short"),
            "run Linux 6.2 or later",
        ),
        Err(error) => Finding::bad(
            ABOUT,
            format!("files cannot be confined: {error}"),
            "boot with landlock in the list of lsm=, on a kernel built with it; in a container, \
             allow the landlock_* system calls. The agent starts only with --no-sandbox until then",
        ),
    }
}

fn seccomp(actions: Option<&str>) -> Finding {
    const ABOUT: &str = "seccomp";
    let has = |name| actions.is_some_and(|text| text.split_whitespace().any(|it| it == name));
    if has("errno") && has("kill_process") {
        return Finding::good(ABOUT, "system calls can be confined");
    }
    Finding::bad(
        ABOUT,
        "system calls cannot be confined, or /proc/sys cannot be read",
        "run a kernel built with CONFIG_SECCOMP_FILTER, with /proc mounted",
    )
}

fn beneath() -> Finding {
    const ABOUT: &str = "openat2";
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(CWD, ".", flags, Mode::empty(), resolve) {
        Ok(_) => Finding::good(ABOUT, "files can be opened beneath a directory only"),
        Err(error) => Finding::bad(
            ABOUT,
            format!("files cannot be opened beneath a directory only: {error}"),
            "run Linux 5.6 or later; in a container, allow openat2",
        ),
    }
}

fn privileges(status: Option<&str>) -> Finding {
    const ABOUT: &str = "no_new_privs";
    let line = status.and_then(|text| text.lines().find_map(|it| it.strip_prefix("NoNewPrivs:")));
    match line.map(str::trim) {
        Some("1") => Finding::good(ABOUT, "set already, by whoever started this"),
        Some("0") => Finding::good(ABOUT, "can be set, and is when the agent starts"),
        _ => Finding::warning(
            ABOUT,
            "/proc/self/status does not say whether programs can gain privileges",
            "mount /proc",
        ),
    }
}

/// Whether user namespaces can be made without privileges, and if not what forbids it.
pub(crate) fn user_namespaces(read: &dyn Fn(&str) -> Option<String>) -> Result<(), &'static str> {
    let says = |path: &str, value: &str| read(path).is_some_and(|text| text.trim() == value);
    if read("/proc/self/ns/user").is_none() && !Path::new("/proc/self/ns/user").exists() {
        return Err("the kernel has none (CONFIG_USER_NS)");
    }
    if says("/proc/sys/user/max_user_namespaces", "0") {
        return Err("user.max_user_namespaces is 0");
    }
    if says("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return Err("kernel.unprivileged_userns_clone is 0");
    }
    if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return Err("kernel.apparmor_restrict_unprivileged_userns is 1");
    }
    Ok(())
}

fn namespaces(read: &dyn Fn(&str) -> Option<String>) -> Finding {
    const ABOUT: &str = "namespaces";
    match user_namespaces(read) {
        Ok(()) => Finding::good(ABOUT, "user namespaces can be made"),
        Err(why) => Finding::warning(
            ABOUT,
            format!("user namespaces cannot be made: {why}"),
            "no command can be run by a user who is not root: set it otherwise with sysctl",
        ),
    }
}

/// Whether a program can be started in a sandbox, and whether that holds: one is.
fn sandbox() -> Finding {
    const ABOUT: &str = "sandbox";
    match start() {
        Ok(()) => Finding::good(ABOUT, "a program was started in one, and every wall was tried"),
        Err(why) => Finding::warning(
            ABOUT,
            format!("no command can be run: {why}"),
            "see docs/SECURITY.md for what it takes; in a container, allow new namespaces",
        ),
    }
}

fn start() -> Result<(), String> {
    let directories = OsStr::new("/usr/bin:/bin");
    let program = sandbox::found(Path::new("true"), directories).ok_or("there is no /bin/true")?;
    let mut profile = Profile::new(program.as_os_str().as_encoded_bytes(), b"/");
    // A program that is many goes by the name that it was called by.
    profile.arguments = vec![b"true".to_vec()];
    let streams = Streams::own().map_err(|error| error.to_string())?;
    let sandboxes = Sandboxes::new().map_err(|error| error.to_string())?;
    let started = sandboxes.start(&profile, streams).map_err(|error| error.to_string())?;
    match started.wait().end {
        End::Exited(0) => Ok(()),
        end => Err(end.to_string()),
    }
}

/// Whether there is a cgroup here that limits of all processes of a command can be set in.
fn cgroup(own: Option<&str>, mount: &Path) -> Finding {
    const ABOUT: &str = "cgroups";
    let fix = "memory of commands is watched instead, which it can exceed for a moment, and how \
               many processors they use is not limited; a service with Delegate=yes has a cgroup";
    let old = mount.join("memory/cgroup.procs");
    if rustix::process::geteuid().is_root() && access(old, Access::WRITE_OK).is_ok() {
        return Finding::good(ABOUT, "version 1, and groups can be made");
    }
    let path = own.and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::/")));
    let Some(path) = path.filter(|_| mount.join("cgroup.controllers").exists()) else {
        return Finding::warning(ABOUT, "there is no cgroup2 here", fix);
    };
    let directory: PathBuf = mount.join(path);
    match access(directory.join("cgroup.procs"), Access::WRITE_OK) {
        Ok(()) => Finding::good(ABOUT, "cgroup2, and this one may be divided"),
        Err(_) => Finding::warning(ABOUT, "cgroup2 is not delegated to this user here", fix),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (release, verdict) in [
            ("6.18.44-x", Verdict::Good),
            ("5.13.0", Verdict::Good),
            ("5.9.1", Verdict::Bad),
            ("4.19.0-amd64", Verdict::Bad),
            ("next", Verdict::Warning),
        ] {
            assert_eq!(version(release).verdict, verdict, "{release}");
        }
        assert_eq!(landlock(Ok(4)).verdict, Verdict::Good);
        assert_eq!(landlock(Ok(1)).verdict, Verdict::Warning);
        assert!(landlock(Err(std::io::Error::other("x"))).fix.unwrap().contains("lsm="));
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(seccomp(Some("kill_process errno allow")).verdict, Verdict::Good);
        assert_eq!(seccomp(Some("allow")).verdict, Verdict::Bad);
        assert_eq!(seccomp(None).verdict, Verdict::Bad);
        assert_eq!(privileges(Some("NoNewPrivs:\t1\n")).verdict, Verdict::Good);
        assert_eq!(privileges(None).verdict, Verdict::Warning);
        for name in
            ["/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/unprivileged_userns_clone"]
        {
            let read = |path: &str| (path == name).then(|| "0\n".to_string());
            let finding = namespaces(&read);
            assert_eq!(finding.verdict, Verdict::Warning, "{name}");
            let word = name.rsplit('/').next().unwrap();
            assert!(finding.what.contains(word), "{finding:?}");
        }
        assert_eq!(cgroup(Some("1:cpu:/\n"), Path::new("/none")).verdict, Verdict::Warning);
    }
}
