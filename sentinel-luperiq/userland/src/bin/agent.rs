//! The agent. It is given, in this order: the console, the clock, random bytes, the directory of
//! its configuration, and its own directory; and, if it may ask services, the end of a line at
//! which that is asked for, if it may run programs, its job, and if there are skills, the directory
//! of theirs. It holds nothing else but what is lent to it while a grant holds. Its arguments are
//! the hosts whose pages it may fetch ([`luperiq_userland::pages`]), as `bin/tls` has them.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::Start;
use luperiq_runtime::abi::Kind;
use luperiq_runtime::abi::call::open;
use luperiq_runtime::call::note;
use luperiq_runtime::handle::{Channel, Clock, Console, Directory, Entropy, Job};
use luperiq_userland::agent::Agent;
use luperiq_userland::folder::Held;
use luperiq_userland::machine::{Handles, Machine as _};
use luperiq_userland::skills::shelf;
use luperiq_userland::{pages, settings};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nobody to talk with.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let mut take = |place| start.take(place);
    let (Some(console), Some(clock), Some(entropy)) = (take(0), take(1), take(2)) else {
        return UNLIKE_ITS_MANIFEST;
    };
    let (Some(configuration), Some(state)) = (take(3), take(4)) else {
        return UNLIKE_ITS_MANIFEST;
    };
    let mut machine = Handles {
        console: Console(console),
        clock: Clock(clock),
        entropy: Entropy(entropy),
        services: None,
        job: None,
    };
    let mut skills = None;
    for handle in [take(5), take(6), take(7)].into_iter().flatten() {
        let kind = handle.info().map(|info| info.kind);
        match kind {
            Ok(kind) if kind == u32::from(Kind::Channel.number()) => {
                machine.services = Some(Channel(handle));
            }
            Ok(kind) if kind == u32::from(Kind::Job.number()) => machine.job = Some(Job(handle)),
            Ok(kind) if kind == u32::from(Kind::Directory.number()) => {
                skills = Some(Held::new(Directory(handle)));
            }
            _ => return UNLIKE_ITS_MANIFEST,
        }
    }
    let pages: Result<Vec<_>, String> =
        start.arguments.iter().map(|word| pages::service(word)).collect();
    let pages = match pages {
        Ok(pages) if pages.is_empty() || machine.services.is_some() => pages,
        Ok(_) => return failed(&mut machine, "boot.toml names pages, and nobody to fetch them"),
        Err(what) => return failed(&mut machine, &what),
    };
    let skills = match skills.map(|skills| shelf::shelves(&mut machine, &skills)).transpose() {
        Ok(skills) => skills,
        Err(error) => return failed(&mut machine, &format!("the skills cannot be read: {error}")),
    };
    let abilities = settings::Abilities {
        has_services: machine.services.is_some(),
        runs_programs: machine.job.is_some(),
        pages,
        skills,
    };
    let configuration = Directory(configuration);
    let state = Held::new(Directory(state));
    let configured = match configured(&configuration, &abilities) {
        Ok(configured) => configured,
        Err(what) => return failed(&mut machine, &what),
    };
    // What was read is not looked at again.
    drop(configuration);
    let agent = Agent::start(&mut machine, state, &configured);
    match agent.and_then(|mut agent| agent.work()) {
        Ok(()) => 0,
        Err(error) => failed(&mut machine, &format!("{error}")),
    }
}

fn configured(
    directory: &Directory,
    abilities: &settings::Abilities,
) -> Result<settings::Configured, String> {
    let read = |error| format!("{FILE}: {error}");
    let text = directory.open(FILE, open::READ).and_then(|file| file.read_all(FILE_BYTES_MAX));
    let text = String::from_utf8(text.map_err(read)?).map_err(|_| format!("{FILE}: no text"))?;
    settings::read(&text, abilities).map_err(|said| said.join("\n"))
}

/// Says why it ends, on the console and in the kernel's record.
fn failed(machine: &mut Handles, what: &str) -> i32 {
    let line = what.replace('\n', "\r\n");
    // Where it cannot be said the code says that something was wrong.
    let _ = machine.write(format!("agent: {line}\r\n").as_bytes());
    let first = what.lines().next().unwrap_or_default();
    let _ = note(first.get(..first.floor_char_boundary(NOTE_BYTES)).unwrap_or_default());
    FAILED
}

const FILE: &str = "sentinel.toml";

/// Far more than a person writes.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// What fits into a sentence of the kernel's record.
const NOTE_BYTES: usize = 200;

/// It was not given what it needs.
const UNLIKE_ITS_MANIFEST: i32 = 2;
const FAILED: i32 = 1;
