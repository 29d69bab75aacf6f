//! Everything that programs share, and the one path on which a call goes.
//!
//! # Not here
//! What is done: the files beneath, one for each kind of thing.

mod admission;
mod channels;
mod files;
mod handles;
mod jobs;
mod lifetime;
mod objects;
mod ports;
mod processes;
mod record;
mod sockets;
mod sweep;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;

use luperiq_abi::call::{Brief, HANDLES_MAX, Need};
use luperiq_abi::limits::MESSAGE_HANDLES_MAX;
use luperiq_abi::settings::Limit;
use luperiq_abi::{Call, Error, Handle, Kind, Rights};
use sentinel_core::time::Timestamp;

use crate::audit::Log;
use crate::audit::event::Use;
use crate::binding::Bindings;
use crate::grant::{Grant, Grants};
use crate::limits::OBJECTS_MAX;
use crate::object::{Body, Job, Life, Object, Process};
use crate::rules::{LIMITS_COUNT, Rules};
use crate::slab::{Key, Slab};

use admission::Admission;
pub use admission::Admitted;
pub use channels::{Reader, Received};
pub use files::Opening;
pub use lifetime::{Ended, Released};
pub use objects::WaitHandle;
pub use processes::Given;

/// Everything that programs share.
#[derive(Debug)]
pub struct System {
    objects: Slab<Object>,
    grants: Grants,
    /// What ports watch.
    bindings: Bindings,
    log: Log,
    /// When the call that is on its way came in.
    now: Timestamp,
    root: Key,
    /// The heads of the lists in [`Object::listed`].
    changed: Option<Key>,
    doomed: Option<Key>,
    released: Option<Key>,
    ended: Option<Key>,
    /// Processes that were made, and that nobody can start any more.
    orphans: Option<Key>,
    /// What was reached and not looked at yet.
    marked: Option<Key>,
    /// Where connections are asked for.
    network: Option<Key>,
    /// A process ended, and what it left was not looked through yet.
    is_sweep_due: bool,
    /// Where the next call that is admitted is written down.
    spare: Option<Box<Admission>>,
    /// The handles of the message that is being sent, and of the one that was read last.
    passed: [Option<Held>; MESSAGE_HANDLES_MAX],
    arrived: [u32; MESSAGE_HANDLES_MAX],
}

/// A handle that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) handle: Handle,
    pub(crate) grant: Key,
    pub(crate) object: Key,
    /// The number of its kind.
    pub(crate) kind: u32,
    pub(crate) rights: Rights,
}

/// Why a call gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For `x0`.
    pub error: Error,
    /// For `x1`.
    pub detail: u64,
    /// The process ends: no correct program does this, or it was refused too often.
    pub is_fatal: bool,
}

/// An error on the way to a [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) error: Error,
    pub(crate) detail: u64,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { error, detail: 0 }
    }
}

