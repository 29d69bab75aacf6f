//! System calls that no library has a safe form of.
//!
//! # Invariants
//! - Nothing here allocates: it is called in processes that were just cloned.

use std::time::Duration;

use rustix::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::{Resource, WaitOptions};

use super::outcome::{Ending, Usage};

/// Which side of a clone this is.
#[derive(Debug)]
pub(super) enum Side {
    /// The new process. It has what the old one had, but no other thread: what those held when it
    /// was made is held for ever, so it must neither allocate nor lock.
    Child,
    /// The old process: a descriptor and the number of the new one.
    Parent { process: OwnedFd, number: i32 },
}

/// Makes a process in new namespaces, in a cgroup if one is given.
pub(super) fn clone(namespaces: u64, cgroup: Option<&OwnedFd>) -> rustix::io::Result<Side> {
    let mut process: i32 = -1;
    let into = if cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 };
    let arguments = CloneArguments {
        flags: namespaces | into | u64::from(libc::CLONE_PIDFD.unsigned_abs()),
        pidfd: (&raw mut process).expose_provenance() as u64,
        exit_signal: u64::from(libc::SIGCHLD.unsigned_abs()),
        cgroup: cgroup.map_or(0, |cgroup| u64::from(cgroup.as_raw_fd().unsigned_abs())),
        ..CloneArguments::default()
    };
    // SAFETY: without CLONE_VM the child has memory of its own, a copy on write, so that it returns
    // from here like from `fork`. The kernel reads as many bytes of `arguments` as it is told, and
    // writes one number to `process`; both outlive the call. What the child may do is said at
    // `Side::Child`.
    let answer = unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>())
    };
    match answer {
        0 => Ok(Side::Child),
        1.. => Ok(Side::Parent {
            // SAFETY: the kernel wrote the number of a new descriptor, which nobody else has.
            process: unsafe { OwnedFd::from_raw_fd(process) },
            number: i32::try_from(answer).unwrap_or(i32::MAX),
        }),
        _ => Err(last_error()),
    }
}

/// Makes a process that has this one's memory, while this one waits until it has become another
/// program or has ended. Gives its number.
///
/// Nothing is copied, which is most of what a new process costs. It must end itself.
pub(super) fn lend<W: FnMut()>(mut work: W) -> rustix::io::Result<i32> {
    // SAFETY: this process does not run meanwhile (CLONE_VFORK), and `work` outlives that.
    unsafe { with_stack(&mut work, libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD) }
}

/// A process that has this one's memory and a stack of its own, and ends when its work is done.
///
/// # Safety
/// Nobody else uses the work until the process has ended or has become another program, nor does it
/// go away before.
unsafe fn with_stack<W: FnMut()>(work: &mut W, flags: libc::c_int) -> rustix::io::Result<i32> {
    extern "C" fn run<W: FnMut()>(work: *mut libc::c_void) -> libc::c_int {
        // SAFETY: it points to the work, which nobody else has meanwhile.
        let work = unsafe { &mut *work.cast::<W>() };
        work();
        1
    }
    let both = ProtFlags::READ | ProtFlags::WRITE;
    let kind = MapFlags::PRIVATE | MapFlags::STACK;
    // SAFETY: a new mapping, where the kernel likes, that nothing else refers to. The new process
    // has it for its stack, whose end is one past its last byte.
    let number = unsafe {
        let stack = mmap_anonymous(std::ptr::null_mut(), STACK_BYTES, both, kind)?;
        let work = (&raw mut *work).cast();
        libc::clone(run::<W>, stack.cast::<u8>().add(STACK_BYTES).cast(), flags, work)
    };
    if number < 0 { Err(last_error()) } else { Ok(number) }
}

