//! Handles follow grants: what is lent when, with which rights, and that it is taken back.

use super::*;
use crate::agent::{Agent, Failed};
use crate::settings::{self, Abilities};

const GRANTS: &str = "[security]\ngrants = [\"read,list /workspace\", \"write /workspace ask\"]";

const LOOKS: Rights = Rights::READ.with(Rights::LIST).with(Rights::INSPECT);
const WRITES: Rights = Rights::WRITE.with(Rights::CREATE).with(Rights::INSPECT);

fn talk(text: &str, lines: &[&str]) -> Typist {
    let workspace = Disk::with(&[("tea.txt", "green\n"), ("notes/a.txt", "a\n")]);
    let mut typist = Typist::typing(lines).lending(&workspace);
    let configured = settings::read(text, &Abilities::default()).unwrap();
    Agent::start(&mut typist, Disk::default(), &configured).unwrap().work().unwrap();
    typist
}

/// What was lent, but for what was only tried out at the start.
fn lent(typist: &Typist, tried_count: usize) -> Vec<(&str, Rights)> {
    let lent = typist.lent[tried_count..].iter();
    lent.map(|(place, rights, _)| (place.as_str(), *rights)).collect()
}

#[test]
fn a_grant_has_a_handle_with_its_rights_and_one_that_asks_has_none() {
    let typist = talk(GRANTS, &[]);
    assert_eq!(lent(&typist, 2), [("workspace", LOOKS)]);
    assert_eq!(typist.held(), [("workspace", LOOKS)]);
    let typist = talk("[security]\ngrants = [\"read /workspace/notes\"]", &[]);
    assert_eq!(typist.held(), [("workspace/notes", Rights::READ.with(Rights::INSPECT))]);
}

#[test]
fn an_approval_brings_a_handle_for_one_call() {
    let lines = ["write \"two lemons\" to list.txt", "/approve 1"];
    let typist = talk(GRANTS, &lines);
    assert_eq!(typist.workspace.text("list.txt"), "two lemons", "{}", typist.shown);
    assert_eq!(lent(&typist, 2), [("workspace", LOOKS), ("workspace", WRITES)]);
    assert_eq!(typist.held(), [("workspace", LOOKS)], "it was for that call");
    assert!(typist.shown.contains("its handle is taken back, 1"), "{}", typist.shown);
}

#[test]
fn always_brings_a_handle_that_stays() {
    let lines = ["write \"two lemons\" to notes/list.txt", "/approve 1 always"];
    let typist = talk(GRANTS, &lines);
    let held = typist.held();
    assert_eq!(held, [("workspace", LOOKS), ("workspace/notes", WRITES)], "{}", typist.shown);
}

#[test]
fn what_is_revoked_is_taken_back_and_what_is_granted_is_lent() {
    let typist = talk(GRANTS, &["/revoke h0.0", "read tea.txt"]);
    assert!(typist.held().is_empty());
    assert!(typist.shown.contains("* revoked: 1 grants"), "{}", typist.shown);
    assert!(typist.shown.contains("* h0.0: its handle is taken back, 1"), "{}", typist.shown);
    assert!(!typist.shown.contains("green"), "{}", typist.shown);
    let lines = ["/revoke h0.0", "/grant read /workspace/tea.txt", "read tea.txt", "/grants"];
    let typist = talk(GRANTS, &lines);
    let read = Rights::READ.with(Rights::INSPECT);
    assert_eq!(typist.held(), [("workspace/tea.txt", read)], "that file and no other");
    assert!(typist.shown.contains("green"), "{}", typist.shown);
    assert!(typist.shown.contains("read /workspace/tea.txt  (an operator)"), "{}", typist.shown);
}

/// A file that is to be written is lent as the directory it is in; the grant is for that file all
/// the same.
#[test]
fn a_handle_reaches_no_further_than_its_grant() {
    let grants = "[security]\ngrants = [\"read /workspace/notes/a.txt\"]";
    let typist = talk(grants, &["read notes/a.txt", "read notes/b.txt", "read tea.txt"]);
    assert!(typist.shown.contains("allowed by: read /workspace/notes/a.txt"), "{}", typist.shown);
    assert!(!typist.shown.contains("green"), "{}", typist.shown);
    assert_eq!(typist.notes.borrow().len(), 1, "{}", typist.shown);
    let grants = "[security]\ngrants = [\"write /workspace/notes/a.txt\"]";
    let typist = talk(grants, &["write \"x\" to notes/a.txt", "write \"x\" to notes/b.txt"]);
    assert_eq!(typist.held(), [("workspace/notes", WRITES)]);
    assert_eq!(typist.workspace.text("notes/a.txt"), "x", "{}", typist.shown);
    assert!(!typist.workspace.paths().contains(&"notes/b.txt".to_string()));
}

#[test]
fn a_grant_that_ends_loses_its_handle_when_it_does() {
    let list = Rights::LIST.with(Rights::INSPECT);
    let held = |until: &str| {
        let line = ["/grant list /workspace until ", until].concat();
        let mut typist = Typist { pause: 20_000, ..Typist::typing(&[&line, "/grants"]) };
        let configured = settings::read("[security]\ngrants = []", &Abilities::default()).unwrap();
        Agent::start(&mut typist, Disk::default(), &configured).unwrap().work().unwrap();
        assert!(typist.shown.contains("* granted: h"), "{}", typist.shown);
        assert!(typist.shown.contains("its handle is there"), "{}", typist.shown);
        typist.held().iter().any(|(_, rights)| *rights == list)
    };
    // Somebody types after 20, after 40 and after 60 seconds.
    assert!(held("2025-06-15T15:09:00Z"), "it has not ended");
    assert!(!held("2025-06-15T15:07:10Z"), "it ended after 30 seconds");
}

#[test]
fn a_grant_for_which_nothing_is_lent_is_refused() {
    let mut typist = Typist { lends: Some(LOOKS), ..Typist::typing(&[]) };
    let configured = settings::read(GRANTS, &Abilities::default()).unwrap();
    let started = Agent::start(&mut typist, Disk::default(), &configured).map(drop);
    let Err(Failed::NotLent(grant, error)) = started else { panic!("{started:?}") };
    assert_eq!((grant.as_str(), error), ("write /workspace ask", Error::PeerClosed));

    let lines = ["/grant write /workspace", "/grant run /bin/sh", "/grant nonsense", "/grant"];
    let mut typist = Typist { lends: Some(LOOKS), ..Typist::typing(&lines) };
    let configured =
        settings::read("[security]\ngrants = [\"read /workspace\"]", &Abilities::default())
            .unwrap();
    Agent::start(&mut typist, Disk::default(), &configured).unwrap().work().unwrap();
    for said in [
        "* not done: no handle is lent for it",
        "* not done: no programs are run on this machine",
        "* not done: ",
        "/grant GRANT, like",
    ] {
        assert!(typist.shown.contains(said), "{said}: {}", typist.shown);
    }
    assert_eq!(typist.held().len(), 1);
}
