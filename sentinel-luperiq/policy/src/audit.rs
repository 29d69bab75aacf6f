//! The record: what was done with which authority, where no program reaches it.
//!
//! It is a log of the same format as the agent's own (`docs/AUDIT.md`), written by the same code,
//! so `sentinel audit verify` reads it. What the kernel writes is not sealed: a payload is a JSON
//! object, and `sentinel audit export` shows it. [`event`] says what is in one, and `rows`
//! writes those of uses.
//!
//! Most of what happens is somebody using a handle. Such uses are gathered: up to two thousand
//! bytes of them share one record and its hash, and the same use again is a number that grows.
//! They are in their record before the deed, in the order in which they happened, and before any
//! other record that comes later.
//!
//! # Invariants
//! - What was not recorded is not done: a full log makes the call fail.
//! - Room for what is gathered is kept: closing a record of uses does not fail.
//! - Nothing here grows: memory is taken when the log is made.
//!
//! # Not here
//! Writing to a disk: [`Log::pending`] are the bytes to write, [`Log::flushed`] says that they are
//! safe.

pub mod event;
mod rows;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_abi::wire::AuditHead;
use luperiq_abi::{Error, Rights};
use sentinel_core::journal::{
    Actor, AppendError, Digest, Entry, EpochSeed, Hash, JournalId, Note, Opening, Recovered,
    Writer, kind,
};
use sentinel_core::time::Timestamp;

use crate::limits::{LOG_BYTES_MIN, RECORD_BYTES_MAX, USES_BYTES_MAX, USES_WAIT_MILLISECONDS};
use event::{Event, Use};
use rows::Rows;

/// What making a log needs.
#[derive(Debug)]
pub struct Making {
    /// The log's name, one word: it signs checkpoints under it.
    pub origin: String,
    /// Random; for a new log.
    pub journal: [u8; 8],
    /// The secret that signs the next checkpoint. For a new log 32 random bytes.
    pub seed: EpochSeed,
    /// Random, and never used for this log before.
    pub nonce: [u8; 16],
    /// The wall clock.
    pub now: Timestamp,
    /// How much memory the log takes.
    pub bytes_max: usize,
    /// Whether records are kept until they are safe on a disk. Else, on a machine without one, the
    /// oldest are given up when the memory is full, and only the head and the number tell of them.
    pub is_stored: bool,
    /// The machine's SHA-256.
    pub digest: Digest,
}

/// The record, as far as it is in memory.
#[derive(Debug)]
pub struct Log {
    writer: Writer,
    /// The last bytes of the log.
    bytes: VecDeque<u8>,
    bytes_max: usize,
    /// Where in the log they begin.
    start: u64,
    /// Where in the log each record that is here begins.
    records: VecDeque<u64>,
    /// The number of the first of them.
    oldest: u64,
    /// Up to where the log is safe, and how many records that is.
    flushed: u64,
    flushed_count: u64,
    is_stored: bool,
    head: Hash,
    scratch: Vec<u8>,
    text: String,
    uses: Uses,
    /// Whether a record is being written. If the kernel fails meanwhile nothing can follow it.
    is_writing: bool,
}

/// Uses that share a record that is not closed yet.
#[derive(Debug)]
struct Uses {
    rows: Rows,
    /// When the first one came.
    since: Timestamp,
    /// How far the rows may reach before another one has to be made room for: nowhere, once
    /// anything was written behind which they come.
    limit: usize,
}

impl Log {
    /// A new log.
    ///
    /// # Errors
    /// There is too little memory, or the name or the seed is none for a new log.
    pub fn create(making: Making) -> Result<Self, Error> {
        let opening = Opening { seed: making.seed, nonce: making.nonce, now: making.now };
        let mut scratch = room(2 * RECORD_BYTES_MAX)?;
        let mut writer =
            Writer::create(JournalId(making.journal), &making.origin, opening, &mut scratch)
                .map_err(|_| Error::BadArgument)?;
        writer.hash_by(making.digest);
        let first = header_bytes(&scratch).ok_or(Error::BadArgument)?;
        Self::of(writer, scratch, first, 0, making.bytes_max, making.is_stored)
    }

