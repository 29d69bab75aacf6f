//! Killed while the log's secrets are replaced: what is there afterwards is a log that opens, and
//! nothing of an old secret stands beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{moment, traced};

/// Every call by which a secret is written, put in its place, written over and removed.
const CALLS: &[&str] = &["fsync", "renameat2", "rename", "unlink", "write", "open", "openat"];

/// A state directory, gone when the test is.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-secrets-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        fs::write(path.join("sentinel.toml"), "").unwrap();
        Self(path)
    }

    /// The program, by itself or under `strace`; whether it came to its end.
    fn run(&self, before: &[&str], words: &[&str]) -> (bool, String) {
        let mut command = match before.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(env!("CARGO_BIN_EXE_sentinel"));
                command
            }
            None => Command::new(env!("CARGO_BIN_EXE_sentinel")),
        };
        command.current_dir(self.0.join("work")).args(words);
        command.args(["--config", "../sentinel.toml", "--state"]).arg(self.0.join("state"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn put(&self, from: &Path) {
        let _ = fs::remove_dir_all(self.0.join("state"));
        let copied = Command::new("cp").arg("-a").arg(from).arg(self.0.join("state")).status();
        assert!(copied.unwrap().success());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn killed_while_a_secret_is_replaced_the_log_opens() {
    if !traced::is_there() {
        return;
    }
    let place = Place::new();
    let chat = ["chat", "-m", "/status"];
    assert!(place.run(&[], &chat).0);
    let used = place.0.join("used");
    fs::rename(place.0.join("state"), &used).unwrap();
    let stride = if std::env::var_os(moment::ALL).is_some() { 1 } else { 4 };
    let mut kills = 0;
    for call in CALLS {
        // What puts a secret in its place is tried each time, the rest now and then.
        let stride = if matches!(*call, "renameat2" | "unlink" | "fsync") { 1 } else { stride };
        for count in (1..1000).step_by(stride) {
            place.put(&used);
            let inject = format!("inject={call}:signal=KILL:when={count}");
            let trace = format!("trace={call}");
            let strace = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            if place.run(&strace, &chat).0 {
                break;
            }
            kills += 1;
            let (is_good, said) = place.run(&[], &chat);
            assert!(is_good, "{call} {count}: {said}");
            let (is_good, said) = place.run(&[], &["audit", "verify"]);
            assert!(is_good && said.starts_with("OK\n"), "{call} {count}: {said}");
            for name in ["seed.new", "keys.new"] {
                let left = place.0.join("state").join(name);
                assert!(!left.exists(), "{call} {count}: {name} is left");
            }
        }
    }
    println!("{kills} kills");
    assert!(kills > 10, "{kills} kills");
}