/// Does something while another process does something else, and goes on when both are done. The
/// other one has this one's memory, descriptors and directories, and is accounted for nowhere.
///
/// # Errors
/// There is no other process; then nothing was done.
pub(super) fn beside<W: FnMut() + Send, T>(
    mut work: W,
    own: impl FnOnce() -> T,
) -> rustix::io::Result<T> {
    // Nobody asks how it ended, and what it used is not the program's.
    ignore_children();
    let sharing = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: the other process has memory of this one, and `work` is its alone until it has ended,
    // which is waited for before anything returns: that it is sent there is what `Send` says. Both
    // have the same thread's variables, of which only that of the last error is ever written here,
    // and that only by `work`: `own`, whatever it calls of the kernel, calls it by a library that
    // has none.
    let number = unsafe { with_stack(&mut work, sharing) };
    let outcome = number.map(|_| own());
    // Where children are forgotten it waits for the last of them, and says that there is none.
    while let Ok(_) | Err(Errno::INTR) = rustix::process::wait(WaitOptions::empty()) {}
    handle(libc::SIGCHLD, libc::SIG_DFL);
    outcome
}

/// Asks to run soon whenever there is something to do, and never for long. A kernel that does not
/// know this lets processes wait for each other a little longer.
pub(super) fn be_quick() {
    let attributes = SchedulingAttributes {
        size: size_of::<SchedulingAttributes>() as u32,
        runtime: 100_000,
        ..SchedulingAttributes::default()
    };
    // SAFETY: the kernel reads as many bytes of `attributes` as they say themselves.
    unsafe {
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
    }
}

/// The highest that a limit of this process may be set to. The library's own call cannot fail, and
/// ends the process where a filter of somebody else's refuses it.
pub(super) fn limit_max(resource: Resource) -> rustix::io::Result<u64> {
    let mut limits = [0_u64; 2];
    // SAFETY: the kernel reads nothing and writes two numbers to `limits`, which outlives this.
    done(unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0,
            resource as u32,
            std::ptr::null::<u64>(),
            &raw mut limits,
        )
    })?;
    let [_, maximum] = limits;
    Ok(maximum)
}

/// A signal comes after so many seconds, for this process and the program to come.
pub(super) fn alarm(seconds: u32) {
    // SAFETY: the call takes a number, and changes no memory.
    unsafe {
        libc::alarm(seconds);
    }
}

/// Changes what may be done on a mount, and on those beneath it if `is_tree`.
pub(super) fn change_mount(
    mount: impl AsFd,
    set: u64,
    idmap: Option<&OwnedFd>,
    is_tree: bool,
) -> rustix::io::Result<()> {
    let attributes = MountAttributes {
        attr_set: set | if idmap.is_some() { MOUNT_ATTR_IDMAP } else { 0 },
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: idmap.map_or(0, |fd| u64::from(fd.as_raw_fd().unsigned_abs())),
    };
    let flags = libc::AT_EMPTY_PATH | if is_tree { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty string with its zero, and the kernel reads as many bytes of
    // `attributes` as it is told. Both outlive the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    done(answer)
}

/// A call of `prctl` whose arguments are numbers.
pub(super) fn control(what: i32, argument: u64) -> rustix::io::Result<()> {
    // SAFETY: `prctl` is called here only with what takes numbers, none of which is an address.
    done(unsafe { libc::syscall(libc::SYS_prctl, what, argument, 0_u64, 0_u64, 0_u64) })
}

/// Whether this kernel can refuse that a process runs what it wrote into memory.
pub(super) fn refuses_execution_gain() -> bool {
    control(libc::PR_GET_MDWE, 0).is_ok()
}

/// Installs a filter for system calls in this thread.
pub(super) fn install(filter: &[libc::sock_filter]) -> rustix::io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| Errno::TOOBIG)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program that `program` points to, whose length is right and
    // which outlives the call; it does not write to it.
    done(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0_u32, &raw const program)
    })
}

/// Installs a filter in this thread that may ask somebody, and gives the descriptor to answer on.
pub(super) fn install_watched(filter: &[libc::sock_filter]) -> rustix::io::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| Errno::TOOBIG)?,
        filter: filter.as_ptr().cast_mut(),
    };
    let install = |flags: libc::c_ulong| {
        // SAFETY: as in `install`: the kernel copies what `program` points to.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        };
        let number = i32::try_from(answer).ok().filter(|number| *number >= 0);
        // SAFETY: the kernel gave us this descriptor just now, and nobody else has it.
        number.map(|number| unsafe { OwnedFd::from_raw_fd(number) }).ok_or_else(last_error)
    };
    // A signal must not begin a call anew that is being answered; a kernel before 5.19 lets it.
    match install(NEW_LISTENER | WAIT_KILLABLE) {
        Err(Errno::INVAL) => install(NEW_LISTENER),
        installed => installed,
    }
}

