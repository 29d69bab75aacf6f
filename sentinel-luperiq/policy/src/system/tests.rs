//! What the system promises, one thing at a time; [`model`] has it for any sequence.

use alloc::string::ToString as _;
use alloc::vec;

use luperiq_abi::settings::{Protocol, Setting};
use luperiq_abi::wire::{ConnectHeader, StartHeader};
use luperiq_abi::{Signals, call};
use sentinel_core::journal::EpochSeed;

use super::*;
use crate::audit::Making;
use crate::limits::LOG_BYTES_MIN;

mod model;
mod ports;

/// A machine on which one process, the first, holds everything.
pub(super) struct Machine {
    pub(super) system: System,
    pub(super) first: Key,
    /// Its handles: the channel it was started with, then what it was given.
    pub(super) handles: Vec<u64>,
}

pub(super) const NOW: Timestamp = Timestamp(1_000);

impl Machine {
    pub(super) fn new() -> Self {
        Self::with_limits([1 << 40; LIMITS_COUNT])
    }

    pub(super) fn with_limits(limits: [u64; LIMITS_COUNT]) -> Self {
        let log = Log::create(Making {
            origin: "luperiq.test/kernel".to_string(),
            journal: *b"kernel01",
            seed: EpochSeed::first([1; 32]),
            nonce: [2; 16],
            now: NOW,
            bytes_max: 8 * LOG_BYTES_MIN,
            is_stored: false,
            digest: sentinel_core::journal::digest,
        })
        .unwrap();
        let mut system = System::new(limits, log, NOW).unwrap();
        system.started("test").unwrap();
        let given: Vec<_> = GIVEN.iter().map(|kind| (*kind, 50, "", kind.rights())).collect();
        let (first, bootstrap) = system.first_process("init", "bin/init", b"", 1, &given).unwrap();
        system.thread_started(first).unwrap();
        let mut machine = Self { system, first, handles: vec![u64::from(bootstrap.number())] };
        let read = machine.admit(Call::ChannelRead, &[machine.handles[0]]).unwrap();
        let received = machine.system.channel_read(read, 1024, 16, Handles).unwrap();
        machine.handles.extend(received);
        machine.drain();
        machine
    }

    pub(super) fn handle(&self, kind: Kind) -> u64 {
        self.handles[1 + GIVEN.iter().position(|given| *given == kind).unwrap()]
    }

    pub(super) fn admit(&mut self, call: Call, registers: &[u64]) -> Result<Admitted, Refusal> {
        self.admit_as(self.first, call, registers)
    }

    pub(super) fn admit_as(
        &mut self,
        process: Key,
        call: Call,
        registers: &[u64],
    ) -> Result<Admitted, Refusal> {
        let mut all = [0; 6];
        all[..registers.len()].copy_from_slice(registers);
        self.system.admit(NOW, process, u64::from(call.number()), &all)
    }

    /// Opens a file of the store for the first process.
    pub(super) fn open(&mut self, path: &str, flags: u64) -> Result<u64, Refusal> {
        let directory = self.handle(Kind::Directory);
        let admitted = self.admit(Call::Open, &[directory])?;
        let opening = self.system.open(admitted, path.as_bytes(), flags)?;
        self.system.opened(opening, 60).map(|handle| u64::from(handle.number()))
    }

