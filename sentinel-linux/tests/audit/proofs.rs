//! What others are given of a log: proofs, and checkpoints that a witness cosigned.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sentinel_core::text::json;

use super::{Home, copy_all, said};

impl Home {
    /// What the program prints when all is well.
    fn prints(&self, words: &[&str]) -> String {
        let output = self.sentinel(&[&["audit"], words].concat()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The log's key for others.
    fn key(&self) -> String {
        let text = self.prints(&["verify", "--json"]);
        let document = json::parse(text.as_bytes()).unwrap();
        document.root().find("log_key").unwrap().as_str().unwrap().to_string()
    }

    /// A file beside the workspace.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// The other reader, asked about a proof.
fn python(words: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/verify_journal.py");
    said(&Command::new("python3").arg("-B").arg(script).args(words).output().unwrap())
}

#[test]
fn a_record_is_proved_to_one_who_has_no_log() {
    let home = Home::new("proof-record");
    home.ask("read README.md");
    let key = home.key();
    let early = home.file("early.note", &home.prints(&["checkpoint"]));
    home.ask("list the files here");
    let proof = home.prints(&["prove", "3"]);
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nextra "), "{proof}");
    assert!(!proof.contains("README"), "it is sealed");
    let file = home.file("3.tlog-proof", &proof);
    let text = home.prints(&["prove", "3", "--json"]);
    let document = json::parse(text.as_bytes()).unwrap();
    assert_eq!(document.root().find("proof").unwrap().as_str(), Ok(proof.as_str()));

    // Without the log, the state and the configuration.
    fs::rename(home.state(), home.path.join("away")).unwrap();
    let (code, text) = home.audit(&["check", &file, "--log-key", &key]);
    assert!(code == 0 && text.starts_with("PROVEN: record 3 stands in the log\n"), "{text}");
    let text = home.prints(&["check", &file, "--log-key", &key, "--json"]);
    assert!(text.contains("\"verdict\":\"proven\",\"record\":3,"), "{text}");
    assert_eq!(
        python(&["--proof", "--log-key", &key, &file]),
        "PROVEN: record 3 stands in the log\n"
    );
    // Nobody is believed who was not named, and a key of another log is another.
    let (code, text) = home.audit(&["check", &file]);
    assert!(code == 2 && text.contains("nobody was named"), "{text}");
    assert_eq!(python(&["--proof", &file]), "UNSIGNED\n");
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let (code, text) = home.audit(&["check", &file, "--log-key", other]);
    assert!(code == 2 && text.contains("UNSIGNED"), "{text}");
    let (code, text) = home.audit(&["check", &file, "--witness", other]);
    assert!(code == 2 && text.contains("the witness PeterNeumann did not cosign it"), "{text}");
    let (code, text) = home.audit(&["check", &file, "--log-key", "PeterNeumann"]);
    assert!(code == 2 && text.contains("--log-key is a key like"), "{text}");
    // A hash that is another one, and what is no proof.
    let line = proof.lines().nth(3).unwrap();
    let changed = format!("{}{}", if line.starts_with('A') { "B" } else { "A" }, &line[1..]);
    let wrong = home.file("wrong", &proof.replacen(line, &changed, 1));
    let (code, text) = home.audit(&["check", &wrong, "--log-key", &key]);
    assert!(code == 1 && text.starts_with("NOT PROVEN: its hashes"), "{text}");
    assert_eq!(python(&["--proof", "--log-key", &key, &wrong]), "NOT PROVEN\n");
    let (code, text) = home.audit(&["check", &early]);
    assert!(code == 2 && text.contains("early.note: this is no proof"), "{text}");
    fs::rename(home.path.join("away"), home.state()).unwrap();

    // Under a checkpoint of one's own choice, which needs no signature if one kept it.
    let proof = home.prints(&["prove", "3", "--checkpoint", &early]);
    let file = home.file("early.tlog-proof", &proof);
    assert_eq!(home.audit(&["check", &file, "--note", &early]).0, 0);
    assert_eq!(python(&["--proof", "--kept", &early, &file]).split(':').next(), Some("PROVEN"));
    // What there is nothing to prove of.
    let (code, text) = home.audit(&["prove", "99999"]);
    assert!(code == 2 && text.contains("the checkpoint vouches for"), "{text}");
    let (code, text) = home.audit(&["prove", "three"]);
    assert!(code == 2 && text.contains("'three' is no number of a record"), "{text}");
    let (code, text) = home.audit(&["prove"]);
    assert!(code == 2 && text.contains("is missing"), "{text}");
}

#[test]
fn a_log_that_was_changed_proves_nothing() {
    let home = Home::new("proof-changed");
    home.ask("/status");
    let note = home.file("kept.note", &home.prints(&["checkpoint"]));
    let log = fs::read(home.log()).unwrap();
    let mut wrong = log.clone();
    let place = wrong.len() / 2;
    wrong[place] ^= 1;
    home.put(&wrong);
    let (code, text) = home.audit(&["prove", "0"]);
    assert!(code == 2 && text.contains("the log is damaged"), "{text}");
    let (code, text) = home.audit(&["prove", "0", "--checkpoint", &note]);
    let is_proof = text.starts_with("c2sp.org/");
    // Only hashes of other records are looked at, which may all be as they were.
    assert!(is_proof == (code == 0), "{text}");
    home.put(&log[..log.len() / 2]);
    let (code, text) = home.audit(&["prove", "0", "--checkpoint", &note]);
    assert!(code == 2 && text.contains("fewer than the checkpoint"), "{text}");
}

struct Witness {
    child: Child,
    port: u16,
    key: String,
}

impl Witness {
    fn of(log_key: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("python3")
            .arg("-B")
            .arg(here.join("tests/audit/witness.py"))
            .arg(here.join("../examples"))
            .arg(log_key)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (port, key) = line.trim().split_once(' ').unwrap();
        Self { child, port: port.parse().unwrap(), key: key.to_string() }
    }

    /// What it answers: a number, and a text.
    fn add(&self, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        write!(stream, "POST /add-checkpoint HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_string())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A witness that knows one key follows the log through its epochs, and tells of another history.
#[test]
fn a_witness_cosigns_what_only_grew() {
    let home = Home::new("proof-witness");
    home.ask("read README.md");
    let witness = Witness::of(&home.key());
    let copy = home.path.join("copy");
    let records = |note: &str| note.lines().nth(1).unwrap().to_string();
    let mut from = "0".to_string();
    let mut cosigned = String::new();
    for round in 0..3 {
        if round > 0 {
            home.ask("list the files here");
        }
        let note = home.prints(&["checkpoint"]);
        let my = home.file("my.note", &note);
        if round == 0 {
            home.file("earlier.note", &note);
        }
        let body = home.prints(&["prove", "--from", &from, "--checkpoint", &my]);
        let (status, lines) = witness.add(&body);
        assert_eq!(status, 200, "{lines} {body}");
        from = records(&note);
        cosigned = home.file("cosigned.note", &(note + &lines));
        if round == 1 {
            copy_all(&home.state(), &copy);
        }
    }
    // It is asked from a size that it did not see last.
    let body = home.prints(&["prove", "--from", "1"]);
    assert_eq!(witness.add(&body), (409, format!("{from}\n")));

    // What it signed counts for those who know it, here and there.
    let (key, path) = (witness.key.as_str(), home.log().display().to_string());
    let (code, text) = home.audit(&["verify", "--note", &cosigned, "--witness", key]);
    assert!(code == 0 && text.contains("cosigned by    witness.example/w1, 2023-11-14T"), "{text}");
    let text = home.prints(&["verify", "--note", &cosigned, "--witness", key, "--json"]);
    assert!(text.contains("\"cosigned_by\":[{\"name\":\"witness.example/w1\",\"time\""), "{text}");
    assert_eq!(python(&["--kept", &cosigned, "--witness", key, &path]), "OK\n");
    let proof = home.prints(&["prove", "2", "--checkpoint", &cosigned]);
    let proof = home.file("2.tlog-proof", &proof);
    let log = home.key();
    let earlier = home.path.join("earlier.note").display().to_string();
    assert_eq!(home.audit(&["check", &proof, "--log-key", &log, "--witness", key]).0, 0);
    let said = python(&["--proof", "--log-key", &log, "--witness", key, &proof]);
    assert!(said.starts_with("PROVEN: "), "{said}");
    // A witness cosigns whatever log it knows, so alone it does not say that it is this one.
    let (code, text) = home.audit(&["check", &proof, "--witness", key]);
    assert!(code == 2 && text.contains("no log was named"), "{text}");
    assert_eq!(python(&["--proof", "--witness", key, &proof]), "UNSIGNED\n");
    // A checkpoint over another number of records has nothing to do with a proof.
    let (code, text) = home.audit(&["check", &proof, "--log-key", &log, "--note", &earlier]);
    assert!(code == 2 && text.contains("nothing to do with so many"), "{text}");
    let said = python(&["--proof", "--log-key", &log, "--kept", &earlier, &proof]);
    assert!(said.contains("nothing to do with"), "{said}");
    // One that it did not sign does not.
    let my = home.path.join("my.note").display().to_string();
    let (code, text) = home.audit(&["verify", "--note", &my, "--witness", key]);
    assert!(code == 2 && text.contains("witness.example/w1 did not cosign it"), "{text}");
    assert!(python(&["--kept", &my, "--witness", key, &path]).contains("did not cosign it"));
    let (code, text) = home.audit(&["verify", "--witness", key]);
    assert!(code == 2 && text.contains("name it with --note"), "{text}");

    // An older state is put back, with every key, and goes another way: the witness does not.
    fs::remove_dir_all(home.state()).unwrap();
    copy_all(&copy, &home.state());
    for _ in 0..3 {
        home.ask("read README.md");
    }
    assert_eq!(home.audit(&["verify"]).0, 0, "by itself it is good");
    let (code, text) = home.audit(&["prove", "--from", &from]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(witness.add(&text).0, 422);
    let (code, text) = home.audit(&["verify", "--note", &cosigned, "--witness", key]);
    assert!(code == 1 && text.starts_with("BAD at record "), "{text}");
}

/// Two logs have two names; a log of an earlier version keeps the one that all of them had, and is
/// gone on with.
#[test]
fn every_log_has_a_name_of_its_own() {
    use sentinel_core::journal::{EpochSeed, Identity, JournalId, Opening, Writer};
    use sentinel_core::time::Timestamp;

    let (one, other) = (Home::new("name-one"), Home::new("name-other"));
    let mut names = Vec::new();
    for home in [&one, &other] {
        home.ask("/status");
        let name = Identity::of(&fs::read(home.log()).unwrap()).unwrap().origin;
        let id = fs::read(home.state().join("id")).unwrap();
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(name, format!("sentinel.local/agent/{id}"));
        assert!(home.key().starts_with(&format!("{name}+")));
        names.push(name);
    }
    assert_ne!(names[0], names[1]);

    // As an earlier version began it, before it did anything.
    let old = Home::new("name-old");
    fs::create_dir(old.state()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(old.state(), private).unwrap();
    fs::create_dir(old.state().join("journal")).unwrap();
    let seed = EpochSeed::first([1; 32]);
    fs::write(old.state().join("seed"), *seed.to_bytes()).unwrap();
    fs::write(old.state().join("id"), [3; 8]).unwrap();
    let key = "05".repeat(32);
    fs::write(old.state().join("journal.key"), format!("{key}\n")).unwrap();
    let opening = Opening { seed, nonce: [2; 16], now: Timestamp(1_600_000_000_000) };
    let mut log = Vec::new();
    let id = JournalId([3; 8]);
    let mut writer = Writer::create(id, "sentinel.local/agent", opening, &mut log).unwrap();
    writer.checkpoint(Timestamp(1_600_000_000_001), &mut log).unwrap();
    old.put(&log);
    old.ask("read README.md");
    old.ask("read README.md");
    let after = fs::read(old.log()).unwrap();
    assert!(after.starts_with(&log) && after.len() > log.len());
    assert_eq!(old.audit(&["verify"]).0, 0);
    assert_eq!(old.audit(&["replay"]).0, 0);
    assert!(old.key().starts_with("sentinel.local/agent+"), "{}", old.key());
}
