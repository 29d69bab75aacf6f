//! Guests of open rooms: they come unasked, and what they take leaves room for everybody else.

use alloc::format;
use alloc::vec::Vec;

use super::shell::{Shell, poking, service};
use super::*;
use crate::channel::Part;
use crate::limits::{GUEST_QUESTIONS_MAX, GUESTS_QUESTIONS_MAX};

/// Somebody writes in a thread of the open room. No time passes.
fn speaks(shell: &mut Shell, sender: &str, thread: &str, text: &str) {
    shell.messages += 1;
    let (chat, id) = (format!("hall/{thread}"), format!("{}", shell.messages));
    let parts = Vec::from([Part::Text(text.into())]);
    let mut incoming = shell::incoming(sender, &chat, &id, parts);
    incoming.is_private = false;
    shell.tell(Event::Message(incoming));
}

/// The last model that was asked calls a tool that asks a person. No time passes.
fn pokes(shell: &mut Shell) {
    let exchange = shell.asked.pop().unwrap();
    let mut headers = Headers::new();
    headers.append("content-type", b"application/json").unwrap();
    shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
    shell.tell(Event::ModelBody { exchange, bytes: poking(&["{}"]).as_bytes() });
    shell.tell(Event::ModelEnd { exchange });
}

/// However many threads a guest writes in, and however many guests there are: people are asked as
/// if none were there. Whose a question is outlives a restart.
#[test]
fn questions_of_guests_leave_room_for_those_of_others() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    let waiting = |shell: &Shell| shell.sentinel.questions().count();
    for thread in 0..2 * GUEST_QUESTIONS_MAX {
        speaks(&mut shell, "9", &format!("{thread}"), "go");
        pokes(&mut shell);
    }
    assert_eq!(waiting(&shell), GUEST_QUESTIONS_MAX, "of one guest");
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.restart();
    speaks(&mut shell, "9", "another", "go");
    pokes(&mut shell);
    assert_eq!(waiting(&shell), GUEST_QUESTIONS_MAX, "still");
    for guest in 100..=100 + GUESTS_QUESTIONS_MAX / GUEST_QUESTIONS_MAX {
        for thread in 0..GUEST_QUESTIONS_MAX {
            speaks(&mut shell, &format!("{guest}"), &format!("{guest}-{thread}"), "go");
            pokes(&mut shell);
        }
    }
    assert_eq!(waiting(&shell), GUESTS_QUESTIONS_MAX, "of all guests");
    speaks(&mut shell, "2", "people", "go");
    pokes(&mut shell);
    assert_eq!(waiting(&shell), GUESTS_QUESTIONS_MAX + 1, "of somebody who was let in");
}
