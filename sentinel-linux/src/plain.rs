//! Programs of the machine, started as they are: by commands of a person, never by an agent.
//!
//! The standard library's way to do this is thirty kilobytes of a program, most of them for what is
//! asked of it seldom. This is `posix_spawn`, of which both C libraries know all that is needed.
//!
//! # Invariants
//! - A program begins with no signal blocked and none ignored, as a shell would start it.
//! - What was started is waited for, so that none stays behind as a zombie.
//!
//! # Not here
//! Programs in a sandbox: [`sandbox`](crate::sandbox).

use std::ffi::{CString, OsStr, c_char};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::ptr;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A program and all it is given.
#[derive(Debug)]
pub(crate) struct Plain {
    program: CString,
    words: Vec<CString>,
    variables: Vec<CString>,
    directory: Option<CString>,
    is_group: bool,
    /// What it has of the usual three; those of this process where there is nothing.
    streams: [Option<OwnedFd>; 3],
    /// Something was said with a zero in it, which ends a text for whoever is started.
    is_broken: bool,
}

/// A program that was started.
#[derive(Debug)]
pub(crate) struct Running {
    process: Pid,
    ended: Option<ExitStatus>,
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Plain {
    /// This program, looked for where programs are if it is a name alone, with the variables of
    /// this process.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut plain = Self {
            program: CString::default(),
            words: Vec::new(),
            variables: Vec::new(),
            directory: None,
            is_group: false,
            streams: [None, None, None],
            is_broken: false,
        };
        plain.program = plain.text(program.as_ref());
        plain.words.push(plain.program.clone());
        for (name, value) in std::env::vars_os() {
            plain = plain.variable(&name, &value);
        }
        plain
    }

    pub(crate) fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        let word = self.text(word.as_ref());
        self.words.push(word);
        self
    }

    pub(crate) fn words<W: AsRef<OsStr>>(self, words: impl IntoIterator<Item = W>) -> Self {
        words.into_iter().fold(self, Self::word)
    }

    /// What it is told that it is called.
    pub(crate) fn called(mut self, name: &str) -> Self {
        let name = self.text(OsStr::new(name));
        if let Some(first) = self.words.first_mut() {
            *first = name;
        }
        self
    }

    /// No variable but those that follow.
    pub(crate) fn without_variables(mut self) -> Self {
        self.variables.clear();
        self
    }

    pub(crate) fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let start = [name.as_ref().as_bytes(), b"="].concat();
        self.variables.retain(|variable| !variable.as_bytes().starts_with(&start));
        let variable = [&start, value.as_ref().as_bytes()].concat();
        let variable = self.text(OsStr::from_bytes(&variable));
        self.variables.push(variable);
        self
    }

    pub(crate) fn within(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(self.text(directory.as_ref().as_os_str()));
        self
    }

    /// In a group of its own, so that what is meant for it does not meet this process.
    pub(crate) const fn grouped(mut self) -> Self {
        self.is_group = true;
        self
    }

    /// With this as its standard input, output and error; nothing leaves it that of this process.
    pub(crate) fn streams(mut self, streams: [Option<OwnedFd>; 3]) -> Self {
        self.streams = streams;
        self
    }

    /// Starts it.
    #[allow(unsafe_code, reason = "programs are started in no safe way without a large one")]
    pub(crate) fn start(&self) -> io::Result<Running> {
        if self.is_broken {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (words, variables) = (pointers(&self.words), pointers(&self.variables));
        let mut process = 0;
        let mut attributes = MaybeUninit::uninit();
        let mut actions = MaybeUninit::uninit();
        let mut none = MaybeUninit::uninit();
        let mut all = MaybeUninit::uninit();
        // SAFETY: the attributes, the actions and both sets are initialised by the first calls that
        // get them, which cannot fail but for memory, and are given back after the last. The texts
        // end with zeros and the lists with null, and `self` holds them until the call is over;
        // whoever is started gets copies. No descriptor is closed meanwhile: `self` owns those of
        // the streams.
        let done = unsafe {
            check(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
            check(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigfillset(all.as_mut_ptr());
            libc::posix_spawnattr_setsigmask(attributes.as_mut_ptr(), none.as_ptr());
            libc::posix_spawnattr_setsigdefault(attributes.as_mut_ptr(), all.as_ptr());
            libc::posix_spawnattr_setpgroup(attributes.as_mut_ptr(), 0);
            let group = if self.is_group { libc::POSIX_SPAWN_SETPGROUP } else { 0 };
            let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | group;
            let flags = libc::c_short::try_from(flags).unwrap_or_default();
            libc::posix_spawnattr_setflags(attributes.as_mut_ptr(), flags);
            let mut done = 0;
            for (number, stream) in (0..).zip(&self.streams) {
                if let Some(stream) = stream.as_ref().filter(|_| done == 0) {
                    let (actions, from) = (actions.as_mut_ptr(), stream.as_raw_fd());
                    done = libc::posix_spawn_file_actions_adddup2(actions, from, number);
                }
            }
            if let Some(directory) = self.directory.as_ref().filter(|_| done == 0) {
                let (actions, directory) = (actions.as_mut_ptr(), directory.as_ptr());
                done = libc::posix_spawn_file_actions_addchdir_np(actions, directory);
            }
            if done == 0 {
                done = libc::posix_spawnp(
                    &raw mut process,
                    self.program.as_ptr(),
                    actions.as_ptr(),
                    attributes.as_ptr(),
                    words.as_ptr(),
                    variables.as_ptr(),
                );
            }
            libc::posix_spawn_file_actions_destroy(actions.as_mut_ptr());
            libc::posix_spawnattr_destroy(attributes.as_mut_ptr());
            done
        };
        check(done)?;
        let process = Pid::from_raw(process).ok_or(io::ErrorKind::Other)?;
        Ok(Running { process, ended: None })
    }

    /// Puts it in place of this process; what comes back is why it could not be.
    #[allow(unsafe_code, reason = "programs are started in no safe way without a large one")]
    pub(crate) fn become_it(self) -> io::Error {
        if self.is_broken {
            return io::ErrorKind::InvalidInput.into();
        }
        let (words, variables) = (pointers(&self.words), pointers(&self.variables));
        // SAFETY: the texts end with zeros, the lists with null, and `self` holds them all.
        unsafe {
            libc::execve(
                self.program.as_ptr(),
                words.as_ptr().cast::<*const c_char>(),
                variables.as_ptr().cast::<*const c_char>(),
            )
        };
        io::Error::last_os_error()
    }

    /// Runs it to its end.
    pub(crate) fn status(self) -> io::Result<ExitStatus> {
        self.start()?.wait()
    }

    /// Runs it to its end, with nothing to read, and takes what it says.
    pub(crate) fn said(self) -> io::Result<Said> {
        let (out, tells_out) = pipe_with(PipeFlags::CLOEXEC)?;
        let (error, tells_error) = pipe_with(PipeFlags::CLOEXEC)?;
        let plain = self.streams([Some(nothing()?), Some(tells_out), Some(tells_error)]);
        let mut running = plain.start()?;
        // The ends that are the program's: what is read ends with it.
        drop(plain);
        let [stdout, stderr] = read_both([out, error])?;
        Ok(Said { status: running.wait()?, stdout, stderr })
    }

    fn text(&mut self, text: &OsStr) -> CString {
        CString::new(text.as_bytes()).unwrap_or_else(|_| {
            self.is_broken = true;
            CString::default()
        })
    }
}

impl Running {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.wait_with(WaitOptions::NOHANG)
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(ended) = self.wait_with(WaitOptions::empty())? {
                return Ok(ended);
            }
        }
    }

    fn wait_with(&mut self, options: WaitOptions) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            let waited = retry_on_intr(|| waitpid(Some(self.process), options))?;
            self.ended = waited.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
        }
        Ok(self.ended)
    }
}

