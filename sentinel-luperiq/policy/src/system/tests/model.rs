//! Any sequence of operations, held against a plain list of who was given what.

use alloc::collections::VecDeque;

use arbtest::arbitrary::{self, Unstructured};

use super::*;

/// What somebody was given once. Nothing is ever taken out of the list of these.
#[derive(Clone, Debug)]
struct Given {
    rights: Rights,
    /// From which it was made.
    parent: Option<usize>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// This process, by number, has it under this handle.
    Held(usize, u64),
    /// Taken back from there; the handle is not closed yet.
    TakenBack(usize, u64),
    Travels,
    Gone,
}

struct Node {
    process: Key,
    /// The first process's handles: to it, and of the channel.
    handle: u64,
    channel: u64,
    bootstrap: u64,
    is_alive: bool,
    /// What was sent and not read: to it, from it.
    inbox: VecDeque<usize>,
    outbox: VecDeque<usize>,
}

struct Model {
    machine: Machine,
    given: Vec<Given>,
    nodes: Vec<Node>,
}

impl Model {
    fn new() -> Self {
        let mut machine = Machine::new();
        let given = OURS
            .map(|kind| {
                let place = Place::Held(0, machine.handle(kind));
                Given { rights: kind.rights(), parent: None, place }
            })
            .to_vec();
        let job = machine.job(&[]);
        let nodes = (0..3)
            .map(|_| {
                let Child { process, handle, channel, bootstrap, .. } =
                    machine.spawn(job, &[]).unwrap();
                let (inbox, outbox) = (VecDeque::new(), VecDeque::new());
                Node { process, handle, channel, bootstrap, is_alive: true, inbox, outbox }
            })
            .collect();
        machine.close(job).unwrap();
        Self { machine, given, nodes }
    }

    fn key(&self, process: usize) -> Key {
        if process == 0 { self.machine.first } else { self.nodes[process - 1].process }
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let in_tables: Vec<_> = (0..self.given.len())
            .filter_map(|number| match self.given[number].place {
                Place::Held(process, handle) => Some((number, process, handle, Ok(()))),
                Place::TakenBack(process, handle) => {
                    Some((number, process, handle, Err(Error::Revoked)))
                }
                Place::Travels | Place::Gone => None,
            })
            .collect();
        if in_tables.is_empty() {
            return Ok(());
        }
        let (number, process, handle, is_there) = *u.choose(&in_tables)?;
        let given = self.given[number].clone();
        let rights = Rights::from_bits(u64::from(u.int_in_range(0..=Rights::ALL.bits())?)).unwrap();
        let bits = u64::from(rights.bits());
        let place = |made: Handle| Place::Held(process, u64::from(made.number()));
        match u.int_in_range(0..=9)? {
            0..=2 => {
                let may = is_there.and(holds(given.rights, Rights::DUPLICATE));
                let got = self.call(process, Call::HandleDuplicate, handle, |system, admitted| {
                    system.handle_duplicate(admitted, bits)
                });
                assert_eq!(got.map(drop), may.and(is_fewer(given.rights, rights)));
                if let Ok(made) = got {
                    self.given.push(Given { rights, parent: Some(number), place: place(made) });
                }
            }
            3 => {
                let got = self.call(process, Call::HandleReplace, handle, |system, admitted| {
                    system.handle_replace(admitted, bits)
                });
                assert_eq!(got.map(drop), is_there.and(is_fewer(given.rights, rights)));
                if let Ok(made) = got {
                    self.given[number] = Given { rights, place: place(made), ..given };
                }
            }
            4 => {
                assert_eq!(self.machine.system.close(self.key(process), handle), Ok(()));
                self.given[number].place = Place::Gone;
            }
            5 | 6 => {
                let node = u.choose_index(self.nodes.len())?;
                let node = if process == 0 { node } else { process - 1 };
                self.send(node, number, process, handle, is_there);
            }
            7 => self.receive(u.choose_index(self.nodes.len())?, u.arbitrary()?),
            8 => {
                let may = is_there.and(holds(given.rights, Rights::DUPLICATE));
                let got = self.call(process, Call::HandleRevoke, handle, System::handle_revoke);
                assert_eq!(got, may.map(|()| self.take_back(number)));
            }
            _ if u.ratio(1, 8)? => self.kill(u.choose_index(self.nodes.len())?),
            _ => {}
        }
        Ok(())
    }

