//! What is prepared for one run of one attempt, and what is seen of it afterwards.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, XattrFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use rustix::termios::{LocalModes, Winsize};
use sentinel_core::order::Map;

use super::ground::{Ground, OUTSIDE, SHARED, SIGN, VARIABLE, WORD, WORKSPACE};
use super::inside::VICTIM;
use super::runner::Stage;
use super::{Attempt, Need, calls, covered, objects, program, services, victim};
use crate::plain::{self, Plain, Running};

/// The ground of one run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) ground: Ground,
    pub(super) victim: Option<Victim>,
    pub(super) terminal: Option<Terminal>,
    objects: Option<objects::Objects>,
    base: PathBuf,
    before: Map<PathBuf, String>,
}

impl Prepared {
    pub(super) fn new(stage: &Stage, attempt: &Attempt, number: usize) -> io::Result<Self> {
        let sign = super::runner::token()?;
        let base = stage.base.join(number.to_string());
        let mut ground = stage.ground.clone();
        ground.tell(SIGN, &sign);
        let key = sign.get(..7).and_then(|digits| i32::from_str_radix(digits, 16).ok());
        // Zero would mean none.
        ground.tell("key-number", key.unwrap_or_default().max(1));
        for place in [WORKSPACE, SHARED, OUTSIDE] {
            let path = base.join(place);
            fs::create_dir_all(&path)?;
            ground.tell(place, path.display());
        }
        let secret = &stage.secret;
        fs::write(ground.outside("secret"), secret)?;
        fs::set_permissions(ground.outside("secret"), Permissions::from_mode(0o600))?;
        fs::write(ground.outside(secret), "")?;
        fs::write(ground.outside("memory"), [0; victim::MEMORY_BYTES])?;
        symlink(secret, ground.outside("pointer"))?;
        for file in [ground.outside("target"), ground.shared("file")] {
            fs::write(&file, "as it was")?;
            // Not every file system has attributes; what needs them is untried there.
            let (name, none) = (c"user.pointer", XattrFlags::empty());
            let _ = rustix::fs::setxattr(&file, name, secret.as_bytes(), none);
        }
        if let Some(handle) = handle(&ground.outside("secret")) {
            ground.tell("handle", handle);
        }
        let needs = |need| attempt.needs.has(need);
        if needs(Need::Setuid) && rustix::process::geteuid().is_root() {
            let program = program::gaining().map_err(|_| io::Error::other("no such program"))?;
            fs::write(ground.shared("setuid"), program)?;
            fs::set_permissions(ground.shared("setuid"), Permissions::from_mode(0o4755))?;
            // Whoever starts it has to find the way.
            for place in [stage.base.as_path(), &base, &ground.shared("")] {
                fs::set_permissions(place, Permissions::from_mode(0o711))?;
            }
        }
        if needs(Need::Sockets) {
            for place in [ground.shared("socket"), ground.workspace("socket")] {
                services::listen(&stage.visits, UnixListener::bind(place)?);
            }
        }
        if needs(Need::Covered) {
            covered::prepare(&ground, secret)?;
        }
        let objects = match needs(Need::Objects) {
            true => Some(objects::Objects::new(&mut ground, secret)?),
            false => None,
        };
        let terminal = match needs(Need::Terminal) {
            true => Some(Terminal::new(&mut ground, secret)?),
            false => None,
        };
        let victim = match needs(Need::Victim) {
            true => Some(Victim::new(stage, &mut ground)?),
            false => None,
        };
        let before = seen(&ground);
        Ok(Self { ground, victim, terminal, objects, base, before })
    }

    /// What is not as it was where nothing was granted for writing.
    pub(super) fn changed(&self) -> Option<String> {
        let now = seen(&self.ground);
        let all = self.before.keys().chain(now.keys());
        let changed = all.into_iter().find(|path| self.before.get(*path) != now.get(*path))?;
        let name = changed.strip_prefix(&self.base).unwrap_or(changed);
        Some(format!("{} is not as it was", name.display()))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.objects.take();
        let _ = fs::remove_dir_all(&self.base);
    }
}

