//! Channels: messages of bytes and handles between two ends.
//!
//! # Invariants
//! - A message is sent whole or not at all, and read whole or not at all.
//! - A handle is in one place: the sender's table, a message, or the reader's table.

use luperiq_abi::limits::{MESSAGE_BYTES_MAX, MESSAGE_HANDLES_MAX};
use luperiq_abi::settings::Limit;
use luperiq_abi::{Error, Handle, Kind, Rights};
use sentinel_core::time::Timestamp;

use super::{Admission, Admitted, Fault, Held, Refusal, System, held_by};
use crate::audit::Log;
use crate::grant::{Grants, Holder};
use crate::object::{Body, Channel, Object, Process};
use crate::queue::Message;
use crate::slab::Key;

/// A message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// What it says, in two pieces.
    pub bytes: [&'a [u8]; 2],
    /// The handles that came with it, now the reader's. 0 stands for one that was taken back on
    /// the way.
    pub handles: &'a [u32],
}

/// Whoever reads a message, while it stands where it was. A closure would be a function of its own.
pub trait Reader {
    /// What reading it gives.
    type Answer;

    /// Reads it.
    fn read(self, received: Received<'_>) -> Self::Answer;
}

impl Received<'_> {
    /// How many bytes it has.
    #[must_use]
    pub const fn bytes_count(&self) -> usize {
        self.bytes[0].len() + self.bytes[1].len()
    }
}

impl System {
    /// `channel_create`: a line with two ends.
    ///
    /// # Errors
    /// It is refused.
    pub fn channel_create(&mut self, admitted: Admitted) -> Result<[Handle; 2], Refusal> {
        self.with(admitted, |system, admitted| {
            let job = system.job_of(admitted.process)?;
            system.can_hold(admitted.process, 2)?;
            system.has_left(job, Limit::Objects, 2)?;
            system.objects.reserve(2)?;
            system.record_use(admitted)?;
            let ends = system.channel_pair(job)?;
            let one = system.give(admitted, None, ends[0], CHANNEL_RIGHTS);
            let other = system.give(admitted, None, ends[1], CHANNEL_RIGHTS);
            ends.into_iter().for_each(|end| system.release(end));
            Ok([one?, other?])
        })
    }

    /// Both ends of a new channel, each with one reference that the caller gives up.
    pub(super) fn channel_pair(&mut self, job: Key) -> Result<[Key; 2], Fault> {
        let one = self.add(job, Object::new(0, Body::Channel(Channel::default())))?;
        let other = match self.add(job, Object::new(0, Body::Channel(Channel::default()))) {
            Ok(other) => other,
            Err(fault) => {
                self.release(one);
                return Err(fault);
            }
        };
        for (end, peer) in [(one, other), (other, one)] {
            if let Some(channel) = self.channel_mut(end) {
                channel.peer = Some(peer);
            }
        }
        Ok([one, other])
    }

    /// `channel_write`: sends a message. Its handles, as they stand in memory, leave the caller,
    /// each of which needs the right to be transferred; the channel itself does not travel through
    /// itself.
    ///
    /// # Errors
    /// It is refused, and nothing has left the caller.
    #[inline(always)]
    pub fn channel_write(
        &mut self,
        admitted: Admitted,
        bytes: &[u8],
        handles: &[[u8; 4]],
    ) -> Result<(), Refusal> {
        let mut admitted = admitted;
        let result = self.send_along(&mut admitted, bytes, handles);
        self.settled_all(admitted, result)
    }

    /// Sends a message of the caller's through the channel that the call names.
    #[inline(always)]
    fn send_along(
        &mut self,
        admitted: &mut Admitted,
        bytes: &[u8],
        handles: &[[u8; 4]],
    ) -> Result<(), Fault> {
        let channel = admitted.held(0)?.object;
        let ends = self.channel(channel).ok_or(Error::BadHandle)?;
        let peer = ends.peer.ok_or(Error::PeerClosed)?;
        self.send(admitted, [channel, peer], bytes, handles)
    }

