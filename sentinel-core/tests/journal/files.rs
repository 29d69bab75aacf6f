//! Logs of several files, held against checkpoints that were kept elsewhere: both readers say the
//! same verdict and the same record, of the vectors of the page too.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use arbtest::arbtest;
use sentinel_core::journal::{
    Actor, Checkpoint, Entry, EpochSeed, JournalId, LogKey, Note, Opening, Trust, Verifier, Writer,
};
use sentinel_core::time::Timestamp;

use super::{answers, frames};

/// Reads cases as lines: the files and the kept notes, each list of hexadecimal with commas. The
/// same signatures come again and again, and are slow to check: what was found of one is
/// remembered.
pub(super) const DRIVER: &str = "
import functools
import sys
sys.path.insert(0, sys.argv[1])
import verify_journal as journal
journal.is_signed = functools.lru_cache(None)(journal.is_signed)
journal.is_key = functools.lru_cache(None)(journal.is_key)
pinned = bytes.fromhex(sys.argv[2]) or None
for line in sys.stdin:
    files, notes = line.rstrip('\\n').split(' ')
    files = [bytes.fromhex(file) for file in files.split(',')]
    try:
        notes = [bytes.fromhex(note).decode() for note in notes.split(',') if note]
        kept = [journal.parse_checkpoint(journal.parse_note(note)[0]) for note in notes]
    except ValueError:
        print('none')
        continue
    print(journal.verify(files, pinned, kept))
";

/// The files of a log, and the notes that were kept of it.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) files: Vec<Vec<u8>>,
    pub(super) kept: Vec<String>,
}

impl Case {
    fn line(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|file| hexadecimal(file)).collect();
        let kept: Vec<String> = self.kept.iter().map(|note| hexadecimal(note.as_bytes())).collect();
        format!("{} {}\n", files.join(","), kept.join(","))
    }

    /// What this reader says.
    fn verdict(&self, first_key: Option<[u8; 32]>) -> String {
        let parse = |note: &String| {
            let note = Note::parse(note).ok()?;
            Checkpoint::parse(note.text()).ok()
        };
        let Some(checkpoints) = self.kept.iter().map(parse).collect() else { return "none".into() };
        let mut verifier = Verifier::new(Trust { first_key, checkpoints });
        for (index, file) in self.files.iter().enumerate() {
            if index > 0 {
                verifier.next_file();
            }
            verifier.push(file);
        }
        verifier.finish().verdict.to_string()
    }
}

/// What both say of each case; none where there is no second reader.
pub(super) fn agreed(cases: &[Case], first_key: Option<[u8; 32]>) -> Vec<String> {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return Vec::new();
    }
    let key = first_key.map(|key| hexadecimal(&key)).unwrap_or_default();
    let answers = answers(DRIVER, &key, cases.iter().map(Case::line).collect());
    let answers: Vec<String> = answers.lines().map(str::to_string).collect();
    assert_eq!(answers.len(), cases.len());
    for (index, (answer, case)) in answers.iter().zip(cases).enumerate() {
        assert_eq!(&case.verdict(first_key), answer, "case {index}");
    }
    answers
}

#[test]
fn both_readers_agree_on_files_and_kept_checkpoints() {
    let (log, notes) = log(1, |_| 3);
    let (other, other_notes) = log_of_another();
    // From the sixth record on it says something else, under the same keys.
    let (rewritten, rewritten_notes) = self::log(1, |index| if index < 6 { 3 } else { 4 });
    let mut kept = Vec::from([vec![], notes.clone(), other_notes[..1].to_vec()]);
    kept.extend(notes.iter().chain(&rewritten_notes).map(|note| vec![note.clone()]));
    let mut cases = Vec::new();
    for kept in &kept {
        for files in [log.clone(), log[..2].to_vec(), rewritten.clone(), other.clone()] {
            cases.push(Case { files, kept: kept.clone() });
        }
    }
    let damaged = damaged_by_hand(&log, &other, &rewritten);
    for (files, kept) in damaged.into_iter().zip(kept.iter().cycle()) {
        cases.push(Case { files, kept: kept.clone() });
    }
    arbtest(|u| {
        let mut files = log.clone();
        let index = u.choose_index(files.len())?;
        let file = &mut files[index];
        let at = u.choose_index(file.len())?;
        match u.int_in_range(0..=5)? {
            0 => file.truncate(at),
            1 => file.insert(at, u.arbitrary()?),
            2 => file.extend(vec![0; u.int_in_range(1..=99)?]),
            3 => drop(file.remove(at)),
            _ => file[at] ^= 1 << u.int_in_range(0..=7)?,
        }
        let kept = u.choose(&kept)?.clone();
        if cases.len() < 600 {
            cases.push(Case { files, kept });
        }
        Ok(())
    })
    .budget_ms(500);
    let verdicts = agreed(&cases, Some(EpochSeed::first([1; 32]).public_key()));
    let kinds: BTreeSet<&str> =
        verdicts.iter().filter_map(|verdict| verdict.split(": ").last()).collect();
    for kind in [
        "OK",
        "the log ends here, but a kept checkpoint vouches for more",
        "the file that should go on here is missing, damaged or exchanged",
        "a record that is not of this log stands here",
        "its bytes were changed",
        "it is missing",
    ] {
        assert!(verdicts.is_empty() || kinds.contains(kind), "{kind}: {kinds:?}");
    }
    let is_forged = kinds.iter().any(|kind| kind.contains("were rewritten"));
    assert!(verdicts.is_empty() || is_forged, "{kinds:?}");
}

