//! The real program tries to get out of its own sandbox, as whoever runs this and as a plain user.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sentinel_core::text::json;

/// Every group, with at least one attempt that can be tried wherever there are sandboxes.
const GROUPS: [&str; 10] = [
    "files",
    "metadata",
    "execution",
    "processes",
    "kernel",
    "network",
    "resources",
    "terminal",
    "secrets",
    "outliving",
];
/// As many has root on every machine; those that a machine cannot do do not count.
const TRIED_BY_ROOT_MIN: u64 = 120;
const NOBODY: u32 = 65_534;

/// A place for everybody, with the program in it.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        // By another process: what this one has open for writing, while another test starts a
        // program, cannot be run until that program runs.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_sentinel")).arg(&path).status();
        assert!(copied.unwrap().success());
        Self { path }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.path.join("sentinel"));
        command.args(["doctor", "--breakout", "--json"]).current_dir(&self.path);
        command.stdin(Stdio::null()).env("HOME", &self.path);
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Runs it; gives how many attempts succeed without the sandbox and are stopped inside: all.
fn tried(mut command: Command) -> u64 {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = json::parse(&output.stdout).map_err(|_| errors.clone()).unwrap();
    let root = document.root();
    let mut stopped = Vec::new();
    for attempt in root.get("attempts").unwrap().elements().unwrap() {
        let text = |name| attempt.get(name).unwrap().as_str().unwrap();
        let (group, verdict) = (text("group"), text("verdict"));
        let (name, why) = (text("name"), text("why"));
        let is_good = ["stopped", "untried"].contains(&verdict);
        assert!(is_good, "{group} {name}: {verdict}: {why}");
        if verdict == "stopped" {
            stopped.push(group.to_string());
        }
    }
    for group in GROUPS {
        assert!(stopped.iter().any(|stopped| stopped == group), "nothing was tried: {group}");
    }
    assert!(output.status.success(), "{errors}");
    assert_eq!(root.get("stopped").unwrap().as_u64(), Ok(stopped.len() as u64));
    stopped.len() as u64
}

/// Whether there can be sandboxes: `cargo xtask check` says where there can be none.
fn can_be_made() -> bool {
    let can = std::env::var_os("SENTINEL_WITHOUT_SANDBOXES").is_none();
    if !can {
        eprintln!("NOT TESTED: there are no sandboxes here, so none was broken out of");
    }
    can
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn nothing_gets_out_of_the_sandbox_of_whoever_runs_it() {
    if !can_be_made() {
        return;
    }
    let place = Place::new("breakout-own");
    let tried = tried(place.command());
    assert!(!is_root() || tried >= TRIED_BY_ROOT_MIN, "{tried}");
}

#[test]
fn nothing_gets_out_of_the_sandbox_of_a_plain_user() {
    // Who is no root is one, and the other test was his.
    if !is_root() || !can_be_made() {
        return;
    }
    let place = Place::new("breakout-user");
    let mut command = place.command();
    // A home of which there is one of the same name inside.
    command.env("HOME", std::env::temp_dir()).uid(NOBODY).gid(NOBODY);
    tried(command);
}

#[test]
fn an_attempt_is_made_for_nobody_but_the_one_who_prepared_it() {
    let place = Place::new("breakout-alone");
    let mut command = Command::new(place.path.join("sentinel"));
    command.args(["doctor", "--breakout-attempt", "read-shadow"]).stdin(Stdio::null());
    let output = command.env_remove("SENTINEL_BREAKOUT").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no option '--breakout-attempt'"), "{errors}");
}
