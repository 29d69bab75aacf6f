//! The journal and its cryptography.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, KeyRing, MasterKey, Opening, Trust, Verifier, Writer,
    export,
};
use sentinel_core::time::Timestamp;

/// A log that is written, checked and read.
pub(crate) fn exercise(input: &[u8], output: &mut String) {
    let mut log = Vec::new();
    let seed = EpochSeed::first([1; 32]);
    let opening = Opening { seed, nonce: [2; 16], now: Timestamp(0) };
    let (master, mut ring) = (MasterKey::new([3; 32]), KeyRing::new());
    let key = ring.create(1, &master, [4; 56]).ok();
    if let Ok(mut writer) = Writer::create(JournalId([5; 8]), "metal", opening, &mut log) {
        let (time, actor) = (Timestamp(1), Actor::System);
        let entry = Entry { time, actor, kind: 1, conversation: 1, payload: input };
        let _ = writer.append(entry, key.as_ref(), &mut log);
        let _ = writer.checkpoint(time, &mut log);
    }
    let mut verifier = Verifier::new(Trust::default());
    verifier.push(&log);
    output.push_str(&verifier.finish().verdict.to_string());
    let keys = export::Keys { ring: &ring, master: &master };
    export::Exporter::new(Some(keys), |_| None).file(&log, output);
}