    /// Goes on with a log that was found on disk. What stands there after the good bytes is to be
    /// cut off, and what is [`pending`](Self::pending) now belongs to that place.
    ///
    /// # Errors
    /// There is too little memory, or the seed is not the one the log goes on with.
    pub fn resume(recovered: Recovered, making: Making) -> Result<Self, Error> {
        let opening = Opening { seed: making.seed, nonce: making.nonce, now: making.now };
        let (start, records_count) = (recovered.bytes_count(), recovered.records_count());
        let mut scratch = room(2 * RECORD_BYTES_MAX)?;
        let mut writer =
            Writer::resume(recovered, opening, &mut scratch).map_err(|_| Error::BadArgument)?;
        writer.hash_by(making.digest);
        let header = header_bytes(&scratch).unwrap_or(0);
        let mut log =
            Self::of(writer, scratch, header, records_count, making.bytes_max, making.is_stored)?;
        log.start = start;
        log.flushed = start;
        log.flushed_count = records_count;
        for record in &mut log.records {
            *record += start;
        }
        Ok(log)
    }

    fn of(
        writer: Writer,
        scratch: Vec<u8>,
        first_record: usize,
        oldest: u64,
        bytes_max: usize,
        is_stored: bool,
    ) -> Result<Self, Error> {
        if bytes_max < LOG_BYTES_MIN {
            return Err(Error::Limit);
        }
        let mut bytes = VecDeque::new();
        bytes.try_reserve_exact(bytes_max).map_err(|_| Error::NoMemory)?;
        bytes.extend(&scratch);
        let mut records = VecDeque::new();
        let records_max = bytes_max / FRAME_BYTES_MIN + 1;
        records.try_reserve_exact(records_max).map_err(|_| Error::NoMemory)?;
        records.push_back(first_record as u64);
        let mut text = String::new();
        text.try_reserve_exact(RECORD_BYTES_MAX).map_err(|_| Error::NoMemory)?;
        let rows = Rows::new(RECORD_BYTES_MAX)?;
        let uses = Uses { rows, since: Timestamp(0), limit: 0 };
        let head = last_hash(&scratch);
        Ok(Self {
            writer,
            bytes,
            bytes_max,
            start: 0,
            records,
            oldest,
            flushed: 0,
            flushed_count: oldest,
            is_stored,
            head,
            scratch,
            text,
            uses,
            is_writing: false,
        })
    }

    /// Records that authority was used, or that it was tried.
    ///
    /// # Errors
    /// [`Error::NotRecorded`]: the log is full, and waits for the disk.
    pub fn used(&mut self, now: Timestamp, what: &Use) -> Result<(), Error> {
        let Use { process, call, handle, object, refused, moved } = *what;
        let what = [process, call, handle, object];
        match (refused.map(|error| u64::from(error.number())), moved) {
            (_, Some((kind, rights))) => self.moved(now, what, (kind.number().into(), rights)),
            (None, None) => self.allowed(now, what),
            (Some(refused), None) => {
                if !self.uses.rows.is_counted(what, refused) {
                    self.prepare(now)?;
                    self.uses.rows.push_whole(what, refused);
                }
                Ok(())
            }
        }
    }

