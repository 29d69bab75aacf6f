//! Processes, threads, jobs.

use luperiq_abi::limits::{NAME_BYTES_MAX, SETTINGS_BYTES_MAX, START_BYTES_MAX};
use luperiq_abi::wire::{JobInfo, ProcessInfo};
use luperiq_abi::{Error, Handle, Kind, Signals};
use luperiq_policy::{Admitted, Given, Key, Object, Refusal};

use super::{Caller, DONE, Outcome, handle};
use crate::arch::Frame;
use crate::kernel::{Kernel, Owner};
use crate::process::{LoadError, Process};
use crate::schedule::ThreadId;

impl Kernel {
    pub(super) fn exit(&mut self, caller: &Caller) -> Result<Outcome, Refusal> {
        // A program's code is what C makes of it: the lower 32 bits.
        let code = caller.registers[0] as i32;
        self.end_process(caller.key, code, "it ended itself");
        Ok(Outcome::Gone)
    }

    pub(super) fn spawn(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 2, START_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let given = self.system.spawn(admitted, &self.scratch[..bytes])?;
        self.load(given.process, self.archive_content(given.file), given.bootstrap);
        self.run(given.process);
        Ok(reply(&given))
    }

    pub(super) fn process_create(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 2, NAME_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let given = self.system.process_create(admitted, &self.scratch[..bytes])?;
        self.load(given.process, self.archive_content(given.file), given.bootstrap);
        Ok(reply(&given))
    }

    pub(super) fn process_start(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, START_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let process = self.system.process_start(admitted, &self.scratch[..bytes])?;
        self.run(process);
        Ok(DONE)
    }

    pub(super) fn process_info(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room_for(caller, 1, ProcessInfo::BYTES);
        let (admitted, ()) = self.checked(admitted, room)?;
        let info = self.system.process_info(admitted)?;
        self.answer(caller, 1, &info.encode());
        Ok(DONE)
    }

    pub(super) fn thread_create(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [entry, stack, argument, ..] = caller.registers;
        let is_possible = match self.space(caller) {
            Ok(space) if !space.is_code(entry) || !entry.is_multiple_of(4) => {
                Err(Error::BadPointer)
            }
            Ok(_) if !stack.is_multiple_of(16) => Err(Error::BadArgument),
            other => other.map(drop),
        };
        let possible = is_possible.and_then(|()| self.system.thread_started(caller.key));
        let (admitted, ()) = self.checked(admitted, possible)?;
        let owner = Owner { process: caller.process, key: caller.key, object: None };
        let priority = self.system.priority(caller.key);
        let frame = Frame::start(entry, stack, argument);
        let started = self.threads.start(owner, frame, priority);
        let (admitted, thread) = match started {
            Ok(thread) => (admitted, thread),
            Err(error) => {
                self.system.thread_ended(caller.key);
                return Err(self.system.refuse(admitted, error, 0));
            }
        };
        match self.system.object_create(admitted, Kind::Thread, thread.number()) {
            Ok(made) => {
                let object = self.system.key_of(caller.key, made);
                if let Some(thread) = self.threads.thread_mut(thread) {
                    thread.process.object = object;
                }
                if let Some(Some(process)) = self.processes.get_mut(caller.process) {
                    process.threads.push(thread);
                }
                Ok(handle(made))
            }
            Err(refusal) => {
                self.threads.end(thread);
                self.system.thread_ended(caller.key);
                Err(refusal)
            }
        }
    }

    pub(super) fn thread_exit(&mut self, caller: &Caller) -> Result<Outcome, Refusal> {
        self.end_thread(caller.thread);
        if let Some(Some(process)) = self.processes.get_mut(caller.process) {
            process.threads.retain(|thread| *thread != caller.thread);
        }
        self.system.thread_ended(caller.key);
        Ok(Outcome::Gone)
    }

    pub(super) fn priority_set(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let object = admitted.object(0);
        let native = self.system.native(&admitted, 0).unwrap_or(0);
        let kind = object.and_then(|object| self.system.object(object)).map(Object::kind);
        let thread = ThreadId::of(native);
        // The number of a thread that ended may be another's by now.
        let is_there = self.threads.thread(thread).is_some_and(|it| it.process.object == object);
        let is_ended = kind == Some(Kind::Thread) && !is_there;
        let state = if is_ended { Err(Error::WrongState) } else { Ok(()) };
        let (admitted, ()) = self.checked(admitted, state)?;
        let priority = self.system.priority_set(admitted, caller.registers[1])?;
        if kind == Some(Kind::Thread) {
            self.threads.set_priority(thread, priority);
        } else {
            let slot = native.checked_sub(1).map_or(usize::MAX, |slot| slot as usize);
            let process = self.processes.get(slot).and_then(Option::as_ref);
            for thread in process.into_iter().flat_map(|process| &process.threads) {
                self.threads.set_priority(*thread, priority);
            }
        }
        Ok(DONE)
    }

    pub(super) fn job_create(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, NAME_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        self.system.job_create(admitted, &self.scratch[..bytes]).map(handle)
    }

    pub(super) fn job_set(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, SETTINGS_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        self.system.job_set(admitted, &self.scratch[..bytes]).map(|()| DONE)
    }

