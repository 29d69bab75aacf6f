//! Going on after a stop, orderly or not.
//!
//! # Invariants
//! - What was written to its end is kept; the rest of a write that was not is dropped.
//! - A log with any other damage is not gone on with: the error names the record.
//!
//! # Not here
//! Cutting the file: the shell does, to the length said here, before it writes on.

use alloc::vec::Vec;
use core::fmt;

use super::damage::Damage;
use super::record::JournalId;
use super::segment::Place;
use super::verifier::{End, Trust, Verdict, Verifier};

/// Where a log ends, and all that is needed to go on there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub(super) place: Place,
    pub(super) anchored_count: u64,
    /// The key that signs for witnesses, as far as the log says.
    pub(super) log_key: Option<[u8; 32]>,
    /// Whether the last file was begun and has no header yet.
    pub(super) lacks_header: bool,
    bytes_count: u64,
    torn_bytes: u64,
}

impl Recovered {
    /// Which log it is.
    #[must_use]
    pub const fn journal(&self) -> JournalId {
        self.place.journal
    }

    /// Its name in checkpoints.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.place.origin
    }

    /// The good bytes of the last file; what stands after them is to be cut off. None are good when
    /// a crash came while the file was begun: then [`Writer::resume`](super::Writer::resume) begins
    /// it again.
    #[must_use]
    pub const fn bytes_count(&self) -> u64 {
        self.bytes_count
    }

    /// What a [`Writer::mark`](super::Writer::mark) says, of a log of which so many bytes are good;
    /// nothing if it is damaged. What follows the mark is not looked at. Whoever goes on from it
    /// trusts the place that kept it: the log itself is not read.
    #[must_use]
    pub fn from_mark(mark: &[u8], bytes_count: u64) -> Option<Self> {
        let (anchored, header) = mark.split_first_chunk()?;
        let (place, _) = Place::read_header(header).ok()??;
        let anchored_count = u64::from_le_bytes(*anchored);
        let is_possible = anchored_count <= place.sequence() && bytes_count > 0;
        let (log_key, lacks_header, torn_bytes) = (None, false, 0);
        let found = Self { place, anchored_count, log_key, lacks_header, bytes_count, torn_bytes };
        is_possible.then_some(found)
    }

    /// Bytes of a record that was not written to its end.
    #[must_use]
    pub const fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// The records there are.
    #[must_use]
    pub const fn records_count(&self) -> u64 {
        self.place.sequence()
    }
}

/// Checks the files of a log, in order, and finds its end.
///
/// # Errors
/// The log is damaged, or there is none.
pub fn recover<'f>(
    files: impl IntoIterator<Item = &'f [u8]>,
    trust: Trust,
) -> Result<Recovered, RecoverError> {
    let mut files: Vec<&[u8]> = files.into_iter().collect();
    let verifier = |files: &[&[u8]]| {
        let mut verifier = Verifier::new(trust.clone());
        verifier.leave_others();
        for (index, file) in files.iter().enumerate() {
            if index > 0 {
                verifier.next_file();
            }
            verifier.push(file);
        }
        verifier
    };
    let recovered = verifier(&files).recover();
    let Err(error @ RecoverError::Bad { .. }) = recovered else { return recovered };
    let whole = files.last().map_or(0, |file| file.len());
    let good = verifier(&files).end_of_log().bytes_count;
    let good = usize::try_from(good).unwrap_or(usize::MAX);
    match files.last_mut() {
        Some(file) if is_torn(file, good) => *file = file.get(..good).unwrap_or(file),
        _ => return Err(error),
    }
    let mut recovered = match verifier(&files).recover() {
        Err(RecoverError::Empty) if whole <= FIRST_WRITE_BYTES_MAX => {
            return Err(RecoverError::Empty);
        }
        // Damage in an earlier file is found again.
        recovered => recovered.map_err(|_| error)?,
    };
    recovered.torn_bytes = whole.saturating_sub(good) as u64;
    Ok(recovered)
}

/// Whether what follows the good bytes of a file is what a power cut leaves of a write: a disk
/// writes sectors in any order, and a file may have grown before they came. Those that did not come
/// are zeros from where the write began, so a part of a sector is where that or the file's end is
/// in it. Of a few bytes that may be chance, in a record that is damaged in another way: once in
/// some hundred thousand such logs.
///
/// Nobody gains by making a record look torn: who can write zeros can cut the file.
fn is_torn(file: &[u8], good: usize) -> bool {
    let Some(rest) = file.get(good..) else { return false };
    let first = SECTOR_BYTES - good % SECTOR_BYTES;
    let (first, others) = rest.split_at(first.min(rest.len()));
    let mut pieces = core::iter::once(first).chain(others.chunks(SECTOR_BYTES));
    pieces.any(|piece| !piece.is_empty() && piece.iter().all(|byte| *byte == 0))
}

/// So much of a log without its header is what came of its first write: nothing followed from it.
/// More of it is a log that lost its header, which nobody writes over.
const FIRST_WRITE_BYTES_MAX: usize = 16 << 10;

/// What disks write whole or not at all.
const SECTOR_BYTES: usize = 512;

impl Verifier {
    /// Finds the end of a log that was pushed from its start, piece by piece; [`recover`] does it
    /// for one that is in memory.
    ///
    /// # Errors
    /// The log is damaged, or there is none.
    pub fn recover(self) -> Result<Recovered, RecoverError> {
        let End { place, verdict, anchored_count, log_key, bytes_count } = self.end_of_log();
        let torn_bytes = match verdict {
            Verdict::Bad { sequence, damage } => {
                return Err(RecoverError::Bad { sequence, damage });
            }
            Verdict::OpenTail { torn_bytes, .. } => torn_bytes,
            Verdict::Ok => 0,
        };
        // Before the first file's header there is nothing to go on with; before that of a later
        // one, all files before it are.
        let place = place.ok_or(RecoverError::Empty)?;
        let lacks_header = bytes_count == 0;
        Ok(Recovered { place, anchored_count, log_key, lacks_header, bytes_count, torn_bytes })
    }
}

/// Why a log is not gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecoverError {
    /// There is not even a whole header.
    Empty,
    /// It is damaged.
    Bad {
        /// The first record that is not as it should be.
        sequence: u64,
        /// How.
        damage: Damage,
    },
}

impl fmt::Display for RecoverError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("there is no log: its first file has no header"),
            Self::Bad { sequence, damage } => write!(
                formatter,
                "the log is damaged at record {sequence}: {damage}; it is not written on. Keep \
                 it, and start a new one or put back a copy"
            ),
        }
    }
}

impl core::error::Error for RecoverError {}
