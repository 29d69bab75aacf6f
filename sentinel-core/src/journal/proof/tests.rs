//! Proofs made from a log, checked as others would.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::*;
use crate::journal::{
    Actor, Entry, EpochSeed, JournalId, LogKey, NoteVerifier, Opening, ProveError, Prover, Writer,
};
use crate::time::Timestamp;

/// A log in files of four records or so, the note over it, and the hashes of its records.
fn log(records_count: u64) -> (Vec<Vec<u8>>, Note, Vec<Hash>) {
    let (mut files, mut hashes) = (vec![Vec::new()], Vec::new());
    let now = Timestamp(7);
    let opening = Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now };
    let mut writer =
        Writer::create(JournalId(*b"journal1"), "example.com/log", opening, &mut files[0]).unwrap();
    writer.sign_with(LogKey::from_bytes(&[7; 32]));
    // The opening is a record, and so is the key that the checkpoint brings.
    for number in 2..records_count {
        if number % 4 == 0 {
            let mut file = Vec::new();
            writer.rotate(&mut file);
            files.push(file);
        }
        let payload = format!("record {number}");
        let entry = Entry {
            time: now,
            actor: Actor::Person,
            kind: 2,
            conversation: 1,
            payload: payload.as_bytes(),
        };
        writer.append(entry, None, files.last_mut().unwrap()).unwrap();
    }
    let note = writer.checkpoint(now, files.last_mut().unwrap()).unwrap();
    for file in &files {
        let (_, bytes_count) = crate::journal::segment::Place::read_header(file).unwrap().unwrap();
        let mut rest = &file[bytes_count..];
        while let crate::journal::record::Framing::Whole(frame) =
            crate::journal::record::Frame::at_start(rest)
        {
            hashes.push(frame.hash);
            rest = &rest[frame.bytes_count..];
        }
    }
    (files, note, hashes)
}

fn made(prover: Result<Prover, ProveError>, files: &[Vec<u8>]) -> Result<Proof, ProveError> {
    let mut prover = prover?;
    for file in files {
        if !prover.file(file)? {
            break;
        }
    }
    prover.finish()
}

/// For every log up to 33 records, every record and every earlier length, the proof is the one that
/// is made from all hashes at once; and it reads back.
#[test]
fn a_proof_made_in_passing_is_the_defined_one() {
    for count in 2..=33_u64 {
        let (files, note, hashes) = log(count);
        let leaves = &hashes[..usize::try_from(count).unwrap()];
        for sequence in 0..count {
            let proof = made(Prover::record(sequence, note.clone()), &files).unwrap();
            let index = usize::try_from(sequence).unwrap();
            assert_eq!(proof.path, tree::inclusion_proof(leaves, index).unwrap());
            assert_eq!(proof.check(None), Ok(()));
            assert_eq!(proof.record().unwrap().sequence, sequence);
            assert_eq!(Proof::parse(&proof.to_string()), Ok(proof));
        }
        let late = Prover::record(count, note.clone()).map(drop);
        assert_eq!(late, Err(ProveError::TooFew { records_count: count }));
        for from in 0..=count {
            let proof = made(Prover::growth(from, note.clone()), &files).unwrap();
            let earlier = usize::try_from(from).unwrap();
            let defined = tree::consistency_proof(leaves, earlier).unwrap_or_default();
            assert_eq!(proof.path, defined, "from {from} to {count}");
            let then = tree::root(&leaves[..earlier]);
            assert_eq!(proof.check(Some(then)), Ok(()));
            let without = if from == 0 { Ok(()) } else { Err(ProofError::NoEarlier) };
            assert_eq!(proof.check(None), without);
            let other = proof.check(Some(Hash([9; 32])));
            assert_eq!(other, if from == 0 { Ok(()) } else { Err(ProofError::Wrong) });
            assert_eq!(Proof::parse(&proof.to_string()), Ok(proof));
        }
        assert!(Prover::growth(count + 1, note).is_err());
    }
}

#[test]
fn a_log_that_is_not_the_one_that_was_signed_proves_nothing() {
    let (files, note, _) = log(13);
    let whole: usize = files.iter().map(Vec::len).sum();
    for place in 0..whole {
        let mut files = files.clone();
        let (mut file, mut at) = (0, place);
        while at >= files[file].len() {
            at -= files[file].len();
            file += 1;
        }
        files[file][at] ^= 1 << (place % 8);
        let proof = made(Prover::record(6, note.clone()), &files);
        // Of other records only the hash is looked at, and of a header what it is for.
        if let Ok(proof) = proof {
            assert_eq!(proof.check(None), Ok(()), "byte {place}");
        }
    }
    assert_eq!(
        made(Prover::record(6, note.clone()), &files[..2]),
        Err(ProveError::Short { records_count: 7 })
    );
    let swapped = [files[1].clone(), files[0].clone()];
    assert_eq!(
        made(Prover::record(6, note.clone()), &swapped),
        Err(ProveError::Damaged { sequence: 0 })
    );
    let (other, ..) = log(14);
    assert_eq!(made(Prover::record(6, note.clone()), &other), Err(ProveError::Other));
    let text = Note::new(note.text().replace("example.com/log\n13", "example.com/log\n12"));
    assert_eq!(made(Prover::growth(5, text.unwrap()), &files), Err(ProveError::Other));
}

