//! Checking a log: bytes in, a verdict out.
//!
//! The verifier believes nothing but SHA-256, Ed25519, the first key if it was pinned, and
//! checkpoints that were kept elsewhere. It reads a log once, in pieces of any size, with memory
//! for one record. When a record does not fit it looks at the next one, to say what happened, and
//! stops. What it can say about a log besides (its name, its first key, its last checkpoint and
//! times) is in the report, so that nobody has to read the log a second time for it.
//!
//! # Invariants
//! - The same bytes give the same verdict, however they are cut into pieces.
//! - "OK" means: every record is what was written, in its place, and a checkpoint vouches for it.
//!
//! # Not here
//! What a damaged log is still good for: a person decides that.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Hash;
use super::checkpoint::Checkpoint;
use super::damage::Damage;
use super::note::Note;
use super::record::{Frame, Framing, HEAD_BYTES, Record, kind};
use super::segment::Place;
use super::signer::NoteVerifier;
use crate::time::Timestamp;

/// What a verifier believes besides the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The public key of the first epoch. Without it the log's own word is taken, and only changes
    /// by those who do not hold its current key are found.
    pub first_key: Option<[u8; 32]>,
    /// Checkpoints that were kept elsewhere, their signatures checked then.
    pub checkpoints: Vec<Checkpoint>,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// All records are good, and a checkpoint vouches for all but the record it stands in itself.
    Ok,
    /// All records are good as far as the chain goes; for the last ones only the chain vouches.
    OpenTail {
        /// How many of them.
        records_count: u64,
        /// How many bytes follow that are the start of a record and no more: a write that was cut.
        torn_bytes: u64,
    },
    /// The log was damaged.
    Bad {
        /// The first record that is not as it should be.
        sequence: u64,
        /// How.
        damage: Damage,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => formatter.write_str("OK"),
            Self::OpenTail { records_count, torn_bytes: 0 } => {
                write!(formatter, "OPEN TAIL: {records_count} records since the last checkpoint")
            }
            Self::OpenTail { records_count, torn_bytes } => write!(
                formatter,
                "OPEN TAIL: {records_count} records since the last checkpoint, and {torn_bytes} \
                 bytes of a record that was not written to its end"
            ),
            Self::Bad { sequence, damage } => {
                write!(formatter, "BAD at record {sequence}: {damage}")
            }
        }
    }
}

/// What a verifier says at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was found.
    pub verdict: Verdict,
    /// Good records.
    pub records_count: u64,
    /// Good records that a checkpoint vouches for.
    pub anchored_count: u64,
    /// The root over all good records.
    pub root: Hash,
    /// Whether the first key was pinned.
    pub is_pinned: bool,
    /// What the log says of itself; `None` if its first header could not be read.
    pub identity: Option<Identity>,
    /// The key that signs its checkpoints for witnesses, if a checkpoint vouches for that record.
    pub log_key: Option<NoteVerifier>,
    /// How many epochs have ended: good checkpoints.
    pub epochs_count: u64,
    /// The last good checkpoint, as it stands in the log.
    pub checkpoint: Option<Note>,
    /// When that was written, as the clock said.
    pub checkpoint_time: Option<Timestamp>,
    /// When the last good record was written, as the clock said.
    pub last_time: Option<Timestamp>,
}

/// What a log is called, and what its signatures begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name in checkpoints.
    pub origin: String,
    /// The public key of its first epoch: what an operator pins.
    pub first_key: [u8; 32],
}

impl Identity {
    /// What the first file of a log says that it is called; `None` if it does not say so. Nothing
    /// is checked but that.
    #[must_use]
    pub fn of(first_file: &[u8]) -> Option<Self> {
        let (place, _) = Place::read_header(first_file).ok()??;
        Some(Self { origin: place.origin, first_key: place.key })
    }
}

