//! Random damage to a long log: found, and at its record.
//!
//! The log is checked once from its start, and the verifier's state is kept now and then. A sample
//! goes on from the state before its damage, as a verifier does that was given the good bytes
//! first; so a sample costs a few records and not the whole log.
//!
//! `SENTINEL_JOURNAL_BYTES` and `SENTINEL_JOURNAL_SAMPLES` ask for a longer run than the test
//! command's; docs/AUDIT.md has the command.

use core::ops::Range;

use sentinel_core::journal::{
    Actor, Damage, Entry, EpochSeed, JournalId, Opening, Trust, Verdict, Verifier, Writer,
};
use sentinel_core::time::Timestamp;

#[test]
fn sampled_damage_is_found_at_its_record() {
    let log_bytes = asked("SENTINEL_JOURNAL_BYTES", 2 << 20);
    let samples = asked("SENTINEL_JOURNAL_SAMPLES", 2_000);
    let log = Log::new(JournalId(*b"journal1"), log_bytes);
    let other = Log::new(JournalId(*b"journal2"), 64 << 10);
    let states = log.states();
    let mut random = Random(0x5eed_0fda_3a9e);
    let mut counts = [0_u32; CHANGES.len()];
    // The last two are left out: what is dropped or swapped there is an end that is missing.
    let records_count = log.records.len() - 2;
    for sample in 0..samples {
        let at = random.below(records_count);
        let change = random.below(CHANGES.len());
        counts[change] += 1;
        let foreign = other.record(random.below(other.records.len()));
        let this = log.record(at);
        let mut flipped = this.to_vec();
        let bit = random.below(this.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let next = log.record(at + 1);
        let from = random.below(at + 1);
        // What stands in place of the record and the one after it, and what that is.
        let (pieces, first_bad, damage): (Vec<&[u8]>, usize, Damage) = match CHANGES[change] {
            "flip" => (vec![&flipped, next], at, Damage::Flipped),
            "drop" => (vec![next], at, Damage::Missing { count: 1 }),
            "swap" => (vec![next, this], at, Damage::Reordered),
            "repeat" => (vec![this, log.record(from), next], at + 1, Damage::Repeated),
            "insert" => (vec![foreign, this, next], at, Damage::Spliced),
            _ => (vec![foreign, next], at, Damage::Spliced),
        };
        let (start, state) = &states[at / STATE_RECORDS];
        let mut verifier = state.clone();
        verifier.push(&log.bytes[*start..log.records[at].start]);
        pieces.iter().for_each(|piece| verifier.push(piece));
        verifier.push(&log.bytes[log.records[at + 1].end..]);
        let expected = Verdict::Bad { sequence: first_bad as u64, damage };
        let verdict = verifier.finish().verdict;
        let change = CHANGES[change];
        assert_eq!(verdict, expected, "sample {sample}: {change} at {at}, bit {bit}");
    }
    let records = log.records.len();
    println!("{samples} samples on {} bytes, {records} records: {counts:?}", log.bytes.len());
    assert!(counts.iter().all(|count| *count > 0), "every change is made: {counts:?}");
}

const CHANGES: [&str; 6] = ["flip", "drop", "swap", "repeat", "insert", "replace"];

/// A verifier's state is kept after so many records.
const STATE_RECORDS: usize = 64;

struct Log {
    bytes: Vec<u8>,
    records: Vec<Range<usize>>,
    trust: Trust,
}

impl Log {
    /// Records of up to a kilobyte with a checkpoint whenever one is due, and one at the end.
    fn new(journal: JournalId, bytes_min: usize) -> Self {
        let seed = EpochSeed::first([1; 32]);
        let trust = Trust { first_key: Some(seed.public_key()), checkpoints: Vec::new() };
        let mut bytes = Vec::with_capacity(bytes_min + 4096);
        let mut random = Random(u64::from_le_bytes(journal.0));
        let now = Timestamp(1_000);
        let opening = Opening { seed, nonce: [2; 16], now };
        let mut writer =
            Writer::create(journal, "example.com/sentinel", opening, &mut bytes).unwrap();
        let payload: Vec<u8> = (0..1024).map(|_| random.below(256) as u8).collect();
        while bytes.len() < bytes_min {
            let start = random.below(payload.len());
            let payload = &payload[start..];
            let entry = Entry { time: now, actor: Actor::Tool, kind: 2, conversation: 7, payload };
            writer.append(entry, None, &mut bytes).unwrap();
            if writer.is_checkpoint_due(now) {
                writer.checkpoint(now, &mut bytes).unwrap();
            }
        }
        writer.checkpoint(now, &mut bytes).unwrap();
        let records = super::places(&bytes).split_off(1);
        Self { bytes, records, trust }
    }

    fn record(&self, index: usize) -> &[u8] {
        &self.bytes[self.records[index].clone()]
    }

    /// The verifier before every so manieth record, and where that stands.
    fn states(&self) -> Vec<(usize, Verifier)> {
        let mut verifier = Verifier::new(self.trust.clone());
        verifier.push(&self.bytes[..self.records[0].start]);
        let mut states = Vec::new();
        for (index, place) in self.records.iter().enumerate() {
            if index % STATE_RECORDS == 0 {
                states.push((place.start, verifier.clone()));
            }
            verifier.push(&self.bytes[place.clone()]);
        }
        assert_eq!(verifier.finish().verdict, Verdict::Ok, "the log is good before it is damaged");
        states
    }
}

/// SplitMix64: the same samples in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

fn asked(name: &str, otherwise: usize) -> usize {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap(),
        Err(_) => otherwise,
    }
}
