//! Watching how much memory the processes of a sandbox have together, where no cgroup does.
//!
//! The kernel limits the memory of each process for everybody, and that of many together only in a
//! cgroup. So the first process looks: at what each has, which is quickly read and counts what they
//! share more than once; and where that would be too much, at each one's share, which is exact. It
//! looks again before what is left could be filled.
//!
//! # Invariants
//! - No process of the sandbox can hide from it: it reads a view of the processes of its own, and
//!   keeps the one capability that this takes.
//! - Nothing here allocates.
//!
//! # Not here
//! Files in the temporary directory, which have a bound of their own; and what the kernel keeps for
//! processes beside their memory.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, openat, seek};

use super::kernel;

/// Who watches.
#[derive(Debug)]
pub(super) struct Watch {
    /// All processes of the sandbox, as the kernel shows them.
    pub(super) processes: OwnedFd,
    pub(super) bytes_max: u64,
}

impl Watch {
    /// Whether they have too much; or when to look again.
    pub(super) fn look(&self) -> Result<Duration, TooMuch> {
        let most = self.sum(resident);
        if most <= self.bytes_max {
            return Ok(patience(self.bytes_max - most));
        }
        // That was everything each can reach, shared or not.
        for _ in 0..READINGS_MAX {
            let before = self.crowd();
            let exact = self.sum(share);
            if let Some(left) = self.bytes_max.checked_sub(exact) {
                return Ok(patience(left).max(PATIENCE_EXACT));
            }
            if self.crowd() == before {
                return Err(TooMuch);
            }
            // Each is looked at in its turn. Where one began or ended in between, what it shared
            // with the others was counted with it, and with them again.
        }
        Err(TooMuch)
    }

    fn sum(&self, bytes_of: fn(BorrowedFd<'_>, &CStr) -> Option<u64>) -> u64 {
        let mut sum = 0_u64;
        let is_known = self.each(|name| {
            sum = sum.saturating_add(bytes_of(self.processes.as_fd(), name).unwrap_or_default());
            // Above it the rest does not matter, and takes time.
            sum <= self.bytes_max
        });
        if is_known { sum } else { u64::MAX }
    }

    /// A number for those who have memory now: another one when one of them began or ended.
    fn crowd(&self) -> u64 {
        let mut crowd = 0_u64;
        self.each(|name| {
            if resident(self.processes.as_fd(), name).is_some_and(|bytes| bytes > 0) {
                let id = number(name.to_bytes()).unwrap_or_default();
                crowd = (crowd.rotate_left(5) ^ id).wrapping_mul(SPREAD);
            }
            true
        });
        crowd
    }

    /// Names each process but this one until it is told to stop; false if it could not.
    fn each(&self, mut look: impl FnMut(&CStr) -> bool) -> bool {
        let mut room = [MaybeUninit::uninit(); 4096];
        if seek(&self.processes, SeekFrom::Start(0)).is_err() {
            return false;
        }
        let mut entries = RawDir::new(&self.processes, &mut room);
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name();
            // This one itself is the first.
            if !name.to_bytes().iter().all(u8::is_ascii_digit) || name == c"1" {
                continue;
            }
            if !look(name) {
                break;
            }
        }
        true
    }
}

/// All that is allowed, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

/// How long it takes at least to fill so much, within bounds.
fn patience(left_bytes: u64) -> Duration {
    let time = Duration::from_micros(left_bytes / BYTES_A_MICROSECOND);
    time.clamp(PATIENCE_MIN, PATIENCE_MAX)
}

/// What a process has in memory, its programs and libraries included.
fn resident(processes: BorrowedFd<'_>, name: &CStr) -> Option<u64> {
    let mut room = [0; 256];
    let text = read(processes, name, b"/statm", &mut room)?;
    let pages = text.split(|byte| *byte == b' ').nth(1).and_then(number)?;
    pages.checked_mul(kernel::page_bytes())
}

