//! seccomp: the system calls that a running agent needs, and no other.
//!
//! A list of what is allowed, because nobody can list what will be added. What is not on it fails
//! as if it were not permitted; the process does not die of it, so that a library that tries
//! something new is told no.
//!
//! Of some calls only a part is needed, and the rest is a way out: typing into the terminal that a
//! shell will read from later (`ioctl`), talking with a service manager that starts programs for
//! whoever asks (sockets of this machine), signals to other processes, memory that is run.

use std::io;

use super::ConfineError;
use super::bpf::{
    self, ARCHITECTURE, ARCHITECTURE_OFFSET, JUMP_ANY_BIT, JUMP_EQUAL, NUMBER_OFFSET, answer, load,
    number, step,
};

/// From here on, for all threads.
pub(super) fn install() -> io::Result<()> {
    let program = program();
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program that `filter` points to, whose length is right and
    // which outlives the call; it does not write to it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const filter,
        )
    };
    match done {
        0 => Ok(()),
        // The number of a thread that could not be told.
        1.. => Err(io::Error::other("a thread has another filter")),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Tries what must not work any more. Were it allowed, it would fail in another way or do nothing,
/// for its arguments make no sense.
pub(super) fn prove() -> Result<(), ConfineError> {
    let other = libc::c_long::from(std::process::id()) + 1;
    let (unix, run) = (libc::AF_UNIX.into(), libc::PROT_EXEC.into());
    let private = libc::c_long::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // A request is a number whose upper half nobody looks at.
    let typing = libc::c_long::try_from(libc::TIOCSTI).unwrap_or_default();
    let tried = [
        ("starting a program", libc::SYS_execve, [0; 6]),
        ("tracing", libc::SYS_ptrace, [-1, 0, 0, 0, 0, 0]),
        ("talking with services of this machine", libc::SYS_socket, [unix, -1, 0, 0, 0, 0]),
        ("typing into a terminal", libc::SYS_ioctl, [-1, typing, 0, 0, 0, 0]),
        ("signals to other processes", libc::SYS_tgkill, [other, other, 0, 0, 0, 0]),
        ("memory that is run", libc::SYS_mmap, [0, 0, run, private, -1, 0]),
    ];
    for (what, call, arguments) in tried {
        if !is_refused(call, arguments) {
            let error = io::Error::other(format!("{what} is still possible"));
            return Err(ConfineError { what: "system calls", error });
        }
    }
    Ok(())
}

/// Whether a call is not permitted.
fn is_refused(call: libc::c_long, arguments: [libc::c_long; 6]) -> bool {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: no argument points to anything, and no descriptor, process or length among them is
    // one that is there: a kernel that allows such a call reads and writes nothing of ours.
    let answer = unsafe { libc::syscall(call, first, second, third, fourth, fifth, sixth) };
    answer == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// The filter: the right architecture, a number on the list, arguments that are needed, or no.
fn program() -> Vec<libc::sock_filter> {
    let refusal = bpf::refusal(libc::EPERM);
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        step(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_OFFSET),
    ];
    // The numbers of x32, under the same architecture, are not on the list either.
    for call in ALLOWED {
        program.push(step(JUMP_EQUAL, number(*call), 0, 1));
        program.push(answer(libc::SECCOMP_RET_ALLOW));
    }
    for Part { call, argument, values } in parts() {
        // For each value a comparison, which leads past the refusal behind them.
        let count = u8::try_from(values.len()).unwrap_or(u8::MAX);
        program.push(step(JUMP_EQUAL, number(call), 0, count + 3));
        program.push(load(bpf::argument(argument)));
        for (index, value) in (0..count).zip(values) {
            program.push(step(JUMP_EQUAL, value, count - index, 0));
        }
        program.push(refusal);
        program.push(answer(libc::SECCOMP_RET_ALLOW));
    }
    // Memory that is run is neither made nor changed into.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        program.push(step(JUMP_EQUAL, number(call), 0, 4));
        program.push(load(bpf::argument(2)));
        program.push(step(JUMP_ANY_BIT, number(libc::PROT_EXEC.into()), 1, 0));
        program.push(answer(libc::SECCOMP_RET_ALLOW));
        program.push(refusal);
    }
    program.push(refusal);
    program
}

/// A call of which only a part is needed: these values of one argument.
struct Part {
    call: libc::c_long,
    argument: u32,
    values: Vec<u32>,
}

fn parts() -> [Part; 4] {
    let [inet, inet6] = [libc::AF_INET, libc::AF_INET6].map(|family| number(family.into()));
    let requests = [
        libc::TCGETS,
        libc::TIOCGWINSZ,
        libc::TIOCGPGRP,
        libc::FIONBIO,
        libc::FIONREAD,
        INTERFACE_INDEX,
    ];
    let requests = requests.iter().filter_map(|request| u32::try_from(*request).ok());
    let requests = requests.chain(TERMINAL_MODES).collect();
    [
        // What connects to a service of this machine can have it start programs.
        Part { call: libc::SYS_socket, argument: 0, values: vec![inet, inet6] },
        // Both ends are its own: what it hands to the process that starts programs.
        Part {
            call: libc::SYS_socketpair,
            argument: 0,
            values: vec![number(libc::AF_UNIX.into())],
        },
        Part { call: libc::SYS_ioctl, argument: 1, values: requests },
        // How a program that gave up ends itself.
        Part { call: libc::SYS_tgkill, argument: 0, values: vec![std::process::id()] },
    ]
}

/// What a running agent does: files that are granted, sockets, time, memory, its own threads. Of
/// some more a part is allowed: see [`parts`].
const ALLOWED: &[libc::c_long] = &[
    // Files.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_fchmod,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fstatfs,
    libc::SYS_readlinkat,
    // Waiting.
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    libc::SYS_eventfd2,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    // Networks.
    libc::SYS_connect,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_shutdown,
    // What comes out of a program in its sandbox, and what passes between one and its servers.
    libc::SYS_pipe2,
    libc::SYS_splice,
    // Memory.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Itself.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_getpgid,
    libc::SYS_getrandom,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getpgrp,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

/// `SIOCGIFINDEX`: the number of an interface, for addresses that are on one.
const INTERFACE_INDEX: libc::Ioctl = 0x8933;
/// `TCGETS2` and `TCSETSW2`: a terminal hands over each key, and is left as it was. libc has no
/// number for them on musl, where one is signed and the first too large. `TCSETSW` is what serves
/// where the second is not known.
const TERMINAL_MODES: [u32; 3] = [0x802c_542a, 0x402c_542c, 0x5403];

#[cfg(test)]
mod tests {
    use super::*;

    /// Only its own group is of any use, and where a call says no other one, that one is enough.
    #[test]
    fn the_groups_of_others_are_asked_for_only_where_there_is_no_other_way() {
        let has_own = cfg!(target_arch = "x86_64");
        assert_eq!(ALLOWED.contains(&libc::SYS_getpgid), !has_own);
    }
}
