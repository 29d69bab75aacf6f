//! Records: what reads as one is written back as the same bytes; notes and key rings likewise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::journal::{Checkpoint, KeyRing, Note, Record};

fuzz_target!(|input: &[u8]| {
    if let Ok(record) = Record::read(input) {
        let mut body = Vec::new();
        record.write(&mut body);
        assert_eq!(body, input);
    }
    if let Ok(ring) = KeyRing::from_bytes(input) {
        assert_eq!(ring.to_bytes(), input);
    }
    let Ok(text) = core::str::from_utf8(input) else { return };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
});
