//! Self-confinement: after the start, this process gives up what it does not need.
//!
//! Whoever takes over this process by a fault in it has what it has. So it keeps only the files
//! that were granted and its own state, can start no program, and can do no system call that a
//! running agent has no use for.
//!
//! # Invariants
//! - What is claimed was tried: after confining itself the process tries what must fail now, and
//!   does not go on if it works.
//!
//! # Not here
//! The sandboxes of tools.

#![allow(unsafe_code, reason = "no safe library installs a filter or a ruleset")]

pub(crate) mod bpf;
pub(crate) mod landlock;
mod seccomp;

use std::fmt;
use std::io;
use std::path::Path;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// A directory that stays reachable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'p> {
    pub(crate) path: &'p Path,
    pub(crate) writes: bool,
}

/// Files: to be called before there are threads, each of which would have to be told.
pub(crate) fn confine_files(reach: &[Reach<'_>]) -> Result<(), ConfineError> {
    // What is in memory is secret: no dump of it, and nobody attaches to it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("secrets in memory"))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(step("core dumps"))?;
    rustix::thread::set_no_new_privs(true).map_err(step("privileges of programs"))?;
    landlock::restrict(reach).map_err(|error| ConfineError { what: "files", error })?;
    landlock::prove(reach)
}

/// Which version of Landlock this kernel has.
pub(crate) fn landlock_version() -> io::Result<u32> {
    landlock::version()
}

/// System calls, for all threads there are: no more can be made.
pub(crate) fn confine_calls() -> Result<(), ConfineError> {
    seccomp::install().map_err(|error| ConfineError { what: "system calls", error })?;
    seccomp::prove()
}

fn step(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> ConfineError {
    move |error| ConfineError { what, error: error.into() }
}

/// Why the process could not confine itself.
#[derive(Debug)]
pub(crate) struct ConfineError {
    what: &'static str,
    error: io::Error,
}

impl ConfineError {
    /// What is missing, if this kernel knows nothing of the kind: not if it was tried and did not
    /// hold.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let unknown = [Some(libc::ENOSYS), Some(libc::EOPNOTSUPP)];
        unknown.contains(&self.error.raw_os_error()).then_some(self.what)
    }
}

impl fmt::Display for ConfineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, error } = self;
        write!(
            formatter,
            "this process cannot confine itself ({what}: {error}), so it does not start. A kernel \
             with Landlock and seccomp is needed (Linux 5.13); --no-sandbox starts without"
        )
    }
}

impl std::error::Error for ConfineError {}

#[cfg(test)]
mod tests;