/// Checks a log while it is read.
///
/// ```
/// use sentinel_core::journal::{
///     Actor, Entry, EpochSeed, JournalId, Opening, Trust, Verdict, Verifier, Writer,
/// };
/// use sentinel_core::time::Timestamp;
///
/// let seed = EpochSeed::first([1; 32]);
/// let trust = Trust { first_key: Some(seed.public_key()), ..Trust::default() };
/// let opening = Opening { seed, nonce: [2; 16], now: Timestamp(0) };
/// let mut log = Vec::new();
/// let mut writer = Writer::create(JournalId([3; 8]), "example.com/log", opening, &mut log)?;
/// let (time, payload) = (Timestamp(5), &b"hello"[..]);
/// let entry = Entry { time, actor: Actor::System, kind: 1, conversation: 0, payload };
/// writer.append(entry, None, &mut log)?;
/// writer.checkpoint(Timestamp(6), &mut log)?;
///
/// let mut verifier = Verifier::new(trust);
/// verifier.push(&log);
/// assert_eq!(verifier.finish().verdict, Verdict::Ok);
/// # Ok::<(), sentinel_core::journal::AppendError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    trust: Trust,
    state: State,
    /// Bytes of a frame or header that is not complete.
    rest: Vec<u8>,
    anchored_count: u64,
    identity: Option<Identity>,
    /// What signs for witnesses, as the last record of its kind says.
    log_key: Option<NoteVerifier>,
    /// The same, as the last checkpoint vouches for it.
    anchored_key: Option<NoteVerifier>,
    /// Whether the signatures for others are looked at, too.
    looks_at_others: bool,
    checkpoint: Option<(Note, Timestamp)>,
    last_time: Option<Timestamp>,
    /// Bytes of the current file that were understood.
    file_bytes: u64,
}

#[derive(Clone, Debug)]
enum State {
    /// Before the header of a file; the place is known but for the first.
    Header(Option<Place>),
    Records(Place),
    /// A record did not fit; the next one will say why.
    Suspicious(Place, Suspect),
    /// Zeros where a record should be: a file that grew before its content was written, if nothing
    /// else follows.
    Zeros(Place, u64),
    Damaged(Option<Place>, u64, Damage),
}

/// Where the input ended.
pub(super) struct End {
    /// `None` before the header of the first file.
    pub(super) place: Option<Place>,
    pub(super) verdict: Verdict,
    pub(super) anchored_count: u64,
    pub(super) log_key: Option<[u8; 32]>,
    /// Bytes of the last file that are good.
    pub(super) bytes_count: u64,
}

/// A record that did not fit.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    sequence: u64,
    is_of_this_log: bool,
    hash: Hash,
    /// Whether it fits if log and number are mended: then only those were changed.
    is_mended: bool,
}

/// What was found in front of the input.
enum Step {
    /// So many bytes were understood.
    Taken(usize),
    /// More bytes are needed.
    Starved,
}

impl Verifier {
    /// A verifier at the start of a log.
    #[must_use]
    pub const fn new(trust: Trust) -> Self {
        Self {
            trust,
            state: State::Header(None),
            rest: Vec::new(),
            anchored_count: 0,
            identity: None,
            log_key: None,
            anchored_key: None,
            looks_at_others: true,
            checkpoint: None,
            last_time: None,
            file_bytes: 0,
        }
    }