/// The log of the page, cut where it goes on, against the notes that stand there.
#[test]
fn both_readers_agree_on_the_vectors_of_the_page() {
    let bytes = |after: &str| {
        let digits: Vec<char> = said(after).chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |pair: &[char]| pair.iter().collect::<String>();
        digits.chunks(2).map(|pair| u8::from_str_radix(&byte(pair), 16).unwrap()).collect()
    };
    let (first, rest): (Vec<u8>, Vec<u8>) = (bytes("The log:"), bytes("The log goes on:"));
    let whole = [first.clone(), rest].concat();
    let note = said("The note:");
    let growth = said("That it grew from the three records of the first note:");
    let (_, cosigned) = growth.split_once("\n\n").unwrap();
    let mut cases = Vec::new();
    for kept in [vec![], vec![note.clone()], vec![cosigned.into()], vec![note, cosigned.into()]] {
        for bytes in [&first, &whole] {
            cases.push(Case { files: vec![bytes.clone()], kept: kept.clone() });
        }
    }
    let verdicts = agreed(&cases, Some(EpochSeed::first([1; 32]).public_key()));
    for (case, verdict) in cases.iter().zip(&verdicts) {
        let is_cut = case.files[0] == first && case.kept.iter().any(|kept| *kept == cosigned);
        assert_eq!(verdict != "OK", is_cut, "{verdict}");
    }
}

fn said(after: &str) -> String {
    super::proofs::said(after)
}

/// A log of four files, and its checkpoints as notes.
fn log(id: u8, byte: impl Fn(u8) -> u8) -> (Vec<Vec<u8>>, Vec<String>) {
    let opening = Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now: Timestamp(0) };
    let mut files = vec![Vec::new()];
    let mut notes = Vec::new();
    let mut writer =
        Writer::create(JournalId([id; 8]), "example.com/sentinel", opening, &mut files[0]).unwrap();
    for index in 0..12_u8 {
        let file = files.last_mut().unwrap();
        let payload = vec![byte(index); usize::from(index)];
        let (time, conversation) = (Timestamp(u64::from(index)), u64::from(index % 3));
        let entry = Entry { time, actor: Actor::Person, kind: 2, conversation, payload: &payload };
        writer.append(entry, None, file).unwrap();
        if index == 7 {
            writer.sign_with(LogKey::from_bytes(&[7; 32]));
        }
        if index % 3 == 2 {
            notes.push(writer.checkpoint(time, file).unwrap().to_string());
        }
        if index % 4 == 3 && index < 11 {
            files.push(Vec::new());
            writer.rotate(files.last_mut().unwrap());
        }
    }
    (files, notes)
}

fn log_of_another() -> (Vec<Vec<u8>>, Vec<String>) {
    log(9, |index| index)
}

/// Files whole, dropped, repeated, swapped, cut short, joined and exchanged; and frames that went
/// to another place in their file or to another file.
fn damaged_by_hand(log: &[Vec<u8>], other: &[Vec<u8>], rewritten: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut cases = vec![log.to_vec(), vec![Vec::new()], vec![log.concat()], rewritten.to_vec()];
    for index in 0..log.len() {
        let next = (index + 1) % log.len();
        let mut change = |changed: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut files = log.to_vec();
            changed(&mut files);
            cases.push(files);
        };
        change(&|files| drop(files.remove(index)));
        change(&|files| files.truncate(index + 1));
        change(&|files| files.insert(index, log[index].clone()));
        change(&|files| files.insert(index, Vec::new()));
        change(&|files| files.swap(index, next));
        change(&|files| files[index] = other[index].clone());
        change(&|files| files[index] = rewritten[index].clone());
        change(&|files| files[index].truncate(20));
        change(&|files| files[index].extend([0; 40]));
        let parts = frames(&log[index]);
        for at in 1..parts.len() {
            change(&|files| files[index] = parts[..at].concat());
            change(&|files| files[index] = [&parts[..at], &parts[at + 1..]].concat().concat());
            change(&|files| files[next].extend_from_slice(&parts[at]));
            change(&|files| files[index].extend_from_slice(&parts[at]));
            change(&|files| {
                let foreign = frames(&other[index]);
                files[index] = [&parts[..at], &foreign[at..]].concat().concat();
            });
        }
    }
    cases.retain(|files| !files.is_empty());
    cases
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
