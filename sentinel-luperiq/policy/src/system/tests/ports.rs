//! Ports: what each of them tells, and any sequence held against a plain list of what was bound.

use alloc::collections::VecDeque;

use arbtest::arbitrary::{self, Unstructured};
use luperiq_abi::limits::PORT_BINDINGS_MAX;

use super::*;
use crate::limits::BINDINGS_MAX;

const SIGNALED: u64 = Signals::SIGNALED.bits() as u64;

impl Machine {
    fn port(&mut self) -> u64 {
        let admitted = self.admit(Call::PortCreate, &[]).unwrap();
        u64::from(self.system.object_create(admitted, Kind::Port, 0).unwrap().number())
    }

    fn event_of(&mut self, process: Key) -> Result<u64, Error> {
        let admitted = self.admit_as(process, Call::EventCreate, &[]);
        let made = admitted.and_then(|it| self.system.object_create(it, Kind::Event, 0));
        made.map(|handle| u64::from(handle.number())).map_err(|refusal| refusal.error)
    }

    fn event(&mut self) -> u64 {
        self.event_of(self.first).unwrap()
    }

    fn set(&mut self, process: Key, event: u64, is_set: bool) {
        let admitted = self.admit_as(process, Call::EventSignal, &[event]).unwrap();
        self.system.event_signal(admitted, u64::from(is_set)).unwrap();
        self.drain();
    }

    fn bind_as(
        &mut self,
        process: Key,
        [port, watched, key, signals]: [u64; 4],
    ) -> Result<(), Error> {
        let admitted = self.admit_as(process, Call::PortBind, &[port, watched]);
        let bound = admitted.and_then(|admitted| self.system.port_bind(admitted, key, signals));
        bound.map_err(|refusal| refusal.error)
    }

    fn bind(&mut self, port: u64, watched: u64, key: u64) -> Result<(), Error> {
        self.bind_as(self.first, [port, watched, key, SIGNALED])
    }

    fn cancel(&mut self, port: u64, key: u64) -> Result<(), Error> {
        let admitted = self.admit(Call::PortCancel, &[port]).unwrap();
        self.system.port_cancel(admitted, key).map_err(|refusal| refusal.error)
    }

    fn next_as(&mut self, process: Key, port: u64) -> Result<u64, Error> {
        let admitted = self.admit_as(process, Call::PortWait, &[port]);
        let admitted = admitted.map_err(|refusal| refusal.error)?;
        let port = self.system.port_wait(admitted).map_err(|refusal| refusal.error)?.object;
        let is_telling = self.system.signals(port) == Signals::READABLE;
        let told = self.system.port_next(port);
        assert_eq!(told.is_ok(), is_telling);
        self.drain();
        told.map(|(signals, key)| {
            assert!(!signals.is_empty());
            key
        })
    }

    fn next(&mut self, port: u64) -> Result<u64, Error> {
        self.next_as(self.first, port)
    }

    /// How many handles count against the root job, and how many bindings there are.
    fn handles_and_bindings(&self) -> (u64, usize) {
        let used = self.system.job(self.system.root).unwrap().used[Limit::Handles.place()];
        (used, self.system.bindings.count())
    }
}

#[test]
fn what_stays_so_is_told_in_turn_and_only_while_it_is_so() {
    let mut machine = Machine::new();
    let (port, first) = (machine.port(), machine.first);
    let events = [0, 1, 2].map(|_| machine.event());
    machine.set(first, events[2], true);
    for (key, event) in (10..).zip(events) {
        machine.bind(port, event, key).unwrap();
    }
    assert_eq!(machine.next(port), Ok(12), "it was so when it was bound");
    machine.set(first, events[0], true);
    let told: Vec<_> = (0..4).map(|_| machine.next(port).unwrap()).collect();
    assert_eq!(told, [12, 10, 12, 10]);
    machine.set(first, events[1], true);
    let told: Vec<_> = (0..6).map(|_| machine.next(port).unwrap()).collect();
    assert_eq!(told, [12, 10, 11, 12, 10, 11]);
    for event in events {
        machine.set(first, event, false);
    }
    assert_eq!(machine.next(port), Err(Error::NotReady));
    machine.set(first, events[1], true);
    assert_eq!(machine.next(port), Ok(11));
    assert_eq!(machine.cancel(port, 11), Ok(()));
    assert_eq!(machine.cancel(port, 11), Err(Error::NotFound));
    assert_eq!(machine.next(port), Err(Error::NotReady));
}

