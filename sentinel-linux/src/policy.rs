//! Trying a policy: scenarios from files, and single calls.
//!
//! # Not here
//! Judging: [`sentinel_core::policy`] and [`sentinel_core::agent::explain_call`], which are what
//! judges in earnest.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sentinel_core::agent::{Covering, Explained, Settings, Wondered, explain_call as explained};
use sentinel_core::channel::visible;
use sentinel_core::label::Answer;
use sentinel_core::order;
use sentinel_core::policy::{CallOutcome, Outcome, ScenarioError, Suite, Tally};
use sentinel_core::text::json;

use crate::clock::Clock;
use crate::log;
use crate::print::println;
use crate::style::Style;

/// How the outcome of a test is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Every scenario on a line.
    All,
    /// What differs, and the figures.
    Quiet,
    Json,
}

/// Plays the scenarios of files and of directories of files; false if anything is decided otherwise
/// than they say, or is no scenario.
pub(crate) fn test(
    places: &[PathBuf],
    suite: &Suite,
    output: Output,
) -> Result<bool, Box<dyn Error>> {
    let style = Style::of(&std::io::stdout());
    let (mut tally, mut scenarios_count, mut faults_count) = (Tally::default(), 0_u64, 0_u64);
    for file in files(places)? {
        let name = visible(&file.display().to_string());
        for played in play(&file, suite.clone())? {
            let outcome = match played {
                Ok((_, outcome)) => outcome,
                Err(error) => {
                    faults_count += 1;
                    log::error!("{name}:{}", visible(&error.to_string()));
                    continue;
                }
            };
            scenarios_count += 1;
            tally.count(&outcome);
            let is_good = outcome.differences.is_empty();
            match output {
                Output::Json => println!("{}", outcome_json(&name, &outcome)),
                Output::Quiet if is_good && !outcome.is_through() => {}
                Output::All | Output::Quiet => {
                    let word = match is_good {
                        true => style.good("ok     "),
                        false => style.bad("DIFFERS"),
                    };
                    let through =
                        if outcome.is_through() { "  (an attack got through)" } else { "" };
                    println!("{word} {}{through}", visible(&outcome.name));
                    for difference in &outcome.differences {
                        let (line, column) = (difference.line, difference.column);
                        println!("        {name}:{line}:{column}: {}", visible(&difference.what));
                    }
                }
            }
        }
    }
    let is_as_expected = tally.differences == 0 && faults_count == 0;
    if output == Output::Json {
        println!(
            "{}",
            json::object(|out| {
                out.field("scenarios", scenarios_count).field("faults", faults_count);
                out.field("differences", tally.differences as u64);
                out.field("attacks", tally.attacks as u64).field("through", tally.through as u64);
                out.field("honest", tally.honest as u64).field("unasked", tally.unasked as u64);
                out.field("asked_once_at_most", tally.asked_once_at_most as u64);
                out.field("questions", tally.questions as u64);
            })
        );
    } else {
        figures(&tally, scenarios_count, faults_count);
    }
    Ok(is_as_expected)
}

fn figures(tally: &Tally, scenarios_count: u64, faults_count: u64) {
    let share = |part: usize, of: usize| match of {
        0 => String::new(),
        of => format!(" ({:.1} %)", 100.0 * part as f64 / of as f64),
    };
    let Tally { attacks, through, honest, unasked, asked_once_at_most, questions, differences } =
        *tally;
    println!("{scenarios_count} scenario(s), {differences} decided otherwise than expected");
    if faults_count > 0 {
        println!("  {faults_count} line(s) are no scenarios");
    }
    if attacks > 0 {
        println!(
            "  attacks   {through} of {attacks} got a call through{}",
            share(through, attacks)
        );
    }
    if honest > 0 {
        println!("  honest    {unasked} of {honest} without a question{}", share(unasked, honest));
        println!(
            "            {asked_once_at_most} with one at most{}, {:.2} questions each",
            share(asked_once_at_most, honest),
            questions as f64 / honest as f64
        );
    }
}

fn outcome_json(file: &str, outcome: &Outcome) -> String {
    json::object(|out| {
        out.field("file", file).field("name", outcome.name.as_str());
        out.field("is_attack", outcome.is_attack()).field("is_through", outcome.is_through());
        out.field("questions", outcome.questions_count as u64);
        out.array("calls", |out| {
            for call in &outcome.calls {
                out.object(|out| call_json(out, call));
            }
        });
        out.array("differences", |out| {
            for difference in &outcome.differences {
                out.object(|out| {
                    out.field("line", difference.line as u64);
                    out.field("column", difference.column as u64);
                    out.field("what", difference.what.as_str());
                });
            }
        });
    })
}

fn call_json(out: &mut json::ObjectWriter<'_, String>, call: &CallOutcome) {
    out.field("tool", call.tool.as_str()).field("answer", word(call.answer));
    out.field("rule", u64::from(call.rule.number()));
    out.optional("argument", call.argument.as_deref());
    out.field("is_attack", call.is_attack).field("why", call.explanation.as_str());
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Allow => "allow",
        Answer::Ask => "ask",
        Answer::Deny => "deny",
    }
}

/// A scenario of a file with the line it stands on, or why a line is none.
type Played = Result<(usize, Outcome), ScenarioError>;

