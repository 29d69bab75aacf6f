//! Handles that follow grants: files are lent for as long as a grant holds, and no longer.
//!
//! A grant that allows without asking has a handle as long as it is there: from the start, or from
//! the moment at which an operator made it or a question was answered "always". One that asks has a
//! handle for each call that somebody allowed, which is given back when the call is over. When a
//! grant is revoked, has ended or is used up, its handle is taken back, with everything that was
//! opened through it; that is the kernel's doing, not this program's.
//!
//! # Invariants
//! - A call reaches files through the handles of the grants that it was allowed by, and through no
//!   others.
//! - A handle has the rights of its grant, and none more.
//! - What is reached through a handle lies within its grant, also where what was lent is a
//!   directory above that, as for a file that is to be written: see `init`.
//!
//! # Not here
//! Whether a call may be made: the core judged that. What may be lent at all: the boot manifest.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::abi::{Error, Rights};
use luperiq_runtime::call::Result;
use luperiq_runtime::files::Name;
use sentinel_core::capability::{
    FileRight, FileRights, Grant, Handle, Holder, Level, PathRef, Resource,
};
use sentinel_core::order::Set;
use sentinel_core::runtime::Sentinel;
use sentinel_core::time::{Instant, Now, Timestamp};

use crate::commands;
use crate::folder::Folder;
use crate::machine::Machine;
use crate::settings::WORKSPACE;

/// What is lent for grants that allow without asking.
#[derive(Debug)]
pub struct Leases<L> {
    standing: Vec<Lease<L>>,
    /// Grants for which nothing was lent: that was said, and is not asked for again until a call
    /// needs it.
    refused: Set<Handle>,
}

/// Files that are lent for a grant.
#[derive(Debug)]
pub struct Lease<L> {
    grant: Handle,
    /// What the grant is about, beneath the workspace.
    path: String,
    /// Where the files begin that were lent, beneath the workspace.
    start: String,
    rights: Rights,
    until: Option<Timestamp>,
    files: L,
}

/// What became of a grant's handle.
#[derive(Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is there.
    Lent(Handle),
    /// It is not lent.
    NotLent(Handle, Error),
    /// It was taken back, with as many that were made from it.
    TakenBack(Handle, Result<u64>),
}

