//! The real program, asked about its log: whole, changed in every way, while it is written, and
//! with keys that are there, gone or others.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

#[path = "audit/proofs.rs"]
mod proofs;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sentinel_core::agent::Kind;
use sentinel_core::journal::{
    Actor, Entry, EpochSeed, JournalId, KeyRing, MasterKey, Opening, Reader, Trust, Writer,
    export::Keys, recover,
};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

/// A workspace and a state directory, which are gone when the test is.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        let home = Self { path };
        home.configure("");
        home
    }

    fn configure(&self, more: &str) {
        let work = self.path.join("work").display().to_string();
        let text = format!("[security]\ngrants = [\"read,list {work}\"]\n{more}");
        fs::write(self.path.join("sentinel.toml"), text).unwrap();
    }

    fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    fn log(&self) -> PathBuf {
        self.state().join("journal/000000.log")
    }

    fn sentinel(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(self.path.join("work")).args(words);
        command.arg("--state").arg(self.state()).args(["--config", "../sentinel.toml"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Says one thing.
    fn ask(&self, text: &str) {
        let output = self.sentinel(&["chat", "-m", text]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    fn audit(&self, words: &[&str]) -> (i32, String) {
        let output = self.sentinel(&[&["audit"], words].concat()).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    }

    fn put(&self, log: &[u8]) {
        fs::write(self.log(), log).unwrap();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Where the header of a file ends, and each of its records.
fn ends(log: &[u8]) -> Vec<usize> {
    let number = |at: usize| u32::from_le_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let mut ends = vec![12 + number(8) + 32];
    while let Some(at) = ends.last().copied().filter(|at| *at < log.len()) {
        ends.push(at + 8 + number(at) + 32);
    }
    assert_eq!(ends.last(), Some(&log.len()));
    ends
}

#[test]
fn a_log_with_tool_calls_is_good_and_both_readers_say_so() {
    let home = Home::new("audit-good");
    home.ask("read README.md");
    home.ask("list the files here");
    let (code, text) = home.audit(&["verify"]);
    assert!(code == 0 && text.starts_with("OK\n"), "{text}");
    assert!(text.contains("(as the log says; --key pins it)"), "{text}");
    assert!(text.contains("state/checkpoint, over "), "{text}");
    // A second reader, which shares no line with this one.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/verify_journal.py");
    let python = |note: &Path| {
        let mut command = Command::new("python3");
        command.arg(script).arg("--kept").arg(note).arg(home.log());
        said(&command.output().unwrap())
    };
    assert_eq!(python(&home.state().join("checkpoint")), "OK\n");

    let (code, text) = home.audit(&["verify", "--json"]);
    let document = json::parse(text.as_bytes()).unwrap();
    let field = |name: &str| document.root().find(name).unwrap();
    assert_eq!((code, field("verdict").as_str().unwrap()), (0, "ok"));
    let (key, records) = (field("first_key").as_str().unwrap(), field("records").as_u64().unwrap());
    assert_eq!(field("epochs").as_u64().unwrap(), 2);
    let (code, text) = home.audit(&["verify", "--key", key]);
    assert!(code == 0 && text.contains("(pinned)"), "{text}");
    let other = "0".repeat(64);
    let (code, text) = home.audit(&["verify", "--key", &other]);
    assert!(code == 1 && text.starts_with("BAD at record 0: the file"), "{text}");
    assert_eq!(home.audit(&["verify", "--key", "00"]).0, 2);

    // Every record is one line of JSON, sealed unless it is to be opened.
    let (code, sealed) = home.audit(&["export"]);
    assert_eq!((code, sealed.lines().count() as u64), (0, records));
    let (code, open) = home.audit(&["export", "--open"]);
    assert_eq!((code, open.lines().count() as u64), (0, records));
    for line in sealed.lines().chain(open.lines()) {
        json::parse(line.as_bytes()).unwrap();
    }
    assert!(open.contains("read README.md") && !sealed.contains("README"));
    assert!(home.audit(&["export", "--open", "--sealed"]).1.contains("two wishes"));

    // For people, as much as they want to see.
    let (code, text) = home.audit(&["show"]);
    assert_eq!((code, text.lines().count() as u64), (0, records), "{text}");
    assert!(text.contains("  message  ") && text.contains("you on terminal: \"read README.md\""));
    let (_, text) = home.audit(&["show", "--kind", "call", "--last", "2", "--whole"]);
    assert!(text.lines().count() == 2 && text.lines().all(|line| line.contains("  call.")));
    assert_eq!(home.audit(&["show", "--since", "2999-01-01"]), (0, String::new()));
    assert_eq!(home.audit(&["show", "--conversation", "99"]), (0, String::new()));
    let (code, text) = home.audit(&["show", "--kind", "cal"]);
    assert!(code == 2 && text.contains("no kind of record"), "{text}");
}

/// Every byte of a log, one after the other: what is found is that record, and never that all is
/// well.
#[test]
fn every_byte_that_is_flipped_is_found_in_its_record() {
    let home = Home::new("audit-flip");
    home.ask("/status");
    let log = fs::read(home.log()).unwrap();
    let ends = ends(&log);
    for place in 0..log.len() {
        let mut wrong = log.clone();
        wrong[place] ^= 1 << (place % 8);
        home.put(&wrong);
        let (code, text) = home.audit(&["verify"]);
        let record = ends.iter().filter(|end| **end <= place).count().saturating_sub(1);
        let verdict = format!("BAD at record {record}: ");
        assert!(code == 1 && text.starts_with(&verdict), "byte {place}: {text}");
    }
    home.put(&log);
    assert_eq!(home.audit(&["verify"]).0, 0);
}

#[test]
fn a_log_that_was_cut_anywhere_is_never_called_good() {
    let home = Home::new("audit-cut");
    home.ask("/status");
    let log = fs::read(home.log()).unwrap();
    let ends = ends(&log);
    // All but the record of the checkpoint itself is vouched for.
    let vouched = ends[ends.len() - 2];
    for cut in 0..log.len() {
        home.put(&log[..cut]);
        let (code, text) = home.audit(&["verify"]);
        let (expected, word) = if cut < vouched { (1, "BAD at record ") } else { (2, "OPEN TAIL") };
        assert!(code == expected && text.starts_with(word), "cut at {cut}: {text}");
    }
}

#[test]
fn records_that_are_dropped_swapped_repeated_or_brought_are_found() {
    let (home, other) = (Home::new("audit-order"), Home::new("audit-other"));
    home.ask("read README.md");
    other.ask("read README.md");
    let (log, foreign) = (fs::read(home.log()).unwrap(), fs::read(other.log()).unwrap());
    let (places, foreign_places) = (ends(&log), ends(&foreign));
    let header = &log[..places[0]];
    let records: Vec<&[u8]> = places.windows(2).map(|pair| &log[pair[0]..pair[1]]).collect();
    let foreign: Vec<&[u8]> =
        foreign_places.windows(2).map(|pair| &foreign[pair[0]..pair[1]]).collect();
    let last = records.len() - 1;
    for at in 1..last {
        for (word, how) in [
            (
                "it is missing",
                &(|all: &mut Vec<&[u8]>| {
                    all.remove(at);
                }) as &dyn Fn(&mut _),
            ),
            ("it stands after a later one", &|all: &mut Vec<&[u8]>| all.swap(at, at + 1)),
            ("an earlier record stands here again", &|all: &mut Vec<&[u8]>| {
                all.insert(at, records[at - 1]);
            }),
            ("not of this log", &|all: &mut Vec<&[u8]>| all.insert(at, foreign[at])),
        ] {
            let mut changed = records.clone();
            how(&mut changed);
            home.put(&[header, &changed.concat()].concat());
            let (code, text) = home.audit(&["verify"]);
            let verdict = format!("BAD at record {at}: ");
            let first = text.lines().next().unwrap();
            assert!(code == 1 && first.starts_with(&verdict) && first.contains(word), "{text}");
        }
    }
}

#[test]
fn a_log_that_was_rolled_back_is_found_by_a_kept_checkpoint() {
    let home = Home::new("audit-back");
    home.ask("read README.md");
    let copy = home.path.join("copy");
    copy_all(&home.state(), &copy);
    home.ask("list the files here");
    let output = home.sentinel(&["audit", "checkpoint"]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
    let kept = home.path.join("kept.note");
    fs::write(&kept, &output.stdout).unwrap();
    assert_eq!(output.stdout, fs::read(home.state().join("checkpoint")).unwrap());
    let note = kept.to_str().unwrap();
    assert_eq!(home.audit(&["verify", "--note", note]).0, 0);

    // The whole directory as it was, its own checkpoint included: only what was kept tells.
    fs::remove_dir_all(home.state()).unwrap();
    copy_all(&copy, &home.state());
    assert_eq!(home.audit(&["verify"]).0, 0);
    let (code, text) = home.audit(&["verify", "--note", note]);
    assert!(code == 1 && text.contains("a kept checkpoint vouches for more"), "{text}");
    // And what grows from there is another log than the one that was vouched for.
    home.ask("hello");
    home.ask("list the files here");
    let (code, text) = home.audit(&["verify", "--note", note]);
    assert!(code == 1 && text.contains("were rewritten"), "{text}");
    fs::write(&kept, "no note\n").unwrap();
    let (code, text) = home.audit(&["verify", "--note", note]);
    assert!(code == 2 && text.contains("kept.note: "), "{text}");
}

fn copy_all(from: &Path, to: &Path) {
    let is_good = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success();
    assert!(is_good);
}

/// While an agent is at work nothing is bad, and afterwards all is good.
#[test]
fn a_log_is_verified_while_it_is_written() {
    let home = Home::new("audit-live");
    let mut child = home.sentinel(&["chat"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut verdicts = std::collections::BTreeSet::new();
    for _ in 0..40 {
        input.write_all(b"read README.md\nlist the files here\n").unwrap();
        let (code, text) = home.audit(&["verify"]);
        // At the very start there is no directory yet, and then no log in it.
        let is_early = text.contains("No such file") || text.contains("there is no log here");
        assert!(code == 2, "{text}");
        assert!(is_early || text.starts_with("OPEN TAIL: "), "{text}");
        verdicts.insert(text.lines().next().unwrap().to_string());
    }
    assert!(verdicts.len() > 1, "it never saw it grow: {verdicts:?}");
    drop(input);
    assert!(child.wait().unwrap().success());
    let (code, text) = home.audit(&["verify"]);
    assert!(code == 0, "{text}");
}

#[test]
fn a_file_that_is_missing_among_others_is_found() {
    let home = Home::new("audit-files");
    let opening = Opening { seed: EpochSeed::first([1; 32]), nonce: [2; 16], now: Timestamp(0) };
    let mut files = vec![Vec::new()];
    let mut writer =
        Writer::create(JournalId([3; 8]), "example.com/log", opening, &mut files[0]).unwrap();
    for number in 0..4 {
        let file = files.last_mut().unwrap();
        let (time, payload) = (Timestamp(number), &b"in the clear"[..]);
        let entry = Entry { time, actor: Actor::System, kind: 1, conversation: 0, payload };
        writer.append(entry, None, file).unwrap();
        if number == 3 {
            writer.checkpoint(Timestamp(9), file).unwrap();
        } else {
            let mut next = Vec::new();
            writer.rotate(&mut next);
            files.push(next);
        }
    }
    let directory = home.path.join("log");
    let write = |skipped: &[usize]| {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        for (number, file) in files.iter().enumerate().filter(|(n, _)| !skipped.contains(n)) {
            fs::write(directory.join(format!("{number:06}.log")), file).unwrap();
        }
    };
    let place = directory.to_str().unwrap();
    write(&[]);
    let (code, text) = home.audit(&["verify", place]);
    assert!(code == 0 && text.contains("in 4 file(s)"), "{text}");
    for (skipped, record) in [(&[0][..], 0), (&[1], 2), (&[2], 3), (&[1, 2], 2)] {
        write(skipped);
        let (code, text) = home.audit(&["verify", place]);
        let verdict = format!("BAD at record {record}: the file that should go on here");
        assert!(code == 1 && text.starts_with(&verdict), "{skipped:?}: {text}");
    }
    // Files by their names, in their order and in another.
    write(&[]);
    let name = |number: usize| directory.join(format!("{number:06}.log")).display().to_string();
    let (a, b, c, d) = (name(0), name(1), name(2), name(3));
    assert_eq!(home.audit(&["verify", &a, &b, &c, &d]).0, 0);
    assert_eq!(home.audit(&["verify", &a, &c, &b, &d]).0, 1);
    assert_eq!(home.audit(&["verify", &a, &b]).0, 2);
    assert_eq!(home.audit(&["verify", "/nowhere"]).0, 2);
    let (code, text) = home.audit(&["verify", home.path.join("work").to_str().unwrap()]);
    assert!(code == 2 && text.contains("there is no log here"), "{text}");
    // A command line that is not understood is no verdict either.
    assert_eq!(home.audit(&["verify", "--ntoe", "x"]).0, 2);
}

#[test]
fn a_log_is_replayed_through_other_settings() {
    let home = Home::new("audit-replay");
    home.ask("read README.md");
    home.configure("[agent]\nrounds = 5\n");
    home.ask("list the files here");
    home.configure("mode = \"strict\"\n");
    home.ask("read README.md");
    let (code, text) = home.audit(&["replay"]);
    assert!(code == 0 && text.starts_with("SAME"), "{text}");
    let (code, text) = home.audit(&["replay", "--json"]);
    assert!(code == 0 && text.contains("\"verdict\":\"same\""), "{text}");

    // Who holds every key can write what did not happen so that all verifies; but it does not
    // follow from what came in.
    let log = fs::read(home.log()).unwrap();
    let (ring, master) = keys(&home);
    let seed = fs::read(home.state().join("seed")).unwrap();
    let seed = EpochSeed::from_bytes(seed.as_slice().try_into().unwrap());
    let recovered = recover([log.as_slice()], Trust::default()).unwrap();
    let records_count = recovered.records_count();
    let now = Timestamp(u64::MAX / 2);
    let mut more = log.clone();
    let opening = Opening { seed, nonce: [9; 16], now };
    let mut writer = Writer::resume(recovered, opening, &mut more).unwrap();
    let payload = br#"{"call":1,"tool":"read_file","answer":"allow"}"#;
    let kind = Kind::CallDecided.number();
    let entry = Entry { time: now, actor: Actor::System, kind, conversation: 1, payload };
    writer.append(entry, Some(&ring.open(1, &master).unwrap()), &mut more).unwrap();
    writer.checkpoint(now, &mut more).unwrap();
    home.put(&more);
    assert_eq!(home.audit(&["verify"]).0, 0);
    let (code, text) = home.audit(&["replay"]);
    let record = format!("DIFFERS at record {}: call.decided of ", records_count + 1);
    assert!(code == 1 && text.starts_with(&record), "{text}");
    home.put(&log);

    // What is damaged is not replayed at all.
    home.put(&log[1..]);
    let (code, text) = home.audit(&["replay"]);
    assert!(code == 1 && text.starts_with("BAD at record 0"), "{text}");
    home.put(&log);
    // And without the settings of then nobody can tell.
    fs::remove_dir_all(home.state().join("settings")).unwrap();
    let (code, text) = home.audit(&["replay"]);
    assert!(code == 2 && text.contains("are not at hand"), "{text}");
}

fn keys(home: &Home) -> (KeyRing, MasterKey) {
    let hex = fs::read_to_string(home.state().join("journal.key")).unwrap();
    let mut key = [0; 32];
    for (byte, place) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
    }
    let ring = KeyRing::from_bytes(&fs::read(home.state().join("keys")).unwrap()).unwrap();
    (ring, MasterKey::new(key))
}

/// What was forgotten is gone, what else stands there is not, and the log is as good as before.
#[test]
fn a_forgotten_conversation_is_shown_as_that() {
    let home = Home::new("audit-forgotten");
    home.ask("read README.md");
    let (mut ring, _) = keys(&home);
    assert!(ring.forget(1));
    fs::write(home.state().join("keys"), ring.to_bytes()).unwrap();
    let (code, text) = home.audit(&["show"]);
    assert!(code == 0 && text.contains("(forgotten)") && !text.contains("README"), "{text}");
    assert!(text.contains("  started  "), "{text}");
    let (_, text) = home.audit(&["export", "--open"]);
    assert!(text.contains("\"unopened\":\"forgotten\"") && !text.contains("README"), "{text}");
    assert_eq!(home.audit(&["verify"]).0, 0);
    // No person had it forgotten: the key was taken.
    let (code, text) = home.audit(&["replay"]);
    assert!(code == 1 && text.contains("no record says that it was forgotten"), "{text}");
}

/// What a person had forgotten is passed over by a replay, up to the next snapshot.
#[test]
fn a_conversation_that_a_person_had_forgotten_is_passed_over() {
    let home = Home::new("audit-passed-over");
    home.ask("read README.md");
    let forgetting = home.sentinel(&["conversations", "forget", "1"]).output().unwrap();
    assert!(forgetting.status.success(), "{forgetting:?}");
    let (code, text) = home.audit(&["replay"]);
    assert!(code == 0 && text.contains("was forgotten, up to the next snapshot"), "{text}");
}

/// Control characters and marks that reorder, said by a person, stay out of the operator's
/// terminal.
#[test]
fn nothing_that_was_said_reaches_the_terminal_as_a_command() {
    let home = Home::new("audit-escape");
    home.ask("hello \u{202e}\u{9b}31m\u{1b}[2J there");
    let (code, text) = home.audit(&["show", "--whole"]);
    assert_eq!(code, 0);
    assert!(text.contains("hello") && text.contains("there"), "{text}");
    let is_bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!text.contains(is_bad), "{text:?}");
    let (_, text) = home.audit(&["export", "--open"]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn a_log_under_a_passphrase_opens_for_that_one_only() {
    let home = Home::new("audit-phrase");
    let file = home.path.join("phrase");
    let seal = format!("[state]\nkey = \"passphrase\"\npassphrase_file = \"{}\"\n", file.display());
    home.configure(&seal);
    fs::write(&file, "correct horse battery\n").unwrap();
    home.ask("read README.md");
    assert!(!home.state().join("journal.key").exists());
    let everything = |home: &Home| -> Vec<(PathBuf, Vec<u8>)> {
        let places = ["id", "keys", "seed", "checkpoint", "passphrase", "version"];
        let mut all: Vec<_> = places.iter().map(|name| home.state().join(name)).collect();
        all.push(home.log());
        all.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let before = everything(&home);
    assert!(before.iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains("horse")));

    fs::write(&file, "correct horse buttery\n").unwrap();
    let output = home.sentinel(&["chat", "-m", "hello"]).output().unwrap();
    let text = said(&output);
    assert!(!output.status.success() && text.contains("this is not the passphrase"), "{text}");
    assert!(!text.contains("buttery"), "{text}");
    let (code, text) = home.audit(&["show"]);
    assert!(code == 2 && text.contains("this is not the passphrase"), "{text}");
    assert_eq!(home.audit(&["verify"]).0, 0, "that needs no key");
    assert!(everything(&home) == before, "a wrong passphrase changed something");

    // In a variable as well; and without a terminal nobody can be asked.
    home.configure("[state]\nkey = \"passphrase\"\npassphrase_env = \"AUDIT_PHRASE\"\n");
    let mut command = home.sentinel(&["audit", "show", "--kind", "message"]);
    let output = command.env("AUDIT_PHRASE", "correct horse battery").output().unwrap();
    assert!(said(&output).contains("read README.md"), "{}", said(&output));
    // It is in one place; which one is read back from what is shown.
    home.configure(&format!("{seal}passphrase_env = \"AUDIT_PHRASE\"\n"));
    let output = home.sentinel(&["config", "check"]).output().unwrap();
    assert!(said(&output).contains("two are named"), "{}", said(&output));
    home.configure(&seal);
    let shown = said(&home.sentinel(&["config", "show"]).output().unwrap());
    assert!(shown.contains(&format!("passphrase_file = \"{}\"", file.display())), "{shown}");
    // Another kind of key is not taken for this log.
    home.configure("");
    let output = home.sentinel(&["chat", "-m", "hello"]).output().unwrap();
    assert!(said(&output).contains("sealed with a passphrase"), "{}", said(&output));
    assert!(everything(&home) == before);
}

/// Asked in a terminal of its own, where nothing of it is seen.
#[test]
fn a_passphrase_is_asked_for_in_the_terminal_and_not_shown() {
    let home = Home::new("audit-asked");
    home.configure("[state]\nkey = \"passphrase\"\n");
    // A line is typed when its question is there.
    let typed = |lines: &[&str]| -> String {
        let program = env!("CARGO_BIN_EXE_sentinel");
        let state = home.state();
        let line = format!(
            "{program} chat -m /status --config ../sentinel.toml --state {}",
            state.display()
        );
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/typed.py");
        let mut command = Command::new("python3");
        command.current_dir(home.path.join("work")).arg(script).arg(line).args(lines);
        said(&command.output().unwrap())
    };
    let text = typed(&["new log: battery staple", "more: battery stable"]);
    assert!(text.contains("two passphrases"), "{text}");
    assert!(!home.state().join("passphrase").exists());
    let text = typed(&["new log: battery staplX\u{7f}e", "more: battery staple"]);
    assert!(home.state().join("passphrase").exists(), "{text}");
    assert!(!text.contains("staple"), "{text}");
    let text = typed(&["log: wrong one", "log: \u{3}"]);
    assert!(text.contains("this is not the passphrase"), "{text}");
    assert!(text.contains("no passphrase was given"), "{text}");
    let text = typed(&["log: battery staple"]);
    assert!(!text.contains("not the passphrase") && !text.contains("staple"), "{text}");
    assert_eq!(home.audit(&["verify"]).0, 0);
}

#[test]
fn a_directory_of_an_earlier_version_becomes_one_of_this_one() {
    let home = Home::new("audit-layout");
    home.ask("read README.md");
    let state = |name: &str| home.state().join(name);
    let note = fs::read(state("checkpoint")).unwrap();
    // As the first version left it.
    fs::remove_file(state("checkpoint")).unwrap();
    fs::write(state("version"), "1\n").unwrap();
    let output = home.sentinel(&["chat", "-m", "list the files here"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("now of layout 2"), "{}", said(&output));
    assert_eq!(fs::read(state("version")).unwrap(), b"2\n");
    assert_eq!(fs::read(state("before-2/version")).unwrap(), b"1\n");
    assert!(fs::read(state("checkpoint")).unwrap() != note);
    assert_eq!(home.audit(&["verify"]).0, 0);

    for version in ["3\n", "0\n", "\u{1b}[2Jx\n", ""] {
        fs::write(state("version"), version).unwrap();
        let output = home.sentinel(&["chat", "-m", "hello"]).output().unwrap();
        let text = said(&output);
        assert!(!output.status.success() && text.contains("later version"), "{text}");
        assert!(
            !text.contains('\u{1b}') && fs::read(state("version")).unwrap() == version.as_bytes()
        );
    }
}

/// What is read from outside is what the agent wrote: the same reader that it starts from.
#[test]
fn what_is_shown_is_what_is_there() {
    let home = Home::new("audit-there");
    home.ask("read README.md");
    let log = fs::read(home.log()).unwrap();
    let (ring, master) = keys(&home);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&log).unwrap();
    let mut numbers = Vec::new();
    while let Some((record, _)) = reader.next(&mut records) {
        numbers.push(format!("{:>6}  {}", record.sequence, record.time));
    }
    let (_, text) = home.audit(&["show"]);
    let shown: Vec<&str> = text.lines().map(|line| &line[..32]).collect();
    assert_eq!(shown, numbers);
}
