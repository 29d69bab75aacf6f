//! `sentinel isolate`: any program in the sandbox that the agent's own calls run in.

mod kept;
mod production;
mod profile;
mod record;
mod seen;
mod wanted;

use std::error::Error;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sentinel_core::egress::{Allowance, Inspection, Outcome as Reached};
use sentinel_core::sandbox::policy::{self, Key, Policy};
use sentinel_core::sandbox::{Network, Profile, Requirement};

use self::kept::Kept;
use self::record::Record;
use super::{ArgumentError, Arguments, Command, Switch};
use crate::clock::Clock;
use crate::confine;
use crate::egress::WayOut;
use crate::egress::alone::Alone;
use crate::log;
use crate::network;
use crate::print::print;
use crate::sandbox::{CROWDED, Door, End, Sandboxes, Seen, Started, Streams};

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "isolate",
    operands: "-- PROGRAM [ARGUMENT...]",
    operands_max: sentinel_core::limits::SANDBOX_WORDS_MAX,
    summary: "run any program in a sandbox that has only what is named here",
    details: "\
The program sees the system's programs and libraries, a temporary directory of its own, and what
the options name, each at its own place; of networks and of other processes it sees none. The file
of the program may lie anywhere; nothing else is run but what belongs to the system and what --run
names. It has no environment but a few harmless variables and what --env names.

--policy reads all of this from a file, which --print-policy makes of the options. The command line
adds to its lists and replaces the rest, unless the policy is immutable; --policy-sha256 pins it.

With --seccomp-mode log the system calls that only the list refuses are made, and afterwards it is
told on the standard error which these were, which places were not there, and the policy that would
allow all of it: for finding out what a program needs, not for programs that nobody trusts.

Hosts that --allow-host names are reached through a proxy that looks at what is said to whom; the
usual variables (HTTPS_PROXY and so on) say where it is. What it refuses is told on the standard
error. A host of this machine or of a network of one's own is meant only where it is spelled out:
localhost:8080, 10.1.2.3, box.lan. With a method and a path behind it only such requests are let
out: --allow-host 'api.example.com GET,HEAD /v1'. For that --inspect ends TLS with a certificate
that this sandbox alone believes; hosts that are allowed whole are left alone. --secret adds a
header to what goes to a host, in place of what the program wrote there: Authorization with Bearer,
or the one that is named, with nothing but the secret. The program never has it.

--publish leads connections to a port of localhost to one inside. With SENTINEL_PRODUCTION=true only
a policy that is pinned is started, nothing that breaks the glass, and no network, unless
SENTINEL_ALLOW_NETWORK_IN_PRODUCTION=true.

When it ends, everything it has started ends with it. The status is the program's own; or 128 and
the number of the signal that ended it; or

  124    its time was over
  125    the sandbox could not be made, or did not hold when it was tried: nothing was started
  126    the program cannot be run
  127    there is no such program

  sentinel isolate --workspace . -- make test
  sentinel isolate --read ~/books --memory 512M --timeout 60 -- python3 ~/count.py
  sentinel isolate --allow-host example.com -- curl https://example.com/
  sentinel isolate --workspace . --memory 1G --print-policy > agent.toml
  sentinel isolate --policy agent.toml --immutable -- ./agent",
    options: &[
        switch("policy", "FILE", "what is said here and more, in a file of TOML"),
        switch("policy-sha256", "HEX", "what its bytes hash to (also SENTINEL_POLICY_SHA256)"),
        switch("immutable", "", "take it as it is: no option may change it"),
        switch("print-policy", "", "print what all options say as such a file, and start nothing"),
        switch("workspace", "DIRECTORY", "where it runs, and may write"),
        switch("read", "PATH...", "what it may read"),
        switch("write", "PATH...", "what it may read and write"),
        switch("run", "PATH...", "what it may read, and run programs of"),
        switch("hide", "PATH...", "what it does not see of these"),
        switch("network", "none|proxied|host", "which network it has (default none)"),
        switch("proxy", "", "the same as --network proxied"),
        switch("no-proxy", "", "no network, although the policy names hosts"),
        switch("allow-host", "HOST[:PORT]...", "what it may connect to, by a proxy that looks"),
        switch("inspect", "", "end TLS where requests are granted or secrets added, and look"),
        switch(
            "secret",
            "HOST=VARIABLE[:HEADER]...",
            "add what the variable holds to requests, outside of the sandbox",
        ),
        switch("ca-file", "FILE", "certificates that inspected servers may prove themselves by"),
        switch("publish", "PORT[:INSIDE]...", "a port of localhost that leads to one inside"),
        switch("env", "NAME[=VALUE]...", "a variable; without a value the one that is set here"),
        switch("memory", "SIZE", "how much memory its processes may use together: 512M, 2G"),
        switch("pids", "NUMBER", "how many processes and threads it may have"),
        switch("cpus", "NUMBER", "how much of the processors all its processes may use: 1.5"),
        switch(
            "disk-rate",
            "SIZE",
            "how much they may read from a disk in a second, and write to it",
        ),
        switch("timeout", "SECONDS", "after how long it is killed"),
        switch("seccomp-profile", "strict|datasci|custom", "which system calls it can make"),
        switch("seccomp", "FILE", "the list of custom, in the JSON of containers (OCI, Docker)"),
        switch("seccomp-mode", "enforce|log|off", "what becomes of the others"),
        switch("tty", "", "let it keep the terminal"),
        switch("audit", "FILE", "record the run there, for 'sentinel audit verify'"),
        switch("best-effort", "", "start it although this machine cannot enforce everything"),
    ],
    run: isolate,
}];

