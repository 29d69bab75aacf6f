//! Processes: reading, changing, steering and ending those outside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::calls::{self, NOTHING, Word, ask, let_in};
use super::ground::{Ground, put_out};
use super::{Attempt, Need, Proof, Refused, Tried};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "trace-victim",
        "A debugger takes hold of another process and reads its memory.",
        Proof::Secret,
        trace,
    )
    .needing(VICTIM),
    Attempt::new(
        "read-memory-of-victim",
        "process_vm_readv reads the memory of another process.",
        Proof::Secret,
        |ground| {
            let mut room = vec![0; ground.number("victim-length")?];
            transfer(libc::SYS_process_vm_readv, ground, "victim-secret", &mut room)?;
            put_out(&room)
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "write-memory-of-victim",
        "process_vm_writev writes the memory of another process.",
        Proof::Changed,
        |ground| {
            let mut text = *b"changed";
            transfer(libc::SYS_process_vm_writev, ground, "victim-memory", &mut text)
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "read-memory-by-proc",
        "The memory of another process is read through /proc.",
        Proof::Secret,
        |ground| {
            let mut room = vec![0; ground.number("victim-length")?];
            let memory = File::open(of_victim(ground, "mem")?)?;
            memory.read_exact_at(&mut room, ground.number("victim-secret")?)?;
            put_out(&room)
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "write-memory-by-proc",
        "The memory of another process is written through /proc.",
        Proof::Changed,
        |ground| {
            let memory = OpenOptions::new().write(true).open(of_victim(ground, "mem")?)?;
            Ok(memory.write_all_at(b"changed", ground.number("victim-memory")?)?)
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "read-environment-of-victim",
        "The environment of another process is read.",
        Proof::Secret,
        |ground| put_out(&fs::read(of_victim(ground, "environ")?)?),
    )
    .needing(VICTIM),
    Attempt::new(
        "read-command-line-of-victim",
        "The command line of another process is read.",
        Proof::Secret,
        |ground| put_out(&fs::read(of_victim(ground, "cmdline")?)?),
    )
    .needing(VICTIM),
    Attempt::new("see-victim", "A process outside can be seen at all.", Proof::Word, |ground| {
        fs::read(of_victim(ground, "stat")?)?;
        Ok(())
    })
    .needing(VICTIM),
    Attempt::new(
        "probe-victim",
        "A signal that does nothing tells whether a process outside is there.",
        Proof::Word,
        |ground| Ok(rustix::process::test_kill_process(victim(ground)?)?),
    )
    .needing(VICTIM),
    Attempt::new(
        "take-descriptor-of-victim",
        "pidfd_getfd takes an open file out of another process.",
        Proof::Secret,
        |ground| {
            let handle = pidfd_open(victim(ground)?, PidfdFlags::empty())?;
            let open: i64 = ground.number("victim-descriptor")?;
            let words = [handle.as_raw_fd().into(), Word::Number(open), NOTHING];
            let taken = ask(libc::SYS_pidfd_getfd, words)?;
            let taken = i32::try_from(taken).map_err(Refused::untried)?;
            // SAFETY: the kernel gave us this descriptor just now, and nobody else has it.
            let taken = File::from(unsafe { OwnedFd::from_raw_fd(taken) });
            let mut text = [0; 256];
            let read = taken.read_at(&mut text, 0)?;
            put_out(text.get(..read).unwrap_or_default())
        },
    )
    .needing(VICTIM),
    Attempt::new("end-victim", "A process outside is killed.", Proof::Victim, |ground| {
        Ok(rustix::process::kill_process(victim(ground)?, Signal::KILL)?)
    })
    .needing(VICTIM),
    Attempt::new(
        "end-group-of-victim",
        "A group of processes outside is killed.",
        Proof::Victim,
        |ground| Ok(rustix::process::kill_process_group(victim(ground)?, Signal::KILL)?),
    )
    .needing(VICTIM),
    Attempt::new(
        "end-thread-of-victim",
        "tgkill kills a thread of a process outside, and so the process.",
        Proof::Victim,
        |ground| {
            let victim = number(ground)?;
            let words = [Word::Number(victim), Word::Number(victim), libc::SIGKILL.into()];
            let_in(ask(libc::SYS_tgkill, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "end-victim-by-old-call",
        "tkill, the older way, kills a process outside.",
        Proof::Victim,
        |ground| {
            let words = [Word::Number(number(ground)?), libc::SIGKILL.into()];
            let_in(ask(libc::SYS_tkill, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "end-victim-by-handle",
        "pidfd_send_signal kills a process outside.",
        Proof::Victim,
        |ground| {
            let handle = pidfd_open(victim(ground)?, PidfdFlags::empty())?;
            Ok(rustix::process::pidfd_send_signal(&handle, Signal::KILL)?)
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "end-victim-by-queued-signal",
        "rt_sigqueueinfo kills a process outside.",
        Proof::Victim,
        |ground| {
            // siginfo_t: the signal, no error, SI_QUEUE.
            let mut about = [0; 128];
            let code = (-1_i32).to_ne_bytes();
            for (place, byte) in about.iter_mut().skip(8).zip(code) {
                *place = byte;
            }
            let words = [Word::Number(number(ground)?), libc::SIGKILL.into(), Word::Bytes(&about)];
            let_in(ask(libc::SYS_rt_sigqueueinfo, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "end-victim-by-asking-for-signals",
        "A pipe is told to send a deadly signal to a process outside when data comes.",
        Proof::Victim,
        |ground| {
            let (reading, writing) = rustix::pipe::pipe()?;
            let set = |command, value: i64| {
                let words =
                    [reading.as_raw_fd().into(), Word::Number(command), Word::Number(value)];
                ask(libc::SYS_fcntl, words)
            };
            set(F_SETOWN, number(ground)?)?;
            set(F_SETSIG, libc::SIGKILL.into())?;
            set(libc::F_SETFL.into(), libc::O_ASYNC.into())?;
            File::from(writing).write_all(b"x")?;
            Ok(())
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "slow-victim",
        "A process outside gets the lowest priority.",
        Proof::Victim,
        |ground| Ok(rustix::process::setpriority_process(Some(victim(ground)?), 19)?),
    )
    .needing(VICTIM),
    Attempt::new(
        "bind-victim",
        "A process outside is confined to one processor.",
        Proof::Victim,
        |ground| {
            let mut all = rustix::thread::sched_getaffinity(Some(victim(ground)?))?;
            let first = (0..1024).find(|processor| all.is_set(*processor)).unwrap_or_default();
            all.clear();
            all.set(first);
            Ok(rustix::thread::sched_setaffinity(Some(victim(ground)?), &all)?)
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "limit-victim",
        "A process outside may open no files any more.",
        Proof::Victim,
        |ground| {
            let none = calls::bytes(&[3, 3]);
            let words = [
                Word::Number(number(ground)?),
                Word::Number(libc::RLIMIT_NOFILE.into()),
                none.as_slice().into(),
                NOTHING,
            ];
            let_in(ask(libc::SYS_prlimit64, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "slow-disk-of-victim",
        "A process outside gets the disk only when nobody else wants it.",
        Proof::Victim,
        |ground| {
            // Of a process, its class: idle.
            let words = [Word::Number(1), Word::Number(number(ground)?), Word::Number(3 << 13)];
            let_in(ask(libc::SYS_ioprio_set, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "reschedule-victim",
        "A process outside runs only when nothing else does.",
        Proof::Victim,
        |ground| {
            let priority = 0_i32.to_ne_bytes();
            let words =
                [Word::Number(number(ground)?), libc::SCHED_IDLE.into(), Word::Bytes(&priority)];
            let_in(ask(libc::SYS_sched_setscheduler, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "offer-victim-to-the-killer",
        "A process outside is made the first to be killed when memory is short.",
        Proof::Victim,
        |ground| Ok(fs::write(of_victim(ground, "oom_score_adj")?, "1000")?),
    )
    .needing(VICTIM),
    Attempt::new(
        "compare-with-victim",
        "kcmp tells what another process has in common with this one.",
        Proof::Word,
        |ground| {
            let own = i64::from(std::process::id());
            // KCMP_FILES.
            let words = [Word::Number(own), Word::Number(number(ground)?), Word::Number(2)];
            let_in(ask(libc::SYS_kcmp, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "read-locks-of-victim",
        "get_robust_list tells an address of another process.",
        Proof::Word,
        |ground| {
            let (mut head, mut length) = ([0; 8], [0; 8]);
            let words =
                [Word::Number(number(ground)?), Word::Room(&mut head), Word::Room(&mut length)];
            let_in(ask(libc::SYS_get_robust_list, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "advise-memory-of-victim",
        "process_madvise lets the memory of another process be thrown out to disk.",
        Proof::Word,
        |ground| {
            const COLD: i64 = 20;
            let handle = pidfd_open(victim(ground)?, PidfdFlags::empty())?;
            let place: u64 = ground.number("victim-memory")?;
            let range = calls::bytes(&[place, super::victim::MEMORY_BYTES as u64]);
            let words = [
                handle.as_raw_fd().into(),
                range.as_slice().into(),
                Word::Number(1),
                Word::Number(COLD),
                NOTHING,
            ];
            let_in(ask(libc::SYS_process_madvise, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "move-memory-of-victim",
        "move_pages tells where the memory of another process lies.",
        Proof::Word,
        |ground| {
            let place: u64 = ground.number("victim-memory")?;
            let (places, mut where_now) = (calls::bytes(&[place]), [0; 4]);
            let words = [
                Word::Number(number(ground)?),
                Word::Number(1),
                places.as_slice().into(),
                NOTHING,
                Word::Room(&mut where_now),
                NOTHING,
            ];
            let_in(ask(libc::SYS_move_pages, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "enter-namespaces-of-victim",
        "setns enters the namespaces of a process outside (those of mounts).",
        Proof::Word,
        |ground| {
            let handle = pidfd_open(victim(ground)?, PidfdFlags::empty())?;
            let words = [handle.as_raw_fd().into(), libc::CLONE_NEWNS.into()];
            let_in(ask(libc::SYS_setns, words), &[])
        },
    )
    .needing(VICTIM),
    Attempt::new(
        "enter-network-of-parent",
        "setns enters the network of the parent process through /proc.",
        Proof::Word,
        |_| {
            let parent = std::os::unix::process::parent_id();
            let network = File::open(format!("/proc/{parent}/ns/net"))?;
            let words = [network.as_raw_fd().into(), libc::CLONE_NEWNET.into()];
            let_in(ask(libc::SYS_setns, words), &[])
        },
    ),
    Attempt::new(
        "trace-own-child",
        "A debugger takes hold of a child: with it, what a child does can be rewritten.",
        Proof::Word,
        |_| {
            let ended = calls::in_child(|| {
                match ask(libc::SYS_ptrace, [Word::Number(libc::PTRACE_TRACEME.into()), NOTHING]) {
                    Ok(_) => 0,
                    Err(error) => error.raw_os_error().map_or(255, |code| code as u8),
                }
            })?;
            match ended.exit_status() {
                Some(0) => Ok(()),
                Some(code) => Err(io::Error::from_raw_os_error(code).into()),
                None => Err(Refused::stopped(format!("it died: {ended:?}"))),
            }
        },
    ),
    Attempt::new(
        "become-another-user",
        "The process takes the identity of another user.",
        Proof::Word,
        |_| {
            let other = Word::Number(65_533);
            let_in(ask(libc::SYS_setuid, [other]), &[])
        },
    ),
    Attempt::new(
        "drop-groups",
        "The process drops its groups, some of which may be there to keep it out.",
        Proof::Word,
        |_| let_in(ask(libc::SYS_setgroups, [NOTHING, NOTHING]), &[]),
    ),
    Attempt::new(
        "hold-capabilities",
        "The process holds a right of root (the set of those it holds is not empty).",
        Proof::Word,
        |_| {
            let held = rustix::thread::capabilities(None)?;
            match held.effective.is_empty() && held.permitted.is_empty() {
                true => Err(Refused::stopped("it holds none")),
                false => Ok(()),
            }
        },
    ),
    Attempt::new(
        "gain-capabilities-by-namespace",
        "In a namespace of its own the process holds every right of root.",
        Proof::Word,
        |_| {
            let ended = calls::in_child(|| {
                let asked = ask(libc::SYS_unshare, [libc::CLONE_NEWUSER.into()]);
                let held = rustix::thread::capabilities(None);
                let is_gained = held.is_ok_and(|held| !held.effective.is_empty());
                u8::from(!(asked.is_ok() && is_gained))
            })?;
            match ended.exit_status() {
                Some(0) => Ok(()),
                _ => Err(Refused::stopped("no namespace, no rights")),
            }
        },
    ),
];

const VICTIM: &[Need] = &[Need::Victim];
const F_SETOWN: i64 = libc::F_SETOWN as i64;
const F_SETSIG: i64 = 10;

fn number(ground: &Ground) -> Result<i64, Refused> {
    ground.number("victim")
}

fn victim(ground: &Ground) -> Result<Pid, Refused> {
    let pid = ground.number("victim")?;
    Pid::from_raw(pid).ok_or_else(|| Refused::untried("there is no victim"))
}

fn of_victim(ground: &Ground, what: &str) -> Result<String, Refused> {
    Ok(format!("/proc/{}/{what}", ground.text("victim")?))
}

/// Moves bytes between memory of ours and of the victim.
fn transfer(call: libc::c_long, ground: &Ground, place: &str, own: &mut [u8]) -> Tried {
    let theirs: u64 = ground.number(place)?;
    let length = own.len() as u64;
    let own = calls::bytes(&[own.as_mut_ptr() as u64, length]);
    let theirs = calls::bytes(&[theirs, length]);
    let words = [
        Word::Number(number(ground)?),
        own.as_slice().into(),
        Word::Number(1),
        theirs.as_slice().into(),
        Word::Number(1),
        NOTHING,
    ];
    let_in(ask(call, words), &[])
}

fn trace(ground: &Ground) -> Tried {
    let victim = number(ground)?;
    // C libraries do not agree on what type these numbers have.
    let request = |what: i64, place: u64, room: Word<'_>| {
        let words = [Word::Number(what), Word::Number(victim), Word::Number(place as i64), room];
        ask(libc::SYS_ptrace, words)
    };
    request(libc::PTRACE_SEIZE.into(), 0, NOTHING)?;
    request(libc::PTRACE_INTERRUPT.into(), 0, NOTHING)?;
    let pid = Pid::from_raw(i32::try_from(victim).map_err(Refused::untried)?);
    rustix::process::waitpid(pid, rustix::process::WaitOptions::empty())?;
    let (start, length): (u64, u64) =
        (ground.number("victim-secret")?, ground.number("victim-length")?);
    let mut text = Vec::new();
    for place in (start..start + length).step_by(8) {
        let mut word = [0; 8];
        request(libc::PTRACE_PEEKDATA.into(), place, Word::Room(&mut word))?;
        text.extend_from_slice(&word);
    }
    request(libc::PTRACE_DETACH.into(), 0, NOTHING)?;
    put_out(&text)
}
