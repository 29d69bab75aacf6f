//! How a program in a sandbox ended, and how that is told.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recv, recvmsg, send,
};

use super::canary;
use super::fault::{Fault, Stage};

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) usage: Usage,
    /// Whether a process was not made because there were so many, where that can be known: the
    /// kernel counts it in a cgroup alone.
    pub(crate) is_crowded: bool,
}

/// What is said of a program that wanted more processes than it may have.
pub(crate) const CROWDED: &str =
    "a process could not be started: it and what it had started were as many as they may be";

impl Outcome {
    /// Everything in the sandbox was killed, and nobody told how it stood.
    pub(crate) fn killed() -> Self {
        Self { end: End::Killed, usage: Usage::default(), is_crowded: false }
    }
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It ended itself, with this code.
    Exited(u8),
    /// A signal ended it.
    Signalled(i32),
    /// Its time was over.
    TimedOut,
    /// It and what it had started used more memory together than they may.
    OutOfMemory,
    /// It used more time on a processor than it may.
    OutOfProcessor,
    /// It was killed from outside, or with whoever started it.
    Killed,
    /// The sandbox could not be made, or did not hold, so that nothing was started.
    NotStarted(Fault),
}

/// What the program and all it waited for used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// On a processor.
    pub(crate) time: Duration,
    /// Bytes of memory, of the one process that had most.
    pub(crate) memory_bytes: u64,
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "it ended with status {code}"),
            Self::Signalled(libc::SIGSYS) => {
                formatter.write_str("it made a system call of another architecture, which ended it")
            }
            Self::OutOfProcessor => {
                formatter.write_str("it used all the processor time that it may, which ended it")
            }
            Self::OutOfMemory => formatter.write_str(
                "it and what it had started used more memory than they may, and were killed",
            ),
            Self::Signalled(signal) => {
                write!(formatter, "signal {signal}{} ended it", name(*signal))
            }
            Self::TimedOut => {
                formatter.write_str("its time was over: it and all it had started was killed")
            }
            Self::Killed => formatter.write_str("it was killed"),
            Self::NotStarted(fault) => write_fault(formatter, fault),
        }
    }
}

fn write_fault(formatter: &mut fmt::Formatter<'_>, fault: &Fault) -> fmt::Result {
    match fault.stage {
        Stage::Canary if fault.error == canary::WORKED => {
            let what = canary::what(fault.index);
            write!(formatter, "the sandbox does not hold, so nothing was started: {what} works")
        }
        Stage::Canary => {
            let (what, error) = (canary::what(fault.index), io::Error::from(fault.error));
            write!(
                formatter,
                "the sandbox is not what it should be, so nothing was started: {what} fails, but \
                 for another reason ({error})"
            )
        }
        Stage::Program => {
            write!(formatter, "the program cannot be run: {}", io::Error::from(fault.error))
        }
        _ => write!(formatter, "the sandbox could not be made ({fault}), so nothing was started"),
    }
}

fn name(signal: i32) -> &'static str {
    let known = [
        (libc::SIGKILL, " (KILL)"),
        (libc::SIGTERM, " (TERM)"),
        (libc::SIGINT, " (INT)"),
        (libc::SIGHUP, " (HUP)"),
        (libc::SIGSEGV, " (SEGV)"),
        (libc::SIGABRT, " (ABRT)"),
        (libc::SIGPIPE, " (PIPE)"),
        (libc::SIGFPE, " (FPE)"),
        (libc::SIGILL, " (ILL)"),
        (libc::SIGBUS, " (BUS)"),
        (libc::SIGTRAP, " (TRAP)"),
        (libc::SIGXFSZ, " (XFSZ)"),
    ];
    known.iter().find(|(number, _)| *number == signal).map_or("", |(_, name)| name)
}

/// How the first process of a sandbox sees the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    OutOfMemory,
    OutOfProcessor,
}

