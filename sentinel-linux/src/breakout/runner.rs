//! Runs every attempt bare and inside, and judges what is seen.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::PipeFlags;
use rustix::process::{Signal, pidfd_send_signal};
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::order;
use sentinel_core::sandbox::Network;

use super::ground::{Ground, PROXY, VARIABLE, WORD};
use super::inside::{CONTROL, CONTROL_OF_PROXY};
use super::judge::{Judgement, Ran, judge};
use super::network_proxy::GRANTED;
use super::ordinary_proxy;
use super::prepared::Prepared;
use super::services::{self, Visits};
use super::way_out::WayOut;
use super::{Attempt, GROUPS, Group, Need, Proof, victim, walls};
use crate::plain::{self, Plain};
use crate::sandbox::{Heard, Said, Sandboxes, Started};

/// What is tried.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Only the attempts of this group, or with this in their names.
    pub(crate) only: Option<String>,
}

/// What all runs have in common.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) base: PathBuf,
    pub(super) program: PathBuf,
    pub(super) secret: String,
    pub(super) ground: Ground,
    pub(super) visits: Visits,
    elsewhere: Vec<PathBuf>,
    _forgotten: Vec<OwnedFd>,
}

/// How it stands with an attempt.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It succeeds bare and fails inside: why.
    Stopped(String),
    /// It succeeds inside: what shows it.
    Escaped(String),
    /// It does not succeed bare, so nothing was tried: why.
    Untried(String),
    /// It succeeds bare, and could not be begun inside: why.
    Failed(String),
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) shows: &'static str,
    pub(super) verdict: Verdict,
}

/// Tries all attempts; gives what came of each, in the order of the groups.
///
/// # Errors
/// The ground cannot be prepared, or a sandbox does not let do what it should.
pub(crate) fn try_all(options: &Options) -> io::Result<Vec<Finding>> {
    let stage = Stage::new()?;
    stage.control(&Sandboxes::new()?)?;
    let wanted = |group: &Group, attempt: &Attempt| {
        let is_meant = |only: &str| group.name == only || attempt.name.contains(only);
        options.only.as_deref().is_none_or(is_meant)
    };
    let all = GROUPS.iter().flat_map(|group| group.all().map(move |attempt| (group, attempt)));
    let all: Vec<(&Group, &Attempt)> =
        all.filter(|(group, attempt)| wanted(group, attempt)).collect();
    let (next, findings) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    // Each at its own: what starts sandboxes belongs to one thread.
    let sandboxes: io::Result<Vec<Sandboxes>> = (0..AT_A_TIME).map(|_| Sandboxes::new()).collect();
    std::thread::scope(|scope| {
        for sandboxes in sandboxes? {
            let (stage, all, next, findings) = (&stage, &all, &next, &findings);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((group, attempt)) = all.get(index) else { break };
                    let verdict = stage.try_one(&sandboxes, group, attempt, 2 * index);
                    let Attempt { name, shows, .. } = **attempt;
                    let finding = Finding { group: group.name, name, shows, verdict };
                    findings.lock().unwrap_or_else(PoisonError::into_inner).push((index, finding));
                }
            });
        }
        io::Result::Ok(())
    })?;
    let mut findings = findings.into_inner().unwrap_or_else(PoisonError::into_inner);
    order::sort_by_key(&mut findings, |(index, _)| *index);
    Ok(findings.into_iter().map(|(_, finding)| finding).collect())
}

/// Most attempts wait for something for most of their time.
const AT_A_TIME: usize = 4;
/// How long an attempt may take, where no sandbox ends it.
const TIME: Duration = Duration::from_secs(20);

impl Stage {
    fn new() -> io::Result<Self> {
        let secret = keep_secret()?;
        // A program that was replaced on the disk meanwhile would not know what is asked of it.
        let program = fs::read_link("/proc/self/exe")?;
        let token = token()?;
        let name = format!("sentinel-breakout-{token}");
        let base = std::env::temp_dir().join(&name);
        fs::DirBuilder::new().mode(0o700).create(&base)?;
        let mut ground = Ground::default();
        let mut stage = Self {
            visits: services::start(&mut ground, &base, &token)?,
            base: base.clone(),
            program,
            secret,
            ground: Ground::default(),
            elsewhere: Vec::new(),
            _forgotten: Vec::new(),
        };
        let temporary = std::env::temp_dir().join(format!("{name}.txt"));
        for (name, place) in
            [("shm-file", PathBuf::from("/dev/shm").join(&name)), ("temporary-file", temporary)]
        {
            // Not every machine has both.
            if fs::write(&place, &stage.secret).is_ok() {
                ground.tell(name, place.display());
                stage.elsewhere.push(place);
            }
        }
        stage.forget(&mut ground)?;
        ground.tell(PROXY, ordinary_proxy::start()?);
        ground.tell("starter", std::process::id());
        ground.tell("starter-secret", stage.secret.as_ptr() as usize);
        ground.tell("starter-length", stage.secret.len());
        let name = rustix::system::uname();
        ground.tell("host-name", name.nodename().to_string_lossy());
        if let Some(home) = std::env::var_os("HOME") {
            ground.tell("home", Path::new(&home).display());
            if let Ok(about) = fs::metadata(home) {
                ground.tell("home-number", format!("{} {}", about.dev(), about.ino()));
            }
        }
        stage.ground = ground;
        Ok(stage)
    }

