//! Benchmarks of `sentinel-core`: one command, one table, every peer in the same run.
//!
//! A figure without its peer says more about the machine than about the code, so each row times all
//! contenders in turn, round after round, and compares them round by round. The corpora are
//! generated here from a fixed seed (see [`corpus`]): nothing is downloaded and nothing is
//! vendored.
//!
//! Where a figure was promised it stands as a goal, and missing one fails the run.
//!
//! Run with `cargo xtask bench`; a word after it keeps the tables whose title contains the word.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark may stop at the first surprise")]

use std::process::ExitCode;

mod capability;
#[path = "../tests/capability_cases/mod.rs"]
mod capability_cases;
mod corpus;
#[path = "../tests/counting/mod.rs"]
mod counting;
mod growth;
mod journal;
mod json;
mod label;
#[path = "../tests/label_cases/mod.rs"]
mod label_cases;
mod llm;
mod race;
mod runtime;
mod sse;
mod wire;

fn main() -> ExitCode {
    let filter = std::env::args().nth(1).unwrap_or_default();
    println!("{}", machine());
    let tables = [
        json::parsing,
        json::reading_numbers,
        json::writing,
        sse::streaming,
        llm::tokens,
        capability::deciding,
        label::deciding,
        journal::appending,
        journal::verifying,
        runtime::streaming,
        runtime::idling,
        wire::frames,
        wire::names,
        growth::growing,
    ];
    let reached = tables.map(|table| table(&filter));
    if reached.contains(&false) {
        println!("\na goal was missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
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
