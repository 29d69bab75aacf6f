//! What `--help` prints, written from the table of commands.

use std::fmt::Write as _;

use super::{COMMON, Command, Switch, all};
use crate::style::Style;

/// What is said about a command, or about all of them.
pub(super) fn about(command: Option<&'static Command>) -> String {
    let mut text = String::new();
    // A String takes all that is written to it.
    let _ = match command {
        Some(command) => one(&mut text, command),
        None => every(&mut text),
    };
    text
}

fn every(out: &mut String) -> std::fmt::Result {
    out.write_str(
        "sentinel: an agent that can do only what a person granted\n\n  \
         sentinel                       'run' if a platform is configured, else 'chat'\n",
    )?;
    for command in all() {
        let usage = usage(command);
        row(out, &format!("sentinel {usage}"), 30, command.summary)?;
    }
    out.write_char('\n')?;
    switches(out, COMMON)?;
    out.write_str("\n'sentinel COMMAND --help' says more about a command.\n")
}

fn one(out: &mut String, command: &Command) -> std::fmt::Result {
    let style = Style::of(&std::io::stdout());
    let name = format!("sentinel {}", command.name);
    writeln!(out, "{}: {}\n", style.bold(name), command.summary)?;
    writeln!(out, "  sentinel {}", usage(command))?;
    if !command.details.is_empty() {
        writeln!(out, "\n{}", command.details.trim())?;
    }
    if !command.options.is_empty() {
        out.write_char('\n')?;
        switches(out, command.options)?;
    }
    out.write_char('\n')?;
    switches(out, COMMON)
}

fn usage(command: &Command) -> String {
    let mut usage = command.name.to_string();
    if !command.operands.is_empty() {
        usage.push(' ');
        usage.push_str(command.operands);
    }
    usage
}

fn switches(out: &mut String, switches: &[Switch]) -> std::fmt::Result {
    for switch in switches {
        let short = switch.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
        let value = if switch.value.is_empty() { "" } else { " " };
        let name = format!("{short}--{}{value}{}", switch.name, switch.value);
        row(out, &name, 30, switch.summary)?;
    }
    Ok(())
}

/// A name, and what it means beside it, or beneath it if the name is long.
fn row(out: &mut String, name: &str, width: usize, summary: &str) -> std::fmt::Result {
    if name.len() > width {
        writeln!(out, "  {name}\n  {:width$} {summary}", "")
    } else {
        writeln!(out, "  {name:width$} {summary}")
    }
}
