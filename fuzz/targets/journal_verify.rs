//! Logs: a good one with changes drawn from the input, or only the input. Any pieces give the same
//! verdict, what was changed is never called good, and recovery agrees with the verifier.
#![no_main]

mod shared;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, Opening, Trust, Verdict, Verifier, Writer, export, recover,
};
use sentinel_core::time::Timestamp;

use shared::pieces;

fuzz_target!(|input: (&[u8], Vec<(u16, u8)>, u16, &[u8])| {
    let (cuts, changes, keep, tail) = input;
    let good = good();
    let mut log = good[..good.len().min(usize::from(keep))].to_vec();
    for (at, mask) in changes {
        if let Some(byte) = log.get_mut(usize::from(at)) {
            *byte ^= mask;
        }
    }
    log.extend_from_slice(tail);
    let whole = verify([log.as_slice()].into_iter());
    assert_eq!(whole, verify(pieces(&log, cuts)));
    if whole == Verdict::Ok {
        let is_good = good.starts_with(&log);
        assert!(is_good, "a changed log was called good");
    }
    match (whole, recover([log.as_slice()], trust())) {
        (Verdict::Bad { .. }, recovered) => assert!(recovered.is_err()),
        (_, Ok(recovered)) => {
            assert_eq!(recovered.bytes_count() + recovered.torn_bytes(), log.len() as u64);
        }
        (_, Err(_)) => assert!(log.len() < 512, "there is not even a header"),
    }
    let mut lines = String::new();
    export::Exporter::new(None, |_| None).file(&log, &mut lines);
});

fn verify<'l>(pieces: impl Iterator<Item = &'l [u8]>) -> Verdict {
    let mut verifier = Verifier::new(trust());
    pieces.for_each(|piece| verifier.push(piece));
    verifier.finish().verdict
}

fn trust() -> Trust {
    let first_key = Some(EpochSeed::first([1; 32]).public_key());
    Trust { first_key, checkpoints: Vec::new() }
}

/// Records and checkpoints; the same in every run.
fn good() -> &'static [u8] {
    static LOG: OnceLock<Vec<u8>> = OnceLock::new();
    LOG.get_or_init(|| {
        let mut log = Vec::new();
        let opening =
            Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now: Timestamp(0) };
        let mut writer = Writer::create(JournalId(*b"journal1"), "log", opening, &mut log).unwrap();
        for index in 0..9_u8 {
            let (time, payload) = (Timestamp(u64::from(index)), [index; 3]);
            let entry =
                Entry { time, actor: Actor::Tool, kind: 2, conversation: 1, payload: &payload };
            writer.append(entry, None, &mut log).unwrap();
            if index % 4 == 3 {
                writer.checkpoint(time, &mut log).unwrap();
            }
        }
        log
    })
}
