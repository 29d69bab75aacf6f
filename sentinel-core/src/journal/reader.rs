//! Reading a log back, record by record, with sealed payloads opened.
//!
//! # Invariants
//! - Records come in the order in which they stand. At the first that is not whole it ends.
//!
//! # Not here
//! Checking: [`Verifier`](super::Verifier) and [`recover`](super::recover()). Read what they
//! approved.

use alloc::borrow::Cow;

use super::export::Keys;
use super::record::{Frame, Framing, Record, kind};
use super::seal::{KeyRingError, NonceStart, PayloadKey};
use super::segment::Place;
use crate::order::Map;

/// Reads the files of a log, in order.
#[derive(Debug)]
pub struct Reader<'k> {
    keys: Keys<'k>,
    opened: Map<u64, PayloadKey>,
    nonce: NonceStart,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'f> {
    /// This.
    Open(Cow<'f, [u8]>),
    /// Nobody knows any more: its conversation was forgotten.
    Forgotten,
    /// It cannot be opened with these keys.
    Sealed,
}

impl<'k> Reader<'k> {
    /// A reader with these keys.
    #[must_use]
    pub const fn new(keys: Keys<'k>) -> Self {
        Self { keys, opened: Map::new(), nonce: [0; 16] }
    }

    /// The records of a file, after its header; `None` if it has none.
    #[must_use]
    pub fn start<'f>(&self, file: &'f [u8]) -> Option<&'f [u8]> {
        let (_, bytes_count) = Place::read_header(file).ok()??;
        file.get(bytes_count..)
    }

    /// The next record; `records` is moved past it.
    pub fn next<'f>(&mut self, records: &mut &'f [u8]) -> Option<(Record<'f>, Payload<'f>)> {
        let record = self.skim(records)?;
        let payload = match record.is_sealed {
            false => Payload::Open(Cow::Borrowed(record.payload)),
            true => self.open(&record),
        };
        Some((record, payload))
    }

    /// The next record, unopened.
    pub fn skim<'f>(&mut self, records: &mut &'f [u8]) -> Option<Record<'f>> {
        let Framing::Whole(frame) = Frame::at_start(records) else { return None };
        let record = Record::read(frame.body).ok()?;
        *records = records.get(frame.bytes_count..)?;
        if record.kind == kind::OPENED
            && let Ok(nonce) = record.payload.try_into()
        {
            self.nonce = nonce;
        }
        Some(record)
    }

    fn open<'f>(&mut self, record: &Record<'f>) -> Payload<'f> {
        let number = record.conversation;
        if let crate::order::Entry::Vacant(place) = self.opened.entry(number) {
            match self.keys.ring.open(number, self.keys.master) {
                Ok(key) => place.insert(key),
                Err(KeyRingError::Absent) => return Payload::Forgotten,
                Err(_) => return Payload::Sealed,
            };
        }
        let opened = self
            .opened
            .get(&number)
            .and_then(|key| key.open(&self.nonce, record.sequence, &record.head(), record.payload));
        opened.map_or(Payload::Sealed, |payload| Payload::Open(Cow::Owned(payload)))
    }
}
