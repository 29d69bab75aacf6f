//! The spawner: a second process of this program, which starts sandboxes on request.
//!
//! The agent itself can start nothing: it gave that up. So before it reads anything from anybody it
//! makes this process, which has no secrets, reads no network, and takes nothing but whole requests
//! over one socket: a profile, a pipe for what the program writes, and a socket on which the
//! sandbox tells its end. The agent holds the other ends, and closing one ends the sandbox.
//!
//! # Invariants
//! - It ends when the agent does, and every sandbox ends when it does.
//! - A request is judged by its length and its words before anything is done; a bad one ends this
//!   process, because only an agent that was taken over sends one. So does one for what no agent
//!   is ever granted.
//!
//! # Not here
//! Whether a program may run: the agent's core judged that.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::thread::{CapabilitySet, UnshareFlags};
use sentinel_core::order::Map;
use sentinel_core::sandbox::{CallsMode, Network, Profile};

use super::ahead::Ahead;
use super::cgroup::Group;
use super::fault::{At as _, Fault, Stage};
use super::identity::Identity;
use super::kernel::{self, Side};
use super::launch;
use super::outcome::Report;
use super::{Sandboxes, Streams, filter};
use crate::environment;

/// The agent's end of the spawner.
#[derive(Debug)]
pub(crate) struct Spawner {
    socket: OwnedFd,
    process: OwnedFd,
}

/// A program that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What it writes, of both kinds.
    pub(crate) output: OwnedFd,
    /// Where its end is told; when this is closed, it ends.
    pub(crate) report: OwnedFd,
}

/// A program that is talked with.
#[derive(Debug)]
pub(crate) struct Talking {
    /// What it reads.
    pub(crate) input: OwnedFd,
    /// What it says.
    pub(crate) output: OwnedFd,
    /// What it says for its author.
    pub(crate) errors: OwnedFd,
    /// Where its end is told; when this is closed, it ends.
    pub(crate) report: OwnedFd,
}

impl Spawner {
    /// Makes the process. To be called while there is one thread and nothing is known yet.
    pub(crate) fn start() -> io::Result<Self> {
        let (socket, other) = pair()?;
        match kernel::clone(0, None)? {
            Side::Child => {
                drop(socket);
                let _ = serve(&other);
                kernel::end(0)
            }
            Side::Parent { process, .. } => Ok(Self { socket, process }),
        }
    }

    /// What can be read when the process has ended. Of its socket a sandbox that is just being made
    /// has a copy, which is closed later.
    pub(crate) fn process(&self) -> &OwnedFd {
        &self.process
    }

    /// Asks for a program.
    ///
    /// # Errors
    /// The request is too long, the process is gone, or this one has no more descriptors.
    pub(crate) fn ask(&self, profile: &Profile) -> io::Result<Asked> {
        let (output, writer) = pipe()?;
        let report = self.send(profile, &[writer.as_fd()])?;
        Ok(Asked { output, report })
    }

    /// Asks for a program that is talked with.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask).
    pub(crate) fn ask_to_talk(&self, profile: &Profile) -> io::Result<Talking> {
        let ((output, writer), (errors, complaints)) = (pipe()?, pipe()?);
        let flags = SocketFlags::CLOEXEC;
        let (input, inside) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::fs::fcntl_setfl(&input, OFlags::NONBLOCK)?;
        let streams = [writer.as_fd(), inside.as_fd(), complaints.as_fd()];
        let report = self.send(profile, &streams)?;
        Ok(Talking { input, output, errors, report })
    }