    pub(super) fn job_info(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room_for(caller, 1, JobInfo::BYTES);
        let (admitted, ()) = self.checked(admitted, room)?;
        let info = self.system.job_info(admitted)?;
        self.answer(caller, 1, &info.encode());
        Ok(DONE)
    }

    pub(super) fn job_processes(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room(caller, 2, 16 * ProcessInfo::BYTES);
        let (admitted, bytes) = self.checked(admitted, room)?;
        let count_max = bytes / ProcessInfo::BYTES;
        let infos = self.system.job_processes(admitted, caller.registers[1], count_max)?;
        let mut at = caller.registers[2];
        for info in &infos {
            self.answer_at(caller, at, &info.encode());
            at += ProcessInfo::BYTES as u64;
        }
        Ok(Outcome::Reply(infos.len() as u64, 0))
    }

    pub(super) fn halt(&mut self, caller: &Caller, admitted: Admitted) -> Result<Outcome, Refusal> {
        self.system.halt(admitted)?;
        self.halt_code = caller.registers[1] as u8;
        Ok(Outcome::Gone)
    }

    /// Loads the program of a process that was made. What cannot be loaded ends there, and whoever
    /// made it learns that by waiting for it.
    pub(crate) fn load(&mut self, key: Key, file: &[u8], bootstrap: Handle) {
        let Some(slot) = self.free_slot() else {
            return self.kill(key, format_args!("too many processes"));
        };
        // An address space is known by its slot; 0 is the one of nobody.
        let asid = slot as u16 + 1;
        match Process::load(&mut self.machine.frames, asid, file, PROGRAM_BYTES_MAX) {
            Ok(mut process) => {
                process.bootstrap = bootstrap.number().into();
                self.place(slot, key, process);
            }
            Err(LoadError::Program(refusal)) => self.kill(key, format_args!("{refusal}")),
            Err(LoadError::Machine(error)) => self.kill(key, format_args!("{error}")),
        }
    }

    /// Keeps a loaded process, within what its job may have.
    fn place(&mut self, slot: usize, key: Key, process: Process) {
        let bytes = process.own_bytes();
        self.system.set_native(key, slot as u64 + 1);
        self.processes[slot] = Some(process);
        if let Err(error) = self.system.memory_charge(key, bytes) {
            self.kill(key, format_args!("{error}"));
        }
    }

    /// Lets the first thread of a process run.
    pub(crate) fn run(&mut self, key: Key) {
        let slot = self.system.object(key).and_then(|object| object.native.checked_sub(1));
        let slot = slot.map_or(usize::MAX, |slot| slot as usize);
        let Some(Some(process)) = self.processes.get(slot) else { return };
        let frame = process.first_frame(process.bootstrap);
        let owner = Owner { process: slot, key, object: None };
        let priority = self.system.priority(key);
        let started = self.system.thread_started(key);
        let started = started.and_then(|()| self.threads.start(owner, frame, priority));
        match (started, self.processes.get_mut(slot)) {
            (Ok(thread), Some(Some(process))) => process.threads.push(thread),
            (Err(error), _) => self.kill(key, format_args!("{error}")),
            _ => {}
        }
        #[cfg(feature = "selftest")]
        if let Some(name) = self.system.process_name(key) {
            crate::selftest::began(key, name, crate::time::now());
            self.set_timer();
        }
    }

    /// Ends a thread and tells whoever waits for it.
    pub(crate) fn end_thread(&mut self, thread: ThreadId) {
        if let Some(owner) = self.threads.end(thread)
            && let Some(object) = owner.object
        {
            self.system.set_signals(object, Signals::EXITED, Signals::NONE);
        }
    }

    /// A place for a process.
    fn free_slot(&mut self) -> Option<usize> {
        if let Some(slot) = self.processes.iter().position(Option::is_none) {
            return Some(slot);
        }
        if self.processes.len() >= PROCESSES_MAX || self.processes.try_reserve(1).is_err() {
            return None;
        }
        self.processes.push(None);
        Some(self.processes.len() - 1)
    }

    pub(super) fn handle_info(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room_for(caller, 1, luperiq_abi::wire::HandleInfo::BYTES);
        let (admitted, ()) = self.checked(admitted, room)?;
        let info = self.system.handle_info(admitted)?;
        self.answer(caller, 1, &info.encode());
        Ok(DONE)
    }

    pub(super) fn cap_request(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 0, luperiq_abi::limits::REQUEST_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        self.system.cap_request(admitted, &self.scratch[..bytes]).map(handle)
    }

    pub(super) fn endpoint_narrow(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, luperiq_abi::limits::HOST_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let [.., port, protocol, _] = caller.registers;
        let host = &self.scratch[..bytes];
        self.system.endpoint_narrow(admitted, host, port, protocol).map(handle)
    }
}

fn reply(given: &Given) -> Outcome {
    Outcome::Reply(given.handle.number().into(), given.channel.number().into())
}

/// A program's pages; what it asks for later counts against its job alone.
const PROGRAM_BYTES_MAX: u64 = 64 << 20;

/// Fewer than there are ASIDs; each takes some pages and a few hundred bytes of the heap.
const PROCESSES_MAX: usize = 256;

const _: () = assert!(PROCESSES_MAX < u16::MAX as usize);
