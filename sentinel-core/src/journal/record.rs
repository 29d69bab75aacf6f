//! One record: what it says, and the one way in which that is written.
//!
//! On disk a record is a frame: the length of its body, the same number with every bit inverted,
//! the body, and the record's hash. The length stands there twice because a torn write and a
//! flipped bit need different answers: a write that was cut leaves two numbers that agree.
//!
//! # Invariants
//! - A body has exactly one reading and a record exactly one body: every field has its place and
//!   length, the payload comes last, and unknown versions and flags are refused.
//!
//! # Not here
//! What the kinds mean: the log carries them and does not care. Their names are the agent's, but
//! for those of the log itself ([`kind`]).

use alloc::vec::Vec;
use core::fmt;

use super::Hash;
use super::hash::Digest;
use crate::limits::JOURNAL_PAYLOAD_BYTES_MAX;
use crate::time::Timestamp;

/// The kinds of record that the log writes for itself. All others are below these.
pub mod kind {
    /// The log was opened for writing; the payload is the nonce that its seals start with.
    pub const OPENED: u16 = 0xff00;
    /// A checkpoint; the payload is the signed note.
    pub const CHECKPOINT: u16 = 0xff01;
    /// A conversation's key was destroyed.
    pub const FORGOTTEN: u16 = 0xff02;
    /// The key that signs checkpoints for witnesses from here on; the payload is the public key.
    pub const LOG_KEY: u16 = 0xff03;
    /// The first of the log's own kinds.
    pub(crate) const FIRST_OWN: u16 = OPENED;
}

/// Which log a record belongs to, so that a record of another one is recognised as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalId(pub [u8; 8]);

/// On whose account something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Actor {
    /// The program itself.
    System,
    /// Whoever runs the program.
    Operator,
    /// Somebody in a chat.
    Person,
    /// A language model.
    Model,
    /// A tool or a skill.
    Tool,
}

impl Actor {
    const ALL: [Self; 5] = [Self::System, Self::Operator, Self::Person, Self::Model, Self::Tool];

    /// Its name in exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Operator => "operator",
            Self::Person => "person",
            Self::Model => "model",
            Self::Tool => "tool",
        }
    }
}

/// A record, borrowed from the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The log.
    pub journal: JournalId,
    /// Its place, counted from 0.
    pub sequence: u64,
    /// When it was written, as the wall clock said.
    pub time: Timestamp,
    /// On whose account.
    pub actor: Actor,
    /// What it is about.
    pub kind: u16,
    /// The conversation it belongs to; 0 is the system.
    pub conversation: u64,
    /// Whether the payload is sealed.
    pub is_sealed: bool,
    /// What it says.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Writes the body to the end of `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head());
        out.extend_from_slice(self.payload);
    }

    /// Everything before the payload. The seal of the payload covers it too.
    pub(super) fn head(&self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        let (kind, fields) = (self.kind.to_le_bytes(), [VERSION, u8::from(self.is_sealed)]);
        head[..2].copy_from_slice(&fields);
        head[2..4].copy_from_slice(&kind);
        head[4] = self.actor as u8;
        head[5..13].copy_from_slice(&self.journal.0);
        head[13..21].copy_from_slice(&self.sequence.to_le_bytes());
        head[21..29].copy_from_slice(&self.time.0.to_le_bytes());
        head[29..37].copy_from_slice(&self.conversation.to_le_bytes());
        head
    }

    /// Reads a body.
    ///
    /// # Errors
    /// What about it is not a record of this version.
    pub fn read(body: &'a [u8]) -> Result<Self, RecordError> {
        let (head, payload) = body.split_first_chunk::<HEAD_BYTES>().ok_or(RecordError::Short)?;
        let [version, flags, kind @ .., actor] =
            *head.first_chunk::<5>().ok_or(RecordError::Short)?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        if flags > 1 {
            return Err(RecordError::Flags(flags));
        }
        let actor = Actor::ALL.into_iter().find(|known| *known as u8 == actor);
        Ok(Self {
            journal: JournalId(eight(head, 5)),
            sequence: u64::from_le_bytes(eight(head, 13)),
            time: Timestamp(u64::from_le_bytes(eight(head, 21))),
            actor: actor.ok_or(RecordError::Actor(head[4]))?,
            kind: u16::from_le_bytes(kind),
            conversation: u64::from_le_bytes(eight(head, 29)),
            is_sealed: flags == 1,
            payload,
        })
    }
}

fn eight(head: &[u8; HEAD_BYTES], start: usize) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&head[start..start + 8]);
    bytes
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// Fewer bytes than the fields before the payload take.
    Short,
    /// A version that this program does not know.
    Version(u8),
    /// Flags that this version does not know.
    Flags(u8),
    /// An actor that this version does not know.
    Actor(u8),
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(formatter, "a record has at least {HEAD_BYTES} bytes"),
            Self::Version(version) => {
                write!(formatter, "record version {version}; this program reads {VERSION}")
            }
            Self::Flags(flags) => write!(formatter, "unknown record flags {flags:#04x}"),
            Self::Actor(actor) => write!(formatter, "unknown actor {actor}"),
        }
    }
}

impl core::error::Error for RecordError {}