    /// Sends a request with the program's streams, and gives the end where its end is told.
    fn send(&self, profile: &Profile, streams: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
        let request = profile.encode();
        if request.len() > REQUEST_BYTES_MAX {
            return Err(io::Error::other("the command is too long to be started"));
        }
        let (report, inside) = pair()?;
        let fds: Vec<_> = [inside.as_fd()].into_iter().chain(streams.iter().copied()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match sendmsg(&self.socket, &[IoSlice::new(&request)], &mut ancillary, flags) {
            // It died a moment ago.
            Err(Errno::PIPE | Errno::CONNRESET) => Err(io::Error::other(GONE)),
            sent => Ok(sent.map(|_| report)?),
        }
    }
}

/// A pipe, of which the end to read from waits for nothing.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    Ok((reader, writer))
}

pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Is the spawner, until the agent is gone.
fn serve(socket: &OwnedFd) -> io::Result<()> {
    kernel::control(libc::PR_SET_PDEATHSIG, u64::from(libc::SIGKILL.unsigned_abs()))?;
    environment::forget();
    rustix::thread::set_name(c"sentinel-spawn")?;
    // A key that is pressed at the terminal is for the agent, which ends this process.
    let _ = rustix::process::setsid();
    let socket = rustix::io::fcntl_dupfd_cloexec(socket, KEPT_FROM)?;
    let nothing = {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let nothing = rustix::fs::open("/dev/null", flags, Mode::empty())?;
        rustix::io::fcntl_dupfd_cloexec(&nothing, KEPT_FROM)?
    };
    for number in 0..3 {
        kernel::duplicate(&nothing, number)?;
    }
    kernel::close_between(3, KEPT_FROM.unsigned_abs() - 1)?;
    kernel::control(libc::PR_SET_DUMPABLE, 0)?;
    rustix::thread::set_no_new_privs(true)?;
    kernel::hold_signals(&[libc::SIGCHLD]);
    let children = kernel::children()?;
    // The agent is at its start now, and has use for the time that the rest takes. Nothing is read
    // before it is done.
    while let Err(error) = poll(&mut [PollFd::new(&socket, PollFlags::IN)], None) {
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
    let sandboxes = Sandboxes::new()?.of_agent()?;
    let filter = filter::spawner().map_err(io::Error::other)?;
    kernel::install(&filter)?;
    let mut bytes = vec![0; REQUEST_BYTES_MAX + 1];
    let mut ahead = None;
    // Those of the calls that run, by their first process.
    let mut groups: Map<i32, Group> = Map::new();
    // Nothing is made ahead before the first call: who calls nothing has nothing waiting.
    let mut is_used = false;
    loop {
        let mut waited =
            [PollFd::new(&socket, PollFlags::IN), PollFd::new(&children, PollFlags::IN)];
        let is_wanted = is_used && ahead.is_none();
        let patience = is_wanted.then_some(&QUIET);
        let is_quiet = match poll(&mut waited, patience) {
            Ok(count) => count == 0,
            Err(Errno::INTR) => false,
            Err(error) => return Err(error.into()),
        };
        let _ = rustix::io::read(&children, &mut [0; 128]);
        let mut has_ended = false;
        while let Some((number, _)) = kernel::reap_any() {
            has_ended = true;
            groups.remove(&number);
        }
        let [asked, _] = &waited;
        if !asked.revents().is_empty() {
            take(&socket, &mut bytes, &sandboxes, &nothing, &mut ahead, &mut groups)?;
            is_used = true;
        } else if is_wanted && (is_quiet || has_ended) {
            // Without one, each is made when it is asked for, and why it cannot be is told then.
            ahead = sandboxes.make_ahead(&nothing).ok();
            is_used = ahead.is_some();
        }
    }
}

/// Leaves the machine's network. Who is not root can do so only in a user namespace of his own, in
/// which he is who he was, and then gives up what he may in there.
pub(super) fn leave_network() -> Result<(), Fault> {
    if rustix::process::geteuid().is_root() {
        return launch::leave(UnshareFlags::NEWNET).at(Stage::Network);
    }
    let maps = Identity::new().at(Stage::Identity)?.maps();
    // Who is not dumpable has no say over his own files in /proc.
    kernel::control(libc::PR_SET_DUMPABLE, 1).at(Stage::Identity)?;
    let own = rustix::fs::open("/proc/self", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let left = own.at(Stage::Identity).and_then(|own| {
        launch::leave(UnshareFlags::NEWUSER | UnshareFlags::NEWNET).at(Stage::Network)?;
        launch::write_maps(&own, [maps[0].as_bytes(), maps[1].as_bytes()])?;
        launch::keep(CapabilitySet::empty())
    });
    kernel::control(libc::PR_SET_DUMPABLE, 0).at(Stage::Identity)?;
    left
}

/// Takes a request, and does it.
fn take(
    socket: &OwnedFd,
    bytes: &mut [u8],
    sandboxes: &Sandboxes,
    nothing: &OwnedFd,
    ahead: &mut Option<Ahead>,
    groups: &mut Map<i32, Group>,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(bytes)];
    let length = match recvmsg(socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
        Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
        received => received?.bytes,
    };
    let fds = descriptors(&mut ancillary);
    let request = bytes.get(..length).filter(|request| !request.is_empty());
    let request = request.ok_or(io::ErrorKind::UnexpectedEof)?;
    let profile = Profile::decode(request).map_err(io::Error::other)?;
    if is_beyond(&profile) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut fds = fds.into_iter();
    let (Some(report), Some(output)) = (fds.next(), fds.next()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let (input, errors) = (fds.next(), fds.next());
    let started = sandboxes.missing(&profile).and_then(|missing| {
        if !missing.is_empty() {
            Report::lack(&report, &missing.join("; "));
        }
        // Whatever is wrong with that one, or with the profile, is told of one that is made now.
        let is_grouped = sandboxes.is_grouped(&profile.limits);
        let is_talked_with = input.is_some();
        if let Some(ahead) =
            ahead.take_if(|ahead| !is_grouped && !is_talked_with && ahead.suits(&profile))
            && ahead.give(sandboxes, &profile, request, (&output, &report)).is_ok()
        {
            return Ok(());
        }
        let streams = Streams {
            input: input.map_or_else(|| nothing.try_clone(), Ok)?,
            errors: errors.map_or_else(|| output.try_clone(), Ok)?,
            output: output.try_clone()?,
        };
        let made = sandboxes.begin(&profile, streams, report.try_clone()?, None, Vec::new())?;
        if let Some(group) = made.group {
            groups.insert(made.number, group);
        }
        Ok(())
    });
    if let Err(why) = started {
        Report::refuse(&report, &why.to_string());
    }
    Ok(())
}

/// Whether something is asked for that no agent asks for, whatever it was granted: the machine's
/// own network, system calls that are not filtered, a terminal, or a door to the outside.
fn is_beyond(profile: &Profile) -> bool {
    profile.network == Network::Host
        || profile.calls_mode != CallsMode::Enforce
        || profile.has_terminal
        || !profile.published.is_empty()
}

/// What came with a message.
pub(super) fn descriptors(ancillary: &mut RecvAncillaryBuffer<'_>) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(taken) = message {
            fds.extend(taken);
        }
    }
    fds
}

/// What is said when it is there no more.
pub(crate) const GONE: &str = "the process that starts programs has ended: no command can be run \
                               until the agent is started again";
/// So long nothing has to happen for a sandbox to be made ahead.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// A request: what fits into a socket's buffer on every machine, and more than the words of a call.
pub(super) const REQUEST_BYTES_MAX: usize = 160 * 1024;
const _: () = assert!(2 * sentinel_core::limits::TOOL_ARGV_BYTES_MAX < REQUEST_BYTES_MAX);
/// The descriptors of a request: where its end is told, and its streams.
const FDS_MAX: usize = 4;
/// Descriptors below this are closed: what the agent had open is not the spawner's.
const KEPT_FROM: i32 = 256;

#[cfg(test)]
mod tests;
