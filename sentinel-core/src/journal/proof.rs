//! Proofs on their own: that a record stands in a log, or that a log only grew, with the checkpoint
//! that vouches for it. Whoever checks one needs no log.
//!
//! The proof of a record is a C2SP tlog-proof whose extra data is the record; that of growth is
//! what a C2SP tlog-witness takes to cosign a checkpoint.
//!
//! # Invariants
//! - A proof has one spelling: what is read is written back as the same text.
//! - What it proves, it proves of the root in its checkpoint, and of nothing else.
//!
//! # Not here
//! Whose signature under the checkpoint is believed: the caller. Making one: [`super::prover`].

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding as _};

use super::checkpoint::Checkpoint;
use super::note::Note;
use super::record::Record;
use super::{Hash, tree};
use crate::limits::{JOURNAL_PROOF_BYTES_MAX, JOURNAL_PROOF_HASHES_MAX};

/// A proof and the checkpoint it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(super) subject: Subject,
    pub(super) path: Vec<Hash>,
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
}

/// What is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// That a record stands in the log.
    Record {
        /// Its number.
        sequence: u64,
        /// The hash of the record before it and its body: what its hash is made of.
        entry: Vec<u8>,
    },
    /// That the log still begins with the records it had then.
    Growth {
        /// How many there were.
        from: u64,
    },
}

impl Proof {
    /// Reads a proof. Whether it proves anything is for [`check`](Self::check) to say.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        if text.len() > JOURNAL_PROOF_BYTES_MAX {
            return Err(ProofError::TooLong);
        }
        let (head, note) = text.split_once("\n\n").ok_or(ProofError::Form)?;
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let subject = match first.strip_prefix("old ") {
            Some(from) => Subject::Growth { from: number(from)? },
            None if first == VERSION => {
                let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
                let entry = Base64::decode_vec(extra.ok_or(ProofError::NoRecord)?);
                let sequence = lines.next().and_then(|line| line.strip_prefix("index "));
                Subject::Record {
                    sequence: number(sequence.ok_or(ProofError::Form)?)?,
                    entry: entry.map_err(|_| ProofError::Form)?,
                }
            }
            None => return Err(ProofError::Form),
        };
        let path = lines.map(|line| Hash::from_base64(line).ok_or(ProofError::Form));
        let path = path.take(JOURNAL_PROOF_HASHES_MAX + 1).collect::<Result<Vec<_>, _>>()?;
        if path.len() > JOURNAL_PROOF_HASHES_MAX {
            return Err(ProofError::TooLong);
        }
        let note = Note::parse(note).map_err(|_| ProofError::Checkpoint)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| ProofError::Checkpoint)?;
        let proof = Self { subject, path, note, checkpoint };
        (proof.to_string() == text).then_some(proof).ok_or(ProofError::Form)
    }

    /// Whether it proves what it is about, of the root in its checkpoint. For one of growth
    /// `earlier` is the root of then, which the caller has from a checkpoint that was kept; from
    /// nothing everything grew.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, earlier: Option<Hash>) -> Result<(), ProofError> {
        let Checkpoint { records_count, root, .. } = self.checkpoint;
        let is_proved = match &self.subject {
            Subject::Record { sequence, entry } => {
                let (previous, body) = entry.split_first_chunk().ok_or(ProofError::Record)?;
                let record = Record::read(body).map_err(|_| ProofError::Record)?;
                if record.sequence != *sequence {
                    return Err(ProofError::Record);
                }
                let leaf = Hash::record(Hash(*previous), body);
                tree::verify_inclusion(leaf, *sequence, records_count, &self.path, root)
            }
            Subject::Growth { from: 0 } => self.path.is_empty(),
            Subject::Growth { from } => {
                let earlier = earlier.ok_or(ProofError::NoEarlier)?;
                tree::verify_consistency(*from, earlier, records_count, root, &self.path)
            }
        };
        is_proved.then_some(()).ok_or(ProofError::Wrong)
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The record that it is about, if it is about one that can be read.
    #[must_use]
    pub fn record(&self) -> Option<Record<'_>> {
        match &self.subject {
            Subject::Record { entry, .. } => Record::read(entry.get(32..)?).ok(),
            Subject::Growth { .. } => None,
        }
    }

    /// The checkpoint it leads to, as it was signed.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// What that says.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Record { sequence, entry } => {
                let entry = Base64::encode_string(entry);
                writeln!(formatter, "{VERSION}\nextra {entry}\nindex {sequence}")?;
            }
            Subject::Growth { from } => writeln!(formatter, "old {from}")?,
        }
        for hash in &self.path {
            writeln!(formatter, "{}", hash.to_base64())?;
        }
        write!(formatter, "\n{}", self.note)
    }
}

/// Numbers without signs and leading zeros: those read and are not written, which is seen at the
/// end.
fn number(text: &str) -> Result<u64, ProofError> {
    text.parse().map_err(|_| ProofError::Form)
}

/// The first line of a C2SP tlog-proof.
const VERSION: &str = "c2sp.org/tlog-proof@v1";

/// Why something is no proof, or proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// It is not written as one.
    Form,
    /// More bytes or hashes than any proof has.
    TooLong,
    /// It is one about a record that does not come with it.
    NoRecord,
    /// What comes with it is no record, or has another number.
    Record,
    /// What should be the checkpoint is none of a log of ours.
    Checkpoint,
    /// It starts from records whose root was not given.
    NoEarlier,
    /// Its hashes do not lead to the root in its checkpoint.
    Wrong,
}

impl fmt::Display for ProofError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Form => {
                "this is no proof: one begins with `c2sp.org/tlog-proof@v1` or `old N`, and ends \
                 with a checkpoint"
            }
            Self::TooLong => "it is longer than any proof of a log of ours",
            Self::NoRecord => {
                "the record does not come with the proof: it should stand in the line `extra`"
            }
            Self::Record => "what comes with the proof is not the record of that number",
            Self::Checkpoint => "what stands at its end is no checkpoint of a log like ours",
            Self::NoEarlier => "a proof of growth needs the checkpoint from which it starts",
            Self::Wrong => "its hashes do not lead to the root in its checkpoint",
        })
    }
}

impl core::error::Error for ProofError {}

#[cfg(test)]
mod tests;
