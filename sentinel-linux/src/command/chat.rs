//! `sentinel chat`: talking with the agent here.

use std::error::Error;
use std::process::ExitCode;

use super::{Arguments, Command, Switch};
use crate::program::{self, Mode};

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "chat",
    operands: "",
    operands_max: 0,
    summary: "talk with it here; Ctrl-D ends it",
    details: "\
In a terminal you talk with the agent, see what it does and by which grant, and answer its
questions. The arrow up finds what you said before; Alt-Enter, or a backslash at the end of a line,
begins another line of the same message, and what is pasted is one message, sent by Enter.
In a pipe each line is a message:

  echo 'list the files here' | sentinel chat
  sentinel chat -m 'read README.md'      one message, and nothing but its answer

With -m and in a pipe it ends with 0 if everything was answered, and with 1 if not. What an
earlier chat left unanswered is answered first; with -m that stands where errors are shown.",
    options: &[Switch {
        name: "message",
        short: Some('m'),
        value: "TEXT",
        summary: "one message, and nothing but its answer",
    }],
    run: chat,
}];

fn chat(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mode = arguments.text("message")?.map_or(Mode::Chat, Mode::Single);
    program::run(&arguments.options(mode)?)
}
