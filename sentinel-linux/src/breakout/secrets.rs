//! Secrets: what the starting process and the machine know, and a program of an agent must not.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use rustix::process::{Resource, Rlimit};

use super::calls::{self, NOTHING, Word, ask};
use super::files::{every_descriptor, read_some};
use super::ground::{Ground, put_out};
use super::{Attempt, Need, Proof, Refused, Tried};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "read-own-environment",
        "A key in the environment of the starting process is handed down.",
        Proof::Secret,
        |_| {
            for (_, value) in std::env::vars_os() {
                put_out(value.as_encoded_bytes())?;
            }
            Ok(())
        },
    ),
    Attempt::new(
        "read-environment-of-starter",
        "A key in the environment of the starting process is read through /proc.",
        Proof::Secret,
        |ground| put_out(&fs::read(of_starter(ground, "environ")?)?),
    ),
    Attempt::new(
        "read-environment-of-parent",
        "A key in the environment of the parent process is read through /proc.",
        Proof::Secret,
        |_| {
            let parent = std::os::unix::process::parent_id();
            put_out(&fs::read(format!("/proc/{parent}/environ"))?)
        },
    ),
    Attempt::new(
        "read-memory-of-starter",
        "A key in the memory of the starting process is read through /proc.",
        Proof::Secret,
        |ground| {
            let mut room = vec![0; ground.number("starter-length")?];
            let memory = File::open(of_starter(ground, "mem")?)?;
            memory.read_exact_at(&mut room, ground.number("starter-secret")?)?;
            put_out(&room)
        },
    ),
    Attempt::new(
        "read-memory-of-starter-by-call",
        "A key in the memory of the starting process is read by process_vm_readv.",
        Proof::Secret,
        |ground| {
            let mut room = vec![0; ground.number("starter-length")?];
            let (starter, place): (i64, u64) =
                (ground.number("starter")?, ground.number("starter-secret")?);
            let own = calls::bytes(&[room.as_mut_ptr() as u64, room.len() as u64]);
            let theirs = calls::bytes(&[place, room.len() as u64]);
            let words = [
                Word::Number(starter),
                own.as_slice().into(),
                Word::Number(1),
                theirs.as_slice().into(),
                Word::Number(1),
                NOTHING,
            ];
            ask(libc::SYS_process_vm_readv, words)?;
            put_out(&room)
        },
    ),
    Attempt::new(
        "read-files-of-starter",
        "A file that the starting process has open is read through /proc.",
        Proof::Secret,
        |ground| {
            let open = ground.text("forgotten")?;
            put_out(&fs::read(of_starter(ground, &format!("fd/{open}"))?)?)
        },
    ),
    Attempt::new(
        "read-inherited-pipe",
        "A pipe that the starting process had open and forgot still holds a key.",
        Proof::Secret,
        |_| {
            every_descriptor(|open| {
                // Looked at without waiting, and without taking it from the next one.
                if rustix::io::ioctl_fionread(open)? == 0 {
                    return Err(Refused::stopped("it is empty"));
                }
                let (copy, end) = rustix::pipe::pipe()?;
                let length = 4096;
                rustix::pipe::tee(open, &end, length, rustix::pipe::SpliceFlags::NONBLOCK)?;
                drop(end);
                let mut text = Vec::new();
                File::from(copy).read_to_end(&mut text)?;
                put_out(&text)
            })
        },
    ),
    Attempt::new(
        "read-shared-segment",
        "A segment of shared memory of another program is attached.",
        Proof::Secret,
        |ground| {
            let segment: i32 = ground.number("segment")?;
            // SAFETY: the kernel chooses where, for reading; nothing is replaced.
            let place = unsafe { libc::shmat(segment, std::ptr::null(), libc::SHM_RDONLY) };
            if place as isize == -1 {
                return Err(std::io::Error::last_os_error().into());
            }
            // SAFETY: a segment has at least one page, which stays attached until the end; the
            // one who made it wrote to it before and does not again.
            let text = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), 256) };
            put_out(text)
        },
    )
    .needing(OBJECTS),
    Attempt::new(
        "read-message-queue",
        "A message in a queue of another program is taken.",
        Proof::Secret,
        |ground| {
            let queue: i64 = ground.number("queue")?;
            let mut room = [0; 264];
            let words = [
                Word::Number(queue),
                Word::Room(&mut room),
                Word::Number(256),
                NOTHING,
                libc::IPC_NOWAIT.into(),
            ];
            ask(libc::SYS_msgrcv, words)?;
            put_out(&room)
        },
    )
    .needing(OBJECTS),
    Attempt::new(
        "read-named-message-queue",
        "A message in a named queue of another program is taken.",
        Proof::Secret,
        |ground| {
            let name = calls::path(Path::new(ground.text("named-queue")?))?;
            let words = [name.as_c_str().into(), libc::O_RDWR.into(), NOTHING, NOTHING];
            let queue = ask(libc::SYS_mq_open, words)?;
            let mut room = [0; 256];
            let words =
                [Word::Number(queue), Word::Room(&mut room), Word::Number(256), NOTHING, NOTHING];
            ask(libc::SYS_mq_timedreceive, words)?;
            put_out(&room)
        },
    )
    .needing(OBJECTS),
    Attempt::new(
        "read-key",
        "A key in the keyring of the session is read.",
        Proof::Secret,
        |ground| {
            const READ: i64 = 11;
            let mut room = [0; 256];
            let words = [
                Word::Number(READ),
                Word::Number(ground.number("key")?),
                Word::Room(&mut room),
                Word::Number(256),
            ];
            ask(libc::SYS_keyctl, words)?;
            put_out(&room)
        },
    )
    .needing(OBJECTS),
    Attempt::new(
        "dump-core",
        "A crash leaves all memory in a file of the workspace.",
        Proof::Left,
        |ground| {
            let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern");
            if pattern.is_ok_and(|pattern| pattern.starts_with(['|', '/'])) {
                return Err(Refused::untried("dumps go to another place on this machine"));
            }
            std::env::set_current_dir(ground.workspace(""))?;
            let ended = calls::in_child(|| {
                let all = rustix::process::getrlimit(Resource::Core).maximum;
                let all = Rlimit { current: all, maximum: all };
                let _ = rustix::process::setrlimit(Resource::Core, all);
                // SAFETY: it ends the process and takes nothing.
                unsafe { libc::abort() }
            })?;
            match ended.signaled() {
                true => Ok(()),
                false => Err(Refused::stopped(format!("it did not crash: {ended:?}"))),
            }
        },
    ),
    Attempt::new("read-host-name", "The name of the machine is told.", Proof::Word, |ground| {
        let name = rustix::system::uname();
        match name.nodename().to_bytes() == ground.text("host-name")?.as_bytes() {
            true => Ok(()),
            false => Err(Refused::stopped("it is another name")),
        }
    }),
    Attempt::new(
        "read-machine-number",
        "The number that tells this machine from all others is read.",
        Proof::Word,
        |_| read_some("/etc/machine-id"),
    ),
    Attempt::new(
        "read-boot-options",
        "What the kernel was started with, in which keys may stand, is read.",
        Proof::Word,
        |_| read_some("/proc/cmdline"),
    ),
    Attempt::new("list-home", "The home directory of the user is listed.", Proof::Word, |ground| {
        let home = ground.text("home")?;
        fs::read_dir(home)?;
        is_home(ground, home)
    }),
    Attempt::new(
        "read-kernel-addresses",
        "Where the parts of the kernel lie in memory is read.",
        Proof::Word,
        |_| {
            let mut some = String::new();
            File::open("/proc/kallsyms")?.take(4096).read_to_string(&mut some)?;
            let is_told = |line: &str| !line.starts_with("0000000000000000");
            match some.lines().any(is_told) {
                true => Ok(()),
                false => Err(Refused::stopped("the addresses are not told")),
            }
        },
    ),
    Attempt::new(
        "read-page-numbers",
        "Where the process lies in the memory of the machine is read.",
        Proof::Word,
        |_| {
            let here = [1_u8; 8];
            let place = here.as_ptr() as u64 / 4096 * 8;
            let mut entry = [0; 8];
            File::open("/proc/self/pagemap")?.read_exact_at(&mut entry, place)?;
            // The number of the page, in the lower bits, for whoever may know it.
            match u64::from_ne_bytes(entry) & ((1 << 55) - 1) {
                0 => Err(Refused::stopped("the number is not told")),
                _ => Ok(()),
            }
        },
    ),
    Attempt::new(
        "list-devices",
        "The devices of the machine are listed in /sys.",
        Proof::Word,
        |_| {
            fs::read_dir("/sys/class/net")?;
            Ok(())
        },
    ),
    Attempt::new(
        "list-disks",
        "The disks of the machine are listed in /proc.",
        Proof::Word,
        |_| read_some("/proc/partitions"),
    ),
    Attempt::new(
        "list-interrupts",
        "How often which device interrupted, which tells what others type, is read.",
        Proof::Word,
        |_| read_some("/proc/interrupts"),
    ),
    Attempt::new("list-keys", "The keys in the kernel are listed.", Proof::Word, |_| {
        read_some("/proc/keys")
    }),
];

const OBJECTS: &[Need] = &[Need::Objects];

/// Whether a directory is the home of outside: one of the same name is not the same directory.
pub(super) fn is_home(ground: &Ground, home: &str) -> Tried {
    let about = fs::metadata(home)?;
    match format!("{} {}", about.dev(), about.ino()) == ground.text("home-number")? {
        true => Ok(()),
        false => Err(Refused::stopped("it is another directory")),
    }
}

fn of_starter(ground: &Ground, what: &str) -> Result<String, Refused> {
    Ok(format!("/proc/{}/{what}", ground.text("starter")?))
}
