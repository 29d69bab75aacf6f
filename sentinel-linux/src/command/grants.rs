//! `sentinel grants`, `grant`, `revoke`: what the agent may do.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::agent::OperatorCommand;
use sentinel_core::capability::{Grant, Handle};
use sentinel_core::config::Concern;
use sentinel_core::control::Query;
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use super::shown::{self, JSON, text};
use super::{Arguments, Command};
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "grants",
        operands: "",
        operands_max: 0,
        summary: "what it may do, and where each grant came from",
        details: "\
Each line is a handle, the grant, and where it came from: the settings, an operator's command, or
an answer \"always\" to a question. Rules that forbid begin with 'deny'. While no agent is at work
they are those of its log: what was changed in the configuration since holds from the next start.",
        options: &[JSON],
        run: grants,
    },
    Command {
        name: "grant",
        operands: "GRANT",
        operands_max: 32,
        summary: "let it do something more, or forbid something",
        details: "\
  sentinel grant 'read,list ~/notes'
  sentinel grant 'write /srv/site ask until 2030-01-01'
  sentinel grant 'connect api.example.com uses 10'
  sentinel grant 'deny read /srv/site/.env'

It stays until it is revoked, also over a restart, and is signed in the log. What it could do
besides what was meant is said as 'sentinel config check' says it, and what is dangerous is not made
without --i-know-what-im-doing. It ends with 0 if it was made, and with 1 if it was refused.
docs/POLICY.md has all that a grant can say.",
        options: &[JSON],
        run: grant,
    },
    Command {
        name: "revoke",
        operands: "HANDLE",
        operands_max: 1,
        summary: "take a grant back, and what was derived from it",
        details: "\
'sentinel grants' names the handles: sentinel revoke h3.0
A call that needs the grant and is under way is stopped. A grant of the settings stays revoked as
long as it stands there; take it out of the file as well.",
        options: &[JSON],
        run: revoke,
    },
];

fn grants(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let style = Style::of(&std::io::stdout());
    shown::list(&arguments, Query::Grants, "There are no grants.", |out, grant| {
        let origin = match grant.get("from")?.as_str()? {
            "answer" => format!("answered always in {}", grant.get("conversation")?.as_u64()?),
            "derived" => format!("derived from {}", text(grant, "derived_from")?),
            other => shown::plain(other),
        };
        let mut about = origin;
        if let Some(uses) = grant.find("uses_left") {
            about += &format!(", {} uses left", uses.as_u64()?);
        }
        if let Some(until) = grant.find("until_ms")
            && Timestamp(until.as_u64()?) <= now()
        {
            about += ", has ended";
        }
        let (handle, spec) = (text(grant, "handle")?, text(grant, "grant")?);
        let handle = format!("{handle:6}");
        writeln!(out, "{} {spec:44} {}", style.bold(handle), style.faint(about))?;
        Ok(())
    })
}

fn grant(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    arguments.operand(0, "a grant, like 'read,list ~/notes',")?;
    let mut words = Vec::new();
    for word in &arguments.operands {
        let word = word.to_str().ok_or("the grant is no text")?;
        words.extend(word.split(' ').map(at_home));
    }
    let spec = words.join(" ");
    let mut management = shown::management(&arguments)?;
    let others = management.list(Query::Grants)?;
    // What is no grant at all is said by whoever makes it.
    let concerns = match spec.parse() {
        Ok(grant) => concerns(&arguments, &grant, &others),
        Err(_) => Ok(Vec::new()),
    };
    match concerns {
        Ok(concerns) => {
            for concern in &concerns {
                eprintln!("{}", shown::plain(&concern.to_string()));
            }
            let is_dangerous = concerns.iter().any(|concern| concern.help.is_some());
            if is_dangerous && !arguments.has("i-know-what-im-doing") {
                return Err(DANGEROUS.into());
            }
        }
        Err(why) => eprintln!("note: what it could do was not looked at: {why}"),
    }
    shown::done(&arguments, &management.command(OperatorCommand::Grant(spec))?)
}

const DANGEROUS: &str = "the grant is dangerous (see 'danger' above), so it was not made; change \
                         it, or say --i-know-what-im-doing";

/// What `config check` would say of a grant that was made beside these.
fn concerns(
    arguments: &Arguments,
    grant: &Grant,
    others: &[String],
) -> Result<Vec<Concern>, Box<dyn Error>> {
    let configuration = arguments.harmless_configuration()?;
    let mut grants: Vec<Grant> = Vec::new();
    for other in others {
        grants.push(json::parse(other.as_bytes())?.root().get("grant")?.as_str()?.parse()?);
    }
    Ok(configuration.config.concerns_about(grant, &grants))
}

fn revoke(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let word = arguments.operand(0, "a handle, like h3.0,")?;
    let handle = handle(&word).ok_or_else(|| {
        format!("'{}' is no handle; 'sentinel grants' names them", shown::plain(&word))
    })?;
    shown::command(&arguments, OperatorCommand::Revoke(handle))
}

/// A word of a grant, in which a path in the home directory is written out.
fn at_home(word: &str) -> String {
    match (word.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{}/{rest}", home.trim_end_matches('/')),
        _ => word.to_string(),
    }
}

fn handle(word: &str) -> Option<Handle> {
    let (index, generation) = word.strip_prefix('h')?.split_once('.')?;
    Some(Handle { index: index.parse().ok()?, generation: generation.parse().ok()? })
}

fn now() -> Timestamp {
    crate::clock::Clock::new().now().wall
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_as_they_are_shown() {
        let handle_of = |index, generation| Handle { index, generation };
        assert_eq!(handle(&handle_of(12, 3).to_string()), Some(handle_of(12, 3)));
        for word in ["", "3", "h3", "h.", "h3.x", "H3.0", "h-1.0"] {
            assert_eq!(handle(word), None, "{word}");
        }
    }
}
