//! What the parts of the journal promise together: every change is found, and where.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use arbtest::arbtest;

mod page;
mod witness;

use super::record::{Frame, Framing};
use super::segment::Place;
use super::*;
use crate::text::json;
use crate::time::Timestamp;

const JOURNAL: JournalId = JournalId(*b"journal1");
const ORIGIN: &str = "example.com/sentinel";

/// A log in one file, and where its records stand.
struct Log {
    bytes: Vec<u8>,
    first_key: [u8; 32],
}

impl Log {
    /// So many records of the caller's, with a checkpoint after every `epoch_records` of them.
    fn new(journal: JournalId, records: usize, payload: usize, epoch_records: usize) -> Self {
        let seed = EpochSeed::first([1; 32]);
        let first_key = seed.public_key();
        let mut bytes = Vec::new();
        let mut writer = Writer::create(journal, ORIGIN, opening(seed), &mut bytes).unwrap();
        for index in 0..records {
            let payload = vec![index as u8; payload];
            writer.append(entry(index as u64, &payload), None, &mut bytes).unwrap();
            if (index + 1) % epoch_records == 0 {
                writer.checkpoint(Timestamp(index as u64), &mut bytes).unwrap();
            }
        }
        Self { bytes, first_key }
    }

    fn trust(&self) -> Trust {
        Trust { first_key: Some(self.first_key), checkpoints: Vec::new() }
    }

    /// The header's place is first, then one for each record.
    fn places(&self) -> Vec<Range<usize>> {
        let (_, header) = Place::read_header(&self.bytes).unwrap().unwrap();
        let mut places = Vec::from([Range { start: 0, end: header }]);
        let mut start = header;
        while let Framing::Whole(frame) = Frame::at_start(&self.bytes[start..]) {
            places.push(start..start + frame.bytes_count);
            start += frame.bytes_count;
        }
        places
    }

    fn records(&self) -> Vec<&[u8]> {
        self.places()[1..].iter().map(|place| &self.bytes[place.clone()]).collect()
    }

    fn header(&self) -> &[u8] {
        &self.bytes[self.places()[0].clone()]
    }

    /// The log with these records instead.
    fn with(&self, records: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.header().to_vec();
        records.iter().for_each(|record| bytes.extend_from_slice(record));
        bytes
    }

    fn verdict(&self, bytes: &[u8]) -> Verdict {
        verify(bytes, self.trust())
    }
}

fn opening(seed: EpochSeed) -> Opening {
    Opening { seed, nonce: [2; 16], now: Timestamp(0) }
}

fn entry(time: u64, payload: &[u8]) -> Entry<'_> {
    Entry { time: Timestamp(time), actor: Actor::Person, kind: 2, conversation: 7, payload }
}

fn verify(bytes: &[u8], trust: Trust) -> Verdict {
    let mut verifier = Verifier::new(trust);
    verifier.push(bytes);
    verifier.finish().verdict
}

fn bad(sequence: usize, damage: Damage) -> Verdict {
    Verdict::Bad { sequence: sequence as u64, damage }
}

#[test]
fn a_good_log_is_ok_and_its_end_is_open() {
    let log = Log::new(JOURNAL, 10, 30, 5);
    assert_eq!(log.verdict(&log.bytes), Verdict::Ok);
    let open = Log::new(JOURNAL, 13, 30, 5);
    let tail = Verdict::OpenTail { records_count: 4, torn_bytes: 0 };
    assert_eq!(open.verdict(&open.bytes), tail, "the checkpoint's own record and three more");
    assert_eq!(tail.to_string(), "OPEN TAIL: 4 records since the last checkpoint");
    let empty = Verdict::OpenTail { records_count: 0, torn_bytes: 0 };
    assert_eq!(log.verdict(b""), empty);
}