/// A frame that stands at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) body: &'a [u8],
    pub(super) hash: Hash,
    /// All its bytes on disk.
    pub(super) bytes_count: usize,
}

/// What stands at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing<'a> {
    Whole(Frame<'a>),
    /// As far as it goes it could be a frame.
    Partial,
    /// No frame starts like this.
    Broken,
}

impl<'a> Frame<'a> {
    pub(super) fn at_start(bytes: &'a [u8]) -> Framing<'a> {
        let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
            return Framing::Partial;
        };
        let [a, b, c, d, inverse @ ..] = *prefix;
        let length = u32::from_le_bytes([a, b, c, d]);
        let length_bytes = length as usize;
        let is_possible = (HEAD_BYTES..=BODY_BYTES_MAX).contains(&length_bytes);
        if u32::from_le_bytes(inverse) != !length || !is_possible {
            return Framing::Broken;
        }
        let Some((body, rest)) = rest.split_at_checked(length_bytes) else {
            return Framing::Partial;
        };
        match rest.first_chunk::<32>() {
            Some(&hash) => Framing::Whole(Self {
                body,
                hash: Hash(hash),
                bytes_count: PREFIX_BYTES + length_bytes + 32,
            }),
            None => Framing::Partial,
        }
    }
}

impl Frame<'_> {
    /// How many bytes a partial frame lacks, as far as it can be told: at least one.
    pub(super) fn missing(bytes: &[u8]) -> usize {
        let length = bytes.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
        let whole = match length {
            Some(length) if bytes.len() >= PREFIX_BYTES => {
                PREFIX_BYTES.saturating_add(length).saturating_add(32)
            }
            _ => PREFIX_BYTES,
        };
        whole.saturating_sub(bytes.len()).max(1)
    }
}

/// Starts a frame at the end of `out`; [`finish_frame`] ends it.
pub(super) fn start_frame(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    start
}

/// Ends the frame that starts at `start`, and gives its hash.
pub(super) fn finish_frame(
    digest: Digest,
    out: &mut Vec<u8>,
    start: usize,
    previous: Hash,
) -> Hash {
    let body_start = start + PREFIX_BYTES;
    let hash = Hash::record_by(digest, previous, &out[body_start..]);
    let length = u32::try_from(out.len() - body_start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..body_start].copy_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(&hash.0);
    hash
}

const VERSION: u8 = 1;

/// Version, flags, kind, actor, log, sequence, time, conversation.
pub(super) const HEAD_BYTES: usize = 1 + 1 + 2 + 1 + 8 + 8 + 8 + 8;

/// The length, twice.
const PREFIX_BYTES: usize = 8;

/// A sealed payload is longer than what it seals by its tag.
const BODY_BYTES_MAX: usize = HEAD_BYTES + JOURNAL_PAYLOAD_BYTES_MAX + 16;

const _: () = assert!(BODY_BYTES_MAX < u32::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &[u8]) -> Record<'_> {
        Record {
            journal: JournalId(*b"sentinel"),
            sequence: 7,
            time: Timestamp(1_000),
            actor: Actor::Model,
            kind: 3,
            conversation: 9,
            is_sealed: true,
            payload,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for payload in [&b""[..], b"x", &[0; 300]] {
            let mut body = Vec::new();
            record(payload).write(&mut body);
            assert_eq!(body.len(), HEAD_BYTES + payload.len());
            assert_eq!(Record::read(&body), Ok(record(payload)));
        }
    }

    /// Whatever reads as a record is written back as the same bytes: there is one encoding.
    #[test]
    fn what_reads_is_written_back() {
        arbtest::arbtest(|u| {
            let mut body = u.arbitrary::<Vec<u8>>()?;
            if u.ratio(3, 4)? {
                let mut head = record(b"").head().to_vec();
                for _ in 0..u.int_in_range(0..=3)? {
                    let index = u.choose_index(head.len())?;
                    head[index] = u.arbitrary()?;
                }
                head.append(&mut body);
                body = head;
            }
            if let Ok(record) = Record::read(&body) {
                let mut again = Vec::new();
                record.write(&mut again);
                assert_eq!(again, body);
            }
            Ok(())
        });
    }

    #[test]
    fn what_is_no_record_says_why() {
        let mut body = Vec::new();
        record(b"").write(&mut body);
        assert_eq!(Record::read(&body[..36]), Err(RecordError::Short));
        for (index, value, error) in [
            (0, 2, RecordError::Version(2)),
            (1, 2, RecordError::Flags(2)),
            (4, 5, RecordError::Actor(5)),
        ] {
            let mut wrong = body.clone();
            wrong[index] = value;
            assert_eq!(Record::read(&wrong), Err(error), "{error}");
        }
    }

    #[test]
    fn a_cut_frame_is_partial_and_a_flipped_length_is_broken() {
        let mut bytes = Vec::new();
        let start = start_frame(&mut bytes);
        record(b"payload").write(&mut bytes);
        finish_frame(super::super::hash::digest, &mut bytes, start, Hash([0; 32]));
        for end in 0..bytes.len() {
            assert_eq!(Frame::at_start(&bytes[..end]), Framing::Partial);
        }
        assert!(matches!(Frame::at_start(&bytes), Framing::Whole(_)));
        for bit in 0..64 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::at_start(&wrong), Framing::Broken);
        }
    }
}
