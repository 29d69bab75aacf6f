//! The way out of one sandbox: what it is let out to, and what its programs have to believe.

use std::io;
use std::time::Duration;

use sentinel_core::egress::{Allowance, SharedSecret};
use sentinel_core::sandbox::Profile;
use sentinel_core::time::Timestamp;

use super::authority::Authority;
use crate::sandbox::way_to_authority;

/// What a sandbox is let out to.
#[derive(Debug)]
pub(crate) struct WayOut {
    pub(super) allowance: Allowance,
    pub(super) authority: Option<Authority>,
}

impl WayOut {
    /// To what an allowance says. If something of it is looked into there is an authority for that,
    /// for no longer than this.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(allowance: Allowance, now: Timestamp, time: Duration) -> io::Result<Self> {
        let hosts = allowance.inspected(now);
        let authority = match hosts.is_empty() {
            true => None,
            false => Some(Authority::new(&hosts, now, time)?),
        };
        Ok(Self { allowance, authority })
    }

    /// Hands over the secrets that are added, each by its name.
    pub(crate) fn hand_over(&mut self, secret: impl Fn(&str) -> Option<SharedSecret>) {
        self.allowance.hand_over(secret);
    }

    /// Gives a sandbox what its programs need to get out this way.
    pub(crate) fn furnish(&self, profile: &mut Profile) {
        if let Some(authority) = &self.authority {
            profile.authority = authority.pem();
            for word in way_to_authority() {
                let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
                let is_said = |known: &Vec<u8>| {
                    known.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="))
                };
                // Who names another file knows why, and has no certificate of ours in it.
                if !profile.environment.iter().any(is_said) {
                    profile.environment.push(word);
                }
            }
        }
    }
}
