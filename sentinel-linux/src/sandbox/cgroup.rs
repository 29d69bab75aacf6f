//! Limits of all processes of a sandbox together: a cgroup, where one can be had.
//!
//! Which is: in version 2 beneath this process's own group, if that is given to its user and holds
//! nobody else (a service with `Delegate=yes`, a scope of one's own), for what is not in version 2
//! in version 1, as root. A group is made for one call and removed after it.
//!
//! # Invariants
//! - A limit that was asked for and cannot be set in the group is an error.
//! - Nothing of another program is moved to another group.
//!
//! # Not here
//! What is done about memory where there is none: [`super::memory`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use sentinel_core::sandbox::Limits;

/// Where groups can be made.
#[derive(Debug)]
pub(super) struct Cgroups {
    /// For each thing that is limited, the directory in which groups are made and its version.
    memory: Option<Place>,
    pids: Option<Place>,
    processors: Option<Place>,
    /// Of version 2 alone: before it what goes through the kernel's memory is nobody's.
    disks: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    directory: PathBuf,
    version: u8,
}

/// A group of one call. Whoever drops it ends what is in it and removes it.
#[derive(Debug)]
pub(super) struct Group {
    directories: Vec<PathBuf>,
    /// Of version 2: what a process is begun in.
    pub(super) into: Option<OwnedFd>,
    /// Of version 1: where a process writes that it belongs there.
    pub(super) entries: Vec<OwnedFd>,
    /// Where the kernel counts whom it killed because memory was all used.
    pub(super) killed: Option<OwnedFd>,
    /// Where the kernel counts how often a process was not made because there were so many.
    pub(super) crowded: Option<OwnedFd>,
}

