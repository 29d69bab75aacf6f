//! A command that does its worst, for tests: what it is told is what it tries.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::Start;
use luperiq_runtime::abi::call::FOREVER;
use luperiq_runtime::abi::{Call, Error};
use luperiq_runtime::call::raw;
use luperiq_runtime::command::Command;
use luperiq_runtime::handle::{Channel, request};
use luperiq_runtime::loan::Loan;

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nothing to try it on.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(start: Start) -> i32 {
    let Ok(mut command) = Command::of(start) else { return 125 };
    let words = core::mem::take(&mut command.words);
    match words.first().map(String::as_str) {
        // It waits for what never comes.
        Some("wait") => {
            let _ = Channel::pair().map(|(one, _other)| one.receive(FOREVER).map(drop));
            0
        }
        Some("spin") => loop {
            core::hint::spin_loop();
        },
        Some("flood") => loop {
            if command.say(&[b'x'; 4096]).is_err() {
                return 1;
            }
        },
        // What no correct program does: the kernel ends it.
        Some("misuse") => {
            let _ = raw(Call::Close, [0xfff_f123, 0, 0, 0, 0, 0]);
            0
        }
        Some("reach") => reach(&mut command, words.get(1..).unwrap_or_default()),
        _ => 2,
    }
}

/// Asks for what it was not given, and says what came of it.
fn reach(command: &mut Command, paths: &[String]) -> i32 {
    let mut is_refused = true;
    let mut said = |what: &str, error: Option<Error>| {
        is_refused &= error.is_some();
        let text = error.map_or("it is there", Error::text);
        let _ = command.say(format!("{what}: {text}\n").as_bytes());
    };
    for what in [
        "FILE_READ:disk=workspace:read",
        "FILE_WRITE:disk=workspace:write",
        "FILE_READ:disk=state:read",
    ] {
        said(what, Loan::ask(what, FOREVER).err());
    }
    for what in ["SPAWN:bin/wc", "NETWORK:example.com:443"] {
        said(what, request(what, FOREVER).err());
    }
    let found: Vec<_> = paths.iter().map(|path| command.read(path, 64).err()).collect();
    for (path, error) in paths.iter().zip(found) {
        is_refused &= error.is_some();
        let text = error.map_or("it is there", Error::text);
        let _ = command.say(format!("{path}: {text}\n").as_bytes());
    }
    let _ = command.flush();
    i32::from(!is_refused)
}
