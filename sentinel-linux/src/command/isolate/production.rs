//! Production: a policy that was pinned, as it is, and nothing that breaks the glass.
//!
//! Who sets `SENTINEL_PRODUCTION` where programs are started decides for everybody who starts one
//! there: the policy has to be one that somebody pinned, no option changes it, and what is meant
//! for trying things out is refused.
//!
//! # Invariants
//! - A value that is neither yes nor no is an error: it never counts as no.

use sentinel_core::sandbox::policy::{Key, Policy};

use super::Refused;

/// Why nothing is started without a pinned policy.
pub(super) const UNPINNED: &str = "SENTINEL_PRODUCTION: only a policy that is pinned is started: \
                                   --policy FILE, with --policy-sha256 or SENTINEL_POLICY_SHA256";

/// Whether this is production.
pub(super) fn is_on() -> Result<bool, Refused> {
    is_true(PRODUCTION)
}

/// Refuses what has no place in production.
pub(super) fn check(policy: &Policy) -> Result<(), Refused> {
    let word = |key| policy.word(key).unwrap_or_default();
    let mode = word(Key::CallsMode);
    let has_network = matches!(word(Key::Network), "proxied" | "host")
        || !policy.all(Key::Hosts).is_empty()
        || !policy.all(Key::Publish).is_empty();
    let why = match () {
        () if word(Key::Mode) == "best-effort" => "mode = \"best-effort\" is refused".into(),
        () if matches!(mode, "log" | "off") => format!("seccomp.mode = \"{mode}\" is refused"),
        () if word(Key::Network) == "host" => "network = \"host\" is refused".into(),
        () if has_network && !is_true(NETWORK)? => {
            format!("a network is refused, unless {NETWORK}=true")
        }
        () => return Ok(()),
    };
    Err(Refused::new(format!("{PRODUCTION}: {why}")))
}

fn is_true(name: &str) -> Result<bool, Refused> {
    // What is no text is no answer either.
    let value = std::env::var_os(name).unwrap_or_default();
    match value.to_str().unwrap_or("?").to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "" | "false" | "0" => Ok(false),
        _ => Err(Refused::new(format!("{name}={}: it is true or false", value.display()))),
    }
}

const PRODUCTION: &str = "SENTINEL_PRODUCTION";
const NETWORK: &str = "SENTINEL_ALLOW_NETWORK_IN_PRODUCTION";