/// Every single bit of a log of 64 KiB, one after the other: found, and at its record.
#[test]
fn every_flipped_bit_is_found_at_its_record() {
    let log = Log::new(JOURNAL, 400, 100, 37);
    assert!(log.bytes.len() >= 64 * 1024, "{}", log.bytes.len());
    let places = log.places();
    let mut before = Verifier::new(log.trust());
    for (index, place) in places.iter().enumerate() {
        // What follows the next record cannot matter any more.
        let end = places.get(index + 1).map_or(log.bytes.len(), |next| next.end);
        let mut bytes = log.bytes[place.start..end].to_vec();
        let expected = match index {
            0 => bad(0, Damage::Segment),
            _ => bad(index - 1, Damage::Flipped),
        };
        for bit in 0..place.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut verifier = before.clone();
            verifier.push(&bytes);
            let verdict = verifier.finish().verdict;
            // A length of the header that grew swallows the log: then there is no header at all.
            let is_no_header =
                index == 0 && matches!(verdict, Verdict::OpenTail { records_count: 0, .. });
            assert!(verdict == expected || is_no_header, "record {index} bit {bit}: {verdict}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        before.push(&log.bytes[place.clone()]);
    }
    assert!(matches!(before.finish().verdict, Verdict::OpenTail { torn_bytes: 0, .. }));
}

/// The same log with one record dropped, exchanged for the next, repeated anywhere later, or with
/// any record of another log put before it, in its place, or from there on: every case there is,
/// each found at its record.
#[test]
fn every_dropped_swapped_repeated_inserted_and_spliced_record_is_found() {
    let log = Log::new(JOURNAL, 400, 100, 37);
    let other = Log::new(JournalId(*b"journal2"), 400, 100, 37);
    assert!(log.bytes.len() >= 64 * 1024, "{}", log.bytes.len());
    let (records, foreign) = (log.records(), other.records());
    let mut before = Verifier::new(log.trust());
    before.push(log.header());
    // What follows the second record that is not as it should be cannot matter any more.
    let verdict = |before: &Verifier, changed: &[&[u8]]| {
        let mut verifier = before.clone();
        changed.iter().for_each(|record| verifier.push(record));
        verifier.finish().verdict
    };
    let mut cases_count = 0;
    for (index, this) in records.iter().copied().enumerate() {
        if let Some(next) = records.get(index + 1).copied() {
            let missing = bad(index, Damage::Missing { count: 1 });
            assert_eq!(verdict(&before, &[next]), missing, "drop {index}");
            let reordered = bad(index, Damage::Reordered);
            assert_eq!(verdict(&before, &[next, this]), reordered, "swap {index}");
        }
        for (from, earlier) in records[..=index].iter().copied().enumerate() {
            let repeated = bad(index + 1, Damage::Repeated);
            let changed = verdict(&before, &[this, earlier]);
            assert_eq!(changed, repeated, "repeat {from} after {index}");
        }
        for (from, foreign) in foreign.iter().copied().enumerate() {
            let spliced = bad(index, Damage::Spliced);
            for changed in [&[foreign, this][..], &[foreign]] {
                assert_eq!(verdict(&before, changed), spliced, "{from} of another at {index}");
            }
        }
        cases_count += 2 + index + 2 * foreign.len();
        before.push(this);
    }
    std::println!("{cases_count} cases on {} bytes", log.bytes.len());
}

/// Any block of records moved, copied or taken out is found where it begins to differ.
#[test]
fn every_moved_block_is_found() {
    let log = Log::new(JOURNAL, 60, 20, 9);
    let records = log.records();
    arbtest(|u| {
        let start = u.int_in_range(0..=records.len() - 2)?;
        let end = u.int_in_range(start + 1..=records.len() - 1)?;
        let block = records[start..end].to_vec();
        let mut changed = records.clone();
        changed.drain(start..end);
        let (first, last) = match u.int_in_range(0..=2)? {
            0 => (start, start),
            1 => {
                let to = u.int_in_range(0..=changed.len())?;
                changed.splice(to..to, block);
                (to.min(start), to.max(start))
            }
            _ => {
                let to = u.int_in_range(end..=records.len())?;
                changed = records.clone();
                changed.splice(to..to, block);
                (to, to)
            }
        };
        if changed == records {
            return Ok(());
        }
        let verdict = log.verdict(&log.with(&changed));
        let is_found = matches!(verdict, Verdict::Bad { sequence, .. }
            if (first..=last).contains(&(sequence as usize)));
        assert!(is_found, "{start}..{end}: {verdict}");
        Ok(())
    });
}

/// A log may be cut anywhere by a crash: that is an open tail, and the log goes on from there.
#[test]
fn a_cut_is_an_open_tail_and_goes_on() {
    let log = Log::new(JOURNAL, 30, 20, 9);
    let places = log.places();
    for end in places[1].end..=log.bytes.len() {
        let bytes = &log.bytes[..end];
        let whole = places.iter().rev().find(|place| place.end <= end).unwrap().end;
        let verdict = log.verdict(bytes);
        assert!(!matches!(verdict, Verdict::Bad { .. }), "cut at {end}: {verdict}");
        let recovered = recover([bytes], log.trust()).unwrap();
        assert_eq!(recovered.bytes_count(), whole as u64);
        assert_eq!(recovered.torn_bytes(), (end - whole) as u64);
        if end != whole && end % 7 != 0 {
            continue;
        }
        let mut bytes = bytes[..whole].to_vec();
        let seed = EpochSeed::first([1; 32]);
        let mut writer = Writer::resume(recovered, opening(seed), &mut bytes).unwrap();
        writer.append(entry(99, b"after"), None, &mut bytes).unwrap();
        writer.checkpoint(Timestamp(100), &mut bytes).unwrap();
        assert_eq!(log.verdict(&bytes), Verdict::Ok, "cut at {end}");
    }
}

#[test]
fn a_file_that_grew_before_its_content_came_is_a_torn_tail() {
    let log = Log::new(JOURNAL, 5, 20, 9);
    let mut bytes = log.bytes.clone();
    bytes.extend_from_slice(&[0; 5000]);
    let recovered = recover([&*bytes], log.trust()).unwrap();
    assert_eq!(recovered.bytes_count(), log.bytes.len() as u64);
    bytes.push(1);
    assert_eq!(log.verdict(&bytes), bad(6, Damage::Flipped), "something else follows the zeros");
}

#[test]
fn any_pieces_give_the_same_verdict() {
    let log = Log::new(JOURNAL, 40, 20, 9);
    arbtest(|u| {
        let mut bytes = log.bytes.clone();
        for _ in 0..u.int_in_range(0..=2)? {
            let index = u.choose_index(bytes.len())?;
            bytes[index] = u.arbitrary()?;
        }
        bytes.truncate(bytes.len() - u.int_in_range(0..=200)?);
        let whole = log.verdict(&bytes);
        let mut verifier = Verifier::new(log.trust());
        let mut rest = &*bytes;
        while !rest.is_empty() {
            let count = u.int_in_range(1..=300).unwrap_or(300).min(rest.len());
            verifier.push(&rest[..count]);
            rest = &rest[count..];
        }
        assert_eq!(verifier.finish().verdict, whole);
        Ok(())
    });
}

/// A thief has the seed of some epoch and the whole log. Whatever he rewrites from before that
/// epoch, he has to sign with keys that he does not have.
#[test]
fn a_stolen_key_forges_nothing_before_its_epoch() {
    let log = Log::new(JOURNAL, 60, 20, 10);
    let records = log.records();
    let mut stolen = EpochSeed::first([1; 32]);
    for epoch in 0..6_u64 {
        for cut in 2..records.len() {
            let prefix = log.with(&records[..cut]);
            let recovered = recover([&*prefix], log.trust()).unwrap();
            let reached = recovered.place.epoch;
            let mut forged = prefix.clone();
            let mut place = recovered.clone();
            if reached < epoch {
                // He writes on as if his key were the one of that time.
                place.place.epoch = epoch;
                place.place.key = stolen.public_key();
            }
            let resumed = Writer::resume(place, opening(stolen.clone()), &mut forged);
            let mut writer = resumed.unwrap();
            writer.append(entry(1, b"never happened"), None, &mut forged).unwrap();
            writer.checkpoint(Timestamp(2), &mut forged).unwrap();
            let verdict = log.verdict(&forged);
            if reached < epoch {
                let is_found = matches!(verdict, Verdict::Bad { sequence, damage: Damage::Forged }
                    if sequence as usize >= cut);
                assert!(is_found, "epoch {epoch} cut {cut}: {verdict}");
            } else {
                assert_eq!(verdict, Verdict::Ok, "his own time is his");
                // Only who kept a checkpoint from after the cut sees that.
                let mut trust = log.trust();
                trust.checkpoints = checkpoints(&log.bytes);
                let is_kept = trust.checkpoints.iter().any(|kept| kept.records_count > cut as u64);
                let verdict = verify(&forged, trust);
                assert_eq!(matches!(verdict, Verdict::Bad { .. }), is_kept, "{verdict}");
            }
        }
        stolen = stolen.next();
    }
}

fn checkpoints(bytes: &[u8]) -> Vec<Checkpoint> {
    let (_, start) = Place::read_header(bytes).unwrap().unwrap();
    let mut rest = &bytes[start..];
    let mut found = Vec::new();
    while let Framing::Whole(frame) = Frame::at_start(rest) {
        let record = Record::read(frame.body).unwrap();
        if record.kind == kind::CHECKPOINT {
            let note = Note::parse(core::str::from_utf8(record.payload).unwrap()).unwrap();
            found.push(Checkpoint::parse(note.text()).unwrap());
        }
        rest = &rest[frame.bytes_count..];
    }
    found
}

#[test]
fn a_rollback_is_found_by_who_kept_a_checkpoint() {
    let log = Log::new(JOURNAL, 30, 20, 10);
    let kept = checkpoints(&log.bytes);
    assert_eq!(kept.len(), 3);
    for (index, record) in log.records().iter().enumerate() {
        let prefix = log.with(&log.records()[..index]);
        let mut trust = log.trust();
        trust.checkpoints.push(kept[2].clone());
        let verdict = verify(&prefix, trust);
        if (index as u64) < kept[2].records_count {
            assert_eq!(verdict, bad(index, Damage::RolledBack), "{}", record.len());
        } else {
            assert!(!matches!(verdict, Verdict::Bad { .. }));
        }
    }
    let mut other = kept[1].clone();
    other.root.0[3] ^= 1;
    let trust = Trust { checkpoints: vec![other.clone()], ..log.trust() };
    let at = other.records_count as usize - 1;
    assert_eq!(verify(&log.bytes, trust), bad(at, Damage::Forged));
}

#[test]
fn another_first_key_is_another_log() {
    let log = Log::new(JOURNAL, 3, 20, 10);
    let trust = Trust { first_key: Some([9; 32]), ..Trust::default() };
    assert_eq!(verify(&log.bytes, trust), bad(0, Damage::Segment));
    let mut verifier = Verifier::new(Trust::default());
    verifier.push(&log.bytes);
    assert!(!verifier.finish().is_pinned);
}

#[test]
fn files_are_linked() {
    let seed = EpochSeed::first([1; 32]);
    let trust = Trust { first_key: Some(seed.public_key()), ..Trust::default() };
    let mut files = vec![Vec::new()];
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed), &mut files[0]).unwrap();
    for index in 0..5 {
        if index > 0 {
            files.push(Vec::new());
            writer.rotate(files.last_mut().unwrap());
        }
        for record in 0..7 {
            writer.append(entry(record, b"x"), None, files.last_mut().unwrap()).unwrap();
        }
        writer.checkpoint(Timestamp(9), files.last_mut().unwrap()).unwrap();
    }
    let verdict = |files: &[&Vec<u8>]| {
        let mut verifier = Verifier::new(trust.clone());
        for (index, file) in files.iter().enumerate() {
            if index > 0 {
                verifier.next_file();
            }
            verifier.push(file);
        }
        verifier.finish().verdict
    };
    let all: Vec<&Vec<u8>> = files.iter().collect();
    assert_eq!(verdict(&all), Verdict::Ok);
    let recovered = recover(files.iter().map(|file| &**file), trust.clone()).unwrap();
    assert_eq!(recovered.bytes_count(), files[4].len() as u64);
    // Nine records in the first file, with the opening; eight in each other.
    for missing in 1..4 {
        let mut fewer = all.clone();
        fewer.remove(missing);
        assert_eq!(verdict(&fewer), bad(1 + 8 * missing, Damage::Segment));
    }
    let mut swapped = all.clone();
    swapped.swap(2, 3);
    assert_eq!(verdict(&swapped), bad(17, Damage::Segment));
    let cut = files[1][..files[1].len() - 3].to_vec();
    let mut torn = all.clone();
    torn[1] = &cut;
    assert_eq!(verdict(&torn), bad(16, Damage::Flipped), "only the last file may end in a record");
    assert_eq!(verdict(&all[1..]), bad(0, Damage::Segment), "the first file is missing");
}

