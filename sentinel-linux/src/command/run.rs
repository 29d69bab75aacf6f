//! `sentinel run`: the agent on its platforms. And `sentinel` alone.

use std::error::Error;
use std::process::ExitCode;

use super::{Arguments, Command};
use crate::log;
use crate::program::{self, Mode};

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "run",
    operands: "",
    operands_max: 0,
    summary: "talk with people on the platforms that are configured",
    details: "\
It goes on until SIGTERM or Ctrl-C, and then signs its log; whoever was being answered is told at
the next start. It can be killed at any moment: the next start goes on where it was.",
    options: &[],
    run,
}];

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let options = arguments.options(Mode::Run)?;
    if options.configuration.config.connectors().is_empty() {
        return Err("no platform is configured, so there is nobody to talk with; \
                    'sentinel chat' talks with you here"
            .into());
    }
    program::run(&options)
}

/// What `sentinel` does without being told: what it can.
pub(super) fn usual(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut options = arguments.options(Mode::Chat)?;
    if let Some(message) = arguments.text("message")? {
        options.mode = Mode::Single(message);
    } else if !options.configuration.config.connectors().is_empty() {
        log::info!("{}", options.configuration.found());
        if let Some(next) = options.configuration.next_step() {
            next.lines().for_each(|line| log::info!("{line}"));
        }
        options.mode = Mode::Run;
    }
    program::run(&options)
}
