//! Processes and jobs beyond what was allowed.

use alloc::vec::Vec;

use luperiq_runtime::abi::call::open;
use luperiq_runtime::abi::limits::{PRIORITY_MAX, PRIORITY_START};
use luperiq_runtime::abi::reply::Answer;
use luperiq_runtime::abi::settings::{Limit, Protocol, Setting};
use luperiq_runtime::abi::wire::StartHeader;
use luperiq_runtime::abi::{Call, Rights};
use luperiq_runtime::call::input;

use super::{Given, Held, attacks, call, until_refused};

attacks! {
    "spawn-without-right" Spawn NotAllowed "Starts a process in a job that it may not."
        |held| {
            let rights = Rights::INSPECT.bits().into();
            let job = call(Call::HandleDuplicate, [held.handle(Given::Job), rights])?.0;
            spawned(job, held.handle(Given::Program), &start(b"child"))
        };
    "spawn-outside-policy" Spawn Policy "Starts a program that its job may not."
        |held| {
            let [at, bytes] = input(b"attacks");
            let bin = held.handle(Given::Bin);
            let file = call(Call::Open, [bin, at, bytes, open::EXECUTE])?.0;
            spawned(held.handle(Given::Job), file, &start(b"child"))
        };
    "spawn-what-is-to-be-read" Spawn NotAllowed "Starts a file that is to be read."
        |held| {
            let [at, bytes] = input(b"attack");
            let bin = held.handle(Given::Bin);
            let file = call(Call::Open, [bin, at, bytes, open::READ])?.0;
            spawned(held.handle(Given::Job), file, &start(b"child"))
        };
    "spawn-a-directory" Spawn WrongKind "Starts a directory."
        |held| spawned(held.handle(Given::Job), held.handle(Given::Bin), &start(b"child"));
    "spawn-cut-start" Spawn BadArgument "Starts with half of what a start is."
        |held| spawned(held.handle(Given::Job), held.handle(Given::Program), &[1, 0]);
    "spawn-with-lies" Spawn BadArgument "Says that a start has more handles than it has."
        |held| {
            let mut start = start(b"child");
            start[0] = 200;
            spawned(held.handle(Given::Job), held.handle(Given::Program), &start)
        };
    "spawn-with-made-up-handle" Spawn BadHandle "Gives a process a handle that it does not have."
        |held| {
            let mut start = start(b"child");
            start[0] = 1;
            let rest = start.split_off(StartHeader::BYTES);
            start.extend(0x0010_0123_u32.to_le_bytes());
            start.extend(rest);
            spawned(held.handle(Given::Job), held.handle(Given::Program), &start)
        };
    "start-twice" ProcessStart WrongState "Starts a process that runs."
        |held| {
            let [at, bytes] = input(b"child");
            let (job, file) = (held.handle(Given::Job), held.handle(Given::Program));
            let process = call(Call::ProcessCreate, [job, file, at, bytes])?.0;
            let start = start(b"");
            let [at, bytes] = input(&start);
            call(Call::ProcessStart, [process, at, bytes])?;
            call(Call::ProcessStart, [process, at, bytes])
        };
    "priority-above-job" PrioritySet Limit "Makes a process more urgent than its job may be."
        |held| {
            let process = created(held)?;
            call(Call::PrioritySet, [process, PRIORITY_START])?;
            call(Call::PrioritySet, [process, PRIORITY_START + 1])
        };
    "priority-without-right" PrioritySet NotAllowed "Makes a process urgent that it may wait for."
        |held| {
            let process = created(held)?;
            let process = call(Call::HandleReplace, [process, Rights::WAIT.bits().into()])?.0;
            call(Call::PrioritySet, [process, 0])
        };
    "priority-beyond-all" PrioritySet BadArgument "Makes a process more urgent than there is."
        |held| call(Call::PrioritySet, [created(held)?, PRIORITY_MAX + 1]);
    "priority-of-a-job" PrioritySet WrongKind "Makes a job urgent."
        |held| call(Call::PrioritySet, [held.handle(Given::Job), 0]);
    "priority-of-the-ended" PrioritySet WrongState "Makes a process urgent that has ended."
        |held| {
            let process = created(held)?;
            call(Call::ProcessKill, [process])?;
            call(Call::PrioritySet, [process, 0])
        };
    "priority-foreign" PrioritySet BadHandle "Makes urgent what is no handle of its own."
        |held| call(Call::PrioritySet, [held.foreign, 0]);
    "kill-without-right" ProcessKill NotAllowed "Ends a process that it may wait for."
        |held| {
            let (job, file) = (held.handle(Given::Job), held.handle(Given::Program));
            let process = spawned(job, file, &start(b"child"))?.0;
            let process = call(Call::HandleReplace, [process, Rights::WAIT.bits().into()])?.0;
            call(Call::ProcessKill, [process])
        };
    "set-without-right" JobSet NotAllowed "Sets the rules of its own job."
        |held| set(held.handle(Given::Job), Setting::Bound(Limit::Memory, 0));
    "set-when-not-empty" JobSet WrongState "Sets the rules of a job in which something is."
        |held| {
            let job = job(held)?;
            spawned(job, held.handle(Given::Program), &start(b"child"))?;
            set(job, Setting::Bound(Limit::Handles, 1))
        };
    "set-garbage" JobSet BadArgument "Sets rules that are none."
        |held| {
            let [at, bytes] = input(b"\xff\x01\x00");
            call(Call::JobSet, [job(held)?, at, bytes])
        };
    "widen-memory" JobSet Widens "Gives a job more memory than its own has."
        |held| set(job(held)?, Setting::Bound(Limit::Memory, u64::MAX));
    "widen-processes" JobSet Widens "Gives a job more processes than its own has."
        |held| set(job(held)?, Setting::Bound(Limit::Processes, 1 << 20));
    "widen-refusals" JobSet Widens "Gives a job more refusals than its own has."
        |held| set(job(held)?, Setting::Bound(Limit::Denials, u64::MAX));
    "widen-priority" JobSet Widens "Gives a job more urgent threads than its own has."
        |held| set(job(held)?, Setting::Bound(Limit::Priority, PRIORITY_MAX));
    "widen-programs" JobSet Widens "Lets a job start every program."
        |held| set(job(held)?, Setting::Program(b"*"));
    "widen-one-program" JobSet Widens "Lets a job start a program that its own may not."
        |held| set(job(held)?, Setting::Program(b"bin/attacks"));
    "widen-files" JobSet Widens "Lets a job open everything."
        |held| set(job(held)?, Setting::FileTree(b""));
    "widen-file-rights" JobSet Widens "Lets a job write files."
        |held| set(job(held)?, Setting::FileRights(Rights::WRITE));
    "widen-network" JobSet Widens "Lets a job connect to every host."
        |held| set(job(held)?, Setting::Endpoint(Protocol::Tcp, 0, b"*"));
    "network-by-address" JobSet BadArgument "Names an address where a name belongs."
        |held| set(job(held)?, Setting::Endpoint(Protocol::Tcp, 80, b"10.0.2.2"));
    "widen-misuse" JobSet Widens "Lets misuse go unpunished."
        |held| set(job(held)?, Setting::MisuseAnswered(true));
    "halt-without-root" Halt NotAllowed "Stops the machine with a job of its own."
        |held| call(Call::Halt, [job(held)?, 0]);
    "exhaust-processes" ProcessCreate Limit "Makes processes without end."
        |held| until_refused(100, || {
            let [at, bytes] = input(b"child");
            let (job, file) = (held.handle(Given::Job), held.handle(Given::Program));
            call(Call::ProcessCreate, [job, file, at, bytes])
        });
    "exhaust-jobs" JobCreate Limit "Makes jobs without end."
        |held| until_refused(5000, || job(held).map(|job| (job, 0)));
    "exhaust-depth" JobCreate Limit "Makes jobs in jobs without end."
        |held| {
            let mut at = held.handle(Given::Job);
            until_refused(100, || {
                let [name, bytes] = input(b"job");
                at = call(Call::JobCreate, [at, name, bytes])?.0;
                Ok((at, 0))
            })
        };
    "request-nonsense" CapRequest BadArgument "Asks for a capability of no known kind."
        |_| {
            let [at, bytes] = input(b"EVERYTHING:*");
            call(Call::CapRequest, [at, bytes])
        };
    "too-many-refusals" HandleDuplicate NotAllowed "Goes on asking for what is refused."
        |held| {
            for _ in 0..1000 {
                let _ = call(Call::HandleDuplicate, [held.handle(Given::Clock), 0]);
            }
            Ok((0, 0))
        };
}