    /// Sends a message of the caller's to `ends[1]`.
    pub(super) fn send(
        &mut self,
        admitted: &mut Admitted,
        ends: [Key; 2],
        bytes: &[u8],
        handles: &[[u8; 4]],
    ) -> Result<(), Fault> {
        let (count, [_, peer]) = (handles.len(), ends);
        if bytes.len() > MESSAGE_BYTES_MAX || count > MESSAGE_HANDLES_MAX {
            return Err(Error::BadArgument.into());
        }
        // Whose handles go and where to is found once.
        let Self { objects, grants, log, passed, now, .. } = self;
        let found = objects.pair_mut([admitted.process, peer]);
        let [process, target] = found.ok_or(Error::PeerClosed)?;
        let process = process.process_mut().ok_or(Error::BadHandle)?;
        let passed = passed.get_mut(..count).unwrap_or_default();
        if count > 0 {
            pass(process, grants, ends, handles, passed)?;
            // Nobody takes a handle out of a socket.
            if target.kind() == Kind::Socket {
                return Err(Error::BadArgument.into());
            }
        }
        let is_watched = target.listed.is_watched;
        let target = target.line_mut().ok_or(Error::PeerClosed)?;
        if !target.queue.has_room(bytes.len(), count) {
            return Err(Error::NotReady.into());
        }
        log.reserve(count + 1)?;
        admitted.record_use(log, *now)?;
        for held in passed.iter().flatten() {
            let moved = (held.kind, held.rights);
            admitted.record_move(log, *now, held.handle, held.object, moved)?;
        }
        for held in passed.iter().flatten() {
            let _ = process.table.remove_here(held.handle);
            grants.send(held.grant, Holder::Message(peer));
            target.queue.push_grant(held.grant);
        }
        target.queue.push_here(bytes, count);
        if is_watched {
            self.mark_changed(peer);
        }
        Ok(())
    }

    /// `channel_read`: takes the next message, if there is room for all of it, and gives what
    /// its reader makes of it.
    ///
    /// # Errors
    /// It is refused; with [`Error::TooLong`] the detail is its length, and in the upper half of
    /// it the number of its handles.
    #[inline(always)]
    pub fn channel_read<R: Reader>(
        &mut self,
        admitted: Admitted,
        bytes_max: usize,
        handles_max: usize,
        reader: R,
    ) -> Result<R::Answer, Refusal> {
        let mut admitted = admitted;
        let result = self.receive(&mut admitted, [bytes_max, handles_max], reader);
        self.settled_all(admitted, result)
    }

    /// Takes the next message at an end of a channel.
    #[inline(always)]
    fn receive<R: Reader>(
        &mut self,
        admitted: &mut Admitted,
        [bytes_max, handles_max]: [usize; 2],
        reader: R,
    ) -> Result<R::Answer, Fault> {
        let end = admitted.held(0)?.object;
        let left = self.left(admitted.job, Limit::Handles);
        // Whose the message becomes and where it is are found once.
        let Self { objects, grants, log, arrived, now, .. } = self;
        let found = objects.pair_mut([admitted.process, end]);
        let [process, object] = found.ok_or(Error::BadHandle)?;
        let process = process.process_mut().ok_or(Error::BadHandle)?;
        let is_watched = object.listed.is_watched;
        let channel = object.line_mut().ok_or(Error::BadHandle)?;
        let Some(message) = channel.queue.front() else {
            let is_alone = channel.peer.is_none();
            let error = if is_alone { Error::PeerClosed } else { Error::NotReady };
            return Err(error.into());
        };
        let Message { bytes_count, grants_count } = message;
        if bytes_count > bytes_max || grants_count > handles_max {
            let detail = (grants_count as u64) << 32 | bytes_count as u64;
            return Err(Fault { error: Error::TooLong, detail });
        }
        // Each handle that comes is recorded, and the call itself. Grants become no more by it.
        log.reserve(grants_count + 1)?;
        process.table.reserve(grants_count)?;
        if grants_count as u64 > left {
            return Err(Fault { error: Error::Limit, detail: Limit::Handles as u64 });
        }
        admitted.record_use(log, *now)?;
        // Whoever writes there hears of it if there was no room before.
        let was_full = channel.is_full();
        let taken = channel.queue.pop().ok_or(Error::NotReady)?;
        let (mut place, mut unusual) = (0, None);
        while place < grants_count {
            let grant = channel.queue.pop_grant().unwrap_or_default();
            let Some(handle) = admitted.arrive(process, grants, log, *now, grant) else {
                unusual = Some(grant);
                break;
            };
            if let Some(slot) = arrived.get_mut(place) {
                *slot = handle.number();
            }
            place += 1;
        }
        let channel = match unusual {
            None => channel,
            Some(grant) => {
                self.arrive_otherwise(admitted, end, place..grants_count, grant);
                self.objects.value_mut(end).and_then(Object::line_mut).ok_or(Error::BadHandle)?
            }
        };
        let handles = self.arrived.get(..grants_count).unwrap_or_default();
        let answer = reader.read(Received { bytes: channel.queue.taken(taken), handles });
        if was_full && let Some(writer) = self.channel(end).and_then(|channel| channel.peer) {
            self.mark_changed(writer);
        }
        if is_watched {
            self.mark_changed(end);
        }
        Ok(answer)
    }

