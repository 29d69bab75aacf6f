//! What is said of what goes on, and what is not.

use std::fs::File;
use std::io::Read as _;

use rustix::pipe::{PipeFlags, pipe_with};
use sentinel_core::text::json;

use crate::agent::{Agent, Running, TOKEN};
use crate::telegram::{ask, serve, until};

/// A whole conversation at `info`: every line is JSON, none holds a word of it or a secret.
#[test]
fn a_log_that_nobody_looks_at_is_json_without_words_and_secrets() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("json", port);
    let running = agent.start(&[]);
    ask(&platform, 77, "read README.md", "# A house");
    ask(&platform, 77, "write marmalade to jam.txt", "no grant covers it");
    let said = running.end();
    assert!(said.lines().count() > 0);
    for line in said.lines() {
        let document = json::parse(line.as_bytes()).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let text = |key: &str| document.root().get(key).unwrap().as_str().unwrap().to_string();
        assert!(text("ts").ends_with('Z') && !text("message").is_empty(), "{line}");
        assert!(["error", "warn", "info"].contains(&text("level").as_str()), "{line}");
    }
    for word in ["marmalade", "A house", "README", "jam.txt", "a-token-of", TOKEN] {
        assert!(!said.contains(word), "'{word}' stands in the log: {said}");
    }
}

#[test]
fn a_level_says_how_much_is_said_and_words_are_for_those_who_trace() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("levels", port);
    let said = |arguments: &[&str]| {
        let running = agent.start(arguments);
        ask(&platform, 77, "write marmalade to jam.txt", "no grant covers it");
        running.end()
    };
    assert_eq!(said(&["--log", "error"]), "");
    let debug = said(&["--log", "debug"]);
    assert!(debug.contains(r#""level":"debug","part":"network""#), "{debug}");
    assert!(!debug.contains("marmalade") && !debug.contains(TOKEN), "{debug}");
    agent.configure(
        "[log]\nlevel = \"trace\"\nformat = \"text\"\n",
        "operators = [\"77\"]",
        &[&agent.grant("read,list")],
    );
    let trace = said(&[]);
    assert!(
        trace.contains(
            " TRACE chat: a message platform=telegram words=\"write marmalade to jam.txt\""
        )
    );
    assert!(!trace.contains(TOKEN) && !trace.contains('\x1b'), "{trace}");
    let mut command = agent.command(&[]);
    command.env("SENTINEL_LOG", "loud");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("there is no log level 'loud'"), "{said}");
}

/// Standard error is a pipe that is full, and nobody reads it: the agent answers all the same. When
/// somebody reads again, the log goes on, and says what it left out.
#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("full", port);
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
    // Whoever shares the pipe wants to wait.
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let mut command = agent.command(&["--log", "trace"]);
    command.stderr(writer);
    let running = Running::new(command);
    for number in 0..5 {
        let question = format!("what is {number} + 1000?");
        ask(&platform, 77, &question, &format!("{}", 1000 + number));
    }
    let mut reader = File::from(reader);
    let mut read = Vec::new();
    until("the log goes on", || {
        let mut piece = [0; 65536];
        let count = reader.read(&mut piece).unwrap();
        read.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&read);
        text.contains(r#""level":"trace""#) && text.contains("what is 4 + 1000?")
    });
    drop(running);
}
