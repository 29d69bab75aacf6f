//! Processes: made from a file, given a channel and some handles, started, ended.
//!
//! # Invariants
//! - A process starts with one handle, its end of a channel to whoever made it. What else it gets
//!   is the first message in that channel, and nothing besides.

use alloc::vec::Vec;

use luperiq_abi::limits::{ARGUMENT_BYTES_MAX, MESSAGE_HANDLES_MAX, PRIORITY_MAX, PRIORITY_START};
use luperiq_abi::settings::Limit;
use luperiq_abi::wire::{ProcessInfo, StartHeader};
use luperiq_abi::{Error, Handle, Kind, Rights};

use super::channels::CHANNEL_RIGHTS;
use super::jobs::{KILLED, name_of};
use super::{Admitted, Fault, Refusal, System, copied, is_alive};
use crate::audit::event::Event;
use crate::object::{Body, Life, Object, Process};
use crate::slab::Key;
use crate::table::Table;

/// A process that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub process: Key,
    /// What the kernel calls the file it is made from.
    pub file: u64,
    /// The maker's handle to it.
    pub handle: Handle,
    /// The maker's end of the channel to it.
    pub channel: Handle,
    /// The process's own end, in its own table: what it finds in `x0` when it starts.
    pub bootstrap: Handle,
}

/// What a start says.
struct Start<'a> {
    handles: &'a [[u8; 4]],
    name: &'a [u8],
    /// The header, name and arguments, without the handles: what the process reads.
    message: Vec<u8>,
}

impl System {
    /// Makes the first process, which the kernel starts by itself. What it is given are objects
    /// that only the kernel makes, in the order in which its first message has them. Each of its
    /// `arguments` is ended by a zero byte.
    ///
    /// # Errors
    /// There is no memory, or no room in the record.
    pub fn first_process(
        &mut self,
        name: &str,
        program: &str,
        arguments: &[u8],
        native: u64,
        given: &[(Kind, u64, &str, Rights)],
    ) -> Result<(Key, Handle), Error> {
        if arguments.len() > ARGUMENT_BYTES_MAX || arguments.last().is_some_and(|last| *last != 0) {
            return Err(Error::BadArgument);
        }
        let job = self.root;
        let result = self.make_process(job, name, program, 0);
        let (process, ends, bootstrap) = result.map_err(|fault| fault.error)?;
        let mut grants = Vec::new();
        for (kind, native, place, rights) in given {
            let object = match kind {
                Kind::Job => {
                    self.retain(job);
                    job
                }
                Kind::Directory => {
                    let body = Body::Directory { place: place.as_bytes().to_vec() };
                    self.add(job, Object::new(*native, body)).map_err(|fault| fault.error)?
                }
                Kind::Endpoint => {
                    let body = Body::Endpoint(crate::rules::Endpoint {
                        protocol: luperiq_abi::settings::Protocol::Tcp,
                        port: 0,
                        host: b"*".to_vec(),
                    });
                    self.add(job, Object::new(*native, body)).map_err(|fault| fault.error)?
                }
                kind => self
                    .add(job, Object::new(*native, Body::Plain(*kind)))
                    .map_err(|fault| fault.error)?,
            };
            let handle = self.give_to(process, None, object, *rights);
            self.release(object);
            grants.push(handle.map_err(|fault| fault.error)?);
        }
        let header = StartHeader {
            handles_count: u16::try_from(grants.len()).map_err(|_| Error::Limit)?,
            name_bytes: u16::try_from(name.len()).map_err(|_| Error::BadArgument)?,
            arguments_bytes: u16::try_from(arguments.len()).map_err(|_| Error::BadArgument)?,
            reserved: 0,
        };
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(arguments);
        // The handles travel in the message like those of any other process.
        let keys: Vec<Key> = grants
            .iter()
            .filter_map(|handle| self.process_mut(process)?.table.remove(*handle).ok().flatten())
            .collect();
        for key in &keys {
            self.grants.set_holder(*key, crate::grant::Holder::Message(ends[1]), job);
        }
        if let Some(channel) = self.channel_mut(ends[1]) {
            if !channel.queue.has_room(bytes.len(), keys.len()) {
                return Err(Error::NoMemory);
            }
            keys.iter().for_each(|key| channel.queue.push_grant(*key));
            channel.queue.push(&bytes, keys.len());
        }
        let event =
            Event::ProcessStarted { by: 0, process: process.number(), handles_count: given.len() };
        self.log.happened(self.now, &event)?;
        if let Some(object) = self.objects.value_mut(process) {
            object.native = native;
        }
        self.run(process);
        // Nobody is at the other end.
        self.release(ends[0]);
        self.settle_doomed();
        Ok((process, bootstrap))
    }

