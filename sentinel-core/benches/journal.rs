//! The journal: records written and checked in memory, beside the bare hash of the same bytes.

use std::hint::black_box;

use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, KeyRing, MasterKey, Opening, PayloadKey, Trust, Verdict,
    Verifier, Writer,
};
use sentinel_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::race::{Contender, median, race, title};

const RECORDS: usize = 10_000;

/// Small records a second, sealed or not.
pub(crate) fn appending(filter: &str) -> bool {
    if !title(filter, "Journal, records of 64 bytes written") {
        return true;
    }
    let key = payload_key();
    let mut out = Vec::new();
    let mut sealed = Vec::new();
    let mut contenders: Vec<Contender<'_>> = vec![
        ("clear, checkpoints included", Box::new(|| write(&mut out, 64, None))),
        ("sealed, checkpoints included", Box::new(|| write(&mut sealed, 64, Some(&key)))),
    ];
    let seconds = race(&mut contenders);
    let mut is_reached = true;
    for ((name, _), seconds) in contenders.iter().zip(seconds) {
        is_reached &= judge(name, RECORDS as f64 / median(seconds) / 1e6, 0.5, "M records/s");
    }
    is_reached
}

/// Records of 512 bytes checked a second, and how that compares with only hashing them.
pub(crate) fn verifying(filter: &str) -> bool {
    if !title(filter, "Journal, records of 512 bytes checked") {
        return true;
    }
    let mut log = Vec::new();
    write(&mut log, 512 - 37, None);
    let log = log.as_slice();
    let bodies = vec![[7; 545]; RECORDS];
    let mut contenders: Vec<Contender<'_>> = vec![
        ("the verifier", Box::new(|| verify(log))),
        (
            "sha2, all bytes in one piece",
            Box::new(|| usize::from(black_box(Sha256::digest(log))[0])),
        ),
        ("sha2, leaves and nodes alone", Box::new(|| hashes_alone(&bodies))),
    ];
    let seconds = race(&mut contenders);
    let ratio = seconds[0].iter().zip(&seconds[1]).map(|(ours, hash)| hash / ours).collect();
    let bound = seconds[2].iter().zip(&seconds[1]).map(|(alone, hash)| hash / alone).collect();
    let speed = RECORDS as f64 / median(seconds[0].clone()) / 1e6;
    let hash = log.len() as f64 / median(seconds[1].clone()) / 1e6;
    println!("    {:<30} {hash:>6.0} MB/s", contenders[1].0);
    println!("    {:<30} {:>6.2} times: no verifier is faster", contenders[2].0, median(bound));
    judge(contenders[0].0, speed, 1.5, "M records/s")
        & judge("of the speed of sha2", median(ratio), 0.7, "times")
}

/// The hashes that any verifier of this format makes, and nothing else: one over the `0x00`, the
/// hash before and the body of each record, one over two hashes for each record but one. The first
/// takes nine blocks of SHA-256 and the second two; all bytes in one piece are eight and a half
/// blocks a record, and are hashed without a beginning and an end of their own.
fn hashes_alone(records: &[[u8; 545]]) -> usize {
    let (mut first, mut pair) = (0, [1; 65]);
    for record in records {
        let leaf = Sha256::digest(record);
        pair[1..33].copy_from_slice(&leaf);
        first ^= usize::from(Sha256::digest(pair)[0]);
    }
    first
}

fn judge(name: &str, reached: f64, goal: f64, unit: &str) -> bool {
    let word = if reached >= goal { "met" } else { "MISSED" };
    println!("    {name:<30} {reached:>6.2} {unit}   goal {goal}: {word}");
    reached >= goal
}

/// Writes a log with a checkpoint whenever one is due.
fn write(out: &mut Vec<u8>, payload_bytes: usize, seal: Option<&PayloadKey>) -> usize {
    out.clear();
    let now = Timestamp(1_000_000);
    let opening = Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now };
    let mut writer =
        Writer::create(JournalId(*b"benchmrk"), "example.com/bench", opening, out).unwrap();
    let payload = vec![b'x'; payload_bytes];
    for _ in 0..RECORDS {
        let entry =
            Entry { time: now, actor: Actor::Model, kind: 3, conversation: 1, payload: &payload };
        writer.append(entry, seal, out).unwrap();
        if writer.is_checkpoint_due(now) {
            writer.checkpoint(now, out).unwrap();
        }
    }
    writer.checkpoint(now, out).unwrap();
    out.len()
}

fn verify(log: &[u8]) -> usize {
    let first_key = Some(EpochSeed::first([1; 32]).public_key());
    let mut verifier = Verifier::new(Trust { first_key, ..Trust::default() });
    for piece in log.chunks(64 * 1024) {
        verifier.push(piece);
    }
    let report = verifier.finish();
    assert_eq!(report.verdict, Verdict::Ok);
    usize::try_from(report.records_count).unwrap()
}

fn payload_key() -> PayloadKey {
    KeyRing::new().create(1, &MasterKey::new([3; 32]), [4; 56]).unwrap()
}
