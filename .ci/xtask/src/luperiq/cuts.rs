//! Power cuts: a machine that writes files is ended at a moment nobody chose, again and again.
//!
//! # Invariants
//! - What the program was told is safe is there at the next start: a version no older, as many
//!   records.
//! - Every file holds one version, and the record on the disk verifies to its end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::qemu::Machine;
use super::{card, disk};
use crate::error::Error;
use crate::workspace::Workspace;

/// Cuts the power so many times, at moments drawn from a seed: a run of many can be had in pieces,
/// each of another seed. Without one it is the seed of this run of the checks.
pub(super) fn run(
    workspace: &Workspace,
    image: &Path,
    machine: Machine<'_>,
    count: u64,
    seed: Option<u64>,
) -> Result<(), Error> {
    let seed = seed.map_or_else(|| super::random::asked().map(|(seed, _)| seed), Ok)?;
    let mut state = seed;
    let disk = match machine.has_card() {
        true => card::blank(workspace, "cuts.card", DISK_BYTES)?,
        false => disk::blank(workspace, "cuts.disk", DISK_BYTES)?,
    };
    let machine = Machine { disk: Some(&disk), arguments: "init=bin/writer", ..machine };
    let mut safe = Safe::default();
    let mut writes = 0;
    for cut in 0..count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let life = Duration::from_micros(LIFE_MICROS.0 + (state >> 33) % LIFE_MICROS.1);
        // Most are cut while they write, some while they start.
        let since = if cut % 4 == 3 { STARTS } else { FOUND };
        let lines = live(workspace, image, &machine, (since, life))?;
        let wrong = |what: &str| {
            Error::new(format!("cut {cut} of seed {seed}: {what}\n{}", lines.join("\n")))
        };
        let mut found = Safe::default();
        for line in &lines {
            if ["FAILED", "panic", "fault"].iter().any(|word| line.contains(word)) {
                return Err(wrong("it does not go on"));
            }
            // The start says what it found, the program what is safe since.
            found.records = number(line, "goes on after ").unwrap_or(found.records);
            if let Some(version) = number(line, FOUND) {
                found.version = version;
                if found.version < safe.version || found.records < safe.records {
                    return Err(wrong(&format!("{found:?} is left of {safe:?}")));
                }
                safe = found;
            }
            if let Some(version) = number(line, "writer: version ") {
                let records = number(line, " and ").unwrap_or(0);
                safe = Safe { version, records };
                writes += 1;
            }
        }
        // A long run on a busy machine takes an hour.
        if (cut + 1).is_multiple_of(TOLD_EVERY) {
            println!("           {} power cuts so far, {writes} times something was safe", cut + 1);
        }
    }
    if 4 * writes < count {
        return Err(Error::new(format!("in {count} lives {writes} things were safe: no test")));
    }
    super::record_of(workspace, &machine, &disk)?;
    println!(
        "   ok      {}{count} power cuts, seed {seed}, {writes} times something was safe: \
         nothing of it lost",
        machine.name()
    );
    disk::remove(&disk)
}

/// What is known to be on the disk.
#[derive(Clone, Copy, Debug, Default)]
struct Safe {
    version: u64,
    records: u64,
}

/// Boots, and ends the machine so long after it said something. Gives the whole lines of what it
/// said.
fn live(
    workspace: &Workspace,
    image: &Path,
    machine: &Machine<'_>,
    (since, life): (&str, Duration),
) -> Result<Vec<String>, Error> {
    let process = machine.process(workspace, image).args(["-display", "none"]);
    let mut command = process.command();
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|cause| process.not_started(&cause))?;
    let (sender, receiver) = mpsc::channel();
    let reader = child.stdout.take().map(|pipe| {
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            // A line that the cut took the end of says nothing.
            while pipe.read_line(&mut line).is_ok_and(|count| count > 0) && line.ends_with('\n') {
                let _ = sender.send(line.trim_end().to_string());
                line.clear();
            }
        })
    });
    let mut lines = Vec::new();
    let mut end = Instant::now() + PATIENCE;
    // Until its time is over, or it ended by itself, which its lines tell.
    while let Ok(line) = receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if line.contains(since) {
            end = Instant::now() + life;
        }
        lines.push(line);
    }
    let _ = child.kill();
    let _ = child.wait();
    let _ = reader.map(std::thread::JoinHandle::join);
    lines.extend(receiver.try_iter());
    Ok(lines)
}

/// The number behind these words.
fn number(line: &str, words: &str) -> Option<u64> {
    let (_, behind) = line.split_once(words)?;
    behind.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// What the kernel says first, and what the program does.
const STARTS: &str = "LuperIQ kernel";
const FOUND: &str = "writer: found version ";

const DISK_BYTES: u64 = 256 << 20;

/// More than a check has.
const TOLD_EVERY: u64 = 25;

/// How long a machine lives at least, and by how much more at most.
const LIFE_MICROS: (u64, u64) = (20_000, 1_200_000);

/// For a machine that says nothing.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_behind_their_words() {
        let line = "writer: version 12 and 345 records are safe";
        assert_eq!(number(line, "writer: version "), Some(12));
        assert_eq!(number(line, " and "), Some(345));
        assert_eq!(number(line, "nothing"), None);
    }
}
