//! Random calls with random arguments, by several programs at once.
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

/// Boots once and lets programs make so many thousand calls.
pub(super) fn run(
    workspace: &Workspace,
    image: &Path,
    seed: u64,
    thousands: u64,
) -> Result<(), Error> {
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
            let line = outcome.output.lines().find(|line| line.starts_with("random: "));
            println!("   ok      EL1  {}", line.unwrap_or_default());
            super::record(workspace, &disk, None)?;
            disk::remove(&disk)
        }
        Some(what) => Err(Error::new(format!("random calls: {what}\n{}", outcome.output))),
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

/// More than a million: what a run counts is what its programs told.
const THOUSANDS: u64 = 1_001;
