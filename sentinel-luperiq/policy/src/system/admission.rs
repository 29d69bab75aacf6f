//! A call that was admitted: what is known of it, and what is recorded.
//!
//! # Invariants
//! - Its use is recorded once.
//!
//! # Not here
//! Whether a call is admitted: [`System::admit`](super::System::admit).

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

use luperiq_abi::call::{Brief, HANDLES_MAX};
use luperiq_abi::{Call, Error, Handle, Rights};
use sentinel_core::time::Timestamp;

use super::{Fault, Held};
use crate::audit::Log;
use crate::slab::Key;

/// A call whose number, handles and rights are as they should be. Whoever has one acts on it or
/// refuses it; both leave a record.
///
/// It goes through many hands on its way and stays in one place of memory meanwhile, which the next
/// call has again.
#[derive(Debug)]
#[must_use]
pub struct Admitted(pub(super) Box<Admission>);

/// What is known of a call that was admitted.
#[derive(Debug)]
pub struct Admission {
    pub(super) brief: &'static Brief,
    /// Whether its use stands in the record.
    pub(super) is_recorded: bool,
    pub(super) process: Key,
    /// The job of the process.
    pub(super) job: Key,
    pub(super) handles: [Option<Held>; HANDLES_MAX],
}

impl Deref for Admitted {
    type Target = Admission;

    fn deref(&self) -> &Admission {
        &self.0
    }
}

impl DerefMut for Admitted {
    fn deref_mut(&mut self) -> &mut Admission {
        &mut self.0
    }
}

impl Admission {
    /// Writes a call of this row down, with the first of its handles, over the one before.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        brief: &'static Brief,
        [process, job]: [Key; 2],
        held: Option<Held>,
    ) {
        // One by one: as a whole it would be made elsewhere first.
        (self.brief, self.is_recorded) = (brief, false);
        (self.process, self.job) = (process, job);
        self.handles[0] = held;
        self.handles[1] = None;
    }

    /// Records the use that a call is, once.
    #[inline(always)]
    pub(super) fn record_use(&mut self, log: &mut Log, now: Timestamp) -> Result<(), Fault> {
        if self.is_unrecorded() {
            log.allowed_here(now, self.used())?;
            self.is_recorded = true;
        }
        Ok(())
    }

    /// Whether its use has to stand in the record and does not yet.
    pub(super) const fn is_unrecorded(&self) -> bool {
        self.brief.is_recorded && !self.is_recorded
    }

    /// What is recorded of its use: by which process and call, by which handle, of what.
    #[inline(always)]
    pub(super) fn used(&self) -> [u64; 4] {
        let (handle, object) = match &self.handles[0] {
            Some(held) => (u64::from(held.handle.number()), held.object.number()),
            None => (0, 0),
        };
        [self.process.number(), u64::from(self.brief.number), handle, object]
    }

    /// What is recorded of a handle that comes to the caller or leaves it.
    #[inline(always)]
    pub(super) fn moved(&self, handle: Handle, object: Key) -> [u64; 4] {
        let (process, call) = (self.process.number(), u64::from(self.brief.number));
        [process, call, u64::from(handle.number()), object.number()]
    }

    /// Records that a handle came to the caller or left it by the use that was recorded just now:
    /// of what, and with which rights.
    #[inline(always)]
    pub(super) fn record_move(
        &self,
        log: &mut Log,
        now: Timestamp,
        handle: Handle,
        object: Key,
        moved: (u32, Rights),
    ) -> Result<(), Fault> {
        log.moved_here(now, self.moved(handle, object), moved).map_err(Fault::from)
    }

    /// Which call.
    #[must_use]
    pub const fn call(&self) -> Call {
        self.brief.call
    }

    /// Whose.
    #[must_use]
    pub const fn process(&self) -> Key {
        self.process
    }

    /// What the handle in this place of the row stands for.
    #[must_use]
    pub fn object(&self, place: usize) -> Option<Key> {
        self.held(place).ok().map(|held| held.object)
    }

    /// The handle in this place of the row.
    pub(super) fn held(&self, place: usize) -> Result<Held, Error> {
        self.handles.get(place).copied().flatten().ok_or(Error::BadHandle)
    }
}
