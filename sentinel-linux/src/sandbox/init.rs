//! The first process of a sandbox, once the program runs: it waits, and its end is everybody's.
//!
//! The kernel kills every process of a namespace when its first one ends. So nothing outlives a
//! call: not what was started and left behind, not what took care to be nobody's child.
//!
//! # Invariants
//! - It ends when the program does, when the time is over, and when nobody is there any more who
//!   wants to know: whichever comes first.
//! - It can make hardly any system call, and takes nothing from the processes it waits for but the
//!   fact that they ended.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use sentinel_core::sandbox::Limits;

use super::memory::{TooMuch, Watch};
use super::outcome::{Ending, Report};
use super::{cgroup, kernel};

/// The calls it makes, besides those that every program makes by itself.
pub(super) const CALLS: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_wait4,
    libc::SYS_getrusage,
    libc::SYS_clock_gettime,
    libc::SYS_sendto,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_brk,
];

/// What the processes of a sandbox may use, and who sees to it.
#[derive(Debug)]
pub(super) struct Limited<'p> {
    pub(super) limits: &'p Limits,
    pub(super) watch: Option<Watch>,
    /// Where the kernel counts whom it killed because memory was all used.
    pub(super) killed: Option<&'p OwnedFd>,
    /// Where it counts how often a process was not made because there were so many.
    pub(super) crowded: Option<&'p OwnedFd>,
}

/// Waits for the end of the program, and ends; or for the end of those who want to know of it or
/// who started it.
pub(super) fn wait(
    [report, leash]: [&OwnedFd; 2],
    children: &OwnedFd,
    program: i32,
    limited: &Limited<'_>,
) -> ! {
    let ends = limited.limits.time.map(|time| now().saturating_add(time));
    loop {
        let mut left = ends.map(|ends| ends.saturating_sub(now()));
        if left == Some(Duration::ZERO) {
            tell(report, Ending::TimedOut, limited);
        }
        match limited.watch.as_ref().map(Watch::look) {
            None => {}
            Some(Ok(patience)) => left = Some(left.unwrap_or(patience).min(patience)),
            Some(Err(TooMuch)) => tell(report, Ending::OutOfMemory, limited),
        }
        let left = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let end_of = |fd| PollFd::new(fd, PollFlags::empty());
        let mut waited = [end_of(report), end_of(leash), PollFd::new(children, PollFlags::IN)];
        match poll(&mut waited, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => kernel::end(1),
        }
        let [ends @ .., _] = &waited;
        if ends.iter().any(|end| end.revents().intersects(PollFlags::HUP | PollFlags::ERR)) {
            // Nobody wants to know any more, or nobody is left who would see to it.
            kernel::end(1);
        }
        // What it says does not matter; that it said something is what woke this.
        let _ = rustix::io::read(children, &mut [0_u8; 128]);
        while let Some((number, ending)) = kernel::reap_any() {
            if number == program {
                tell(report, cause(ending, limited), limited);
            }
        }
    }
}

/// What was behind the end of the program.
fn cause(ending: Ending, limited: &Limited<'_>) -> Ending {
    let Limited { limits, killed, .. } = limited;
    let is_killed = || says(*killed, cgroup::has_killed);
    let used = kernel::usage_of_children().time;
    match ending {
        // A shell says of its last child what was its end.
        Ending::Signalled(libc::SIGKILL) | Ending::Exited(KILLED) if is_killed() => {
            Ending::OutOfMemory
        }
        Ending::Signalled(libc::SIGXCPU) => Ending::OutOfProcessor,
        // Who does not hear that signal gets another one a second later.
        Ending::Signalled(libc::SIGKILL) if limits.processor_time.is_some_and(|it| used >= it) => {
            Ending::OutOfProcessor
        }
        ending => ending,
    }
}

/// What one of the kernel's counters says, if there is one.
fn says(counter: Option<&OwnedFd>, what: fn(&[u8]) -> bool) -> bool {
    let mut room = [0; 512];
    let length = counter.and_then(|counter| rustix::io::read(counter, &mut room).ok());
    what(room.get(..length.unwrap_or_default()).unwrap_or_default())
}

/// Says how the program ended, or why it was ended.
fn tell(report: &OwnedFd, ending: Ending, limited: &Limited<'_>) -> ! {
    let (usage, is_alone) = (kernel::usage_of_children(), kernel::is_childless());
    let is_crowded = says(limited.crowded, cgroup::has_refused);
    Report::Ended { ending, usage, is_alone, is_crowded }.send(report);
    kernel::end(0)
}

pub(super) fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// What a shell's status is when a child was killed: 128 and the number of the signal.
const KILLED: i32 = 137;