/// A crash while a file is begun loses nothing: it is begun again.
#[test]
fn a_file_whose_header_was_cut_is_begun_again() {
    let log = Log::new(JOURNAL, 12, 20, 5);
    let opened = recover([&*log.bytes], log.trust()).unwrap();
    let mut first = log.bytes.clone();
    let seed = EpochSeed::first([1; 32]);
    let mut writer = Writer::resume(opened, opening(seed.clone()), &mut first).unwrap();
    let mut second = Vec::new();
    writer.rotate(&mut second);
    let header_bytes = second.len();
    writer.append(entry(20, b"after"), None, &mut second).unwrap();
    for cut in 0..=header_bytes {
        let files = [&*first, &second[..cut]];
        let recovered = recover(files, log.trust()).unwrap();
        let good = if cut == header_bytes { cut } else { 0 };
        assert_eq!(recovered.bytes_count(), good as u64, "cut at {cut}");
        assert_eq!(recovered.torn_bytes(), (cut - good) as u64);
        assert_eq!(recovered.records_count(), log.records().len() as u64 + 1);
        let mut again = second[..good].to_vec();
        let mut writer = Writer::resume(recovered, opening(seed.clone()), &mut again).unwrap();
        writer.checkpoint(Timestamp(21), &mut again).unwrap();
        let mut verifier = Verifier::new(log.trust());
        verifier.push(&first);
        verifier.next_file();
        verifier.push(&again);
        assert_eq!(verifier.finish().verdict, Verdict::Ok, "cut at {cut}");
    }
    assert_eq!(recover([&first[..40]], log.trust()).unwrap_err(), RecoverError::Empty);
}

