//! Writing the log: entries in, bytes to persist out.
//!
//! # Invariants
//! - What is given out is in order and never changes: a record's bytes follow from the entries so
//!   far, the times and the entropy given at the opening.
//! - An epoch's key signs one checkpoint and is gone from memory.
//!
//! # Not here
//! Persisting. The caller keeps the bytes in order, and erases the old epoch's seed once the
//! checkpoint that ended it is safe.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::checkpoint::{Checkpoint, is_origin};
use super::epoch::EpochSeed;
use super::hash::{self, Digest};
use super::log_key::LogKey;
use super::note::Note;
use super::record::{self, Actor, JournalId, Record, kind};
use super::recover::Recovered;
use super::seal::{NonceStart, PayloadKey};
use super::segment::Place;
use super::{Hash, NoteError};
use crate::limits;
use crate::time::Timestamp;

/// What is to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When it happened.
    pub time: Timestamp,
    /// On whose account.
    pub actor: Actor,
    /// What it is about; below the log's own kinds.
    pub kind: u16,
    /// The conversation it belongs to; 0 is the system.
    pub conversation: u64,
    /// What it says.
    pub payload: &'a [u8],
}

/// A record that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub sequence: u64,
    /// Its hash: its place in the chain and its leaf in the tree.
    pub hash: Hash,
}

/// What opening a log needs.
#[derive(Debug)]
pub struct Opening {
    /// The secret of the current epoch.
    pub seed: EpochSeed,
    /// Sixteen random bytes that were never used for this log before.
    pub nonce: [u8; 16],
    /// The time.
    pub now: Timestamp,
}

/// A log that is being written.
#[derive(Debug)]
pub struct Writer {
    place: Place,
    seed: EpochSeed,
    nonce: NonceStart,
    /// The records that a checkpoint vouches for.
    anchored_count: u64,
    /// When the oldest record was written that none vouches for.
    unanchored_since: Option<Timestamp>,
    /// What signs for witnesses, too.
    log_key: Option<LogKey>,
    /// The key of which the log says that it does.
    recorded_key: Option<[u8; 32]>,
    digest: Digest,
}

impl Writer {
    /// Starts a log, with the header of its first file.
    ///
    /// # Errors
    /// The seed is not a first one, or `origin` is no name for a log.
    pub fn create(
        journal: JournalId,
        origin: &str,
        opening: Opening,
        out: &mut Vec<u8>,
    ) -> Result<Self, AppendError> {
        if !is_origin(origin) {
            return Err(AppendError::Origin);
        }
        if opening.seed.epoch() != 0 {
            return Err(AppendError::Seed);
        }
        let place = Place::first(journal, origin, opening.seed.public_key());
        place.write_header(out);
        Ok(Self::open(place, 0, None, opening, out))
    }

    /// Goes on with a log that [`recover`](super::recover) read.
    ///
    /// # Errors
    /// The seed belongs to no epoch from which the log's current one follows.
    pub fn resume(
        recovered: Recovered,
        mut opening: Opening,
        out: &mut Vec<u8>,
    ) -> Result<Self, AppendError> {
        let Recovered { mut place, anchored_count, log_key, lacks_header, .. } = recovered;
        // The log may be further than the seed that was kept, never the other way around.
        while opening.seed.epoch() < place.epoch {
            opening.seed = opening.seed.next();
        }
        if opening.seed.epoch() != place.epoch || opening.seed.public_key() != place.key {
            return Err(AppendError::Seed);
        }
        if lacks_header {
            place.next_file(out);
        }
        Ok(Self::open(place, anchored_count, log_key, opening, out))
    }

    fn open(
        place: Place,
        anchored_count: u64,
        recorded_key: Option<[u8; 32]>,
        opening: Opening,
        out: &mut Vec<u8>,
    ) -> Self {
        let Opening { seed, nonce, now } = opening;
        let mut writer = Self {
            place,
            seed,
            nonce,
            anchored_count,
            unanchored_since: Some(now),
            log_key: None,
            recorded_key,
            digest: hash::digest,
        };
        writer.append_own(kind::OPENED, 0, &nonce, now, out);
        writer
    }

