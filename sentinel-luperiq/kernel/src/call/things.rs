//! Timers, clocks, random bytes, the record.

use luperiq_abi::call::FOREVER;
use luperiq_abi::limits::{ENTROPY_BYTES_MAX, NOTE_BYTES_MAX, TRANSFER_BYTES_MAX};
use luperiq_abi::wire::AuditHead;
use luperiq_abi::{Error, Kind, Signals};
use luperiq_policy::{Admitted, Key, Refusal};

use super::{Caller, DONE, Outcome, handle};
use crate::kernel::Kernel;
use crate::time::{self, Instant};

/// A timer of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    key: Key,
    due: Option<Instant>,
}

impl Kernel {
    pub(super) fn timer_create(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let slot = self.free_timer();
        let (admitted, slot) = self.checked(admitted, slot)?;
        let made = self.system.object_create(admitted, Kind::Timer, slot as u64)?;
        if let Some(key) = self.system.key_of(caller.key, made) {
            self.timers[slot] = Some(Timer { key, due: None });
        }
        Ok(handle(made))
    }

    pub(super) fn timer_set(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let slot = self.system.allow(admitted)?[0].unwrap_or(u64::MAX);
        let due = Some(caller.registers[1]).filter(|due| *due != FOREVER);
        if let Some(Some(timer)) = self.timers.get_mut(slot as usize) {
            if let Some(before) = timer.due {
                self.timers_due.remove(&(before, slot));
            }
            timer.due = due;
            self.timers_due.extend(due.map(|due| (due, slot)));
            self.system.set_signals(timer.key, Signals::NONE, Signals::SIGNALED);
            self.expire();
            self.set_timer();
        }
        Ok(DONE)
    }

    /// Signals every timer whose moment has come.
    pub(crate) fn expire(&mut self) {
        let now = time::now();
        while let Some((due, slot)) = self.timers_due.first().copied() {
            if due > now {
                break;
            }
            self.timers_due.pop_first();
            if let Some(Some(timer)) = self.timers.get_mut(slot as usize) {
                timer.due = None;
                self.system.set_signals(timer.key, Signals::SIGNALED, Signals::NONE);
            }
        }
    }

    /// A timer that nobody has a handle to.
    pub(crate) fn timer_released(&mut self, slot: u64) {
        let timer = self.timers.get_mut(slot as usize).and_then(Option::take);
        if let Some(due) = timer.and_then(|timer| timer.due) {
            self.timers_due.remove(&(due, slot));
        }
    }

    pub(super) fn clock_read(&mut self, admitted: Admitted) -> Result<Outcome, Refusal> {
        self.system.allow(admitted)?;
        Ok(Outcome::Reply(time::now(), self.wall_milliseconds()))
    }

    pub(super) fn entropy_read(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room(caller, 1, ENTROPY_BYTES_MAX);
        let (admitted, count) = self.checked(admitted, room)?;
        self.system.allow(admitted)?;
        let mut bytes = [0; ENTROPY_BYTES_MAX];
        self.machine.entropy.fill(&mut bytes[..count]);
        self.answer(caller, 1, &bytes[..count]);
        Ok(Outcome::Reply(count as u64, 0))
    }

    pub(super) fn audit_write(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 0, NOTE_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        self.system.audit_write(admitted, &self.scratch[..bytes]).map(|()| DONE)
    }

    pub(super) fn audit_read(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room(caller, 1, TRANSFER_BYTES_MAX);
        let (admitted, room) = self.checked(admitted, room)?;
        let (bytes, next) = self.system.audit_read(admitted, caller.registers[3], room)?;
        self.answer(caller, 1, &bytes);
        Ok(Outcome::Reply(bytes.len() as u64, next))
    }

    pub(super) fn audit_head(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room_for(caller, 1, AuditHead::BYTES);
        let (admitted, ()) = self.checked(admitted, room)?;
        let head = self.system.audit_head(admitted)?;
        self.answer(caller, 1, &head.encode());
        Ok(DONE)
    }

    fn free_timer(&mut self) -> Result<usize, Error> {
        if let Some(slot) = self.timers.iter().position(Option::is_none) {
            return Ok(slot);
        }
        if self.timers.len() >= TIMERS_MAX {
            return Err(Error::Limit);
        }
        self.timers.try_reserve(1).map_err(|_| Error::NoMemory)?;
        self.timers.push(None);
        Ok(self.timers.len() - 1)
    }
}

/// The list is searched for a place.
const TIMERS_MAX: usize = 4096;
