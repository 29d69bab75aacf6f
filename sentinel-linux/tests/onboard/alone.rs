//! Goal: whoever starts it for the first time sees what was found and what to do next. Method: a
//! terminal of our own, as wide as most.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::home::{Home, text};
use crate::server::KEY;

/// Runs it on a terminal, types a line as soon as it has said these words, and gives all it said.
fn on_terminal(mut command: Command, dialogue: &[(&str, &str)]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    // It does not become the terminal of whoever runs the tests, whom its end would end as well.
    let mut options = File::options();
    options.read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed());
    let theirs = options.open(name.to_str().unwrap()).unwrap();
    let end = || Stdio::from(theirs.try_clone().unwrap());
    command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "dumb");
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(theirs);
    let mut terminal = File::from(ours);
    let mut said = String::new();
    let mut dialogue = dialogue.iter();
    let mut next = dialogue.next();
    let mut bytes = [0; 4096];
    let mut from = 0;
    // The end of the other side is an error here.
    while let (true, Ok(count @ 1..)) = (speaks(&terminal, &said), terminal.read(&mut bytes)) {
        said.push_str(&text(&bytes[..count]));
        while let Some((words, line)) = next
            && let Some(place) = said[from..].find(words)
        {
            from += place + words.len();
            terminal.write_all(line.as_bytes()).unwrap();
            next = dialogue.next();
        }
    }
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(next, None, "{said}");
    said
}

/// Waits until the other side says something; one that waits itself would wait for ever.
fn speaks(terminal: &File, said: &str) -> bool {
    let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
    let mut waited = [PollFd::new(terminal, PollFlags::IN)];
    let count = poll(&mut waited, Some(&patience)).unwrap();
    assert!(count > 0, "it waits, and nobody answers: {said}");
    true
}

/// Ctrl-D at the beginning of a line.
const END: &str = "\u{4}";

#[test]
fn with_nothing_configured_it_opens_the_offline_model_and_tells_the_next_step() {
    let home = Home::new("alone");
    let said = on_terminal(home.sentinel(&[]), &[("> ", END)]);
    for words in
        ["There is no configuration", "You talk with offline", "sentinel init", "read,list"]
    {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

#[test]
fn with_keys_and_no_file_it_says_which_it_took_and_which_not() {
    let home = Home::new("alone-keys");
    let mut command = home.sentinel(&[]);
    command.env("ANTHROPIC_API_KEY", KEY).env("GROQ_API_KEY", KEY);
    let said = on_terminal(command, &[("> ", END)]);
    assert!(said.contains("Taken from the environment: ANTHROPIC_API_KEY."), "{said}");
    assert!(said.contains("Set, and not used without one: GROQ_API_KEY."), "{said}");
    assert!(said.contains("You talk with claude-sonnet-4-5") && !said.contains(KEY), "{said}");
}

#[test]
fn the_wizard_speaks_with_a_person_at_a_terminal() {
    let home = Home::new("alone-init");
    let mut command = home.sentinel(&["init"]);
    home.with_ollama(&mut command);
    let dialogue = [
        ("Model [qwen3:8b] ", "\n"),
        ("Directory [", "~/notes\n"),
        ("Make it when the file is written? [yes] ", "\n"),
        ("May it ask? [yes] ", "no\n"),
        ("sentinel.toml? [yes] ", "\n"),
    ];
    let said = on_terminal(command, &dialogue);
    assert!(said.contains("Written: ") && said.contains("sentinel chat"), "{said}");
    let file = std::fs::read_to_string(home.file()).unwrap();
    assert!(file.contains("model = \"qwen3:8b\"") && !file.contains("write "), "{file}");
}

/// What stands in nobody's way but the start's is said with what can be done about it.
#[test]
fn without_a_place_for_the_log_it_says_so() {
    let home = Home::new("alone-place");
    let mut command = home.sentinel(&["chat", "-m", "hello"]);
    let said = text(&command.env_remove("HOME").output().unwrap().stderr);
    assert!(said.contains("there is no home directory") && said.contains("[state]"), "{said}");
    for (place, why) in [("file", "a file has this name"), ("file/below", "Not a directory")] {
        std::fs::write(home.path.join("work/file"), "").unwrap();
        let output = home.sentinel(&["chat", "-m", "hello", "--state", place]).output().unwrap();
        let said = text(&output.stderr);
        assert!(said.contains(why) && said.contains("--state"), "{place}: {said}");
    }
}

#[test]
fn build_facts_are_told_in_lines_and_to_programs() {
    let home = Home::new("facts");
    let facts = text(&home.sentinel(&["--version"]).output().unwrap().stdout);
    assert!(facts.starts_with("sentinel 0.") && facts.contains("tls: rustls "), "{facts}");
    assert_eq!(facts, text(&home.sentinel(&["version"]).output().unwrap().stdout));
    let json = text(&home.sentinel(&["version", "--json"]).output().unwrap().stdout);
    let document = sentinel_core::text::json::parse(json.as_bytes()).unwrap();
    assert!(document.root().get("static").unwrap().as_bool().is_ok());
}
