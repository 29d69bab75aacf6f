//! Waits for many things by ports, and says of each promise of theirs whether it is kept.
//!
//! It is the machine's first process, and starts itself once more where two processes are needed.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_runtime::Start;
use luperiq_runtime::abi::call::{FOREVER, open};
use luperiq_runtime::abi::limits::PORT_BINDINGS_MAX;
use luperiq_runtime::abi::{Call, Error, Kind, Rights, Signals};
use luperiq_runtime::call::{Result, plain, raw};
use luperiq_runtime::handle::{Channel, Clock, Console, Directory, Event, Job, Owned, Port, Timer};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nothing to wait for.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(start: Start) -> i32 {
    // Another process of this program tells with what it was given, and waits to be ended.
    if start.name == CHILD {
        return told_by_child(start).map_or(1, |()| 0);
    }
    let Some(mut machine) = Machine::of(start) else { return 1 };
    let checks: [(&str, Check); 10] = [
        ("what is so is told in turn", in_turn),
        ("what is so no more is not told", no_more),
        ("a timer wakes who waits", by_timer),
        ("a deadline comes first", by_deadline),
        ("more is watched than can be waited for at once", many),
        ("what was cancelled, closed or given away is not told", ended),
        ("what was taken back is not told", taken_back),
        ("a process that binds, and ends, leaves nothing", by_other),
        ("a port that was given away tells its new owner", given_away),
        ("who waits for a port that is closed is told", closed),
    ];
    let mut is_well = true;
    for (what, check) in checks {
        let outcome = check(&machine);
        is_well &= outcome == Ok(true);
        let _ = writeln!(machine.console, "ports: {what}: {outcome:?}");
    }
    let _ = machine.root.halt(u64::from(!is_well));
    1
}

/// Whether a promise is kept.
type Check = fn(&Machine) -> Result<bool>;

struct Machine {
    root: Job,
    store: Directory,
    console: Console,
    clock: Clock,
}

impl Machine {
    fn of(mut start: Start) -> Option<Self> {
        let mut take = |place| start.take(place);
        let (root, store, console) = (Job(take(0)?), Directory(take(1)?), Console(take(2)?));
        Some(Self { root, store, console, clock: Clock(take(3)?) })
    }

    /// This program once more, with these handles.
    fn child(&self, job: &Job, handles: Vec<Owned>) -> Result<Channel> {
        let program = self.store.open("bin/ports", open::EXECUTE)?;
        let spawned = job.spawn(&program, CHILD, &[], handles);
        spawned.map(|(_, channel)| channel).map_err(|(error, _)| error)
    }

    fn soon(&self) -> Result<u64> {
        Ok(self.clock.now()?.0.saturating_add(SOON))
    }
}

fn in_turn(_: &Machine) -> Result<bool> {
    let port = Port::new()?;
    let events = [event()?, event()?, event()?];
    for (key, event) in (0..).zip(&events) {
        port.bind(event, key, Signals::SIGNALED)?;
        signal(event, true)?;
    }
    let mut told = [0; 3];
    for _ in 0..30 {
        let (key, signals) = port.next(0)?;
        let slot = usize::try_from(key).ok().and_then(|key| told.get_mut(key));
        *slot.ok_or(Error::NotFound)? += u32::from(signals == Signals::SIGNALED);
    }
    Ok(told == [10; 3])
}

fn no_more(_: &Machine) -> Result<bool> {
    let (port, (one, other)) = (Port::new()?, Channel::pair()?);
    port.bind(&one, u64::MAX, Signals::READABLE.with(Signals::PEER_CLOSED))?;
    let before = port.next(0);
    other.send(b"message", Vec::new()).map_err(|(error, _)| error)?;
    let sent = port.next(0)?;
    one.read()?;
    let read = port.next(0);
    drop(other);
    let closed = port.next(0)?;
    let nothing = Err(Error::TimedOut);
    Ok(before == nothing
        && sent == (u64::MAX, Signals::READABLE)
        && read == nothing
        && closed == (u64::MAX, Signals::PEER_CLOSED))
}

fn by_timer(machine: &Machine) -> Result<bool> {
    let timer = plain(Call::TimerCreate, [0; 6])?.0;
    let (port, timer) = (Port::new()?, Timer(Owned::of(timer).ok_or(Error::BadHandle)?));
    port.bind(&timer, 5, Signals::SIGNALED)?;
    plain(Call::TimerSet, [timer.number(), machine.soon()?, 0, 0, 0, 0])?;
    Ok(port.next(FOREVER)? == (5, Signals::SIGNALED))
}

fn by_deadline(machine: &Machine) -> Result<bool> {
    let (port, event) = (Port::new()?, event()?);
    port.bind(&event, 5, Signals::SIGNALED)?;
    Ok(port.next(machine.soon()?) == Err(Error::TimedOut))
}

fn many(_: &Machine) -> Result<bool> {
    let port = Port::new()?;
    let mut events = Vec::new();
    for key in 0..PORT_BINDINGS_MAX as u64 {
        let event = event()?;
        port.bind(&event, key, Signals::SIGNALED)?;
        events.push(event);
    }
    let one_more = port.bind(&*event()?, FOREVER, Signals::SIGNALED);
    let mut is_well = one_more == Err(Error::Limit);
    for (key, event) in (0..).zip(&events) {
        signal(event, true)?;
        is_well &= port.next(0)? == (key, Signals::SIGNALED);
        signal(event, false)?;
    }
    Ok(is_well)
}

