//! The proof: just before the program takes over, what must not work is tried.
//!
//! Walls that nobody tries are believed in. So the process that is about to become the program
//! tries each of them, and dies rather than start anything if one gives way, or holds for a reason
//! that is not its own: a wall that refuses by accident may not refuse tomorrow.
//!
//! # Invariants
//! - Nothing tried here would harm anybody if it worked.

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::net::{AddressFamily, SocketAddrV4, SocketType, connect, socket};
use sentinel_core::sandbox::{Calls, Network, Profile};

use super::fault::{Fault, Stage};
use super::kernel::attempt;

/// Something that must fail, and how.
struct Probe {
    what: &'static str,
    attempt: fn() -> rustix::io::Result<()>,
    expected: Errno,
    /// Whether it is to be tried at all.
    applies: fn(&Walls) -> bool,
}

/// Which walls there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walls {
    pub(super) landlock: u32,
    pub(super) network: Network,
    pub(super) is_strict: bool,
    pub(super) has_terminal: bool,
}

impl Walls {
    pub(super) const fn new(landlock: u32, profile: &Profile) -> Self {
        let is_strict = matches!(profile.calls, Calls::Strict);
        let (network, has_terminal) = (profile.network, profile.has_terminal);
        Self { landlock, network, is_strict, has_terminal }
    }
}

/// Tries what namespaces, mounts, Landlock and the lack of privileges must stop. To be called
/// before there is a filter for calls, which would stop it first.
pub(super) fn try_walls(walls: &Walls) -> Result<(), Fault> {
    try_all(&WALLS, 0, walls)
}

/// Tries what the filter for calls must stop.
pub(super) fn try_calls(walls: &Walls) -> Result<(), Fault> {
    try_all(&CALLS, WALLS.len(), walls)
}

/// What was tried, by the index that the fault has.
pub(super) fn what(index: u16) -> &'static str {
    WALLS.iter().chain(&CALLS).nth(index.into()).map_or("something", |probe| probe.what)
}

fn try_all(probes: &[Probe], first: usize, walls: &Walls) -> Result<(), Fault> {
    for (index, probe) in (first..).zip(probes) {
        if !(probe.applies)(walls) {
            continue;
        }
        let fault = |error| {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            Err(Fault { stage: Stage::Canary, index, error })
        };
        match (probe.attempt)() {
            // There is no error that says that something worked; this is one that none of them has.
            Ok(()) => return fault(WORKED),
            Err(error) if error != probe.expected => return fault(error),
            Err(_) => {}
        }
    }
    Ok(())
}

/// What stands for something that worked.
pub(super) const WORKED: Errno = Errno::ALREADY;

const WALLS: [Probe; 10] = [
    Probe {
        what: "reading a file that nobody was granted",
        attempt: || open(c"/.canary", OFlags::RDONLY),
        expected: Errno::ACCESS,
        applies: |walls| walls.landlock >= 1,
    },
    Probe {
        what: "finding what this machine has besides",
        attempt: || open(c"/sys", OFlags::PATH),
        expected: Errno::NOENT,
        applies: |_| true,
    },
    Probe {
        what: "making a file among the programs of the system",
        attempt: || open(c"/usr/.canary", OFlags::WRONLY.union(OFlags::CREATE)),
        expected: Errno::ROFS,
        applies: |_| true,
    },
    Probe {
        what: "making a file in the root directory",
        attempt: || open(c"/.canary-too", OFlags::WRONLY.union(OFlags::CREATE)),
        expected: Errno::ROFS,
        applies: |_| true,
    },
    Probe {
        what: "unmounting",
        attempt: || unmount(c"/tmp", UnmountFlags::DETACH),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "becoming root",
        attempt: || attempt(libc::SYS_setuid, [0; 5]),
        expected: Errno::INVAL,
        applies: |_| true,
    },
    Probe {
        what: "having a privilege",
        attempt: has_privilege,
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "seeing other processes",
        attempt: || match rustix::process::getppid().is_some_and(rustix::process::Pid::is_init) {
            true => Err(Errno::SRCH),
            false => Ok(()),
        },
        expected: Errno::SRCH,
        applies: |_| true,
    },
    Probe {
        what: "finding a way to other machines",
        attempt: || reach(SocketType::DGRAM),
        expected: Errno::NETUNREACH,
        applies: |walls| !matches!(walls.network, Network::Host),
    },
    Probe {
        what: "connecting to a port that was not granted",
        attempt: || reach(SocketType::STREAM),
        expected: Errno::ACCESS,
        applies: |walls| walls.landlock >= 4 && !matches!(walls.network, Network::Host),
    },
];

