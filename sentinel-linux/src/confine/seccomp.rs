//! seccomp: the system calls that a running agent needs, and no other.
//!
//! A list of what is allowed, because nobody can list what will be added. What is not on it fails
//! as if it were not permitted; the process does not die of it, so that a library that tries
//! something new is told no.

use std::io;

use super::ConfineError;

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

/// Tries what must not work any more: to start a program, and to make a socket of a kind that is
/// not on the list. Were it allowed, it would fail in another way.
pub(super) fn prove() -> Result<(), ConfineError> {
    let failed = |what: &str| {
        let error = io::Error::other(format!("{what} is still possible"));
        Err(ConfineError { what: "system calls", error })
    };
    // SAFETY: the path is none, so that a kernel that allows the call refuses it for that.
    let started = unsafe {
        let none: *const libc::c_char = std::ptr::null();
        libc::syscall(libc::SYS_execve, none, none, none)
    };
    if started != -1 || io::Error::last_os_error().raw_os_error() != Some(libc::EPERM) {
        return failed("starting a program");
    }
    // SAFETY: with these arguments nothing is traced, whatever the answer.
    let traced = unsafe { libc::syscall(libc::SYS_ptrace, -1_i64, 0, 0, 0) };
    if traced != -1 || io::Error::last_os_error().raw_os_error() != Some(libc::EPERM) {
        return failed("tracing");
    }
    Ok(())
}

/// The filter: the right architecture, a number on the list, or no.
fn program() -> Vec<libc::sock_filter> {
    let jump = |code, value, yes, no| libc::sock_filter { code, jt: yes, jf: no, k: value };
    let load = |offset| jump(LOAD, offset, 0, 0);
    let answer = |value| jump(RETURN, value, 0, 0);
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        jump(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_OFFSET),
    ];
    // The numbers of x32, under the same architecture, are not on the list either.
    for number in ALLOWED.iter().filter_map(|number| u32::try_from(*number).ok()) {
        program.push(jump(JUMP_EQUAL, number, 0, 1));
        program.push(answer(libc::SECCOMP_RET_ALLOW));
    }
    let refusal = u32::try_from(libc::EPERM).unwrap_or(1);
    program.push(answer(libc::SECCOMP_RET_ERRNO | refusal));
    program
}

/// What a running agent does: files that are granted, sockets, time, memory, its own threads.
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
    libc::SYS_ioctl,
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
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_shutdown,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Itself.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getrandom,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
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
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

// From <linux/audit.h>.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

// `struct seccomp_data`: the number of the call, then the architecture.
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;

// From <linux/bpf_common.h>: a word at a place, a comparison with a constant, an answer.
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
