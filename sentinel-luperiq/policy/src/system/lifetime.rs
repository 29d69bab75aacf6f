//! How objects come to an end, and everything with them.
//!
//! Nothing here calls itself: what has to go is put into a list, and the list is worked off. A
//! channel that goes takes its messages with it, those take handles, those may take channels; a
//! chain of them, however long, costs no stack.
//!
//! # Invariants
//! - An object without references is gone when the operation that took the last one returns.
//! - What the kernel has to give back (frames, files, sockets, address spaces) is told to it once.

use luperiq_abi::settings::Limit;
use luperiq_abi::{Error, Kind, Signals};

use super::jobs::KILLED;
use super::{System, is_alive};
use crate::audit::event::Event;
use crate::grant::{Grant, Holder};
use crate::object::{Body, Channel, Life, Socket};
use crate::slab::Key;

/// An object that is no more: the kernel gives back what it kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// What it was.
    pub kind: Kind,
    /// What the kernel calls it.
    pub native: u64,
    /// Which it was.
    pub object: Key,
}

/// A process that ended: the kernel stops its threads and takes its memory back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub process: Key,
    /// What the kernel calls it.
    pub native: u64,
}

impl System {
    /// The next object that is no more.
    pub fn next_released(&mut self) -> Option<Released> {
        let key = self.released?;
        let object = self.objects.remove(key)?;
        self.released = object.listed.next_released;
        Some(Released { kind: object.kind(), native: object.native, object: key })
    }

    /// The next process that ended. Until it was taken, its number stands for nothing else.
    pub fn next_ended(&mut self) -> Option<Ended> {
        let key = self.ended?;
        let object = self.objects.value_mut(key)?;
        let native = object.native;
        self.ended = object.listed.next_ended.take();
        self.release(key);
        self.settle_doomed();
        Some(Ended { process: key, native })
    }

    /// Whether anything ended, is no more or changed that the kernel was not told.
    #[must_use]
    #[inline]
    pub const fn has_news(&self) -> bool {
        self.ended.is_some() || self.released.is_some() || self.changed.is_some()
    }

    /// Says whether somebody waits for an object: else its changes are nobody's.
    pub fn watch(&mut self, key: Key, is_watched: bool) {
        if let Some(object) = self.objects.value_mut(key) {
            object.listed.is_watched = is_watched || !object.listed.bindings.is_empty();
        }
    }

    /// The next object whose signals changed: whoever waits for it looks again.
    pub fn next_changed(&mut self) -> Option<Key> {
        let key = self.changed?;
        let object = self.objects.value_mut(key)?;
        object.listed.is_changed = false;
        self.changed = object.listed.next_changed.take();
        if !object.listed.bindings.is_empty() {
            self.tell_ports(key);
        }
        self.release(key);
        self.settle_doomed();
        Some(key)
    }

    /// Ends a process, for a reason that is recorded. What it held is given up; whoever waits for
    /// it is told. A process that ended already stays as it is.
    pub fn process_end(&mut self, process: Key, code: i32, reason: &str) {
        self.end_process(process, code, reason);
        self.settle_doomed();
    }

    pub(super) fn end_process(&mut self, key: Key, code: i32, reason: &str) {
        let Some(process) = self.process_mut(key) else { return };
        if !is_alive(process.life) {
            return;
        }
        process.life = Life::Ended(code);
        self.is_sweep_due = true;
        let Some(process) = self.process_mut(key) else { return };
        let (job, threads, memory) = (process.job, process.threads_count, process.memory_bytes);
        (process.threads_count, process.memory_bytes) = (0, 0);
        let process_number = key.number();
        // That a process ended is so whether or not there is room to say it: a process whose end
        // could not be recorded would keep what it holds.
        let event = Event::ProcessEnded { process: process_number, code, reason };
        let _ = self.log.happened(self.now, &event);
        while let Some(grant) = self.process_mut(key).and_then(|process| process.table.drain()) {
            self.give_up(grant);
        }
        self.discharge(job, Limit::Threads, u64::from(threads));
        self.discharge(job, Limit::Memory, memory);
        self.discharge(job, Limit::Processes, 1);
        self.signal(key, Signals::EXITED, Signals::NONE);
        self.tell_if_empty(job);
        self.release(job);
        // The reference it had while it lived goes over to the list.
        let next = self.ended.replace(key);
        if let Some(object) = self.objects.value_mut(key) {
            object.listed.next_ended = next;
        }
    }

    /// Gives a grant up, and what it stood for if it was the last.
    pub(super) fn give_up(&mut self, grant: Key) {
        if let Some(grant) = self.grants.remove(grant) {
            self.forget(&grant);
        }
    }

    /// Undoes what a grant that is gone was counted as.
    pub(super) fn forget(&mut self, grant: &Grant) {
        if let Some(Holder::Process(process, handle)) = grant.holder
            && let Some(process) = self.process_mut(process)
        {
            process.table.revoke(handle);
        }
        if grant.is_bound {
            self.tell_ports(grant.object);
        }
        // A job can be kept by what counts against it, which its own supervisor's channel does.
        self.is_sweep_due |= self.kind(grant.object) == Some(Kind::Job);
        self.discharge(grant.job, Limit::Handles, 1);
        self.release(grant.job);
        self.release(grant.object);
    }

