//! The word counter of the examples, as its author wrote it, as a program of LuperIQ.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[path = "../../../../examples/skills/word-count/src/main.rs"]
mod word_count;

use luperiq_runtime::Start;

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine nobody talks with it.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(start: Start) -> i32 {
    luperiq_skills::run(start, &word_count::SKILL)
}
