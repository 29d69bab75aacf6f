//! Skills that are WASM modules: a module runs in an interpreter, and the interpreter in a sandbox.
//!
//! The interpreter is this program, started again inside the walls that every program of a skill
//! has, and lower ones: it sees the one file that is the module, has no other process, and writes
//! no file. To whoever talks with it, it is a program that says and hears lines.
//!
//! # Invariants
//! - No byte of a module is interpreted, or so much as parsed, outside a sandbox.
//!
//! # Not here
//! The interpreter: `inside`, if there is one. A program that was built without says so.

#[cfg(feature = "wasm")]
mod inside;

use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use sentinel_core::sandbox::{Limits, Mount, Profile, Rights};
use sentinel_core::skill::Manifest;

#[cfg(feature = "wasm")]
pub(crate) use self::inside::interpreted;
use crate::sandbox::{End, Sandboxes, Streams};

/// The sandbox of a module that is talked with; `place` is where the skill's files are.
///
/// # Errors
/// This program cannot be started again.
pub(crate) fn profile(
    manifest: &Manifest,
    place: &Path,
    memory_bytes: u64,
) -> Result<Profile, String> {
    start(RUN, manifest, place, memory_bytes)
}

/// Looks at the module of a skill, in a sandbox, and gives how long it took to be read.
///
/// # Errors
/// Everything because of which it cannot be run.
pub(crate) fn look(
    sandboxes: &Sandboxes,
    place: &Path,
    manifest: &Manifest,
) -> Result<Duration, Vec<String>> {
    looked(sandboxes, place, manifest).unwrap_or_else(|why| {
        Err(vec![format!("the module {} cannot be looked at: {why}", manifest.entry)])
    })
}

fn looked(
    sandboxes: &Sandboxes,
    place: &Path,
    manifest: &Manifest,
) -> Result<Result<Duration, Vec<String>>, String> {
    let mut profile = start(LOOK, manifest, place, manifest.bounds.memory_bytes)?;
    profile.limits.time = Some(PATIENCE);
    let failed = |error: rustix::io::Errno| std::io::Error::from(error).to_string();
    let nothing = || rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    let (output, inside) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    let streams = Streams {
        input: nothing().map_err(failed)?,
        output: inside,
        errors: nothing().map_err(failed)?,
    };
    let started = sandboxes.start(&profile, streams).map_err(|error| error.to_string())?;
    let mut said = String::new();
    let taken = std::fs::File::from(output).take(SAID_BYTES_MAX).read_to_string(&mut said);
    let end = started.wait().end;
    taken.map_err(|error| error.to_string())?;
    match end {
        End::Exited(0) => Ok(Ok(Duration::from_micros(said.trim().parse().unwrap_or_default()))),
        End::Exited(1) if !said.is_empty() => Ok(Err(said.lines().map(str::to_owned).collect())),
        end => Err(end.to_string()),
    }
}

/// This program as an interpreter that does this.
fn start(
    word: &str,
    manifest: &Manifest,
    place: &Path,
    memory_bytes: u64,
) -> Result<Profile, String> {
    if !cfg!(feature = "wasm") {
        return Err("this program was built without what runs modules (its feature 'wasm')".into());
    }
    let program = own()?;
    let module = place.join(&manifest.entry);
    let module = module.as_os_str().as_bytes();
    let mut profile = Profile::new(program.as_os_str().as_bytes(), b"/tmp");
    let numbers = [memory_bytes, manifest.bounds.fuel].map(|number| number.to_string());
    profile.arguments = vec![b"sentinel".to_vec(), WORD.into(), word.into(), module.to_vec()];
    profile.arguments.extend(numbers.map(String::into_bytes));
    profile.mounts.push(Mount { path: module.to_vec(), rights: Rights::Read });
    profile.limits = Limits {
        // While its memory grows there are two of it.
        memory_bytes: Some(memory_bytes.saturating_mul(2).saturating_add(OWN_BYTES)),
        file_bytes: Some(0),
        pids: 1,
        ..Limits::default()
    };
    Ok(profile)
}

/// The file of this program.
fn own() -> Result<PathBuf, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?;
    // So the kernel calls a file that is not there any more.
    match path.as_os_str().as_bytes().ends_with(b" (deleted)") {
        true => Err("this program was replaced by another since it was started; a module runs \
                     again after a new start"
            .into()),
        false => Ok(path),
    }
}

/// What this program is told to be an interpreter by, and the two things that it then does.
const WORD: &str = "skill-module";
const LOOK: &str = "look";
const RUN: &str = "run";
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of what is said of a module that cannot be run.
const SAID_BYTES_MAX: u64 = 16 << 10;
/// What the interpreter needs besides a module's memory: the module as it runs it is several times
/// as large as its file.
const OWN_BYTES: u64 = 128 << 20;
