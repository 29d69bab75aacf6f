//! Goal: each fault that is planted is found, with what to do about it, and nothing is changed by
//! looking. Method: one fault at a time in a home that is well otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sentinel_core::text::json;

use crate::home::{Home, mode, set_mode, text};
use crate::server::{KEY, TOKEN};

/// A home with an agent that has worked, and is well.
fn well(name: &str) -> Home {
    let home = Home::new(name);
    home.configure(&configuration(&home));
    let secret = home.path.join("openai.key");
    fs::write(&secret, format!("{KEY}\n")).unwrap();
    set_mode(&secret, 0o600);
    let output = doctored(&home, &["chat", "-m", "list the files here"]).output().unwrap();
    // The model answers nothing that a model would; the log has begun all the same.
    assert!(home.state().join("journal/000000.log").exists(), "{}", text(&output.stderr));
    home
}

fn configuration(home: &Home) -> String {
    let (path, port) = (home.path.display(), home.server.port);
    format!(
        "[agent]\nworkspace = \"{path}/work\"\n\
         [openai]\nmodel = \"one\"\nbase_url = \"http://127.0.0.1:{port}/OPENAI\"\n\
         api_key_file = \"{path}/openai.key\"\n\
         [telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\noperators = [\"77\"]\n\
         base_url = \"http://127.0.0.1:{port}/TELEGRAM\"\n\
         [security]\ngrants = [\"read,list {path}/work\", \"run /usr/bin/env true\"]\n"
    )
}

fn doctored(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.sentinel(arguments);
    command.env("TELEGRAM_BOT_TOKEN", TOKEN);
    command
}

/// All findings: verdict, what, fix.
fn findings(output: &Output) -> Vec<(String, String, String)> {
    let document = json::parse(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let checks = document.root().get("checks").unwrap();
    let of = |check: json::Value<'_>, key: &str| {
        check.find(key).map_or_else(String::new, |value| value.as_str().unwrap().to_string())
    };
    let checks = checks.elements().unwrap();
    checks.map(|it| (of(it, "verdict"), of(it, "what"), of(it, "fix"))).collect()
}

/// Every file beneath a directory, with its mode and bytes.
fn everything(directory: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_dir() {
            found.extend(everything(&path));
            Vec::new()
        } else {
            fs::read(&path).unwrap_or_default()
        };
        found.insert(path.clone(), (mode(&path), bytes));
    }
    found
}

#[test]
fn what_is_well_is_said_to_be_and_nothing_is_changed() {
    let home = well("doctor");
    let before = everything(&home.path);
    let output = doctored(&home, &["doctor", "--json"]).output().unwrap();
    let findings = findings(&output);
    let bad: Vec<_> = findings.iter().filter(|(verdict, ..)| verdict == "FAIL").collect();
    assert!(output.status.success() && bad.is_empty(), "{bad:?}");
    let says = |words: &str| findings.iter().any(|(_, what, _)| what.contains(words));
    assert!(says("takes the token, as @sbot") && says("model 'openai': 127.0.0.1"));
    assert!(says("records, ") && says("no agent is at work there now"));
    assert_eq!(everything(&home.path), before);
    let people = text(&doctored(&home, &["doctor"]).output().unwrap().stdout);
    assert!(people.contains("OK    kernel") && people.contains("It works"), "{people}");
    for said in [text(&output.stdout), people] {
        assert!(!said.contains(KEY) && !said.contains(TOKEN), "a secret was shown");
    }
    home.server.asked.lock().unwrap().clear();
    doctored(&home, &["doctor", "--offline"]).output().unwrap();
    assert!(home.server.paths().is_empty());
}