    /// The same for handles from the first one on that counts against another job, or that is no
    /// more, or that does not fit.
    #[inline(never)]
    fn arrive_otherwise(
        &mut self,
        admitted: &Admitted,
        end: Key,
        places: core::ops::Range<usize>,
        first: Key,
    ) {
        let mut next = Some(first);
        for place in places {
            let grant = next.take();
            let grant = grant.or_else(|| self.channel_mut(end)?.queue.pop_grant());
            let handle = grant.and_then(|grant| self.arrive_from_elsewhere(admitted, grant));
            if let Some(slot) = self.arrived.get_mut(place) {
                *slot = handle.map_or(0, Handle::number);
            }
        }
    }

    /// Puts a grant out of a message into the caller's table. What cannot be recorded does not
    /// arrive.
    fn arrive_from_elsewhere(&mut self, admitted: &Admitted, grant: Key) -> Option<Handle> {
        let Self { objects, grants, .. } = self;
        let held = grants.held_mut(grant)?;
        let (object, moved, holds) =
            (held.object, (held.kind.number().into(), held.rights), held.job);
        let process = objects.value_mut(admitted.process)?.process_mut()?;
        let job = process.job;
        let Ok(handle) = process.table.insert(grant) else {
            self.give_up(grant);
            return None;
        };
        held.holder = Some(Holder::Process(admitted.process, handle));
        held.job = job;
        // It counts against the reader's job from now on. Room was made sure of.
        if job != holds {
            self.count_elsewhere(holds, job);
        }
        if self.record_move(admitted, handle, object, moved).is_err() {
            self.take_from(admitted.process, handle);
            return None;
        }
        Some(handle)
    }

    #[inline(never)]
    fn count_elsewhere(&mut self, before: Key, now: Key) {
        self.discharge(before, Limit::Handles, 1);
        let charged = self.charge(now, Limit::Handles, 1);
        debug_assert!(charged.is_ok());
        self.retain(now);
        self.release(before);
    }

    /// An end of a line: a channel's, or a socket's.
    #[inline]
    pub(super) fn channel(&self, key: Key) -> Option<&Channel> {
        self.objects.value(key)?.line()
    }

    #[inline]
    pub(super) fn channel_mut(&mut self, key: Key) -> Option<&mut Channel> {
        self.objects.value_mut(key)?.line_mut()
    }
}

impl Admission {
    /// Puts a grant out of a message into the caller's table, if it counts against the caller's job
    /// as before. Nothing is changed if it does not, or if it cannot be recorded.
    #[inline(always)]
    fn arrive(
        &self,
        process: &mut Process,
        grants: &mut Grants,
        log: &mut Log,
        now: Timestamp,
        grant: Key,
    ) -> Option<Handle> {
        let held = grants.held_mut(grant).filter(|held| held.job == process.job)?;
        let handle = process.table.insert(grant).ok()?;
        let moved = (held.kind.number().into(), held.rights);
        if self.record_move(log, now, handle, held.object, moved).is_err() {
            let _ = process.table.remove(handle);
            return None;
        }
        held.holder = Some(Holder::Process(self.process, handle));
        Some(handle)
    }
}

/// Looks the handles up that a message takes along.
#[inline(always)]
fn pass(
    process: &Process,
    grants: &Grants,
    ends: [Key; 2],
    handles: &[[u8; 4]],
    passed: &mut [Option<Held>],
) -> Result<(), Fault> {
    for (place, handle) in handles.iter().enumerate() {
        let held = held_by(grants, process, u64::from(u32::from_le_bytes(*handle)))?;
        let detail = place as u64;
        if !held.rights.contains(Rights::TRANSFER) {
            return Err(Fault { error: Error::NotAllowed, detail });
        }
        // Twice the same, or an end through its own channel, which nobody could reach again.
        let before = passed.get(..place).unwrap_or_default();
        let is_twice = before.iter().flatten().any(|before| before.grant == held.grant);
        if is_twice || ends[0] == held.object || ends[1] == held.object {
            return Err(Fault { error: Error::BadArgument, detail });
        }
        if let Some(slot) = passed.get_mut(place) {
            *slot = Some(held);
        }
    }
    Ok(())
}

/// What whoever makes a channel holds of each end.
pub(super) const CHANNEL_RIGHTS: Rights = Rights::SEND
    .with(Rights::RECEIVE)
    .with(Rights::WAIT)
    .with(Rights::INSPECT)
    .with(Rights::DUPLICATE)
    .with(Rights::TRANSFER);
