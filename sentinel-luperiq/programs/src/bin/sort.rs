//! The command `sort`: see [`luperiq_programs::commands`].
#![cfg_attr(target_os = "none", no_std, no_main)]

use luperiq_programs::commands;
use luperiq_runtime::Start;

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine nobody gives it files.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(start: Start) -> i32 {
    commands::run(start, commands::sort)
}
