//! What `--help` prints, written from the table of commands.
//!
//! # Invariants
//! - Every command is in it, also one that nobody put into a group.

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
    let style = Style::of(&std::io::stdout());
    writeln!(out, "{}: an agent that can do only what a person granted\n", style.bold("sentinel"))?;
    row(out, "sentinel", NAME_COLUMNS, "'run' if a platform is configured, else 'chat'")?;
    let mut rest: Vec<&Command> = all().collect();
    for (heading, words) in GROUPS {
        let is_of = |command: &&Command| {
            command.name.split(' ').next().is_some_and(|first| words.contains(&first))
        };
        let (own, others) = rest.into_iter().partition(is_of);
        rest = others;
        group(out, style, heading, own)?;
    }
    group(out, style, "More", rest)?;
    writeln!(out, "\n{}", style.bold("For all of them"))?;
    switches(out, COMMON)?;
    writeln!(out, "\n{}", style.bold("To begin with"))?;
    for (line, meaning) in EXAMPLES {
        row(out, line, EXAMPLE_COLUMNS, meaning)?;
    }
    out.write_str("\n'sentinel COMMAND --help' says more about a command.\n")
}

/// The commands of a group, a family like `config` on one line.
fn group(
    out: &mut String,
    style: Style,
    heading: &str,
    commands: Vec<&Command>,
) -> std::fmt::Result {
    if commands.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.bold(heading))?;
    for command in commands {
        row(out, &usage(command), NAME_COLUMNS, command.summary)?;
    }
    Ok(())
}

/// What the commands are for, by their first words.
const GROUPS: &[(&str, &[&str])] = &[
    ("Talk", &["chat", "run", "conversations"]),
    ("Set up", &["init", "doctor", "config", "service", "completions", "version"]),
    ("Authority", &["grant", "revoke", "grants", "pair", "approvals", "policy"]),
    ("Audit", &["audit", "state", "log"]),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("sentinel", "look around: the offline model, this directory"),
    ("sentinel init", "give it a model, a chat platform, a directory"),
    ("sentinel chat -m 'read README.md'", "one message, and nothing but its answer"),
    ("sentinel doctor", "something is odd: what, and what to do"),
];

const NAME_COLUMNS: usize = 22;
const EXAMPLE_COLUMNS: usize = 33;
const COLUMNS: usize = 80;

fn one(out: &mut String, command: &Command) -> std::fmt::Result {
    details(out, &format!("sentinel {}: {}", command.name, command.summary))?;
    writeln!(out, "\n  sentinel {}", usage(command))?;
    if !command.details.is_empty() {
        out.write_char('\n')?;
        details(out, command.details.trim())?;
    }
    if !command.options.is_empty() {
        out.write_char('\n')?;
        switches(out, command.options)?;
    }
    out.write_char('\n')?;
    switches(out, COMMON)
}

/// Prose in lines that fit, and examples, which are indented, as they are.
fn details(out: &mut String, text: &str) -> std::fmt::Result {
    let mut column = 0;
    for line in text.lines() {
        if line.is_empty() || line.starts_with(' ') {
            let end = if column > 0 { "\n" } else { "" };
            writeln!(out, "{end}{line}")?;
            column = 0;
            continue;
        }
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > COLUMNS {
                out.write_char('\n')?;
                column = 0;
            } else if column > 0 {
                out.write_char(' ')?;
                column += 1;
            }
            out.write_str(word)?;
            column += length;
        }
    }
    if column > 0 { out.write_char('\n') } else { Ok(()) }
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
        row(out, &name, NAME_COLUMNS, switch.summary)?;
    }
    Ok(())
}

/// A name, and what it means beside it, or beneath it if the name is long; in lines that fit.
fn row(out: &mut String, name: &str, width: usize, summary: &str) -> std::fmt::Result {
    let indent = width + 3;
    let mut column = 2 + name.len();
    write!(out, "  {name}")?;
    if column >= indent {
        out.write_char('\n')?;
        column = 0;
    }
    write!(out, "{:1$}", "", indent - column)?;
    column = indent;
    for (index, word) in summary.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > COLUMNS {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if index > 0 {
            out.write_char(' ')?;
            column += 1;
        }
        out.write_str(word)?;
        column += length;
    }
    out.write_char('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_a_terminal_and_leaves_nothing_out() {
        let whole = about(None);
        for command in all() {
            assert!(whole.contains(&format!("  {}", usage(command))), "{}", command.name);
        }
        for text in all().map(|command| about(Some(command))).chain([whole]) {
            for line in text.lines() {
                let is_example = line.starts_with(' ');
                assert!(is_example || line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }
}
