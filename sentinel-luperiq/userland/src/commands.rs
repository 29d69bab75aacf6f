//! Commands: programs of the image, each a process in a job of its own.
//!
//! A command is given what its arguments name of files, to read, and nothing else: no console, no
//! clock, no directory to look around in, nobody to ask. What it says comes as messages, and its
//! end is told by the kernel.
//!
//! # Invariants
//! - What was begun ends with one output, unless it was cancelled.
//! - A command is given a file only if a grant that is there lets it be read, and is ended when
//!   none does any more.
//! - What it says is taken up to a bound; one that says more is ended, and that is said.
//! - When it is over, whatever the reason, its job is ended and its files are taken back.
//!
//! # Not here
//! Whether a command may be run: the core judged that. Which programs there are: the boot manifest
//! says that, and the kernel starts no others.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_runtime::abi::{Error, Rights};
use sentinel_core::agent::{CallNumber, Granted, ToolOutput};
use sentinel_core::capability::{
    CommandRule, FileRight, Handle, Holder, Level, Path, PathRef, Request, Resource,
};
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::runtime::Sentinel;
use sentinel_core::time::{Instant, Timestamp};
use sentinel_core::tool::Operation;

use crate::leases;
use crate::machine::{Begun, Given, Machine, Progress};
use crate::settings::WORKSPACE;

/// What runs, and what waits to.
#[derive(Debug)]
pub struct Commands<R> {
    waiting: VecDeque<Wanted>,
    running: Vec<Running<R>>,
    over: VecDeque<(CallNumber, ToolOutput)>,
}

/// A command that was allowed.
#[derive(Debug)]
struct Wanted {
    call: CallNumber,
    name: String,
    program: String,
    words: Vec<String>,
    directory: String,
    time_max: Duration,
    /// The paths that its arguments name.
    used: Vec<String>,
}

#[derive(Debug)]
struct Running<R> {
    call: CallNumber,
    said: Vec<u8>,
    deadline: Instant,
    time_max: Duration,
    /// The paths of what it was given.
    given: Vec<String>,
    program: R,
}

/// Why a command is over.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It ended with this code.
    Ended(i32),
    TimedOut(Duration),
    TooMuch,
    /// A grant of a file that it was given is gone.
    TakenBack,
    NotStarted(String),
}

impl<R> Commands<R> {
    /// Nothing runs.
    #[must_use]
    pub const fn new() -> Self {
        Self { waiting: VecDeque::new(), running: Vec::new(), over: VecDeque::new() }
    }

    /// Takes a command on that was allowed by these grants. What came of it is told by
    /// [`Commands::next`].
    pub fn begin<M: Machine<Running = R>>(
        &mut self,
        machine: &mut M,
        sentinel: &Sentinel,
        call: CallNumber,
        operation: &Operation,
        handles: &[Handle],
        time_max: Duration,
    ) {
        match Wanted::of(sentinel, call, operation, handles, time_max) {
            Ok(wanted) => {
                self.waiting.push_back(wanted);
                self.start_waiting(machine, sentinel);
            }
            Err(why) => self.over.push_back((call, output(&[], &End::NotStarted(why)))),
        }
    }

    /// Nobody wants a command any more: it is ended.
    pub fn cancel<M: Machine<Running = R>>(&mut self, machine: &mut M, call: CallNumber) {
        self.waiting.retain(|wanted| wanted.call != call);
        self.over.retain(|(other, _)| *other != call);
        if let Some(place) = self.running.iter().position(|running| running.call == call) {
            machine.end(self.running.swap_remove(place).program);
        }
    }

    /// What runs, to wait for.
    pub fn programs(&self) -> impl Iterator<Item = &R> {
        self.running.iter().map(|running| &running.program)
    }

