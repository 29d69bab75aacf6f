//! Jobs: who is counted together, and what they may do at most.

use alloc::vec::Vec;

use luperiq_abi::limits::{NAME_BYTES_MAX, SETTINGS_BYTES_MAX};
use luperiq_abi::settings::Limit;
use luperiq_abi::wire::{JobInfo, ProcessInfo};
use luperiq_abi::{Error, Handle, Kind, Rights};
use sentinel_core::order;

use super::{Admitted, Fault, Refusal, System, copied, text};
use crate::audit::event::Event;
use crate::grant::Holder;
use crate::limits::JOB_DEPTH_MAX;
use crate::object::{Body, Job, Life, Object};
use crate::rules::LIMITS_COUNT;
use crate::slab::Key;

impl System {
    /// `job_create`: a job in a job, with its rules.
    ///
    /// # Errors
    /// It is refused.
    pub fn job_create(&mut self, admitted: Admitted, name: &[u8]) -> Result<Handle, Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let name = name_of(name)?;
            let parent = system.job(held.object).ok_or(Error::WrongKind)?;
            if parent.is_closed {
                return Err(Error::WrongState.into());
            }
            if parent.depth >= JOB_DEPTH_MAX {
                return Err(Error::Limit.into());
            }
            let (depth, rules) = (parent.depth + 1, parent.rules.clone());
            system.has_left(held.object, Limit::Jobs, 1)?;
            system.can_hold(admitted.process, 1)?;
            system.objects.reserve(1)?;
            system.record_use(admitted)?;
            let job = system.objects.insert(Object::new(
                0,
                Body::Job(Job {
                    parent: Some(held.object),
                    name: copied(name.as_bytes())?,
                    depth,
                    rules,
                    used: [0; LIMITS_COUNT],
                    supervisor: None,
                    is_closed: false,
                    is_settled: false,
                }),
            ))?;
            system.retain(job);
            system.retain(held.object);
            system.charge(held.object, Limit::Jobs, 1)?;
            let (by, parent) = (admitted.process.number(), held.object.number());
            let event = Event::JobMade { by, job: job.number(), parent, name };
            let handle = match system.log.happened(system.now, &event) {
                Ok(()) => system.give(admitted, Some(held.grant), job, JOB_RIGHTS),
                Err(error) => Err(error.into()),
            };
            if let Some(parent) = system.job_mut(held.object) {
                parent.is_settled = true;
            }
            system.release(job);
            handle
        })
    }

    /// `job_set`: narrows the rules of a job in which nothing was made yet.
    ///
    /// # Errors
    /// It is refused, and the rules are as before.
    pub fn job_set(&mut self, admitted: Admitted, settings: &[u8]) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            let job = system.job(key).ok_or(Error::WrongKind)?;
            if job.is_settled || job.is_closed {
                return Err(Error::WrongState.into());
            }
            if settings.len() > SETTINGS_BYTES_MAX {
                return Err(Error::BadArgument.into());
            }
            let rules = job.rules.narrowed(settings)?;
            system.record_use(admitted)?;
            let by = admitted.process.number();
            let event = Event::JobSet { by, job: key.number(), settings };
            system.log.happened(system.now, &event)?;
            if let Some(job) = system.job_mut(key) {
                job.rules = rules;
            }
            Ok(())
        })
    }

    /// `job_supervise`: where requests of processes in this job go.
    ///
    /// # Errors
    /// It is refused, and the channel stays with the caller.
    pub fn job_supervise(&mut self, admitted: Admitted) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            let channel = system.take_over(admitted)?;
            let job = system.job_mut(key).ok_or(Error::WrongKind)?;
            if let Some(before) = job.supervisor.replace(channel) {
                system.give_up(before);
            }
            Ok(())
        })
    }

    /// Takes the channel that is the call's second handle from the caller, for the kernel.
    pub(super) fn take_over(&mut self, admitted: &mut Admitted) -> Result<Key, Fault> {
        let channel = admitted.held(1)?;
        // What is sent to the kernel's end comes out at the other one, handles and all.
        let peer = self.channel(channel.object).and_then(|line| line.peer);
        if peer.is_some_and(|peer| self.kind(peer) == Some(Kind::Socket)) {
            return Err(Error::BadArgument.into());
        }
        let owner = self.job_of(admitted.process)?;
        self.log.reserve(2)?;
        self.record_use(admitted)?;
        let moved = (channel.kind, channel.rights);
        self.record_move(admitted, channel.handle, channel.object, moved)?;
        let process = self.process_mut(admitted.process).ok_or(Error::BadHandle)?;
        process.table.remove(channel.handle)?;
        self.grants.set_holder(channel.grant, Holder::Kernel, owner);
        Ok(channel.grant)
    }

    /// `job_kill`: ends everything in a job, now and for ever.
    ///
    /// # Errors
    /// It is refused.
    pub fn job_kill(&mut self, admitted: Admitted) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            system.record_use(admitted)?;
            system.job_end(key, "its job was ended");
            Ok(())
        })
    }

    /// Ends everything in a job. The kernel does that to the root job before it stops.
    pub fn job_end(&mut self, key: Key, reason: &str) {
        let jobs: Vec<Key> = self.objects.keys().filter(|other| self.is_in(*other, key)).collect();
        for job in &jobs {
            if let Some(job) = self.job_mut(*job) {
                job.is_closed = true;
            }
        }
        let processes: Vec<Key> = self
            .objects
            .keys()
            .filter(|other| self.process(*other).is_some_and(|process| jobs.contains(&process.job)))
            .collect();
        for process in processes {
            self.end_process(process, KILLED, reason);
        }
        self.settle_doomed();
    }

    /// `job_info`: how a job is.
    ///
    /// # Errors
    /// It is refused.
    pub fn job_info(&mut self, admitted: Admitted) -> Result<JobInfo, Refusal> {
        self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            let job = system.job(key).ok_or(Error::WrongKind)?;
            let used = |limit: Limit| job.used[limit.place()];
            let count = |limit: Limit| u32::try_from(used(limit)).unwrap_or(u32::MAX);
            let info = JobInfo {
                job: key.number(),
                processes_count: count(Limit::Processes),
                jobs_count: count(Limit::Jobs),
                handles_count: used(Limit::Handles),
                memory_bytes: used(Limit::Memory),
                cpu_nanoseconds: used(Limit::Cpu),
                denials_count: used(Limit::Denials),
            };
            system.record_use(admitted)?;
            Ok(info)
        })
    }

    /// `job_processes`: how the processes in a job and beneath it are, those whose number is at
    /// least `first`, at most so many.
    ///
    /// # Errors
    /// It is refused.
    pub fn job_processes(
        &mut self,
        admitted: Admitted,
        first: u64,
        count_max: usize,
    ) -> Result<Vec<ProcessInfo>, Refusal> {
        self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            system.record_use(admitted)?;
            let mut found: Vec<ProcessInfo> = system
                .objects
                .keys()
                .filter(|other| other.number() >= first)
                .filter(|other| {
                    let job = system.process(*other).map(|process| process.job);
                    job.is_some_and(|job| system.is_in(job, key))
                })
                .filter_map(|other| system.process_info_of(other))
                .collect();
            order::sort_by_key(&mut found, |info| info.process);
            found.truncate(count_max);
            Ok(found)
        })
    }

    /// Counts processor time of a process; false when its job has had all it may.
    pub fn cpu_used(&mut self, process: Key, nanoseconds: u64) -> bool {
        let Ok(job) = self.job_of(process) else { return false };
        if let Some(process) = self.process_mut(process) {
            process.cpu_nanoseconds = process.cpu_nanoseconds.saturating_add(nanoseconds);
        }
        self.charge(job, Limit::Cpu, nanoseconds).is_ok()
    }

    /// The job's name.
    #[must_use]
    pub fn job_name(&self, key: Key) -> Option<&str> {
        core::str::from_utf8(&self.job(key)?.name).ok()
    }

    /// Whether a job is another, or in it.
    fn is_in(&self, key: Key, outer: Key) -> bool {
        let mut at = Some(key);
        while let Some(key) = at {
            if key == outer {
                return true;
            }
            at = self.job(key).and_then(|job| job.parent);
        }
        false
    }

    pub(super) fn process_info_of(&self, key: Key) -> Option<ProcessInfo> {
        let process = self.process(key)?;
        let (state, code) = match process.life {
            Life::Made => (0, 0),
            Life::Running => (1, 0),
            Life::Ended(code) => (2, code),
        };
        Some(ProcessInfo {
            process: key.number(),
            job: process.job.number(),
            state,
            code,
            handles_count: u32::try_from(process.table.count()).unwrap_or(u32::MAX),
            threads_count: process.threads_count,
            memory_bytes: process.memory_bytes,
            cpu_nanoseconds: process.cpu_nanoseconds,
        })
    }
}

/// What whoever makes a job holds of it.
const JOB_RIGHTS: Rights = Kind::Job.rights();

/// What a process that was ended from outside is said to have said.
pub(super) const KILLED: i32 = -1;

/// A name: short, and text without control characters.
pub(super) fn name_of(name: &[u8]) -> Result<&str, Error> {
    let name = text(name)?;
    let is_good = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    if is_good { Ok(name) } else { Err(Error::BadArgument) }
}
