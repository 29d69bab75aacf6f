//! Making proofs while a log is read, with memory for one hash per level of the tree.
//!
//! The hashes of a proof are the roots over certain stretches of the log, which follow from its
//! length. They are known before the log is read, and each is computed when its stretch comes by.
//!
//! # Invariants
//! - A proof that is given out was checked against its checkpoint, so a log that is damaged gives
//!   none.
//!
//! # Not here
//! Which checkpoint: the caller. Reading files: the shell.

use alloc::vec::Vec;
use core::fmt;

use super::checkpoint::Checkpoint;
use super::note::Note;
use super::proof::{Proof, Subject};
use super::record::{Frame, Framing};
use super::segment::Place;
use super::tree::Frontier;
use super::{CheckpointError, Hash};
use crate::order;

/// Makes one proof from the files of a log, given in order.
#[derive(Debug)]
pub struct Prover {
    subject: Subject,
    note: Note,
    checkpoint: Checkpoint,
    /// The stretches, in the order of the log.
    parts: Vec<Part>,
    /// The stretch that comes next or is under way, and its tree so far.
    current: usize,
    tree: Frontier,
    /// The number of the next record, and the hash of the one before.
    next: u64,
    previous: Hash,
    /// The root of the records from which a log grew.
    earlier: Frontier,
}

/// A stretch of the log whose root stands in the proof.
#[derive(Debug)]
struct Part {
    start: u64,
    end: u64,
    /// Where in the proof.
    place: usize,
    root: Option<Hash>,
}

impl Prover {
    /// One that proves that a record stands under a checkpoint.
    ///
    /// # Errors
    /// The note is no checkpoint, or does not vouch for the record.
    pub fn record(sequence: u64, note: Note) -> Result<Self, ProveError> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(ProveError::Checkpoint)?;
        let size = checkpoint.records_count;
        if sequence >= size {
            return Err(ProveError::TooFew { records_count: size });
        }
        let (mut start, mut end, mut parts) = (0, size, Vec::new());
        while end - start > 1 {
            let middle = start + half(end - start);
            if sequence < middle {
                parts.push((middle, end));
                end = middle;
            } else {
                parts.push((start, middle));
                start = middle;
            }
        }
        Ok(Self::new(Subject::Record { sequence, entry: Vec::new() }, note, checkpoint, parts))
    }

    /// One that proves that the log under a checkpoint still begins with its first `from` records.
    ///
    /// # Errors
    /// The note is no checkpoint, or vouches for fewer records.
    pub fn growth(from: u64, note: Note) -> Result<Self, ProveError> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(ProveError::Checkpoint)?;
        let size = checkpoint.records_count;
        if from > size {
            return Err(ProveError::TooFew { records_count: size });
        }
        let (mut start, mut end, mut parts) = (0, size, Vec::new());
        // From nothing everything grew, and nothing has to be shown.
        while from > 0 && from < end {
            let middle = start + half(end - start);
            if from <= middle {
                parts.push((middle, end));
                end = middle;
            } else {
                parts.push((start, middle));
                start = middle;
            }
        }
        // What was all of the log then is known to whoever asks.
        if start > 0 {
            parts.push((start, end));
        }
        Ok(Self::new(Subject::Growth { from }, note, checkpoint, parts))
    }

    fn new(subject: Subject, note: Note, checkpoint: Checkpoint, parts: Vec<(u64, u64)>) -> Self {
        // The largest stretches were found first, and stand last in the proof.
        let places = (0..parts.len()).rev();
        let part = |((start, end), place)| Part { start, end, place, root: None };
        let mut parts: Vec<Part> = parts.into_iter().zip(places).map(part).collect();
        order::sort_by(&mut parts, |one, other| one.start.cmp(&other.start));
        Self {
            subject,
            note,
            checkpoint,
            parts,
            current: 0,
            tree: Frontier::new(),
            next: 0,
            previous: Hash([0; 32]),
            earlier: Frontier::new(),
        }
    }

    /// Takes the next file of the log, all of it, and says whether more is needed.
    ///
    /// # Errors
    /// It does not go on where the one before ended.
    pub fn file(&mut self, file: &[u8]) -> Result<bool, ProveError> {
        let Ok(Some((place, bytes_count))) = Place::read_header(file) else {
            return Err(ProveError::Damaged { sequence: self.next });
        };
        if place.sequence() != self.next || (self.next > 0 && place.previous != self.previous) {
            return Err(ProveError::Damaged { sequence: self.next });
        }
        self.previous = place.previous;
        let mut records = file.get(bytes_count..).unwrap_or_default();
        while self.next < self.checkpoint.records_count
            && let Framing::Whole(frame) = Frame::at_start(records)
        {
            records = records.get(frame.bytes_count..).unwrap_or_default();
            self.frame(&frame);
        }
        Ok(self.next < self.checkpoint.records_count)
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let number = self.next;
        match &mut self.subject {
            Subject::Record { sequence, entry } if *sequence == number => {
                entry.extend_from_slice(&self.previous.0);
                entry.extend_from_slice(frame.body);
            }
            Subject::Growth { from } if number < *from => self.earlier.push(frame.hash),
            _ => {}
        }
        self.previous = frame.hash;
        self.next += 1;
        let Some(part) = self.parts.get_mut(self.current).filter(|part| part.start <= number)
        else {
            return;
        };
        self.tree.push(frame.hash);
        if self.next == part.end {
            part.root = Some(core::mem::take(&mut self.tree).root());
            self.current += 1;
        }
    }

    /// The proof, checked.
    ///
    /// # Errors
    /// The log is shorter than its checkpoint, or not the one that was signed there.
    pub fn finish(self) -> Result<Proof, ProveError> {
        let Self { subject, note, checkpoint, mut parts, next, earlier, .. } = self;
        if next < checkpoint.records_count {
            return Err(ProveError::Short { records_count: next });
        }
        order::sort_by(&mut parts, |one, other| one.place.cmp(&other.place));
        let path = parts.iter().filter_map(|part| part.root).collect();
        let proof = Proof { subject, path, note, checkpoint };
        proof.check(Some(earlier.root())).map_err(|_| ProveError::Other)?;
        Ok(proof)
    }
}

/// The largest power of two that leaves something of so many, of which there are two at least.
const fn half(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProveError {
    /// The note is none of a checkpoint.
    Checkpoint(CheckpointError),
    /// The checkpoint vouches for fewer records.
    TooFew {
        /// So many.
        records_count: u64,
    },
    /// The log has fewer records than the checkpoint.
    Short {
        /// So many.
        records_count: u64,
    },
    /// A file does not go on where the one before ended.
    Damaged {
        /// The record that should stand there.
        sequence: u64,
    },
    /// The log is not the one that the checkpoint vouches for.
    Other,
}

impl fmt::Display for ProveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint(error) => error.fmt(formatter),
            Self::TooFew { records_count } => write!(
                formatter,
                "the checkpoint vouches for {records_count} records, those before record \
                 {records_count}; later ones are proved under a later checkpoint"
            ),
            Self::Short { records_count } => write!(
                formatter,
                "the log has {records_count} records, fewer than the checkpoint: it was cut off, \
                 or it is another one's"
            ),
            Self::Damaged { sequence } => write!(
                formatter,
                "the log cannot be read at record {sequence}; 'sentinel audit verify' says why"
            ),
            Self::Other => formatter.write_str(
                "the log is not the one that the checkpoint vouches for: it was changed, or the \
                 checkpoint is of another one; 'sentinel audit verify --note' says which",
            ),
        }
    }
}

impl core::error::Error for ProveError {}
