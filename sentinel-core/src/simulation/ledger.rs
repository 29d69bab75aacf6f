//! What the disk holds, read by somebody who knows the format and nothing else of the runtime.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::agent::Kind;
use crate::journal::export::Keys;
use crate::journal::{KeyRing, MasterKey, Payload, Reader};
use crate::text::json;

/// One record of the agent's.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) sequence: u64,
    pub(super) time: u64,
    pub(super) conversation: u64,
    pub(super) kind: Kind,
    pub(super) payload: String,
}

impl Line {
    /// A number in it.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let document = json::parse(self.payload.as_bytes()).unwrap();
        document.root().find(key).and_then(|value| value.as_u64().ok())
    }

    /// A text in it.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let document = json::parse(self.payload.as_bytes()).unwrap();
        let found = document.root().find(key);
        found.and_then(|value| value.as_str().ok().map(ToString::to_string))
    }

    /// Whether something in it is true.
    pub(super) fn is_set(&self, key: &str) -> bool {
        let document = json::parse(self.payload.as_bytes()).unwrap();
        document.root().find(key).is_some_and(|value| value.as_bool() == Ok(true))
    }

    /// A list of texts; empty if it is not there.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let document = json::parse(self.payload.as_bytes()).unwrap();
        let found = document.root().find(key).map(|value| value.elements().unwrap());
        found.into_iter().flatten().map(|value| value.as_str().unwrap().to_string()).collect()
    }
}

/// All that is safe on the disk, and how many records the stored keys do not open any more: those
/// of conversations that were forgotten, which former keys open here.
pub(super) fn read(files: &[&[u8]], rings: &[&[u8]], master: [u8; 32]) -> (Vec<Line>, u64) {
    let mut known: BTreeMap<u64, Line> = BTreeMap::new();
    let mut forgotten: BTreeSet<u64> = BTreeSet::new();
    let mut forgotten_count = 0;
    for (age, ring) in rings.iter().enumerate() {
        if age > 0 && forgotten.is_empty() {
            break;
        }
        let ring = match *ring {
            [] => KeyRing::new(),
            bytes => KeyRing::from_bytes(bytes).expect("the stored ring reads back"),
        };
        let master = MasterKey::new(master);
        let mut reader = Reader::new(Keys { ring: &ring, master: &master });
        for file in files {
            let Some(mut records) = reader.start(file) else { continue };
            while let Some((record, payload)) = reader.next(&mut records) {
                let Some(kind) = Kind::from_number(record.kind) else { continue };
                assert!(record.is_sealed, "what people said is sealed");
                let payload = match payload {
                    Payload::Open(payload) => String::from_utf8(payload.into_owned()).unwrap(),
                    Payload::Forgotten => {
                        forgotten_count += u64::from(age == 0);
                        forgotten.insert(record.sequence);
                        continue;
                    }
                    // One that was drawn before a crash, for a record that never was.
                    Payload::Sealed if age > 0 => continue,
                    Payload::Sealed => panic!("a record does not open with the stored keys"),
                };
                forgotten.remove(&record.sequence);
                known.entry(record.sequence).or_insert(Line {
                    sequence: record.sequence,
                    time: record.time.0,
                    conversation: record.conversation,
                    kind,
                    payload,
                });
            }
        }
        // What a later ring has a key for is no news of an earlier one.
        forgotten.retain(|sequence| !known.contains_key(sequence));
    }
    assert!(forgotten.is_empty(), "records {forgotten:?} open with no key that there ever was");
    (known.into_values().collect(), forgotten_count)
}