    fn call<T>(
        &mut self,
        process: usize,
        call: Call,
        handle: u64,
        act: impl FnOnce(&mut System, Admitted) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let key = self.key(process);
        let admitted = self.machine.admit_as(key, call, &[handle]);
        let result = admitted.and_then(|admitted| act(&mut self.machine.system, admitted));
        result.map_err(|refusal| refusal.error)
    }

    /// From the first process to another, or from that to the first.
    fn send(
        &mut self,
        node: usize,
        number: usize,
        process: usize,
        handle: u64,
        is_there: Result<(), Error>,
    ) {
        let target = &self.nodes[node];
        let channel = if process == 0 { target.channel } else { target.bootstrap };
        let waiting = if process == 0 { &target.inbox } else { &target.outbox }.len();
        let expected = if process == 0 && !target.is_alive {
            Err(Error::PeerClosed)
        } else {
            let is_full = waiting >= luperiq_abi::limits::CHANNEL_MESSAGES_MAX;
            let room = if is_full { Err(Error::NotReady) } else { Ok(()) };
            is_there.and(holds(self.given[number].rights, Rights::TRANSFER)).and(room)
        };
        let got = self.call(process, Call::ChannelWrite, channel, |system, admitted| {
            system.channel_write(admitted, b"", &[(handle as u32).to_le_bytes()])
        });
        assert_eq!(got, expected);
        if got.is_ok() {
            self.given[number].place = Place::Travels;
            let target = &mut self.nodes[node];
            let queue = if process == 0 { &mut target.inbox } else { &mut target.outbox };
            queue.push_back(number);
        }
    }

    fn receive(&mut self, node: usize, is_child: bool) {
        let target = &mut self.nodes[node];
        if is_child && !target.is_alive {
            return;
        }
        let (reader, channel, queue) = if is_child {
            (node + 1, target.bootstrap, &mut target.inbox)
        } else {
            (0, target.channel, &mut target.outbox)
        };
        let expected = queue.pop_front();
        let got = self.call(reader, Call::ChannelRead, channel, |system, admitted| {
            system.channel_read(admitted, 0, 16, Handles)
        });
        let Some(number) = expected else {
            assert!(matches!(got, Err(Error::NotReady | Error::PeerClosed)), "{got:?}");
            return;
        };
        let handle = got.unwrap()[0];
        let given = &mut self.given[number];
        assert_eq!(handle == 0, given.place == Place::Gone, "taken back on the way");
        if handle != 0 {
            given.place = Place::Held(reader, handle);
        }
    }

    /// Everything made from it, and how much of that somebody had.
    fn take_back(&mut self, top: usize) -> u64 {
        let mut count = 0;
        for number in 0..self.given.len() {
            let mut at = self.given[number].parent;
            while at.is_some_and(|at| at != top) {
                at = at.and_then(|at| self.given[at].parent);
            }
            let place = &mut self.given[number].place;
            let after = match *place {
                Place::Held(process, handle) => Place::TakenBack(process, handle),
                Place::Travels => Place::Gone,
                other => other,
            };
            if at.is_some() && after != *place {
                *place = after;
                count += 1;
            }
        }
        count
    }

    fn kill(&mut self, node: usize) {
        let handle = self.nodes[node].handle;
        assert_eq!(self.call(0, Call::ProcessKill, handle, System::process_kill), Ok(()));
        let target = &mut self.nodes[node];
        target.is_alive = false;
        for number in target.inbox.drain(..) {
            self.given[number].place = Place::Gone;
        }
        for given in &mut self.given {
            if let Place::Held(process, _) | Place::TakenBack(process, _) = given.place
                && process == node + 1
            {
                given.place = Place::Gone;
            }
        }
    }

    /// Every handle means what the list says, with the rights that it says, and there are no more.
    fn check(&mut self) {
        let mut counts = vec![0; self.nodes.len() + 1];
        for given in self.given.clone() {
            match given.place {
                Place::Held(process, handle) => {
                    let key = self.key(process);
                    assert_eq!(self.machine.rights(key, handle), given.rights);
                    counts[process] += 1;
                }
                Place::TakenBack(process, handle) => {
                    let found = self.machine.system.find(self.key(process), handle);
                    assert_eq!(found.map(drop), Err(Error::Revoked));
                    counts[process] += 1;
                }
                Place::Travels | Place::Gone => {}
            }
        }
        for (process, count) in counts.into_iter().enumerate() {
            let table = &self.machine.system.process(self.key(process)).unwrap().table;
            let others = match process {
                0 => 1 + GIVEN.len() - OURS.len() + 2 * self.nodes.len(),
                node => usize::from(self.nodes[node - 1].is_alive),
            };
            assert_eq!(table.count(), count + others, "process {process}");
        }
    }
}

