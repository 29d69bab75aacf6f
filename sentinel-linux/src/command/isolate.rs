//! `sentinel isolate`: any program in the sandbox that the agent's own calls run in.

use std::error::Error;
use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sentinel_core::capability::Grant;
use sentinel_core::egress::{Allowance, Outcome as Reached};
use sentinel_core::sandbox::{Calls, CallsMode, Mount, Network, Profile, Requirement, Rights};

use super::{ArgumentError, Arguments, Command, Switch};
use crate::clock::Clock;
use crate::confine;
use crate::egress::alone::Alone;
use crate::log;
use crate::network;
use crate::program::start::names;
use crate::sandbox::{ENVIRONMENT, End, PROXY_PORT, Sandboxes, Started, Streams, found};

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

Hosts that --allow-host names are reached through a proxy that looks at what is said to whom; the
usual variables (HTTPS_PROXY and so on) say where it is. What it refuses is told on the standard
error. A host of this machine or of a network of one's own is meant only where it is spelled out:
localhost:8080, 10.1.2.3, box.lan.

When it ends, everything it has started ends with it. The status is the program's own; or 128 and
the number of the signal that ended it; or

  124    its time was over
  125    the sandbox could not be made, or did not hold when it was tried: nothing was started
  126    the program cannot be run
  127    there is no such program

  sentinel isolate --workspace . -- make test
  sentinel isolate --read ~/books --memory 512M --timeout 60 -- python3 ~/count.py
  sentinel isolate --allow-host example.com -- curl https://example.com/",
    options: &[
        switch("workspace", "DIRECTORY", "where it runs, and may write"),
        switch("read", "PATH...", "what it may read"),
        switch("write", "PATH...", "what it may read and write"),
        switch("run", "PATH...", "what it may read, and run programs of"),
        switch("hide", "PATH...", "what it does not see of these"),
        switch("network", "none|proxied|host", "which network it has (default none)"),
        switch("allow-host", "HOST[:PORT]...", "what it may connect to, by a proxy that looks"),
        switch("env", "NAME[=VALUE]...", "a variable; without a value the one that is set here"),
        switch("memory", "SIZE", "how much memory each process may use: 512M, 2G"),
        switch("pids", "NUMBER", "how many processes and threads it may have"),
        switch("timeout", "SECONDS", "after how long it is killed"),
        switch("seccomp-profile", "strict|datasci", "which system calls it can make"),
        switch("seccomp-mode", "enforce|off", "whether others are refused (default enforce)"),
        switch("tty", "", "let it keep the terminal"),
        switch("best-effort", "", "start it although this machine cannot enforce everything"),
    ],
    run: isolate,
}];

const fn switch(name: &'static str, value: &'static str, summary: &'static str) -> Switch {
    Switch { name, short: None, value, summary }
}

fn isolate(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let profile = match profile(&arguments) {
        Ok(profile) => profile,
        Err(Refused { code, why }) => return Ok(refuse(code, &why)),
    };
    let way_out = match way_out(&arguments, profile.network) {
        Ok(way_out) => way_out,
        Err(Refused { code, why }) => return Ok(refuse(code, &why)),
    };
    let sandboxes = match Sandboxes::new() {
        Ok(sandboxes) => sandboxes,
        Err(error) => return Ok(refuse(NOT_MADE, &error.to_string())),
    };
    let mut started = match Streams::own()
        .map_err(Into::into)
        .and_then(|streams| sandboxes.start(&profile, streams))
    {
        Ok(started) => started,
        Err(error) => {
            let code = if error.is_missing { NOT_FOUND } else { NOT_MADE };
            return Ok(refuse(code, &error.to_string()));
        }
    };
    for missing in &started.missing {
        log::warn!("{missing}");
    }
    if let Some((way_out, listener)) = way_out.zip(started.listener.take()) {
        let is_strict = profile.requirement == Requirement::Strict;
        if let Err(error) = let_out(way_out, listener, &started, is_strict) {
            return Ok(refuse(NOT_MADE, &error.to_string()));
        }
    }
    let outcome = started.wait();
    let code = match &outcome.end {
        End::Exited(code) => *code,
        End::Signalled(signal) => 128 + u8::try_from(*signal).unwrap_or_default(),
        End::TimedOut => refused(TIMED_OUT, &outcome.end),
        End::Killed => refused(128 + KILL, &outcome.end),
        End::NotStarted(fault) if fault.is_of_program() => match fault.is_missing() {
            true => refused(NOT_FOUND, &outcome.end),
            false => refused(NOT_RUN, &outcome.end),
        },
        End::NotStarted(_) => refused(NOT_MADE, &outcome.end),
    };
    Ok(ExitCode::from(code))
}

