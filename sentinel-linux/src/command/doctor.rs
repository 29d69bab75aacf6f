//! `sentinel doctor`: whether all is well, and what to do if not.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use super::{Arguments, Command, Switch};
use crate::breakout;
use crate::doctor::{self, Examination, Finding, Verdict};
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "doctor",
    operands: "",
    operands_max: 0,
    summary: "look whether all is well, and say what to do if not",
    details: "\
It looks at the kernel, the clock, the configuration, the state directory and its disk, the
secrets, the audit log and the grants, and asks every model and platform whether it is there and
takes its key. It changes nothing. It ends with 0 if nothing is wrong, with 1 if something is.

  sentinel doctor
  sentinel doctor --offline --json | jq '.checks[] | select(.verdict != \"OK\")'

With --breakout it tries instead to get out of the sandbox that tools run in, in some three hundred
ways. Each is tried without the sandbox too, where it has to succeed: one that cannot proves
nothing, and is not counted. What is dangerous is asked for only so that the kernel says whether it
would do it. It takes some seconds, and ends with 0 if nothing got out.

  sentinel doctor --breakout
  sentinel doctor --breakout --only network --json

With --times it measures how long a program takes that does nothing: without a sandbox, in one as
the agent's calls have it, and in one with nothing made ahead.",
    options: &[
        Switch { name: "json", short: None, value: "", summary: "for programs" },
        Switch { name: "offline", short: None, value: "", summary: "ask nobody else anything" },
        Switch {
            name: "breakout",
            short: None,
            value: "",
            summary: "try to get out of the sandbox, instead",
        },
        Switch {
            name: "only",
            short: None,
            value: "WORD",
            summary: "with --breakout: the attempts of this group, or with this in their names",
        },
        Switch {
            name: "times",
            short: None,
            value: "",
            summary: "measure how long a sandbox takes, instead",
        },
    ],
    run: look,
}];

fn look(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.has("breakout") {
        return break_out(&arguments);
    }
    if arguments.has("times") {
        return time(&arguments);
    }
    if arguments.has("only") {
        return Err("--only belongs to --breakout".into());
    }
    let findings = doctor::examine(&Examination {
        file: arguments.path("config"),
        state: arguments.path("state"),
        is_offline: arguments.has("offline"),
    });
    let mut text = match arguments.has("json") {
        true => doctor::to_json(&findings),
        false => written(&findings),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    io::stdout().write_all(text.as_bytes())?;
    Ok(match doctor::worst(&findings) {
        Verdict::Bad => ExitCode::FAILURE,
        Verdict::Good | Verdict::Warning => ExitCode::SUCCESS,
    })
}

/// Tries to get out of a sandbox.
fn break_out(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let findings = breakout::try_all(&breakout::Options { only: arguments.text("only")? })?;
    let mut text = match arguments.has("json") {
        true => breakout::to_json(&findings),
        false => breakout::written(&findings, Style::of(&io::stdout())),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    io::stdout().write_all(text.as_bytes())?;
    let is_good = breakout::Sum::of(&findings).is_good();
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures what a sandbox takes.
fn time(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let times = doctor::times::measure()?;
    let lines = [
        ("bare", "without a sandbox", times.bare),
        ("call", "in one, as the agent calls it", times.call),
        ("alone", "in one with nothing made ahead", times.alone),
        ("proof", "  of that, trying the walls", times.proof),
    ];
    let is_json = arguments.has("json");
    let line = |(name, what, time): (&str, &str, Duration)| match is_json {
        true => format!("\"{name}_us\":{}", time.as_micros()),
        false => format!("{what:31} {:6.2} ms", time.as_secs_f64() * 1e3),
    };
    let lines = lines.map(line);
    let text = match is_json {
        true => format!("{{{}}}\n", lines.join(",")),
        false => lines.join("\n") + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Where a text begins, behind its verdict and what it is about.
const INDENT: usize = 21;
const COLUMNS: usize = 100;

/// All findings, for people.
fn written(findings: &[Finding]) -> String {
    let style = Style::of(&io::stdout());
    let mut text = String::new();
    for finding in findings {
        let word = format!("{:4}", finding.verdict.name());
        let word = match finding.verdict {
            Verdict::Good => style.good(word),
            Verdict::Warning => style.doubtful(word),
            Verdict::Bad => style.bad(word),
        };
        let what = super::init::wrapped(&finding.what, COLUMNS - INDENT);
        let what = what.replace('\n', &format!("\n{:INDENT$}", ""));
        text.push_str(&format!("{word}  {:14} {what}\n", finding.about));
        if let Some(fix) = &finding.fix {
            let fix = super::init::wrapped(&format!("fix: {fix}"), COLUMNS - INDENT);
            for line in fix.lines() {
                text.push_str(&format!("{:INDENT$}{}\n", "", style.bold(line)));
            }
        }
    }
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    let (bad, odd) = (count(Verdict::Bad), count(Verdict::Warning));
    text.push_str(&match (bad, odd) {
        (0, 0) => "\nAll is well.\n".to_string(),
        (0, odd) => format!("\nIt works; {odd} to look at.\n"),
        (bad, odd) => format!("\n{bad} wrong, {odd} more to look at.\n"),
    });
    text
}
