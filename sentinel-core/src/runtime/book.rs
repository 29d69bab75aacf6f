//! The journal as Sentinel keeps it: records in, bytes to make safe out, one write at a time.
//!
//! While a write is under way, what comes meanwhile is collected and goes with the next one: many
//! records for one sync.
//!
//! # Invariants
//! - Every payload is sealed under the key of its conversation, and that key is stored before the
//!   record is.
//! - What is given out again after a failure is the same bytes at the same place.
//! - A file is full at its bound, however much there is to write: no more than one write goes past
//!   it.
//!
//! # Not here
//! What is recorded: [`agent`](crate::agent).

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::entropy::Entropy;
use super::event::Effect;
use crate::agent::{ConversationNumber, Kind};
use crate::fault::{Fault, is_broken};
use crate::journal::{
    Actor, AppendError, Entry, EpochSeed, KeyRing, KeyRingError, LogKey, MasterKey, Note,
    PayloadKey, Writer,
};
use crate::limits::{
    JOURNAL_FILE_BYTES_MAX, RUNTIME_KEYS_OPEN_MAX, RUNTIME_RETRY_TIME, RUNTIME_UNWRITTEN_BYTES_MAX,
};
use crate::order::Map;
use crate::time::{Instant, Now, Timestamp};

#[derive(Debug)]
pub(super) struct Book {
    writer: Writer,
    ring: KeyRing,
    is_ring_changed: bool,
    /// Whether the ring was given out with a write that is not safe yet.
    is_ring_out: bool,
    master: MasterKey,
    /// Keys that were used lately.
    keys: Map<u64, PayloadKey>,
    unwritten: Vec<u8>,
    writing: Option<Writing>,
    file: u64,
    /// Where in the file the next write begins.
    offset: u64,
    /// After so many bytes the log goes on in the next file.
    file_bytes_max: u64,
    /// Records that are safe.
    safe_count: u64,
    /// Whether checkpoints that are due are signed: not while it starts.
    is_signing: bool,
    /// Checkpoints that are written and not safe yet.
    checkpoints: VecDeque<Anchor>,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Writing {
    file: u64,
    offset: u64,
    bytes: Arc<Vec<u8>>,
    records_count: u64,
    /// Whether it failed, and has not succeeded since.
    is_failing: bool,
    /// When a failed write is tried again.
    again: Option<Instant>,
}

#[derive(Debug)]
struct Anchor {
    records_count: u64,
    seed: EpochSeed,
    note: Note,
}

impl Book {
    /// A book whose log continues at this place; `unwritten` is what the writer has written.
    pub(super) fn new(
        writer: Writer,
        ring: KeyRing,
        master: MasterKey,
        place: (u64, u64),
        safe_count: u64,
        unwritten: Vec<u8>,
    ) -> Self {
        let (file, offset) = place;
        Self {
            writer,
            ring,
            is_ring_changed: false,
            is_ring_out: false,
            master,
            keys: Map::new(),
            unwritten,
            writing: None,
            file,
            offset,
            file_bytes_max: JOURNAL_FILE_BYTES_MAX,
            safe_count,
            is_signing: false,
            checkpoints: VecDeque::new(),
            effects: VecDeque::new(),
        }
    }

    /// Writes a record down. It is safe when [`is_safe`](Self::is_safe) says so.
    pub(super) fn append(
        &mut self,
        now: Timestamp,
        kind: Kind,
        conversation: ConversationNumber,
        payload: &[u8],
        entropy: &mut Entropy,
    ) -> Result<(), BookError> {
        self.rotate_if_full();
        let key = self.key(conversation.0, entropy).map_err(BookError::Key)?;
        let entry = Entry {
            time: now,
            actor: actor(kind),
            kind: kind.number(),
            conversation: conversation.0,
            payload,
        };
        self.writer.append(entry, Some(&key), &mut self.unwritten).map_err(BookError::Append)?;
        Ok(())
    }

    /// What follows goes to the next file if this one is full. That is so between two writes; the
    /// first of them may still be under way, for it knows its own place, and the second begins when
    /// it has ended.
    fn rotate_if_full(&mut self) {
        if self.unwritten.is_empty() && self.offset > self.file_bytes_max {
            self.writer.rotate(&mut self.unwritten);
            self.file += 1;
            self.offset = 0;
        }
    }