impl Drop for Running {
    /// Whoever has no use for it any more ends it.
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = kill_process(self.process, Signal::KILL);
            let _ = self.wait();
        }
    }
}

/// Where nothing comes from, and everything can be left.
pub(crate) fn nothing() -> io::Result<OwnedFd> {
    Ok(File::options().read(true).write(true).open("/dev/null")?.into())
}

/// Reads both to their ends, each as soon as there is something: whoever writes to one waits for
/// nobody who reads the other.
fn read_both(from: [OwnedFd; 2]) -> io::Result<[Vec<u8>; 2]> {
    let mut read = [Vec::new(), Vec::new()];
    let mut from = from.map(Some);
    let mut room = [0; 4096];
    loop {
        let open = from.iter().flatten();
        let mut waited: Vec<PollFd<'_>> = open.map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        if waited.is_empty() {
            return Ok(read);
        }
        retry_on_intr(|| poll(&mut waited, None))?;
        let ready: Vec<bool> = waited.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        for (from, read) in from.iter_mut().zip(&mut read) {
            let Some(fd) = from else { continue };
            if ready.next() != Some(true) {
                continue;
            }
            match retry_on_intr(|| rustix::io::read(&*fd, &mut room))? {
                0 => *from = None,
                count => read.extend_from_slice(room.get(..count).unwrap_or_default()),
            }
        }
    }
}

fn pointers(texts: &[CString]) -> Vec<*mut c_char> {
    let texts = texts.iter().map(|text| text.as_ptr().cast_mut());
    texts.chain([ptr::null_mut()]).collect()
}

/// What functions of this family return is the error itself.
fn check(returned: i32) -> io::Result<()> {
    match returned {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Plain {
        Plain::new("sh").words(["-c", script])
    }

    #[test]
    fn a_program_gets_what_it_is_given_and_says_how_it_ended() {
        let plain = shell("cd .; echo $0 $1 $A $B; pwd; echo no >&2; exit 3").words(["x", "y z"]);
        let plain = plain.without_variables().variable("A", "1").variable("A", "2");
        let said = plain.variable("PATH", "/usr/bin:/bin").within("/").said().unwrap();
        assert_eq!((said.stdout, said.stderr), (b"x y z 2\n/\n".to_vec(), b"no\n".to_vec()));
        assert_eq!(said.status.code(), Some(3));
        assert!(Plain::new("/bin/true").called("true").status().unwrap().success());
    }

    #[test]
    fn what_cannot_be_started_is_said() {
        let missing = Plain::new("there-is-no-such-program").status().unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let broken = shell("true\0false").start().unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn much_on_both_streams_is_read() {
        let script = "a=0123456789012345678901234567890123456789; i=0; while [ $i -lt 3000 ]; do \
                      echo $a; echo $a >&2; i=$((i + 1)); done";
        let said = shell(script).said().unwrap();
        assert_eq!((said.stdout.len(), said.stderr.len()), (123_000, 123_000));
    }

    /// Signals are as a shell has them, whatever the process that starts it does with its own.
    #[test]
    fn whoever_is_dropped_is_ended_and_takes_signals() {
        let mut running = shell("kill -PIPE $$; sleep 60").start().unwrap();
        assert_eq!(running.wait().unwrap().signal(), Some(libc::SIGPIPE));
        let running = shell("sleep 60").grouped().start().unwrap();
        let process = Pid::from_raw(running.id().cast_signed()).unwrap();
        assert_eq!(rustix::process::getpgid(Some(process)).unwrap(), process);
        drop(running);
        assert!(rustix::process::test_kill_process(process).is_err());
    }
}
