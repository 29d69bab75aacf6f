//! From a copy of this process to a program in a sandbox.
//!
//! Two processes: the first has the new namespaces for its own, makes the sandbox and waits in it;
//! the second becomes the program. Whatever fails is told to whoever started this, and the first
//! process ends, which ends everything in its namespace.
//!
//! # Invariants
//! - Nothing here allocates, and nothing returns to what the copied process was doing.
//! - A partial sandbox is none: the program is started after the last wall stands and was tried.

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, write};
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use sentinel_core::sandbox::{CallsMode, Network, Profile};

use super::canary::{self, Walls};
use super::cgroup::Group;
use super::fault::{At as _, Fault, Stage};
use super::init::Limited;
use super::kernel;
use super::memory::Watch;
use super::outcome::Report;
use super::plan::{Base, Plan};
use super::published::{self, Door};
use super::root::{self, Root};
use super::ruleset::{self, Rules};
use super::{authority, init, leash, limits, net};
use crate::confine::landlock;

/// What the first process of a sandbox has from the process it was, whatever the program is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'p> {
    pub(super) base: &'p Base,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether that is somebody else than the process is now.
    pub(super) is_given: bool,
    /// What the kernel wants written of that.
    pub(super) maps: [&'p [u8]; 2],
    pub(super) landlock: u32,
    pub(super) init_filter: &'p [libc::sock_filter],
    pub(super) network: Network,
    /// Whether it is told how long trying the walls took.
    pub(super) is_timed: bool,
    /// What is closed when whoever starts this is gone.
    pub(super) leash: Option<&'p OwnedFd>,
}

/// The program, and what it alone has.
#[derive(Debug)]
pub(super) struct Charge<'p> {
    pub(super) profile: &'p Profile,
    pub(super) plan: &'p Plan,
    pub(super) filter: &'p [libc::sock_filter],
    /// The limits of all together, where there is a cgroup.
    pub(super) group: Option<&'p Group>,
    /// Where things are told; when the other end is closed, everything ends.
    pub(super) report: OwnedFd,
    /// Input, output and errors of the program.
    pub(super) streams: [OwnedFd; 3],
    /// Ports that are reached from outside, and the filter of the processes behind them.
    pub(super) doors: Vec<Door>,
    pub(super) doors_filter: &'p [libc::sock_filter],
}

/// A sandbox in which nothing was granted yet.
#[derive(Debug)]
pub(super) struct Begun {
    /// This process in `/proc`: written to when there is no way there any more.
    own: OwnedFd,
    root: Root,
}

impl Begun {
    /// Does something where a path means what it means outside, as [`Root::outside`] does.
    pub(super) fn outside<T>(&self, work: impl FnOnce() -> T) -> Result<T, Fault> {
        self.root.outside(work)
    }
}

/// Begins to be the first process of a sandbox. `trees` has room for a descriptor for each tree.
pub(super) fn begin(ground: &Ground<'_>, trees: Vec<OwnedFd>) -> Result<Begun, Fault> {
    leash::follow(ground.leash)?;
    kernel::reset_signals();
    // Who is not dumpable has no say over his own files in /proc.
    kernel::control(libc::PR_SET_DUMPABLE, 1).at(Stage::Identity)?;
    rustix::process::umask(Mode::empty());
    let own = openat(CWD, c"/proc/self", PLACE, Mode::empty()).at(Stage::Identity)?;
    if !ground.is_given {
        write_maps(&own, ground.maps)?;
    }
    // The machine's name is the machine's own.
    rustix::system::sethostname(b"sandbox").at(Stage::Network)?;
    let root = match ground.network {
        Network::Host => root::make(ground.base, trees)?,
        Network::None | Network::Proxied => apart(ground.base, trees)?,
    };
    Ok(Begun { own, root })
}

/// Makes a root directory while the kernel makes a network, each of which takes it a while.
fn apart(base: &Base, trees: Vec<OwnedFd>) -> Result<Root, Fault> {
    let (mut trees, mut root) = (Some(trees), Err(Errno::CHILD).at(Stage::Root));
    let make = || {
        if let Some(trees) = trees.take() {
            root = root::make(base, trees);
        }
    };
    let left = kernel::beside(make, || leave(UnshareFlags::NEWNET)).at(Stage::Processes)?;
    left.at(Stage::Namespaces)?;
    root
}

/// Goes into the groups that a process is not begun in: to be done before anything else.
pub(super) fn enter_group(group: &Group) -> Result<(), Fault> {
    group.entries.iter().try_for_each(|entry| write(entry, b"0").map(drop)).at(Stage::Limits)
}

/// Finishes what was begun, and is the first process until the end.
pub(super) fn finish(ground: &Ground<'_>, begun: Result<Begun, Fault>, charge: Charge<'_>) -> ! {
    let report = match charge.report.try_clone() {
        Ok(report) => report,
        Err(_) => kernel::end(1),
    };
    let fault = match begun.and_then(|begun| make(ground, begun, charge)) {
        Ok(never) => match never {},
        Err(fault) => fault,
    };
    // Who waits for the report knows of the end by it.
    Report::Fault(fault).send(&report);
    kernel::end(1)
}