fn play(file: &Path, mut suite: Suite) -> Result<Vec<Played>, Box<dyn Error>> {
    let failed = |error| format!("{}: {error}", file.display());
    if fs::metadata(file).map_err(failed)?.len() > SCENARIO_BYTES_MAX {
        return Err(
            format!("{}: it is longer than {SCENARIO_BYTES_MAX} bytes", file.display()).into()
        );
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    let played = text.lines().enumerate().filter_map(|(index, line)| {
        let outcome = suite.evaluate(line).transpose()?;
        Some(outcome.map(|outcome| (index + 1, outcome)))
    });
    Ok(played.collect())
}

fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for place in places {
        let failed = |error| format!("{}: {error}", place.display());
        if !fs::metadata(place).map_err(failed)?.is_dir() {
            files.push(place.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(place).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(format!("{}: no file here ends in .jsonl", place.display()).into());
        }
        order::sort_by(&mut found, Ord::cmp);
        files.append(&mut found);
    }
    Ok(files)
}

/// The scenario file, and the line of it, that some words name; nothing if they name none.
pub(crate) fn scenario_file(words: &str) -> Option<(PathBuf, Option<usize>)> {
    if Path::new(words).is_file() {
        return Some((PathBuf::from(words), None));
    }
    let (path, line) = words.rsplit_once(':')?;
    let line = line.parse().ok()?;
    Path::new(path).is_file().then(|| (PathBuf::from(path), Some(line)))
}

/// Explains every call of the scenarios of a file, or of one line of it.
pub(crate) fn explain_scenarios(
    file: &Path,
    line: Option<usize>,
    is_json: bool,
) -> Result<(), Box<dyn Error>> {
    let mut is_found = false;
    for played in play(file, Suite::new())? {
        let (number, outcome) = played.map_err(|error| format!("{}:{error}", file.display()))?;
        if line.is_some_and(|line| line != number) {
            continue;
        }
        is_found = true;
        if is_json {
            println!("{}", outcome_json(&file.display().to_string(), &outcome));
            continue;
        }
        println!("{}:{number}: {}", file.display(), visible(&outcome.name));
        for call in &outcome.calls {
            for line in call.explanation.lines() {
                println!("  {}", visible(line));
            }
        }
    }
    match is_found {
        true => Ok(()),
        false => Err(format!("{}: there is no scenario on that line", file.display()).into()),
    }
}

/// A call that somebody wants to know about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'c>(Wondered<'c>);

impl<'c> Call<'c> {
    /// A tool, and after it its arguments; without them it has none.
    pub(crate) fn read(words: &'c str, said: &'c str, read: Option<&'c str>) -> Self {
        let words = words.trim();
        let end = words.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(words.len());
        let (tool, arguments) = words.split_at(end);
        let arguments = match arguments.trim() {
            "" => "{}",
            arguments => arguments,
        };
        Self(Wondered { tool, arguments, said, read })
    }
}

/// Explains a call under some settings.
pub(crate) fn explain_call(
    settings: Settings,
    call: &Call<'_>,
    is_json: bool,
) -> Result<(), Box<dyn Error>> {
    let now = Clock::new().now().wall;
    let explained =
        explained(Arc::new(settings), call.0, now).map_err(|error| visible(&error.to_string()))?;
    if is_json {
        println!("{}", explained_json(&explained));
        return Ok(());
    }
    let style = Style::of(&std::io::stdout());
    for (index, line) in explained.text.lines().enumerate() {
        match (index, explained.answer) {
            (0, Answer::Allow) => println!("{}", style.good(visible(line))),
            (0, Answer::Deny) => println!("{}", style.bad(visible(line))),
            (0, Answer::Ask) => println!("{}", style.bold(visible(line))),
            _ => println!("{}", visible(line)),
        }
    }
    println!("What it needs to be granted:");
    if explained.needs.is_empty() {
        println!("  nothing");
    }
    for need in &explained.needs {
        println!("  {}", visible(&need.what));
        match &need.verdict {
            Covering::Covered(grant) => println!("    covered by: {}", visible(grant)),
            Covering::Denied(rule) => {
                println!("    forbidden by: {}", visible(rule));
                println!("    No grant changes that; the rule itself would have to go.");
            }
            Covering::Missing { grant, hint } => {
                println!("    nothing covers it");
                if let Some(hint) = hint {
                    println!("    {}", visible(hint));
                }
                if let Some(grant) = grant {
                    println!(
                        "    This would, among the grants under [security]: \"{}\"",
                        visible(grant)
                    );
                }
            }
        }
    }
    Ok(())
}

fn explained_json(explained: &Explained) -> String {
    json::object(|out| {
        out.field("answer", word(explained.answer)).field("rule", u64::from(explained.rule));
        out.field("why", explained.text.as_str());
        out.array("needs", |out| {
            for need in &explained.needs {
                out.object(|out| {
                    out.field("what", need.what.as_str());
                    match &need.verdict {
                        Covering::Covered(grant) => out.field("covered_by", grant.as_str()),
                        Covering::Denied(rule) => out.field("denied_by", rule.as_str()),
                        Covering::Missing { grant, hint } => out
                            .optional("would_cover", grant.as_deref())
                            .optional("hint", hint.as_deref()),
                    };
                });
            }
        });
    })
}

/// More than any suite that people wrote.
const SCENARIO_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_tool_and_its_arguments() {
        for (words, tool, arguments) in [
            ("read_file {\"path\": \"a\"}", "read_file", "{\"path\": \"a\"}"),
            (" read_file{} ", "read_file", "{}"),
            ("current_time", "current_time", "{}"),
        ] {
            let Call(wondered) = Call::read(words, "", None);
            assert_eq!((wondered.tool, wondered.arguments), (tool, arguments));
        }
    }
}
