//! Asking for capabilities, and the record as programs see it.

use alloc::vec::Vec;

use luperiq_abi::limits::{NOTE_BYTES_MAX, REQUEST_BYTES_MAX};
use luperiq_abi::wire::{AuditHead, RequestHeader};
use luperiq_abi::{Error, Handle};

use super::channels::CHANNEL_RIGHTS;
use super::{Admitted, Refusal, System, text};
use crate::audit::Log;
use crate::audit::event::Event;
use crate::grant::Holder;

impl System {
    /// `cap_request`: asks whoever supervises the job. The caller gets one end of a new channel;
    /// the other goes to the supervisor with the question, and the answer comes through it.
    ///
    /// # Errors
    /// It is refused; [`Error::PeerClosed`] if nobody supervises the job.
    pub fn cap_request(&mut self, admitted: Admitted, what: &[u8]) -> Result<Handle, Refusal> {
        self.with(admitted, |system, admitted| {
            let what = text(what)?;
            let is_known = REQUESTS
                .iter()
                .any(|start| what.strip_prefix(start).is_some_and(|rest| !rest.is_empty()));
            if !is_known || what.len() > REQUEST_BYTES_MAX || what.chars().any(char::is_control) {
                return Err(Error::BadArgument.into());
            }
            let job = system.job_of(admitted.process)?;
            let supervisor = system.supervisor_of(job).ok_or(Error::PeerClosed)?;
            let inbox = system.channel(supervisor).and_then(|channel| channel.peer);
            let inbox = inbox.ok_or(Error::PeerClosed)?;
            let header = RequestHeader { process: admitted.process.number(), job: job.number() };
            let mut bytes = Vec::new();
            let bytes_count = RequestHeader::BYTES + what.len();
            bytes.try_reserve_exact(bytes_count).map_err(|_| Error::NoMemory)?;
            bytes.extend_from_slice(&header.encode());
            bytes.extend_from_slice(what.as_bytes());
            system.can_hold(admitted.process, 2)?;
            system.objects.reserve(2)?;
            let has_room = system
                .channel_mut(inbox)
                .is_some_and(|channel| channel.queue.has_room(bytes.len(), 1));
            if !has_room {
                return Err(Error::NotReady.into());
            }
            system.record_use(admitted)?;
            let event = Event::Request { process: admitted.process.number(), text: what };
            system.log.happened(system.now, &event)?;
            let [mine, other] = system.channel_pair(job)?;
            let handle = system.give(admitted, None, mine, CHANNEL_RIGHTS);
            let answer = system.give_to(admitted.process, None, other, CHANNEL_RIGHTS);
            system.release(mine);
            system.release(other);
            let (handle, answer) = (handle?, answer?);
            let table = system.process_mut(admitted.process).map(|process| &mut process.table);
            if let Some(Ok(Some(grant))) = table.map(|table| table.remove(answer)) {
                system.grants.set_holder(grant, Holder::Message(inbox), job);
                if let Some(channel) = system.channel_mut(inbox) {
                    channel.queue.push_grant(grant);
                    channel.queue.push(&bytes, 1);
                }
                system.mark_changed(inbox);
            }
            Ok(handle)
        })
    }

    /// `audit_write`: a sentence of the program's own. It stands in the record as such.
    ///
    /// # Errors
    /// It is refused.
    pub fn audit_write(&mut self, admitted: Admitted, note: &[u8]) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let note = text(note)?;
            if note.len() > NOTE_BYTES_MAX {
                return Err(Error::BadArgument.into());
            }
            let event = Event::Note { process: admitted.process.number(), text: note };
            system.log.happened(system.now, &event)?;
            admitted.is_recorded = true;
            Ok(())
        })
    }

    /// `audit_read`: whole records from a number on, and the number after them.
    ///
    /// # Errors
    /// It is refused.
    pub fn audit_read(
        &mut self,
        admitted: Admitted,
        first: u64,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, u64), Refusal> {
        self.with(admitted, |system, admitted| {
            system.record_use(admitted)?;
            let mut bytes = Vec::new();
            let next = system.log.read(first, bytes_max, &mut bytes)?;
            Ok((bytes, next))
        })
    }

    /// `audit_head`: where the record is, this call included.
    ///
    /// # Errors
    /// It is refused.
    pub fn audit_head(&mut self, admitted: Admitted) -> Result<AuditHead, Refusal> {
        self.with(admitted, |system, admitted| {
            system.record_use(admitted)?;
            Ok(system.log.head())
        })
    }

    /// `halt`: whether the machine may be stopped: by whoever manages the root job. All its
    /// processes end; the kernel then closes the record with [`System::stopped`].
    ///
    /// # Errors
    /// It is refused.
    pub fn halt(&mut self, admitted: Admitted) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            if admitted.held(0)?.object != system.root {
                return Err(Error::NotAllowed.into());
            }
            system.record_use(admitted)?;
            system.job_end(system.root, "the machine is stopped");
            Ok(())
        })
    }

    /// Ends every process: the one that looked after the others is gone.
    pub fn abandon(&mut self) {
        self.job_end(self.root, "the first process ended");
    }

    /// Records that the machine started.
    ///
    /// # Errors
    /// There is no room in the record.
    pub fn started(&mut self, version: &str) -> Result<(), Error> {
        self.log.happened(self.now, &Event::Started { version })
    }

    /// Records why the machine stops, and signs the record to its end.
    ///
    /// # Errors
    /// There is no room in the record.
    pub fn stopped(&mut self, reason: &str) -> Result<AuditHead, Error> {
        self.log.happened(self.now, &Event::Stopped { reason })?;
        self.log.checkpoint(self.now, true)?;
        Ok(self.log.head())
    }

    /// The record, for whoever brings it to a disk.
    pub const fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// How much of the record waits for a disk.
    #[must_use]
    pub fn unflushed(&self) -> u64 {
        self.log.unflushed()
    }

    /// The nearest supervisor's channel, of this job or one above it.
    fn supervisor_of(&self, job: crate::slab::Key) -> Option<crate::slab::Key> {
        let mut at = Some(job);
        while let Some(job) = at.and_then(|key| self.job(key)) {
            if let Some(grant) = job.supervisor {
                return Some(self.grants.held(grant)?.object);
            }
            at = job.parent;
        }
        None
    }
}

/// What can be asked for, as it was published.
const REQUESTS: [&str; 4] = ["FILE_READ:", "FILE_WRITE:", "SPAWN:", "NETWORK:"];
