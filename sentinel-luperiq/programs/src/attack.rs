//! What programs try that they may not, one thing each.
//!
//! Each attempt is a process of its own, in a job of its own, with the same few handles. It tries
//! one thing and ends with what it was told: the number of the error, or [`NOT_STOPPED`]. Whoever
//! started it compares that, and looks for the attempt in the record.
//!
//! # Not here
//! What the processor itself refuses: `luperiq-probes`.

mod calls;
mod handles;
mod jobs;
mod memory;
mod paths;
mod ports;

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::Start;
use luperiq_runtime::abi::reply::Answer;
use luperiq_runtime::abi::{Call, Error, Rights};
use luperiq_runtime::call::raw;
use luperiq_runtime::handle::Channel;

/// One thing that a program tries.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// What is tried, as a sentence.
    pub text: &'static str,
    /// Which call is refused.
    pub call: u64,
    /// Why. Misuse ends the process.
    pub refused: Error,
    attempt: fn(&Held) -> Answer,
}

/// What an attempt has.
#[derive(Debug)]
pub struct Held {
    /// Its channel to whoever started it.
    pub parent: Channel,
    given: Vec<u64>,
    /// A number that is a handle of another process and none of its own.
    pub foreign: u64,
}

/// In which order the handles are given.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub enum Given {
    /// To write to and to duplicate.
    Console = 0,
    /// The directory `bin`, to list, read and run what is in it.
    Bin = 1,
    /// The store, which was given by mistake: its job may open `bin` only.
    Store = 2,
    /// Its own job, to make processes and jobs in.
    Job = 3,
    /// To read, and nothing else.
    Clock = 4,
    /// A page of memory to read and to duplicate.
    Memory = 5,
    /// The program `bin/attack`, to run.
    Program = 6,
    /// The record, to read.
    Reader = 7,
    /// An event to give away, to duplicate, to wait for.
    Event = 8,
}

/// With which rights, in that order. Whatever is given has to be given with the right to be
/// transferred; before it tries anything an attempt lets go of that.
pub const GIVEN: [Rights; 9] = [
    Rights::WRITE.with(Rights::DUPLICATE),
    LISTED.with(Rights::DUPLICATE).with(Rights::INSPECT),
    LISTED,
    Rights::CREATE.with(Rights::INSPECT).with(Rights::DUPLICATE),
    Rights::READ,
    Rights::READ.with(Rights::DUPLICATE),
    Rights::EXECUTE,
    Rights::READ.with(Rights::DUPLICATE),
    Rights::DUPLICATE.with(Rights::WAIT).with(Rights::TRANSFER),
];

const LISTED: Rights = Rights::READ.with(Rights::LIST).with(Rights::EXECUTE);

/// What an attempt that nobody stopped says.
pub const NOT_STOPPED: i32 = 99;

/// What a process is said to have said that the kernel ended.
pub const ENDED_BY_KERNEL: i32 = -2;

/// How many refusals the job of an attempt may have.
pub const DENIALS_MAX: u64 = 64;

/// Every attempt.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [
        handles::ATTACKS,
        jobs::ATTACKS,
        paths::ATTACKS,
        memory::ATTACKS,
        ports::ATTACKS,
        calls::ATTACKS,
        calls::UNKNOWN,
    ]
    .into_iter()
    .flatten()
}

/// Tries the thing that the first argument names; the second is the foreign handle.
#[must_use]
pub fn attempt(start: Start) -> i32 {
    let name = start.arguments.first().map_or("", String::as_str);
    let foreign = start.arguments.get(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    // A process that an attempt started, which has nothing to do.
    let Some(attack) = all().find(|attack| attack.name == name) else { return 0 };
    let given = start.handles.into_iter().flatten().zip(GIVEN);
    let given = given.map(|(mut handle, rights)| {
        // Should that fail, the attempt goes otherwise than it should.
        let _ = handle.narrow(rights);
        handle.give_away().into()
    });
    let given = given.collect();
    let held = Held { parent: start.parent, given, foreign };
    match (attack.attempt)(&held) {
        Ok(_) => NOT_STOPPED,
        Err((error, _)) => error.number().into(),
    }
}

impl Attack {
    /// What the attempt has to end with.
    #[must_use]
    pub const fn code(&self) -> i32 {
        // The last of too many refusals ends a process as well.
        let is_ended = self.refused.is_misuse() || self.ends_by_count();
        if is_ended { ENDED_BY_KERNEL } else { self.refused.number() as i32 }
    }

    const fn ends_by_count(&self) -> bool {
        matches!(self.name.as_bytes(), b"too-many-refusals")
    }
}

impl Held {
    pub(crate) fn handle(&self, place: Given) -> u64 {
        self.given.get(place as usize).copied().unwrap_or(0)
    }
}

/// A call with the registers that matter.
pub(crate) fn call<const N: usize>(call: Call, registers: [u64; N]) -> Answer {
    let mut all = [0; 6];
    for (slot, register) in all.iter_mut().zip(registers) {
        *slot = register;
    }
    raw(call, all)
}

/// Does something until it is refused, so often at most.
pub(crate) fn until_refused(count: usize, mut action: impl FnMut() -> Answer) -> Answer {
    for _ in 0..count {
        action()?;
    }
    Ok((0, 0))
}

macro_rules! attacks {
    ($($name:literal $call:ident $refused:ident $text:literal $attempt:expr;)*) => {
        pub(super) const ATTACKS: &[super::Attack] = &[$(super::Attack {
            name: $name,
            text: $text,
            call: {
                use luperiq_runtime::abi::{Call, call::TABLE};
                TABLE[Call::$call as usize].number as u64
            },
            refused: luperiq_runtime::abi::Error::$refused,
            attempt: $attempt,
        }),*];
    };
}
pub(crate) use attacks;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_has_a_name_of_its_own_and_says_what_it_tries() {
        let mut names: Vec<&str> = all().map(|attack| attack.name).collect();
        assert!(names.len() >= 60, "{}", names.len());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().count());
        assert!(all().all(|attack| attack.text.ends_with('.') && attack.name.len() < 40));
    }

    /// `SENTINEL_WRITE=1` writes the table.
    #[test]
    fn the_document_lists_every_attempt() {
        use std::fmt::Write as _;

        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/LUPERIQ-ATTACKS.md");
        let document = std::fs::read_to_string(path).unwrap();
        let (head, rows) = document.split_once("|---|---|---|---|---|\n").unwrap();
        let mut table = String::new();
        for attack in all() {
            let row = Call::row_of(attack.call);
            let call = row.map_or("none", |row| row.name);
            let Attack { name, text, refused, .. } = attack;
            let is_ended = attack.code() == ENDED_BY_KERNEL;
            let end = if is_ended { "ended" } else { "goes on" };
            writeln!(table, "| {name} | {text} | {call} | {} | {end} |", refused.name()).unwrap();
        }
        if std::env::var_os("SENTINEL_WRITE").is_some() {
            let written = std::format!("{head}|---|---|---|---|---|\n{table}");
            std::fs::write(path, written).unwrap();
        } else {
            assert_eq!(rows, table, "SENTINEL_WRITE=1 cargo test -p luperiq-programs writes it");
        }
    }
}