    /// When the next one has to be ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.running.iter().map(|running| running.deadline).min()
    }

    /// A command that is over, and what came of it.
    pub fn next<M: Machine<Running = R>>(
        &mut self,
        machine: &mut M,
        sentinel: &Sentinel,
    ) -> Option<(CallNumber, ToolOutput)> {
        let mut place = 0;
        while let Some(running) = self.running.get_mut(place) {
            match running.look(machine, sentinel) {
                None => place += 1,
                Some(end) => {
                    let Running { call, said, program, .. } = self.running.swap_remove(place);
                    machine.end(program);
                    self.over.push_back((call, output(&said, &end)));
                }
            }
        }
        self.start_waiting(machine, sentinel);
        self.over.pop_front()
    }

    fn start_waiting<M: Machine<Running = R>>(&mut self, machine: &mut M, sentinel: &Sentinel) {
        while self.running.len() < RUNNING_MAX
            && let Some(wanted) = self.waiting.pop_front()
        {
            let call = wanted.call;
            match wanted.start(machine, sentinel) {
                Ok(running) => self.running.push(running),
                Err(why) => self.over.push_back((call, output(&[], &End::NotStarted(why)))),
            }
        }
    }
}

impl<R> Default for Commands<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl Wanted {
    fn of(
        sentinel: &Sentinel,
        call: CallNumber,
        operation: &Operation,
        handles: &[Handle],
        time_max: Duration,
    ) -> Result<Self, String> {
        let Operation::RunCommand { program, arguments, directory, hosts, timeout } = operation
        else {
            return Err("it is no command".into());
        };
        if !hosts.is_empty() {
            return Err("no command has a network on this machine".into());
        }
        let grants = handles.iter().filter_map(|handle| sentinel.grant(*handle));
        let rule = grants.into_iter().find_map(|grant| match &grant.resource {
            Resource::Command(rule) => Some(rule),
            _ => None,
        });
        let rule = rule.ok_or("no grant of a program is left for it")?;
        let directory = PathRef::resolve(WORKSPACE, directory);
        let directory = directory.map_err(|error| error.to_string())?.to_string();
        Ok(Self {
            call,
            name: program.rsplit('/').next().unwrap_or_default().into(),
            program: place_of(&rule.program),
            words: arguments.clone(),
            time_max: time_max.min(*timeout),
            used: used(rule, arguments, &directory),
            directory,
        })
    }

    fn start<M: Machine>(
        self,
        machine: &mut M,
        sentinel: &Sentinel,
    ) -> Result<Running<M::Running>, String> {
        let mut files = Vec::new();
        for path in &self.used {
            let rights = readable(sentinel, machine.now().wall, path);
            let Some(place) = leases::place_of(path).filter(|_| !rights.is_empty()) else {
                continue;
            };
            if files.len() == GIVEN_MAX {
                return Err(format!("it names more than {GIVEN_MAX} files"));
            }
            let (lent, lender) = machine.borrow(&place, rights).map_err(|error| match error {
                Error::PeerClosed => format!("{path}: nobody lends it"),
                error => format!("{path}: {error}"),
            })?;
            files.push(Given { path: path.clone(), place, lent, files: lender });
        }
        let begun = Begun {
            program: &self.program,
            name: &self.name,
            directory: &self.directory,
            words: &self.words,
            time_max: self.time_max,
        };
        let (program, given) = machine.start(&begun, files).map_err(|error| match error {
            Error::PeerClosed | Error::Policy => {
                format!("the boot manifest has no program {}", self.program)
            }
            Error::TooLong => "its arguments are longer than a program takes".into(),
            error => error.to_string(),
        })?;
        let deadline = machine.now().instant.after(self.time_max);
        let (call, time_max) = (self.call, self.time_max);
        Ok(Running { call, said: Vec::new(), deadline, time_max, given, program })
    }
}

impl<R> Running<R> {
    /// Takes what it says; why it is over, if it is.
    fn look<M: Machine<Running = R>>(
        &mut self,
        machine: &mut M,
        sentinel: &Sentinel,
    ) -> Option<End> {
        let now = machine.now();
        let may_read = |path: &String| readable(sentinel, now.wall, path).contains(Rights::READ);
        if !self.given.iter().all(may_read) {
            return Some(End::TakenBack);
        }
        loop {
            match machine.progress(&mut self.program) {
                Progress::Said(bytes) => {
                    let room = OUTPUT_BYTES_MAX - self.said.len();
                    self.said.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
                    if bytes.len() > room {
                        return Some(End::TooMuch);
                    }
                }
                Progress::Ended(code) => return Some(End::Ended(code)),
                Progress::Nothing => break,
            }
        }
        let is_late = self.deadline <= now.instant;
        is_late.then_some(End::TimedOut(self.time_max))
    }
}

