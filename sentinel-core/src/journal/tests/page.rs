//! The vectors of `docs/AUDIT.md`, made again.

use alloc::string::String;
use core::fmt::Write as _;

use ed25519_dalek::SigningKey;

use super::*;

/// The page and the code say the same bytes.
#[test]
fn the_vectors_of_the_page_are_the_codes() {
    let page = include_str!("../../../../docs/AUDIT.md");
    let (log, vectors) = documented();
    assert!(page.ends_with(&vectors), "docs/AUDIT.md should end with:\n{vectors}");
    let first_key = Some(EpochSeed::first([1; 32]).public_key());
    assert_eq!(verify(&log, Trust { first_key, ..Trust::default() }), Verdict::Ok);
}

/// The log of the page, and what the page says of it.
fn documented() -> (Vec<u8>, String) {
    let (master, mut ring) = (MasterKey::new([5; 32]), KeyRing::new());
    let key = ring.create(7, &master, [6; 56]).unwrap();
    let seed = EpochSeed::first([1; 32]);
    let first_key = Hash(seed.public_key());
    let mut log = Vec::new();
    let mut writer = Writer::create(JOURNAL, ORIGIN, opening(seed), &mut log).unwrap();
    let said = Entry { kind: 1, conversation: 0, ..entry(1_000, br#"{"first":true}"#) };
    writer.append(said, None, &mut log).unwrap();
    writer.append(entry(2_000, br#"{"said":"hello"}"#), Some(&key), &mut log).unwrap();
    let root = writer.root();
    let note = writer.checkpoint(Timestamp(3_000), &mut log).unwrap();
    let mut page = String::new();
    writeln!(page, "First key: `{first_key}`\n").unwrap();
    writeln!(page, "Root over records 0 to 2: `{root}`\n").unwrap();
    writeln!(page, "The note:\n\n```\n{note}```\n").unwrap();
    writeln!(page, "The key ring:\n\n```\n{}```\n", hexadecimal(&ring.to_bytes())).unwrap();
    writeln!(page, "The log:\n\n```\n{}```\n", hexadecimal(&log)).unwrap();

    let first = log.len();
    let (log_key, witness) = (LogKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
    let told = log_key.verifier(ORIGIN).unwrap();
    writer.sign_with(log_key);
    let mut note = writer.checkpoint(Timestamp(4_000), &mut log).unwrap();
    note.cosign(WITNESS, &witness, 1_700_000_000);
    let known = NoteVerifier::new(WITNESS, witness.verifying_key().as_bytes()).unwrap();
    assert!(note.is_signed_by(&told));
    assert_eq!(note.cosigned_at(&known), Some(Timestamp(1_700_000_000_000)));
    let proof = |prover: Result<Prover, _>| {
        let mut prover = prover.unwrap();
        prover.file(&log).unwrap();
        prover.finish().unwrap()
    };
    let record = proof(Prover::record(1, note.clone()));
    let growth = proof(Prover::growth(3, note));
    assert_eq!((record.check(None), growth.check(Some(root))), (Ok(()), Ok(())));
    writeln!(page, "{AFTER}\n").unwrap();
    writeln!(page, "The log goes on:\n\n```\n{}```\n", hexadecimal(&log[first..])).unwrap();
    writeln!(page, "The log's key: `{told}`\n").unwrap();
    writeln!(page, "The witness: `{}`\n", known.as_witness()).unwrap();
    writeln!(page, "That record 1 stands in the log:\n\n```\n{record}```\n").unwrap();
    writeln!(page, "That it grew from the three records of the first note:\n\n```\n{growth}```")
        .unwrap();
    (log, page)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(48) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

const WITNESS: &str = "witness.example/w1";

const AFTER: &str = "\
    Then the log is given a key for others, made from 32 bytes `07`, and a second checkpoint, \
    which the witness\n`witness.example/w1` cosigned at 1700000000 (Ed25519, secret key 32 bytes \
    `08`).";
