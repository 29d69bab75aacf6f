//! What this kernel, and this user, can do for sandboxes.
//!
//! # Invariants
//! - What is missing is said, each thing in a sentence that says what it would have stopped.

use sentinel_core::sandbox::{Network, Profile};

use crate::confine::landlock;

/// What there is, looked at once.
#[derive(Clone, Debug)]
pub(crate) struct Ability {
    /// Which version of Landlock; none is 0.
    pub(crate) landlock: u32,
}

impl Ability {
    /// Looks at this kernel.
    pub(crate) fn probe() -> Self {
        Self { landlock: landlock::version().unwrap_or_default() }
    }

    /// What a sandbox of this profile would be missing. Without namespaces and a filter for system
    /// calls there is none at all; that is found out when one is made.
    pub(super) fn missing(
        &self,
        profile: &Profile,
        has_processors: impl FnOnce() -> bool,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        if self.landlock == 0 {
            let why = "this kernel has no Landlock: what is shown is guarded by its mounts alone";
            missing.push(why.into());
        }
        if self.landlock < 3 && self.landlock > 0 {
            missing.push(format!(
                "Landlock of this kernel is version {}: files that are shown to be read are kept \
                 from being cut short by their mounts alone",
                self.landlock
            ));
        }
        if self.landlock < 4 && profile.network == Network::Proxied {
            missing.push(
                "Landlock of this kernel knows no ports: that only the proxy is reached rests on \
                 there being no route alone"
                    .into(),
            );
        }
        if profile.limits.processors_percent.is_some() && !has_processors() {
            missing.push(
                "no cgroup can be had here: how many processors all processes of a program use \
                 together is not limited"
                    .into(),
            );
        }
        missing
    }
}