/// No bit of a proof can be changed such that it still proves that record under that root.
#[test]
fn every_byte_of_a_proof_counts() {
    let (files, note, _) = log(13);
    let proof = made(Prover::record(6, note), &files).unwrap();
    let text = proof.to_string();
    let key = LogKey::from_bytes(&[7; 32]).verifier("example.com/log").unwrap();
    let is_good = |text: &str| {
        let Ok(proof) = Proof::parse(text) else { return false };
        // Of two signature lines one has to be good: that of the key that is believed.
        proof.check(None).is_ok() && proof.note().is_signed_by(&key)
    };
    assert!(is_good(&text));
    let epoch_line = text.lines().rev().nth(1).unwrap();
    let start = text.find(epoch_line).unwrap();
    for index in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let is_other_signature = (start..start + epoch_line.len()).contains(&index);
            assert!(!is_good(&changed) || is_other_signature, "byte {index} bit {bit}");
        }
    }
}

#[test]
fn what_is_no_proof_is_refused() {
    let (files, note, _) = log(5);
    let good = made(Prover::record(3, note.clone()), &files).unwrap().to_string();
    let growth = made(Prover::growth(3, note), &files).unwrap().to_string();
    let (extra, _) = good.split_once("\nindex").unwrap();
    let extra = extra.split_once('\n').unwrap().1;
    for (text, from, to, error) in [
        (&good, "@v1", "@v2", ProofError::Form),
        (&good, "index 3", "index 03", ProofError::Form),
        (&good, "index 3", "index +3", ProofError::Form),
        (&good, "index 3", "place 3", ProofError::Form),
        (&good, &format!("{extra}\n"), "", ProofError::NoRecord),
        (&good, "\n\n", "\n", ProofError::Form),
        (&good, "epoch 0", "epoch", ProofError::Checkpoint),
        (&growth, "old 3", "old three", ProofError::Form),
        (&growth, "old 3", "old 3 ", ProofError::Form),
        (&growth, "old 3\n", "old 3\nAAAA\n", ProofError::Form),
    ] {
        let changed = text.replacen(from, to, 1);
        assert!(&changed != text, "{from}");
        assert_eq!(Proof::parse(&changed), Err(error), "{changed}");
    }
    let hash = Hash([0; 32]).to_base64();
    let long = format!("old 3\n{}", format!("{hash}\n").repeat(64));
    assert_eq!(Proof::parse(&growth.replacen("old 3\n", &long, 1)), Err(ProofError::TooLong));
    // Another record's number, or another record.
    let other = Proof::parse(&good.replacen("index 3", "index 2", 1)).unwrap();
    assert_eq!(other.check(None), Err(ProofError::Record));
    let shown = Proof::parse(&good.replacen(extra, "extra AAAA", 1)).unwrap();
    assert_eq!((shown.check(None), shown.record()), (Err(ProofError::Record), None));
}

/// What a witness does with a request, by the words of C2SP tlog-witness: one key for the log, the
/// size it saw last, and signatures of keys it does not know left alone.
#[test]
fn a_witness_follows_the_log_by_one_key_through_its_epochs() {
    let key = LogKey::from_bytes(&[7; 32]);
    let told = NoteVerifier::parse(&key.verifier("example.com/log").unwrap().to_string()).unwrap();
    let now = Timestamp(7);
    let opening = Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now };
    let mut log = Vec::new();
    let mut writer =
        Writer::create(JournalId(*b"journal1"), "example.com/log", opening, &mut log).unwrap();
    writer.sign_with(key);
    let (mut seen, mut root) = (0, None);
    for _ in 0..5 {
        let entry =
            Entry { time: now, actor: Actor::Person, kind: 2, conversation: 1, payload: b"x" };
        writer.append(entry, None, &mut log).unwrap();
        let note = writer.checkpoint(now, &mut log).unwrap();
        let body = made(Prover::growth(seen, note), core::slice::from_ref(&log)).unwrap();
        let request = Proof::parse(&body.to_string()).unwrap();
        assert!(request.note().is_signed_by(&told));
        assert_eq!(request.subject(), &Subject::Growth { from: seen });
        assert_eq!(request.check(root), Ok(()));
        (seen, root) = (request.checkpoint().records_count, Some(request.checkpoint().root));
    }
    assert_eq!(seen, 11);
}