fn holds(held: Rights, needed: Rights) -> Result<(), Error> {
    if held.contains(needed) { Ok(()) } else { Err(Error::NotAllowed) }
}

fn is_fewer(held: Rights, asked: Rights) -> Result<(), Error> {
    if held.contains(asked) { Ok(()) } else { Err(Error::Widens) }
}

/// The handles that the model plays with.
const OURS: [Kind; 3] = [Kind::Console, Kind::Directory, Kind::Clock];

/// Duplicate, replace, close, send, receive, take back and kill, in any order: at every step every
/// handle of every process is one that was given, with those rights; a refusal is the one expected;
/// and in the end the counts are those of a machine on which nothing happened.
#[test]
fn no_sequence_gives_a_right_that_was_not_given() {
    arbtest::arbtest(|u| {
        let mut model = Model::new();
        for _ in 0..u.int_in_range(0..=120)? {
            model.step(u)?;
            model.check();
            model.machine.drain();
        }
        for node in 0..model.nodes.len() {
            model.kill(node);
            model.check();
        }
        for node in 0..model.nodes.len() {
            for handle in [model.nodes[node].handle, model.nodes[node].channel] {
                model.machine.close(handle).unwrap();
            }
            let lost: Vec<usize> = model.nodes[node].outbox.drain(..).collect();
            lost.into_iter().for_each(|number| model.given[number].place = Place::Gone);
        }
        for given in &model.given {
            if let Place::Held(0, handle) | Place::TakenBack(0, handle) = given.place {
                model.machine.close(handle).unwrap();
            }
        }
        model.machine.drain();
        // The first process, its channel's end, the root job, what the model left alone.
        let left = 1 + GIVEN.len() - OURS.len();
        assert_eq!(model.machine.system.counts(), [left + 1, left, left]);
        Ok(())
    })
    .budget_ms(4_000);
}

/// Any calls with any arguments from several processes, by a kernel that does nothing itself:
/// nothing panics, nobody gets a right that its kind does not know, and in the end all is gone.
#[test]
fn random_calls_leave_nothing() {
    arbtest::arbtest(|u| {
        let mut machine = Machine::new();
        let before = machine.system.counts();
        let job = machine.job(&[]);
        let mut processes = Vec::new();
        for _ in 0..3 {
            let mut given = Vec::new();
            for kind in [Kind::Console, Kind::Directory, Kind::Endpoint, Kind::Network] {
                let handle = machine.handle(kind);
                given.push(machine.duplicate(handle, kind.rights()).unwrap() as u32);
            }
            given.push(machine.duplicate(job, Kind::Job.rights()).unwrap() as u32);
            let child = machine.spawn(job, &given).unwrap();
            machine.close(child.handle).unwrap();
            machine.close(child.channel).unwrap();
            processes.push(child.process);
        }
        for _ in 0..u.int_in_range(0..=300)? {
            let process = *u.choose(&processes)?;
            random_call(&mut machine, process, u)?;
            if u.ratio(1, 4)? {
                machine.drain();
            }
        }
        let job_key = machine.system.find(machine.first, job).unwrap().object;
        machine.system.job_end(job_key, "the end");
        machine.close(job).unwrap();
        machine.drain();
        assert_eq!(machine.system.counts(), before);
        Ok(())
    })
    .budget_ms(4_000);
}