const fn switch(name: &'static str, value: &'static str, summary: &'static str) -> Switch {
    Switch { name, short: None, value, summary }
}

/// Whether it is this command that the command line begins with. What it ends with is a program's
/// status, so that even a line which cannot be read ends with one that is kept for the sandbox.
pub(super) fn is_meant() -> bool {
    let mut words = std::env::args_os().skip(1).take_while(|word| word != "--");
    words.any(|word| word == "isolate")
}

/// Says that the command line cannot be read.
pub(super) fn refuse_line(error: &ArgumentError) -> ExitCode {
    refuse(NOT_MADE, &error.to_string())
}

fn isolate(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(start(&arguments).unwrap_or_else(|Refused { code, why }| refuse(code, &why)))
}

fn start(arguments: &Arguments) -> Result<ExitCode, Refused> {
    let policy = wanted::whole(&wanted::policy(arguments)?)?;
    if arguments.has("print-policy") {
        let shown = policy.show().map_err(|key| {
            Refused::new(format!("{key} has a value that is no text in UTF-8: no file can hold it"))
        })?;
        print!("{shown}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut profile = profile::of(&policy, &arguments.operands)?;
    let kept = Kept::put_away(&policy)?;
    let way_out = way_out(&policy, &mut profile)?.map(|way_out| (way_out, kept));
    let doors = doors(&policy)?;
    let sandboxes = Sandboxes::new()?;
    let streams = Streams::own()?;
    let record = arguments.path("audit").map(|path| Record::begin(&path, &profile));
    let mut record = record.transpose()?;
    if let Some(record) = &mut record {
        record.started(&policy, &profile)?;
    }
    let ran = run(&sandboxes, &profile, &policy, (streams, doors), way_out, &mut record);
    let (how, code) = match &ran {
        Ok(end) => (end.to_string(), code_of(end)),
        Err(Refused { code, why }) => (why.clone(), *code),
    };
    if let Some(record) = record {
        record.ended(&how, code)?;
    }
    let is_programs = matches!(ran, Ok(End::Exited(_) | End::Signalled(_)));
    Ok(if is_programs { ExitCode::from(code) } else { refuse(code, &how) })
}

/// Runs a program to its end.
fn run(
    sandboxes: &Sandboxes,
    profile: &Profile,
    policy: &Policy,
    (streams, doors): (Streams, Vec<Door>),
    way_out: Option<(Alone, Kept)>,
    record: &mut Option<Record>,
) -> Result<End, Refused> {
    let mut started = sandboxes.start_published(profile, streams, doors).map_err(|error| {
        let code = if error.is_missing { NOT_FOUND } else { NOT_MADE };
        Refused { code, why: error.to_string() }
    })?;
    for missing in &started.missing {
        log::warn!("{missing}");
    }
    let looking = match started.watched.take() {
        Some((listener, watch)) => {
            log::warn!("system calls are only looked at: what the list refuses is made");
            let seen = Arc::new(Mutex::new(Seen::default()));
            let process = started.process.try_clone()?;
            let noted = Arc::clone(&seen);
            std::thread::spawn(move || watch.serve(&listener, &process, &noted));
            Some(seen)
        }
        None => None,
    };
    if let Some(((mut way_out, kept), listener)) = way_out.zip(started.listener.take()) {
        let secrets = kept.take_back()?;
        way_out.hand_over(|name| secrets.get(name).cloned());
        drop(secrets);
        let confinement = Confinement {
            is_strict: profile.requirement == Requirement::Strict,
            has_calls: looking.is_some(),
        };
        let_out(way_out, listener, &started, confinement, record)
            .map_err(|error| Refused::new(error.to_string()))?;
    }
    let outcome = started.wait_last();
    if outcome.is_crowded {
        log::warn!("{CROWDED}: see --pids");
    }
    if let Some(error) = record.as_ref().and_then(|record| record.broken.as_ref()) {
        return Err(Refused::new(format!("--audit: {error}, so it was ended")));
    }
    // What was made was noted before; who notes is not waited for, for on an older kernel it may
    // wait for a call of a program that was killed.
    if let Some(seen) = looking {
        log::flush();
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        eprint!("{}", seen::told(&seen, policy));
    }
    Ok(outcome.end)
}

fn code_of(end: &End) -> u8 {
    match end {
        End::Exited(code) => *code,
        End::Signalled(signal) => 128 + u8::try_from(*signal).unwrap_or_default(),
        End::TimedOut => TIMED_OUT,
        End::Killed | End::OutOfMemory => 128 + KILL,
        End::OutOfProcessor => 128 + PROCESSOR,
        End::NotStarted(fault) if fault.is_of_program() => match fault.is_missing() {
            true => NOT_FOUND,
            false => NOT_RUN,
        },
        End::NotStarted(_) => NOT_MADE,
    }
}

/// The ports of this machine that lead into the sandbox, taken before there is one.
fn doors(policy: &Policy) -> Result<Vec<Door>, Refused> {
    let door = |(outside, inside)| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, outside))
            .map_err(|error| Refused::new(format!("--publish {outside}: {error}")))?;
        Ok(Door { listener: listener.into(), inside })
    };
    profile::ports(policy).map(door).collect()
}