/// Who keeps the mark goes on as one does who read the whole log; and no other mark fits.
#[test]
fn a_log_goes_on_from_its_mark() {
    let seed = EpochSeed::first([1; 32]);
    let mut bytes = Vec::new();
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed.clone()), &mut bytes).unwrap();
    for index in 0..23 {
        writer.append(entry(index, b"before"), None, &mut bytes).unwrap();
        if index % 9 == 8 {
            writer.checkpoint(Timestamp(index), &mut bytes).unwrap();
        }
        let mut mark = Vec::new();
        writer.mark(&mut mark);
        let length = mark.len();
        mark.extend([0; 50]);
        let from_mark = Recovered::from_mark(&mark, bytes.len() as u64).unwrap();
        assert_eq!(from_mark, recover([&bytes[..]], Trust::default()).unwrap());
        for bit in (0..8 * length).step_by(7) {
            let mut wrong = mark.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Recovered::from_mark(&wrong, bytes.len() as u64), Some(from_mark.clone()));
        }
        for cut in 0..length {
            assert_eq!(
                Recovered::from_mark(&mark[..cut], bytes.len() as u64),
                None,
                "cut at {cut}"
            );
        }
        let mut again = bytes.clone();
        let mut writer = Writer::resume(from_mark, opening(seed.clone()), &mut again).unwrap();
        writer.append(entry(99, b"after"), None, &mut again).unwrap();
        writer.checkpoint(Timestamp(100), &mut again).unwrap();
        assert_eq!(verify(&again, Trust::default()), Verdict::Ok);
    }
}

