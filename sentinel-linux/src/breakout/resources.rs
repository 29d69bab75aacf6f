//! Resources: more memory, processes, files or time than was allowed.
//!
//! Each wants a little more than the limit here, and no more than any machine can spare; without a
//! sandbox there is no limit, and it gets it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FallocateFlags;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::{Pid, Resource, Rlimit};
use rustix::time::ClockId;
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;

use super::calls::{self, NOTHING, Word, ask};
use super::{Attempt, Need, Proof, Refused, Tried};

/// What the sandbox of the attempts allows.
pub(super) const MEMORY_BYTES: u64 = 256 << 20;
pub(super) const PIDS: u32 = 48;
pub(super) const OPEN_FILES: u32 = 128;
pub(super) const FILE_BYTES: u64 = 16 << 20;
pub(super) const TEMPORARY_BYTES: u64 = 16 << 20;
pub(super) const PROCESSOR_TIME: Duration = Duration::from_secs(1);
pub(super) const TIME: Duration = Duration::from_secs(10);
/// For those that want more time.
pub(super) const TIME_SHORT: Duration = Duration::from_secs(1);

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new("use-memory", "One process uses more memory than all may.", Proof::Word, |_| {
        use_memory(MORE_BYTES, MapFlags::PRIVATE)
    })
    .needing(&[Need::Memory]),
    Attempt::new(
        "use-shared-memory",
        "One process uses more memory that could be shared than all may.",
        Proof::Word,
        |_| use_memory(MORE_BYTES, MapFlags::SHARED),
    )
    .needing(&[Need::Memory]),
    Attempt::new(
        "use-memory-together",
        "Processes use together more memory than all may, and each of them less.",
        Proof::Word,
        |_| {
            const SHARES: usize = 8;
            crowd(SHARES, || use_memory(MORE_BYTES / SHARES, MapFlags::PRIVATE).is_ok())
        },
    )
    .needing(&[Need::Memory]),
    Attempt::new(
        "fill-temporary-directory",
        "More is put into /tmp than it may hold.",
        Proof::Word,
        |ground| fill(&Path::new("/tmp").join(ground.sign())),
    ),
    Attempt::new(
        "fill-shared-memory-directory",
        "More is put into /dev/shm than it may hold.",
        Proof::Word,
        |ground| fill(&Path::new("/dev/shm").join(ground.sign())),
    ),
    Attempt::new(
        "reserve-segment",
        "A segment of shared memory is made that is longer than all memory allowed.",
        Proof::Word,
        |_| {
            let words = [libc::IPC_PRIVATE.into(), Word::Number(MORE_BYTES as i64), 0o600.into()];
            let segment = ask(libc::SYS_shmget, words)?;
            let words = [Word::Number(segment), libc::IPC_RMID.into(), NOTHING];
            ask(libc::SYS_shmctl, words)?;
            Ok(())
        },
    ),
    Attempt::new(
        "lock-memory",
        "Memory is locked, so that all others have less.",
        Proof::Word,
        |_| {
            let length = 32 << 20;
            let both = ProtFlags::READ | ProtFlags::WRITE;
            let start = std::ptr::null_mut();
            // SAFETY: a new mapping, where the kernel likes, that nothing else refers to.
            unsafe {
                let place = mmap_anonymous(start, length, both, MapFlags::PRIVATE)?;
                rustix::mm::mlock(place, length)?;
            }
            Ok(())
        },
    ),
    Attempt::new("make-processes", "More processes live at a time.", Proof::Word, |_| {
        crowd(2 * PIDS as usize, || true)
    }),
    Attempt::new("make-threads", "More threads live at a time.", Proof::Word, |_| {
        let gate = std::sync::Arc::new(std::sync::Mutex::new(()));
        let closed = gate.lock();
        let mut threads = Vec::new();
        let mut refused = None;
        for _ in 0..2 * PIDS {
            let gate = gate.clone();
            let wait = move || drop(gate.lock());
            // Of a small stack, so that memory is not what stops it.
            match std::thread::Builder::new().stack_size(65_536).spawn(wait) {
                Ok(thread) => threads.push(thread),
                Err(error) => refused = Some(error),
            }
        }
        drop(closed);
        for thread in threads {
            let _ = thread.join();
        }
        refused.map_or(Ok(()), |error| Err(error.into()))
    }),
    Attempt::new("open-files", "More files are open at a time.", Proof::Word, |_| {
        let null = File::open("/dev/null")?;
        let all: io::Result<Vec<File>> = (0..3 * OPEN_FILES).map(|_| null.try_clone()).collect();
        all?;
        Ok(())
    }),
    Attempt::new(
        "lengthen-file",
        "A file in the workspace becomes longer than one may be (and holds nothing).",
        Proof::Word,
        |ground| {
            let file = File::create(ground.workspace("long"))?;
            Ok(file.set_len(4 * FILE_BYTES)?)
        },
    ),
    Attempt::new(
        "reserve-disk",
        "A file in the workspace takes more of the disk than one may.",
        Proof::Word,
        |ground| {
            let file = File::create(ground.workspace("long"))?;
            Ok(rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, 4 * FILE_BYTES)?)
        },
    ),
    Attempt::new(
        "use-processor",
        "One process computes longer than it may, deaf to the warning.",
        Proof::Word,
        |_| {
            // SAFETY: it sets what happens at a signal to nothing; no code of ours is run.
            unsafe { libc::signal(libc::SIGXCPU, libc::SIG_IGN) };
            let used = || rustix::time::clock_gettime(ClockId::ProcessCPUTime);
            let mut number = 1_u64;
            while Duration::try_from(used())
                .is_ok_and(|used| used < 2 * PROCESSOR_TIME + SPARE_TIME)
            {
                for _ in 0..100_000 {
                    number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
                }
            }
            Ok(())
        },
    ),
    Attempt::new("flood-output", "More is written than anybody will read.", Proof::Word, |_| {
        let line = [b'x'; 4096];
        let mut out = io::stdout().lock();
        for _ in 0..=RUNTIME_OUTPUT_BYTES_MAX / line.len() {
            out.write_all(&line)?;
        }
        out.flush()?;
        // Whoever reads too much of it needs a moment to end it.
        std::thread::sleep(HELD);
        Ok(())
    }),
    Attempt::new("never-end", "It goes on after its time is over.", Proof::Word, |_| {
        outstay();
        Ok(())
    })
    .needing(&[Need::Hurry]),
    Attempt::new(
        "never-end-deaf",
        "It goes on after its time is over, deaf to all signals that can be ignored.",
        Proof::Word,
        |_| {
            deafen();
            outstay();
            Ok(())
        },
    )
    .needing(&[Need::Hurry]),
    Attempt::new(
        "never-end-in-child",
        "A child goes on after the time is over, and the first process waits for it.",
        Proof::Word,
        |_| {
            calls::in_child(|| {
                outstay();
                0
            })?;
            Ok(())
        },
    )
    .needing(&[Need::Hurry]),
    Attempt::new(
        "raise-own-limit",
        "The process gives itself more open files than it was limited to.",
        Proof::Word,
        |_| {
            let held = rustix::process::getrlimit(Resource::Nofile);
            let more = held.maximum.ok_or_else(|| Refused::untried("there is no limit"))? + 1;
            let more = Rlimit { current: held.current, maximum: Some(more) };
            Ok(rustix::process::setrlimit(Resource::Nofile, more)?)
        },
    ),
];

