//! Random calls with random arguments, by several programs at once.
//!
//! Many calls are made in several boots, each with the next seed: what one leaves in its record has
//! to fit on a disk, and a hundred million calls leave gigabytes.
//!
//! # Invariants
//! - A run is well when every program ended, the kernel did not fault, what is left is what was
//!   there before, and the record on the disk verifies to its end.

use std::path::Path;
use std::time::Duration;

use super::cases::{self, Case};
use super::disk;
use super::qemu::Machine;
use crate::error::Error;
use crate::workspace::Workspace;

/// Lets programs make so many thousand calls, in as many boots as it takes.
pub(super) fn run(
    workspace: &Workspace,
    image: &Path,
    seed: u64,
    thousands: u64,
) -> Result<(), Error> {
    let mut calls = 0;
    for (seed, thousands) in boots(seed, thousands) {
        calls += boot(workspace, image, seed, thousands)?;
    }
    if thousands > THOUSANDS_AT_ONCE {
        println!("   ok      EL1  random: {calls} calls in all");
    }
    Ok(())
}

/// The seed and the thousands of each boot.
fn boots(seed: u64, thousands: u64) -> impl Iterator<Item = (u64, u64)> {
    let count = thousands.div_ceil(THOUSANDS_AT_ONCE);
    (0..count).map(move |boot| {
        let left = thousands - boot * THOUSANDS_AT_ONCE;
        (seed.wrapping_add(boot), left.min(THOUSANDS_AT_ONCE))
    })
}

/// Boots once, and gives how many calls were made.
fn boot(workspace: &Workspace, image: &Path, seed: u64, thousands: u64) -> Result<u64, Error> {
    let case = Case {
        name: "random calls",
        arguments: format!("init=bin/random -- {seed} {thousands}").into(),
        expected: &[
            "random: ",
            " calls by 4 programs at once",
            " records are safe",
            cases::NOTHING_LEFT,
        ],
        forbidden: &["panic", "fault", "FAILED"],
        status: 0,
    };
    let patience = Duration::from_secs(60 + thousands);
    let disk = disk::blank(workspace, "random.disk", DISK_BYTES + thousands * 1000 * LOGGED)?;
    // On a busy machine programs that are waited for by the clock would be ended before they come
    // to anything; and what was found with a seed is found with it again.
    let pace = Some(PACE);
    let machine = Machine { patience, pace, disk: Some(&disk), ..Machine::new(&case.arguments) };
    let outcome = machine.boot(workspace, image)?;
    match cases::difference(&case, &outcome.output, outcome.status) {
        None => {
            let line = outcome.output.lines().find_map(|line| line.strip_prefix("random: "));
            let calls = line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0);
            println!("   ok      EL1  random: {}", line.unwrap_or_default());
            super::record(workspace, &disk, None)?;
            disk::remove(&disk)?;
            Ok(calls)
        }
        Some(what) => {
            Err(Error::new(format!("random calls, seed {seed}: {what}\n{}", outcome.output)))
        }
    }
}

/// The seed and the number of thousands that this run of the checks is to have.
pub(super) fn asked() -> Result<(u64, u64), Error> {
    let number = |name: &str, usual: u64| match std::env::var(name) {
        Ok(word) => super::number(&word),
        Err(_) => Ok(usual),
    };
    Ok((number("LUPERIQ_SEED", 1)?, number("LUPERIQ_THOUSANDS", THOUSANDS)?))
}

/// Eight nanoseconds an instruction: about as fast as the emulator is.
const PACE: u8 = 3;

/// Files, and what a record of no length takes.
const DISK_BYTES: u64 = 64 << 20;

/// More than what a call leaves in the record, which has half of the disk. What is not written
/// takes no room.
const LOGGED: u64 = 400;

/// In one boot; its disk has two gigabytes then, most of which nothing is written to.
const THOUSANDS_AT_ONCE: u64 = 5_000;

/// More than a million: what a run counts is what its programs told.
const THOUSANDS: u64 = 1_001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_calls_are_made_in_several_boots() {
        assert_eq!(boots(7, 1_001).collect::<Vec<_>>(), [(7, 1_001)]);
        assert_eq!(boots(7, 5_000).collect::<Vec<_>>(), [(7, 5_000)]);
        assert_eq!(boots(7, 12_000).collect::<Vec<_>>(), [(7, 5_000), (8, 5_000), (9, 2_000)]);
        assert_eq!(boots(7, 0).count(), 0);
        assert_eq!(boots(u64::MAX, 6_000).map(|(seed, _)| seed).collect::<Vec<_>>(), [u64::MAX, 0]);
    }
}
