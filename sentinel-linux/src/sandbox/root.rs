//! The first wall: a root directory of its own, which holds what was granted and nothing else.
//!
//! What is shown is copied by descriptor first: each place is opened once, without following a
//! link, looked at, and it is that very place that is shown. Only then is the new root put
//! somewhere, filled, made the root, and the old one let go.
//!
//! # Invariants
//! - Nothing can be run but in what was granted for running; no file makes anybody more than he is,
//!   and no device is one but those that are named.
//! - After this, no path leads to anything outside.
//! - Nothing here allocates.

use std::ffi::CStr;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, symlinkat,
    unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount,
    fsopen, mount_change, move_mount, open_tree, unmount,
};
use rustix::process::{chroot, fchdir, pivot_root};

use super::fault::{At as _, Fault, Stage};
use super::kernel::{self, MOUNT_NO_DEVICES, MOUNT_NO_EXECUTION, MOUNT_NO_SETUID, MOUNT_READ_ONLY};
use super::plan::{Base, Layer, Plan, Tree};
use super::system;

/// What was made and shown, for the rules about it.
#[derive(Debug)]
pub(super) struct Root {
    /// The old root, until it is let go.
    old: Option<OwnedFd>,
    pub(super) directory: OwnedFd,
    /// In the order of the base's trees, and then of those that were granted.
    pub(super) trees: Vec<OwnedFd>,
    pub(super) temporary: OwnedFd,
    pub(super) shared_memory: OwnedFd,
    pub(super) settings: OwnedFd,
    /// None if this machine shows nobody his processes in a sandbox.
    pub(super) processes: Option<OwnedFd>,
    /// The same with nothing left out, which hangs nowhere, if memory is watched.
    pub(super) watched: Option<OwnedFd>,
}

impl Root {
    /// Does something where a path means what it means outside, for as long as the old root is
    /// there. What is done may allocate: only who is no copy of a process with threads calls this.
    pub(super) fn outside<T>(&self, work: impl FnOnce() -> T) -> Result<T, Fault> {
        let old = self.old.as_ref().ok_or(Errno::BADF).at(Stage::Root)?;
        enter_root(old).at(Stage::Root)?;
        let done = work();
        enter_root(&self.directory).at(Stage::Root)?;
        Ok(done)
    }
}

/// From here on every path begins there.
fn enter_root(directory: &OwnedFd) -> rustix::io::Result<()> {
    fchdir(directory)?;
    chroot(c".")
}

/// Makes the root directory with what every program has. `trees` has room for a descriptor for
/// each tree.
pub(super) fn make(base: &Base, mut trees: Vec<OwnedFd>) -> Result<Root, Fault> {
    // Nothing that is mounted from here on is seen by others, nor the other way round.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change(c"/", private).at(Stage::Root)?;
    let old = openat(CWD, c"/", PLACE, Mode::empty()).at(Stage::Root)?;
    copy_all(&old, &base.layer, &mut trees)?;
    let directory = empty(base).at(Stage::Root)?;
    fill(directory.as_fd(), &base.layer).at(Stage::Root)?;
    mkdirat(&directory, OLD, Mode::empty()).at(Stage::Root)?;
    // Devices are on every machine. The old root goes beneath the new one at once, where what is
    // granted is found until it is let go.
    attach(directory.as_fd(), CWD, c"/dev", MoveMountFlags::empty()).at(Stage::Root)?;
    fchdir(&directory).at(Stage::Root)?;
    pivot_root(c".", OLD).at(Stage::Root)?;
    rustix::process::chdir(c"/").at(Stage::Root)?;
    let own = |name: &CStr| -> rustix::io::Result<OwnedFd> {
        let copied = open_tree(&directory, name, COPY)?;
        kernel::change_mount(&copied, WRITABLE, None, false)?;
        Ok(copied)
    };
    let temporary = own(c"tmp").at(Stage::Root)?;
    attach(temporary.as_fd(), directory.as_fd(), c"tmp", MoveMountFlags::empty())
        .at(Stage::Root)?;
    let shared_memory = own(SHARED_MEMORY).at(Stage::Root)?;
    let place = c"dev/shm";
    attach(shared_memory.as_fd(), directory.as_fd(), place, MoveMountFlags::empty())
        .at(Stage::Root)?;
    show_all(directory.as_fd(), &base.layer, &trees)?;
    let settings = openat(&directory, c"etc", PLACE, Mode::empty()).at(Stage::Root)?;
    let processes = processes(directory.as_fd());
    let old = Some(old);
    Ok(Root { old, directory, trees, temporary, shared_memory, settings, processes, watched: None })
}