#[test]
fn a_log_goes_on_only_with_its_own_seed() {
    let log = Log::new(JOURNAL, 30, 20, 10);
    let recovered = || recover([&*log.bytes], log.trust()).unwrap();
    let resume = |seed| Writer::resume(recovered(), opening(seed), &mut Vec::new());
    let first = EpochSeed::first([1; 32]);
    assert!(resume(first.clone()).is_ok(), "the log may be further than the kept seed");
    assert!(resume(first.next().next().next()).is_ok());
    let further = first.next().next().next().next();
    assert_eq!(resume(further).unwrap_err(), AppendError::Seed);
    assert_eq!(resume(EpochSeed::first([8; 32])).unwrap_err(), AppendError::Seed);
}

/// A host's own SHA-256 hashes chain and tree: the right one gives the same log, a wrong one none.
#[test]
fn a_host_hashes_by_its_own_means() {
    let written = |digest: Option<Digest>| {
        let mut bytes = Vec::new();
        let seed = EpochSeed::first([1; 32]);
        let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed), &mut bytes).unwrap();
        digest.into_iter().for_each(|digest| writer.hash_by(digest));
        for index in 0..9 {
            writer.append(entry(index, &[7; 100]), None, &mut bytes).unwrap();
        }
        (bytes, writer.root())
    };
    let in_one_piece: Digest = |first, rest| digest(&[first, rest].concat(), &[]);
    let wrong: Digest = |first, rest| digest(rest, first);
    assert_eq!(written(Some(in_one_piece)), written(None));
    assert_ne!(written(Some(wrong)).1, written(None).1);
    let trust = Trust { first_key: None, checkpoints: Vec::new() };
    assert!(matches!(verify(&written(Some(wrong)).0, trust), Verdict::Bad { .. }));
}

