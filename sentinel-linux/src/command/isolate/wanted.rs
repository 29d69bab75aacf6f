//! What is asked for: a policy from a file, and what the command line adds.
//!
//! # Invariants
//! - The bytes that are hashed are the bytes that are read: the file is read once.
//!
//! # Not here
//! What a policy can say, and what may change it: the core's.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sentinel_core::limits::TOML_BYTES_MAX;
use sentinel_core::sandbox::policy::{Key, Policy, Times};
use sha2::{Digest as _, Sha256};

use super::{Arguments, Refused, production};

/// The policy that holds.
pub(super) fn policy(arguments: &Arguments) -> Result<Policy, Refused> {
    let is_production = production::is_on()?;
    let mut line = line(arguments)?;
    let pins = pins(arguments)?;
    if is_production {
        if pins.is_empty() || arguments.path("policy").is_none() {
            return Err(Refused::new(production::UNPINNED));
        }
        line.put(Key::Immutable, b"true").map_err(Refused::new)?;
    }
    let file = match arguments.path("policy") {
        Some(path) => read(&path, &pins)?,
        None if arguments.has("policy-sha256") || variable(PIN).is_some() => {
            return Err(Refused::new("a policy is pinned, and --policy names none"));
        }
        None if arguments.has("immutable") => {
            return Err(Refused::new("--immutable is for a policy, and --policy names none"));
        }
        None => Policy::default(),
    };
    let mut policy = file.join(line).map_err(|error| Refused::new(error.to_string()))?;
    if arguments.has("no-proxy") {
        for key in [Key::Hosts, Key::Inspect, Key::Secrets] {
            policy.forget(key);
        }
    }
    if is_production {
        production::check(&policy)?;
    }
    Ok(policy)
}

/// The same with places as they are called from the root directory.
pub(super) fn whole(policy: &Policy) -> Result<Policy, Refused> {
    let mut whole = policy.clone();
    for key in Policy::places() {
        whole.forget(key);
        for path in policy.all(key) {
            let path = real(Path::new(OsStr::from_bytes(path)))?;
            let put = whole.put(key, path.as_os_str().as_bytes());
            put.map_err(|why| Refused::new(format!("{}: {why}", path.display())))?;
        }
    }
    Ok(whole)
}

/// A whole small file.
pub(super) fn bytes_of(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let said = path.display();
    let failed = |error| Refused::new(format!("{said}: {error}"));
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read.map_err(failed)? {
        length if length > bytes_max => {
            Err(Refused::new(format!("{said} has more than {bytes_max} bytes")))
        }
        _ => Ok(bytes),
    }
}

/// Whether bytes hash to what was said, in hexadecimal digits.
pub(super) fn check(what: &Path, bytes: &[u8], pin: &str) -> Result<(), Refused> {
    let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(pin.trim()) {
        return Ok(());
    }
    let why = format!(
        "{} is not what was pinned: its SHA-256 is {found}, and {pin} was said",
        what.display()
    );
    Err(Refused::new(why))
}

/// The one name of a place, without links; `~/` before it is the home directory.
pub(super) fn real(path: &Path) -> Result<PathBuf, Refused> {
    let home = path.strip_prefix("~").ok().zip(variable("HOME"));
    let path = match home {
        Some((rest, home)) => Path::new(&home).join(rest),
        None => path.to_path_buf(),
    };
    std::fs::canonicalize(&path)
        .map_err(|error| Refused::new(format!("{}: {error}", path.display())))
}

/// A variable of the environment that says something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn read(path: &Path, pins: &[String]) -> Result<Policy, Refused> {
    let bytes = bytes_of(path, TOML_BYTES_MAX)?;
    for pin in pins {
        check(path, &bytes, pin)?;
    }
    let name = path.display().to_string();
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(Refused::new(format!("{name} is no text in UTF-8")));
    };
    let policy = Policy::read(&name, text).map_err(|list| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        Refused::new(list.join("\n"))
    })?;
    if let Some((file, digest)) = policy.unpinned().filter(|_| !pins.is_empty()) {
        let why = format!("{name} is pinned, and its {file} is not: add {digest}");
        return Err(Refused::new(why));
    }
    Ok(policy)
}

/// What the policy has to hash to: as the command line says, and as the environment does.
fn pins(arguments: &Arguments) -> Result<Vec<String>, Refused> {
    let pins: Vec<String> =
        arguments.text("policy-sha256")?.into_iter().chain(variable(PIN)).collect();
    let is_digest = |pin: &String| {
        pin.trim().len() == 64 && pin.trim().bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match pins.iter().find(|pin| !is_digest(pin)) {
        Some(pin) => {
            Err(Refused::new(format!("{pin} is no SHA-256: that is 64 hexadecimal digits")))
        }
        None => Ok(pins),
    }
}

/// What the command line says.
fn line(arguments: &Arguments) -> Result<Policy, Refused> {
    let mut line = Policy::default();
    let networks = ["network", "proxy", "no-proxy"].map(|option| arguments.has(option));
    if networks.iter().filter(|is_said| **is_said).count() > 1 {
        return Err(Refused::new("--network, --proxy and --no-proxy are one question: say one"));
    }
    if arguments.has("no-proxy") && arguments.all("allow-host").next().is_some() {
        return Err(Refused::new("--no-proxy leaves no way to what --allow-host names"));
    }
    for (option, network) in [("proxy", "proxied"), ("no-proxy", "none")] {
        if arguments.has(option) {
            line.put(Key::Network, network.as_bytes()).map_err(Refused::new)?;
        }
    }
    for (key, option, times) in Policy::options() {
        let mut put = |value: &[u8]| {
            line.put(key, value).map_err(|why| {
                let value = String::from_utf8_lossy(value);
                Refused::new(format!("--{option} {value}: {why}"))
            })
        };
        match times {
            Times::Alone(value) if arguments.has(option) => put(value.as_bytes())?,
            Times::Alone(_) => {}
            Times::Once => {
                if let Some(value) = arguments.path(option) {
                    put(value.as_os_str().as_bytes())?;
                }
            }
            Times::Many => {
                for value in arguments.all(option) {
                    put(value.as_bytes())?;
                }
            }
        }
    }
    Ok(line)
}

const PIN: &str = "SENTINEL_POLICY_SHA256";
