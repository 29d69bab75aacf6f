//! Ports: one place to wait for many things.
//!
//! A process binds what it holds with `wait` to a port, under a number of its own, and is told by
//! the port which of these is as its signals say. What is so stays in the port's row for as long
//! as it is so: it is told, goes to the row's end, and is told again after all others that stand
//! there. So nothing has to be bound anew, nothing is told that is not so any more, and what is
//! always so keeps nothing else from being told.
//!
//! # Invariants
//! - A binding is worth what the handle is that it was made by: when its process closes, exchanges
//!   or sends that away, when it is taken back or its process ends, the port tells nothing of it.
//! - A binding keeps nothing alive but the job that it counts against, and is gone at the latest
//!   when the process that made it is, the port or the object.
//! - A port watches no port, so no row can fill itself.
//! - A message costs nothing more for it, unless one of the two ends is watched.

use luperiq_abi::limits::PORT_BINDINGS_MAX;
use luperiq_abi::settings::Limit;
use luperiq_abi::{Error, Kind, Signals};

use super::{Admitted, Fault, Refusal, System, WaitHandle};
use crate::binding::{Binding, Links, NONE, Of, Place};
use crate::grant::Holder;
use crate::limits::BINDINGS_MAX;
use crate::object::{Body, Object, Port};
use crate::slab::Key;