/// What the processes of a sandbox tell whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Something failed, and nothing was started.
    Fault(Fault),
    /// The program ended, or was ended; whether nothing else was left then.
    /// And whether there were as many as there may be.
    Ended { ending: Ending, usage: Usage, is_alone: bool, is_crowded: bool },
    /// A descriptor comes with this: the socket of the proxy, which can be reached from inside;
    /// then what system calls are told on, if somebody looks on.
    Listening,
    /// The walls were tried, which took so long.
    Proven(Duration),
}

impl Report {
    pub(super) const BYTES: usize = 24;

    /// Tells it; if nobody is there to be told, nobody is told.
    pub(super) fn send(self, to: &OwnedFd) {
        let _ = send(to, &self.bytes(), SendFlags::NOSIGNAL);
    }

    /// Says in words why there is no sandbox.
    pub(super) fn refuse(to: &OwnedFd, why: &str) {
        say(to, REFUSED, why);
    }

    /// Says in words which walls are missing.
    pub(super) fn lack(to: &OwnedFd, what: &str) {
        say(to, LACKING, what);
    }

    /// Waits for what is told; an error if nobody is there to tell any more.
    pub(super) fn receive(from: &OwnedFd) -> io::Result<Self> {
        let mut bytes = [0; Self::BYTES];
        loop {
            return match recv(from, &mut bytes, RecvFlags::empty()) {
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
                Ok((_, 0)) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((_, Self::BYTES)) => match Self::read(bytes) {
                    Some(report) => Ok(report),
                    None => Err(io::ErrorKind::InvalidData.into()),
                },
                Ok(_) => Err(io::ErrorKind::InvalidData.into()),
            };
        }
    }

    pub(super) fn bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (kind, rest) = bytes.split_at_mut(1);
        match self {
            Self::Fault(fault) => {
                kind.fill(1);
                put(rest, 0, &fault.bytes());
            }
            Self::Ended { ending, usage, is_alone, is_crowded } => {
                kind.fill(2);
                let (how, value) = match ending {
                    Ending::TimedOut => (0, 0),
                    Ending::Exited(code) => (1, code),
                    Ending::Signalled(signal) => (2, signal),
                    Ending::OutOfMemory => (3, 0),
                    Ending::OutOfProcessor => (4, 0),
                };
                let alone = if is_alone { ALONE } else { 0 };
                put(rest, 0, &[how | alone | if is_crowded { CROWD } else { 0 }]);
                put(rest, 1, &value.to_le_bytes());
                let time = u64::try_from(usage.time.as_micros()).unwrap_or(u64::MAX);
                put(rest, 5, &time.to_le_bytes());
                put(rest, 13, &usage.memory_bytes.to_le_bytes());
            }
            Self::Listening => kind.fill(3),
            Self::Proven(time) => {
                kind.fill(5);
                let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                put(rest, 0, &time.to_le_bytes());
            }
        }
        bytes
    }

    pub(super) fn read(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match kind {
            1 => Some(Self::Fault(Fault::read(*rest.first_chunk()?)?)),
            2 => {
                let (how, rest) = rest.split_first()?;
                let (value, rest) = rest.split_first_chunk()?;
                let (time, rest) = rest.split_first_chunk()?;
                let memory = rest.first_chunk()?;
                let value = i32::from_le_bytes(*value);
                let ending = match how & !(ALONE | CROWD) {
                    0 => Ending::TimedOut,
                    1 => Ending::Exited(value),
                    2 => Ending::Signalled(value),
                    3 => Ending::OutOfMemory,
                    4 => Ending::OutOfProcessor,
                    _ => return None,
                };
                let usage = Usage {
                    time: Duration::from_micros(u64::from_le_bytes(*time)),
                    memory_bytes: u64::from_le_bytes(*memory),
                };
                let is_crowded = how & CROWD != 0;
                Some(Self::Ended { ending, usage, is_alone: how & ALONE != 0, is_crowded })
            }
            3 => Some(Self::Listening),
            5 => {
                let time = u64::from_le_bytes(*rest.first_chunk()?);
                Some(Self::Proven(Duration::from_micros(time)))
            }
            _ => None,
        }
    }
}

