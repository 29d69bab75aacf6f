//! A log as JSON lines, for people and their tools.
//!
//! # Invariants
//! - Every record gives one line; what cannot be opened says so and is given as it is sealed.
//! - The lines follow from the bytes and the keys alone.
//!
//! # Not here
//! Checking: [`Verifier`](super::Verifier). An export of a damaged log stops where it cannot read.

use alloc::string::String;

use base64ct::{Base64, Encoding as _};

use super::record::{Frame, Framing, Record, kind};
use super::seal::{KeyRing, KeyRingError, MasterKey, NonceStart};
use super::segment::Place;
use crate::text::json;

/// What opens sealed payloads.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'k> {
    /// The wrapped keys.
    pub ring: &'k KeyRing,
    /// What unwraps them.
    pub master: &'k MasterKey,
}

/// Turns the files of a log into lines.
#[derive(Debug)]
pub struct Exporter<'k> {
    keys: Option<Keys<'k>>,
    /// The name of a kind, for the agent's kinds.
    name: fn(u16) -> Option<&'static str>,
    nonce: NonceStart,
}

impl<'k> Exporter<'k> {
    /// An exporter with these keys. `name` names the kinds that are not the log's own.
    #[must_use]
    pub const fn new(keys: Option<Keys<'k>>, name: fn(u16) -> Option<&'static str>) -> Self {
        Self { keys, name, nonce: [0; 16] }
    }

    /// Writes a line for each record of `file` to the end of `out`, and gives back the bytes at the
    /// end that are no record. Files have to come in order.
    pub fn file<'f>(&mut self, file: &'f [u8], out: &mut String) -> &'f [u8] {
        let Some(mut rest) = self.start(file) else { return file };
        while self.next(&mut rest, out) {}
        rest
    }

    /// The records of a file, after its header; `None` if it has none.
    #[must_use]
    pub fn start<'f>(&self, file: &'f [u8]) -> Option<&'f [u8]> {
        let (_, bytes_count) = Place::read_header(file).ok()??;
        file.get(bytes_count..)
    }

    /// Writes the line of the next record to the end of `out`, and moves `records` past it; false
    /// if none stands there.
    pub fn next(&mut self, records: &mut &[u8], out: &mut String) -> bool {
        let Framing::Whole(frame) = Frame::at_start(records) else { return false };
        let Ok(record) = Record::read(frame.body) else { return false };
        if record.kind == kind::OPENED
            && let Ok(nonce) = record.payload.try_into()
        {
            self.nonce = nonce;
        }
        self.line(&record, &frame, out);
        *records = records.get(frame.bytes_count..).unwrap_or_default();
        true
    }

    fn line(&self, record: &Record<'_>, frame: &Frame<'_>, out: &mut String) {
        json::write_object(out, |line| {
            line.field("sequence", record.sequence);
            line.field("time", alloc::format!("{}", record.time).as_str());
            line.field("actor", record.actor.name()).field("kind", record.kind);
            line.optional("name", own_name(record.kind).or_else(|| (self.name)(record.kind)));
            line.field("conversation", record.conversation);
            line.field("hash", alloc::format!("{}", frame.hash).as_str());
            if record.is_sealed {
                match self.open(record) {
                    Ok(payload) => write_payload(line, &payload),
                    Err(why) => {
                        line.field("sealed", Base64::encode_string(record.payload).as_str());
                        line.field("unopened", why);
                    }
                }
            } else {
                write_payload(line, record.payload);
            }
        });
        out.push('\n');
    }

    fn open(&self, record: &Record<'_>) -> Result<alloc::vec::Vec<u8>, &'static str> {
        let keys = self.keys.ok_or("no keys were given")?;
        let key =
            keys.ring.open(record.conversation, keys.master).map_err(|error| match error {
                KeyRingError::Absent => "forgotten",
                _ => "the master key is another",
            })?;
        key.open(&self.nonce, record.sequence, &record.head(), record.payload)
            .ok_or("it is not what was sealed here")
    }
}

/// JSON stands in the line as it is, other text as a string, other bytes as base64.
fn write_payload(line: &mut json::ObjectWriter<'_, String>, payload: &[u8]) {
    if payload.is_empty() {
        return;
    }
    if let Ok(document) = json::parse(payload) {
        line.field("payload", document.root());
    } else if let Ok(text) = core::str::from_utf8(payload) {
        line.field("text", text);
    } else {
        line.field("bytes", Base64::encode_string(payload).as_str());
    }
}

/// The name of a kind of the log's own.
#[must_use]
pub const fn own_name(number: u16) -> Option<&'static str> {
    match number {
        kind::OPENED => Some("journal.opened"),
        kind::CHECKPOINT => Some("journal.checkpoint"),
        kind::FORGOTTEN => Some("journal.forgotten"),
        kind::LOG_KEY => Some("journal.key"),
        _ => None,
    }
}
