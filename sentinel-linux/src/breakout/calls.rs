//! System calls by their numbers: many have no wrapper, and some shall not have one.

use std::ffi::CStr;
use std::io;

use libc::c_long;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, WaitStatus};

use super::Refused;

/// An argument of a system call.
#[derive(Debug)]
pub(super) enum Word<'a> {
    Number(i64),
    Text(&'a CStr),
    Bytes(&'a [u8]),
    Room(&'a mut [u8]),
}

impl From<i32> for Word<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Word<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a CStr> for Word<'a> {
    fn from(text: &'a CStr) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Word<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a mut [u8]> for Word<'a> {
    fn from(room: &'a mut [u8]) -> Self {
        Self::Room(room)
    }
}

pub(super) const NOTHING: Word<'static> = Word::Number(0);

/// Asks the kernel for something that changes no memory of ours but what is lent to it.
///
/// # Panics
/// The call is one that is given addresses as numbers, or that goes on in another place: those
/// have no business here.
pub(super) fn ask<const N: usize>(call: c_long, words: [Word<'_>; N]) -> io::Result<i64> {
    assert!(!ADDRESSED.contains(&call), "system call {call} is given addresses");
    let mut arguments = [0_i64; 6];
    for (argument, word) in arguments.iter_mut().zip(words) {
        *argument = match word {
            Word::Number(number) => number,
            Word::Text(text) => text.as_ptr() as i64,
            Word::Bytes(bytes) => bytes.as_ptr() as i64,
            Word::Room(room) => room.as_mut_ptr() as i64,
        };
    }
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: what is a pointer among the arguments comes from a reference that outlives the call,
    // and from one that may be written to where the call writes; the callers pass lengths that fit
    // it. All else are numbers that no call outside of the list above takes for addresses.
    let answer = unsafe { libc::syscall(call, first, second, third, fourth, fifth, sixth) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Calls whose numbers are addresses of ours, or after which two go on with one memory.
const ADDRESSED: &[c_long] = &[
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_brk,
    libc::SYS_clone,
    libc::SYS_shmat,
    libc::SYS_rt_sigreturn,
];

/// Whether the kernel let it in: past its check of permission only arguments can be wrong.
pub(super) fn let_in(answer: io::Result<i64>, behind: &[i32]) -> super::Tried {
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error().is_some_and(|code| behind.contains(&code)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Does something in a child process, and gives how that ended.
pub(super) fn in_child(work: impl FnOnce() -> u8) -> io::Result<WaitStatus> {
    let child = child(work)?;
    let (_, status) = rustix::process::waitpid(Some(child), WaitOptions::empty())?
        .ok_or_else(|| io::Error::other("the child is gone"))?;
    Ok(status)
}

/// Does something in a child process that nobody waits for yet.
pub(super) fn child(work: impl FnOnce() -> u8) -> io::Result<Pid> {
    // SAFETY: an attempt is a process of one thread whenever it calls this, so the copy holds no
    // lock that nobody will release; it ends without the destructors and buffers of its parent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = work();
            // SAFETY: it ends the process at once and takes a number.
            unsafe { libc::_exit(code.into()) }
        }
        child => Pid::from_raw(child).ok_or_else(|| io::Error::other("no process")),
    }
}

/// Whether a child of ours has not ended. It remains to be waited for.
pub(super) fn is_alive(child: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(rustix::process::waitid(WaitId::Pid(child), options), Ok(None))
}

/// Ends a child of ours.
pub(super) fn kill(child: Pid) {
    let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
    let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
}

/// A path as the kernel takes it.
pub(super) fn path(path: &std::path::Path) -> Result<std::ffi::CString, Refused> {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(Refused::untried)
}

/// A structure of the kernel, as the bytes that it reads.
pub(super) fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