    fn key(
        &mut self,
        conversation: u64,
        entropy: &mut Entropy,
    ) -> Result<PayloadKey, KeyRingError> {
        if let Some(key) = self.keys.get(&conversation) {
            return Ok(key.clone());
        }
        let key = match self.ring.open(conversation, &self.master) {
            Err(KeyRingError::Absent) => {
                self.is_ring_changed = true;
                self.ring.create(conversation, &self.master, entropy.bytes())?
            }
            other => other?,
        };
        if self.keys.len() >= RUNTIME_KEYS_OPEN_MAX {
            self.keys.clear();
        }
        self.keys.insert(conversation, key.clone());
        Ok(key)
    }

    pub(super) fn sign_with(&mut self, key: LogKey) {
        self.writer.sign_with(key);
    }

    /// The conversations that have a key.
    pub(super) fn conversations(&self) -> Vec<u64> {
        self.ring.conversations().collect()
    }

    /// Destroys the key of a conversation, and writes that down.
    pub(super) fn forget(&mut self, conversation: ConversationNumber, now: Timestamp) {
        self.keys.remove(&conversation.0);
        if self.ring.forget(conversation.0) {
            self.is_ring_changed = true;
            self.rotate_if_full();
            self.writer.forgotten(conversation.0, now, &mut self.unwritten);
        }
    }

    /// How many records there are: an order that follows from them waits until so many are safe.
    pub(super) const fn records_count(&self) -> u64 {
        self.writer.sequence()
    }

    pub(super) const fn is_safe(&self, records_count: u64) -> bool {
        records_count <= self.safe_count
    }

    /// Worlds are small: their logs go on in another file after fewer bytes.
    #[cfg(test)]
    pub(super) const fn rotate_after(&mut self, bytes: u64) {
        self.file_bytes_max = bytes;
    }

    /// Whether so much waits to be written that nothing new is taken in.
    pub(super) fn is_busy(&self) -> bool {
        self.is_full() || self.writing.as_ref().is_some_and(|writing| writing.is_failing)
    }

    /// Whether no more is taken in than what has to be.
    pub(super) fn is_full(&self) -> bool {
        self.unwritten.len() > RUNTIME_UNWRITTEN_BYTES_MAX
    }

    /// Whether anything waits to be made safe.
    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some() || !self.unwritten.is_empty() || !self.effects.is_empty()
    }

    /// Whether something is to be written that was not given out yet, because a write is under way
    /// that does not fail.
    pub(super) fn holds_back(&self) -> bool {
        !self.unwritten.is_empty()
            && self.writing.as_ref().is_some_and(|writing| !writing.is_failing)
    }

    pub(super) fn persisted(&mut self, records_count: u64) {
        let is_meant =
            self.writing.as_ref().is_some_and(|writing| writing.records_count == records_count);
        let Some(writing) = self.writing.take_if(|_| is_meant) else { return };
        self.safe_count = writing.records_count;
        self.is_ring_out = false;
        while let Some(anchor) =
            self.checkpoints.pop_front_if(|anchor| anchor.records_count <= self.safe_count)
        {
            self.effects.push_back(Effect::StoreSeed { seed: anchor.seed });
            self.effects.push_back(Effect::Checkpoint(anchor.note));
        }
    }

    pub(super) fn persist_failed(&mut self, now: Instant) {
        if is_broken(Fault::FailedWrite)
            && let Some(writing) = &self.writing
        {
            return self.persisted(writing.records_count);
        }
        if let Some(writing) = &mut self.writing {
            writing.is_failing = true;
            writing.again = Some(now.after(RUNTIME_RETRY_TIME));
        }
    }

    /// The host has said by now which key signs besides, if one does: what is due may be signed.
    pub(super) const fn start_signing(&mut self) {
        self.is_signing = true;
    }

    /// Signs what there is, if it is time and the keys to sign with are known.
    pub(super) fn checkpoint_if_due(&mut self, now: Now) {
        if self.is_signing && self.writer.is_checkpoint_due(now.wall) {
            self.checkpoint(now);
        }
    }

    pub(super) fn checkpoint(&mut self, now: Now) {
        self.rotate_if_full();
        // A log that was opened under its name can sign under it.
        let Ok(note) = self.writer.checkpoint(now.wall, &mut self.unwritten) else { return };
        let seed = self.writer.seed().clone();
        if is_broken(Fault::EarlySeed) {
            self.effects.push_back(Effect::StoreSeed { seed: seed.clone() });
        }
        self.checkpoints.push_back(Anchor { records_count: self.records_count(), seed, note });
    }

    pub(super) fn deadline(&self, now: Now) -> Option<Instant> {
        let again = self.writing.as_ref().and_then(|writing| writing.again);
        let checkpoint = self.writer.checkpoint_deadline();
        let checkpoint = checkpoint.map(|due| now.instant.after(due.since(now.wall)));
        again.into_iter().chain(checkpoint).min()
    }