    /// `process_create`: a process from a file, and the channel to it.
    ///
    /// # Errors
    /// It is refused.
    pub fn process_create(&mut self, admitted: Admitted, name: &[u8]) -> Result<Given, Refusal> {
        self.with(admitted, |system, admitted| system.create_process(admitted, name))
    }

    fn create_process(&mut self, admitted: &mut Admitted, name: &[u8]) -> Result<Given, Fault> {
        let (job, file) = (admitted.held(0)?, admitted.held(1)?);
        let name = name_of(name)?;
        let found = self.objects.value(file.object).ok_or(Error::BadHandle)?;
        let native = found.native;
        let Body::File { place } = &found.body else { return Err(Error::WrongKind.into()) };
        let target = self.job(job.object).ok_or(Error::WrongKind)?;
        // The job that it goes into may not allow the program, nor may the caller's own.
        let is_allowed = target.rules.covers_program(place)
            && self.rules_of(admitted.process)?.covers_program(place);
        if !is_allowed {
            return Err(Error::Policy.into());
        }
        let program = copied(place)?;
        let program = super::text(&program)?;
        self.can_hold(admitted.process, 2)?;
        self.record_use(admitted)?;
        let by = admitted.process.number();
        let (process, [outer, inner], bootstrap) =
            self.make_process(job.object, name, program, by)?;
        let handle = self.give(admitted, Some(job.grant), process, Kind::Process.rights());
        let channel = self.give(admitted, None, outer, CHANNEL_RIGHTS);
        self.release(outer);
        let _ = inner;
        let (Ok(handle), Ok(channel)) = (handle, channel) else {
            self.end_process(process, KILLED, "its maker could not hold it");
            return Err(Error::Limit.into());
        };
        Ok(Given { process, file: native, handle, channel, bootstrap })
    }

    /// A process in a job with its bootstrap channel, of whose outer end the caller has one
    /// reference to give up. Of the process itself it has none: the process lives by itself until
    /// it ends.
    fn make_process(
        &mut self,
        job: Key,
        name: &str,
        program: &str,
        by: u64,
    ) -> Result<(Key, [Key; 2], Handle), Fault> {
        if self.job(job).is_none_or(|job| job.is_closed) {
            return Err(Error::WrongState.into());
        }
        for limit in [Limit::Processes, Limit::Handles] {
            self.has_left(job, limit, 1)?;
        }
        self.has_left(job, Limit::Objects, 2)?;
        self.objects.reserve(3)?;
        self.grants.reserve(1)?;
        let mut table = Table::new();
        table.reserve(1)?;
        let priority = self.bound(job, Limit::Priority)?.min(PRIORITY_START) as u8;
        let ends = self.channel_pair(job)?;
        let process = self.objects.insert(Object::new(
            0,
            Body::Process(Process {
                job,
                name: copied(name.as_bytes())?,
                life: Life::Made,
                table,
                threads_count: 0,
                memory_bytes: 0,
                cpu_nanoseconds: 0,
                denials_count: 0,
                priority,
            }),
        ))?;
        self.retain(process);
        self.retain(job);
        self.charge(job, Limit::Processes, 1)?;
        if let Some(job) = self.job_mut(job) {
            job.is_settled = true;
        }
        self.signal(job, luperiq_abi::Signals::NONE, luperiq_abi::Signals::EXITED);
        let bootstrap = self.give_to(process, None, ends[1], CHANNEL_RIGHTS);
        self.release(ends[1]);
        let event =
            Event::ProcessMade { by, process: process.number(), job: job.number(), name, program };
        let recorded = self.log.happened(self.now, &event).map_err(Fault::from);
        match recorded.and(bootstrap) {
            Ok(bootstrap) => Ok((process, ends, bootstrap)),
            Err(fault) => {
                self.release(ends[0]);
                self.end_process(process, KILLED, "it could not be made");
                Err(fault)
            }
        }
    }

