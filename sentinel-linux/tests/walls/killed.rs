//! The process that starts programs is killed, while it starts one.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::agent::{House, as_everybody, children};

/// Whenever that is, nothing is left of what it began, and the call has an answer. What it began is
/// stopped at that moment, so that whatever it was about to ask the kernel for it asks too late.
#[test]
fn a_spawner_that_is_killed_while_it_starts_one_leaves_nothing() {
    as_everybody("killed", |house| {
        for round in 0..ROUNDS_COUNT {
            let mut agent = house.agent(&["run /usr/bin/sleep any paths"], &[]);
            let spawner = agent.spawner();
            agent.begin("/usr/bin/sleep", &["86399"]);
            agent.answer();
            while children(spawner).is_empty() {
                std::hint::spin_loop();
            }
            std::thread::sleep(Duration::from_micros(u64::from(round) * STEP_MICROSECONDS));
            // For root there is one before it that only maps an owner, and ends.
            let begun = children(spawner).last().copied().map(process);
            let spawner = process(spawner);
            begun.map(|it| kill_process(it, Signal::STOP));
            kill_process(spawner, Signal::KILL).unwrap();
            // Until that is so: what follows is to find nobody.
            while !is_over(spawner) {
                std::thread::sleep(Duration::from_micros(100));
            }
            begun.map(|it| kill_process(it, Signal::CONT));
            let (_, said, is_error) = agent.end();
            assert!(is_error && said.contains("killed"), "round {round}: {said}");
            drop(agent);
            let end = Instant::now() + Duration::from_secs(60);
            while let Some(left) = left(house) {
                assert!(Instant::now() < end, "round {round}: {left} is left");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
}

/// A process that is a copy of the program of this house, if one can be seen to be.
fn left(house: &House) -> Option<String> {
    let program = house.place.join("sentinel");
    let is_it =
        |place: &std::path::Path| fs::read_link(place.join("exe")).is_ok_and(|it| it == program);
    let mut places = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let left = places.find(|place| is_it(place))?;
    Some(format!(
        "{}: {}",
        left.display(),
        fs::read_to_string(left.join("stat")).unwrap_or_default()
    ))
}

/// Whether a process runs no more: nobody but its parent makes it be forgotten.
fn is_over(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid()));
    stat.is_ok_and(|stat| stat.contains(") Z "))
        || fs::metadata(format!("/proc/{}", process.as_raw_pid())).is_err()
}

fn process(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap()).unwrap()
}

const ROUNDS_COUNT: u32 = 40;
const STEP_MICROSECONDS: u64 = 150;