impl System {
    /// `port_bind`: lets a port watch what the second handle stands for.
    ///
    /// # Errors
    /// It is refused; [`Error::Exists`] if the port has this key.
    pub fn port_bind(&mut self, admitted: Admitted, key: u64, signals: u64) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let (port, watched) = (admitted.held(0)?.object, admitted.held(1)?);
            let signals = Signals::from_bits(signals).filter(|signals| !signals.is_empty());
            let signals = signals.ok_or(Error::BadArgument)?;
            if watched.kind == u32::from(Kind::Port.number()) {
                return Err(Error::BadArgument.into());
            }
            let job = system.job_of(admitted.process)?;
            match system.find_binding(port, key)? {
                (_, Some(_)) => return Err(Error::Exists.into()),
                (count, None) if count >= PORT_BINDINGS_MAX => return Err(Error::Limit.into()),
                (_, None) => {}
            }
            let place = match system.place_for(job) {
                Ok(place) => place,
                Err(_) => {
                    // What other ports watch in vain makes room.
                    system.unbind_void();
                    system.place_for(job)?
                }
            };
            // The port's row of the record, and what it watches from now on.
            system.log.reserve(2)?;
            system.record_use(admitted)?;
            let call = u64::from(admitted.call().number());
            let handle = u64::from(watched.handle.number());
            let row = [admitted.process.number(), call, handle, watched.object.number()];
            system.log.allowed(system.now, row)?;
            let binding = Binding {
                port,
                object: watched.object,
                grant: watched.grant,
                process: admitted.process,
                handle: watched.handle,
                job,
                key,
                signals,
                is_next: false,
                links: [Links::NONE; 3],
            };
            system.bindings.put(place, Some(binding));
            system.charge(job, Limit::Handles, 1)?;
            system.retain(job);
            if let Some(grant) = system.grants.held_mut(watched.grant) {
                grant.is_bound = true;
            }
            let Self { objects, bindings, .. } = system;
            if let Some(port) = objects.value_mut(port).and_then(Object::port_mut) {
                bindings.append(Of::Port, &mut port.bound, place);
            }
            if let Some(object) = objects.value_mut(watched.object) {
                bindings.append(Of::Object, &mut object.listed.bindings, place);
                object.listed.is_watched = true;
            }
            system.look_at(place);
            Ok(())
        })
    }

    /// `port_cancel`: lets a port watch no more what it has under this key.
    ///
    /// # Errors
    /// It is refused; [`Error::NotFound`] if the port has no such key.
    pub fn port_cancel(&mut self, admitted: Admitted, key: u64) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let port = admitted.held(0)?.object;
            system.record_use(admitted)?;
            let (_, place) = system.find_binding(port, key)?;
            system.unbind(place.ok_or(Error::NotFound)?);
            Ok(())
        })
    }

    /// `port_wait`: what to wait for until [`port_next`](Self::port_next) has something to tell.
    ///
    /// # Errors
    /// It is refused.
    pub fn port_wait(&mut self, admitted: Admitted) -> Result<WaitHandle, Refusal> {
        self.with(admitted, |system, admitted| {
            let object = admitted.held(0)?.object;
            system.record_use(admitted)?;
            let signals = Signals::READABLE.with(Signals::PEER_CLOSED);
            Ok(WaitHandle { object, signals })
        })
    }

    /// What a port tells next: what is true of it, and its key. That goes to the end of the row.
    ///
    /// # Errors
    /// [`Error::NotReady`] if nothing is as it is waited for, [`Error::PeerClosed`] if nobody has
    /// the port any more.
    pub fn port_next(&mut self, port: Key) -> Result<(Signals, u64), Error> {
        // Each round takes one out of the row, or is the last.
        loop {
            let first = self.port(port).ok_or(Error::PeerClosed)?.next.first;
            let key = self.bindings.at(first).ok_or(Error::NotReady)?.key;
            self.set_next(first, false);
            let found = self.found(first);
            self.look_at(first);
            self.settle_doomed();
            if let Some(found) = found.filter(|found| !found.is_empty()) {
                return Ok((found, key));
            }
        }
    }

    /// Whether a port has something to tell. Apart from what else is asked for its signals: they
    /// are asked often.
    #[cold]
    #[inline(never)]
    pub(super) fn is_telling(&self, port: &Port) -> bool {
        let mut at = port.next.first;
        while at != NONE {
            if self.found(at).is_some_and(|found| !found.is_empty()) {
                return true;
            }
            at = self.bindings.next(Of::Next, at);
        }
        false
    }

    /// Looks at what ports watch of an object: it changed, or one of the handles to it is no more.
    pub(super) fn tell_ports(&mut self, object: Key) {
        let mut at = self.objects.value(object).map_or(NONE, |it| it.listed.bindings.first);
        while at != NONE {
            let place = at;
            at = self.bindings.next(Of::Object, place);
            self.look_at(place);
        }
    }

    /// Removes every binding whose handle is no more: of one that was sent away nobody was told.
    pub(super) fn unbind_void(&mut self) {
        (0..BINDINGS_MAX).for_each(|place| self.look_at(place as Place));
    }

    /// Removes all bindings of a port that is no more.
    pub(super) fn unbind_all(&mut self, port: Port) {
        let mut at = port.bound.first;
        while at != NONE {
            let place = at;
            at = self.bindings.next(Of::Port, place);
            self.unbind(place);
        }
    }

    /// Where a binding that counts against this job can be put.
    #[inline(never)]
    fn place_for(&self, job: Key) -> Result<Place, Fault> {
        self.has_left(job, Limit::Handles, 1)?;
        Ok(self.bindings.room()?)
    }

    /// How many bindings a port has, and the one with this key. Those whose handle is no more are
    /// removed.
    fn find_binding(&mut self, port: Key, key: u64) -> Result<(usize, Option<Place>), Error> {
        let (mut count, mut found) = (0, None);
        let mut at = self.port(port).ok_or(Error::BadHandle)?.bound.first;
        while at != NONE {
            let place = at;
            at = self.bindings.next(Of::Port, place);
            self.look_at(place);
            if let Some(binding) = self.bindings.at(place) {
                count += 1;
                if binding.key == key {
                    found = Some(place);
                }
            }
        }
        Ok((count, found))
    }

    /// Puts a binding into its port's row if what it waits for is true; removes it if its handle is
    /// no more.
    fn look_at(&mut self, place: Place) {
        match self.found(place) {
            None => self.unbind(place),
            Some(found) if found.is_empty() => {}
            Some(_) => {
                self.set_next(place, true);
                if let Some(binding) = self.bindings.at(place) {
                    self.mark_changed(binding.port);
                }
            }
        }
    }

    /// What is true of what a binding waits for; `None` if the handle that it was made by is no
    /// more.
    fn found(&self, place: Place) -> Option<Signals> {
        let binding = self.bindings.at(place)?;
        let holder = Some(Holder::Process(binding.process, binding.handle));
        self.grants.held(binding.grant).filter(|grant| grant.holder == holder)?;
        Some(self.signals(binding.object).and(binding.signals))
    }

    /// Puts a binding at the end of its port's row, or takes it out of that.
    fn set_next(&mut self, place: Place, is_next: bool) {
        let Self { objects, bindings, .. } = self;
        let Some(binding) = bindings.at(place).filter(|it| it.is_next != is_next) else { return };
        let Some(port) = objects.value_mut(binding.port).and_then(Object::port_mut) else { return };
        match is_next {
            true => bindings.append(Of::Next, &mut port.next, place),
            false => bindings.unlink(Of::Next, &mut port.next, place),
        }
        bindings.set_next(place, is_next);
    }

    /// Removes a binding, whose port may be no more.
    fn unbind(&mut self, place: Place) {
        self.set_next(place, false);
        let Self { objects, bindings, .. } = self;
        let Some(Binding { port, object, job, .. }) = bindings.at(place).copied() else { return };
        if let Some(port) = objects.value_mut(port).and_then(Object::port_mut) {
            bindings.unlink(Of::Port, &mut port.bound, place);
        }
        if let Some(object) = objects.value_mut(object) {
            bindings.unlink(Of::Object, &mut object.listed.bindings, place);
        }
        bindings.put(place, None);
        self.discharge(job, Limit::Handles, 1);
        self.release(job);
    }

    fn port(&self, key: Key) -> Option<&Port> {
        match &self.objects.value(key)?.body {
            Body::Port(port) => Some(port),
            _ => None,
        }
    }
}
