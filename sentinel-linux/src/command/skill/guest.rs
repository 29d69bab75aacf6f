//! A skill that was started in a sandbox, and lines to it and from it.
//!
//! # Invariants
//! - It has its own folder to read, nothing to write but a temporary directory, and no network.
//! - However much it says and however long it takes, what is kept of it and waited for is bounded.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use sentinel_core::sandbox::{Limits, Mount, Profile, Rights};
use sentinel_core::skill::{Manifest, Runtime};
use sentinel_skill_abi::conversation::{Conversation, Task};
use sentinel_skill_abi::limits::LINE_BYTES_MAX;
use sentinel_skill_abi::{Fault, Lines};

use crate::sandbox::{ENVIRONMENT, Sandboxes, Started, Streams};
use crate::skills::folder::Folder;
use crate::skills::wasm;

/// A skill that is running.
pub(super) struct Guest {
    input: Option<OwnedFd>,
    output: OwnedFd,
    errors: OwnedFd,
    /// Whoever drops it ends the sandbox.
    started: Started,
    pub(super) conversation: Conversation,
    room: Vec<u8>,
    /// What was read and is not a line yet.
    rest: Vec<u8>,
    /// What it says for its author.
    pub(super) said: Vec<u8>,
    deadline: Instant,
    /// Whether it has until then for whatever it does.
    is_patient: bool,
}

/// What came instead of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It ended.
    Ended,
    /// It says nothing for too long.
    TimedOut,
    /// It says what is no line.
    Broken(Fault),
    /// It cannot be talked with.
    Failed(String),
}

