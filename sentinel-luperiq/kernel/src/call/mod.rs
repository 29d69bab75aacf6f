//! System calls: from the registers of a program to a deed and back.
//!
//! `luperiq-policy` decides and records; here its answers become deeds. The order is always the
//! same: what the call names in memory is checked and copied, the policy looks the handles up,
//! checks rights and rules and records, and only then something happens. Whatever could fail
//! afterwards (no room for the answer) was made sure of before.
//!
//! # Invariants
//! - A call that could not be recorded was not done.
//! - Nothing of a program's memory is read twice: what was checked is what is used.

mod files;
mod memory;
mod network;
mod port;
mod processes;
pub(crate) mod stored;
mod things;
mod waiting;

pub(crate) use things::Timer;
pub(crate) use waiting::Waits;

use luperiq_abi::limits::TRANSFER_BYTES_MAX;
use luperiq_abi::{Call, Error, Reply};
use luperiq_policy::{Admitted, Key, Refusal};

use crate::arch::Frame;
use crate::kernel::{Kernel, Owner};
use crate::schedule::{Thread, ThreadId};

/// Who calls, and with what in its registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) thread: ThreadId,
    pub(crate) process: usize,
    pub(crate) key: Key,
    pub(crate) registers: [u64; 6],
}

/// What becomes of a call that was not refused.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done.
    Reply(u64, u64),
    /// Its thread waits.
    Wait(Waits, Option<crate::time::Instant>),
    /// Its thread is no more.
    Gone,
}

/// Done, without a value.
pub(crate) const DONE: Outcome = Outcome::Reply(0, 0);

impl Kernel {
    /// Serves the call of the thread that runs.
    pub(crate) fn call(&mut self, frame: &mut Frame) {
        let number = frame.registers[8];
        // The call that is there to be measured uses no authority and leaves no record.
        if number == 0 {
            frame.reply(Reply { first: 0, second: 0 });
            return;
        }
        #[cfg(feature = "selftest")]
        crate::selftest::at_call(number);
        let Some(thread) = self.threads.running() else { return };
        let Some(Thread { process: owner, .. }) = self.threads.thread(thread) else { return };
        let [one, two, three, four, five, six, ..] = frame.registers;
        let registers = [one, two, three, four, five, six];
        let caller = Caller { thread, process: owner.process, key: owner.key, registers };
        match self.serve(&caller, number) {
            Ok(Outcome::Reply(first, second)) if first >> 63 == 0 => {
                frame.reply(Reply { first, second });
            }
            Ok(Outcome::Reply(first, second)) => frame.reply(Reply::of(Ok((first, second)))),
            Ok(Outcome::Wait(waits, deadline)) => self.wait(frame, waits, deadline),
            Ok(Outcome::Gone) => {}
            Err(refusal) => self.refused(frame, &caller, number, refusal),
        }
        self.settle();
        self.disk.is_left();
        self.flush_if_due();
        self.go_on_if_outranked(frame);
    }

    /// The thread that runs, and whose it is.
    pub(crate) fn running(&self) -> Option<(ThreadId, Owner)> {
        let id = self.threads.running()?;
        Some((id, self.threads.thread(id)?.process))
    }

    fn refused(&mut self, frame: &mut Frame, caller: &Caller, number: u64, refusal: Refusal) {
        if refusal.is_fatal {
            let name = Call::brief_of(number).map_or("no call", |brief| brief.call.name());
            self.kill(caller.key, format_args!("{name}: {}", refusal.error));
        } else {
            frame.reply(Reply::of(Err((refusal.error, refusal.detail))));
        }
    }