impl Cgroups {
    /// Looks at what there is here. Where this process is an agent's spawner, the agent is moved
    /// with it if that makes groups possible: it may be the only other one in the group of its
    /// service, and cannot be asked what it is where processes are hidden from each other.
    pub(super) fn find(agent: Option<u32>) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (own, mounts) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
        Self::among(&own, &mounts, Path::new("/"), agent)
    }

    /// By what the kernel says of groups and of mounts; all beneath a root directory.
    fn among(own: &str, mounts: &str, root: &Path, agent: Option<u32>) -> Self {
        let place = |controller: &str| {
            for line in own.lines() {
                let mut parts = line.splitn(3, ':');
                let (_, names, path) = (parts.next(), parts.next()?, parts.next()?);
                let version = if names.is_empty() { 2 } else { 1 };
                if version == 1 && !names.split(',').any(|name| name == controller) {
                    continue;
                }
                let Some(mount) = mounted(mounts, version, controller) else { continue };
                let directory = root.join(&mount[1..]).join(path.trim_start_matches('/'));
                if version == 2 && !divide(&directory, controller, agent) {
                    continue;
                }
                // Who cannot make a directory there cannot make a group.
                if rustix::fs::access(&directory, rustix::fs::Access::WRITE_OK).is_ok() {
                    return Some(Place { directory, version });
                }
            }
            None
        };
        let [memory, pids, disks, processors] = ["memory", "pids", "io", "cpu"].map(place);
        let cgroups = Self { memory, pids, processors, disks };
        cgroups.forget_old();
        cgroups
    }

    pub(super) const fn has_memory(&self) -> bool {
        self.memory.is_some()
    }

    pub(super) const fn has_processors(&self) -> bool {
        self.processors.is_some()
    }

    pub(super) const fn has_disks(&self) -> bool {
        self.disks.is_some()
    }

    /// Whether a call of these limits gets a group.
    pub(super) const fn is_for(&self, limits: &Limits) -> bool {
        limits.memory_bytes.is_some() && self.has_memory()
            || limits.processors_percent.is_some() && self.has_processors()
            || limits.disk_bytes_per_second.is_some() && self.has_disks()
    }

    /// Makes a group with these limits.
    pub(super) fn make(&self, limits: &Limits) -> io::Result<Group> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let mut group = Group {
            directories: Vec::new(),
            into: None,
            entries: Vec::new(),
            killed: None,
            crowded: None,
        };
        if let Some((place, bytes)) = self.memory.as_ref().zip(limits.memory_bytes) {
            let directory = group.at(place, &name)?;
            let bytes = bytes.to_string();
            let (memory, swap, killed) = match place.version {
                2 => ("memory.max", "memory.swap.max", "memory.events.local"),
                _ => ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
            };
            fs::write(directory.join(memory), &bytes)?;
            // Together with swap, or without any; where swap is not counted there is no such file.
            let both = if place.version == 2 { "0" } else { &bytes };
            let _ = fs::write(directory.join(swap), both);
            group.killed = counter(&directory.join(killed));
        }
        if let Some((place, percent)) = self.processors.as_ref().zip(limits.processors_percent) {
            let directory = group.at(place, &name)?;
            let quota = u64::from(percent).max(1) * PERIOD_MICROSECONDS / 100;
            match place.version {
                2 => {
                    let both = format!("{quota} {PERIOD_MICROSECONDS}");
                    fs::write(directory.join("cpu.max"), both)?;
                }
                _ => {
                    let period = PERIOD_MICROSECONDS.to_string();
                    fs::write(directory.join("cpu.cfs_period_us"), period)?;
                    fs::write(directory.join("cpu.cfs_quota_us"), quota.to_string())?;
                }
            }
        }
        if let Some((place, rate)) = self.disks.as_ref().zip(limits.disk_bytes_per_second) {
            let directory = group.at(place, &name)?;
            for disk in disks(Path::new("/sys/block"))? {
                let line = format!("{disk} rbps={rate} wbps={rate}");
                match fs::write(directory.join("io.max"), line) {
                    // One that was taken out since.
                    Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                    written => written?,
                }
            }
        }
        if let Some(place) = &self.pids {
            let directory = group.at(place, &name)?;
            // The process that waits for the program is one as well.
            fs::write(directory.join("pids.max"), (u64::from(limits.pids) + 1).to_string())?;
            group.crowded = counter(&directory.join("pids.events"));
        }
        Ok(group)
    }

    /// Removes what was left by a process of ours that was killed.
    fn forget_old(&self) {
        let places = [&self.memory, &self.pids, &self.processors].into_iter().flatten();
        for entry in places.flat_map(|place| fs::read_dir(&place.directory)).flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
            // One that lives cleans up itself, and has perhaps not begun in its group yet.
            if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

impl Group {
    /// The group's directory at a place, made if it is not there.
    fn at(&mut self, place: &Place, name: &str) -> io::Result<PathBuf> {
        let directory = place.directory.join(name);
        if self.directories.contains(&directory) {
            return Ok(directory);
        }
        fs::create_dir(&directory)?;
        self.directories.push(directory.clone());
        match place.version {
            2 => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                self.into = Some(open(&directory, flags, Mode::empty())?);
            }
            _ => {
                let flags = OFlags::WRONLY | OFlags::CLOEXEC;
                self.entries.push(open(directory.join("cgroup.procs"), flags, Mode::empty())?);
            }
        }
        Ok(directory)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in &self.directories {
            let _ = fs::write(directory.join("cgroup.kill"), "1");
            for _ in 0..REMOVALS_MAX {
                match fs::remove_dir(directory) {
                    // Somebody in it has not ended yet.
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// The numbers of all disks that hold anything.
fn disks(directory: &Path) -> io::Result<Vec<String>> {
    let mut disks = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?.path();
        let read = |file: &str| fs::read_to_string(entry.join(file)).unwrap_or_default();
        // What has no number is a way to a disk that is in the list by itself.
        let (number, size) = (read("dev"), read("size"));
        if !number.trim_end().is_empty() && size.trim_end() != "0" {
            disks.push(number.trim_end().into());
        }
    }
    Ok(disks)
}

/// A file in which the kernel counts, if there is one.
fn counter(path: &Path) -> Option<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Whether the kernel counted somebody whom it killed for memory: by the text of its file.
pub(super) fn has_killed(text: &[u8]) -> bool {
    counted(text, b"oom_kill ")
}

/// Whether it counted a process that it did not make.
pub(super) fn has_refused(text: &[u8]) -> bool {
    counted(text, b"max ")
}

fn counted(text: &[u8], what: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    let count = lines.find_map(|line| line.strip_prefix(what));
    count.is_some_and(|count| count.iter().any(|digit| matches!(digit, b'1'..=b'9')))
}

/// Where groups with a controller are mounted, and the whole of them.
fn mounted<'m>(mounts: &'m str, version: u8, controller: &str) -> Option<&'m str> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let is_it = match (right.next()?, version) {
            ("cgroup2", 2) => true,
            ("cgroup", 1) => right.nth(1)?.split(',').any(|option| option == controller),
            _ => false,
        };
        let mut left = left.split(' ').skip(3);
        let (from, to) = (left.next()?, left.next()?);
        (is_it && from == "/" && to.starts_with('/')).then_some(to)
    })
}

/// Makes a controller be there for groups beneath one of version 2.
fn divide(directory: &Path, controller: &str, agent: Option<u32>) -> bool {
    let lists = |file: &str| {
        let text = fs::read_to_string(directory.join(file)).unwrap_or_default();
        text.split_whitespace().any(|word| word == controller)
    };
    if !lists("cgroup.controllers") {
        return false;
    }
    // A group that holds a process can be given some controllers all the same; but then nobody can
    // be begun in those beneath it. Only the first of all is different, which has no type.
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let is_held = !text.trim().is_empty() && directory.join("cgroup.type").exists();
    if is_held && move_own(directory, agent).is_err() {
        return false;
    }
    if !lists("cgroup.subtree_control") {
        let _ = fs::write(directory.join("cgroup.subtree_control"), format!("+{controller}"));
    }
    lists("cgroup.subtree_control")
}

