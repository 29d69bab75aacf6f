//! From a policy to what a sandbox is asked to be.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sentinel_core::limits::SANDBOX_SECCOMP_BYTES_MAX;
use sentinel_core::sandbox::policy::{Key, Policy, port, processors, seconds, size};
use sentinel_core::sandbox::{
    CallRules, Calls, CallsMode, Machine, Mount, Network, Profile, Requirement, Rights,
};

use super::wanted::{bytes_of, check, real};
use super::{NOT_FOUND, Refused};
use crate::sandbox::{ENVIRONMENT, found, way_to_proxy};

/// What a program is started with.
pub(super) fn of(policy: &Policy, words: &[OsString]) -> Result<Profile, Refused> {
    let Some(program) = words.first() else {
        let why = "the program is missing: sentinel isolate [OPTIONS] -- PROGRAM";
        return Err(Refused::new(why));
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(file) = found(Path::new(program), &path) else {
        let why = format!("there is no program {}", program.display());
        return Err(Refused { code: NOT_FOUND, why });
    };
    let place = |path: &[u8]| real(Path::new(OsStr::from_bytes(path)));
    let workspace = policy.one(Key::Workspace).map(place).transpose()?;
    let directory = workspace.clone().unwrap_or_else(|| PathBuf::from("/tmp"));
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let mut profile = Profile::new(&bytes(&file), &bytes(&directory));
    profile.arguments = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    profile
        .mounts
        .extend(workspace.map(|path| Mount { path: bytes(&path), rights: Rights::Write }));
    for (key, rights) in
        [(Key::Read, Rights::Read), (Key::Write, Rights::Write), (Key::Run, Rights::Run)]
    {
        for path in policy.all(key) {
            profile.mounts.push(Mount { path: bytes(&place(path)?), rights });
        }
    }
    for path in policy.all(Key::Hide) {
        profile.hidden.push(bytes(&place(path)?));
    }
    profile.network = network(policy)?;
    profile.published = ports(policy).map(|(_, inside)| inside).collect();
    profile.environment = environment(policy, profile.network)?;
    let limits = &mut profile.limits;
    limits.memory_bytes = policy.word(Key::Memory).and_then(size);
    limits.time = policy.word(Key::Time).and_then(seconds);
    limits.processors_percent = policy.word(Key::Processors).and_then(processors);
    limits.disk_bytes_per_second = policy.word(Key::DiskRate).and_then(size);
    limits.pids =
        policy.word(Key::Pids).and_then(|count| count.parse().ok()).unwrap_or(limits.pids);
    profile.calls = calls(policy)?;
    profile.allowed = policy.all(Key::CallsAllowed).to_vec();
    profile.calls_mode = match policy.word(Key::CallsMode) {
        Some("off") => CallsMode::Off,
        Some("log") => CallsMode::Log,
        _ => CallsMode::Enforce,
    };
    profile.has_terminal = policy.is(Key::Terminal);
    if policy.word(Key::Mode) == Some("best-effort") {
        profile.requirement = Requirement::BestEffort;
    }
    Ok(profile)
}

/// Which list of system calls.
fn calls(policy: &Policy) -> Result<Calls, Refused> {
    let file = policy.one(Key::CallsFile).map(|file| Path::new(OsStr::from_bytes(file)));
    let file = match (policy.word(Key::Calls), file) {
        (Some("custom"), Some(file)) => real(file)?,
        (Some("custom"), None) => {
            return Err(Refused::new("--seccomp-profile custom: --seccomp names its file"));
        }
        (_, Some(_)) => {
            return Err(Refused::new("--seccomp is for --seccomp-profile custom, and no other"));
        }
        (Some("datasci"), None) => return Ok(Calls::DataScience),
        _ => return Ok(Calls::Strict),
    };
    let text = bytes_of(&file, SANDBOX_SECCOMP_BYTES_MAX)?;
    if let Some(digest) = policy.word(Key::CallsDigest) {
        check(&file, &text, digest)?;
    }
    let rules = CallRules::read(&text, &machine())
        .map_err(|why| Refused::new(format!("{}:{why}", file.display())))?;
    Ok(Calls::Custom(rules))
}

/// This one.
fn machine() -> Machine {
    let (architecture, short_architecture) = match cfg!(target_arch = "x86_64") {
        true => ("SCMP_ARCH_X86_64", "amd64"),
        false => ("SCMP_ARCH_AARCH64", "arm64"),
    };
    let release = rustix::system::uname();
    let release = release.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|word| word.parse().ok());
    let mut number = || numbers.next().flatten().unwrap_or_default();
    Machine { architecture, short_architecture, kernel: (number(), number()) }
}

/// Ports outside and inside.
pub(super) fn ports(policy: &Policy) -> impl Iterator<Item = (u16, u16)> {
    let ports = policy.all(Key::Publish).iter();
    ports.filter_map(|ports| port(std::str::from_utf8(ports).ok()?))
}

fn network(policy: &Policy) -> Result<Network, Refused> {
    let is_let_out = !policy.all(Key::Hosts).is_empty();
    let is_let_in = !policy.all(Key::Publish).is_empty();
    let network = match policy.word(Key::Network) {
        None if !is_let_out && !is_let_in => Network::None,
        None | Some("proxied") => Network::Proxied,
        Some("host") => Network::Host,
        _ => Network::None,
    };
    if is_let_out && network != Network::Proxied {
        return Err(Refused::new("--allow-host is for --network proxied, and for no other"));
    }
    if is_let_in && network != Network::Proxied {
        return Err(Refused::new("--publish is for --network proxied, and for no other"));
    }
    if network == Network::Proxied && !is_let_out && !is_let_in {
        let why = "--network proxied: --allow-host says what it may connect to";
        return Err(Refused::new(why));
    }
    Ok(network)
}

/// A few variables that say nothing, and what was named.
fn environment(policy: &Policy, network: Network) -> Result<Vec<Vec<u8>>, Refused> {
    let mut environment: Vec<Vec<u8>> =
        ENVIRONMENT.iter().map(|word| word.as_bytes().to_vec()).collect();
    if network == Network::Proxied && !policy.all(Key::Hosts).is_empty() {
        let is_here = |host: &Vec<u8>| {
            let own: [&[u8]; 3] = [b"localhost", b"127.", b"[::1]"];
            own.iter().any(|own| host.starts_with(own))
        };
        environment.extend(way_to_proxy(policy.all(Key::Hosts).iter().any(is_here)));
    }
    for word in policy.all(Key::Environment) {
        let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
        let value = match name.len() == word.len() {
            false => word.clone(),
            true => match std::env::var_os(OsStr::from_bytes(word)) {
                Some(value) => [word, &b"="[..], value.as_bytes()].concat(),
                None => {
                    let name = String::from_utf8_lossy(word);
                    return Err(Refused::new(format!("--env {name}: it is not set here")));
                }
            },
        };
        let start = [name, b"="].concat();
        environment.retain(|known| !known.starts_with(&start));
        environment.push(value);
    }
    Ok(environment)
}
