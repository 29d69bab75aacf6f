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

/// Ends them, also those that flee: nobody else has the sign, so nobody else is meant.
pub(super) fn end(sign: &str) {
    for _ in 0..ROUNDS {
        let living = living(sign);
        if living.is_empty() {
            return;
        }
        for process in living {
            let _ = rustix::process::kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

const ROUNDS: usize = 500;
