//! The program under `strace`, which counts its system calls, kills it at one of them or lets one
//! fail.
//!
//! The program cannot be traced once it has confined itself; who traced it before goes on doing so.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::house::House;

/// Whether `strace` is there. A test that needs it fails without it, and says what to install; who
/// cannot have it says so with `SENTINEL_WITHOUT_STRACE=1`, and reads in the output what was not
/// tested.
pub(crate) fn is_there() -> bool {
    let mut command = Command::new("strace");
    let version = command.arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return true;
    }
    let is_known = std::env::var_os("SENTINEL_WITHOUT_STRACE").is_some();
    assert!(is_known, "`strace` is missing: `cargo xtask check` installs it, or `apt-get install`");
    eprintln!("NOT TESTED: there is no `strace`, so nothing was killed at its system calls");
    false
}

/// Starts the agent under `strace` with these words for it.
pub(crate) fn start(house: &House, options: &[&str]) -> Child {
    let mut words = vec!["strace".to_string(), "-f".into(), "-qqq".into()];
    words.extend(options.iter().map(ToString::to_string));
    words.push("--".into());
    words.extend(house.arguments());
    // What it prints is about the program, which says enough itself.
    house.command(&words).spawn().unwrap()
}

/// Ends a traced program. Of `strace` alone it would not end, but go on without it.
pub(crate) fn stop(child: &mut Child) {
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        let pid = child.parse().ok().and_then(rustix::process::Pid::from_raw);
        let signal = rustix::process::Signal::KILL;
        // It may have ended just now.
        let _ = pid.map(|pid| rustix::process::kill_process(pid, signal));
    }
    child.wait().unwrap();
}

/// How often each call of a run was made by the thread that made it most often.
pub(crate) fn most(trace: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::<(String, u32), usize>::new();
    for (thread, name) in calls(trace) {
        *counts.entry((name, thread)).or_default() += 1;
    }
    let mut most = BTreeMap::<String, usize>::new();
    for ((name, _), count) in counts {
        let most = most.entry(name).or_default();
        *most = count.max(*most);
    }
    most
}

/// The calls of a run, as they began, in order: each with the thread it was made by.
pub(crate) fn calls(trace: &Path) -> Vec<(u32, String)> {
    let text = fs::read_to_string(trace).unwrap();
    let call = |line: &str| {
        let (thread, rest) = line.split_once(' ')?;
        let name = rest.trim_start().split_once('(')?.0;
        let is_call = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        (is_call && !name.is_empty()).then(|| Some((thread.parse().ok()?, name.to_string())))?
    };
    text.lines().filter_map(call).collect()
}

/// The writes of the log, each by the number of the sync that made it safe, and how long it was.
pub(crate) fn writes(trace: &Path) -> Vec<(usize, u64)> {
    let text = fs::read_to_string(trace).unwrap();
    let (mut writes, mut syncs, mut bytes, mut thread) = (Vec::new(), 0, 0, None);
    for line in text.lines() {
        if let Some((writer, rest)) = line.split_once(" pwrite64(") {
            // A short number stands in as much room as a long one.
            thread = Some(writer.trim_end().to_string());
            bytes += written(rest).map_or(0, |(_, length)| length);
        } else if line.contains(" fdatasync(") && line.split(' ').next() == thread.as_deref() {
            // `strace` counts by thread.
            syncs += 1;
            writes.push((syncs, std::mem::take(&mut bytes)));
        }
    }
    writes.retain(|(_, bytes)| *bytes > 0);
    writes
}

/// Where a write began and how long it is: `4, ""..., 812, 4096) = 812`.
fn written(rest: &str) -> Option<(u64, u64)> {
    let end = rest.rfind(") = ").or_else(|| rest.rfind(" <unfinished"))?;
    let arguments = rest[..end].trim_end();
    let mut last = arguments.rsplit(", ").map(|number| number.parse::<u64>().unwrap_or(0));
    Some((last.next()?, last.next()?))
}

/// How long the log was at its last sync; none if nothing was written.
pub(crate) fn unsynced(trace: &Path) -> Option<u64> {
    let text = fs::read_to_string(trace).unwrap();
    let (mut end, mut synced) = (0, None::<u64>);
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once(" pwrite64(") {
            let (offset, length) = written(rest)?;
            end = offset + length;
            // What was there before this run was synced by the one before.
            synced = synced.or(Some(offset));
        } else if line.contains("fdatasync") && line.ends_with("= 0") {
            synced = Some(end);
        }
    }
    synced
}