impl<L: Folder> Leases<L> {
    /// Nothing is lent yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { standing: Vec::new(), refused: Set::new() }
    }

    /// Gives back what no grant is there for any more, and borrows what one is. Says what it did.
    pub fn follow<M: Machine<Lent = L>>(
        &mut self,
        machine: &mut M,
        sentinel: &Sentinel,
    ) -> Vec<Followed> {
        let now = machine.now().wall;
        let wanted = || {
            let grants = sentinel.grants(0).filter(|granted| granted.holder == Holder::AGENT);
            let good = grants.filter(|granted| granted.uses_left != Some(0));
            let good = good.filter(move |granted| is_standing(granted.grant, now));
            good.take(STANDING_MAX).map(|granted| (granted.handle, granted.grant))
        };
        self.refused.retain(|handle| sentinel.grant(*handle).is_some());
        let mut done = Vec::new();
        let is_wanted = |handle: Handle| wanted().any(|(wanted, _)| wanted == handle);
        while let Some(place) = self.standing.iter().position(|lease| !is_wanted(lease.grant)) {
            let lease = self.standing.swap_remove(place);
            done.push(Followed::TakenBack(lease.grant, machine.give_back(lease.files)));
        }
        for (handle, grant) in wanted() {
            let is_known = self.standing.iter().any(|lease| lease.grant == handle);
            if is_known || self.refused.contains(&handle) {
                continue;
            }
            done.push(match borrow(machine, handle, grant) {
                Ok(Some(lease)) => {
                    self.standing.push(lease);
                    Followed::Lent(handle)
                }
                Ok(None) => continue,
                Err(error) => {
                    self.refused.insert(handle);
                    Followed::NotLent(handle, error)
                }
            });
        }
        done
    }

    /// Borrows what the grants of a call need besides what stands.
    ///
    /// # Errors
    /// Which of the grants nothing is lent for, and why; nothing is borrowed then.
    pub fn for_call<M: Machine<Lent = L>>(
        &self,
        machine: &mut M,
        sentinel: &Sentinel,
        handles: &[Handle],
    ) -> core::result::Result<Vec<Lease<L>>, (Handle, Error)> {
        let mut leases = Vec::new();
        for handle in handles {
            let is_there = self.standing.iter().any(|lease| lease.grant == *handle);
            let Some(grant) = sentinel.grant(*handle).filter(|_| !is_there) else { continue };
            match borrow(machine, *handle, grant) {
                Ok(lease) => leases.extend(lease),
                Err(error) => {
                    for lease in leases {
                        let Lease { files, .. } = lease;
                        // It ends with its line, whatever is said.
                        let _ = machine.give_back(files);
                    }
                    return Err((*handle, error));
                }
            }
        }
        Ok(leases)
    }

    /// The files that a call reaches: those of its grants.
    pub fn reach<'l>(&'l mut self, own: &'l mut [Lease<L>], handles: &'l [Handle]) -> Reach<'l, L> {
        let standing = self.standing.iter_mut().filter(|lease| handles.contains(&lease.grant));
        Reach { leases: own.iter_mut().chain(standing).collect() }
    }

    /// When the next grant ends whose handle stands.
    #[must_use]
    pub fn deadline(&self, now: Now) -> Option<Instant> {
        let until = self.standing.iter().filter_map(|lease| lease.until).min()?;
        Some(now.instant.after(until.since(now.wall)))
    }
}

impl<L: Folder> Default for Leases<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L> Lease<L> {
    /// Gives it back: for whose grant, and what came of it.
    pub fn give_back<M: Machine<Lent = L>>(self, machine: &mut M) -> Followed {
        Followed::TakenBack(self.grant, machine.give_back(self.files))
    }

    /// A path beneath the workspace, as the files that were lent know it.
    fn inner<'p>(&self, path: &'p str) -> Option<&'p str> {
        is_within(path, &self.path).then(|| beneath(path, &self.start)).flatten()
    }
}

/// Tries whether what a grant is about is lent, and gives it back; or whether the program is one
/// that can be run.
///
/// # Errors
/// Why it is not.
pub fn try_out<M: Machine>(machine: &mut M, grant: &Grant) -> Result<()> {
    if let Resource::Command(rule) = &grant.resource
        && grant.level != Level::Deny
    {
        return machine.has_program(&commands::place_of(&rule.program));
    }
    let Some((path, rights)) = files(grant) else { return Ok(()) };
    let (_, lent) = machine.borrow(&place(path), rights)?;
    machine.give_back(lent).map(drop)
}

/// Files as a call reaches them: each deed goes through the first handle that allows it.
#[derive(Debug)]
pub struct Reach<'l, L> {
    leases: Vec<&'l mut Lease<L>>,
}

impl<L: Folder> Reach<'_, L> {
    fn find<'p>(&self, path: &'p str, rights: Rights) -> Result<(&L, &'p str)> {
        let fits = |lease: &&&mut Lease<L>| lease.rights.contains(rights);
        let mut found = self.leases.iter().filter(fits);
        found.find_map(|lease| Some((&lease.files, lease.inner(path)?))).ok_or(Error::NotAllowed)
    }

    fn find_mut<'p>(&mut self, path: &'p str, rights: Rights) -> Result<(&mut L, &'p str)> {
        let fits = |lease: &&mut &mut Lease<L>| lease.rights.contains(rights);
        let mut found = self.leases.iter_mut().filter(fits);
        found
            .find_map(|lease| lease.inner(path).map(|inner| (&mut lease.files, inner)))
            .ok_or(Error::NotAllowed)
    }
}