/// Shows what was granted, and enters the root directory.
pub(super) fn enter(root: &mut Root, plan: &Plan, is_watched: bool) -> Result<(), Fault> {
    let first = root.trees.len();
    let old = root.old.take().ok_or(Errno::BADF).at(Stage::Root)?;
    copy_all(&old, &plan.granted, &mut root.trees)?;
    drop(old);
    if is_watched {
        // While the machine's own view is there, or the kernel gives none.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let watched = view(false).and_then(|view| openat(&view, c".", flags, Mode::empty()));
        root.watched = Some(watched.at(Stage::Watch)?);
    }
    let directory = root.directory.as_fd();
    // From here on no path leads outside.
    unmount(OLD, UnmountFlags::DETACH).at(Stage::Root)?;
    unlinkat(directory, OLD, AtFlags::REMOVEDIR).at(Stage::Root)?;
    fill(directory, &plan.granted).at(Stage::Root)?;
    show_all(directory, &plan.granted, root.trees.get(first..).unwrap_or_default())?;
    for (index, path) in (0..).zip(&plan.pinned) {
        let failed = |error| Fault { stage: Stage::Pin, index, error };
        pin(directory, path).map_err(failed)?;
    }
    for (index, path) in (0..).zip(&plan.hidden) {
        hide(directory, path, WRITABLE | MOUNT_READ_ONLY).map_err(|error| Fault {
            stage: Stage::Hide,
            index,
            error,
        })?;
    }
    kernel::change_mount(directory, WRITABLE | MOUNT_READ_ONLY, None, false).at(Stage::Root)
}

fn copy_all(old: &OwnedFd, layer: &Layer, trees: &mut Vec<OwnedFd>) -> Result<(), Fault> {
    for (index, tree) in (0..).zip(&layer.trees) {
        trees.push(copy(old, tree).map_err(|error| Fault { stage: Stage::Mount, index, error })?);
    }
    Ok(())
}

fn show_all(directory: BorrowedFd<'_>, layer: &Layer, trees: &[OwnedFd]) -> Result<(), Fault> {
    for ((index, tree), shown) in (0..).zip(&layer.trees).zip(trees) {
        show(directory, tree, shown).map_err(|error| Fault {
            stage: Stage::Mount,
            index,
            error,
        })?;
    }
    Ok(())
}

/// A copy of a place of outside, which can do what it was granted for and hangs nowhere yet.
fn copy(old: &OwnedFd, tree: &Tree) -> rustix::io::Result<OwnedFd> {
    let place = beneath(old.as_fd(), &tree.source)?;
    let data = fstat(&place)?;
    let is_directory = FileType::from_raw_mode(data.st_mode) == FileType::Directory;
    if is_directory != tree.is_directory {
        return Err(Errno::STALE);
    }
    let empty = OpenTreeFlags::AT_EMPTY_PATH;
    // What is mounted beneath comes along, or it could be uncovered.
    let deep = if is_directory { OpenTreeFlags::AT_RECURSIVE } else { OpenTreeFlags::empty() };
    let copied = open_tree(&place, c"", COPY | empty | deep)?;
    let idmap = match &tree.idmap {
        Some(idmap) if idmap.owner != (data.st_uid, data.st_gid) => return Err(Errno::STALE),
        idmap => idmap.as_ref().map(|idmap| &*idmap.namespace),
    };
    match kernel::change_mount(&copied, tree.attributes, idmap, is_directory) {
        // A disk on which owners cannot be mapped: then what is granted can be used as far as it
        // can be used by everybody.
        Err(Errno::INVAL) if idmap.is_some() => {
            kernel::change_mount(&copied, tree.attributes, None, is_directory)?;
        }
        outcome => outcome?,
    }
    Ok(copied)
}

/// The directory that becomes the root, in memory.
fn empty(base: &Base) -> rustix::io::Result<OwnedFd> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"size", base.temporary.as_c_str())?;
    fsconfig_set_string(context.as_fd(), c"nr_inodes", c"65536")?;
    fsconfig_set_string(context.as_fd(), c"mode", c"755")?;
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}

