//! The leash: what a process started ends with it, whenever that is.
//!
//! The kernel sends a signal at a parent's death to who asked for it. Who has not asked yet gets
//! none, nor who became somebody else since; a process that was made in a namespace of its own
//! does not even see that it has no parent any more. So there is a pipe besides that nobody writes
//! to. Its one end only the parent holds: when that is closed, the parent is gone.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::pipe::{PipeFlags, pipe_with};

use super::fault::{At as _, Fault, Stage};
use super::kernel;

/// Both ends, in the process that starts others.
#[derive(Debug)]
pub(super) struct Leash {
    pub(super) watched: OwnedFd,
    held: OwnedFd,
}

impl Leash {
    pub(super) fn new() -> io::Result<Self> {
        let (watched, held) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self { watched, held })
    }

    /// In a process that was just made: holds the end no more that is its parent's alone.
    pub(super) fn let_go(&self) {
        let held = self.held.as_raw_fd().unsigned_abs();
        let _ = kernel::close_between(held, held);
    }
}

/// Is killed when whoever started this ends; ends at once if that is over already.
pub(super) fn follow(leash: Option<&OwnedFd>) -> Result<(), Fault> {
    let kill = u64::from(libc::SIGKILL.unsigned_abs());
    kernel::control(libc::PR_SET_PDEATHSIG, kill).at(Stage::Leash)?;
    if let Some(leash) = leash {
        let mut waited = [PollFd::new(leash, PollFlags::empty())];
        // An interrupted look is no answer, and neither is one that failed: whoever waits for the
        // program looks here again.
        let _ = poll(&mut waited, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        let [looked] = &waited;
        if looked.revents().contains(PollFlags::HUP) {
            kernel::end(1);
        }
    }
    Ok(())
}
