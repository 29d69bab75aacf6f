//! How long it takes until something can be seen.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::Home;
use crate::table::{Row, quantile};
use crate::telegram::Telegram;
use crate::{BENEATH, one_platform};

/// `--version`, from before it is started until it has ended.
pub(crate) fn version(binary: &Path) -> io::Result<Vec<Row>> {
    let mut times = timed(binary, &["--version"])?;
    let mut least = timed(Path::new("/bin/true"), &[])?;
    Ok(vec![
        Row::at_most("sentinel --version, median", quantile(&mut times, 0.5), 0.7, "ms", "0.7 ms"),
        Row::note(
            "  /bin/true, measured in the same way",
            format!("{:.2} ms", quantile(&mut least, 0.5)),
        ),
    ])
}

fn timed(program: &Path, arguments: &[&str]) -> io::Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..STARTS_COUNT {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let status = command.status()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if !status.success() {
            return Err(io::Error::other(format!("{} {arguments:?} failed", program.display())));
        }
    }
    Ok(times)
}

/// From before it is started until Telegram is asked for updates: with a log that has begun.
pub(crate) fn first_poll(binary: &Path) -> io::Result<Vec<Row>> {
    let (telegram, _posted) = Telegram::start(None)?;
    let (config, variables) = one_platform(&telegram, "[\"77\"]");
    let home = Home::new(Path::new(BENEATH), binary, &config, variables)?;
    let mut times = Vec::new();
    for round in 0..POLLS_COUNT {
        let seen = telegram.polls().len();
        let agent = home.start()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while telegram.polls().len() == seen {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("it does not poll: {}", home.said())));
            }
            thread::sleep(Duration::from_micros(200));
        }
        let polls = telegram.polls();
        let first = polls.get(seen).copied().unwrap_or(agent.started);
        // The first of all makes the log.
        if round > 0 {
            times.push((first - agent.started).as_secs_f64() * 1e3);
        }
        agent.end()?;
    }
    let median = quantile(&mut times, 0.5);
    Ok(vec![Row::at_most("start to first poll, median", median, 10.0, "ms", "10 ms")])
}

const STARTS_COUNT: usize = 400;
const POLLS_COUNT: usize = 41;
