//! Doing it again: the inputs of a journal, and whether the same follows from them.
//!
//! # Invariants
//! - Every record that was derived is derived again, in order, byte for byte; the first that is not
//!   is named.
//! - What was not sealed with the keys of the log is not believed.
//!
//! # Not here
//! Whether the journal is whole: [`Verifier`](crate::journal::Verifier) says that first.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::agent::input::Input;
use crate::agent::outbox::Line;
use crate::agent::{Agent, ConversationNumber, Entry, Kind, Settings, SettingsError, Unreadable};
use crate::journal::export::Keys;
use crate::journal::{Payload, Reader, Record, kind};
use crate::order::{Map, Set};
use crate::text::json;
use crate::time::{Instant, Now, Timestamp};

/// Finds settings by their digest.
pub(super) type FindSettings<'f> = &'f dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>;

/// Where what follows now is not what followed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The record.
    pub sequence: u64,
    /// How it differs.
    pub kind: DifferenceKind,
}

/// How a record differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// Another record would follow.
    Other {
        /// What stands there.
        found: String,
        /// What would.
        expected: String,
    },
    /// Nothing more would follow.
    Surplus {
        /// What stands there.
        found: String,
    },
    /// It cannot be read.
    Unreadable(Unreadable),
    /// Its conversation was forgotten, so nobody can tell what followed from it.
    Forgotten,
    /// The key of its conversation is gone, and no record says that it was forgotten: somebody took
    /// the key away.
    MissingKey,
    /// The settings that it names are not at hand.
    Settings {
        /// Their digest.
        digest: [u8; 32],
    },
    /// The settings that it names cannot be worked with.
    BadSettings(SettingsError),
    /// The log does not begin with a start.
    NoStart,
}

/// What was done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs.
    pub inputs_count: u64,
    /// Records that followed from them, and did again.
    pub derived_count: u64,
    /// Records that would follow from the last input, and were not written before the end.
    pub unwritten_count: usize,
    /// Records that could not be done again, because a conversation was forgotten: those up to the
    /// next snapshot.
    pub skipped_count: u64,
}

/// Does everything in a log again. `find` finds settings by their digest.
///
/// # Errors
/// The first difference.
pub fn replay<'f>(
    files: impl IntoIterator<Item = &'f [u8]>,
    keys: Keys<'_>,
    find: &dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>,
) -> Result<Replayed, Difference> {
    let mut replay = Replay::new(keys, find);
    for file in files {
        replay.file(file)?;
    }
    replay.finish()
}

/// Does a log again whose files come one after the other: no more than one has to be in memory.
#[derive(Debug)]
pub struct Replay<'f> {
    replayer: Replayer<'f>,
    reader: Reader<'f>,
}

impl<'f> Replay<'f> {
    /// At the start of a log. `find` finds settings by their digest.
    #[must_use]
    pub fn new(keys: Keys<'f>, find: &'f dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>) -> Self {
        Self { replayer: Replayer::new(find), reader: Reader::new(keys) }
    }

    /// Does the next file again, as far as it holds whole records.
    ///
    /// # Errors
    /// The first difference. Nothing more is to be learnt then.
    pub fn file(&mut self, file: &[u8]) -> Result<(), Difference> {
        self.replayer.file(file, &mut self.reader)
    }

    /// The log has ended.
    ///
    /// # Errors
    /// A conversation was forgotten, and no snapshot came after it; or a key is missing that nobody
    /// ever had destroyed.
    pub fn finish(self) -> Result<Replayed, Difference> {
        if let Some(sequence) = self.replayer.missing_key() {
            return Err(Difference { sequence, kind: DifferenceKind::MissingKey });
        }
        match self.replayer.skips {
            Some(sequence) => Err(Difference { sequence, kind: DifferenceKind::Forgotten }),
            None => Ok(self.replayer.replayed()),
        }
    }
}

pub(super) struct Replayer<'f> {
    find: FindSettings<'f>,
    /// What was found last: nearly every start of a log has the settings of the one before.
    found: Option<Arc<Settings>>,
    pub(super) agent: Option<Agent>,
    /// What has to stand in the log next.
    pub(super) expected: VecDeque<Entry>,
    /// The time of the last input, as the agent knew it.
    pub(super) last: Now,
    /// The next state is that of a snapshot: the first one that begins at this record or later.
    pub(super) skips: Option<u64>,
    /// The parts of the snapshot that is being read.
    parts: Vec<Entry>,
    skipped_count: u64,
    inputs_count: u64,
    derived_count: u64,
    /// Conversations without a key, and the first record of each that could not be read.
    unread: Map<u64, u64>,
    /// Conversations of which a record says that they were forgotten.
    forgotten: Set<u64>,
}

