//! What can be done with handles as such: duplicate, replace, close, take back, ask.

use luperiq_abi::settings::Limit;
use luperiq_abi::wire::HandleInfo;
use luperiq_abi::{Error, Handle, Kind, Rights};

use super::{Admitted, Fault, Held, Refusal, System, is_alive};
use crate::audit::event::Use;
use crate::grant::Holder;
use crate::slab::Key;

impl System {
    /// `handle_duplicate`: a further handle to the same thing.
    ///
    /// # Errors
    /// It is refused; so for all operations.
    pub fn handle_duplicate(&mut self, admitted: Admitted, rights: u64) -> Result<Handle, Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let rights = narrowed(held, rights)?;
            system.can_hold(admitted.process, 1)?;
            system.record_use(admitted)?;
            system.give(admitted, Some(held.grant), held.object, rights)
        })
    }

    /// `handle_replace`: exchanges a handle for one with fewer rights. What was made from it stays
    /// beneath the new one, so that it can still be taken back.
    ///
    /// # Errors
    /// It is refused.
    pub fn handle_replace(&mut self, admitted: Admitted, rights: u64) -> Result<Handle, Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let rights = narrowed(held, rights)?;
            let job = system.job_of(admitted.process)?;
            let process = system.process_mut(admitted.process).ok_or(Error::BadHandle)?;
            // The old one is only given up when there is a new one.
            process.table.reserve(1)?;
            system.log.reserve(2)?;
            system.record_use(admitted)?;
            let process = system.process_mut(admitted.process).ok_or(Error::BadHandle)?;
            let handle = process.table.insert(held.grant)?;
            process.table.remove(held.handle)?;
            system.grants.narrow(held.grant, rights);
            let holder = Holder::Process(admitted.process, handle);
            system.grants.set_holder(held.grant, holder, job);
            // What was bound by the old number is bound no more.
            system.tell_ports(held.object);
            system.record_move(admitted, handle, held.object, (held.kind, rights))?;
            Ok(handle)
        })
    }

    /// `close`: gives a handle up, also one that was taken back.
    ///
    /// # Errors
    /// There is none such.
    pub fn close(&mut self, process: Key, register: u64) -> Result<(), Refusal> {
        let result = self.close_handle(process, register);
        self.settle_doomed();
        result.map_err(|error| {
            let what = Use { handle: register, ..self.use_of(process, luperiq_abi::Call::Close) };
            self.refused(process, &what, error.into())
        })
    }

    fn close_handle(&mut self, process: Key, register: u64) -> Result<(), Error> {
        let handle = Handle::from_register(register).ok_or(Error::BadHandle)?;
        let table = &mut self.process_mut(process).ok_or(Error::BadHandle)?.table;
        if let Some(grant) = table.remove(handle)? {
            self.give_up(grant);
        }
        Ok(())
    }

    /// `handle_info`: what a handle is.
    ///
    /// # Errors
    /// It is refused.
    pub fn handle_info(&mut self, admitted: Admitted) -> Result<HandleInfo, Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let kind = system.kind(held.object).map_or(0, Kind::number);
            Ok(HandleInfo {
                object: held.object.number(),
                kind: u32::from(kind),
                rights: held.rights.bits(),
            })
        })
    }

    /// `handle_revoke`: takes back everything that was made from a handle. Gives how much it was.
    ///
    /// # Errors
    /// It is refused.
    pub fn handle_revoke(&mut self, admitted: Admitted) -> Result<u64, Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            system.record_use(admitted)?;
            let mut cursor = held.grant;
            let mut count = 0;
            while let Some(grant) = system.grants.revoke_next(held.grant, &mut cursor) {
                system.forget(&grant);
                count += 1;
            }
            Ok(count)
        })
    }

    /// Runs an operation, and settles what it left: objects without references, the refusal.
    #[inline(always)]
    pub(super) fn with<T>(
        &mut self,
        mut admitted: Admitted,
        operation: impl FnOnce(&mut Self, &mut Admitted) -> Result<T, Fault>,
    ) -> Result<T, Refusal> {
        let result = operation(self, &mut admitted);
        self.settled_all(admitted, result)
    }

    /// Settles what an operation left.
    #[inline(always)]
    pub(super) fn settled_all<T>(
        &mut self,
        admitted: Admitted,
        result: Result<T, Fault>,
    ) -> Result<T, Refusal> {
        self.settle_doomed();
        let result = self.settled(&admitted, result);
        self.done(admitted);
        result
    }

    /// Makes sure that a process can be given so many handles.
    pub(super) fn can_hold(&mut self, process: Key, count: usize) -> Result<(), Fault> {
        self.grants.reserve(count)?;
        // Each handle that comes is recorded, and the call itself.
        self.log.reserve(count + 1)?;
        let process = self.process_mut(process).ok_or(Error::BadHandle)?;
        if !is_alive(process.life) {
            return Err(Error::WrongState.into());
        }
        process.table.reserve(count)?;
        let job = process.job;
        self.has_left(job, Limit::Handles, count as u64)
    }

    /// Whether so much could be counted against a job.
    pub(super) fn has_left(&self, job: Key, limit: Limit, amount: u64) -> Result<(), Fault> {
        match amount <= self.left(job, limit) {
            true => Ok(()),
            false => Err(Fault { error: Error::Limit, detail: limit as u64 }),
        }
    }

    /// How much more can be counted against a job and all above it.
    #[inline(always)]
    pub(super) fn left(&self, job: Key, limit: Limit) -> u64 {
        let mut left = u64::MAX;
        let mut at = Some(job);
        while let Some(job) = at.and_then(|key| self.job(key)) {
            left = left.min(job.rules.limit(limit).saturating_sub(job.used[limit.place()]));
            at = job.parent;
        }
        left
    }

    /// Gives the caller a handle, and records that.
    pub(super) fn give(
        &mut self,
        admitted: &Admitted,
        parent: Option<Key>,
        object: Key,
        rights: Rights,
    ) -> Result<Handle, Fault> {
        let handle = self.give_to(admitted.process, parent, object, rights)?;
        let kind = self.kind(object).ok_or(Error::BadHandle)?;
        if let Err(fault) =
            self.record_move(admitted, handle, object, (kind.number().into(), rights))
        {
            self.take_from(admitted.process, handle);
            return Err(fault);
        }
        Ok(handle)
    }

    /// Gives a process a handle. The right that its kind has no meaning for is left out.
    pub(super) fn give_to(
        &mut self,
        process: Key,
        parent: Option<Key>,
        object: Key,
        rights: Rights,
    ) -> Result<Handle, Fault> {
        let job = self.job_of(process)?;
        let kind = self.kind(object).ok_or(Error::BadHandle)?;
        self.can_hold(process, 1)?;
        let rights = rights.and(kind.rights());
        // The handle's number is known only after the grant's, and the other way round.
        let grant = self.grants.add(parent, (object, kind), rights, Holder::Kernel, job)?;
        let Some(Ok(handle)) = self.process_mut(process).map(|found| found.table.insert(grant))
        else {
            self.grants.remove(grant);
            return Err(Error::Limit.into());
        };
        self.grants.set_holder(grant, Holder::Process(process, handle), job);
        self.retain(object);
        self.retain(job);
        self.charge(job, Limit::Handles, 1)?;
        Ok(handle)
    }

    pub(super) fn take_from(&mut self, process: Key, handle: Handle) {
        let table = self.process_mut(process).map(|process| &mut process.table);
        if let Some(Ok(Some(grant))) = table.map(|table| table.remove(handle)) {
            self.give_up(grant);
        }
    }

    /// Records that a handle came to the caller or left it: of what, and with which rights.
    pub(super) fn record_move(
        &mut self,
        admitted: &Admitted,
        handle: Handle,
        object: Key,
        moved: (u32, Rights),
    ) -> Result<(), Fault> {
        let what = admitted.moved(handle, object);
        self.log.moved(self.now, what, moved).map_err(Fault::from)
    }
}

/// The rights that were asked for, all of which the handle has.
fn narrowed(held: Held, rights: u64) -> Result<Rights, Error> {
    let rights = Rights::from_bits(rights).ok_or(Error::BadArgument)?;
    if held.rights.contains(rights) { Ok(rights) } else { Err(Error::Widens) }
}
