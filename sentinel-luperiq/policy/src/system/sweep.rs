//! Finding what nobody can reach any more.
//!
//! Counting references ends almost everything in time. Three things can keep each other alive
//! without anybody: ends of channels that travel in each other's messages, jobs that are kept by
//! the channel of their own supervisor, and processes that were made and never started, whose
//! handle waits in their own channel. So whenever a process ends or a handle to a job is given up,
//! what is left is looked through, starting from the processes that run.
//!
//! # Invariants
//! - What a process that runs can come to hold by reading stays.
//! - No memory is asked for, and the time is linear in what there is.

use luperiq_abi::Handle;

use super::System;
use super::jobs::KILLED;
use crate::grant::Holder;
use crate::object::{Body, Life};
use crate::slab::Key;

impl System {
    /// Ends channels' messages, jobs' supervisors and unstarted processes that nobody can reach,
    /// and what ports watch by handles that are no more.
    pub(super) fn sweep(&mut self) {
        self.unbind_void();
        for place in 0..self.objects.places() {
            if let Some(object) = self.key_at(place).and_then(|key| self.objects.value_mut(key)) {
                object.listed.is_marked = false;
            }
        }
        self.mark(Some(self.root));
        for place in 0..self.objects.places() {
            let Some(key) = self.key_at(place) else { continue };
            if let Some(job) = self.job_of(key).ok().filter(|_| self.runs(key)) {
                self.mark(Some(job));
            }
        }
        for place in 0..self.grants.places() {
            let Some(grant) = self.grants.at(place) else { continue };
            if let Some(Holder::Process(holder, _)) = grant.holder
                && self.runs(holder)
            {
                self.mark(Some(grant.object));
            }
        }
        while let Some(key) = self.marked {
            let Some(object) = self.objects.value_mut(key) else { break };
            self.marked = object.listed.next_marked.take();
            self.mark_from(key);
        }
        for place in 0..self.objects.places() {
            if let Some(key) = self.key_at(place) {
                self.drop_unmarked(key);
            }
        }
        self.drop_unserved();
    }

    /// Marks what an object that is reached leads to.
    fn mark_from(&mut self, key: Key) {
        let Some(object) = self.objects.value(key) else { return };
        match &object.body {
            Body::Job(job) => {
                let (parent, supervisor) = (job.parent, job.supervisor);
                self.mark(parent);
                self.mark(supervisor.and_then(|grant| Some(self.grants.held(grant)?.object)));
            }
            Body::Process(process) if process.life == Life::Made => {
                let job = process.job;
                self.mark(Some(job));
                for index in 0..=Handle::INDEX_MAX {
                    let Some(process) = self.process(key) else { return };
                    let Some(slot) = process.table.at(index) else { break };
                    let object = slot.and_then(|grant| Some(self.grants.held(grant)?.object));
                    self.mark(object);
                }
            }
            Body::Channel(_) => {
                let mut place = 0;
                while let Some(found) = self.channel(key).and_then(|it| it.queue.grant(place)) {
                    self.mark(self.grants.held(found).map(|grant| grant.object));
                    place += 1;
                }
            }
            _ => {}
        }
    }

    fn drop_unmarked(&mut self, key: Key) {
        let Some(object) = self.objects.value_mut(key) else { return };
        if object.listed.is_marked {
            return;
        }
        match &mut object.body {
            Body::Channel(channel) => {
                for grant in channel.queue.drain() {
                    self.give_up(grant);
                }
            }
            Body::Job(job) => {
                if let Some(supervisor) = job.supervisor.take() {
                    self.give_up(supervisor);
                }
            }
            Body::Process(process) if process.life == Life::Made => {
                self.end_process(key, KILLED, "nobody can start it any more");
            }
            _ => {}
        }
    }

    fn mark(&mut self, key: Option<Key>) {
        let Some(key) = key else { return };
        let marked = self.marked;
        let Some(object) = self.objects.value_mut(key) else { return };
        if !object.listed.is_marked {
            object.listed.is_marked = true;
            object.listed.next_marked = marked;
            self.marked = Some(key);
        }
    }

    fn key_at(&self, place: usize) -> Option<Key> {
        self.objects.key_at(place)
    }

    fn runs(&self, process: Key) -> bool {
        self.life(process) == Some(Life::Running)
    }
}