/// Everything about every file in the places that were not granted for writing.
fn seen(ground: &Ground) -> Map<PathBuf, String> {
    let mut seen = Map::new();
    for place in [ground.outside(""), ground.shared("")] {
        let entries = fs::read_dir(&place).into_iter().flatten().filter_map(Result::ok);
        for path in entries.map(|entry| entry.path()).chain([place]) {
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            let text = if about.is_file() { fs::read(&path).unwrap_or_default() } else { vec![] };
            let content = text
                .iter()
                .fold(5381_u64, |sum, byte| sum.wrapping_mul(33).wrapping_add(u64::from(*byte)));
            // The time of the last change of anything tells of all that is not named here.
            let numbers =
                [about.ino(), u64::from(about.mode()), about.nlink(), about.len(), content];
            let owner = (about.uid(), about.gid());
            let times = (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
            seen.insert(path, format!("{numbers:?} {owner:?} {times:?}"));
        }
    }
    seen
}

/// The number by which a file system knows a file, as hexadecimal digits.
fn handle(file: &Path) -> Option<String> {
    let name = calls::path(file).ok()?;
    // struct file_handle: the room that there is, a kind, and the number itself.
    let mut handle = vec![0; 8 + 128];
    handle.splice(0..4, 128_u32.to_ne_bytes());
    let mut mount = [0; 4];
    let words = [
        libc::AT_FDCWD.into(),
        name.as_c_str().into(),
        calls::Word::Room(&mut handle),
        calls::Word::Room(&mut mount),
        calls::NOTHING,
    ];
    calls::ask(libc::SYS_name_to_handle_at, words).ok()?;
    Some(handle.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How long a process may take to die.
const GRACE: Duration = Duration::from_secs(2);

/// The process that is attacked.
#[derive(Debug)]
pub(super) struct Victim {
    process: Running,
    /// It lives until this is closed.
    _input: OwnedFd,
    before: String,
}

impl Victim {
    fn new(stage: &Stage, ground: &mut Ground) -> io::Result<Self> {
        let (reads, input) = pipe_with(PipeFlags::CLOEXEC)?;
        let (told, tells) = pipe_with(PipeFlags::CLOEXEC)?;
        let plain = Plain::new(&stage.program).words(["doctor", WORD, VICTIM, &stage.secret]);
        let plain = plain.without_variables().variable(VARIABLE, ground.written());
        let plain = plain.variable(victim::VARIABLE, &stage.secret).grouped();
        let plain = plain.streams([Some(reads), Some(tells), Some(plain::nothing()?)]);
        let process = plain.start()?;
        drop(plain);
        let mut line = String::new();
        BufReader::new(File::from(told)).read_line(&mut line)?;
        let names = ["victim-secret", "victim-length", "victim-memory", "victim-descriptor"];
        for (name, number) in names.iter().zip(line.split_whitespace()) {
            ground.tell(name, number);
        }
        ground.tell("victim", process.id());
        let before = Self::state(process.id());
        Ok(Self { process, _input: input, before })
    }

    /// What is not as it was about it.
    pub(super) fn changed(&mut self, is_expected: bool) -> Option<String> {
        let end = Instant::now() + if is_expected { GRACE } else { Duration::ZERO };
        loop {
            let changed = self.changed_now();
            if changed.is_some() || Instant::now() >= end {
                return changed;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn changed_now(&mut self) -> Option<String> {
        if let Ok(Some(ended)) = self.process.ended() {
            return Some(format!("the victim ended: {ended}"));
        }
        let now = Self::state(self.process.id());
        (now != self.before).then(|| format!("the victim was {}, and is {now}", self.before))
    }

    /// Its priority, limits, processors and the like.
    fn state(process: u32) -> String {
        let number = process.cast_signed();
        let (pid, own) = (Pid::from_raw(number), || calls::Word::from(number));
        let mut limit = [0; 16];
        let resource = calls::Word::Number(libc::RLIMIT_NOFILE.into());
        let words = [own(), resource, calls::NOTHING, calls::Word::Room(&mut limit)];
        let _ = calls::ask(libc::SYS_prlimit64, words);
        let nice = rustix::process::getpriority_process(pid);
        let processors = rustix::thread::sched_getaffinity(pid).map(|all| all.count());
        let disk = calls::ask(libc::SYS_ioprio_get, [calls::Word::Number(1), own()]).ok();
        let policy = calls::ask(libc::SYS_sched_getscheduler, [own()]).ok();
        let killer = fs::read_to_string(format!("/proc/{process}/oom_score_adj"));
        let killer = killer.unwrap_or_default();
        format!("{limit:?} {nice:?} {processors:?} {disk:?} {policy:?} {}", killer.trim())
    }
}

/// A terminal as a person has one: what is typed goes in at the one end.
#[derive(Debug)]
pub(super) struct Terminal {
    person: OwnedFd,
    programs: OwnedFd,
    before: String,
}

impl Terminal {
    fn new(ground: &mut Ground, secret: &str) -> io::Result<Self> {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let person = openpt(flags)?;
        grantpt(&person)?;
        unlockpt(&person)?;
        let name = ptsname(&person, Vec::new())?;
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
        // Left open for whoever is started, which is the mistake that is tried here.
        let programs = rustix::fs::openat(CWD, &name, flags, rustix::fs::Mode::empty())?;
        ground.tell("terminal", name.to_string_lossy());
        ground.tell("terminal-descriptor", programs.as_raw_fd());
        rustix::io::ioctl_fionbio(&person, true)?;
        rustix::termios::tcsetwinsize(&programs, SIZE)?;
        File::from(rustix::io::dup(&person)?).write_all(format!("{secret}\n").as_bytes())?;
        // What was typed is shown: it is no news.
        let _ = rustix::io::read(&person, &mut [0; 1024]);
        let before = Self::state(&programs);
        Ok(Self { person, programs, before })
    }

    /// The end that programs have.
    pub(super) fn end(&self) -> io::Result<OwnedFd> {
        self.programs.try_clone()
    }

    /// What came to it, or is set otherwise.
    pub(super) fn changed(&self, sign: &str) -> Option<String> {
        let mut shown = [0; 1024];
        let read = rustix::io::read(&self.person, &mut shown).unwrap_or_default();
        let shown = shown.get(..read).unwrap_or_default();
        if shown.windows(sign.len()).any(|window| window == sign.as_bytes()) {
            return Some("the terminal shows the sign".into());
        }
        let now = Self::state(&self.programs);
        (now != self.before).then(|| format!("the terminal was {}, and is {now}", self.before))
    }

    fn state(terminal: &OwnedFd) -> String {
        let size = rustix::termios::tcgetwinsize(terminal).map(|size| (size.ws_row, size.ws_col));
        let modes = rustix::termios::tcgetattr(terminal);
        let shows = modes.map(|modes| modes.local_modes.contains(LocalModes::ECHO));
        format!("{size:?}, showing {shows:?}")
    }
}

const SIZE: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