    /// Hashes records from now on by the host's own SHA-256, which has to be that: whoever verifies
    /// the log knows nothing of it.
    pub const fn hash_by(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// Signs the checkpoints from now on with this key as well, for witnesses who know the log by
    /// it. The first of them comes with a record that says so, unless one does already.
    pub fn sign_with(&mut self, key: LogKey) {
        self.log_key = Some(key);
    }

    /// Writes a record to the end of `out`; sealed, if a key is given.
    ///
    /// # Errors
    /// The payload is too long or the kind is one of the log's own. Nothing was written then.
    pub fn append(
        &mut self,
        entry: Entry<'_>,
        seal: Option<&PayloadKey>,
        out: &mut Vec<u8>,
    ) -> Result<Appended, AppendError> {
        if entry.payload.len() > limits::JOURNAL_PAYLOAD_BYTES_MAX {
            return Err(AppendError::TooLong);
        }
        if entry.kind >= kind::FIRST_OWN {
            return Err(AppendError::Kind);
        }
        self.write(entry, seal, out)
    }

    /// Writes down that a conversation's key was destroyed.
    pub fn forgotten(&mut self, conversation: u64, now: Timestamp, out: &mut Vec<u8>) -> Appended {
        self.append_own(kind::FORGOTTEN, conversation, &[], now, out)
    }

    /// Whether a checkpoint is due: after so many records, or so much time since the first that
    /// none vouches for.
    #[must_use]
    pub fn is_checkpoint_due(&self, now: Timestamp) -> bool {
        // A wall clock that was set back would put the checkpoint off by as much.
        let is_late = self.unanchored_since.is_some_and(|since| {
            now < since || now.since(since) >= limits::JOURNAL_CHECKPOINT_INTERVAL
        });
        is_late || self.unanchored_count() >= limits::JOURNAL_CHECKPOINT_RECORDS_MAX
    }

    /// When a checkpoint is due, if no more records come before.
    #[must_use]
    pub fn checkpoint_deadline(&self) -> Option<Timestamp> {
        Some(self.unanchored_since?.after(limits::JOURNAL_CHECKPOINT_INTERVAL))
    }

    /// Records that no checkpoint vouches for.
    #[must_use]
    pub const fn unanchored_count(&self) -> u64 {
        self.place.sequence().saturating_sub(self.anchored_count)
    }

    /// Signs everything so far and moves on to the next epoch. The note is to be kept elsewhere.
    /// When these bytes are safe, the caller replaces the kept seed by [`Writer::seed`].
    ///
    /// # Errors
    /// None for a log that was created here: its name can sign.
    pub fn checkpoint(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Result<Note, AppendError> {
        if let Some(key) = self.log_key.as_ref().map(LogKey::public_key)
            && self.recorded_key != Some(key)
        {
            self.append_own(kind::LOG_KEY, 0, &key, now, out);
            self.recorded_key = Some(key);
        }
        let next = self.seed.next();
        let checkpoint = Checkpoint {
            origin: self.place.origin.clone(),
            records_count: self.place.sequence(),
            root: self.place.tree.root(),
            epoch: self.seed.epoch(),
            next_key: next.public_key(),
        };
        let mut note = Note::new(checkpoint.to_string()).map_err(AppendError::Note)?;
        note.sign(&self.place.origin, &self.seed.signing_key()).map_err(AppendError::Note)?;
        if let Some(key) = &self.log_key {
            note.sign(&self.place.origin, &key.signing_key()).map_err(AppendError::Note)?;
        }
        self.anchored_count = self.place.sequence();
        self.append_own(kind::CHECKPOINT, 0, note.to_string().as_bytes(), now, out);
        self.place.epoch = next.epoch();
        self.place.key = checkpoint.next_key;
        self.seed = next;
        // The checkpoint's own record is vouched for by the next; alone it is no reason for one.
        self.unanchored_since = None;
        Ok(note)
    }

    /// Starts the next file: its header goes to the start of `out`.
    pub fn rotate(&mut self, out: &mut Vec<u8>) {
        self.place.next_file(out);
    }

    /// Writes where the log is to the end of `out`, for one who keeps it with the log's bytes and
    /// goes on by [`Recovered::from_mark`] without reading them.
    pub fn mark(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.anchored_count.to_le_bytes());
        self.place.write_header(out);
    }

    /// The secret of the current epoch, to be kept instead of the one before.
    #[must_use]
    pub const fn seed(&self) -> &EpochSeed {
        &self.seed
    }

    /// The number of the next record.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.place.sequence()
    }

