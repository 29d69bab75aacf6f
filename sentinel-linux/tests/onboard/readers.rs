//! Goal: whoever reads what a command prints decides how much of it. Method: a pipe whose reader is
//! gone, and a disk that is full.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::home::{Home, text, typed};

const PRINTING: [&[&str]; 5] = [
    &["--version"],
    &["--help"],
    &["completions", "bash"],
    &["config", "show"],
    &["config", "schema"],
];

fn printing(home: &Home, words: &[&str], to: Stdio) -> Command {
    let mut command = home.sentinel(words);
    command.stdout(to);
    command
}

#[test]
fn a_reader_who_is_gone_ends_a_command_without_a_word() {
    let home = Home::new("readers");
    home.configure("");
    for words in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = printing(&home, words, writer.into()).output().unwrap();
        let said = text(&output.stderr);
        assert!(output.status.success(), "{words:?}: {}: {said}", output.status);
        assert!(!said.contains("panicked") && !said.contains("pipe"), "{words:?}: {said}");
    }
}

/// A chat that nobody listens to any more ends as one that was ended: with its log signed, and with
/// nothing to be asked again.
#[test]
fn a_reader_who_is_gone_ends_a_chat_in_good_order() {
    let home = Home::new("readers-chat");
    home.configure("");
    let lines = "hello\n".repeat(200);
    let one = ["chat", "-m", "hello"];
    for (words, lines) in [(&one[..], ""), (&["chat"], &lines)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = printing(&home, words, writer.into());
        command.stderr(Stdio::piped());
        let output = typed(command, lines);
        let said = text(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{words:?}: {}: {said}", output.status);
    }
    let output = home.sentinel(&["chat", "-m", "/status"]).output().unwrap();
    assert!(!text(&output.stdout).contains("restarted"), "{output:?}");
}

#[test]
fn what_nobody_could_write_down_is_said() {
    let home = Home::new("readers-full");
    home.configure("");
    for words in PRINTING {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = printing(&home, words, full.into()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.contains("could not be written"), "{words:?}: {said}");
    }
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = printing(&home, &["chat", "-m", "hello"], full.into()).output().unwrap();
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("what is said here"), "{said}");
}
