//! Objects that programs make, memory, and waiting.

use luperiq_abi::limits::{PAGE_BYTES, WAIT_MANY_MAX};
use luperiq_abi::settings::Limit;
use luperiq_abi::{Error, Handle, Kind, Rights, Signals};

use super::{Admitted, Fault, Refusal, System};
use crate::memory;
use crate::object::{Body, Object, Port};
use crate::slab::Key;

/// One of the things that a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitHandle {
    /// The object.
    pub object: Key,
    /// What it waits for.
    pub signals: Signals,
}

impl System {
    /// Makes an object that the kernel keeps the rest of (a timer, an event), or a port, and gives
    /// the caller a handle with every right that means something for it.
    ///
    /// # Errors
    /// It is refused.
    pub fn object_create(
        &mut self,
        admitted: Admitted,
        kind: Kind,
        native: u64,
    ) -> Result<Handle, Refusal> {
        self.with(admitted, |system, admitted| {
            let body = match kind {
                Kind::Port => Body::Port(Port::default()),
                kind => Body::Plain(kind),
            };
            system.create(admitted, None, Object::new(native, body), kind.rights())
        })
    }

    /// `memory_create`: pages of memory, counted against the job. Gives how many bytes they are.
    ///
    /// # Errors
    /// It is refused.
    pub fn memory_create(
        &mut self,
        admitted: Admitted,
        bytes: u64,
        native: u64,
    ) -> Result<(Handle, u64), Refusal> {
        self.with(admitted, |system, admitted| {
            let bytes = match bytes.checked_next_multiple_of(PAGE_BYTES) {
                Some(bytes) if bytes > 0 => bytes,
                _ => return Err(Error::BadArgument.into()),
            };
            let job = system.job_of(admitted.process)?;
            system.has_left(job, Limit::Memory, bytes)?;
            let object = Object::new(native, Body::Memory { bytes });
            let handle = system.create(admitted, None, object, Kind::Memory.rights())?;
            system.charge(job, Limit::Memory, bytes)?;
            Ok((handle, bytes))
        })
    }