/// Each with arguments that make no sense, so that a kernel that lets it through does nothing, and
/// answers something else.
const CALLS: [Probe; 16] = [
    Probe {
        what: "making a socket",
        attempt: || attempt(libc::SYS_socket, [INTERNET, -1, -1, 0, 0]),
        expected: Errno::PERM,
        applies: |walls| matches!(walls.network, Network::None),
    },
    Probe {
        what: "connecting",
        attempt: || attempt(libc::SYS_connect, [-1, 0, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |walls| matches!(walls.network, Network::None),
    },
    Probe {
        what: "making a socket of another kind",
        attempt: || attempt(libc::SYS_socket, [PACKETS, -1, 0, 0, 0]),
        expected: Errno::AFNOSUPPORT,
        applies: |walls| !matches!(walls.network, Network::None),
    },
    Probe {
        what: "making namespaces",
        attempt: || attempt(libc::SYS_unshare, [-1, 0, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "making namespaces with a process",
        attempt: || attempt(libc::SYS_clone, [CLONE_NONSENSE, 0, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "making processes that no filter sees",
        attempt: || attempt(libc::SYS_clone3, [0; 5]),
        expected: Errno::NOSYS,
        applies: |_| true,
    },
    Probe {
        what: "tracing",
        attempt: || attempt(libc::SYS_ptrace, [-1, -1, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "keys of the kernel",
        attempt: || attempt(libc::SYS_keyctl, [-1, 0, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "files without names",
        attempt: || attempt(libc::SYS_memfd_create, [0, -1, 0, 0, 0]),
        expected: Errno::NOSYS,
        applies: |_| true,
    },
    Probe {
        what: "requests that no filter sees",
        attempt: || attempt(libc::SYS_io_uring_enter, [-1, 0, 0, 0, 0]),
        expected: Errno::NOSYS,
        applies: |_| true,
    },
    Probe {
        what: "memory of other processes",
        attempt: || attempt(libc::SYS_process_vm_readv, [-1, 0, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "typing into a terminal",
        attempt: || attempt(libc::SYS_ioctl, [-1, TYPE_IN, 0, 0, 0]),
        expected: Errno::NOTTY,
        applies: |_| true,
    },
    Probe {
        what: "setting how a terminal is",
        attempt: || attempt(libc::SYS_ioctl, [-1, SET_TERMINAL, 0, 0, 0]),
        expected: Errno::NOTTY,
        applies: |walls| !walls.has_terminal,
    },
    Probe {
        what: "limits of other processes",
        attempt: || attempt(libc::SYS_prlimit64, [1, -1, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "files that make others more than they are",
        attempt: || attempt(libc::SYS_fchmod, [-1, 0o4755, 0, 0, 0]),
        expected: Errno::PERM,
        applies: |_| true,
    },
    Probe {
        what: "memory that is both written and run",
        attempt: || attempt(libc::SYS_mprotect, [1, 0, WRITTEN_AND_RUN, 0, 0]),
        expected: Errno::ACCESS,
        applies: |walls| walls.is_strict,
    },
];

fn open(path: &std::ffi::CStr, flags: OFlags) -> rustix::io::Result<()> {
    let mode = Mode::from_raw_mode(0o600);
    openat(CWD, path, flags | OFlags::CLOEXEC, mode).map(drop)
}

/// The discard port of a network that is kept for examples: nothing is sent to it.
fn reach(kind: SocketType) -> rustix::io::Result<()> {
    let socket = socket(AddressFamily::INET, kind, None)?;
    let nowhere = SocketAddrV4::new(std::net::Ipv4Addr::new(192, 0, 2, 1), 9);
    connect(&socket, &nowhere)
}

fn has_privilege() -> rustix::io::Result<()> {
    let sets = rustix::thread::capabilities(None)?;
    let has_any = !(sets.effective | sets.permitted | sets.inheritable).is_empty();
    match has_any || !rustix::thread::no_new_privs()? {
        true => Ok(()),
        false => Err(Errno::PERM),
    }
}

/// A new user namespace that shares files with the old one, which no kernel makes.
const CLONE_NONSENSE: libc::c_long =
    (libc::CLONE_NEWUSER | libc::CLONE_FS | libc::CLONE_THREAD) as libc::c_long;
const INTERNET: libc::c_long = libc::AF_INET as libc::c_long;
const PACKETS: libc::c_long = libc::AF_PACKET as libc::c_long;
const TYPE_IN: libc::c_long = 0x5412;
const SET_TERMINAL: libc::c_long = 0x5402;
const WRITTEN_AND_RUN: libc::c_long = (libc::PROT_WRITE | libc::PROT_EXEC) as libc::c_long;

#[cfg(test)]
mod tests {
    use super::*;

    /// Where nothing is confined, every wall is found out to be missing.
    #[test]
    fn a_missing_wall_is_found_out() {
        let network = Network::None;
        let walls = Walls { landlock: 6, network, is_strict: true, has_terminal: false };
        for probes in [&WALLS[..], &CALLS[..]] {
            for probe in probes.iter().filter(|probe| (probe.applies)(&walls)) {
                // What root may do must not be done to this machine.
                if matches!(probe.what, "becoming root" | "unmounting")
                    || probe.what.starts_with("making a file")
                {
                    continue;
                }
                let outcome = (probe.attempt)();
                assert_ne!(outcome, Err(probe.expected), "{}", probe.what);
            }
        }
        let fault = try_walls(&walls).unwrap_err();
        assert_eq!(fault.stage, Stage::Canary);
        assert_eq!(what(fault.index), "reading a file that nobody was granted");
        let fault = try_calls(&walls).unwrap_err();
        assert_eq!(what(fault.index), "making a socket");
    }
}