#[test]
fn a_channel_and_a_process_are_watched_as_well() {
    let mut machine = Machine::new();
    let (port, [one, other]) = (machine.port(), machine.channel());
    let job = machine.job(&[]);
    let child = machine.spawn(job, &[]).unwrap();
    let [readable, exited] = [Signals::READABLE, Signals::EXITED].map(|it| u64::from(it.bits()));
    machine.bind_as(machine.first, [port, one, 1, readable]).unwrap();
    machine.bind_as(machine.first, [port, child.handle, 2, exited]).unwrap();
    assert_eq!(machine.next(port), Err(Error::NotReady));
    machine.send(other, &[]).unwrap();
    machine.drain();
    assert_eq!(machine.next(port), Ok(1));
    machine.receive(machine.first, one).unwrap();
    machine.drain();
    assert_eq!(machine.next(port), Err(Error::NotReady));
    let kill = machine.admit(Call::ProcessKill, &[child.handle]).unwrap();
    machine.system.process_kill(kill).unwrap();
    machine.drain();
    assert_eq!(machine.next(port), Ok(2));
}

#[test]
fn whoever_waits_for_a_port_hears_of_what_is_bound_to_it() {
    let mut machine = Machine::new();
    let (port, event, first) = (machine.port(), machine.event(), machine.first);
    machine.bind(port, event, 1).unwrap();
    let key = machine.system.find(first, port).unwrap().object;
    machine.system.watch(key, true);
    let admitted = machine.admit(Call::EventSignal, &[event]).unwrap();
    machine.system.event_signal(admitted, 1).unwrap();
    let changed: Vec<Key> = core::iter::from_fn(|| machine.system.next_changed()).collect();
    let event = machine.system.find(first, event).unwrap().object;
    assert_eq!(changed, [event, key]);
    // That a thread waits for it no more is not the same as that nobody watches it.
    machine.system.watch(event, false);
    let is_watched = |machine: &Machine| machine.system.object(event).unwrap().listed.is_watched;
    assert!(is_watched(&machine));
    machine.cancel(port, 1).unwrap();
    machine.system.watch(event, false);
    assert!(!is_watched(&machine));
}

#[test]
fn what_may_not_be_bound_is_refused() {
    let mut machine = Machine::new();
    let (port, event) = (machine.port(), machine.event());
    let before = machine.handles_and_bindings();
    let deaf = machine.duplicate(event, Rights::SIGNAL).unwrap();
    assert_eq!(machine.bind(port, deaf, 1), Err(Error::NotAllowed));
    machine.close(deaf).unwrap();
    assert_eq!(machine.bind(port, deaf, 1), Err(Error::BadHandle));
    assert_eq!(machine.bind(event, port, 1), Err(Error::WrongKind));
    assert_eq!(machine.bind(port, port, 1), Err(Error::BadArgument), "itself");
    let other = machine.port();
    assert_eq!(machine.bind(port, other, 1), Err(Error::BadArgument), "a port");
    machine.close(other).unwrap();
    let first = machine.first;
    for signals in [0, u64::MAX, 32] {
        let refused = machine.bind_as(first, [port, event, 1, signals]);
        assert_eq!(refused, Err(Error::BadArgument));
    }
    for (rights, call) in [(Rights::RECEIVE, Call::PortCancel), (Rights::MANAGE, Call::PortWait)] {
        let less = machine.duplicate(port, rights).unwrap();
        assert_eq!(machine.admit(call, &[less]).unwrap_err().error, Error::NotAllowed);
        machine.close(less).unwrap();
    }
    assert_eq!(machine.handles_and_bindings(), before);
    machine.bind(port, event, 1).unwrap();
    assert_eq!(machine.bind(port, event, 1), Err(Error::Exists));
}

