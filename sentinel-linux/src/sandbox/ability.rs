//! What this kernel, and this user, can do for sandboxes.
//!
//! A wall that is missing altogether is missing. What only a newer Landlock knows is not: cutting
//! files short (3) is stopped by the mounts as well, ports (4) by there being no route, requests to
//! devices (5) by the filter for system calls, other programs' abstract sockets and signals (6) by
//! namespaces. So every kernel that can make the walls can run programs in strict mode.
//!
//! # Invariants
//! - What is missing is said, each thing in a sentence that says what it would have stopped.

use sentinel_core::sandbox::Profile;

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
        has_disks: impl FnOnce() -> bool,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        if self.landlock == 0 {
            let why = "this kernel has no Landlock: what is shown is guarded by its mounts alone";
            missing.push(why.into());
        }
        if profile.limits.processors_percent.is_some() && !has_processors() {
            missing.push(
                "no cgroup can be had here: how many processors all processes of a program use \
                 together is not limited"
                    .into(),
            );
        }
        if profile.limits.disk_bytes_per_second.is_some() && !has_disks() {
            missing.push(
                "no cgroup of version 2 can be had here: how much all processes of a program read \
                 from disks and write to them is not limited"
                    .into(),
            );
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_with_all_walls_is_enough() {
        let mut profile = Profile::new(b"/bin/true", b"/");
        profile.network = sentinel_core::sandbox::Network::Proxied;
        for landlock in 1..=9 {
            assert!(
                Ability { landlock }.missing(&profile, || true, || true).is_empty(),
                "{landlock}"
            );
        }
        assert_eq!(Ability { landlock: 0 }.missing(&profile, || true, || true).len(), 1);
        profile.limits.processors_percent = Some(50);
        assert_eq!(Ability { landlock: 9 }.missing(&profile, || false, || true).len(), 1);
        profile.limits.disk_bytes_per_second = Some(1 << 20);
        assert_eq!(Ability { landlock: 9 }.missing(&profile, || true, || false).len(), 1);
    }
}