enum Never {}

fn make(ground: &Ground<'_>, begun: Begun, charge: Charge<'_>) -> Result<Never, Fault> {
    let Charge { profile, plan, filter, group, report, streams, doors, doors_filter } = charge;
    let Begun { own, mut root } = begun;
    let landlock = ground.landlock;
    net::make(profile, &own, &report)?;
    let killed = group.and_then(|group| group.killed.as_ref());
    // What the kernel limits need not be watched.
    let bytes_max = profile.limits.memory_bytes.filter(|_| killed.is_none());
    root::enter(&mut root, plan, bytes_max.is_some())?;
    if ground.is_given {
        become_user(ground, &own)?;
    }
    drop(own);
    let crowded = group.and_then(|group| group.crowded.as_ref());
    limits::set(&profile.limits, crowded.is_some())?;
    give_up_privileges(root.watched.is_some())?;
    // Nobody in here looks into the process that waits, and nobody has what it had in memory.
    kernel::control(libc::PR_SET_DUMPABLE, 0).at(Stage::Privileges)?;
    if landlock > 0 {
        forbid(profile, ground.base, plan, &root, landlock)?;
    }
    published::open(&doors, doors_filter)?;
    drop(doors);
    kernel::hold_signals(&[libc::SIGCHLD]);
    let children = kernel::children().at(Stage::Processes)?;
    let number = kernel::lend(|| {
        let fault =
            match program(profile, plan, landlock, filter, &streams, (&report, ground.is_timed)) {
                Ok(never) => match never {},
                Err(fault) => fault,
            };
        Report::Fault(fault).send(&report);
        kernel::end(1)
    });
    let number = number.at(Stage::Processes)?;
    // Who waits for the end of the output waits for the program, not for this process; and what it
    // needs no more, it has no more.
    std::mem::forget(streams);
    let watched = root.watched.take();
    std::mem::forget(root);
    let watched_fd = watched.as_ref().or(killed).unwrap_or(&report);
    let leash = ground.leash.unwrap_or(&report);
    let kept = [&report, &children, watched_fd, crowded.unwrap_or(&report), leash];
    kernel::close_all_but(0, kept).at(Stage::Descriptors)?;
    if watched.is_some() {
        kernel::be_quick();
    }
    kernel::install(ground.init_filter).at(Stage::Calls)?;
    let watch = watched.zip(bytes_max).map(|(processes, bytes_max)| Watch { processes, bytes_max });
    let limited = Limited { limits: &profile.limits, watch, killed, crowded };
    init::wait([&report, leash], &children, number, &limited)
}

/// Says who this user is in the new namespace: who he was outside, alone.
pub(super) fn write_maps(own: &OwnedFd, maps: [&[u8]; 2]) -> Result<(), Fault> {
    let put = |name: &std::ffi::CStr, content: &[u8]| {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(own, name, flags, Mode::empty())?;
        write(&file, content).map(drop)
    };
    let [users, groups] = maps;
    put(c"setgroups", b"deny").at(Stage::Identity)?;
    put(c"uid_map", users).at(Stage::Identity)?;
    put(c"gid_map", groups).at(Stage::Identity)
}

/// Root becomes a user that nobody is, in a user namespace of his own.
fn become_user(ground: &Ground<'_>, own: &OwnedFd) -> Result<(), Fault> {
    let (user, group) = (Uid::from_raw(ground.uid), Gid::from_raw(ground.gid));
    rustix::thread::set_thread_groups(&[]).at(Stage::Identity)?;
    rustix::thread::set_thread_res_gid(group, group, group).at(Stage::Identity)?;
    rustix::thread::set_thread_res_uid(user, user, user).at(Stage::Identity)?;
    // Who changes who he is loses the leash, and the say over his own files in /proc.
    leash::follow(ground.leash)?;
    kernel::control(libc::PR_SET_DUMPABLE, 1).at(Stage::Identity)?;
    leave(UnshareFlags::NEWUSER).at(Stage::Identity)?;
    write_maps(own, ground.maps)
}

/// Leaves namespaces of users and networks, and no others.
#[allow(unsafe_code, reason = "the library does not say which namespaces are safe to leave")]
pub(super) fn leave(which: UnshareFlags) -> rustix::io::Result<()> {
    let known = which & (UnshareFlags::NEWUSER | UnshareFlags::NEWNET);
    // SAFETY: leaving one of these changes neither descriptors nor memory of this process.
    unsafe { rustix::thread::unshare_unsafe(known) }
}

