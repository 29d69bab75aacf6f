//! What the `sentinel` program takes, in one table: size, start, memory, speed, wake-ups.
//!
//! The real program runs, on the first core of this machine, against a Telegram, a Discord, a Slack
//! and a model of our own on loopback. Goals stand here, and missing one fails the run.
//!
//! Run with `cargo xtask figures`; words after it keep the measurements of these names.
//!
//! # Not here
//! What the core takes by itself: `cargo xtask bench`.

mod agent;
mod authority;
mod egress;
mod http;
mod memory;
mod model;
mod module;
mod sandbox;
mod size;
mod skill;
mod sockets;
mod start;
mod stream;
mod table;
mod telegram;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use table::Row;
use telegram::Telegram;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(binary) = arguments.next().map(PathBuf::from) else {
        eprintln!("sentinel-figures PROGRAM [MEASUREMENT...]: see `cargo xtask figures`");
        return ExitCode::FAILURE;
    };
    let wanted: Vec<String> = arguments.collect();
    if binary.as_os_str() == egress::CLIENT {
        return match egress::client(&wanted) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(word) = wanted.iter().find(|word| MEASUREMENTS.iter().all(|it| it.0 != **word)) {
        let names: Vec<&str> = MEASUREMENTS.iter().map(|measurement| measurement.0).collect();
        eprintln!("there is no measurement `{word}`, but: {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut rows = Vec::new();
    // One that does nothing disturbs nobody, and takes longest to look at.
    let idle = binary.clone();
    let mut idle = is_wanted(WAKES).then(|| thread::spawn(move || memory::wakes(&idle)));
    for (name, measure) in MEASUREMENTS.iter().filter(|measurement| is_wanted(measurement.0)) {
        eprintln!("measuring: {name}");
        let outcome = match idle.take_if(|_| *name == WAKES) {
            None => measure(&binary),
            Some(thread) => thread.join().unwrap_or_else(|_| measure(&binary)),
        };
        match outcome {
            Ok(some) => rows.extend(some),
            Err(error) => {
                eprintln!("{name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{}", machine());
    match table::print(&rows) {
        true => ExitCode::SUCCESS,
        false => {
            println!("\na goal was missed");
            ExitCode::FAILURE
        }
    }
}

type Measure = fn(&Path) -> io::Result<Vec<Row>>;

const MEASUREMENTS: &[(&str, Measure)] = &[
    ("size", size::size),
    ("version", start::version),
    ("start", start::first_poll),
    ("sandbox", sandbox::sandbox),
    ("skill", skill::skill),
    ("memory", memory::idle),
    ("conversations", memory::conversations),
    ("latency", stream::latency),
    ("throughput", stream::throughput),
    ("egress", egress::egress),
    (WAKES, memory::wakes),
];
const WAKES: &str = "wakes";

/// A configuration with Telegram for these people, and the variables that go with it.
fn one_platform(telegram: &Telegram, people: &str) -> (String, Vec<(&'static str, String)>) {
    let config = format!(
        "[security]\ngrants = [\"read,list {}\"]\n[telegram]\noperators = [\"77\"]\n\
         allowed_users = {people}\nbase_url = \"{}\"\n",
        "/usr/share",
        plain(telegram.port)
    );
    (config, vec![("TELEGRAM_BOT_TOKEN", "12:secret".into())])
}

/// Where a server of ours is.
fn plain(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What the figures were measured on, as far as the machine says it.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model.trim());
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_string();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("\n{model}, {cores} cores, Linux {}, load {load}", kernel.trim())
}

/// Where the program keeps its log while it is measured: on a disk, as it would.
const BENEATH: &str = "/var/tmp";
