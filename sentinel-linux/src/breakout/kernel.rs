//! The surface of the kernel: calls that a program of an agent has no use for.
//!
//! The dangerous ones are asked with arguments that the kernel refuses after its check of
//! permission, so that its answer tells whether it would have done it.

use std::io;

use super::calls::{self, NOTHING, Word, ask, bytes, let_in};
use super::files::{opened_for_writing, read_some};
use super::ground::Ground;
use super::{Attempt, Proof, Refused, Tried};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new("load-bpf-map", "Memory for programs of the kernel is made.", Proof::Word, |_| {
        // BPF_MAP_CREATE: an array of one number.
        let attributes: Vec<u8> =
            [2_u32, 4, 8, 1].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut room = attributes;
        room.resize(72, 0);
        let words = [NOTHING, Word::Bytes(&room), Word::Number(72)];
        let_in(ask(libc::SYS_bpf, words), &[])
    }),
    Attempt::new(
        "list-bpf-programs",
        "The programs that others loaded into the kernel can be asked for.",
        Proof::Word,
        |_| {
            // BPF_PROG_GET_NEXT_ID, from the start: there may be none.
            let mut room = [0; 72];
            let words = [Word::Number(11), Word::Room(&mut room), Word::Number(72)];
            let_in(ask(libc::SYS_bpf, words), &[libc::ENOENT])
        },
    ),
    Attempt::new(
        "count-events",
        "perf_event_open counts what the processor does, which tells much about others.",
        Proof::Word,
        |_| {
            // A clock of the own task, without the kernel: struct perf_event_attr.
            let mut about = bytes(&[1 | 64 << 32, 1, 0, 0, 0, 1 << 5 | 1 << 6]);
            about.resize(64, 0);
            let words =
                [about.as_slice().into(), NOTHING, Word::Number(-1), Word::Number(-1), NOTHING];
            let_in(ask(libc::SYS_perf_event_open, words), &[])
        },
    ),
    Attempt::new(
        "catch-page-faults",
        "userfaultfd stops the kernel in the middle of a copy, as exploits like it.",
        Proof::Word,
        // Of its own user mode only.
        |_| let_in(ask(libc::SYS_userfaultfd, [Word::Number(1)]), &[]),
    ),
    Attempt::new(
        "make-ring",
        "io_uring does its calls past every filter of calls.",
        Proof::Word,
        |_| {
            let mut about = [0; 120];
            let_in(ask(libc::SYS_io_uring_setup, [Word::Number(2), Word::Room(&mut about)]), &[])
        },
    ),
    Attempt::new(
        "make-old-ring",
        "io_setup, the older way, lets the kernel read and write in the background.",
        Proof::Word,
        |_| {
            let mut ring = [0; 8];
            let_in(ask(libc::SYS_io_setup, [Word::Number(4), Word::Room(&mut ring)]), &[])
        },
    ),
    Attempt::new("add-key", "A key is put into a keyring.", Proof::Word, |ground| {
        // Into the ring of this process alone.
        let name = calls::path(std::path::Path::new(ground.sign()))?;
        let words = [
            Word::Text(c"user"),
            name.as_c_str().into(),
            Word::Bytes(b"x"),
            Word::Number(1),
            Word::Number(-2),
        ];
        let_in(ask(libc::SYS_add_key, words), &[])
    }),
    Attempt::new(
        "join-keyring",
        "The keyring of the session can be asked for.",
        Proof::Word,
        |_| let_in(ask(libc::SYS_keyctl, [NOTHING, Word::Number(-3), Word::Number(1)]), &[]),
    ),
    Attempt::new(
        "request-key",
        "The kernel is asked for a key, for which it may start a program as root.",
        Proof::Word,
        |_| {
            let words = [Word::Text(c"user"), Word::Text(c"none"), NOTHING, NOTHING];
            let_in(ask(libc::SYS_request_key, words), &[libc::ENOKEY])
        },
    ),
    Attempt::new(
        "mount",
        "Something can be mounted (of a kind that there is not, so nothing is).",
        Proof::Word,
        |_| {
            let kind = c"sentinel-none";
            let words = [Word::Text(c"none"), Word::Text(c"/"), Word::Text(kind), NOTHING, NOTHING];
            let_in(ask(libc::SYS_mount, words), &[libc::ENODEV])
        },
    ),
    Attempt::new(
        "mount-in-own-namespace",
        "In namespaces of its own the process mounts what it likes.",
        Proof::Word,
        |_| {
            unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)?;
            let tmpfs = Word::Text(c"tmpfs");
            let words = [Word::Text(c"none"), Word::Text(c"/tmp"), tmpfs, NOTHING, NOTHING];
            let_in(ask(libc::SYS_mount, words), &[])
        },
    ),
    Attempt::new(
        "unmount",
        "Something can be unmounted (asked for what is no mount).",
        Proof::Word,
        |ground| {
            let place = calls::path(&ground.workspace("nothing"))?;
            std::fs::create_dir(ground.workspace("nothing"))?;
            let words = [place.as_c_str().into(), NOTHING];
            let_in(ask(libc::SYS_umount2, words), &[libc::EINVAL])
        },
    ),
    Attempt::new(
        "change-root",
        "chroot is allowed (the root becomes the one that it is).",
        Proof::Word,
        |_| let_in(ask(libc::SYS_chroot, [Word::Text(c"/")]), &[]),
    ),
    Attempt::new(
        "pivot-root",
        "pivot_root is allowed (asked for places that there are not).",
        Proof::Word,
        |_| {
            let none = c"/sentinel-none";
            let words = [Word::Text(none), Word::Text(none)];
            let_in(ask(libc::SYS_pivot_root, words), &[libc::ENOENT])
        },
    ),
    Attempt::new(
        "open-file-system",
        "fsopen, the newer way to mount, is allowed.",
        Proof::Word,
        |_| let_in(ask(libc::SYS_fsopen, [Word::Text(c"tmpfs"), NOTHING]), &[]),
    ),
    Attempt::new(
        "pick-file-system",
        "fspick takes hold of a mounted file system to change it.",
        Proof::Word,
        |_| {
            let words = [libc::AT_FDCWD.into(), Word::Text(c"/"), NOTHING];
            let_in(ask(libc::SYS_fspick, words), &[])
        },
    ),
    Attempt::new(
        "clone-mount",
        "open_tree makes a second mount of what is mounted.",
        Proof::Word,
        |_| {
            let words = [libc::AT_FDCWD.into(), Word::Text(c"/"), Word::Number(1)];
            let_in(ask(libc::SYS_open_tree, words), &[])
        },
    ),
    Attempt::new(
        "move-mount",
        "move_mount is allowed (asked for descriptors that there are not).",
        Proof::Word,
        |_| {
            let (none, place) = (Word::Number(-1), Word::Text(c"sentinel-none"));
            let words = [none, place, Word::Number(-1), Word::Text(c"sentinel-none"), NOTHING];
            let_in(ask(libc::SYS_move_mount, words), &[libc::EBADF])
        },
    ),
    Attempt::new(
        "change-mount",
        "mount_setattr is allowed (asked to change nothing).",
        Proof::Word,
        |_| {
            let nothing = bytes(&[0, 0, 0, 0]);
            let words = [
                libc::AT_FDCWD.into(),
                Word::Text(c"/"),
                NOTHING,
                nothing.as_slice().into(),
                Word::Number(32),
            ];
            let_in(ask(libc::SYS_mount_setattr, words), &[libc::EINVAL])
        },
    ),
    Attempt::new("unshare-users", "A namespace of users is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWUSER)
    }),
    Attempt::new("unshare-mounts", "A namespace of mounts is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWNS)
    }),
    Attempt::new("unshare-network", "A namespace of networks is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWNET)
    }),
    Attempt::new("unshare-processes", "A namespace of processes is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWPID)
    }),
    Attempt::new("unshare-objects", "A namespace of shared memory is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWIPC)
    }),
    Attempt::new("unshare-names", "A namespace of host names is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWUTS)
    }),
    Attempt::new("unshare-groups", "A namespace of control groups is made.", Proof::Word, |_| {
        unshare(libc::CLONE_NEWCGROUP)
    }),
    Attempt::new("unshare-time", "A namespace of clocks is made.", Proof::Word, |_| {
        unshare(CLONE_NEWTIME)
    }),
    Attempt::new(
        "clone-into-namespace",
        "clone makes a child in a namespace of users of its own.",
        Proof::Word,
        |_| {
            let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
            // SAFETY: without a stack of its own and without shared memory this is a fork; the
            // process has one thread, and the child ends at once.
            let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
            cloned(child)
        },
    ),
    Attempt::new(
        "clone3-into-namespace",
        "clone3, whose flags no filter can read, makes a child in a namespace of its own.",
        Proof::Word,
        |_| {
            let mut about = [0_u64; 11];
            about[0] = libc::CLONE_NEWUSER as u64;
            about[4] = libc::SIGCHLD as u64;
            // SAFETY: as above; the structure has the length that is told and outlives the call.
            let child =
                unsafe { libc::syscall(libc::SYS_clone3, about.as_ptr(), size_of_val(&about)) };
            cloned(child)
        },
    ),
    Attempt::new(
        "load-module",
        "A module can be loaded into the kernel (none is given).",
        Proof::Word,
        |_| {
            let words = [NOTHING, NOTHING, NOTHING];
            let_in(ask(libc::SYS_init_module, words), &[libc::ENOEXEC, libc::EFAULT])
        },
    ),
    Attempt::new(
        "load-module-from-file",
        "A module can be loaded from a file (none is given).",
        Proof::Word,
        |_| {
            let words = [Word::Number(-1), Word::Text(c""), NOTHING];
            let_in(ask(libc::SYS_finit_module, words), &[libc::EBADF])
        },
    ),
    Attempt::new(
        "unload-module",
        "A module can be removed from the kernel (one that there is not).",
        Proof::Word,
        |_| {
            let words = [Word::Text(c"sentinel_none"), Word::Number(libc::O_NONBLOCK.into())];
            let_in(ask(libc::SYS_delete_module, words), &[libc::ENOENT])
        },
    ),
    Attempt::new(
        "load-next-kernel",
        "Another kernel can be put in the place of this one (none is given).",
        Proof::Word,
        |_| {
            // More segments than there may be.
            let words = [NOTHING, Word::Number(17), NOTHING, NOTHING];
            let_in(ask(libc::SYS_kexec_load, words), &[libc::EINVAL, libc::EFAULT])
        },
    ),
    Attempt::new(
        "reboot",
        "The machine can be restarted (asked without the numbers that mean it).",
        Proof::Word,
        |_| let_in(ask(libc::SYS_reboot, [NOTHING, NOTHING, NOTHING, NOTHING]), &[libc::EINVAL]),
    ),
    Attempt::new(
        "swap-on",
        "Memory can be moved to a file (no name is given).",
        Proof::Word,
        |_| let_in(ask(libc::SYS_swapon, [NOTHING, NOTHING]), &[libc::EFAULT]),
    ),
    Attempt::new("swap-off", "Swapping can be turned off (no name is given).", Proof::Word, |_| {
        let_in(ask(libc::SYS_swapoff, [NOTHING]), &[libc::EFAULT])
    }),
    Attempt::new(
        "set-time",
        "The clock of the machine can be set (no time is given).",
        Proof::Word,
        |_| let_in(ask(libc::SYS_settimeofday, [NOTHING, NOTHING]), &[]),
    ),
    Attempt::new(
        "adjust-time",
        "The clock of the machine can be moved (by a time that there is not).",
        Proof::Word,
        |_| {
            // struct timex: ADJ_SETOFFSET by a negative fraction of a second.
            let mut about = vec![0; 208];
            about.splice(0..4, 0x0100_u32.to_ne_bytes());
            about.splice(80..88, (-1_i64).to_ne_bytes());
            let_in(ask(libc::SYS_adjtimex, [Word::Room(&mut about)]), &[libc::EINVAL])
        },
    ),
    Attempt::new(
        "set-host-name",
        "The machine can be given another name (one that is too long).",
        Proof::Word,
        |_| {
            let words = [NOTHING, Word::Number(1000)];
            let_in(ask(libc::SYS_sethostname, words), &[libc::EINVAL])
        },
    ),
    Attempt::new(
        "set-domain-name",
        "The machine can be given another domain (one that is too long).",
        Proof::Word,
        |_| {
            let words = [NOTHING, Word::Number(1000)];
            let_in(ask(libc::SYS_setdomainname, words), &[libc::EINVAL])
        },
    ),
    Attempt::new(
        "account-processes",
        "The kernel can be told to write about every process (to a file there is not).",
        Proof::Word,
        |_| let_in(ask(libc::SYS_acct, [Word::Text(c"/sentinel/none")]), &[libc::ENOENT]),
    ),
    Attempt::new(
        "ask-kernel-log",
        "The log of the kernel can be asked for (its size).",
        Proof::Word,
        |_| let_in(ask(libc::SYS_syslog, [Word::Number(10), NOTHING, NOTHING]), &[]),
    ),
    Attempt::new("read-kernel-log", "The log of the kernel is read.", Proof::Word, |_| {
        rustix::fs::open("/dev/kmsg", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty())?;
        Ok(())
    }),
    Attempt::new("read-kernel-memory", "The memory of the kernel is read.", Proof::Word, |_| {
        read_some("/proc/kcore")
    }),
    Attempt::new(
        "sync-quotas",
        "quotactl, a seldom used part of the kernel, can be called.",
        Proof::Word,
        |_| {
            // Q_SYNC for the quotas of users.
            let words = [Word::Number(0x8000_0100_u32.into()), NOTHING, NOTHING, NOTHING];
            let_in(ask(libc::SYS_quotactl, words), &[])
        },
    ),
    Attempt::new(
        "set-personality",
        "Addresses are no longer chosen at random for what is started.",
        Proof::Word,
        |_| let_in(ask(libc::SYS_personality, [Word::Number(0x0004_0000)]), &[]),
    ),
    Attempt::new(
        "run-in-real-time",
        "The process runs before all others of the machine.",
        Proof::Word,
        |_| {
            let priority = 1_i32.to_ne_bytes();
            let words = [NOTHING, libc::SCHED_FIFO.into(), Word::Bytes(&priority)];
            let_in(ask(libc::SYS_sched_setscheduler, words), &[])
        },
    ),
    Attempt::new("raise-priority", "The process gets a better priority.", Proof::Word, |_| {
        let better = rustix::process::getpriority_process(None)? - 1;
        Ok(rustix::process::setpriority_process(None, better)?)
    }),
    Attempt::new("hang-up-terminal", "Terminals can be hung up.", Proof::Word, |_| {
        let ended = calls::in_child(|| {
            // A session of its own has no terminal, so none is hung up.
            match rustix::process::setsid() {
                Ok(_) => u8::from(ask(libc::SYS_vhangup, []).is_err()),
                Err(_) => 1,
            }
        })?;
        match ended.exit_status() {
            Some(0) => Ok(()),
            _ => Err(Refused::stopped("not permitted")),
        }
    }),
    Attempt::new(
        "start-virtual-machine",
        "The device that runs virtual machines is opened.",
        Proof::Word,
        |_| opened_for_writing("/dev/kvm"),
    ),
    Attempt::new("open-fuse", "The device of file systems of users.", Proof::Word, |_| {
        opened_for_writing("/dev/fuse")
    }),
    Attempt::new("open-loop-control", "A file can be made a disk.", Proof::Word, |_| {
        opened_for_writing("/dev/loop-control")
    }),
    Attempt::new("open-tunnel", "A network card can be made.", Proof::Word, |_| {
        opened_for_writing("/dev/net/tun")
    }),
    Attempt::new("open-console", "The console of the machine is written to.", Proof::Word, |_| {
        opened_for_writing("/dev/console")
    }),
    Attempt::new(
        "secret-memory",
        "memfd_secret hides memory from the kernel itself.",
        Proof::Word,
        |_| let_in(ask(libc::SYS_memfd_secret, [NOTHING]), &[]),
    ),
    Attempt::new(
        "own-filter-of-calls",
        "A filter that answers calls from another process is installed.",
        Proof::Word,
        own_filter,
    ),
];

