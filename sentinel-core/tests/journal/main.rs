//! The second reader of the journal, in another language, agrees with the first on good logs and on
//! thousands of damaged ones.
//!
//! The reader is the script under `examples/`. Where there is no `python3` the test says so and
//! ends.
#![cfg(feature = "journal")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod files;
mod names;
mod proofs;
mod samples;

use core::ops::Range;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use arbtest::arbtest;
use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, LogKey, Opening, Trust, Verifier, Writer,
};
use sentinel_core::time::Timestamp;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/verify_journal.py");

/// Reads cases as lines of hexadecimal, and answers each with a line. One process for all cases.
const DRIVER: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import verify_journal
pinned = bytes.fromhex(sys.argv[2])
for line in sys.stdin:
    print(verify_journal.verify([bytes.fromhex(line)], pinned))
";

#[test]
fn both_readers_agree() {
    let Ok(version) = Command::new("python3").arg("--version").output() else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(version.status.success());
    let (log, first_key) = log();
    let cases = cases(&log);
    let mut input = String::new();
    for case in &cases {
        for byte in case {
            write!(input, "{byte:02x}").unwrap();
        }
        input.push('\n');
    }
    let key: String = first_key.iter().map(|byte| format!("{byte:02x}")).collect();
    let answers = answers(DRIVER, &key, input);
    assert_eq!(answers.lines().count(), cases.len());
    let mut kinds = std::collections::BTreeSet::new();
    for (index, (answer, case)) in answers.lines().zip(&cases).enumerate() {
        let mut verifier = Verifier::new(Trust { first_key: Some(first_key), checkpoints: vec![] });
        verifier.push(case);
        let verdict = verifier.finish().verdict.to_string();
        assert_eq!(verdict, answer, "case {index}");
        kinds.insert(verdict.split(": ").last().unwrap_or_default().to_string());
    }
    assert!(kinds.len() >= 8, "the cases reach many verdicts: {kinds:?}");
}

/// What the script says, driven by some lines of its own language.
fn answers(driver: &str, word: &str, input: String) -> String {
    let folder = std::path::Path::new(SCRIPT).parent().unwrap();
    let mut script = Command::new("python3")
        .args(["-B", "-c", driver])
        .args([folder.to_str().unwrap(), word])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = script.stdin.take().unwrap();
    // Written aside, because the script answers while it still reads.
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = script.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn log() -> (Vec<u8>, [u8; 32]) {
    let seed = EpochSeed::first([1; 32]);
    let first_key = seed.public_key();
    let mut log = Vec::new();
    let opening = Opening { seed, nonce: [2; 16], now: Timestamp(0) };
    let mut writer =
        Writer::create(JournalId(*b"journal1"), "example.com/sentinel", opening, &mut log).unwrap();
    for index in 0..12_u8 {
        let payload = vec![index; usize::from(index)];
        let (time, conversation) = (Timestamp(u64::from(index)), u64::from(index % 3));
        let entry = Entry { time, actor: Actor::Person, kind: 2, conversation, payload: &payload };
        writer.append(entry, None, &mut log).unwrap();
        if index == 7 {
            writer.sign_with(LogKey::from_bytes(&[7; 32]));
        }
        if index % 5 == 4 {
            writer.checkpoint(time, &mut log).unwrap();
        }
    }
    (log, first_key)
}

/// The log whole, cut, with bits flipped, and with frames dropped, repeated, swapped and of another
/// log put in.
fn cases(log: &[u8]) -> Vec<Vec<u8>> {
    let mut cases = vec![log.to_vec(), Vec::new(), [log, &[0; 99]].concat()];
    let frames = frames(log);
    let mut other = frames.clone();
    for frame in &mut other[1..] {
        frame[8 + 5] ^= 1;
    }
    for index in 1..frames.len() {
        for change in 0..5 {
            let mut changed = frames.clone();
            match change {
                0 => drop(changed.remove(index)),
                1 => changed.insert(index, frames[index].clone()),
                2 => changed.swap(index, 1 + index % (frames.len() - 1)),
                3 => changed.insert(index, other[index].clone()),
                _ => changed[index] = other[index].clone(),
            }
            cases.push(changed.concat());
        }
    }
    arbtest(|u| {
        let mut case = log.to_vec();
        match u.int_in_range(0..=3)? {
            0 => case.truncate(u.choose_index(log.len())?),
            1 => {
                let at = u.choose_index(log.len())?;
                case.insert(at, u.arbitrary()?);
            }
            _ => {
                let index = u.choose_index(log.len())?;
                case[index] ^= 1 << u.int_in_range(0..=7)?;
            }
        }
        if cases.len() < 2_000 {
            cases.push(case);
        }
        Ok(())
    })
    .budget_ms(500);
    cases
}

/// The header, then each frame.
fn frames(log: &[u8]) -> Vec<Vec<u8>> {
    places(log).into_iter().map(|place| log[place].to_vec()).collect()
}

/// Where the header stands, then each frame.
fn places(log: &[u8]) -> Vec<Range<usize>> {
    let length = |at: usize| u32::from_le_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let mut places = Vec::from([Range { start: 0, end: 12 + length(8) + 32 }]);
    let mut start = places[0].end;
    while start < log.len() {
        places.push(start..start + 8 + length(start) + 32);
        start = places[places.len() - 1].end;
    }
    places
}