#[test]
fn checkpoints_are_due_by_count_and_by_time() {
    let mut out = Vec::new();
    let seed = EpochSeed::first([1; 32]);
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed), &mut out).unwrap();
    writer.checkpoint(Timestamp(0), &mut out).unwrap();
    let later = Timestamp(0).after(Duration::from_secs(1_000_000));
    assert!(!writer.is_checkpoint_due(later), "there is nothing new to vouch for");
    assert_eq!(writer.checkpoint_deadline(), None);
    writer.append(entry(5_000, b"x"), None, &mut out).unwrap();
    assert_eq!(writer.checkpoint_deadline(), Some(Timestamp(65_000)));
    assert!(!writer.is_checkpoint_due(Timestamp(64_999)));
    assert!(writer.is_checkpoint_due(Timestamp(65_000)));
    assert!(writer.is_checkpoint_due(Timestamp(4_999)), "a clock set back puts nothing off");
    while !writer.is_checkpoint_due(Timestamp(5_000)) {
        writer.append(entry(5_000, b"x"), None, &mut out).unwrap();
    }
    assert_eq!(writer.unanchored_count(), 1024);
}

#[test]
fn what_the_log_does_not_take_leaves_it_as_it_was() {
    let mut out = Vec::new();
    let seed = EpochSeed::first([1; 32]);
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed.clone()), &mut out).unwrap();
    let before = (out.clone(), writer.sequence());
    let long = vec![0; crate::limits::JOURNAL_PAYLOAD_BYTES_MAX + 1];
    assert_eq!(writer.append(entry(0, &long), None, &mut out), Err(AppendError::TooLong));
    let own = Entry { kind: kind::CHECKPOINT, ..entry(0, b"") };
    assert_eq!(writer.append(own, None, &mut out), Err(AppendError::Kind));
    assert_eq!((out, writer.sequence()), before);
    let create = |origin, seed| Writer::create(JOURNAL, origin, opening(seed), &mut Vec::new());
    assert_eq!(create("two words", seed.clone()).unwrap_err(), AppendError::Origin);
    assert_eq!(create(ORIGIN, seed.next()).unwrap_err(), AppendError::Seed);
}