fn random_call(
    machine: &mut Machine,
    process: Key,
    u: &mut Unstructured<'_>,
) -> arbitrary::Result<()> {
    let row = u.choose(call::TABLE)?;
    let handle = |u: &mut Unstructured<'_>| -> arbitrary::Result<u64> {
        let (index, generation) = (u.int_in_range(0..=11)?, u.int_in_range(1..=3)?);
        Ok(Handle::new(index, generation).map_or(0, |handle| u64::from(handle.number())))
    };
    let number = u.int_in_range(0..=8_u64)?;
    let bits = u64::from(u.int_in_range(0..=Rights::ALL.bits())?);
    let handles = [handle(u)? as u32, handle(u)? as u32];
    let written = handles.map(u32::to_le_bytes);
    let handles = &handles[..u.int_in_range(0..=2)?];
    let written = &written[..handles.len()];
    let registers = [handle(u)?, handle(u)?, handle(u)?, number, 0, 0];
    let system = &mut machine.system;
    let Ok(admitted) = system.admit(NOW, process, u64::from(row.number), &registers) else {
        return Ok(());
    };
    match row.call {
        Call::HandleDuplicate => drop(system.handle_duplicate(admitted, bits)),
        Call::HandleReplace => drop(system.handle_replace(admitted, bits)),
        Call::HandleRevoke => drop(system.handle_revoke(admitted)),
        Call::HandleInfo => {
            let info = system.handle_info(admitted).unwrap();
            let kind = Kind::from_number(u64::from(info.kind)).unwrap();
            assert_eq!(kind.rights().bits() & info.rights, info.rights);
        }
        Call::Close => drop(system.close(process, registers[0])),
        Call::ChannelCreate => drop(system.channel_create(admitted)),
        Call::ChannelWrite => drop(system.channel_write(admitted, b"bytes", written)),
        Call::ChannelRead => drop(system.channel_read(admitted, 8192, 16, Handles)),
        Call::JobCreate => drop(system.job_create(admitted, b"job")),
        Call::JobSet => drop(system.job_set(admitted, &any_row(u)?)),
        Call::JobSupervise => drop(system.job_supervise(admitted)),
        Call::JobKill if u.ratio(1, 20)? => drop(system.job_kill(admitted)),
        Call::JobInfo => drop(system.job_info(admitted)),
        Call::ProcessCreate => drop(system.process_create(admitted, b"process")),
        Call::ProcessStart => drop(system.process_start(admitted, &start(b"", handles))),
        Call::Spawn => drop(system.spawn(admitted, &start(b"process", handles))),
        Call::ProcessKill if u.ratio(1, 10)? => drop(system.process_kill(admitted)),
        Call::ProcessInfo => drop(system.process_info(admitted)),
        Call::MemoryCreate => drop(system.memory_create(admitted, number * 1000, 3)),
        Call::MemoryMap => drop(system.memory_map(admitted, [0, 0, 4096, number], 0)),
        Call::EventCreate => drop(system.object_create(admitted, Kind::Event, 4)),
        Call::EventSignal => drop(system.event_signal(admitted, number % 3)),
        Call::WaitOne => drop(system.wait_one(admitted, number)),
        Call::PortCreate => drop(system.object_create(admitted, Kind::Port, 0)),
        Call::PortBind => drop(system.port_bind(admitted, number, bits % 32)),
        Call::PortCancel => drop(system.port_cancel(admitted, number)),
        Call::PortWait => {
            if let Ok(port) = system.port_wait(admitted) {
                let is_telling = !system.signals(port.object).is_empty();
                assert_eq!(system.port_next(port.object).is_ok(), is_telling);
            }
        }
        Call::CapRequest => drop(system.cap_request(admitted, b"SPAWN:bin/a")),
        Call::AuditWrite => drop(system.audit_write(admitted, b"a note")),
        Call::EndpointNarrow => {
            let host = *u.choose(&["*", "*.b", "a.b", "c", "1.2"])?;
            let _ = system.endpoint_narrow(admitted, host.as_bytes(), number, 1);
        }
        Call::SocketCreate => drop(system.socket_create(admitted)),
        Call::NetworkServe => drop(system.network_serve(admitted)),
        Call::SocketConnect => {
            if let Ok(socket) = system.socket_connect(admitted) {
                let _ = system.connected(socket);
            }
        }
        Call::SocketSend => drop(system.socket_send(admitted, b"bytes")),
        Call::SocketRecv => drop(system.socket_recv(admitted, 3)),
        Call::Open => {
            let path = *u.choose(&["a", "a/b", "..", "bin/child", ".", "a/.."])?;
            let flags = *u.choose(&[1, 2, 3, 7, 16, 32, 0, 99])?;
            if let Ok(opening) = system.open(admitted, path.as_bytes(), flags) {
                assert!(crate::path::is_place(&opening.place));
                let _ = system.opened(opening, 6);
            }
        }
        Call::Remove => drop(system.remove(admitted, b"a")),
        Call::Read => drop(system.read(admitted)),
        Call::Exit if u.ratio(1, 20)? => system.process_end(process, 0, "it said so"),
        _ if u.arbitrary()? => drop(system.allow(admitted)),
        _ => {
            let _ = system.refuse(admitted, Error::BadPointer, 0);
        }
    }
    Ok(())
}

fn any_row(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let settings = [
        Setting::Bound(Limit::Handles, u.int_in_range(0..=20)?),
        Setting::FileRights(Rights::READ),
        Setting::Program(b""),
        Setting::FileTree(b"a"),
        Setting::MisuseAnswered(false),
    ];
    let end = u.int_in_range(0..=settings.len())?;
    Ok(row(&settings[..end]))
}
