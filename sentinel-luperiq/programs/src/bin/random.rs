//! Lets several programs make random calls at once, and says how many there were.
//!
//! It is the machine's first process. Its arguments are a seed and how many thousand calls; both
//! are printed, so that what was found can be found again. Started by one of those programs it is
//! one more of them, for a few calls.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_programs::random::{Caller, Dice, is_absurd};
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::open;
use luperiq_runtime::abi::limits::{PAGE_BYTES, PRIORITY_START};
use luperiq_runtime::abi::settings::{Limit, Setting};
use luperiq_runtime::abi::{Call, Error, Rights, Signals};
use luperiq_runtime::call::{Result, number, plain, raw};
use luperiq_runtime::handle::{
    AuditReader, Channel, Clock, Console, Directory, Entropy, Job, Owned, Process, wait_many,
};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nobody to call.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(start: Start) -> i32 {
    let mut words = start.arguments.clone().into_iter();
    let mut word = || words.next().and_then(|word| word.parse().ok());
    match (start.name.as_str(), word(), word()) {
        ("caller", Some(seed), Some(count)) => call_at_random(start, seed, count),
        ("random", Some(seed), Some(thousands)) => match Starter::of(start) {
            Some(mut starter) => starter.run(seed, 1000 * thousands),
            None => 1,
        },
        // What a caller started: it has what it was given, and one seed is as good as another.
        _ => call_at_random(start, 1, 64),
    }
}

/// Makes so many calls; tells the parent from time to time how many there were.
fn call_at_random(start: Start, seed: u64, count: u64) -> i32 {
    let handles = start.handles.into_iter().flatten().map(|handle| handle.give_away().into());
    let mut caller = Caller::new(seed, handles.collect());
    for made in 1..=count {
        // Whoever counts hears of most of them even if this one ends early.
        caller.may_end = made % TOLD_EVERY > TOLD_EVERY / 2;
        let (call, registers) = caller.draw();
        let answer = number(call, registers);
        if is_absurd(&answer) {
            return ABSURD;
        }
        if let Some(old) = caller.keep(call, answer) {
            let _ = raw(Call::Close, [old, 0, 0, 0, 0, 0]);
        }
        if made % TOLD_EVERY == 0 || made == count {
            let _ = start.parent.send(&made.to_le_bytes(), Vec::new());
        }
    }
    0
}

/// A program that calls.
struct Child {
    job: Job,
    process: Process,
    parent: Channel,
    made: u64,
    /// When it said something last.
    heard: u64,
}

/// Who starts them.
struct Starter {
    root: Job,
    store: Directory,
    data: Option<Directory>,
    console: Console,
    clock: Clock,
    entropy: Entropy,
    reader: AuditReader,
    /// A line between them, on which they send one another what they have.
    line: [Channel; 2],
    dice: Dice,
}

impl Starter {
    fn of(mut start: Start) -> Option<Self> {
        let mut take = |place| start.take(place);
        let (root, store, console) = (take(0)?, take(1)?, take(2)?);
        let (clock, entropy, reader) = (take(3)?, take(4)?, take(5)?);
        Some(Self {
            root: Job(root),
            store: Directory(store),
            data: take(6).map(Directory),
            console: Console(console),
            clock: Clock(clock),
            entropy: Entropy(entropy),
            reader: AuditReader(reader),
            line: Channel::pair().ok()?.into(),
            dice: Dice::new(0),
        })
    }

    fn run(&mut self, seed: u64, calls: u64) -> i32 {
        self.dice = Dice::new(seed);
        let code = match self.count_to(calls) {
            Ok((made, ended)) => {
                let line = format!(
                    "random: {made} calls by {CHILDREN} programs at once, {ended} of them ended \
                     and begun again, seed {seed}\n"
                );
                i32::from(self.console.write_str(&line).is_err())
            }
            Err(what) => {
                let _ = writeln!(self.console, "random: FAILED: {what}, seed {seed}");
                1
            }
        };
        let _ = self.root.halt(code as u64);
        1
    }