    /// `process_start`: gives a process its handles, and says which it is. The kernel then runs
    /// it.
    ///
    /// # Errors
    /// It is refused, and the handles stay with the caller.
    pub fn process_start(&mut self, admitted: Admitted, start: &[u8]) -> Result<Key, Refusal> {
        self.with(admitted, |system, admitted| {
            let process = admitted.held(0)?.object;
            system.start_process(admitted, process, start)?;
            Ok(process)
        })
    }

    /// `spawn`: makes a process and starts it.
    ///
    /// # Errors
    /// It is refused, and the handles stay with the caller.
    pub fn spawn(&mut self, admitted: Admitted, start: &[u8]) -> Result<Given, Refusal> {
        self.with(admitted, |system, admitted| {
            let read = read_start(start)?;
            let given = system.create_process(admitted, read.name)?;
            if let Err(fault) = system.start_process(admitted, given.process, start) {
                system.take_from(admitted.process, given.handle);
                system.take_from(admitted.process, given.channel);
                system.end_process(given.process, KILLED, "it could not be started");
                return Err(fault);
            }
            Ok(given)
        })
    }

    fn start_process(
        &mut self,
        admitted: &mut Admitted,
        key: Key,
        start: &[u8],
    ) -> Result<(), Fault> {
        let start = read_start(start)?;
        let process = self.process(key).ok_or(Error::WrongKind)?;
        if process.life != Life::Made {
            return Err(Error::WrongState.into());
        }
        // The process has one handle: its end of the channel.
        let Some(inner) = self.bootstrap_of(key) else { return Err(Error::WrongState.into()) };
        let ends = [inner, inner];
        let by = admitted.process.number();
        self.log.reserve(start.handles.len() + 1)?;
        self.send(admitted, ends, &start.message, start.handles)?;
        let event =
            Event::ProcessStarted { by, process: key.number(), handles_count: start.handles.len() };
        // Its handles are recorded one by one; that it runs is known from the first thing it does.
        let _ = self.log.happened(self.now, &event);
        self.run(key);
        Ok(())
    }

    fn run(&mut self, key: Key) {
        if let Some(process) = self.process_mut(key) {
            process.life = Life::Running;
        }
    }

    /// The object of a process's first handle.
    fn bootstrap_of(&self, process: Key) -> Option<Key> {
        let first = Handle::new(0, 1)?;
        let grant = self.process(process)?.table.find(first).ok()?;
        Some(self.grants.held(grant)?.object)
    }

    /// Says what the kernel calls a process.
    pub fn set_native(&mut self, object: Key, native: u64) {
        if let Some(object) = self.objects.value_mut(object) {
            object.native = native;
        }
    }

