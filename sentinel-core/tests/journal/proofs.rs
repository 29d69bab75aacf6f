//! Proofs, read by both readers: the vectors of the page, and those of a small log with anything
//! changed in them.

use std::fmt::Write as _;
use std::process::Command;

use arbtest::arbtest;
use sentinel_core::journal::{Checkpoint, Note, NoteVerifier, Proof, Prover, Subject};

/// Reads a proof and the checkpoint from which it starts in hexadecimal, and says what it is.
const DRIVER: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import verify_journal as journal
key = journal.parse_key(sys.argv[2])
for line in sys.stdin:
    proof, kept, witness = line.strip().split(' ')
    try:
        kept = bytes.fromhex(kept).decode()
        kept = journal.parse_checkpoint(journal.parse_note(kept)[0]) if kept else None
        witnesses = [journal.parse_key(witness)] if witness != '-' else []
        print(journal.check_proof(bytes.fromhex(proof).decode(), key, witnesses, kept))
    except (ValueError, IndexError):
        print('none')
";

const PAGE: &str = include_str!("../../../docs/AUDIT.md");

/// What the page says between two lines, the first of which begins so.
pub(super) fn said(after: &str) -> String {
    let (_, rest) = PAGE.split_once(after).unwrap();
    match rest.strip_prefix("\n\n```\n") {
        Some(rest) => rest.split_once("```").unwrap().0.to_string(),
        None => rest.split('`').nth(1).unwrap().to_string(),
    }
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// What this reader says of a proof, in the words of the other one.
fn verdict(text: &str, log: &NoteVerifier, witness: Option<&NoteVerifier>, kept: &str) -> String {
    let Ok(proof) = Proof::parse(text) else { return "none".into() };
    let kept = Note::parse(kept).ok();
    let kept = kept.and_then(|note| Checkpoint::parse(note.text()).ok());
    let earlier = match (proof.subject(), &kept) {
        (Subject::Growth { from }, Some(kept)) if kept.records_count == *from => Some(kept.root),
        (Subject::Growth { from: 0 } | Subject::Record { .. }, _) => None,
        _ => return "none".into(),
    };
    // One that is neither of then nor of now has nothing to do with the proof.
    let count = proof.checkpoint().records_count;
    let is_foreign = |kept: &Checkpoint| {
        kept.origin != proof.checkpoint().origin
            || (earlier.is_none() && kept.records_count != count)
    };
    if kept.as_ref().is_some_and(is_foreign) {
        return "none".into();
    }
    if proof.check(earlier).is_err() {
        return "NOT PROVEN".into();
    }
    let is_signed = proof.note().is_signed_by(log) && log.name() == proof.checkpoint().origin;
    if !is_signed || witness.is_some_and(|witness| proof.note().cosigned_at(witness).is_none()) {
        return "UNSIGNED".into();
    }
    match proof.subject() {
        Subject::Record { sequence, .. } => format!("PROVEN: record {sequence} stands in the log"),
        Subject::Growth { from } => {
            format!("PROVEN: the log begins with the {from} records of then")
        }
        _ => unreachable!("there are two kinds"),
    }
}

#[test]
fn both_readers_check_the_same_proofs() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let key = said("The log's key: ");
    let key = key.as_str();
    let log = NoteVerifier::parse(key).unwrap();
    let witness = said("The witness: ");
    let known = NoteVerifier::parse(&witness).unwrap();
    let first = said("The note:");
    let record = said("That record 1 stands in the log:");
    let growth = said("That it grew from the three records of the first note:");
    let good = [(&record, ""), (&growth, first.as_str())];
    let mut cases: Vec<(String, String, bool)> = Vec::new();
    for (proof, kept) in good {
        for is_witnessed in [false, true] {
            cases.push((proof.clone(), kept.to_string(), is_witnessed));
        }
        // Without the witness's line, and without all of the log's.
        let lines: Vec<&str> = proof.lines().collect();
        for cut in 1..=3 {
            let text = lines[..lines.len() - cut].join("\n") + "\n";
            cases.push((text.clone(), kept.to_string(), true));
            cases.push((text, kept.to_string(), false));
        }
    }
    cases.push((growth.clone(), String::new(), false));
    arbtest(|u| {
        let (proof, kept) = *u.choose(&good)?;
        let mut bytes = proof.clone().into_bytes();
        let at = u.choose_index(bytes.len())?;
        match u.int_in_range(0..=3)? {
            0 => bytes[at] ^= 1 << u.int_in_range(0..=6)?,
            1 => bytes[at] = *u.choose(b"AB0129+/= \n")?,
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *u.choose(b"A0= \n")?),
        }
        if let Ok(text) = String::from_utf8(bytes)
            && cases.len() < 1_500
        {
            cases.push((text, kept.to_string(), u.arbitrary()?));
        }
        Ok(())
    })
    .budget_ms(500);
    let mut input = String::new();
    for (proof, kept, is_witnessed) in &cases {
        let witness = if *is_witnessed { witness.as_str() } else { "-" };
        writeln!(input, "{} {} {witness}", hex(proof), hex(kept)).unwrap();
    }
    let answers = super::answers(DRIVER, key, input);
    let mut kinds = std::collections::BTreeSet::new();
    for (index, (answer, (proof, kept, is_witnessed))) in answers.lines().zip(&cases).enumerate() {
        let known = is_witnessed.then_some(&known);
        assert_eq!(verdict(proof, &log, known, kept), answer, "case {index}: {proof}");
        kinds.insert(answer.split(':').next().unwrap_or_default().to_string());
    }
    assert_eq!(answers.lines().count(), cases.len());
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

/// Proofs of every record and every growth of the log that both read, by the definition in the
/// script.
#[test]
fn both_readers_find_all_proofs_of_a_log_right() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let (log, _) = super::log();
    let mut notes = Vec::new();
    let mut verifier = sentinel_core::journal::Verifier::new(Default::default());
    for place in super::places(&log) {
        verifier.push(&log[place]);
        if let Some(note) = verifier.clone().finish().checkpoint
            && !notes.contains(&note)
        {
            notes.push(note);
        }
    }
    let key = verifier.finish().log_key.unwrap().to_string();
    let last = notes.last().unwrap().clone();
    let size = Checkpoint::parse(last.text()).unwrap().records_count;
    let proof = |prover: Result<Prover, _>| {
        let mut prover = prover.unwrap();
        assert!(!prover.file(&log).unwrap());
        prover.finish().unwrap().to_string()
    };
    let mut input = String::new();
    for sequence in 0..size {
        let text = proof(Prover::record(sequence, last.clone()));
        writeln!(input, "{}  -", hex(&text)).unwrap();
    }
    for note in &notes {
        let from = Checkpoint::parse(note.text()).unwrap().records_count;
        let text = proof(Prover::growth(from, last.clone()));
        writeln!(input, "{} {} -", hex(&text), hex(&note.to_string())).unwrap();
    }
    let answers = super::answers(DRIVER, &key, input);
    assert_eq!(answers.lines().count() as u64, size + notes.len() as u64);
    for answer in answers.lines() {
        assert!(answer.starts_with("PROVEN: "), "{answers}");
    }
}