/// A fault: what is done to the home and the command, and what is to be said: the verdict, what,
/// and the fix.
type Fault = (&'static str, fn(&Home, &mut Command), &'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    (
        "an unknown key",
        |home, _| change(home, "model = \"one\"", "modle = \"one\""),
        "FAIL",
        "unknown key 'modle'",
        "config",
    ),
    (
        "a dangerous grant",
        |home, _| change(home, "\"run /usr", "\"write / ask\", \"run /usr"),
        "FAIL",
        "`/` is granted for writing",
        "grant the directories",
    ),
    (
        "a file that others can write",
        |home, _| set_mode(&home.file(), 0o666),
        "FAIL",
        "can be written by others",
        "chmod go-w",
    ),
    (
        "a state directory that others can read",
        |home, _| set_mode(&home.state(), 0o755),
        "FAIL",
        "has mode 755",
        "chmod 700",
    ),
    (
        "another layout",
        |home, _| fs::write(home.state().join("version"), "99\n").unwrap(),
        "FAIL",
        "layout 99",
        "the version that made it",
    ),
    (
        "a key that others can read",
        |home, _| set_mode(&home.state().join("journal.key"), 0o644),
        "FAIL",
        "journal.key can be read by others",
        "chmod 600",
    ),
    (
        "a key that is gone",
        |home, _| fs::remove_file(home.state().join("journal.key")).unwrap(),
        "FAIL",
        "the key of the log",
        "from your copy",
    ),
    (
        "a flipped bit",
        |home, _| {
            let path = home.state().join("journal/000000.log");
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        },
        "FAIL",
        "BAD at record",
        "put back a copy",
    ),
    (
        "a token that is not there",
        |_, command| {
            command.env_remove("TELEGRAM_BOT_TOKEN");
        },
        "FAIL",
        "TELEGRAM_BOT_TOKEN is not set",
        "set TELEGRAM_BOT_TOKEN",
    ),
    (
        "a token that is refused",
        |_, command| {
            command.env("TELEGRAM_BOT_TOKEN", "12:other");
        },
        "FAIL",
        "does not take the key or token",
        "put in a good one",
    ),
    (
        "a secret that others can read",
        |home, _| set_mode(&home.path.join("openai.key"), 0o644),
        "FAIL",
        "which others can read (mode 644)",
        "chmod 600",
    ),
    (
        "a key that is refused",
        |home, _| fs::write(home.path.join("openai.key"), "sk-other\n").unwrap(),
        "FAIL",
        "model 'openai'",
        "put in a good one",
    ),
    (
        "nobody there",
        |home, _| change(home, &format!(":{}", home.server.port), ":1"),
        "FAIL",
        "connection refused",
        "start the server",
    ),
    (
        "a name that is none",
        |home, _| change(home, "http://127.0.0.1:", "https://no-such-host.invalid:"),
        "FAIL",
        "model 'openai'",
        "resolv.conf",
    ),
    (
        "a key that would go out in the open",
        |home, _| change(home, "http://127.0.0.1:", "http://192.0.2.1:"),
        "FAIL",
        "without encryption",
        "",
    ),
    (
        "another model",
        |home, _| change(home, "model = \"one\"", "model = \"three\""),
        "WARN",
        "does not list the model 'three'",
        "such as one, two",
    ),
    (
        "a clock that differs",
        |home, _| change(home, "/OPENAI", "/MISTRAL"),
        "FAIL",
        "seconds away",
        "set the clock",
    ),
    (
        "a workspace that is gone",
        |home, _| {
            let work = home.path.join("work");
            change(home, &format!("workspace = \"{}", work.display()), "workspace = \"/no/such");
        },
        "FAIL",
        "/no/such is no directory",
        "mkdir -p",
    ),
    (
        "a grant of nothing",
        |home, _| change(home, "\"run /usr", "\"read /no/such/place\", \"run /usr"),
        "WARN",
        "/no/such/place",
        "mkdir -p",
    ),
    (
        "a program that is gone",
        |home, _| change(home, "run /usr/bin/env true", "run /no/such/program"),
        "WARN",
        "there is no program /no/such/program",
        "install it",
    ),
];

fn change(home: &Home, from: &str, to: &str) {
    let text = fs::read_to_string(home.file()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(home.file(), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn every_planted_fault_is_found_with_its_remedy() {
    for (index, (fault, plant, verdict, what, fix)) in FAULTS.iter().enumerate() {
        let home = well(&format!("doctor-{index}"));
        let mut command = doctored(&home, &["doctor", "--json"]);
        plant(&home, &mut command);
        let output = command.output().unwrap();
        let findings = findings(&output);
        let is_it = |found: &&(String, String, String)| {
            found.0 == *verdict && found.1.contains(what) && found.2.contains(fix)
        };
        assert!(findings.iter().any(|found| is_it(&found)), "{fault}: {findings:#?}");
        assert_eq!(output.status.success(), *verdict != "FAIL", "{fault}");
    }
}
