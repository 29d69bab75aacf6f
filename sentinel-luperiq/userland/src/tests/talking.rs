//! Whole conversations: what is typed, what is shown, and what is on the disk afterwards.

use sentinel_core::journal::{Trust, Verdict, Verifier};

use super::*;
use crate::agent::Agent;
use crate::settings::{self, Abilities};

const SETTINGS: &str = include_str!("../../image/sentinel.toml");

/// What the boot manifest beside it gives.
const GIVEN: Abilities = Abilities {
    has_services: false,
    runs_programs: true,
    pages: Vec::new(),
    skills: Some(Vec::new()),
};

fn typing(lines: &[&str], workspace: &Disk) -> Typist {
    let programs = ["bin/fgrep", "bin/sort", "bin/wc"].into();
    Typist { programs, ..Typist::typing(lines).lending(workspace) }
}

/// Boots, types this, and ends; gives what was shown and noted.
fn talk(state: &Disk, workspace: &Disk, lines: &[&str]) -> Typist {
    let mut typist = typing(lines, workspace);
    let configured = settings::read(SETTINGS, &GIVEN).unwrap();
    let agent = Agent::start(&mut typist, state.clone(), &configured);
    agent.unwrap().work().unwrap();
    typist
}

fn verdict(state: &Disk) -> Verdict {
    let mut verifier = Verifier::new(Trust::default());
    verifier.push(&state.0.borrow().safe["journal/000000.log"]);
    verifier.finish().verdict
}

#[test]
fn the_files_are_listed_and_all_of_it_is_shown_and_recorded() {
    let (state, workspace) = (Disk::default(), Disk::with(&[("tea.txt", "green\n")]));
    let typist = talk(&state, &workspace, &["list the files here"]);
    for expected in [
        "A new log is begun.",
        "* {\"arguments\":{\"path\":\".\"},\"tool\":\"list_directory\"}",
        "allowed by: read,list /workspace",
        "the kernel notes 'call 6 list_directory'",
        "tea.txt (6 bytes)",
        "The log is signed: ",
    ] {
        assert!(typist.shown.contains(expected), "{expected}:\n{}", typist.shown);
    }
    assert_eq!(*typist.notes.borrow(), ["call 6 list_directory"]);
    assert_eq!(verdict(&state), Verdict::Ok);
}

#[test]
fn every_byte_of_the_log_is_noted_before_it_is_written() {
    let (state, workspace) = (Disk::default(), Disk::default());
    let mut notes = talk(&state, &workspace, &["list the files here"]).written.take();
    notes.extend(talk(&state, &workspace, &["/status"]).written.take());
    let file = state.0.borrow().safe["journal/000000.log"].clone();
    let mut end = 0;
    for note in &notes {
        let words: Vec<&str> = note.split(' ').collect();
        let [offset, bytes] = [words[2], words[3]].map(|word| word.parse::<usize>().unwrap());
        assert_eq!(offset, end, "{note}");
        end += bytes;
        assert_eq!(*note, crate::log::note(0, offset as u64, &file[offset..end]));
    }
    assert_eq!(end, file.len());
}

#[test]
fn a_second_start_goes_on_with_the_conversation() {
    let (state, workspace) = (Disk::default(), Disk::with(&[("tea.txt", "green\n")]));
    talk(&state, &workspace, &["list the files here"]);
    let typist = talk(&state, &workspace, &["read tea.txt", "/status"]);
    assert!(typist.shown.contains("The log is gone on with after "), "{}", typist.shown);
    assert!(typist.shown.contains("green"), "{}", typist.shown);
    let notes = typist.notes.borrow();
    assert!(notes.len() == 1 && notes[0].ends_with(" read_file"), "{notes:?}");
    assert_ne!(notes[0], "call 6 read_file", "numbers go on");
    assert_eq!(verdict(&state), Verdict::Ok);
}

#[test]
fn what_is_asked_first_is_done_when_somebody_says_so() {
    let (state, workspace) = (Disk::default(), Disk::default());
    let typist = talk(&state, &workspace, &["write \"two lemons\" to list.txt"]);
    assert!(typist.notes.borrow().is_empty(), "nobody said so:\n{}", typist.shown);
    let question = typist.shown.split("/approve ").nth(1).unwrap();
    let number: String = question.chars().take_while(char::is_ascii_digit).collect();
    let typist = talk(&state, &workspace, &[&["/approve ", &number].concat()]);
    let notes = typist.notes.borrow();
    assert!(notes.len() == 1 && notes[0].ends_with(" write_file"), "{notes:?}{}", typist.shown);
    assert_eq!(workspace.text("list.txt"), "two lemons", "{}", typist.shown);
}

/// Wherever the power is cut, the next start goes on, and what was said to be safe is in the log.
#[test]
fn a_power_cut_at_any_change_is_survived() {
    for cut in 0.. {
        let (state, workspace) = (Disk::default(), Disk::with(&[("tea.txt", "green\n")]));
        state.0.borrow_mut().is_eager = cut % 2 == 0;
        state.0.borrow_mut().changes_left = Some(cut / 2);
        let mut typist = typing(&["list the files here"], &workspace);
        let configured = settings::read(SETTINGS, &GIVEN).unwrap();
        let started = Agent::start(&mut typist, state.clone(), &configured);
        let is_cut = started.and_then(|mut agent| agent.work()).is_err();
        state.restart();
        let typist = talk(&state, &workspace, &["read tea.txt"]);
        assert!(typist.shown.contains("green"), "cut {cut}: {}", typist.shown);
        assert_eq!(verdict(&state), Verdict::Ok, "cut {cut}");
        if !is_cut {
            assert!(cut > 20, "a conversation is a few changes");
            return;
        }
    }
}

#[test]
fn what_this_machine_cannot_do_is_refused_with_its_reason() {
    for (text, why) in [
        ("[security]\ngrants = [\"run /bin/ls\"]", "no programs are run on this machine"),
        ("[security]\ngrants = [\"connect example.com\"]", "no network"),
        ("[security]\ngrants = [\"read /etc\"]", "no files but those in '/workspace'"),
        ("[telegram]\ntoken_env = \"T\"\noperators = [1]", "telegram: no platform is reached"),
        ("[anthropic]\napi_key_env = \"K\"", "no service is reached from this machine"),
        ("[agent]\nworkspace = \"/home\"", "it is '/workspace' on this machine"),
        ("[terminal]\nenabled = false", "the console is the only way to talk here"),
        ("[skills]\ndirectories = [\"/skills\"]", "[skills]: it is not there"),
        ("[state]\nkey = \"passphrase\"", "[state] key"),
        ("[agent]\nround = 5", "did you mean 'rounds'?"),
    ] {
        let said = settings::read(text, &Abilities::default()).unwrap_err().join("\n");
        assert!(said.contains(why), "{text}: {said}");
    }
    let settings = settings::read("", &Abilities::default()).unwrap().settings;
    assert!(settings.tools.find("run_command").is_err());
    assert!(settings.tools.find("list_directory").is_ok());
}
