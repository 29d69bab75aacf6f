//! Proofs and keys as others write them: nothing panics, and what reads is written back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_core::journal::{Hash, NoteVerifier, Proof, Subject};

fuzz_target!(|text: &str| {
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(proof.to_string(), text);
        let known = proof.check(Some(Hash([0; 32])));
        // What needs no root of then is the same without one.
        if !matches!(proof.subject(), Subject::Growth { from: 1.. }) {
            assert_eq!(proof.check(None), known);
        }
        let _ = proof.record();
    }
    if let Ok(key) = NoteVerifier::parse(text) {
        assert_eq!(NoteVerifier::parse(&key.to_string()), Ok(key));
    }
});