/// What of memory is a process's own, and its share of what it shares; of files only what is held
/// in memory alone.
fn share(processes: BorrowedFd<'_>, name: &CStr) -> Option<u64> {
    let mut room = [0; 4096];
    let Some(text) = read(processes, name, b"/smaps_rollup", &mut room) else {
        // It has ended, or is about to.
        return resident(processes, name);
    };
    Some(sum_of(text, &[b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:"]))
}

/// The sum of the lines that begin with these words, each in kilobytes.
fn sum_of(text: &[u8], words: &[&[u8]]) -> u64 {
    let mut sum = 0_u64;
    for line in text.split(|byte| *byte == b'\n') {
        let rest = words.iter().find_map(|word| line.strip_prefix(*word));
        let kilobytes = rest.and_then(|rest| rest.trim_ascii().split(|byte| *byte == b' ').next());
        sum = sum.saturating_add(kilobytes.and_then(number).unwrap_or_default());
    }
    sum.saturating_mul(1024)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A file about a process.
fn read<'r>(
    processes: BorrowedFd<'_>,
    name: &CStr,
    file: &[u8],
    room: &'r mut [u8],
) -> Option<&'r [u8]> {
    let mut path = [0; 32];
    let (number, rest) = path.split_at_mut_checked(name.count_bytes())?;
    number.copy_from_slice(name.to_bytes());
    rest.get_mut(..file.len())?.copy_from_slice(file);
    let path = CStr::from_bytes_until_nul(&path).ok()?;
    let file = openat(processes, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let length = rustix::io::read(&file, &mut *room).ok()?;
    room.get(..length)
}

/// As fast as a few processors fill memory: four gigabytes a second.
const BYTES_A_MICROSECOND: u64 = 4295;
const PATIENCE_MIN: Duration = Duration::from_millis(2);
const PATIENCE_MAX: Duration = Duration::from_millis(100);
/// Exact shares take a look at every page.
const PATIENCE_EXACT: Duration = Duration::from_millis(10);
/// Too much is read so often at most while processes begin and end: who has them do so without end
/// gains no more time than that.
const READINGS_MAX: usize = 6;
/// An odd number with bits everywhere: the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_summed_by_their_names() {
        let text = b"5589-7ffc ---p 0 00:00 0  [rollup]\nRss:  1292 kB\nPss:  200 kB\n\
                     Pss_Anon:        108 kB\nPss_File:  7 kB\nPss_Shmem:     4 kB\n\
                     SwapPss: 1 kB\n";
        assert_eq!(sum_of(text, &[b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:"]), 113 << 10);
        assert_eq!(sum_of(b"Pss_Anon: x kB\nPss_Anon:", &[b"Pss_Anon:"]), 0);
    }

    #[test]
    fn it_looks_again_before_what_is_left_is_filled() {
        assert_eq!(patience(0), PATIENCE_MIN);
        assert_eq!(patience(u64::MAX), PATIENCE_MAX);
        let time = patience(128 << 20);
        assert!(time > PATIENCE_MIN && time < Duration::from_millis(33), "{time:?}");
    }

    /// Goal: what is shared by two counts once, though one of them ends while they are looked at.
    /// Method: their files are ours, and who is read first ends in the middle of that.
    #[test]
    fn who_ends_meanwhile_is_not_counted_twice() {
        use std::fs;
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;

        let place = std::env::temp_dir().join(format!("sentinel-crowd-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        let file = |process: &str, name: &str| place.join(process).join(name);
        for process in ["2", "3"] {
            fs::create_dir_all(place.join(process)).unwrap();
            fs::write(file(process, "statm"), "60000 52480 0 0 0 0 0\n").unwrap();
            let pipe = file(process, "smaps_rollup");
            let mode = Mode::RUSR | Mode::WUSR;
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let processes = rustix::fs::open(&place, flags, Mode::empty()).unwrap();
        let watch = Watch { processes, bytes_max: 256 << 20 };
        let replace = |process: &str, text: &str| {
            let fresh = file(process, "fresh");
            fs::write(&fresh, text).unwrap();
            fs::rename(fresh, file(process, "smaps_rollup")).unwrap();
        };
        let looked = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut options = fs::OpenOptions::new();
                options.write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
                let (mut first, ending, other) = loop {
                    // Nobody can write to a pipe that nobody reads from.
                    let read = |process| options.open(file(process, "smaps_rollup")).ok();
                    match (read("2"), read("3")) {
                        (Some(pipe), _) => break (pipe, "2", "3"),
                        (_, Some(pipe)) => break (pipe, "3", "2"),
                        _ => std::thread::yield_now(),
                    }
                };
                fs::write(file(ending, "statm"), "0 0 0 0 0 0 0\n").unwrap();
                replace(ending, "");
                replace(other, "Pss_Anon: 209920 kB\n");
                first.write_all(b"Pss_Anon: 104960 kB\n").unwrap();
            });
            watch.look()
        });
        fs::remove_dir_all(&place).unwrap();
        assert!(looked.is_ok(), "200 MiB are less than 256");
    }

    /// This process, as others see it.
    #[test]
    fn a_process_has_some_memory_and_its_share_is_no_more() {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let processes = rustix::fs::open(c"/proc", flags, Mode::empty()).unwrap();
        let kept = vec![1_u8; 8 << 20];
        let (all, own) = (resident(processes.as_fd(), c"self"), share(processes.as_fd(), c"self"));
        assert!(own.unwrap() >= 8 << 20 && own < all, "{own:?} {all:?}");
        assert_eq!(std::hint::black_box(kept).len(), 8 << 20);
        assert_eq!(resident(processes.as_fd(), c"0"), None);
    }
}