    pub(super) fn retain(&mut self, key: Key) {
        if let Some(object) = self.objects.value_mut(key) {
            // Bounded by the number of grants and objects.
            object.references += 1;
        }
    }

    pub(super) fn release(&mut self, key: Key) {
        let Some(object) = self.objects.value_mut(key) else { return };
        object.references = object.references.saturating_sub(1);
        let is_orphan = object.references == 1
            && matches!(&object.body, Body::Process(process) if process.life == Life::Made);
        if is_orphan {
            // Nobody can start it any more: only its own reference is left.
            object.listed.next_ended = self.orphans.replace(key);
            return;
        }
        if object.references > 0 {
            return;
        }
        object.listed.next_released = self.doomed.replace(key);
    }

    /// Works off the lists of objects without references and of processes without a maker.
    #[inline(always)]
    pub(super) fn settle_doomed(&mut self) {
        // Every operation ends here, and few leave anything.
        if self.doomed.is_some() || self.orphans.is_some() || self.is_sweep_due {
            self.settle_all();
        }
    }

    fn settle_all(&mut self) {
        loop {
            self.settle_released();
            if let Some(orphan) = self.orphans {
                let listed = self.objects.value_mut(orphan).map(|object| &mut object.listed);
                self.orphans = listed.and_then(|listed| listed.next_ended.take());
                self.end_process(orphan, KILLED, "its maker gave it up");
            } else if self.is_sweep_due {
                self.is_sweep_due = false;
                self.sweep();
            } else {
                return;
            }
        }
    }

    fn settle_released(&mut self) {
        while let Some(key) = self.doomed {
            let Some(object) = self.objects.value_mut(key) else { return };
            self.doomed = object.listed.next_released.take();
            let charged = object.charged.take();
            let kind = object.kind();
            let body = core::mem::replace(&mut object.body, Body::Plain(kind));
            object.listed.next_released = self.released.replace(key);
            match body {
                Body::Channel(mut channel) => {
                    for grant in channel.queue.drain() {
                        self.give_up(grant);
                    }
                    if let Some(peer) = channel.peer {
                        self.part(peer);
                    }
                }
                Body::Socket(Socket { line: Channel { peer: Some(peer), .. }, .. }) => {
                    self.part(peer);
                }
                Body::Port(port) => self.unbind_all(port),
                Body::Memory { bytes } => {
                    if let Some(job) = charged {
                        self.discharge(job, Limit::Memory, bytes);
                    }
                }
                Body::Job(job) => {
                    if let Some(supervisor) = job.supervisor {
                        self.give_up(supervisor);
                    }
                    if let Some(parent) = job.parent {
                        self.discharge(parent, Limit::Jobs, 1);
                        self.tell_if_empty(parent);
                        self.release(parent);
                    }
                }
                _ => {}
            }
            if let Some(job) = charged {
                self.discharge(job, Limit::Objects, 1);
                self.release(job);
            }
        }
    }

    /// Tells a channel's end that the other one is gone.
    pub(super) fn part(&mut self, peer: Key) {
        if let Some(channel) = self.channel_mut(peer) {
            channel.peer = None;
            self.mark_changed(peer);
        }
    }

    /// Sets and takes back signals.
    pub(super) fn signal(&mut self, key: Key, set: Signals, cleared: Signals) {
        if let Some(object) = self.objects.value_mut(key) {
            object.signals = object.signals.without(cleared).with(set);
            self.mark_changed(key);
        }
    }

    pub(super) fn mark_changed(&mut self, key: Key) {
        let changed = self.changed;
        let Some(object) = self.objects.value_mut(key) else { return };
        let listed = &mut object.listed;
        if !listed.is_watched || listed.is_changed || object.references == 0 {
            return;
        }
        listed.is_changed = true;
        listed.next_changed = changed;
        object.references += 1;
        self.changed = Some(key);
    }

    /// Counts against a job and all above it.
    pub(super) fn charge(&mut self, job: Key, limit: Limit, amount: u64) -> Result<(), Error> {
        let mut at = Some(job);
        while let Some(key) = at {
            let job = self.job(key).ok_or(Error::BadHandle)?;
            let used = job.used[limit.place()].checked_add(amount);
            if used.is_none_or(|used| used > job.rules.limit(limit)) {
                return Err(Error::Limit);
            }
            at = job.parent;
        }
        let mut at = Some(job);
        while let Some(job) = at.and_then(|key| self.job_mut(key)) {
            job.used[limit.place()] += amount;
            at = job.parent;
        }
        Ok(())
    }

    pub(super) fn discharge(&mut self, job: Key, limit: Limit, amount: u64) {
        let mut at = Some(job);
        while let Some(job) = at.and_then(|key| self.job_mut(key)) {
            let used = &mut job.used[limit.place()];
            debug_assert!(*used >= amount, "{limit:?}");
            *used = used.saturating_sub(amount);
            at = job.parent;
        }
    }

    /// Signals a job in which nothing is left.
    fn tell_if_empty(&mut self, mut key: Key) {
        while let Some(job) = self.job(key) {
            let is_empty = job.used[Limit::Processes.place()] == 0;
            let parent = job.parent;
            if is_empty && job.is_settled {
                self.signal(key, Signals::EXITED, Signals::NONE);
            }
            match parent {
                Some(parent) => key = parent,
                None => return,
            }
        }
    }
}
