//! Channels: messages of bytes and handles between two ends.
//!
//! # Invariants
//! - A message is sent whole or not at all, and read whole or not at all.
//! - A handle is in one place: the sender's table, a message, or the reader's table.

use luperiq_abi::limits::{MESSAGE_BYTES_MAX, MESSAGE_HANDLES_MAX};
use luperiq_abi::settings::Limit;
use luperiq_abi::{Error, Handle, Kind, Rights};

use super::{Admitted, Fault, Refusal, System, held_by};
use crate::grant::Holder;
use crate::object::{Body, Channel, Object};
use crate::queue::Message;
use crate::slab::Key;

/// A message that was read: it is where it was, until the next one is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// What it says, in two pieces.
    pub bytes: [&'a [u8]; 2],
    /// The handles that came with it, now the reader's. 0 stands for one that was taken back on
    /// the way.
    pub handles: &'a [u32],
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

    /// `channel_write`: sends a message. Its handles leave the caller, each of which needs the
    /// right to be transferred; the channel itself does not travel through itself.
    ///
    /// # Errors
    /// It is refused, and nothing has left the caller.
    #[inline(always)]
    pub fn channel_write(
        &mut self,
        admitted: Admitted,
        bytes: &[u8],
        handles: &[u32],
    ) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let channel = admitted.held(0)?.object;
            let ends = system.channel(channel).ok_or(Error::BadHandle)?;
            let peer = ends.peer.ok_or(Error::PeerClosed)?;
            system.send(admitted, [channel, peer], bytes, handles)
        })
    }

    /// Sends a message of the caller's to `ends[1]`.
    pub(super) fn send(
        &mut self,
        admitted: &mut Admitted,
        ends: [Key; 2],
        bytes: &[u8],
        handles: &[u32],
    ) -> Result<(), Fault> {
        let (count, [_, peer]) = (handles.len(), ends);
        if bytes.len() > MESSAGE_BYTES_MAX || count > MESSAGE_HANDLES_MAX {
            return Err(Error::BadArgument.into());
        }
        if count > 0 {
            self.pass(admitted.process, ends, handles)?;
        }
        let target = self.objects.value_mut(peer).ok_or(Error::PeerClosed)?;
        // Nobody takes a handle out of a socket.
        if count > 0 && target.kind() == Kind::Socket {
            return Err(Error::BadArgument.into());
        }
        let target = target.line_mut().ok_or(Error::PeerClosed)?;
        if !target.queue.has_room(bytes.len(), count) {
            return Err(Error::NotReady.into());
        }
        self.log.reserve(count + 1)?;
        self.record_use_here(admitted)?;
        for place in 0..count {
            let Some(Some(held)) = self.passed.get(place).copied() else { continue };
            self.record_move(admitted, held.handle, held.object, (held.kind, held.rights))?;
        }
        let Self { objects, grants, passed, .. } = self;
        let passed = passed.get(..count).unwrap_or_default();
        if count > 0
            && let Some(Body::Process(process)) =
                objects.value_mut(admitted.process).map(|object| &mut object.body)
        {
            for held in passed.iter().flatten() {
                let _ = process.table.remove(held.handle);
                grants.send(held.grant, Holder::Message(peer));
            }
        }
        let Some(object) = objects.value_mut(peer) else { return Ok(()) };
        let is_watched = object.listed.is_watched;
        if let Some(target) = object.line_mut() {
            for held in passed.iter().flatten() {
                target.queue.push_grant(held.grant);
            }
            target.queue.push(bytes, count);
        }
        if is_watched {
            self.mark_changed(peer);
        }
        Ok(())
    }

    /// Looks the handles up that a message takes along.
    #[inline]
    fn pass(&mut self, process: Key, ends: [Key; 2], handles: &[u32]) -> Result<(), Fault> {
        let Self { objects, grants, passed, .. } = self;
        let process = objects.value(process).and_then(Object::process).ok_or(Error::BadHandle)?;
        for (place, handle) in handles.iter().enumerate() {
            let held = held_by(grants, process, u64::from(*handle))?;
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

    /// `channel_read`: takes the next message, if there is room for all of it.
    ///
    /// # Errors
    /// It is refused; with [`Error::TooLong`] the detail is its length, and in the upper half of
    /// it the number of its handles.
    pub fn channel_read(
        &mut self,
        admitted: Admitted,
        bytes_max: usize,
        handles_max: usize,
    ) -> Result<Received<'_>, Refusal> {
        let (end, taken, handles_count) = self.with(admitted, |system, admitted| {
            let end = admitted.held(0)?.object;
            let channel = system.channel(end).ok_or(Error::BadHandle)?;
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
            system.can_hold_here(admitted.process, grants_count)?;
            system.record_use_here(admitted)?;
            let object = system.objects.value_mut(end).ok_or(Error::BadHandle)?;
            let is_watched = object.listed.is_watched;
            let channel = object.line_mut().ok_or(Error::BadHandle)?;
            let taken = channel.queue.pop().ok_or(Error::NotReady)?;
            let mut grant = if grants_count > 0 { channel.queue.pop_grant() } else { None };
            if let Some(peer) = channel.peer {
                system.mark_changed(peer);
            }
            if is_watched {
                system.mark_changed(end);
            }
            for place in 0..grants_count {
                let handle = grant.and_then(|grant| system.arrive(admitted, grant));
                if let Some(slot) = system.arrived.get_mut(place) {
                    *slot = handle.map_or(0, Handle::number);
                }
                if place + 1 < grants_count {
                    grant = system.channel_mut(end).and_then(|channel| channel.queue.pop_grant());
                }
            }
            Ok((end, taken, grants_count))
        })?;
        let bytes = self.channel(end).map_or([&[][..]; 2], |channel| channel.queue.taken(taken));
        Ok(Received { bytes, handles: self.arrived.get(..handles_count).unwrap_or_default() })
    }

    /// Puts a grant out of a message into the caller's table. What cannot be recorded does not
    /// arrive.
    #[inline(always)]
    fn arrive(&mut self, admitted: &Admitted, grant: Key) -> Option<Handle> {
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

/// What whoever makes a channel holds of each end.
pub(super) const CHANNEL_RIGHTS: Rights = Rights::SEND
    .with(Rights::RECEIVE)
    .with(Rights::WAIT)
    .with(Rights::INSPECT)
    .with(Rights::DUPLICATE)
    .with(Rights::TRANSFER);