impl<'f> Replayer<'f> {
    pub(super) fn new(find: FindSettings<'f>) -> Self {
        Self {
            find,
            found: None,
            agent: None,
            expected: VecDeque::new(),
            last: Now { instant: Instant(0), wall: Timestamp(0) },
            skips: None,
            parts: Vec::new(),
            skipped_count: 0,
            inputs_count: 0,
            derived_count: 0,
            unread: Map::new(),
            forgotten: Set::new(),
        }
    }

    pub(super) fn files<'b>(
        &mut self,
        files: impl IntoIterator<Item = &'b [u8]>,
        keys: Keys<'_>,
    ) -> Result<(), Difference> {
        let mut reader = Reader::new(keys);
        for file in files {
            self.file(file, &mut reader)?;
        }
        Ok(())
    }

    fn file(&mut self, file: &[u8], reader: &mut Reader<'_>) -> Result<(), Difference> {
        let Some(mut records) = reader.start(file) else { return Ok(()) };
        while let Some((record, payload)) = reader.next(&mut records) {
            self.note_keys(&record, &payload);
            self.record(&record, payload)?;
        }
        Ok(())
    }

    /// Notes whether a record's key is there, and what the record says of keys that are not.
    fn note_keys(&mut self, record: &Record<'_>, payload: &Payload<'_>) {
        match payload {
            Payload::Forgotten => {
                self.unread.entry(record.conversation).or_insert(record.sequence);
            }
            _ if record.kind == kind::FORGOTTEN => {
                self.forgotten.insert(record.conversation);
            }
            // The key goes some time after this, and a crash may come between that and the record
            // that it went.
            Payload::Open(payload) if Kind::from_number(record.kind) == Some(Kind::Forgotten) => {
                let document = json::parse(payload).ok();
                let number = document.as_ref().and_then(|it| it.root().find("conversation"));
                self.forgotten.extend(number.and_then(|number| number.as_u64().ok()));
            }
            _ => {}
        }
    }

    /// The first record that cannot be read and should be.
    fn missing_key(&self) -> Option<u64> {
        let is_missing = |(number, _): &(&u64, &u64)| !self.forgotten.contains(number);
        self.unread.iter().filter(is_missing).map(|(_, sequence)| *sequence).min()
    }

    pub(super) fn replayed(&self) -> Replayed {
        Replayed {
            inputs_count: self.inputs_count,
            derived_count: self.derived_count,
            unwritten_count: self.expected.len(),
            skipped_count: self.skipped_count,
        }
    }

    /// Begins with the last snapshot of a log, if there is one.
    pub(super) fn begin_at_snapshot<'b>(
        &mut self,
        files: impl IntoIterator<Item = &'b [u8]>,
        keys: Keys<'_>,
    ) {
        let mut reader = Reader::new(keys);
        let mut first_part = None;
        for file in files {
            let Some(mut records) = reader.start(file) else { continue };
            while let Some(record) = reader.skim(&mut records) {
                match Kind::from_number(record.kind) {
                    Some(Kind::SnapshotPart) => {
                        first_part.get_or_insert(record.sequence);
                    }
                    Some(Kind::Snapshot) => {
                        self.skips = Some(first_part.take().unwrap_or(record.sequence));
                    }
                    // The log's own records may stand anywhere.
                    None => {}
                    Some(_) => first_part = None,
                }
            }
        }
    }

    /// Records up to a snapshot, and the snapshot.
    fn skip(
        &mut self,
        record: &Record<'_>,
        kind: Kind,
        payload: Payload<'_>,
    ) -> Result<(), DifferenceKind> {
        let is_early = self.skips.is_some_and(|first| record.sequence < first);
        let entry = match payload {
            Payload::Open(payload) if !is_early => Entry {
                kind,
                conversation: ConversationNumber(record.conversation),
                payload: payload.into_owned(),
            },
            _ => {
                self.parts.clear();
                return Ok(());
            }
        };
        match kind {
            Kind::SnapshotPart => self.parts.push(entry),
            Kind::Snapshot => {
                let read = Agent::snapshot_of(&entry).map_err(DifferenceKind::Unreadable)?;
                let (instant, digest) = read;
                let settings = self.settings(digest)?;
                self.last = Now { instant, wall: record.time };
                // One of whose parts cannot be opened is no snapshot; a later one may be.
                self.agent = Agent::load(settings, &self.parts, &entry, self.last).ok();
                self.parts.clear();
                if self.agent.is_some() {
                    self.skips = None;
                }
            }
            _ => self.parts.clear(),
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, payload: Payload<'_>) -> Result<(), Difference> {
        let differs = |kind| Difference { sequence: record.sequence, kind };
        let Some(kind) = Kind::from_number(record.kind) else {
            // The log's own records follow from no input.
            let is_own = record.kind >= kind::OPENED;
            let unknown = Unreadable::new("this version does not know its kind");
            return is_own.then_some(()).ok_or(differs(DifferenceKind::Unreadable(unknown)));
        };
        // Sentinel seals all it records. A record in the clear fits the chain as well, but anybody
        // who can write the file could have made it.
        if !record.is_sealed {
            let clear = Unreadable::new("it is not sealed, so that anybody can have written it");
            return Err(differs(DifferenceKind::Unreadable(clear)));
        }
        if self.skips.is_some() {
            self.skipped_count += 1;
            return self.skip(record, kind, payload).map_err(differs);
        }
        let payload = match payload {
            Payload::Open(payload) => payload,
            Payload::Forgotten => {
                self.skips = Some(record.sequence);
                self.skipped_count += 1;
                self.expected.clear();
                return Ok(());
            }
            Payload::Sealed => {
                let sealed = Unreadable::new("it does not open with these keys");
                return Err(differs(DifferenceKind::Unreadable(sealed)));
            }
        };
        if kind.is_input() {
            if let Some(missing) = self.expected.front() {
                let (found, expected) = (kind.name().into(), missing.describe());
                return Err(differs(DifferenceKind::Other { found, expected }));
            }
            self.inputs_count += 1;
            return self.input(record, kind, &payload).map_err(differs);
        }
        let found = Entry {
            kind,
            conversation: ConversationNumber(record.conversation),
            payload: payload.into_owned(),
        };
        match self.expected.pop_front() {
            Some(expected) if expected == found => {
                self.derived_count += 1;
                Ok(())
            }
            Some(expected) => {
                let (found, expected) = (found.describe(), expected.describe());
                Err(differs(DifferenceKind::Other { found, expected }))
            }
            None => Err(differs(DifferenceKind::Surplus { found: found.describe() })),
        }
    }

    fn settings(&mut self, digest: [u8; 32]) -> Result<Arc<Settings>, DifferenceKind> {
        if let Some(found) = self.found.as_ref().filter(|found| found.digest == digest) {
            return Ok(found.clone());
        }
        let found = (self.find)(&digest).ok_or(DifferenceKind::Settings { digest })?;
        Ok(self.found.insert(found).clone())
    }

    fn input(
        &mut self,
        record: &Record<'_>,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), DifferenceKind> {
        let (instant, input) = Input::read(kind, payload).map_err(DifferenceKind::Unreadable)?;
        let now = Now { instant, wall: record.time };
        self.last = now;
        if let Input::Reconfigured { settings: digest } = &input {
            let settings = self.settings(*digest)?;
            let agent = self.agent.as_mut().ok_or(DifferenceKind::NoStart)?;
            agent.reconfigure(now, settings).map_err(DifferenceKind::BadSettings)?;
        } else if let Input::Started { settings: digest } = &input {
            let settings = self.settings(*digest)?;
            let agent = match &mut self.agent {
                Some(agent) => agent,
                none => {
                    none.insert(Agent::new(settings.clone()).map_err(DifferenceKind::BadSettings)?)
                }
            };
            agent.start(now, settings).map_err(DifferenceKind::BadSettings)?;
        } else {
            let agent = self.agent.as_mut().ok_or(DifferenceKind::NoStart)?;
            agent.handle(now, input);
        }
        while let Some(line) = self.agent.as_mut().and_then(Agent::take) {
            match line {
                Line::Record(entry) => self.expected.push_back(entry),
                // Whether it was carried out is for the next start to find out.
                Line::Order(_) => {}
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Replayer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Replayer").field("last", &self.last).finish_non_exhaustive()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "record {}: ", self.sequence)?;
        match &self.kind {
            DifferenceKind::Other { found, expected } => {
                write!(formatter, "{found} stands there, where {expected} follows")
            }
            DifferenceKind::Surplus { found } => {
                write!(formatter, "{found} stands there, where nothing more follows")
            }
            DifferenceKind::Unreadable(error) => error.fmt(formatter),
            DifferenceKind::Forgotten => formatter.write_str("its conversation was forgotten"),
            DifferenceKind::MissingKey => formatter.write_str(
                "the key of its conversation is gone, and no record says that it was forgotten",
            ),
            DifferenceKind::Settings { digest } => {
                write!(formatter, "the settings {} are not at hand", crate::agent::hex(digest))
            }
            DifferenceKind::BadSettings(error) => error.fmt(formatter),
            DifferenceKind::NoStart => formatter.write_str("the log does not begin with a start"),
        }
    }
}

impl core::error::Error for Difference {}