    /// The next thing that is to be kept safe.
    pub(super) fn poll(&mut self, now: Now) -> Option<Effect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        let are_keys_late = is_broken(Fault::LateKeys);
        if are_keys_late && self.writing.is_some() && core::mem::take(&mut self.is_ring_changed) {
            return Some(Effect::StoreKeys { ring: self.ring.to_bytes() });
        }
        if let Some(writing) = &mut self.writing {
            if writing.again.is_none_or(|again| now.instant < again) {
                return None;
            }
            writing.again = None;
            let persist = writing.effect();
            if self.is_ring_out {
                // It may have been the ring that could not be stored.
                self.effects.push_back(persist);
                return Some(Effect::StoreKeys { ring: self.ring.to_bytes() });
            }
            return Some(persist);
        }
        if self.unwritten.is_empty() {
            return None;
        }
        if !are_keys_late && core::mem::take(&mut self.is_ring_changed) {
            self.is_ring_out = true;
            return Some(Effect::StoreKeys { ring: self.ring.to_bytes() });
        }
        let bytes = Arc::new(core::mem::take(&mut self.unwritten));
        let (file, offset, records_count) = (self.file, self.offset, self.records_count());
        let is_misplaced = is_broken(Fault::MisplacedWrite) && records_count % 7 == 0;
        self.offset += bytes.len() as u64 - u64::from(is_misplaced);
        let writing =
            Writing { file, offset, bytes, records_count, is_failing: false, again: None };
        Some(self.writing.insert(writing).effect())
    }
}

impl Writing {
    fn effect(&self) -> Effect {
        Effect::Persist {
            file: self.file,
            offset: self.offset,
            bytes: self.bytes.clone(),
            records_count: self.records_count,
        }
    }
}

/// Why something was not written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BookError {
    Key(KeyRingError),
    Append(AppendError),
}

impl core::fmt::Display for BookError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Key(error) => error.fmt(formatter),
            Self::Append(error) => error.fmt(formatter),
        }
    }
}

/// On whose account something is recorded.
const fn actor(kind: Kind) -> Actor {
    match kind {
        Kind::Message => Actor::Person,
        Kind::Reply | Kind::ReplyFailed => Actor::Model,
        Kind::ToolFinished => Actor::Tool,
        Kind::Operator => Actor::Operator,
        _ => Actor::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{JournalId, Opening, Trust, recover};

    /// A write is always under way, and there is always more to be written.
    #[test]
    fn a_file_is_full_at_its_bound_under_constant_load() {
        let now = Now { instant: Instant(0), wall: Timestamp(1_700_000_000_000) };
        let (opening, mut start) = (
            Opening { seed: EpochSeed::first([4; 32]), nonce: [1; 16], now: now.wall },
            Vec::new(),
        );
        let journal = JournalId([1; 8]);
        let writer = Writer::create(journal, "example.com/test", opening, &mut start).unwrap();
        let master = MasterKey::new([2; 32]);
        // Where the first file is does not matter here: it is nearly full.
        let place = (0, JOURNAL_FILE_BYTES_MAX - 5_000);
        let mut book = Book::new(writer, KeyRing::new(), master, place, 0, start);
        let mut entropy = Entropy::new([3; 32]);
        let mut files: Vec<Vec<u8>> = Vec::new();
        let mut append = |book: &mut Book| {
            let conversation = ConversationNumber(1);
            book.append(now.wall, Kind::Timer, conversation, &[7; 1000], &mut entropy).unwrap();
        };
        append(&mut book);
        for step in 0..100 {
            let effect = book.poll(now).expect("there is always more to be written");
            let Effect::Persist { file, offset, bytes, records_count } = effect else { continue };
            let file = usize::try_from(file).unwrap();
            files.resize_with(files.len().max(file + 1), Vec::new);
            let start = if file == 0 { JOURNAL_FILE_BYTES_MAX - 5_000 } else { 0 };
            assert_eq!(offset, files[file].len() as u64 + start);
            files[file].extend_from_slice(&bytes);
            // More comes while it is under way: a key that goes, and records.
            if step % 3 == 0 {
                book.forget(ConversationNumber(1), now.wall);
            }
            append(&mut book);
            book.persisted(records_count);
        }
        assert_eq!(files.len(), 2, "{:?}", files.iter().map(Vec::len).collect::<Vec<_>>());
        assert!(files[0].len() < 5_000 + 3_000, "{}", files[0].len());
        let recovered = recover(files.iter().map(Vec::as_slice), Trust::default()).unwrap();
        assert_eq!(recovered.torn_bytes(), 0);
    }
}
