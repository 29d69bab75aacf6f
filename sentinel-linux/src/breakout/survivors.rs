//! Processes that live on: found by the sign that stands on their command line, wherever they are.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// Those with this sign that are there now, but for dead ones nobody has waited for yet.
pub(super) fn living(sign: &str) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(|number: &i32| has_sign(*number, sign)).filter_map(Pid::from_raw).collect()
}

fn has_sign(number: i32, sign: &str) -> bool {
    // Of a dead process the line is empty.
    let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|word| word == sign.as_bytes())
}

/// The same, and who expects some looks again: one that flees may be between two processes.
pub(super) fn found(sign: &str, is_expected: bool) -> usize {
    for _ in 0..if is_expected { LOOKS } else { 0 } {
        match living(sign).len() {
            0 => std::thread::sleep(Duration::from_millis(10)),
            count => return count,
        }
    }
    living(sign).len()
}

/// Ends them, also those that flee: nobody else has the sign, so nobody else is meant.
pub(super) fn end(sign: &str) {
    let mut empty = 0;
    for _ in 0..ROUNDS {
        let living = living(sign);
        empty = if living.is_empty() { empty + 1 } else { 0 };
        if empty == EMPTY_ROUNDS {
            return;
        }
        for process in living {
            let _ = rustix::process::kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

const LOOKS: usize = 60;
const ROUNDS: usize = 500;
/// One that flees is not seen at once, and is at rest in the end.
const EMPTY_ROUNDS: usize = 5;
