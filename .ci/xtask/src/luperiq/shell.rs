//! The shell on the serial console, typed at on each machine: both directions of the line, and that
//! what arrives interrupts.

use std::path::Path;

use super::cases::{self, Case};
use super::converse::{Line, converse};
use super::qemu::{Board, Machine, Outcome};
use super::zcu102;
use crate::error::Error;
use crate::workspace::Workspace;

/// Boots each machine once with the manifest that the image brings, and types.
pub(super) fn run(workspace: &Workspace, image: &Path) -> Result<(), Error> {
    let tree = zcu102::tree(workspace)?;
    for (name, board) in [("virt", Board::Virt), ("zcu102", Board::Zcu102(&tree))] {
        let machine = Machine { board, ..Machine::new("") };
        judge(name, "EL1", &converse(workspace, image, &machine, TYPED)?)?;
    }
    Ok(())
}

/// Says how a conversation went.
pub(super) fn judge(name: &str, level: &str, outcome: &Outcome) -> Result<(), Error> {
    if let Some(what) = cases::difference(&CASE, &outcome.output, outcome.status) {
        let text = format!("{}, on {name}: {what}\n{}", CASE.name, outcome.output);
        return Err(Error::new(text));
    }
    println!("   ok      {level}  {name}: {}", CASE.name);
    Ok(())
}

pub(super) const TYPED: &[Line<'_>] = &[
    // Before that the shell shares the console with somebody.
    Line { after: "init: checks ended with 0", text: "\r" },
    Line { after: "> ", text: "nonsense\r" },
    Line { after: "nobody knows that here", text: "list\r" },
    Line { after: "shell\tfile", text: "exit\r" },
];

const CASE: Case = Case {
    name: "the shell answers what is typed at it",
    arguments: std::borrow::Cow::Borrowed(""),
    expected: &[
        "type help",
        "nonsense\nnobody knows that here; type help",
        "list\n",
        "shell\tfile",
        "exit\n",
        "init: shell ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed"],
    status: 0,
};