/// The paths that the rule looked at when it judged the command, but for the directory it runs in:
/// what arguments may name, with everything beneath.
fn used(rule: &CommandRule, arguments: &[String], directory: &str) -> Vec<String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut used: Vec<String> = Vec::new();
    let note = |request: &Request<'_>| {
        if let Request::File { path, is_tree: true, .. } = request {
            let path = path.to_string();
            if !used.contains(&path) {
                used.push(path);
            }
        }
        true
    };
    match rule.check(rule.program.borrow(), &words, directory, note) {
        Ok(()) => used,
        // Another rule than the one that was judged by: nothing is known to be covered.
        Err(_) => Vec::new(),
    }
}

/// What a command may do with a path by the grants that are there: to read it, and to list it if
/// that is granted as well; nothing if it may not be read.
fn readable(sentinel: &Sentinel, now: Timestamp, path: &str) -> Rights {
    let has = |wanted: FileRight| {
        let covers = |granted: Granted<'_>| {
            let Resource::Files { path: own, rights } = &granted.grant.resource else {
                return false;
            };
            let is_good = granted.grant.level != Level::Deny
                && granted.holder == Holder::AGENT
                && granted.uses_left.is_none()
                && granted.grant.until.is_none_or(|until| now < until);
            is_good
                && rights.has(wanted)
                && PathRef::absolute(path).is_ok_and(|path| path.is_within(own.borrow()))
        };
        sentinel.grants(0).any(covers)
    };
    match (has(FileRight::Read), has(FileRight::List)) {
        (false, _) => Rights::NONE,
        (true, false) => Rights::READ.with(Rights::INSPECT),
        (true, true) => Rights::READ.with(Rights::INSPECT).with(Rights::LIST),
    }
}

/// Where a program is in the image.
#[must_use]
pub fn place_of(program: &Path) -> String {
    program.as_str().trim_start_matches('/').into()
}

/// What the model is told: what the program said, and how it ended.
fn output(said: &[u8], end: &End) -> ToolOutput {
    let mut content = String::from_utf8_lossy(said).into_owned();
    let how = match end {
        End::Ended(code) if *code < 0 => {
            "the kernel ended it: it did what no program may, or used more than it may".into()
        }
        End::Ended(code) => format!("it ended with status {code}"),
        End::TimedOut(time) => {
            format!("its time was over after {} seconds, and it was ended", time.as_secs())
        }
        End::TooMuch => format!("it said more than {OUTPUT_BYTES_MAX} bytes and was ended"),
        End::TakenBack => "a grant of a file that it was given is gone, and it was ended".into(),
        End::NotStarted(why) => format!("it was not started: {why}"),
    };
    if !content.is_empty() && !content.ends_with('\n') {
        content.push('\n');
    }
    let is_error = *end != End::Ended(0);
    if is_error || content.is_empty() {
        content.push_str(&format!("[{how}]"));
    }
    ToolOutput { content, is_error }
}

/// More wait: each is a process with its memory.
const RUNNING_MAX: usize = 2;

/// Each is lent, and a start of a program carries sixteen handles.
const GIVEN_MAX: usize = 8;

/// What is taken of a program's words: as much as of a file.
const OUTPUT_BYTES_MAX: usize = RUNTIME_OUTPUT_BYTES_MAX / 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_told_how_it_ended() {
        for (said, end, expected, is_error) in [
            ("text\n", End::Ended(0), "text\n", false),
            ("", End::Ended(0), "[it ended with status 0]", false),
            ("no", End::Ended(1), "no\n[it ended with status 1]", true),
            ("", End::NotStarted("why".into()), "[it was not started: why]", true),
            ("x", End::TooMuch, "x\n[it said more than 524288 bytes and was ended]", true),
        ] {
            let output = output(said.as_bytes(), &end);
            assert_eq!((output.content.as_str(), output.is_error), (expected, is_error));
        }
        assert!(output(b"\xff", &End::Ended(-2)).content.contains("the kernel ended it"));
    }
}
