//! Who a sandbox is: a user with no rights but those over what it was given.
//!
//! A person's own sandbox runs as that person, which is all that Linux lets a person do; what it
//! reaches is decided by what it sees. Root's sandbox is never root: it is a user that nobody is,
//! and what root grants is shown with its owner mapped to that user. So it can read and write what
//! was granted, what it makes belongs to the owner of the place, and nothing else on this machine
//! is its own.
//!
//! # Invariants
//! - User 0 of the machine is nobody in a sandbox, whoever starts it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::io::Write as _;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};

use super::kernel::{self, Side};
use super::plan::Idmap;

/// Who a sandbox is.
#[derive(Debug)]
pub(super) struct Identity {
    uid: u32,
    gid: u32,
    /// Whether that is somebody else than who starts it.
    is_given: bool,
    /// The mappings there are already, by the owner.
    idmaps: RefCell<Vec<Known>>,
    /// Whether this process is in a sandbox already, where no mapping can be made.
    is_inside: Cell<bool>,
}

/// A user and a group, and the namespace in which they are this identity's.
type Known = ((u32, u32), Arc<OwnedFd>);

impl Identity {
    /// From here on knows these mappings and makes no more: to be called in a sandbox.
    pub(super) fn know_only(&self, idmaps: Vec<Idmap>) {
        let known = idmaps.into_iter().map(|idmap| (idmap.owner, idmap.namespace));
        // The descriptors of the old ones were closed with everything else.
        std::mem::forget(self.idmaps.replace(known.collect()));
        self.is_inside.set(true);
    }

    /// Who a sandbox is that this process starts.
    pub(super) fn new() -> io::Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let (idmaps, is_inside) = (RefCell::new(Vec::new()), Cell::new(false));
        if uid != 0 {
            return Ok(Self { uid, gid, is_given: false, idmaps, is_inside });
        }
        // In a container only some users are there at all.
        let maps =
            [fs::read_to_string("/proc/self/uid_map")?, fs::read_to_string("/proc/self/gid_map")?];
        let is_there = |id: &u32| maps.iter().all(|map| holds(map, *id));
        let id = NOBODYS.into_iter().find(is_there).ok_or_else(|| {
            io::Error::other("this container has no user that is nobody: sandboxes need one")
        })?;
        Ok(Self { uid: id, gid: id, is_given: true, idmaps, is_inside })
    }

    /// The user and the group, inside and outside alike.
    pub(super) const fn inside(&self) -> (u32, u32) {
        (self.uid, self.gid)
    }

    /// What the kernel wants written of the user and the group.
    pub(super) fn maps(&self) -> [String; 2] {
        [self.uid, self.gid].map(|id| format!("{id} {id} 1"))
    }

    /// Whether it is somebody else than who starts it.
    pub(super) const fn is_given(&self) -> bool {
        self.is_given
    }

    /// How the owner of a tree becomes this user; none if it is already.
    pub(super) fn idmap(&self, uid: u32, gid: u32) -> io::Result<Option<Idmap>> {
        if !self.is_given {
            return Ok(None);
        }
        let owner = (uid, gid);
        if self.is_inside.get() && self.idmaps.borrow().iter().all(|known| known.0 != owner) {
            return Err(io::Error::other("it belongs to somebody else than a moment ago"));
        }
        let found = self.idmaps.borrow().iter().find(|known| known.0 == owner).cloned();
        let namespace = match found {
            Some((_, namespace)) => namespace,
            None => {
                let namespace = Arc::new(mapping(owner, (self.uid, self.gid))?);
                let mut known = self.idmaps.borrow_mut();
                // A few owners there are on any machine; more are made anew each time.
                if known.len() < IDMAPS_MAX {
                    known.push((owner, Arc::clone(&namespace)));
                }
                namespace
            }
        };
        Ok(Some(Idmap { owner, namespace }))
    }
}

/// A user namespace that says how owners are mapped. A process has to live in it while it is made.
fn mapping(owner: (u32, u32), own: (u32, u32)) -> io::Result<OwnedFd> {
    let parent = rustix::process::getpid();
    match kernel::clone(u64::from(libc::CLONE_NEWUSER.unsigned_abs()), None)? {
        Side::Child => loop {
            // Until it is killed, which follows at once; and should its parent die before, then by
            // that.
            let _ =
                kernel::control(libc::PR_SET_PDEATHSIG, u64::from(libc::SIGKILL.unsigned_abs()));
            if rustix::process::getppid() != Some(parent) {
                kernel::end(0);
            }
            kernel::pause();
        },
        Side::Parent { process, number } => {
            let made = map(number, owner, own).and_then(|()| {
                let path = format!("/proc/{number}/ns/user");
                let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                Ok(rustix::fs::open(path, flags, Mode::empty())?)
            });
            rustix::process::pidfd_send_signal(&process, rustix::process::Signal::KILL)?;
            kernel::reap(&process)?;
            made
        }
    }
}

fn map(number: i32, owner: (u32, u32), own: (u32, u32)) -> io::Result<()> {
    let write = |name: &str, line: String| {
        let mut file = fs::OpenOptions::new().write(true).open(format!("/proc/{number}/{name}"))?;
        file.write_all(line.as_bytes())
    };
    write("uid_map", format!("{} {} 1", owner.0, own.0))?;
    write("gid_map", format!("{} {} 1", owner.1, own.1))
}

/// Whether a user is there, as the kernel lists them: first inside, first outside, how many.
fn holds(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map_while(|word| word.parse::<u64>().ok());
        let (first, count) = (numbers.next(), numbers.nth(1));
        let range = first.zip(count).map(|(first, count)| first..first.saturating_add(count));
        range.is_some_and(|range| range.contains(&id.into()))
    })
}

/// Users that nobody is: far from those that people, services and containers get; then the one that
/// is called so, which some services share.
const NOBODYS: [u32; 2] = [1_894_000_000, 65_534];
const IDMAPS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_there_if_the_list_holds_it() {
        let whole = "         0          0 4294967295\n";
        assert!(holds(whole, 0) && holds(whole, NOBODYS[0]));
        let container = "0 1000 1\n1 100000 65536\n";
        assert!(holds(container, 0) && holds(container, 65_534) && holds(container, 65_536));
        assert!(!holds(container, 65_537) && !holds(container, NOBODYS[0]));
        assert!(!holds("", 0) && !holds("x y z", 0));
    }
}