/// What is told of a program that another process started.
#[derive(Debug)]
pub(crate) enum Told {
    /// It has a network, and connects to this.
    Listening(OwnedFd),
    /// How it ended.
    Ended(Outcome),
    /// There was no sandbox at all, and why.
    Refused(String),
    /// Which walls it has not got here.
    Lacking(String),
}

/// What is told of a program that another process started, if something is. An error if nobody is
/// there to tell.
pub(crate) fn look(report: &OwnedFd) -> io::Result<Option<Told>> {
    let mut bytes = [0; 1 + WORDS_BYTES_MAX];
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let (length, listener) = match receive_with(report, &mut bytes, flags) {
        Err(Errno::INTR | Errno::AGAIN) => return Ok(None),
        received => received?,
    };
    match bytes.get(..length) {
        Some([REFUSED, why @ ..]) => {
            Ok(Some(Told::Refused(String::from_utf8_lossy(why).into_owned())))
        }
        Some([LACKING, what @ ..]) => {
            Ok(Some(Told::Lacking(String::from_utf8_lossy(what).into_owned())))
        }
        Some([]) | None => Err(io::ErrorKind::UnexpectedEof.into()),
        Some(told) => {
            let told = told.try_into().ok().and_then(Report::read);
            Ok(Some(match (told, listener) {
                (Some(Report::Listening), Some(listener)) => Told::Listening(listener),
                (told, _) => {
                    let told = told.ok_or(io::ErrorKind::InvalidData.into());
                    Told::Ended(super::outcome_of(told))
                }
            }))
        }
    }
}

/// Takes a message, and the last descriptor that comes with it.
pub(super) fn receive_with(
    from: &OwnedFd,
    bytes: &mut [u8],
    flags: RecvFlags,
) -> rustix::io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let length = recvmsg(from, &mut [IoSliceMut::new(bytes)], &mut ancillary, flags)?.bytes;
    let fds = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.last(),
        _ => None,
    });
    Ok((length, fds.last()))
}

fn say(to: &OwnedFd, kind: u8, words: &str) {
    let words = words.as_bytes();
    let words = words.get(..WORDS_BYTES_MAX).unwrap_or(words);
    let _ = send(to, &[&[kind], words].concat(), SendFlags::NOSIGNAL);
}

/// Puts bytes where they have room.
fn put(bytes: &mut [u8], from: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(from..from + value.len()) {
        place.copy_from_slice(value);
    }
}

/// The bit that says that nothing was left.
const ALONE: u8 = 0x80;
/// The bit that says that there were as many as there may be.
const CROWD: u8 = 0x40;
/// What begins words.
const REFUSED: u8 = 4;
const LACKING: u8 = 6;
/// A sentence or three.
const WORDS_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_reads_back() {
        let usage = Usage { time: Duration::from_micros(7), memory_bytes: 1 << 40 };
        let fault = Fault { stage: Stage::Mount, index: 9, error: Errno::NOENT };
        for report in
            [Report::Fault(fault), Report::Proven(Duration::from_micros(90)), Report::Listening]
        {
            assert_eq!(Report::read(report.bytes()), Some(report));
        }
        for ending in [
            Ending::TimedOut,
            Ending::Exited(255),
            Ending::Signalled(9),
            Ending::OutOfMemory,
            Ending::OutOfProcessor,
        ] {
            for (is_alone, is_crowded) in [(false, false), (true, false), (false, true)] {
                let report = Report::Ended { ending, usage, is_alone, is_crowded };
                assert_eq!(Report::read(report.bytes()), Some(report));
            }
        }
        assert_eq!(Report::read([0; Report::BYTES]), None);
        assert_eq!(Report::read([9; Report::BYTES]), None);
    }
}