impl Guest {
    /// Starts it.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(super) fn start(
        sandboxes: &Sandboxes,
        folder: &Folder,
        manifest: &Manifest,
    ) -> Result<Self, String> {
        let time = manifest.bounds.time + PATIENCE;
        let mut profile = match manifest.runtime {
            Runtime::Process | Runtime::Mcp => program(folder, manifest),
            Runtime::Wasm => wasm::profile(manifest, &folder.place, manifest.bounds.memory_bytes)?,
        };
        profile.limits.time = Some(time);
        Self::start_in(sandboxes, profile)
    }

    /// Starts what a profile says, which has a bound for its time.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(super) fn start_in(sandboxes: &Sandboxes, profile: Profile) -> Result<Self, String> {
        let time = profile.limits.time.unwrap_or(PATIENCE);
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| error.to_string());
        let ((output, inside_output), (errors, inside_errors)) = (pipe()?, pipe()?);
        let flags = SocketFlags::CLOEXEC;
        let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let (input, inside_input) = pair.map_err(|error| error.to_string())?;
        let streams = Streams { input: inside_input, output: inside_output, errors: inside_errors };
        rustix::io::ioctl_fionbio(&input, true).map_err(|error| error.to_string())?;
        let started = sandboxes.start(&profile, streams).map_err(|error| error.to_string())?;
        Ok(Self {
            input: Some(input),
            output,
            errors,
            started,
            conversation: Conversation::new(),
            room: vec![0; LINE_BYTES_MAX],
            rest: Vec::new(),
            said: Vec::new(),
            deadline: Instant::now() + time,
            is_patient: false,
        })
    }

    /// Says what this writes.
    pub(super) fn say<E>(
        &mut self,
        write: impl FnOnce(&mut Conversation, &mut [u8]) -> Result<usize, E>,
    ) -> Result<(), Silence> {
        let mut room = std::mem::take(&mut self.room);
        let length = write(&mut self.conversation, &mut room);
        let sent = match length {
            Ok(length) => self.send(room.get(..length).unwrap_or_default()),
            Err(_) => Err(Silence::Failed("what is to be said does not fit into a line".into())),
        };
        self.room = room;
        sent
    }

    /// Says these bytes, whatever they are.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<(), Silence> {
        while !bytes.is_empty() {
            let Some(input) = &self.input else { return Err(Silence::Ended) };
            match rustix::io::write(input, bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // It does not listen; so it has as long as it would have to answer.
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT)?,
                Err(Errno::PIPE) => return Err(Silence::Ended),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// Says nothing more.
    pub(super) fn hang_up(&mut self) {
        if let Some(input) = self.input.take() {
            // Closing it would not do: the first process of the sandbox has what this one had.
            let _ = rustix::net::shutdown(&input, Shutdown::Write);
        }
    }

    /// The next line, with its newline.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, Silence> {
        loop {
            let mut lines = Lines::new(&mut self.room);
            let mut rest = self.rest.as_slice();
            let line = lines.next(&mut rest).map_err(Silence::Broken)?.map(<[u8]>::to_vec);
            if let Some(line) = line {
                let left = rest.len();
                self.rest.drain(..self.rest.len() - left);
                return Ok(line);
            }
            self.wait(PollFlags::empty())?;
            let mut piece = [0; 4096];
            match rustix::io::read(&self.output, &mut piece) {
                Ok(0) if self.rest.is_empty() => return Err(Silence::Ended),
                Ok(0) => return Err(Silence::Broken(Fault::HalfLine)),
                Ok(count) => self.rest.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// The next bytes, however they end; they are waited for until then.
    pub(super) fn piece(&mut self, end: Instant) -> Result<Vec<u8>, Silence> {
        self.deadline = end;
        self.is_patient = true;
        self.wait(PollFlags::empty())?;
        let mut piece = vec![0; LINE_BYTES_MAX];
        match rustix::io::read(&self.output, &mut piece) {
            Ok(0) => Err(Silence::Ended),
            Ok(count) => {
                piece.truncate(count);
                Ok(piece)
            }
            Err(Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Waits until it has said something, or listens if that is waited for; what it says for its
    /// author is taken meanwhile.
    fn wait(&mut self, wanted: PollFlags) -> Result<(), Silence> {
        // A call has the time that its manifest gives it.
        let deadline = match self.conversation.task() {
            Some(Task::Call) => self.deadline,
            _ if self.is_patient => self.deadline,
            _ => self.deadline.min(Instant::now() + PATIENCE),
        };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Silence::TimedOut);
            }
            let time = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            // What is closed is ready for ever, so nothing more is looked for there.
            let is_closed = self.said.len() > SAID_BYTES_MAX;
            let (is_ready, has_said) = {
                let waited = match &self.input {
                    Some(input) if wanted == PollFlags::OUT => PollFd::new(input, wanted),
                    _ => PollFd::new(&self.output, PollFlags::IN),
                };
                let mut all = [waited, PollFd::new(&self.errors, PollFlags::IN)];
                let count = if is_closed { 1 } else { 2 };
                match poll(all.get_mut(..count).unwrap_or_default(), Some(&time)) {
                    Ok(_) => {}
                    Err(Errno::INTR) => continue,
                    Err(error) => return Err(failed(error)),
                }
                let [waited, errors] = all.map(|one| !one.revents().is_empty());
                (waited, errors)
            };
            if has_said {
                self.listen();
            }
            if is_ready {
                return Ok(());
            }
        }
    }

    /// Takes what it has still to say for its author: who ended has just said why.
    pub(super) fn last_words(&mut self) {
        let time = Timespec { tv_sec: 0, tv_nsec: LAST_WORDS_NANOSECONDS };
        while self.said.len() <= SAID_BYTES_MAX {
            let mut errors = [PollFd::new(&self.errors, PollFlags::IN)];
            match poll(&mut errors, Some(&time)) {
                Ok(count) if count > 0 => self.listen(),
                _ => return,
            }
        }
    }

    /// Takes what it says for its author, up to a bound.
    fn listen(&mut self) {
        let mut piece = [0; 4096];
        match rustix::io::read(&self.errors, &mut piece) {
            Ok(count) if count > 0 => {
                self.said.extend_from_slice(piece.get(..count).unwrap_or_default());
            }
            // Nothing more is looked for there.
            _ => self.said.resize(SAID_BYTES_MAX + 1, b' '),
        }
    }

    /// Waits for its end, and says how it came.
    pub(super) fn end(self) -> String {
        self.started.wait().end.to_string()
    }
}

/// The sandbox of a program.
fn program(folder: &Folder, manifest: &Manifest) -> Profile {
    let place = folder.place.as_os_str().as_bytes();
    let program = folder.place.join(&manifest.entry);
    let mut profile = Profile::new(program.as_os_str().as_bytes(), place);
    profile.environment = ENVIRONMENT.iter().map(|word| word.as_bytes().to_vec()).collect();
    profile.mounts.push(Mount { path: place.to_vec(), rights: Rights::Run });
    profile.limits = Limits {
        memory_bytes: Some(manifest.bounds.memory_bytes),
        file_bytes: Some(FILE_BYTES_MAX),
        ..Limits::default()
    };
    profile
}

fn failed(error: Errno) -> Silence {
    Silence::Failed(io::Error::from(error).to_string())
}

/// How long anything may take that is not a call.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long more is waited for when something was wrong.
const LAST_WORDS_NANOSECONDS: i64 = 200_000_000;

/// Bytes of what a skill says for its author that are kept.
const SAID_BYTES_MAX: usize = 4096;

/// Bytes of a file that a skill writes into its temporary directory.
const FILE_BYTES_MAX: u64 = 16 << 20;