const CLONE_NEWTIME: i32 = 0x80;

/// Makes namespaces: as who the process is, or else as root in one of users.
fn unshare(flags: i32) -> Tried {
    let alone = ask(libc::SYS_unshare, [flags.into()]);
    let made = alone.or_else(|_| ask(libc::SYS_unshare, [(flags | libc::CLONE_NEWUSER).into()]));
    let_in(made, &[])
}

/// What became of a copy of this process: the copy itself ends here.
fn cloned(child: libc::c_long) -> Tried {
    match child {
        // SAFETY: it ends the copy at once and takes a number.
        0 => unsafe { libc::_exit(0) },
        -1 => Err(io::Error::last_os_error().into()),
        child => {
            let child = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw);
            rustix::process::waitpid(child, rustix::process::WaitOptions::empty())?;
            Ok(())
        }
    }
}

fn own_filter(_: &Ground) -> Tried {
    // One step: allow.
    let step = libc::sock_filter { code: 6, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let mut steps = [step];
    let filter = libc::sock_fprog { len: 1, filter: steps.as_mut_ptr() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the kernel copies the one step that the structure points to; both outlive the call.
    let answer = unsafe {
        let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, listener, &raw const filter)
    };
    if answer == -1 { Err(io::Error::last_os_error().into()) } else { Ok(()) }
}
