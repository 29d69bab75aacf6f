//! Benchmarks of `sentinel-core`: one command, one table, every peer in the same run.
//!
//! A figure without its peer says more about the machine than about the code, so each row times all
//! contenders in turn, round after round, and compares them round by round. The corpora are
//! generated here from a fixed seed (see [`corpus`]): nothing is downloaded and nothing is
//! vendored.
//!
//! Run with `cargo xtask bench`; a word after it keeps the tables whose title contains the word.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark may stop at the first surprise")]

mod corpus;
#[path = "../tests/counting/mod.rs"]
mod counting;
mod json;
mod race;
mod sse;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    println!("{}", machine());
    for table in [json::parsing, json::reading_numbers, json::writing, sse::streaming] {
        table(&filter);
    }
}

/// What the figures were measured on, as far as the machine says it.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let target = option_env!("RUSTFLAGS").unwrap_or("default target features");
    format!("{model}, {cores} cores, {} {}, {target}", std::env::consts::ARCH, std::env::consts::OS)
}
