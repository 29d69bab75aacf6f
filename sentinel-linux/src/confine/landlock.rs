//! Landlock: which files this process can still reach, whatever it has open.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use super::{ConfineError, Reach};

/// From here on only these directories and what is beneath them can be opened.
pub(super) fn restrict(reach: &[Reach<'_>]) -> io::Result<()> {
    let version = version()?;
    let files = all_files(version);
    let scoped = if version >= 6 { SCOPES } else { 0 };
    let ruleset = Ruleset::new(Handled { files, network: 0, scoped })?;
    for Reach { path, writes } in reach {
        let place = open_place(path)?;
        let wanted = if *writes { READS | WRITES } else { READS };
        // A right for directories alone means nothing beneath a plain file.
        let fits = if path.is_dir() { u64::MAX } else { OF_FILES };
        ruleset.allow_beneath(place.as_fd(), wanted & files & fits)?;
    }
    ruleset.enforce()
}

/// What a set of rules is about: what is handled and not allowed is forbidden.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handled {
    pub(crate) files: u64,
    pub(crate) network: u64,
    pub(crate) scoped: u64,
}

/// A set of rules, until it holds.
#[derive(Debug)]
pub(crate) struct Ruleset(OwnedFd);

impl Ruleset {
    /// Rules that allow nothing yet. What this kernel does not know must be left out.
    pub(crate) fn new(handled: Handled) -> io::Result<Self> {
        let Handled { files, network, scoped } = handled;
        let attributes = Attributes { access_fs: files, access_net: network, scoped };
        // SAFETY: the call reads as many bytes as it is told of `attributes`, which outlives it.
        let ruleset = unsafe {
            let size = size_of::<Attributes>();
            libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attributes, size, 0_u32)
        };
        let ruleset = i32::try_from(ruleset).unwrap_or(-1);
        if ruleset < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel gave us this descriptor just now, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(ruleset) }))
    }

    /// Allows this for a place and everything beneath it.
    pub(crate) fn allow_beneath(&self, place: BorrowedFd<'_>, rights: u64) -> io::Result<()> {
        let rule = PathBeneath { allowed_access: rights, parent_fd: place.as_raw_fd() };
        // SAFETY: the call reads `rule`, of the kind that its number says, and keeps no pointer.
        let added = unsafe {
            let (ruleset, rule) = (self.0.as_raw_fd(), &raw const rule);
            libc::syscall(libc::SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, rule, 0_u32)
        };
        done(added)
    }

    /// Allows this for a port of TCP.
    pub(crate) fn allow_port(&self, port: u16, rights: u64) -> io::Result<()> {
        let rule = Port { allowed_access: rights, port: port.into() };
        // SAFETY: the call reads `rule`, of the kind that its number says, and keeps no pointer.
        let added = unsafe {
            let (ruleset, rule) = (self.0.as_raw_fd(), &raw const rule);
            libc::syscall(libc::SYS_landlock_add_rule, ruleset, RULE_PORT, rule, 0_u32)
        };
        done(added)
    }

    /// From here on, for this thread and whoever it starts.
    pub(crate) fn enforce(self) -> io::Result<()> {
        // SAFETY: the call takes a descriptor and no pointer.
        done(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.0.as_raw_fd(), 0_u32) })
    }
}

fn done(answer: libc::c_long) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Which version of Landlock this kernel has.
pub(crate) fn version() -> io::Result<u32> {
    // SAFETY: without attributes and with this flag the call reads nothing and gives a number.
    let abi = unsafe {
        let none: *const Attributes = std::ptr::null();
        libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, CREATE_VERSION)
    };
    match u32::try_from(abi) {
        Ok(abi @ 1..) => Ok(abi),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Tries what must not work any more.
pub(super) fn prove(reach: &[Reach<'_>]) -> Result<(), ConfineError> {
    let is_all = reach.iter().any(|reach| reach.path == Path::new("/"));
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open("/");
    match opened {
        Ok(_) if !is_all => {
            let error = io::Error::other("the root directory could still be opened");
            Err(ConfineError { what: "files", error })
        }
        _ => Ok(()),
    }
}

fn open_place(path: &Path) -> io::Result<OwnedFd> {
    let options = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    Ok(options.map_err(named)?.into())
}

/// All that a version of Landlock can forbid of files: what is not granted is forbidden.
pub(crate) const fn all_files(abi: u32) -> u64 {
    let mut handled = (1 << 13) - 1;
    if abi >= 2 {
        handled |= REFER;
    }
    if abi >= 3 {
        handled |= TRUNCATE;
    }
    if abi >= 5 {
        handled |= IOCTL_DEVICE;
    }
    handled
}

/// `struct landlock_ruleset_attr`: a kernel that does not know the last members wants them zero.
#[repr(C)]
struct Attributes {
    access_fs: u64,
    access_net: u64,
    scoped: u64,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct Port {
    allowed_access: u64,
    port: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

// From <linux/landlock.h>.
const CREATE_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const RULE_PORT: u32 = 2;
pub(crate) const EXECUTE: u64 = 1 << 0;
pub(crate) const WRITE_FILE: u64 = 1 << 1;
pub(crate) const READ_FILE: u64 = 1 << 2;
pub(crate) const READ_DIRECTORY: u64 = 1 << 3;
pub(crate) const REMOVE_DIRECTORY: u64 = 1 << 4;
pub(crate) const REMOVE_FILE: u64 = 1 << 5;
pub(crate) const MAKE_DIRECTORY: u64 = 1 << 7;
pub(crate) const MAKE_FILE: u64 = 1 << 8;
pub(crate) const MAKE_PIPE: u64 = 1 << 10;
pub(crate) const MAKE_LINK: u64 = 1 << 12;
pub(crate) const REFER: u64 = 1 << 13;
pub(crate) const TRUNCATE: u64 = 1 << 14;
pub(crate) const IOCTL_DEVICE: u64 = 1 << 15;
pub(crate) const BIND_PORT: u64 = 1 << 0;
pub(crate) const CONNECT_PORT: u64 = 1 << 1;
/// Sockets by abstract names, and signals: to nobody outside.
pub(crate) const SCOPES: u64 = 0b11;

const READS: u64 = READ_FILE | READ_DIRECTORY;
const WRITES: u64 = WRITE_FILE | REMOVE_FILE | MAKE_DIRECTORY | MAKE_FILE | TRUNCATE | REFER;
/// What there is to allow of a plain file.
pub(crate) const OF_FILES: u64 = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEVICE;