    /// Keeps them calling until so many calls were made: how many there were, and how many programs
    /// ended on the way.
    fn count_to(&mut self, calls: u64) -> core::result::Result<(u64, u64), String> {
        let told = |what: &'static str| move |error: Error| format!("{what}: {error}");
        let (mut made, mut ended) = (0, 0);
        let mut children = Vec::new();
        while made < calls || !children.is_empty() {
            while children.len() < CHILDREN && made < calls {
                children.push(self.child().map_err(told("a program cannot be started"))?);
            }
            let mut items: Vec<_> = children.iter().map(|child| (&*child.parent, HEARD)).collect();
            items.extend(children.iter().map(|child| (&*child.process, Signals::EXITED)));
            let now = self.clock.now().map_err(told("no time"))?.0;
            match wait_many(&items, now + PATIENCE) {
                Ok(_) | Err(Error::TimedOut) => {}
                Err(error) => return Err(format!("they cannot be waited for: {error}")),
            }
            let now = self.clock.now().map_err(told("no time"))?.0;
            let mut going = Vec::new();
            for mut child in children.drain(..) {
                let before = child.made;
                while let Ok(message) = child.parent.read() {
                    // Whatever else it sends, of its own will or not, is not for us.
                    if let Some(word) = message.bytes.first_chunk::<8>() {
                        let said = u64::from_le_bytes(*word);
                        if said > child.made && said <= child.made + 64 * TOLD_EVERY {
                            child.made = said;
                        }
                        child.heard = now;
                    }
                }
                made += child.made - before;
                let is_silent = now - child.heard > PATIENCE || made >= calls;
                match child.process.wait_end(0) {
                    Ok(ABSURD) => {
                        return Err("the kernel gave an answer that it never gives".into());
                    }
                    Err(Error::TimedOut) if !is_silent => going.push(child),
                    // It ended, or waits for what never comes, or runs in circles. So may what it
                    // started.
                    Ok(_) | Err(Error::TimedOut) => {
                        child.job.kill().map_err(told("it cannot be ended"))?;
                        ended += 1;
                    }
                    Err(error) => return Err(format!("it cannot be waited for: {error}")),
                }
            }
            children = going;
        }
        Ok((made, ended))
    }

    /// Starts one more, in a job of its own that is ended with everything in it.
    fn child(&mut self) -> Result<Child> {
        let job = self.root.create("random")?;
        job.set(&[
            Setting::Bound(Limit::Memory, 8 << 20),
            Setting::Bound(Limit::Processes, 6),
            Setting::Bound(Limit::Jobs, 8),
            Setting::Bound(Limit::Handles, 256),
            Setting::Bound(Limit::Objects, 128),
            Setting::Bound(Limit::Threads, 12),
            // Below who starts them: whatever runs in circles, that can end it.
            Setting::Bound(Limit::Priority, PRIORITY_START - 1),
            Setting::MisuseAnswered(true),
        ])?;
        let program = self.store.open("bin/random", open::EXECUTE)?;
        let seed = format!("{}", self.dice.roll());
        let spawned = job.spawn(&program, "caller", &[&seed, "100000000"], self.given(&job)?);
        let (process, parent) = spawned.map_err(|(error, _)| error)?;
        Ok(Child { job, process, parent, made: 0, heard: self.clock.now()?.0 })
    }

    /// One of everything, with every right but those to end the job and to write to the console.
    fn given(&mut self, job: &Job) -> Result<Vec<Owned>> {
        let program = self.store.open("bin/random", open::EXECUTE | open::READ)?;
        let event = Owned::of(plain(Call::EventCreate, [0; 6])?.0).ok_or(Error::BadHandle)?;
        let memory = plain(Call::MemoryCreate, [4 * PAGE_BYTES, 0, 0, 0, 0, 0])?.0;
        let memory = Owned::of(memory).ok_or(Error::BadHandle)?;
        let mut given = Vec::new();
        for (handle, without) in [
            (&**job, Rights::MANAGE),
            (&*self.store, Rights::NONE),
            (&*self.console, Rights::WRITE),
            (&*self.clock, Rights::NONE),
            (&*self.entropy, Rights::NONE),
            (&*self.reader, Rights::NONE),
            (&*program, Rights::NONE),
            (&event, Rights::NONE),
            (&memory, Rights::NONE),
            (if self.dice.once_in(2) { &*self.line[0] } else { &*self.line[1] }, Rights::NONE),
        ]
        .into_iter()
        .chain(self.data.as_ref().map(|data| (&**data, Rights::NONE)))
        {
            let rights = handle.info()?.rights;
            let rights = Rights::from_bits(rights.into()).ok_or(Error::BadArgument)?;
            given.push(handle.duplicate(rights.without(without))?);
        }
        Ok(given)
    }
}

/// A message, or the end.
const HEARD: Signals = Signals::READABLE.with(Signals::PEER_CLOSED);

/// Several at once; more would only take turns more often.
const CHILDREN: usize = 4;

const TOLD_EVERY: u64 = 512;

/// How long one that says nothing is waited for, in nanoseconds.
const PATIENCE: u64 = 300_000_000;

/// What a caller says that was answered what the kernel never answers.
const ABSURD: i32 = 77;