    /// `process_kill`: ends a process.
    ///
    /// # Errors
    /// It is refused.
    pub fn process_kill(&mut self, admitted: Admitted) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let process = admitted.held(0)?.object;
            system.record_use(admitted)?;
            system.end_process(process, KILLED, "it was ended by another");
            Ok(())
        })
    }

    /// `priority_set`: how urgent a thread is, or a process: then all threads that it has and will
    /// have. Gives it back as the kernel keeps it, for the threads that there are.
    ///
    /// # Errors
    /// It is refused: above what the job may have, or the process has ended.
    pub fn priority_set(&mut self, admitted: Admitted, priority: u64) -> Result<u8, Refusal> {
        self.with(admitted, |system, admitted| {
            let whom = admitted.held(0)?.object;
            if priority > PRIORITY_MAX {
                return Err(Error::BadArgument.into());
            }
            let object = system.objects.value(whom).ok_or(Error::BadHandle)?;
            let job = match &object.body {
                Body::Process(process) if is_alive(process.life) => Some(process.job),
                Body::Process(_) => None,
                // A thread counts against its process's job.
                _ => object.charged,
            };
            if priority > system.bound(job.ok_or(Error::WrongState)?, Limit::Priority)? {
                return Err(Fault { error: Error::Limit, detail: Limit::Priority as u64 });
            }
            system.record_use(admitted)?;
            let priority = priority as u8;
            if let Some(process) = system.process_mut(whom) {
                process.priority = priority;
            }
            Ok(priority)
        })
    }

    /// How urgent a thread is that a process starts.
    #[must_use]
    pub fn priority(&self, process: Key) -> u8 {
        self.process(process).map_or(0, |process| process.priority)
    }

    fn bound(&self, job: Key, limit: Limit) -> Result<u64, Error> {
        self.job(job).map(|job| job.rules.limit(limit)).ok_or(Error::WrongKind)
    }

    /// `process_info`: how a process is.
    ///
    /// # Errors
    /// It is refused.
    pub fn process_info(&mut self, admitted: Admitted) -> Result<ProcessInfo, Refusal> {
        self.with(admitted, |system, admitted| {
            let process = admitted.held(0)?.object;
            system.record_use(admitted)?;
            system.process_info_of(process).ok_or(Error::WrongKind.into())
        })
    }

    /// Counts a thread that a process starts.
    ///
    /// # Errors
    /// Its job may have no more, or it does not run.
    pub fn thread_started(&mut self, process: Key) -> Result<(), Error> {
        if self.life(process) != Some(Life::Running) {
            return Err(Error::WrongState);
        }
        let job = self.job_of(process)?;
        self.charge(job, Limit::Threads, 1)?;
        if let Some(process) = self.process_mut(process) {
            process.threads_count += 1;
        }
        Ok(())
    }

    /// Counts a thread that ended; with the last one the process ends.
    pub fn thread_ended(&mut self, process: Key) {
        let Some(found) = self.process_mut(process) else { return };
        if found.threads_count == 0 {
            return;
        }
        found.threads_count -= 1;
        let (left, job) = (found.threads_count, found.job);
        self.discharge(job, Limit::Threads, 1);
        if left == 0 {
            self.process_end(process, 0, "its last thread ended");
        }
    }

    /// Where a process is in its life.
    #[must_use]
    pub fn life(&self, process: Key) -> Option<Life> {
        self.process(process).map(|process| process.life)
    }

    /// The process's name.
    #[must_use]
    pub fn process_name(&self, key: Key) -> Option<&str> {
        core::str::from_utf8(&self.process(key)?.name).ok()
    }
}

fn read_start(bytes: &[u8]) -> Result<Start<'_>, Error> {
    let header = StartHeader::decode(bytes).ok_or(Error::BadArgument)?;
    let rest = bytes.get(StartHeader::BYTES..).ok_or(Error::BadArgument)?;
    let handles_count = usize::from(header.handles_count);
    let (name_bytes, arguments_bytes) =
        (usize::from(header.name_bytes), usize::from(header.arguments_bytes));
    if handles_count > MESSAGE_HANDLES_MAX
        || arguments_bytes > ARGUMENT_BYTES_MAX
        || header.reserved != 0
        || rest.len() != 4 * handles_count + name_bytes + arguments_bytes
    {
        return Err(Error::BadArgument);
    }
    let (numbers, texts) = rest.split_at(4 * handles_count);
    let (name, arguments) = texts.split_at(name_bytes);
    if arguments.last().is_some_and(|last| *last != 0) {
        return Err(Error::BadArgument);
    }
    let handles = numbers.as_chunks().0;
    let mut message = Vec::new();
    let bytes_max = StartHeader::BYTES + texts.len();
    message.try_reserve_exact(bytes_max).map_err(|_| Error::NoMemory)?;
    message.extend_from_slice(&header.encode());
    message.extend_from_slice(texts);
    Ok(Start { handles, name, message })
}
