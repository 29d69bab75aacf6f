//! Where lines go: standard error, without waiting for whoever reads it.
//!
//! A pipe whose reader stands still would hold up the whole agent with the first line that does not
//! fit. So a pipe or a terminal is opened a second time, for this program alone and without
//! waiting: the descriptor that it was given is shared with others, who may not expect that. A
//! socket is told with every write; a file takes everything.
//!
//! Where a person types below what is said, lines are [held](Sink::hold): whoever knows what stands
//! there takes them and shows them above it.
//!
//! # Invariants
//! - Lines are left out whole, and only when as much as fits waits already.

use std::io::IsTerminal as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

pub(super) struct Sink {
    way: Way,
    /// What waits, from `sent` on.
    waiting: Vec<u8>,
    sent: usize,
    dropped: u64,
    is_held: bool,
}

enum Way {
    /// Each write takes as long as it takes.
    Waits,
    /// The same place, opened by us.
    Own(OwnedFd),
    Socket,
    /// Asked each time whether it takes something.
    Asked,
}

impl Sink {
    pub(super) const fn new() -> Self {
        Self { way: Way::Waits, waiting: Vec::new(), sent: 0, dropped: 0, is_held: false }
    }

    /// From here on no write waits.
    pub(super) fn do_not_wait(&mut self) {
        let stderr = std::io::stderr();
        let kind = fstat(&stderr).map(|status| FileType::from_raw_mode(status.st_mode));
        self.way = match kind {
            Ok(FileType::Fifo | FileType::CharacterDevice) => {
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                match open("/proc/self/fd/2", flags, Mode::empty()) {
                    Ok(own) => Way::Own(own),
                    Err(_) => Way::Asked,
                }
            }
            Ok(FileType::Socket) => Way::Socket,
            _ => Way::Waits,
        };
    }

    /// Adds a line, or leaves it out.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.waiting.drain(..std::mem::take(&mut self.sent));
        if self.waiting.len() + line.len() > WAITING_BYTES_MAX {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.waiting.extend_from_slice(line);
        }
    }

    /// From here on lines wait to be [taken](Self::take), or are written again.
    pub(super) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    pub(super) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// The lines that wait, which somebody else shows.
    pub(super) fn take(&mut self) -> Vec<u8> {
        if !self.is_held {
            return Vec::new();
        }
        self.waiting.drain(..std::mem::take(&mut self.sent));
        std::mem::take(&mut self.waiting)
    }

    /// Writes what is taken; true if nothing waits any more.
    pub(super) fn flush(&mut self) -> bool {
        if self.is_held {
            return self.waiting.is_empty();
        }
        while let Some(rest @ [_, ..]) = self.waiting.get(self.sent..) {
            match self.way.write(rest) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                // Nobody will ever read it: a closed pipe, a full disk.
                Err(_) => self.sent = self.waiting.len(),
            }
        }
        self.waiting.clear();
        self.sent = 0;
        true
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many lines were left out, if any were.
    pub(super) fn take_dropped(&mut self) -> Option<u64> {
        let count = std::mem::take(&mut self.dropped);
        (count > 0).then_some(count)
    }

    /// Waits a little for a reader, at the end.
    pub(super) fn finish(&mut self) {
        for _ in 0..FINISH_TRIES {
            if self.flush() {
                break;
            }
            self.way.is_taken(FINISH_PAUSE);
        }
    }
}

impl Way {
    fn write(&self, bytes: &[u8]) -> rustix::io::Result<usize> {
        let stderr = std::io::stderr();
        match self {
            Self::Waits => rustix::io::write(stderr, bytes),
            Self::Own(own) => rustix::io::write(own, bytes),
            Self::Socket => send(stderr, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
            Self::Asked if !self.is_taken(Duration::ZERO) => Err(Errno::AGAIN),
            // Whoever says that they take something take this much.
            Self::Asked => rustix::io::write(stderr, bytes.get(..PIPE_BYTES).unwrap_or(bytes)),
        }
    }

    /// Whether something is taken within this time.
    fn is_taken(&self, time_max: Duration) -> bool {
        let stderr = std::io::stderr();
        let place: BorrowedFd<'_> = match self {
            Self::Own(own) => own.as_fd(),
            Self::Waits | Self::Socket | Self::Asked => stderr.as_fd(),
        };
        let time_max = Timespec {
            tv_sec: i64::try_from(time_max.as_secs()).unwrap_or(0),
            tv_nsec: time_max.subsec_nanos().into(),
        };
        let mut waited = [PollFd::from_borrowed_fd(place, PollFlags::OUT)];
        matches!(poll(&mut waited, Some(&time_max)), Ok(1..))
    }
}

/// Whether people read it.
pub(super) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// A few thousand lines: an hour of a busy agent at `info`.
const WAITING_BYTES_MAX: usize = 256 * 1024;
/// What a pipe takes at once if it takes anything: `PIPE_BUF`.
const PIPE_BYTES: usize = 4096;
/// A second, all in all.
const FINISH_TRIES: u32 = 10;
const FINISH_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_held_are_taken_or_written_and_never_both() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let mut sink = Sink::new();
        sink.way = Way::Own(writer);
        sink.push(b"one\n");
        assert!(sink.take().is_empty() && sink.flush(), "who holds nothing takes nothing");
        sink.hold(true);
        sink.push(b"two\n");
        assert!(!sink.flush() && sink.is_behind());
        assert_eq!(sink.take(), b"two\n");
        assert!(sink.flush() && !sink.is_behind());
        sink.push(b"three\n");
        sink.hold(false);
        assert!(sink.flush());
        let mut room = [0; 64];
        let count = rustix::io::read(&reader, &mut room).unwrap();
        assert_eq!(room.get(..count), Some(&b"one\nthree\n"[..]));
    }

    #[test]
    fn lines_that_nobody_takes_are_left_out_whole_and_counted() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let mut sink = Sink::new();
        sink.way = Way::Own(writer);
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        for _ in 0..400 {
            sink.push(&line);
            sink.flush();
        }
        assert!(sink.is_behind() && sink.take_dropped().is_some_and(|count| count > 50));
        let mut read = Vec::new();
        let mut room = [0; 65536];
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        loop {
            let is_done = sink.flush();
            match rustix::io::read(&reader, &mut room) {
                Ok(count) => read.extend_from_slice(room.get(..count).unwrap()),
                Err(_) if is_done => break,
                Err(error) => assert_eq!(error, Errno::AGAIN),
            }
        }
        assert!(read.len() > 256_000 && read.chunks(1000).all(|chunk| chunk == line));
        assert!(!sink.is_behind() && sink.take_dropped().is_none());
    }
}
