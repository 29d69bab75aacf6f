//! The sandboxes that the attempts are made in: what an agent's more demanding calls have.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fd::OwnedFd;
use sentinel_core::sandbox::{Limits, Mount, Network, Profile, Requirement, Rights};

use super::ground::{PROXY, VARIABLE, WORD};
use super::prepared::Prepared;
use super::resources::{
    FILE_BYTES, MEMORY_BYTES, OPEN_FILES, PIDS, PROCESSOR_TIME, TEMPORARY_BYTES, TIME, TIME_SHORT,
};
use super::{Attempt, Need, covered};
use crate::sandbox::{ENVIRONMENT, PROXY_PORT, Sandboxes, Started, Streams};

/// Starts an attempt inside, as an agent's call is started.
pub(super) fn start(
    sandboxes: &Sandboxes,
    program: &Path,
    attempt: &Attempt,
    prepared: &Prepared,
    network: Network,
    tells: OwnedFd,
) -> io::Result<Started> {
    let mut ground = prepared.ground.clone();
    ground.tell(PROXY, PROXY_PORT);
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let workspace = ground.workspace("");
    let mut profile = Profile::new(&bytes(program), &bytes(&workspace));
    let words = ["doctor", WORD, attempt.name, ground.sign()];
    profile.arguments.extend(words.map(|word| word.as_bytes().to_vec()));
    profile.environment.extend(ENVIRONMENT.map(|variable| variable.as_bytes().to_vec()));
    profile.environment.push(format!("{VARIABLE}={}", ground.written()).into_bytes());
    // A setuid program can be tried only where programs can be run at all.
    let needs = |need| attempt.needs.has(need);
    let shared = if needs(Need::Setuid) { Rights::Run } else { Rights::Read };
    profile.mounts = vec![
        Mount { path: bytes(&workspace), rights: Rights::Write },
        Mount { path: bytes(&ground.shared("")), rights: shared },
    ];
    if needs(Need::Covered) {
        let kept = bytes(&covered::kept(&ground));
        profile.mounts.push(Mount { path: kept, rights: Rights::Read });
        profile.hidden = vec![bytes(&covered::hidden(&ground))];
    }
    profile.network = network;
    profile.limits = limits(if needs(Need::Hurry) { TIME_SHORT } else { TIME });
    profile.limits.memory_bytes = needs(Need::Memory).then_some(MEMORY_BYTES);
    profile.requirement = Requirement::Strict;
    let streams = Streams { input: prepared.input()?, output: tells.try_clone()?, errors: tells };
    sandboxes.start(&profile, streams).map_err(|error| io::Error::other(error.to_string()))
}

fn limits(time: Duration) -> Limits {
    Limits {
        time: Some(time),
        memory_bytes: None,
        processors_percent: None,
        disk_bytes_per_second: None,
        processor_time: Some(PROCESSOR_TIME),
        pids: PIDS,
        open_files: OPEN_FILES,
        file_bytes: Some(FILE_BYTES),
        temporary_bytes: TEMPORARY_BYTES,
    }
}
