//! Ways out of sandboxes, in the log.

use super::shell::{Shell, settings};
use super::*;
use crate::egress::{Outcome, Passage, Refusal};
use crate::journal::export::Keys;
use crate::journal::{KeyRing, MasterKey, Reader};

/// The conversations of the records of ways out.
fn recorded(shell: &Shell) -> Vec<u64> {
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&shell.log).unwrap();
    let mut found = Vec::new();
    while let Some(record) = reader.skim(&mut records) {
        if Kind::from_number(record.kind) == Some(Kind::Passage) {
            found.push(record.conversation);
        }
    }
    found
}

/// What a program was let out to is a record of the conversation that it ran for; news about a call
/// that is over change nothing; and a start reads all of it back.
#[test]
fn a_way_out_is_a_record_as_long_as_its_call_goes_on() {
    let mut shell = Shell::new(settings(&["model offline", "read,list /srv/agent"]));
    shell.write("1", "c1", "read README.md");
    let call = shell.calls.last().unwrap().0;
    let passage = |outcome| Passage {
        host: "a.example".into(),
        port: 80,
        request: Some(("GET".into(), "/".into())),
        secrets: Vec::new(),
        outcome,
    };
    let allowed = Outcome::Allowed(Some("93.184.215.14".parse().unwrap()));
    for outcome in [allowed, Outcome::Refused(Refusal::Request)] {
        shell.tell(Event::Passage { call, passage: passage(outcome) });
    }
    assert_eq!(recorded(&shell), [1, 1]);
    shell.give_back("done");
    shell.tell(Event::Passage { call, passage: passage(Outcome::Unreachable) });
    assert_eq!(recorded(&shell), [1, 1]);
    shell.restart();
}