/// Moves this process and the agent's out of a group that nobody else is in.
fn move_own(directory: &Path, agent: Option<u32>) -> io::Result<()> {
    let own = std::process::id();
    let text = fs::read_to_string(directory.join("cgroup.procs"))?;
    let ids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    if !ids.iter().all(|id| *id == own || Some(*id) == agent) {
        return Err(io::Error::other("others are in this group"));
    }
    let beneath = directory.join("sentinel");
    match fs::create_dir(&beneath) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    ids.iter().try_for_each(|id| fs::write(beneath.join("cgroup.procs"), id.to_string()))
}

/// The number of the next group, of all that this process makes.
static NEXT: AtomicU32 = AtomicU32::new(0);
const PREFIX: &str = "sentinel-call-";
const PERIOD_MICROSECONDS: u64 = 100_000;
/// As many milliseconds as processes that were killed take at most to be gone.
const REMOVALS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    /// Files as the kernel has them; it would make those of a group itself.
    fn tree(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (file, text) in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const V2: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "31 23 0:27 / /cg/mem rw - cgroup cgroup rw,memory\n\
                      32 23 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                      33 23 0:29 /docker/x /cg/pids rw - cgroup cgroup rw,pids";

    #[test]
    fn a_group_that_was_given_to_us_is_found() {
        let own = "sys/fs/cgroup/user.slice/own";
        let files = [
            (format!("{own}/cgroup.controllers"), "cpu io memory pids"),
            (format!("{own}/cgroup.subtree_control"), "io memory pids"),
            (format!("{own}/cgroup.procs"), ""),
            (format!("{own}/cgroup.type"), "domain\n"),
            ("sys/fs/cgroup/held/cgroup.controllers".into(), "cpu memory pids"),
            ("sys/fs/cgroup/held/cgroup.subtree_control".into(), "cpu"),
            ("sys/fs/cgroup/held/cgroup.procs".into(), "1\n"),
            ("sys/fs/cgroup/held/cgroup.type".into(), "domain\n"),
        ];
        let files = files.each_ref().map(|(name, text)| (name.as_str(), *text));
        let root = tree("cgroup-two", &files);
        let cgroups = Cgroups::among("0::/user.slice/own\n", V2, &root, None);
        let place = Place { directory: root.join(own), version: 2 };
        assert_eq!(cgroups.memory, Some(place.clone()));
        assert_eq!(cgroups.pids, Some(place));
        // One that holds somebody else is of no use, however it is divided, and is left alone.
        let held = Cgroups::among("0::/held\n", V2, &root, Some(2));
        assert_eq!((held.memory, held.processors), (None, None));
        let read = |file: &str| fs::read_to_string(root.join("sys/fs/cgroup/held").join(file));
        assert_eq!(read("cgroup.procs").unwrap(), "1\n");
        assert_eq!(read("cgroup.subtree_control").unwrap(), "cpu");
        let limits = Limits { memory_bytes: Some(4096), pids: 7, ..Limits::default() };
        assert!(cgroups.is_for(&limits) && !cgroups.is_for(&Limits::default()));
        let group = cgroups.make(&limits).unwrap();
        assert!(group.into.is_some() && group.entries.is_empty());
        let made = &group.directories[0];
        let read = |file: &str| fs::read_to_string(made.join(file)).unwrap();
        assert_eq!((read("memory.max"), read("memory.swap.max")), ("4096".into(), "0".into()));
        assert_eq!(read("pids.max"), "8");
        drop(group);
        let limits = Limits { disk_bytes_per_second: Some(9), ..Limits::default() };
        assert!(cgroups.has_disks() && cgroups.is_for(&limits));
        assert!(!Cgroups::among("0::/other\n", V2, &root, None).has_memory());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_is_old_is_found_by_its_controllers() {
        let root = tree("cgroup-one", &[("cg/mem/own/x", ""), ("cg/cpu/own/x", "")]);
        let own = "9:name=systemd:/\n4:memory:/own\n3:cpu,cpuacct:/own\n2:pids:/own\n0::/\n";
        let cgroups = Cgroups::among(own, V1, &root, None);
        assert_eq!(cgroups.memory.unwrap().directory, root.join("cg/mem/own"));
        assert_eq!(cgroups.processors.unwrap().directory, root.join("cg/cpu/own"));
        assert_eq!(cgroups.pids, None, "a part of the groups is not the whole");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn every_disk_with_something_on_it_is_limited() {
        let files = [
            ("vda/dev", "254:0\n"),
            ("vda/size", "2048\n"),
            ("loop0/dev", "7:0\n"),
            ("loop0/size", "0\n"),
            ("nvme0c0n1/size", "4096\n"),
        ];
        let root = tree("cgroup-disks", &files);
        assert_eq!(disks(&root).unwrap(), ["254:0"]);
        assert!(disks(&root.join("none")).is_err());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_kernel_says_whom_it_killed() {
        assert!(has_killed(b"low 0\noom 3\noom_kill 2\noom_group_kill 0\n"));
        assert!(!has_killed(b"oom 3\noom_kill 0\n"));
        assert!(has_refused(b"max 10\n") && !has_refused(b"max 0\n"));
        assert!(!has_killed(b""));
    }
}