/// Closes on exec every descriptor from this one on.
pub(super) fn close_from_on_exec(first: u32) -> rustix::io::Result<()> {
    // SAFETY: the call takes numbers, and closes nothing before there is another program.
    done(unsafe {
        libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })
}

/// Closes every descriptor from one to another.
pub(super) fn close_between(first: u32, last: u32) -> rustix::io::Result<()> {
    // SAFETY: whoever calls owns none of these any more: the process was just made, and keeps only
    // what it moved above them.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })
}

/// Closes everything from a number on but these; one may be there twice.
pub(super) fn close_all_but(mut first: u32, kept: [&OwnedFd; 5]) -> rustix::io::Result<()> {
    let kept = kept.map(|fd| fd.as_raw_fd().unsigned_abs());
    while let Some(number) = kept.into_iter().filter(|number| *number >= first).min() {
        if first < number {
            close_between(first, number - 1)?;
        }
        first = number + 1;
    }
    close_between(first, u32::MAX)
}

/// A signal does what it does at first, for the program to come.
///
/// By the kernel's call and not the library's: that takes a lock of its own, which another thread
/// of whoever was copied may have held, and which nobody would ever give back here.
pub(super) fn reset_signals() {
    for signal in 1..=SIGNALS_MAX {
        handle(signal, libc::SIG_DFL);
    }
}

/// Children that end are forgotten, without being waited for.
pub(super) fn ignore_children() {
    handle(libc::SIGCHLD, libc::SIG_IGN);
}

/// Sets what happens at a signal: the usual, or nothing.
fn handle(signal: i32, what: libc::sighandler_t) {
    // What to do, flags, what restores (nothing is called, so nothing is restored), signals held.
    let action = [what as u64, 0, 0, 0];
    // SAFETY: the kernel reads an action of no more than four words, which outlives the call, and
    // sets no function of ours. For the two signals that cannot be set it fails.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            action.as_ptr(),
            std::ptr::null_mut::<u64>(),
            SIGNAL_SET_BYTES,
        );
    }
}

