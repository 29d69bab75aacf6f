//! `cargo xtask luperiq figures`: what the kernel costs, in instructions.
//!
//! The emulator counts: one instruction is one nanosecond, so the time that the kernel prints is
//! the number of instructions since the machine was switched on. Runs differ by what the random
//! seed decides, and by nothing else.
//! What a call costs is how much longer ten thousand of them take than a program that ends at once,
//! the program's own loop (three to nine instructions a call) included.

use std::path::Path;

use super::image;
use super::qemu::Machine;
use crate::error::Error;
use crate::workspace::Workspace;

/// Boots once for each figure and prints them with their goals.
pub(super) fn run(workspace: &Workspace, image: &Path, kernel: &Path) -> Result<(), Error> {
    let exit = boot(workspace, image, "exit")?;
    println!("{:<52} {:>10} {:>10}", "instructions", "measured", "goal");
    let row = |what: &str, measured: f64, goal: &str| {
        println!("{what:<52} {measured:>10.0} {goal:>10}");
    };
    row("from power on to the first program", moment(&exit, STARTS)? * 1000.0, "3000000");
    for (program, what, calls, goal) in BENCHES {
        let output = boot(workspace, image, program)?;
        // What lies before the program's start differs with the random seed.
        let span = |output| Ok::<_, Error>(moment(output, ENDS)? - moment(output, STARTS)?);
        let micros = span(&output)? - span(&exit)?;
        row(what, micros * 1000.0 / (ROUNDS * calls), goal);
    }
    let bytes = std::fs::read(kernel).map_err(|cause| Error::file("read", kernel, &cause))?;
    let bytes = image::constant_bytes(&bytes)
        .ok_or_else(|| Error::new(format!("{} is no kernel", kernel.display())))?;
    println!("{:<52} {:>10} {:>10}", "bytes", "measured", "goal");
    row("text and constants", bytes as f64, "262144");
    Ok(())
}

/// What of that is left when the kernel's words stay in its file.
pub(super) fn of_frames(bytes: usize) {
    println!("{:<52} {bytes:>10}", "text and constants, with what it says in frames");
}

fn boot(workspace: &Workspace, image: &Path, program: &str) -> Result<String, Error> {
    let arguments = format!("init=probe/{program}");
    let machine = Machine { pace: Some(0), ..Machine::new(&arguments) };
    let outcome = machine.boot(workspace, image)?;
    match outcome.status {
        Some(0) => Ok(outcome.output),
        _ => Err(Error::new(format!("`{program}` did not end well:\n{}", outcome.output))),
    }
}

/// The microseconds at which the kernel said this.
fn moment(output: &str, what: &str) -> Result<f64, Error> {
    let line = output.lines().find(|line| line.contains(what));
    let time = line.and_then(|line| line.strip_prefix('[')?.split(']').next()?.trim().parse().ok());
    let seconds: f64 = time.ok_or_else(|| Error::new(format!("no `{what}` in:\n{output}")))?;
    Ok(seconds * 1e6)
}

const BENCHES: [(&str, &str, f64, &str); 4] = [
    ("bench-null", "a call that does nothing", 1.0, "120"),
    ("bench-info", "a use of a handle that is not recorded", 1.0, ""),
    ("bench-use", "a use of a handle, recorded, on average", 2.0, "1500"),
    ("bench-channel", "a message with a handle, there and back", 1.0, "4000"),
];

const ROUNDS: f64 = 10_000.0;
const STARTS: &str = "` starts";
const ENDS: &str = "audit: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_from_its_line() {
        let output = "x\n[  0.010573] LuperIQ\n[ 12.130165] audit: 7 records\n";
        assert_eq!(moment(output, ENDS).unwrap(), 12_130_165.0);
        assert!(moment(output, STARTS).is_err());
    }
}