impl System {
    /// A machine without programs: a root job with these limits, and the record.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(limits: [u64; LIMITS_COUNT], log: Log, now: Timestamp) -> Result<Self, Error> {
        let mut objects = Slab::new(OBJECTS_MAX);
        let root = objects.insert(Object::new(
            0,
            Body::Job(Job {
                parent: None,
                name: b"root".to_vec(),
                depth: 0,
                rules: Rules::of_machine(limits),
                used: [0; LIMITS_COUNT],
                supervisor: None,
                is_closed: false,
                is_settled: true,
            }),
        ))?;
        let (grants, list) = (Grants::new(), None);
        let mut system = Self {
            objects,
            grants,
            bindings: Bindings::new(),
            log,
            now,
            root,
            changed: list,
            doomed: list,
            released: list,
            ended: list,
            orphans: list,
            marked: list,
            network: None,
            is_sweep_due: false,
            spare: None,
            passed: [None; MESSAGE_HANDLES_MAX],
            arrived: [0; MESSAGE_HANDLES_MAX],
        };
        // The root job is there as long as the machine.
        system.retain(root);
        Ok(system)
    }

    /// Looks a call up and checks what its row says: the number, the handles, what they stand for,
    /// their rights.
    ///
    /// # Errors
    /// It is refused, and that is recorded.
    pub fn admit(
        &mut self,
        now: Timestamp,
        process: Key,
        number: u64,
        registers: &[u64; 6],
    ) -> Result<Admitted, Refusal> {
        self.now = now;
        let Some(caller) = self.process(process).filter(|it| it.life == Life::Running) else {
            // A thread that was in the kernel when its process ended.
            return Err(Refusal { error: Error::WrongState, detail: 0, is_fatal: true });
        };
        let Some(brief) = Call::brief_of(number) else {
            return Err(self.unknown(process, number));
        };
        let job = caller.job;
        let first = match self.needed(caller, registers, &brief.needs[0]) {
            Ok(held) => held,
            Err(error) => return Err(self.not_admitted(process, brief, 0, registers, error)),
        };
        let handles = [None; HANDLES_MAX];
        let mut admission = self.spare.take().unwrap_or_else(|| {
            Box::new(Admission { brief, is_recorded: false, process, job, handles })
        });
        admission.write(brief, [process, job], first);
        self.admit_second(Admitted(admission), brief, registers)
    }

    /// The same at once, for a call with one handle or none that nothing stands against. For any
    /// other nothing is done, and [`admit`](Self::admit) is to be asked.
    #[inline(always)]
    pub fn admit_usual(
        &mut self,
        now: Timestamp,
        process: Key,
        number: u64,
        registers: &[u64; 6],
    ) -> Option<Admitted> {
        self.now = now;
        let caller = self.process(process).filter(|it| it.life == Life::Running)?;
        let brief = Call::brief_of(number)?;
        let job = caller.job;
        let Some(need) = &brief.needs[0] else {
            let mut admission = self.spare.take()?;
            admission.write(brief, [process, job], None);
            return Some(Admitted(admission));
        };
        let handle = Handle::from_register(register_of(registers, need))?;
        let grant = caller.table.find(handle).ok()?;
        let held = self.grants.held(grant)?;
        let kind = u32::from(held.kind.number());
        if !need.kinds.contains_number(kind)
            || !held.rights.contains(need.rights)
            || brief.needs[1].is_some()
        {
            return None;
        }
        let mut admission = self.spare.take()?;
        let Grant { object, rights, .. } = *held;
        let held = Held { handle, grant, object, kind, rights };
        admission.write(brief, [process, job], Some(held));
        Some(Admitted(admission))
    }

    /// Looks the second handle up as well, apart from the path of those that have one.
    #[inline(never)]
    fn admit_second(
        &mut self,
        mut admitted: Admitted,
        brief: &Brief,
        registers: &[u64; 6],
    ) -> Result<Admitted, Refusal> {
        let process = admitted.process;
        let caller = self.process(process).ok_or(Error::BadHandle);
        match caller.and_then(|caller| self.needed(caller, registers, &brief.needs[1])) {
            Ok(held) => {
                admitted.handles[1] = held;
                Ok(admitted)
            }
            Err(error) => {
                self.done(admitted);
                Err(self.not_admitted(process, brief, 1, registers, error))
            }
        }
    }

    /// What a register stands for, if that is what the call needs.
    fn needed(
        &self,
        caller: &Process,
        registers: &[u64; 6],
        need: &Option<Need>,
    ) -> Result<Option<Held>, Error> {
        let Some(need) = need else { return Ok(None) };
        let held = held_by(&self.grants, caller, register_of(registers, need))?;
        if !need.kinds.contains_number(held.kind) {
            return Err(Error::WrongKind);
        }
        if !held.rights.contains(need.rights) {
            return Err(Error::NotAllowed);
        }
        Ok(Some(held))
    }

    #[cold]
    fn unknown(&mut self, process: Key, number: u64) -> Refusal {
        let what = Use { call: number, ..self.use_of(process, Call::Null) };
        self.refused(process, &what, Error::UnknownCall.into())
    }

    #[cold]
    fn not_admitted(
        &mut self,
        process: Key,
        brief: &Brief,
        place: usize,
        registers: &[u64; 6],
        error: Error,
    ) -> Refusal {
        let need = brief.needs.get(place).and_then(Option::as_ref);
        let handle = need.map_or(0, |need| register_of(registers, need));
        let object = self.find(process, handle).map_or(0, |held| held.object.number());
        let what = Use { handle, object, ..self.use_of(process, brief.call) };
        self.refused(process, &what, error.into())
    }

    /// Takes back a call that was admitted and needs no decision: it is done.
    #[inline(always)]
    pub fn done(&mut self, admitted: Admitted) {
        match self.spare {
            // Nothing is there whose place it takes.
            None => core::mem::forget(self.spare.replace(admitted.0)),
            Some(_) => forget(admitted),
        }
    }

    /// Records a call that was admitted, whose deed is the kernel's alone, and gives what the
    /// kernel calls the objects of its handles.
    ///
    /// # Errors
    /// It could not be recorded.
    pub fn allow(&mut self, mut admitted: Admitted) -> Result<[Option<u64>; 2], Refusal> {
        let result = self.record_use(&mut admitted);
        let result = self.settled(&admitted, result);
        let native = |held: Option<Held>| Some(self.objects.value(held?.object)?.native);
        let natives = admitted.handles.map(native);
        self.done(admitted);
        result.map(|()| natives)
    }

    /// Refuses a call that was admitted, for a reason that the kernel found.
    pub fn refuse(&mut self, admitted: Admitted, error: Error, detail: u64) -> Refusal {
        let refusal = self.refusal(&admitted, Fault { error, detail });
        self.done(admitted);
        refusal
    }

    /// The number of the object that the handle in this place of the row stands for, for the
    /// kernel to look at before it decides.
    #[must_use]
    pub fn native(&self, admitted: &Admitted, place: usize) -> Option<u64> {
        let held = admitted.handles.get(place).copied().flatten()?;
        Some(self.objects.value(held.object)?.native)
    }

    /// The root job.
    #[must_use]
    pub const fn root_job(&self) -> Key {
        self.root
    }

    /// An object.
    #[must_use]
    pub fn object(&self, key: Key) -> Option<&Object> {
        self.objects.value(key)
    }

    /// The place of a file or directory in the store.
    #[must_use]
    pub fn place(&self, key: Key) -> Option<&[u8]> {
        match &self.objects.value(key)?.body {
            Body::File { place } | Body::Directory { place } => Some(place),
            _ => None,
        }
    }

    /// The first object of a kind: of those that only the kernel makes there is one.
    #[must_use]
    pub fn first_of(&self, kind: Kind) -> Option<Key> {
        self.objects.keys().find(|key| self.kind(*key) == Some(kind))
    }

    /// How many objects, handles and nodes of grants there are: what has to be as before when all
    /// is done.
    #[must_use]
    pub const fn counts(&self) -> [usize; 3] {
        [self.objects.count(), self.grants.held_count(), self.grants.count()]
    }

    /// What a handle of a process stands for.
    #[must_use]
    pub fn key_of(&self, process: Key, handle: Handle) -> Option<Key> {
        self.find(process, u64::from(handle.number())).ok().map(|held| held.object)
    }

    /// Keeps an object, with what it counts as, without a handle: memory that is mapped.
    pub fn keep(&mut self, object: Key) {
        self.retain(object);
    }

    /// Undoes [`keep`](Self::keep).
    pub fn let_go(&mut self, object: Key) {
        self.release(object);
        self.settle_doomed();
    }

    pub(crate) fn find(&self, process: Key, register: u64) -> Result<Held, Error> {
        held_by(&self.grants, self.process(process).ok_or(Error::BadHandle)?, register)
    }

    pub(crate) fn kind(&self, object: Key) -> Option<Kind> {
        self.objects.value(object).map(Object::kind)
    }

    pub(crate) fn process(&self, key: Key) -> Option<&Process> {
        self.objects.value(key)?.process()
    }

    pub(crate) fn process_mut(&mut self, key: Key) -> Option<&mut Process> {
        self.objects.value_mut(key)?.process_mut()
    }

    pub(crate) fn job(&self, key: Key) -> Option<&Job> {
        match &self.objects.value(key)?.body {
            Body::Job(job) => Some(job),
            _ => None,
        }
    }

    pub(crate) fn job_mut(&mut self, key: Key) -> Option<&mut Job> {
        match &mut self.objects.value_mut(key)?.body {
            Body::Job(job) => Some(job),
            _ => None,
        }
    }

    /// The job of a process that calls.
    pub(crate) fn job_of(&self, process: Key) -> Result<Key, Error> {
        self.process(process).map(|process| process.job).ok_or(Error::BadHandle)
    }

    pub(crate) fn rules_of(&self, process: Key) -> Result<&Rules, Error> {
        let job = self.job_of(process)?;
        self.job(job).map(|job| &job.rules).ok_or(Error::BadHandle)
    }

    /// Records the use that a call is, once.
    pub(crate) fn record_use(&mut self, admitted: &mut Admitted) -> Result<(), Fault> {
        if admitted.is_unrecorded() {
            self.log.allowed(self.now, admitted.used())?;
            admitted.is_recorded = true;
        }
        Ok(())
    }

    /// Turns a fault into a refusal, with its record.
    pub(crate) fn settled<T>(
        &mut self,
        admitted: &Admitted,
        result: Result<T, Fault>,
    ) -> Result<T, Refusal> {
        result.map_err(|fault| self.refusal(admitted, fault))
    }

    #[cold]
    fn refusal(&mut self, admitted: &Admitted, fault: Fault) -> Refusal {
        // What was recorded as done and then could not be is no refusal of authority.
        if admitted.is_recorded && !fault.error.is_refusal() {
            return Refusal { error: fault.error, detail: fault.detail, is_fatal: false };
        }
        let what = self.use_by(admitted);
        self.refused(admitted.process, &what, fault)
    }

    fn refused(&mut self, process: Key, what: &Use, fault: Fault) -> Refusal {
        let Fault { error, detail } = fault;
        let what = Use { refused: Some(error), ..*what };
        if error != Error::NotRecorded && self.log.used(self.now, &what).is_err() {
            let is_fatal = error.is_misuse() && !self.is_misuse_answered(process);
            return Refusal { error: Error::NotRecorded, detail: 0, is_fatal };
        }
        let is_over = error.is_refusal() && self.count_denial(process);
        let is_fatal = is_over || (error.is_misuse() && !self.is_misuse_answered(process));
        Refusal { error, detail, is_fatal }
    }

    /// Whether the process's job has had more refusals than it may.
    fn count_denial(&mut self, process: Key) -> bool {
        let Ok(job) = self.job_of(process) else { return true };
        let is_over = self.charge(job, Limit::Denials, 1).is_err();
        if !is_over && let Some(process) = self.process_mut(process) {
            process.denials_count += 1;
        }
        is_over
    }

    fn is_misuse_answered(&self, process: Key) -> bool {
        self.rules_of(process).is_ok_and(|rules| rules.is_misuse_answered)
    }

    #[inline]
    fn use_of(&self, process: Key, call: Call) -> Use {
        Use {
            process: process.number(),
            call: u64::from(call.number()),
            handle: 0,
            object: 0,
            refused: None,
            moved: None,
        }
    }

    fn use_by(&self, admitted: &Admitted) -> Use {
        let (handle, object) = match &admitted.handles[0] {
            Some(held) => (u64::from(held.handle.number()), held.object.number()),
            None => (0, 0),
        };
        Use { handle, object, ..self.use_of(admitted.process, admitted.call()) }
    }
}

/// There is one place to keep, and it is taken.
#[cold]
fn forget(admitted: Admitted) {
    drop(admitted);
}

/// What a process holds by the number in a register.
#[inline(always)]
fn held_by(grants: &Grants, process: &Process, register: u64) -> Result<Held, Error> {
    let handle = Handle::from_register(register).ok_or(Error::BadHandle)?;
    let grant = process.table.find(handle)?;
    let held = grants.held(grant).ok_or(Error::BadHandle)?;
    let Grant { object, kind, rights, .. } = *held;
    Ok(Held { handle, grant, object, kind: kind.number().into(), rights })
}

#[inline]
fn register_of(registers: &[u64; 6], need: &Need) -> u64 {
    registers.get(usize::from(need.register)).copied().unwrap_or(0)
}

/// Copies bytes, or says that there is no memory.
pub(crate) fn copied(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Error::NoMemory)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// What a program named, for the record: it has to be text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Error> {
    core::str::from_utf8(bytes).map_err(|_| Error::BadArgument)
}

/// Whether a process still does anything.
pub(crate) const fn is_alive(life: Life) -> bool {
    !matches!(life, Life::Ended(_))
}