/// Which signals wait until they are taken: these, or none.
pub(super) fn hold_signals(signals: &[i32]) {
    // SAFETY: the set is made empty before it is used, and outlives the call that reads it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// A descriptor that can be read when a child has ended, while its signal is held.
pub(super) fn children() -> rustix::io::Result<OwnedFd> {
    // SAFETY: the set is made empty before it is used, and outlives the call that reads it.
    let fd = unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if fd < 0 {
        return Err(last_error());
    }
    // SAFETY: the kernel gave us this descriptor just now, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Becomes another program. The lists end with null, and each string with a zero.
pub(super) fn execute(
    program: &std::ffi::CStr,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> Errno {
    if arguments.last().is_none_or(|last| !last.is_null())
        || environment.last().is_none_or(|last| !last.is_null())
    {
        return Errno::INVAL;
    }
    // SAFETY: both lists end with null, as was just looked at; what they lead to are strings with a
    // zero at their end, which the plan of the sandbox holds for longer than this process has it.
    unsafe {
        libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
    }
    last_error()
}

/// Any call with numbers for arguments, which must mean no address: for trying what must fail.
pub(super) fn attempt(call: libc::c_long, arguments: [libc::c_long; 5]) -> rustix::io::Result<()> {
    let [first, second, third, fourth, fifth] = arguments;
    // SAFETY: no argument is an address of ours, and whoever calls passes numbers for descriptors
    // and processes that are not there: a kernel that allows the call reads and writes nothing.
    done(unsafe { libc::syscall(call, first, second, third, fourth, fifth) })
}

/// Waits for a signal.
pub(super) fn pause() {
    // SAFETY: the call takes and changes nothing.
    unsafe {
        libc::pause();
    }
}

/// Waits until a process of ours has ended, and lets the kernel forget it.
pub(super) fn reap(process: &OwnedFd) -> rustix::io::Result<()> {
    loop {
        let which = rustix::process::WaitId::PidFd(process.as_fd());
        match rustix::process::waitid(which, rustix::process::WaitIdOptions::EXITED) {
            Err(Errno::INTR) => {}
            outcome => return outcome.map(drop),
        }
    }
}

/// Makes the loopback address of this network answer.
pub(super) fn raise_loopback(socket: &OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: of the structure every field is a number, for which zeros are a value; the call reads
    // it, and it outlives the call. The name has its zero, because the rest of it is zeros.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
            *place = byte.cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
        done(libc::syscall(
            libc::SYS_ioctl,
            socket.as_raw_fd(),
            libc::c_ulong::from(SET_INTERFACE_FLAGS),
            &raw const request,
        ))
    }
}

/// Waits for any child that has ended, without waiting for one to end.
pub(super) fn reap_any() -> Option<(i32, Ending)> {
    let mut status = 0;
    // SAFETY: the call writes one number to `status`, which outlives it.
    let number = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    if number <= 0 {
        return None;
    }
    let ending = match libc::WIFEXITED(status) {
        true => Ending::Exited(libc::WEXITSTATUS(status)),
        false => Ending::Signalled(libc::WTERMSIG(status)),
    };
    Some((number, ending))
}

/// Bytes of a page of memory.
pub(super) fn page_bytes() -> u64 {
    // SAFETY: the call takes a number, and changes nothing.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096)
}

/// Whether there are no children, ended or not.
pub(super) fn is_childless() -> bool {
    // SAFETY: the call is given no place to write to.
    let number = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    number < 0 && last_error() == Errno::CHILD
}

/// What children that were waited for used, and those that they waited for.
pub(super) fn usage_of_children() -> Usage {
    // SAFETY: every field of the structure is a number, for which zeros are a value; the call
    // writes to it, and it outlives the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        Duration::from_secs(seconds) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Usage {
        time: time(usage.ru_utime) + time(usage.ru_stime),
        memory_bytes: usage.ru_maxrss.unsigned_abs().saturating_mul(1024),
    }
}

/// Makes a descriptor be this number as well, for the program to come.
pub(super) fn duplicate(fd: &OwnedFd, number: i32) -> rustix::io::Result<()> {
    // SAFETY: what was behind that number is closed, and nobody here uses it again: the process is
    // about to become another program.
    done(unsafe { libc::syscall(libc::SYS_dup3, fd.as_raw_fd(), number, 0) })
}

/// Ends this process, and runs nothing that others meant to run at their end.
pub(super) fn end(code: i32) -> ! {
    // SAFETY: this ends the process, and takes no memory from anybody.
    unsafe { libc::_exit(code) }
}

fn done(answer: libc::c_long) -> rustix::io::Result<()> {
    if answer >= 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

/// `struct clone_args`.
#[derive(Default)]
#[repr(C)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `struct sched_attr`: of the usual policy, whose number is zero.
#[derive(Default)]
#[repr(C)]
struct SchedulingAttributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// `struct mount_attr`.
#[repr(C)]
struct MountAttributes {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

// From <linux/seccomp.h>.
const NEW_LISTENER: libc::c_ulong = 1 << 3;
const WAIT_KILLABLE: libc::c_ulong = 1 << 5;

// From <linux/sched.h> and <linux/mount.h>.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
pub(super) const MOUNT_READ_ONLY: u64 = 0x1;
pub(super) const MOUNT_NO_SETUID: u64 = 0x2;
pub(super) const MOUNT_NO_DEVICES: u64 = 0x4;
pub(super) const MOUNT_NO_EXECUTION: u64 = 0x8;
const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;
const SIGNALS_MAX: i32 = 64;
const SIGNAL_SET_BYTES: usize = 8;
/// Enough for what becomes a program.
const STACK_BYTES: usize = 64 << 10;
/// `SIOCSIFFLAGS`.
const SET_INTERFACE_FLAGS: u32 = 0x8914;
