//! Sandboxes: a program that has what it was given, for as long as it runs, and nothing else.
//!
//! Three walls that do not lean on each other. Namespaces and a root directory of its own decide
//! what there is to be named; Landlock decides again what may be done with it; a filter decides
//! which system calls there are. Whoever gets through one stands before the next. The process that
//! is about to become the program tries them all, and does not become it if one gives way.
//!
//! ```text
//! who starts it ── clone ── first process ── clone ── second ── exec ── the program
//!                  namespaces  root, user, limits,     filter for calls,
//!                              Landlock; then waits    canary
//! ```
//!
//! The spawner makes the first half of that before it is asked.
//!
//! # Invariants
//! - A sandbox that cannot be made whole is not made.
//! - Nothing in it outlives its first process, and that outlives neither the program nor whoever
//!   started it.
//!
//! # Not here
//! Whether a program may be started: that was judged before.

#![allow(unsafe_code, reason = "namespaces and filters have no safe interface")]

mod ability;
mod ahead;
mod authority;
mod canary;
mod cgroup;
mod fault;
mod filter;
mod identity;
mod init;
mod kernel;
mod launch;
mod leash;
mod limits;
mod memory;
mod net;
mod outcome;
mod plan;
mod published;
mod root;
mod ruleset;
mod said;
mod script;
mod search;
mod spawner;
mod system;
mod watch;

use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::time::Duration;

use rustix::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use sentinel_core::sandbox::{CallsMode, Limits, Network, Profile, Requirement};

use self::ability::Ability;
pub(crate) use self::authority::way_to_authority;
use self::cgroup::{Cgroups, Group};
use self::fault::{Fault, Stage};
use self::identity::Identity;
use self::kernel::Side;
use self::launch::{Charge, Ground};
use self::leash::Leash;
pub(crate) use self::net::{PROXY_PORT, way_to_proxy};
pub(crate) use self::outcome::{CROWDED, End, Outcome, Told, look};
use self::outcome::{Ending, Report};
use self::plan::{Base, Plan};
pub(crate) use self::published::Door;
pub(crate) use self::said::{Heard, Said};
pub(crate) use self::search::found;
pub(crate) use self::spawner::{Asked, GONE, Spawner, Talking};
pub(crate) use self::system::ENVIRONMENT;
#[cfg(feature = "wasm")]
pub(crate) use self::system::is_inside;
pub(crate) use self::watch::{Seen, Watch};

/// What starts sandboxes, and keeps what can be used for more than one.
#[derive(Debug)]
pub(crate) struct Sandboxes {
    ability: Ability,
    identity: Identity,
    /// Looked for when a call first asks for what they are for.
    cgroups: OnceCell<Cgroups>,
    is_timed: bool,
    /// Of those of an agent. Who starts one for a while holds the end of its report himself.
    leash: Option<Leash>,
    /// Whether the process that makes them could not leave this machine's network.
    keeps_network: bool,
}

/// Input, output and errors of a program.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) errors: OwnedFd,
}

impl Streams {
    /// Those of this process.
    pub(crate) fn own() -> io::Result<Self> {
        let own = |fd: BorrowedFd<'_>| fd.try_clone_to_owned();
        Ok(Self {
            input: own(io::stdin().as_fd())?,
            output: own(io::stdout().as_fd())?,
            errors: own(io::stderr().as_fd())?,
        })
    }

    /// The same with numbers that are none of the first three, which the program's are.
    fn above(self) -> io::Result<[OwnedFd; 3]> {
        let [input, output, errors] = [self.input, self.output, self.errors].map(above_streams);
        Ok([input?, output?, errors?])
    }
}

/// A sandbox that was started. Whoever drops it ends it.
#[derive(Debug)]
pub(crate) struct Started {
    /// Its first process, which can be waited for.
    pub(crate) process: OwnedFd,
    /// Readable when there is an outcome; when it is closed, everything in the sandbox ends.
    pub(crate) report: OwnedFd,
    /// Where connections of the sandbox to its proxy are taken, if it has one.
    pub(crate) listener: Option<OwnedFd>,
    /// Where its system calls are told, and what answers there, if somebody looks on. The program
    /// waits until it does.
    pub(crate) watched: Option<(OwnedFd, Watch)>,
    /// What is missing of what a sandbox should be.
    pub(crate) missing: Vec<String>,
    /// The limits of all together. It goes last, when nobody is in it any more.
    group: Option<Group>,
}

/// The first process of a sandbox.
#[derive(Debug)]
struct Made {
    process: OwnedFd,
    number: i32,
    missing: Vec<String>,
    group: Option<Group>,
}

