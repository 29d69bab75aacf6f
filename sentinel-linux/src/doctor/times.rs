//! How long it takes to run a program in a sandbox here, beside running it without one.
//!
//! # Invariants
//! - What is measured is what a call does: the request, the walls, the proof, the program, its end.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use sentinel_core::order;
use sentinel_core::sandbox::{Mount, Profile, Rights};

use crate::plain::{self, Plain};
use crate::sandbox::{End, Outcome, Sandboxes, Spawner, Streams, Told, found, look};

/// Medians of a program that does nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Without a sandbox.
    pub(crate) bare: Duration,
    /// As the agent calls it: by the spawner, which has one waiting.
    pub(crate) call: Duration,
    /// With nothing made ahead.
    pub(crate) alone: Duration,
    /// What of that is trying the walls.
    pub(crate) proof: Duration,
}

/// Measures all of it, one after the other in turn. To be called while there is one thread.
pub(crate) fn measure() -> io::Result<Times> {
    let spawner = Spawner::start()?;
    let program = found(Path::new("true"), OsStr::new("/usr/bin:/bin"))
        .ok_or_else(|| io::Error::other("there is no /bin/true"))?;
    let place = Place::new()?;
    let directory = place.0.as_os_str().as_encoded_bytes();
    let mut profile = Profile::new(program.as_os_str().as_encoded_bytes(), directory);
    profile.mounts = vec![Mount { path: directory.to_vec(), rights: Rights::Write }];
    // A program that is many goes by the name that it was called by.
    profile.arguments = vec![b"true".to_vec()];
    let sandboxes = Sandboxes::new()?.timed();
    let (mut bare, mut call) = (Vec::new(), Vec::new());
    let (mut alone, mut proof) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS_COUNT {
        // As between the calls of an agent, in which the next sandbox is made.
        thread::sleep(PAUSE);
        let start = Instant::now();
        ended(called(&spawner, &profile)?)?;
        let time = start.elapsed();
        thread::sleep(PAUSE);
        // With the first call the spawner gets ready.
        if round == 0 {
            continue;
        }
        call.push(time);
        let start = Instant::now();
        let plain = Plain::new(&program).called("true");
        let plain = plain.streams([Some(plain::nothing()?), Some(plain::nothing()?), None]);
        let status = plain.status()?;
        bare.push(start.elapsed());
        if !status.success() {
            return Err(io::Error::other(format!("{} failed", program.display())));
        }
        let start = Instant::now();
        let started = sandboxes.start(&profile, Streams::own()?).map_err(io::Error::other)?;
        proof.push(started.proof()?);
        ended(started.wait())?;
        alone.push(start.elapsed());
    }
    let median = |mut times: Vec<Duration>| {
        order::sort_by(&mut times, Ord::cmp);
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Ok(Times { bare: median(bare), call: median(call), alone: median(alone), proof: median(proof) })
}

/// A directory to work in, as every call of an agent has one.
struct Place(PathBuf);

impl Place {
    fn new() -> io::Result<Self> {
        let name = format!("sentinel-times-{}", std::process::id());
        let path = fs::canonicalize(std::env::temp_dir())?.join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn called(spawner: &Spawner, profile: &Profile) -> io::Result<Outcome> {
    let asked = spawner.ask(profile)?;
    loop {
        match poll(&mut [PollFd::new(&asked.report, PollFlags::IN)], None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        match look(&asked.report)? {
            Some(Told::Ended(outcome)) => return Ok(outcome),
            Some(Told::Refused(why)) => return Err(io::Error::other(why)),
            Some(Told::Listening(_) | Told::Lacking(_)) | None => {}
        }
    }
}

fn ended(outcome: Outcome) -> io::Result<()> {
    match outcome.end {
        End::Exited(0) => Ok(()),
        end => Err(io::Error::other(end.to_string())),
    }
}

const ROUNDS_COUNT: usize = 100;
const PAUSE: Duration = Duration::from_millis(15);