    fn serve(&mut self, caller: &Caller, number: u64) -> Result<Outcome, Refusal> {
        // A handle that was taken back can be closed, but stands for nothing to be admitted.
        if number == u64::from(Call::Close.number()) {
            return self.system.close(caller.key, caller.registers[0]).map(|()| DONE);
        }
        let now = self.timestamp();
        let usual = self.system.admit_usual(now, caller.key, number, &caller.registers);
        let admitted = match usual {
            Some(admitted) => admitted,
            None => self.system.admit(now, caller.key, number, &caller.registers)?,
        };
        match admitted.call() {
            Call::Null | Call::Close => {
                self.system.done(admitted);
                Ok(DONE)
            }
            Call::Yield => {
                self.system.done(admitted);
                Ok(Outcome::Wait(Waits::Turn, None))
            }
            Call::Exit => {
                self.system.done(admitted);
                self.exit(caller)
            }
            Call::Spawn => self.spawn(caller, admitted),
            Call::ThreadCreate => self.thread_create(caller, admitted),
            Call::ThreadExit => {
                self.system.done(admitted);
                self.thread_exit(caller)
            }
            Call::PrioritySet => self.priority_set(caller, admitted),
            Call::ProcessCreate => self.process_create(caller, admitted),
            Call::ProcessStart => self.process_start(caller, admitted),
            Call::ProcessKill => self.system.process_kill(admitted).map(|()| DONE),
            Call::ProcessInfo => self.process_info(caller, admitted),
            Call::JobCreate => self.job_create(caller, admitted),
            Call::JobSet => self.job_set(caller, admitted),
            Call::JobKill => self.system.job_kill(admitted).map(|()| DONE),
            Call::JobInfo => self.job_info(caller, admitted),
            Call::JobSupervise => self.system.job_supervise(admitted).map(|()| DONE),
            Call::JobProcesses => self.job_processes(caller, admitted),
            Call::Halt => self.halt(caller, admitted),
            Call::HandleDuplicate => {
                self.system.handle_duplicate(admitted, caller.registers[1]).map(handle)
            }
            Call::HandleReplace => {
                self.system.handle_replace(admitted, caller.registers[1]).map(handle)
            }
            Call::HandleInfo => self.handle_info(caller, admitted),
            Call::HandleRevoke => {
                self.system.handle_revoke(admitted).map(|count| Outcome::Reply(count, 0))
            }
            Call::ChannelCreate => self.system.channel_create(admitted).map(|[one, other]| {
                Outcome::Reply(u64::from(one.number()), u64::from(other.number()))
            }),
            Call::ChannelWrite | Call::ChannelCall => self.channel_write(caller, admitted),
            Call::ChannelRead => self.channel_read(caller, admitted),
            Call::Wait => self.wait_process(caller, admitted),
            Call::WaitOne => self.wait_one(caller, admitted),
            Call::WaitMany => self.wait_many(caller, admitted),
            Call::EventCreate => {
                self.system.object_create(admitted, luperiq_abi::Kind::Event, 0).map(handle)
            }
            Call::EventSignal => {
                self.system.event_signal(admitted, caller.registers[1]).map(|()| DONE)
            }
            Call::PortCreate => {
                self.system.object_create(admitted, luperiq_abi::Kind::Port, 0).map(handle)
            }
            Call::PortBind => self.port_bind(caller, admitted),
            Call::PortCancel => self.port_cancel(caller, admitted),
            Call::PortWait => self.port_wait(caller, admitted),
            Call::TimerCreate => self.timer_create(caller, admitted),
            Call::TimerSet => self.timer_set(caller, admitted),
            Call::ClockRead => self.clock_read(admitted),
            Call::EntropyRead => self.entropy_read(caller, admitted),
            Call::Read => self.read(caller, admitted),
            Call::Write => self.write(caller, admitted),
            Call::Open => self.open(caller, admitted),
            Call::Stat => self.stat(caller, admitted),
            Call::MemoryCreate => self.memory_create(caller, admitted),
            Call::MemoryMap => self.memory_map(caller, admitted),
            Call::MemoryUnmap => self.memory_unmap(caller, admitted),
            Call::MemoryProtect => self.memory_protect(caller, admitted),
            Call::CapRequest => self.cap_request(caller, admitted),
            Call::AuditWrite => self.audit_write(caller, admitted),
            Call::AuditRead => self.audit_read(caller, admitted),
            Call::AuditHead => self.audit_head(caller, admitted),
            Call::EndpointNarrow => self.endpoint_narrow(caller, admitted),
            Call::Remove => self.remove(caller, admitted),
            Call::Sync => self.sync(admitted),
            Call::NetworkServe => self.system.network_serve(admitted).map(|()| DONE),
            Call::NetworkInfo => self.network_info(admitted),
            Call::SocketCreate => self.system.socket_create(admitted).map(handle),
            Call::SocketConnect => self.socket_connect(caller, admitted),
            Call::SocketSend => self.socket_send(caller, admitted),
            Call::SocketRecv => self.socket_recv(caller, admitted),
            Call::FrameSend => self.frame_send(caller, admitted),
            Call::FrameReceive => self.frame_receive(caller, admitted),
        }
    }