impl Sandboxes {
    /// Looks at what can be done here.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            ability: Ability::probe(),
            identity: Identity::new()?,
            cgroups: OnceCell::new(),
            is_timed: false,
            keeps_network: false,
            leash: None,
        })
    }

    /// Those of which each tells how long trying its walls took, which is to be taken before its
    /// end.
    pub(crate) fn timed(self) -> Self {
        Self { is_timed: true, ..self }
    }

    /// Starts a program.
    ///
    /// # Errors
    /// Why it was not. What fails only inside is told with the outcome.
    pub(crate) fn start(&self, profile: &Profile, streams: Streams) -> Result<Started, StartError> {
        self.start_published(profile, streams, Vec::new())
    }

    /// Starts a program that is reached from outside by these doors.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub(crate) fn start_published(
        &self,
        profile: &Profile,
        streams: Streams,
        doors: Vec<Door>,
    ) -> Result<Started, StartError> {
        let failed =
            |error: Errno| StartError::new(format!("a socket: {}", io::Error::from(error)));
        let (report, inside) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(failed)?;
        let Made { process, missing, group, .. } =
            self.begin(profile, streams, inside, Some(&report), doors)?;
        let mut started =
            Started { process, report, listener: None, watched: None, missing, group };
        let take = |started: &Started| match net::take(&started.report) {
            Ok(Ok(descriptor)) => Ok(descriptor),
            Ok(Err(report)) => Err(StartError::new(outcome_of(Ok(report)).end.to_string())),
            Err(error) => Err(StartError::from(error)),
        };
        if profile.network == Network::Proxied {
            started.listener = Some(take(&started)?);
        }
        if profile.calls_mode == CallsMode::Log {
            let watch = Watch::new(profile)?;
            started.watched = Some((take(&started)?, watch));
        }
        Ok(started)
    }

    /// Starts a program whose end is told on a socket that somebody else holds the other end of.
    /// Gives its first process, and what is missing.
    fn begin(
        &self,
        profile: &Profile,
        streams: Streams,
        inside: OwnedFd,
        outside: Option<&OwnedFd>,
        doors: Vec<Door>,
    ) -> Result<Made, StartError> {
        profile.check().map_err(|error| StartError::new(error.to_string()))?;
        let missing = self.missing(profile)?;
        let (base, plan) = Plan::new(profile, &self.identity)?;
        let view = (profile.network, profile.has_terminal);
        let mut filter = filter::program(&profile.calls, &profile.allowed, view)?;
        if profile.calls_mode == CallsMode::Log {
            filter = filter::watched(&profile.calls, &filter)?;
        }
        let init_filter = filter::only(init::CALLS)?;
        let doors_filter = match doors.is_empty() {
            true => Vec::new(),
            false => filter::only(published::CALLS)?,
        };
        let maps = self.identity.maps();
        let limits = &profile.limits;
        let group =
            match self.is_grouped(limits) {
                true => Some(self.cgroups().make(limits).map_err(|error| {
                    StartError::new(format!("a cgroup for its limits: {error}"))
                })?),
                false => None,
            };
        let charge = Charge {
            group: group.as_ref(),
            profile,
            plan: &plan,
            filter: &filter,
            report: above_streams(inside)?,
            streams: streams.above()?,
            doors,
            doors_filter: &doors_filter,
        };
        let trees = Vec::with_capacity(base.layer.trees.len() + plan.granted.trees.len());
        let ground = self.ground(&base, &maps, &init_filter, profile.network);
        match self.clone(group.as_ref())? {
            Side::Child => {
                if let Some(leash) = &self.leash {
                    leash.let_go();
                }
                // Its end is how it knows that nobody is there any more: it must not hold that
                // itself. The signal at a parent's death alone does not do, for a parent that has
                // confined itself sends it to nobody.
                if let Some(outside) = outside.map(|fd| fd.as_raw_fd().unsigned_abs()) {
                    let _ = kernel::close_between(outside, outside);
                }
                let entered = group.as_ref().map_or(Ok(()), launch::enter_group);
                let begun = entered.and_then(|()| launch::begin(&ground, trees));
                launch::finish(&ground, begun, charge)
            }
            Side::Parent { process, number } => Ok(Made { process, number, missing, group }),
        }
    }

    /// What a sandbox of this profile is missing here; an error if it must not be.
    fn missing(&self, profile: &Profile) -> Result<Vec<String>, StartError> {
        let mut missing = self.ability.missing(
            profile,
            || self.cgroups().has_processors(),
            || self.cgroups().has_disks(),
        );
        if self.keeps_network {
            let why = "the process that starts programs could not leave this machine's network: \
                       whoever took it over could use that";
            missing.push(why.into());
        }
        if profile.requirement == Requirement::Strict
            && let Some(missing) = missing.first()
        {
            let why = format!("{missing}; only mode = \"best-effort\" starts it all the same");
            return Err(StartError::new(why));
        }
        Ok(missing)
    }

    fn ground<'p>(
        &'p self,
        base: &'p Base,
        maps: &'p [String; 2],
        init_filter: &'p [libc::sock_filter],
        network: Network,
    ) -> Ground<'p> {
        let (uid, gid) = self.identity.inside();
        Ground {
            base,
            uid,
            gid,
            is_given: self.identity.is_given(),
            maps: [maps[0].as_bytes(), maps[1].as_bytes()],
            landlock: self.ability.landlock,
            init_filter,
            network,
            is_timed: self.is_timed,
            leash: self.leash.as_ref().map(|leash| &leash.watched),
        }
    }

    /// Those of an agent, whose spawner this process is: groups are looked for while nobody else
    /// is in its own. None of them has the machine's network, and so it has none either.
    fn of_agent(self) -> io::Result<Self> {
        let agent = rustix::process::getppid().map(|id| id.as_raw_pid().unsigned_abs());
        self.cgroups.get_or_init(|| Cgroups::find(agent));
        let keeps_network = spawner::leave_network().is_err();
        Ok(Self { leash: Some(Leash::new()?), keeps_network, ..self })
    }

    /// Whether a call of these limits has a cgroup.
    fn is_grouped(&self, limits: &Limits) -> bool {
        let wants = limits.memory_bytes.is_some()
            || limits.processors_percent.is_some()
            || limits.disk_bytes_per_second.is_some();
        wants && self.cgroups().is_for(limits)
    }

    fn cgroups(&self) -> &Cgroups {
        self.cgroups.get_or_init(|| Cgroups::find(None))
    }

    /// The first process of a sandbox.
    fn clone(&self, group: Option<&Group>) -> Result<Side, StartError> {
        let namespaces = namespaces(self.identity.is_given());
        let into = group.and_then(|group| group.into.as_ref());
        kernel::clone(namespaces, into).map_err(|error| {
            let fault = Fault { stage: Stage::Namespaces, index: 0, error };
            StartError::new(End::NotStarted(fault).to_string())
        })
    }
}