    /// A job in the root job.
    pub(super) fn job(&mut self, settings: &[Setting<'_>]) -> u64 {
        let root = self.handle(Kind::Job);
        let admitted = self.admit(Call::JobCreate, &[root]).unwrap();
        let job = u64::from(self.system.job_create(admitted, b"job").unwrap().number());
        let row = row(settings);
        let admitted = self.admit(Call::JobSet, &[job]).unwrap();
        self.system.job_set(admitted, &row).unwrap();
        job
    }

    /// A process in a job, which runs and has these handles of the first process.
    pub(super) fn spawn(&mut self, job: u64, handles: &[u32]) -> Result<Child, Refusal> {
        let file = self.open("bin/child", call::open::EXECUTE)?;
        let admitted = self.admit(Call::Spawn, &[job, file])?;
        let given = self.system.spawn(admitted, &start(b"child", handles))?;
        self.system.set_native(given.process, 2);
        self.system.thread_started(given.process).unwrap();
        self.system.close(self.first, file).unwrap();
        let bootstrap = u64::from(given.bootstrap.number());
        let read = self.admit_as(given.process, Call::ChannelRead, &[bootstrap])?;
        let handles = self.system.channel_read(read, 8192, 16, Handles)?;
        let [handle, channel] =
            [given.handle, given.channel].map(|handle| u64::from(handle.number()));
        Ok(Child { process: given.process, handle, channel, bootstrap, handles })
    }

    /// What the kernel would do after each call.
    pub(super) fn drain(&mut self) {
        loop {
            let left = [
                self.system.next_ended().is_some(),
                self.system.next_changed().is_some(),
                self.system.next_released().is_some(),
            ];
            if left == [false; 3] {
                break;
            }
        }
        let end = self.system.log().pending().1.iter().map(|piece| piece.len()).sum::<usize>();
        let begin = self.system.log().pending().0;
        self.system.log().flushed(begin + end as u64);
    }

    pub(super) fn close(&mut self, handle: u64) -> Result<(), Error> {
        self.system.close(self.first, handle).map_err(|refusal| refusal.error)
    }

    pub(super) fn channel(&mut self) -> [u64; 2] {
        let admitted = self.admit(Call::ChannelCreate, &[]).unwrap();
        self.system.channel_create(admitted).unwrap().map(|handle| u64::from(handle.number()))
    }

    pub(super) fn duplicate(&mut self, handle: u64, rights: Rights) -> Result<u64, Error> {
        let admitted =
            self.admit(Call::HandleDuplicate, &[handle]).map_err(|refusal| refusal.error)?;
        let result = self.system.handle_duplicate(admitted, u64::from(rights.bits()));
        result.map(|handle| u64::from(handle.number())).map_err(|refusal| refusal.error)
    }

    pub(super) fn send(&mut self, channel: u64, handles: &[u64]) -> Result<(), Error> {
        let admitted =
            self.admit(Call::ChannelWrite, &[channel]).map_err(|refusal| refusal.error)?;
        let handles: Vec<_> = handles.iter().map(|it| (*it as u32).to_le_bytes()).collect();
        let result = self.system.channel_write(admitted, b"message", &handles);
        result.map_err(|refusal| refusal.error)
    }

    /// The handles of the next message.
    pub(super) fn receive(&mut self, process: Key, channel: u64) -> Result<Vec<u64>, Error> {
        let admitted = self
            .admit_as(process, Call::ChannelRead, &[channel])
            .map_err(|refusal| refusal.error)?;
        let received = self.system.channel_read(admitted, 64, 16, Handles);
        received.map_err(|refusal| refusal.error)
    }

    pub(super) fn rights(&mut self, process: Key, handle: u64) -> Rights {
        let admitted = self.admit_as(process, Call::HandleInfo, &[handle]).unwrap();
        let info = self.system.handle_info(admitted).unwrap();
        Rights::from_bits(u64::from(info.rights)).unwrap()
    }
}

/// A process that the first one started.
pub(super) struct Child {
    pub(super) process: Key,
    pub(super) handle: u64,
    pub(super) channel: u64,
    pub(super) bootstrap: u64,
    pub(super) handles: Vec<u64>,
}

/// What the first process is given.
const GIVEN: [Kind; 8] = [
    Kind::Job,
    Kind::Directory,
    Kind::Endpoint,
    Kind::Console,
    Kind::Clock,
    Kind::Entropy,
    Kind::AuditReader,
    Kind::Network,
];

/// Reads the handles of a message.
pub(super) struct Handles;

impl Reader for Handles {
    type Answer = Vec<u64>;

    fn read(self, received: Received<'_>) -> Vec<u64> {
        received.handles.iter().map(|handle| u64::from(*handle)).collect()
    }
}

/// Reads all of it.
struct Whole;

impl Reader for Whole {
    type Answer = (Vec<u8>, Vec<u64>);