/// A process in its own job, which does not run yet.
fn created(held: &Held) -> Result<u64, (luperiq_runtime::abi::Error, u64)> {
    let [at, bytes] = input(b"child");
    let (job, file) = (held.handle(Given::Job), held.handle(Given::Program));
    call(Call::ProcessCreate, [job, file, at, bytes]).map(|(process, _)| process)
}

/// A job in its own.
fn job(held: &Held) -> Result<u64, (luperiq_runtime::abi::Error, u64)> {
    let [at, bytes] = input(b"job");
    call(Call::JobCreate, [held.handle(Given::Job), at, bytes]).map(|(job, _)| job)
}

fn set(job: u64, setting: Setting<'_>) -> Answer {
    let mut row = [0; 256];
    let length = setting.encode(&mut row).unwrap_or(0);
    let [at, _] = input(&row);
    call(Call::JobSet, [job, at, length as u64])
}

fn spawned(job: u64, file: u64, start: &[u8]) -> Answer {
    let [at, bytes] = input(start);
    call(Call::Spawn, [job, file, at, bytes])
}

fn start(name: &[u8]) -> Vec<u8> {
    let header = StartHeader {
        handles_count: 0,
        name_bytes: name.len() as u16,
        arguments_bytes: 0,
        reserved: 0,
    };
    [&header.encode()[..], name].concat()
}