/// The proxy that the options ask for.
fn way_out(arguments: &Arguments, network: Network) -> Result<Option<Alone>, Refused> {
    if network != Network::Proxied {
        return Ok(None);
    }
    let wrong = |why: String| Refused { code: NOT_MADE, why };
    let mut grants = Vec::new();
    for host in arguments.all("allow-host") {
        let host = host.to_string_lossy();
        let grant = Some(format!("connect {host}")).filter(|_| !host.contains(char::is_whitespace));
        let grant = grant.and_then(|grant| grant.parse::<Grant>().ok()).ok_or_else(|| {
            wrong(format!(
                "--allow-host {host}: it is a host, or a host and a port: example.com:443"
            ))
        })?;
        grants.push(grant);
    }
    if grants.is_empty() {
        return Err(wrong("--network proxied: --allow-host says what it may connect to".into()));
    }
    let (dns, hosts) = names();
    let options = network::Options { dns, hosts, ..network::Options::default() };
    let now = Clock::new().now().wall;
    let allowance = Allowance::new(grants, now).map_err(|error| wrong(error.to_string()))?;
    Alone::new(options, allowance).map(Some).map_err(|error| wrong(error.to_string()))
}

/// Serves the proxy until the sandbox has ended. What this process needs no more it gives up: the
/// program inside chooses what is read here.
fn let_out(
    way_out: Alone,
    listener: OwnedFd,
    started: &Started,
    is_strict: bool,
) -> Result<(), Box<dyn Error>> {
    match confine::confine_files(&[]).and_then(|()| confine::confine_calls()) {
        Err(error) if is_strict => return Err(error.into()),
        Err(error) => log::warn!("{error}"),
        Ok(()) => {}
    }
    way_out.serve(listener, started.process.as_fd(), |passage| match passage.outcome {
        Reached::Allowed(_) => log::debug!("isolate", [host = passage.host.as_str()], "{passage}"),
        _ => log::warn!("{passage}"),
    })?;
    Ok(())
}

/// Why there is nothing to start, and what this ends with.
struct Refused {
    code: u8,
    why: String,
}

impl From<ArgumentError> for Refused {
    fn from(error: ArgumentError) -> Self {
        Self { code: NOT_MADE, why: error.to_string() }
    }
}

fn refuse(code: u8, why: &str) -> ExitCode {
    log::error!("{why}");
    ExitCode::from(code)
}

fn refused(code: u8, end: &End) -> u8 {
    log::error!("{end}");
    code
}