    fn read(self, received: Received<'_>) -> Self::Answer {
        (received.bytes.concat(), Handles.read(received))
    }
}

pub(super) fn start(name: &[u8], handles: &[u32]) -> Vec<u8> {
    let header = StartHeader {
        handles_count: handles.len() as u16,
        name_bytes: name.len() as u16,
        arguments_bytes: 0,
        reserved: 0,
    };
    let mut start = header.encode().to_vec();
    handles.iter().for_each(|handle| start.extend_from_slice(&handle.to_le_bytes()));
    start.extend_from_slice(name);
    start
}

pub(super) fn row(settings: &[Setting<'_>]) -> Vec<u8> {
    let mut row = vec![0; 1024];
    let mut end = 0;
    for setting in settings {
        end += setting.encode(&mut row[end..]).unwrap();
    }
    row.truncate(end);
    row
}

#[test]
fn a_process_starts_with_a_channel_and_what_it_was_given() {
    let mut machine = Machine::new();
    let console = machine.handle(Kind::Console);
    let given = machine.duplicate(console, Rights::WRITE.with(Rights::TRANSFER)).unwrap();
    let job = machine.job(&[]);
    let child = machine.spawn(job, &[given as u32]).unwrap();
    assert_eq!(child.handles.len(), 1);
    let rights = machine.rights(child.process, child.handles[0]);
    assert_eq!(rights, Rights::WRITE.with(Rights::TRANSFER));
    assert_eq!(machine.system.process(child.process).unwrap().table.count(), 2);
    let gone = machine.admit(Call::HandleInfo, &[given]).unwrap_err();
    assert_eq!(gone.error, Error::BadHandle, "what was given is the giver's no more");
    let info = machine.admit(Call::ProcessInfo, &[child.handle]).unwrap();
    assert_eq!(machine.system.process_info(info).unwrap().state, 1);
    let _ = child.bootstrap;
}

#[test]
fn revoking_reaches_messages_other_processes_and_what_was_made_of_it() {
    let mut machine = Machine::new();
    let job = machine.job(&[]);
    let child = machine.spawn(job, &[]).unwrap();
    let console = machine.handle(Kind::Console);
    let copies: Vec<u64> =
        (0..3).map(|_| machine.duplicate(console, Kind::Console.rights()).unwrap()).collect();
    machine.send(child.channel, &[copies[0]]).unwrap();
    let of_child = machine.receive(child.process, child.bootstrap).unwrap()[0];
    machine.send(child.channel, &[copies[1]]).unwrap();
    let of_copy = machine.duplicate(copies[2], Rights::READ).unwrap();
    machine.close(copies[2]).unwrap();
    let revoke = machine.admit(Call::HandleRevoke, &[console]).unwrap();
    assert_eq!(machine.system.handle_revoke(revoke), Ok(3));
    assert_eq!(machine.receive(child.process, child.bootstrap), Ok(vec![0]), "on its way");
    let refused = machine.admit_as(child.process, Call::Write, &[of_child]).unwrap_err();
    assert_eq!((refused.error, refused.is_fatal), (Error::Revoked, false));
    let refused = machine.admit(Call::Read, &[of_copy]).unwrap_err();
    assert_eq!(refused.error, Error::Revoked);
    assert_eq!(machine.system.close(child.process, of_child), Ok(()));
    assert!(machine.admit(Call::Write, &[console]).is_ok(), "the handle itself stays");
}

#[test]
fn the_end_of_a_process_leaves_nothing() {
    let mut machine = Machine::new();
    let before = machine.system.counts();
    let job = machine.job(&[]);
    let [one, other] = machine.channel();
    let child = machine.spawn(job, &[one as u32]).unwrap();
    let memory = machine.admit_as(child.process, Call::MemoryCreate, &[4097]).unwrap();
    let (_, bytes) = machine.system.memory_create(memory, 4097, 9).unwrap();
    assert_eq!(bytes, 8192);
    machine.system.memory_charge(child.process, 4096).unwrap();
    machine.system.process_end(child.process, 3, "it said so");
    let wait = machine.admit(Call::Wait, &[child.handle]).unwrap();
    let wait = machine.system.wait_one(wait, u64::from(Signals::EXITED.bits())).unwrap();
    assert!(machine.system.signals(wait.object).contains(Signals::EXITED));
    assert_eq!(machine.system.life(child.process), Some(Life::Ended(3)));
    let refused = machine.send(other, &[]);
    assert_eq!(refused, Err(Error::PeerClosed));
    let info = machine.admit(Call::JobInfo, &[job]).unwrap();
    let info = machine.system.job_info(info).unwrap();
    assert_eq!((info.processes_count, info.memory_bytes, info.handles_count), (0, 0, 0));
    for handle in [child.handle, child.channel, other, job] {
        machine.close(handle).unwrap();
    }
    machine.drain();
    assert_eq!(machine.system.counts(), before);
}

/// Two channels, each of which holds an end of the other in a message, keep each other alive
/// without anybody; when a process ends that is found.
/// How urgent a process is stays within what its job may have, and nothing else decides it.
#[test]
fn a_process_is_as_urgent_as_its_job_may_be() {
    let mut machine = Machine::new();
    let job = machine.job(&[Setting::Bound(Limit::Priority, 2)]);
    let child = machine.spawn(job, &[]).unwrap();
    assert_eq!(machine.system.priority(child.process), 2, "less than what others start with");
    for (whom, priority, expected) in [
        (child.handle, 3, Err(Error::Limit)),
        (child.handle, 8, Err(Error::BadArgument)),
        (job, 1, Err(Error::WrongKind)),
        (child.handle, 1, Ok(1)),
    ] {
        let admitted = machine.admit(Call::PrioritySet, &[whom, priority]);
        let set = admitted.and_then(|admitted| machine.system.priority_set(admitted, priority));
        assert_eq!(set.map_err(|refusal| refusal.error), expected);
    }
    assert_eq!(machine.system.priority(child.process), 1);
    let admitted = machine.admit(Call::HandleReplace, &[child.handle]).unwrap();
    let rights = Rights::WAIT.with(Rights::INSPECT).bits();
    let lesser = machine.system.handle_replace(admitted, rights.into()).unwrap();
    let refused = machine.admit(Call::PrioritySet, &[lesser.number().into(), 0]);
    assert_eq!(refused.map(drop).map_err(|refusal| refusal.error), Err(Error::NotAllowed));
    assert_eq!(machine.system.priority(child.process), 1);
}

#[test]
fn channels_that_only_hold_each_other_go() {
    let mut machine = Machine::new();
    let before = machine.system.counts();
    let job = machine.job(&[]);
    let [a, a_other] = machine.channel();
    let [b, b_other] = machine.channel();
    machine.send(a, &[b_other]).unwrap();
    machine.send(b, &[a_other]).unwrap();
    machine.close(a).unwrap();
    machine.close(b).unwrap();
    let child = machine.spawn(job, &[]).unwrap();
    machine.system.process_end(child.process, 0, "it said so");
    for handle in [child.handle, child.channel, job] {
        machine.close(handle).unwrap();
    }
    machine.drain();
    assert_eq!(machine.system.counts(), before);
}

#[test]
fn a_process_that_nobody_can_start_ends() {
    let mut machine = Machine::new();
    let before = machine.system.counts();
    let root = machine.handle(Kind::Job);
    let file = machine.open("bin/child", call::open::EXECUTE).unwrap();
    let admitted = machine.admit(Call::ProcessCreate, &[root, file]).unwrap();
    let given = machine.system.process_create(admitted, b"child").unwrap();
    machine.close(u64::from(given.channel.number())).unwrap();
    assert_eq!(machine.system.life(given.process), Some(Life::Made));
    machine.close(u64::from(given.handle.number())).unwrap();
    assert!(matches!(machine.system.life(given.process), Some(Life::Ended(_))));
    machine.close(file).unwrap();
    machine.drain();
    assert_eq!(machine.system.counts(), before);
}

#[test]
fn a_request_goes_to_the_supervisor_and_the_answer_comes_back() {
    let mut machine = Machine::new();
    let job = machine.job(&[]);
    let [inbox, outbox] = machine.channel();
    let child = machine.spawn(job, &[]).unwrap();
    let ask = |machine: &mut Machine| {
        let admitted = machine.admit_as(child.process, Call::CapRequest, &[]).unwrap();
        machine.system.cap_request(admitted, b"FILE_READ:notes.txt")
    };
    assert_eq!(ask(&mut machine).unwrap_err().error, Error::PeerClosed, "nobody supervises");
    let admitted = machine.admit(Call::JobSupervise, &[job, outbox]).unwrap();
    machine.system.job_supervise(admitted).unwrap();
    let answer = u64::from(ask(&mut machine).unwrap().number());
    let reply = machine.receive(machine.first, inbox).unwrap()[0];
    let file = machine.open("notes.txt", call::open::READ).unwrap();
    machine.send(reply, &[file]).unwrap();
    let got = machine.receive(child.process, answer).unwrap()[0];
    assert!(machine.rights(child.process, got).contains(Rights::READ));
    let admitted = machine.admit_as(child.process, Call::CapRequest, &[]).unwrap();
    let refused = machine.system.cap_request(admitted, b"EVERYTHING:").unwrap_err();
    assert_eq!(refused.error, Error::BadArgument);
}

#[test]
fn endpoints_only_narrow_and_sockets_are_asked_twice() {
    let mut machine = Machine::new();
    let wide = machine.handle(Kind::Endpoint);
    let narrow = |machine: &mut Machine, from: u64, host: &str, port: u64| {
        let admitted = machine.admit(Call::EndpointNarrow, &[from]).unwrap();
        let made = machine.system.endpoint_narrow(admitted, host.as_bytes(), port, 1);
        made.map(|handle| u64::from(handle.number())).map_err(|refusal| refusal.error)
    };
    let some = narrow(&mut machine, wide, "*.example.com", 443).unwrap();
    assert_eq!(narrow(&mut machine, some, "example.net", 443), Err(Error::Widens));
    assert_eq!(narrow(&mut machine, some, "a.example.com", 80), Err(Error::Widens));
    assert_eq!(narrow(&mut machine, wide, "10.0.2.2", 80), Err(Error::BadArgument));
    let one = narrow(&mut machine, some, "a.example.com", 443).unwrap();
    let admitted = machine.admit(Call::SocketCreate, &[some]).unwrap();
    let refused = machine.system.socket_create(admitted).unwrap_err();
    assert_eq!(refused.error, Error::BadArgument, "many hosts are no host");
    let job = machine.job(&[Setting::Endpoint(Protocol::Tcp, 443, b"b.example.com")]);
    let child = machine.spawn(job, &[one as u32]).unwrap();
    let admitted =
        machine.admit_as(child.process, Call::SocketCreate, &[child.handles[0]]).unwrap();
    let refused = machine.system.socket_create(admitted).unwrap_err();
    assert_eq!(refused.error, Error::Policy, "a handle by mistake connects to nothing");
}

/// A socket to one host, connected, and what whoever serves the network has of it.
fn connected(machine: &mut Machine) -> (u64, u64) {
    let wide = machine.handle(Kind::Endpoint);
    let admitted = machine.admit(Call::EndpointNarrow, &[wide]).unwrap();
    let one = machine.system.endpoint_narrow(admitted, b"a.example.com", 443, 1).unwrap();
    let admitted = machine.admit(Call::SocketCreate, &[u64::from(one.number())]).unwrap();
    let socket = u64::from(machine.system.socket_create(admitted).unwrap().number());
    let admitted = machine.admit(Call::SocketConnect, &[socket]).unwrap();
    let refused = machine.system.socket_connect(admitted).unwrap_err();
    assert_eq!(refused.error, Error::Unreachable, "nobody serves the network");
    let admitted = machine.admit(Call::ChannelCreate, &[]).unwrap();
    let ends = machine.system.channel_create(admitted).unwrap();
    let [inbox, outbox] = ends.map(|end| u64::from(end.number()));
    let network = machine.handle(Kind::Network);
    let admitted = machine.admit(Call::NetworkServe, &[network, outbox]).unwrap();
    machine.system.network_serve(admitted).unwrap();
    let admitted = machine.admit(Call::SocketConnect, &[socket]).unwrap();
    let key = machine.system.socket_connect(admitted).unwrap();
    let admitted = machine.admit(Call::ChannelRead, &[inbox]).unwrap();
    let (request, handles) = machine.system.channel_read(admitted, 1024, 16, Whole).unwrap();
    let header = ConnectHeader::decode(&request).unwrap();
    assert_eq!((header.port, header.protocol), (443, 1));
    assert_eq!(&request[ConnectHeader::BYTES..], b"a.example.com");
    let line = handles[0];
    let admitted = machine.admit(Call::SocketSend, &[socket]).unwrap();
    let refused = machine.system.socket_send(admitted, b"early").unwrap_err();
    assert_eq!(refused.error, Error::WrongState);
    let admitted = machine.admit(Call::ChannelWrite, &[line]).unwrap();
    machine.system.channel_write(admitted, &[0; 4], &[]).unwrap();
    machine.system.connected(key).unwrap();
    (socket, line)
}

#[test]
fn a_socket_carries_bytes_and_their_end_and_no_handles() {
    let mut machine = Machine::new();
    let (socket, line) = connected(&mut machine);
    let send = |machine: &mut Machine, bytes: &[u8]| {
        let admitted = machine.admit(Call::SocketSend, &[socket]).unwrap();
        machine.system.socket_send(admitted, bytes).map_err(|refusal| refusal.error)
    };
    let receive = |machine: &mut Machine, max: usize| {
        let admitted = machine.admit(Call::SocketRecv, &[socket]).unwrap();
        let received = machine.system.socket_recv(admitted, max);
        received.map(|pieces| pieces.concat()).map_err(|refusal| refusal.error)
    };
    let write = |machine: &mut Machine, bytes: &[u8], handles: &[[u8; 4]]| {
        let admitted = machine.admit(Call::ChannelWrite, &[line]).unwrap();
        machine.system.channel_write(admitted, bytes, handles).map_err(|refusal| refusal.error)
    };
    // As much as a channel holds, and then no more.
    let longest = [1; luperiq_abi::limits::MESSAGE_BYTES_MAX + 1];
    assert_eq!(send(&mut machine, &longest), Ok(longest.len() - 1), "a part");
    for _ in 0..3 {
        send(&mut machine, &longest).unwrap();
    }
    assert_eq!(send(&mut machine, b"more"), Err(Error::NotReady));
    let key = machine.system.find(machine.first, socket).unwrap().object;
    assert!(!machine.system.signals(key).contains(Signals::WRITABLE));
    let admitted = machine.admit(Call::ChannelRead, &[line]).unwrap();
    machine.system.channel_read(admitted, longest.len(), 0, Handles).unwrap();
    assert!(machine.system.signals(key).contains(Signals::WRITABLE));
    // The other way, in the reader's pieces; the end stays the end.
    assert_eq!(receive(&mut machine, 9), Err(Error::NotReady));
    write(&mut machine, b"answer", &[]).unwrap();
    write(&mut machine, b"", &[]).unwrap();
    assert_eq!(receive(&mut machine, 4), Ok(b"answ".to_vec()));
    assert_eq!(receive(&mut machine, 4), Ok(b"er".to_vec()));
    assert_eq!(receive(&mut machine, 4), Ok(Vec::new()));
    assert_eq!(receive(&mut machine, 4), Ok(Vec::new()));
    let console = machine.handle(Kind::Console) as u32;
    assert_eq!(write(&mut machine, b"", &[console.to_le_bytes()]), Err(Error::BadArgument));
    // Requests would come out of the socket, handles and all.
    let network = machine.handle(Kind::Network);
    let admitted = machine.admit(Call::NetworkServe, &[network, line]).unwrap();
    assert_eq!(machine.system.network_serve(admitted).unwrap_err().error, Error::BadArgument);
    machine.close(line).unwrap();
    machine.drain();
    assert_eq!(send(&mut machine, b"late"), Err(Error::PeerClosed));
}

#[test]
fn a_writer_hears_of_room_where_there_was_none() {
    let mut machine = Machine::new();
    let [writer, reader] = machine.channel();
    while machine.send(writer, &[]).is_ok() {}
    let key = machine.system.find(machine.first, writer).unwrap().object;
    machine.system.watch(key, true);
    assert!(!machine.system.signals(key).contains(Signals::WRITABLE));
    machine.receive(machine.first, reader).unwrap();
    assert!(machine.system.signals(key).contains(Signals::WRITABLE));
    assert_eq!(machine.system.next_changed(), Some(key));
    // Nothing of what it waits for changes any more.
    machine.receive(machine.first, reader).unwrap();
    assert_eq!(machine.system.next_changed(), None);
}

#[test]
fn a_socket_is_connected_once_and_its_end_is_heard() {
    let mut machine = Machine::new();
    let (socket, line) = connected(&mut machine);
    let admitted = machine.admit(Call::SocketConnect, &[socket]).unwrap();
    assert_eq!(machine.system.socket_connect(admitted).unwrap_err().error, Error::WrongState);
    machine.close(socket).unwrap();
    machine.drain();
    let admitted = machine.admit(Call::ChannelRead, &[line]).unwrap();
    let refused = machine.system.channel_read(admitted, 9, 0, Handles).unwrap_err();
    assert_eq!(refused.error, Error::PeerClosed, "the network's program hears that it is gone");
}
