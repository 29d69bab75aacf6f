//! `sentinel mcp`: the guarded tools, for an assistant that somebody uses already.

use std::error::Error;
use std::process::ExitCode;

use super::{Arguments, Command, Switch};
use crate::program::{self, Mode};

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "mcp",
    operands: "",
    operands_max: 0,
    summary: "offer the guarded tools to an assistant you use already",
    details: "\
An assistant that speaks the Model Context Protocol starts this and talks with it over standard
input and output. It gets files, commands and fetches, under the grants, questions and log of the
configuration. What it has read elsewhere is not known, so more is asked than in a chat:

  sentinel mcp                            what the assistant is told to start
  sentinel approvals allow 3              an answer to a question, from another terminal

Give it a state directory of its own (--state) where another agent is at work. It ends when the
assistant closes its input.",
    options: &[Switch {
        name: "ask-operator",
        short: None,
        value: "",
        summary: "put questions to 'sentinel approvals' alone, not to the assistant's person",
    }],
    run: mcp,
}];

fn mcp(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let may_ask = !arguments.has("ask-operator");
    program::run(&arguments.options(Mode::Assistant { may_ask })?)
}