/// More than is allowed, and little for a machine.
const MORE_BYTES: usize = 384 << 20;
/// The kernel counts what the limit is of in ticks, of which a virtual machine loses some.
const SPARE_TIME: Duration = Duration::from_secs(1);
/// How long memory is had before that counts. Who watches is allowed a moment, and not this.
const HELD: Duration = Duration::from_millis(500);

fn use_memory(length: usize, kind: MapFlags) -> Tried {
    let both = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping, where the kernel likes; all of it is ours to write to.
    unsafe {
        let place = mmap_anonymous(std::ptr::null_mut(), length, both, kind)?.cast::<u8>();
        // Kept until the end of the process, which is near.
        for page in (0..length).step_by(4096) {
            place.add(page).write_volatile(1);
        }
    }
    std::thread::sleep(HELD);
    Ok(())
}

/// Children that do something and then stay until all have: whether all could, and live then.
fn crowd(count: usize, work: impl Fn() -> bool) -> Tried {
    let (told, tells) = rustix::pipe::pipe()?;
    let mut children: Vec<Pid> = Vec::new();
    let mut refused = None;
    for _ in 0..count {
        let child = calls::child(|| {
            if work() {
                let _ = rustix::io::write(&tells, b"x");
                // Ends with its parent's word, or by itself.
                std::thread::sleep(Duration::from_secs(8));
            }
            0
        });
        match child {
            Ok(child) => children.push(child),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    drop(tells);
    let end = Instant::now() + Duration::from_secs(6);
    let mut done = 0;
    rustix::io::ioctl_fionbio(&told, true)?;
    while refused.is_none() && done < count && Instant::now() < end {
        let mut room = [0; 256];
        match rustix::io::read(&told, &mut room) {
            // Nobody is left who could tell.
            Ok(0) => break,
            Ok(read) => done += read,
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    // Some may have been ended so that others could go on.
    let alive = children.iter().filter(|child| calls::is_alive(**child)).count();
    children.into_iter().for_each(calls::kill);
    match refused {
        Some(error) => Err(error.into()),
        None if done < count => Err(Refused::stopped(format!("{done} of {count} could"))),
        None if alive < count => Err(Refused::stopped(format!("{alive} of {count} lived on"))),
        None => Ok(()),
    }
}

/// Several files, each of a length that is allowed.
fn fill(name: &Path) -> Tried {
    let names: Vec<PathBuf> = (0..8).map(|index| name.with_extension(index.to_string())).collect();
    let filled = names.iter().try_for_each(|name| {
        let file = File::create(name)?;
        Ok(rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, TEMPORARY_BYTES / 2)?)
    });
    for name in names {
        let _ = fs::remove_file(name);
    }
    filled
}

fn outstay() {
    std::thread::sleep(TIME_SHORT + Duration::from_secs(3));
}

/// Ignores every signal that can be.
pub(super) fn deafen() {
    for signal in (1..32).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal)) {
        // SAFETY: it sets what happens at a signal to nothing; no code of ours is run.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