/// The proxy that is asked for, and what the program has to have for it.
fn way_out(policy: &Policy, profile: &mut Profile) -> Result<Option<Alone>, Refused> {
    let injections: Vec<_> = kept::secrets(policy).map(|(injection, _)| injection).collect();
    if profile.network != Network::Proxied {
        return match injections.is_empty() && !policy.is(Key::Inspect) {
            true => Ok(None),
            false => Err(Refused::new("--inspect and --secret are for --network proxied")),
        };
    }
    if !injections.is_empty() && !policy.is(Key::Inspect) {
        return Err(Refused::new("--secret adds to what is inside TLS: it needs --inspect"));
    }
    let hosts = policy.all(Key::Hosts).iter();
    let grants: Vec<_> =
        hosts.filter_map(|host| policy::host(std::str::from_utf8(host).ok()?)).collect();
    let file = policy.one(Key::Authorities).map(|file| Path::new(OsStr::from_bytes(file)));
    let roots = file.map(|file| wanted::bytes_of(file, AUTHORITIES_BYTES_MAX));
    let extra_roots = roots.transpose()?;
    if let Some((file, roots)) = file.zip(extra_roots.as_ref())
        && let Some(digest) = policy.word(Key::AuthoritiesDigest)
    {
        wanted::check(file, roots, digest)?;
    }
    let options = network::Options { extra_roots, ..network::Options::of_system() };
    let now = Clock::new().now().wall;
    let allowance = Allowance::new(grants, now).map_err(|error| Refused::new(error.to_string()))?;
    for injection in &injections {
        let place = injection.place();
        if allowance.tunnel(&place.host, place.port, now).is_err() {
            let why = format!("--secret: {place} is no host that --allow-host names");
            return Err(Refused::new(why));
        }
    }
    let is_on = policy.is(Key::Inspect);
    let allowance = allowance.inspecting(Inspection { is_on, injections });
    let time = profile.limits.time.unwrap_or(Duration::MAX);
    let way_out = WayOut::new(allowance, now, time)?;
    way_out.furnish(profile);
    if !profile.authority.is_empty() {
        log::info!("TLS is inspected where requests are granted or a secret is added");
    }
    Ok(Some(Alone::new(options, way_out)?))
}

/// What becomes of this process while it serves the proxy.
struct Confinement {
    /// Whether it has to be confined.
    is_strict: bool,
    /// Whether it keeps its system calls, because it looks on at the program's.
    has_calls: bool,
}

/// Serves the proxy until the sandbox has ended. What this process needs no more it gives up: the
/// program inside chooses what is read here.
fn let_out(
    way_out: Alone,
    listener: OwnedFd,
    started: &Started,
    confinement: Confinement,
    record: &mut Option<Record>,
) -> Result<(), Box<dyn Error>> {
    let calls = || if confinement.has_calls { Ok(()) } else { confine::confine_calls() };
    match confine::confine_files(&[]).and_then(|()| calls()) {
        Err(error) if confinement.is_strict => return Err(error.into()),
        Err(error) => log::warn!("{error}"),
        Ok(()) => {}
    }
    way_out.serve(listener, started.process.as_fd(), |passage| {
        match passage.outcome {
            Reached::Allowed(_) => {
                log::debug!("isolate", [host = passage.host.as_str()], "{passage}");
            }
            _ => log::warn!("{passage}"),
        }
        if record.as_mut().is_some_and(|record| !record.passed(passage)) {
            // What cannot be recorded is not done: without this, everything in there ends.
            let _ = rustix::net::shutdown(&started.report, rustix::net::Shutdown::Both);
        }
    })?;
    Ok(())
}

/// Why there is nothing to start, and what this ends with.
#[derive(Debug)]
struct Refused {
    code: u8,
    why: String,
}

impl Refused {
    fn new(why: impl Into<String>) -> Self {
        Self { code: NOT_MADE, why: why.into() }
    }
}

impl From<ArgumentError> for Refused {
    fn from(error: ArgumentError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

fn refuse(code: u8, why: &str) -> ExitCode {
    log::error!("{why}");
    ExitCode::from(code)
}

/// Four times what all authorities of the world take.
const AUTHORITIES_BYTES_MAX: usize = 1 << 20;
const TIMED_OUT: u8 = 124;
const NOT_MADE: u8 = 125;
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;
const KILL: u8 = 9;
const PROCESSOR: u8 = 24;
