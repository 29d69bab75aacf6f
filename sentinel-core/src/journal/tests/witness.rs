//! The key that a log has for witnesses: what it is good for, and what its thief can do.

use super::*;

const KEY: [u8; 32] = [7; 32];

/// A log with a checkpoint by both keys at its end.
fn signed_twice() -> (Vec<u8>, Writer, Note) {
    let mut bytes = Vec::new();
    let opening = opening(EpochSeed::first([1; 32]));
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening, &mut bytes).unwrap();
    writer.sign_with(LogKey::from_bytes(&KEY));
    writer.append(entry(1, b"said"), None, &mut bytes).unwrap();
    let note = writer.checkpoint(Timestamp(2), &mut bytes).unwrap();
    (bytes, writer, note)
}

fn report(log: &[u8]) -> Report {
    let mut verifier = Verifier::new(Trust::default());
    verifier.push(log);
    verifier.finish()
}

#[test]
fn a_log_says_once_by_which_key_others_know_it() {
    let (mut log, mut writer, note) = signed_twice();
    let told = LogKey::from_bytes(&KEY).verifier(ORIGIN).unwrap();
    assert_eq!(note.signatures_count(), 2);
    assert!(note.is_signed_by(&told));
    assert_eq!(report(&log).log_key, Some(told.clone()));
    let count = |log: &[u8]| {
        let ring = KeyRing::new();
        let master = MasterKey::new([5; 32]);
        let mut reader = Reader::new(export::Keys { ring: &ring, master: &master });
        let mut records = reader.start(log).unwrap();
        let mut count = 0;
        while let Some(record) = reader.skim(&mut records) {
            count += usize::from(record.kind == kind::LOG_KEY);
        }
        count
    };
    writer.checkpoint(Timestamp(3), &mut log).unwrap();
    assert_eq!(count(&log), 1);
    // Another start with the same key, one without any, and one with another key.
    for (key, expected) in [(Some(KEY), 1), (None, 1), (Some(KEY), 1), (Some([8; 32]), 2)] {
        let recovered = recover([&*log], Trust::default()).unwrap();
        let opening = opening(EpochSeed::first([1; 32]));
        let mut writer = Writer::resume(recovered, opening, &mut log).unwrap();
        if let Some(key) = key {
            writer.sign_with(LogKey::from_bytes(&key));
        }
        let note = writer.checkpoint(Timestamp(4), &mut log).unwrap();
        assert_eq!(note.signatures_count(), 1 + usize::from(key.is_some()));
        assert_eq!((count(&log), report(&log).verdict), (expected, Verdict::Ok));
    }
    let other = LogKey::from_bytes(&[8; 32]).verifier(ORIGIN).unwrap();
    assert_eq!(report(&log).log_key, Some(other));
}

/// Whoever can write the file, and has no key, adds records that fit the chain. An operator is not
/// shown the key in one of them as the log's.
#[test]
fn a_key_that_no_checkpoint_vouches_for_is_not_shown() {
    let (mut log, writer, _) = signed_twice();
    let key = LogKey::from_bytes(&[66; 32]).public_key();
    let place = writer.place();
    let start = record::start_frame(&mut log);
    let record = Record {
        journal: JOURNAL,
        sequence: place.sequence(),
        time: Timestamp(9),
        actor: Actor::System,
        kind: kind::LOG_KEY,
        conversation: 0,
        is_sealed: false,
        payload: &key,
    };
    record.write(&mut log);
    record::finish_frame(digest, &mut log, start, place.previous);
    let found = report(&log);
    assert!(matches!(found.verdict, Verdict::OpenTail { records_count: 2, .. }));
    assert_eq!(found.log_key, LogKey::from_bytes(&KEY).verifier(ORIGIN).ok());
    // Nor after a checkpoint of a version that signs for nobody else, which goes on with the log.
    let recovered = recover([&*log], Trust::default()).unwrap();
    let opening = opening(EpochSeed::first([1; 32]));
    let mut writer = Writer::resume(recovered, opening, &mut log).unwrap();
    writer.checkpoint(Timestamp(10), &mut log).unwrap();
    let found = report(&log);
    assert_eq!(found.verdict, Verdict::Ok);
    assert_eq!(found.log_key, LogKey::from_bytes(&KEY).verifier(ORIGIN).ok());
}

/// The thief of the log's key has what signs for witnesses, and not what signs for the verifier.
#[test]
fn a_thief_of_the_key_for_others_forges_nothing_here() {
    let (log, _, note) = signed_twice();
    let key = LogKey::from_bytes(&KEY);
    // The same checkpoint with the signature of the epoch left out.
    let mut forged = Note::new(note.text().to_string()).unwrap();
    forged.sign(ORIGIN, &key.signing_key()).unwrap();
    assert!(forged.is_signed_by(&key.verifier(ORIGIN).unwrap()), "a witness would take it");
    let end = end_with(&log, &forged);
    let sequence = Checkpoint::parse(note.text()).unwrap().records_count;
    let damage = Damage::Forged;
    assert_eq!(report(&end).verdict, Verdict::Bad { sequence, damage });
    // And a thief of the epoch's seed alone cannot put a line of the log's key under it.
    let lines = note.to_string();
    let last = lines.lines().last().unwrap();
    let mut forged = last.to_string();
    let at = forged.len() - 6;
    forged.replace_range(at..=at, if &forged[at..=at] == "A" { "B" } else { "A" });
    let forged = Note::parse(&lines.replace(last, &forged)).unwrap();
    assert!(forged.is_forged_for(&key.verifier(ORIGIN).unwrap()));
    assert_eq!(report(&end_with(&log, &forged)).verdict, Verdict::Bad { sequence, damage });
}

/// The log with another note in its last record.
fn end_with(log: &[u8], note: &Note) -> Vec<u8> {
    let (mut place, header) = Place::read_header(log).unwrap().unwrap();
    let mut at = header;
    let mut last = at;
    while let Framing::Whole(frame) = Frame::at_start(&log[at..]) {
        if at + frame.bytes_count < log.len() {
            place.previous = frame.hash;
        }
        last = at;
        at += frame.bytes_count;
    }
    let Framing::Whole(frame) = Frame::at_start(&log[last..]) else { panic!("it was one") };
    let old = Record::read(frame.body).unwrap();
    let mut changed = log[..last].to_vec();
    let start = record::start_frame(&mut changed);
    let payload = note.to_string();
    Record { payload: payload.as_bytes(), ..old }.write(&mut changed);
    record::finish_frame(digest, &mut changed, start, place.previous);
    changed
}

/// What is no key in such a record is found, as in any other of the log's own.
#[test]
fn a_key_that_is_none_is_no_record() {
    let (log, ..) = signed_twice();
    let is_key = |frame: &Frame<'_>| Record::read(frame.body).unwrap().kind == kind::LOG_KEY;
    let (place, mut at) = Place::read_header(&log).unwrap().unwrap();
    let mut previous = place.previous;
    let mut number = 0;
    loop {
        let Framing::Whole(frame) = Frame::at_start(&log[at..]) else { panic!("it is there") };
        if is_key(&frame) {
            let mut changed = log[..at].to_vec();
            let start = record::start_frame(&mut changed);
            let old = Record::read(frame.body).unwrap();
            Record { payload: &old.payload[1..], ..old }.write(&mut changed);
            record::finish_frame(digest, &mut changed, start, previous);
            let damage = Damage::Malformed;
            assert_eq!(report(&changed).verdict, Verdict::Bad { sequence: number, damage });
            return;
        }
        (previous, at, number) = (frame.hash, at + frame.bytes_count, number + 1);
    }
}