#[test]
fn bindings_have_a_bound_in_a_port_in_a_job_and_in_all() {
    let mut machine = Machine::new();
    let (port, event) = (machine.port(), machine.event());
    for key in 0..PORT_BINDINGS_MAX as u64 {
        machine.bind(port, event, key).unwrap();
    }
    assert_eq!(machine.bind(port, event, u64::MAX), Err(Error::Limit));
    let ports: Vec<u64> = (0..4).map(|_| machine.port()).collect();
    let more = (0..BINDINGS_MAX as u64)
        .map(|number| machine.bind(ports[number as usize % 4], event, number));
    let results: Vec<_> = more.collect();
    let made = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(made, BINDINGS_MAX - PORT_BINDINGS_MAX);
    assert_eq!(results.last(), Some(&Err(Error::Limit)));
    machine.close(event).unwrap();
    assert_eq!(machine.handles_and_bindings().1, 0);
    // One handle more than the process starts with, and one for the port.
    let job = machine.job(&[Setting::Bound(Limit::Handles, 4)]);
    let given = machine.duplicate(port, Kind::Port.rights()).unwrap();
    let child = machine.spawn(job, &[given as u32]).unwrap();
    let event = machine.event_of(child.process).unwrap();
    let bind = |machine: &mut Machine, key| {
        machine.bind_as(child.process, [child.handles[0], event, key, SIGNALED])
    };
    assert_eq!(bind(&mut machine, 1), Ok(()));
    assert_eq!(bind(&mut machine, 2), Err(Error::Limit));
    assert_eq!(machine.cancel(port, 1), Ok(()));
    assert_eq!(bind(&mut machine, 2), Ok(()));
}

#[test]
fn what_was_sent_away_is_told_no_more_and_makes_room() {
    let mut machine = Machine::new();
    let (port, event, [one, other]) = (machine.port(), machine.event(), machine.channel());
    machine.bind(port, event, 1).unwrap();
    machine.set(machine.first, event, true);
    machine.send(one, &[event]).unwrap();
    assert_eq!(machine.next(port), Err(Error::NotReady), "it is on its way");
    let event = machine.receive(machine.first, other).unwrap()[0];
    machine.bind(port, event, 1).unwrap();
    assert_eq!((machine.next(port), machine.handles_and_bindings().1), (Ok(1), 1));
    machine.send(one, &[event]).unwrap();
    machine.close(port).unwrap();
    machine.drain();
    assert_eq!(machine.handles_and_bindings().1, 0);
}

#[test]
fn what_another_port_watches_in_vain_makes_room() {
    let mut machine = Machine::new();
    let ports = [machine.port(), machine.port()];
    // Its channel, two ports, and one more.
    let job = machine.job(&[Setting::Bound(Limit::Handles, 5)]);
    let given = ports.map(|port| machine.duplicate(port, Kind::Port.rights()).unwrap() as u32);
    let child = machine.spawn(job, &given).unwrap();
    let bind = |machine: &mut Machine, port: usize, event, key| {
        machine.bind_as(child.process, [child.handles[port], event, key, SIGNALED])
    };
    let event = machine.event_of(child.process).unwrap();
    assert_eq!(bind(&mut machine, 0, event, 1), Ok(()));
    assert_eq!(bind(&mut machine, 1, event, 1), Err(Error::Limit));
    // As the child, which gives its event to the first process.
    let first = core::mem::replace(&mut machine.first, child.process);
    machine.send(child.bootstrap, &[event]).unwrap();
    machine.first = first;
    let back = machine.receive(machine.first, child.channel).unwrap()[0];
    let other = machine.event_of(child.process).unwrap();
    assert_eq!(bind(&mut machine, 1, other, 1), Ok(()));
    assert_eq!(machine.handles_and_bindings().1, 1);
    machine.close(back).unwrap();
}

/// So many things can be bound to a port at once, so others are told as often before one at most.
const KEYS: usize = 6;

/// A handle to an event that somebody has.
#[derive(Clone, Debug)]
struct Thing {
    event: usize,
    parent: Option<usize>,
    holder: usize,
    handle: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    TakenBack,
    Gone,
}

/// What was bound, and not ended since.
#[derive(Clone, Debug)]
struct Bound {
    port: usize,
    key: u64,
    thing: usize,
    /// How often something else was told since it became so and was not told.
    passed_over: usize,
}