    /// The root over all records so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.place.tree.root()
    }

    #[cfg(test)]
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    fn append_own(
        &mut self,
        kind: u16,
        conversation: u64,
        payload: &[u8],
        time: Timestamp,
        out: &mut Vec<u8>,
    ) -> Appended {
        let entry = Entry { time, actor: Actor::System, kind, conversation, payload };
        self.write_clear(entry, out)
    }

    fn write(
        &mut self,
        entry: Entry<'_>,
        seal: Option<&PayloadKey>,
        out: &mut Vec<u8>,
    ) -> Result<Appended, AppendError> {
        let Some(key) = seal else { return Ok(self.write_clear(entry, out)) };
        let head = self.record(entry, true).head();
        let start = record::start_frame(out);
        out.extend_from_slice(&head);
        let payload_start = out.len();
        out.extend_from_slice(entry.payload);
        let payload = &mut out[payload_start..];
        let Some(tag) = key.seal(&self.nonce, self.place.sequence(), &head, payload) else {
            out.truncate(start);
            return Err(AppendError::TooLong);
        };
        out.extend_from_slice(&tag);
        Ok(self.finish(entry.time, start, out))
    }

    fn write_clear(&mut self, entry: Entry<'_>, out: &mut Vec<u8>) -> Appended {
        let start = record::start_frame(out);
        self.record(entry, false).write(out);
        self.finish(entry.time, start, out)
    }

    fn record<'a>(&self, entry: Entry<'a>, is_sealed: bool) -> Record<'a> {
        Record {
            journal: self.place.journal,
            sequence: self.place.sequence(),
            time: entry.time,
            actor: entry.actor,
            kind: entry.kind,
            conversation: entry.conversation,
            is_sealed,
            payload: entry.payload,
        }
    }

    fn finish(&mut self, time: Timestamp, start: usize, out: &mut Vec<u8>) -> Appended {
        let sequence = self.place.sequence();
        let hash = record::finish_frame(self.digest, out, start, self.place.previous);
        self.place.previous = hash;
        self.place.tree.push_by(self.digest, hash);
        self.unanchored_since.get_or_insert(time);
        Appended { sequence, hash }
    }
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// The payload is longer than a record may carry.
    TooLong,
    /// The kind belongs to the log itself.
    Kind,
    /// The name is no name for a log.
    Origin,
    /// The seed is not the one that the log goes on with.
    Seed,
    /// The checkpoint could not be signed.
    Note(NoteError),
}

impl fmt::Display for AppendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(
                formatter,
                "a record carries at most {} bytes",
                limits::JOURNAL_PAYLOAD_BYTES_MAX
            ),
            Self::Kind => {
                write!(formatter, "kinds from {:#06x} on belong to the log itself", kind::FIRST_OWN)
            }
            Self::Origin => formatter.write_str(
                "the name of a log is one word of at most 255 bytes, like `example.com/sentinel`",
            ),
            Self::Seed => formatter.write_str(
                "the kept seed is not the one this log goes on with; is it of another log, or of \
                 a copy that went further?",
            ),
            Self::Note(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for AppendError {}
