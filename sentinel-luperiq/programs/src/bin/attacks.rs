//! Starts every attempt in a process of its own, and says how it went.
//!
//! It is the machine's first process, or gets what that would: the root job, the store, the
//! console, a clock, random bytes, the record. With names as arguments it tries only those.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_programs::attack::{self, Attack, DENIALS_MAX, GIVEN};
use luperiq_programs::record;
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::{FOREVER, open};
use luperiq_runtime::abi::limits::{PAGE_BYTES, PRIORITY_START, TRANSFER_BYTES_MAX};
use luperiq_runtime::abi::settings::{Limit, Setting};
use luperiq_runtime::abi::wire::ProcessInfo;
use luperiq_runtime::abi::{Call, Error, Rights};
use luperiq_runtime::call::{Result, output, plain};
use luperiq_runtime::handle::{
    AuditReader, Clock, Console, Directory, Event, File, Job, Owned, Process,
};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nothing to attack.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

/// What the first process has.
struct Machine {
    root: Job,
    store: Directory,
    console: Console,
    clock: Clock,
    reader: AuditReader,
    foreign: Owned,
}

fn run(start: Start) -> i32 {
    let names = start.arguments.clone();
    let Some(mut machine) = Machine::of(start) else { return 1 };
    let (mut tried, mut stopped) = (0, 0);
    let is_wanted =
        |attack: &&Attack| names.is_empty() || names.iter().any(|name| name == attack.name);
    for attack in attack::all().filter(is_wanted) {
        tried += 1;
        let line = match machine.attempt(attack) {
            Ok(()) => {
                stopped += 1;
                format!("attack {}: {:?}, recorded\n", attack.name, attack.refused)
            }
            Err(what) => format!("attack {}: FAILED: {what}\n", attack.name),
        };
        let _ = machine.console.write_str(&line);
    }
    let line = format!("attacks: {stopped} of {tried} refused and recorded\n");
    let _ = machine.console.write_str(&line);
    let code = u64::from(tried == 0 || stopped != tried);
    let _ = machine.root.halt(code);
    1
}

impl Machine {
    fn of(mut start: Start) -> Option<Self> {
        let mut take = |place| start.take(place);
        let (root, store, console) = (take(0)?, take(1)?, take(2)?);
        let (clock, reader) = (take(3)?, take(5)?);
        // Its number is beyond those that an attempt has by itself.
        let mut events: Vec<Owned> = Vec::new();
        for _ in 0..32 {
            events.push(Owned::of(plain(Call::EventCreate, [0; 6]).ok()?.0)?);
        }
        let foreign = events.pop()?;
        Some(Self {
            root: Job(root),
            store: Directory(store),
            console: Console(console),
            clock: Clock(clock),
            reader: AuditReader(reader),
            foreign,
        })
    }

    /// Lets one thing be tried, and compares how it ended and what was recorded.
    fn attempt(&mut self, attack: &Attack) -> core::result::Result<(), String> {
        let head = self.reader.head().map_err(|error| format!("no head: {error}"))?;
        let (process, code) = self.started(attack).map_err(|error| format!("{error}"))?;
        if code != attack.code() {
            return Err(format!("it ended with {code}, not {}", attack.code()));
        }
        let (call, refused) = (attack.call, u64::from(attack.refused.number()));
        let mut next = head.records_count;
        let mut frames = alloc::vec![0; TRANSFER_BYTES_MAX];
        loop {
            match self.reader.read(next, &mut frames) {
                Ok((count, after)) => {
                    let rows = record::uses(frames.get(..count).unwrap_or_default());
                    let is_it = |row: &record::UseRow| {
                        row.process == process && row.call == call && row.refused == refused
                    };
                    if rows.iter().any(is_it) {
                        return Ok(());
                    }
                    // Reading is recorded too; what was tried stands before the first of these.
                    if rows.iter().any(|row| row.call == u64::from(Call::AuditRead.number())) {
                        return Err("it is not in the record".into());
                    }
                    next = after;
                }
                Err(error) => return Err(format!("the record cannot be read: {error}")),
            }
        }
    }

    /// Starts an attempt and waits for its end: its number, and what it said.
    fn started(&self, attack: &Attack) -> Result<(u64, i32)> {
        let job = self.root.create(attack.name)?;
        job.set(&[
            Setting::Bound(Limit::Memory, 8 << 20),
            Setting::Bound(Limit::Processes, 4),
            Setting::Bound(Limit::Jobs, 16),
            Setting::Bound(Limit::Handles, 512),
            Setting::Bound(Limit::Objects, 256),
            Setting::Bound(Limit::Threads, 8),
            Setting::Bound(Limit::Priority, PRIORITY_START),
            Setting::Bound(Limit::Denials, DENIALS_MAX),
            Setting::FileRights(Rights::READ.with(Rights::LIST).with(Rights::EXECUTE)),
            Setting::FileTree(b"bin"),
            Setting::Program(b"bin/attack"),
            Setting::Endpoint(luperiq_runtime::abi::settings::Protocol::Tcp, 0, b""),
            Setting::MisuseAnswered(false),
        ])?;
        let program = self.store.open("bin/attack", open::EXECUTE)?;
        let foreign = format!("{}", self.foreign.number());
        let given = self.given(&job)?;
        let spawned = job.spawn(&program, attack.name, &[attack.name, &foreign], given);
        let (process, _channel) = spawned.map_err(|(error, _)| error)?;
        let number = self.number_of(&process)?;
        let code = process.wait_end(self.deadline()?)?;
        job.kill()?;
        Ok((number, code))
    }

    /// What an attempt is given, in the order of `attack::Given`.
    fn given(&self, job: &Job) -> Result<Vec<Owned>> {
        let bin = self.store.open("bin", open::DIRECTORY)?;
        let program: File = self.store.open("bin/attack", open::EXECUTE)?;
        let memory = plain(Call::MemoryCreate, [PAGE_BYTES, 0, 0, 0, 0, 0])?.0;
        let memory = Owned::of(memory).ok_or(Error::BadHandle)?;
        let event = Owned::of(plain(Call::EventCreate, [0; 6])?.0).ok_or(Error::BadHandle)?;
        let event = Event(event);
        let handles = [
            &*self.console,
            &*bin,
            &*self.store,
            &**job,
            &*self.clock,
            &memory,
            &*program,
            &*self.reader,
            &*event,
        ];
        let given =
            |(handle, rights): (&Owned, Rights)| handle.duplicate(rights.with(Rights::TRANSFER));
        handles.into_iter().zip(GIVEN).map(given).collect()
    }

    fn number_of(&self, process: &Process) -> Result<u64> {
        let mut bytes = [0; ProcessInfo::BYTES];
        let [at, room] = output(&mut bytes);
        plain(Call::ProcessInfo, [process.number(), at, room, 0, 0, 0])?;
        Ok(ProcessInfo::decode(&bytes).ok_or(Error::TooLong)?.process)
    }

    /// Ten seconds from now: an attempt that hangs is one that was not refused.
    fn deadline(&self) -> Result<u64> {
        Ok(self.clock.now()?.0.saturating_add(10_000_000_000).min(FOREVER - 1))
    }
}