    /// Copies what a call names by two registers, from `place` on, to the start of the scratch
    /// space; gives how long it is.
    pub(crate) fn input(
        &mut self,
        caller: &Caller,
        place: usize,
        max: usize,
    ) -> Result<usize, Error> {
        let (at, bytes) = pair(caller, place);
        self.copy_in(caller, at, bytes, 0, max)
    }

    /// Copies a program's bytes into the scratch space; gives where they end.
    pub(crate) fn copy_in(
        &mut self,
        caller: &Caller,
        at: u64,
        bytes: u64,
        start: usize,
        max: usize,
    ) -> Result<usize, Error> {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= max);
        let bytes = bytes.ok_or(Error::BadArgument)?;
        let process = self.processes.get(caller.process).and_then(Option::as_ref);
        let space = &process.ok_or(Error::BadPointer)?.space;
        let out = self.scratch.get_mut(start..start + bytes).ok_or(Error::BadArgument)?;
        space.read(at, out)?;
        Ok(start + bytes)
    }

    /// How many bytes of an answer there is room for, by two registers from `place` on; the room
    /// is the program's to write.
    pub(crate) fn room(&self, caller: &Caller, place: usize, max: usize) -> Result<usize, Error> {
        let (at, bytes) = pair(caller, place);
        let bytes = bytes.min(max as u64);
        self.space(caller)?.check_write(at, bytes)?;
        Ok(bytes as usize)
    }

    /// Room for exactly this structure.
    pub(crate) fn room_for(
        &self,
        caller: &Caller,
        place: usize,
        bytes: usize,
    ) -> Result<(), Error> {
        let (_, room) = pair(caller, place);
        if room < bytes as u64 {
            return Err(Error::TooLong);
        }
        self.room(caller, place, bytes).map(drop)
    }

    /// Writes an answer for which there is room.
    pub(crate) fn answer(&mut self, caller: &Caller, place: usize, bytes: &[u8]) {
        let (at, _) = pair(caller, place);
        self.answer_at(caller, at, bytes);
    }

    /// Writes an answer for which there is room.
    pub(crate) fn answer_at(&mut self, caller: &Caller, at: u64, bytes: &[u8]) {
        if let Some(Some(process)) = self.processes.get_mut(caller.process) {
            let written = process.space.write(at, bytes);
            debug_assert!(written.is_ok(), "room that was made sure of");
        }
    }

    pub(crate) fn space(
        &self,
        caller: &Caller,
    ) -> Result<&crate::memory::space::Space<crate::process::MemoryName>, Error> {
        let process = self.processes.get(caller.process).and_then(Option::as_ref);
        process.map(|process| &process.space).ok_or(Error::BadPointer)
    }

    /// Refuses an admitted call for an error that was found here, or goes on with its value.
    pub(crate) fn checked<T>(
        &mut self,
        admitted: Admitted,
        result: Result<T, Error>,
    ) -> Result<(Admitted, T), Refusal> {
        match result {
            Ok(value) => Ok((admitted, value)),
            Err(error) => Err(self.system.refuse(admitted, error, 0)),
        }
    }
}

impl Frame {
    pub(crate) fn reply(&mut self, reply: Reply) {
        self.registers[0] = reply.first;
        self.registers[1] = reply.second;
    }
}

/// Where bytes stand and how many, by the registers from `place` on.
fn pair(caller: &Caller, place: usize) -> (u64, u64) {
    let register = |place: usize| caller.registers.get(place).copied().unwrap_or(0);
    (register(place), register(place + 1))
}

/// A reply that is a handle.
fn handle(handle: luperiq_abi::Handle) -> Outcome {
    Outcome::Reply(handle.number().into(), 0)
}

/// A failure that the policy had no part in: the deed was allowed and recorded.
fn failed(error: Error) -> Refusal {
    Refusal { error, detail: 0, is_fatal: false }
}

/// Room for the longest input.
pub(crate) const SCRATCH_BYTES: usize = TRANSFER_BYTES_MAX;

/// What a process that was ended for what it did is said to have said.
pub(crate) const KILLED: i32 = -2;