struct Model {
    machine: Machine,
    processes: [Key; 3],
    is_alive: [bool; 3],
    children: Vec<Child>,
    /// The handles of each process to each port.
    ports: [[u64; 2]; 3],
    events: Vec<bool>,
    things: Vec<Thing>,
    bound: VecDeque<Bound>,
}

impl Model {
    fn new() -> Self {
        let mut machine = Machine::new();
        let own = [0; 2].map(|_| machine.port());
        let job = machine.job(&[]);
        let children: Vec<Child> = (0..2)
            .map(|_| {
                let given =
                    own.map(|port| machine.duplicate(port, Kind::Port.rights()).unwrap() as u32);
                machine.spawn(job, &given).unwrap()
            })
            .collect();
        machine.close(job).unwrap();
        let ports_of = |child: &Child| [child.handles[0], child.handles[1]];
        let ports = [own, ports_of(&children[0]), ports_of(&children[1])];
        let processes = [machine.first, children[0].process, children[1].process];
        let (events, things, bound) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { machine, processes, is_alive: [true; 3], children, ports, events, things, bound }
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let process = u.choose_index(3)?;
        if !self.is_alive[process] {
            return Ok(());
        }
        let (port, key) = (u.choose_index(2)?, u.int_in_range(0..=KEYS as u64 - 1)?);
        let held: Vec<usize> = (0..self.things.len())
            .filter(|at| self.things[*at].state == State::Held)
            .filter(|at| self.things[*at].holder == process)
            .collect();
        let what = u.int_in_range(0..=15)?;
        if held.is_empty() || what == 0 {
            let handle = self.machine.event_of(self.processes[process]).unwrap();
            let (event, parent) = (self.events.len(), None);
            self.events.push(false);
            self.things.push(Thing { event, parent, holder: process, handle, state: State::Held });
            return Ok(());
        }
        let number = *u.choose(&held)?;
        let Thing { event, handle, .. } = self.things[number];
        let caller = self.processes[process];
        match what {
            1..=3 => {
                self.events[event] = u.arbitrary()?;
                self.machine.set(caller, handle, self.events[event]);
            }
            4..=6 => {
                let is_known = self.bound.iter().any(|it| (it.port, it.key) == (port, key));
                let registers = [self.ports[process][port], handle, key, SIGNALED];
                let expected = if is_known { Err(Error::Exists) } else { Ok(()) };
                assert_eq!(self.machine.bind_as(caller, registers), expected);
                if !is_known {
                    self.bound.push_back(Bound { port, key, thing: number, passed_over: 0 });
                }
            }
            7 => {
                let port_handle = self.ports[0][port];
                let place = self.bound.iter().position(|it| (it.port, it.key) == (port, key));
                let removed = place.and_then(|place| self.bound.remove(place));
                let expected = removed.map(drop).ok_or(Error::NotFound);
                assert_eq!(self.machine.cancel(port_handle, key), expected);
            }
            8 => {
                self.machine.system.close(caller, handle).unwrap();
                self.ends(number, State::Gone);
            }
            9 => {
                let rights = Kind::Event.rights().bits().into();
                let admitted = self.machine.admit_as(caller, Call::HandleReplace, &[handle]);
                let new = self.machine.system.handle_replace(admitted.unwrap(), rights).unwrap();
                self.ends(number, State::Held);
                self.things[number].handle = new.number().into();
            }
            10 => {
                let rights = Kind::Event.rights().bits().into();
                let admitted = self.machine.admit_as(caller, Call::HandleDuplicate, &[handle]);
                let new = self.machine.system.handle_duplicate(admitted.unwrap(), rights).unwrap();
                let handle = new.number().into();
                let parent = Some(number);
                self.things.push(Thing { parent, handle, ..self.things[number].clone() });
            }
            11 => self.revoke(caller, number),
            12 if process == 0 => self.send(number, u.choose_index(2)?),
            13 if process > 0 && u.ratio(1, 6)? => self.kill(process),
            _ => self.told(process, port),
        }
        self.machine.drain();
        Ok(())
    }

    /// What was bound by it is bound no more.
    fn ends(&mut self, number: usize, state: State) {
        self.bound.retain(|bound| bound.thing != number);
        self.things[number].state = state;
    }

