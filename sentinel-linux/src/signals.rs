//! Signals, as something to read: one that ends the program, one that reloads its settings, one
//! that says that it goes on.

use std::io;

use rustix::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// End in good order; a second time, end at once.
    End,
    /// Read the settings again.
    Reload,
    /// The process was stopped, and goes on.
    Resume,
}

/// The descriptor that signals come from.
#[derive(Debug)]
pub(crate) struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// From here on the signals are read and interrupt nothing. To be called before there are
    /// threads: they inherit what is blocked.
    #[allow(unsafe_code, reason = "a set of signals is made and blocked in no safe way")]
    pub(crate) fn new() -> io::Result<Self> {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` writes all of the set that it is given a place for, so that it is
        // initialised from then on; `sigaddset` takes numbers of signals that exist;
        // `pthread_sigmask` and `signalfd` read the set and keep no pointer to it.
        let fd = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            let ends = [libc::SIGINT, libc::SIGTERM, libc::SIGQUIT];
            for signal in ends.into_iter().chain([libc::SIGHUP, libc::SIGCONT]) {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            let blocked =
                libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            if blocked != 0 {
                return Err(io::Error::from_raw_os_error(blocked));
            }
            libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `signalfd` gave us this descriptor just now, and nobody else has it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The next signal, if one came.
    pub(crate) fn take(&self) -> Option<Signal> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.fd, &mut info) {
            Ok(count) if count == info.len() => {}
            _ => return None,
        }
        // The number of the signal is the first member.
        let number = info.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))?;
        let is = |signal: libc::c_int| u32::try_from(signal) == Ok(number);
        Some(match () {
            () if is(libc::SIGHUP) => Signal::Reload,
            () if is(libc::SIGCONT) => Signal::Resume,
            () => Signal::End,
        })
    }
}

/// From here on what this thread writes to a terminal does not stop the process, wherever it runs:
/// it ends, and nobody would let it go on.
#[allow(unsafe_code, reason = "a set of signals is made and blocked in no safe way")]
pub(crate) fn go_on_in_the_background() {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` writes all of the set that it is given a place for, so that it is
    // initialised from then on; `sigaddset` takes the number of a signal that exists;
    // `pthread_sigmask` reads the set and keeps no pointer to it. It fails for an unknown way of
    // changing a mask alone, and this one is known.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