/// Nothing that only root may, now or by starting something; but that who watches sees the memory
/// of every process in here, which the program gives up as well.
fn give_up_privileges(watches: bool) -> Result<(), Fault> {
    rustix::thread::set_no_new_privs(true).at(Stage::Privileges)?;
    for capability in 0..CAPABILITIES_MAX {
        match kernel::control(libc::PR_CAPBSET_DROP, capability) {
            // This kernel has no more of them.
            Err(Errno::INVAL) => break,
            outcome => outcome.at(Stage::Privileges)?,
        }
    }
    rustix::thread::clear_ambient_capability_set().at(Stage::Privileges)?;
    keep(if watches { CapabilitySet::SYS_PTRACE } else { CapabilitySet::empty() })
}

/// Keeps these capabilities, in this user namespace, and no others.
pub(super) fn keep(kept: CapabilitySet) -> Result<(), Fault> {
    let inheritable = CapabilitySet::empty();
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable };
    rustix::thread::set_capabilities(None, sets).at(Stage::Privileges)
}

/// The rules of Landlock.
fn forbid(
    profile: &Profile,
    base: &Base,
    plan: &Plan,
    root: &Root,
    version: u32,
) -> Result<(), Fault> {
    let rules = Rules::new(version, profile.network, root.directory.as_fd())?;
    rules.allow(&root.settings, ruleset::READ)?;
    rules.allow(&root.temporary, ruleset::WRITE)?;
    rules.allow(&root.shared_memory, ruleset::WRITE)?;
    if let Some(processes) = &root.processes {
        rules.allow(processes, ruleset::READ)?;
    }
    if !profile.authority.is_empty() {
        let place = openat(&root.directory, authority::DIRECTORY, PLACE, Mode::empty());
        rules.allow(&place.at(Stage::Files)?, ruleset::READ)?;
    }
    let trees = base.layer.trees.iter().chain(&plan.granted.trees);
    if let Some(watched) = &root.watched {
        rules.allow(watched, ruleset::READ)?;
    }
    for (tree, shown) in trees.zip(&root.trees) {
        rules.allow(shown, tree.allowed)?;
    }
    if version >= 4 && profile.network == Network::Proxied {
        rules.allow_port(net::PROXY_PORT, landlock::CONNECT_PORT)?;
        for port in &profile.published {
            // Waited on by the program, and reached by what leads there from outside.
            rules.allow_port(*port, landlock::BIND_PORT | landlock::CONNECT_PORT)?;
        }
    }
    rules.enforce()
}

/// Becomes the program.
fn program(
    profile: &Profile,
    plan: &Plan,
    landlock: u32,
    filter: &[libc::sock_filter],
    streams: &[OwnedFd; 3],
    (report, is_timed): (&OwnedFd, bool),
) -> Result<Never, Fault> {
    keep(CapabilitySet::empty())?;
    if !profile.has_terminal {
        rustix::process::setsid().at(Stage::Descriptors)?;
    }
    for (number, stream) in (0..).zip(streams) {
        // None of them is among the first three: that is what they were moved away from.
        kernel::duplicate(stream, number).at(Stage::Descriptors)?;
    }
    kernel::close_from_on_exec(3).at(Stage::Descriptors)?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    kernel::hold_signals(&[]);
    let mut walls = Walls::new(landlock, profile);
    // Who looks on wants to see what the list refuses, not to have it refused.
    walls.is_strict &= profile.calls_mode != CallsMode::Log;
    let start = init::now();
    canary::try_walls(&walls)?;
    let mut proof = init::now().saturating_sub(start);
    if walls.is_strict {
        match kernel::control(libc::PR_SET_MDWE, REFUSE_EXECUTION_GAIN) {
            // A kernel before 6.3 has not got it; the filter for calls refuses it instead.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) => return Err(error).at(Stage::Privileges),
        }
    }
    if let Some(time) = profile.limits.time {
        // The first process waits until there is a program. A disk that does not answer must not
        // keep it for ever.
        kernel::alarm(u32::try_from(time.as_secs()).unwrap_or(u32::MAX).saturating_add(2));
    }
    rustix::process::chdir(plan.directory.as_c_str()).at(Stage::Directory)?;
    match profile.calls_mode {
        CallsMode::Enforce => kernel::install(filter).at(Stage::Calls)?,
        CallsMode::Log => {
            let listener = kernel::install_watched(filter).at(Stage::Calls)?;
            net::hand_out(&listener, report).at(Stage::Calls)?;
        }
        CallsMode::Off => {}
    }
    if profile.calls_mode != CallsMode::Off {
        let start = init::now();
        canary::try_calls(&walls)?;
        proof += init::now().saturating_sub(start);
    }
    if is_timed {
        Report::Proven(proof).send(report);
    }
    let (arguments, environment) = (plan.arguments.pointers(), plan.environment.pointers());
    Err(kernel::execute(&plan.program, arguments, environment)).at(Stage::Program)
}

const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// More than any kernel has.
const CAPABILITIES_MAX: u64 = 64;
/// `PR_MDWE_REFUSE_EXEC_GAIN`: what was written is not run.
const REFUSE_EXECUTION_GAIN: u64 = 1;