/// What the command line asks for.
fn profile(arguments: &Arguments) -> Result<Profile, Refused> {
    let wrong = |why: String| Refused { code: NOT_MADE, why };
    let Some((program, rest)) = arguments.operands.split_first() else {
        return Err(wrong("the program is missing: sentinel isolate [OPTIONS] -- PROGRAM".into()));
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(file) = found(Path::new(program), &path) else {
        let why = format!("there is no program {}", program.display());
        return Err(Refused { code: NOT_FOUND, why });
    };
    let workspace = arguments.path("workspace").map(|path| real(&path)).transpose()?;
    let directory = workspace.clone().unwrap_or_else(|| PathBuf::from("/tmp"));
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let mut profile = Profile::new(&bytes(&file), &bytes(&directory));
    let words = [program].into_iter().chain(rest);
    profile.arguments = words.map(|word| word.as_bytes().to_vec()).collect();
    profile
        .mounts
        .extend(workspace.map(|path| Mount { path: bytes(&path), rights: Rights::Write }));
    for (option, rights) in [("read", Rights::Read), ("write", Rights::Write), ("run", Rights::Run)]
    {
        for path in arguments.all(option) {
            profile.mounts.push(Mount { path: bytes(&real(Path::new(path))?), rights });
        }
    }
    for path in arguments.all("hide") {
        profile.hidden.push(bytes(&real(Path::new(path))?));
    }
    let is_let_out = arguments.all("allow-host").next().is_some();
    profile.network = match arguments.text("network")?.as_deref() {
        None if is_let_out => Network::Proxied,
        None | Some("none") => Network::None,
        Some("proxied") => Network::Proxied,
        Some("host") => Network::Host,
        Some(other) => {
            return Err(wrong(format!("--network {other}: it is none, proxied or host")));
        }
    };
    if is_let_out && profile.network != Network::Proxied {
        return Err(wrong("--allow-host is for --network proxied, and for no other".into()));
    }
    profile.environment = environment(arguments, profile.network)?;
    let limits = &mut profile.limits;
    if let Some(size) = arguments.text("memory")? {
        let bytes = bytes_of(&size);
        let bytes =
            bytes.ok_or_else(|| wrong(format!("--memory {size}: it is a size like 512M")))?;
        limits.memory_bytes = Some(bytes);
    }
    if let Some(number) = arguments.text("pids")? {
        let count = number.parse().ok().filter(|count| *count > 0);
        limits.pids = count.ok_or_else(|| wrong(format!("--pids {number}: it is a number")))?;
    }
    if let Some(seconds) = arguments.text("timeout")? {
        let time = seconds.parse().ok().filter(|time: &f64| *time > 0.0 && *time < TIMEOUT_MAX);
        let time = time.ok_or_else(|| wrong(format!("--timeout {seconds}: it is seconds")))?;
        limits.time = Some(std::time::Duration::from_secs_f64(time));
    }
    profile.calls = match arguments.text("seccomp-profile")?.as_deref() {
        None | Some("strict") => Calls::Strict,
        Some("datasci") => Calls::DataScience,
        Some(other) => {
            return Err(wrong(format!("--seccomp-profile {other}: it is strict or datasci")));
        }
    };
    profile.calls_mode = match arguments.text("seccomp-mode")?.as_deref() {
        None | Some("enforce") => CallsMode::Enforce,
        Some("off") => CallsMode::Off,
        Some(other) => return Err(wrong(format!("--seccomp-mode {other}: it is enforce or off"))),
    };
    profile.has_terminal = arguments.has("tty");
    if arguments.has("best-effort") {
        profile.requirement = Requirement::BestEffort;
    }
    Ok(profile)
}

/// The one name of a place, without links.
fn real(path: &Path) -> Result<PathBuf, Refused> {
    std::fs::canonicalize(path).map_err(|error| {
        let why = format!("{}: {error}", path.display());
        Refused { code: NOT_MADE, why }
    })
}

/// What tells programs where the proxy is. Servers inside are reached without it, unless it is this
/// machine's that are meant.
fn way_to_proxy(is_to_here: bool) -> impl Iterator<Item = Vec<u8>> {
    let variables = [
        ("HTTP_PROXY", "http"),
        ("HTTPS_PROXY", "http"),
        ("ALL_PROXY", "socks5h"),
        ("http_proxy", "http"),
        ("https_proxy", "http"),
        ("all_proxy", "socks5h"),
    ];
    let named = variables.map(|(name, scheme)| format!("{name}={scheme}://127.0.0.1:{PROXY_PORT}"));
    let own = ["NO_PROXY", "no_proxy"].map(|name| format!("{name}=localhost,127.0.0.1,::1"));
    let own = own.into_iter().filter(move |_| !is_to_here);
    named.into_iter().chain(own).map(String::into_bytes)
}

/// A few variables that say nothing, and what was named.
fn environment(arguments: &Arguments, network: Network) -> Result<Vec<Vec<u8>>, Refused> {
    let mut environment: Vec<Vec<u8>> =
        ENVIRONMENT.iter().map(|word| word.as_bytes().to_vec()).collect();
    if network == Network::Proxied {
        let is_here = |host: &OsString| {
            let host = host.to_string_lossy();
            ["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own))
        };
        environment.extend(way_to_proxy(arguments.all("allow-host").any(is_here)));
    }
    for variable in arguments.all("env") {
        let word = variable.as_bytes();
        let (name, value) = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => (&word[..at], Some(OsString::from(&*variable.to_string_lossy()))),
            None => (word, None),
        };
        let value = match value {
            Some(_) => word.to_vec(),
            None => match std::env::var_os(variable) {
                Some(value) => [word, b"=", value.as_bytes()].concat(),
                None => {
                    let why = format!("--env {}: it is not set here", variable.display());
                    return Err(Refused { code: NOT_MADE, why });
                }
            },
        };
        let start = [name, b"="].concat();
        environment.retain(|known| !known.starts_with(&start));
        environment.push(value);
    }
    Ok(environment)
}

/// A size: bytes, or with K, M or G a thousand and twenty-four of them, and so on.
fn bytes_of(size: &str) -> Option<u64> {
    let (number, factor) = match size.strip_suffix(['K', 'M', 'G', 'k', 'm', 'g']) {
        Some(number) => {
            let power = match size.as_bytes().last()?.to_ascii_uppercase() {
                b'K' => 10,
                b'M' => 20,
                _ => 30,
            };
            (number, 1_u64 << power)
        }
        None => (size, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

const TIMED_OUT: u8 = 124;
const NOT_MADE: u8 = 125;
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;
const KILL: u8 = 9;
/// Ten years of seconds.
const TIMEOUT_MAX: f64 = 3.2e8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_letter() {
        for (size, bytes) in [
            ("1", Some(1)),
            ("512M", Some(512 << 20)),
            ("2g", Some(2 << 30)),
            ("4K", Some(4096)),
            ("0", None),
            ("M", None),
            ("1.5G", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("18446744073709551615G", None),
        ] {
            assert_eq!(bytes_of(size), bytes, "{size}");
        }
    }
}