fn ended(_: &Machine) -> Result<bool> {
    let (port, (one, other)) = (Port::new()?, Channel::pair()?);
    let [cancelled, closed, given] = [event()?, event()?, event()?];
    for (key, event) in (0..).zip([&cancelled, &closed, &given]) {
        port.bind(event, key, Signals::SIGNALED)?;
        signal(event, true)?;
    }
    port.cancel(0)?;
    drop(closed);
    one.send(b"", [given.0].into()).map_err(|(error, _)| error)?;
    let nothing = port.next(0) == Err(Error::TimedOut) && port.cancel(0) == Err(Error::NotFound);
    // What comes back is another handle, and is bound as one.
    let back = other.read()?.handles.into_iter().next().flatten().ok_or(Error::NotFound)?;
    let still_nothing = port.next(0) == Err(Error::TimedOut);
    port.bind(&back, 2, Signals::SIGNALED)?;
    Ok(nothing && still_nothing && port.next(0)? == (2, Signals::SIGNALED))
}

fn taken_back(_: &Machine) -> Result<bool> {
    let (port, event) = (Port::new()?, event()?);
    let lent = event.duplicate(Rights::WAIT)?;
    port.bind(&lent, 0, Signals::SIGNALED)?;
    signal(&event, true)?;
    let before = port.next(0)?;
    let count = event.revoke()?;
    Ok(before.0 == 0 && count == 1 && port.next(0) == Err(Error::TimedOut))
}

fn by_other(machine: &Machine) -> Result<bool> {
    let (port, job) = (Port::new()?, machine.root.create("ports")?);
    let given = port.duplicate(Kind::Port.rights())?;
    let child = machine.child(&job, [given].into())?;
    let (key, signals) = port.next(FOREVER)?;
    let told = (key, signals) == (CHILDS_KEY, Signals::SIGNALED);
    // Its key is nobody's any more when it has ended.
    job.kill()?;
    drop(child);
    let event = event()?;
    port.bind(&event, CHILDS_KEY, Signals::SIGNALED)?;
    Ok(told && port.next(0) == Err(Error::TimedOut) && job.job_info()?.handles_count == 0)
}

fn given_away(machine: &Machine) -> Result<bool> {
    let (port, event, job) = (Port::new()?, event()?, machine.root.create("ports")?);
    port.bind(&event, 8, Signals::SIGNALED)?;
    signal(&event, true)?;
    let child = machine.child(&job, [port.0].into())?;
    let said = child.receive(FOREVER)?.bytes;
    job.kill()?;
    // Its key first, or ours: both are so.
    Ok(said == [8] || said == [CHILDS_KEY as u8])
}

/// A thread closes the port for which this one waits.
fn closed(_: &Machine) -> Result<bool> {
    let port = Port::new()?;
    let number = port.0.give_away();
    let mut stack = alloc::vec![0_u128; 256];
    let end = stack.as_mut_ptr_range().end as u64;
    let entry = close_when_waited_for as *const () as u64;
    // The least urgent thread runs when this one waits.
    let thread = plain(Call::ThreadCreate, [entry, end, number.into(), 0, 0, 0])?.0;
    let thread = Owned::of(thread).ok_or(Error::BadHandle)?;
    plain(Call::PrioritySet, [thread.number(), 0, 0, 0, 0, 0])?;
    let told = plain(Call::PortWait, [number.into(), FOREVER, 0, 0, 0, 0]);
    thread.wait(Signals::EXITED, FOREVER)?;
    drop(stack);
    Ok(told == Err(Error::PeerClosed))
}

extern "C" fn close_when_waited_for(port: u64) -> ! {
    let _ = raw(Call::Close, [port, 0, 0, 0, 0, 0]);
    loop {
        let _ = raw(Call::ThreadExit, [0; 6]);
    }
}

/// Binds an event of its own to the port that it was given, says what the port tells first, and
/// waits to be ended.
fn told_by_child(mut start: Start) -> Result<()> {
    let port = Port(start.take(0).ok_or(Error::NotFound)?);
    let event = event()?;
    signal(&event, true)?;
    port.bind(&event, CHILDS_KEY, Signals::SIGNALED)?;
    let (key, _) = port.next(FOREVER)?;
    start.parent.send(&[key as u8], Vec::new()).map_err(|(error, _)| error)?;
    start.parent.receive(FOREVER).map(drop)
}

fn event() -> Result<Event> {
    Owned::of(plain(Call::EventCreate, [0; 6])?.0).map(Event).ok_or(Error::BadHandle)
}

fn signal(event: &Event, is_set: bool) -> Result<()> {
    plain(Call::EventSignal, [event.number(), u64::from(is_set), 0, 0, 0, 0]).map(drop)
}

const CHILD: &str = "child";
const CHILDS_KEY: u64 = 9;

/// Two milliseconds.
const SOON: u64 = 2_000_000;