/// Sealed records are exported with the keys, stay closed without them, and closed for ever once
/// their key is gone, while the log still verifies.
#[test]
fn what_is_forgotten_stays_proved_and_unread() {
    let (master, mut ring) = (MasterKey::new([5; 32]), KeyRing::new());
    let (anna, ben) =
        (ring.create(1, &master, [6; 56]).unwrap(), ring.create(2, &master, [7; 56]).unwrap());
    let mut log = Vec::new();
    let seed = EpochSeed::first([1; 32]);
    let trust = Trust { first_key: Some(seed.public_key()), ..Trust::default() };
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed), &mut log).unwrap();
    for (conversation, key, said) in
        [(1, &anna, r#"{"said":"apples"}"#), (2, &ben, r#"{"said":"bananas"}"#)]
    {
        let entry = Entry { conversation, ..entry(3, said.as_bytes()) };
        writer.append(entry, Some(key), &mut log).unwrap();
    }
    let lines = |ring: &KeyRing, log: &[u8]| {
        let mut out = String::new();
        let keys = export::Keys { ring, master: &master };
        assert_eq!(export::Exporter::new(Some(keys), |_| Some("said")).file(log, &mut out), b"");
        out
    };
    assert!(!String::from_utf8_lossy(&log).contains("apples"));
    let open = lines(&ring, &log);
    assert!(open.contains(r#""payload":{"said":"apples"}"#), "{open}");
    for line in open.lines() {
        json::parse(line.as_bytes()).unwrap();
    }
    ring.forget(1);
    writer.forgotten(1, Timestamp(9), &mut log);
    writer.checkpoint(Timestamp(9), &mut log).unwrap();
    let after = lines(&ring, &log);
    assert!(after.contains(r#""unopened":"forgotten""#) && !after.contains("apples"), "{after}");
    assert!(after.contains("bananas") && after.contains("journal.forgotten"));
    assert_eq!(verify(&log, trust), Verdict::Ok);
    let mut closed = String::new();
    export::Exporter::new(None, |_| None).file(&log, &mut closed);
    assert!(!closed.contains("bananas") && closed.contains("no keys were given"));
}

#[test]
fn a_record_is_proved_without_the_log() {
    let log = Log::new(JOURNAL, 30, 20, 10);
    let mut leaves = Vec::new();
    for record in log.records() {
        let Framing::Whole(frame) = Frame::at_start(record) else { panic!("a record is a frame") };
        leaves.push(frame.hash);
    }
    for kept in checkpoints(&log.bytes) {
        let count = kept.records_count as usize;
        for index in 0..count {
            let proof = tree::inclusion_proof(&leaves[..count], index).unwrap();
            let size = kept.records_count;
            let place = index as u64;
            assert!(tree::verify_inclusion(leaves[index], place, size, &proof, kept.root));
        }
        let proof = tree::consistency_proof(&leaves, count).unwrap();
        let (size, root) = (leaves.len() as u64, tree::root(&leaves));
        assert!(tree::verify_consistency(kept.records_count, kept.root, size, root, &proof));
    }
}

/// A power cut leaves any of the sectors of the last write undone. What is whole before them is
/// gone on with; other damage is not.
#[test]
fn sectors_that_did_not_come_are_a_torn_tail() {
    let log = Log::new(JOURNAL, 30, 200, 9);
    let places = log.places();
    let good_before =
        |byte: usize| places.iter().rev().find(|place| place.end <= byte).unwrap().end;
    // Writes begin anywhere in a sector, and files end anywhere in one.
    for (safe, length) in (20..places.len()).zip((0..512).rev().cycle().step_by(37)) {
        let length = log.bytes.len() - length;
        let mut begin = places[safe].end;
        while begin < length {
            let end = ((begin / 512 + 1) * 512).min(length);
            let mut torn = log.bytes[..length].to_vec();
            torn[begin..end].fill(0);
            let good = good_before(begin);
            let recovered = recover([&*torn], log.trust()).unwrap();
            assert_eq!(recovered.bytes_count(), good as u64, "{begin}..{end} of {length}");
            assert_eq!(recovered.torn_bytes(), (torn.len() - good) as u64);
            assert!(matches!(log.verdict(&torn), Verdict::Bad { .. } | Verdict::OpenTail { .. }));
            begin = end;
        }
    }
    // A file that was begun and of which nothing came.
    let opened = recover([&*log.bytes], log.trust()).unwrap();
    let mut first = log.bytes.clone();
    let writer = Writer::resume(opened, opening(EpochSeed::first([1; 32])), &mut first).unwrap();
    let recovered = recover([&*first, &[0; 4096]], log.trust()).unwrap();
    assert_eq!((recovered.bytes_count(), recovered.torn_bytes()), (0, 4096));
    assert_eq!(recovered.records_count(), writer.sequence());
    // A log of whose first write not even the header came, and one that lost it later.
    let mut headless = log.bytes.clone();
    headless[..512].fill(0);
    assert_eq!(recover([&*headless], log.trust()), Err(RecoverError::Empty));
    headless.resize(20_000, 1);
    assert!(matches!(recover([&*headless], log.trust()), Err(RecoverError::Bad { .. })));
    // One bit is no power cut, and neither is a hole in an earlier file.
    for place in &places[1..] {
        let mut flipped = log.bytes.clone();
        flipped[place.start + 9] ^= 1;
        assert!(matches!(recover([&*flipped], log.trust()), Err(RecoverError::Bad { .. })));
    }
    let mut hole = first.clone();
    let middle = places[10].start;
    hole[middle..middle + 1024].fill(0);
    assert!(matches!(recover([&*hole, &[]], log.trust()), Err(RecoverError::Bad { .. })));
}