    /// Opens what a careless program leaves open for those that it starts.
    fn forget(&mut self, ground: &mut Ground) -> io::Result<()> {
        let place = self.base.join("forgotten");
        fs::create_dir(&place)?;
        fs::write(place.join("secret"), &self.secret)?;
        let (reading, writing) = rustix::pipe::pipe_with(PipeFlags::empty())?;
        File::from(writing).write_all(self.secret.as_bytes())?;
        let port: u16 = ground.number("tcp").map_err(|_| io::Error::other("there is no port"))?;
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let file = File::open(place.join("secret"))?;
        ground.tell("forgotten", file.as_raw_fd());
        for open in [file.into(), File::open(place)?.into(), reading, connection.into()] {
            let open: OwnedFd = open;
            rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty())?;
            self._forgotten.push(open);
        }
        Ok(())
    }

    /// A sandbox that stops everything would prove nothing.
    fn control(&self, sandboxes: &Sandboxes) -> io::Result<()> {
        const PROXIED: Way = Way::Inside(Network::Proxied);
        let all = [Way::Bare, Way::Inside(Network::None), PROXIED].map(|way| (way, CONTROL));
        let of_proxy = [Way::Bare, PROXIED].map(|way| (way, CONTROL_OF_PROXY));
        for (way, name) in all.into_iter().chain(of_proxy) {
            let attempt = Attempt::new(name, "", Proof::Word, |_| Ok(()));
            let (_, ran) = self.run(sandboxes, &attempt, 1_000_000, way)?;
            if let Judgement::Failure(why) | Judgement::Untried(why) = ran {
                let why = format!("{}, what is allowed fails: {why}", way.name());
                return Err(io::Error::other(why));
            }
        }
        Ok(())
    }

    fn try_one(
        &self,
        sandboxes: &Sandboxes,
        group: &Group,
        attempt: &Attempt,
        number: usize,
    ) -> Verdict {
        match self.run(sandboxes, attempt, number, Way::Bare) {
            Ok((_, Judgement::Success(_))) => {}
            Ok((_, Judgement::Failure(why) | Judgement::Untried(why))) => {
                return Verdict::Untried(why);
            }
            Err(error) => return Verdict::Untried(error.to_string()),
        }
        // Where there is a proxy there are sockets, and more to try.
        let needs = |need| attempt.needs.has(need);
        let networks = match group.name {
            _ if needs(Need::Proxy) => &[Network::Proxied][..],
            "network" if !needs(Need::NoProxy) => &[Network::None, Network::Proxied][..],
            _ => &[Network::None],
        };
        let mut last = String::new();
        for network in networks {
            let way = Way::Inside(*network);
            match self.run(sandboxes, attempt, number + 1, way) {
                Ok((_, Judgement::Success(how))) => {
                    return Verdict::Escaped(format!("{}, {how}", way.name()));
                }
                Ok((_, Judgement::Untried(why))) if needs(Need::Proxy) => {
                    return Verdict::Failed(format!("{}: {why}", way.name()));
                }
                Ok((true, Judgement::Failure(why) | Judgement::Untried(why))) => last = why,
                Ok((false, Judgement::Failure(why) | Judgement::Untried(why))) => {
                    return Verdict::Failed(format!("{}: {why}", way.name()));
                }
                Err(error) => return Verdict::Failed(format!("{}: {error}", way.name())),
            }
        }
        Verdict::Stopped(last)
    }

    /// One run of one attempt; whether it began at all, and what came of it.
    fn run(
        &self,
        sandboxes: &Sandboxes,
        attempt: &Attempt,
        number: usize,
        way: Way,
    ) -> io::Result<(bool, Judgement)> {
        let mut prepared = Prepared::new(self, attempt, number)?;
        let (told, tells) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&told, true)?;
        let mut running = match way {
            Way::Bare => Running::Bare(self.bare(attempt, &prepared, tells)?),
            Way::Inside(network) => {
                let program = &self.program;
                let started = walls::start(sandboxes, program, attempt, &prepared, network, tells)?;
                Running::inside(started, self.grants()?)
            }
        };
        let mut ran = Ran::default();
        let mut said = Said::default();
        let end = Instant::now() + TIME;
        loop {
            let ended = running.ended()?;
            ran.is_called |= attempt.proof == Proof::Called && is_called(&prepared.ground);
            if hear(&mut said, &told, way) == Heard::TooMuch {
                ran.end = format!("it wrote more than {RUNTIME_OUTPUT_BYTES_MAX} bytes");
                break;
            }
            match ended {
                Some(ended) => {
                    ran.end = ended;
                    break;
                }
                None if Instant::now() > end => {
                    ran.end = format!("it had not ended after {} s", TIME.as_secs());
                    break;
                }
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        drop(running);
        ran.output = said.into_bytes();
        let judgement = judge(attempt, &mut prepared, self, &ran);
        Ok((ran.has_begun(), judgement))
    }

    /// What the proxy of a sandbox lets through: a name that its owner makes mean this machine, and
    /// of this machine two services, of the other of which one request alone.
    fn grants(&self) -> io::Result<Vec<String>> {
        let port = |name| self.ground.number::<u16>(name);
        let port = |name| port(name).map_err(|_| io::Error::other(format!("no port of {name}")));
        Ok(vec![
            format!("connect {GRANTED}:{}", port("tcp")?),
            format!("connect localhost:{}", port("granted-tls")?),
            format!("connect localhost:{} GET /open", port("granted-web")?),
        ])
    }

    fn bare(
        &self,
        attempt: &Attempt,
        prepared: &Prepared,
        tells: OwnedFd,
    ) -> io::Result<plain::Running> {
        let words = ["doctor", WORD, attempt.name, prepared.ground.sign()];
        let plain = Plain::new(&self.program).words(words).grouped();
        let plain = plain.variable(VARIABLE, prepared.ground.written());
        let streams = [prepared.input()?, tells.try_clone()?, tells].map(Some);
        plain.within(prepared.ground.workspace("")).streams(streams).start()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for file in &self.elsewhere {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir_all(&self.base);
    }
}

/// Where an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Bare,
    Inside(Network),
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Bare => "without a sandbox",
            Self::Inside(Network::None) => "inside, without a network",
            Self::Inside(Network::Proxied) => "inside, with a proxy",
            Self::Inside(Network::Host) => "inside, with the network of the machine",
        }
    }
}