    /// `memory_map`, as far as it is decided here: the rights that the protection needs, and that
    /// what is mapped lies in the object. Gives what the kernel calls the memory, and which rights
    /// `memory_protect` may use later. New tables for it take `table_bytes`, which the job has to
    /// have left; the kernel counts them when it makes them.
    ///
    /// # Errors
    /// It is refused.
    pub fn memory_map(
        &mut self,
        admitted: Admitted,
        [at, offset, bytes, protection]: [u64; 4],
        table_bytes: u64,
    ) -> Result<(u64, Rights), Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let needed = memory::rights_for(protection)?;
            if !held.rights.contains(needed) {
                return Err(Error::NotAllowed.into());
            }
            if at != 0 {
                memory::pages(at, bytes)?;
            }
            let object = system.objects.value(held.object).ok_or(Error::BadHandle)?;
            let Body::Memory { bytes: size } = object.body else {
                return Err(Error::WrongKind.into());
            };
            let native = object.native;
            let end = offset.checked_add(bytes).filter(|end| *end <= size);
            let is_whole = bytes > 0 && bytes % PAGE_BYTES == 0 && offset % PAGE_BYTES == 0;
            if end.is_none() || !is_whole {
                return Err(Error::BadArgument.into());
            }
            let job = system.job_of(admitted.process)?;
            system.has_left(job, Limit::Memory, table_bytes)?;
            system.record_use(admitted)?;
            Ok((native, held.rights))
        })
    }

    /// `memory_protect`, as far as it is decided here: `allowed` are the rights with which it was
    /// mapped.
    ///
    /// # Errors
    /// It is refused.
    pub fn memory_protect(
        &mut self,
        admitted: Admitted,
        [at, bytes, protection]: [u64; 3],
        allowed: Rights,
    ) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            memory::pages(at, bytes)?;
            if !allowed.contains(memory::rights_for(protection)?) {
                return Err(Error::NotAllowed.into());
            }
            system.record_use(admitted)
        })
    }

    /// Counts memory that a process has of its own (its program, its stack, its tables).
    ///
    /// # Errors
    /// Its job may have no more.
    pub fn memory_charge(&mut self, process: Key, bytes: u64) -> Result<(), Error> {
        let job = self.job_of(process)?;
        self.charge(job, Limit::Memory, bytes)?;
        if let Some(process) = self.process_mut(process) {
            process.memory_bytes += bytes;
        }
        Ok(())
    }

    /// `event_signal`: sets an event's signal, or takes it back.
    ///
    /// # Errors
    /// It is refused.
    pub fn event_signal(&mut self, admitted: Admitted, is_set: u64) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let object = admitted.held(0)?.object;
            let (set, cleared) = match is_set {
                0 => (Signals::NONE, Signals::SIGNALED),
                1 => (Signals::SIGNALED, Signals::NONE),
                _ => return Err(Error::BadArgument.into()),
            };
            system.record_use(admitted)?;
            system.signal(object, set, cleared);
            Ok(())
        })
    }

    /// Sets and takes back signals of an object whose kernel part changed: a timer that came due,
    /// a socket with bytes, a console with a line.
    pub fn set_signals(&mut self, object: Key, set: Signals, cleared: Signals) {
        self.signal(object, set, cleared);
    }

    /// `wait_one` and `wait`: what to wait for.
    ///
    /// # Errors
    /// It is refused.
    pub fn wait_one(&mut self, admitted: Admitted, signals: u64) -> Result<WaitHandle, Refusal> {
        self.with(admitted, |system, admitted| {
            let object = admitted.held(0)?.object;
            let signals = Signals::from_bits(signals).ok_or(Error::BadArgument)?;
            if signals.is_empty() {
                return Err(Error::BadArgument.into());
            }
            system.record_use(admitted)?;
            Ok(WaitHandle { object, signals })
        })
    }

    /// `wait_many`: what to wait for, into `out` in the order of the items.
    ///
    /// # Errors
    /// It is refused.
    pub fn wait_many(
        &mut self,
        admitted: Admitted,
        items: &[(u32, u32)],
        out: &mut [Option<WaitHandle>; WAIT_MANY_MAX],
    ) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            if items.is_empty() || items.len() > WAIT_MANY_MAX {
                return Err(Error::BadArgument.into());
            }
            for (place, ((handle, signals), slot)) in items.iter().zip(out).enumerate() {
                let held = system.find(admitted.process, u64::from(*handle))?;
                let detail = place as u64;
                if !held.rights.contains(Rights::WAIT) {
                    return Err(Fault { error: Error::NotAllowed, detail });
                }
                let signals = Signals::from_bits(u64::from(*signals))
                    .ok_or(Fault { error: Error::BadArgument, detail })?;
                *slot = Some(WaitHandle { object: held.object, signals });
            }
            system.record_use(admitted)
        })
    }

    /// Makes an object and gives the caller a handle to it, made from `parent` if there is one.
    pub(super) fn create(
        &mut self,
        admitted: &mut Admitted,
        parent: Option<Key>,
        object: Object,
        rights: Rights,
    ) -> Result<Handle, Fault> {
        let job = self.job_of(admitted.process)?;
        self.can_hold(admitted.process, 1)?;
        self.has_left(job, Limit::Objects, 1)?;
        self.objects.reserve(1)?;
        self.record_use(admitted)?;
        let key = self.add(job, object)?;
        let handle = self.give(admitted, parent, key, rights);
        self.release(key);
        handle
    }

    /// Adds an object that counts against a job, with one reference that the caller gives up.
    pub(super) fn add(&mut self, job: Key, object: Object) -> Result<Key, Fault> {
        self.has_left(job, Limit::Objects, 1)?;
        let key = self.objects.insert(object)?;
        self.charge(job, Limit::Objects, 1)?;
        self.retain(job);
        if let Some(object) = self.objects.value_mut(key) {
            object.charged = Some(job);
        }
        self.retain(key);
        Ok(key)
    }
}