impl Started {
    /// How long trying the walls took.
    pub(crate) fn proof(&self) -> io::Result<Duration> {
        match Report::receive(&self.report)? {
            Report::Proven(time) => Ok(time),
            report => Err(io::Error::other(outcome_of(Ok(report)).end.to_string())),
        }
    }

    /// Waits for the end, and for everything in the sandbox to be gone.
    pub(crate) fn wait(self) -> Outcome {
        let outcome = outcome_of(Report::receive(&self.report));
        let _ = kernel::reap(&self.process);
        outcome
    }

    /// The same for a process that is about to end itself: of the sandbox the first process may be
    /// left, on its way out.
    pub(crate) fn wait_last(self) -> Outcome {
        let report = Report::receive(&self.report);
        let is_alone = matches!(report, Ok(Report::Ended { is_alone: true, .. }));
        if self.group.is_some() || !is_alone {
            let _ = kernel::reap(&self.process);
        }
        outcome_of(report)
    }
}

/// What every sandbox is missing on this machine, for whoever reads what is said at the start.
pub(crate) fn lacking() -> Vec<String> {
    // What takes a cgroup is told with the call that asks for it.
    Ability::probe().missing(&Profile::new(b"/", b"/"), || true, || true)
}

/// How it ended, by what was told.
fn outcome_of(told: io::Result<Report>) -> Outcome {
    match told {
        Ok(Report::Fault(fault)) => Outcome { end: End::NotStarted(fault), ..Outcome::killed() },
        Ok(Report::Ended { ending, usage, is_crowded, .. }) => {
            let end = match ending {
                Ending::TimedOut => End::TimedOut,
                Ending::OutOfMemory => End::OutOfMemory,
                Ending::OutOfProcessor => End::OutOfProcessor,
                Ending::Exited(code) => End::Exited(code.to_le_bytes()[0]),
                Ending::Signalled(signal) => End::Signalled(signal),
            };
            Outcome { end, usage, is_crowded }
        }
        Ok(Report::Listening | Report::Proven(_)) | Err(_) => Outcome::killed(),
    }
}

/// The namespaces of a sandbox. Root makes the one of users later, when it is root no more; and the
/// one of networks is made while the process does something else.
fn namespaces(is_given: bool) -> u64 {
    let always = libc::CLONE_NEWPID
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let user = if is_given { 0 } else { libc::CLONE_NEWUSER };
    u64::from((always | user).cast_unsigned())
}

/// The same descriptor with a number that is none of the first three, which the program's streams
/// are put on.
fn above_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    match fd.as_raw_fd() {
        0..3 => Ok(rustix::io::fcntl_dupfd_cloexec(&fd, 3)?),
        _ => Ok(fd),
    }
}

/// Why nothing was started.
#[derive(Debug)]
pub(crate) struct StartError {
    why: String,
    /// Whether it is the program that is not there.
    pub(crate) is_missing: bool,
}

impl StartError {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_missing: false }
    }

    fn missing(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_missing: true }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for StartError {}

#[cfg(test)]
mod tests;