/// An attempt that is made.
#[derive(Debug)]
enum Running {
    /// Dropped, it is ended.
    Bare(plain::Running),
    /// Until somebody waited for its end; with its proxy, if it has one.
    Inside(Option<Box<Started>>, Option<WayOut>),
}

impl Running {
    fn inside(mut started: Started, grants: Vec<String>) -> Self {
        let way_out = started.listener.take().map(|listener| WayOut::new(listener, grants));
        Self::Inside(Some(Box::new(started)), way_out)
    }

    /// How it ended, once it has.
    fn ended(&mut self) -> io::Result<Option<String>> {
        match self {
            Self::Bare(process) => Ok(process.ended()?.map(|ended| ended.to_string())),
            Self::Inside(running, _) => {
                let Some(started) = running.as_ref() else { return Ok(Some(String::new())) };
                let mut waited = [PollFd::new(&started.report, PollFlags::IN)];
                let is_over = poll(&mut waited, Some(&Timespec::default()))? > 0;
                let started = if is_over { running.take() } else { None };
                Ok(started.map(|started| started.wait().end.to_string()))
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        match self {
            Self::Bare(_) => {}
            Self::Inside(started, way_out) => {
                // Its end is everybody's; what is seen afterwards outlived it.
                if let Some(started) = started.take() {
                    let _ = pidfd_send_signal(&started.process, Signal::KILL);
                    let _ = started.wait();
                }
                drop(way_out.take());
            }
        }
    }
}

/// Takes what was written meanwhile. Without a sandbox nobody minds how much that is, and what was
/// said last is what counts.
fn hear(said: &mut Said, told: &OwnedFd, way: Way) -> Heard {
    // As much as a pipe holds.
    for _ in 0..8 {
        match said.read(told) {
            Heard::TooMuch if way == Way::Bare => *said = Said::default(),
            Heard::Some => {}
            heard => return heard,
        }
    }
    Heard::Some
}

/// Whether somebody answers with the sign at the port that was told.
fn is_called(ground: &Ground) -> bool {
    let port = fs::read_to_string(ground.workspace("port")).ok();
    let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) else { return false };
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let mut said = vec![0; ground.sign().len()];
    let patience = stream.set_read_timeout(Some(Duration::from_secs(1)));
    patience.is_ok() && stream.read_exact(&mut said).is_ok() && said == ground.sign().as_bytes()
}

/// Digits that nobody can guess.
pub(super) fn token() -> io::Result<String> {
    let mut bytes = [0_u8; 12];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The secret, which this process has in its environment from its start: it starts itself anew if
/// it has none.
fn keep_secret() -> io::Result<String> {
    if let Ok(secret) = std::env::var(victim::VARIABLE) {
        return Ok(secret);
    }
    let plain = Plain::new("/proc/self/exe").words(std::env::args_os().skip(1));
    Err(plain.variable(victim::VARIABLE, token()?).become_it())
}

impl Prepared {
    /// What an attempt reads from.
    pub(super) fn input(&self) -> io::Result<OwnedFd> {
        match &self.terminal {
            Some(terminal) => terminal.end(),
            None => Ok(File::open("/dev/null")?.into()),
        }
    }
}
