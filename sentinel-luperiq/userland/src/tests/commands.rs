//! Commands: what they are given, what is told of them, and that they are ended.

use std::vec;

use super::*;
use crate::agent::{Agent, Failed};
use crate::settings::{self, Abilities};

const PROGRAMS: Abilities =
    Abilities { has_services: false, runs_programs: true, pages: Vec::new(), skills: None };

const GRANTS: &str = "[security]\ngrants = [\"read,list /workspace\", \"run /bin/wc\", \
                      \"run /bin/fgrep\"]";

fn said(text: &str) -> Progress {
    Progress::Said(text.as_bytes().to_vec())
}

fn typist(lines: &[&str], deeds: Vec<Vec<Progress>>) -> Typist {
    let files = [("tea.txt", "green\n"), ("notes/a.txt", "a\n")];
    Typist {
        programs: vec!["bin/wc", "bin/fgrep"],
        deeds: deeds.into_iter().map(VecDeque::from).collect(),
        ..Typist::typing(lines).lending(&Disk::with(&files))
    }
}

fn talk(text: &str, mut typist: Typist) -> Typist {
    let configured = settings::read(text, &PROGRAMS).unwrap();
    Agent::start(&mut typist, Disk::default(), &configured).unwrap().work().unwrap();
    typist
}

#[test]
fn a_program_is_given_the_files_it_names_and_no_others() {
    let given = |line: &str, deed: Vec<Progress>| {
        let typist = talk(GRANTS, typist(&[line], vec![deed]));
        assert_eq!(typist.ended, [0], "{}", typist.shown);
        typist
    };
    let deed = vec![said("1 1 6 tea"), Progress::Nothing, said(".txt\n"), Progress::Ended(0)];
    let typist = given("run wc tea.txt", deed);
    assert!(typist.shown.contains("1 1 6 tea.txt"), "{}", typist.shown);
    let expected =
        ("bin/wc".into(), ["tea.txt".into()].into(), ["/workspace/tea.txt".into()].into());
    assert_eq!(typist.run, [expected]);
    let typist = given("run fgrep -r a notes tea.txt missing.txt", vec![Progress::Ended(1)]);
    assert!(typist.shown.contains("it ended with status 1"), "{}", typist.shown);
    let (program, words, paths) = &typist.run[0];
    assert_eq!((program.as_str(), words.len()), ("bin/fgrep", 5));
    assert_eq!(paths[..], ["/workspace/notes", "/workspace/tea.txt"]);
    let looks = Rights::READ.with(Rights::LIST).with(Rights::INSPECT);
    assert_eq!(typist.held(), [("workspace", looks)], "only what the grant has");
}

#[test]
fn a_program_that_goes_on_or_says_too_much_is_ended() {
    let typist = talk(GRANTS, typist(&["run wc tea.txt"], vec![vec![said("one\n")]]));
    assert!(typist.shown.contains("one\r\n"), "what it said is told: {}", typist.shown);
    assert!(typist.shown.contains("[its time was over after "), "{}", typist.shown);
    assert_eq!(typist.ended, [0]);
    // It stopped, or it would go on for ever.
    let flood = std::iter::repeat_with(|| Progress::Said(vec![b'x'; 16 * 1024])).take(64);
    let typist = talk(GRANTS, self::typist(&["run wc tea.txt"], vec![flood.collect()]));
    assert_eq!(typist.ended, [0]);
    // 512 KiB are taken, and the message that was one too many.
    assert_eq!(typist.deeds[0].len(), 64 - 33);
    let ended = vec![vec![said("x"), Progress::Ended(-2)]];
    let typist = talk(GRANTS, self::typist(&["run wc tea.txt"], ended));
    assert!(typist.shown.contains("[the kernel ended it: "), "{}", typist.shown);
}

#[test]
fn a_program_ends_with_the_grant_of_what_it_was_given() {
    // h0.0 is the files, h1.0 the program.
    for (handle, said) in [("h0.0", "a grant of a file that it was given is gone"), ("h1.0", "")] {
        let lines = ["run wc tea.txt", &["/revoke ", handle].concat()];
        let typist = Typist { types_meanwhile: true, ..typist(&lines, vec![]) };
        let typist = talk(GRANTS, typist);
        assert_eq!((typist.run.len(), &*typist.ended), (1, &[0][..]), "{}", typist.shown);
        assert!(typist.shown.contains(said), "{}", typist.shown);
    }
}

#[test]
fn what_is_not_granted_is_not_run() {
    let lines = ["run fgrep a tea.txt", "run sh tea.txt", "run wc /etc/passwd", "run wc ../x"];
    let grants = "[security]\ngrants = [\"read /workspace/notes\", \"run /bin/wc\"]";
    let typist = talk(grants, typist(&lines, vec![]));
    assert!(typist.run.is_empty() && typist.notes.borrow().is_empty(), "{}", typist.shown);
}

#[test]
fn a_program_that_the_manifest_does_not_name_is_refused() {
    let mut typist = typist(&[], vec![]);
    let text = "[security]\ngrants = [\"run /bin/sort\"]";
    let configured = settings::read(text, &PROGRAMS).unwrap();
    let started = Agent::start(&mut typist, Disk::default(), &configured).map(drop);
    let Err(Failed::NotLent(grant, _)) = started else { panic!("{started:?}") };
    assert_eq!(grant, "run /bin/sort");
    let lines = ["/grant run /bin/sort", "/grant run /bin/wc any paths"];
    let typist = talk(GRANTS, self::typist(&lines, vec![]));
    assert_eq!(typist.shown.matches("* not done: ").count(), 1, "{}", typist.shown);
    assert_eq!(typist.shown.matches("* granted: ").count(), 1, "{}", typist.shown);
    // No model would be told of it.
    let typist = talk("[security]\ngrants = []", self::typist(&lines, vec![]));
    assert_eq!(typist.shown.matches("* not done: no programs").count(), 2, "{}", typist.shown);
}
