//! `sentinel persona`: who the agent is told to be, and a change that nobody approved yet.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::agent::OperatorCommand;
use sentinel_core::control::Query;
use sentinel_core::text::json;

use super::shown::{self, JSON, plain};
use super::{Arguments, Command};
use crate::print::{print, println};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "persona show",
        operands: "",
        operands_max: 0,
        summary: "the approved persona's digest, and how the file differs",
        details: "\
An agent whose persona is not the approved one takes no work. Lines that were approved and are gone
begin with '-', lines that nobody approved with '+'.",
        options: &[JSON],
        run: show,
    },
    Command {
        name: "persona accept",
        operands: "[SHA256]",
        operands_max: 1,
        summary: "approve the persona that was seen",
        details: "\
What changed is shown. Without a digest it is the text that is shown here; with one, that text or
none. Write the digest into the configuration as well, as persona_sha256.",
        options: &[JSON],
        run: accept,
    },
];

/// What was seen: its digest, if there is one, and what is shown of it.
struct Seen {
    digest: Option<String>,
    text: String,
}

fn seen(persona: &str) -> Result<Seen, Box<dyn Error>> {
    let document = json::parse(persona.as_bytes())?;
    let root = document.root();
    let mut text = String::new();
    let Some(approved) = root.find("approved") else {
        let text = "There is no persona: the configuration names none.\n".into();
        return Ok(Seen { digest: None, text });
    };
    writeln!(text, "Approved: {}", plain(approved.as_str()?))?;
    let digest = root.find("seen").map(|digest| digest.as_str()).transpose()?;
    match (root.get("is_changed")?.as_bool()?, digest) {
        (false, _) => text.push_str("The file was not seen to be another one.\n"),
        (true, None) => text.push_str("The file cannot be read.\n"),
        (true, Some(digest)) => {
            writeln!(text, "Seen:     {}", plain(digest))?;
            let words = |key| root.find(key).map(|text| text.as_str()).transpose();
            match (words("approved_text")?, words("seen_text")?) {
                (approved, Some(seen)) => differ(&mut text, approved.unwrap_or_default(), seen)?,
                (_, None) => text.push_str("It is too long to be shown; look at the file.\n"),
            }
        }
    }
    Ok(Seen { digest: digest.map(ToString::to_string), text })
}

fn show(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let persona = shown::management(&arguments)?.look(Query::Persona)?;
    match arguments.has("json") {
        true => println!("{persona}"),
        false => print!("{}", seen(&persona)?.text),
    }
    Ok(ExitCode::SUCCESS)
}

fn accept(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut management = shown::management(&arguments)?;
    let Seen { digest, text } = seen(&management.look(Query::Persona)?)?;
    if !arguments.has("json") {
        print!("{text}");
    }
    let digest = digest.ok_or(
        "there is no change to accept; an agent at work looks at the file every few seconds while \
         something happens",
    )?;
    if !arguments.operands.is_empty() && arguments.operand(0, "a digest")? != digest {
        return Err("that is not the digest of what was seen; look again".into());
    }
    let bytes = super::approvals::hexadecimal(&digest).ok_or("the digest cannot be read")?;
    let done = management.command(OperatorCommand::AcceptPersona(bytes))?;
    shown::done(&arguments, &done)
}

/// The lines in which two texts differ, between the first and the last of them.
fn differ(out: &mut String, old: &str, new: &str) -> std::fmt::Result {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let before = old.iter().zip(&new).take_while(same).count();
    let most = old.len().min(new.len()) - before;
    let after = old.iter().rev().zip(new.iter().rev()).take(most).take_while(same).count();
    let changed = |lines: &[&str]| {
        let end = lines.len() - after;
        lines.get(before..end).unwrap_or_default().iter().map(|line| plain(line)).collect()
    };
    let (gone, come): (Vec<String>, Vec<String>) = (changed(&old), changed(&new));
    for (sign, lines) in [('-', gone), ('+', come)] {
        for line in lines {
            writeln!(out, "{sign} {line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(old: &str, new: &str) -> String {
        let mut out = String::new();
        differ(&mut out, old, new).unwrap();
        out
    }

    #[test]
    fn what_changed_is_shown_and_nothing_else() {
        assert_eq!(difference("a\nb\nc", "a\nx\ny\nc"), "- b\n+ x\n+ y\n");
        assert_eq!(difference("", "a"), "+ a\n");
        assert_eq!(difference("a\na", "a"), "- a\n");
        assert_eq!(difference("a", "a"), "");
        assert_eq!(difference("a", "b\x1b[2J"), "- a\n+ b\\u{1b}[2J\n");
    }
}