    /// Records that authority was used: by which process and call, by which handle, of what.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn allowed(&mut self, now: Timestamp, what: [u64; 4]) -> Result<(), Error> {
        self.allowed_here(now, what)
    }

    /// The same, where it is done most.
    #[inline(always)]
    pub(crate) fn allowed_here(&mut self, now: Timestamp, what: [u64; 4]) -> Result<(), Error> {
        if !self.uses.rows.is_counted(what, 0) {
            if !self.uses.is_prepared(now) {
                self.prepare(now)?;
            }
            self.uses.rows.push(what);
        }
        Ok(())
    }

    /// Records that a handle came or left.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn moved(
        &mut self,
        now: Timestamp,
        what: [u64; 4],
        moved: (u32, Rights),
    ) -> Result<(), Error> {
        if !self.uses.is_prepared(now) {
            self.prepare(now)?;
        }
        self.moved_here(now, what, moved)
    }

    /// The same right after the use to which it belongs.
    #[inline(always)]
    pub(crate) fn moved_here(
        &mut self,
        now: Timestamp,
        what: [u64; 4],
        (kind, rights): (u32, Rights),
    ) -> Result<(), Error> {
        // It came in the same moment as the use that it belongs to.
        if !self.uses.has_room() {
            self.prepare(now)?;
        }
        self.uses.rows.push_moved(what, u64::from(kind) << 32 | u64::from(rights.bits()));
        Ok(())
    }

    /// Makes room for a use, in the record that is not closed or in another.
    #[cold]
    fn prepare(&mut self, now: Timestamp) -> Result<(), Error> {
        let is_late = now.0.abs_diff(self.uses.since.0) >= USES_WAIT_MILLISECONDS;
        if is_late || self.uses.rows.end() + 2 * rows::USE_BYTES_MAX > USES_BYTES_MAX {
            self.close_uses();
        }
        // The one before may yet be counted, and this one will follow it.
        let with_end = 2 * rows::USE_BYTES_MAX + rows::USES_END_BYTES;
        self.make_room(FRAME_BYTES_MIN + self.uses.rows.end() + with_end)?;
        if self.uses.rows.is_empty() {
            self.uses.since = now;
        }
        // So far goes what was found here, as long as nothing else is written.
        let room = self.bytes_max - self.bytes.len() - FRAME_BYTES_MIN - with_end;
        self.uses.limit = room.min(USES_BYTES_MAX - 2 * rows::USE_BYTES_MAX);
        Ok(())
    }

    /// Makes sure that so many uses can be recorded.
    ///
    /// # Errors
    /// [`Error::NotRecorded`]: the log is full, and waits for the disk.
    #[inline(always)]
    pub fn reserve(&mut self, uses_count: usize) -> Result<(), Error> {
        // A power of two is multiplied by in no time.
        const EACH: usize = (rows::USE_BYTES_MAX + FRAME_BYTES_MIN).next_power_of_two();
        self.make_room(uses_count.wrapping_mul(EACH).wrapping_add(USES_BYTES_MAX + 2 * EACH))
    }

    /// Records anything else.
    ///
    /// # Errors
    /// [`Error::NotRecorded`]: the log is full, and waits for the disk.
    pub fn happened(&mut self, now: Timestamp, event: &Event<'_>) -> Result<(), Error> {
        self.close_uses();
        let mut text = core::mem::take(&mut self.text);
        text.clear();
        event.write(&mut text);
        let result = self.append(now, event.actor(), event.kind(), Some(text.as_bytes()));
        self.text = text;
        result
    }

    /// Signs all that is recorded so far, if a checkpoint is due or `is_asked`. The note is to be
    /// kept elsewhere; the new [`seed`](Self::seed) replaces the old one on disk once the record is
    /// safe there.
    ///
    /// # Errors
    /// [`Error::NotRecorded`]: the log is full.
    pub fn checkpoint(&mut self, now: Timestamp, is_asked: bool) -> Result<Option<Note>, Error> {
        if !is_asked && !self.writer.is_checkpoint_due(now) {
            return Ok(None);
        }
        self.close_uses();
        self.make_room(RECORD_BYTES_MAX)?;
        if self.is_writing {
            return Err(Error::NotRecorded);
        }
        self.scratch.clear();
        self.is_writing = true;
        let result = self.writer.checkpoint(now, &mut self.scratch);
        if result.is_ok() {
            self.keep_scratch();
        }
        self.is_writing = false;
        result.map(Some).map_err(|_| Error::NotRecorded)
    }

    /// All that is needed to go on from here, by [`Recovered::from_mark`], once what is
    /// [`pending`](Self::pending) is safe. Nothing may be recorded between the two.
    pub fn mark(&self, out: &mut Vec<u8>) {
        self.writer.mark(out);
    }

    /// The secret that signs the next checkpoint, to be kept where no program reads.
    #[must_use]
    pub const fn seed(&self) -> &EpochSeed {
        self.writer.seed()
    }

    /// Closes the record of uses, and gives what is not yet safe: where in the log it begins, and
    /// its bytes in two pieces. Only the last ones change later, by growing.
    pub fn pending(&mut self) -> (u64, [&[u8]; 2]) {
        self.close_uses();
        let skipped = usize::try_from(self.flushed - self.start).unwrap_or(usize::MAX);
        let (one, other) = self.bytes.as_slices();
        let pieces = match one.get(skipped..) {
            Some(one) => [one, other],
            None => [other.get(skipped - one.len()..).unwrap_or_default(), &[]],
        };
        (self.flushed, pieces)
    }

    /// How many bytes wait to be written, uses whose record is not closed included.
    #[must_use]
    pub fn unflushed(&self) -> u64 {
        self.end() - self.flushed + self.uses.rows.bytes_count() as u64
    }

    /// All bytes of the log before this place are safe on disk.
    pub fn flushed(&mut self, end: u64) {
        self.flushed = end.clamp(self.flushed, self.end());
        let safe = self.records.partition_point(|start| *start < self.flushed);
        self.flushed_count = self.flushed_count.max(self.oldest + safe as u64);
    }

    /// Where the record is.
    pub fn head(&mut self) -> AuditHead {
        self.close_uses();
        AuditHead {
            records_count: self.writer.sequence(),
            flushed_count: self.flushed_count,
            oldest: self.oldest,
            hash: self.head.0,
        }
    }

    /// Puts whole records from the number `first` on to the end of `out`, at most `bytes_max` bytes
    /// of them, and gives the number of the next one. Records that are here no more are passed
    /// over: a record says its own number. The first of a log comes with the log's header.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is none yet, [`Error::TooLong`] if the first is longer,
    /// [`Error::NoMemory`].
    pub fn read(&mut self, first: u64, bytes_max: usize, out: &mut Vec<u8>) -> Result<u64, Error> {
        self.close_uses();
        let count = self.records.len() as u64;
        let first = first.max(self.oldest);
        if first >= self.oldest + count {
            return Err(Error::NotReady);
        }
        let place = |number: u64| {
            let index = usize::try_from(number - self.oldest).ok()?;
            self.records.get(index).copied()
        };
        let begin = match place(first) {
            _ if first == self.oldest => self.start,
            Some(begin) => begin,
            None => return Err(Error::NotReady),
        };
        let mut next = first;
        let mut end = begin;
        while next < self.oldest + count {
            let after = place(next + 1).unwrap_or(self.end());
            if usize::try_from(after - begin).unwrap_or(usize::MAX) > bytes_max {
                break;
            }
            end = after;
            next += 1;
        }
        if next == first {
            return Err(Error::TooLong);
        }
        let index = |place: u64| usize::try_from(place - self.start).unwrap_or(usize::MAX);
        let range = index(begin)..index(end);
        out.try_reserve(range.len()).map_err(|_| Error::NoMemory)?;
        out.extend(self.bytes.range(range));
        Ok(next)
    }

    /// Writes a record; without a payload one of the uses.
    fn append(
        &mut self,
        time: Timestamp,
        actor: Actor,
        kind: u16,
        payload: Option<&[u8]>,
    ) -> Result<(), Error> {
        let bytes = payload.map_or_else(|| self.uses.rows.finish().len(), <[u8]>::len);
        self.make_room(FRAME_BYTES_MIN + bytes)?;
        if self.is_writing {
            return Err(Error::NotRecorded);
        }
        self.scratch.clear();
        let payload = payload.unwrap_or_else(|| self.uses.rows.finish());
        let entry = Entry { time, actor, kind, conversation: 0, payload };
        self.is_writing = true;
        let result = self.writer.append(entry, None, &mut self.scratch).map(|_| ());
        if result.is_ok() {
            self.keep_scratch();
        }
        self.is_writing = false;
        result.map_err(|error| match error {
            AppendError::TooLong => Error::TooLong,
            _ => Error::NotRecorded,
        })
    }

    fn close_uses(&mut self) {
        if self.uses.rows.is_empty() {
            return;
        }
        // Room was kept for it by whoever added the last use.
        let result = self.append(self.uses.since, Actor::Tool, event::kind::USES, None);
        debug_assert!(result.is_ok(), "{result:?}");
        self.uses.rows.clear();
        self.uses.limit = 0;
    }

    /// Gives up records that are safe until so many bytes fit.
    #[inline(always)]
    fn make_room(&mut self, bytes_count: usize) -> Result<(), Error> {
        match self.bytes.len().wrapping_add(bytes_count) <= self.bytes_max {
            true => Ok(()),
            false => self.give_up(bytes_count),
        }
    }

    #[cold]
    fn give_up(&mut self, bytes_count: usize) -> Result<(), Error> {
        while self.bytes.len() + bytes_count > self.bytes_max {
            let end = self.records.get(1).copied().unwrap_or(self.end());
            if self.records.is_empty() || (self.is_stored && end > self.flushed) {
                return Err(Error::NotRecorded);
            }
            let given_up = usize::try_from(end - self.start).unwrap_or(usize::MAX);
            self.bytes.drain(..given_up.min(self.bytes.len()));
            self.start = end;
            self.flushed = self.flushed.max(end);
            self.records.pop_front();
            self.oldest += 1;
        }
        Ok(())
    }

    /// Moves the frame that was just written to the others.
    fn keep_scratch(&mut self) {
        self.uses.limit = 0;
        self.head = last_hash(&self.scratch);
        self.records.push_back(self.end());
        self.bytes.extend(&self.scratch);
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Uses {
    /// Whether another row has room.
    #[inline(always)]
    const fn is_prepared(&self, now: Timestamp) -> bool {
        self.has_room() && now.0.wrapping_sub(self.since.0) < USES_WAIT_MILLISECONDS
    }

    #[inline(always)]
    const fn has_room(&self) -> bool {
        self.rows.end() <= self.limit
    }
}

fn room(bytes: usize) -> Result<Vec<u8>, Error> {
    let mut room = Vec::new();
    room.try_reserve_exact(bytes).map_err(|_| Error::NoMemory)?;
    Ok(room)
}

/// How long the header is with which `bytes` begin; `None` if they begin with a record.
fn header_bytes(bytes: &[u8]) -> Option<usize> {
    let (prefix, _) = bytes.split_first_chunk::<12>()?;
    let (magic, length) = prefix.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(*length.first_chunk()?) as usize;
    (magic == HEADER_MAGIC).then_some(12 + length + 32)
}

/// A frame ends with its hash.
fn last_hash(bytes: &[u8]) -> Hash {
    Hash(bytes.last_chunk().copied().unwrap_or_default())
}

/// What a file of a log begins with (`docs/AUDIT.md`).
const HEADER_MAGIC: &[u8; 8] = b"\xd3SNTL1\r\n";

/// A frame without payload: its length twice, the fields, the hash.
const FRAME_BYTES_MIN: usize = 8 + 37 + 32;

const _: () = assert!(event::kind::LAST < kind::OPENED);
const _: () = assert!(2 * rows::USE_BYTES_MAX + rows::USES_END_BYTES < RECORD_BYTES_MAX);

#[cfg(test)]
mod tests;
