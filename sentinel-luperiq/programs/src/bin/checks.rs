//! Asks init for what it may have and for what it may not, and says whether it went so.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use core::fmt::Write as _;

use luperiq_runtime::Start;
use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::call::FOREVER;
use luperiq_runtime::handle::{Console, File, request};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nobody to ask.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let Some(console) = start.take(0) else { return 1 };
    let mut console = Console(console);
    let granted = request("FILE_READ:boot.toml", FOREVER)
        .and_then(|file| File(file).read_all(64 * 1024))
        .is_ok_and(|text| text.starts_with(b"# What init starts"));
    let refused = ["FILE_READ:bin/init", "FILE_WRITE:boot.toml", "FILE_READ:boot/../bin/init"]
        .map(|what| request(what, FOREVER).err());
    let is_well = granted && refused == [Some(Error::PeerClosed); 3];
    let text = if is_well { "as it should" } else { "NOT as it should" };
    let said = writeln!(console, "checks: what was asked for went {text}");
    i32::from(!is_well || said.is_err())
}
