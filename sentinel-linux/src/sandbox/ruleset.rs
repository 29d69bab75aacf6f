//! The second wall: Landlock. What the root directory of a sandbox does not hold cannot be named;
//! what it holds can still only be used as it was granted, whatever a mount says.
//!
//! # Invariants
//! - Everything that the kernel's version can forbid is forbidden where it is not allowed.

use rustix::fd::{AsFd, BorrowedFd};
use sentinel_core::sandbox::{Network, Rights};

use super::fault::{At as _, Fault, Stage};
use crate::confine::landlock::{self, Handled, Ruleset};

/// What is allowed of a place, by what it was granted for.
pub(super) const fn of(rights: Rights, is_directory: bool) -> u64 {
    let allowed = match rights {
        Rights::Read => READ,
        Rights::Write => WRITE,
        Rights::Run => READ | landlock::EXECUTE,
    };
    if is_directory { allowed } else { allowed & landlock::OF_FILES }
}

/// What is allowed of a device.
pub(super) const DEVICE: u64 = landlock::READ_FILE | landlock::WRITE_FILE | landlock::TRUNCATE;

/// What is allowed of the terminal: which requests it takes is for the filter of calls to say.
pub(super) const TERMINAL: u64 = DEVICE | landlock::IOCTL_DEVICE;

/// Rules until they hold.
#[derive(Debug)]
pub(super) struct Rules {
    ruleset: Ruleset,
    files: u64,
}

impl Rules {
    /// Rules that allow only to look at the names in the root directory.
    pub(super) fn new(version: u32, network: Network, root: BorrowedFd<'_>) -> Result<Self, Fault> {
        let files = landlock::all_files(version);
        let is_tcp = version >= 4 && !matches!(network, Network::Host);
        let network = if is_tcp { landlock::BIND_PORT | landlock::CONNECT_PORT } else { 0 };
        let scoped = if version >= 6 { landlock::SCOPES } else { 0 };
        let ruleset = Ruleset::new(Handled { files, network, scoped }).at(Stage::Files)?;
        let rules = Self { ruleset, files };
        rules.allow(root, landlock::READ_DIRECTORY)?;
        Ok(rules)
    }

    pub(super) fn allow(&self, place: impl AsFd, rights: u64) -> Result<(), Fault> {
        self.ruleset.allow_beneath(place.as_fd(), rights & self.files).at(Stage::Files)
    }

    /// Allows connections to a port, or waiting on one.
    pub(super) fn allow_port(&self, port: u16, rights: u64) -> Result<(), Fault> {
        self.ruleset.allow_port(port, rights).at(Stage::Files)
    }

    pub(super) fn enforce(self) -> Result<(), Fault> {
        self.ruleset.enforce().at(Stage::Files)
    }
}

pub(super) const READ: u64 = landlock::READ_FILE | landlock::READ_DIRECTORY;

/// Plain files, directories, links and pipes: no devices, and no sockets, by which others could be
/// reached.
pub(super) const WRITE: u64 = READ
    | landlock::WRITE_FILE
    | landlock::REMOVE_DIRECTORY
    | landlock::REMOVE_FILE
    | landlock::MAKE_DIRECTORY
    | landlock::MAKE_FILE
    | landlock::MAKE_PIPE
    | landlock::MAKE_LINK
    | landlock::REFER
    | landlock::TRUNCATE;
