//! The calls that name places, and what they want of them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use sentinel_core::order::Map;

use super::notice::Notice;
use super::places::Wanted;
use crate::sandbox::filter;

/// A call that names places.
#[derive(Debug)]
pub(super) struct Carrier {
    name: &'static str,
    wants: Wants,
    /// Which argument is the directory it is meant from, if it is not the one the program is in,
    /// and which argument is the name.
    names: &'static [(Option<usize>, usize)],
}

#[derive(Clone, Copy, Debug)]
enum Wants {
    Reads,
    Writes,
    Runs,
    /// By the flags in this argument.
    Opens(usize),
}

impl Carrier {
    /// The places that a call names.
    pub(super) fn named(&self, notice: &Notice) -> Vec<(PathBuf, Wanted)> {
        let wanted = match self.wants {
            Wants::Reads => Wanted::READS,
            Wants::Writes => Wanted::WRITES,
            Wants::Runs => Wanted::RUNS,
            Wants::Opens(flags) => {
                let flags = notice.arguments.get(flags).copied().unwrap_or_default();
                let writes = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
                match flags & u64::from(writes.cast_unsigned()) {
                    0 => Wanted::READS,
                    _ => Wanted::WRITES,
                }
            }
        };
        let named = self.names.iter().filter_map(|(directory, name)| {
            let name = notice.text(*notice.arguments.get(*name)?)?;
            // Without a name the directory itself is meant, which is open already.
            let name = Some(name).filter(|name| !name.is_empty())?;
            let name = PathBuf::from(OsString::from_vec(name));
            if name.is_absolute() {
                return Some((name, wanted));
            }
            let directory = directory.and_then(|index| notice.arguments.get(index).copied());
            Some((notice.directory(directory)?.join(name), wanted))
        });
        named.collect()
    }
}

/// All of them that this machine has.
pub(super) fn by_number() -> Map<u32, &'static Carrier> {
    let numbers = CARRIERS.iter().filter_map(|call| Some((filter::number(call.name)?, call)));
    numbers.collect()
}

/// Whether a call names places.
pub(in crate::sandbox) fn is_one(name: &str) -> bool {
    CARRIERS.iter().any(|call| call.name == name)
}

const fn call(
    name: &'static str,
    wants: Wants,
    names: &'static [(Option<usize>, usize)],
) -> Carrier {
    Carrier { name, wants, names }
}

const FIRST: &[(Option<usize>, usize)] = &[(None, 0)];
const SECOND: &[(Option<usize>, usize)] = &[(None, 1)];
const BOTH: &[(Option<usize>, usize)] = &[(None, 0), (None, 1)];
const FROM: &[(Option<usize>, usize)] = &[(Some(0), 1)];
const FROM_BOTH: &[(Option<usize>, usize)] = &[(Some(0), 1), (Some(2), 3)];

const CARRIERS: &[Carrier] = &[
    call("execve", Wants::Runs, FIRST),
    call("open", Wants::Opens(1), FIRST),
    call("openat", Wants::Opens(2), FROM),
    call("creat", Wants::Writes, FIRST),
    call("truncate", Wants::Writes, FIRST),
    call("stat", Wants::Reads, FIRST),
    call("lstat", Wants::Reads, FIRST),
    call("newfstatat", Wants::Reads, FROM),
    call("statx", Wants::Reads, FROM),
    call("access", Wants::Reads, FIRST),
    call("faccessat", Wants::Reads, FROM),
    call("faccessat2", Wants::Reads, FROM),
    call("readlink", Wants::Reads, FIRST),
    call("readlinkat", Wants::Reads, FROM),
    call("chdir", Wants::Reads, FIRST),
    call("mkdir", Wants::Writes, FIRST),
    call("mkdirat", Wants::Writes, FROM),
    call("rmdir", Wants::Writes, FIRST),
    call("unlink", Wants::Writes, FIRST),
    call("unlinkat", Wants::Writes, FROM),
    call("rename", Wants::Writes, BOTH),
    call("renameat", Wants::Writes, FROM_BOTH),
    call("renameat2", Wants::Writes, FROM_BOTH),
    call("link", Wants::Writes, BOTH),
    call("linkat", Wants::Writes, FROM_BOTH),
    call("symlink", Wants::Writes, SECOND),
    call("symlinkat", Wants::Writes, &[(Some(1), 2)]),
    call("chmod", Wants::Writes, FIRST),
    call("fchmodat", Wants::Writes, FROM),
    call("utime", Wants::Writes, FIRST),
    call("utimes", Wants::Writes, FIRST),
    call("utimensat", Wants::Writes, FROM),
];
