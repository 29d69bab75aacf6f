//! A skill that does its worst, for tests: what it is told is what it tries.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use luperiq_runtime::Start;
use luperiq_runtime::abi::Call;
use luperiq_runtime::abi::call::FOREVER;
use luperiq_runtime::call::raw;
use luperiq_runtime::handle::{Channel, Owned, request};
use luperiq_runtime::loan::Loan;
use sentinel_skill_abi::{Failure, Host, String, output, parameters, skill};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nothing to try it on.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(start: Start) -> i32 {
    LINE.store(start.parent.number(), Ordering::Relaxed);
    HANDLES.store(start.handles.len() as u64, Ordering::Relaxed);
    luperiq_skills::run(start, &SKILL)
}

/// The line on which it talks, which its functions are not given.
static LINE: AtomicU64 = AtomicU64::new(0);

/// How many handles it was given besides that.
static HANDLES: AtomicU64 = AtomicU64::new(0);

parameters! {
    /// What is tried.
    struct Deed {
        /// It.
        deed: String<64>,
    }
}

output! {
    /// What came of it.
    struct Done {
        /// Handles that it was given besides its line.
        handles: u64,
        /// What it asked for and did not get.
        refused: u64,
        /// What it asked for and got.
        given: u64,
    }
}

fn act(deed: Deed, _: &mut Host<'_>) -> Result<Done, Failure> {
    let (mut refused, mut given) = (0, 0);
    match deed.deed.as_str() {
        // It waits for what never comes.
        "wait" => {
            let _ = Channel::pair().map(|(one, _other)| one.receive(FOREVER).map(drop));
        }
        "spin" => loop {
            core::hint::spin_loop();
        },
        "die" => luperiq_runtime::call::exit(3),
        // What no correct program does: the kernel ends it.
        "misuse" => {
            let _ = raw(Call::Close, [0xfff_f123, 0, 0, 0, 0, 0]);
        }
        "garbage" => say(b"what was that?\n", 1),
        "flood" => say(&[b'x'; 4096], u32::MAX),
        "nothing" => say(b"", u32::MAX),
        "memory" => {
            let mut all: Vec<Vec<u8>> = Vec::new();
            while let Some(room) = more() {
                all.push(room);
            }
            refused += 1;
        }
        "reach" => {
            let loans = [
                "FILE_READ:disk=workspace:read",
                "FILE_WRITE:disk=workspace:write",
                "FILE_READ:disk=state:read",
            ];
            let loans = loans.map(|what| Loan::ask(what, FOREVER).is_ok());
            let requests = ["SPAWN:bin/wc", "NETWORK:example.com:443", "FILE_READ:skills/"];
            let requests = requests.map(|what| request(what, FOREVER).is_ok());
            for is_given in loans.into_iter().chain(requests) {
                given += u64::from(is_given);
                refused += u64::from(!is_given);
            }
        }
        _ => return Err(Failure::new("that is nothing that it tries")),
    }
    Ok(Done { handles: HANDLES.load(Ordering::Relaxed), refused, given })
}

/// More room, while there is some.
fn more() -> Option<Vec<u8>> {
    let mut room = Vec::new();
    room.try_reserve_exact(1 << 20).ok()?;
    room.resize(1 << 20, 1);
    Some(room)
}

/// Says something over its line that no line of the contract is, so often.
fn say(bytes: &[u8], times: u32) {
    let Some(line) = Owned::of(LINE.load(Ordering::Relaxed)).map(Channel) else { return };
    for _ in 0..times {
        // Where there is no room it tries again at once.
        let _ = line.send(bytes, Vec::new());
    }
    line.0.give_away();
}

skill!("worst", "1.0", {
    /// Does its worst.
    act(Deed);
});