impl<L: Folder> Folder for Reach<'_, L> {
    fn bytes_count(&self, path: &str) -> Result<u64> {
        let (files, path) =
            self.find(path, Rights::READ).or_else(|_| self.find(path, Rights::WRITE))?;
        files.bytes_count(path)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>> {
        let (files, path) = self.find(path, Rights::READ)?;
        files.read(path, bytes_max)
    }

    fn empty(&mut self, path: &str) -> Result<()> {
        let (files, path) = self.find_mut(path, Rights::WRITE)?;
        files.empty(path)
    }

    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()> {
        let (files, path) = self.find_mut(path, Rights::WRITE)?;
        files.write(path, position, bytes)
    }

    fn sync(&mut self, path: &str) -> Result<()> {
        let (files, path) = self.find_mut(path, Rights::WRITE)?;
        files.sync(path)
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        let (files, path) = self.find_mut(path, Rights::DELETE)?;
        files.remove(path)
    }

    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        let (files, path) = self.find(path, Rights::LIST)?;
        files.names(path, count_max)
    }
}

/// Whether a grant has a handle as long as it is there.
fn is_standing(grant: &Grant, now: Timestamp) -> bool {
    let has_ended = grant.until.is_some_and(|until| until <= now);
    grant.level == Level::Allow && !has_ended && files(grant).is_some()
}

fn borrow<M: Machine>(
    machine: &mut M,
    handle: Handle,
    grant: &Grant,
) -> Result<Option<Lease<M::Lent>>> {
    let Some((path, rights)) = files(grant) else { return Ok(None) };
    let (lent, files) = machine.borrow(&place(path), rights)?;
    // Whatever the lender says: what is not above is not it.
    let start = beneath(&lent, DISK_PLACE).ok_or(Error::BadPath)?;
    if !is_within(path, start) {
        return Err(Error::BadPath);
    }
    let (path, start) = (path.into(), start.into());
    Ok(Some(Lease { grant: handle, path, start, rights, until: grant.until, files }))
}

/// The path beneath the workspace that a grant is about, and the rights of its handle.
fn files(grant: &Grant) -> Option<(&str, Rights)> {
    let Resource::Files { path, rights } = &grant.resource else { return None };
    let workspace = PathRef::absolute(WORKSPACE).ok()?;
    if grant.level == Level::Deny || !path.borrow().is_within(workspace) {
        return None;
    }
    beneath(path.as_str(), WORKSPACE).map(|path| (path, needed(*rights)))
}

/// The rights of a handle: to see how long a file is comes with whatever it is opened for.
#[must_use]
pub fn needed(granted: FileRights) -> Rights {
    let mut rights = Rights::INSPECT;
    for (right, needed) in [
        (FileRight::Read, Rights::READ),
        (FileRight::List, Rights::LIST),
        (FileRight::Write, Rights::WRITE.with(Rights::CREATE)),
    ] {
        if granted.has(right) {
            rights = rights.with(needed);
        }
    }
    rights
}

/// Where a path of the agent's is on the disk; `None` if it is not beneath the workspace.
#[must_use]
pub fn place_of(path: &str) -> Option<String> {
    beneath(path, WORKSPACE).map(place)
}

/// Where a path beneath the workspace is on the disk.
fn place(path: &str) -> String {
    match path {
        "" => DISK_PLACE.into(),
        path => [DISK_PLACE, "/", path].concat(),
    }
}

fn is_within(path: &str, directory: &str) -> bool {
    beneath(path, directory).is_some()
}

/// What of a path is behind a directory; nothing if it is that one.
fn beneath<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    if directory.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(directory)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

/// Where the workspace is on the disk, as the boot manifest has it.
const DISK_PLACE: &str = "workspace";

/// Fewer than a supervisor lends at a time: the rest is for calls and commands.
const STANDING_MAX: usize = 12;
