//! Channels: messages of bytes and handles between two ends.
//!
//! # Invariants
//! - A message is sent whole or not at all, and read whole or not at all.
//! - A handle is in one place: the sender's table, a message, or the reader's table.

use luperiq_abi::limits::{MESSAGE_BYTES_MAX, MESSAGE_HANDLES_MAX};
use luperiq_abi::settings::Limit;
use luperiq_abi::{Error, Handle, Kind, Rights};

use super::{Admitted, Fault, Refusal, System};
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
            // Nobody takes a handle out of a socket.
            if !handles.is_empty() && system.kind(peer) == Some(Kind::Socket) {
                return Err(Error::BadArgument.into());
            }
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
        let [_, peer] = ends;
        if bytes.len() > MESSAGE_BYTES_MAX || handles.len() > MESSAGE_HANDLES_MAX {
            return Err(Error::BadArgument.into());
        }
        for (place, handle) in handles.iter().enumerate() {
            let held = self.find(admitted.process, u64::from(*handle))?;
            let detail = place as u64;
            if !held.rights.contains(Rights::TRANSFER) {
                return Err(Fault { error: Error::NotAllowed, detail });
            }
            // Twice the same, or an end through its own channel, which nobody could reach again.
            let before = self.passed.get(..place).unwrap_or_default();
            let is_twice = before.iter().flatten().any(|before| before.grant == held.grant);
            if is_twice || ends.contains(&held.object) {
                return Err(Fault { error: Error::BadArgument, detail });
            }
            if let Some(slot) = self.passed.get_mut(place) {
                *slot = Some(held);
            }
        }
        let target = self.channel_mut(peer).ok_or(Error::PeerClosed)?;
        if !target.queue.has_room(bytes.len(), handles.len()) {
            return Err(Error::NotReady.into());
        }
        self.log.reserve(handles.len() + 1)?;
        self.record_use(admitted)?;
        for place in 0..handles.len() {
            let Some(Some(held)) = self.passed.get(place).copied() else { continue };
            self.record_move(admitted, held.handle, held.object, held.rights)?;
        }
        for place in 0..handles.len() {
            let Some(Some(held)) = self.passed.get(place).copied() else { continue };
            if let Some(process) = self.process_mut(admitted.process) {
                let _ = process.table.remove(held.handle);
            }
            self.grants.send(held.grant, Holder::Message(peer));
            if let Some(target) = self.channel_mut(peer) {
                target.queue.push_grant(held.grant);
            }
        }
        if let Some(target) = self.channel_mut(peer) {
            target.queue.push(bytes, handles.len());
        }
        self.mark_changed(peer);
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
            system.can_hold(admitted.process, grants_count)?;
            system.record_use(admitted)?;
            let channel = system.channel_mut(end).ok_or(Error::BadHandle)?;
            let taken = channel.queue.pop().ok_or(Error::NotReady)?;
            let peer = channel.peer;
            system.mark_changed(end);
            if let Some(peer) = peer {
                system.mark_changed(peer);
            }
            for place in 0..grants_count {
                let grant = system.channel_mut(end).and_then(|channel| channel.queue.pop_grant());
                let handle = grant.and_then(|grant| system.arrive(admitted, grant));
                if let Some(slot) = system.arrived.get_mut(place) {
                    *slot = handle.map_or(0, Handle::number);
                }
            }
            Ok((end, taken, grants_count))
        })?;
        let bytes = self.channel(end).map_or([&[][..]; 2], |channel| channel.queue.taken(taken));
        Ok(Received { bytes, handles: self.arrived.get(..handles_count).unwrap_or_default() })
    }

    /// Puts a grant out of a message into the caller's table. What cannot be recorded does not
    /// arrive.
    fn arrive(&mut self, admitted: &Admitted, grant: Key) -> Option<Handle> {
        let held = *self.grants.held(grant)?;
        let job = self.job_of(admitted.process).ok()?;
        let handle = self.process_mut(admitted.process)?.table.insert(grant).ok();
        let Some(handle) = handle else {
            self.give_up(grant);
            return None;
        };
        // It counts against the reader's job from now on. Room was made sure of.
        if job != held.job {
            self.discharge(held.job, Limit::Handles, 1);
            let charged = self.charge(job, Limit::Handles, 1);
            debug_assert!(charged.is_ok());
            self.retain(job);
            self.release(held.job);
        }
        self.grants.set_holder(grant, Holder::Process(admitted.process, handle), job);
        if self.record_move(admitted, handle, held.object, held.rights).is_err() {
            self.take_from(admitted.process, handle);
            return None;
        }
        Some(handle)
    }

    /// An end of a line: a channel's, or a socket's.
    pub(super) fn channel(&self, key: Key) -> Option<&Channel> {
        match &self.objects.value(key)?.body {
            Body::Channel(channel) => Some(channel),
            Body::Socket(socket) => Some(&socket.line),
            _ => None,
        }
    }

    pub(super) fn channel_mut(&mut self, key: Key) -> Option<&mut Channel> {
        match &mut self.objects.value_mut(key)?.body {
            Body::Channel(channel) => Some(channel),
            Body::Socket(socket) => Some(&mut socket.line),
            _ => None,
        }
    }
}

/// What whoever makes a channel holds of each end.
pub(super) const CHANNEL_RIGHTS: Rights = Rights::SEND
    .with(Rights::RECEIVE)
    .with(Rights::WAIT)
    .with(Rights::INSPECT)
    .with(Rights::DUPLICATE)
    .with(Rights::TRANSFER);