/// Makes what is made in it.
fn fill(directory: BorrowedFd<'_>, layer: &Layer) -> rustix::io::Result<()> {
    for path in &layer.directories {
        let is_everybodys = matches!(path.to_bytes(), b"tmp" | b".shm");
        let mode = if is_everybodys { 0o1777 } else { 0o755 };
        mkdirat(directory, path.as_c_str(), Mode::from_raw_mode(mode))?;
    }
    for (path, content) in &layer.files {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(directory, path.as_c_str(), flags, Mode::from_raw_mode(0o644))?;
        if !content.is_empty() && rustix::io::write(&file, content)? != content.len() {
            return Err(Errno::NOSPC);
        }
    }
    for (leads, path) in &layer.links {
        symlinkat(leads.as_c_str(), directory, path.as_c_str())?;
    }
    Ok(())
}

/// Hangs a copy at its place in the new root.
fn show(directory: BorrowedFd<'_>, tree: &Tree, shown: &OwnedFd) -> rustix::io::Result<()> {
    let place = beneath(directory, &tree.target)?;
    attach(shown.as_fd(), place.as_fd(), c"", MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)
}

/// Makes a directory a mount point, of nothing but itself and with all that is mounted beneath.
fn pin(directory: BorrowedFd<'_>, path: &CStr) -> rustix::io::Result<()> {
    let place = match beneath(directory, path) {
        // There is nothing beneath it to guard.
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        place => place?,
    };
    let whole = OpenTreeFlags::AT_EMPTY_PATH | OpenTreeFlags::AT_RECURSIVE;
    let copied = open_tree(&place, c"", COPY | whole)?;
    attach(copied.as_fd(), place.as_fd(), c"", MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)
}

/// Covers a place with nothing.
fn hide(directory: BorrowedFd<'_>, path: &CStr, attributes: u64) -> rustix::io::Result<()> {
    let place = match beneath(directory, path) {
        // There is nothing to hide.
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        place => place?,
    };
    let is_directory = FileType::from_raw_mode(fstat(&place)?.st_mode) == FileType::Directory;
    let nothing = if is_directory { HIDDEN_DIRECTORY } else { HIDDEN_FILE };
    let copied = open_tree(directory, nothing, COPY)?;
    kernel::change_mount(&copied, attributes, None, false)?;
    attach(copied.as_fd(), place.as_fd(), c"", MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)
}

/// A place in the new root, on the way to which no link is followed.
fn beneath(directory: BorrowedFd<'_>, path: &CStr) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(directory, path, PLACE, Mode::empty(), resolve)
}

fn attach(
    mount: BorrowedFd<'_>,
    above: BorrowedFd<'_>,
    name: &CStr,
    flags: MoveMountFlags,
) -> rustix::io::Result<()> {
    move_mount(mount, c"", above, name, flags | MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// The kernel's view of the processes in here, and of nothing else. A machine that hides a part of
/// that view from its own users gives none to their sandboxes: then there is none.
fn processes(directory: BorrowedFd<'_>) -> Option<OwnedFd> {
    let mounted = view(true).ok()?;
    attach(mounted.as_fd(), directory, c"proc", MoveMountFlags::empty()).ok()?;
    Some(mounted)
}

/// The processes of this namespace; if some are to be hidden from each other, without those.
fn view(is_hiding: bool) -> rustix::io::Result<OwnedFd> {
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"subset", c"pid")?;
    if is_hiding {
        fsconfig_set_string(context.as_fd(), c"hidepid", c"ptraceable")?;
    }
    fsconfig_set_flag(context.as_fd(), c"ro")?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

const WRITABLE: u64 = MOUNT_NO_SETUID | MOUNT_NO_DEVICES | MOUNT_NO_EXECUTION;
const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
const COPY: OpenTreeFlags = OpenTreeFlags::OPEN_TREE_CLONE.union(OpenTreeFlags::OPEN_TREE_CLOEXEC);

const HIDDEN_DIRECTORY: &CStr = c".hidden-directory";
const HIDDEN_FILE: &CStr = c".hidden-file";
const SHARED_MEMORY: &CStr = c".shm";
const OLD: &CStr = c".old";

// The plan makes them under these names.
const _: () = {
    assert!(system::HIDDEN_DIRECTORY.len() == HIDDEN_DIRECTORY.count_bytes());
    assert!(system::HIDDEN_FILE.len() == HIDDEN_FILE.count_bytes());
    assert!(system::SHARED_MEMORY.len() == SHARED_MEMORY.count_bytes());
};