    /// Takes the next bytes of the current file.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        // A record that came in two pieces is put together; the rest is read where it lies.
        while !self.rest.is_empty() && !bytes.is_empty() {
            let missing = match &self.state {
                State::Header(_) => HEADER_STEP_BYTES,
                _ => Frame::missing(&self.rest),
            };
            let (piece, others) = bytes.split_at(missing.min(bytes.len()));
            bytes = others;
            let mut held = core::mem::take(&mut self.rest);
            held.extend_from_slice(piece);
            let taken = self.consume(&held);
            held.drain(..taken);
            self.rest = held;
        }
        let taken = self.consume(bytes);
        self.rest.extend_from_slice(&bytes[taken..]);
    }

    /// The current file has ended, and the next begins.
    pub fn next_file(&mut self) {
        self.settle();
        let state = core::mem::replace(&mut self.state, State::Header(None));
        self.state = match state {
            // A file that is not the last ends with a whole record.
            State::Records(place) if self.rest.is_empty() => State::Header(Some(place)),
            State::Records(place) | State::Zeros(place, _) => {
                let sequence = place.sequence();
                State::Damaged(Some(place), sequence, Damage::Flipped)
            }
            State::Header(place) => {
                let sequence = place.as_ref().map_or(0, Place::sequence);
                State::Damaged(place, sequence, Damage::Segment)
            }
            other => other,
        };
        self.rest.clear();
        self.file_bytes = 0;
    }

    /// The log has ended.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.settle();
        let is_pinned = self.trust.first_key.is_some();
        let (place, verdict) = self.end();
        let records_count = place.as_ref().map_or(0, Place::sequence);
        let root = place.as_ref().map_or_else(Hash::empty_tree, |place| place.tree.root());
        let (checkpoint, checkpoint_time) = self.checkpoint.unzip();
        Report {
            verdict,
            records_count,
            anchored_count: self.anchored_count,
            root,
            is_pinned,
            identity: self.identity,
            log_key: self.anchored_key,
            epochs_count: place.as_ref().map_or(0, |place| place.epoch),
            checkpoint,
            checkpoint_time,
            last_time: self.last_time,
        }
    }

    /// Where a log that is good but for a torn end goes on.
    pub(super) fn end_of_log(mut self) -> End {
        self.settle();
        let (place, verdict) = self.end();
        let (anchored_count, bytes_count) = (self.anchored_count, self.file_bytes);
        let log_key = self.log_key.map(|verifier| verifier.key.to_bytes());
        End { place, verdict, anchored_count, log_key, bytes_count }
    }

    fn end(&mut self) -> (Option<Place>, Verdict) {
        let torn_bytes = self.rest.len() as u64;
        let state = core::mem::replace(&mut self.state, State::Header(None));
        let (place, torn_bytes) = match state {
            State::Damaged(place, sequence, damage) => {
                return (place, Verdict::Bad { sequence, damage });
            }
            State::Header(place) => (place, torn_bytes),
            State::Records(place) | State::Suspicious(place, _) => (Some(place), torn_bytes),
            State::Zeros(place, count) => (Some(place), count.saturating_add(torn_bytes)),
        };
        let sequence = place.as_ref().map_or(0, Place::sequence);
        let kept = self.trust.checkpoints.iter().map(|kept| kept.records_count).max();
        if kept.is_some_and(|kept| kept > sequence) {
            return (place, Verdict::Bad { sequence, damage: Damage::RolledBack });
        }
        let records_count = sequence - self.anchored_count;
        // The record of a checkpoint is vouched for by the next one.
        let is_closed = records_count <= 1 && self.anchored_count > 0 && torn_bytes == 0;
        let verdict =
            if is_closed { Verdict::Ok } else { Verdict::OpenTail { records_count, torn_bytes } };
        (place, verdict)
    }

    /// Decides about a record that did not fit when no other follows.
    fn settle(&mut self) {
        if let State::Suspicious(place, suspect) = &self.state {
            let sequence = place.sequence();
            let damage = suspect.alone(sequence);
            self.damaged(sequence, damage);
        }
    }

    fn consume(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len()
            && let Step::Taken(count) = self.step(&bytes[taken..])
        {
            taken += count;
        }
        taken
    }

    fn step(&mut self, bytes: &[u8]) -> Step {
        match &mut self.state {
            State::Damaged(..) => Step::Taken(bytes.len()),
            State::Header(_) => self.header(bytes),
            State::Zeros(place, count) => {
                let sequence = place.sequence();
                *count = count.saturating_add(bytes.len() as u64);
                if bytes.iter().any(|byte| *byte != 0) {
                    self.damaged(sequence, Damage::Flipped);
                }
                Step::Taken(bytes.len())
            }
            State::Suspicious(place, suspect) => match Frame::at_start(bytes) {
                Framing::Partial => Step::Starved,
                Framing::Broken => {
                    let sequence = place.sequence();
                    let damage = suspect.alone(sequence);
                    self.damaged(sequence, damage);
                    Step::Taken(bytes.len())
                }
                Framing::Whole(frame) => {
                    let sequence = place.sequence();
                    let damage = suspect.followed_by(&frame, place);
                    self.damaged(sequence, damage);
                    Step::Taken(frame.bytes_count)
                }
            },
            State::Records(place) => {
                let frame = match Frame::at_start(bytes) {
                    Framing::Partial => return Step::Starved,
                    Framing::Broken => {
                        let sequence = place.sequence();
                        if bytes.iter().all(|byte| *byte == 0) {
                            self.zeros(bytes.len() as u64);
                        } else {
                            self.damaged(sequence, Damage::Flipped);
                        }
                        return Step::Taken(bytes.len());
                    }
                    Framing::Whole(frame) => frame,
                };
                if Hash::record(place.previous, frame.body) != frame.hash
                    || sequence_of(frame.body) != Some(place.sequence())
                {
                    self.suspect(&frame);
                } else {
                    self.record(&frame);
                }
                Step::Taken(frame.bytes_count)
            }
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Step {
        let State::Header(expected) = &mut self.state else { return Step::Starved };
        let sequence = expected.as_ref().map_or(0, Place::sequence);
        let (place, bytes_count) = match Place::read_header(bytes) {
            Ok(Some(read)) => read,
            Ok(None) => return Step::Starved,
            Err(_) => {
                self.damaged(sequence, Damage::Segment);
                return Step::Taken(bytes.len());
            }
        };
        let is_expected = match expected {
            Some(expected) => {
                let segment = expected.segment.saturating_add(1);
                place == Place { segment, ..expected.clone() }
            }
            None => {
                place == Place::first(place.journal, &place.origin, place.key)
                    && self.trust.first_key.is_none_or(|key| key == place.key)
            }
        };
        if is_expected {
            self.file_bytes = bytes_count as u64;
            let origin = place.origin.clone();
            self.identity.get_or_insert(Identity { origin, first_key: place.key });
            self.state = State::Records(place);
            self.check_kept();
        } else {
            self.damaged(sequence, Damage::Segment);
        }
        Step::Taken(bytes_count)
    }

    /// Believes the epochs and leaves what is signed for others to whoever verifies the log: a
    /// start waits for this, and nothing that it does hangs on those.
    pub(super) fn leave_others(&mut self) {
        self.looks_at_others = false;
    }

    /// A record that fits the chain.
    fn record(&mut self, frame: &Frame<'_>) {
        let State::Records(place) = &mut self.state else { return };
        let sequence = place.sequence();
        let damage = match Record::read(frame.body) {
            Ok(record) if record.journal != place.journal => Err(Damage::Spliced),
            Ok(record) => match record.kind {
                kind::CHECKPOINT => {
                    let note = Some(record.payload).filter(|_| !record.is_sealed);
                    let key = self.log_key.as_ref().filter(|_| self.looks_at_others);
                    match note.and_then(|note| advance(place, key, note)) {
                        Some((note, is_signed_by_it)) => {
                            self.anchored_count = sequence;
                            // Its record is in the clear: a key that did not sign is anybody's.
                            if is_signed_by_it {
                                self.anchored_key.clone_from(&self.log_key);
                            }
                            self.checkpoint = Some((note, record.time));
                            Ok(record.time)
                        }
                        None => Err(Damage::Forged),
                    }
                }
                kind::LOG_KEY => {
                    let key = record.payload.try_into().ok().filter(|_| !record.is_sealed);
                    let key = key.and_then(|key| NoteVerifier::new(&place.origin, key).ok());
                    let is_key = key.is_some();
                    self.log_key = key;
                    if is_key { Ok(record.time) } else { Err(Damage::Malformed) }
                }
                _ => Ok(record.time),
            },
            Err(_) => Err(Damage::Malformed),
        };
        match damage {
            Err(damage) => self.damaged(sequence, damage),
            Ok(time) => {
                self.last_time = Some(time);
                place.previous = frame.hash;
                place.tree.push(frame.hash);
                self.file_bytes += frame.bytes_count as u64;
                self.check_kept();
            }
        }
    }

    /// What was kept elsewhere has to be what stands here.
    fn check_kept(&mut self) {
        if self.trust.checkpoints.is_empty() {
            return;
        }
        let State::Records(place) = &self.state else { return };
        let sequence = place.sequence();
        let mut kept = self.trust.checkpoints.iter();
        let is_other = kept.any(|kept| {
            kept.records_count == sequence
                && (kept.root != place.tree.root() || kept.origin != place.origin)
        });
        if is_other {
            // The last record under it is the first that is known not to be the one.
            self.damaged(sequence.saturating_sub(1), Damage::Forged);
        }
    }

    fn suspect(&mut self, frame: &Frame<'_>) {
        let State::Records(place) = &self.state else { return };
        let sequence = place.sequence();
        let mut mended = frame.body.to_vec();
        if let Some((id, number)) =
            mended.get_mut(PLACE).and_then(|head| head.split_at_mut_checked(8))
        {
            id.copy_from_slice(&place.journal.0);
            number.copy_from_slice(&sequence.to_le_bytes());
        }
        let suspect = Suspect {
            sequence: sequence_of(frame.body).unwrap_or(sequence),
            is_of_this_log: journal_of(frame.body) == place.journal.0,
            hash: frame.hash,
            is_mended: Hash::record(place.previous, &mended) == frame.hash,
        };
        let State::Records(place) = core::mem::replace(&mut self.state, State::Header(None)) else {
            return;
        };
        self.state = State::Suspicious(place, suspect);
    }

    fn zeros(&mut self, count: u64) {
        let state = core::mem::replace(&mut self.state, State::Header(None));
        if let State::Records(place) = state {
            self.state = State::Zeros(place, count);
        }
    }

    fn damaged(&mut self, sequence: u64, damage: Damage) {
        let state = core::mem::replace(&mut self.state, State::Header(None));
        let place = match state {
            State::Header(place) | State::Damaged(place, ..) => place,
            State::Records(place) | State::Suspicious(place, _) | State::Zeros(place, _) => {
                Some(place)
            }
        };
        self.rest.clear();
        self.state = State::Damaged(place, sequence, damage);
    }
}

impl Suspect {
    /// What happened, if nothing follows that could tell.
    fn alone(&self, expected: u64) -> Damage {
        if self.is_mended {
            Damage::Flipped
        } else if !self.is_of_this_log {
            Damage::Spliced
        } else if self.sequence > expected {
            Damage::Missing { count: self.sequence - expected }
        } else if self.sequence < expected {
            Damage::Repeated
        } else {
            Damage::Flipped
        }
    }

    /// What happened, by the frame after it, where a record for `place` was expected.
    fn followed_by(&self, next: &Frame<'_>, place: &Place) -> Damage {
        let expected = place.sequence();
        let next_sequence = sequence_of(next.body);
        let follows_this = Hash::record(self.hash, next.body) == next.hash;
        let follows_last = Hash::record(place.previous, next.body) == next.hash;
        let is_next_ours = journal_of(next.body) == place.journal.0;
        if follows_this && is_next_ours && next_sequence == expected.checked_add(1) {
            // It still has the hash that the next one was written after.
            return Damage::Flipped;
        }
        if follows_last && next_sequence == Some(expected) {
            let is_swapped = self.is_of_this_log && self.sequence > expected;
            let is_earlier = self.is_of_this_log && self.sequence < expected;
            return match (is_swapped, is_earlier) {
                (true, _) => Damage::Reordered,
                (_, true) => Damage::Repeated,
                _ => Damage::Spliced,
            };
        }
        if self.is_of_this_log && self.sequence > expected && next_sequence == Some(expected) {
            return Damage::Reordered;
        }
        self.alone(expected)
    }
}

/// The payload, if it is a checkpoint over everything so far by the current key; then the next
/// epoch begins. A line of the key for witnesses need not be there, for a version that knew of none
/// may have gone on with the log; one that is there is good.
///
/// Says as well whether that key signed it.
fn advance(
    place: &mut Place,
    log_key: Option<&NoteVerifier>,
    payload: &[u8],
) -> Option<(Note, bool)> {
    let note = Note::parse(core::str::from_utf8(payload).ok()?).ok()?;
    let checkpoint = Checkpoint::parse(note.text()).ok()?;
    let signer = NoteVerifier::new(&place.origin, &place.key).ok()?;
    let expected = Checkpoint {
        origin: place.origin.clone(),
        records_count: place.sequence(),
        root: place.tree.root(),
        epoch: place.epoch,
        next_key: checkpoint.next_key,
    };
    // Lines are told apart by four bytes, which the keys of an epoch and of the log may share.
    let is_signed_by_it = log_key.is_some_and(|key| note.is_signed_by(key));
    let is_forged = !is_signed_by_it && log_key.is_some_and(|key| note.is_forged_for(key));
    if checkpoint != expected || !note.is_signed_by(&signer) || is_forged {
        return None;
    }
    place.epoch = place.epoch.saturating_add(1);
    place.key = checkpoint.next_key;
    Some((note, is_signed_by_it))
}

fn sequence_of(body: &[u8]) -> Option<u64> {
    body.get(SEQUENCE)?.try_into().ok().map(u64::from_le_bytes)
}

fn journal_of(body: &[u8]) -> &[u8] {
    body.get(PLACE.start..SEQUENCE.start).unwrap_or_default()
}

/// How much of a header is added at a time when it comes in pieces.
const HEADER_STEP_BYTES: usize = 64;

/// Where a record's number stands in its body.
const SEQUENCE: core::ops::Range<usize> = 13..21;

/// Log and number.
const PLACE: core::ops::Range<usize> = 5..21;

const _: () = assert!(SEQUENCE.end == PLACE.end && PLACE.end <= HEAD_BYTES);