    fn revoke(&mut self, caller: Key, top: usize) {
        let admitted =
            self.machine.admit_as(caller, Call::HandleRevoke, &[self.things[top].handle]);
        self.machine.system.handle_revoke(admitted.unwrap()).unwrap();
        for number in 0..self.things.len() {
            let mut at = self.things[number].parent;
            while at.is_some_and(|at| at != top) {
                at = at.and_then(|at| self.things[at].parent);
            }
            if at.is_some() && self.things[number].state == State::Held {
                self.ends(number, State::TakenBack);
            }
        }
    }

    fn send(&mut self, number: usize, child: usize) {
        if !self.is_alive[child + 1] {
            return;
        }
        let (channel, bootstrap) = (self.children[child].channel, self.children[child].bootstrap);
        self.machine.send(channel, &[self.things[number].handle]).unwrap();
        let process = self.processes[child + 1];
        let handle = self.machine.receive(process, bootstrap).unwrap()[0];
        self.ends(number, State::Held);
        (self.things[number].holder, self.things[number].handle) = (child + 1, handle);
    }

    fn kill(&mut self, process: usize) {
        let admitted = self.machine.admit(Call::ProcessKill, &[self.children[process - 1].handle]);
        self.machine.system.process_kill(admitted.unwrap()).unwrap();
        self.is_alive[process] = false;
        for number in 0..self.things.len() {
            if self.things[number].holder == process {
                self.ends(number, State::Gone);
            }
        }
    }

    /// What is told is bound and so, and nothing that is so is passed over for ever.
    fn told(&mut self, process: usize, port: usize) {
        let told = self.machine.next_as(self.processes[process], self.ports[process][port]);
        let Self { bound, things, events, .. } = self;
        let mut is_so = Vec::new();
        for bound in bound.iter_mut().filter(|bound| bound.port == port) {
            if !events[things[bound.thing].event] {
                bound.passed_over = 0;
                continue;
            }
            is_so.push(bound.key);
            bound.passed_over = if told == Ok(bound.key) { 0 } else { bound.passed_over + 1 };
            assert!(bound.passed_over < KEYS, "{} is never told", bound.key);
        }
        match told {
            Ok(key) => assert!(is_so.contains(&key), "{key} is not so"),
            Err(error) => assert!(error == Error::NotReady && is_so.is_empty(), "{is_so:?}"),
        }
    }

    /// The bindings are those of the list; of what was sent away one may be left that is told of
    /// no more.
    fn check(&self) {
        let (_, bindings) = self.machine.handles_and_bindings();
        assert!(bindings >= self.bound.len());
    }
}

/// Bind, cancel, close, exchange, duplicate, take back, send, kill and wait, in any order: a port
/// tells what is bound and so, in turn, and in the end nothing is left.
#[test]
fn no_sequence_lets_a_port_tell_of_what_its_binder_has_no_more() {
    arbtest::arbtest(|u| {
        let mut model = Model::new();
        for _ in 0..u.int_in_range(0..=150)? {
            model.step(u)?;
            model.check();
        }
        // Of what was not sent away nothing is left that the list does not have.
        model.machine.system.unbind_void();
        assert_eq!(model.machine.handles_and_bindings().1, model.bound.len());
        for process in [1, 2] {
            model.kill(process);
        }
        for number in 0..model.things.len() {
            let Thing { holder, handle, state, .. } = model.things[number];
            if holder == 0 && state != State::Gone {
                model.machine.close(handle).unwrap();
            }
        }
        model.machine.drain();
        assert_eq!(model.machine.handles_and_bindings().1, 0);
        for child in &model.children {
            model.machine.system.close(model.processes[0], child.handle).unwrap();
            model.machine.system.close(model.processes[0], child.channel).unwrap();
        }
        for port in model.ports[0] {
            model.machine.close(port).unwrap();
        }
        model.machine.drain();
        let fresh = Machine::new();
        assert_eq!(model.machine.system.counts(), fresh.system.counts());
        assert_eq!(model.machine.handles_and_bindings(), fresh.handles_and_bindings());
        Ok(())
    })
    .budget_ms(4_000);
}
