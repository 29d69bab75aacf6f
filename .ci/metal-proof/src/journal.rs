//! The journal and its cryptography.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, KeyRing, LogKey, MasterKey, NoteVerifier, Opening, Proof,
    Prover, Trust, Verifier, Writer, export,
};
use sentinel_core::time::Timestamp;

/// A log that is written, checked and read.
pub(crate) fn exercise(input: &[u8], output: &mut String) {
    let mut log = Vec::new();
    let seed = EpochSeed::first([1; 32]);
    let opening = Opening { seed, nonce: [2; 16], now: Timestamp(0) };
    let (master, mut ring) = (MasterKey::new([3; 32]), KeyRing::new());
    let key = ring.create(1, &master, [4; 56]).ok();
    let mut note = None;
    if let Ok(mut writer) = Writer::create(JournalId([5; 8]), "metal", opening, &mut log) {
        let (time, actor) = (Timestamp(1), Actor::System);
        let entry = Entry { time, actor, kind: 1, conversation: 1, payload: input };
        let _ = writer.append(entry, key.as_ref(), &mut log);
        writer.sign_with(LogKey::from_bytes(&[6; 32]));
        note = writer.checkpoint(time, &mut log).ok();
    }
    let mut verifier = Verifier::new(Trust::default());
    verifier.push(&log);
    output.push_str(&verifier.finish().verdict.to_string());
    let claims = [Prover::record, Prover::growth];
    for mut prover in claims.into_iter().filter_map(|claim| claim(1, note.clone()?).ok()) {
        let _ = prover.file(&log);
        let proof = prover.finish().map(|proof| proof.to_string());
        let proof = proof.ok().and_then(|text| Proof::parse(&text).ok());
        let is_proved = proof.is_some_and(|proof| proof.check(None).is_ok());
        output.push_str(if is_proved { "proved" } else { "not proved" });
    }
    if let Ok(text) = core::str::from_utf8(input) {
        output.push_str(NoteVerifier::parse(text).map_or("nobody", |_| "somebody"));
    }
    let keys = export::Keys { ring: &ring, master: &master };
    export::Exporter::new(Some(keys), |_| None).file(&log, output);
}
